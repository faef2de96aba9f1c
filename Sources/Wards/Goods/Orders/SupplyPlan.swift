import ChangeModel
import Topology

/// Which surplus should meet which need: least minutes on the road for every unit, and nobody unserved who can be served.
public struct SupplyPlan: Sendable {
  public struct Source: Hashable, Sendable {
    public var ward: String
    public var amount: Int
    /// What the ward's own people need: for its own shelters, not for others'.
    public var isReserve: Bool

    public init(ward: String, amount: Int, isReserve: Bool = false) {
      self.ward = ward
      self.amount = amount
      self.isReserve = isReserve
    }
  }

  public struct Sink: Hashable, Sendable {
    public var request: RowID
    public var shelter: RowID
    public var ward: String
    public var place: Position?
    public var amount: Int
    /// 0 normal, 1 urgent, 2 critical: when there is not enough for all, these come first.
    public var urgency: Int

    public init(
      request: RowID, shelter: RowID, ward: String, place: Position?, amount: Int, urgency: Int
    ) {
      self.request = request
      self.shelter = shelter
      self.ward = ward
      self.place = place
      self.amount = amount
      self.urgency = urgency
    }
  }

  public struct Shipment: Sendable {
    public var item: RowID
    public var request: RowID
    public var from: String
    public var shelter: RowID
    public var ward: String
    public var units: Int
    public var minutes: Int
    /// A nearer source, and what it is worth more to others by, minutes a unit.
    public var nearer: (ward: String, minutes: Int, scarcity: Int)?
  }

  public var shipments: [Shipment] = []
  public var unserved: [(item: RowID, request: RowID, shelter: RowID, units: Int)] = []
  public var cost = 0
  public var lowerBound = 0

  public init() {}

  /// Minutes that one unserved unit counts for, by urgency: each above any way in the wards, and above the one before.
  static let penalties = [10_000, 20_000, 40_000]

  /// Plans one item: every item is a problem of its own, since lorries are not what is scarce.
  public mutating func add(
    item: RowID, sources: [Source], sinks: [Sink], geography: Geography, minutes: [String: [String: Double]]
  ) {
    let offices = Dictionary(uniqueKeysWithValues: geography.wards.map { ($0.code, $0.office) })
    let cost = sources.map { source in
      sinks.map { sink -> Int? in
        guard !source.isReserve || source.ward == sink.ward, let way = minutes[source.ward]?[sink.ward] else {
          return nil
        }
        let last =
          sink.place.flatMap { place in
            offices[sink.ward].map { $0.distance(to: place) * Geography.detour / Geography.speed }
          } ?? 10
        return Int((way + last).rounded(.up))
      }
    }
    let problem = TransportProblem(
      supply: sources.map(\.amount), demand: sinks.map(\.amount), cost: cost,
      penalty: sinks.map { Self.penalties[$0.urgency] })
    let solution = problem.solve()
    self.cost += solution.cost
    lowerBound += solution.lowerBound
    for (source, sink, units) in solution.flows {
      let own = cost[source][sink]!
      var nearer: (ward: String, minutes: Int, scarcity: Int)?
      for other in sources.indices where other != source {
        guard let way = cost[other][sink], way < own, way < nearer?.minutes ?? .max else { continue }
        nearer = (sources[other].ward, way, solution.scarcity[other])
      }
      shipments.append(
        Shipment(
          item: item, request: sinks[sink].request, from: sources[source].ward, shelter: sinks[sink].shelter,
          ward: sinks[sink].ward, units: units,
          minutes: own, nearer: nearer))
    }
    for sink in sinks.indices where solution.unserved[sink] > 0 {
      unserved.append((item, sinks[sink].request, sinks[sink].shelter, solution.unserved[sink]))
    }
  }
}
