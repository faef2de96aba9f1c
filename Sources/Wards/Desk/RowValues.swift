import Causality
import ChangeModel
import Foundation
import GRDB
import Merge
import Sodium

/// One row of one collection as its table shows it.
public struct RowValues: Sendable {
  public let id: RowID
  public let records: Records
  /// In the order of the collection's fields.
  private let cells: [DatabaseValue]
  private let causal: DatabaseValue

  /// - Parameter row: the id, then every field of the collection, then what merging keeps of it.
  init(_ row: Row, _ records: Records) {
    id = RowID(rawValue: Int64.fromDatabaseValue(row[0]) ?? 0)
    self.records = records
    var cells: [DatabaseValue] = records.schema.fields.indices.map { row[$0 + 1] }
    causal = row[records.schema.fields.count + 1]
    if let state = records.counters.isEmpty ? nil : Self.state(causal) {
      for counter in records.counters {
        guard let place = records.schema.position(of: counter.number), let seen = counter.counting?.seen,
          let sum = Self.recounted(counter, seen, state, cells, records) ?? Int64.fromDatabaseValue(cells[place])
        else { continue }
        // Fewer than nobody is what a sum may come to, and a shelter does not.
        cells[place] = max(0, sum).databaseValue
      }
    }
    self.cells = cells
  }

  private static func state(_ causal: DatabaseValue) -> RowState? {
    guard case .blob(let bytes) = causal.storage else { return nil }
    return try? bytes.withUnsafeBytes { try RowStateCodec.decode($0) }
  }

  private static func recounted(
    _ counter: CounterField, _ seen: Field<[UInt8]>, _ state: RowState, _ cells: [DatabaseValue], _ records: Records
  ) -> Int64? {
    records.schema.position(of: seen.number).flatMap { counter.recounted(state, shown: plain(cells[$0])) }
  }

  /// What a counted field comes to where several counts stand side by side; nil where its sum is right as it is.
  func recounted(_ counter: CounterField) -> Int64? {
    guard let seen = counter.counting?.seen, let state = Self.state(causal) else { return nil }
    return Self.recounted(counter, seen, state, cells, records)
  }

  /// Which of the values that the row shows was written last, and by whom; nil where it holds none. Sums and notes, to which
  /// everybody adds, are apart.
  public var written: (at: Instant, by: AuthorNumber)? {
    guard let state = Self.state(causal) else { return nil }
    let stamps = state.registers.map(\.winner.stamp) + state.sets.flatMap { $0.adds.map(\.stamp) }
    return stamps.max().map { (Instant(milliseconds: $0.time.milliseconds), $0.dot.author) }
  }

  public var collection: CollectionSchema { records.schema }

  /// Names the row's state: another one bears another tag.
  public var tag: String {
    var bytes: [UInt8] = []
    for cell in cells + [causal] { bytes += [UInt8]("\(cell.storage.value ?? "")\u{1f}".utf8) }
    return Array(blake2b(bytes).bytes.prefix(12)).hexadecimal
  }

  /// What a register holds.
  func value(_ field: FieldSchema) -> Value {
    collection.position(of: field.number).map { Self.plain(cells[$0]) } ?? .null
  }

  private func cell(_ column: String) -> DatabaseValue? {
    collection.fields.firstIndex { $0.name == column }.map { cells[$0] }
  }

  /// What a field holds; nil for nothing, and for what is no value of its type.
  public subscript<C>(field: Field<C>) -> C? {
    collection.position(of: field.number).flatMap { C(Self.plain(cells[$0])) }
  }

  /// The elements of a set.
  public subscript(field: SetField) -> [String] { texts(field.schema.name) }
  public subscript(field: CounterField) -> Int64 { integer(field.schema.name) ?? 0 }
  public subscript(field: StockField) -> Int64 { integer(field.schema.name) ?? 0 }

  private static func plain(_ cell: DatabaseValue) -> Value {
    switch cell.storage {
    case .null: .null
    case .int64(let number): .integer(number)
    case .double(let number): .real(number)
    case .string(let text): .text(text)
    case .blob(let data): .bytes([UInt8](data))
    }
  }

  public func text(_ column: String) -> String? { cell(column).flatMap { String.fromDatabaseValue($0) } }
  public func integer(_ column: String) -> Int64? { exact(column)?.held }
  private func exact(_ column: String) -> Int64? { cell(column).flatMap { Int64.fromDatabaseValue($0) } }
  public func real(_ column: String) -> Double? { cell(column).flatMap { Double.fromDatabaseValue($0) } }
  public func row(_ column: String) -> RowID? { exact(column).map { RowID(rawValue: $0) } }
  public func bytes(_ column: String) -> [UInt8]? {
    cell(column).flatMap { Data.fromDatabaseValue($0) }.map { [UInt8]($0) }
  }

  /// The elements of a set.
  public func texts(_ column: String) -> [String] {
    guard let json = text(column) else { return [] }
    return (try? JSONDecoder().decode([String].self, from: Data(json.utf8))) ?? []
  }

  public static func fetch(_ row: RowID, _ records: Records, _ db: Database) throws -> RowValues? {
    try all(records, "WHERE id = ?", [row.rawValue], db).first
  }

  /// - Parameter rest: SQL after the table's name, the same text for every call from one place: statements are kept. What
  ///   differs comes as arguments; a list as `json_each`, from `list`.
  public static func all(
    _ records: Records, _ rest: String, _ arguments: StatementArguments = [], _ db: Database
  ) throws -> [RowValues] {
    let collection = records.schema
    let columns = (["id"] + collection.fields.map(\.name) + ["causal"]).map { "\"\(collection.name)\".\"\($0)\"" }
      .joined(
        separator: ", ")
    return try Row.fetchAll(
      db.cachedStatement(sql: "SELECT \(columns) FROM \"\(collection.name)\" \(rest)"), arguments: arguments
    ).map { RowValues($0, records) }
  }

  /// Ids for `json_each(?)`.
  public static func list(_ ids: [RowID]) -> String { "[\(ids.map { "\($0)" }.joined(separator: ","))]" }

  /// Edits that write these values into another row; logs, counters and stock apart.
  public func copy(except left: Set<String> = []) -> [FieldEdit] {
    collection.fields.flatMap { field -> [FieldEdit] in
      guard !left.contains(field.name) else { return [] }
      switch field.kind {
      case .set: return texts(field.name).map { FieldEdit(field.number, .add(.text($0))) }
      case .register:
        switch field.type {
        case .text: return text(field.name).map { [FieldEdit(field.number, .set(.text($0)))] } ?? []
        case .integer: return exact(field.name).map { [FieldEdit(field.number, .set(.integer($0)))] } ?? []
        case .real: return real(field.name).map { [FieldEdit(field.number, .set(.real($0)))] } ?? []
        case .bytes: return bytes(field.name).map { [FieldEdit(field.number, .set(.bytes($0)))] } ?? []
        }
      case .counter, .log, .stock: return []
      }
    }
  }

  /// The row for a program: every field that holds something, by its form's name.
  ///
  /// - Precondition: it is not about people: such a row is shown by a `Look`, which notes it.
  public func json(hiding hidden: Set<String> = []) -> [String: JSON] {
    precondition(!collection.isPersonal)
    return members(hiding: hidden)
  }

  func members(hiding hidden: Set<String>) -> [String: JSON] {
    var members: [String: JSON] = ["id": .text(String(id.rawValue))]
    for (declared, cell) in zip(records.fields, cells) {
      let field = declared.schema
      guard !hidden.contains(field.name), !records.hidden.contains(field.number), field.kind != .log,
        let value = Self.value(cell, field)
      else { continue }
      switch (declared.shape, value) {
      case (.flag, _): members[declared.name] = .flag(value == 1)
      case (.decimal(let places, _), .integer(let number)):
        members[declared.name] = .text(FixedPoint.text(number, places: places))
      default: members[declared.name] = value
      }
    }
    return members
  }

  private static func value(_ cell: DatabaseValue, _ field: FieldSchema) -> JSON? {
    switch cell.storage {
    case .null: nil
    // JavaScript's numbers end at 53 bits.
    case .int64(let number): field.isRow ? .text(String(number)) : .integer(number.held)
    case .double(let number): .real(number)
    case .string(let text):
      field.kind == .set ? (try? JSONDecoder().decode(JSON.self, from: Data(text.utf8))) ?? .list([]) : .text(text)
    case .blob: nil
    }
  }
}

extension RowValues {
  /// Fields of which two wrote different values without knowing of each other.
  public static func conflicts(of row: RowID, _ records: Records, _ db: Database) throws -> JSON {
    .list(
      try String.fetchAll(
        db, sql: "SELECT DISTINCT field FROM conflicts WHERE collection = ? AND row = ? ORDER BY field",
        arguments: [records.name, row.rawValue]
      ).filter { !records.quiet.contains($0) }.map { .text(Column.field($0)) })
  }
}

extension StockShares {
  /// What `view` says. A share is an object of `node`, `ward` and `amount`.
  public static let members: [Answer.Member] = [
    .init(
      "shares",
      .objects(
        .members([
          .init("node", .text(20), "ノード", "Node"), .init("ward", .ward, "区", "Ward"),
          .init("amount", .integer(Numbers.any), "数", "Amount"),
        ])), "持ち分", "Shares"),
    .init("ownShare", .integer(Numbers.any), "このノードの持ち分", "This node's share"),
    .init("overdrawn", .flag, "持ち分を超えた払出し", "More given out than was there"),
  ]

  /// Who holds how much of a row's stock.
  public static func view(
    _ row: RowID, _ records: Records, _ field: StockField, _ look: Look
  ) throws -> [String: JSON] {
    let shares = try of(row, records, field, look.db)
    let federation = look.inquiry.identity.federation
    var members: [String: JSON] = [
      "shares": .list(
        shares.sorted { $0.key < $1.key }.map {
          [
            "node": .text(federation.reference(to: $0.key)), "ward": JSON(federation.ward(at: $0.key.ward)?.code),
            "amount": .integer($0.value),
          ]
        }), "ownShare": .integer(try shares[look.author] ?? 0),
    ]
    if shares.values.contains(where: { $0 < 0 }) { members["overdrawn"] = true }
    return members
  }
}

/// What each author holds of a stock field, none of nothing; below zero: it gave out more than was taken over from it.
public enum StockShares {
  public static func of(
    _ row: RowID, _ records: Records, _ field: StockField, _ db: Database
  ) throws -> [AuthorNumber: Int64] {
    guard
      let causal = try Data.fetchOne(
        db, sql: "SELECT causal FROM \"\(records.name)\" WHERE id = ?", arguments: [row.rawValue])
    else { return [:] }
    let state = try causal.withUnsafeBytes { try RowStateCodec.decode($0) }
    return (state.contribution(field.number)?.contributions ?? []).reduce(into: [:]) { shares, contribution in
      if contribution.total != 0 { shares[contribution.author] = contribution.total.held }
    }
  }
}
