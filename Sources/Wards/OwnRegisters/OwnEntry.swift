import Causality
import ChangeModel
import Desk
import Foundation
import GRDB
import People
import Replica
import Sodium

/// 台帳の記録: one row an observation or a thing. Each value is a register of its own, in the slot that its version says: two clerks
/// who write at once are told of that value alone.
public enum OwnEntry {
  static let version = Field.row(1, "version", of: "own_registers", "台帳", "Register")
  static let latitude = Field.number(2, "latitude", Numbers.latitudes, "緯度", "Latitude")
  static let longitude = Field.number(3, "longitude", Numbers.longitudes, "経度", "Longitude")
  static let observedAt = Field.time(4, "observed_at", "確認日時", "Seen at")
  static let note = Field.text(5, "note", 1_000, "備考", "Note")
  static let resident = Field.row(6, "resident", of: "residents", "本人", "Person")
  static let ward = Field.ward(7, of: .first, "区", "Ward")
  static let by = Field.user(8, "entered_by", "記録者", "Entered by").aside
  static let at = Field.time(9, "entered_at", "記録日時", "Entered at").aside
  static let closedAt = Field.time(10, "closed_at", "終了日時", "Closed at")
  /// The entry that this one goes on from, under a newer version of the design.
  static let continues = Field.row(11, "continues", of: "any", "前の記録", "Goes on from").aside
  static let title = Field.text(12, "title", 200, "見出し", "Title")

  private static let slots = RegisterDesign.slots.map {
    Field.text(UInt32($0), "s\($0)", 1_000, "欄\($0)", "Slot \($0)")
  }

  /// Who of a ward enters anything; each register narrows it down (`OwnRegister.enteredBy`).
  static let writing = Access.desks

  private static func records(_ number: UInt32, _ name: String, _ lane: Lane, _ reader: Reader) -> Records {
    Records(
      number, name, "独自の台帳の記録", "Entry of an own register", lane: lane, law: .keptByWard(open: []), reader: reader,
      fields: [title, version, observedAt, ward, note, closedAt, by, at, latitude, longitude, continues]
        + (reader.isPersonal ? [resident] : []) + slots, title: [title],
      states: [.has(closedAt, "closed", "終了", "closed", .ended), .otherwise("open", "記録", "entry", .underWay)],
      place: Place(latitude, longitude), indexes: [[version]], takesMoving: reader.isPersonal)
  }

  /// By the kind of their register.
  public static let all = [
    records(121, "own_entries_life", .life, .staff),
    records(122, "own_entries_life_personal", .life, .people(.people, .identity, of: resident)),
    records(159, "own_entries_supply", .supply, .staff), records(176, "own_entries_registry", .registry, .staff),
    records(177, "own_entries_registry_personal", .registry, .people(.people, .identity, of: resident)),
  ]

  static func records(of version: RowValues) throws -> Records {
    guard case .choice(let kinds) = OwnRegister.kind.shape,
      let kind = kinds.first(where: { $0.word == version[OwnRegister.kind] }),
      let records = all.first(where: { $0.name == kind.code })
    else { throw Fault.refused("id", ja: "何の台帳か分かりません", en: "the register's kind is unknown") }
    return records
  }

  static func slot(_ number: Int) -> Field<String> { slots[number - RegisterDesign.slots.lowerBound] }

  // MARK: What a form gives

  /// The head of every entry: where, when, of whom, and what else.
  private static let heads: [FormField] = [
    observedAt.asked, latitude.asked, longitude.asked, note.asked, resident.asked,
  ]
  private static let values = FormField("values", .text(40_000), ja: "項目の値(JSON)", en: "Values, a JSON object")
  private static let shown = FormField(
    "shown", .text(40_000), ja: "開いたときの値(JSON)", en: "Values as they were shown, a JSON object")
  private static let entry = FormField("entry", .row("any"), required: true, ja: "記録", en: "Entry")

  /// Texts by slot, each as its field admits it.
  ///
  /// - Parameter isWhole: whether what has to be given must be there.
  static func read(_ given: JSON, _ design: RegisterDesign, isWhole: Bool, _ inquiry: Inquiry) throws -> [Int: String?]
  {
    let fields = design.asked.map { field -> FormField in
      var asked = field.asked()
      asked.isRequired = field.isNeeded && isWhole
      return asked
    }
    let read = try Form(fields).read(given, in: inquiry.identity.federation)
    var texts: [Int: String?] = [:]
    for field in design.asked where read.has(field.name) {
      texts[field.slot] = OwnItems.Kind.kept(read.values[field.name] ?? .null)
    }
    return texts
  }

  private static func given(_ desk: Desk) throws -> JSON {
    try JSON.decode([UInt8]((desk.given.text("values") ?? "{}").utf8))
  }

  private static func audience(_ records: Records, _ person: RowID?, _ desk: Desk) throws -> Audience? {
    guard records.isPersonal else { return nil }
    return try Residents.audience(of: person, desk)
  }

  /// What the first of its texts says; what a page calls the entry.
  static func title(_ texts: [Int: String?], _ design: RegisterDesign, _ name: String?) -> String? {
    let first = design.fields.first { [.text, .choice].contains($0.kind) && texts[$0.slot] ?? nil != nil }
    return first.flatMap { texts[$0.slot] ?? nil }.map { String($0.prefix(200)) } ?? name
  }

  private static func register(_ desk: Desk) throws -> (version: RowValues, design: RegisterDesign, records: Records) {
    let version = try desk.subject(OwnRegister.records).values
    try OwnRegister.mustMayEnter(version, desk)
    let records = try records(of: version)
    guard records.reader.access.admits(desk.inquiry.user.roles) else {
      throw Fault(.forbidden, field: "id", ja: "人の台帳に記録できるのは本部・避難所・福祉です", en: "of people, others enter")
    }
    return (version, try OwnRegister.design(of: version), records)
  }

  /// The edits of a new entry.
  static func edits(
    _ texts: [Int: String?], _ version: RowValues, _ design: RegisterDesign, _ desk: Desk
  ) -> [FieldEdit] {
    texts.sorted { $0.key < $1.key }.map { slot($0.key).set($0.value) } + [
      OwnEntry.version.set(version.id), title.set(title(texts, design, version[OwnRegister.ja])), ward.set(desk.ward),
      by.set(desk.inquiry.user.name), at.set(desk.enteredAt),
    ]
  }

  private static let enter = Endpoint.write(
    "enterOwnEntry", "/own-registers/{id}/entries", "台帳に記録する", "Make an entry", for: writing,
    "An entry of a ward's own register; `values` has the fields by their slots.", heads + [values],
    of: OwnRegister.records, when: OwnRegister.open, makes: true, answers: .members([saidID])
  ) { desk in
    let (version, design, records) = try register(desk)
    let texts = try read(try given(desk), design, isWhole: true, desk.inquiry)
    let person = desk.given.row("resident")
    if let person { _ = try desk.find(person, in: Resident.records, "resident") }
    guard person == nil || records.isPersonal else {
      throw Fault.badValue("resident", ja: "人の台帳ではありません", en: "no register of people")
    }
    let row = try desk.newRow()
    var edits = desk.given.edits(heads.map(\.name), of: records) + edits(texts, version, design, desk)
    if desk.given.integer("observedAt") == nil { edits.append(observedAt.set(desk.enteredAt)) }
    var draft = records.draft()
    draft.edit(records, row, edits, for: try audience(records, person, desk))
    return Written([draft], about: [row]) { _ in ["id": .text("\(row)")] }
  }

  /// The entry that a form names, which must be this ward's and of this register.
  private static func standing(_ desk: Desk) throws -> (RowValues, RowValues, RegisterDesign, Records) {
    let (version, design, records) = try register(desk)
    let entry = try desk.find(desk.given.row("entry")!, in: records, "entry")
    guard entry.id.ward == desk.wardIndex else {
      throw Fault(.forbidden, field: "entry", ja: "他区の記録です", en: "another ward's entry")
    }
    let all = try desk.read { try OwnRegister.versions(of: version, isShared: false, $0) }
    guard all.contains(where: { $0.id == entry[OwnEntry.version] }) else { throw Fault.notFound("entry") }
    guard entry[closedAt] == nil else {
      throw Fault.refused("entry", ja: "終了した記録です", en: "the entry is closed")
    }
    return (entry, version, design, records)
  }

  /// An entry is changed where it lies, by the version that it was made by. Only what that version has no field for makes it go on as a
  /// new entry, by the newer one: what stands in a slot never gets another meaning.
  private static let change = Endpoint.write(
    "changeOwnEntry", "/own-registers/{id}/entries/changes", "記録を直す", "Change an entry", for: writing,
    "Changes what is given of an entry. What its own version of the design has no field for makes it go on as a new one.",
    [entry] + heads.filter { $0.name != "resident" } + [values, shown], of: OwnRegister.records, when: OwnRegister.open,
    answers: .members([saidID])
  ) { desk in
    let (entry, version, design, records) = try standing(desk)
    let texts = try read(try given(desk), design, isWhole: false, desk.inquiry)
    let old = try desk.read { db in
      try entry[OwnEntry.version].flatMap { try RowValues.fetch($0, OwnRegister.records, db) }
    }
    guard let old else { throw Fault.notFound("entry") }
    let own = try OwnRegister.design(of: old)
    // What is given, by fields, whose keys are the same in all versions.
    let said = design.fields.compactMap { field in texts[field.slot].map { (field, $0) } }
    try mustNotOvertake(entry, own, said, desk)
    let heads = desk.given.edits(heads.map(\.name), of: records)
    let seen = desk.given.integer("observedAt") == nil ? [observedAt.set(desk.enteredAt)] : []
    let audience = try audience(records, records.isPersonal ? entry[resident] : nil, desk)
    var there: [Int: String?] = [:]
    for (field, text) in said {
      if let here = own.fields.first(where: { $0.key == field.key }) { there[here.slot] = .some(text) }
    }
    var draft = records.draft()
    guard there.count < said.count else {
      let all = kept(entry, own).merging(there) { $1 }
      draft.edit(
        records, entry.id,
        heads + seen + there.sorted { $0.key < $1.key }.map { slot($0.key).set($0.value) } + [
          title.set(title(all, own, old[OwnRegister.ja])), by.set(desk.inquiry.user.name), at.set(desk.enteredAt),
        ], for: audience)
      return Written([draft], about: [entry.id]) { _ in ["id": .text("\(entry.id)")] }
    }
    let all = try moved(entry, own, to: design).merging(texts) { $1 }
    let row = desk.derivedRow(["own entry", "\(entry.id)", "\(version.id)"])
    let left = Set(slots.map(\.schema.name)).union(["version", "title", "observed_at", "entered_by", "entered_at"])
    draft.edit(
      records, row,
      entry.copy(except: left) + heads + seen + edits(all, version, design, desk) + [continues.set(entry.id)],
      for: audience)
    draft.edit(records, entry.id, [closedAt.set(desk.enteredAt)], for: audience)
    return Written([draft], about: [row]) { _ in ["id": .text("\(row)")] }
  }

  private static func kept(_ entry: RowValues, _ design: RegisterDesign) -> [Int: String?] {
    Dictionary(uniqueKeysWithValues: design.fields.map { ($0.slot, entry[slot($0.slot)]) })
  }

  /// An entry's values where another version has them.
  ///
  /// - Throws: when something of it stands in a field that the other does not have.
  static func moved(_ entry: RowValues, _ old: RegisterDesign, to new: RegisterDesign) throws(Fault) -> [Int: String?] {
    var texts: [Int: String?] = [:]
    for field in old.fields {
      guard let text = entry[slot(field.slot)] else { continue }
      guard let there = new.fields.first(where: { $0.key == field.key }) else {
        throw .refused(
          "entry", ja: "この記録の「\(field.ja)」は今の設計にありません。先に二つの設計を合わせてください",
          en: "the design has no field \(field.en), which this entry says: join the two designs first")
      }
      texts[there.slot] = text
    }
    return texts
  }

  private static func mustNotOvertake(
    _ entry: RowValues, _ own: RegisterDesign, _ said: [(RegisterDesign.Field, String?)], _ desk: Desk
  ) throws {
    guard let shown = desk.given.text("shown") else { return }
    let was = try JSON.decode([UInt8](shown.utf8))
    for (field, new) in said {
      let here = own.fields.first { $0.key == field.key }.flatMap { entry[slot($0.slot)] }
      guard here != was[field.name].text, here != new else { continue }
      // What stands there is for whoever opens the page again: a refusal is in no trail.
      throw Fault(
        .changed, field: field.name, ja: "\(field.ja)は、この画面を開いた後に変えられています。開き直して確かめてください",
        en: "\(field.en) was changed after this page was opened: open it again")
    }
  }

  private static let close = Endpoint.write(
    "closeOwnEntry", "/own-registers/{id}/entries/closing", "記録を終える", "Close an entry", for: writing,
    "The entry is over; what was entered stays.", [entry], of: OwnRegister.records, when: OwnRegister.open,
    answers: .members([saidID])
  ) { desk in
    let (entry, _, _, records) = try standing(desk)
    var draft = records.draft()
    draft.edit(
      records, entry.id, [closedAt.set(desk.enteredAt)],
      for: try audience(records, records.isPersonal ? entry[resident] : nil, desk))
    return Written([draft], about: [entry.id]) { _ in ["id": .text("\(entry.id)")] }
  }

  static let saidID = Answer.Member("id", .row("any"), "番号", "Id").always
  static let endpoints = [enter, change, close]
}
