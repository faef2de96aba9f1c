import Causality
import ChangeModel
import Desk
import Places

/// 誘導する人たち: who has to be brought somewhere, as counts. Named people stay in the registers.
public enum GuidanceGroup {
  static let kinds = [
    Choice("区民", "residents"), Choice("来街者", "visitors"), Choice("帰宅困難者", "stranded"), Choice("要支援者", "need-help"),
  ]
  static let place = Field.text(1, "place", 200, "いる場所", "Where they are")
  static let kind = Field.choice(2, "kind", kinds, "対象", "Who")
  static let people = Field.integer(3, "people", 1...1_000_000, "人数", "People")
  static let wheelchairs = Field.integer(4, "wheelchairs", 0...100_000, "車いす", "Wheelchairs")
  static let needs = SetField(5, "needs", of: .text(60), atMost: 20, "配慮が必要なこと", "Needs")
  static let closedAt = Field.time(6, "closed_at", "誘導を終えた日時", "Over at")

  public static let records = Records(
    103, "guidance_groups", "誘導する人たち", "Group to guide", lane: .life, law: .keptByMaker, reader: .staff,
    fields: [place, kind, people, wheelchairs, needs, closedAt] + Spot.fields + Told.seen,
    title: [place, kind, people],
    states: [.has(closedAt, "over", "終了", "over", .done), .otherwise("waiting", "誘導中", "being guided", .open)],
    place: Spot.place)

  static let open = Condition.missing(closedAt, "誘導は終わっています", "over already")

  static let service = Service(
    "誘導", "Guidance", records: [records],
    actions: [
      Action(
        "addGroup", .new, records, "誘導する人たちを登録する", "Enter a group to guide", for: .relief,
        takes: [place.needed, people.needed, kind.needed, wheelchairs.asked, needs.asked] + Spot.asked + Told.asked,
        stamps: Told.seenStamps
      ).often(2),
      Action(
        "recountGroup", .change, records, "人数を直す", "Count a group anew", for: .relief,
        takes: [people.asked, wheelchairs.asked, needs.asked, place.asked] + Spot.asked, when: [Told.own, open],
        stamps: [.now(Told.observedAt)]),
      Action(
        "closeGroup", .step("closing"), records, "誘導を終える", "End the guidance", for: .relief, when: [Told.own, open],
        stamps: [.now(closedAt)]),
    ],
    lists: [
      Listing(
        "guidanceGroups", records, "誘導する人たち", "Groups to guide", filters: [Told.ward, kind], open: [closedAt],
        newest: Told.observedAt)
    ], endpoints: [GuidancePlanning.endpoint], menu: ["guidancePlan"])
}

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
