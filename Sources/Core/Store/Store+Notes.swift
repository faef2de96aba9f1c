import Causality
import ChangeModel
import Foundation
import GRDB
import SignedLog
import Sodium

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
  public func forgetSetAside(_ log: LogName, _ head: LogHead) throws(StoreError) {
    do {
      try pool.unsafeReentrantWrite { db in
        try db.cachedStatement(sql: "DELETE FROM set_aside WHERE lane = ? AND author = ? AND sequence = ? AND hash = ?")
          .execute(arguments: Self.place(of: head, in: log))
      }
    } catch { throw StoreError.of(error) }
  }

  private static func place(of head: LogHead, in log: LogName) -> StatementArguments {
    [Int64(log.lane.rawValue), Int64(log.author.rawValue), Int64(head.sequence), Data(head.hash.bytes)]
  }

  /// The change sets kept apart that followed `head`, by their hashes: of each branch one.
  ///
  /// - Parameter orAdopted: also those that this node has said again as its own word.
  public func setAsideEntries(
    _ log: LogName, after head: LogHead, orAdopted: Bool = false
  ) throws(StoreError) -> [[UInt8]] {
    try readOwn { db in
      try Data.fetchAll(
        db,
        sql: """
          SELECT bytes FROM set_aside WHERE lane = ? AND author = ? AND sequence = ? AND previous = ? AND (? OR adopted <> -1)
          ORDER BY hash
          """,
        arguments: Self.place(of: LogHead(sequence: head.sequence + 1, hash: head.hash), in: log) + [orAdopted]
      ).map { [UInt8]($0) }
    }
  }

  /// The change set kept apart whose place and hash these are, and what it followed.
  public func setAsideEntry(_ log: LogName, at head: LogHead) throws(StoreError) -> (bytes: [UInt8], previous: LogHead)?
  {
    try readOwn { db in
      try Row.fetchOne(
        db, sql: "SELECT bytes, previous FROM set_aside WHERE lane = ? AND author = ? AND sequence = ? AND hash = ?",
        arguments: Self.place(of: head, in: log)
      ).flatMap { row in
        guard let bytes = Data.fromDatabaseValue(row[0]), let hash = Data.fromDatabaseValue(row[1]),
          hash.count == Digest.byteCount
        else { return nil }
        return ([UInt8](bytes), LogHead(sequence: head.sequence - 1, hash: Digest(hash)))
      }
    }
  }

  /// Within `write`: keeps a void change set apart; one that is there stays as it is.
  ///
  /// - Parameter isReturned: another node handed it back: it was not in this node's log.
  public func keepApart(_ entry: VerifiedEntry, isReturned: Bool, at now: Instant) throws(StoreError) {
    do {
      try pool.unsafeReentrantWrite { db in
        try db.cachedStatement(
          sql: """
            INSERT OR IGNORE INTO set_aside (lane, author, sequence, hash, previous, at, returned, bytes)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?)
            """
        ).execute(
          arguments: Self.place(of: entry.head, in: entry.log) + [
            Data(entry.previous.hash.bytes), now.milliseconds, isReturned ? 1 : 0, Data(entry.bytes),
          ])
      }
    } catch { throw StoreError.of(error) }
  }

  /// What this node has said again of a change set that is kept apart, as whom, and whether another node handed it back.
  public struct SetAsideNote: Sendable {
    /// A bit for each section.
    public var adopted: Int64
    public var by: AuthorNumber?
    public var isReturned: Bool
  }

  public func setAsideNote(_ log: LogName, _ head: LogHead) throws(StoreError) -> SetAsideNote? {
    try readOwn { db in
      try Row.fetchOne(
        db,
        sql:
          "SELECT adopted, adopted_by, returned FROM set_aside WHERE lane = ? AND author = ? AND sequence = ? AND hash = ?",
        arguments: Self.place(of: head, in: log)
      ).map { row in
        SetAsideNote(
          adopted: row[0],
          by: (row[1] as Int64?).flatMap { UInt32(exactly: $0) }.flatMap { AuthorNumber(rawValue: $0) },
          isReturned: (row[2] as Int64) == 1)
      }
    }
  }

  /// Within `write`: sections of a change set that is kept apart are in a log again, as this author's word. It stays.
  ///
  /// - Parameter sections: a bit for each; -1 for all.
  public func markAdopted(
    _ log: LogName, _ head: LogHead, sections: Int64, by author: AuthorNumber
  ) throws(StoreError) {
    do {
      try pool.unsafeReentrantWrite { db in
        try db.cachedStatement(
          sql: """
            UPDATE set_aside SET adopted = adopted | ?, adopted_by = ?
            WHERE lane = ? AND author = ? AND sequence = ? AND hash = ?
            """
        ).execute(arguments: [sections, Int64(author.rawValue)] + Self.place(of: head, in: log))
      }
    } catch { throw StoreError.of(error) }
  }

  /// Change sets kept apart that were in this node's log, for `HandBack`: the oldest first.
  public func setAsideHere(limit: Int) throws(StoreError) -> [(log: LogName, head: LogHead, at: Instant)] {
    try readOwn { db in
      try Row.fetchAll(
        db,
        sql:
          "SELECT lane, author, sequence, hash, at FROM set_aside WHERE returned = 0 ORDER BY at, lane, author, sequence LIMIT ?",
        arguments: [limit]
      ).compactMap { row in
        guard let lane = Lane(rawValue: UInt8(truncatingIfNeeded: row[0] as Int64)),
          let author = AuthorNumber(rawValue: UInt32(truncatingIfNeeded: row[1] as Int64)),
          let hash = Data.fromDatabaseValue(row[3]), hash.count == Digest.byteCount
        else { return nil }
        let head = LogHead(sequence: SequenceNumber(truncatingIfNeeded: row[2] as Int64), hash: Digest(hash))
        return (LogName(lane, author), head, Instant(milliseconds: row[4]))
      }
    }
  }

  /// Within `write`: nothing is to be handed back of this one any more.
  public func markHandedBack(_ log: LogName, _ head: LogHead) throws(StoreError) {
    do {
      try pool.unsafeReentrantWrite { db in
        try db.cachedStatement(
          sql: "UPDATE set_aside SET returned = 2 WHERE lane = ? AND author = ? AND sequence = ? AND hash = ?"
        ).execute(arguments: Self.place(of: head, in: log))
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

  /// What follows `prefix` in the keys that begin with it.
  public func nodeStates(_ prefix: String) throws(StoreError) -> [String] {
    do {
      return try pool.unsafeReentrantWrite { db in
        try String.fetchAll(
          db, sql: "SELECT substr(key, length(?1) + 1) FROM node_state WHERE substr(key, 1, length(?1)) = ?1",
          arguments: [prefix])
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
