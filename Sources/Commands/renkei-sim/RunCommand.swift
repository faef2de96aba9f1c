import ArgumentParser
import Build
import Foundation
import Simulation
import Terminal

/// What every command that runs one scenario needs.
struct StoryOptions: ParsableArguments {
  @Argument(
    help: ArgumentHelp(
      Language.pick("シナリオのファイル、または list に出る名前。", "A scenario's file, or its name in Topology/scenarios.")))
  var scenario: String
  @Option(help: ArgumentHelp(Language.pick("すべてが決まる種。", "The seed that everything follows from."))) var seed: UInt64 = 1
  @Flag(
    help: ArgumentHelp(
      Language.pick(
        "シナリオの故障に加えて、あらゆる故障を起こす。決まった時刻の期待は外します。",
        "All kinds of fault on top of the scenario's own; what it expects at set times is left out then.")))
  var allFaults = false

  func plan() throws -> Plan {
    let extra = allFaults ? try Library.story("everything").scenario : nil
    return try Library.story(scenario).plan(seed: seed, extraFaults: extra)
  }

  /// The words that repeat this run.
  var words: String { "\(scenario) --seed \(seed)\(allFaults ? " --all-faults" : "")" }
}

struct RunCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: Language.pick("一つのシナリオを一つの種で動かし、判定する。", "Runs one scenario with one seed, and judges it."))
  @OptionGroup var story: StoryOptions
  @Flag(help: ArgumentHelp(Language.pick("プログラム用に JSON を一つ出す。", "Print one JSON object for programs."))) var json =
    false
  @Flag(help: ArgumentHelp(Language.pick("出来事を一つずつ出す。", "Tell each event as it happens."))) var narrate = false
  @Option(help: ArgumentHelp(Language.pick("replay と shrink のための計画を書く。", "Write the plan, for `replay` and `shrink`.")))
  var savePlan: String?

  func run() throws {
    let plan = try story.plan()
    if let savePlan { try Data(renkei_sim.json(plan).utf8).write(to: URL(fileURLWithPath: savePlan)) }
    try Verdict(plan, narrate: narrate).tell(json: json, again: "renkei-sim run \(story.words) --narrate")
  }
}

/// One run and what came of it.
struct Verdict {
  let result: RunResult
  let wallSeconds: Double

  init(_ plan: Plan, narrate: Bool = false) throws {
    let start = ContinuousClock.now
    let world = try World(
      plan,
      narrate: narrate
        ? { FileHandle.standardError.write(Data("\(Span.clock($0))  \($1.text)\n".utf8)) } : nil)
    result = world.run()
    let elapsed = ContinuousClock.now - start
    wallSeconds = Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) / 1e18
  }

  /// Prints it, and ends the program with 1 when something did not hold.
  func tell(json isJSON: Bool, again: String) throws {
    if isJSON {
      print(json(RunLine(result, wallSeconds: wallSeconds)))
    } else {
      let speed = Int(result.simulatedSeconds / max(wallSeconds, 0.001))
      Language.say(
        "\(result.scenario) 種\(result.seed)：\(result.nodes.count)ノード、\(result.counts.writes)件の入力、\(result.counts.events)件の出来事",
        "\(result.scenario) seed \(result.seed): \(result.nodes.count) nodes, \(result.counts.writes) edits, \(result.counts.events) events"
      )
      let agreed = result.convergedSeconds.map { String(format: "%.1f", $0) } ?? "—"
      let hops =
        result.mostHops == 0
        ? Language.pick("復旧後に運ぶものはなし", "nothing was left to carry then")
        : Language.pick(
          "中継 最大\(result.mostHops)・平均\(String(format: "%.1f", result.meanHops))",
          "over \(result.mostHops) hops at most, \(String(format: "%.1f", result.meanHops)) on average")
      Language.say(
        "  復旧から一致まで \(agreed) 秒（上限 \(Int(result.boundSeconds)) 秒）、1件あたりの受信 \(String(format: "%.3f", result.copies)) 回、\(hops)",
        "  agreed \(agreed) s after the heal (bound \(Int(result.boundSeconds)) s), each change set came \(String(format: "%.3f", result.copies)) times, \(hops)"
      )
      if result.counts.void > 0 {
        let whose = result.voidOf.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
        Language.say(
          "  保存した入力のうち \(result.counts.void) 件は無効（鍵の失効か、食い違う記録）。各ノードに別に保管：\(whose)",
          "  \(result.counts.void) acknowledged change sets are void (a key was cut, or a log forked), kept apart on the nodes: \(whose)"
        )
      }
      // The narrowest road that carried anything once all was healed; of equals, the one that carried most.
      let busy = result.roads.filter { $0.changeSetsAfterHeal > 0 }
      if let narrow = busy.min(by: {
        ($0.bitsPerSecond, -$0.changeSetsAfterHeal) < ($1.bitsPerSecond, -$1.changeSetsAfterHeal)
      }) {
        let each = narrow.bytesAfterHeal / narrow.changeSetsAfterHeal
        Language.say(
          "  復旧後、最も細い回線（\(narrow.ends.joined(separator: "–")) \(narrow.bitsPerSecond) bit/s）で\(narrow.changeSetsAfterHeal)件、1件あたり \(each) バイト",
          "  after the heal the narrowest road (\(narrow.ends.joined(separator: "–")), \(narrow.bitsPerSecond) bit/s) carried \(narrow.changeSetsAfterHeal) change sets, \(each) bytes each"
        )
      }
      Language.say(
        "  模擬 \(Int(result.simulatedSeconds)) 秒を \(String(format: "%.2f", wallSeconds)) 秒で（\(speed) 倍）、軌跡 \(result.traceDigest.prefix(16))、\(Build.text)",
        "  \(Int(result.simulatedSeconds)) s simulated in \(String(format: "%.2f", wallSeconds)) s (\(speed) times), trace \(result.traceDigest.prefix(16)), \(Build.text)"
      )
      for violation in result.violations { print("  ✗ \(violation.checker.rawValue): \(violation.detail)") }
    }
    if !result.violations.isEmpty {
      if !isJSON { Language.say("  もう一度見るには： \(again)", "  to see it again: \(again)") }
      throw ExitCode(1)
    }
  }
}

/// The outcome of one or more runs, as programs read it.
struct RunLine: Encodable {
  /// Which program ran it.
  var version = Build.text
  var seeds: [UInt64]
  var violations: [Violation]
  var simulatedSeconds: Double
  var wallSeconds: Double
  var traceDigest: String
  var result: RunResult

  init(_ result: RunResult, wallSeconds: Double) {
    seeds = [result.seed]
    violations = result.violations
    simulatedSeconds = result.simulatedSeconds
    self.wallSeconds = wallSeconds
    traceDigest = result.traceDigest
    var slim = result
    slim.samples = []
    slim.happenings = []
    self.result = slim
  }
}

extension Narration {
  var text: String { Language.pick(japanese, english) }
}
