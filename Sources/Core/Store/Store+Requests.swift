import Foundation
import GRDB

/// Writes that a caller may send again, not knowing whether they arrived: each is done once, and answered the same again.
/// After draft-ietf-httpapi-idempotency-key-header.
///
/// They are forgotten by how many came after them and never by a clock: a clock that was wrong for a moment would forget what
/// a tablet is about to send again.
extension Store {
  /// So many requests are remembered: some hundred bytes each, and more than a ward's desks enter in the weeks for which a
  /// tablet may be without its node.
  static let rememberedRequests = 1_000_000
  /// So many with their answers, a kilobyte or so each; of older ones it is known that they were done.
  static let rememberedAnswers = 50_000
  /// The oldest are looked for once in so many requests, since that reads an index.
  static let requestsBetweenForgetting: Int64 = 1_024

  /// Within `write`: what was sent with a request's key before, and what was answered (empty where that is not remembered any
  /// more); nil for a new one.
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
  /// - Parameters:
  ///   - content: a hash of what was sent.
  ///   - now: where the count begins, for the first request of all; the others follow it one by one.
  public func keepAnswer(
    _ answer: [UInt8], toRequest key: [UInt8], with content: [UInt8], at now: Int64
  ) throws(StoreError) {
    do {
      try pool.unsafeReentrantWrite { db in
        let last = try Int64.fetchOne(db.cachedStatement(sql: "SELECT max(at) FROM answered_requests"))
        let place = last.map { $0 &+ 1 } ?? now
        try db.cachedStatement(sql: "INSERT INTO answered_requests (key, at, content, answer) VALUES (?, ?, ?, ?)")
          .execute(arguments: [Data(key), place, Data(content), Data(answer)])
        guard place % Self.requestsBetweenForgetting == 0 else { return }
        try Self.forget(db)
      }
    } catch { throw StoreError.of(error) }
  }

  /// - Parameters:
  ///   - requests: so many are left.
  ///   - answers: so many of them with their answers.
  static func forget(
    _ db: Database, requests: Int = rememberedRequests, answers: Int = rememberedAnswers
  ) throws {
    // The place of the newest that goes; none where there are not so many.
    let newest = "(SELECT at FROM answered_requests ORDER BY at DESC LIMIT 1 OFFSET ?)"
    try db.cachedStatement(sql: "DELETE FROM answered_requests WHERE at <= \(newest)").execute(arguments: [requests])
    // What was before those was emptied the last time.
    try db.cachedStatement(
      sql: """
        WITH newest AS MATERIALIZED \(newest) UPDATE answered_requests SET answer = x''
        WHERE at <= (SELECT at FROM newest) AND at > (SELECT at FROM newest) - ?
        """
    ).execute(arguments: [answers, 2 * requestsBetweenForgetting])
  }
}
