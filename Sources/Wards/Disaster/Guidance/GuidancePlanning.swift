import ChangeModel
import Desk
import GRDB
import Goods
import Places
import Topology

/// 誘導の案: where the own ward's groups go, by the least minutes in all, with room that is still sure. An officer decides.
enum GuidancePlanning {
  private static let penalty = 10_000
  /// Who needs help goes before others where room is short.
  private static let helpPenalty = 20_000
  /// The farthest that one is sent to an open space (Tokyo's plan for evacuation areas), in metres.
  private static let farthest = 3_000.0

  private struct Candidate {
    var shelter: RowValues
    var hall: Guidance.Hall
    var position: Position
  }

  static let endpoint = Endpoint.read(
    "guidancePlan", "/guidance-plan", "誘導の案", "Plan of guidance", for: .relief,
    "Where the own ward's open groups could go, at the least minutes in all; nothing is decided by it.", [],
    answers: .list(
      "legs",
      [
        .init("group", .row(GuidanceGroup.records.name), "対象", "Group"),
        .init("shelter", .row(Shelter.records.name), "行き先", "Shelter"),
        .init("people", .integer(Numbers.people), "人数", "People"),
        .init("minutes", .integer(Numbers.any), "分", "Minutes"),
        .init("why", .object(.words), "理由", "Why"),
      ],
      beside: [
        .init("unserved", .integer(Numbers.any), "行き先のない人数", "Without a place"),
        .init("unplaced", .integer(Numbers.any), "位置のない対象", "Groups without a position"),
        .init("worthCounting", .row(Shelter.records.name), "数え直すとよい避難所", "Shelter worth counting again"),
        .init("worth", .integer(Numbers.any), "増える見込み(人)", "Places it may give"),
      ])
  ) { look in try plan(&look) }

  private static func plan(_ look: inout Look) throws -> JSON {
    let groups = try RowValues.all(
      GuidanceGroup.records, "WHERE ward = ? AND closed_at IS NULL ORDER BY id LIMIT 500", [look.ward], look.db)
    let (onTheWay, sent) = try legs(look)
    let placed = groups.compactMap { group in position(group, Spot.latitude, Spot.longitude).map { (group, $0) } }
    // Of all wards' shelters those alone to which somebody could go.
    let halls = try halls(expected: onTheWay, look).filter { hall in
      placed.contains { $0.1.distance(to: hall.position) <= farthest }
    }
    let people = placed.map { max(0, Self.people($0.0[GuidanceGroup.people]) - (sent[$0.0.id] ?? 0)) }
    let ways = placed.map { group, from in
      let isSlow = group[GuidanceGroup.kind] == "要支援者" || (group[GuidanceGroup.wheelchairs] ?? 0) > 0
      return halls.map { hall -> Int? in
        guard let metres = Guidance.metres(from: from, to: hall.position), metres <= farthest * Geography.detour else {
          return nil
        }
        return Int((metres / Guidance.speed(isSlow: isSlow)).rounded(.up))
      }
    }
    let solution = Guidance.plan(
      people: people, halls: halls.map(\.hall), minutes: ways,
      penalty: placed.map { $0.0[GuidanceGroup.kind] == "要支援者" ? helpPenalty : penalty })
    let best = halls.max { $0.hall.worthCounting < $1.hall.worthCounting }
    return [
      "legs": .list(
        solution.flows.map { flow in
          let nearer = halls.indices.filter {
            (ways[flow.sink][$0] ?? .max) < ways[flow.sink][flow.source] ?? 0
          }
          return [
            "group": .text("\(placed[flow.sink].0.id)"), "shelter": .text("\(halls[flow.source].shelter.id)"),
            "people": JSON(flow.units), "minutes": JSON(ways[flow.sink][flow.source] ?? 0),
            "why": reason(nearer: nearer.count),
          ]
        }),
      "unserved": JSON(solution.unserved.reduce(0, +)), "unplaced": JSON(groups.count - placed.count),
      "worthCounting": JSON(best.flatMap { $0.hall.worthCounting > 0 ? "\($0.shelter.id)" : nil }),
      "worth": JSON(best?.hall.worthCounting ?? 0),
    ]
  }

  private static func reason(nearer: Int) -> JSON {
    guard nearer > 0 else {
      return [
        "ja": "直線で最も近い避難所です(川や線路は見ていません)",
        "en": "the nearest by a straight line (rivers and railways are not looked at)",
      ]
    }
    return [
      "ja": .text("より近い \(nearer) か所は、空きが足りないか、ほかの対象に回しました"),
      "en": .text("\(nearer) nearer ones lack room, or serve others"),
    ]
  }

  /// No more than a form admits.
  private static func people(_ count: Int64?) -> Int { Int(min(max(count ?? 0, 0), Numbers.people.upperBound)) }

  private static func position(_ row: RowValues, _ latitude: Field<Double>, _ longitude: Field<Double>) -> Position? {
    guard let north = row[latitude], let east = row[longitude] else { return nil }
    return Position(latitude: north, longitude: east)
  }

  /// People under way to each shelter, of all wards, and those of each group that have been sent somewhere.
  private static func legs(_ look: Look) throws -> (expected: [RowID: Int], sent: [RowID: Int]) {
    let legs = try RowValues.all(
      GuidanceLeg.records, "WHERE called_off_at IS NULL ORDER BY decided_at DESC LIMIT 20000", [], look.db)
    var (expected, sent): ([RowID: Int], [RowID: Int]) = ([:], [:])
    for leg in legs {
      let people = Self.people(leg[GuidanceLeg.people])
      let isThere = leg[GuidanceLeg.arrivedAt] != nil
      // Who was turned away is to be guided still. Only the ward whose group it is sends it somewhere.
      if let group = leg[GuidanceLeg.group], leg[GuidanceLeg.ward] == look.ward {
        sent[group, default: 0] += isThere ? Self.people(leg[GuidanceLeg.arrived]) : people
      }
      guard !isThere, let shelter = leg[GuidanceLeg.shelter] else { continue }
      expected[shelter, default: 0] += people
    }
    return (expected, sent)
  }

  /// Shelters that are open, whose place is known, and that no newest inspection calls dangerous.
  private static func halls(expected: [RowID: Int], _ look: Look) throws -> [Candidate] {
    let checks = try RowValues.all(
      BuildingCheck.records, "WHERE shelter IS NOT NULL ORDER BY observed_at DESC, id DESC LIMIT 20000", [], look.db)
    // Oldest first. The shelter's own ward says what it is; anybody may say that it is dangerous.
    let dangerous = Set(
      checks.reversed().reduce(into: [RowID: Placard]()) { newest, check in
        guard let shelter = check[BuildingCheck.shelter], let result = check[BuildingCheck.result] else { return }
        if check.id.ward == shelter.ward || result == .red { newest[shelter] = result }
      }.filter { $0.value == .red }.keys)
    let open = try RowValues.all(
      Shelter.records,
      "WHERE status IN ('開設', '常設') AND latitude IS NOT NULL AND longitude IS NOT NULL AND crowding IS NOT '定員一杯' ORDER BY id LIMIT 5000",
      [], look.db)
    return open.compactMap { shelter in
      guard !dangerous.contains(shelter.id), let position = position(shelter, Shelter.latitude, Shelter.longitude)
      else {
        return nil
      }
      let counted = shelter[Shelter.countedAt]?.milliseconds ?? shelter[Shelter.openedAt]?.milliseconds
      let age = counted.map { Int(min(max(0, look.now.milliseconds - $0) / 60_000, 86_400)) } ?? 86_400
      let capacity = shelter[Shelter.capacity].map { Self.people($0) }
      return Candidate(
        shelter: shelter,
        hall: Guidance.Hall(
          capacity: capacity, occupied: Int(shelter[Shelter.occupancy].held), expected: expected[shelter.id] ?? 0,
          age: age,
          // People keep coming: a hall in two hours at first, in twelve later (ours).
          inflow: (capacity ?? 0) / (age <= 360 ? 120 : 720)), position: position)
    }
  }
}
