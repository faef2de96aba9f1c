import Causality
import ChangeModel
import Desk
import Foundation
import Hummingbird
import People
import Places
import Site

/// A shelter's state in a person's words.
enum ShelterWords {
  private static let statuses: [String: (String, String)] = [
    "notopen": ("未開設", "not open"), "open": ("開設", "open"), "close": ("閉鎖", "closed"), "permanent": ("常設", "permanent"),
    "unknown": ("不明", "unknown"), "other": ("その他", "other"),
  ]
  private static let crowdings: [String: (String, String)] = [
    "free": ("空き", "space"), "congestion": ("混雑", "crowded"), "full": ("定員一杯", "full"), "unknown": ("不明", "unknown"),
  ]

  /// A name that shows nothing is none.
  static func name(_ shelter: ShelterView, _ language: Language) -> String {
    let isSeen = shelter.name?.unicodeScalars.contains { scalar in
      !scalar.properties.isWhitespace && !scalar.properties.isDefaultIgnorableCodePoint
        && scalar.properties.generalCategory != .control
    }
    return isSeen == true ? shelter.name! : language.pick("(名称なし)", "(no name)")
  }

  static func status(_ shelter: ShelterView, _ language: Language) -> String {
    shelter.statusCode.flatMap { statuses[$0] }.map { language.pick($0.0, $0.1) } ?? shelter.status ?? ""
  }

  static func crowding(_ shelter: ShelterView, _ language: Language) -> String {
    shelter.crowdingCode.map { crowding($0, language) } ?? shelter.crowding ?? ""
  }

  static func crowding(_ code: String, _ language: Language) -> String {
    crowdings[code].map { language.pick($0.0, $0.1) } ?? code
  }
}

/// The list of shelters, and the desk of one: counting, checking in, reporting, with or without the node in reach.
extension WebServer {
  private static let pageRows = 500

  func addShelterPages(to router: Router<DeskContext>) {
    router.get("/shelters") { request, context in try await shelterList(request, context) }
    router.get("/shelters/:id") { request, context in try await shelterDesk(request, context) }
  }

  /// - Parameter isOpen: only those that are open.
  func shelters(matching text: String, isOpen: Bool = false) async throws -> [ShelterView] {
    var filter = ShelterFilter()
    filter.text = Self.searched(text)
    filter.status = isOpen ? .open : nil
    filter.limit = 50
    let asked = filter
    return try await core.reader.read { try ShelterQueries.list(asked, $0) }
  }

  /// As names are written: whatever width it was typed in.
  private static func searched(_ text: String) -> String? {
    text.isEmpty ? nil : text.precomposedStringWithCompatibilityMapping
  }

  private func shelterList(_ request: Request, _ context: DeskContext) async throws -> Response {
    let frame = frame(request, context)
    let language = frame.language
    let pick = language.pick
    let query = Self.query(request).compactMapValues { $0.first.flatMap { $0.isEmpty ? nil : $0 } }
    var filter = ShelterFilter()
    filter.limit = Self.pageRows
    filter.ward = query["ward"]
    filter.text = query["q"].flatMap { Self.searched($0) }
    filter.status = query["status"].flatMap { ShelterStatus($0) }
    filter.after = query["after"].flatMap { Int64($0) }
    let asked = filter
    let found = try await core.reader.read { try ShelterQueries.list(asked, $0) }
    let words = [
      "ward": pick("区", "Ward"), "all": pick("すべて", "All"), "status": pick("開設", "Status"),
      "search": pick("名称・住所", "Name or address"),
      "show": pick("表示", "Show"), "none": pick("見つかりません。", "None was found."),
      "shelters": pick("避難所", "Shelters"),
      "name": pick("名称", "Name"), "crowding": pick("混雑", "Crowding"), "people": pick("避難者", "People"),
      "capacity": pick("定員", "Capacity"), "needs": pick("必要な物", "Needs"), "address": pick("所在地", "Address"),
      "heard": pick("いつの情報", "As of"),
      "next": pick("次の\(Self.pageRows)件", "The next \(Self.pageRows)"),
      "importHint": pick(
        "「その他」の「避難所一覧を取り込む」で、区の一覧(CSV)を入れられます。",
        "Take in the ward's list (CSV) under More, \"Take in a list of shelters\"."),
    ]
    let ages = try await lastHeard()
    let rows = found.map { shelter -> [String: Any] in
      [
        "id": shelter.id, "name": ShelterWords.name(shelter, language), "code": shelter.statusCode ?? "unknown",
        "status": ShelterWords.status(shelter, language), "crowding": ShelterWords.crowding(shelter, language),
        "people": language.number(Int64(shelter.occupancy)),
        "capacity": shelter.capacity.map { language.number(Int64($0)) } ?? "–",
        "needs": shelter.needs.joined(separator: pick("、", ", ")), "ward": wardName(shelter.ward ?? "", language),
        "address": shelter.address ?? "", "age": age(ages[shelter.ward ?? ""], language),
        "hasConflict": !shelter.conflicts.isEmpty,
        "conflictMark": pick("食い違い", "conflict"),
      ]
    }
    var next = query
    next["after"] = found.last?.id
    let link = next.filter { $0.key != "done" && $0.key != "lang" }.sorted { $0.key < $1.key }.map {
      "\($0.key)=\(Self.escaped($0.value))"
    }.joined(separator: "&")
    func choices(_ list: [(String, String)], _ chosen: String?) -> [[String: Any]] {
      list.map { ["value": $0.0, "label": $0.1, "isChosen": $0.0 == chosen] }
    }
    return page(
      request,
      frame.render(
        "shelters", title: pick("避難所", "Shelters"), active: "/shelters",
        [
          "w": words, "shelters": rows, "isEmpty": rows.isEmpty, "q": filter.text ?? "",
          "wards": choices(topology.wards.map { ($0.code, wardName($0.code, language)) }, filter.ward),
          "statuses": choices(
            [("open", pick("開設", "open")), ("notopen", pick("未開設", "not open")), ("close", pick("閉鎖", "closed"))],
            query["status"]),
          "hasNext": found.count == Self.pageRows, "next": "/shelters?\(link)",
          "canImport": filter == ShelterFilter(pageOf: Self.pageRows),
        ]))
  }

  // MARK: One shelter

  /// What a family tells first; everything else is under "all the fields".
  private static let quickFields = ["name", "kana", "birth", "homeWard", "address", "party", "needs"]

  private func shelterDesk(_ request: Request, _ context: DeskContext) async throws -> Response {
    guard let text = context.parameters.get("id"), let id = Int64(text) else { throw APIError.notFound("id") }
    guard let shelter = try await core.reader.read({ try ShelterQueries.one(id, $0) }) else {
      throw APIError.notFound("id")
    }
    let frame = frame(request, context)
    let language = frame.language
    let pick = language.pick
    let isOwn = shelter.ward == core.identity.ward.code
    let mayWork = isOwn && isAllowed("checkIn", context) && (context.user.shelter.map { $0.rawValue == id } ?? true)
    let checkIn = catalogue["checkIn"].form.fields.filter { Self.quickFields.contains($0.name) }
    let fields = Self.quickFields.compactMap { name in checkIn.first { $0.name == name } }
    let stock = try await tryAsk("lots", ["shelter": shelter.id], context)?["lots"].list ?? []
    let isOpen = ["open", "permanent"].contains(shelter.statusCode)
    let writes = isOpen ? ["closeShelter"] : []
    let reads = ["stays", "shelterPicture", "shelterReports", "auditOf"]
    let back = "/shelters/\(shelter.id)"
    let actions =
      writes.filter { isAllowed($0, context) }.map { name -> [String: Any] in
        let row = catalogue[name].subject == nil ? "shelter=\(shelter.id)" : "_row=\(shelter.id)"
        return ["href": "/do/\(name)?\(row)&_back=\(back)", "label": Titles.title(name, language)]
      }
      + [["href": "/own/shelters/\(shelter.id)", "label": Titles.title("enterOwnValues", language)]]
      + reads.filter { isAllowed($0, context) }.map {
        ["href": "/list/\($0)?_row=\(shelter.id)", "label": Titles.title($0, language)]
      }
    // What the desk goes on entering while the node is out of reach.
    let all = try await options(language, context)
    let today = ["day": [JapaneseDay.text(.now())]]
    let forms = [("reportShelter", "/shelters/\(shelter.id)/reports"), ("requestGoods", "/requests")].filter {
      isAllowed($0.0, context)
    }.map { id, url -> [String: Any] in
      let isPlaced = catalogue[id].subject == nil
      return [
        "endpoint": id, "url": "/api/v1" + url, "title": Titles.title(id, language), "isPlaced": isPlaced,
        "row": isPlaced ? "" : shelter.id, "shelter": shelter.id,
        "controls": Controls(catalogue[id].form.fields.filter { $0.name != "shelter" }, language, options: all)
          .values(today),
      ]
    }
    let heard = try await lastHeard()[shelter.ward ?? ""]
    // Who stands at the desk is looked up by the card, where a declaration lets the ward do so.
    let declared = try await tryAsk("declarations", [:], context)?["declarations"].list ?? []
    let looksUp = declared.contains { declaration in
      declaration["ward"].text == core.identity.ward.code && declaration["inForce"] == true
        && declaration["purposes"].list.contains(.text(Purpose.safety.rawValue))
    }
    let words = [
      "people": pick("避難者", "People"), "capacity": pick("定員", "Capacity"), "crowding": pick("混雑", "Crowding"),
      "staff": pick("職員", "Staff"), "count": pick("人数", "Head count"), "open": Titles.title("openShelter", language),
      "counted": pick("数え直した人数", "Counted anew"),
      "less": pick("一人減らす", "One fewer"), "more": pick("一人増やす", "One more"), "save": pick("記録", "Save"),
      "checkIn": pick("受付", "Check in"), "checkInButton": pick("受付する", "Check in"),
      "card": pick("家族カードを読み取る", "Scan a family's card"), "camera": pick("カメラ", "Camera"),
      "needs": pick("必要な物", "Needs"),
      "enough": pick("足りた", "Enough now"), "needMore": pick("必要な物を加える", "Needs also"), "add": pick("加える", "Add"),
      "stock": pick("この避難所の在庫", "Stock here"), "item": pick("品目", "Item"), "amount": pick("数量", "Amount"),
      "notes": pick("記録", "Notes"),
    ]
    return page(
      request,
      frame.render(
        "desk", title: ShelterWords.name(shelter, language), active: "/shelters",
        [
          "w": words, "id": shelter.id, "name": shelter.name ?? "", "code": shelter.statusCode ?? "unknown",
          "status": ShelterWords.status(shelter, language), "address": shelter.address ?? "",
          "hasAddress": shelter.address?.isEmpty == false,
          "hasConflict": !shelter.conflicts.isEmpty, "conflictMark": pick("食い違い", "conflict"),
          "people": language.number(Int64(shelter.occupancy)),
          "capacity": shelter.capacity.map { language.number(Int64($0)) } ?? "–",
          "crowding": shelter.crowding == nil ? "–" : ShelterWords.crowding(shelter, language),
          "staff": shelter.staff.map { language.number(Int64($0)) } ?? "–",
          "hasOld": !isOwn,
          "old": heard.map {
            pick(
              "\(wardName(shelter.ward ?? "", language))から最後に聞いたのは\(language.age(milliseconds: $0))",
              "\(wardName(shelter.ward ?? "", language)) was last heard \(language.age(milliseconds: $0))")
          } ?? pick("この区からはまだ何も聞いていません", "nothing was heard from this ward yet"),
          "canWork": mayWork, "isOpen": isOpen, "looksUp": looksUp, "purpose": Purpose.safety.rawValue,
          "controls": Controls(fields, language, options: ["ward": wardOptions(language)]).values(),
          "actions": actions, "hasNeeds": !shelter.needs.isEmpty, "needs": shelter.needs.map { ["need": $0] },
          "crowdings": [ShelterCrowding.free, .congested, .full].map {
            ["value": $0.rawValue, "label": pick($0.rawValue, ShelterWords.crowding($0.code, language))]
          },
          "hasStock": !stock.isEmpty, "forms": forms,
          "stock": stock.map {
            ["item": known(all)[$0["item"].text ?? ""] ?? "?", "amount": language.number($0["amount"].integer ?? 0)]
          },
          "hasNotes": shelter.notes?.isEmpty == false,
          "notes": (shelter.notes ?? []).prefix(30).map { ["time": language.time($0.time), "text": $0.text] },
        ]))
  }

  /// How long ago, in milliseconds, any node of each ward was heard: 0 for the own ward, nothing for one never heard.
  func lastHeard() async throws -> [String: Int64] {
    let now = Instant.now().milliseconds
    var ages = [core.identity.ward.code: Int64(0)]
    for peer in try await core.peerReports() {
      guard let age = peer.state == "up" ? 0 : peer.lastHeard.map({ max(0, now - $0) }) else { continue }
      ages[peer.ward] = min(ages[peer.ward] ?? .max, age)
    }
    return ages
  }
}

extension ShelterFilter {
  fileprivate init(pageOf limit: Int) {
    self.init()
    self.limit = limit
  }
}
