import Causality
import ChangeModel
import Desk
import Places

/// 誘導先の指示: so many of a group go to a shelter. The guiding ward says who left, the shelter's ward who came.
public enum GuidanceLeg {
  private static let modes = [Choice("徒歩", "on-foot"), Choice("車両", "by-car"), Choice("福祉車両", "welfare-car")]
  static let group = Field.row(1, "group_row", of: "guidance_groups", "対象", "Group")
  static let shelter = Field.row(2, "shelter", of: "shelters", "行き先", "Shelter")
  static let ward = Field.ward(3, "from_ward", of: .first, "誘導する区", "Guiding ward")
  static let toWard = Field.ward(4, "to_ward", of: .second, "受け入れる区", "Receiving ward")
  static let people = Field.integer(5, "people", 1...1_000_000, "人数", "People")
  static let mode = Field.choice(6, "mode", modes, "手段", "How")
  static let route = Field.text(7, "route", 400, "経路", "Route")
  static let leader = Field.text(8, "leader", 120, "誘導者", "Leader")
  static let decidedAt = Field.time(9, "decided_at", "決定日時", "Decided at")
  static let departedAt = Field.time(10, "departed_at", "出発日時", "Departed at")
  static let calledOffAt = Field.time(11, "called_off_at", "中止日時", "Called off at")
  static let redirected = Field.row(12, "redirected_from", of: "guidance_legs", "転送元", "Redirected from")
  static let arrived = Field.integer(13, "arrived", 0...1_000_000, "到着人数", "Arrived")
  static let arrivedAt = Field.time(14, "arrived_at", "到着日時", "Arrived at")
  static let refused = Field.integer(15, "refused", 0...1_000_000, "受け入れられない人数", "Refused")
  static let why = Field.text(16, "refused_reason", 300, "理由", "Why")

  private static let guides: Set = [
    group.number, shelter.number, ward.number, toWard.number, people.number, mode.number, route.number, leader.number,
    decidedAt.number, departedAt.number, calledOffAt.number, redirected.number,
  ]
  public static let records = Records(
    104, "guidance_legs", "誘導先の指示", "Leg", lane: .life,
    law: .keptByParties(first: guides, second: [arrived.number, arrivedAt.number, refused.number, why.number]),
    reader: .staff,
    fields: [
      group, shelter, people, mode, route, leader, ward, toWard, decidedAt, departedAt, calledOffAt, redirected,
      arrived,
      arrivedAt, refused, why,
    ],
    title: [group, shelter, people],
    states: [
      State("refused", "受入不可", "refused", .open) { leg, _ in (leg[refused] ?? 0) > 0 && (leg[arrived] ?? 0) == 0 },
      State("partly", "一部到着", "partly arrived", .underWay) { leg, _ in
        leg[arrivedAt] != nil && (leg[arrived] ?? 0) < leg[people] ?? 0
      },
      .has(arrivedAt, "arrived", "到着", "arrived", .done), .has(departedAt, "left", "移動中", "on the way", .underWay),
      .has(calledOffAt, "off", "中止", "called off", .ended), .otherwise("decided", "決定", "decided", .open),
    ], indexes: [[group], [shelter]])

  private static let guiding = Condition.own(ward, "誘導する区だけができます", "only the guiding ward can")
  private static let receiving = Condition.own(toWard, "受け入れる区だけができます", "only the receiving ward can")
  private static let unleft = Condition.missing(departedAt, "出発しています", "has left")
  private static let on = Condition.missing(calledOffAt, "中止しています", "called off")

  private static let decide = Endpoint.write(
    "decideLeg", "/guidance-groups/{id}/legs", "行き先を決める", "Decide where they go", for: .relief,
    "So many of the group go to a shelter.",
    [shelter.needed, people.needed, mode.asked, route.asked, leader.asked, redirected.asked], of: GuidanceGroup.records,
    when: [Told.own, GuidanceGroup.open], makes: true, answers: .row(records)
  ) { desk in
    let (row, _) = try desk.subject(GuidanceGroup.records)
    let target = try desk.find(desk.given.row("shelter")!, in: Shelter.records, "shelter")
    let to = target.id.ward
    let leg = try desk.newRow(with: to)
    var draft = records.draft()
    draft.edit(
      records, leg,
      desk.given.edits(["shelter", "people", "mode", "route", "leader", "redirectedFrom"], of: records) + [
        group.set(row), ward.set(desk.ward), toWard.set(desk.inquiry.identity.federation.ward(at: to)?.code),
        decidedAt.set(desk.enteredAt),
      ])
    return Written([draft], about: [leg]) { try $0.answer(leg, records) }
  }.often(2)

  static let service = Service(
    "誘導先の指示", "Legs", records: [records],
    actions: [
      Action(
        "legLeft", .step("departure"), records, "出発させる", "Let them go", for: .relief, when: [guiding, unleft, on],
        stamps: [.now(departedAt)]),
      Action(
        "callOffLeg", .step("call-off"), records, "誘導を中止する", "Call it off", for: .relief, when: [guiding, unleft, on],
        stamps: [.now(calledOffAt)]),
      Action(
        "legArrived", .step("arrival"), records, "到着を記録する", "Record who came", for: .relief,
        takes: [arrived.needed, refused.asked, why.asked], when: [receiving], stamps: [.now(arrivedAt)]),
    ],
    lists: [
      Listing(
        "guidanceLegs", records, "誘導先の指示", "Legs", filters: [ward, toWard, shelter], open: [arrivedAt, calledOffAt],
        newest: decidedAt)
    ], endpoints: [decide])
}
