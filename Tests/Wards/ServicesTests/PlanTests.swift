import Causality
import Goods
import Testing

/// The plan is the cheapest there is: against trying everything, and against its own lower bound.
struct PlanTests {
  static func random(_ random: inout RandomNumbers, sources: Int, sinks: Int, most: Int) -> TransportProblem {
    TransportProblem(
      supply: (0..<sources).map { _ in random.below(most) }, demand: (0..<sinks).map { _ in random.below(most) },
      cost: (0..<sources).map { _ in (0..<sinks).map { _ in random.chance(0.15) ? nil : random.below(30) } },
      penalty: (0..<sinks).map { _ in random.pick([20, 100, 200]) })
  }

  /// The least cost by trying every split, unit by unit.
  static func least(_ problem: TransportProblem) -> Int {
    func best(_ sink: Int, _ left: [Int], _ open: Int) -> Int {
      if sink == problem.demand.count { return 0 }
      if open == 0 {
        let next = sink + 1
        return best(next, left, next < problem.demand.count ? problem.demand[next] : 0)
      }
      var found = problem.penalty[sink] + best(sink, left, open - 1)
      for source in left.indices where left[source] > 0 {
        guard let cost = problem.cost[source][sink] else { continue }
        var rest = left
        rest[source] -= 1
        found = min(found, cost + best(sink, rest, open - 1))
      }
      return found
    }
    return best(0, problem.supply, problem.demand.first ?? 0)
  }

  @Test func `no plan is cheaper, by trying all`() {
    var numbers = RandomNumbers(seed: 3)
    for _ in 0..<150 {
      let problem = Self.random(&numbers, sources: 1 + numbers.below(3), sinks: 1 + numbers.below(3), most: 4)
      let solution = problem.solve()
      #expect(solution.cost == Self.least(problem))
      #expect(solution.cost == solution.lowerBound)
    }
  }

  /// A thousand million steps of one unit each, before.
  @Test func `a want beyond all measure is told at once`() {
    let problem = TransportProblem(
      supply: [1, 5], demand: [1_000_000_000, 3], cost: [[10, 20], [10, nil]], penalty: [10_000, 20_000])
    let solution = problem.solve()
    #expect(solution.cost == solution.lowerBound)
    #expect(solution.unserved == [1_000_000_000 - 5, 2])
  }

  @Test func `what is sent is there, and what is wanted is served or told`() {
    var numbers = RandomNumbers(seed: 4)
    for _ in 0..<60 {
      let problem = Self.random(&numbers, sources: 8, sinks: 60, most: 40)
      let solution = problem.solve()
      #expect(solution.cost == solution.lowerBound)
      var (sent, served) = (Array(repeating: 0, count: 8), solution.unserved)
      for flow in solution.flows {
        #expect(flow.units > 0)
        sent[flow.source] += flow.units
        served[flow.sink] += flow.units
      }
      #expect(zip(sent, problem.supply).allSatisfy { $0 <= $1 })
      #expect(served == problem.demand)
      // Any prices bound it from below.
      let prices = (0..<8).map { _ in numbers.below(20) }
      #expect(problem.bound(prices) <= solution.cost)
    }
  }

  @Test func `a closed road is gone round, and a ward beyond it told`() {
    let geography = Geography([
      .init(code: "A", office: .init(latitude: 35.6, longitude: 139.7), neighbours: ["B"]),
      .init(code: "B", office: .init(latitude: 35.65, longitude: 139.7), neighbours: ["A", "C"]),
      .init(code: "C", office: .init(latitude: 35.7, longitude: 139.7), neighbours: ["B"]),
    ])
    let open = geography.minutes([:])
    let slow = geography.minutes([["A", "B"]: .slow])
    let closed = geography.minutes([["B", "C"]: .closed])
    #expect(slow["A"]!["C"]! > open["A"]!["C"]!)
    #expect(closed["A"]!["C"] == nil && closed["A"]!["B"] != nil)
  }
}
