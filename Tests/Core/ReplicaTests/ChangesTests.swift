import Causality
import ChangeModel
import Foundation
import GRDB
import Replica
import Store
import TestSupport
import Testing

/// Whoever reads again what a node says has changed has the node's own tables.
@Suite struct ChangesTests {
  /// A copy of a replica's tables, kept by following it: a row's causal state stands for the row.
  struct Follower {
    var place: ChangePlace
    var rows: [String: [Int64: Data]]

    init(_ replica: Replica) throws {
      place = try replica.store.read { try Store.latestChange($0) }
      rows = try Self.tables(replica)
    }

    static func tables(_ replica: Replica) throws -> [String: [Int64: Data]] {
      try replica.store.read { db in
        try Dictionary(
          uniqueKeysWithValues: TestSchema.schema.collections.map { collection in
            (
              collection.name,
              Dictionary(
                uniqueKeysWithValues: try Row.fetchAll(db, sql: "SELECT id, causal FROM \(collection.name)").map {
                  ($0[0] as Int64, $0[1] as Data)
                })
            )
          })
      }
    }

    /// - Returns: whether there is more.
    mutating func follow(_ replica: Replica, limit: Int) throws -> Bool {
      let place = place
      let changes = try #require(
        try replica.store.read { try Store.changes(since: place, limit: limit, $0) })
      let told = changes.rows.map { "\($0.collection) \($0.row)" }
      #expect(Set(told).count == told.count, "each row once")
      for (number, row) in changes.rows {
        guard let collection = TestSchema.schema.collection(number) else { continue }
        rows[collection.name]![row.rawValue] = try replica.store.read { db in
          try Data.fetchOne(db, sql: "SELECT causal FROM \(collection.name) WHERE id = ?", arguments: [row.rawValue])
        }
      }
      self.place = changes.next
      return !changes.isComplete
    }
  }

  @Test(arguments: [UInt64(1), 2, 3, 4])
  func `a follower that reads now and then keeps a true copy`(_ seed: UInt64) throws {
    let network = try ConvergenceTests.Network(nodes: 3, seed: seed)
    var followers = try network.replicas.map { try Follower($0) }
    for _ in 0..<300 {
      if network.random.chance(0.5) {
        try network.randomCommit(network.random.below(3))
      } else {
        try network.randomTransfer()
      }
      let index = network.random.below(3)
      if network.random.chance(0.2) {
        _ = try followers[index].follow(network.replicas[index], limit: network.random.below(20) + 1)
      }
    }
    for index in 0..<3 {
      while try followers[index].follow(network.replicas[index], limit: 7) {}
      #expect(try followers[index].rows == Follower.tables(network.replicas[index]))
    }
  }

  private static func changes(_ replica: Replica, since place: ChangePlace) throws -> RowChanges? {
    try replica.store.read { try Store.changes(since: place, limit: 100, $0) }
  }

  private static func latest(_ replica: Replica) throws -> ChangePlace {
    try replica.store.read { try Store.latestChange($0) }
  }

  @Test func `when all is made anew, followers are told to read all again`() throws {
    let directory = TemporaryDirectory()
    let replica = try StoreFailureTests.open(directory.file("a.sqlite"))
    try StoreFailureTests.commit(replica, "前")
    let place = try Self.latest(replica)
    _ = try replica.rebuild(at: .test)
    #expect(try Self.changes(replica, since: place) == nil)
    #expect(try Self.changes(replica, since: .start) == nil)
    let next = try Self.latest(replica)
    try StoreFailureTests.commit(replica, "後")
    #expect(try Self.changes(replica, since: next)?.rows.count == 1)
  }

  @Test func `a place in what a restored copy has lost is not taken for another`() throws {
    let directory = TemporaryDirectory()
    let replica = try StoreFailureTests.open(directory.file("a.sqlite"))
    try StoreFailureTests.commit(replica, "写しの前")
    let known = try Self.latest(replica)
    try replica.store.checkpoint()
    try FileManager.default.copyItem(atPath: directory.file("a.sqlite"), toPath: directory.file("b.sqlite"))
    try StoreFailureTests.commit(replica, "失われる")
    let lost = try Self.latest(replica)
    let restored = try StoreFailureTests.open(directory.file("b.sqlite"))
    var draft = Draft(.life)
    draft.edit(TestSchema.things, try restored.newRows(1)[0], [FieldEdit(1, .set(.text("別の")))])
    let later = Instant.test.advanced(byMilliseconds: 5_000)
    _ = try restored.batch(at: later) { _ = try restored.commit(draft, at: later) }
    #expect(try Self.latest(restored).position == lost.position)
    #expect(try Self.changes(restored, since: lost) == nil)
    #expect(try Self.changes(restored, since: known)?.rows.count == 1)
  }

  @Test func `what is too old is forgotten, and whoever asks from there is told`() throws {
    let directory = TemporaryDirectory()
    let replica = try StoreFailureTests.open(directory.file("a.sqlite"))
    try StoreFailureTests.commit(replica, "最初")
    let first = try Self.latest(replica)
    // As if as much had happened as is kept.
    let database = try DatabaseQueue(path: directory.file("a.sqlite"))
    try database.write { try $0.execute(sql: "INSERT INTO row_changes VALUES (66559, 1, x'')") }
    try database.close()
    try StoreFailureTests.commit(replica, "66,560 番目")
    #expect(try Self.changes(replica, since: first) == nil)
    #expect(try Self.changes(replica, since: ChangePlace(position: 66_559, at: 1))?.rows.count == 1)
  }
}
