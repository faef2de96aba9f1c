import Causality
import ChangeModel
import Desk

/// What is in force where: the highest order on an area and hazard that is issued and not lifted. A function of the rows alone,
/// and so alike on every node that has the same.
enum EvacuationLevels {
  static func isSameArea(_ a: RowValues, _ b: RowValues) -> Bool {
    if let left = a[EvacuationOrder.area], let right = b[EvacuationOrder.area] { return left == right }
    return PlaceKey.of(a[EvacuationOrder.areaName] ?? "") == PlaceKey.of(b[EvacuationOrder.areaName] ?? "")
  }

  /// One line of what is in force, with the rows that say so: the first is the highest, and of equals the earliest.
  struct Line {
    var orders: [RowValues]
    /// Somebody lifted an order on the area later than this one was issued, and did not know of it: it stays in force, and both
    /// are to look.
    var survived: Bool
  }

  static func lines(_ orders: [RowValues]) -> [Line] {
    var groups: [String: [RowValues]] = [:]
    for order in orders where order[EvacuationOrder.issuedAt] != nil {
      let area = PlaceKey.of(order[EvacuationOrder.areaName] ?? "")
      let isZone = order[EvacuationOrder.kind] == .closedZone
      let key = "\(order[Told.ward] ?? "")\u{1f}\(area)\u{1f}\(order[EvacuationOrder.hazard] ?? "")\u{1f}\(isZone)"
      groups[key, default: []].append(order)
    }
    return groups.sorted { $0.key < $1.key }.compactMap { _, all in
      let standing = all.filter { $0[EvacuationOrder.liftedAt] == nil }.sorted { rank($0) < rank($1) }
      guard let highest = standing.first else { return nil }
      let issued = highest[EvacuationOrder.issuedAt]?.milliseconds ?? 0
      let lifted = all.compactMap { $0[EvacuationOrder.liftedAt]?.milliseconds }.max() ?? 0
      return Line(orders: standing, survived: lifted > issued)
    }
  }

  private static func rank(_ order: RowValues) -> (Int, Int64, Int64) {
    (-(order[EvacuationOrder.kind]?.rank ?? 0), order[EvacuationOrder.issuedAt]?.milliseconds ?? 0, order.id.rawValue)
  }

  /// So long the governor may wait (article 60, paragraph 4: at once; the figure is ours).
  static let governor: Int64 = 15 * 60_000

  static let endpoint = Endpoint.read(
    "evacuationLevels", "/evacuation-orders/levels", "発令中の避難情報", "Orders in force", for: .staff,
    "What is in force, by area and hazard; several orders on one make one line.",
    [Told.ward.asked],
    answers: .list(
      "levels",
      [
        .init("ward", .ward, "区", "Ward"), .init("areaName", EvacuationOrder.areaName.shape, "地区", "Area"),
        .init("hazard", EvacuationOrder.hazard.shape, "災害の種類", "Hazard"),
        .init("kind", EvacuationOrder.kind.shape, "避難情報", "Order"),
        .init("level", .integer(3...5), "警戒レベル", "Level"), .init("issuedAt", .time, "発令日時", "Issued at"),
        .init("order", .row(EvacuationOrder.records.name), "記録", "Record"),
        .init("rows", .integer(Numbers.any), "重なる記録", "Rows"),
        .init("survived", .flag, "解除の後に残る発令", "Still in force after a lift"),
        .init("governorDue", .flag, "都知事への報告が未了", "Governor not told yet"),
      ])
  ) { look in
    let orders = try RowValues.all(
      EvacuationOrder.records, "WHERE (?1 IS NULL OR ward = ?1) AND issued_at IS NOT NULL ORDER BY id DESC LIMIT 20000",
      [look.given.text("ward")], look.db)
    return [
      "levels": .list(
        lines(orders).map { line in
          let order = line.orders[0]
          let (kind, hazard) = (order[EvacuationOrder.kind], order[EvacuationOrder.hazard])
          let issued = order[EvacuationOrder.issuedAt]
          let isDue =
            order[EvacuationOrder.governorToldAt] == nil
            && look.now.milliseconds - (issued?.milliseconds ?? 0) > governor
          return [
            "ward": JSON(order[Told.ward]), "areaName": JSON(order[EvacuationOrder.areaName]), "hazard": JSON(hazard),
            "kind": JSON(kind?.rawValue), "level": JSON(kind?.level(of: hazard).map { Int64($0) }),
            "issuedAt": JSON(issued?.milliseconds), "order": .text("\(order.id)"), "rows": JSON(line.orders.count),
            "survived": .flag(line.survived), "governorDue": .flag(isDue),
          ]
        })
    ]
  }
}
