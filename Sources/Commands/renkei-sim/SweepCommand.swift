import ArgumentParser
import Build
import Causality
import Foundation
import Simulation
import Synchronization
import Terminal

/// `1..200`, or one number.
struct SeedRange: ExpressibleByArgument {
  var range: ClosedRange<UInt64>

  var defaultValueDescription: String { "\(range.lowerBound)..\(range.upperBound)" }

  init?(argument: String) {
    let parts = argument.components(separatedBy: "..").map { UInt64($0) }
    guard let first = parts.first ?? nil, let last = parts.last ?? nil, parts.count <= 2, first <= last else {
      return nil
    }
    range = first...last
  }
}

/// One run of a sweep: enough to tell and to repeat it.
struct SweepRun: Codable, Sendable {
  var scenario: String
  /// What to call the scenario by, in a command that repeats the run.
  var path: String
  var seed: UInt64
  var violations: [Violation]
  var simulatedSeconds: Double
  var wallSeconds: Double
  var traceDigest: String
  var nodes: Int
  var counts: RunCounts
  var copies: Double
  var probes: [String]
}

struct SweepCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sweep",
    abstract: Language.pick(
      "多くの種を、すべてか一つのシナリオで動かし、成り立たなかったものを示す。", "Runs many seeds over all scenarios, or one, and tells what did not hold."
    ),
    discussion: Language.pick(
      """
      種ごとに、シナリオの割合に応じて一つを選びます。同じ種は同じシナリオになります。
      実行は別のプロセスで行い、異常に終わったものも見つけます。
      """,
      """
      Each seed takes one scenario, by the shares that the scenarios ask for; the same seed takes the same one. Every run
      is in a process of its own kind, so that one that ends badly is found like any other fault.
      """))
  @Option(help: ArgumentHelp(Language.pick("種(例 1..2000)。", "Seeds, such as 1..2000."))) var seeds: SeedRange
  @Option(help: ArgumentHelp(Language.pick("同時にいくつ動かすか。", "How many at once."))) var jobs = 2
  @Option(
    help: ArgumentHelp(
      Language.pick("このシナリオだけ: ファイル、または list に出る名前。", "Only this scenario: a file, or its name in Topology/scenarios."))
  ) var scenario: String?
  @Flag(
    help: ArgumentHelp(Language.pick("各シナリオの故障に加えて、あらゆる故障を起こす。", "All kinds of fault on top of each scenario's own.")))
  var allFaults = false
  @Flag(
    help: ArgumentHelp(
      Language.pick(
        "割合が 5 未満の(長くかかる)シナリオを外す。", "Leave out scenarios that ask for a share of less than 5: they take long.")))
  var light = false
  @Flag(help: ArgumentHelp(Language.pick("プログラム用に JSON を一つ出す。", "Print one JSON object for programs."))) var json =
    false
  @Flag(help: ArgumentHelp(Language.pick("成り立たない実行が出たら止める。", "Stop at the first run that does not hold.")))
  var failFast = false
  @Flag(
    help: ArgumentHelp(
      Language.pick(
        "到達するはずの箇所すべてに到達し、ほかには到達しないこと。違えば終了コード 1。",
        "Every place of the core that nights are known to lead to must be reached, and no other: exit 1 when not.")))
  var probes = false

  func run() throws {
    let stories =
      try scenario.map { [try Library.story($0)] } ?? Library.all().filter { $0.scenario.share >= (light ? 5 : 1) }
    let start = ContinuousClock.now
    let tasks = seeds.range.map { SweepTask(path: Self.choose(stories, seed: $0).path, seed: $0, allFaults: allFaults) }
    let pool = WorkerPool(tasks: tasks, jobs: jobs, failFast: failFast)
    let runs = try pool.run { done, failed in
      guard !json, isatty(STDERR_FILENO) == 1 || done % 100 == 0 else { return }
      let line = Language.pick(
        "\(done)/\(tasks.count) 件、うち不成立 \(failed) 件", "\(done) of \(tasks.count), \(failed) did not hold")
      FileHandle.standardError.write(Data((isatty(STDERR_FILENO) == 1 ? "\r\(line)  " : "\(line)\n").utf8))
    }
    if !json, isatty(STDERR_FILENO) == 1 { FileHandle.standardError.write(Data("\n".utf8)) }
    let elapsed = ContinuousClock.now - start
    let report = SweepReport(runs: runs, wallSeconds: Double(elapsed.components.seconds), allFaults: allFaults)
    if json { print(renkei_sim.json(report)) } else { report.show() }
    if report.failed > 0 || probes && Set(report.neverReached) != Set(Probe.missing.map { "\($0)" }) {
      throw ExitCode(1)
    }
  }

  /// By the scenarios' shares, and by nothing but the seed.
  static func choose(_ stories: [Story], seed: UInt64) -> Story {
    let total = stories.reduce(0) { $0 + max($1.scenario.share, 1) }
    var random = RandomNumbers(seed: seed)
    var pick = random.below(total)
    for story in stories {
      pick -= max(story.scenario.share, 1)
      if pick < 0 { return story }
    }
    return stories[0]
  }
}

/// What a sweep found.
struct SweepReport: Encodable {
  /// Which program swept.
  var version = Build.text
  /// Places of the core that some run came by, in how many runs; and those that none did.
  var reached: [String: Int]
  var neverReached: [String]
  var seeds: [UInt64]
  var violations: [SweepRun]
  var simulatedSeconds: Double
  var wallSeconds: Double
  /// Over the digests of all runs, in the order of their seeds.
  var traceDigest: String
  var failed: Int
  var byScenario: [String: ScenarioSum]
  var totals: RunCounts
  private var allFaults: Bool

  struct ScenarioSum: Encodable {
    var runs = 0
    var failed = 0
    var simulatedSeconds = 0.0
    var wallSeconds = 0.0
    var edits = 0
    var mostNodes = 0
    var copies = 0.0
  }

  private enum CodingKeys: CodingKey {
    case version, reached, neverReached, seeds, violations, simulatedSeconds, wallSeconds, traceDigest, failed,
      byScenario, totals
  }

  init(runs: [SweepRun], wallSeconds: Double, allFaults: Bool) {
    self.allFaults = allFaults
    seeds = runs.map(\.seed)
    violations = runs.filter { !$0.violations.isEmpty }
    failed = violations.count
    simulatedSeconds = runs.reduce(0) { $0 + $1.simulatedSeconds }
    self.wallSeconds = wallSeconds
    traceDigest = Trace.digest(of: runs.map(\.traceDigest))
    var reached: [String: Int] = [:]
    for probe in runs.flatMap(\.probes) { reached[probe, default: 0] += 1 }
    self.reached = reached
    neverReached = Probe.allCases.map { "\($0)" }.filter { reached[$0] == nil }
    byScenario = [:]
    totals = RunCounts()
    for run in runs {
      byScenario[run.scenario, default: ScenarioSum()].add(run)
      totals += run.counts
    }
  }

  func show() {
    let head = Language.pick(
      "シナリオ                  回数 不成立   入力 ノード     模擬時間   倍速  受信/件",
      "scenario                  runs failed  edits nodes   simulated  speed   copies")
    print(head)
    for (name, sum) in byScenario.sorted(by: { $0.key < $1.key }) {
      let label = name.padding(toLength: 24, withPad: " ", startingAt: 0)
      print(
        String(
          format: "%@ %5d %6d %6d %5d %9.1f h %6.0f %8.3f", label, sum.runs, sum.failed, sum.edits, sum.mostNodes,
          sum.simulatedSeconds / 3_600, sum.simulatedSeconds / max(sum.wallSeconds, 0.001),
          sum.copies / Double(sum.runs)))
    }
    Language.say(
      "計 \(seeds.count) 回：不成立 \(failed)、模擬 \(Int(simulatedSeconds / 3_600)) 時間を実 \(Int(wallSeconds)) 秒で（\(Int(simulatedSeconds / max(wallSeconds, 1))) 倍）",
      "\(seeds.count) runs: \(failed) did not hold; \(Int(simulatedSeconds / 3_600)) h simulated in \(Int(wallSeconds)) s (\(Int(simulatedSeconds / max(wallSeconds, 1))) times)"
    )
    let never = neverReached.joined(separator: ", ")
    Language.say(
      "判定する箇所 \(Probe.allCases.count) のうち \(reached.count) に到達\(never.isEmpty ? "" : "。未到達: \(never)")",
      "covered \(reached.count) of \(Probe.allCases.count)\(never.isEmpty ? "" : "; never: \(never)")")
    print("renkei-sim \(version)")
    for run in violations.prefix(20) {
      print("✗ renkei-sim run \(run.path) --seed \(run.seed)\(allFaults ? " --all-faults" : "")")
      for violation in run.violations.prefix(3) { print("    \(violation.checker.rawValue): \(violation.detail)") }
    }
  }
}

extension SweepReport.ScenarioSum {
  mutating func add(_ run: SweepRun) {
    runs += 1
    if !run.violations.isEmpty { failed += 1 }
    simulatedSeconds += run.simulatedSeconds
    wallSeconds += run.wallSeconds
    edits += run.counts.writes
    mostNodes = max(mostNodes, run.nodes)
    copies += run.copies
  }
}
