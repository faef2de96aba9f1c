import Causality
import ChangeModel
import Desk

/// How a shelter is at this moment: its crowding, what it needs, how many are there. What a tablet kept while its node was out
/// of reach tells of an earlier moment: it takes its place in the notes and does not undo what somebody saw since.
extension Shelters {
  static let tellState = Action(
    "tellState", .step("state"), records, "混雑・必要な物を伝える", "Crowding and needs", for: .relief,
    takes: [
      Shelter.crowding.asked, FormField("needs", .text(60), ja: "必要な物を加える", en: "Needs also"),
      FormField("needsNot", .text(60), ja: "足りた物を外す", en: "Needs no longer"), changes[3],
    ], when: [own], beside: [Answer.Member.told]
  ) { desk, record, edits in
    edits.removeAll { $0.field == Shelter.needs.number }
    if let crowding = desk.given.text("crowding"), try desk.isOutdated(Shelter.crowding, record!) {
      edits.removeAll { $0.field == Shelter.crowding.number }
      edits.append(note("混雑: \(crowding)", desk))
      desk.tell(
        ja: "混雑は、その後に伝えられたものを残しました。これは記録に加えました",
        en: "the crowding told since then stands; this is kept in the notes")
    }
    if let need = desk.given.text("needs") { edits.append(Shelter.needs.add(need)) }
    if let need = desk.given.text("needsNot") { edits.append(Shelter.needs.remove(need)) }
    edits += changes(desk.given) + told(record!, desk)
  }.queued

  /// That somebody told how a shelter is: when it was seen, unless something newer was told already.
  static func told(_ record: RowValues, _ desk: Desk) -> [FieldEdit] {
    let known = [record[Shelter.changedAt], record[Shelter.countedAt]].compactMap(\.self).max()
    return known.map { $0 >= desk.enteredAt } ?? false ? [] : [Shelter.changedAt.set(desk.enteredAt)]
  }

  static let countHeads = Action(
    "countHeads", .step("headcount"), records, "避難者数を報告する", "Report the head count", for: .relief,
    takes: [
      FormField("people", .integer(Numbers.people), ja: "数えた人数", en: "People counted"),
      FormField("change", .integer(-10_000...10_000), ja: "増減", en: "Came or went"),
    ], when: [own], beside: [Answer.Member.told]
  ) { desk, record, edits in
    let counted = record.flatMap { values in values[Shelter.countedAt].map { (values[Shelter.counted] ?? 0, $0) } }
    // Whoever counted after that has counted these people too.
    let later = desk.inquiry.isLate ? counted.flatMap { $0.1 > desk.enteredAt ? $0 : nil } : nil
    switch (desk.given.integer("people"), desk.given.integer("change")) {
    case (let people?, nil):
      guard let later else {
        edits += try Shelter.occupancy.count(people, record!.id, records, desk)
        return
      }
      edits.append(note("数えた人数: \(people)人", desk))
      tell(later, desk)
    case (nil, let change?) where change != 0:
      guard let later else {
        edits += Shelter.occupancy.change(by: change, desk)
        return
      }
      edits.append(note("増減: \(change > 0 ? "+" : "")\(change)人", desk))
      tell(later, desk)
    case (_?, _?):
      throw Fault.badValue("change", ja: "数えた人数と増減の一方だけを入れてください", en: "give one of the two")
    default:
      throw Fault.badValue("people", ja: "数えた人数か増減を入れてください", en: "give the people counted, or the change")
    }
  }.often(10).queued

  /// Whether somebody counted after what is entered late was entered: these people too.
  public static func isCountedSince(_ shelter: RowValues, _ desk: Desk) -> Bool {
    desk.inquiry.isLate && shelter[Shelter.countedAt].map { $0 > desk.enteredAt } ?? false
  }

  private static func tell(_ later: (people: Int64, at: Instant), _ desk: Desk) {
    let (entered, counted) = (JapaneseDay.time(desk.enteredAt), JapaneseDay.time(later.at))
    desk.tell(
      ja: "\(counted) に数え直した \(later.people)人 を残しました。これ(\(entered) に入力)は記録に加えました",
      en: "the count of \(later.people) at \(counted) stands; this, entered at \(entered), is kept in the notes")
  }

  /// Who entered it is in the audit trail: every ward reads a shelter's notes.
  private static func note(_ text: String, _ desk: Desk) -> FieldEdit {
    Shelter.notes.append(
      "\(text) (\(JapaneseDay.time(desk.enteredAt)) に入力、後から届いた)")
  }
}
