import ArgumentParser
import Causality
import ChangeModel
import Foundation
import Goods
import Topology

/// The supply plan at its real size, beside the least that any plan must do: look at every way once.
struct PlanBench: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "plan",
    abstract: "Which surplus should meet which need: 23 wards, so many items and shelters; cost beside its lower bound."
  )
  @OptionGroup var options: BenchOptions
  @Option(help: "Items.") var items = 100
  @Option(help: "Shelters; every one asks for every item.") var shelters = 3_000
  @Option(help: "The topology.") var topology = "Topology/tokyo23.yaml"

  func run() throws {
    let topology = try Topology(yaml: String(contentsOfFile: topology, encoding: .utf8))
    let (wards, geography) = (topology.wards, Geography(topology))
    var random = RandomNumbers(seed: options.seed)
    // A tenth of the ways is slow, a twentieth closed.
    var roads: [Set<String>: Geography.RoadState] = [:]
    for ward in wards {
      for other in ward.neighbours where other > ward.code {
        if random.chance(0.05) {
          roads[[ward.code, other]] = .closed
        } else if random.chance(0.1) {
          roads[[ward.code, other]] = .slow
        }
      }
    }
    let minutes = geography.minutes(roads)
    var problems: [(item: RowID, sources: [SupplyPlan.Source], sinks: [SupplyPlan.Sink])] = []
    for item in 0..<items {
      var sinks: [SupplyPlan.Sink] = []
      var wanted = 0
      for shelter in 0..<shelters {
        let ward = random.pick(wards)
        let amount = 10 + random.below(400)
        wanted += amount
        sinks.append(
          SupplyPlan.Sink(
            request: RowID(rawValue: Int64(shelter) + 1), shelter: RowID(rawValue: -1 - Int64(shelter)),
            ward: ward.code,
            place: .init(
              latitude: ward.office.latitude + Double(random.below(400) - 200) / 10_000,
              longitude: ward.office.longitude + Double(random.below(400) - 200) / 10_000),
            amount: amount, urgency: random.below(3)))
      }
      // From far too little to more than enough, unevenly spread.
      let supply = Double(wanted) * (0.5 + Double(random.below(100)) / 100)
      let shares = wards.map { _ in Double(1 + random.below(20)) }
      let sources = zip(wards, shares).map {
        SupplyPlan.Source(ward: $0.code, amount: Int(supply * $1 / shares.reduce(0, +)))
      }
      problems.append((RowID(rawValue: Int64(item) + 1), sources, sinks))
    }
    var plan = SupplyPlan()
    let ours = seconds {
      for problem in problems {
        plan.add(
          item: problem.item, sources: problem.sources, sinks: problem.sinks, geography: geography, minutes: minutes)
      }
    }
    // The floor: the cost of every way, worked out and looked at once, and the nearest taken though it has not enough.
    var nearest = 0.0
    let floor = seconds {
      for problem in problems {
        for sink in problem.sinks {
          var least = Double(Int.max)
          for source in problem.sources {
            guard let way = minutes[source.ward]?[sink.ward] else { continue }
            least = min(least, way)
          }
          nearest += Double(sink.amount) * least
        }
      }
    }
    precondition(nearest.isFinite)
    let details: [String: Double] = [
      "cost over lower bound": Double(plan.cost) / Double(plan.lowerBound),
      "shipments": Double(plan.shipments.count),
      "unserved units": Double(plan.unserved.reduce(0) { $0 + $1.units }),
      "cost": Double(plan.cost), "lower bound": Double(plan.lowerBound),
      "on the road, unit minutes": Double(plan.shipments.reduce(0) { $0 + $1.units * $1.minutes }),
    ]
    BenchResult(
      name: "plan", ratio: ours / floor, ours: ours * 1_000, floor: floor * 1_000, unit: "ms",
      spread: [ours / floor, ours / floor],
      rows: items * shelters,
      details: details
    ).show(options.json)
  }
}
