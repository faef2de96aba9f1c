import Foundation
import Simulation
import Testing
import Topology

/// Scenario files: each can be planned, and a mistake is named with its line.
@Suite struct ScenarioTests {
  static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()
    .deletingLastPathComponent()
  static let topology = try! Topology(
    yaml: String(contentsOf: root.appendingPathComponent("Topology/tokyo23.yaml"), encoding: .utf8))

  static func text(_ name: String) throws -> String {
    try String(contentsOf: root.appendingPathComponent("Topology/scenarios/\(name).yaml"), encoding: .utf8)
  }

  static func scenario(_ name: String) throws -> Scenario { try Scenario(yaml: text(name), id: name) }

  static let names = try! FileManager.default.contentsOfDirectory(
    atPath: root.appendingPathComponent("Topology/scenarios").path
  ).filter { $0.hasSuffix(".yaml") }.map { String($0.dropLast(5)) }.sorted()

  @Test(arguments: names) func `each scenario can be planned, alike each time, and otherwise with another seed`(
    name: String
  ) throws {
    let scenario = try Self.scenario(name)
    let plan = try Planner.plan(scenario, on: Self.topology, seed: 1)
    #expect(!plan.steps.isEmpty)
    #expect(zip(plan.steps, plan.steps.dropFirst()).allSatisfy { $0.at <= $1.at })
    #expect(plan.steps.allSatisfy { $0.at <= plan.healsAt })
    #expect(try Planner.plan(scenario, on: Self.topology, seed: 1) == plan)
    #expect(try Planner.plan(scenario, on: Self.topology, seed: 2) != plan)
    let again = try JSONDecoder().decode(Plan.self, from: JSONEncoder().encode(plan))
    #expect(again == plan, "a plan survives its file")
  }

  @Test(arguments: [
    ("format: renkei-scenario-1", "format: renkei-scenario-9", "format"),
    ("lasts: 4h", "lasts: soon", "lasts"),
    ("lasts: 4h", "lasts: 3h", "timeline[5].at"),
    ("{ at: 0h20, backup: [北区] }", "{ at: 0h20, backup: [港区] }", "timeline[0].backup"),
    ("{ at: 0h20, backup: [北区] }", "{ at: 0h20, backups: [北区] }", "timeline[0].backups"),
    ("islands: [[北区, 荒川区]]", "islands: [北区]", "timeline[1].islands"),
    ("restore: { node: 北区 }", "restore: { nodes: 北区 }", "timeline[2].restore.nodes"),
    ("wards: [北区, 豊島区, 板橋区, 荒川区]", "wards: [北区, 上野区]", "nodes.wards"),
    ("per-hour: 90", "per-hour: many", "work.per-hour"),
    ("heal: [all]", "heal: [string]", "timeline[4].heal"),
  ])
  func `a mistake in a scenario is named with its line and field`(from: String, to: String, field: String) throws {
    let text = try Self.text("restored")
    let range = try #require(text.range(of: from))
    let line = text[..<range.lowerBound].count { $0 == "\n" } + 1
    do {
      let scenario = try Scenario(yaml: text.replacingCharacters(in: range, with: to), id: "broken")
      _ = try Planner.plan(scenario, on: Self.topology, seed: 1)
      Issue.record("not refused")
    } catch {
      #expect(error.field == field, "\(error)")
      if field != "timeline[5].at" { #expect(error.line == line, "\(error)") }
    }
  }

  @Test func `an outage follows its curve, and hits first who is hit hardest`() throws {
    let text = """
      format: renkei-scenario-1
      name: { ja: 試, en: t }
      topology: t
      links: [fibre]
      lasts: 4d
      timeline:
        - { at: 0h, outage: { of: [fibre], down: { 0h: 0.2, 2d: 0.6, 3d: 0.0 }, by-ward: { 品川区: 50, 大田区: 40 } } }
      """
    let plan = try Planner.plan(Scenario(yaml: text, id: "t"), on: Self.topology, seed: 3)
    func down(at moment: Moment) -> Set<Int> {
      var down: Set<Int> = []
      for step in plan.steps where step.at <= moment {
        if case .cut(let road) = step.step { down.insert(road) }
        if case .heal(let road) = step.step { down.remove(road) }
      }
      return down
    }
    let hour: Moment = 3_600_000_000
    let count = Double(plan.roads.count)
    #expect(abs(Double(down(at: hour).count) / count - 0.2) < 0.06)
    #expect(abs(Double(down(at: 48 * hour).count) / count - 0.6) < 0.06)
    #expect(down(at: 80 * hour).isEmpty)
    let hardest = plan.roads.indices.filter { road in
      plan.roads[road].ends.contains { ["品川区", "大田区"].contains(plan.nodes[$0].name) }
    }
    #expect(down(at: hour).isSuperset(of: hardest))
  }

  @Test(arguments: [
    ("45s", 45), ("5m", 300), ("0h05", 300), ("1h30", 5_400), ("3d", 259_200), ("2d06h", 194_400), ("1d02h30m", 95_400),
  ])
  func `spans are read as people write them`(text: String, seconds: Int64) {
    #expect(Span.parse(text) == seconds * 1_000_000)
  }

  @Test(arguments: ["", "5", "h", "1x", "1d5", "-5m", "99999999h"])
  func `what is no span is none`(text: String) { #expect(Span.parse(text) == nil) }
}
