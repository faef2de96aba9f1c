import ChangeModel
import Desk
import GRDB
import Places
import Sodium
import Topology

/// A proposal of who should send what to whom, and what is known of the roads that it goes by.
public enum Planning {
  // MARK: Roads

  private static func report(_ geography: Geography) -> Endpoint {
    .write(
      "reportRoad", "/roads", "道路の状況を報告する", "Report a road", for: .command,
      "How the way between two neighbouring wards is.",
      [RoadReport.first.needed, RoadReport.second.needed, RoadReport.state.needed, RoadReport.note.asked],
      answers: .row(RoadReport.records)
    ) { desk in
      let pair = [desk.given.text("first")!, desk.given.text("second")!].sorted()
      guard geography.wards.first(where: { $0.code == pair[0] })?.neighbours.contains(pair[1]) == true else {
        throw Fault.badValue("second", ja: "隣り合う区ではありません", en: "is not a neighbour of the first")
      }
      // One row for each ward that reports: what one says, no other can unsay.
      let key = blake2b([UInt8]("road \(pair[0]) \(pair[1])".utf8)).prefix
      let row = RowID(derivedFrom: key, ward: desk.inquiry.wardIndex)
      var draft = RoadReport.records.draft()
      draft.edit(
        RoadReport.records, row,
        desk.given.edits([RoadReport.state.name, RoadReport.note.name], of: RoadReport.records) + [
          RoadReport.first.set(pair[0]), RoadReport.second.set(pair[1]), RoadReport.seenAt.set(desk.enteredAt),
          RoadReport.seenBy.set(desk.inquiry.user.name),
        ])
      return Written([draft], about: [row]) { try $0.answer(row, RoadReport.records) }
    }
  }

  private static func roads(_ db: Database) throws -> [Set<String>: Geography.RoadState] {
    var states: [Set<String>: Geography.RoadState] = [:]
    // The newest word on a road is the one that counts.
    for report in try RowValues.all(RoadReport.records, "ORDER BY seen_at, id", [], db) {
      guard let first = report[RoadReport.first], let second = report[RoadReport.second],
        let state = report[RoadReport.state]
      else { continue }
      states[[first, second]] = state
    }
    return states
  }

  // MARK: The plan

  private static func plan(_ geography: Geography) -> Endpoint {
    .read(
      "supplyPlan", "/orders/plan", "配送計画", "Supply plan", for: .staff,
      "A proposal: which ward's surplus should meet which open request, at the least travelling time, and why.",
      [GoodsRequest.item.asked],
      answers: .list(
        "shipments",
        [
          .init("item", .row("items"), "品目", "Item"), .init("from", .ward, "送る区", "From"),
          .init("ward", .ward, "受ける区", "To"), .init("shelter", .row("shelters"), "届け先", "Shelter"),
          .init("units", .integer(Numbers.any), "数量", "Units"), .init("minutes", .integer(Numbers.any), "分", "Minutes"),
          .init("request", .row("requests"), "要請", "Request"), .init("why", .object(.words), "理由", "Why"),
        ],
        beside: [
          .init("cost", .integer(Numbers.any), "数量と分の積", "Units times minutes"),
          .init("lowerBound", .integer(Numbers.any), "これより小さくならない", "No plan costs less"),
          .init(
            "unserved",
            .objects(
              .members([
                .init("item", .row("items"), "品目", "Item"), .init("request", .row("requests"), "要請", "Request"),
                .init("shelter", .row("shelters"), "届け先", "Shelter"),
                .init("units", .integer(Numbers.any), "数量", "Units"),
              ])), "満たせないもの", "Not met"),
        ])
    ) { look in try proposal(geography, look) }
  }

  private static func proposal(_ geography: Geography, _ look: Look) throws -> JSON {
    let minutes = geography.minutes(try roads(look.db))
    let (sources, sinks) = (try sources(look), try sinks(look))
    var plan = SupplyPlan()
    for item in sinks.keys.sorted() {
      plan.add(
        item: item, sources: sources[item] ?? [], sinks: sinks[item]!, geography: geography, minutes: minutes)
    }
    return [
      "cost": JSON(plan.cost), "lowerBound": JSON(plan.lowerBound),
      "shipments": .list(
        plan.shipments.map { shipment in
          [
            "item": .text("\(shipment.item)"), "from": .text(shipment.from), "ward": .text(shipment.ward),
            "shelter": .text("\(shipment.shelter)"), "units": JSON(shipment.units), "minutes": JSON(shipment.minutes),
            "request": .text("\(shipment.request)"), "why": reason(shipment),
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

  /// What lies in a ward's stores, apart from what shelters have already. What the ward's own people need of it for the
  /// standard's days is for its own shelters; the rest is for whoever needs it.
  private static func sources(_ look: Look) throws -> [RowID: [SupplyPlan.Source]] {
    var needs: [String: Int64] = [:]
    for line in try Outlook.lines(
      ward: nil, item: look.given.row("item"), byShelter: false, own: look.ward, at: look.now, look.db)
    {
      needs["\(line.ward) \(line.item)"] = line.need(days: Outlook.days)
    }
    var sources: [RowID: [SupplyPlan.Source]] = [:]
    for row in try Row.fetchAll(
      look.db,
      sql: """
        SELECT ward, item, CAST(min(1e12, total(iif(shelter IS NULL, max(0, amount), 0))) AS INTEGER) AS store,
          CAST(min(1e12, total(iif(shelter IS NULL, 0, max(0, amount)))) AS INTEGER) AS given
        FROM lots WHERE (expires IS NULL OR \(Outlook.lastDay("expires")) >= ?) GROUP BY ward, item ORDER BY ward, item
        """, arguments: [JapaneseDay.text(look.now)])
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
    return sources
  }

  /// What approved requests still lack.
  private static func sinks(_ look: Look) throws -> [RowID: [SupplyPlan.Sink]] {
    var sinks: [RowID: [SupplyPlan.Sink]] = [:]
    for request in try RowValues.all(
      GoodsRequest.records, "WHERE decision = '承認' AND cancelled_at IS NULL AND (?1 IS NULL OR item = ?1) ORDER BY id",
      [look.given.integer("item")], look.db)
    {
      let open = Requests.wanted(request) - Requests.promised(try Requests.allocations(of: request.id, look.db))
      guard open > 0, let item = request[GoodsRequest.item], let shelter = request[GoodsRequest.shelter],
        let ward = request[GoodsRequest.ward]
      else { continue }
      let place = try RowValues.fetch(shelter, Shelter.records, look.db).flatMap { shelter -> Position? in
        guard let latitude = shelter[Shelter.latitude], let longitude = shelter[Shelter.longitude] else { return nil }
        return Position(latitude: latitude, longitude: longitude)
      }
      sinks[item, default: []].append(
        SupplyPlan.Sink(
          request: request.id, shelter: shelter, ward: ward, place: place, amount: Int(open),
          urgency: (request[GoodsRequest.urgency] ?? .normal).rank))
    }
    return sinks
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

  public static func service(_ geography: Geography) -> Service {
    Service(
      "道路と配送計画", "Roads and the supply plan", records: [RoadReport.records],
      lists: [Listing("roads", RoadReport.records, "道路", "Roads", newest: RoadReport.seenAt)],
      endpoints: [report(geography), plan(geography)])
  }
}
