import Causality
import ChangeModel
import Desk
import GRDB

/// 安否照会: who asks after somebody is told when the person is found.
enum SafetyInquiries {
  private static let records = SafetyInquiry.records
  private static let hidden = Shown.columns(SafetyInquiry.nameKey)

  private static let form = [
    SafetyInquiry.resident.asked, SafetyInquiry.name.asked, SafetyInquiry.asker.needed, SafetyInquiry.contact.needed,
    SafetyInquiry.relation.asked,
  ]

  private static let ask = Endpoint.write(
    "askToBeInformed", records.path, "安否照会を受け付ける", "Take an inquiry after somebody", for: .people,
    "Somebody asks to be told when a person is found.", form, makes: true, answers: .row(records)
  ) { desk in
    let (resident, name) = (desk.given.row("resident"), desk.given.text("name"))
    guard resident != nil || name != nil else {
      throw Fault.badValue("name", ja: "尋ね人の氏名か住民IDを入れてください", en: "give the person's name or ID")
    }
    let row = try desk.newRow()
    var edits = desk.given.edits(form.map(\.name), of: records)
    edits.append(SafetyInquiry.askedAt.set(desk.enteredAt))
    if let name { edits.append(SafetyInquiry.nameKey.set(NameKey.of(name))) }
    var draft = records.draft()
    draft.edit(records, row, edits, for: try Safety.audience(resident, desk))
    return Written([draft], about: [row] + [resident].compactMap(\.self)) { look in
      try look.answer(row, records, hiding: hidden)
    }
  }.often(3)

  private static let tell = Endpoint.write(
    "answerInquiry", records.path + "/{id}/answer", "回答済みにする", "The asker was told", for: .people,
    "The asker was told.", [SafetyInquiry.told.needed], of: records,
    when: [.ownRow("他区が受けた照会です", "taken by another ward")], answers: .row(records)
  ) { desk in
    let (row, asked) = try desk.subject(records)
    let resident = asked[SafetyInquiry.resident]
    var draft = records.draft()
    draft.edit(
      records, row, desk.given.edits(["told"], of: records) + [SafetyInquiry.toldAt.set(desk.enteredAt)],
      for: try Safety.audience(resident, desk))
    return Written([draft], about: [row] + [resident].compactMap(\.self)) { look in
      try look.answer(row, records, hiding: hidden)
    }
  }.often(2)

  // MARK: What is known by now

  private static let list = Endpoint.read(
    "inquiriesToAnswer", records.path, "安否照会の一覧", "Inquiries to answer", for: .people,
    "Who is waiting to be told, with what is known by now.", Paging.fields(of: records.name) + [Purpose.field],
    answers: .rows(
      "inquiries", records,
      and: [Shown.shelter, Shown.arrivedAt, .init("answer", .row(SafetyReport.records.name), "回答", "Answer")],
      isPaged: true)
  ) { look in
    let page = try look.page(
      records, where: "told_at IS NULL AND id >> 53 = ?1", [Int64(look.inquiry.wardIndex)], by: ["asked_at"], usual: 500
    )
    return page.answer(
      "inquiries", try page.rows.filter { try look.maySee($0, records) }.map { try view($0, &look) })
  }

  private static func view(_ asked: RowValues, _ look: inout Look) throws -> JSON {
    var members = try look.view(asked, records, hiding: hidden)
    let (reports, stay) = try found(asked, look)
    // Who is in a shelter is found, though nobody reported it.
    if let stay {
      look.saw(stay, of: stay[Stay.resident])
      members["shelter"] = JSON(stay[Stay.shelter].map { "\($0)" })
      members["arrivedAt"] = JSON(stay[Stay.arrivedAt]?.milliseconds)
    }
    if let verdict = Safety.judge(reports) {
      members["answer"] = .object(try Safety.standing(verdict, present: stay, &look))
    }
    return .object(members)
  }

  /// What is known of somebody who is asked after; of who must not be found, nothing.
  private static func found(_ asked: RowValues, _ look: Look) throws -> (reports: [RowValues], stay: RowValues?) {
    if let resident = asked[SafetyInquiry.resident] {
      let ids = try Identities.union(of: resident, look.db)
      guard try !Identities.areGuarded(ids, look) else { return ([], nil) }
      return (try Safety.reports(on: ids, look.db), try Whereabouts.of(ids, look))
    }
    let key = asked[SafetyInquiry.nameKey] ?? ""
    let reports = try RowValues.all(
      SafetyReport.records, "WHERE name_key = ? ORDER BY observed_at DESC LIMIT 50", [key], look.db)
    return (
      try reports.filter { try !Residents.isGuarded($0[SafetyReport.resident], of: look.inquiry.wardIndex, look.db) },
      try Whereabouts.named(key, look)
    )
  }

  static let service = Service(
    "人を探す・安否照会", "Looking for people", records: [records],
    endpoints: [PeopleSearch.endpoint, ask, list, tell], menu: ["inquiriesToAnswer", "askToBeInformed"])
}
