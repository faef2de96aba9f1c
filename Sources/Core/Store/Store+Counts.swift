import ChangeModel
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

extension StoreCounts {
  /// - Parameter path: where the database lies.
  public init(of schema: Schema, at path: String, _ db: Database) throws {
    for collection in schema.collections {
      rows[collection.name] = try Int.fetchOne(db, sql: "SELECT count(*) FROM \"\(collection.name)\"") ?? 0
    }
    conflicts =
      try Int.fetchOne(db, sql: "SELECT count(*) FROM (SELECT DISTINCT collection, row, field FROM conflicts)") ?? 0
    quarantined = try Int.fetchOne(db, sql: "SELECT count(*) FROM quarantine") ?? 0
    for file in [path, path + "-wal"] {
      bytes += (try? FileManager.default.attributesOfItem(atPath: file)[.size] as? Int) ?? 0
    }
  }
}
