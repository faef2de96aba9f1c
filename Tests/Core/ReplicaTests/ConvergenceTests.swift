import Causality
import ChangeModel
import Foundation
import GRDB
import Merge
import Replica
import SignedLog
import TestSupport
import Testing

/// Several whole replicas on SQLite files, exchanging runs in random pieces, orders and repeats.
@Suite struct ConvergenceTests {
  final class Network {
    var federation: TestFederation
    var replicas: [Replica] = []
    let directory = TemporaryDirectory()
    var random: RandomNumbers
    var now = Instant.test

    init(nodes: Int, seed: UInt64) throws {
      federation = TestFederation(wards: nodes, seed: seed)
      random = RandomNumbers(seed: seed)
      for index in 0..<nodes {
        let identity = federation.node(ward: index, keySeed: seed)
        replicas.append(
          try Replica(path: directory.file("\(index).sqlite"), identity: identity, schema: TestSchema.schema, at: now))
      }
    }

    func randomCommit(_ index: Int) throws {
      now = now.advanced(byMilliseconds: Int64(random.below(5_000)))
      let replica = replicas[index]
      let life = random.chance(0.8)
      var draft = Draft(life ? .life : .supply)
      for _ in 0...random.below(3) {
        let derived = RowID(derivedFrom: UInt64(random.below(4)))
        let row = random.chance(0.3) ? try replica.newRows(1)[0] : derived
        guard !draft.edits.contains(where: { $0.row == row }) else { continue }
        if life {
          let state = try replica.store.state(of: row, in: TestSchema.things.number)
          if random.chance(0.15), state?.isVisible == true {
            draft.delete(TestSchema.things, row)
          } else {
            draft.edit(TestSchema.things, row, (0...random.below(3)).map { _ in TestSchema.randomEdit(&random) })
          }
        } else {
          draft.edit(
            TestSchema.parcels, row,
            [FieldEdit(1, .set(.text(random.pick(TestSchema.words)))), FieldEdit(2, .increment(1))])
        }
      }
      _ = try replica.batch(at: now) { _ = try replica.commit(draft, at: now) }
    }

    /// Copies a random stretch of a random log, repeated or not, from one replica to another.
    func randomTransfer() throws {
      let source = replicas[random.below(replicas.count)]
      let target = replicas[random.below(replicas.count)]
      let name = random.pick(source.store.logNames)
      let head = source.store.state(of: name).logged.sequence
      let known = target.store.state(of: name).logged.sequence
      let first = random.chance(0.8) ? min(known + 1, head) : UInt32(random.below(Int(head)) + 1)
      let entries = try source.store.entries(name, from: first, byteLimit: random.below(2_000))
      // Somebody waits now and then: what is not taken comes again, and what could merge is gone on with some other time.
      let isWanted = { self.random.chance(0.2) }
      _ = try target.batch(at: now) {
        _ = try target.receive(Run(name, first: first, entries: entries), from: "test", at: now, until: isWanted)
      }
      if random.chance(0.3) { _ = try target.batch(at: now) { try target.goOn(at: self.now, until: isWanted) } }
      #expect(target.checkInvariants(thoroughly: true).isEmpty)
    }

    func heal() throws {
      for target in replicas where target.mustGoOn { _ = try target.batch(at: now) { try target.goOn(at: self.now) } }
      for _ in 0..<2 {
        for target in replicas {
          for source in replicas where source !== target {
            for name in source.store.logNames {
              let first = target.store.state(of: name).logged.sequence + 1
              guard first <= source.store.state(of: name).logged.sequence else { continue }
              let entries = try source.store.entries(name, from: first, byteLimit: 1 << 24)
              _ = try target.batch(at: now) {
                _ = try target.receive(Run(name, first: first, entries: entries), from: "heal", at: now)
              }
            }
          }
        }
      }
    }
  }

  @Test(arguments: 1...12) func `replicas with equal clocks have byte-equal tables, which a rebuild makes again`(
    seed: UInt64
  ) throws {
    let network = try Network(nodes: 4, seed: seed)
    for _ in 0..<150 {
      if network.random.chance(0.4) {
        try network.randomCommit(network.random.below(4))
      } else {
        try network.randomTransfer()
      }
    }
    try network.heal()
    let digests = try network.replicas.map { try $0.store.tableDigest() }
    for (index, replica) in network.replicas.enumerated() {
      #expect(try replica.waiting().isEmpty)
      #expect(digests[index] == digests[0], "seed \(seed)")
      let report = try replica.verify(scratch: network.directory.file("scratch\(index).sqlite"), at: network.now)
      #expect(report.isSound, "seed \(seed): \(report)")
    }
    // A person settles what one deleted while another edited it: rows in turn kept and deleted again.
    let first = network.replicas[0]
    for (index, row) in try first.store.markedRows(TestSchema.things.number).enumerated() {
      guard let state = try first.store.state(of: row, in: TestSchema.things.number), state.isContested else {
        continue
      }
      let shown = TestSchema.things.fields.map { state.shown($0) }
      if index % 2 == 0 {
        _ = try first.batch(at: network.now) { _ = try first.keep(row, in: TestSchema.things, at: network.now) }
        let kept = try #require(try first.store.state(of: row, in: TestSchema.things.number))
        #expect(!kept.isContested)
        for (field, value) in zip(TestSchema.things.fields, shown) {
          #expect(kept.shown(field) == value, "\(field.name)")
        }
      } else {
        var draft = Draft(.life)
        draft.delete(TestSchema.things, row)
        _ = try first.batch(at: network.now) { _ = try first.commit(draft, at: network.now) }
      }
    }
    try network.heal()
    let after = try network.replicas.map { try $0.store.tableDigest() }
    #expect(Set(after).count == 1, "seed \(seed)")
    _ = try network.replicas[0].rebuild(at: network.now)
    #expect(try network.replicas[0].store.tableDigest() == after[1], "seed \(seed)")
  }

  @Test func `a backlog is merged in parts while somebody waits, and a commit in between merges none of it`() throws {
    let network = try Network(nodes: 3, seed: 8)
    let (first, second, reader) = (network.replicas[0], network.replicas[1], network.replicas[2])
    func say(_ replica: Replica) throws {
      var draft = Draft(.life)
      draft.edit(TestSchema.things, try replica.newRows(1)[0], [FieldEdit(1, .set(.text("毛布")))])
      _ = try replica.batch(at: .test) { _ = try replica.commit(draft, at: .test) }
    }
    func send(_ source: Replica, _ lane: Lane, until isWanted: (() -> Bool)? = nil) throws {
      let name = LogName(lane, source.author)
      for target in network.replicas where target !== source {
        let known = target.store.logged(name)
        let entries = try source.store.entries(name, from: known + 1, byteLimit: 1 << 20)
        _ = try target.batch(at: .test) {
          _ = try target.receive(
            Run(name, first: known + 1, entries: entries), from: "test", at: .test,
            until: target === reader ? isWanted : nil)
        }
      }
    }
    for replica in network.replicas { try send(replica, .control) }
    try say(first)
    let log = LogName(.life, first.author)
    let entries = try first.store.entries(log, from: 1, byteLimit: 1 << 20)
    _ = try second.batch(at: .test) {
      _ = try second.receive(Run(log, first: 1, entries: entries), from: "t", at: .test)
    }
    for _ in 0..<40 { try say(second) }
    try send(second, .life)
    var backlog: Int { reader.store.state(of: LogName(.life, second.author)).waiting }
    #expect(backlog == 40 && !reader.mustGoOn)
    try send(first, .life, until: { true })
    var left = backlog
    #expect(left >= 36 && reader.mustGoOn)
    struct Refused: Error {}
    while reader.mustGoOn {
      try say(reader)
      #expect(backlog == left)
      // Nor does somebody whose form is refused, who also leaves it to whoever goes on with it.
      #expect(throws: (any Error).self) { try reader.batch(at: .test) { throw Refused() } }
      #expect(reader.mustGoOn && backlog == left)
      let merged = try reader.batch(at: .test) { try reader.goOn(at: .test, until: { true }) }.merged
      #expect(merged == left - backlog && (1...4).contains(merged))
      left = backlog
      #expect(reader.checkInvariants(thoroughly: true).isEmpty)
    }
    #expect(left == 0)
  }

  @Test func `a stranger's change sets are refused with a reason, and merge nothing`() throws {
    let network = try Network(nodes: 2, seed: 5)
    let foreign = try Network(nodes: 2, seed: 6)
    try foreign.randomCommit(0)
    let source = foreign.replicas[0]
    let target = network.replicas[1]
    let before = try target.store.tableDigest()
    for name in source.store.logNames {
      let entries = try source.store.entries(name, from: 1, byteLimit: 1 << 20)
      var outcome = RunOutcome()
      _ = try target.batch(at: .test) {
        outcome = try target.receive(Run(name, first: 1, entries: entries), from: "t", at: .test)
      }
      #expect(outcome.taken == 0)
      #expect(outcome.refusal != nil)
    }
    #expect(try target.store.tableDigest() == before)
  }

  @Test func `stock cannot be spent beyond the node's own share`() throws {
    let network = try Network(nodes: 2, seed: 7)
    let (first, second) = (network.replicas[0], network.replicas[1])
    let row = try first.newRows(1)[0]
    func edit(_ replica: Replica, _ operations: FieldOperation...) throws {
      var draft = Draft(.life)
      draft.edit(TestSchema.things, row, operations.map { FieldEdit(6, $0) })
      _ = try replica.commit(draft, at: .test)
    }
    try edit(first, .receive(100), .handOver(30, to: second.author))
    try network.heal()
    #expect(throws: ReplicaError.insufficientStock(available: 30, asked: 31)) { try edit(second, .spend(31)) }
    try edit(second, .spend(30))
    #expect(throws: ReplicaError.insufficientStock(available: 70, asked: 71)) { try edit(first, .spend(71)) }
    try edit(first, .spend(70))
    try network.heal()
    for replica in network.replicas {
      let left = try replica.store.read { try Int.fetchOne($0, sql: "SELECT blankets FROM things")! }
      #expect(left == 0)
    }
  }

  @Test func `a restored copy opens a new epoch and gets back what it lost`() throws {
    let network = try Network(nodes: 2, seed: 8)
    for _ in 0..<5 { try network.randomCommit(0) }
    let path = network.directory.file("0.sqlite")
    try network.replicas[0].store.close()
    for suffix in ["", "-wal"] where FileManager.default.fileExists(atPath: path + suffix) {
      try FileManager.default.copyItem(atPath: path + suffix, toPath: network.directory.file("copy.sqlite") + suffix)
    }
    let identity = network.replicas[0].identity
    network.replicas[0] = try Replica(path: path, identity: identity, schema: TestSchema.schema, at: .test)
    for _ in 0..<5 { try network.randomCommit(0) }
    try network.heal()
    let restored = try Replica(
      path: network.directory.file("copy.sqlite"), identity: identity, schema: TestSchema.schema, at: .test)
    let old = restored.author
    try restored.openEpoch(above: network.replicas[0].author)
    #expect(restored.author.epoch == old.epoch + 1)
    network.replicas[0] = restored
    try network.heal()
    try network.randomCommit(0)
    try network.heal()
    #expect(try network.replicas[0].store.tableDigest() == network.replicas[1].store.tableDigest())
  }

  /// Found by the simulator ('everything' seeds 36 and 38 of its first version): a node that comes back from a backup is a
  /// new author that has not seen a deletion, though everybody had.
  @Test func `an edit by a node restored from before a deletion gives the same tables everywhere`() throws {
    let network = try Network(nodes: 2, seed: 9)
    let (first, second) = (network.replicas[0], network.replicas[1])
    let row = try first.newRows(1)[0]
    var draft = Draft(.life)
    draft.edit(TestSchema.things, row, [FieldEdit(1, .set(.text("水"))), FieldEdit(4, .increment(3))])
    _ = try first.batch(at: network.now) { _ = try first.commit(draft, at: network.now) }
    try network.heal()
    // The second one's file as it is now comes back later.
    let path = network.directory.file("1.sqlite")
    try second.store.checkpoint()
    try FileManager.default.copyItem(atPath: path, toPath: network.directory.file("backup.sqlite"))
    var deletion = Draft(.life)
    deletion.delete(TestSchema.things, row)
    _ = try first.batch(at: network.now) { _ = try first.commit(deletion, at: network.now) }
    try network.heal()
    // Both say that they have seen it.
    for replica in network.replicas {
      var other = Draft(.life)
      other.edit(TestSchema.things, try replica.newRows(1)[0], [FieldEdit(1, .set(.text("毛布")))])
      _ = try replica.batch(at: network.now) { _ = try replica.commit(other, at: network.now) }
    }
    try network.heal()
    let restored = try Replica(
      path: network.directory.file("backup.sqlite"), identity: second.identity, schema: TestSchema.schema, at: .test)
    try restored.openEpoch(above: second.author)
    var edit = Draft(.life)
    edit.edit(TestSchema.things, row, [FieldEdit(1, .set(.text("湯")))])
    _ = try restored.batch(at: network.now) { _ = try restored.commit(edit, at: network.now) }
    network.replicas[1] = restored
    try network.heal()
    #expect(try first.store.tableDigest() == restored.store.tableDigest())
    for (index, replica) in network.replicas.enumerated() {
      #expect(try replica.store.state(of: row, in: TestSchema.things.number)?.isContested == true)
      let scratch = network.directory.file("rebuilt\(index).sqlite")
      #expect(try replica.verify(scratch: scratch, at: network.now).isSound)
    }
  }
}
