import Causality
import ChangeModel
import GRDB
import Replica
import TestSupport
import Testing

/// A row that one deletes while another, not knowing, edits it.
@Suite struct ContestTests {
  typealias Network = ConvergenceTests.Network

  /// A shelter of 120 people with a note; the first node deletes it while the second makes one edit.
  static func contested(by contest: FieldEdit = FieldEdit(4, .increment(3))) throws -> (network: Network, row: RowID) {
    let network = try Network(nodes: 2, seed: 21)
    let row = try network.replicas[0].newRows(1)[0]
    try edit(
      network, 0, row,
      [
        FieldEdit(1, .set(.text("甲"))), FieldEdit(4, .increment(120)), FieldEdit(5, .add(.text("水"))),
        FieldEdit(7, .append(.text("体育館"))),
      ])
    try network.heal()
    var draft = Draft(.life)
    draft.delete(TestSchema.things, row)
    _ = try network.replicas[0].batch(at: network.now) { _ = try network.replicas[0].commit(draft, at: network.now) }
    #expect(try shown(network.replicas[0]) == nil, "deleted for who deleted it")
    try edit(network, 1, row, [contest])
    try network.heal()
    return (network, row)
  }

  static func edit(_ network: Network, _ index: Int, _ row: RowID, _ fields: [FieldEdit]) throws {
    let replica = network.replicas[index]
    var draft = Draft(.life)
    draft.edit(TestSchema.things, row, fields)
    _ = try replica.batch(at: network.now) { _ = try replica.commit(draft, at: network.now) }
  }

  static func shown(_ replica: Replica) throws -> String? {
    try replica.store.read { db in
      try Row.fetchOne(db, sql: "SELECT name, status, headcount, needs, notes FROM things").map { row in
        row.databaseValues.map { $0.isNull ? "–" : "\($0.storage.value!)" }.joined(separator: " ")
      }
    }
  }

  static func contests(_ replica: Replica) throws -> Int {
    try replica.store.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM conflicts WHERE kind = 'deletion'")! }
  }

  @Test func `it shows whole and flagged on both, through any number of edits`() throws {
    let (network, row) = try Self.contested()
    for replica in network.replicas {
      #expect(try Self.shown(replica) == "甲 – 123 [\"水\"] 1")
      #expect(try Self.contests(replica) == 1)
    }
    // Both go on editing it, each without the other for a while.
    try Self.edit(network, 0, row, [FieldEdit(2, .set(.text("開設")))])
    try Self.edit(network, 1, row, [FieldEdit(4, .increment(2))])
    try network.heal()
    try Self.edit(network, 1, row, [FieldEdit(4, .increment(5)), FieldEdit(7, .append(.text("満員")))])
    try network.heal()
    for replica in network.replicas {
      #expect(try Self.shown(replica) == "甲 開設 130 [\"水\"] 2")
      #expect(try Self.contests(replica) == 1)
    }
    #expect(try network.replicas[0].store.tableDigest() == network.replicas[1].store.tableDigest())
  }

  @Test func `replacing the very value that stood against the deletion does not settle it`() throws {
    for (contest, later) in [
      (FieldEdit(2, .set(.text("混雑"))), FieldEdit(2, .set(.text("満員")))),
      (FieldEdit(5, .add(.text("毛布"))), FieldEdit(5, .add(.text("毛布")))),
    ] {
      let (network, row) = try Self.contested(by: contest)
      try Self.edit(network, 0, row, [later])
      try network.heal()
      for replica in network.replicas {
        #expect(try Self.contests(replica) == 1)
        #expect(try Self.shown(replica)?.hasPrefix("甲") == true, "what was deleted shows as long as it is not settled")
      }
      #expect(try network.replicas[0].store.tableDigest() == network.replicas[1].store.tableDigest())
    }
  }

  @Test func `keeping it ends the contest with all that it shows, deleting it again with nothing`() throws {
    for keeps in [true, false] {
      let (network, row) = try Self.contested()
      let replica = network.replicas[1]
      _ = try replica.batch(at: network.now) {
        if keeps {
          _ = try replica.keep(row, in: TestSchema.things, at: network.now)
        } else {
          var draft = Draft(.life)
          draft.delete(TestSchema.things, row)
          _ = try replica.commit(draft, at: network.now)
        }
      }
      try network.heal()
      for replica in network.replicas {
        #expect(try Self.contests(replica) == 0)
        #expect(try Self.shown(replica) == (keeps ? "甲 – 123 [\"水\"] 1" : nil))
        #expect(
          try replica.verify(scratch: network.directory.file("s\(keeps)\(replica.author).sqlite"), at: .test).isSound)
      }
      #expect(try network.replicas[0].store.tableDigest() == network.replicas[1].store.tableDigest())
    }
  }
}
