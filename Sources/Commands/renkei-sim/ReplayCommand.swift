import ArgumentParser
import Foundation
import Simulation
import Terminal

struct ReplayCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "replay",
    abstract: Language.pick(
      "run --save-plan か shrink が書いた計画を、出来事ごとに動かす。",
      "Runs a plan that `run --save-plan` or `shrink` wrote, event by event."))
  @Argument(help: ArgumentHelp(Language.pick("計画のファイル。", "The plan's file."))) var plan: String
  @Flag(help: ArgumentHelp(Language.pick("プログラム用に JSON を一つ出す。", "Print one JSON object for programs."))) var json =
    false
  @Flag(help: ArgumentHelp(Language.pick("出来事を一つずつ出さない。", "Do not tell each event."))) var quiet = false

  func run() throws {
    try Verdict(PlanFile.read(plan), narrate: !json && !quiet).tell(json: json, again: "renkei-sim replay \(plan)")
  }
}

enum PlanFile {
  static func read(_ path: String) throws -> Plan {
    let text = try Library.read(path)
    guard let plan = try? JSONDecoder().decode(Plan.self, from: Data(text.utf8)), plan.format == Plan.format else {
      throw Problem(
        "\(path) は計画ファイル（\(Plan.format)）ではありません", "\(path) is no plan of the form \(Plan.format)")
    }
    return plan
  }

  static func write(_ plan: Plan, to path: String) throws {
    try Data(json(plan).utf8).write(to: URL(fileURLWithPath: path))
  }
}

struct ShrinkCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "shrink",
    abstract: Language.pick("同じものを破る、最も少ない出来事を探す。", "Finds the fewest events of a run that still break what it broke."),
    discussion: Language.pick(
      "半分、四分の一と、段階を省いていきます(Zeller, Hildebrandt: delta debugging, 2002)。",
      "Leaves out steps, in halves, then quarters, and so on (Zeller, Hildebrandt: delta debugging, 2002)."))
  @OptionGroup var story: StoryOptions
  @Option(help: ArgumentHelp(Language.pick("シナリオの代わりに、この計画を縮める。", "Shrink this plan instead of the scenario's.")))
  var plan: String?
  @Option(help: ArgumentHelp(Language.pick("残ったものを書くファイル。", "Where to write what is left."))) var out = "shrunk.json"
  @Flag(help: ArgumentHelp(Language.pick("プログラム用に JSON を一つ出す。", "Print one JSON object for programs."))) var json =
    false

  func run() throws {
    let start = try plan.map(PlanFile.read) ?? story.plan()
    // Another failure of the same kind is another failure.
    guard let goal = try Trial.violations(of: start).first else {
      throw Problem("この実行では何も破れていません。縮めるものがありません", "nothing is broken in this run: there is nothing to shrink")
    }
    var shrunk = start
    var tries = 0
    var size = max(1, shrunk.steps.count / 2)
    while true {
      var index = 0
      var removed = false
      while index < shrunk.steps.count {
        var smaller = shrunk
        smaller.steps.removeSubrange(index..<min(index + size, smaller.steps.count))
        tries += 1
        if try Trial.violations(of: smaller).contains(where: { $0.subject == goal.subject }) {
          shrunk = smaller
          removed = true
          // What is found so far is kept, should somebody lose patience.
          try PlanFile.write(shrunk, to: out)
        } else {
          index += size
        }
        if !json {
          let text = Language.pick(
            "\(shrunk.steps.count) 件（試行 \(tries)）", "\(shrunk.steps.count) steps, \(tries) tries")
          FileHandle.standardError.write(Data("\r\(text)    ".utf8))
        }
      }
      if size == 1, !removed { break }
      size = max(1, size / 2)
    }
    try PlanFile.write(shrunk, to: out)
    if json {
      print(renkei_sim.json(["before": start.steps.count, "after": shrunk.steps.count, "tries": tries]))
      return
    }
    print("")
    Language.say(
      "\(goal.detail): \(start.steps.count) 件を \(shrunk.steps.count) 件に。\(out) に書きました",
      "\(goal.detail): \(start.steps.count) steps down to \(shrunk.steps.count), written to \(out)")
    for step in shrunk.steps { print("  \(Span.clock(step.at))  \(shrunk.text(of: step.step))") }
    Language.say("見るには： renkei-sim replay \(out)", "to see it: renkei-sim replay \(out)")
  }
}

/// One run in a process of its own, so that a plan that ends the program can be shrunk too.
private enum Trial {
  private struct Answer: Decodable { var violations: [Violation] }

  static func violations(of plan: Plan) throws -> [Violation] {
    let path = NSTemporaryDirectory() + "renkei-sim-\(getpid()).json"
    try PlanFile.write(plan, to: path)
    defer { try? FileManager.default.removeItem(atPath: path) }
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    process.arguments = ["replay", path, "--json"]
    let output = Pipe()
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    try process.run()
    let bytes = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    guard process.terminationStatus <= 1, let answer = try? JSONDecoder().decode(Answer.self, from: bytes) else {
      return [Violation(.failure, "the program ended with \(process.terminationStatus)")]
    }
    return answer.violations
  }
}
