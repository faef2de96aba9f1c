import Causality
import ChangeModel
import Desk

/// 避難対象地区: the areas that a ward's orders are about. A redrawn one is a new row: orders point at the old shape for ever.
enum EvacuationArea {
  private static let kinds = [
    Choice("町丁目", "neighbourhood"), Choice("ハザード区域", "hazard-zone"), Choice("避難対象地区", "evacuation-area"),
    Choice("延焼地区", "fire-zone"),
  ]
  static let code = Field.text(1, "code", 40, "地区コード", "Code")
  static let name = Field.text(2, "name", 200, "地区名", "Name")
  static let kind = Field.choice(3, "kind", kinds, "種別", "Kind")
  static let households = Field.integer(4, "households", 0...1_000_000, "世帯数", "Households")
  static let people = Field.integer(5, "people", 0...3_000_000, "人口", "People")
  static let hazards = SetField(6, "hazards", of: .choice(EvacuationOrder.hazards), atMost: 8, "対象の災害", "Hazards")
  static let destinations = SetField(7, "destinations", of: .text(100), atMost: 20, "避難先", "Destinations")
  static let replacedBy = Field.row(8, "replaced_by", of: "evacuation_areas", "新しい地区", "Replaced by")

  static let records = Records(
    170, "evacuation_areas", "避難対象地区", "Evacuation area", lane: .registry, law: .keptByWard(open: []), reader: .staff,
    fields: [name, code, kind, households, people, hazards, destinations, replacedBy] + Spot.fields + Told.fields,
    title: [name], takesOwnItems: true, place: Spot.place,
    published: [name, code, kind, hazards, destinations, Told.ward] + Spot.fields)

  private static let data = [kind.asked, households.asked, people.asked, hazards.asked, destinations.asked]

  static let service = Service(
    "避難対象地区", "Evacuation areas", records: [records],
    actions: [
      Action(
        "addArea", .new, records, "地区を登録する", "Enter an area", for: .command,
        takes: [name.needed, code.needed] + data + Spot.asked, stamps: Told.stamps,
        row: .derived { ["evacuation area", $0.ward, $0.given.text("code") ?? ""] }
      ) { desk, _, _ in
        let row = desk.derivedRow(["evacuation area", desk.ward, desk.given.text("code") ?? ""])
        guard try desk.read({ try RowValues.fetch(row, records, $0) }) == nil else {
          throw Fault.badValue(
            "code", ja: "その地区コードは登録されています。描き直した地区には新しいコードを付けてください",
            en: "that code is taken: a redrawn area has a new one")
        }
      },
      Action(
        "changeArea", .change, records, "地区を直す", "Change an area", for: .command,
        takes: [name.asked] + data + Spot.asked + [replacedBy.asked], when: [Told.own]),
    ],
    lists: [
      Listing(
        "areas", records, "避難対象地区", "Evacuation areas", filters: [Told.ward], open: [replacedBy], newest: Told.at)
    ])
}
