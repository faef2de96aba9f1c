import Causality
import ChangeModel
import Federation
import Foundation
import GRDB
import Gossip
import Inspection
import Replica
import SignedLog
import Store
import TestSupport

/// Five wards that wrote, met, parted and met again, with conflicts, deletions, stock and a text that spills over pages.
final class Fixture {
  static let schema = Schema(ControlSchema.collections + TestSchema.schema.collections)

  let folder = TemporaryDirectory()
  private(set) var replicas: [Replica] = []
  let identities: [NodeIdentity]
  private(set) var now = Instant.test
  var random: RandomNumbers

  init(wards: Int = 5, seed: UInt64) throws {
    var federation = TestFederation(wards: wards, seed: seed)
    identities = (0..<wards).map { federation.node(ward: $0, keySeed: seed &+ UInt64($0)) }
    random = RandomNumbers(seed: seed)
    for (index, identity) in identities.enumerated() {
      replicas.append(
        try Replica(path: folder.file("\(index).sqlite"), identity: identity, schema: TestSchema.schema, at: now))
    }
  }

  func path(_ index: Int) -> String { folder.file("\(index).sqlite") }

  func tick(_ milliseconds: Int64 = 1_000) { now = now.advanced(byMilliseconds: milliseconds) }

  /// Brings all that one has to the other.
  func carry(from source: Int, to target: Int) throws {
    for log in replicas[source].store.logNames {
      let known = replicas[target].store.logged(log)
      let entries = try replicas[source].store.entries(log, from: known + 1, byteLimit: .max)
      guard !entries.isEmpty else { continue }
      _ = try replicas[target].batch(at: now) {
        _ = try replicas[target].receive(Run(log, first: known + 1, entries: entries), from: "test", at: now)
      }
    }
  }

  /// Everybody in a group learns what everybody in it knows.
  func meet(_ group: [Int]) throws {
    for _ in 0..<2 {
      for one in group { for other in group where one != other { try carry(from: one, to: other) } }
    }
  }

  @discardableResult
  func edit(_ index: Int, _ collection: CollectionSchema, _ row: RowID, _ fields: [FieldEdit]) throws -> Dot {
    tick()
    var draft = Draft(collection.lane)
    draft.edit(collection, row, fields)
    var dot: Dot!
    _ = try replicas[index].batch(at: now) { dot = try replicas[index].commit(draft, at: now) }
    return dot
  }

  func newRow(_ index: Int) throws -> RowID { try replicas[index].newRows(1)[0] }

  /// Random work of all wards in changing groups.
  func work(_ edits: Int) throws {
    var rows = try (0..<8).map { try newRow($0 % replicas.count) }
    for step in 0..<edits {
      let index = random.below(replicas.count)
      if random.chance(0.05) { rows.append(try newRow(index)) }
      let row = random.pick(rows)
      if random.chance(0.04), try replicas[index].store.state(of: row, in: TestSchema.things.number)?.isVisible == true
      {
        tick()
        var draft = Draft(.life)
        draft.delete(TestSchema.things, row)
        _ = try replicas[index].batch(at: now) { _ = try replicas[index].commit(draft, at: now) }
      } else if random.chance(0.15) {
        try edit(index, TestSchema.parcels, row, [FieldEdit(1, .set(.text("札\(step)"))), FieldEdit(2, .increment(1))])
      } else {
        let long = random.chance(0.02) ? [FieldEdit(1, .set(.text(String(repeating: "避難所の名 ", count: 600))))] : []
        try edit(index, TestSchema.things, row, long.isEmpty ? [TestSchema.randomEdit(&random)] : long)
      }
      if step % 12 == 11 {
        let half = random.below(replicas.count - 1) + 1
        try meet(Array(0..<half))
        try meet(Array(half..<replicas.count))
      }
    }
    try meet(Array(replicas.indices))
  }

  func close() throws { for replica in replicas { try replica.store.close() } }
}

/// A file and those beside it, as they are now.
func fingerprint(_ folder: String) throws -> [String: Data] {
  var files: [String: Data] = [:]
  for name in try FileManager.default.contentsOfDirectory(atPath: folder) {
    files[name] = try Data(contentsOf: URL(fileURLWithPath: folder + "/" + name))
  }
  return files
}

func logName(_ lane: Lane, _ replica: Replica) -> LogName { LogName(lane, replica.author) }

/// Changes a closed database behind the replica's back.
struct OutsideWriter {
  private let queue: DatabaseQueue

  init(_ path: String) throws { queue = try DatabaseQueue(path: path) }

  func run(_ sql: String) throws {
    try queue.write { try $0.execute(sql: sql) }
    try queue.close()
  }
}
