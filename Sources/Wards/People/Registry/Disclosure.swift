import Causality
import ChangeModel
import Desk

/// What a resident lets another ward see: a copy, sealed for that ward, taken back with the consent.
public enum Disclosure {
  public static let resident = Field.row(1, "resident", of: "residents", "住民", "Resident")
  public static let consent = Field.row(2, "consent", of: "consents", "同意", "Consent")
  public static let name = Field.text(3, "name", 120, "氏名", "Name")
  public static let kana = Field.text(4, "kana", 2_000, "氏名(カナ)", "Name in kana")
  public static let birth = Field.birth(5)
  public static let sex = Field.choice(6, "sex", Resident.sexes, "性別", "Sex")
  public static let address = Field.text(7, "address", 200, "住所", "Address")
  public static let phone = Field.text(8, "phone", 40, "電話番号", "Phone")
  public static let language = Field.text(9, "language", 40, "使用言語", "Language")
  public static let assistance = Field.text(10, "assistance", 2_000, "避難支援", "Assistance")
  public static let nameKey = Field.text(11, "name_key", 2_000, "氏名の検索キー", "Name key")
  public static let kanaKey = Field.text(12, "kana_key", 2_000, "カナの検索キー", "Kana key")
  public static let until = Field.deadline(13, "until", "有効期限", "Until")

  public static let records = Records(
    45, "disclosures", "本人の同意による提供", "Disclosure", lane: .registry, law: .keptByWard(open: []),
    reader: .people(.people, .disclosure, of: resident),
    fields: [resident, consent, name, kana, birth, sex, address, phone, language, assistance, nameKey, kanaKey, until],
    title: [name],
    hidden: [nameKey, kanaKey],
    indexes: [[resident], [consent], [nameKey], [kanaKey]])
}
