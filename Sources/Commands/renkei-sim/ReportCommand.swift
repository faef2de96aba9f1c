import ArgumentParser
import Build
import Foundation
import Simulation
import Terminal
import Topology

struct ReportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report",
    abstract: Language.pick(
      "一つのシナリオを動かし、地図・曲線・通信量・出来事のページを書く。",
      "Runs one scenario and writes a page about it: map, curves, bytes, events to step through."),
    discussion: Language.pick(
      "ほかに何も要らない一つのファイルです。メールでもカードでも渡せます。",
      "One file that needs nothing else: it can be mailed, or opened from a memory card."))
  @OptionGroup var story: StoryOptions
  @Option(help: ArgumentHelp(Language.pick("ページを書くファイル。", "Where to write the page."))) var html: String
  @Flag(help: ArgumentHelp(Language.pick("プログラム用に JSON を一つ出す。", "Print one JSON object for programs."))) var json =
    false

  func run() throws {
    let file = try Library.story(story.scenario)
    let plan = try story.plan()
    let notes = NoteList()
    let start = ContinuousClock.now
    if !json, isatty(STDERR_FILENO) == 1 { Language.say("実行しています…", "running …") }
    let result = try World(plan) { notes.add($0, $1) }.run()
    let elapsed = ContinuousClock.now - start
    let page = ReportPage(
      scenario: file.scenario, topology: file.topology, plan: plan, result: result, notes: notes.kept,
      left: notes.left, wallSeconds: Double(elapsed.components.seconds), words: story.words)
    try Data(page.html.utf8).write(to: URL(fileURLWithPath: html))
    if json {
      print(renkei_sim.json(RunLine(result, wallSeconds: page.wallSeconds)))
    } else {
      Language.say(
        "\(html) に書きました（\(page.html.utf8.count / 1_024) KB）", "wrote \(html), \(page.html.utf8.count / 1_024) KB")
    }
    if !result.violations.isEmpty { throw ExitCode(1) }
  }
}

/// What is told of a run, as much as a page can hold.
private final class NoteList {
  private static let limit = 4_000
  private(set) var kept: [ReportPage.Note] = []
  private(set) var left = 0

  func add(_ at: Moment, _ text: Narration) {
    guard kept.count < Self.limit else { return left += 1 }
    kept.append(ReportPage.Note(at: at / 1_000_000, ja: text.japanese, en: text.english))
  }
}

/// The data of a report, and the page around it.
struct ReportPage {
  struct Note: Encodable {
    var at: Int64
    var ja: String
    var en: String
  }

  private struct WardShape: Encodable {
    var name: String
    var rings: [[[Double]]]
  }

  private struct Payload: Encodable {
    var name: [String]
    var seed: UInt64
    var command: String
    var healsAt: Int64
    var ends: Int64
    var wards: [WardShape]
    /// Name, x, y, place of the ward.
    var nodes: [NodePlace]
    var result: RunResult
    var roadEnds: [[Int]]
    var roadUp: [Bool]
    var there: [Bool]
    var notes: [Note]
    var left: Int
    var wallSeconds: Double
    var version: String
  }

  private struct NodePlace: Encodable {
    var name: String
    var x: Double
    var y: Double
  }

  let scenario: Scenario
  let topology: Topology
  let plan: Plan
  let result: RunResult
  let notes: [Note]
  let left: Int
  let wallSeconds: Double
  /// What repeats the run.
  let words: String

  var html: String {
    let places = plan.nodes.enumerated().map { index, node -> NodePlace in
      let ward = topology.ward(plan.wards[node.ward][0])!
      let place = Self.project(ward.office)
      // Further nodes of a ward stand around its first.
      let number = plan.nodes[..<index].count { $0.ward == node.ward }
      let ring = Double((number + 7) / 8)
      let angle = Double(number) * 2.399
      return NodePlace(
        name: node.name, x: place[0] + 9 * ring * cos(angle) * (number == 0 ? 0 : 1),
        y: place[1] + 9 * ring * sin(angle) * (number == 0 ? 0 : 1))
    }
    let data = Payload(
      name: [scenario.japaneseName, scenario.englishName], seed: plan.seed,
      command: "renkei-sim report \(words) --html FILE", healsAt: plan.healsAt / 1_000_000,
      ends: Int64(result.simulatedSeconds),
      wards: topology.wards.map { ward in
        WardShape(name: ward.name, rings: ward.outline.map { $0.map(Self.project) })
      },
      nodes: places, result: result, roadEnds: plan.roads.map(\.ends), roadUp: plan.roads.map(\.isUp),
      there: plan.nodes.map(\.isThere), notes: notes, left: left, wallSeconds: wallSeconds, version: Build.text)
    // `<` would let a text end the script.
    let text = json(data).replacingOccurrences(of: "<", with: "\\u003c")
    return ReportAssets.page.replacingOccurrences(of: "/*DATA*/null", with: text)
  }

  /// Kilometres times 18, from the north-west corner: flat enough for a city.
  private static func project(_ position: Position) -> [Double] {
    func round(_ value: Double) -> Double { (value * 10).rounded() / 10 }
    return [round((position.longitude - 139.555) * 90.4 * 18), round((35.825 - position.latitude) * 111.0 * 18)]
  }
}
