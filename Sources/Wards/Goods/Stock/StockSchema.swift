import ChangeModel

/// 備蓄・支援物資: what there is, where, until when; and whose it is to give away.
public enum StockSchema {
  public static let items = CollectionSchema(
    70, "items", lane: .supply,
    fields: [
      FieldSchema(1, "name", ja: "品目", en: "Item"),
      FieldSchema(2, "name_en", ja: "品目(英語)", en: "Item in English"),
      FieldSchema(3, "category", ja: "分類", en: "Category"),
      FieldSchema(4, "unit", ja: "単位", en: "Unit"),
      FieldSchema(5, "pack", .register, .integer, ja: "入数", en: "Units in a pack"),
      FieldSchema(6, "allergens", .set, .text, ja: "アレルゲン", en: "Allergens"),
      // What one person takes in a day, or once: the standard by which need is worked out.
      FieldSchema(7, "daily", .register, .real, ja: "1人1日の必要数", en: "Needed by a person each day"),
      FieldSchema(8, "once", .register, .real, ja: "1人の必要数", en: "Needed by a person once"),
      FieldSchema(9, "source", ja: "基準の出典", en: "Source of the standard"),
      FieldSchema(10, "shelf_days", .register, .integer, ja: "保存日数", en: "Shelf life in days"),
      FieldSchema(11, "code", ja: "品目コード", en: "Code"),
    ])

  public static let lots = CollectionSchema(
    71, "lots", lane: .supply,
    fields: [
      FieldSchema(1, "item", .register, .integer, ja: "品目", en: "Item (row)"),
      FieldSchema(2, "ward", ja: "区コード", en: "Ward"),
      FieldSchema(3, "shelter", .register, .integer, ja: "避難所", en: "Shelter (row)"),
      FieldSchema(4, "place", ja: "保管場所", en: "Place"),
      FieldSchema(5, "lot", ja: "ロット", en: "Lot"),
      FieldSchema(6, "expires", ja: "期限", en: "Expires"),
      FieldSchema(Field.amount, "amount", .stock, .integer, ja: "数量", en: "Amount"),
      FieldSchema(8, "book", .log, .text, ja: "受払簿", en: "Book"),
      FieldSchema(9, "latitude", .register, .real, ja: "緯度", en: "Latitude"),
      FieldSchema(10, "longitude", .register, .real, ja: "経度", en: "Longitude"),
      // What was last counted: two who counted at once show as a conflict, since their corrections have added up.
      FieldSchema(11, "counted", .register, .integer, ja: "最後の棚卸数", en: "Last count"),
    ])

  public enum Field {
    public static let amount: UInt32 = 7
    public static let book: UInt32 = 8
  }

  /// A node asks others for part of their share of a lot.
  public static let shareRequests = CollectionSchema(
    77, "share_requests", lane: .supply,
    fields: [
      FieldSchema(1, "lot", .register, .integer, ja: "ロット", en: "Lot (row)"),
      FieldSchema(2, "node", .register, .integer, ja: "求めたノード", en: "Asking node"),
      FieldSchema(3, "amount", .register, .integer, ja: "数量", en: "Amount"),
      FieldSchema(4, "asked_at", .register, .integer, ja: "要求日時", en: "Asked at"),
      FieldSchema(5, "granted", .counter, .integer, ja: "渡した数", en: "Granted"),
      FieldSchema(6, "closed_at", .register, .integer, ja: "終了日時", en: "Closed at"),
    ])

  /// A ward's decision that the share of a node of its own, which is lost, is another's to give.
  public static let takeovers = CollectionSchema(
    75, "share_takeovers", lane: .supply,
    fields: [
      FieldSchema(1, "lot", .register, .integer, ja: "ロット", en: "Lot (row)"),
      FieldSchema(2, "node", ja: "失われたノード", en: "Lost node"),
      FieldSchema(3, "amount", .register, .integer, ja: "数量", en: "Amount"),
      FieldSchema(4, "reason", ja: "理由", en: "Reason"),
      FieldSchema(5, "decided_by", ja: "決定者", en: "Decided by"),
      FieldSchema(6, "decided_at", .register, .integer, ja: "決定日時", en: "Decided at"),
      FieldSchema(7, "signature", .register, .bytes, ja: "認証局の署名", en: "The authority's signature"),
    ])

  public static let collections = [items, lots, shareRequests, takeovers]

  public static let indexes = [
    "CREATE INDEX IF NOT EXISTS lots_item ON lots (item, ward)",
    "CREATE INDEX IF NOT EXISTS lots_shelter ON lots (shelter)",
  ]
}
