import Causality
import ChangeModel
import Federation
import Foundation
import GRDB
import SignedLog
import Sodium
import Store

extension Replica {
  /// The newest generation of the ward's own keys that this node holds.
  public var keyGeneration: UInt32 { keyring.generation }

  /// Takes the ward's new keys into use, and gives those whom the ward tells something the keys to go on reading it.
  ///
  /// - Throws: `foreignAudience` when they are another ward's: only its own nodes may say them.
  public func renewKeys(_ renewal: KeyRenewal, at now: Instant) throws(ReplicaError) -> ReplicaEffects {
    guard renewal.ward == author.ward else { throw .foreignAudience(.ward(renewal.ward, .identity)) }
    return try batch(at: now) {
      try self.commitControl(ControlSchema.renewing(renewal, in: self.membership.identity), at: now)
      try self.refreshKeys(at: now)
      try self.commitControl(self.tellingAnew() + self.handingOn(renewal), at: now)
    }
  }

  /// What this ward's grants of older keys let others read, with its newest.
  private func tellingAnew() throws -> [RowEdit] {
    let told = try store.readOwn { db in try KeyGrant.fetch(db) }
    return told.compactMap { grant in
      guard case .told(by: author.ward, _)? = Audience(key: grant.key), !membership.isRevoked(grant.node),
        let newest = keyring.newestKey(for: Audience(key: grant.key)!), newest > grant.key,
        let key = membership.key(of: grant.node), let secret = keyring[newest],
        let box = secret.withSecretBytes({ identity.key.sealedBox(of: $0, to: key) })
      else { return nil }
      return KeyGrant(key: newest, node: grant.node, box: box, until: grant.until, ground: grant.ground).edit
    }
  }

  /// The ward's keys that its authority cannot make, being a later one, for the nodes that were not given them.
  private func handingOn(_ renewal: KeyRenewal) throws -> [RowEdit] {
    let given = Set(try store.readOwn { db in try KeyGrant.fetch(db) }.map(\.row))
    return keyring.ids.flatMap { id -> [RowEdit] in
      guard case .ward(author.ward, _)? = Audience(key: id), Audience.generation(of: id) < renewal.firstGeneration,
        let content = keyring.content(of: id)
      else { return [] }
      return Set(renewal.keys.map(\.node)).sorted().compactMap { number in
        guard let node = AuthorNumber(rawValue: number), node != author.node, let key = membership.key(of: node),
          let box = identity.key.sealedBox(of: content, to: key)
        else { return nil }
        let grant = KeyGrant(key: id, node: node, box: box, until: nil, ground: KeyRenewal.ground)
        return given.contains(grant.row) ? nil : grant.edit
      }
    }
  }

  /// A grant takes about 150 bytes.
  private static let grantsInDraft = 200

  private func commitControl(_ edits: [RowEdit], at now: Instant) throws(ReplicaError) {
    for start in stride(from: 0, to: edits.count, by: Self.grantsInDraft) {
      var draft = Draft(.control, audience: .anyone)
      draft.edits = Array(edits[start..<min(start + Self.grantsInDraft, edits.count)])
      _ = try commit(draft, at: now)
    }
  }

  /// Drops keys whose time is over, and takes up those that have begun: what they seal leaves the tables, or enters them.
  /// Called when grants change, and by whoever keeps time, when `nextKeyEnd` comes.
  ///
  /// All that is sealed is read again for that, and anybody who tells this ward something may grant a key: after a large walk
  /// there is none for a hundred times as long, and none at all for keys under which nothing lies.
  ///
  /// - Returns: whether anything changed.
  @discardableResult
  public func refreshKeys(at now: Instant) throws(ReplicaError) -> Bool {
    let known = try openKeys()
    try loadKeys(at: now)
    let open = keyring.ids
    guard open != known, !rest.contains(now.milliseconds) else { return false }
    try transaction {
      try self.store.setOpenKeys(open)
      let isNew = known.isEmpty
      if try isNew || self.hasMet(Set(open).symmetricDifference(known)) {
        // A new file has nothing to read again.
        if !isNew {
          Probe.keyCameLater.hit()
          try self.readSealedAnew(at: now)
        }
        try self.store.setNodeState(Self.notesKeys, 1)
      }
    }
    return true
  }

  /// When the next grant ends, of those that this node reads with, or what has changed may be read.
  public func nextKeyEnd() throws(ReplicaError) -> Instant? {
    let loaded = keysLoadedAt?.milliseconds ?? 0
    return (try grants().compactMap(\.until) + [rest.upperBound]).filter { $0 > loaded }.min().map {
      Instant(milliseconds: $0)
    }
  }

  // MARK: Keys under which something lies

  private static let metKey = "met key "
  /// That keys are noted since the file was new, or since all was last read.
  private static let notesKeys = "met keys noted"

  /// Notes, once for each key, that something is kept under it.
  func meet(_ key: AudienceKeyID) throws(StoreError) {
    guard learnsKeys, try !met().contains(key) else { return }
    try store.setNodeState(Self.metKey + "\(key)", 1)
    metKeys!.insert(key)
  }

  private func hasMet(_ keys: Set<AudienceKeyID>) throws(StoreError) -> Bool {
    guard try store.nodeState(Self.notesKeys) != nil else { return true }
    return try !met().isDisjoint(with: keys)
  }

  private func met() throws(StoreError) -> Set<AudienceKeyID> {
    if let metKeys { return metKeys }
    let known = Set(try store.nodeStates(Self.metKey).compactMap { AudienceKeyID($0) })
    metKeys = known
    return known
  }

  /// How many of the ward's keys that are in use other wards' nodes were given until a time that has passed: what the ward seals
  /// from now on, whoever took them out of those nodes can read.
  public func openedKeys(at now: Instant) throws(ReplicaError) -> Int {
    let all: [KeyGrant]
    do { all = try store.readOwn { db in try KeyGrant.fetch(db) } } catch { throw .store(error) }
    let opened = all.filter { grant in
      guard case .ward(author.ward, _)? = Audience(key: grant.key), grant.node.ward != author.ward,
        let until = grant.until, until <= now.milliseconds
      else { return false }
      return keyring.newestKey(for: Audience(key: grant.key)!) == grant.key
    }
    return Set(opened.map(\.key)).count
  }

  func loadKeys(at now: Instant) throws(ReplicaError) {
    guard learnsKeys else { return }
    keysLoadedAt = now
    #if MUTANTS
      if PlantedBug.keepsClosedKeys.isPlanted {
        keyring = identity.keyring(with: try grants(), in: membership.identity)
        return
      }
    #endif
    let valid = try grants().filter { $0.until.map { $0 > now.milliseconds } ?? true }
    let ids = Set(valid.map(\.key)).union(identity.keyring.ids)
    // Opening a box costs more than all the rest of a commit.
    if Set(keyring.ids) != ids { keyring = identity.keyring(with: valid, in: membership.identity) }
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
    (sealedWalks, sectionsWalked) = (sealedWalks + 1, 0)
    defer {
      // About 100,000 sections are read in a second.
      let span = sectionsWalked < 1_000 ? 0 : Int64(sectionsWalked)
      rest = now.milliseconds..<now.milliseconds + span
    }
    try walkAgain(.sealed, at: now) { () throws(StoreError) in try store.clearTables(of: personal) }
  }
}

extension KeyGrant {
  /// The grants to one node, or all, of any replica's database.
  public static func fetch(to node: AuthorNumber? = nil, _ db: Database) throws -> [KeyGrant] {
    try Row.fetchAll(
      db, sql: "SELECT \"key\", node, box, \"until\", ground FROM key_grants WHERE node = ? OR ? IS NULL ORDER BY id",
      arguments: [node.map { Int64($0.node.rawValue) }, node.map { Int64($0.node.rawValue) }]
    ).compactMap { row in
      guard let raw = Int64.fromDatabaseValue(row["key"]), let key = AudienceKeyID(exactly: raw),
        let number = Int64.fromDatabaseValue(row["node"]), let named = UInt32(exactly: number),
        let node = AuthorNumber(rawValue: named), let box = Data.fromDatabaseValue(row["box"])
      else { return nil }
      return KeyGrant(
        key: key, node: node, box: [UInt8](box), until: Int64.fromDatabaseValue(row["until"]),
        ground: String.fromDatabaseValue(row["ground"]) ?? "")
    }
  }
}
