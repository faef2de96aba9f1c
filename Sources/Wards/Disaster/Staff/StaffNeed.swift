import Goods

/// How many staff a task takes, and who goes where.
public enum StaffNeed {
  /// - Parameters:
  ///   - units: buildings, or whatever is worked through.
  ///   - rate: units that one team does in a day.
  public static func people(units: Int, rate: Int, days: Int, team: Int) -> Int {
    guard units > 0, rate > 0, days > 0 else { return 0 }
    let work = rate * days
    return team * ((units + work - 1) / work)
  }

  /// At least three at a shelter, one for each fifty people, in three shifts (ours).
  public static func shelters(people: [Int]) -> Int { people.reduce(0) { $0 + max(3, ($1 + 49) / 50) * 3 } }

  public static let penalty = (urgent: 20_000, ordinary: 10_000)

  /// The least minutes in all from pools to requests: what a pool's own ward needs stays there.
  ///
  /// - Parameter minutes: by pool, then request.
  public static func plan(
    free: [Int], asked: [(people: Int, isUrgent: Bool)], minutes: [[Int?]]
  ) -> TransportProblem.Solution {
    TransportProblem(
      supply: free, demand: asked.map(\.people), cost: minutes,
      penalty: asked.map { $0.isUrgent ? penalty.urgent : penalty.ordinary }
    ).solve()
  }
}
