import ArgumentParser
import Foundation
import Simulation
import Topology

/// Where scenarios and topologies are found.
enum Library {
  static let folder = "Topology/scenarios"

  /// Every scenario of the folder, by name.
  static func all(in folder: String = folder) throws -> [Story] {
    guard let names = try? FileManager.default.contentsOfDirectory(atPath: folder) else {
      throw Problem(
        "\(folder) が見つかりません。プロジェクトの一番上のフォルダーで実行してください",
        "\(folder) is not here: run this in the project's top folder")
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
