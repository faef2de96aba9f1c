import GRDBSQLite

/// A plain, read-only look into a node's SQLite file, for checkers: no code of the core is on the way.
final class PlainDatabase {
  enum Cell: Hashable {
    case null
    case integer(Int64)
    case real(Double)
    case text(String)
    case blob([UInt8])

    var integer: Int64 { if case .integer(let value) = self { value } else { 0 } }
    var text: String { if case .text(let value) = self { value } else { "" } }
    var blob: [UInt8] { if case .blob(let value) = self { value } else { [] } }
  }

  struct Failure: Error { var message: String }

  private var connection: OpaquePointer?

  init(_ path: String) throws(Failure) {
    guard sqlite3_open_v2(path, &connection, SQLITE_OPEN_READWRITE, nil) == SQLITE_OK else {
      throw Failure(message: connection.map { String(cString: sqlite3_errmsg($0)) } ?? "cannot open")
    }
  }

  deinit { sqlite3_close_v2(connection) }

  func rows(_ sql: String) throws(Failure) -> [[Cell]] {
    var rows: [[Cell]] = []
    try each(sql) { rows.append($0) }
    return rows
  }

  func each(_ sql: String, _ body: ([Cell]) -> Void) throws(Failure) {
    var statement: OpaquePointer?
    guard sqlite3_prepare_v2(connection, sql, -1, &statement, nil) == SQLITE_OK else { throw failure() }
    defer { sqlite3_finalize(statement) }
    while true {
      switch sqlite3_step(statement) {
      case SQLITE_ROW: body((0..<sqlite3_column_count(statement)).map { cell(statement, $0) })
      case SQLITE_DONE: return
      default: throw failure()
      }
    }
  }

  private func cell(_ statement: OpaquePointer?, _ column: Int32) -> Cell {
    switch sqlite3_column_type(statement, column) {
    case SQLITE_INTEGER: return .integer(sqlite3_column_int64(statement, column))
    case SQLITE_FLOAT: return .real(sqlite3_column_double(statement, column))
    case SQLITE_TEXT: return .text(String(cString: sqlite3_column_text(statement, column)))
    case SQLITE_BLOB:
      let bytes = UnsafeRawBufferPointer(
        start: sqlite3_column_blob(statement, column), count: Int(sqlite3_column_bytes(statement, column)))
      return .blob([UInt8](bytes))
    default: return .null
    }
  }

  private func failure() -> Failure { Failure(message: String(cString: sqlite3_errmsg(connection))) }
}
