import Causality
import Foundation
import GRDB

/// What somebody said to this node without signing in: nobody's proven word, in no log and on no link, until somebody of the
/// staff admits or dismisses it.
public struct WaitingReport: Sendable {
  public let id: Int64
  public let at: Instant
  /// Whence it came, and the network of which that is a part: a whole network counts as one sender where room is short.
  public let address: String
  public let block: String
  /// It asks for help: it comes first, and goes last.
  public let isUrgent: Bool
  /// What was said, as its service wrote it down.
  public let content: [UInt8]

  init(_ row: Row) {
    id = row[0]
    at = Instant(milliseconds: row[1])
    address = row[2]
    block = row[3]
    isUrgent = row[4] as Int64 == 1
    content = [UInt8](row[5] as Data)
  }
}

extension Store {
  /// Reports that wait from one network, and in all: so many people can read in a night, and so much lies on the disk (some
  /// 3 KB each).
  public static let waitingLimits = (block: 200, all: 5_000)
  private static let lost = "waiting reports lost"
  private static let columns = "id, at, address, block, urgent, content"

  /// Within `write`: keeps a report. Past the limits the one goes whose sender has most of them, of those the oldest, and
  /// calls for help last: one sender's many cannot push out another's one.
  public func keepWaiting(
    _ content: [UInt8], isUrgent: Bool, from address: String, of block: String, at now: Instant
  ) throws(StoreError) {
    do {
      try pool.unsafeReentrantWrite { db in
        try db.cachedStatement(
          sql: "INSERT INTO waiting_reports (at, address, block, urgent, content) VALUES (?, ?, ?, ?, ?)"
        ).execute(arguments: [now.milliseconds, address, block, isUrgent ? 1 : 0, Data(content)])
        var fullest: String? = block
        if try Self.waitingCount(db, of: block) <= Self.waitingLimits.block {
          fullest =
            try Self.waitingCount(db) <= Self.waitingLimits.all
            ? nil
            : String.fetchOne(
              db, sql: "SELECT block FROM waiting_reports GROUP BY block ORDER BY count(*) DESC, min(id) LIMIT 1")
        }
        guard let fullest else { return }
        try db.execute(
          sql: """
            DELETE FROM waiting_reports WHERE id = (
              SELECT id FROM waiting_reports w WHERE block = ?1 ORDER BY
                (SELECT count(*) FROM waiting_reports o WHERE o.block = ?1 AND o.address = w.address) DESC, urgent, id
              LIMIT 1)
            """, arguments: [fullest])
        try db.execute(
          sql:
            "INSERT INTO node_state (key, value) VALUES (?, 1) ON CONFLICT (key) DO UPDATE SET value = value + 1",
          arguments: [Self.lost])
      }
    } catch { throw StoreError.of(error) }
  }

  private static func waitingCount(_ db: Database, of block: String? = nil) throws -> Int {
    try Int.fetchOne(
      db.cachedStatement(sql: "SELECT count(*) FROM waiting_reports WHERE ?1 IS NULL OR block = ?1"), arguments: [block]
    ) ?? 0
  }

  /// Calls for help first, then the newest first.
  ///
  /// - Parameter sender: of one address or one network alone, when not nil.
  public static func waiting(_ db: Database, from sender: String? = nil) throws -> [WaitingReport] {
    try Row.fetchAll(
      db.cachedStatement(
        sql:
          "SELECT \(columns) FROM waiting_reports WHERE ?1 IS NULL OR ?1 IN (address, block) ORDER BY urgent DESC, id DESC"
      ),
      arguments: [sender]
    ).map { WaitingReport($0) }
  }

  /// How many ask for help.
  public static func waitingCalls(_ db: Database) throws -> Int {
    try Int.fetchOne(db, sql: "SELECT count(*) FROM waiting_reports WHERE urgent = 1") ?? 0
  }

  /// How many went because there were too many, since there were last none.
  public static func waitingLost(_ db: Database) throws -> Int64 {
    try Int64.fetchOne(db, sql: "SELECT value FROM node_state WHERE key = ?", arguments: [lost]) ?? 0
  }

  /// Within `write`: one report; nil when it is gone.
  public func waitingReport(_ id: Int64) throws(StoreError) -> WaitingReport? {
    try readOwn { db in
      try Row.fetchOne(
        db.cachedStatement(sql: "SELECT \(Self.columns) FROM waiting_reports WHERE id = ?"), arguments: [id]
      ).map { WaitingReport($0) }
    }
  }

  /// Within `write`: a report waits no longer.
  ///
  /// - Parameter older: nor do those that came before it from the same address.
  /// - Returns: how many went.
  @discardableResult
  public func dropWaiting(_ report: WaitingReport, andOlder older: Bool = false) throws(StoreError) -> Int {
    do {
      return try pool.unsafeReentrantWrite { db in
        try db.execute(
          sql: "DELETE FROM waiting_reports WHERE id = ?1 OR (?2 AND address = ?3 AND id < ?1)",
          arguments: [report.id, older, report.address])
        let count = db.changesCount
        if try Self.waitingCount(db) == 0 {
          try db.execute(sql: "DELETE FROM node_state WHERE key = ?", arguments: [Self.lost])
        }
        return count
      }
    } catch { throw StoreError.of(error) }
  }
}
