import ChangeModel
import Desk

/// Who lives in the ward: each ward gives its own IDs, and alone can read who they are.
public enum Resident {
  public static let familyName = Field.text(1, "family_name", 60, "氏", "Family name")
  public static let givenName = Field.text(2, "given_name", 60, "名", "Given name")
  public static let familyKana = Field.text(3, "family_kana", 60, "氏(カナ)", "Family name in kana")
  public static let givenKana = Field.text(4, "given_kana", 60, "名(カナ)", "Given name in kana")
  public static let birth = Field.birth(5)
  public static let sex = Field.choice(6, "sex", sexes, "性別", "Sex")
  public static let address = Field.text(7, "address", 200, "住所", "Address")
  public static let phone = Field.text(8, "phone", 40, "電話番号", "Phone")
  public static let language = Field.text(9, "language", 40, "使用言語", "Language")
  public static let kind = Field<ResidentKind>.word(10, "kind", "区分", "Kind")
  public static let guarded = Field.flag(11, "guarded", "所在を知らせない", "Not to be found")
  public static let notes = LogField(12, "notes", 1_000, "記録", "Notes")
  public static let household = Field.text(13, "household", 60, "世帯", "Household")
  /// With whose family somebody belongs, though the household or the address does not say so: that a clerk confirmed it.
  public static let familyOf = Field.row(14, "family_of", of: "residents", "家族", "Family of")
  /// What names are looked up by: worked out by the node that writes them.
  public static let nameKey = Field.text(20, "name_key", 2_000, "氏名の検索キー", "Name key")
  public static let kanaKey = Field.text(21, "kana_key", 2_000, "カナの検索キー", "Kana key")
  public static let addressKey = Field.text(22, "address_key", 2_000, "住所の検索キー", "Address key")

  public static let records = Records(
    40, "residents", "住民", "Resident", lane: .registry, law: .keptByMaker, reader: .people(.people, .identity),
    fields: [
      familyName, givenName, familyKana, givenKana, birth, sex, address, phone, language, kind, guarded, notes,
      household, familyOf, nameKey, kanaKey, addressKey,
    ],
    title: [familyName, givenName],
    takesOwnItems: true,
    hidden: [nameKey, kanaKey, addressKey],
    indexes: [[nameKey], [kanaKey], [birth, kanaKey], [household], [familyOf]])

  static let sexes = [
    Choice("男", "male"), Choice("女", "female"), Choice("その他", "other"), Choice("不明", "unknown"),
  ]
}

/// What somebody has to do with the ward.
public enum ResidentKind: String, Word {
  case resident = "住民"
  case commuter = "在勤・在学"
  case visitor = "来訪者"

  public var code: String {
    switch self {
    case .resident: "resident"
    case .commuter: "commuter"
    case .visitor: "visitor"
    }
  }
}
