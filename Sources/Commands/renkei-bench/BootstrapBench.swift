import ArgumentParser
import ChangeModel
import Foundation
import GRDB
import Gossip
import Replica
import SignedLog
import Store

/// A wiped node that gets everything back from a bundle.
struct BootstrapBench: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bootstrap",
    abstract: "A new node takes all of another's logs from a bundle, beside copying the database and checking the copy."
  )
  @OptionGroup var options: BenchOptions

  func run() throws {
    let stream = SignedStream(rows: options.rows, perChangeSet: 100, seed: options.seed, keepsChanges: false)
    let folder = BenchFolder()
    let source = try TakingReplica(stream, at: folder.path + "/source.sqlite")
    try source.take(stream.runs, isAlone: false)
    let bundle = folder.path + "/bundle"
    _ = FileManager.default.createFile(atPath: bundle, contents: nil)
    let out = FileHandle(forWritingAtPath: bundle)!
    _ = try source.replica.exportBundle(for: nil, at: TakingReplica.now) { try out.write(contentsOf: Data($0)) }
    try out.close()
    let expected = try source.replica.store.tableDigest()
    _ = try source.close()

    var (ours, floor): ([Double], [Double]) = ([], [])
    for round in 0..<options.rounds {
      floor.append(
        try seconds {
          let copy = folder.path + "/copy \(round)"
          try FileManager.default.copyItem(atPath: source.replica.store.path, toPath: copy)
          let sound = try DatabaseQueue(path: copy).read { try String.fetchOne($0, sql: "PRAGMA integrity_check") }
          guard sound == "ok" else { throw BenchFailure("the copy is not sound") }
        })
      let new = try TakingReplica(stream, at: folder.path + "/new \(round)")
      ours.append(try seconds { try Self.take(bundle, new.replica) })
      guard try new.replica.store.tableDigest() == expected else { throw BenchFailure("the tables differ") }
      _ = try new.close()
    }
    let ratios = zip(ours, floor).map { $0 / $1 }
    BenchResult(
      name: "bootstrap", ratio: median(ratios), ours: median(ours), floor: median(floor), unit: "s",
      spread: [ratios.min()!, ratios.max()!], rows: options.rows,
      details: [
        "rows/s": Double(options.rows) / median(ours), "MB of bundle": Double(try TakingReplica.bytes(bundle)) / 1e6,
      ]
    ).show(options.json)
  }

  /// As `renkei-node bundle import` does: a megabyte at a time, each in one transaction.
  private static func take(_ bundle: String, _ replica: Replica) throws {
    let ahead = SignaturesAhead()
    replica.ahead = ahead
    let file = FileHandle(forReadingAtPath: bundle)!
    var reader = BundleReader(federation: replica.federation)
    while let piece = try file.read(upToCount: 1 << 20), !piece.isEmpty {
      reader.feed(piece)
      var runs: [Run] = []
      while let message = try reader.next() { if case .run(let run) = message { runs.append(run) } }
      let pending = runs
      Thread { for run in pending.reversed() { ahead.check(run) } }.start()
      _ = try replica.batch(at: TakingReplica.now) {
        for run in runs { _ = try replica.receive(run, from: "bench", at: TakingReplica.now) }
      }
    }
    try reader.finish()
  }
}
