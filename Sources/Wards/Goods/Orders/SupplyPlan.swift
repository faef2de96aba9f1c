import Causality
import ChangeModel
import Desk
import Foundation
import GRDB
import Places
import Replica
import Sodium
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

/// The plan as an endpoint, and what is known of the roads.
public enum Planning {
  public static func endpoints(_ geography: Geography) -> [Endpoint] {
    [
      .read(
        "supplyPlan", "/orders/plan",
        "A proposal: which ward's surplus should meet which open request, at the least travelling time, and why.",
        [FormField("item", .row("items"), ja: "品目", en: "Item")]
      ) { inquiry, db in
        Seen(try proposal(geography, inquiry, db))
      },
      .write(
        "reportRoad", "/roads", "How the way between two neighbouring wards is.",
        [
          FormField("first", .ward, required: true, ja: "区コード", en: "Ward"),
          FormField("second", .ward, required: true, ja: "他の区コード", en: "Other ward"),
          FormField(
            "state",
            .choice([Choice("通行可", "open"), Choice("渋滞・徐行", "slow"), Choice("通行止め", "closed")]), required: true,
            ja: "通行状況", en: "State"),
          FormField("note", .text(300), ja: "備考", en: "Note"),
        ]
      ) { desk in
        let pair = [desk.given.text("first")!, desk.given.text("second")!].sorted()
        guard geography.wards.first(where: { $0.code == pair[0] })?.neighbours.contains(pair[1]) == true else {
          throw Fault.badValue("second", ja: "隣り合う区ではありません", en: "is not a neighbour of the first")
        }
        let row = RowID(derivedFrom: blake2b([UInt8]("road \(pair[0]) \(pair[1])".utf8)).prefix)
        var draft = Draft(.life)
        draft.edit(
          OrderSchema.roads, row,
          desk.given.edits(["state", "note"], of: OrderSchema.roads) + [
            FieldEdit(1, .set(.text(pair[0]))), FieldEdit(2, .set(.text(pair[1]))),
            FieldEdit(5, .set(.integer(desk.now.milliseconds))), FieldEdit(6, .set(.text(desk.inquiry.user.name))),
          ])
        return Written([draft], about: [row]) { db in
          var members = try RowValues.fetch(row, OrderSchema.roads, db)?.json() ?? [:]
          members["conflicts"] = try RowValues.conflicts(of: row, OrderSchema.roads, db)
          return .object(members)
        }
      },
      .read("roads", "/roads", "What is known of the ways between wards.") { _, db in
        Seen([
          "roads": .list(
            try RowValues.all(OrderSchema.roads, "ORDER BY first, second LIMIT 1000", [], db).map { .object($0.json()) }
          )
        ])
      },
    ]
  }

  static func roads(_ db: Database) throws -> [Set<String>: Geography.RoadState] {
    var states: [Set<String>: Geography.RoadState] = [:]
    for values in try RowValues.all(OrderSchema.roads, "ORDER BY id LIMIT 1000", [], db) {
      guard let first = values.text("first"), let second = values.text("second"),
        let state = values.text("state").flatMap({ Geography.RoadState(rawValue: $0) })
      else { continue }
      states[[first, second]] = state
    }
    return states
  }

  static func proposal(_ geography: Geography, _ inquiry: Inquiry, _ db: Database) throws -> JSON {
    let minutes = geography.minutes(try roads(db))
    // What lies in a ward's stores, apart from what shelters have already. What the ward's own people need of it for the
    // standard's days is for its own shelters; the rest is for whoever needs it.
    var sources: [RowID: [SupplyPlan.Source]] = [:]
    var needs: [String: Int64] = [:]
    for line in try Outlook.lines(ward: nil, item: inquiry.given.row("item"), byShelter: false, at: inquiry.now, db) {
      needs["\(line.ward) \(line.item)"] = line.need(days: Outlook.days)
    }
    for row in try Row.fetchAll(
      db,
      sql: """
        SELECT ward, item, CAST(min(1e12, total(iif(shelter IS NULL, max(0, amount), 0))) AS INTEGER) AS store,
          CAST(min(1e12, total(iif(shelter IS NULL, 0, max(0, amount)))) AS INTEGER) AS given
        FROM lots WHERE (expires IS NULL OR \(Outlook.lastDay("expires")) >= ?) GROUP BY ward, item ORDER BY ward, item
        """, arguments: [Outlook.day(inquiry.now)])
    {
      guard let ward = String.fromDatabaseValue(row["ward"]), let raw = Int64.fromDatabaseValue(row["item"]),
        let store = Int64.fromDatabaseValue(row["store"]), store > 0, let given = Int64.fromDatabaseValue(row["given"])
      else { continue }
      let item = RowID(rawValue: raw)
      let reserve = min(store, max(0, (needs["\(ward) \(item)"] ?? 0) - given))
      if store > reserve {
        sources[item, default: []].append(SupplyPlan.Source(ward: ward, amount: Int(store - reserve)))
      }
      if reserve > 0 {
        sources[item, default: []].append(SupplyPlan.Source(ward: ward, amount: Int(reserve), isReserve: true))
      }
    }
    var sinks: [RowID: [SupplyPlan.Sink]] = [:]
    for request in try RowValues.all(
      OrderSchema.requests, "WHERE decision = '承認' AND cancelled_at IS NULL AND (?1 IS NULL OR item = ?1) ORDER BY id",
      [inquiry.given.integer("item")], db)
    {
      let open = Requests.wanted(request) - Requests.promised(try Requests.allocations(of: request.id, db))
      guard open > 0, let item = request.row("item"), let shelter = request.row("shelter"),
        let ward = request.text("ward")
      else { continue }
      let place = try RowValues.fetch(shelter, ShelterSchema.shelters, db).flatMap { values -> Position? in
        guard let latitude = values.real("latitude"), let longitude = values.real("longitude") else { return nil }
        return Position(latitude: latitude, longitude: longitude)
      }
      let urgency = ["通常": 0, "至急": 1, "緊急": 2][request.text("urgency") ?? ""] ?? 0
      sinks[item, default: []].append(
        SupplyPlan.Sink(
          request: request.id, shelter: shelter, ward: ward, place: place, amount: Int(open), urgency: urgency))
    }
    var plan = SupplyPlan()
    for item in sinks.keys.sorted() {
      plan.add(
        item: item, sources: sources[item] ?? [], sinks: sinks[item]!,
        geography: geography, minutes: minutes)
    }
    return [
      "cost": JSON(plan.cost), "lowerBound": JSON(plan.lowerBound),
      "shipments": .list(
        plan.shipments.map { shipment in
          [
            "item": .text("\(shipment.item)"), "from": .text(shipment.from), "ward": .text(shipment.ward),
            "shelter": .text("\(shipment.shelter)"), "units": JSON(shipment.units), "minutes": JSON(shipment.minutes),
            "request": .text("\(shipment.request)"),
            "why": reason(shipment),
          ]
        }),
      "unserved": .list(
        plan.unserved.map {
          [
            "item": .text("\($0.item)"), "request": .text("\($0.request)"), "shelter": .text("\($0.shelter)"),
            "units": JSON($0.units),
          ]
        }),
    ]
  }

  private static func reason(_ shipment: SupplyPlan.Shipment) -> JSON {
    guard let nearer = shipment.nearer else {
      return [
        "ja": .text("通れる道で最も近い余剰です(\(shipment.minutes) 分)"),
        "en": .text("the nearest surplus by open roads (\(shipment.minutes) min)"),
      ]
    }
    return [
      "ja": .text(
        "\(nearer.ward) のほうが近い(\(nearer.minutes) 分)が、その在庫はほかへ回すほうが 1 単位あたり \(nearer.scarcity) 分の得になります"),
      "en": .text(
        "\(nearer.ward) is nearer (\(nearer.minutes) min), but its stock saves \(nearer.scarcity) min a unit elsewhere"),
    ]
  }
}

/// Orders of all wards.
public enum Orders {
  public static let collections = OrderSchema.collections
  public static let indexes = OrderSchema.indexes

  public static func endpoints(_ geography: Geography) -> [Endpoint] {
    Requests.endpoints + Allocations.endpoints + Planning.endpoints(geography)
  }
}
