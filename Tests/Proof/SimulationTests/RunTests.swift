import Foundation
import Simulation
import Testing

/// Whole runs: alike for one seed, and sound. The sweep of many seeds is `renkei-sim sweep`, run by `Tools/test`.
@Suite struct RunTests {
  @Test func `one seed is one night, to the last byte`() throws {
    let plan = try Planner.plan(ScenarioTests.scenario("everything"), on: ScenarioTests.topology, seed: 8)
    var first = try World(plan).run()
    var second = try World(plan).run()
    // Tests of one process share what they came by.
    (first.probes, second.probes) = ([], [])
    #expect(first == second)
    #expect(first.violations.isEmpty)
    let other = try Planner.plan(ScenarioTests.scenario("everything"), on: ScenarioTests.topology, seed: 9)
    #expect(try World(other).run().traceDigest != first.traceDigest)
  }

  static let regressions = try! FileManager.default.contentsOfDirectory(
    atPath: ScenarioTests.root.appendingPathComponent("Tests/Proof/SimulationTests/Regressions").path
  ).filter { $0.hasSuffix(".json") }.sorted()

  /// Plans that once broke a promise, shrunk to what it took.
  @Test(arguments: regressions) func `what was broken once holds`(file: String) throws {
    let path = ScenarioTests.root.appendingPathComponent("Tests/Proof/SimulationTests/Regressions/\(file)")
    let plan = try JSONDecoder().decode(Plan.self, from: Data(contentsOf: path))
    let result = try World(plan).run()
    #expect(result.violations.isEmpty, "renkei-sim replay Tests/Proof/SimulationTests/Regressions/\(file)")
  }
}
