import Causality
import ChangeModel
import Desk
import GRDB

/// What a shelter does in the open: it is entered, opened, counted, and tells how it is, each day and at once. Numbers only,
/// so that every ward can read them.
public enum Shelters {
  static let records = Shelter.records

  // MARK: What must hold

  public static let own = Condition.own(
    Shelter.ward, "他区の避難所です。その区だけが変えられます", "a shelter of another ward: only that ward can do this")

  public static let open = Condition(
    .refused, "開設されていない避難所です。先に開設してください", "the shelter is not open: open it first"
  ) { record, _ in isOpen(record) }

  public static func isOpen(_ shelter: RowValues) -> Bool {
    [.open, .permanent].contains(shelter[Shelter.status])
  }

  /// When somebody last told how a shelter is: when it was seen, and not when it came, since a tablet brings what it kept much
  /// later. Of one that has told nothing yet, when its record was written.
  public static func lastTold(_ shelter: RowValues) -> Instant? {
    [shelter[Shelter.countedAt], shelter[Shelter.changedAt], shelter[Shelter.openedAt]].compactMap(\.self).max()
      ?? shelter.written?.at
  }

  /// - Throws: when a shelter that a form names is another ward's, or there is none.
  @discardableResult
  public static func mustBeOwn(_ shelter: RowID, _ field: String, _ desk: Desk) throws -> RowValues {
    let values = try desk.find(shelter, in: records, field)
    guard values[Shelter.ward] == desk.ward else {
      throw Fault.refused(field, ja: "他区の避難所です", en: "a shelter of another ward")
    }
    return values
  }

  // MARK: Forms

  private static let facts = [
    Shelter.kana.asked, Shelter.address.asked, Shelter.latitude.asked, Shelter.longitude.asked, Shelter.phone.asked,
    Shelter.capacity.asked, Shelter.facility.asked, Shelter.area.asked, Shelter.toilets.asked, Shelter.remarks.asked,
    Shelter.status.asked, Shelter.crowding.asked,
  ]
  /// What adds up with what others say at the same time.
  static let changes = [
    FormField("occupancyChange", .integer(-100_000...100_000), ja: "増減", en: "Came or went"),
    FormField("addNeeds", .list(.text(60), 100), ja: "必要な物を加える", en: "Needs also"),
    FormField("removeNeeds", .list(.text(60), 100), ja: "足りた物を外す", en: "Needs no longer"),
    FormField("note", .text(2_000), ja: "記録", en: "Note"),
  ]

  static func changes(_ given: Submission) -> [FieldEdit] {
    var edits: [FieldEdit] = []
    if let change = given.integer("occupancyChange"), change != 0 {
      edits.append(Shelter.occupancy.increment(by: change))
    }
    edits += given.texts("addNeeds").map(Shelter.needs.add) + given.texts("removeNeeds").map(Shelter.needs.remove)
    if let note = given.text("note") { edits.append(Shelter.notes.append(note)) }
    return edits
  }

  private static let actions = [
    Action(
      "addShelter", .new, records, "避難所を登録する", "Enter a shelter", for: .relief,
      takes: [Shelter.name.needed, Shelter.ward.asked] + facts + changes,
      stamps: [.ward(Shelter.ward), .set(Shelter.source, "手入力")]
    ) { desk, _, edits in
      guard desk.inquiry.user.shelter == nil else {
        throw Fault(.forbidden, ja: "避難所の登録は災害対策本部に頼んでください", en: "ask the headquarters to enter a shelter")
      }
      guard desk.given.text("ward").map({ $0 == desk.ward }) ?? true else {
        throw Fault(
          .forbidden, field: "ward", ja: "他区の避難所は、その区が登録します",
          en: "another ward's shelters are that ward's to enter")
      }
      edits.removeAll { $0.field == Shelter.ward.number }
      if desk.given.text("status") == nil { edits.append(Shelter.status.set(.notOpen)) }
      edits += try ShelterClosing.edits(nil, desk) + changes(desk.given)
    }.often(5),
    // Of another ward's shelter, what its law leaves open to those who pass by.
    Action(
      "changeShelter", .change, records, "避難所の記録を変える", "Change a shelter", for: .relief,
      takes: [Shelter.name.asked] + facts + changes
    ) { desk, record, edits in
      for field in [Shelter.name.asked, Shelter.status.asked]
      where desk.given.has(field.name) && desk.given.text(field.name) == nil {
        throw Fault.badValue(field.name, ja: "\(field.japanese)は空にできません", en: "must not be empty")
      }
      edits += try ShelterClosing.edits(record, desk) + changes(desk.given)
      let tells: Set<UInt32> = [Shelter.crowding.number, Shelter.occupancy.number, Shelter.needs.number]
      if let record, edits.contains(where: { tells.contains($0.field) }) { edits += told(record, desk) }
    },
    Action(
      "openShelter", .step("opening"), records, "開設する", "Open the shelter", for: .relief,
      takes: [Shelter.area.asked, Shelter.toilets.asked, Shelter.staff.asked, changes[3]], when: [own]
    ) { desk, record, edits in
      if let record, !isOpen(record) {
        edits += [Shelter.status.set(.open), Shelter.openedAt.set(desk.enteredAt), Shelter.closedAt.set(nil)]
      }
      edits += changes(desk.given)
      guard !edits.isEmpty else { throw Fault.refused("id", ja: "すでに開設されています", en: "is open already") }
    }.often(4),
    tellState, countHeads,
  ]

  // MARK: What no list of values says

  private static let endpoints: [Endpoint] = [
    ShelterSearch.endpoint, ShelterClosing.endpoint,
    .read(
      "shelter", "/shelters/{id}", "避難所", "Shelter", for: .staff, "A shelter, with its newest notes.", of: records,
      answers: .row(
        records,
        and: HeadCount.members + [
          .init(
            "notes",
            .objects(
              .members([
                .init("time", .time, "日時", "At"), .init("node", .text(20), "ノード", "Node"),
                .init("text", Shelter.notes.shape, "内容", "Text"),
              ])), "記録", "Notes"), .init("noteCount", .integer(Numbers.any), "記録の数", "How many notes there are"),
        ])
    ) { look in
      guard let row = look.inquiry.row, let record = try RowValues.fetch(row, records, look.db) else {
        throw Fault.notFound("id")
      }
      var members = try look.view(record, records)
      members.merge(try HeadCount.of(row, ward: look.ward, look.db).json) { $1 }
      members["notes"] = try ShelterSearch.notes(row, look)
      members["noteCount"] = JSON(record.integer(Shelter.notes.schema.name))
      return .object(members)
    },
    .write(
      "deleteShelter", "/shelters/{id}", "避難所を消す", "Delete a shelter", for: .command,
      "A shelter that was entered wrongly, and holds nobody, goes. Who edits it at the same time brings it back, marked.",
      method: .delete, of: records, when: [own],
      warning: Words("この避難所の記録が、すべての区の画面から消えます。", "The shelter goes from every ward's pages."),
      answers: .nothing
    ) { desk in
      let (row, _) = try desk.subject(records)
      try ShelterClosing.mustBeEmpty(row, "id", desk)
      var draft = records.draft()
      draft.delete(records, row)
      return Written([draft], about: [row]) { _ in .null }
    },
    .write(
      "reportShelter", "/shelters/{id}/reports", "日報を出す", "Daily report", for: .relief, "A shelter's daily report.",
      ShelterReport.form, of: records, when: [own], makes: true, answers: .row(ShelterReport.records)
    ) { desk in
      let tomorrow = JapaneseDay.text(desk.now.advanced(byMilliseconds: 86_400_000))
      guard let day = desk.given.text("day"), day.utf8.count == 10 else {
        throw Fault.badValue("day", ja: "年月日まで入れてください", en: "a report is of one day: give year, month and day")
      }
      guard day <= tomorrow else {
        throw Fault.badValue("day", ja: "未来の日付です", en: "the day is in the future")
      }
      let (shelter, _) = try desk.subject(records)
      let row = try desk.newRow()
      var draft = ShelterReport.records.draft()
      draft.edit(
        ShelterReport.records, row,
        desk.given.edits(ShelterReport.form.map(\.name), of: ShelterReport.records) + [
          ShelterReport.shelter.set(shelter), ShelterReport.reportedAt.set(desk.enteredAt),
          ShelterReport.reportedBy.set(desk.inquiry.user.name), ShelterReport.ward.set(desk.ward),
        ])
      return Written([draft], about: [shelter]) { look in try look.answer(row, ShelterReport.records) }
    }.often(3).queued,
    .read(
      "shelterReports", "/shelters/{id}/reports", "日報", "Daily reports", for: .staff,
      "A shelter's daily reports, newest first.", Paging.fields(of: ShelterReport.records.name), of: records,
      answers: .rows("reports", ShelterReport.records, isPaged: true)
    ) { look in
      let page = try look.page(
        ShelterReport.records, where: "shelter = ?1", [look.inquiry.row!.rawValue], by: ["reported_at"],
        newestFirst: true)
      return page.answer("reports", try page.rows.map { .object(try look.view($0, ShelterReport.records)) })
    },
  ]

  public static let service = Service(
    "避難所", "Shelters", records: [records, ShelterReport.records], actions: actions, endpoints: endpoints,
    menu: ["shelters"])
}
