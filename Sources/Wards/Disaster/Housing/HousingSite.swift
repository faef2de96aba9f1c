import Causality
import ChangeModel
import Desk

/// 仮設住宅の団地: the homes of a site are held in shares: nobody gives one away twice.
enum HousingSite {
  static let name = Field.text(1, "name", 200, "名称", "Name")
  static let address = Field.text(2, "address", 400, "所在地", "Address")
  static let small = Field.integer(3, "small", 0...100_000, "1DK(戸)", "1DK")
  static let middle = Field.integer(4, "middle", 0...100_000, "2DK(戸)", "2DK")
  static let large = Field.integer(5, "large", 0...100_000, "3K(戸)", "3K")
  static let barrierFree = Field.integer(6, "barrier_free", 0...100_000, "バリアフリー(戸)", "Barrier-free")
  static let readyAt = Field.deadline(7, "ready_at", "入居開始", "Ready at")
  static let left = StockField(8, "left", 1...100_000, "空き戸数", "Homes left")

  static let records = Records(
    175, "housing_sites", "仮設住宅", "Housing site", lane: .registry, law: .keptByMaker, reader: .staff,
    fields: [name, address, left, small, middle, large, barrierFree, readyAt] + Spot.fields + Told.fields,
    title: [name],
    takesOwnItems: true, place: Spot.place)

  private static let give = Endpoint.write(
    "giveHome", "/housing-sites/{id}/homes", "入居を決める", "Give a home", for: .command,
    "So many homes are given away: of this node's share.",
    [FormField("homes", .integer(1...1_000), required: true, ja: "戸数", en: "Homes")], of: records, when: [Told.own],
    answers: .row(records)
  ) { desk in
    let (row, _) = try desk.subject(records)
    let homes = desk.given.integer("homes")!
    if let (own, _) = try desk.lacking(homes, of: row, records, left) {
      throw Fault.refused("homes", ja: "この機器から決められるのは \(max(own, 0)) 戸です", en: "this node can give \(max(own, 0))")
    }
    var draft = records.draft()
    draft.edit(records, row, [left.spend(homes)])
    return Written([draft], about: [row]) { try $0.answer(row, records) }
  }

  static let service = Service(
    "仮設住宅", "Housing sites", records: [records],
    actions: [
      Action(
        "addHousing", .new, records, "仮設住宅を登録する", "Enter a housing site", for: .command,
        takes: [
          name.needed, address.asked, small.asked, middle.asked, large.asked, barrierFree.asked, readyAt.asked,
        ] + Spot.asked, stamps: Told.stamps
      ) { desk, _, edits in
        let homes = ["small", "middle", "large"].compactMap { desk.given.integer($0) }.reduce(0, +)
        if homes > 0 { edits.append(left.receive(homes)) }
      },
      Action(
        "changeHousing", .change, records, "仮設住宅を直す", "Change a site", for: .command,
        takes: [name.asked, address.asked, barrierFree.asked, readyAt.asked] + Spot.asked, when: [Told.own]),
    ],
    lists: [Listing("housingSites", records, "仮設住宅", "Housing sites", filters: [Told.ward], newest: Told.at)],
    endpoints: [give])
}
