import Causality
import ChangeModel
import Federation
import Foundation
import GRDB
import Replica
import Sodium
import Store
import TestSupport
import Testing

/// What one ward keeps to itself, and how it is let out.
struct AudienceTests {
  static let people = CollectionSchema(
    300, "people", lane: .registry, law: .open, isPersonal: true,
    fields: [
      FieldSchema(1, "name", ja: "氏名", en: "Name"),
      FieldSchema(2, "notes", .log, .text, ja: "記録", en: "Notes"),
    ])
  static let open = CollectionSchema(
    301, "open", lane: .registry, law: .open,
    fields: [
      FieldSchema(1, "text", ja: "本文", en: "Text"),
      FieldSchema(2, "stock", .stock, .integer, ja: "在庫", en: "Stock"),
      FieldSchema(3, "notes", .log, .text, ja: "記録", en: "Notes"),
    ])
  static let kept = CollectionSchema(
    302, "kept", lane: .registry, law: .keptByMaker, fields: [FieldSchema(1, "text", ja: "本文", en: "Text")])
  static let schema = Schema([people, open, kept])

  let folder = TemporaryDirectory()
  var federation: TestFederation

  init() {
    federation = TestFederation(wards: 3, seed: 7)
    federation.emergency = true
  }

  mutating func node(ward: Int, _ key: UInt64) throws -> Replica {
    try Replica(
      path: folder.file("\(ward)-\(key).sqlite"), identity: federation.node(ward: ward, keySeed: key),
      schema: Self.schema, at: .test)
  }

  func carry(_ source: Replica, _ target: Replica, at now: Instant = .test) throws {
    for log in source.store.logNames {
      let known = target.store.logged(log)
      guard source.store.logged(log) > known else { continue }
      let entries = try source.store.entries(log, from: known + 1, byteLimit: 1 << 24)
      _ = try target.batch(at: now) {
        _ = try target.receive(Run(log, first: known + 1, entries: entries), from: "test", at: now)
      }
    }
  }

  func names(_ replica: Replica) throws -> [String] {
    try replica.store.read { try String.fetchAll($0, sql: "SELECT name FROM people ORDER BY id") }
  }

  func register(_ name: String, on replica: Replica) throws -> RowID {
    let row = try replica.newRows(1)[0]
    var draft = Draft(.registry)
    draft.edit(
      Self.people, row, [FieldEdit(1, .set(.text(name))), FieldEdit(2, .append(.text("受付")))],
      for: .ward(replica.author.ward, .identity))
    draft.edit(Self.open, row, [FieldEdit(1, .set(.text("人を一人登録"))), FieldEdit(3, .append(.text("公開の記録")))])
    _ = try replica.commit(draft, at: .test)
    return row
  }

  @Test mutating func `another ward reads nothing until it is let in, and nothing after`() throws {
    let (home, colleague, other) = (try node(ward: 0, 1), try node(ward: 0, 2), try node(ward: 1, 3))
    _ = try register("秘密野 花子", on: home)
    let before = try home.store.tableDigest()
    try carry(home, colleague)
    try carry(home, other)
    #expect(try names(colleague) == ["秘密野 花子"])
    #expect(try names(other) == [])
    #expect(try other.store.read { try String.fetchOne($0, sql: "SELECT text FROM open") } == "人を一人登録")
    try other.store.checkpoint()
    let secret = Data("秘密野".utf8)
    for suffix in ["", "-wal"] {
      let file = try Data(contentsOf: URL(fileURLWithPath: folder.file("1-3.sqlite\(suffix)")))
      #expect(file.range(of: secret) == nil)
    }

    // The other ward's authority opens the box that was prepared for it.
    let key = Audience.ward(0, .identity).key()
    let authority = try federation.authorities[1].key(in: federation.identity).key
    let box = try other.store.read {
      try Data.fetchOne(
        $0, sql: "SELECT box FROM emergency_boxes WHERE \"key\" = ? AND ward = '13102'", arguments: [Int64(key)])
    }
    let found = [UInt8](try #require(box))
    let opened = try #require(authority.open(sealedBox: found, to: authority.publicKey))
    let sealed = try #require(other.identity.key.sealedBox(of: opened, to: other.identity.key.publicKey))
    let until = Instant.test.milliseconds + 1_000
    let grant = KeyGrant(key: key, node: other.author, box: sealed, until: until, ground: "declaration 1")
    var draft = Draft(.control, audience: .anyone)
    draft.append(grant.edit)
    _ = try other.batch(at: .test) { _ = try other.commit(draft, at: .test) }
    #expect(try names(other) == ["秘密野 花子"])
    #expect(
      try other.store.tableDigest().collections.first { $0.name == "people" }!.digest
        == before.collections.first { $0.name == "people" }!.digest)
    // What comes now is merged as it comes, and a rebuild makes the same.
    _ = try register("追加 太郎", on: home)
    try carry(home, other)
    #expect(try names(other).count == 2)
    let merged = try other.store.tableDigest()
    _ = try other.rebuild(at: .test)
    #expect(try other.store.tableDigest() == merged)
    #expect(try other.verify(scratch: folder.file("scratch.sqlite"), at: .test).isSound)

    #expect(try other.nextKeyEnd()?.milliseconds == until)
    #expect(try other.refreshKeys(at: Instant(milliseconds: until)))
    #expect(try names(other) == [])
    #expect(try other.store.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM people_notes") } == 0)
  }

  @Test mutating func `a ward that was let in cannot write in the other's name`() throws {
    let (home, other) = (try node(ward: 0, 1), try node(ward: 1, 3))
    let row = try register("秘密野 花子", on: home)
    try carry(home, other)
    var draft = Draft(.registry)
    draft.edit(Self.people, row, [FieldEdit(1, .set(.text("偽名")))], for: .ward(0, .identity))
    #expect(throws: ReplicaError.foreignAudience(.ward(0, .identity))) { try other.commit(draft, at: .test) }
    draft = Draft(.registry)
    draft.edit(Self.people, row, [FieldEdit(1, .set(.text("偽名")))])
    #expect(throws: ReplicaError.foreignAudience(.federation)) { try other.commit(draft, at: .test) }
  }

  @Test
  mutating func `a ward's own rows are edited by that ward alone, on every node, even by one that thinks otherwise`()
    throws
  {
    let (owner, other) = (try node(ward: 0, 1), try node(ward: 1, 2))
    let second = try node(ward: 0, 3)
    // A node whose program was changed: it knows nothing of the rule.
    let lax = CollectionSchema(302, "kept", lane: .registry, law: .open, fields: Self.kept.fields)
    let hostile = try Replica(
      path: folder.file("hostile.sqlite"), identity: federation.node(ward: 2, keySeed: 4),
      schema: Schema([Self.people, Self.open, lax]), at: .test)
    let row = try owner.newRows(1)[0]
    func edit(_ replica: Replica, _ text: String) throws {
      var draft = Draft(.registry)
      draft.edit(Self.kept, row, [FieldEdit(1, .set(.text(text)))])
      _ = try replica.batch(at: .test) { _ = try replica.commit(draft, at: .test) }
    }
    func text(_ replica: Replica) throws -> String? {
      try replica.store.read { try String.fetchOne($0, sql: "SELECT text FROM kept") }
    }
    try edit(owner, "区の宣言")
    for replica in [other, second, hostile] { try carry(owner, replica) }
    #expect(throws: ReplicaError.foreignRow(collection: "kept", row: row)) { try edit(other, "横取り") }
    try edit(second, "同じ区の二台目")
    try edit(hostile, "改竄")
    for replica in [owner, other] {
      try carry(second, replica)
      try carry(hostile, replica)
      #expect(try text(replica) == "同じ区の二台目")
      let noted = try replica.store.read {
        try Int.fetchOne($0, sql: "SELECT count(*) FROM quarantine WHERE reason LIKE 'a row of another ward%'")!
      }
      #expect(noted == 1)
    }
    try carry(other, owner)
    #expect(try owner.store.tableDigest().shared == other.store.tableDigest().shared)
  }

  @Test mutating func `what a ward tells another, a third cannot read`() throws {
    let (home, other, third) = (try node(ward: 0, 1), try node(ward: 1, 3), try node(ward: 2, 4))
    try carry(other, home)
    let audience = Audience.told(by: 0, to: 1)
    var draft = Draft(.registry)
    draft.edit(Self.people, try home.newRows(1)[0], [FieldEdit(1, .set(.text("同意済 花子")))], for: audience)
    _ = try home.commit(draft, at: .test)
    let secret = try #require(home.identity.keyring[audience.key()]).withSecretBytes { $0 }
    let box = try #require(home.identity.key.sealedBox(of: secret, to: other.identity.key.publicKey))
    var grants = Draft(.control, audience: .anyone)
    grants.append(KeyGrant(key: audience.key(), node: other.author, box: box, until: nil, ground: "consent 1").edit)
    _ = try home.commit(grants, at: .test)
    for node in [other, third] { try carry(home, node) }
    #expect(try names(home) == ["同意済 花子"])
    #expect(try names(other) == ["同意済 花子"])
    #expect(try names(third) == [])
  }

  @Test mutating func `a ward takes over what its lost node held, and no other ward can`() throws {
    let (lost, heir, other) = (try node(ward: 0, 1), try node(ward: 0, 2), try node(ward: 1, 3))
    let row = try lost.newRows(1)[0]
    func edit(_ replica: Replica, _ operation: FieldOperation) throws {
      var draft = Draft(.registry)
      draft.edit(Self.open, row, [FieldEdit(2, operation)])
      _ = try replica.commit(draft, at: .test)
    }
    try edit(lost, .receive(100))
    try edit(lost, .spend(30))
    try carry(lost, heir)
    try carry(lost, other)
    #expect(throws: ReplicaError.insufficientStock(available: 70, asked: 71)) {
      try edit(heir, .takeOver(71, from: lost.author))
    }
    try edit(heir, .takeOver(70, from: lost.author))
    try edit(heir, .spend(60))
    try carry(heir, other)
    #expect(try other.store.read { try Int.fetchOne($0, sql: "SELECT stock FROM open") } == 10)
    #expect(throws: ReplicaError.self) { try edit(other, .takeOver(1, from: lost.author)) }
  }
}
