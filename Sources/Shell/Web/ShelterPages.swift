import Causality
import ChangeModel
import Desk
import Foundation
import Hummingbird
import People
import Places
import Site
import Topology

/// A shelter's state in a person's words.
enum ShelterWords {
  /// A name that shows nothing is none.
  static func name(_ shelter: RowValues, _ language: Language) -> String {
    let name = shelter[Shelter.name] ?? ""
    return RecordTable.isSeen(name) ? name : language.pick("(名称なし)", "(no name)")
  }

  static func status(_ shelter: RowValues, _ language: Language) -> String {
    shelter[Shelter.status].map { language.pick($0.rawValue, status($0)) } ?? shelter.text("status") ?? ""
  }

  private static func status(_ status: ShelterStatus) -> String {
    switch status {
    case .notOpen: "not open"
    case .closed: "closed"
    case .open, .permanent, .unknown, .other: status.code
    }
  }

  /// What each way of counting says, where they differ.
  static func count(_ count: HeadCount, _ language: Language) -> String? {
    guard count.differs else { return nil }
    let counter = language.number(count.counter)
    guard let register = count.register.map({ language.number($0) }) else {
      return language.pick("数えた人数 \(counter)", "counted \(counter)")
    }
    return language.pick("数えた人数 \(counter)・名簿 \(register)", "counted \(counter), in the register \(register)")
  }

  static func crowding(_ shelter: RowValues, _ language: Language) -> String {
    shelter[Shelter.crowding].map { crowding($0, language) } ?? shelter.text("crowding") ?? ""
  }

  static func crowding(_ crowding: ShelterCrowding, _ language: Language) -> String {
    let english =
      switch crowding {
      case .free: "space"
      case .congested: "crowded"
      case .full, .unknown: crowding.code
      }
    return language.pick(crowding.rawValue, english)
  }
}

/// The list of shelters: the own ward's first, beside a map of them; several opened at once.
extension WebServer {
  private static let pageRows = 500
  /// Shelters that are opened at one press.
  private static let openedAtOnce = 200

  func addShelterPages(to router: Router<DeskContext>) {
    router.get("/shelters") { request, context in try await shelterList(request, context) }
    router.post("/shelters") { request, context in try await openShelters(request, context) }
    router.get("/shelters/:id") { request, context in try await shelterDesk(request, context) }
  }

  /// - Parameter isOpen: only those that are open.
  func shelters(matching text: String, isOpen: Bool = false) async throws -> [RowValues] {
    try await core.reader.read {
      try ShelterSearch.find(
        statuses: isOpen ? [.open, .permanent] : nil, text: text.isEmpty ? nil : text, limit: 50, $0)
    }
  }

  /// Opens all that were ticked, each as if alone; what could not be opened is told by its name.
  private func openShelters(_ request: Request, _ context: DeskContext) async throws -> Response {
    let sent = try await sent(request)
    try checkForm(sent, context)
    let open = try endpoint("openShelter", context)
    let rows = (sent["row"] ?? []).prefix(Self.openedAtOnce)
    guard !rows.isEmpty else {
      return try await shelterList(
        request, context,
        fault: APIError(.badRequest, "bad-value", ja: "開設する避難所に印を付けてください", en: "tick the shelters to be opened"))
    }
    var (opened, refused) = (0, [String]())
    for row in rows {
      do {
        _ = try await carryOut(
          open, .object([:]), row: row, mark: sent[Once.field]?.first.map { "\($0) \(row)" }, context)
        opened += 1
      } catch {
        let fault = APIError.of(error)
        let language = language(request)
        let id = Int64(row).map(RowID.init(rawValue:))
        let name = try await core.reader.read { db in try id.flatMap { try ShelterSearch.names([$0], db).values.first }
        }
        refused.append("\(name ?? row): \(language.pick(fault.body.ja, fault.body.en))")
      }
    }
    guard refused.isEmpty else {
      let (ja, en) = ("\(opened) か所を開設しました。開設できなかった避難所: ", "\(opened) opened. Not opened: ")
      return try await shelterList(
        request, context,
        fault: APIError(
          .conflict, "refused", ja: ja + refused.joined(separator: "、"), en: en + refused.joined(separator: ", ")))
    }
    let language = language(request)
    let done = done(open, language.pick("\(opened) か所", "\(opened)"), context)
    return .redirect(to: Self.appending(done, to: Self.back(sent["_back"]?.first ?? "/shelters")))
  }

  /// In which order a list stands: what is open before what is not, the nearest or the fullest first.
  private func ordered(
    _ found: [RowValues], _ counts: [RowID: HeadCount], near: Position?
  ) -> [RowValues] {
    func fullness(_ shelter: RowValues) -> Double {
      let people = Double(counts[shelter.id]?.people ?? 0)
      return shelter[Shelter.capacity].map { people / Double(max(1, $0)) } ?? 0
    }
    if let near {
      return found.map { ($0, Self.metres($0, near) ?? .infinity) }.sorted { ($0.1, $0.0.id) < ($1.1, $1.0.id) }.map(
        \.0)
    }
    return found.map { ($0, Shelters.isOpen($0) ? 0 : 1, -fullness($0)) }
      .sorted { ($0.1, $0.2, $0.0.id) < ($1.1, $1.2, $1.0.id) }.map(\.0)
  }

  static func metres(_ shelter: RowValues, _ from: Position) -> Double? {
    Self.position(shelter).map { from.distance(to: $0) }
  }

  static func position(_ shelter: RowValues) -> Position? {
    guard let latitude = shelter[Shelter.latitude], let longitude = shelter[Shelter.longitude] else { return nil }
    return Position(latitude: latitude, longitude: longitude)
  }

  /// `35.6581,139.7017`, as a browser says where it is.
  static func near(_ request: Request) -> Position? {
    let parts = request.uri.queryParameters["near"].map { $0.split(separator: ",").compactMap { Double($0) } } ?? []
    guard parts.count == 2, (-90...90).contains(parts[0]), (-180...180).contains(parts[1]) else { return nil }
    return Position(latitude: parts[0], longitude: parts[1])
  }

  func distance(_ metres: Double?, _ language: Language) -> String {
    guard let metres, metres.isFinite else { return "" }
    return language.pick("直線 \(Self.length(metres))", "\(Self.length(metres)) away")
  }

  static func length(_ metres: Double) -> String {
    metres < 950 ? "\(Int((metres / 50).rounded()) * 50) m" : String(format: "%.1f km", metres / 1_000)
  }

  /// When a shelter last told anything, and how that looks; of one that is not open, nothing.
  func lastReport(_ shelter: RowValues, _ language: Language) -> [String: String] {
    guard Shelters.isOpen(shelter) else { return ["text": "", "style": ""] }
    return age(Shelters.lastTold(shelter).map { max(0, Instant.now().milliseconds &- $0.milliseconds) }, language)
  }

  private func listWords(_ language: Language) -> [String: String] {
    let pick = language.pick
    return [
      "ward": pick("区", "Ward"), "all": pick("すべて", "All"), "status": pick("開設", "Status"),
      "search": pick("名称・住所", "Name or address"),
      "show": pick("表示", "Show"), "none": pick("見つかりません。", "None was found."),
      "shelters": pick("避難所", "Shelters"),
      "name": pick("名称", "Name"), "crowding": pick("混雑", "Crowding"), "people": pick("避難者", "People"),
      "capacity": pick("定員", "Capacity"), "share": pick("充足率", "Full"), "needs": pick("必要な物", "Needs"),
      "address": pick("所在地", "Address"), "heard": pick("最終報告", "Last report"), "away": pick("距離", "Distance"),
      "next": pick("次の\(Self.pageRows)件", "The next \(Self.pageRows)"),
      "tick": pick("選ぶ", "Choose"), "tickAll": pick("表示中の未開設をすべて選ぶ", "Choose all that are shown and not open"),
      "openAll": pick("選んだ避難所を開設", "Open those chosen"),
      "openWhy": pick(
        "印を付けて開設します。Shift を押しながら選ぶと、間もすべて選べます。",
        "Tick and open. With Shift, all between two ticks are chosen."),
      "map": pick("地図", "Map"), "near": pick("近い順", "Nearest first"),
      "importHint": pick(
        "「メニュー」の「避難所一覧を取り込む」で、区の一覧(CSV)を入れられます。",
        "Take in the ward's list (CSV) under Menu, \"Take in a list of shelters\"."),
    ]
  }

  private func shelterList(_ request: Request, _ context: DeskContext, fault: APIError? = nil) async throws -> Response
  {
    var frame = frame(request, context)
    let language = frame.language
    let pick = language.pick
    let own = core.identity.ward.code
    let given = Self.query(request)
    let query = given.compactMapValues { $0.first.flatMap { $0.isEmpty ? nil : $0 } }
    // The own ward's, unless somebody asks for another's or for all.
    let ward = given["ward"] == nil ? own : query["ward"]
    let text = query["q"]
    let status = query["status"].flatMap { code in ShelterStatus.allCases.first { $0.code == code } }
    let statuses = status.map { $0 == .open ? [.open, .permanent] : [$0] }
    let after = query["after"].flatMap { Int64($0) }.map(RowID.init(rawValue:))
    let near = Self.near(request)
    frame.error = fault.map { pick($0.body.ja, $0.body.en) }
    let (found, counts, conflicting) = try await core.reader.read { db in
      let found = try ShelterSearch.find(
        ward: ward, statuses: statuses, text: text, after: after, limit: Self.pageRows, db)
      return (
        found, try HeadCount.of(found.map(\.id), ward: own, db), try Conflicts.rows(of: Shelter.records, db)
      )
    }
    let mayOpen = isAllowed("openShelter", context) && context.user.shelter == nil
    let rows = ordered(found, counts, near: near).map { shelter -> [String: Any] in
      let (people, capacity) = (counts[shelter.id]?.people, shelter[Shelter.capacity])
      let share = people.flatMap { people in capacity.map { $0 > 0 ? people * 100 / $0 : 0 } }
      return [
        "id": "\(shelter.id)", "name": ShelterWords.name(shelter, language),
        "code": shelter[Shelter.status]?.code ?? "unknown",
        "status": ShelterWords.status(shelter, language), "crowding": ShelterWords.crowding(shelter, language),
        "crowdingCode": shelter[Shelter.crowding]?.code ?? "unknown",
        "hasCrowding": Shelters.isOpen(shelter) && shelter.text("crowding") != nil,
        "people": people.map { language.number($0) } ?? "–", "hasCount": counts[shelter.id]?.differs == true,
        "count": counts[shelter.id].flatMap { ShelterWords.count($0, language) } ?? "",
        "capacity": capacity.map { language.number($0) } ?? "–",
        "share": Shelters.isOpen(shelter) ? share.map { "\(language.number($0))%" } ?? "" : "",
        "isOver": (share ?? 0) > 100, "away": near.map { distance(Self.metres(shelter, $0), language) } ?? "",
        "needs": shelter[Shelter.needs].joined(separator: pick("、", ", ")),
        "ward": wardName(shelter[Shelter.ward] ?? "", language), "address": shelter[Shelter.address] ?? "",
        "age": lastReport(shelter, language), "isOpen": Shelters.isOpen(shelter),
        "hasConflict": conflicting.contains(shelter.id),
        "conflictMark": pick("要確認", "to check"),
        "canOpen": mayOpen && shelter[Shelter.ward] == own && !Shelters.isOpen(shelter),
      ]
    }
    var next = query
    next["after"] = found.last.map { "\($0.id)" }
    if ward == nil { next["ward"] = "" }
    let link = next.filter { !["done", "lang", "of", "mark"].contains($0.key) }.sorted { $0.key < $1.key }.map {
      "\($0.key)=\(Self.escaped($0.value))"
    }.joined(separator: "&")
    func choices(_ list: [(String, String)], _ chosen: String?) -> [[String: Any]] {
      list.map { ["value": $0.0, "label": $0.1, "isChosen": $0.0 == chosen] }
    }
    let map = map(of: found, counts, ward: ward, language)
    var list = page(
      request,
      frame.render(
        "shelters", title: pick("避難所", "Shelters"), active: "/shelters",
        [
          "w": listWords(language), "shelters": rows, "isEmpty": rows.isEmpty, "q": text ?? "",
          "back": frame.path, "canOpenAny": rows.contains { $0["canOpen"] as? Bool == true },
          "isOneWard": ward != nil, "isNear": near != nil,
          "map": map ?? [:], "hasMap": map != nil,
          "wards": choices(topology.wards.map { ($0.code, wardName($0.code, language)) }, ward),
          "statuses": choices(
            [("open", pick("開設", "open")), ("notopen", pick("未開設", "not open")), ("close", pick("閉鎖", "closed"))],
            query["status"]),
          "hasNext": found.count == Self.pageRows, "next": "/shelters?\(link)",
          "canImport": [query["ward"], text, query["status"], query["after"]].allSatisfy { $0 == nil },
        ]), refusal: fault)
    list.headers[.account] = frame.account
    return list
  }

  /// Shelters as dots, by how full they are; nil where none has a place.
  func map(
    of shelters: [RowValues], _ counts: [RowID: HeadCount], ward: String?, links: Bool = true, _ language: Language
  ) -> [String: Any]? {
    let dots = shelters.compactMap { shelter -> WardMap.Dot? in
      guard let position = Self.position(shelter) else { return nil }
      let isOpen = Shelters.isOpen(shelter)
      let style = isOpen ? shelter[Shelter.crowding]?.code ?? "open" : "shut"
      let name = ShelterWords.name(shelter, language)
      let words =
        [ShelterWords.status(shelter, language), isOpen ? ShelterWords.crowding(shelter, language) : ""]
        + [
          isOpen
            ? counts[shelter.id].map {
              language.pick("\(language.number($0.people))人", "\(language.number($0.people)) people")
            } ?? "" : ""
        ]
      return WardMap.Dot(
        position: position, style: style, title: "\(name): " + words.filter { !$0.isEmpty }.joined(separator: " · "),
        href: links ? "/shelters/\(shelter.id)" : "#s\(shelter.id)")
    }
    let pick = language.pick
    // What matters most lies on top.
    let order = ["shut": 0, "open": 1, "free": 2, "congestion": 3, "full": 4]
    return maps[language]!.dots(
      dots.sorted { (order[$0.style] ?? 1, $0.href) < (order[$1.style] ?? 1, $1.href) }, ward: ward,
      title: pick("避難所の地図", "Map of the shelters"),
      legend: [
        ("free", pick("空き", "space")), ("congestion", pick("混雑", "crowded")), ("full", pick("定員一杯", "full")),
        ("open", pick("開設(混雑は未報告)", "open, not told how full")), ("shut", pick("未開設", "not open")),
      ], larger: pick("拡大", "Larger"), smaller: pick("縮小", "Smaller"))
  }

  /// How old, in milliseconds, what is known of each ward is; nothing for one of which nothing came.
  func ages() async throws -> [String: Int64] {
    let known = await core.knownUntil()
    let now = Instant.now().milliseconds
    return known.mapValues { max(0, now - $0.milliseconds) }
  }
}
