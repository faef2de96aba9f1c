import ChangeModel

/// 要請・割当: who needs what, who gives it, and how far it has come.
public enum OrderSchema {
  public static let requests = CollectionSchema(
    72, "requests", lane: .supply, isKeptByMaker: true,
    fields: [
      FieldSchema(1, "ward", ja: "要請した区", en: "Asking ward"),
      FieldSchema(2, "shelter", .register, .integer, ja: "届け先", en: "Shelter (row)"),
      FieldSchema(3, "item", .register, .integer, ja: "品目", en: "Item (row)"),
      FieldSchema(4, "quantity", .register, .integer, ja: "要請数", en: "Quantity"),
      FieldSchema(5, "urgency", ja: "緊急度", en: "Urgency"),
      FieldSchema(6, "needed_by", .register, .integer, ja: "希望日時", en: "Needed by"),
      FieldSchema(7, "note", ja: "備考", en: "Note"),
      FieldSchema(8, "asked_by", ja: "要請者", en: "Asked by"),
      FieldSchema(9, "asked_at", .register, .integer, ja: "要請日時", en: "Asked at"),
      FieldSchema(10, "decision", ja: "区の判断", en: "Decision"),
      FieldSchema(11, "approved", .register, .integer, ja: "承認数", en: "Approved"),
      FieldSchema(12, "decided_by", ja: "判断者", en: "Decided by"),
      FieldSchema(13, "decided_at", .register, .integer, ja: "判断日時", en: "Decided at"),
      FieldSchema(14, "cancelled_at", .register, .integer, ja: "取消日時", en: "Cancelled at"),
      FieldSchema(15, "reason", ja: "理由", en: "Reason"),
    ])

  /// What one holder set aside for one request. Each step is a fact in a field of its own, so that steps taken at once in
  /// two places stand side by side; the state follows from them, alike on every node.
  public static let allocations = CollectionSchema(
    73, "allocations", lane: .supply,
    fields: [
      FieldSchema(1, "request", .register, .integer, ja: "要請", en: "Request (row)"),
      FieldSchema(2, "lot", .register, .integer, ja: "ロット", en: "Lot (row)"),
      FieldSchema(3, "item", .register, .integer, ja: "品目", en: "Item (row)"),
      FieldSchema(4, "quantity", .register, .integer, ja: "引当数", en: "Quantity"),
      FieldSchema(5, "holder", ja: "出し手の区", en: "Holding ward"),
      FieldSchema(6, "reserved_at", .register, .integer, ja: "引当日時", en: "Reserved at"),
      FieldSchema(7, "shipped_at", .register, .integer, ja: "発送日時", en: "Shipped at"),
      FieldSchema(8, "shipped", .register, .integer, ja: "発送数", en: "Shipped"),
      FieldSchema(9, "carrier", ja: "輸送手段", en: "Carrier"),
      FieldSchema(10, "arrived_at", .register, .integer, ja: "到着日時", en: "Arrived at"),
      FieldSchema(11, "arrived", .register, .integer, ja: "到着数", en: "Arrived"),
      FieldSchema(12, "inspected_at", .register, .integer, ja: "検収日時", en: "Inspected at"),
      FieldSchema(13, "accepted", .register, .integer, ja: "検収数", en: "Accepted"),
      FieldSchema(14, "fault", ja: "不良・不足の内容", en: "What was wrong"),
      FieldSchema(15, "cancelled_at", .register, .integer, ja: "取消日時", en: "Cancelled at"),
      FieldSchema(16, "reason", ja: "理由", en: "Reason"),
      FieldSchema(17, "substitute", .register, .integer, ja: "代替品", en: "Substitute"),
      FieldSchema(18, "redirected_from", .register, .integer, ja: "元の要請", en: "Redirected from (row)"),
      FieldSchema(19, "by", ja: "担当", en: "By"),
    ])

  /// Somebody who could help: another ward, or a supplier whom a ward speaks for.
  public static let offers = CollectionSchema(
    // Whoever is asked answers in these two fields.
    74, "offers", lane: .supply, openFields: [9, 10],
    fields: [
      FieldSchema(1, "request", .register, .integer, ja: "要請", en: "Request (row)"),
      FieldSchema(2, "ward", ja: "申し出た区", en: "Offering ward"),
      FieldSchema(3, "supplier", ja: "事業者", en: "Supplier"),
      FieldSchema(4, "item", .register, .integer, ja: "品目", en: "Item (row)"),
      FieldSchema(5, "quantity", .register, .integer, ja: "数量", en: "Quantity"),
      FieldSchema(6, "available_at", .register, .integer, ja: "出せる日時", en: "Available at"),
      FieldSchema(7, "note", ja: "備考", en: "Note"),
      FieldSchema(8, "offered_at", .register, .integer, ja: "申出日時", en: "Offered at"),
      FieldSchema(9, "answer", ja: "回答", en: "Answer"),
      FieldSchema(10, "answered_at", .register, .integer, ja: "回答日時", en: "Answered at"),
    ])

  /// The state of the way between two wards.
  public static let roads = CollectionSchema(
    57, "road_states", lane: .life,
    fields: [
      FieldSchema(1, "first", ja: "区コード", en: "Ward"),
      FieldSchema(2, "second", ja: "他の区コード", en: "Other ward"),
      FieldSchema(3, "state", ja: "通行状況", en: "State"),
      FieldSchema(4, "note", ja: "備考", en: "Note"),
      FieldSchema(5, "seen_at", .register, .integer, ja: "確認日時", en: "Seen at"),
      FieldSchema(6, "seen_by", ja: "確認者", en: "Seen by"),
    ])

  public static let collections = [requests, allocations, offers, roads]

  public static let indexes = [
    "CREATE INDEX IF NOT EXISTS requests_ward ON requests (ward, item)",
    "CREATE INDEX IF NOT EXISTS allocations_request ON allocations (request)",
    "CREATE INDEX IF NOT EXISTS offers_request ON offers (request)",
  ]
}
