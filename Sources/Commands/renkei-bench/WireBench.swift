import ArgumentParser
import ChangeModel
import Foundation
import Gossip
import Replica
import SignedLog

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
