import Causality
import ChangeModel
import Desk
import GRDB
import Places
import Replica

/// The evacuees' register of a shelter: in, out, on to another, and each person counted once.
public enum Stays {
  private static let records = Stay.records

  /// What must hold of an entry that is changed.
  private static let own = Condition.ownRow("他区の避難者名簿です。その区に連絡してください", "of another ward's register; tell that ward")
  private static let present = Condition.missing(Stay.leftAt, "すでに退所しています", "has left already")

  /// The entry that the path names, with whom it is for.
  private static func subject(_ desk: Desk) throws -> (row: RowID, values: RowValues, audience: Audience) {
    let (row, values) = try desk.subject(records)
    return (row, values, Residents.audience(desk.wardIndex, guarded: values[Stay.guarded] == true))
  }

  // MARK: Answers

  private static let hidden = Shown.columns(Stay.nameKey, Stay.kanaKey, Stay.notes, Stay.guarded)
  static let members = [Shown.ward, Shown.residentID]
  static let membersWithDoubles =
    members + [
      Answer.Member("doubles", .objects(.members(DoubleEntries.members)), "二重登録の疑いがある記録", "Possible double entries")
    ]

  static func view(_ stay: RowValues, _ look: inout Look) throws -> JSON {
    var members = try look.view(stay, records, hiding: hidden)
    members["ward"] = JSON(look.inquiry.ward(of: stay.id))
    members["residentId"] = JSON(stay[Stay.resident].flatMap { Residents.text($0, look.inquiry) })
    if stay[Stay.guarded] == true { members["guarded"] = true }
    return .object(members)
  }

  /// A stay with those that may be the same person's.
  static func answer(_ row: RowID, _ look: inout Look) throws -> JSON {
    guard let stay = try RowValues.fetch(row, records, look.db), case .object(var members) = try view(stay, &look)
    else {
      throw Fault.notFound("id")
    }
    members["doubles"] = .list(try doubles(of: stay, look.db).compactMap { try $0.view(&look, hidesForeign: true) })
    return .object(members)
  }

  // MARK: Steps

  private static let change = Endpoint.write(
    "changeStay", records.path + "/{id}", "受付の内容を変える", "Change an entry", for: .relief,
    "Change an entry of the register.", CheckIn.person + [CheckIn.note], method: .patch, of: records, when: [own],
    answers: .row(records, and: membersWithDoubles)
  ) { desk in
    let (row, values, audience) = try subject(desk)
    let given = desk.given
    guard
      try values[Stay.guarded] == true
        || !desk.read({ try Residents.isGuarded(given.row("resident"), of: desk.wardIndex, $0) })
    else {
      throw Fault.refused(
        "resident", ja: "所在を知らせない人です。退所させ、新しく入所を受け付けてください",
        en: "must not be found: check this entry out and check in anew")
    }
    var edits = given.edits(CheckIn.person.map(\.name), of: records, standing: values)
    for (key, name) in [(Stay.nameKey, "name"), (Stay.kanaKey, "kana")] where given.has(name) {
      edits.append(key.set(NameKey.of(given.text(name) ?? "")))
    }
    if let note = given.text("note") { edits.append(Stay.notes.append(note)) }
    guard !edits.isEmpty else { throw Fault.badValue("", ja: "変更する項目がありません", en: "nothing to change") }
    var draft = records.draft()
    draft.edit(records, row, edits, for: audience)
    return Written([draft], about: [row]) { look in try answer(row, &look) }
  }

  private static let leave = Endpoint.write(
    "checkOut", records.path + "/{id}/departure", "退所を記録する", "Check out", for: .relief, "An evacuee leaves.",
    [Stay.leftFor.asked, Stay.leftAt.asked], of: records, when: [own, present],
    answers: .row(records, and: membersWithDoubles)
  ) { desk in
    let (row, values, audience) = try subject(desk)
    // A clock that is behind the one that checked in must not keep anybody from leaving.
    let arrived = values[Stay.arrivedAt]?.milliseconds ?? 0
    let left = desk.given.integer("leftAt") ?? max(desk.enteredAt.milliseconds, arrived)
    guard left >= arrived else {
      throw Fault.badValue("leftAt", ja: "入所より前の日時です", en: "is before the arrival")
    }
    var draft = records.draft()
    draft.edit(
      records, row,
      desk.given.edits(["leftFor"], of: records) + [Stay.leftAt.set(Instant(milliseconds: left))], for: audience)
    return Written([draft] + (try uncount(values, desk)), about: [row]) { look in try answer(row, &look) }
  }.often(7)

  /// Of each stay its own; the rest goes along.
  private static let ofOneStay = Shown.columns(
    Stay.shelter, Stay.arrivedAt, Stay.leftAt, Stay.leftFor, Stay.movedFrom, Stay.enteredBy)

  private static let move = Endpoint.write(
    "moveStay", records.path + "/{id}/move", "別の避難所へ移す", "Move to another shelter", for: .relief,
    "An evacuee moves to another shelter of this ward: out of one and into the other at once.",
    [FormField("shelter", Stay.shelter.shape, required: true, ja: "移動先の避難所", en: "New shelter")], of: records,
    when: [own, present], answers: .row(records, and: membersWithDoubles)
  ) { desk in
    let (row, values, audience) = try subject(desk)
    let shelter = desk.given.row("shelter")!
    let target = try desk.find(shelter, in: Shelter.records, "shelter")
    guard target[Shelter.ward] == desk.ward else {
      throw Fault.refused(
        "shelter", ja: "他区の避難所です。退所として記録し、移動先の区で入所を受け付けてもらってください",
        en: "a shelter of another ward: check out here, and let that ward check in")
    }
    guard shelter != values[Stay.shelter] else {
      throw Fault.badValue("shelter", ja: "同じ避難所です", en: "is the same shelter")
    }
    let new = try desk.newRow()
    var draft = records.draft()
    draft.edit(
      records, row, [Stay.leftAt.set(desk.enteredAt), Stay.leftFor.set(target[Shelter.name] ?? "避難所")], for: audience)
    draft.edit(
      records, new,
      values.copy(except: ofOneStay) + [
        Stay.shelter.set(shelter), Stay.arrivedAt.set(desk.enteredAt), Stay.movedFrom.set(row),
        Stay.enteredBy.set(desk.inquiry.user.name),
      ], for: audience)
    let count = try values[Stay.counted] == true ? CheckIn.count(1, in: shelter, desk) : []
    return Written([draft] + (try uncount(values, desk)) + count, about: [row, new]) { look in try answer(new, &look) }
  }.often(5)

  /// Who came with the head count goes with it.
  private static func uncount(_ stay: RowValues, _ desk: Desk) throws -> [Draft] {
    guard stay[Stay.counted] == true, let shelter = stay[Stay.shelter] else { return [] }
    return try CheckIn.count(-1, in: shelter, desk)
  }

  /// So long, in milliseconds, an entry counts as a slip of the pen.
  private static let slip: Int64 = 86_400_000

  private static let cancel = Endpoint.write(
    "cancelStay", records.path + "/{id}", "受付を取り消す", "Cancel a check-in", for: .relief,
    "An entry that never was: of somebody who did not come, or entered twice. Who left is checked out.",
    method: .delete, of: records,
    when: [
      own,
      Condition(
        .refused, "受付から一日を過ぎています。退所を記録してください", "entered more than a day ago: check out instead"
      ) { stay, inquiry in stay.written.map { inquiry.now.milliseconds - $0.at.milliseconds < slip } ?? true },
    ],
    warning: Words("この人の受付の記録が消えます。退所した人は「退所を記録する」で記録してください。", "The entry goes. Of who left, record that they left."),
    answers: .members([.init("cancelled", .flag, "取り消しました", "Cancelled")])
  ) { desk in
    let (row, values, audience) = try subject(desk)
    var draft = records.draft()
    draft.delete(records, row, for: audience)
    return Written([draft] + (values[Stay.leftAt] == nil ? try uncount(values, desk) : []), about: [row]) { _ in
      ["cancelled": true]
    }
  }

  // MARK: Lists

  private static let limit = 500
  private static let paging = [
    FormField("limit", .integer(1...Int64(limit)), ja: "件数", en: "How many at most"),
    FormField("after", .row(records.name), ja: "この行の次から", en: "`next` of the page before"),
  ]

  /// A page's rows as far as whoever asks may see them.
  private static func answer(_ page: Page, _ look: inout Look) throws -> JSON {
    page.answer("stays", try page.rows.filter { try look.maySee($0, records) }.map { try view($0, &look) })
  }

  private static let list = Endpoint.read(
    "stays", Shelter.records.path + "/{id}/stays", "避難者名簿", "Register", for: .people,
    "Who is in a shelter, as far as this node may read.",
    [FormField("all", .flag, ja: "退所者も", en: "Those who left too")] + paging + [Purpose.field], of: Shelter.records,
    answers: .rows("stays", records, and: members, isPaged: true)
  ) { look in
    try look.inquiry.user.mustWork(at: look.inquiry.row)
    return try answer(
      try look.page(
        records, where: "shelter = ?1 AND (?2 OR left_at IS NULL)",
        [look.inquiry.row!.rawValue, look.given.flag("all")], usual: limit), &look)
  }

  private static let elsewhere = Endpoint.read(
    "evacueesElsewhere", records.path + "/elsewhere", "他区にいる住民", "Our residents elsewhere", for: .people,
    "This ward's residents in other wards' shelters, as far as this node may read.", paging + [Purpose.field],
    answers: .rows("stays", records, and: members, isPaged: true)
  ) { look in
    try answer(
      try look.page(
        records, where: "home_ward = ?1 AND left_at IS NULL AND guarded IS NULL AND id >> 53 <> ?2",
        [look.ward, Int64(look.inquiry.wardIndex)], usual: limit), &look)
  }

  public static let service = Service(
    "避難者名簿", "Evacuees", records: [records, StayVerdict.records],
    endpoints: [CheckIn.endpoint, change, leave, move, cancel, list, elsewhere] + DoubleEntries.endpoints
      + Family.endpoints + [
        ShelterPicture.endpoint
      ], menu: ["evacueesElsewhere"],
    indexes: [
      "CREATE INDEX IF NOT EXISTS stays_moved ON stays (moved_from) WHERE moved_from IS NOT NULL",
      "CREATE INDEX IF NOT EXISTS stays_present ON stays (resident, id, arrived_at) WHERE left_at IS NULL AND resident IS NOT NULL",
    ])
}
