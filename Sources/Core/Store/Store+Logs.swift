import Causality
import ChangeModel
import Foundation
import GRDB
import SignedLog
import Sodium

/// Reading how logs stand.
extension Store {
  /// How far each log of a replica is kept and merged, by its `logs` table.
  ///
  /// - Parameter damaged: takes a row that makes no sense, and why; when it does not throw, the row is left out.
  public static func logStates(_ db: Database, damaged: (LogName?, String) throws -> Void) throws -> [LogName: LogState]
  {
    guard let connection = db.sqliteConnection else { throw StoreError.refused(0, "no connection") }
    var states: [LogName: LogState] = [:]
    let rows = try Statement(
      "SELECT lane, author, logged, logged_hash, merged, merged_hash, merged_time, clock, control FROM logs",
      on: connection)
    while try rows.step() {
      guard let lane = Lane(rawValue: UInt8(truncatingIfNeeded: rows.integer(0))),
        let author = AuthorNumber(rawValue: UInt32(truncatingIfNeeded: rows.integer(1))),
        rows.bytes(3).count == Digest.byteCount, rows.bytes(5).count == Digest.byteCount
      else {
        try damaged(nil, "logs table")
        continue
      }
      let name = LogName(lane, author)
      var state = LogState(name)
      state.logged = LogHead(sequence: SequenceNumber(truncatingIfNeeded: rows.integer(2)), hash: Digest(rows.bytes(3)))
      state.merged = LogHead(sequence: SequenceNumber(truncatingIfNeeded: rows.integer(4)), hash: Digest(rows.bytes(5)))
      state.past.sequence = state.merged.sequence
      state.past.time = HybridTime(rawValue: UInt64(bitPattern: rows.integer(6)))
      do {
        state.past.clock = try MentionedClockCodec.decode(rows.bytes(7))
        state.past.control = try MentionedClockCodec.decode(rows.bytes(8))
      } catch {
        try damaged(name, "clock of \(lane.name) \(author): \(error.reason) at \(error.offset)")
        continue
      }
      states[name] = state
    }
    try readBranches(db, into: &states)
    return states
  }

  /// Of a file that an older program left, there are none.
  private static func readBranches(_ db: Database, into states: inout [LogName: LogState]) throws {
    guard try db.tableExists("named_branches") else { return }
    for row in try Row.fetchAll(db, sql: "SELECT lane, author, other, hash FROM named_branches") {
      guard let lane = Lane(rawValue: UInt8(truncatingIfNeeded: row[0] as Int64)),
        let author = AuthorNumber(rawValue: UInt32(truncatingIfNeeded: row[1] as Int64)),
        let other = AuthorNumber(rawValue: UInt32(truncatingIfNeeded: row[2] as Int64)),
        let hash = Data.fromDatabaseValue(row[3]), hash.count == NamedBranch.hashBytes
      else { continue }
      states[LogName(lane, author)]?.past.branches[other] = [UInt8](hash)
    }
  }
}
