import Causality
import ChangeModel
import Store

/// What changed since somebody last looked, in the order in which this node came to know it: for programs that keep a copy.
///
/// A reader begins with the place that an answer without `since` tells, reads every list once, and goes on from that place.
/// It hears of each row at least once after its last change; of several changes at once, once. Rows about people are not told:
/// that there is such a row is not everybody's to know.
public enum Changes {
  private static let most: Int64 = 5_000

  /// - Parameter all: the collections of the services.
  public static func service(_ all: [Records]) -> Service {
    let told = all.filter { !$0.isPersonal && $0.schema.law != .appendOnly && $0.reader.access != .roles([]) }
    let byNumber = Dictionary(uniqueKeysWithValues: told.map { ($0.number, $0) })
    let tables = told.map { Choice($0.name, $0.name) }
    var endpoint = Endpoint.read(
      "changes", "/changes", "変わった記録", "What changed", for: .staff,
      "Rows that changed after a place, each once, and the place to ask from next. As a stream of events when asked so.",
      [
        FormField("since", .text(40), ja: "この印の次から", en: "`next` of the answer before; none: from now on"),
        FormField("table", .choice(tables), ja: "対象", en: "Of this collection alone"),
        FormField("limit", .integer(1...most), ja: "件数", en: "How many at most, nearly"),
        // Less than a connection may be idle.
        FormField("wait", .integer(0...50), ja: "待つ秒数", en: "Seconds to wait for something, when there is nothing"),
      ],
      answers: .list(
        "changes",
        [
          .init("table", .choice(tables), "対象", "Collection").always, .init("id", .row("any"), "記録", "Row").always,
          .init("isDeleted", .flag, "消された", "Is gone").always, .init("ward", .ward, "作った区", "Ward that made it"),
          .init("updatedAt", .time, "更新日時", "Changed at"), .init("updatedBy", .text(20), "更新したノード", "Changed by node"),
        ],
        beside: [
          .init("next", .text(40), "続きの印", "Ask from here next").always,
          .init("isReset", .flag, "読み直しが必要", "The place is not known here (any longer): read everything again").always,
          .init("isComplete", .flag, "ここまで", "There is nothing after this yet").always,
        ])
    ) { look in
      let since = look.given.text("since")
      let chosen = look.given.text("table").flatMap { name in told.first { $0.name == name } }.map { Set([$0.number]) }
      guard let since else { return answer([], next: try Store.latestChange(look.db)) }
      guard let place = ChangePlace(since) else {
        throw Fault.badValue("since", ja: "続きの印ではありません", en: "not an answer's `next`")
      }
      guard
        let changes = try Store.changes(
          since: place, of: chosen ?? Set(byNumber.keys), limit: look.given.int("limit") ?? 500, look.db)
      else { return answer([], next: try Store.latestChange(look.db), isReset: true) }
      let rows = try changes.rows.compactMap { try row($0.row, byNumber[$0.collection]!, &look) }
      return answer(rows, next: changes.next, isComplete: changes.isComplete)
    }
    endpoint.isFollowed = true
    return Service("変わった記録", "Changes", records: [], endpoints: [endpoint])
  }

  private static func answer(
    _ rows: [JSON], next: ChangePlace, isReset: Bool = false, isComplete: Bool = true
  ) -> JSON {
    [
      "changes": .list(rows), "next": .text("\(next)"), "isReset": .flag(isReset), "isComplete": .flag(isComplete),
    ]
  }

  /// - Returns: nil for a row that whoever asks may not see.
  private static func row(_ id: RowID, _ records: Records, _ look: inout Look) throws -> JSON? {
    guard records.reader.access.admits(look.inquiry.user.roles) else { return nil }
    var members: [String: JSON] = ["table": .text(records.name), "id": .text("\(id)")]
    if records.schema.law != .shared, let ward = look.inquiry.ward(of: id) { members["ward"] = .text(ward) }
    let record = try RowValues.fetch(id, records, look.db)
    members["isDeleted"] = .flag(record == nil)
    guard let record else { return .object(members) }
    guard try look.maySee(record, records) else { return nil }
    members.merge(look.written(record)) { $1 }
    return .object(members)
  }
}
