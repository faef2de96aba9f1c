import ChangeModel
import GRDBSQLite

/// A prepared statement on the raw handle: prepared once, used for every row. On the path that merges batches, GRDB's
/// own binding takes twice the time (measured: 2.2 times the C API against 1.1).
final class Statement {
  private let handle: OpaquePointer
  private let connection: OpaquePointer

  /// SQLite copies the bytes at once.
  private static let copying = unsafeBitCast(-1, to: sqlite3_destructor_type.self)

  /// Where bound bytes lie until the statement has run, so that SQLite allocates nothing for them. What does not fit is
  /// copied by SQLite. Invariant: every parameter is bound anew before each run.
  private let arena = UnsafeMutablePointer<UInt8>.allocate(capacity: Statement.arenaBytes)
  private var arenaUsed = 0
  private static let arenaBytes = 8 * 1024

  init(_ sql: String, on connection: OpaquePointer) throws(StoreError) {
    var handle: OpaquePointer?
    let code = sqlite3_prepare_v3(connection, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &handle, nil)
    guard code == SQLITE_OK, let handle else {
      throw StoreError(sqlite3_extended_errcode(connection), String(cString: sqlite3_errmsg(connection)))
    }
    self.handle = handle
    self.connection = connection
  }

  deinit {
    sqlite3_finalize(handle)
    arena.deallocate()
  }

  // MARK: Binding, from 1

  func bind(_ index: Int32, _ value: Int64) { sqlite3_bind_int64(handle, index, value) }

  func bind(_ index: Int32, _ bytes: [UInt8]) {
    // An empty array must be an empty blob, not NULL.
    guard !bytes.isEmpty else {
      sqlite3_bind_zeroblob(handle, index, 0)
      return
    }
    bytes.withUnsafeBufferPointer { bytes in
      let kept = keep(bytes).map { UnsafePointer($0) }
      sqlite3_bind_blob64(
        handle, index, kept ?? bytes.baseAddress, UInt64(bytes.count), kept == nil ? Self.copying : nil)
    }
  }

  func bind(_ index: Int32, _ text: String) {
    var text = text
    text.withUTF8 { utf8 in
      let kept = keep(utf8)
      let start = UnsafeRawPointer(kept.map { UnsafePointer($0) } ?? utf8.baseAddress)
      // The pointer of an empty text may be nil, which SQLite would take for NULL.
      _ = withUnsafePointer(to: CChar(0)) { empty in
        sqlite3_bind_text64(
          handle, index, start?.assumingMemoryBound(to: CChar.self) ?? empty, UInt64(utf8.count),
          kept == nil ? Self.copying : nil, UInt8(SQLITE_UTF8))
      }
    }
  }

  @inline(__always)
  private func keep(_ bytes: UnsafeBufferPointer<UInt8>) -> UnsafeMutablePointer<UInt8>? {
    guard let start = bytes.baseAddress, arenaUsed + bytes.count <= Self.arenaBytes else { return nil }
    let place = arena + arenaUsed
    place.update(from: start, count: bytes.count)
    arenaUsed += bytes.count
    return place
  }

  func bind(_ index: Int32, _ value: Value) {
    switch value {
    case .null: sqlite3_bind_null(handle, index)
    case .integer(let number): bind(index, number)
    case .real(let number): sqlite3_bind_double(handle, index, number)
    case .text(let text): bind(index, text)
    case .bytes(let bytes): bind(index, bytes)
    }
  }

  // MARK: Running

  /// Whether there is a row. Resets itself after the last.
  func step() throws(StoreError) -> Bool {
    switch sqlite3_step(handle) {
    case SQLITE_ROW: return true
    case SQLITE_DONE:
      reset()
      return false
    default:
      let error = StoreError(sqlite3_extended_errcode(connection), String(cString: sqlite3_errmsg(connection)))
      reset()
      throw error
    }
  }

  /// For a statement without rows.
  func run() throws(StoreError) {
    while try step() {}
  }

  func reset() {
    sqlite3_reset(handle)
    arenaUsed = 0
  }

  // MARK: Columns, from 0, of the current row

  func integer(_ column: Int32) -> Int64 { sqlite3_column_int64(handle, column) }

  /// Valid until the next step or reset.
  func bytes(_ column: Int32) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: sqlite3_column_blob(handle, column), count: Int(sqlite3_column_bytes(handle, column)))
  }

  func value(_ column: Int32) -> Value {
    switch sqlite3_column_type(handle, column) {
    case SQLITE_INTEGER: .integer(integer(column))
    case SQLITE_FLOAT: .real(sqlite3_column_double(handle, column))
    case SQLITE_TEXT:
      .text(
        String(
          decoding: UnsafeRawBufferPointer(
            start: sqlite3_column_text(handle, column), count: Int(sqlite3_column_bytes(handle, column))), as: UTF8.self
        ))
    case SQLITE_BLOB: .bytes([UInt8](bytes(column)))
    default: .null
    }
  }

  var columnCount: Int32 { sqlite3_column_count(handle) }
}
