import Causality
import ChangeModel
import Desk
import Foundation
import Hummingbird
import NodeService
import Replica
import Site

/// The story of one field: what was written in it, by whom, and what each had known by then; any value can come back.
extension WebServer {
  func addHistoryPage(to router: Router<DeskContext>) {
    router.get("/history/:collection/:row/:field") { request, context in try await history(request, context) }
  }

  private struct Write {
    var entry: RowHistoryEntry
    var value: Value
  }

  /// Everything that was ever written in one field, and of which earlier writes its author knew nothing.
  private func history(_ request: Request, _ context: DeskContext) async throws -> Response {
    let frame = frame(request, context)
    let language = frame.language
    let pick = language.pick
    let name = context.parameters.get("collection") ?? ""
    guard let records = catalogue.records[name], case let schema = records.schema, !schema.isPersonal,
      schema.law != .appendOnly, records.reader.access.admits(context.user.roles),
      let row = context.parameters.get("row").flatMap({ Int64($0) }).map(RowID.init(rawValue:)),
      let field = schema.field(named: context.parameters.get("field") ?? ""), field.kind == .register
    else { throw APIError.notFound("field") }
    guard Conflicts.admits(context.user.roles, records) else {
      throw APIError(
        .forbidden, "forbidden", field: "collection", ja: "この役割では見られません", en: "not for your roles")
    }
    let entries = try await story(of: row, in: schema)
    let writes = entries.flatMap { entry -> [Write] in
      guard case .edit(let edits) = entry.action else { return [] }
      return edits.compactMap { edit in
        guard edit.field == field.number, case .set(let value) = edit.operation else { return nil }
        return Write(entry: entry, value: value)
      }
    }
    let names = known(try await options(language, context))
    let named = try await named(name, "\(row)", field.name, names, language)
    let isOurs = try await isOurs(row, field, records)
    let maySet =
      isOurs && isAllowed("settleConflict", context) && Conflicts.choices(records, field.name) != nil
    // What nobody has written over stands now.
    let standing = writes.filter { write in
      !writes.contains { $0.entry.dot != write.entry.dot && $0.entry.knew(write.entry.dot) }
    }
    var authors: [Dot: String] = [:]
    for write in writes.suffix(200) {
      authors[write.entry.dot] = try await author(
        write.entry.dot, schema.lane, at: write.entry.time.milliseconds, language)
    }
    let who = authors
    let shown = writes.suffix(200).reversed().map { write -> [String: Any] in
      let stands = standing.contains { $0.entry.dot == write.entry.dot }
      // Those of another's writes that it had not seen, and that had not seen it: written at once.
      let missed = writes.filter { other in
        other.entry.dot != write.entry.dot && !write.entry.knew(other.entry.dot) && !other.entry.knew(write.entry.dot)
      }
      let before = writes.filter { $0.entry.dot != write.entry.dot && write.entry.knew($0.entry.dot) }.last
      func told(_ write: Write) -> String {
        "\(author(write.entry.dot.author, language)) \(language.time(write.entry.time.milliseconds)) 「\(named.text(write.value))」"
      }
      return [
        "text": named.text(write.value), "value": Self.plain(write.value),
        "who": who[write.entry.dot] ?? "?",
        "when": language.time(write.entry.time.milliseconds),
        "knew": before.map { pick("知っていた値: ", "Had seen: ") + told($0) }
          ?? pick("前の値はなかった", "There was no value before"),
        "missed": missed.map(told).joined(separator: pick("、", ", ")), "hasMissed": !missed.isEmpty,
        "stands": stands, "canSet": maySet && !(stands && standing.count == 1),
      ]
    }
    let words = [
      "stands": pick("いまの値", "stands now"), "missed": pick("知らずに書かれた: ", "Written at once, unknown: "),
      "set": pick("この値に戻す", "Put this value back"),
      "back": pick("確認が必要な記録へ", "To the records to check"),
    ]
    return page(
      request,
      frame.render(
        "history", title: "\(named.title): \(named.field)", active: "/conflicts",
        [
          "w": words, "writes": shown, "collection": name, "row": "\(row)", "fieldName": field.name,
          "path": "/history/\(name)/\(row)/\(field.name)",
          "why": pick(
            "新しい順です。それぞれを書いた人が、その時どこまで知っていたかを示します。",
            "The newest first, each with what its author had seen by then."),
        ]))
  }

  private static func plain(_ value: Value) -> String {
    switch value {
    case .null, .bytes: ""
    case .integer(let number): "\(number)"
    case .real(let number): "\(number)"
    case .text(let text): text
    }
  }
}
