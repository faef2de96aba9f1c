import Catalogue
import Causality
import ChangeModel
import Desk
import Foundation
import Hummingbird
import NodeService
import Places
import Replica
import Site

/// Two people wrote different things without knowing of each other: both values, who and when, and one click to choose; a
/// merged value; the choice taken back.
extension WebServer {
  func addConflictPages(to router: Router<DeskContext>) {
    router.get("/conflicts") { request, context in try await conflicts(request, context) }
    router.post("/conflicts") { request, context in try await settle(request, context) }
  }

  private func settle(_ request: Request, _ context: DeskContext) async throws -> Response {
    let sent = try await sent(request)
    try checkForm(sent, context)
    let field = sent["field"]?.first ?? ""
    if field.isEmpty {
      guard sent["collection"]?.first == "shelters", let row = sent["row"]?.first.flatMap({ Int64($0) }) else {
        throw APIError.badValue("collection", ja: "この表の食い違いは、その記録を変えて解きます", en: "settle it by changing the record")
      }
      guard Self.mayKeep(context) else {
        throw APIError(.forbidden, "forbidden", ja: "この役割ではできません", en: "not for your roles")
      }
      try context.user.mustWork(at: RowID(rawValue: row))
      try await keep(RowID(rawValue: row))
      return .redirect(to: "/conflicts")
    }
    let endpoint = try endpoint("settleConflict", context)
    if let now = sent["now"]?.first, let schema = NodeSchema.current.collection(named: sent["collection"]?.first ?? ""),
      let row = sent["row"]?.first.flatMap({ Int64($0) }),
      try await standing(RowID(rawValue: row), field, schema) != now
    {
      throw APIError(
        .conflict, "changed", field: "value", ja: "その後に変わっています。いまの値を見て決めてください",
        en: "it has changed since: look at what it is now")
    }
    _ = try await carryOut(endpoint, Controls.json(sent, endpoint.form.fields), row: nil, context)
    let back = Self.back(sent["_back"]?.first ?? "/conflicts")
    guard let was = sent["was"]?.first else { return .redirect(to: back) }
    // What was shown before comes back by one more click.
    let query = [
      ("collection", sent["collection"]?.first ?? ""), ("row", sent["row"]?.first ?? ""), ("field", field),
      ("was", was), ("now", sent["value"]?.first ?? ""),
    ]
    .map { "\($0)=\(Self.escaped($1))" }
    return .redirect(to: Self.appending("done=settleConflict&" + query.joined(separator: "&"), to: back))
  }

  private static func mayKeep(_ context: DeskContext) -> Bool {
    Gate.ownRoutes["POST /api/v1/shelters/{id}/keep"]!.admits(context.user.roles)
  }

  /// A field of a row as people call it, and how its values read.
  struct Named {
    var title: String
    var field: String
    var text: (Value) -> String
  }

  func named(
    _ collection: String, _ row: String, _ field: String, _ names: [String: String], _ language: Language
  ) async throws -> Named {
    let schema = NodeSchema.current.collection(named: collection)
    let known = schema?.field(named: field)
    let column = Column.field(field)
    let (labels, pick) = (labels, language.pick)
    let title = try await title(of: row, schema, names, language)
    return Named(
      title: title, field: known.map { pick($0.japanese, $0.english) } ?? pick("削除と変更", "deleted and changed")
    ) { value in
      let read: JSON =
        switch value {
        case .null: .null
        case .integer(let number): known?.isRow == true ? .text("\(number)") : .integer(number)
        case .real(let number): .real(number)
        case .text(let text): .text(text)
        case .bytes(let bytes): .text("\(bytes.count) B")
        }
      let text = labels.text(column, read, language, known: names)
      return text.isEmpty ? pick("(空)", "(empty)") : text
    }
  }

  func isOurs(_ row: RowID, _ field: FieldSchema?, _ collection: CollectionSchema?) async throws -> Bool {
    guard let collection, let values = try await core.reader.read({ try RowValues.fetch(row, collection, $0) }) else {
      return false
    }
    return Conflicts.isOurs(values, field, core.identity)
  }

  private func title(
    of row: String, _ collection: CollectionSchema?, _ names: [String: String], _ language: Language
  ) async throws -> String {
    guard let collection, let id = Int64(row) else { return row }
    let kind = Titles.collection(collection.name, language)
    let values = try await core.reader.read { try RowValues.fetch(RowID(rawValue: id), collection, $0) }
    let name = values.flatMap { values in
      ["name", "title", "label_ja"].lazy.compactMap { collection.field(named: $0) == nil ? nil : values.text($0) }.first
        ?? ["item", "shelter"].compactMap {
          collection.field(named: $0) == nil ? nil : values.row($0).flatMap { names["\($0)"] }
        }.joined(separator: " → ")
    }
    return "\(kind) \(name ?? row)"
  }

  private static func value(_ text: String?, _ field: FieldSchema?) -> Value {
    guard let text else { return .null }
    switch field?.type {
    case .integer: return Int64(text).map { .integer($0) } ?? .text(text)
    case .real: return Double(text).map { .real($0) } ?? .text(text)
    default: return .text(text)
    }
  }

  /// The ward, and who sat at its desk, as far as the change says so.
  func author(_ value: ConflictView, _ language: Language) async throws -> String {
    guard let author = AuthorNumber(rawValue: UInt32(truncatingIfNeeded: value.author)),
      let lane = NodeSchema.current.collection(named: value.collection)?.lane
    else { return "?" }
    let dot = Dot(author, SequenceNumber(truncatingIfNeeded: value.sequence))
    return try await self.author(dot, lane, at: value.time, language)
  }

  func author(_ dot: Dot, _ lane: Lane, at time: Int64, _ language: Language) async throws -> String {
    let user = try await core.reader.read { try AuditTrail.user(of: dot, in: lane, at: time, $0) }
    return [author(dot.author, language), user].compactMap(\.self).joined(separator: " ")
  }

  /// The ward, and which of its nodes where it has several.
  func author(_ author: AuthorNumber, _ language: Language) -> String {
    let ward = core.identity.federation.ward(at: author.ward).map { wardName($0.code, language) } ?? "?"
    return author.serial <= 1 ? ward : "\(ward) (\(author))"
  }

  private func conflicts(_ request: Request, _ context: DeskContext) async throws -> Response {
    let frame = frame(request, context)
    let language = frame.language
    let pick = language.pick
    let personal = NodeSchema.current.collections.filter(\.isPersonal).map(\.name)
    let found = try await core.reader.read { try ShelterQueries.conflicts(limit: 1_000, hiding: personal, $0) }
    let names = known(try await options(language, context))
    var groups: [[ConflictView]] = []
    for view in found {
      if let last = groups.last?.first, last.collection == view.collection, last.row == view.row,
        last.field == view.field
      {
        groups[groups.count - 1].append(view)
      } else {
        groups.append([view])
      }
    }
    var shown: [[String: Any]] = []
    for values in groups.prefix(200) {
      let first = values[0]
      let schema = NodeSchema.current.collection(named: first.collection)
      let field = schema?.field(named: first.field)
      let named = try await named(first.collection, first.row, first.field, names, language)
      let isWhole = first.field.isEmpty
      let isOurs = try await isOurs(RowID(rawValue: Int64(first.row) ?? 0), field, schema)
      let choices = Conflicts.choices(first.collection, first.field)
      let canChoose =
        isAllowed("settleConflict", context) && !isWhole && isOurs
        && schema.map { Conflicts.admits(context.user.roles, $0) } ?? false
      var authors: [String: String] = [:]
      for value in values { authors["\(value.author) \(value.sequence)"] = try await author(value, language) }
      shown.append([
        "title": named.title, "field": named.field, "row": first.row, "collection": first.collection,
        "fieldName": first.field,
        "was": values.first(where: \.shown)?.value ?? "",
        "history": "/history/\(first.collection)/\(first.row)/\(first.field)", "hasHistory": !isWhole,
        "canMerge": canChoose && choices != nil, "isFree": choices?.isEmpty == true,
        "choices": (choices ?? []).map { ["value": $0.word, "label": pick($0.word, $0.code)] },
        "merged": values.compactMap(\.value).joined(separator: pick("、", ", ")),
        "canKeep": isWhole && first.collection == "shelters" && isOurs && Self.mayKeep(context),
        "isTheirs": !isOurs,
        "values": values.map { value -> [String: Any] in
          [
            "value": value.value ?? "",
            "text": isWhole
              ? (value.kind == "deleted" ? pick("消された", "deleted") : pick("変えられた", "changed"))
              : named.text(Self.value(value.value, field)),
            "isShown": value.shown, "who": authors["\(value.author) \(value.sequence)"] ?? "?",
            "when": language.time(value.time),
            "canChoose": canChoose,
          ]
        },
      ])
    }
    let words = [
      "shownNow": pick("いま表示されている値", "What is shown now"), "choose": pick("こちらにする", "Choose this"),
      "merge": pick("この値にする", "Make it this"), "merged": pick("どちらでもない値", "Neither, but"),
      "history": pick("だれが何を知っていたか", "Who knew what"), "keep": pick("消さずに残す", "Keep it"),
      "theirs": pick("この記録を作った区だけが決められます。", "Only the ward that made this record decides."),
    ]
    let undo = try await undo(Self.query(request).compactMapValues(\.first), names, language)
    return page(
      request,
      frame.render(
        "conflicts", title: pick("食い違い", "Conflicts"), active: "/conflicts",
        [
          "w": words, "conflicts": shown, "isEmpty": shown.isEmpty, "none": pick("食い違いはありません。", "There are none."),
          "canUndo": undo != nil, "undo": undo ?? [:],
          "why": pick(
            "通信が切れている間に、別々の場所で違う内容が入力されました。どちらも失われていません。正しい方を選んでください。選び直すこともできます。",
            "Different things were entered in two places that did not know of each other. Neither is lost. Choose what is right; you can choose again."
          ),
        ]))
  }

  /// How a choice just made is taken back: while it stands, and nothing else has been written since.
  private func undo(
    _ query: [String: String], _ names: [String: String], _ language: Language
  ) async throws -> [String: Any]? {
    guard let collection = query["collection"], let field = query["field"],
      let row = query["row"].flatMap({ Int64($0) }),
      let (was, now) = query["was"].flatMap({ was in query["now"].map { (was, $0) } }),
      Conflicts.choices(collection, field) != nil, let schema = NodeSchema.current.collection(named: collection),
      try await standing(RowID(rawValue: row), field, schema) == now
    else { return nil }
    let named = try await named(collection, "\(row)", field, names, language)
    let text = named.text(Self.value(was.isEmpty ? nil : was, schema.field(named: field)))
    return [
      "collection": collection, "row": "\(row)", "fieldName": field, "value": was, "now": now,
      "label": language.pick("元に戻す(\(named.field): \(text))", "Take it back (\(named.field): \(text))"),
    ]
  }

  /// What a field shows now, as a form sends it.
  private func standing(_ row: RowID, _ field: String, _ collection: CollectionSchema) async throws -> String? {
    guard let schema = collection.field(named: field), schema.kind == .register,
      let values = try await core.reader.read({ try RowValues.fetch(row, collection, $0) })
    else { return nil }
    switch schema.type {
    case .text: return values.text(field) ?? ""
    case .integer: return values.integer(field).map { "\($0)" } ?? ""
    case .real: return values.real(field).map { "\($0)" } ?? ""
    case .bytes: return ""
    }
  }
}
