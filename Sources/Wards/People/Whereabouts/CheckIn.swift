import Causality
import ChangeModel
import Desk
import Foundation
import GRDB
import Places
import Replica

/// One evacuee's entry, with what the residents' register knows of whoever is named by ID.
enum CheckIn {
  static let person = [
    Stay.resident.asked, Stay.name.asked, Stay.kana.asked, Stay.birth.asked, Stay.ageGroup.asked, Stay.sex.asked,
    Stay.homeWard.asked, Stay.address.asked, Stay.phone.asked, Stay.party.asked, Stay.needs.asked,
    Stay.allergies.asked, Stay.language.asked, Stay.pets.asked,
  ]
  /// What a desk says whose reception is where people are counted.
  static let counted = FormField("counted", .flag, ja: "避難者数にも加える", en: "Count them in the head count too")
  /// As a family is written down: one surname, and a given name for each.
  static let family = [
    FormField("familyName", .text(60), ja: "氏", en: "Family name"),
    FormField("familyKana", .text(60), ja: "カナ(氏)", en: "Kana of the family name"),
  ]
  static let note = FormField("note", .text(1_000), ja: "記録", en: "Note")

  /// What a register that names a resident takes over from the residents' register, where the form says nothing.
  private static func known(_ given: Submission, _ desk: Desk) throws -> [(Field<String>, String)] {
    guard let resident = given.row("resident") else { return [] }
    guard resident.made != nil, let ward = desk.inquiry.ward(of: resident) else {
      throw Fault.badValue("resident", ja: "住民の ID ではありません", en: "not a resident's ID")
    }
    let home = [(Stay.homeWard, ward)]
    guard let values = try desk.read({ try RowValues.fetch(resident, Resident.records, $0) }) else {
      guard ward != desk.ward else { throw Fault.notFound("resident") }
      return home
    }
    if ward != desk.ward {
      // Another ward's record is taken over only for a purpose that is in force, as it would be shown.
      let purposes = try desk.read { try Declarations.purposes($0, ward: desk.ward, at: desk.now) }
      guard let purpose = given.text("purpose"), purposes.contains(purpose) else { return home }
    }
    // Where somebody lives who must not be found, no shelter's register tells.
    let isHidden = values[Resident.guarded] == true && !Residents.protects(resident, desk.inquiry)
    func joined(_ fields: [Field<String>]) -> String { fields.compactMap { values[$0] }.joined(separator: " ") }
    let rest = [
      (Stay.birth, Resident.birth), (Stay.sex, Resident.sex), (Stay.address, Resident.address),
      (Stay.phone, Resident.phone), (Stay.language, Resident.language), (Stay.party, Resident.household),
    ]
    return home + [
      (Stay.name, joined([Resident.familyName, Resident.givenName])),
      (Stay.kana, joined([Resident.familyKana, Resident.givenKana])),
    ]
      + rest.filter { !isHidden || ![Stay.address.number, Stay.phone.number].contains($0.0.number) }
      .compactMap { own, registered in values[registered].map { (own, $0) } }
  }

  /// The shelter's head count, as many more or fewer; nothing where somebody has counted since it was entered, these people too.
  static func count(_ change: Int64, in shelter: RowID, _ desk: Desk) throws -> [Draft] {
    guard change != 0, let values = try desk.read({ try RowValues.fetch(shelter, Shelter.records, $0) }),
      values[Shelter.ward] == desk.ward, !Shelters.isCountedSince(values, desk)
    else { return [] }
    var draft = Shelter.records.draft()
    draft.edit(Shelter.records, shelter, Shelter.occupancy.change(by: change, desk))
    return [draft]
  }

  /// Adds an entry to a draft.
  ///
  /// - Returns: the new row.
  static func enter(_ given: Submission, in shelter: RowID, _ desk: Desk, _ draft: inout Draft) throws -> RowID {
    var given = given
    for (first, whole) in [("familyName", Stay.name), ("familyKana", Stay.kana)] {
      let parts = [given.text(first), given.text(whole.name)].compactMap { $0?.trimmingCharacters(in: .whitespaces) }
      if parts.count == 2 || given.text(first) != nil { given.values[whole.name] = .text(parts.joined(separator: " ")) }
    }
    for (field, text) in try known(given, desk) where given.text(field.name) == nil && !text.isEmpty {
      given.values[field.name] = .text(text)
    }
    guard given.text("name") != nil || given.text("kana") != nil || given.row("resident") != nil else {
      throw Fault.badValue("name", ja: "氏名・カナ・住民IDのどれかを入れてください", en: "give a name, kana or a resident's ID")
    }
    let arrived = given.integer("arrivedAt") ?? desk.enteredAt.milliseconds
    let row = try desk.newRow()
    let isGuarded =
      try given.flag("guarded")
      || desk.read { try Residents.isGuarded(given.row("resident"), of: desk.wardIndex, $0) }
    var edits = given.edits(person.map(\.name), of: Stay.records)
    if let name = given.text("name") { edits.append(Stay.nameKey.set(NameKey.of(name))) }
    if let kana = given.text("kana") { edits.append(Stay.kanaKey.set(NameKey.of(kana))) }
    edits += [
      Stay.shelter.set(shelter), Stay.enteredBy.set(desk.inquiry.user.name),
      Stay.arrivedAt.set(Instant(milliseconds: arrived)),
    ]
    if isGuarded { edits.append(Stay.guarded.set(true)) }
    if given.flag("counted") { edits.append(Stay.counted.set(true)) }
    if let note = given.text("note") { edits.append(Stay.notes.append(note)) }
    draft.edit(Stay.records, row, edits, for: Residents.audience(desk.wardIndex, guarded: isGuarded))
    return row
  }

  static let endpoint = Endpoint.write(
    "checkIn", Shelter.records.path + "/{id}/stays", "受付する", "Check in", for: .relief,
    "Enter an evacuee in the shelter's register.",
    person + family + [note, Stay.guarded.asked, Stay.arrivedAt.asked, counted, Purpose.field], of: Shelter.records,
    when: [Shelters.own, Shelters.open], makes: true, answers: .row(Stay.records, and: Stays.membersWithDoubles)
  ) { desk in
    let (shelter, _) = try desk.subject(Shelter.records)
    var draft = Stay.records.draft()
    let row = try enter(desk.given, in: shelter, desk, &draft)
    let count = try count(desk.given.flag("counted") ? 1 : 0, in: shelter, desk)
    return Written([draft] + count, about: [row] + [desk.given.row("resident")].compactMap(\.self)) { look in
      try Stays.answer(row, &look)
    }
  }.often(26).queued
}
