import GRDB

extension Store {
  /// Pages after which a commit brings the write-ahead log into the file, and the bytes that the log keeps when it begins anew:
  /// as many. A reader that stays open makes it longer; that room is given back once the reader has gone.
  static let logPages = 4_000
  static let logBytes = logPages * 4_096
  /// How long a statement waits for another process, in seconds.
  static let patience = 5

  /// Brings what is in the write-ahead log into the file.
  public func checkpoint() throws(StoreError) {
    do { try pool.writeWithoutTransaction { _ = try $0.checkpoint(.truncate) } } catch { throw StoreError.of(error) }
  }

  /// Gives the write-ahead log's room back, if nobody reads: waits for nobody.
  ///
  /// - Returns: false when a reader holds it.
  public func giveLogBack() throws(StoreError) -> Bool {
    do {
      return try pool.writeWithoutTransaction { db in
        _ = try Int.fetchOne(db, sql: "PRAGMA busy_timeout = 0")
        defer { _ = try? Int.fetchOne(db, sql: "PRAGMA busy_timeout = \(Self.patience * 1_000)") }
        return try Int.fetchOne(db, sql: "PRAGMA wal_checkpoint(TRUNCATE)") == 0
      }
    } catch {
      let failure = StoreError.of(error)
      guard failure == .busy else { throw failure }
      return false
    }
  }
}
