import Causality
import ChangeModel
import Desk

/// 安否照会 (article 86-15): somebody asks to be told when a person is found.
public enum SafetyInquiry {
  public static let resident = Field.row(1, "resident", of: "residents", "住民ID", "Resident")
  public static let name = Field.text(2, "name", 120, "尋ね人の氏名", "Name asked for")
  public static let asker = Field.text(3, "asker", 120, "照会者", "Asker")
  public static let contact = Field.text(4, "contact", 200, "連絡先", "Contact")
  public static let relation = Field.text(5, "relation", 60, "続柄", "Relation")
  public static let askedAt = Field.time(6, "asked_at", "照会日時", "Asked at")
  public static let toldAt = Field.time(7, "told_at", "回答日時", "Told at")
  public static let told = Field.text(8, "told", 500, "回答", "Told")
  public static let nameKey = Field.text(30, "name_key", 2_000, "検索キー", "Name key")

  public static let records = Records(
    55, "safety_inquiries", "安否照会", "Inquiry after somebody", path: "/inquiries", lane: .life, law: .keptByMaker,
    reader: .people(.people, .identity, of: resident),
    fields: [resident, name, asker, contact, relation, askedAt, toldAt, told, nameKey],
    title: [name],
    states: [
      .has(toldAt, "answered", "回答済み", "answered", .done),
      .otherwise("waiting", "回答待ち", "waiting for an answer", .open),
    ],
    hidden: [nameKey],
    indexes: [[resident]])
}
