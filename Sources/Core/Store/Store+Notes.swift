import Causality
import ChangeModel
import Foundation
import GRDB
import SignedLog

/// What a node notes for itself, beside the shared tables: members, settings, keys, what peers said, what was set aside.
extension Store {
  /// Within `write`: keeps a member with the certificate that counts.
  public func setMember(_ node: AuthorNumber, certificate: [UInt8]) throws(StoreError) {
    do {
      try pool.unsafeReentrantWrite { db in
        try db.execute(
          sql: "INSERT OR REPLACE INTO members (node, certificate) VALUES (?, ?)",
          arguments: [Int64(node.rawValue), Data(certificate)])
      }
    } catch { throw StoreError.of(error) }
  }

  /// Within `write`: keeps a revocation or fork proof.
  public func addFact(_ bytes: [UInt8]) throws(StoreError) {
    do {
      try pool.unsafeReentrantWrite { db in
        try db.execute(sql: "INSERT OR IGNORE INTO facts (bytes) VALUES (?)", arguments: [Data(bytes)])
      }
    } catch { throw StoreError.of(error) }
  }

  /// The revocations and fork proofs that are known.
  public static func facts(_ db: Database) throws -> [[UInt8]] {
    try Data.fetchAll(db, sql: "SELECT bytes FROM facts ORDER BY bytes").map { [UInt8]($0) }
  }

  /// The logs of which something is kept apart.
  public func logsSetAside() throws(StoreError) -> [LogName] {
    try readOwn { db in
      try Row.fetchAll(db, sql: "SELECT DISTINCT lane, author FROM set_aside ORDER BY 1, 2").compactMap { row in
        guard let lane = Lane(rawValue: UInt8(truncatingIfNeeded: row[0] as Int64)),
          let author = AuthorNumber(rawValue: UInt32(truncatingIfNeeded: row[1] as Int64))
        else { return nil }
        return LogName(lane, author)
      }
    }
  }

  /// Within `write`: what is kept apart is in its log again.
  public func forgetSetAside(_ log: LogName, after head: LogHead) throws(StoreError) {
    do {
      try pool.unsafeReentrantWrite { db in
        try db.cachedStatement(
          sql: "DELETE FROM set_aside WHERE lane = ? AND author = ? AND sequence = ? AND previous = ?"
        ).execute(arguments: [
          Int64(log.lane.rawValue), Int64(log.author.rawValue), Int64(head.sequence) + 1, Data(head.hash.bytes),
        ])
      }
    } catch { throw StoreError.of(error) }
  }

  /// The change set kept apart that followed `head`; nil when there is none.
  ///
  /// - Parameter orAdopted: also one that this node has said again as its own word.
  public func setAsideEntry(
    _ log: LogName, after head: LogHead, orAdopted: Bool = false
  ) throws(StoreError) -> [UInt8]? {
    do {
      return try pool.unsafeReentrantWrite { db in
        try Data.fetchOne(
          db,
          sql:
            "SELECT bytes FROM set_aside WHERE lane = ? AND author = ? AND sequence = ? AND previous = ? AND adopted <= ?",
          arguments: [
            Int64(log.lane.rawValue), Int64(log.author.rawValue), Int64(head.sequence) + 1, Data(head.hash.bytes),
            orAdopted ? 1 : 0,
          ]
        ).map { [UInt8]($0) }
      }
    } catch { throw StoreError.of(error) }
  }

  /// Within `write`: what a change set said that is kept apart is in a log again, as far as this node could say it. It stays.
  public func markAdopted(_ entry: VerifiedEntry) throws(StoreError) {
    do {
      try pool.unsafeReentrantWrite { db in
        try db.cachedStatement(
          sql: "UPDATE set_aside SET adopted = 1 WHERE lane = ? AND author = ? AND sequence = ? AND previous = ?"
        ).execute(arguments: [
          Int64(entry.log.lane.rawValue), Int64(entry.log.author.rawValue), Int64(entry.sequence),
          Data(entry.previous.hash.bytes),
        ])
      }
    } catch { throw StoreError.of(error) }
  }

  public func nodeState(_ key: String) throws(StoreError) -> Int64? {
    do {
      return try pool.unsafeReentrantWrite { db in
        try Int64.fetchOne(db, sql: "SELECT value FROM node_state WHERE key = ?", arguments: [key])
      }
    } catch { throw StoreError.of(error) }
  }

  /// Within `write`.
  public func setNodeState(_ key: String, _ value: Int64) throws(StoreError) {
    do {
      try pool.unsafeReentrantWrite { db in
        try db.cachedStatement(
          sql:
            "INSERT INTO node_state (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value"
        ).execute(arguments: [key, value])
      }
    } catch { throw StoreError.of(error) }
  }

  /// The audience keys that the personal tables were made with. Sorted.
  public func openKeys() throws(StoreError) -> [AudienceKeyID] { try readOwn { try Self.openKeys($0) } }

  public static func openKeys(_ db: Database) throws -> [AudienceKeyID] {
    try Int64.fetchAll(
      db, sql: "SELECT CAST(substr(key, 10) AS INTEGER) FROM node_state WHERE key LIKE 'open key %' ORDER BY 1"
    ).map { AudienceKeyID(truncatingIfNeeded: $0) }
  }

  /// Within `write`.
  public func setOpenKeys(_ keys: [AudienceKeyID]) throws(StoreError) {
    do {
      try pool.unsafeReentrantWrite { db in
        try db.execute(sql: "DELETE FROM node_state WHERE key LIKE 'open key %'")
        for key in keys {
          try db.execute(sql: "INSERT INTO node_state (key, value) VALUES (?, 1)", arguments: ["open key \(key)"])
        }
      }
    } catch { throw StoreError.of(error) }
  }

  /// Within `write`: keeps how far a peer says that it has each log, until it says more on another link.
  public func setTold(_ peer: AuthorNumber, _ heads: [LogName: SequenceNumber]) throws(StoreError) {
    var writer = ByteWriter(capacity: heads.count * 10)
    for (log, sequence) in heads.sorted(by: { $0.key < $1.key }) where sequence > 0 {
      writer.bigEndian(EntryID.rawValue(log, sequence))
    }
    do {
      try pool.unsafeReentrantWrite { db in
        try db.execute(
          sql: "INSERT OR REPLACE INTO node_state (key, value) VALUES (?, ?)",
          arguments: ["told \(peer.node.rawValue)", Data(writer.bytes)])
      }
    } catch { throw StoreError.of(error) }
  }

  /// How far each peer said on its last link that it has each log.
  public static func told(_ db: Database) throws -> [AuthorNumber: [LogName: SequenceNumber]] {
    var result: [AuthorNumber: [LogName: SequenceNumber]] = [:]
    let rows = try Row.fetchAll(db, sql: "SELECT key, value FROM node_state WHERE key LIKE 'told %'")
    for row in rows {
      guard case .string(let key) = (row[0] as DatabaseValue).storage,
        case .blob(let heads) = (row[1] as DatabaseValue).storage,
        let node = UInt32(key.dropFirst(5)).flatMap(AuthorNumber.init)
      else { continue }
      result[node] = [:]
      heads.withUnsafeBytes { raw in
        var reader = ByteReader(raw)
        while let id = try? reader.bigEndian(Int64.self) {
          guard let (log, sequence) = EntryID.name(id) else { continue }
          result[node]![log] = sequence
        }
      }
    }
    return result
  }

  /// The newest of these that are kept; older ones go.
  private static let quarantineLimit = 4_096

  /// Within `write`: notes what was refused or set aside.
  public func quarantine(
    _ name: LogName?, _ sequence: SequenceNumber?, source: String, reason: String, at now: Instant
  ) throws(StoreError) {
    do {
      try pool.unsafeReentrantWrite { db in
        try db.execute(
          sql: "INSERT INTO quarantine (at, lane, author, sequence, source, reason) VALUES (?, ?, ?, ?, ?, ?)",
          arguments: [
            now.milliseconds, name.map { Int64($0.lane.rawValue) }, name.map { Int64($0.author.rawValue) },
            sequence.map { Int64($0) }, source, reason,
          ])
        try db.execute(
          sql: "DELETE FROM quarantine WHERE id <= (SELECT max(id) FROM quarantine) - ?",
          arguments: [Self.quarantineLimit])
      }
    } catch { throw StoreError.of(error) }
  }
}
