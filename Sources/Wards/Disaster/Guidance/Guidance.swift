import Desk
import Goods
import Topology

/// What guidance is worked out from: room on figures that age, ways around what cannot be crossed, and an exact least-cost plan.
public enum Guidance {
  /// A shelter as a plan sees it.
  public struct Hall: Sendable {
    /// nil: not known, and so no room for a plan; 0 counts as not known too.
    public var capacity: Int?
    public var occupied: Int
    /// On their way there.
    public var expected: Int
    /// Minutes since it was counted.
    public var age: Int
    /// People a minute who come by themselves.
    public var inflow: Int

    public init(capacity: Int?, occupied: Int, expected: Int = 0, age: Int, inflow: Int) {
      (self.capacity, self.occupied, self.expected) = (capacity, occupied, expected)
      (self.age, self.inflow) = (age, inflow)
    }

    /// Places of which one can still be sure: those who came since the count took theirs.
    public var room: Int {
      guard let capacity, capacity > 0 else { return 0 }
      // What merged is anybody's word: no figure is taken for more than a form admits.
      let free = min(capacity, Self.most) - min(max(occupied, 0), Self.most) - min(max(expected, 0), Self.most)
      let came = min(max(inflow, 0), Self.most) * min(max(age, 0), Self.longest)
      return max(0, free - min(max(free, 0), came))
    }

    private static let most = 10_000_000
    /// Sixty days, in minutes.
    private static let longest = 86_400

    /// What a count at this minute would be worth at most.
    public var worthCounting: Int {
      var fresh = self
      fresh.age = 0
      return fresh.room - room
    }
  }

  /// What lies in the way, and where one gets across.
  public struct Barrier: Sendable {
    public var line: [Position]
    public var crossings: [Position]

    public init(line: [Position], crossings: [Position]) {
      self.line = line
      self.crossings = crossings
    }
  }

  /// Metres on foot: the straight line, or by the best crossing of what lies between, times the detour of streets; nil where
  /// nothing leads across.
  public static func metres(from a: Position, to b: Position, _ barriers: [Barrier] = []) -> Double? {
    var metres = a.distance(to: b)
    for barrier in barriers where zip(barrier.line, barrier.line.dropFirst()).contains(where: { cross(a, b, $0, $1) }) {
      guard let way = barrier.crossings.map({ a.distance(to: $0) + $0.distance(to: b) }).min() else { return nil }
      metres = max(metres, way)
    }
    return metres * Geography.detour
  }

  /// Whether two segments cross, on a plane.
  private static func cross(_ a: Position, _ b: Position, _ c: Position, _ d: Position) -> Bool {
    func side(_ p: Position, _ q: Position, _ r: Position) -> Double {
      (q.longitude - p.longitude) * (r.latitude - p.latitude) - (q.latitude - p.latitude) * (r.longitude - p.longitude)
    }
    return side(a, b, c) * side(a, b, d) <= 0 && side(c, d, a) * side(c, d, b) <= 0
  }

  /// Metres a minute (ours): who needs help, or a wheelchair, at half.
  public static func speed(isSlow: Bool) -> Double { isSlow ? 30 : 60 }

  /// The plan at the least cost in minutes; whoever stays unserved costs more than any way does.
  ///
  /// - Parameter minutes: by group, then hall; nil: not for them, or no way.
  public static func plan(
    people: [Int], halls: [Hall], minutes: [[Int?]], penalty: [Int]
  ) -> TransportProblem.Solution {
    TransportProblem(
      supply: halls.map(\.room), demand: people,
      cost: halls.indices.map { hall in people.indices.map { minutes[$0][hall] } }, penalty: penalty
    ).solve()
  }
}
