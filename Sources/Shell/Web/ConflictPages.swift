import Causality
import ChangeModel
import Desk
import Foundation
import Hummingbird
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
      let keep = try endpoint("keepRow", context)
      _ = try await carryOut(keep, Controls.json(sent, keep.form.fields), row: nil, context)
      return .redirect(to: "/conflicts?done=keepRow")
    }
    let endpoint = try endpoint("settleConflict", context)
    if let now = sent["now"]?.first, let schema = catalogue.records[sent["collection"]?.first ?? ""],
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

  /// A field of a row as people call it, and how its values read.
  struct Named {
    var title: String
    var field: String
    var text: (Value) -> String
  }

  func named(
    _ collection: String, _ row: String, _ field: String, _ names: [String: String], _ language: Language
  ) async throws -> Named {
    let records = catalogue.records[collection]
    let known = records?.schema.field(named: field)
    let column = Column.field(field)
    let (labels, pick) = (records.map { self.labels.of($0) } ?? self.labels, language.pick)
    let title = try await title(of: row, records, names, language)
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

  func isOurs(_ row: RowID, _ field: FieldSchema?, _ records: Records?) async throws -> Bool {
    guard let records, !records.isPersonal,
      let values = try await core.reader.read({ try RowValues.fetch(row, records, $0) })
    else { return false }
    return Conflicts.isOurs(values, records, field, core.identity)
  }

  /// What a row of everybody's is called, with the names of the rows that it names.
  private func title(
    of row: String, _ records: Records?, _ names: [String: String], _ language: Language
  ) async throws -> String {
    guard let records, !records.isPersonal, let id = Int64(row) else { return row }
    let values = try await core.reader.read { try RowValues.fetch(RowID(rawValue: id), records, $0) }
    let labels = labels.of(records)
    let json = values.map { JSON.object($0.json()) } ?? .null
    let parts = records.title.map { labels.text($0.name, json[$0.name], language, known: names) }
      .filter { !$0.isEmpty && !($0.count > 12 && Int64($0) != nil) }
    return ([records.words.text(in: language)] + (parts.isEmpty ? [row] : parts)).joined(separator: " ")
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
  func author(_ value: Conflicts.Standing, at time: Int64?, _ language: Language) async throws -> String {
    guard let dot = value.dot, let lane = catalogue.records[value.collection]?.lane else { return "?" }
    guard let time else { return author(dot.author, language) }
    return try await author(dot, lane, at: time, language)
  }

  func author(_ dot: Dot, _ lane: Lane, at time: Int64, _ language: Language) async throws -> String {
    let (user, isDoubted) = try await core.reader.read {
      (try catalogue.user(of: dot, in: lane, at: time, $0), try dot.isClockDoubted(in: lane, $0))
    }
    let mark = isDoubted ? language.pick("(時計が合っていません)", "(its clock was wrong)") : nil
    return [author(dot.author, language), user, mark].compactMap(\.self).joined(separator: " ")
  }

  /// The ward, and which of its nodes where it has several.
  func author(_ author: AuthorNumber, _ language: Language) -> String {
    let ward = core.identity.federation.ward(at: author.ward).map { wardName($0.code, language) } ?? "?"
    return author.serial <= 1 ? ward : "\(ward) (\(author))"
  }

  /// What stands in conflict and this role may see, a list for each field: of people's own, none; they are with the person.
  func openConflicts(_ context: DeskContext) async throws -> [[Conflicts.Standing]] {
    let hidden =
      catalogue.records.values.filter { $0.isPersonal || !$0.reader.access.admits(context.user.roles) }
      .map(\.name).sorted() + Conflicts.quiet(catalogue.records.values)
    let found = try await core.reader.read { try Conflicts.all(hiding: hidden, limit: 1_000, $0) }
    return found.reduce(into: []) { groups, view in
      if let last = groups.last?.first, last.collection == view.collection, last.row == view.row,
        last.field == view.field
      {
        groups[groups.count - 1].append(view)
      } else {
        groups.append([view])
      }
    }
  }

  private func conflicts(_ request: Request, _ context: DeskContext) async throws -> Response {
    let frame = frame(request, context)
    let language = frame.language
    let pick = language.pick
    let groups = try await openConflicts(context)
    let names = known(try await options(language, context))
    var shown: [[String: Any]] = []
    for values in groups.prefix(200) {
      let first = values[0]
      let records = catalogue.records[first.collection]
      let field = records?.schema.field(named: first.field)
      let named = try await named(first.collection, "\(first.row)", first.field, names, language)
      let isWhole = first.kind == .deletion
      let isOurs = try await isOurs(first.row, field, records)
      let choices = records.flatMap { Conflicts.choices($0, first.field) }
      let mayDecide =
        isAllowed("settleConflict", context) && isOurs
        && records.map { Conflicts.admits(context.user.roles, $0) } ?? false
      let canChoose = mayDecide && !isWhole
      // Of a closed list, what neither wrote: there may be nothing of the kind.
      let others = (choices ?? []).filter { choice in !values.contains { $0.value == choice.word } }
      let evidence = try await evidence(first.row, records, named: first.field, language)
      let told =
        isWhole
        ? try await deletion(values, records, language)
        : try await values.asyncMap { value in
          [
            "value": value.value ?? "", "text": named.text(Self.value(value.value, field)), "isShown": value.isShown,
            "who": try await author(value, at: value.time, language),
            "when": value.time.map { language.exactTime($0) } ?? "", "canChoose": canChoose,
          ]
        }
      shown.append([
        "title": named.title, "field": named.field, "row": "\(first.row)", "collection": first.collection,
        "fieldName": first.field,
        "was": values.first(where: \.isShown)?.value ?? "",
        "history": "/history/\(first.collection)/\(first.row)/\(first.field)", "hasHistory": !isWhole,
        "canMerge": canChoose && choices != nil && (choices?.isEmpty == true || !others.isEmpty),
        "isFree": choices?.isEmpty == true,
        "evidence": evidence, "hasEvidence": !evidence.isEmpty,
        "choices": others.map { ["value": $0.word, "label": pick($0.word, $0.code)] },
        "merged": values.compactMap(\.value).joined(separator: pick("、", ", ")),
        "canKeep": isWhole && mayDecide,
        "isTheirs": !isOurs,
        "values": told,
      ])
    }
    let words = [
      "shownNow": pick("いま表示されている値", "What is shown now"), "choose": pick("こちらにする", "Choose this"),
      "stay": pick("このままにする", "Leave it so"), "merge": pick("この値にする", "Make it this"),
      "merged": pick("ほかの内容にする", "Something else"),
      "history": pick("入力の経過", "How it came to this"), "keep": pick("消さずに残す", "Keep it"),
      "theirs": pick("この記録を作った区だけが決められます。", "Only the ward that made this record decides."),
    ]
    let undo = try await undo(Self.query(request).compactMapValues(\.first), names, language)
    return page(
      request,
      frame.render(
        "conflicts", title: pick("確認が必要な記録", "Records to check"), active: "/conflicts",
        [
          "w": words, "conflicts": shown, "isEmpty": shown.isEmpty, "none": pick("確認が必要な記録はありません。", "There are none."),
          "canUndo": undo != nil, "undo": undo ?? [:],
          "why": pick(
            "通信が切れている間に、別々の場所で違う内容が入力されました。どちらも失われていません。正しい方を選んでください。選び直すこともできます。",
            "Different things were entered in two places that did not know of each other. Neither is lost. Choose what is right; you can choose again."
          ),
        ]))
  }

  /// What else is known of the row, by which one can judge: how many are there of how many, how it stands, what it said last.
  private func evidence(
    _ row: RowID, _ records: Records?, named field: String, _ language: Language
  ) async throws -> [[String: Any]] {
    guard let records, !records.isPersonal,
      let values = try await core.reader.read({ try RowValues.fetch(row, records, $0) })
    else { return [] }
    let pick = language.pick
    var evidence: [(String, String)] = []
    if records.number == Shelter.records.number {
      let own = core.identity.ward.code
      let count = try await core.reader.read { try HeadCount.of(row, ward: own, $0) }
      let capacity = values[Shelter.capacity].map { language.number($0) } ?? "–"
      evidence.append((pick("避難者 / 定員", "People / capacity"), "\(language.number(count.people)) / \(capacity)"))
      evidence.append((pick("最終報告", "Last report"), lastReport(values, language)["text"] ?? ""))
      evidence.append((pick("開設", "Status"), ShelterWords.status(values, language)))
    }
    // What people know such a row by, and how it stands.
    let inquiry = Inquiry(user: User("page"), now: .now(), identity: core.identity)
    if let state = records.state(of: values, inquiry) {
      evidence.append((pick("状態", "State"), pick(state.words.ja, state.words.en)))
    }
    return evidence.filter { !$0.1.isEmpty }.map { ["label": $0.0, "value": $0.1] }
  }

  /// Who deleted a row, and who changed it without knowing: from the row's own story, since a table keeps no times of
  /// deletions.
  private func deletion(
    _ values: [Conflicts.Standing], _ records: Records?, _ language: Language
  ) async throws -> [[String: Any]] {
    guard let records, let row = values.first?.row else { return [] }
    let story = try await story(of: row, in: records.schema)
    let deletions = values.compactMap(\.dot)
    let pick = language.pick
    var told: [[String: Any]] = []
    for entry in story.suffix(200).reversed() {
      let isDeletion = if case .delete = entry.action { true } else { false }
      // The deletions that stand, and what was written without knowing of one.
      guard
        isDeletion
          ? deletions.contains(entry.dot)
          : deletions.contains(where: { !entry.knew($0) })
            && story.contains(where: { $0.dot != entry.dot && deletions.contains($0.dot) && !$0.knew(entry.dot) })
      else { continue }
      let time = entry.time.milliseconds
      told.append([
        "value": "", "text": isDeletion ? pick("消された", "deleted") : pick("変えられた", "changed"),
        "isShown": !isDeletion, "who": try await author(entry.dot, records.lane, at: time, language),
        "when": language.time(time), "canChoose": false,
      ])
    }
    return told
  }

  /// How a choice just made is taken back: while it stands, and nothing else has been written since.
  private func undo(
    _ query: [String: String], _ names: [String: String], _ language: Language
  ) async throws -> [String: Any]? {
    guard let collection = query["collection"], let field = query["field"],
      let row = query["row"].flatMap({ Int64($0) }),
      let (was, now) = query["was"].flatMap({ was in query["now"].map { (was, $0) } }),
      let records = catalogue.records[collection], Conflicts.choices(records, field) != nil,
      try await standing(RowID(rawValue: row), field, records) == now
    else { return nil }
    let named = try await named(collection, "\(row)", field, names, language)
    let text = named.text(Self.value(was.isEmpty ? nil : was, records.schema.field(named: field)))
    return [
      "collection": collection, "row": "\(row)", "fieldName": field, "value": was, "now": now,
      "label": language.pick("元に戻す(\(named.field): \(text))", "Take it back (\(named.field): \(text))"),
    ]
  }

  /// What a field shows now, as a form sends it.
  private func standing(_ row: RowID, _ field: String, _ records: Records) async throws -> String? {
    guard !records.isPersonal, let schema = records.schema.field(named: field), schema.kind == .register,
      let values = try await core.reader.read({ try RowValues.fetch(row, records, $0) })
    else { return nil }
    switch schema.type {
    case .text: return values.text(field) ?? ""
    case .integer: return values.integer(field).map { "\($0)" } ?? ""
    case .real: return values.real(field).map { "\($0)" } ?? ""
    case .bytes: return ""
    }
  }
}

extension Sequence {
  /// In order, one after the other.
  fileprivate func asyncMap<Result>(_ transform: (Element) async throws -> Result) async rethrows -> [Result] {
    var results: [Result] = []
    for element in self { results.append(try await transform(element)) }
    return results
  }
}
