import Causality
import ChangeModel
import Federation
import Foundation
import GRDB
import SignedLog
import Sodium
import Store

extension Replica {
  /// The key for an audience, if this node may read it.
  func secret(toRead audience: Audience) -> AudienceKey? {
    switch audience {
    case .anyone: nil
    case .told(let from, let to) where from == author.ward: identity.disclosureKey(to: to)
    default: keyring[audience.key]
    }
  }

  /// Whether this node can read what is for `audience`.
  public func canRead(_ audience: Audience) -> Bool { audience == .anyone || secret(toRead: audience) != nil }

  /// Drops keys whose time is over, and takes up those that have begun: what they seal leaves the tables, or enters them.
  /// Called when grants change, and by whoever keeps time, when `nextKeyEnd` comes.
  ///
  /// - Returns: whether anything changed.
  @discardableResult
  public func refreshKeys(at now: Instant) throws(ReplicaError) -> Bool {
    let known = try openKeys()
    try loadKeys(at: now)
    let open = keyring.ids
    guard open != known else { return false }
    try transaction {
      try self.store.setOpenKeys(open)
      // A new file has nothing to read again.
      guard !known.isEmpty else { return }
      try self.readSealedAnew(at: now)
    }
    return true
  }

  /// When the next grant ends, of those that this node reads with.
  public func nextKeyEnd() throws(ReplicaError) -> Instant? {
    try grants().compactMap(\.until).filter { $0 > keysLoadedAt?.milliseconds ?? 0 }.min().map {
      Instant(milliseconds: $0)
    }
  }

  func loadKeys(at now: Instant) throws(ReplicaError) {
    guard learnsKeys else { return }
    keysLoadedAt = now
    #if MUTANTS
      if PlantedBug.keepsClosedKeys.isPlanted {
        keyring = identity.keyring(with: try grants())
        return
      }
    #endif
    let valid = try grants().filter { $0.until.map { $0 > now.milliseconds } ?? true }
    let ids = Set(valid.map(\.key)).union(identity.keyring.ids)
    // Opening a box costs more than all the rest of a commit.
    if Set(keyring.ids) != ids { keyring = identity.keyring(with: valid) }
  }

  private func openKeys() throws(ReplicaError) -> [AudienceKeyID] {
    do { return try store.openKeys() } catch { throw .store(error) }
  }

  /// The grants to this node, as they stand in the tables.
  private func grants() throws(ReplicaError) -> [KeyGrant] {
    do { return try store.readOwn { db in try KeyGrant.fetch(to: identity.certificate.node, db) } } catch {
      throw .store(error)
    }
  }

  /// Makes the tables of personal collections anew with the keys that are held now, within a transaction. Every log is
  /// walked, but only sealed sections are opened, and only these tables are written.
  private func readSealedAnew(at now: Instant) throws {
    let personal = Set(store.schema.collections.filter(\.isPersonal).map(\.number))
    guard !personal.isEmpty else { return }
    try walkAgain(.sealed, at: now) { () throws(StoreError) in try store.clearTables(of: personal) }
  }
}

extension KeyGrant {
  /// The grants to one node, of any replica's database.
  public static func fetch(to node: AuthorNumber, _ db: Database) throws -> [KeyGrant] {
    try Row.fetchAll(
      db, sql: "SELECT \"key\", box, \"until\", ground FROM key_grants WHERE node = ? ORDER BY id",
      arguments: [Int64(node.node.rawValue)]
    ).compactMap { row in
      guard let raw = Int64.fromDatabaseValue(row["key"]), let key = AudienceKeyID(exactly: raw),
        let box = Data.fromDatabaseValue(row["box"])
      else { return nil }
      return KeyGrant(
        key: key, node: node, box: [UInt8](box), until: Int64.fromDatabaseValue(row["until"]),
        ground: String.fromDatabaseValue(row["ground"]) ?? "")
    }
  }
}
