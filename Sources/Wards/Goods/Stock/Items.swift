import ChangeModel
import Desk
import GRDB
import Replica
import Sodium

/// The catalogue that all wards share.
public enum Items {
  private static let records = Item.records

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

  /// The row of a standard item: the same whichever ward installs it.
  public static func row(code: String) -> RowID { RowID(derivedFrom: blake2b([UInt8]("item \(code)".utf8)).prefix) }

  private static let details = [
    Item.nameEn.asked, Item.pack.asked, Item.allergens.asked, Item.daily.asked, Item.once.asked, Item.source.asked,
    Item.shelfDays.asked,
  ]

  private static let install = Endpoint.write(
    "installCatalogue", "/items/standard", "標準の品目を入れる", "Install the standard items", for: .goods,
    "Put the standard items in the catalogue: the same rows whichever ward does it first.",
    answers: .members([
      .init("added", .integer(0...1_000), "加えた品目の数", "Items added"),
      .init("items", .integer(0...1_000), "標準の品目の数", "Standard items"),
    ])
  ) { desk in
    let present = try desk.read { Set(try Int64.fetchAll($0, sql: "SELECT id FROM items")) }
    var draft = records.draft()
    for item in standard where !present.contains(row(code: item.code).rawValue) {
      var edits = [
        Item.name.set(item.name), Item.nameEn.set(item.english), Item.category.set(item.category),
        Item.unit.set(item.unit), Item.code.set(item.code),
      ]
      if let daily = item.daily { edits.append(Item.daily.set(daily)) }
      if let once = item.once { edits.append(Item.once.set(once)) }
      if item.daily != nil || item.once != nil { edits.append(Item.source.set("東京都地域防災計画・内閣府指針")) }
      draft.edit(records, row(code: item.code), edits)
    }
    let added = draft.edits.count
    return Written([draft], about: []) { _ in ["added": JSON(added), "items": JSON(standard.count)] }
  }

  private static let list = Endpoint.read(
    "items", "/items", "品目", "Items", for: .staff, "The shared catalogue.",
    Paging.fields(of: records.name, upTo: 5_000), answers: .rows("items", records, isPaged: true)
  ) { look in
    let page = try look.page(records, by: ["category", "name"], usual: 5_000)
    return page.answer("items", try page.rows.map { .object(try look.view($0, records)) })
  }

  public static let service = Service(
    "品目", "Items", records: [records],
    actions: [
      Action(
        "addItem", .new, records, "品目を加える", "Add an item", for: .goods,
        takes: [Item.name.needed, Item.category.needed, Item.unit.needed] + details),
      // Every ward keeps the one catalogue.
      Action(
        "changeItem", .change, records, "品目を変える", "Change an item", for: .goods,
        takes: [Item.name.asked, Item.category.asked, Item.unit.asked] + details),
    ],
    endpoints: [install, list], menu: ["items"])
}
