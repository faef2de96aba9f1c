import Foundation
import GRDB

/// Writes that a caller may send again, not knowing whether they arrived: each is done once, and answered the same again.
/// After draft-ietf-httpapi-idempotency-key-header.
extension Store {
  /// So long a request is remembered, in milliseconds: a tablet may be without the node for days.
  private static let remembered: Int64 = 30 * 86_400_000

  /// Within `write`: what was sent with a request's key before, and what was answered; nil for a new one.
  public func answer(toRequest key: [UInt8]) throws(StoreError) -> (content: [UInt8], answer: [UInt8])? {
    do {
      return try pool.unsafeReentrantWrite { db in
        try Row.fetchOne(
          db.cachedStatement(sql: "SELECT content, answer FROM answered_requests WHERE key = ?"), arguments: [Data(key)]
        ).map { ([UInt8]($0[0] as Data), [UInt8]($0[1] as Data)) }
      }
    } catch { throw StoreError.of(error) }
  }

  /// Within `write`: what is answered to a request, in the transaction that does what it asks.
  ///
  /// - Parameter content: a hash of what was sent.
  public func keepAnswer(
    _ answer: [UInt8], toRequest key: [UInt8], with content: [UInt8], at now: Int64
  ) throws(StoreError) {
    do {
      try pool.unsafeReentrantWrite { db in
        try db.cachedStatement(sql: "DELETE FROM answered_requests WHERE at < ?").execute(arguments: [
          now - Self.remembered
        ])
        try db.cachedStatement(sql: "INSERT INTO answered_requests (key, at, content, answer) VALUES (?, ?, ?, ?)")
          .execute(arguments: [Data(key), now, Data(content), Data(answer)])
      }
    } catch { throw StoreError.of(error) }
  }
}
