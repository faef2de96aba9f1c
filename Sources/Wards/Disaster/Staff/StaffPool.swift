import Causality
import ChangeModel
import Desk
import Replica

/// 応援に出せる職員: how many of a skill a ward can lend. The number is held in shares, so that nobody is promised twice,
/// however long the ward's nodes are cut off from each other.
public enum StaffPool {
  static let skills = [
    Choice("避難所運営", "shelters"), Choice("物資", "goods"), Choice("応急危険度判定", "quick-inspection"),
    Choice("住家被害認定", "damage-survey"), Choice("保健師", "public-health"), Choice("り災証明窓口", "certificates"),
    Choice("土木", "works"), Choice("情報", "information-systems"), Choice("給水", "water"), Choice("通訳", "interpreting"),
    Choice("運転", "driving"),
  ]
  static let skill = Field.choice(1, "skill", skills, "職種", "Skill")
  static let amount = StockField(2, "amount", 1...100_000, "人数", "People")
  static let ownNeed = Field.integer(3, "own_need", 0...100_000, "自区で必要な人数", "Needed here")
  static let from = Field.deadline(4, "from_time", "開始", "From")
  static let until = Field.deadline(5, "until_time", "終了", "Until")
  static let note = Field.text(6, "note", 300, "備考", "Note")

  public static let records = Records(
    150, "staff_pools", "応援に出せる職員", "Staff to lend", lane: .supply, law: .keptByWard(open: []), reader: .staff,
    fields: [skill, amount, ownNeed, from, until, note] + Told.fields, title: [skill, Told.ward])

  /// - Throws: a `Fault` where this node's share is less.
  static func spending(_ people: Int64, of pool: RowID, _ desk: Desk) throws {
    guard let (own, others) = try desk.lacking(people, of: pool, records, amount) else { return }
    throw Fault.refused(
      "people", ja: "この機器から出せるのは \(max(own, 0)) 人です。\(others.isEmpty ? "" : "残りはほかの機器にあります(\(others))")",
      en: "this node can lend \(max(own, 0))\(others.isEmpty ? "" : "; other nodes hold \(others)")")
  }

  private static let add = Endpoint.write(
    "addStaff", "/staff-pools", "出せる人数を追加する", "Add staff to lend", for: .command,
    "So many more of a skill can be lent; of one skill a ward has one row.",
    [skill.needed, amount.needed, ownNeed.asked, from.asked, until.asked, note.asked], makes: true,
    answers: .row(records)
  ) { desk in
    let row = desk.derivedRow(["staff pool", desk.ward, desk.given.text("skill")!])
    var draft = records.draft()
    draft.edit(
      records, row,
      desk.given.edits(["skill", "ownNeed", "fromTime", "untilTime", "note"], of: records)
        + Told.stamps.compactMap { $0.edit(on: desk) } + [amount.receive(desk.given.integer("amount")!)])
    return Written([draft], about: [row]) { try $0.answer(row, records) }
  }

  private static let reduce = Endpoint.write(
    "withdrawStaff", "/staff-pools/{id}/withdrawal", "出せる人数を減らす", "Withdraw staff", for: .command,
    "So many fewer can be lent: they are needed here.", [amount.needed], of: records, when: [Told.own],
    answers: .row(records)
  ) { desk in
    let (row, _) = try desk.subject(records)
    let people = desk.given.integer("amount")!
    try spending(people, of: row, desk)
    var draft = records.draft()
    draft.edit(records, row, [amount.spend(people), Told.by.set(desk.inquiry.user.name), Told.at.set(desk.enteredAt)])
    return Written([draft], about: [row]) { try $0.answer(row, records) }
  }

  static let service = Service(
    "応援に出せる職員", "Staff to lend", records: [records],
    actions: [
      Action(
        "changeStaff", .change, records, "条件を直す", "Change the terms", for: .command,
        takes: [ownNeed.asked, from.asked, until.asked, note.asked], when: [Told.own])
    ],
    lists: [
      Listing("staffPools", records, "応援に出せる職員", "Staff to lend", filters: [Told.ward, skill], newest: Told.at)
    ], endpoints: [add, reduce])
}
