import Causality
import ChangeModel
import Federation
import Foundation
import GRDB
import Merge
import Replica

/// 食い違い: two wrote different values without knowing of each other, and a person says which stands, or what both become.
public enum Conflicts {
  /// What stands in conflict in one place.
  public struct Standing: Sendable {
    public enum Kind: String, Sendable {
      /// One of several values of a field.
      case value
      /// Somebody deleted the row while others changed it.
      case deletion
    }

    public var collection: String
    public var row: RowID
    /// The column; empty for a deletion.
    public var field: String
    public var kind: Kind
    /// What tables and pages show until somebody decides.
    public var isShown: Bool
    public var value: String?
    public var dot: Dot?
    /// When it was written; nil for a deletion, of which the table keeps no time.
    public var time: Int64?
  }

  /// - Parameters:
  ///   - row: one row alone, when not nil.
  ///   - hidden: collections of which nothing is listed, and columns, as `collection/column`: of collections, `quiet` has them.
  ///   - last: from the field after this one on.
  public static func all(
    of row: RowID? = nil, in collection: String? = nil, hiding hidden: [String] = [],
    after last: (collection: String, row: Int64, field: String)? = nil, limit: Int, _ db: Database
  ) throws -> [Standing] {
    let list = String(decoding: try JSONEncoder().encode(hidden), as: UTF8.self)
    let rows = try Row.fetchAll(
      db.cachedStatement(
        sql: """
          SELECT collection, row, field, kind, shown, value, author, sequence, time >> 16 AS time FROM conflicts
          WHERE collection NOT IN (SELECT value FROM json_each(?1))
            AND collection || '/' || field NOT IN (SELECT value FROM json_each(?1)) AND (?2 IS NULL OR row = ?2)
            AND (?3 IS NULL OR collection = ?3) AND (?5 IS NULL OR (collection, row, field) > (?5, ?6, ?7))
          ORDER BY collection, row, field, shown DESC, time DESC LIMIT ?4
          """), arguments: [list, row?.rawValue, collection, limit, last?.collection, last?.row, last?.field])
    return rows.map { row in
      func number(_ column: String) -> Int64? { Int64.fromDatabaseValue(row[column]) }
      let kind = String.fromDatabaseValue(row["kind"]).flatMap(Standing.Kind.init) ?? .value
      let author = number("author").flatMap { AuthorNumber(rawValue: UInt32(truncatingIfNeeded: $0)) }
      return Standing(
        collection: String.fromDatabaseValue(row["collection"]) ?? "", row: RowID(rawValue: number("row") ?? 0),
        field: String.fromDatabaseValue(row["field"]) ?? "", kind: kind, isShown: number("shown") == 1,
        value: plain(row["value"]),
        dot: author.map { Dot($0, SequenceNumber(truncatingIfNeeded: number("sequence") ?? 0)) },
        time: kind == .deletion ? nil : number("time"))
    }
  }

  private static func plain(_ value: DatabaseValue) -> String? {
    switch value.storage {
    case .null: nil
    case .int64(let number): String(number)
    case .double(let number): String(number)
    case .string(let text): text
    case .blob(let data): [UInt8](data).hexadecimal
    }
  }

  // MARK: Who decides

  /// The words that a field admits when a person may also write what neither had written, none for free text; nil where only
  /// one of the values that stand can be chosen.
  public static func choices(_ records: Records, _ column: String) -> [Choice]? {
    guard let field = records.settledFreely.first(where: { $0.schema.name == column }) else { return nil }
    if case .choice(let choices) = field.shape { return choices }
    return []
  }

  /// Whether a ward's word on a row counts: with every node that merges it, and with the services, which let a ward decide
  /// of what it takes part in.
  ///
  /// - Parameter field: nil when the whole row was deleted by one and changed by another.
  public static func isOurs(
    _ values: RowValues, _ records: Records, _ field: FieldSchema?, _ identity: NodeIdentity
  ) -> Bool {
    let (number, code) = (identity.certificate.node.ward, identity.ward.code)
    let edit: RowEdit.Action = field.map { .edit([FieldEdit($0.number, .set(.null))]) } ?? .delete(shares: [])
    guard records.schema.admitted(RowEdit(records.number, values.id, edit), from: number) != nil else { return false }
    if records.isEverybodys { return true }
    var parties = 0
    for field in records.fields {
      switch field.shape {
      case .ward:
        parties += 1
        if values.text(field.schema.name) == code { return true }
      case .row:
        parties += 1
        // A derived id may be of a row that all wards share.
        if values.row(field.schema.name)?.made?.author.ward == number { return true }
      default: continue
      }
    }
    return parties == 0 && (records.schema.law == .shared || values.id.ward == number)
  }

  /// Whether somebody with these roles decides of what is written in the collection's lane.
  public static func admits(_ given: Set<Role>, _ records: Records) -> Bool {
    let deciders: Set<Role> =
      switch records.lane {
      case .control: [.administrator]
      case .registry: [.headquarters, .welfare]
      case .life: [.headquarters, .shelter]
      case .supply: [.headquarters, .supply]
      }
    return !given.isDisjoint(with: deciders)
  }

  // MARK: What a person does

  private static let deciders = Access.roles([.administrator, .headquarters, .shelter, .supply, .welfare])

  /// - Parameter all: the collections of the services; of people's own, no conflict is everybody's to see.
  public static func service(_ all: [Records]) -> Service {
    let shared = all.filter { !$0.isPersonal && $0.schema.law != .appendOnly }
    let personal = all.filter(\.isPersonal).map(\.name) + quiet(all)
    let place = [
      FormField(
        "collection", .choice(shared.map { Choice($0.name, $0.name) }), required: true, ja: "対象", en: "Collection"),
      FormField("row", .row("any"), required: true, ja: "対象の行", en: "Row"),
    ]
    /// The row that the form names, of which this desk may decide.
    @Sendable func subject(_ desk: Desk) throws -> (records: Records, values: RowValues) {
      let records = shared.first { $0.name == desk.given.text("collection") }!
      let values = try desk.find(desk.given.row("row")!, in: records, "row")
      guard admits(desk.inquiry.user.roles, records) else {
        throw Fault(.forbidden, field: "collection", ja: "この役割では決められません", en: "not for your roles")
      }
      return (records, values)
    }
    @Sendable func mustBeOurs(_ values: RowValues, _ records: Records, _ field: FieldSchema?, _ desk: Desk) throws {
      guard isOurs(values, records, field, desk.inquiry.identity) else {
        throw Fault(
          .forbidden, field: "row", ja: "他区の記録です。その区に連絡してください", en: "another ward's record: tell that ward")
      }
    }
    return Service(
      "確認が必要な記録", "Records to check", records: [],
      endpoints: [
        .read(
          "conflicts", "/conflicts", "確認が必要な記録", "Records to check", for: .staff,
          "What was written at once in two places.",
          [
            FormField("limit", .integer(100...10_000), ja: "件数", en: "How many at most"),
            FormField("after", .text(150), ja: "この項目の次から", en: "`next` of the page before"),
          ], answers: .list("conflicts", members, isPaged: true)
        ) { look in try page(&look, hiding: personal) },
        .write(
          "settleConflict", "/conflicts/settlement", "内容を確認する", "Settle a conflict", for: deciders,
          "Say which of two values written at once stands; in a field that may be changed freely, also what both become.",
          place + [
            FormField("field", .text(60), required: true, ja: "項目", en: "Field"),
            FormField("value", .text(2_000), ja: "値(空なら消す)", en: "Value (none: cleared)"),
          ], answers: .anyRow(shared)
        ) { desk in
          let (records, values) = try subject(desk)
          guard let field = records.schema.field(named: desk.given.text("field")!), field.kind == .register else {
            throw Fault.badValue("field", ja: "この名前の項目はありません", en: "no such field")
          }
          try mustBeOurs(values, records, field, desk)
          let chosen = try value(desk.given.text("value"), field)
          guard
            try standing(values.id, field, records, desk).contains(chosen)
              || isFree(chosen, field, records, desk.inquiry.identity.federation)
          else {
            throw Fault.badValue("value", ja: "食い違っている値の一つを選んでください", en: "choose one of the values in conflict")
          }
          var draft = records.draft()
          draft.edit(records, values.id, try settlement(field, chosen, values.id, records, desk))
          return Written([draft], about: [values.id]) { look in try look.answer(values.id, records) }
        },
        .write(
          "keepRow", "/conflicts/keeping", "消さずに残す", "Keep it", for: deciders,
          "Settles that one deleted what another changed: the row stays.", place, answers: .anyRow(shared)
        ) { desk in
          let (records, values) = try subject(desk)
          try mustBeOurs(values, records, nil, desk)
          do { _ = try desk.replica.keep(values.id, in: records.schema, at: desk.now) } catch ReplicaError.noSuchRow {
            throw Fault.refused("row", ja: "消されかけた記録ではありません", en: "nobody deleted it while it was changed")
          }
          return Written([], about: [values.id]) { look in try look.answer(values.id, records) }
        },
      ])
  }

  /// The columns of collections in which nothing stands in conflict by itself.
  public static func quiet(_ all: some Sequence<Records>) -> [String] {
    all.flatMap { records in records.quiet.map { "\(records.name)/\($0)" } }.sorted()
  }

  /// What lets a value stand; of a number that was counted, the sum too that follows from it.
  private static func settlement(
    _ field: FieldSchema, _ chosen: Value, _ row: RowID, _ records: Records, _ desk: Desk
  ) throws -> [FieldEdit] {
    if case .integer(let number) = chosen,
      let counter = records.counters.first(where: { $0.counting?.number.number == field.number })
    {
      let edits = try counter.settle(number, row, records, desk)
      if !edits.isEmpty { return edits }
    }
    return [FieldEdit(field.number, .set(chosen))]
  }

  /// One page, which ends between two fields: values that stand in conflict with each other are on one.
  private static func page(_ look: inout Look, hiding personal: [String]) throws -> JSON {
    let limit = look.given.int("limit") ?? 1_000
    var last: (collection: String, row: Int64, field: String)?
    if let after = look.given.text("after") {
      let parts = after.split(separator: "/", omittingEmptySubsequences: false)
      guard parts.count == 3, let row = Int64(parts[1]) else {
        throw Fault.badValue("after", ja: "続きの印ではありません", en: "not a page's `next`")
      }
      last = (String(parts[0]), row, String(parts[2]))
    }
    var all = try all(hiding: personal, after: last, limit: limit, look.db)
    var next: JSON = .null
    if all.count == limit, let end = all.last {
      all.removeAll { ($0.collection, $0.row, $0.field) == (end.collection, end.row, end.field) }
      next = JSON(all.last.map { "\($0.collection)/\($0.row)/\($0.field)" })
    }
    return ["conflicts": .list(all.map { json($0, look.inquiry) }), "next": next]
  }

  static let members: [Answer.Member] = [
    .init("collection", .text(60), "対象", "Collection"), .init("row", .row("any"), "対象の行", "Row"),
    .init("field", .text(60), "項目", "Field"),
    .init("kind", .choice([Choice("value", "value"), Choice("deletion", "deletion")]), "種類", "Kind"),
    .init("shown", .flag, "表示中", "Shown"), .init("value", .text(2_000), "値", "Value"),
    .init("ward", .ward, "入力した区", "Ward"), .init("node", .text(20), "入力したノード", "Node"),
    .init("sequence", .integer(Numbers.any), "通番", "Sequence"), .init("time", .time, "日時", "At"),
  ]

  static func json(_ standing: Standing, _ inquiry: Inquiry) -> JSON {
    let author = standing.dot?.author
    return [

      "collection": .text(standing.collection), "row": .text("\(standing.row)"),
      "field": standing.kind == .deletion ? .null : .text(standing.field),
      "kind": .text(standing.kind.rawValue), "shown": .flag(standing.isShown), "value": JSON(standing.value),
      "ward": JSON(author.flatMap { inquiry.identity.federation.ward(at: $0.ward)?.code }),
      "node": JSON(author.map { inquiry.identity.federation.reference(to: $0) }),
      "sequence": JSON(standing.dot.map { Int64($0.sequence) }), "time": JSON(standing.time),
    ]
  }

  private static func value(_ text: String?, _ field: FieldSchema) throws -> Value {
    guard let text else { return .null }
    switch field.type {
    case .text: return .text(text)
    case .integer: if let number = Int64(text) { return .integer(number) }
    case .real: if let number = Double(text), number.isFinite { return .real(number) }
    case .bytes: break
    }
    throw Fault.badValue("value", ja: "この項目の値ではありません", en: "not a value of this field")
  }

  /// The values of which nobody who wrote one knew the other.
  private static func standing(
    _ row: RowID, _ field: FieldSchema, _ records: Records, _ desk: Desk
  ) throws -> [Value] {
    guard let cell = try desk.replica.store.state(of: row, in: records.number)?.register(field.number), cell.isConflict
    else { return [] }
    return ([cell.winner] + cell.others).map(\.value)
  }

  /// Whether a value could as well be entered by a form: then it needs no conflict to be chosen.
  private static func isFree(
    _ value: Value, _ schema: FieldSchema, _ records: Records, _ federation: FederationIdentity
  ) -> Bool {
    guard let field = records.settledFreely.first(where: { $0.number == schema.number }) else { return false }
    let isTitle = records.title.contains { $0.number == schema.number }
    let form = Form([isTitle ? field.needed : field.asked])
    let json: JSON =
      switch value {
      case .null, .bytes: .null
      case .integer(let number): .integer(number)
      case .real(let number): .real(number)
      case .text(let text): .text(text)
      }
    guard let read = try? form.read(.object([field.name: json]), in: federation) else { return false }
    return read.edits([field.name], of: records) == [FieldEdit(schema.number, .set(value))]
  }
}

extension Conflicts {
  /// The rows of a collection in which something stands in conflict.
  public static func rows(of records: Records, _ db: Database) throws -> Set<RowID> {
    Set(
      try Int64.fetchAll(
        db.cachedStatement(
          sql: """
            SELECT DISTINCT row FROM conflicts
            WHERE collection = ? AND field NOT IN (SELECT value FROM json_each(?))
            """),
        arguments: [records.name, String(decoding: try JSONEncoder().encode(records.quiet), as: UTF8.self)]
      ).map { RowID(rawValue: $0) })
  }
}
