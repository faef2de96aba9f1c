import ArgumentParser
import Causality
import ChangeModel
import Federation
import Foundation
import GRDB
import Inspection
import Replica
import Store

struct InspectBench: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "The inspector's status of a node with so many change sets of 23 wards, beside counting them with SQLite."
  )
  @OptionGroup var options: BenchOptions
  @Option(help: "Keep the database in this file, for renkei-inspect itself.") var keep: String?

  func run() throws {
    let stream = SignedStream(rows: options.rows, perChangeSet: 1, seed: options.seed)
    let folder = BenchFolder()
    let path = keep ?? folder.path + "/replica.sqlite"
    let now = Instant(milliseconds: 1_768_600_000_000)
    let known = Schema([Workload.evacuees])
    let replica = try Replica(path: path, identity: stream.identities[0], schema: known, at: now)
    _ = try replica.batch(at: now) {
      for run in stream.enrolments { _ = try replica.receive(run, from: "bench", at: now) }
    }
    for start in stride(from: 0, to: stream.runs.count, by: 5_000) {
      _ = try replica.batch(at: now) {
        for run in stream.runs[start..<min(start + 5_000, stream.runs.count)] {
          _ = try replica.receive(run, from: "bench", at: now)
        }
      }
    }
    try replica.store.checkpoint()
    try replica.store.close()

    let schema = Schema(ControlSchema.collections + [Workload.evacuees])
    var ours: [Double] = []
    var floor: [Double] = []
    for _ in 0..<options.rounds {
      floor.append(
        try seconds {
          var configuration = Configuration()
          configuration.readonly = true
          let queue = try DatabaseQueue(path: path, configuration: configuration)
          let count = try queue.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM entries") }
          precondition(count! >= options.rows)
        })
      ours.append(
        try seconds {
          let evidence = try Evidence.database(path, identity: stream.identities[0], schema: schema)
          let overview = try Overview(evidence, now: now.milliseconds)
          precondition(overview.lanes.reduce(0) { $0 + $1.changeSets } >= options.rows)
        })
    }
    let ratios = zip(ours, floor).map { $0 / $1 }
    BenchResult(
      name: "inspect", ratio: median(ratios), ours: median(ours) * 1_000, floor: median(floor) * 1_000,
      unit: "ms",
      spread: [ratios.min()!, ratios.max()!], rows: options.rows
    ).show(options.json)
  }
}
