import Foundation
import Simulation
import Testing
import Topology

/// What a run says of itself: OPERATIONS.md, S1 to S6.
@Suite struct ReportingTests {
  private static func plan(_ text: String, id: String, seed: UInt64) throws -> Plan {
    try Planner.plan(Scenario(yaml: text, id: id), on: ScenarioTests.topology, seed: seed)
  }

  private static func text(of name: String) throws -> String {
    try String(
      contentsOf: ScenarioTests.root.appendingPathComponent("Topology/scenarios/\(name).yaml"), encoding: .utf8)
  }

  @Test func `a copied file has the same nights, whatever it is called`() throws {
    let text = try Self.text(of: "islands")
    let (one, copy) = (
      try Self.plan(text, id: "islands", seed: 5), try Self.plan(text, id: "something-else", seed: 5)
    )
    #expect(one.steps == copy.steps && one.nodes == copy.nodes && one.roads == copy.roads)
    let other = text.replacing("stream: islands", with: "stream: others")
    #expect(try Self.plan(other, id: "islands", seed: 5).steps != one.steps)
  }

  @Test func `what is void is counted apart, and lacking to nobody`() throws {
    let result = try World(Self.plan(Self.text(of: "stolen"), id: "stolen", seed: 1)).run()
    #expect(result.violations.isEmpty)
    #expect(result.counts.void > 0 && result.voidOf.values.reduce(0, +) == result.counts.void)
    #expect(result.samples.last?.lacks.allSatisfy { $0 <= 0 } == true, "\(result.samples.last!.lacks)")
  }

  @Test func `a failure is the same one as long as it is of the same things`() {
    let one = Violation(
      .liveness, "渋谷区 holds 12 of life 3.1.0 unmerged after 240 s: it waits for life 2.1.0 #4, kept to #3")
    let fewer = Violation(
      .liveness, "渋谷区 holds 2 of life 3.1.0 unmerged after 180 s: it waits for life 2.1.0 #9, kept to #8")
    let elsewhere = Violation(
      .liveness, "渋谷区 holds 2 of life 4.1.0 unmerged after 180 s: it waits for life 2.1.0 #9, kept to #8")
    #expect(one.subject == fewer.subject && one.subject != elsewhere.subject)
    #expect(
      Violation(.expectation, "渋谷区 and 港区 do not agree in life").subject
        != Violation(.expectation, "港区 refused 0, not 1").subject)
  }

  @Test func `work that ends after everything else is a mistake, told with its line`() throws {
    let text = try Self.text(of: "islands").replacing(/\nwork: .*\n/, with: "\nwork: { per-hour: 10, until: 99h }\n")
    #expect(throws: TopologyError.self) { try Self.plan(text, id: "islands", seed: 1) }
  }
}
