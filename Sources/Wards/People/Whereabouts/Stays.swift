import Causality
import ChangeModel
import Desk
import GRDB
import Places
import Replica
import Sodium

/// The evacuees' register of a shelter: in, out, on to another, and each person counted once.
public enum Stays {
  static let schema = PeopleSchema.stays

  private static let person = [
    FormField("resident", .row("residents"), ja: "住民ID", en: "Resident"),
    FormField("name", .text(120), ja: "氏名", en: "Name"),
    FormField("kana", .text(120), ja: "カナ", en: "Kana"),
    FormField("birth", .date, ja: "生年月日", en: "Date of birth"),
    FormField("ageGroup", .choice(ShelterWork.ages), ja: "年齢区分", en: "Age group"),
    FormField("sex", .choice(Residents.sexes), ja: "性別", en: "Sex"),
    FormField("homeWard", .ward, ja: "住所地の区", en: "Home ward"),
    FormField("address", .text(200), ja: "住所", en: "Address"),
    FormField("phone", .text(40), ja: "電話番号", en: "Phone"),
    FormField("party", .text(60), ja: "世帯", en: "Household"),
    FormField("needs", .list(.choice(ShelterWork.needs), 20), ja: "配慮", en: "Needs"),
    FormField("allergies", .list(.text(60), 30), ja: "アレルギー", en: "Allergies"),
    FormField("language", .text(40), ja: "使用言語", en: "Language"),
    FormField("pets", .integer(0...100), ja: "ペット数", en: "Pets"),
  ]

  private static let paging = [
    FormField("limit", .integer(1...500), ja: "件数", en: "How many at most"),
    FormField("after", .row("stays"), ja: "この行の次から", en: "`next` of the page before"),
  ]

  private static func page(_ rows: [RowValues], _ limit: Int, _ inquiry: Inquiry) -> Seen {
    var members: [String: JSON] = ["stays": .list(rows.map { view($0, inquiry) })]
    if rows.count == limit, let last = rows.last { members["next"] = .text("\(last.id)") }
    return Seen(.object(members), subjects: rows.map(\.id).filter { !inquiry.isOwn($0) })
  }

  private static let note = FormField("note", .text(1_000), ja: "記録", en: "Note")

  private static func key(_ column: String, _ text: String?) -> [FieldEdit] {
    guard let text else { return [] }
    let key = NameKey.of(text)
    return [FieldEdit(schema.field(named: column)!.number, .set(key.isEmpty ? .null : .text(key)))]
  }

  /// The stay that the path names, entered by this ward, with its audience.
  private static func own(_ desk: Desk) throws -> (row: RowID, values: RowValues, audience: Audience) {
    let (row, values) = try desk.subject(schema)
    guard desk.inquiry.isOwn(row) else {
      throw Fault(
        .forbidden, field: "id", ja: "他区の避難者名簿です。その区に連絡してください", en: "of another ward's register; tell that ward")
    }
    return (row, values, .ward(desk.wardIndex, values.integer("guarded") == 1 ? .protected : .identity))
  }

  static func view(_ values: RowValues, _ inquiry: Inquiry) -> JSON {
    var members = values.json(hiding: ["name_key", "kana_key", "notes", "guarded"])
    members["ward"] = JSON(inquiry.ward(of: values.id))
    members["residentId"] = JSON(values.row("resident").flatMap { Residents.text($0, inquiry) })
    if values.integer("guarded") == 1 { members["guarded"] = true }
    return .object(members)
  }

  static func answer(_ row: RowID, _ inquiry: Inquiry) -> (Database) throws -> JSON {
    { db in
      guard let values = try RowValues.fetch(row, schema, db), case .object(var members) = view(values, inquiry) else {
        throw Fault.notFound("id")
      }
      members["doubles"] = .list(try doubles(of: values, db).map { try $0.json(inquiry, db, hidesForeign: true) })
      return .object(members)
    }
  }

  /// What a register that names a resident takes over from the residents' register, where the form says nothing.
  private static func known(_ given: Submission, _ desk: Desk) throws -> [String: String] {
    guard let resident = given.row("resident") else { return [:] }
    guard resident.made != nil, let ward = desk.inquiry.ward(of: resident) else {
      throw Fault.badValue("resident", ja: "住民の ID ではありません", en: "not a resident's ID")
    }
    var known = ["homeWard": ward]
    guard let values = try desk.read({ try RowValues.fetch(resident, RegistrySchema.residents, $0) }) else {
      guard ward != desk.ward else { throw Fault.notFound("resident") }
      return known
    }
    if ward != desk.ward {
      // Another ward's record is taken over only for a purpose that is in force, as it would be shown.
      let purposes = try desk.read { try Declarations.purposes($0, ward: desk.ward, at: desk.now) }
      guard let purpose = given.text("purpose"), purposes.contains(purpose) else { return known }
    }
    known["name"] = [values.text("family_name"), values.text("given_name")].compactMap(\.self).joined(separator: " ")
    known["kana"] = [values.text("family_kana"), values.text("given_kana")].compactMap(\.self).joined(separator: " ")
    for name in ["birth", "sex", "address", "phone", "language"] { known[name] = values.text(name) }
    known["party"] = values.text("household")
    return known
  }

  /// One evacuee's entry, with what the residents' register knows of whoever is named by ID.
  static func enter(_ given: Submission, in shelter: RowID, _ desk: Desk, _ draft: inout Draft) throws -> RowID {
    var given = given
    for (name, text) in try known(given, desk) where given.text(name) == nil && !text.isEmpty {
      given.values[name] = .text(text)
    }
    guard given.text("name") != nil || given.text("kana") != nil || given.row("resident") != nil else {
      throw Fault.badValue("name", ja: "氏名・カナ・住民IDのどれかを入れてください", en: "give a name, kana or a resident's ID")
    }
    let arrived = given.integer("arrivedAt") ?? desk.now.milliseconds
    guard arrived <= desk.now.milliseconds + 60_000 else {
      throw Fault.badValue("arrivedAt", ja: "入所日時が未来です", en: "is in the future")
    }
    let row = try desk.newRow()
    let isGuarded =
      try given.flag("guarded")
      || desk.read { try Residents.isGuarded(given.row("resident"), of: desk.wardIndex, $0) }
    var edits = given.edits(person.map(\.name), of: schema)
    edits += key("name_key", given.text("name")) + key("kana_key", given.text("kana"))
    edits += [
      FieldEdit(1, .set(.integer(shelter.rawValue))), FieldEdit(20, .set(.text(desk.inquiry.user.name))),
      FieldEdit(16, .set(.integer(arrived))),
    ]
    if isGuarded { edits.append(FieldEdit(21, .set(.integer(1)))) }
    if let note = given.text("note") { edits.append(FieldEdit(22, .append(.text(note)))) }
    draft.edit(schema, row, edits, for: .ward(desk.wardIndex, isGuarded ? .protected : .identity))
    return row
  }

  public static let endpoints: [Endpoint] = [
    .write(
      "checkIn", "/shelters/{id}/stays", "Enter an evacuee in the shelter's register.",
      person + [
        note, FormField("guarded", .flag, ja: "所在を知らせない", en: "Not to be found"),
        FormField("arrivedAt", .time, ja: "入所日時", en: "Arrived at"), Purpose.field,
      ], of: "shelters", makes: true
    ) { desk in
      let (shelter, place) = try ShelterWork.own(desk)
      guard ShelterWork.isOpen(place) else { throw ShelterWork.notOpen }
      var draft = Draft(.life)
      let row = try enter(desk.given, in: shelter, desk, &draft)
      return Written(
        [draft], about: [row] + [desk.given.row("resident")].compactMap(\.self), answer: answer(row, desk.inquiry))
    },
    .write(
      "changeStay", "/stays/{id}", "Change an entry of the register.", person + [note], method: .patch, of: "stays"
    ) {
      desk in
      let (row, values, audience) = try own(desk)
      var edits = desk.given.edits(
        person.map(\.name), of: schema,
        standing: ["needs": values.texts("needs"), "allergies": values.texts("allergies")])
      guard
        try values.integer("guarded") == 1
          || !desk.read({ try Residents.isGuarded(desk.given.row("resident"), of: desk.wardIndex, $0) })
      else {
        throw Fault.refused(
          "resident", ja: "所在を知らせない人です。退所させ、新しく入所を受け付けてください",
          en: "must not be found: check this entry out and check in anew")
      }
      if desk.given.has("name") { edits += key("name_key", desk.given.text("name") ?? "") }
      if desk.given.has("kana") { edits += key("kana_key", desk.given.text("kana") ?? "") }
      if let note = desk.given.text("note") { edits.append(FieldEdit(22, .append(.text(note)))) }
      guard !edits.isEmpty else { throw Fault.badValue("", ja: "変更する項目がありません", en: "nothing to change") }
      var draft = Draft(.life)
      draft.edit(schema, row, edits, for: audience)
      return Written([draft], about: [row], answer: answer(row, desk.inquiry))
    },
    .write(
      "checkOut", "/stays/{id}/departure", "An evacuee leaves.",
      [
        FormField("leftFor", .text(200), ja: "退所先", en: "Left for"),
        FormField("leftAt", .time, ja: "退所日時", en: "Left at"),
      ], of: "stays"
    ) { desk in
      let (row, values, audience) = try own(desk)
      guard values.integer("left_at") == nil else {
        throw Fault.refused("id", ja: "すでに退所しています", en: "has left already")
      }
      // A clock that is behind the one that checked in must not keep anybody from leaving.
      let arrived = values.integer("arrived_at") ?? 0
      let left = desk.given.integer("leftAt") ?? max(desk.now.milliseconds, arrived)
      guard left >= arrived, !desk.given.has("leftAt") || left <= desk.now.milliseconds + 60_000 else {
        throw Fault.badValue("leftAt", ja: "入所より前か、未来の日時です", en: "is before the arrival, or in the future")
      }
      var draft = Draft(.life)
      draft.edit(
        schema, row,
        desk.given.edits(["leftFor"], of: schema) + [FieldEdit(17, .set(.integer(left)))], for: audience)
      return Written([draft], about: [row], answer: answer(row, desk.inquiry))
    },
    .write(
      "moveStay", "/stays/{id}/move",
      "An evacuee moves to another shelter of this ward: out of one and into the other at once.",
      [FormField("shelter", .row("shelters"), required: true, ja: "移動先の避難所", en: "New shelter")], of: "stays"
    ) { desk in
      let (row, values, audience) = try own(desk)
      guard values.integer("left_at") == nil else {
        throw Fault.refused("id", ja: "すでに退所しています", en: "has left already")
      }
      let shelter = desk.given.row("shelter")!
      let target = try desk.find(shelter, in: ShelterSchema.shelters, "shelter")
      guard target.text("ward") == desk.ward else {
        throw Fault.refused(
          "shelter", ja: "他区の避難所です。退所として記録し、移動先の区で入所を受け付けてもらってください",
          en: "a shelter of another ward: check out here, and let that ward check in")
      }
      guard shelter != values.row("shelter") else {
        throw Fault.badValue("shelter", ja: "同じ避難所です", en: "is the same shelter")
      }
      let new = try desk.newRow()
      var copy = values.copy(
        except: ["shelter", "arrived_at", "left_at", "left_for", "moved_from", "entered_by"])
      copy += [
        FieldEdit(1, .set(.integer(shelter.rawValue))), FieldEdit(16, .set(.integer(desk.now.milliseconds))),
        FieldEdit(19, .set(.integer(row.rawValue))), FieldEdit(20, .set(.text(desk.inquiry.user.name))),
      ]
      var draft = Draft(.life)
      draft.edit(
        schema, row,
        [
          FieldEdit(17, .set(.integer(desk.now.milliseconds))),
          FieldEdit(18, .set(.text(target.text("name") ?? "避難所"))),
        ], for: audience)
      draft.edit(schema, new, copy, for: audience)
      return Written([draft], about: [row, new], answer: answer(new, desk.inquiry))
    },
    .read(
      "stays", "/shelters/{id}/stays", "Who is in a shelter, as far as this node may read.",
      [FormField("all", .flag, ja: "退所者も", en: "Those who left too")] + paging + [Purpose.field], of: "shelters"
    ) { inquiry, db in
      try inquiry.user.mustWork(at: inquiry.row)
      let limit = inquiry.given.int("limit") ?? 500
      let rows = try RowValues.all(
        schema, "WHERE shelter = ?1 AND id > ?2 AND (?3 OR left_at IS NULL) ORDER BY id LIMIT ?4",
        [inquiry.row!.rawValue, inquiry.given.integer("after") ?? .min, inquiry.given.flag("all"), limit], db)
      return page(rows, limit, inquiry)
    },
    .read(
      "evacueesElsewhere", "/stays/elsewhere",
      "This ward's residents in other wards' shelters, as far as this node may read.",
      paging + [Purpose.field]
    ) { inquiry, db in
      let limit = inquiry.given.int("limit") ?? 500
      let rows = try RowValues.all(
        schema,
        """
        WHERE home_ward = ?1 AND left_at IS NULL AND guarded IS NULL AND id >> 53 <> ?2 AND id > ?3 ORDER BY id LIMIT ?4
        """,
        [inquiry.ward, Int64(inquiry.identity.certificate.node.ward), inquiry.given.integer("after") ?? .min, limit], db
      )
      return page(rows, limit, inquiry)
    },
    .read(
      "doubleEntries", "/stays/doubles", "Stays that may be one person's, entered twice: to settle by a person.",
      [Purpose.field]
    ) { inquiry, db in
      let pairs = try openDoubles(db)
      return Seen(
        ["doubles": .list(try pairs.map { try $0.json(inquiry, db) })],
        subjects: Array(Set(pairs.flatMap { [$0.first, $0.second] }.filter { !inquiry.isOwn($0) })).sorted())
    },
    .write(
      "settleDouble", "/stays/{id}/settlement", "Decide whether two stays are one person's.",
      [
        FormField("other", .row("stays"), required: true, ja: "他の入所記録", en: "Other stay"),
        FormField(
          "verdict", .choice([Choice("同一人物", "same"), Choice("別人", "different")]), required: true, ja: "判定",
          en: "Verdict"),
        Purpose.field,
      ], of: "stays"
    ) { desk in
      let (row, values) = try desk.subject(schema)
      let other = desk.given.row("other")!
      guard try desk.find(other, in: schema, "other").integer("guarded") != 1, values.integer("guarded") != 1 else {
        throw Fault.refused(
          "other", ja: "所在を知らせない人の記録は結び付けられません",
          en: "a record of somebody who must not be found is not linked in public")
      }
      guard row != other else { throw Fault.badValue("other", ja: "同じ記録です", en: "is the same stay") }
      guard desk.inquiry.isOwn(row) || desk.inquiry.isOwn(other) else {
        throw Fault(.forbidden, field: "id", ja: "どちらかは自区の記録でなければなりません", en: "one of the two must be of this ward")
      }
      let (low, high) = row < other ? (row, other) : (other, row)
      let verdict = RowID(derivedFrom: blake2b([UInt8]("stays \(low) \(high)".utf8)).prefix)
      var draft = Draft(.life)
      draft.edit(
        PeopleSchema.verdicts, verdict,
        [
          FieldEdit(1, .set(.integer(low.rawValue))), FieldEdit(2, .set(.integer(high.rawValue))),
          FieldEdit(3, .set(.text(desk.given.text("verdict")!))), FieldEdit(4, .set(.text(desk.inquiry.user.name))),
          FieldEdit(5, .set(.integer(desk.now.milliseconds))),
        ])
      return Written([draft], about: [row, other]) { db in
        .object(try RowValues.fetch(verdict, PeopleSchema.verdicts, db)?.json() ?? [:])
      }
    },
  ]
}
