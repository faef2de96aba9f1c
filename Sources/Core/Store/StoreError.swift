import ChangeModel
import GRDB
import GRDBSQLite

/// Why the database could not do what was asked. Nothing acknowledged is lost by any of these: a transaction that
/// fails leaves the file as it was before.
public enum StoreError: Error, Hashable, Sendable, CustomStringConvertible {
  /// No space is left. Free some: the node goes on by itself.
  case diskFull
  /// Reading or writing the disk failed (SQLite's extended code).
  case inputOutput(Int32)
  /// The file is not what this program wrote: a damaged page, or not a database.
  case damaged(String)
  /// The file holds change sets of format 1, which no program reads any more.
  case olderFormat
  /// The file was written by a newer program.
  case newerFormat(found: Int, known: Int)
  /// Another process holds the file.
  case busy
  /// SQLite refused for another reason (its extended code and message).
  case refused(Int32, String)

  public var description: String {
    switch self {
    case .diskFull: "the disk is full"
    case .inputOutput(let code): "the disk cannot be read or written (\(code))"
    case .damaged(let what): "the database is damaged: \(what)"
    case .olderFormat: "the file is of format 1, of release 0.1: format 2 begins anew"
    case .newerFormat(let found, let known): "the file is a newer program's (\(found) > \(known))"
    case .busy: "another program holds the file"
    case .refused(let code, let message): "SQLite: \(message) (\(code))"
    }
  }

  init(_ code: Int32, _ message: String) {
    switch code & 0xff {
    case SQLITE_FULL: self = .diskFull
    case SQLITE_IOERR, SQLITE_CANTOPEN, SQLITE_READONLY: self = .inputOutput(code)
    case SQLITE_CORRUPT, SQLITE_NOTADB: self = .damaged(message)
    case SQLITE_BUSY, SQLITE_LOCKED: self = .busy
    default: self = .refused(code, message)
    }
  }

  /// Any error thrown inside a database access, as ours.
  public static func of(_ error: any Error) -> StoreError {
    switch error {
    case let error as StoreError: error
    case let error as DatabaseError: StoreError(error.extendedResultCode.rawValue, error.message ?? "")
    case let error as MalformedBytes: .damaged("\(error.reason) at \(error.offset)")
    default: .refused(0, String(describing: error))
    }
  }
}
