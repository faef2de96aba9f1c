import ArgumentParser
import Foundation
import Glibc

@main
struct RenkeiBench: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "renkei-bench",
    abstract: "Measures the node beside a floor, in one run: the ratio is what counts.",
    subcommands: [
      MergeBench.self, CommitBench.self, GrowthBench.self, BootstrapBench.self, LatencyBench.self, WireBench.self,
      InspectBench.self, SearchBench.self, PlanBench.self, OpeningBench.self,
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

struct BenchFailure: Error, CustomStringConvertible {
  var description: String
  init(_ description: String) { self.description = description }
}
