import Causality
import ChangeModel
import Desk
import Foundation
import GRDB
import Goods
import Hummingbird
import NodeService
import Office
import People
import Places
import Site

/// The board on a headquarters' wall: big figures, the fullest shelters, what happened last; in turn with the map of the wards.
/// Nobody works at it: it is read with a key of its own that can do nothing else, kept by the display alone.
extension WebServer {
  private static let displayCookie = "renkei-display"
  private static let (shownShelters, shownEvents) = (9, 11)
  /// How long each of the two views stands.
  private static let seconds = 20

  func addBoard(to router: Router<DeskContext>) {
    router.get("/board") { request, context in
      guard let viewer = try await viewer(request, context) else { return boardKey(request, context) }
      return try await board(request, viewer)
    }
    router.post("/board") { request, context in
      let key = try await sent(request)["key"]?.first ?? ""
      guard try await display(key) != nil else {
        return boardKey(
          request, context,
          APIError(
            .unauthorized, "bad-key", field: "key", ja: "表示用の鍵ではないか、期限が切れています(閲覧のみの鍵を作ってください)",
            en: "not a display's key, or it has ended: make a token that only reads"))
      }
      var response = Response.redirect(to: "/board")
      response.setCookie(
        Cookie(
          name: Self.displayCookie, value: key, maxAge: 400 * 86_400, path: "/board", secure: isSecure, httpOnly: true,
          sameSite: .strict))
      return response
    }
  }

  /// A display's token: one that only reads, so that what lies in a display writes nothing.
  private func display(_ key: String) async throws -> Principal? {
    let ward = core.identity.certificate.node.ward
    return try await core.reader.read { try Token.find(key, ward: ward, at: .now(), $0) }.flatMap {
      $0.isReadOnly ? Principal(user: $0.user, row: $0.id, isReadOnly: true) : nil
    }
  }

  /// Whoever is signed in, or the display.
  private func viewer(_ request: Request, _ context: DeskContext) async throws -> DeskContext? {
    var context = context
    if let principal = try await principals.of(request, isUsed: false) {
      context.principal = principal
    } else {
      guard let key = request.cookies[Self.displayCookie]?.value, let principal = try await display(key) else {
        return nil
      }
      context.principal = principal
    }
    return context
  }

  private func boardKey(_ request: Request, _ context: DeskContext, _ fault: APIError? = nil) -> Response {
    var frame = frame(request, context)
    let pick = frame.language.pick
    frame.error = fault.map { pick($0.body.ja, $0.body.en) }
    return page(
      request,
      frame.render(
        "boardkey", title: pick("表示盤", "Wall board"),
        [
          "why": pick(
            "本部の壁に映す画面です。メニューの「機器の鍵を作る」で作った、閲覧のみの鍵を入れます。この端末だけが覚えます。",
            "The screen for the headquarters' wall. Enter a token that only reads, made under \"Make a device token\"; this device alone keeps it."
          ),
          "label": pick("表示用の鍵", "The display's key"), "button": pick("表示する", "Show"),
        ]), refusal: fault)
  }

  private func board(_ request: Request, _ context: DeskContext) async throws -> Response {
    let language = language(request)
    let pick = language.pick
    let own = core.identity.ward.code
    let isMap = request.uri.queryParameters["view"] == "map"
    let isHeld = request.uri.queryParameters["hold"] != nil
    let next = isMap ? "/board" : "/board?view=map"
    let now = Instant.now()
    let status = try await core.status(withDigest: false, running: true)
    let disaster = try await ask("disasters", [:], context)["disasters"].list.first { $0["endedAt"] == .null }
    let (open, counts, total, calls, events) = try await core.reader.read {
      [index = core.identity.certificate.node.ward] db in
      let open = try ShelterSearch.find(ward: own, statuses: [.open, .permanent], limit: 1_000, db)
      return (
        open, try HeadCount.of(open.map(\.id), ward: own, db),
        try HeadCount.totals(ward: own, db).first { $0.ward == own },
        try ResidentCounter.calls(db, ward: index), try chronicle(language, db)
      )
    }
    let short = try await ask("stockOutlook", [:], context)["lines"].list.filter {
      $0["ward"].text == own && $0["surplus"].integer ?? 0 < 0
    }.count
    func share(_ shelter: RowValues) -> Double {
      Double(counts[shelter.id]?.people ?? 0) / Double(max(1, shelter[Shelter.capacity] ?? .max))
    }
    let fullest = open.sorted { (share($0), $1.id) > (share($1), $0.id) }
    let figures: [(String, Int, Bool)] = [
      (pick("避難者", "Evacuees"), total?.people ?? 0, false),
      (pick("開設中の避難所", "Open shelters"), total?.open ?? 0, false),
      (pick("救助・支援の要請", "Calls for help"), calls.waiting + calls.admitted, calls.waiting > 0),
      (pick("不足の品目", "Items short"), short, short > 0),
    ]
    let quake = disaster?["quakeAt"].integer
    let values: [String: Any] = [
      "lang": language.rawValue, "title": pick("表示盤", "Wall board"), "ward": wardName(own, language),
      "isDrill": status.drill, "drill": pick("訓練", "DRILL"),
      "phase": disaster?["name"].text ?? pick("平常時", "Ordinary times"),
      "elapsed": quake.map { [elapsed(now.milliseconds &- $0, language)] } ?? [],
      "now": String(language.time(now.milliseconds).suffix(5)),
      "isMap": isMap,
      "control": [
        "href": isHeld ? next : "/board?\(isMap ? "view=map&" : "")hold=1",
        "label": isHeld ? pick("自動で替える", "Go on") : pick("止める", "Hold"),
      ],
      "alarm": status.problems.filter { $0.level == .broken }.prefix(1).map { pick($0.sentence.ja, $0.sentence.en) },
      "figures": figures.map {
        ["label": $0.0, "value": language.number(Int64($0.1)), "isAlert": $0.2] as [String: Any]
      },
      "isEmpty": open.isEmpty,
      "shelters": fullest.prefix(Self.shownShelters).map { shelter -> [String: Any] in
        let people = counts[shelter.id]?.people ?? 0
        let capacity = shelter[Shelter.capacity]
        return [
          "name": ShelterWords.name(shelter, language),
          "people": language.number(people) + (capacity.map { " / \(language.number($0))" } ?? ""),
          "isOver": capacity.map { people > $0 } ?? false, "hasCrowding": shelter.text("crowding") != nil,
          "crowding": ShelterWords.crowding(shelter, language),
          "crowdingCode": shelter[Shelter.crowding]?.code ?? "unknown",
          "age": lastReport(shelter, language),
        ]
      },
      "more": open.count > Self.shownShelters
        ? [pick("ほかに \(open.count - Self.shownShelters) か所", "and \(open.count - Self.shownShelters) more")] : [],
      "events": events.map { ["time": String(language.time($0.at).suffix(5)), "text": $0.text] },
      "map": isMap ? try await wardMap(status, language, context) : [:],
      "w": [
        "shelters": pick("混んでいる避難所", "The fullest shelters"), "none": pick("開設中の避難所はありません。", "No shelter is open."),
        "name": pick("名称", "Name"), "people": pick("避難者 / 定員", "People / capacity"), "crowding": pick("混雑", "Crowding"),
        "heard": pick("最終報告", "Last report"), "chronicle": pick("できごと", "What happened"),
      ],
    ]
    var response = page(request, Templates.page("board", values))
    // By a header: whoever reads slowly, or by voice, can hold it (WCAG 2.2, 2.2.2).
    if !isHeld { response.headers[.goesOn] = "\(Self.seconds); url=\(next)" }
    return response
  }

  /// What the ward did last, newest first: shelters opened and closed, goods asked for, notices told. Nothing of people.
  private func chronicle(_ language: Language, _ db: Database) throws -> [(at: Int64, text: String)] {
    let pick = language.pick
    let own = core.identity.ward.code
    let limit = Self.shownEvents
    var events: [(at: Int64, text: String)] = []
    func add(_ at: Instant?, _ ja: String, _ en: String) {
      if let at { events.append((at.milliseconds, pick(ja, en))) }
    }
    for (column, field, ja, en) in [
      ("opened_at", Shelter.openedAt, "を開設", "opened"), ("closed_at", Shelter.closedAt, "を閉鎖", "closed"),
    ] {
      for row in try RowValues.all(
        Shelter.records, "WHERE ward = ? AND \(column) IS NOT NULL ORDER BY \(column) DESC LIMIT \(limit)", [own], db)
      {
        let name = ShelterWords.name(row, language)
        add(row[field], name + ja, "\(name) \(en)")
      }
    }
    for row in try RowValues.all(
      GoodsRequest.records, "WHERE ward = ? AND asked_at IS NOT NULL ORDER BY asked_at DESC LIMIT \(limit)", [own], db)
    {
      let item =
        try row[GoodsRequest.item].flatMap { try RowValues.fetch($0, Item.records, db) }.map {
          Item.records.title(of: $0)
        } ?? "?"
      let count = language.number(row[GoodsRequest.quantity] ?? 0)
      add(row[GoodsRequest.askedAt], "\(item) \(count) を要請", "asked for \(count) \(item)")
    }
    for row in try RowValues.all(
      Notice.records, "WHERE ward = ? AND told_at IS NOT NULL ORDER BY told_at DESC LIMIT \(limit)", [own], db)
    {
      add(row[Notice.toldAt], "お知らせ: \(row[Notice.title] ?? "")", "told: \(row[Notice.title] ?? "")")
    }
    return events.sorted { $0.at > $1.at }.prefix(limit).map(\.self)
  }
}
