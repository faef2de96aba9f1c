import Desk
import Foundation
import Hummingbird
import People
import Places
import Site
import Topology

/// The residents' counter: for anybody, without signing in, in the languages of those who live here. What the ward publishes of
/// its shelters, its notices, and a form whose answer tells nothing to anybody.
extension WebServer {
  private static let phrasesCookie = "renkei-say"

  func addCounterPages(to router: Router<DeskContext>) {
    router.get("/counter") { request, context in try await counter(request, context) }
    router.post("/counter") { request, context in
      var sent = try await sent(request)
      let endpoint = try endpoint("reportOneself", context)
      // Who asks for help and is hurt asks for help first of all; that they are hurt goes with it.
      if sent["injured"] != nil {
        sent["message"] = [
          SaidState.injured.rawValue + (sent["message"]?.first.map { $0.isEmpty ? "" : "。\($0)" } ?? "")
        ]
      }
      do {
        let answer = try await carryOut(
          endpoint, Controls.json(sent, endpoint.form.fields), row: nil, mark: sent[Once.field]?.first, context)
        return Response.redirect(to: "/counter?sent=\(Self.escaped(answer["receipt"].text ?? ""))")
      } catch { return try await counter(request, context, sent: sent, fault: APIError.of(error)) }
    }
  }

  /// As somebody chose, else as the pages' language stands, else as the browser says.
  private func phrases(_ request: Request) -> Phrases {
    if let asked = request.uri.queryParameters["say"].flatMap({ Phrases.named(String($0)) }) { return asked }
    if let lang = request.uri.queryParameters["lang"].flatMap({ Phrases.named(String($0)) }) { return lang }
    return request.cookies[Self.phrasesCookie].flatMap { Phrases.named($0.value) }
      ?? request.cookies[Self.languageCookie].flatMap { Phrases.named($0.value) }
      ?? Phrases.accepted(request.headers[.acceptLanguage])
  }

  /// What an address asks of the counter, and nothing that anybody else could have put there.
  private static func receipt(_ request: Request) -> String? {
    request.uri.queryParameters["sent"].map { String($0) }.flatMap { text in
      (1...12).contains(text.count) && text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-") }
        ? text : nil
    }
  }

  private func counter(
    _ request: Request, _ context: DeskContext, sent: [String: [String]] = [:], fault: APIError? = nil
  ) async throws -> Response {
    let phrases = sent["say"]?.first.flatMap { Phrases.named($0) } ?? phrases(request)
    var frame = frame(request, context)
    frame.language = phrases.isJapanese ? .japanese : .english
    frame.tongue = phrases.lang
    let language = frame.language
    let wrong = Self.problems(fault, language)
    frame.error = fault.map { language.pick($0.body.ja, $0.body.en) }
    let text = request.uri.queryParameters["q"].map { String($0).trimmingCharacters(in: .whitespaces) } ?? ""
    let door = Self.door(request, sent)
    let near = Self.near(request)
    let places = try await places(matching: text, near: near)
    let counts = try await core.reader.read { [own = core.identity.ward.code] db in
      try HeadCount.of(places.map(\.id), ward: own, db)
    }
    let map = map(of: places, counts, ward: core.identity.ward.code, links: false, language)
    let notices = try await ask("notices", [:], context)["notices"].list.map { notice -> [String: Any] in
      [
        "title": notice["title"].text ?? "", "body": notice["body"].text ?? "",
        "from": "\(wardName(notice["ward"].text ?? "", language)) \(notice["toldAt"].integer.map(language.time) ?? "")",
      ]
    }
    let shown = places.map { place($0, near, phrases, language) }
    func given(_ name: String) -> String { sent[name]?.first ?? "" }
    let values: [String: Any] = [
      "p": phrases.values, "q": text, "say": phrases.code, "isUnread": !phrases.isRead,
      "languages": Phrases.all.map {
        ["href": "/counter?say=\($0.code)", "lang": $0.lang, "name": $0.tongue, "isChosen": $0.code == phrases.code]
          as [String: Any]
      },
      "receipt": Self.receipt(request).map { [$0] } ?? [], "isReport": door != nil,
      "states": door.map { [["value": $0.rawValue]] } ?? [], "isHelp": door == .help || door == .injured,
      "mustPlace": door != .safe, "mustName": door == .safe, "placeWrong": wrong["place"].map { [$0] } ?? [],
      "nameWrong": wrong["name"].map { [$0] } ?? [],
      "given": ["place", "name", "phone", "birth", "message"].reduce(into: [String: String]()) { $0[$1] = given($1) },
      "doors": [
        ["href": "/counter?state=help", "label": phrases.html("help"), "style": "danger"],
        ["href": "/counter?state=safe", "label": phrases.html("safe"), "style": ""],
        ["href": "#find", "label": phrases.html("find"), "style": "quiet"],
      ], "notices": notices, "shelters": shown, "hasShelters": !shown.isEmpty, "isOpenList": text.isEmpty,
      "isEmpty": !text.isEmpty && shown.isEmpty, "map": map ?? [:], "hasMap": map != nil,
    ]
    let title = door.map { phrases.plain($0 == .safe ? "safe" : "help") } ?? phrases.plain("title")
    var response = page(request, frame.render("counter", title: title, values), refusal: fault)
    if request.uri.queryParameters["say"] != nil {
      response.setCookie(
        Cookie(
          name: Self.phrasesCookie, value: phrases.code, maxAge: 400 * 86_400, path: "/", secure: isSecure,
          httpOnly: true, sameSite: .lax))
    }
    response.headers[.vary] = "Accept-Language"
    return response
  }

  /// Through which door somebody came: the form is the whole page then.
  private static func door(_ request: Request, _ sent: [String: [String]]) -> SaidState? {
    let code = request.uri.queryParameters["state"].map { String($0) } ?? sent["state"]?.first
    return SaidState.allCases.first { $0.code == code || $0.rawValue == code }
  }

  /// The own ward's first, or the nearest.
  private func places(matching text: String, near: Position?) async throws -> [RowValues] {
    let own = core.identity.ward.code
    let found =
      text.isEmpty
      ? try await openShelters(of: own)
      : try await shelters(matching: text).sorted {
        ($0[Shelter.ward] == own ? 0 : 1, $0.id) < ($1[Shelter.ward] == own ? 0 : 1, $1.id)
      }
    guard let near else { return found }
    return found.map { ($0, Self.metres($0, near) ?? .infinity) }.sorted { ($0.1, $0.0.id) < ($1.1, $1.0.id) }.map(\.0)
  }

  private func place(
    _ place: RowValues, _ near: Position?, _ phrases: Phrases, _ language: Language
  ) -> [String: Any] {
    let crowding = place[Shelter.crowding].flatMap { ["free", "congestion", "full"].contains($0.code) ? $0.code : nil }
    let isOpen = Shelters.isOpen(place)
    let english = place[Shelter.englishName].flatMap { $0.isEmpty ? nil : $0 }
    let here = Self.position(place).map { String(format: "/counter?near=%.4f,%.4f#find", $0.latitude, $0.longitude) }
    let phone = place[Shelter.phone] ?? ""
    return [
      "id": "\(place.id)", "name": (phrases.isJapanese ? nil : english) ?? ShelterWords.name(place, language),
      "kana": phrases.code == "easy" ? place[Shelter.kana].map { [$0] } ?? [] : [],
      "ward": wardName(place[Shelter.ward] ?? "", language), "address": place[Shelter.address] ?? "",
      "code": isOpen ? "open" : "notopen", "status": phrases.html(isOpen ? "status.open" : "status.shut"),
      "hasCrowding": isOpen && crowding != nil, "crowding": crowding.map(phrases.html) ?? "",
      "crowdingCode": crowding ?? "", "age": lastReport(place, language),
      "away": near.flatMap { Self.metres(place, $0) }.map { [Self.length($0)] } ?? [],
      "phone": phone.isEmpty ? [] : [phone], "dial": phone.filter { $0.isNumber || $0 == "+" },
      "here": here.map { [$0] } ?? [],
    ]
  }

  /// Shelters shown besides the own ward's.
  private static let neighbours = 30

  /// The own ward's open shelters, then some of others'.
  private func openShelters(of own: String) async throws -> [RowValues] {
    try await core.reader.read { db in
      let ours = try ShelterSearch.find(ward: own, statuses: [.open, .permanent], limit: 1_000, db)
      let others = try ShelterSearch.find(statuses: [.open, .permanent], limit: Self.neighbours, db)
      return ours + others.filter { $0[Shelter.ward] != own }
    }
  }
}
