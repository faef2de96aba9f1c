import Causality
import ChangeModel
import Desk

/// 応援要請: what staff a ward asks all others for. First by telephone, then here.
public enum StaffRequest {
  static let skill = Field.choice(1, "skill", StaffPool.skills, "職種", "Skill")
  static let people = Field.integer(2, "people", 1...100_000, "人数", "People")
  static let from = Field.deadline(3, "from_time", "開始", "From")
  static let until = Field.deadline(4, "until_time", "終了", "Until")
  static let place = Field.text(5, "place", 200, "集合場所", "Where to come")
  static let route = Field.text(6, "route", 200, "経路", "Route")
  static let work = Field.text(7, "work", 500, "任務", "Work")
  static let lodging = Field.text(8, "lodging", 200, "宿泊", "Lodging")
  static let equipment = Field.text(9, "equipment", 200, "携行品", "To bring")
  static let isUrgent = Field.flag(10, "is_urgent", "至急", "Urgent")
  static let phonedAt = Field.time(11, "phoned_at", "電話で伝えた日時", "Told by telephone at")
  static let cancelledAt = Field.time(12, "cancelled_at", "取消日時", "Cancelled at")

  public static let records = Records(
    151, "staff_requests", "応援要請", "Request for staff", lane: .supply, law: .keptByMaker, reader: .staff,
    fields: [
      skill, people, isUrgent, from, until, place, route, work, lodging, equipment, phonedAt, cancelledAt,
    ] + Told.fields,
    title: [skill, people, Told.ward],
    states: [
      .has(cancelledAt, "cancelled", "取消", "cancelled", .ended),
      State("over", "期間終了", "over", .ended) { request, inquiry in request[until].map { $0 < inquiry.now } ?? false },
      .otherwise("open", "募集中", "open", .open),
    ])

  private static let open = Condition.missing(cancelledAt, "取り消された要請です", "cancelled")
  private static let terms = [
    from.asked, until.asked, place.asked, route.asked, work.asked, lodging.asked, equipment.asked,
  ]

  static let service = Service(
    "応援要請", "Requests for staff", records: [records],
    actions: [
      Action(
        "askStaff", .new, records, "応援を要請する", "Ask for staff", for: .command,
        takes: [skill.needed, people.needed, isUrgent.asked] + terms + [phonedAt.asked], stamps: Told.stamps
      ).often(2),
      Action(
        "changeStaffRequest", .change, records, "要請を直す", "Change a request", for: .command,
        takes: [people.asked, isUrgent.asked] + terms, when: [Told.own, open]),
      Action(
        "cancelStaffRequest", .step("cancellation"), records, "要請を取り消す", "Cancel a request", for: .command,
        when: [Told.own, open], stamps: [.now(cancelledAt)]),
    ],
    lists: [
      Listing(
        "staffRequests", records, "応援要請", "Requests for staff", filters: [Told.ward, skill], open: [cancelledAt],
        newest: Told.at)
    ],
    due: [
      Due("ほかの区の応援要請が % 件あります", "% requests of other wards for staff", in: "staffRequests", "見る", "Look", for: .command)
      {
        look in
        try look.count(
          records,
          """
          WHERE ward <> ?1 AND cancelled_at IS NULL AND (until_time IS NULL OR until_time > ?2)
            AND NOT EXISTS (SELECT 1 FROM staff_pledges p WHERE p.request = staff_requests.id AND p.lender = ?1)
          """, [look.ward, look.now.milliseconds])
      }
    ])
}
