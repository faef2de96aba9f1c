import ChangeModel
import GRDBSQLite
import Merge

/// The statements of the tables that all collections share.
final class SharedStatements {
  private let selectHidden: Statement
  private let upsertHidden: Statement
  private let deleteHidden: Statement
  private let insertMark: Statement
  private let selectMark: Statement
  private let deleteConflicts: Statement
  private let insertConflict: Statement

  /// Whether `hidden_rows` may hold anything: spares one look-up for each new row of a replica without deletions.
  private var mayHaveHidden: Bool

  init(on connection: OpaquePointer) throws(StoreError) {
    selectHidden = try Statement("SELECT causal FROM hidden_rows WHERE collection = ? AND id = ?", on: connection)
    upsertHidden = try Statement(
      """
      INSERT INTO hidden_rows (collection, id, causal) VALUES (?, ?, ?)
      ON CONFLICT (collection, id) DO UPDATE SET causal = excluded.causal
      """, on: connection)
    deleteHidden = try Statement("DELETE FROM hidden_rows WHERE collection = ? AND id = ?", on: connection)
    insertMark = try Statement("INSERT OR IGNORE INTO deletion_marks (collection, id) VALUES (?, ?)", on: connection)
    selectMark = try Statement("SELECT 1 FROM deletion_marks WHERE collection = ? AND id = ?", on: connection)
    deleteConflicts = try Statement("DELETE FROM conflicts WHERE collection = ? AND row = ?", on: connection)
    insertConflict = try Statement(
      """
      INSERT INTO conflicts (collection, row, field, author, sequence, kind, shown, time, value)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
      """, on: connection)
    let any = try Statement("SELECT EXISTS (SELECT 1 FROM hidden_rows)", on: connection)
    mayHaveHidden = try any.step() && any.integer(0) == 1
  }

  func hidden(_ collection: UInt32, _ row: RowID) throws(StoreError) -> [UInt8]? {
    guard mayHaveHidden else { return nil }
    selectHidden.bind(1, Int64(collection))
    selectHidden.bind(2, row.rawValue)
    guard try selectHidden.step() else { return nil }
    defer { selectHidden.reset() }
    return [UInt8](selectHidden.bytes(0))
  }

  func setHidden(_ collection: UInt32, _ row: RowID, _ causal: [UInt8]) throws(StoreError) {
    mayHaveHidden = true
    upsertHidden.bind(1, Int64(collection))
    upsertHidden.bind(2, row.rawValue)
    upsertHidden.bind(3, causal)
    try upsertHidden.run()
  }

  func dropHidden(_ collection: UInt32, _ row: RowID) throws(StoreError) {
    deleteHidden.bind(1, Int64(collection))
    deleteHidden.bind(2, row.rawValue)
    try deleteHidden.run()
  }

  /// Notes that somebody deleted the row.
  func mark(_ collection: UInt32, _ row: RowID) throws(StoreError) {
    insertMark.bind(1, Int64(collection))
    insertMark.bind(2, row.rawValue)
    try insertMark.run()
  }

  func isMarked(_ collection: UInt32, _ row: RowID) throws(StoreError) -> Bool {
    selectMark.bind(1, Int64(collection))
    selectMark.bind(2, row.rawValue)
    defer { selectMark.reset() }
    return try selectMark.step()
  }

  func clearConflicts(_ collection: String, _ row: RowID) throws(StoreError) {
    deleteConflicts.bind(1, collection)
    deleteConflicts.bind(2, row.rawValue)
    try deleteConflicts.run()
  }

  func addConflict(
    _ collection: String, _ row: RowID, _ field: String, _ sibling: Sibling, shown: Bool, kind: String = "value"
  ) throws(StoreError) {
    insertConflict.bind(1, collection)
    insertConflict.bind(2, row.rawValue)
    insertConflict.bind(3, field)
    insertConflict.bind(4, Int64(sibling.stamp.dot.author.rawValue))
    insertConflict.bind(5, Int64(sibling.stamp.dot.sequence))
    insertConflict.bind(6, kind)
    insertConflict.bind(7, shown ? 1 : 0)
    insertConflict.bind(8, Int64(bitPattern: sibling.stamp.time.rawValue))
    insertConflict.bind(9, sibling.value)
    try insertConflict.run()
  }
}
