import Causality
import ChangeModel
import SignedLog
import Sodium

/// What a checker reads of one node's file.
struct NodeFile {
  let database: PlainDatabase
  /// By log: how far it is kept and merged.
  var logged: [LogName: SequenceNumber] = [:]
  var merged: [LogName: SequenceNumber] = [:]
  /// The hash of each log's last change set.
  var heads: [LogName: [UInt8]] = [:]

  init(_ path: String) throws(PlainDatabase.Failure) {
    database = try PlainDatabase(path)
    for row in try database.rows("SELECT lane, author, logged, merged, logged_hash FROM logs ORDER BY lane, author") {
      guard let log = Self.log(row[0].integer, row[1].integer) else { continue }
      logged[log] = SequenceNumber(row[2].integer)
      merged[log] = SequenceNumber(row[3].integer)
      heads[log] = row[4].blob
    }
  }

  static func log(_ lane: Int64, _ author: Int64) -> LogName? {
    guard let lane = Lane(rawValue: UInt8(lane)), let author = AuthorNumber(rawValue: UInt32(author)) else {
      return nil
    }
    return LogName(lane, author)
  }

  /// The hash of one kept change set; nil when it is not there.
  func hash(_ log: LogName, _ sequence: SequenceNumber) throws(PlainDatabase.Failure) -> Digest? {
    let id = Int64(log.lane.rawValue) << 61 | Int64(log.author.rawValue) << 31 | Int64(sequence)
    return try database.rows("SELECT bytes FROM entries WHERE id = \(id)").first.map { blake2b($0[0].blob) }
  }
}

/// Judges one node's file by the ledger.
struct NodeCheck {
  let ledger: Ledger
  let file: NodeFile
  let schema: Schema
  /// What the node may read.
  let reads: (Audience) -> Bool

  /// Nothing is kept that no node acknowledged, and nothing differs from what was.
  func purity() throws(PlainDatabase.Failure) -> [Violation] {
    var violations: [Violation] = []
    try file.database.each("SELECT lane, author, sequence, bytes FROM entries") { row in
      guard let log = NodeFile.log(row[0].integer, row[1].integer) else { return }
      let sequence = SequenceNumber(row[2].integer)
      if !ledger.isAcknowledged(log, sequence, blake2b(row[3].blob)) {
        violations.append(Violation(.purity, "\(log) #\(sequence) is kept, but nobody wrote it"))
      }
    }
    return violations
  }

  /// Each row shows what the model shows: no row more, no row less.
  ///
  /// - Precondition: no merged log is forked: then it is not known here which branch the node merged.
  func model() throws(PlainDatabase.Failure) -> [Violation] {
    var violations: [Violation] = []
    let model = PlainModel(ledger, merged: file.merged, reads: reads)
    for collection in schema.collections {
      let expected = model.rows[collection.number] ?? [:]
      var found: Set<RowID> = []
      let columns = collection.fields.map { "\"\($0.name)\"" }.joined(separator: ", ")
      let conflicts = try conflicts(collection)
      let entries = try logEntries(collection)
      try file.database.each("SELECT id, \(columns) FROM \"\(collection.name)\"") { cells in
        let id = RowID(rawValue: cells[0].integer)
        found.insert(id)
        guard let row = expected[id] else {
          violations.append(Violation(.purity, "\(collection.name) \(id) is in the table, but nobody wrote it"))
          return
        }
        violations += check(
          row, id, Array(cells.dropFirst()), collection, conflicts[id] ?? [], entries, contested: model.isContested(row)
        )
      }
      for (id, row) in expected.sorted(by: { $0.key < $1.key })
      where found.contains(id) != row.isVisible(in: collection) {
        violations.append(
          Violation(
            .model, "\(collection.name) \(id) \(row.isVisible(in: collection) ? "is missing" : "is not deleted")"))
      }
    }
    return violations
  }

  private struct Conflict {
    var field: String
    var author: Int64
    var sequence: Int64
    var kind: String
    var isShown: Bool
    var time: UInt64
    var value: PlainDatabase.Cell
  }

  private struct EntryPlace: Hashable {
    var row: Int64
    var field: String
  }

  private func conflicts(_ collection: CollectionSchema) throws(PlainDatabase.Failure) -> [RowID: [Conflict]] {
    var result: [RowID: [Conflict]] = [:]
    try file.database.each(
      "SELECT row, field, author, sequence, kind, shown, time, value FROM conflicts WHERE collection = '\(collection.name)'"
    ) { row in
      result[RowID(rawValue: row[0].integer), default: []].append(
        Conflict(
          field: row[1].text, author: row[2].integer, sequence: row[3].integer, kind: row[4].text,
          isShown: row[5].integer == 1, time: UInt64(bitPattern: row[6].integer), value: row[7]))
    }
    return result
  }

  private func logEntries(
    _ collection: CollectionSchema
  ) throws(PlainDatabase.Failure) -> [EntryPlace: [PlainDatabase.Cell]] {
    var result: [EntryPlace: [PlainDatabase.Cell]] = [:]
    for field in collection.fields where field.kind == .log {
      try file.database.each("SELECT row, value FROM \"\(collection.name)_\(field.name)\" WHERE buried = 0") { row in
        result[EntryPlace(row: row[0].integer, field: field.name), default: []].append(row[1])
      }
    }
    return result
  }

  private func check(
    _ row: PlainModel.Row, _ id: RowID, _ cells: [PlainDatabase.Cell], _ collection: CollectionSchema,
    _ conflicts: [Conflict], _ entries: [EntryPlace: [PlainDatabase.Cell]], contested: Bool
  ) -> [Violation] {
    var violations: [Violation] = []
    func fault(_ checker: Violation.Checker, _ field: String, _ detail: String) {
      violations.append(Violation(checker, "\(collection.name) \(id) \(field): \(detail)"))
    }
    let isFlagged = conflicts.contains { $0.kind == "deletion" }
    if contested, !isFlagged { fault(.conflicts, "row", "deleted and edited at once, but not flagged") }
    if isFlagged, row.deletions.isEmpty { fault(.conflicts, "row", "flagged as deleted, but nobody deleted it") }
    for (field, cell) in zip(collection.fields, cells) {
      // A contested row shows what was deleted too, beside what stands; a register that holds something shows that.
      if isFlagged, field.kind != .register || row.registers[field.number]?.isEmpty ?? true { continue }
      switch field.kind {
      case .register:
        let standing = row.registers[field.number] ?? []
        let values = Set(standing.map(\.value))
        let listed = conflicts.filter { $0.field == field.name && $0.kind != "deletion" }
        if values.count <= 1 {
          let expected = values.first.map(Self.cell) ?? .null
          if cell != expected { fault(.model, field.name, "shows \(cell), the model \(expected)") }
          if !listed.isEmpty { fault(.conflicts, field.name, "lists a conflict that is none") }
          continue
        }
        if field.isQuiet {
          // What goes along with another is listed nowhere, and shows one of what was written.
          if !listed.isEmpty { fault(.conflicts, field.name, "lists what is nothing to decide") }
          if !values.contains(where: { Self.cell($0) == cell }) {
            fault(.conflicts, field.name, "shows \(cell), which nobody wrote")
          }
          continue
        }
        let expected = Set(standing.map { "\($0.author.rawValue) \($0.sequence) \(Self.cell($0.value))" })
        let found = Set(listed.map { "\($0.author) \($0.sequence) \($0.value)" })
        if expected != found {
          fault(.conflicts, field.name, "holds \(found.sorted()), the model \(expected.sorted())")
          continue
        }
        let latest = listed.max { ($0.time, $0.author, $0.sequence) < ($1.time, $1.author, $1.sequence) }!
        if !latest.isShown || listed.count(where: \.isShown) != 1 || cell != latest.value {
          fault(.conflicts, field.name, "shows \(cell), not the latest of its values")
        }
      case .counter, .stock:
        let sum = (row.contributions[field.number] ?? []).reduce(0) { $0 + $1.amount }
        if cell.integer != sum { fault(.model, field.name, "shows \(cell), the model \(sum)") }
        if field.kind == .stock, cell.integer < 0 { fault(.stock, field.name, "is \(cell.integer)") }
      case .set:
        let values = Set((row.adds[field.number] ?? []).map(\.value))
        let texts = values.compactMap(\.text).map { [UInt8]($0.utf8) }.sorted { $0.lexicographicallyPrecedes($1) }
        let expected = "[" + texts.map { "\"\(String(decoding: $0, as: UTF8.self))\"" }.joined(separator: ",") + "]"
        if cell.text != expected { fault(.model, field.name, "shows \(cell.text), the model \(expected)") }
      case .log:
        let expected = (row.contributions[field.number] ?? []).compactMap { $0.value.map(Self.cell) }
        let found = entries[EntryPlace(row: id.rawValue, field: field.name)] ?? []
        if cell.integer != Int64(expected.count) {
          fault(.model, field.name, "counts \(cell.integer) entries, the model \(expected.count)")
        }
        if found.map({ "\($0)" }).sorted() != expected.map({ "\($0)" }).sorted() {
          fault(.model, field.name, "holds other entries than the model")
        }
      }
    }
    return violations
  }

  private static func cell(_ value: Value) -> PlainDatabase.Cell {
    switch value {
    case .null: .null
    case .integer(let number): .integer(number)
    case .real(let number): .real(number)
    case .text(let text): .text(text)
    case .bytes(let bytes): .blob(bytes)
    }
  }
}

extension PlainModel.Row {
  /// Whether a node that knows only these fields has the row in its table.
  func isVisible(in collection: CollectionSchema) -> Bool {
    collection.fields.contains { field in
      registers[field.number]?.isEmpty == false || adds[field.number]?.isEmpty == false
        || contributions[field.number]?.isEmpty == false
    }
  }
}
