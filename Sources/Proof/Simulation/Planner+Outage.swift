import Causality
import Topology
import Yams

/// Outages along a curve: a share of roads, or of machines, is down at each hour. Which ones follows from the seed and
/// from how hard each ward is hit.
extension Planner {
  static let outageFields = ["of", "down", "by-ward", "relapse", "needs-person"]

  /// How finely a curve is followed.
  private static let grain: Moment = 1_800_000_000

  mutating func addOutage(_ fields: Fields, from start: Moment) throws(TopologyError) {
    let curve = try fields.curve("down", 0...1)
    let relapse = try fields.number("relapse", 0...1, or: 0)
    let needsPerson = try fields.number("needs-person", 0...1, or: 0)
    let weights = try wardWeights(fields)
    let isOfNodes = try fields.texts("of") == ["nodes"]
    let places = isOfNodes ? nodesOf.flatMap { $0 } : try roads(fields, "of")
    func hardness(_ place: Int) -> Double {
      if isOfNodes { return weights[plan.nodes[place].ward] }
      return plan.roads[place].ends.map { weights[plan.nodes[$0].ward] }.max()!
    }
    // The hardest hit fail first and come back last; chance decides between those that are hit alike.
    let ranked = places.map { ($0, hardness($0) * (0.25 + Double(random.below(1_000)) / 1_000)) }
      .sorted { ($0.1, $0.0) > ($1.1, $1.0) }.map(\.0)
    for (rank, place) in ranked.enumerated() {
      let level = (Double(rank) + 0.5) / Double(ranked.count)
      var isDown = false
      var relapseAt: Moment?
      var at = start
      while at <= scenario.lasts {
        let shallBeDown = curve.value(at: at - start) > level
        if shallBeDown != isDown {
          isDown = shallBeDown
          let moment = at + random.moment(0...Self.grain)
          if isDown { fail(place, isOfNodes, at: moment) } else { mend(place, isOfNodes, at: moment, needsPerson) }
          // What came back may fail again, in six to thirty hours: fuel ends, an aftershock comes.
          if !isDown, random.chance(relapse) { relapseAt = at + random.moment(6 * 3_600_000_000...30 * 3_600_000_000) }
        }
        if let again = relapseAt, at >= again, !isDown {
          relapseAt = nil
          fail(place, isOfNodes, at: at)
          mend(place, isOfNodes, at: at + lasting(3_600...43_200), needsPerson)
        }
        at += Self.grain
      }
    }
  }

  private mutating func fail(_ place: Int, _ isNode: Bool, at moment: Moment) {
    add(isNode ? .crash(node: place, afterOperations: nil) : .cut(road: place), at: moment)
  }

  /// Some machines do not start by themselves when power returns: somebody has to come.
  private mutating func mend(_ place: Int, _ isNode: Bool, at moment: Moment, _ needsPerson: Double) {
    guard isNode else { return add(.heal(road: place), at: moment) }
    let wait = random.chance(needsPerson) ? random.moment(2 * 3_600_000_000...12 * 3_600_000_000) : 0
    add(.start(node: place), at: moment + wait)
  }

  private func wardWeights(_ fields: Fields) throws(TopologyError) -> [Double] {
    guard fields.has("by-ward") else { return wards.map { _ in 1 } }
    guard let mapping = try fields.node("by-ward").mapping else {
      throw fields.fault("by-ward", "must map wards to weights")
    }
    var weights = wards.map { _ in 1.0 }
    for (key, value) in mapping {
      guard let name = key.scalar?.string, let weight = value.float, weight >= 0,
        topology.wards.contains(where: { $0.name == name || $0.code == name })
      else { throw fields.fault("by-ward", "must map wards of the topology to weights", at: key) }
      if let index = wards.firstIndex(where: { $0.name == name || $0.code == name }) { weights[index] = weight }
    }
    return weights
  }
}
