import Causality
import ChangeModel
import Desk

/// 給水・入浴・充電などの拠点: where people get what they cannot get at home.
enum SupplyPoint {
  private static let kinds = [
    Choice("給水", "water"), Choice("入浴", "bath"), Choice("充電", "charging"), Choice("携帯移動基地局", "mobile-station"),
    Choice("燃料", "fuel"), Choice("トイレ", "toilet"), Choice("炊き出し", "meals"),
  ]
  static let kind = Field.choice(1, "kind", kinds, "種別", "Kind")
  static let name = Field.text(2, "name", 200, "名称", "Name")
  static let address = Field.text(3, "address", 400, "所在地", "Address")
  static let openFrom = Field.deadline(4, "open_from", "開始", "From")
  static let openUntil = Field.deadline(5, "open_until", "終了", "Until")
  static let queue = Field.integer(6, "queue", 0...100_000, "待っている人数", "Waiting")
  static let left = Field.text(7, "left", 100, "残り", "Left")
  static let closedAt = Field.time(8, "closed_at", "閉鎖日時", "Closed at")

  static let records = Records(
    116, "supply_points", "給水・生活拠点", "Supply point", lane: .life, law: .keptByMaker, reader: .staff,
    fields: [kind, name, address, openFrom, openUntil, queue, left, closedAt] + Spot.fields + Told.seen,
    title: [kind, name],
    states: [
      .has(closedAt, "closed", "閉鎖", "closed", .ended),
      State("over", "終了", "over", .ended) { record, inquiry in record[openUntil].map { $0 < inquiry.now } ?? false },
      State("to-come", "準備中", "to come", .underWay) { record, inquiry in
        record[openFrom].map { $0 > inquiry.now } ?? false
      },
      .otherwise("open", "開設中", "open", .underWay),
    ], takesOwnItems: true, place: Spot.place,
    published: [kind, name, address, openFrom, openUntil, closedAt, Told.ward] + Spot.fields, layer: layer)

  private static let layer = Layer(
    "01-006-01", "給水・入浴等の拠点", category: "ライフライン", ward: Told.ward,
    [
      .init("name", "名称", required: true) { .text([$0[kind], $0[name]].compactMap(\.self).joined(separator: " ")) },
      .init("estab", "開設状況", .words([Choice("閉鎖", "close"), Choice("開設", "open")]), required: true) {
        .text($0[closedAt] == nil ? "open" : "close")
      },
      .init("address", "住所") { JSON($0[address]) },
      .init("starttime", "開始日時", .time) { $0[openFrom].map { .text(JapaneseDay.local($0)) } },
      .init("endtime", "終了日時", .time) { ($0[closedAt] ?? $0[openUntil]).map { .text(JapaneseDay.local($0)) } },
    ])

  static let service = Service(
    "給水・生活拠点", "Supply points", records: [records],
    actions: [
      Action(
        "openSupplyPoint", .new, records, "拠点を開く", "Open a supply point", for: .command,
        takes: [kind.needed, name.needed, address.asked, openFrom.asked, openUntil.asked, left.asked] + Spot.asked
          + Told.asked, stamps: Told.seenStamps),
      Action(
        "changeSupplyPoint", .change, records, "様子を伝える", "Tell how it is", for: .relief,
        takes: [queue.asked, left.asked, openFrom.asked, openUntil.asked],
        when: [Told.own, .missing(closedAt, "閉鎖した拠点です", "closed")], stamps: [.now(Told.observedAt)]),
      Action(
        "closeSupplyPoint", .step("closing"), records, "拠点を閉じる", "Close a supply point", for: .command,
        when: [Told.own, .missing(closedAt, "閉鎖した拠点です", "closed already")], stamps: [.now(closedAt)]),
    ],
    lists: [
      Listing(
        "supplyPoints", records, "給水・生活拠点", "Supply points", filters: [Told.ward, kind], open: [closedAt],
        newest: Told.observedAt)
    ])
}
