import ArgumentParser
import Catalogue
import Causality
import ChangeModel
import Federation
import Foundation
import GRDB
import People
import Replica
import Simulation
import Sodium
import Store

/// What a declaration costs: another ward's people, kept sealed, come into the tables, beside merging them as they came.
struct OpeningBench: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "opening",
    abstract:
      "Opening so many sealed residents of another ward at once, beside receiving them with the key held already.")
  @OptionGroup var options: BenchOptions

  func run() throws {
    var federation = SimulatedFederation(wards: [("13113", "渋谷区"), ("13121", "足立区")], seed: options.seed)
    let folder = BenchFolder()
    let now = Instant.quake
    let schema = Schema(Services.collections)
    func replica(_ ward: Int, _ name: String, _ key: UInt64) throws -> Replica {
      let made = try Replica(
        path: folder.path + "/\(name)", identity: federation.node(ward: ward, keySeed: key), schema: schema, at: now)
      try made.store.makeIndexes(Services.indexes)
      return made
    }
    let home = try replica(0, "home", 1)
    let residents = Resident.records
    for start in stride(from: 0, to: options.rows, by: 10_000) {
      _ = try home.batch(at: now) {
        for _ in stride(from: start, to: min(start + 10_000, options.rows), by: 100) {
          var draft = Draft(.registry)
          for row in try home.newRows(100) {
            draft.edit(
              residents, row,
              [
                FieldEdit(1, .set(.text("見本"))), FieldEdit(2, .set(.text("住民 \(row.rawValue & 0xffff)"))),
                FieldEdit(5, .set(.text("1970-01-01"))), FieldEdit(20, .set(.text("見本住民\(row.rawValue & 0xffff)"))),
              ], for: .ward(0, .identity))
          }
          _ = try home.commit(draft, at: now)
        }
      }
    }
    func receive(_ target: Replica) throws -> Double {
      try seconds {
        for log in home.store.logNames {
          var next: SequenceNumber = 1
          while next <= home.store.logged(log) {
            let entries = try home.store.entries(log, from: next, byteLimit: 8 << 20)
            _ = try target.batch(at: now) {
              _ = try target.receive(Run(log, first: next, entries: entries), from: "bench", at: now)
            }
            next += SequenceNumber(entries.count)
          }
        }
      }
    }
    let key = Audience.ward(0, .identity).key()
    let secret = try federation.authorities[0].key(in: federation.identity).key.audienceKey("\(key)").withSecretBytes {
      $0
    }
    func open(_ target: Replica) throws -> Double {
      let identity = target.identity
      let box = identity.key.sealedBox(of: secret, to: identity.key.publicKey)!
      var draft = Draft(.control, audience: .anyone)
      draft.append(KeyGrant(key: key, node: target.author, box: box, until: nil, ground: "bench").edit)
      return try seconds { _ = try target.batch(at: now) { _ = try target.commit(draft, at: now) } }
    }
    var (ours, floor): ([Double], [Double]) = ([], [])
    for round in 0..<options.rounds {
      let sealed = try replica(1, "sealed \(round)", UInt64(10 + 2 * round))
      _ = try receive(sealed)
      ours.append(try open(sealed))
      let held = try replica(1, "held \(round)", UInt64(11 + 2 * round))
      _ = try open(held)
      floor.append(try receive(held))
      let counts = try [sealed, held].map {
        try $0.store.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM residents") }
      }
      guard counts == [options.rows, options.rows] else { throw BenchFailure("opened \(counts) of \(options.rows)") }
    }
    let ratios = zip(ours, floor).map { $0 / $1 }
    BenchResult(
      name: "opening", ratio: median(ratios), ours: median(ours) * 1_000, floor: median(floor) * 1_000, unit: "ms",
      spread: [ratios.min()!, ratios.max()!], rows: options.rows,
      details: ["rows/s": Double(options.rows) / median(ours)]
    ).show(options.json)
  }
}
