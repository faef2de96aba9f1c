import ChangeModel
import Desk
import GRDB
import Replica
import Sodium

/// The catalogue that all wards share.
public enum Items {
  static let schema = StockSchema.items

  public static let categories = [
    Choice("飲料水", "water"), Choice("食料", "food"), Choice("寝具", "bedding"), Choice("衛生用品", "hygiene"),
    Choice("トイレ", "toilet"), Choice("乳幼児用品", "infant"), Choice("介護用品", "care"), Choice("医薬品", "medicine"),
    Choice("燃料・電源", "energy"), Choice("資機材", "equipment"), Choice("衣類", "clothing"), Choice("その他", "other"),
  ]

  /// The eight goods that the State sends unasked, and what Tokyo's plan counts by, with the need of one person.
  /// Sources: Tokyo's regional disaster plan (food: 1.2 × 3 meals a day, water 3 l, blankets 2); the Cabinet Office's
  /// guideline on toilets (5 uses a day); Tokyo's household stock list for infants.
  static let standard:
    [(code: String, name: String, english: String, category: String, unit: String, daily: Double?, once: Double?)] = [
      ("water", "飲料水", "Drinking water", "飲料水", "L", 3, nil),
      ("meal", "食料", "Meals", "食料", "食", 3.6, nil),
      ("blanket", "毛布", "Blankets", "寝具", "枚", nil, 2),
      ("formula", "乳児用粉ミルク・液体ミルク", "Infant formula", "乳幼児用品", "回", nil, nil),
      ("diaper", "乳幼児用おむつ", "Nappies", "乳幼児用品", "枚", nil, nil),
      ("adult-diaper", "大人用おむつ", "Adult nappies", "介護用品", "枚", nil, nil),
      ("toilet", "携帯・簡易トイレ", "Portable toilets (uses)", "トイレ", "回", 5, nil),
      ("paper", "トイレットペーパー", "Toilet paper", "衛生用品", "ロール", 0.15, nil),
      ("sanitary", "生理用品", "Sanitary towels", "衛生用品", "枚", nil, nil),
      ("mat", "マット", "Mats", "寝具", "枚", nil, 1),
      ("bed", "段ボールベッド", "Cardboard beds", "寝具", "台", nil, 1),
      ("partition", "間仕切り", "Partitions", "資機材", "張", nil, 0.4),
      ("mask", "マスク", "Masks", "衛生用品", "枚", 1, nil),
    ]

  public static func row(code: String) -> RowID { RowID(derivedFrom: blake2b([UInt8]("item \(code)".utf8)).prefix) }

  private static let form = [
    FormField("name", .text(100), ja: "品目", en: "Item"),
    FormField("nameEn", .text(100), ja: "品目(英語)", en: "Item in English"),
    FormField("category", .choice(categories), ja: "分類", en: "Category"),
    FormField("unit", .text(20), ja: "単位", en: "Unit"),
    FormField("pack", .integer(1...100_000), ja: "入数", en: "Units in a pack"),
    FormField("allergens", .list(.text(40), 40), ja: "アレルゲン", en: "Allergens"),
    FormField("daily", .number(0.001...1_000), ja: "1人1日の必要数", en: "Needed by a person each day"),
    FormField("once", .number(0.001...1_000), ja: "1人の必要数", en: "Needed by a person once"),
    FormField("source", .text(200), ja: "基準の出典", en: "Source of the standard"),
    FormField("shelfDays", .integer(1...36_500), ja: "保存日数", en: "Shelf life in days"),
  ]

  private static func answer(_ row: RowID) -> (Database) throws -> JSON {
    { db in
      guard let values = try RowValues.fetch(row, schema, db) else { throw Fault.notFound("id") }
      return .object(values.json())
    }
  }

  public static let endpoints: [Endpoint] = [
    .write(
      "addItem", "/items", "Add an item to the shared catalogue.",
      form.map { ["name", "category", "unit"].contains($0.name) ? $0.required : $0 }, makes: true
    ) { desk in
      let row = try desk.newRow()
      var draft = Draft(.supply)
      draft.edit(schema, row, desk.given.edits(form.map(\.name), of: schema))
      return Written([draft], about: [row], answer: answer(row))
    },
    .write("changeItem", "/items/{id}", "Change an item of the catalogue.", form, method: .patch, of: "items") { desk in
      let (row, values) = try desk.subject(schema)
      let edits = desk.given.edits(form.map(\.name), of: schema, standing: ["allergens": values.texts("allergens")])
      guard !edits.isEmpty else { throw Fault.badValue("", ja: "変更する項目がありません", en: "nothing to change") }
      var draft = Draft(.supply)
      draft.edit(schema, row, edits)
      return Written([draft], about: [row], answer: answer(row))
    },
    .write(
      "installCatalogue", "/items/standard",
      "Put the standard items in the catalogue: the same rows whichever ward does it first."
    ) { desk in
      let present = try desk.read { Set(try Int64.fetchAll($0, sql: "SELECT id FROM items")) }
      var draft = Draft(.supply)
      for item in standard where !present.contains(row(code: item.code).rawValue) {
        var edits = [
          FieldEdit(1, .set(.text(item.name))), FieldEdit(2, .set(.text(item.english))),
          FieldEdit(3, .set(.text(item.category))), FieldEdit(4, .set(.text(item.unit))),
          FieldEdit(11, .set(.text(item.code))),
        ]
        if let daily = item.daily { edits.append(FieldEdit(7, .set(.real(daily)))) }
        if let once = item.once { edits.append(FieldEdit(8, .set(.real(once)))) }
        if item.daily != nil || item.once != nil { edits.append(FieldEdit(9, .set(.text("東京都地域防災計画・内閣府指針")))) }
        draft.edit(schema, row(code: item.code), edits)
      }
      let added = draft.edits.count
      return Written([draft], about: []) { _ in ["added": JSON(added), "items": JSON(standard.count)] }
    },
    .read("items", "/items", "The shared catalogue.") { _, db in
      Seen([
        "items": .list(
          try RowValues.all(schema, "ORDER BY category, name, id LIMIT 5000", [], db).map { .object($0.json()) })
      ])
    },
  ]
}
