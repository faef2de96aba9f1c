import ArgumentParser
import Causality
import Foundation
import Simulation
import Sodium
import Terminal

struct MutantsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "mutants",
    abstract: Language.pick(
      "欠陥を一つずつ仕込み、どの検査が何回目の種で見つけるかを示す。",
      "Plants one bug after the other, and tells which checker finds each, and after how many seeds."),
    discussion: Language.pick(
      "欠陥を含むビルドだけで動きます。Tools/mutants が作って動かします。",
      "Only in a build that holds the bugs: Tools/mutants makes and runs it."))
  @Option(help: ArgumentHelp(Language.pick("欠陥ごとに試す種(例 1..100)。", "Seeds to try for each bug, such as 1..100.")))
  var seeds = SeedRange(argument: "1..100")!
  @Option(help: ArgumentHelp(Language.pick("同時にいくつ動かすか。", "How many at once."))) var jobs = 2
  @Option(help: ArgumentHelp(Language.pick("この欠陥だけ。", "Only these bugs."))) var only: [String] = []
  @Flag(help: ArgumentHelp(Language.pick("プログラム用に JSON を一つ出す。", "Print one JSON object for programs."))) var json =
    false

  func run() throws {
    #if MUTANTS
      let bugs = PlantedBug.allCases.filter { only.isEmpty || only.contains($0.rawValue) }
      let all = try Library.all()
      var found: [Finding] = []
      if !json {
        Language.say(
          "仕込んだ欠陥                発見した検査               何回目の種で",
          "planted bug                 found by                   after so many seeds")
      }
      for bug in bugs {
        setenv(Planting.variable, bug.rawValue, 1)
        let stories = all.filter { bug.isOfServices ? $0.scenario.id == "services" : $0.scenario.share > 0 }
        let tasks = seeds.range.map {
          SweepTask(path: SweepCommand.choose(stories, seed: $0).path, seed: $0, allFaults: false)
        }
        let runs = try WorkerPool(tasks: tasks, jobs: jobs, failFast: true).run { _, _ in }
        let first = runs.first { !$0.violations.isEmpty }
        let finding = Finding(
          bug: bug.rawValue, scenario: first?.scenario, seed: first?.seed,
          after: first.map { Int($0.seed - seeds.range.lowerBound) + 1 },
          checkers: Set(first?.violations.map(\.checker.rawValue) ?? []).sorted(),
          detail: first?.violations.first?.detail)
        found.append(finding)
        if !json { print(finding.line) }
      }
      if json { print(renkei_sim.json(found)) }
      if found.contains(where: { $0.seed == nil }) { throw ExitCode(1) }
    #else
      throw Problem(
        "この実行ファイルには欠陥が仕込まれていません。Tools/mutants を使ってください", "there are no bugs in this build: use Tools/mutants")
    #endif
  }
}

/// One planted bug and what found it.
struct Finding: Encodable {
  var bug: String
  var scenario: String?
  var seed: UInt64?
  var after: Int?
  var checkers: [String]
  var detail: String?

  var line: String {
    func wide(_ text: String, _ width: Int) -> String { text.padding(toLength: width, withPad: " ", startingAt: 0) }
    guard let scenario, let seed, let after else { return "\(wide(bug, 27)) ✗" }
    return "\(wide(bug, 27)) \(wide(checkers.joined(separator: ", "), 26)) \(after)  (\(scenario) --seed \(seed))"
  }
}

/// The bug that this process runs with, if it was built with any: processes that it starts have it too.
enum Planting {
  static let variable = "RENKEI_PLANT"

  static func prepare() {
    #if MUTANTS
      PlantedBug.planted = ProcessInfo.processInfo.environment[variable].flatMap(PlantedBug.init)
      AudienceKey.repeatsNonces = PlantedBug.repeatsNonce.isPlanted
    #endif
  }
}
