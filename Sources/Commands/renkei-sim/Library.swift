import ArgumentParser
import Foundation
import Simulation
import Terminal
import Topology

/// Where scenarios and topologies are found.
enum Library {
  /// The project's own: below the folder where this runs, or above the program itself.
  static let folder: String = {
    let name = "Topology/scenarios"
    var above = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
    guard !FileManager.default.fileExists(atPath: name) else { return name }
    while above.path != "/" {
      let path = above.appendingPathComponent(name).path
      if FileManager.default.fileExists(atPath: path) { return path }
      above.deleteLastPathComponent()
    }
    return name
  }()

  /// Every scenario of the folder, by name.
  static func all(in folder: String = folder) throws -> [Story] {
    guard let names = try? FileManager.default.contentsOfDirectory(atPath: folder) else {
      throw Problem(
        "\(folder) が見つかりません。プロジェクトの一番上のフォルダーで実行するか、シナリオのファイルを指定してください",
        "\(folder) is not here: run this in the project's top folder, or name a scenario's file")
    }
    return try names.filter { $0.hasSuffix(".yaml") }.sorted().map { try story("\(folder)/\($0)") }
  }

  /// By a path, or by a name in the folder.
  static func story(_ name: String) throws -> Story {
    let path = FileManager.default.fileExists(atPath: name) ? name : "\(folder)/\(name).yaml"
    let text = try read(path)
    let id = URL(fileURLWithPath: path).deletingPathExtension().lastPathComponent
    let scenario = try checked(path) { () throws(TopologyError) in try Scenario(yaml: text, id: id) }
    let file = URL(fileURLWithPath: path).deletingLastPathComponent().appendingPathComponent(scenario.topology).path
    let topologyText = try read(file)
    let topology = try checked(file) { () throws(TopologyError) in try Topology(yaml: topologyText) }
    return Story(path: path, scenario: scenario, topology: topology)
  }

  static func checked<Result>(_ path: String, _ body: () throws(TopologyError) -> Result) throws -> Result {
    do { return try body() } catch { throw Problem("\(path): \(error)", "\(path): \(error)") }
  }

  static func read(_ path: String) throws -> String {
    guard let data = FileManager.default.contents(atPath: path) else {
      throw Problem("\(path) を読めません", "\(path) cannot be read")
    }
    return String(decoding: data, as: UTF8.self)
  }
}

struct ListCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: Language.pick("名前で呼べるシナリオの一覧。", "The scenarios that are known by name."))
  @Flag(help: ArgumentHelp(Language.pick("プログラム用に JSON を一つ出す。", "Print one JSON object for programs."))) var json =
    false

  private struct Line: Encodable {
    var name: String
    var ja: String
    var en: String
    var share: Int
    var hours: Double
    var path: String
  }

  func run() throws {
    let lines = try Library.all().map { story in
      Line(
        name: story.scenario.id, ja: story.scenario.japaneseName, en: story.scenario.englishName,
        share: story.scenario.share, hours: Double(story.scenario.lasts) / 3_600_000_000, path: story.path)
    }
    guard !json else { return print(renkei_sim.json(["scenarios": lines])) }
    var table = TextTable([
      Language.pick("名前", "name"), Language.pick(">時間", ">hours"), Language.pick(">割合", ">share"),
      Language.pick("内容", "what it is"),
    ])
    for line in lines {
      table.add([line.name, String(format: "%.1f", line.hours), "\(line.share)", Language.pick(line.ja, line.en)])
    }
    for line in table.lines() { print(line) }
  }
}

struct Story {
  var path: String
  var scenario: Scenario
  var topology: Topology

  func plan(seed: UInt64, extraFaults: Scenario? = nil) throws -> Plan {
    try Library.checked(path) { () throws(TopologyError) in
      try Planner.plan(scenario, on: topology, seed: seed, extraFaults: extraFaults)
    }
  }
}
