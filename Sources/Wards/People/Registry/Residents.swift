import Causality
import ChangeModel
import Desk
import Federation
import GRDB

/// The residents' register: each ward gives its own IDs, and alone can read who they are.
public enum Residents {
  private static let records = Resident.records

  /// Who somebody is, on every form that asks for it.
  private static let person = [
    Resident.familyName.asked, Resident.givenName.asked, Resident.familyKana.asked, Resident.givenKana.asked,
    Resident.birth.asked, Resident.sex.asked, Resident.address.asked, Resident.phone.asked, Resident.language.asked,
    Resident.kind.asked, Resident.household.asked,
  ]
  private static let note = FormField("note", .text(1_000), ja: "記録", en: "Note")

  public static func text(_ row: RowID, _ inquiry: Inquiry) -> String? {
    inquiry.ward(of: row).flatMap { ResidentID.text(row, wardCode: $0) }
  }

  // MARK: Who must not be found

  /// Whether somebody is one who must not be found, as far as this node knows. Of this ward's own IDs, one whose record is
  /// not here counts so: it was protected meanwhile, or has not come yet.
  public static func isGuarded(_ resident: RowID?, of ward: UInt32, _ db: Database) throws -> Bool {
    guard let resident else { return false }
    guard let values = try RowValues.fetch(resident, records, db) else { return resident.made?.author.ward == ward }
    return values[Resident.guarded] == true
  }

  /// For whom the own ward writes what it says of somebody; of nobody who is known, its own nodes.
  public static func audience(of resident: RowID?, _ desk: Desk) throws -> Audience {
    audience(desk.wardIndex, guarded: try desk.read { try isGuarded(resident, of: desk.wardIndex, $0) })
  }

  public static func audience(_ ward: UInt32, guarded: Bool) -> Audience {
    .ward(ward, guarded ? .protected : .identity)
  }

  /// Whether somebody must not be found, by the record that is here.
  public static func isProtected(_ resident: RowID, _ db: Database) throws -> Bool {
    try RowValues.fetch(resident, records, db)?[Resident.guarded] == true
  }

  /// Whether whoever asks may know of somebody: of who must not be found, those alone who protect that person; and who works at
  /// one shelter, of whoever is or was there.
  public static func mayReach(_ resident: RowID, _ inquiry: Inquiry, _ db: Database) throws -> Bool {
    guard try !isGuarded(resident, of: inquiry.wardIndex, db) || protects(resident, inquiry) else { return false }
    guard let shelter = inquiry.user.shelter else { return true }
    return try Bool.fetchOne(
      db, sql: "SELECT EXISTS (SELECT 1 FROM stays WHERE resident = ? AND shelter = ?)",
      arguments: [resident.rawValue, shelter.rawValue]) ?? false
  }

  /// Whether whoever asks protects a resident: the welfare desk of the ward that gave the ID.
  static func protects(_ resident: RowID, _ inquiry: Inquiry) -> Bool {
    inquiry.isOwn(resident) && inquiry.user.roles.contains(.welfare)
  }

  /// Whether whoever asks may have a record before them. Who must not be found is reached by those alone who protect that
  /// person, and by ID alone: no search tells of the record.
  static func mayReach(_ resident: RowValues, _ inquiry: Inquiry) -> Bool {
    resident[Resident.guarded] != true || protects(resident.id, inquiry)
  }

  /// The record that the path names; nil when it is not here, or not for whoever asks.
  static func reached(_ look: Look) throws -> RowValues? {
    guard let row = look.inquiry.row, let resident = try RowValues.fetch(row, records, look.db),
      try look.maySee(resident, records)
    else { return nil }
    return resident
  }

  static let foreign = Words(
    "他区の住民の登録は変えられません。安否の報告や避難者の登録はできます",
    "another ward's resident cannot be changed here; reporting on the person can")

  /// What must hold of a resident whose record is changed: another ward's can be seen, not changed.
  static let ours = [
    Condition.ownRow(foreign.ja, foreign.en),
    Condition(.notFound, "見つかりません: id", "not found: id") { mayReach($0, $1) },
  ]

  /// The resident that the path names, with whom the record is for.
  static func subject(_ desk: Desk) throws -> (row: RowID, values: RowValues, audience: Audience) {
    let (row, values) = try desk.subject(records)
    return (row, values, audience(desk.wardIndex, guarded: values[Resident.guarded] == true))
  }

  // MARK: Answers

  private static let hidden = Shown.columns(
    Resident.nameKey, Resident.kanaKey, Resident.addressKey, Resident.notes, Resident.guarded, Resident.familyOf)
  private static let hiddenOfDisclosures = Shown.columns(
    Disclosure.nameKey, Disclosure.kanaKey, Disclosure.resident, Disclosure.consent)

  /// What an answer holds of a resident besides columns: with what only a disclosure has.
  static let members =
    [
      Shown.residentID, Shown.ward,
      Answer.Member("disclosed", .flag, "本人の同意による提供", "Shown with the resident's consent"),
    ] + [Disclosure.name, Disclosure.kana, Disclosure.assistance].map(Shown.column) + [Shown.column(Disclosure.until)]

  /// What a program sees of a resident.
  public static func view(_ resident: RowValues, _ look: inout Look) throws -> JSON {
    var members = try look.view(resident, records, hiding: hidden)
    members["residentId"] = JSON(text(resident.id, look.inquiry))
    members["ward"] = JSON(look.inquiry.ward(of: resident.id))
    if resident[Resident.guarded] == true { members["guarded"] = true }
    return .object(members)
  }

  /// The same of one whom this ward sees because the resident agreed.
  static func disclosed(_ told: RowValues, _ look: inout Look) -> JSON {
    let resident = told[Disclosure.resident] ?? RowID(rawValue: 0)
    var members = look.show(told, hiding: hiddenOfDisclosures, of: resident)
    look.agreed(resident)
    members["id"] = .text("\(resident)")
    members["residentId"] = JSON(text(resident, look.inquiry))
    members["ward"] = JSON(look.inquiry.ward(of: resident))
    members["disclosed"] = true
    return .object(members)
  }

  static func disclosures(of resident: RowID, _ db: Database) throws -> [RowValues] {
    try RowValues.all(Disclosure.records, "WHERE resident = ? ORDER BY id", [resident.rawValue], db)
  }

  private static func answer(_ row: RowID, _ look: inout Look) throws -> JSON {
    guard let resident = try RowValues.fetch(row, records, look.db) else { throw Fault.notFound("id") }
    return try view(resident, &look)
  }

  // MARK: Entering and changing

  /// The keys that follow from a name and an address, where the form changes them.
  private static func keys(_ given: Submission, _ known: RowValues?) -> [FieldEdit] {
    func key(
      _ field: Field<String>, of parts: [Field<String>], _ fold: (String) -> String
    ) -> [FieldEdit] {
      guard parts.contains(where: { given.has($0.name) }) else { return [] }
      let whole = parts.map { given.has($0.name) ? given.text($0.name) ?? "" : known?[$0] ?? "" }.joined()
      return [field.set(fold(whole))]
    }
    return key(Resident.nameKey, of: [Resident.familyName, Resident.givenName], NameKey.of)
      + key(Resident.kanaKey, of: [Resident.familyKana, Resident.givenKana], NameKey.of)
      + key(Resident.addressKey, of: [Resident.address], NameKey.ofAddress)
  }

  private static func edits(_ given: Submission, _ known: RowValues?) -> [FieldEdit] {
    given.edits(person.map(\.name), of: records) + keys(given, known)
      + (given.text("note").map { [Resident.notes.append($0)] } ?? [])
  }

  private static let register = Endpoint.write(
    "registerResident", records.path, "住民を登録する", "Register a resident", for: .people,
    "Give a resident of this ward an ID.", person + [note, Resident.guarded.asked], makes: true,
    answers: .row(records, and: members)
  ) { desk in
    let names = [Resident.familyName, Resident.givenName, Resident.familyKana, Resident.givenKana]
    guard names.contains(where: { desk.given.text($0.name) != nil }) else {
      throw Fault.badValue("familyName", ja: "氏名かカナを入れてください", en: "a name, in characters or kana, is required")
    }
    let row = try desk.newRow()
    let isGuarded = desk.given.flag("guarded")
    var edits = edits(desk.given, nil)
    if !desk.given.has("kind") { edits.append(Resident.kind.set(.resident)) }
    if isGuarded { edits.append(Resident.guarded.set(true)) }
    var draft = records.draft()
    draft.edit(records, row, edits, for: audience(desk.wardIndex, guarded: isGuarded))
    return Written([draft], about: [row]) { look in try answer(row, &look) }
  }.often(7)

  private static let change = Endpoint.write(
    "changeResident", records.path + "/{id}", "住民の記録を変える", "Change a resident", for: .people,
    "Change a resident of this ward.", person + [note], method: .patch, of: records, when: ours,
    answers: .row(records, and: members)
  ) { desk in
    let (row, values, audience) = try subject(desk)
    let edits = edits(desk.given, values)
    guard !edits.isEmpty else { throw Fault.badValue("", ja: "変更する項目がありません", en: "nothing to change") }
    var draft = records.draft()
    draft.edit(records, row, edits, for: audience)
    return Written([draft], about: [row]) { look in try answer(row, &look) }
  }

  private static let one = Endpoint.read(
    "resident", records.path + "/{id}", "住民", "Resident", for: .people,
    "One resident, if this node may read the record.", [Purpose.field], of: records,
    answers: .row(records, and: members)
  ) { look in
    let row = look.inquiry.row!
    if let resident = try RowValues.fetch(row, records, look.db) {
      guard try look.maySee(resident, records) else { throw Fault.notFound("id") }
      return try view(resident, &look)
    }
    // What the resident let this ward see.
    guard look.inquiry.user.shelter == nil,
      let told = try RowValues.all(
        Disclosure.records, "WHERE resident = ? AND coalesce(until, 9e15) > ? ORDER BY id DESC LIMIT 1",
        [row.rawValue, look.now.milliseconds], look.db
      ).first
    else { throw Fault.notFound("id") }
    return disclosed(told, &look)
  }

  public static let service = Service(
    "住民", "Residents", records: [records, AssistancePlan.records, IdentityLink.records],
    endpoints: [ResidentSearch.endpoint, register, one, change, Protection.endpoint] + AssistancePlans.endpoints
      + Identities.endpoints, menu: ["searchResidents", "registerResident"], indexes: [ResidentSearch.index])
}
