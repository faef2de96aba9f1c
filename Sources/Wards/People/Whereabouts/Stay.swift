import Causality
import ChangeModel
import Desk
import Places

/// 避難者名簿: one row for each person's stay in one shelter.
public enum Stay {
  public static let shelter = Field.row(1, "shelter", of: "shelters", "避難所", "Shelter")
  public static let resident = Field.row(2, "resident", of: "residents", "住民ID", "Resident")
  public static let name = Field.text(3, "name", 120, "氏名", "Name")
  public static let kana = Field.text(4, "kana", 120, "カナ", "Kana")
  public static let birth = Field.birth(5)
  public static let ageGroup = Field.choice(6, "age_group", PeopleWords.ages, "年齢区分", "Age group")
  public static let sex = Field.choice(7, "sex", Resident.sexes, "性別", "Sex")
  public static let homeWard = Field.ward(8, "home_ward", "住所地の区", "Home ward")
  public static let address = Field.text(9, "address", 200, "住所", "Address")
  public static let phone = Field.text(10, "phone", 40, "電話番号", "Phone")
  public static let party = Field.text(11, "party", 60, "世帯", "Household")
  public static let needs = SetField(12, "needs", of: .choice(PeopleWords.needs), atMost: 20, "配慮が必要なこと", "Needs")
  public static let allergies = SetField(13, "allergies", of: .text(60), atMost: 30, "アレルギー", "Allergies")
  public static let language = Field.text(14, "language", 40, "使用言語", "Language")
  public static let pets = Field.integer(15, "pets", 0...100, "ペット数", "Pets")
  public static let arrivedAt = Field.time(16, "arrived_at", "入所日時", "Arrived at")
  public static let leftAt = Field.time(17, "left_at", "退所日時", "Left at")
  public static let leftFor = Field.text(18, "left_for", 200, "退所先", "Left for")
  public static let movedFrom = Field.row(19, "moved_from", of: "stays", "移動元", "Moved from")
  public static let enteredBy = Field.user(20, "entered_by", "受付者", "Entered by")
  public static let guarded = Field.flag(21, "guarded", "所在を知らせない", "Not to be found")
  public static let notes = LogField(22, "notes", 1_000, "記録", "Notes")
  /// Who comes and goes with the counter as well: it goes down again with them.
  public static let counted = Field.flag(23, "counted", "避難者数に数える", "Counts in the head count")
  public static let nameKey = Field.text(30, "name_key", 2_000, "氏名の検索キー", "Name key")
  public static let kanaKey = Field.text(31, "kana_key", 2_000, "カナの検索キー", "Kana key")

  public static let records = Records(
    50, "stays", "避難者", "Evacuee", lane: .life, law: .keptByMaker,
    reader: .people(.people, .identity, at: .field(shelter)),
    fields: [
      shelter, resident, name, kana, birth, ageGroup, sex, homeWard, address, phone, party, needs, allergies, language,
      pets, arrivedAt, leftAt, leftFor, movedFrom, enteredBy, guarded, notes, counted, nameKey, kanaKey,
    ],
    title: [name],
    states: [
      .has(leftAt, "left", "退所", "left", .ended), .otherwise("present", "入所中", "present", .underWay),
    ], takesOwnItems: true,
    hidden: [nameKey, kanaKey, counted],
    indexes: [[shelter, leftAt], [resident], [nameKey], [kanaKey, birth], [homeWard, leftAt]])
}
