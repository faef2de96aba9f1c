import ArgumentParser
import Causality
import ChangeModel
import Foundation
import Replica
import Store

struct CommitBench: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "commit", abstract: "One clerk's edits, each durable by itself, beside plain durable upserts.")
  @OptionGroup var options: BenchOptions
  @Option(help: "Edits in a commit, on both sides.") var size = 1

  func run() throws {
    let rows = min(options.rows, 20_000 * size)
    let stream = SignedStream(rows: rows, perChangeSet: size, seed: options.seed)
    var (ours, floor, twice): ([Double], [Double], [Double]) = ([], [], [])
    for _ in 0..<options.rounds {
      let folder = BenchFolder()
      let table = PlainTable(path: folder.path + "/plain.sqlite")
      floor.append(
        Double(rows) / seconds { for index in stream.changes.indices { table.write(stream.changes[index...index]) } })
      twice.append(try beside(stream))
      var now = Instant(milliseconds: 1_768_600_000_000)
      let replica = try Replica(
        path: folder.path + "/replica.sqlite", identity: stream.identities[0], schema: Schema([Workload.evacuees]),
        keeper: HighWaterFile(path: folder.path + "/high-water"), at: now)
      let time = try seconds {
        for changes in stream.changes {
          now = now.advanced(byMilliseconds: 1)
          var draft = Draft(.life)
          for change in changes { draft.edit(Workload.evacuees, change.row, change.fields) }
          _ = try replica.batch(at: now) { _ = try replica.commit(draft, at: now) }
        }
      }
      try replica.store.close()
      ours.append(Double(rows) / time)
    }
    let ratios = zip(ours, floor).map { $0 / $1 }
    BenchResult(
      name: "commit", ratio: median(ratios), ours: median(ours), floor: median(floor), unit: "changes/s",
      spread: [ratios.min()!, ratios.max()!], rows: rows,
      details: [
        "over plain upserts that sync a second file too": median(zip(ours, twice).map { $0 / $1 })
      ]
    ).show(options.json)
  }

  /// The plain table, and after each commit a few bytes in a second file that are on the disk too: what a mark beside the
  /// database costs whoever keeps one.
  private func beside(_ stream: SignedStream) throws -> Double {
    let folder = BenchFolder()
    let table = PlainTable(path: folder.path + "/plain.sqlite")
    let mark = try HighWaterFile(path: folder.path + "/mark")
    return try Double(stream.changes.reduce(0) { $0 + $1.count })
      / seconds {
        for index in stream.changes.indices {
          table.write(stream.changes[index...index])
          try mark.begin(HighWaterMark(epoch: 0, sequences: Lane.allCases.map { _ in UInt32(index) }))
          try mark.finish()
        }
      }
  }
}
