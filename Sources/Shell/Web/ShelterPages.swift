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
  /// A name that shows nothing is none.
  static func name(_ shelter: RowValues, _ language: Language) -> String {
    let name = shelter[Shelter.name] ?? ""
    let isSeen = name.unicodeScalars.contains { scalar in
      !scalar.properties.isWhitespace && !scalar.properties.isDefaultIgnorableCodePoint
        && scalar.properties.generalCategory != .control
    }
    return isSeen ? name : language.pick("(名称なし)", "(no name)")
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

/// The list of shelters, and the desk of one: counting, checking in, reporting, with or without the node in reach.
extension WebServer {
  private static let pageRows = 500

  func addShelterPages(to router: Router<DeskContext>) {
    router.get("/shelters") { request, context in try await shelterList(request, context) }
    router.get("/shelters/:id") { request, context in try await shelterDesk(request, context) }
  }

  /// - Parameter isOpen: only those that are open.
  func shelters(matching text: String, isOpen: Bool = false) async throws -> [RowValues] {
    try await core.reader.read {
      try ShelterSearch.find(
        statuses: isOpen ? [.open, .permanent] : nil, text: text.isEmpty ? nil : text, limit: 50, $0)
    }
  }

  private func shelterList(_ request: Request, _ context: DeskContext) async throws -> Response {
    let frame = frame(request, context)
    let language = frame.language
    let pick = language.pick
    let query = Self.query(request).compactMapValues { $0.first.flatMap { $0.isEmpty ? nil : $0 } }
    let ward = query["ward"]
    let text = query["q"]
    let status = query["status"].flatMap { code in ShelterStatus.allCases.first { $0.code == code } }
    let statuses = status.map { $0 == .open ? [.open, .permanent] : [$0] }
    let after = query["after"].flatMap { Int64($0) }.map(RowID.init(rawValue:))
    let own = core.identity.ward.code
    let (found, counts, conflicting) = try await core.reader.read { db in
      let found = try ShelterSearch.find(
        ward: ward, statuses: statuses, text: text, after: after, limit: Self.pageRows, db)
      return (
        found, try HeadCount.of(found.map(\.id), ward: own, db), try Conflicts.rows(of: Shelter.records, db)
      )
    }
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
    let ages = try await ages()
    let rows = found.map { shelter -> [String: Any] in
      [
        "id": "\(shelter.id)", "name": ShelterWords.name(shelter, language),
        "code": shelter[Shelter.status]?.code ?? "unknown",
        "status": ShelterWords.status(shelter, language), "crowding": ShelterWords.crowding(shelter, language),
        "crowdingCode": shelter[Shelter.crowding]?.code ?? "unknown",
        "people": counts[shelter.id].map { language.number($0.people) } ?? "–",
        "count": counts[shelter.id].flatMap { ShelterWords.count($0, language) } ?? "",
        "capacity": shelter[Shelter.capacity].map { language.number($0) } ?? "–",
        "needs": shelter[Shelter.needs].joined(separator: pick("、", ", ")),
        "ward": wardName(shelter[Shelter.ward] ?? "", language), "address": shelter[Shelter.address] ?? "",
        "age": age(ages[shelter[Shelter.ward] ?? ""], language), "hasConflict": conflicting.contains(shelter.id),
        "conflictMark": pick("食い違い", "conflict"),
      ]
    }
    var next = query
    next["after"] = found.last.map { "\($0.id)" }
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
          "w": words, "shelters": rows, "isEmpty": rows.isEmpty, "q": text ?? "",
          "wards": choices(topology.wards.map { ($0.code, wardName($0.code, language)) }, ward),
          "statuses": choices(
            [("open", pick("開設", "open")), ("notopen", pick("未開設", "not open")), ("close", pick("閉鎖", "closed"))],
            query["status"]),
          "hasNext": found.count == Self.pageRows, "next": "/shelters?\(link)",
          "canImport": [ward, text, query["status"], query["after"]].allSatisfy { $0 == nil },
        ]))
  }

  // MARK: One shelter

  /// What a family tells first; everything else is under "all the fields".
  private static let quickFields = ["name", "kana", "birth", "homeWard", "address", "party", "needs"]

  private func shelterDesk(_ request: Request, _ context: DeskContext) async throws -> Response {
    guard let text = context.parameters.get("id"), let id = Int64(text) else { throw APIError.notFound("id") }
    let answer = try await ask("shelter", row: text, context)
    let home = core.identity.ward.code
    let (found, count) = try await core.reader.read { db in
      (
        try RowValues.fetch(RowID(rawValue: id), Shelter.records, db),
        try HeadCount.of(RowID(rawValue: id), ward: home, db)
      )
    }
    guard let shelter = found else { throw APIError.notFound("id") }
    let row = "\(shelter.id)"
    let ward = shelter[Shelter.ward] ?? ""
    let frame = frame(request, context)
    let language = frame.language
    let pick = language.pick
    let isOwn = ward == home
    let mayWork = isOwn && isAllowed("checkIn", context) && (context.user.shelter.map { $0.rawValue == id } ?? true)
    let checkIn = catalogue["checkIn"].form.fields.filter { Self.quickFields.contains($0.name) }
    let fields = Self.quickFields.compactMap { name in checkIn.first { $0.name == name } }
    let stock = try await tryAsk("lots", ["shelter": row], context)?["lots"].list ?? []
    let isOpen = Shelters.isOpen(shelter)
    let writes = isOpen ? ["closeShelter"] : []
    let reads = ["stays", "shelterPicture", "shelterReports", "auditOf"]
    let back = "/shelters/\(row)"
    let actions =
      writes.filter { isAllowed($0, context) }.map { name -> [String: Any] in
        let named = catalogue[name].subject == nil ? "shelter=\(row)" : "_row=\(row)"
        return ["href": "/do/\(name)?\(named)&_back=\(back)", "label": title(name, language)]
      }
      + [["href": "/own/shelters/\(row)", "label": title("enterOwnValues", language)]]
      + reads.filter { isAllowed($0, context) }.map {
        ["href": "/list/\($0)?_row=\(row)", "label": title($0, language)]
      }
    // What the desk goes on entering while the node is out of reach.
    let all = try await options(language, context)
    let today = ["day": [JapaneseDay.text(.now())]]
    let forms = ["reportShelter", "requestGoods"].filter { isAllowed($0, context) }.map { id -> [String: Any] in
      let isPlaced = catalogue[id].subject == nil
      return [
        "endpoint": id, "title": title(id, language), "isPlaced": isPlaced,
        "row": isPlaced ? "" : row, "shelter": row,
        "controls": Controls(catalogue[id].form.fields.filter { $0.name != "shelter" }, language, options: all)
          .values(today),
      ]
    }
    let heard = try await ages()[ward]
    // Who stands at the desk is looked up by the card, where a declaration lets the ward do so.
    let declared = try await tryAsk("declarations", [:], context)?["declarations"].list ?? []
    let looksUp = declared.contains { declaration in
      declaration["ward"].text == core.identity.ward.code && declaration["inForce"] == true
        && declaration["purposes"].list.contains(.text(Purpose.safety.rawValue))
    }
    let words = [
      "people": pick("避難者", "People"), "capacity": pick("定員", "Capacity"), "crowding": pick("混雑", "Crowding"),
      "staff": pick("職員", "Staff"), "count": pick("人数", "Head count"), "open": title("openShelter", language),
      "counted": pick("数え直した人数", "Counted anew"),
      "less": pick("一人減らす", "One fewer"), "more": pick("一人増やす", "One more"), "save": pick("記録", "Save"),
      "checkIn": pick("受付", "Check in"), "checkInButton": pick("受付する", "Check in"),
      "card": pick("家族カードを読み取る", "Scan a family's card"), "camera": pick("カメラ", "Camera"),
      "needs": pick("必要な物", "Needs"),
      "enough": pick("足りた", "Enough now"), "needMore": pick("必要な物を加える", "Needs also"), "add": pick("加える", "Add"),
      "stock": pick("この避難所の在庫", "Stock here"), "item": pick("品目", "Item"), "amount": pick("数量", "Amount"),
      "notes": pick("記録", "Notes"),
    ]
    var desk = page(
      request,
      frame.render(
        "desk", title: ShelterWords.name(shelter, language), active: "/shelters",
        [
          "w": words, "id": row, "name": shelter[Shelter.name] ?? "",
          "code": shelter[Shelter.status]?.code ?? "unknown",
          "status": ShelterWords.status(shelter, language), "address": shelter[Shelter.address] ?? "",
          "hasAddress": shelter[Shelter.address] != nil,
          "hasConflict": !answer["conflicts"].list.isEmpty, "conflictMark": pick("食い違い", "conflict"),
          "people": language.number(count.people), "count": ShelterWords.count(count, language) ?? "",
          "counter": count.counter, "register": count.register ?? 0,
          "capacity": shelter[Shelter.capacity].map { language.number($0) } ?? "–",
          "crowding": shelter.text("crowding") == nil ? "–" : ShelterWords.crowding(shelter, language),
          "staff": shelter[Shelter.staff].map { language.number($0) } ?? "–",
          "hasOld": !isOwn || heard ?? 0 >= 60_000,
          "old": heard.map {
            isOwn
              ? pick(
                "この区のほかのノードの情報は\(language.age(milliseconds: $0))のものです",
                "what other nodes of this ward wrote is known as of \(language.age(milliseconds: $0))")
              : pick(
                "\(wardName(ward, language))の情報は\(language.age(milliseconds: $0))のものです",
                "what \(wardName(ward, language)) wrote is known as of \(language.age(milliseconds: $0))")
          } ?? pick("この区からはまだ何も聞いていません", "nothing was heard from this ward yet"),
          "canWork": mayWork, "isOpen": isOpen, "looksUp": looksUp, "purpose": Purpose.safety.rawValue,
          "controls": Controls(fields, language, options: ["ward": wardOptions(language)]).values(),
          "actions": actions, "hasNeeds": !shelter[Shelter.needs].isEmpty,
          "needs": shelter[Shelter.needs].map { ["need": $0] },
          "crowdings": [ShelterCrowding.free, .congested, .full].map {
            ["value": $0.rawValue, "label": ShelterWords.crowding($0, language)]
          },
          "hasStock": !stock.isEmpty, "forms": forms,
          "stock": stock.map {
            ["item": known(all)[$0["item"].text ?? ""] ?? "?", "amount": language.number($0["amount"].integer ?? 0)]
          },
          "hasNotes": !answer["notes"].list.isEmpty,
          "notes": answer["notes"].list.prefix(30).map {
            ["time": $0["time"].integer.map { language.time($0) } ?? "", "text": $0["text"].text ?? ""]
          },
        ]))
    desk.headers[.account] = frame.account
    return desk
  }

  /// How old, in milliseconds, what is known of each ward is; nothing for one of which nothing came.
  func ages() async throws -> [String: Int64] {
    let known = await core.knownUntil()
    let now = Instant.now().milliseconds
    return known.mapValues { max(0, now - $0.milliseconds) }
  }
}
