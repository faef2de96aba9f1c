import Causality
import ChangeModel
import Foundation
import GRDB
import Replica
import Store
import TestSupport
import Testing

/// What the disk can do to a node: it says so, and nothing acknowledged is lost.
@Suite struct StoreFailureTests {
  static func commit(_ replica: Replica, _ text: String) throws {
    var draft = Draft(.life)
    draft.edit(TestSchema.things, try replica.newRows(1)[0], [FieldEdit(1, .set(.text(text)))])
    _ = try replica.batch(at: .test) { _ = try replica.commit(draft, at: .test) }
  }

  static func count(_ replica: Replica) throws -> Int {
    try replica.store.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM things")! }
  }

  static func open(_ path: String) throws -> Replica {
    var federation = TestFederation(wards: 2)
    return try Replica(path: path, identity: federation.node(ward: 0, keySeed: 1), schema: TestSchema.schema, at: .test)
  }

  @Test func `the writer waits for the disk at each commit`() throws {
    let directory = TemporaryDirectory()
    let replica = try Self.open(directory.file("a.sqlite"))
    // FULL is 2, NORMAL 1; asked on the writer's own connection.
    #expect(try replica.store.writerPragma("synchronous") == "2")
    #expect(try replica.store.writerPragma("journal_mode") == "wal")
  }

  @Test func `a full disk is a clear error, loses nothing, and the node goes on when there is space again`() throws {
    let directory = TemporaryDirectory()
    let replica = try Self.open(directory.file("a.sqlite"))
    for index in 0..<20 { try Self.commit(replica, "before \(index)") }
    try replica.store.limitPages(to: 0)
    #expect(throws: ReplicaError.store(.diskFull)) {
      for index in 0..<2_000 { try Self.commit(replica, "\(index) " + String(repeating: "満", count: 2_000)) }
    }
    let kept = try Self.count(replica)
    #expect(kept >= 20)
    let digest = try replica.store.tableDigest()
    #expect(try replica.verify(scratch: directory.file("s.sqlite"), at: .test).isSound)
    #expect(try replica.store.tableDigest() == digest)
    try replica.store.limitPages(to: 1 << 30)
    try Self.commit(replica, "after")
    #expect(try Self.count(replica) == kept + 1)
    #expect(try replica.verify(scratch: directory.file("t.sqlite"), at: .test).isSound)
  }

  @Test func `a damaged page is an error that says so, never another row`() throws {
    let directory = TemporaryDirectory()
    let path = directory.file("a.sqlite")
    do {
      let replica = try Self.open(path)
      for index in 0..<300 { try Self.commit(replica, "row \(index) " + String(repeating: "字", count: 50)) }
      try replica.store.checkpoint()
      try replica.store.close()
    }
    let whole = try Data(contentsOf: URL(fileURLWithPath: path))
    var told = 0
    for page in stride(from: 1, to: whole.count / 4_096, by: 7) {
      var damaged = whole
      for offset in 0..<64 { damaged[page * 4_096 + offset] ^= 0xa5 }
      let copy = directory.file("damaged\(page).sqlite")
      try damaged.write(to: URL(fileURLWithPath: copy))
      do {
        let replica = try Self.open(copy)
        let report = try replica.verify(scratch: directory.file("scratch\(page).sqlite"), at: .test)
        if !report.isSound { told += 1 }
        try replica.store.close()
      } catch let error as ReplicaError {
        guard case .store(.damaged) = error else {
          Issue.record("page \(page): \(error)")
          continue
        }
        told += 1
      }
    }
    #expect(told > 0, "damage in use is found")
    print("damaged pages: \(told) told of \((whole.count / 4_096) / 7) tried; the others were free or index pages")
  }

  @Test func `a file of a newer program is refused, and one that is no database too`() throws {
    let directory = TemporaryDirectory()
    let path = directory.file("a.sqlite")
    try Self.open(path).store.close()
    let queue = try DatabaseQueue(path: path)
    try queue.write { try $0.execute(sql: "INSERT INTO grdb_migrations VALUES ('9 of the future')") }
    try queue.close()
    #expect(
      throws: ReplicaError.store(
        .newerFormat(found: Store.knownMigrations.count + 1, known: Store.knownMigrations.count))
    ) { try Self.open(path) }
    let text = directory.file("b.sqlite")
    try Data(String(repeating: "これはデータベースではない。", count: 100).utf8).write(to: URL(fileURLWithPath: text))
    do {
      _ = try Self.open(text)
      Issue.record("opened a text file")
    } catch let error as ReplicaError {
      guard case .store(.damaged) = error else {
        Issue.record("\(error)")
        return
      }
    }
  }

  @Test func `a field that a newer program knows appears when this one learns it`() throws {
    let directory = TemporaryDirectory()
    var federation = TestFederation(wards: 2)
    let (new, old) = (federation.node(ward: 0, keySeed: 1), federation.node(ward: 1, keySeed: 1))
    let smaller = Schema([
      CollectionSchema(100, "things", lane: .life, law: .open, fields: Array(TestSchema.things.fields.prefix(2)))
    ])
    let writer = try Replica(path: directory.file("new.sqlite"), identity: new, schema: TestSchema.schema, at: .test)
    let reader = try Replica(path: directory.file("old.sqlite"), identity: old, schema: smaller, at: .test)
    let row = try writer.newRows(1)[0]
    var draft = Draft(.life)
    draft.edit(
      TestSchema.things, row,
      [FieldEdit(1, .set(.text("甲"))), FieldEdit(3, .set(.integer(7))), FieldEdit(7, .append(.text("記")))])
    _ = try writer.commit(draft, at: .test)
    var parcel = Draft(.supply)
    parcel.edit(TestSchema.parcels, row, [FieldEdit(1, .set(.text("箱")))])
    _ = try writer.commit(parcel, at: .test)
    for log in writer.store.logNames {
      let entries = try writer.store.entries(log, from: 1, byteLimit: 1 << 20)
      _ = try reader.batch(at: .test) {
        _ = try reader.receive(Run(log, first: 1, entries: entries), from: "t", at: .test)
      }
    }
    #expect(
      try reader.store.read { try Row.fetchOne($0, sql: "SELECT * FROM things")!.columnNames.contains("size") } == false
    )
    try reader.store.close()
    let grown = try Replica(path: directory.file("old.sqlite"), identity: old, schema: TestSchema.schema, at: .test)
    #expect(try grown.store.read { try Int.fetchOne($0, sql: "SELECT size FROM things") } == 7)
    #expect(try grown.store.read { try String.fetchOne($0, sql: "SELECT value FROM things_notes") } == "記")
    #expect(try grown.store.read { try String.fetchOne($0, sql: "SELECT label FROM parcels") } == "箱")
  }

  @Test func `a reader that stays open makes the write-ahead log long, and the room comes back when it has gone`()
    throws
  {
    let directory = TemporaryDirectory()
    let path = directory.file("a.sqlite")
    func logBytes() -> Int {
      (try? FileManager.default.attributesOfItem(atPath: path + "-wal")[.size] as? Int).flatMap { $0 } ?? 0
    }
    let replica = try Self.open(path)
    var configuration = Configuration()
    configuration.allowsUnsafeTransactions = true
    var reader: DatabaseQueue? = try DatabaseQueue(path: path, configuration: configuration)
    try reader!.inDatabase { db in
      try db.beginTransaction(.deferred)
      _ = try Int.fetchOne(db, sql: "SELECT count(*) FROM things")
    }
    for index in 0..<600 { try Self.commit(replica, "\(index) " + String(repeating: "長", count: 8_000)) }
    let held = logBytes()
    #expect(held > 20 << 20)
    let start = ContinuousClock.now
    #expect(try !replica.store.giveLogBack(), "a reader holds it")
    #expect(ContinuousClock.now - start < .seconds(2), "and nobody is waited for")
    #expect(try replica.store.writerPragma("busy_timeout") == "5000")
    try reader!.inDatabase { try $0.rollback() }
    try reader!.close()
    reader = nil
    // Written on, it begins anew at the size that it is to have.
    for index in 0..<3 { try Self.commit(replica, "after \(index)") }
    #expect(logBytes() <= 17 << 20, "\(held) to \(logBytes())")
    #expect(try replica.store.giveLogBack())
    #expect(logBytes() == 0, "idle, it is given back whole")
    #expect(try Self.count(replica) == 603)
    try replica.store.close()
  }
}
