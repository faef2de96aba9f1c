import Causality
import ChangeModel
import Desk
import GRDB

/// 応援の申出: so many of one ward's staff go to another, by its request. They leave the lender's pool in the same change, and
/// come back into it when they are back. The lender says who left and returned, the asker who came and was let go.
public enum StaffPledge {
  static let request = Field.row(1, "request", of: "staff_requests", "要請", "Request")
  static let pool = Field.row(2, "pool", of: "staff_pools", "職員", "Pool")
  static let lender = Field.ward(3, "lender", of: .first, "出す区", "Lending ward")
  static let asker = Field.ward(4, "asker", of: .second, "受ける区", "Asking ward")
  static let people = Field.integer(5, "people", 1...100_000, "人数", "People")
  static let leader = Field.text(6, "leader", 120, "責任者の職・連絡先", "Leader's post and phone")
  static let departsAt = Field.deadline(7, "departs_at", "出発予定", "Departs at")
  static let pledgedAt = Field.time(8, "pledged_at", "申出日時", "Pledged at")
  static let departedAt = Field.time(9, "departed_at", "出発日時", "Departed at")
  static let recalledAt = Field.time(10, "recalled_at", "撤回日時", "Recalled at")
  static let returnedAt = Field.time(11, "returned_at", "帰任日時", "Returned at")
  static let arrived = Field.integer(12, "arrived", 0...100_000, "到着人数", "Arrived")
  static let arrivedAt = Field.time(13, "arrived_at", "到着日時", "Arrived at")
  static let extendedUntil = Field.deadline(14, "extended_until", "延長の希望", "Wished until")
  static let releasedAt = Field.time(15, "released_at", "任務解除日時", "Released at")
  static let faults = Field.text(16, "faults", 300, "不足・不具合", "What is wrong")

  private static let lends: Set = [
    request.number, pool.number, lender.number, asker.number, people.number, leader.number, departsAt.number,
    pledgedAt.number, departedAt.number, recalledAt.number, returnedAt.number,
  ]
  private static let takes: Set = [
    arrived.number, arrivedAt.number, extendedUntil.number, releasedAt.number, faults.number,
  ]

  public static let records = Records(
    152, "staff_pledges", "応援の申出", "Pledge of staff", lane: .supply, law: .keptByParties(first: lends, second: takes),
    reader: .staff,
    fields: [
      lender, asker, people, leader, departsAt, pledgedAt, departedAt, recalledAt, returnedAt, arrived, arrivedAt,
      extendedUntil, releasedAt, faults, request, pool,
    ],
    title: [lender, asker, people],
    states: [
      .has(returnedAt, "back", "帰任", "back", .done), .has(releasedAt, "released", "任務解除", "released", .underWay),
      .has(arrivedAt, "there", "任務中", "at work", .underWay),
      // Who has left does not know that they were recalled.
      .has(departedAt, "left", "移動中", "on the way", .underWay), .has(recalledAt, "recalled", "撤回", "recalled", .ended),
      .otherwise("pledged", "申出", "pledged", .open),
    ], indexes: [[request]])

  private static let lenders = Condition.own(lender, "出す区だけができます", "only the lending ward can")
  private static let askers = Condition.own(asker, "受ける区だけができます", "only the asking ward can")
  /// Who has left did not know that they were recalled, and stands at the asker's gate.
  private static let unrecalled = Condition(.refused, "撤回された申出です", "recalled") { pledge, _ in
    pledge[recalledAt] == nil || pledge[departedAt] != nil
  }
  private static let away = Condition.missing(returnedAt, "帰任しています", "back already")

  private static let pledge = Endpoint.write(
    "pledgeStaff", "/staff-requests/{id}/pledges", "応援を申し出る", "Pledge staff", for: .command,
    "So many of this ward's staff are to go: they leave the pool with it.",
    [people.needed, leader.asked, departsAt.asked], of: StaffRequest.records,
    when: [
      Condition(.refused, "自区の要請です", "this ward's own request") { !$1.isOwn($0.id) },
      .missing(StaffRequest.cancelledAt, "取り消された要請です", "cancelled"),
    ], makes: true, answers: .row(records)
  ) { desk in
    let (requested, asked) = try desk.subject(StaffRequest.records)
    let people = desk.given.integer("people")!
    let skill = asked[StaffRequest.skill] ?? ""
    let pool = desk.derivedRow(["staff pool", desk.ward, skill])
    guard try desk.read({ try RowValues.fetch(pool, StaffPool.records, $0) }) != nil else {
      throw Fault.refused(
        "people", ja: "「\(skill)」の出せる職員が登録されていません。先に登録してください", en: "no staff of this skill is entered: enter them first"
      )
    }
    try StaffPool.spending(people, of: pool, desk)
    let row = try desk.newRow(with: asked.id.ward)
    var draft = records.draft()
    draft.edit(
      records, row,
      desk.given.edits(["people", "leader", "departsAt"], of: records) + [
        request.set(requested), Self.pool.set(pool), lender.set(desk.ward), asker.set(desk.inquiry.ward(of: asked.id)),
        pledgedAt.set(desk.enteredAt),
      ])
    draft.edit(StaffPool.records, pool, [StaffPool.amount.spend(people)])
    return Written([draft], about: [row]) { try $0.answer(row, records) }
  }.often(2)

  /// They are the pool's again: the very author that spent them need not be the one that takes them back.
  private static func back(
    _ id: String, _ step: String, _ ja: String, _ en: String, _ field: Field<Instant>, when: [Condition]
  ) -> Endpoint {
    .write(
      id, "/staff-pledges/{id}/\(step)", ja, en, for: .command, en + ".", of: records, when: [lenders] + when,
      answers: .row(records)
    ) { desk in
      let (row, pledge) = try desk.subject(records)
      // Once: the node that set them aside, and no other of its ward that is cut off from it.
      guard row.makerOfTwo.node == desk.replica.author.node else {
        throw Fault.refused(
          "", ja: "申し出た機器で行います", en: "the node that pledged them does it")
      }
      var draft = records.draft()
      draft.edit(records, row, [field.set(desk.enteredAt)])
      if pledge[recalledAt] == nil, let pool = pledge[Self.pool], let people = pledge[Self.people], people > 0 {
        draft.edit(StaffPool.records, pool, [StaffPool.amount.receive(people)])
      }
      return Written([draft], about: [row]) { try $0.answer(row, records) }
    }
  }

  static let service = Service(
    "応援の申出", "Pledges of staff", records: [records],
    actions: [
      Action(
        "staffDeparted", .step("departure"), records, "出発を記録する", "Record the departure", for: .command,
        when: [lenders, unrecalled, away, .missing(departedAt, "出発しています", "has left")], stamps: [.now(departedAt)]),
      Action(
        "staffArrived", .step("arrival"), records, "到着を記録する", "Record the arrival", for: .command,
        takes: [arrived.needed, faults.asked], when: [askers, unrecalled], stamps: [.now(arrivedAt)]),
      Action(
        "extendStaff", .step("extension"), records, "延長を希望する", "Wish for longer", for: .command,
        takes: [extendedUntil.needed], when: [askers, unrecalled, away]),
      Action(
        "releaseStaff", .step("release"), records, "任務を解く", "Release staff", for: .command,
        when: [askers, unrecalled, away], stamps: [.now(releasedAt)]),
    ],
    lists: [
      Listing(
        "staffPledges", records, "応援の申出", "Pledges of staff", filters: [lender, asker], open: [returnedAt, recalledAt],
        newest: pledgedAt)
    ],
    endpoints: [
      pledge,
      back(
        "recallStaff", "recall", "申出を撤回する", "Recall a pledge", recalledAt,
        when: [.missing(departedAt, "出発しています", "has left"), unrecalled]),
      back(
        "staffReturned", "return", "帰任を記録する", "Record the return", returnedAt,
        when: [.present(departedAt, "出発していません", "has not left"), away]),
    ])
}
