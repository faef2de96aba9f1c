import ArgumentParser
import Causality
import ChangeModel
import Foundation
import Replica
import SignedLog
import Store

/// A node's replica that takes a stream, with a second thread that checks signatures ahead, as a node's links do.
final class TakingReplica {
  static let now = Instant(milliseconds: 1_768_600_000_000)
  let replica: Replica

  init(_ stream: SignedStream, at path: String) throws {
    replica = try Replica(
      path: path, identity: stream.identities[0], schema: Schema([Workload.evacuees]), at: Self.now)
    // Its own among them, which is another's branch here: it has enrolled itself.
    _ = try replica.batch(at: Self.now) {
      for run in stream.enrolments { _ = try replica.receive(run, from: "bench", at: Self.now) }
    }
  }

  /// In transactions of so many runs.
  ///
  /// - Parameter isAlone: on one thread.
  func take(_ runs: [Run], batch: Int = 50, isAlone: Bool = true) throws {
    let ahead = isAlone ? nil : SignaturesAhead()
    replica.ahead = ahead
    if let ahead { Thread { for run in runs { ahead.check(run) } }.start() }
    for start in stride(from: 0, to: runs.count, by: batch) {
      _ = try replica.batch(at: Self.now) {
        for run in runs[start..<min(start + batch, runs.count)] {
          let outcome = try replica.receive(run, from: "bench", at: Self.now)
          guard outcome.taken == run.entries.count, outcome.refusal == nil else {
            throw BenchFailure("a run was not taken: \(outcome)")
          }
        }
      }
    }
  }

  /// Closes it, all in one file.
  ///
  /// - Returns: the file's bytes.
  func close() throws -> Int {
    try replica.store.checkpoint()
    try replica.store.close()
    return try Self.bytes(replica.store.path)
  }

  static func bytes(_ path: String) throws -> Int {
    try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int ?? 0
  }
}

struct MergeBench: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "merge",
    abstract: "Verified, durable, merged changes a second, beside plain upserts of the same rows.")
  @OptionGroup var options: BenchOptions
  @Option(help: "Changes in a change set.") var size = 100
  @Option(help: "Change sets in a transaction, on both sides.") var batch = 50
  @Flag(help: "On one thread: no signature is checked ahead.") var alone = false

  func run() throws {
    let stream = SignedStream(rows: options.rows, perChangeSet: size, seed: options.seed)
    var (ours, floor, bytes): ([Double], [Double], [Double]) = ([], [], [])
    for _ in 0..<options.rounds {
      let (plain, merged) = (BenchFolder(), BenchFolder())
      let table = PlainTable(path: plain.path + "/plain.sqlite")
      floor.append(
        Double(options.rows)
          / seconds {
            for start in stride(from: 0, to: stream.changes.count, by: batch) {
              table.write(stream.changes[start..<min(start + batch, stream.changes.count)])
            }
          })
      let taking = try TakingReplica(stream, at: merged.path + "/replica.sqlite")
      ours.append(try Double(options.rows) / seconds { try taking.take(stream.runs, batch: batch, isAlone: alone) })
      table.checkpoint()
      bytes.append(Double(try taking.close()) / Double(try TakingReplica.bytes(plain.path + "/plain.sqlite")))
    }
    let ratios = zip(ours, floor).map { $0 / $1 }
    BenchResult(
      name: "merge", ratio: median(ratios), ours: median(ours), floor: median(floor), unit: "changes/s",
      spread: [ratios.min()!, ratios.max()!], rows: options.rows,
      details: ["database, log included, over the plain table's": median(bytes)]
    ).show(options.json)
  }
}

struct GrowthBench: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "growth",
    abstract: "The rate of merging at several sizes of the database, beside the rate at the first.")
  @OptionGroup var options: BenchOptions
  @Option(help: "Sizes; the last one's ratio to the first is told.") var sizes = [100_000, 1_000_000]

  func run() throws {
    var (rates, details): ([Double], [String: Double]) = ([], [:])
    for size in sizes {
      let stream = SignedStream(rows: size, perChangeSet: 100, seed: options.seed, keepsChanges: false)
      let folder = BenchFolder()
      let taking = try TakingReplica(stream, at: folder.path + "/replica.sqlite")
      rates.append(Double(size) / (try seconds { try taking.take(stream.runs, isAlone: false) }))
      details["changes/s at \(size)"] = rates.last
      _ = try taking.close()
    }
    let ratio = rates.last! / rates[0]
    BenchResult(
      name: "growth", ratio: ratio, ours: rates.last!, floor: rates[0], unit: "changes/s", spread: [ratio, ratio],
      rows: sizes.last!, details: details
    ).show(options.json)
  }
}
