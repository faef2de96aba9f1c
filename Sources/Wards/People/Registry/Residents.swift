import Causality
import ChangeModel
import Desk
import Federation
import GRDB
import Replica

/// The residents' register: each ward gives its own IDs, and alone can read who they are.
public enum Residents {
  static let schema = RegistrySchema.residents

  public static let sexes = [
    Choice("男", "male"), Choice("女", "female"), Choice("その他", "other"), Choice("不明", "unknown"),
  ]
  public static let kinds = [Choice("住民", "resident"), Choice("在勤・在学", "commuter"), Choice("来訪者", "visitor")]

  /// Who somebody is, on every form that asks for it.
  public static let person = [
    FormField("familyName", .text(60), ja: "氏", en: "Family name"),
    FormField("givenName", .text(60), ja: "名", en: "Given name"),
    FormField("familyKana", .text(60), ja: "氏(カナ)", en: "Family name in kana"),
    FormField("givenKana", .text(60), ja: "名(カナ)", en: "Given name in kana"),
    FormField("birth", .date, ja: "生年月日", en: "Date of birth"),
    FormField("sex", .choice(sexes), ja: "性別", en: "Sex"),
    FormField("address", .text(200), ja: "住所", en: "Address"),
    FormField("phone", .text(40), ja: "電話番号", en: "Phone"),
    FormField("language", .text(40), ja: "使用言語", en: "Language"),
    FormField("kind", .choice(kinds), ja: "区分", en: "Kind"),
    FormField("household", .text(60), ja: "世帯", en: "Household"),
  ]

  private static let guarded = FormField("guarded", .flag, ja: "所在を知らせない", en: "Not to be found")
  private static let note = FormField("note", .text(1_000), ja: "記録", en: "Note")

  public static func text(_ row: RowID, _ inquiry: Inquiry) -> String? {
    inquiry.ward(of: row).flatMap { ResidentID.text(row, wardCode: $0) }
  }

  /// What a program sees of a resident.
  public static func view(_ values: RowValues, _ inquiry: Inquiry) -> JSON {
    var members = values.json(hiding: ["name_key", "kana_key", "address_key", "notes", "guarded"])
    members["residentId"] = JSON(text(values.id, inquiry))
    members["ward"] = JSON(inquiry.ward(of: values.id))
    if values.integer("guarded") == 1 { members["guarded"] = true }
    return .object(members)
  }

  /// The keys that follow from a name and an address, where the form changes them.
  static func keys(_ given: Submission, _ known: RowValues?) -> [FieldEdit] {
    func whole(_ names: [String]) -> String? {
      guard names.contains(where: given.has) else { return nil }
      return names.map { given.has($0) ? given.text($0) ?? "" : known?.text(Column.name($0)) ?? "" }.joined()
    }
    func key(_ column: String, _ text: String?, _ fold: (String) -> String) -> [FieldEdit] {
      guard let text else { return [] }
      let key = fold(text)
      return [FieldEdit(schema.field(named: column)!.number, .set(key.isEmpty ? .null : .text(key)))]
    }
    return key("name_key", whole(["familyName", "givenName"]), NameKey.of)
      + key("kana_key", whole(["familyKana", "givenKana"]), NameKey.of)
      + key("address_key", whole(["address"]), NameKey.ofAddress)
  }

  /// Whether somebody is one who must not be found, as far as this node knows. Of this ward's own IDs, one whose record is
  /// not here counts so: it was protected meanwhile, or has not come yet.
  public static func isGuarded(_ resident: RowID?, of ward: UInt32, _ db: Database) throws -> Bool {
    guard let resident else { return false }
    guard let values = try RowValues.fetch(resident, schema, db) else { return resident.made?.author.ward == ward }
    return values.integer("guarded") == 1
  }

  public static func audience(_ ward: UInt32, guarded: Bool) -> Audience {
    .ward(ward, guarded ? .protected : .identity)
  }

  /// The resident that the path names, of this ward: another's can be seen, not changed.
  public static func own(_ desk: Desk) throws -> (row: RowID, values: RowValues, audience: Audience) {
    let (row, values) = try desk.subject(schema)
    guard desk.inquiry.isOwn(row) else { throw foreign }
    return (row, values, audience(desk.wardIndex, guarded: values.integer("guarded") == 1))
  }

  static let foreign = Fault(
    .forbidden, field: "id", ja: "他区の住民の登録は変えられません。安否の報告や避難者の登録はできます",
    en: "another ward's resident cannot be changed here; reporting on the person can")

  public static func answer(_ row: RowID, _ inquiry: Inquiry) -> (Database) throws -> JSON {
    { db in
      guard let values = try RowValues.fetch(row, schema, db) else { throw Fault.notFound("id") }
      guard case .object(var members) = view(values, inquiry) else { return .null }
      members["conflicts"] = try RowValues.conflicts(of: row, schema, db)
      return .object(members)
    }
  }

  public static let endpoints: [Endpoint] = [
    .write("registerResident", path, "Give a resident of this ward an ID.", person + [note, guarded], makes: true) {
      desk in
      guard ["familyName", "givenName", "familyKana", "givenKana"].contains(where: { desk.given.text($0) != nil })
      else {
        throw Fault.badValue("familyName", ja: "氏名かカナを入れてください", en: "a name, in characters or kana, is required")
      }
      let row = try desk.newRow()
      var draft = Draft(.registry)
      var edits = desk.given.edits(person.map(\.name), of: schema) + keys(desk.given, nil)
      if !desk.given.has("kind") { edits.append(FieldEdit(10, .set(.text("住民")))) }
      if let note = desk.given.text("note") { edits.append(FieldEdit(12, .append(.text(note)))) }
      if desk.given.flag("guarded") { edits.append(FieldEdit(11, .set(.integer(1)))) }
      draft.edit(schema, row, edits, for: audience(desk.wardIndex, guarded: desk.given.flag("guarded")))
      return Written([draft], about: [row], answer: answer(row, desk.inquiry))
    },
    .read(
      "resident", path + "/{id}", "One resident, if this node may read the record.", [Purpose.field], of: "residents"
    ) {
      inquiry, db in
      let row = inquiry.row!
      if let values = try RowValues.fetch(row, schema, db) {
        guard inquiry.isOwn(row) || values.integer("guarded") != 1 else { throw Fault.notFound("id") }
        return Seen(try answer(row, inquiry)(db), subjects: [row])
      }
      // What the resident let this ward see.
      guard
        let told = try RowValues.all(
          RegistrySchema.disclosures, "WHERE resident = ? AND coalesce(until, 9e15) > ? ORDER BY id DESC LIMIT 1",
          [row.rawValue, inquiry.now.milliseconds], db
        ).first
      else { throw Fault.notFound("id") }
      return Seen(disclosed(told, inquiry), subjects: [row], consented: [row])
    },
    .write(
      "changeResident", path + "/{id}", "Change a resident of this ward.", person + [note], method: .patch,
      of: "residents"
    ) { desk in
      let (row, values, audience) = try own(desk)
      var edits = desk.given.edits(person.map(\.name), of: schema) + keys(desk.given, values)
      if let note = desk.given.text("note") { edits.append(FieldEdit(12, .append(.text(note)))) }
      guard !edits.isEmpty else { throw Fault.badValue("", ja: "変更する項目がありません", en: "nothing to change") }
      var draft = Draft(.registry)
      draft.edit(schema, row, edits, for: audience)
      return Written([draft], about: [row], answer: answer(row, desk.inquiry))
    },
    .write(
      "planAssistance", path + "/{id}/assistance",
      "Enter a resident in the list of those who need help to flee, with the plan and the supporters.",
      assistanceForm, of: "residents"
    ) { desk in
      let (resident, values, _) = try own(desk)
      let known = try desk.read { try assistance(of: resident, $0) }
      let row = try known?.id ?? desk.newRow()
      var standing: [String: [String]] = [:]
      for name in ["grounds", "supporters", "equipment"] { standing[name] = known?.texts(name) ?? [] }
      var edits = desk.given.edits(assistanceForm.map(\.name), of: RegistrySchema.assistance, standing: standing)
      if known == nil { edits.append(FieldEdit(1, .set(.integer(resident.rawValue)))) }
      guard !edits.isEmpty else { throw Fault.badValue("", ja: "変更する項目がありません", en: "nothing to change") }
      var draft = Draft(.registry)
      let isGuarded = values.integer("guarded") == 1
      draft.edit(
        RegistrySchema.assistance, row, edits, for: .ward(desk.wardIndex, isGuarded ? .protected : .care))
      return Written([draft], about: [resident]) { db in
        .object(try RowValues.fetch(row, RegistrySchema.assistance, db)?.json() ?? [:])
      }
    },
    .read(
      "assistance", path + "/{id}/assistance", "What help a resident needs to flee.", [Purpose.field], of: "residents"
    ) { inquiry, db in
      guard let values = try assistance(of: inquiry.row!, db) else { throw Fault.notFound("id") }
      return Seen(.object(values.json()), subjects: [inquiry.row!])
    },
  ]

  static let path = "/residents"

  public static let grounds = [
    Choice("要介護", "care"), Choice("身体障害", "physical"), Choice("知的障害", "intellectual"), Choice("精神障害", "mental"),
    Choice("難病", "illness"), Choice("妊産婦", "pregnant"), Choice("乳幼児", "infant"), Choice("高齢者のみ世帯", "elderly"),
    Choice("日本語が不自由", "language"), Choice("その他", "other"),
  ]

  private static let assistanceForm = [
    FormField("grounds", .list(.choice(grounds), 20), ja: "避難支援等を必要とする事由", en: "Grounds"),
    FormField("plan", .text(2_000), ja: "個別避難計画", en: "Individual evacuation plan"),
    FormField("supporters", .list(.text(100), 20), ja: "避難支援等実施者", en: "Supporters"),
    FormField("destination", .row("shelters"), ja: "避難先", en: "Destination"),
    FormField("transport", .text(100), ja: "移動手段", en: "Means of transport"),
    FormField("equipment", .list(.text(60), 20), ja: "必要な機器", en: "Equipment"),
    FormField("contact", .text(200), ja: "緊急連絡先", en: "Emergency contact"),
    FormField("agreed", .flag, ja: "平常時の情報提供への同意", en: "Agreed to sharing in advance"),
    FormField("evacuatedAt", .time, ja: "避難完了時刻", en: "Evacuated at"),
  ]

  public static func assistance(of resident: RowID, _ db: Database) throws -> RowValues? {
    try RowValues.all(RegistrySchema.assistance, "WHERE resident = ? ORDER BY id LIMIT 1", [resident.rawValue], db)
      .first
  }

  public static func disclosures(of resident: RowID, _ db: Database) throws -> [RowValues] {
    try RowValues.all(RegistrySchema.disclosures, "WHERE resident = ? ORDER BY id", [resident.rawValue], db)
  }

  public static func disclosed(_ told: RowValues, _ inquiry: Inquiry) -> JSON {
    var members = told.json(hiding: ["name_key", "kana_key", "resident", "consent"])
    let resident = told.row("resident") ?? RowID(rawValue: 0)
    members["id"] = .text("\(resident)")
    members["residentId"] = JSON(text(resident, inquiry))
    members["ward"] = JSON(inquiry.ward(of: resident))
    members["disclosed"] = true
    return .object(members)
  }
}
