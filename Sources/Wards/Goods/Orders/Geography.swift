import Desk
import Topology

/// The wards as the plan travels them: where they are, which lie beside each other, and how fast one gets through.
public struct Geography: Sendable {
  public struct Ward: Sendable {
    public var code: String
    public var office: Position
    public var neighbours: [String]
    /// nil where nobody says.
    public var population: Int64?

    public init(code: String, office: Position, neighbours: [String], population: Int64? = nil) {
      self.code = code
      self.office = office
      self.neighbours = neighbours
      self.population = population
    }
  }

  public var wards: [Ward]

  public init(_ wards: [Ward]) { self.wards = wards }

  /// The wards as the topology has them.
  public init(_ topology: Topology) {
    wards = topology.wards.map {
      Ward(
        code: $0.code, office: $0.office, neighbours: $0.neighbours, population: Int64($0.population.count))
    }
  }

  /// Roads are so much longer than the straight line (about 1.3 in Japanese cities; our assumption).
  public static let detour = 1.3
  /// Metres a minute of a lorry in a city after a quake, and where traffic crawls: 15 and 5 km/h (our assumption; the
  /// Cabinet Office's 2013 estimate has main roads at walking pace to 20 km/h on the first days).
  static let speed = 250.0
  static let slowSpeed = 83.0

  public enum RoadState: String, Word {
    case open = "通行可"
    case slow = "渋滞・徐行"
    case closed = "通行止め"

    public var code: String {
      switch self {
      case .open: "open"
      case .slow: "slow"
      case .closed: "closed"
      }
    }
  }

  /// Minutes between all wards along the ways that are open; nil where none is.
  public func minutes(_ roads: [Set<String>: RoadState]) -> [String: [String: Double]] {
    var result: [String: [String: Double]] = [:]
    let byCode = Dictionary(uniqueKeysWithValues: wards.map { ($0.code, $0) })
    for start in wards {
      var distance = [start.code: 0.0]
      var open = Set(wards.map(\.code))
      while let next = open.filter({ distance[$0] != nil }).min(by: { (distance[$0]!, $0) < (distance[$1]!, $1) }) {
        open.remove(next)
        let ward = byCode[next]!
        for code in ward.neighbours where open.contains(code) {
          let state = roads[[next, code]] ?? .open
          guard state != .closed, let other = byCode[code] else { continue }
          let way =
            ward.office.distance(to: other.office) * Self.detour / (state == .slow ? Self.slowSpeed : Self.speed)
          distance[code] = min(distance[code] ?? .infinity, distance[next]! + way)
        }
      }
      result[start.code] = distance
    }
    return result
  }
}
