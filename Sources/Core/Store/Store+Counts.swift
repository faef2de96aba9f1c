import Foundation
import GRDB

/// Sizes for reports.
public struct StoreCounts: Sendable {
  /// By collection name.
  public var rows: [String: Int] = [:]
  /// Fields in conflict, and deletions in conflict with edits.
  public var conflicts = 0
  public var quarantined = 0
  /// Of the database file and its write-ahead log.
  public var bytes = 0
}

extension Store {
  public func counts() throws(StoreError) -> StoreCounts {
    var counts = try read { db in
      var counts = StoreCounts()
      for collection in schema.collections {
        counts.rows[collection.name] = try Int.fetchOne(db, sql: "SELECT count(*) FROM \"\(collection.name)\"") ?? 0
      }
      counts.conflicts =
        try Int.fetchOne(
          db, sql: "SELECT count(*) FROM (SELECT DISTINCT collection, row, field FROM conflicts)") ?? 0
      counts.quarantined = try Int.fetchOne(db, sql: "SELECT count(*) FROM quarantine") ?? 0
      return counts
    }
    for file in [path, path + "-wal"] {
      counts.bytes += (try? FileManager.default.attributesOfItem(atPath: file)[.size] as? Int) ?? 0
    }
    return counts
  }
}
