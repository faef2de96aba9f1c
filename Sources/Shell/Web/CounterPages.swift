import Desk
import Foundation
import Hummingbird
import Places
import Site

/// The residents' counter: for anybody, without signing in. What the ward publishes of its shelters, its notices, and a form
/// whose answer tells nothing to anybody.
extension WebServer {
  func addCounterPages(to router: Router<DeskContext>) {
    router.get("/counter") { request, context in try await counter(request, context) }
    router.post("/counter") { request, context in
      let sent = try await sent(request)
      let endpoint = try endpoint("reportOneself", context)
      do {
        _ = try await carryOut(
          endpoint, Controls.json(sent, endpoint.form.fields), row: nil, mark: sent[Once.field]?.first, context)
        return Response.redirect(to: "/counter?sent=1")
      } catch { return try await counter(request, context, sent: sent, fault: APIError.of(error)) }
    }
  }

  private func counter(
    _ request: Request, _ context: DeskContext, sent: [String: [String]] = [:], fault: APIError? = nil
  ) async throws -> Response {
    var frame = frame(request, context)
    let language = frame.language
    let pick = language.pick
    frame.error = fault.map { pick($0.body.ja, $0.body.en) }
    let text = request.uri.queryParameters["q"].map { String($0).trimmingCharacters(in: .whitespaces) } ?? ""
    // The own ward's first, and all of them.
    let own = core.identity.ward.code
    let places =
      text.isEmpty
      ? try await openShelters(of: own)
      : try await shelters(matching: text).sorted {
        ($0[Shelter.ward] == own ? 0 : 1, $0.id) < ($1[Shelter.ward] == own ? 0 : 1, $1.id)
      }
    let notices = try await ask("notices", [:], context)["notices"].list.map { notice -> [String: Any] in
      [
        "title": notice["title"].text ?? "", "body": notice["body"].text ?? "",
        "from": "\(wardName(notice["ward"].text ?? "", language)) \(notice["toldAt"].integer.map(language.time) ?? "")",
      ]
    }
    let words = [
      "where": pick("町名・施設名", "Town or facility"), "find": pick("探す", "Find"), "staff": pick("職員の方", "For staff"),
      "findTitle": pick("避難所を探す", "Find a shelter"), "report": title("reportOneself", language),
      "reportWhy": pick(
        "命の危険があるときは 119 番へ。ここに書いたことは区の職員だけが読みます。",
        "In danger of life, call 119. Only the ward's staff read what you write here."), "send": pick("区に知らせる", "Send"),
    ]
    let shown = places.map { place -> [String: Any] in
      [
        "name": ShelterWords.name(place, language), "ward": wardName(place[Shelter.ward] ?? "", language),
        "address": place[Shelter.address] ?? "",
        "code": place[Shelter.status]?.code ?? "unknown",
        "status": ShelterWords.status(place, language), "crowding": ShelterWords.crowding(place, language),
        "hasCrowding": !ShelterWords.crowding(place, language).isEmpty,
        "crowdingCode": place[Shelter.crowding]?.code ?? "unknown",
      ]
    }
    // One of the doors: the form is the first thing then, with what was chosen in it.
    let door = request.uri.queryParameters["state"].map { String($0) }
    let given = sent.isEmpty ? door.map { ["state": [$0]] } ?? [:] : sent
    let isThanks = request.uri.queryParameters["sent"] == "1"
    return page(
      request,
      frame.render(
        "counter", title: pick("住民の窓口", "The residents' counter"),
        [
          "w": words, "q": text, "isReport": door != nil || fault != nil, "doors": Self.doors(language),
          "shelters": shown, "hasShelters": !shown.isEmpty, "notices": notices,
          "isThanks": isThanks, "isOpenList": text.isEmpty,
          "openList": pick("いま開設している避難所", "Shelters that are open now"), "call": pick("119 に電話する", "Call 119"),
          "thanks": pick(
            "受け付けました。区の職員が読みます。命の危険があるときは 119 番へ。",
            "Received: the ward's staff read it. In danger of life, call 119."),
          "isEmpty": !text.isEmpty && shown.isEmpty,
          "controls": Controls(catalogue["reportOneself"].form.fields, language).values(
            given, wrong: Self.problems(fault, language)),
          "none": pick("見つかりません。別の言葉で探してください。", "Nothing was found: try other words."),
          "why": pick(
            "町名か施設の名前を入れると、避難所の開設と混雑がわかります。",
            "Enter a town or a facility to see whether a shelter is open, and how full."),
        ]), refusal: fault)
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

  /// What somebody comes for, each one press away.
  private static func doors(_ language: Language) -> [[String: Any]] {
    let pick = language.pick
    return [
      ["href": "/counter?state=助けが必要です#report", "label": pick("助けが必要です", "I need help"), "style": "danger"],
      ["href": "/counter?state=無事です#report", "label": pick("無事を知らせる", "I am safe"), "style": ""],
      ["href": "#find", "label": pick("避難所を探す", "Find a shelter"), "style": "quiet"],
    ]
  }
}
