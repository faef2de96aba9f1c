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
