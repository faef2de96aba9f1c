import Causality
import ChangeModel
import Desk

/// 仮置場: where waste is put until it is worked off.
enum WasteSite {
  static let kinds = [
    Choice("可燃", "burnable"), Choice("不燃", "not-burnable"), Choice("コンがら", "concrete"), Choice("金属", "metal"),
    Choice("柱角材", "timber"), Choice("家電", "appliances"), Choice("有害", "hazardous"), Choice("土砂", "soil"),
  ]
  static let name = Field.text(1, "name", 200, "名称", "Name")
  static let address = Field.text(2, "address", 400, "所在地", "Address")
  static let area = Field.integer(3, "area", 0...10_000_000, "面積(m²)", "Area, m²")
  static let capacity = Field.integer(4, "capacity", 0...100_000_000, "容量(m³)", "Capacity, m³")
  static let used = Field.integer(5, "used", 0...100_000_000, "使用量(m³)", "Used, m³")
  static let accepts = SetField(6, "accepts", of: .choice(kinds), atMost: 8, "受け入れるもの", "Accepts")
  static let openFrom = Field.deadline(7, "open_from", "開始", "From")
  static let closedAt = Field.time(8, "closed_at", "閉鎖日時", "Closed at")

  static let records = Records(
    155, "waste_sites", "仮置場", "Waste site", lane: .supply, law: .keptByMaker, reader: .staff,
    fields: [name, address, area, capacity, used, accepts, openFrom, closedAt] + Spot.fields + Told.seen, title: [name],
    states: [
      .has(closedAt, "closed", "閉鎖", "closed", .ended),
      State("full", "満杯", "full", .open) { site, _ in (site[used] ?? 0) >= site[capacity] ?? .max },
      State("nearly-full", "残りわずか", "nearly full", .open) { site, _ in
        site[capacity].map { (site[used] ?? 0) > $0 / 10 * 9 } ?? false
      },
      .otherwise("open", "受入中", "open", .underWay),
    ], takesOwnItems: true, place: Spot.place, published: [name, address, accepts, openFrom, closedAt, Told.ward],
    layer: layer)

  private static let layer = Layer(
    "01-004-01", "廃棄物仮置場", category: "廃棄物", ward: Told.ward,
    [
      .init("name", "名称", required: true) { JSON($0[name]) },
      .init("estab", "開設状況", .words([Choice("閉鎖", "close"), Choice("開設", "open")]), required: true) {
        .text($0[closedAt] == nil ? "open" : "close")
      },
      .init("address", "住所") { JSON($0[address]) }, .init("area", "面積", .integer) { JSON($0[area].map { max(0, $0) }) },
      .init("storage", "容量", .integer) { JSON($0[capacity].map { max(0, $0) }) },
      .init("usestorage", "使用量", .integer) { JSON($0[used].map { max(0, $0) }) },
    ])

  private static let open = Condition.missing(closedAt, "閉鎖した仮置場です", "closed")

  static let service = Service(
    "仮置場", "Waste sites", records: [records],
    actions: [
      Action(
        "openWasteSite", .new, records, "仮置場を開く", "Open a waste site", for: .command,
        takes: [name.needed, address.asked, area.asked, capacity.asked, accepts.asked, openFrom.asked] + Spot.asked,
        stamps: Told.seenStamps),
      Action(
        "changeWasteSite", .change, records, "状況を更新する", "Update a site", for: .command,
        takes: [used.asked, capacity.asked, accepts.asked, area.asked], when: [Told.own, open],
        stamps: [.now(Told.observedAt)]),
      Action(
        "closeWasteSite", .step("closing"), records, "仮置場を閉じる", "Close a site", for: .command,
        when: [Told.own, open], stamps: [.now(closedAt)]),
    ],
    lists: [
      Listing(
        "wasteSites", records, "仮置場", "Waste sites", filters: [Told.ward], open: [closedAt], newest: Told.observedAt)
    ])
}
