import ChangeModel
import Foundation
import GRDBSQLite

/// The floor: the same rows into the same columns of a plain SQLite table, with prepared statements on the C API and
/// the node's own pragmas. No log, no hash, no signature, no merging.
final class PlainTable {
  private var database: OpaquePointer!
  private var insert: OpaquePointer!
  private var updates: [UInt32: OpaquePointer] = [:]
  private static let copying = unsafeBitCast(-1, to: sqlite3_destructor_type.self)

  init(path: String) {
    precondition(sqlite3_open(path, &database) == SQLITE_OK)
    run(
      "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -65536; PRAGMA wal_autocheckpoint = 4000"
    )
    let columns = Workload.evacuees.fields.map(\.name)
    let types = Workload.evacuees.fields.map { "\($0.name) \($0.type == .integer ? "INTEGER" : "TEXT")" }
    run("CREATE TABLE evacuees (id INTEGER PRIMARY KEY, \(types.joined(separator: ", "))) STRICT")
    let marks = [String](repeating: "?", count: columns.count + 1).joined(separator: ", ")
    let assignments = columns.map { "\($0) = excluded.\($0)" }.joined(separator: ", ")
    insert = prepare(
      "INSERT INTO evacuees VALUES (\(marks)) ON CONFLICT (id) DO UPDATE SET \(assignments)")
    for field in Workload.evacuees.fields {
      updates[field.number] = prepare("UPDATE evacuees SET \(field.name) = ? WHERE id = ?")
    }
  }

  deinit {
    sqlite3_finalize(insert)
    for statement in updates.values { sqlite3_finalize(statement) }
    sqlite3_close(database)
  }

  /// Writes some change sets in one durable transaction.
  func write(_ changeSets: ArraySlice<[Workload.Change]>) {
    run("BEGIN IMMEDIATE")
    for change in changeSets.joined() {
      if change.isNew {
        sqlite3_bind_int64(insert, 1, change.row.rawValue)
        for (index, field) in change.fields.enumerated() { bind(insert, Int32(index + 2), field) }
        step(insert)
      } else {
        let statement = updates[change.fields[0].field]!
        bind(statement, 1, change.fields[0])
        sqlite3_bind_int64(statement, 2, change.row.rawValue)
        step(statement)
      }
    }
    run("COMMIT")
  }

  /// All in one file.
  func checkpoint() { run("PRAGMA wal_checkpoint(TRUNCATE)") }

  private func bind(_ statement: OpaquePointer, _ index: Int32, _ edit: FieldEdit) {
    guard case .set(let value) = edit.operation else { return }
    switch value {
    case .integer(let number): sqlite3_bind_int64(statement, index, number)
    case .text(var text):
      text.withUTF8 { utf8 in
        _ = utf8.withMemoryRebound(to: CChar.self) {
          sqlite3_bind_text(statement, index, $0.baseAddress, Int32(utf8.count), Self.copying)
        }
      }
    default: sqlite3_bind_null(statement, index)
    }
  }

  private func step(_ statement: OpaquePointer) {
    precondition(sqlite3_step(statement) == SQLITE_DONE)
    sqlite3_reset(statement)
  }

  private func run(_ sql: String) {
    precondition(sqlite3_exec(database, sql, nil, nil, nil) == SQLITE_OK, String(cString: sqlite3_errmsg(database)))
  }

  private func prepare(_ sql: String) -> OpaquePointer {
    var statement: OpaquePointer?
    precondition(
      sqlite3_prepare_v2(database, sql, -1, &statement, nil) == SQLITE_OK, String(cString: sqlite3_errmsg(database)))
    return statement!
  }
}
