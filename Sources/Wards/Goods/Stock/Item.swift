import ChangeModel
import Desk

/// A kind of goods, in the catalogue that all wards share.
public enum Item {
  public static let categories = [
    Choice("飲料水", "water"), Choice("食料", "food"), Choice("寝具", "bedding"), Choice("衛生用品", "hygiene"),
    Choice("トイレ", "toilet"), Choice("乳幼児用品", "infant"), Choice("介護用品", "care"), Choice("医薬品", "medicine"),
    Choice("燃料・電源", "energy"), Choice("資機材", "equipment"), Choice("衣類", "clothing"), Choice("その他", "other"),
  ]

  public static let name = Field.text(1, "name", 100, "品目", "Item")
  public static let nameEn = Field.text(2, "name_en", 100, "品目(英語)", "Item in English")
  public static let category = Field.choice(3, "category", categories, "分類", "Category")
  public static let unit = Field.text(4, "unit", 20, "単位", "Unit")
  public static let pack = Field.integer(5, "pack", 1...100_000, "入数", "Units in a pack")
  public static let allergens = SetField(6, "allergens", of: .text(40), atMost: 40, "アレルゲン", "Allergens")
  /// What one person takes in a day, or once: the standard by which need is worked out.
  public static let daily = Field.number(7, "daily", 0.001...1_000, "1人1日の必要数", "Needed by a person each day")
  public static let once = Field.number(8, "once", 0.001...1_000, "1人の必要数", "Needed by a person once")
  public static let source = Field.text(9, "source", 200, "基準の出典", "Source of the standard")
  public static let shelfDays = Field.integer(10, "shelf_days", 1...36_500, "保存日数", "Shelf life in days")
  /// Of the standard items alone.
  public static let code = Field.text(11, "code", 40, "品目コード", "Code")

  public static let records = Records(
    70, "items", "品目", "Item", lane: .supply, law: .shared, reader: .staff,
    fields: [name, nameEn, category, unit, pack, allergens, daily, once, source, shelfDays, code],
    title: [name], settledFreely: [name, unit], isEverybodys: true, takesOwnItems: true)
}
