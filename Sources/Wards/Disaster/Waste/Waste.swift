import Causality
import ChangeModel
import Desk

/// 災害廃棄物の発生量: an estimate is a row; the newest of the best stage stands.
enum WasteEstimate {
  static let stages = [
    Choice("実績", "measured"), Choice("調査棟数", "surveyed"), Choice("報告棟数", "reported"),
    Choice("想定×震度", "scenario-and-shaking"),
    Choice("被害想定", "scenario"),
  ]
  private static let tonnes = 0...Int64(1_000_000_000)
  private static let homes = 0...Int64(10_000_000)
  static let asOf = Field.time(1, "as_of", "時点", "As of")
  static let stage = Field.choice(2, "stage", stages, "段階", "Stage")
  static let woodFull = Field.integer(3, "wood_full", homes, "木造全壊(棟)", "Wood, destroyed")
  static let woodHalf = Field.integer(4, "wood_half", homes, "木造半壊(棟)", "Wood, half destroyed")
  static let otherFull = Field.integer(5, "other_full", homes, "非木造全壊(棟)", "Other, destroyed")
  static let otherHalf = Field.integer(6, "other_half", homes, "非木造半壊(棟)", "Other, half destroyed")
  static let burnt = Field.integer(7, "burnt", homes, "焼失(棟)", "Burnt")
  static let low = Field.integer(8, "low", tonnes, "少ない見積り(t)", "Low, tonnes")
  static let best = Field.integer(9, "best", tonnes, "見積り(t)", "Best, tonnes")
  static let high = Field.integer(10, "high", tonnes, "多い見積り(t)", "High, tonnes")
  static let note = Field.text(11, "note", 300, "備考", "Note")

  static let records = Records(
    154, "waste_estimates", "廃棄物の発生量", "Estimate of waste", lane: .supply, law: .keptByMaker, reader: .staff,
    fields: [asOf, stage, best, low, high, woodFull, woodHalf, otherFull, otherHalf, burnt, note] + Told.fields,
    title: [Told.ward, stage, best])

  private static let inputs = [woodFull, woodHalf, otherFull, otherHalf, burnt]

  static let service = Service(
    "災害廃棄物の発生量", "Estimates of waste", records: [records],
    actions: [
      Action(
        "estimateWaste", .new, records, "発生量を見積もる", "Estimate waste", for: .command,
        takes: [stage.needed] + inputs.map(\.asked) + [asOf.asked, note.asked],
        stamps: Told.stamps + [.nowUnlessGiven(asOf)]
      ) { desk, _, edits in
        let given = inputs.map { desk.given.integer($0.name).map(Double.init) }
        guard given.contains(where: { $0 != nil }) else {
          throw Fault.badValue("woodFull", ja: "棟数を一つは入れてください", en: "give at least one number of homes")
        }
        let homes = WasteInput(
          woodFull: given[0] ?? 0, woodHalf: given[1] ?? 0, otherFull: given[2] ?? 0, otherHalf: given[3] ?? 0,
          burntWood: given[4] ?? 0)
        // The methods' range stands beside what the floor areas give: never a single number that explains nothing.
        let all = WasteMethod.allCases.map { Int64($0.tonnes(homes).rounded()) }
        edits += [
          best.set(Int64(WasteMethod.areas.tonnes(homes).rounded())), low.set(all.min()!), high.set(all.max()!),
        ]
      }
    ],
    lists: [
      Listing("wasteEstimates", records, "廃棄物の発生量", "Estimates of waste", filters: [Told.ward, stage], newest: asOf)
    ])
}

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
    ], takesOwnItems: true, place: Spot.place, published: [name, address, accepts, openFrom, closedAt, Told.ward])

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

/// 処理支援の要請: lorries, people, room and capacity that a ward asks another for.
enum WasteAid {
  private static let kinds = [
    Choice("収集車", "lorries"), Choice("人員", "people"), Choice("仮置場", "room"), Choice("処理能力(t/日)", "capacity"),
    Choice("し尿収集", "night-soil"),
  ]
  static let toWard = Field.ward(1, "to_ward", of: .second, "要請先の区", "To")
  static let fromWard = Field.ward(2, "from_ward", of: .first, "要請した区", "From")
  static let kind = Field.choice(3, "kind", kinds, "種別", "Kind")
  static let quantity = Field.integer(4, "quantity", 1...1_000_000, "数量", "Quantity")
  static let from = Field.deadline(5, "from_time", "開始", "From")
  static let until = Field.deadline(6, "until_time", "終了", "Until")
  static let note = Field.text(7, "note", 300, "備考", "Note")
  static let askedAt = Field.time(8, "asked_at", "要請日時", "Asked at")
  static let cancelledAt = Field.time(9, "cancelled_at", "取消日時", "Cancelled at")
  static let pledged = Field.integer(10, "pledged", 0...1_000_000, "回答数量", "Pledged")
  static let answeredAt = Field.time(11, "answered_at", "回答日時", "Answered at")
  static let reply = Field.text(12, "reply", 300, "回答", "Reply")

  private static let asks: Set = [
    toWard.number, fromWard.number, kind.number, quantity.number, from.number, until.number, note.number,
    askedAt.number,
    cancelledAt.number,
  ]
  static let records = Records(
    156, "waste_requests", "処理支援の要請", "Request for aid with waste", lane: .supply,
    law: .keptByParties(first: asks, second: [pledged.number, answeredAt.number, reply.number]), reader: .staff,
    fields: [
      fromWard, toWard, kind, quantity, from, until, note, askedAt, cancelledAt, pledged, answeredAt, reply,
    ],
    title: [fromWard, toWard, kind, quantity],
    states: [
      .has(cancelledAt, "cancelled", "取消", "cancelled", .ended),
      State("refused", "不可", "refused", .ended) { request, _ in request[answeredAt] != nil && request[pledged] == 0 },
      .has(answeredAt, "answered", "回答済み", "answered", .done), .otherwise("waiting", "回答待ち", "waiting", .open),
    ])
  private static let standing = Condition.missing(cancelledAt, "取り消された要請です", "cancelled")

  static let service = Service(
    "処理支援の要請", "Aid with waste", records: [records],
    actions: [
      Action(
        "askWasteAid", .new, records, "処理支援を要請する", "Ask for aid with waste", for: .command,
        takes: [toWard.needed, kind.needed, quantity.needed, from.asked, until.asked, note.asked],
        stamps: [.ward(fromWard), .now(askedAt)], row: .made(with: toWard)
      ) { desk, _, _ in
        guard desk.given.text("toWard") != desk.ward else {
          throw Fault.badValue("toWard", ja: "他の区を選んでください", en: "choose another ward")
        }
      },
      Action(
        "answerWasteAid", .step("answer"), records, "支援に回答する", "Answer a request", for: .command,
        takes: [pledged.needed, reply.asked],
        when: [.own(toWard, "要請された区だけが回答できます", "only the asked ward can answer"), standing],
        stamps: [.now(answeredAt)]),
      Action(
        "cancelWasteAid", .step("cancellation"), records, "支援の要請を取り消す", "Cancel a request", for: .command,
        when: [.own(fromWard, "要請した区だけが取り消せます", "only the asking ward can cancel"), standing],
        stamps: [.now(cancelledAt)]),
    ],
    lists: [
      Listing("wasteAid", records, "処理支援の要請", "Aid with waste", filters: [toWard, fromWard], newest: askedAt)
    ])
}
