import ArgumentParser
import Causality
import ChangeModel
import Foundation
import Glibc
import Gossip
import Replica
import Store

@main
struct RenkeiBench: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "renkei-bench",
    abstract: "Measures the node beside a floor, in one run: the ratio is what counts.",
    subcommands: [
      MergeBench.self, CommitBench.self, WireBench.self, InspectBench.self, SearchBench.self, PlanBench.self,
      OpeningBench.self,
    ])

  static func main() {
    umask(0o077)
    main(nil)
  }
}

struct BenchOptions: ParsableArguments {
  @Option(help: "How many changes.") var rows = 100_000
  @Option(help: "Rounds; the median ratio is told.") var rounds = 5
  @Option(help: "Seed of the workload.") var seed: UInt64 = 1
  @Flag(help: "Print one JSON object.") var json = false
}

/// What every benchmark tells: `ratio` is ours over the floor, in `unit`; `spread` the lowest and highest ratio.
struct BenchResult: Codable {
  var name: String
  var ratio: Double
  var ours: Double
  var floor: Double
  var unit: String
  var spread: [Double]
  var rows: Int
  var details: [String: Double] = [:]

  func show(_ json: Bool) {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    if json {
      print(String(decoding: try! encoder.encode(self), as: UTF8.self))
      return
    }
    print(
      String(
        format: "%@: ratio %.3f (%.3f to %.3f); ours %.1f, floor %.1f %@; %d rows", name, ratio, spread[0], spread[1],
        ours,
        floor, unit, rows))
    for (key, value) in details.sorted(by: { $0.key < $1.key }) { print(String(format: "  %@: %.2f", key, value)) }
  }
}

func seconds(_ body: () throws -> Void) rethrows -> Double {
  let start = ContinuousClock.now
  try body()
  let elapsed = ContinuousClock.now - start
  return Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) / 1e18
}

func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }

final class BenchFolder {
  let path = NSTemporaryDirectory() + "renkei-bench-" + UUID().uuidString

  init() { try! FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }
  deinit { try? FileManager.default.removeItem(atPath: path) }
}

struct MergeBench: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "merge",
    abstract: "Verified, durable, merged changes a second, beside plain upserts of the same rows.")
  @OptionGroup var options: BenchOptions
  @Option(help: "Changes in a change set.") var size = 100
  @Option(help: "Change sets in a transaction, on both sides.") var batch = 50

  func run() throws {
    let stream = SignedStream(rows: options.rows, perChangeSet: size, seed: options.seed)
    var ours: [Double] = []
    var floor: [Double] = []
    for _ in 0..<options.rounds {
      floor.append(Double(options.rows) / plain(stream))
      ours.append(try Double(options.rows) / merged(stream))
    }
    let ratios = zip(ours, floor).map { $0 / $1 }
    BenchResult(
      name: "merge", ratio: median(ratios), ours: median(ours), floor: median(floor), unit: "changes/s",
      spread: [ratios.min()!, ratios.max()!], rows: options.rows
    ).show(options.json)
  }

  private func plain(_ stream: SignedStream) -> Double {
    let folder = BenchFolder()
    let table = PlainTable(path: folder.path + "/plain.sqlite")
    return seconds {
      for start in stride(from: 0, to: stream.changes.count, by: batch) {
        table.write(stream.changes[start..<min(start + batch, stream.changes.count)])
      }
    }
  }

  private func merged(_ stream: SignedStream) throws -> Double {
    let folder = BenchFolder()
    let now = Instant(milliseconds: 1_768_600_000_000)
    let replica = try Replica(
      path: folder.path + "/replica.sqlite", identity: stream.identities[0], schema: Schema([Workload.evacuees]),
      at: now)
    _ = try replica.batch(at: now) {
      for run in stream.enrolments { _ = try replica.receive(run, from: "bench", at: now) }
    }
    let time = try seconds {
      for start in stride(from: 0, to: stream.runs.count, by: batch) {
        let effects = try replica.batch(at: now) {
          for run in stream.runs[start..<min(start + batch, stream.runs.count)] {
            let outcome = try replica.receive(run, from: "bench", at: now)
            precondition(outcome.taken == 1 && outcome.refusal == nil)
          }
        }
        precondition(effects.merged == min(batch, stream.runs.count - start), "every change set is merged")
      }
    }
    try replica.store.close()
    return time
  }
}

struct CommitBench: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "commit", abstract: "One clerk's edits, each durable by itself, beside plain durable upserts.")
  @OptionGroup var options: BenchOptions

  func run() throws {
    let rows = min(options.rows, 20_000)
    let stream = SignedStream(rows: rows, perChangeSet: 1, seed: options.seed)
    var ours: [Double] = []
    var floor: [Double] = []
    for _ in 0..<options.rounds {
      let folder = BenchFolder()
      let table = PlainTable(path: folder.path + "/plain.sqlite")
      floor.append(
        Double(rows) / seconds { for index in stream.changes.indices { table.write(stream.changes[index...index]) } })
      var now = Instant(milliseconds: 1_768_600_000_000)
      let replica = try Replica(
        path: folder.path + "/replica.sqlite", identity: stream.identities[0], schema: Schema([Workload.evacuees]),
        keeper: HighWaterFile(path: folder.path + "/high-water"), at: now)
      let time = try seconds {
        for change in stream.changes.joined() {
          now = now.advanced(byMilliseconds: 1)
          var draft = Draft(.life)
          draft.edit(Workload.evacuees, change.row, change.fields)
          _ = try replica.batch(at: now) { _ = try replica.commit(draft, at: now) }
        }
      }
      try replica.store.close()
      ours.append(Double(rows) / time)
    }
    let ratios = zip(ours, floor).map { $0 / $1 }
    BenchResult(
      name: "commit", ratio: median(ratios), ours: median(ours), floor: median(floor), unit: "commits/s",
      spread: [ratios.min()!, ratios.max()!], rows: rows
    ).show(options.json)
  }
}

struct WireBench: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "wire",
    abstract: "Bytes a change in a bundle, everything included, beside the same changes as JSON lines.",
    discussion:
      "With `zstd` on the PATH, also JSON under zstd -19, by the hundred and whole. The ratio is ours at 100 over JSON by the hundred under zstd, or over raw JSON without zstd."
  )
  @OptionGroup var options: BenchOptions

  func run() throws {
    let hundred = SignedStream(rows: options.rows, perChangeSet: 100, seed: options.seed)
    let single = SignedStream(rows: min(options.rows, 20_000), perChangeSet: 1, seed: options.seed)
    var details: [String: Double] = [
      "bytes a change at 100": bytes(hundred), "bytes a change at 1": bytes(single),
    ]
    let lines = hundred.changes.map { $0.map(json).joined(separator: "\n") + "\n" }
    let raw = Double(lines.reduce(0) { $0 + $1.utf8.count }) / Double(options.rows)
    details["JSON lines, raw"] = raw
    var floor = raw
    if let whole = zstd([lines.joined()]), let pieces = zstd(Array(lines.prefix(100))) {
      details["JSON lines, zstd -19 whole"] = Double(whole) / Double(options.rows)
      floor = Double(pieces) / Double(lines.prefix(100).count * 100)
      details["JSON lines, zstd -19 by the hundred"] = floor
    }
    let ours = details["bytes a change at 100"]!
    BenchResult(
      name: "wire", ratio: ours / floor, ours: ours, floor: floor, unit: "bytes/change",
      spread: [ours / floor, ours / floor], rows: options.rows, details: details
    ).show(options.json)
  }

  /// As a bundle carries them: each author's change sets in runs of up to 64 KiB; enrolments apart.
  private func bytes(_ stream: SignedStream) -> Double {
    var total = 0
    var frames = 0
    for (log, runs) in Dictionary(grouping: stream.runs, by: \.log).sorted(by: { $0.key < $1.key }) {
      var entries: [[UInt8]] = []
      var first: UInt32 = 1
      var size = 0
      func flush() {
        guard !entries.isEmpty else { return }
        total += Bundle.frame(.run(Run(log, first: first, entries: entries))).count
        frames += 1
        first += UInt32(entries.count)
        entries = []
        size = 0
      }
      for run in runs {
        if size + run.entries[0].count > 64 * 1024 { flush() }
        entries.append(run.entries[0])
        size += run.entries[0].count
      }
      flush()
    }
    return Double(total) / Double(stream.changes.reduce(0) { $0 + $1.count })
  }

  /// A change as other systems would send it.
  private func json(_ change: Workload.Change) -> String {
    var object: [String: Any] = ["id": change.row.rawValue]
    for edit in change.fields {
      guard case .set(let value) = edit.operation, let field = Workload.evacuees.field(edit.field) else { continue }
      object[field.name] = value.integer ?? value.text as Any
    }
    let data = try! JSONSerialization.data(withJSONObject: object, options: [.sortedKeys, .withoutEscapingSlashes])
    return String(decoding: data, as: UTF8.self)
  }

  private func zstd(_ texts: [String]) -> Int? {
    var total = 0
    for text in texts {
      let process = Process()
      process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
      process.arguments = ["zstd", "-19", "-c", "-q"]
      let (input, output) = (Pipe(), Pipe())
      process.standardInput = input
      process.standardOutput = output
      process.standardError = FileHandle.nullDevice
      guard (try? process.run()) != nil else { return nil }
      let data = Data(text.utf8)
      let writer = Thread {
        try? input.fileHandleForWriting.write(contentsOf: data)
        try? input.fileHandleForWriting.close()
      }
      writer.start()
      let compressed = output.fileHandleForReading.readDataToEndOfFile()
      process.waitUntilExit()
      guard process.terminationStatus == 0 else { return nil }
      total += compressed.count
    }
    return total
  }
}
