import ChangeModel

/// The collections that simulated wards work on: a night's work in every kind of field and in three lanes.
public enum NightSchema {
  public static let shelters = CollectionSchema(
    200, "shelters", lane: .life, law: .open,
    fields: [
      FieldSchema(1, "name", ja: "名称", en: "Name"),
      FieldSchema(2, "status", ja: "開設状況", en: "Status"),
      FieldSchema(3, "crowding", ja: "混雑状況", en: "Crowding"),
      FieldSchema(4, "headcount", .counter, .integer, ja: "避難者数", en: "Headcount"),
      FieldSchema(5, "needs", .set, .text, ja: "必要な物資", en: "Needs"),
      FieldSchema(6, "diary", .log, .text, ja: "記録", en: "Diary"),
    ])

  public static let evacuees = CollectionSchema(
    201, "evacuees", lane: .life, law: .open,
    fields: [
      FieldSchema(1, "name", ja: "氏名", en: "Name"),
      FieldSchema(2, "age", .register, .integer, ja: "年齢", en: "Age"),
      FieldSchema(3, "shelter", ja: "避難所", en: "Shelter"),
      // Not known to the older of two versions.
      FieldSchema(4, "care", .set, .text, ja: "配慮", en: "Care"),
    ])

  public static let safety = CollectionSchema(
    202, "safety", lane: .life, law: .open,
    fields: [
      FieldSchema(1, "state", ja: "安否", en: "State"),
      FieldSchema(2, "reports", .log, .text, ja: "報告", en: "Reports"),
    ])

  public static let stock = CollectionSchema(
    210, "stock", lane: .supply, law: .open,
    fields: [
      FieldSchema(1, "item", ja: "品目", en: "Item"),
      FieldSchema(2, "amount", .stock, .integer, ja: "数量", en: "Amount"),
    ])

  public static let orders = CollectionSchema(
    211, "orders", lane: .supply, law: .open,
    fields: [
      FieldSchema(1, "item", ja: "品目", en: "Item"),
      FieldSchema(2, "wanted", .register, .integer, ja: "要請数", en: "Wanted"),
      FieldSchema(3, "allocated", .counter, .integer, ja: "引当数", en: "Allocated"),
      FieldSchema(4, "state", ja: "状態", en: "State"),
    ])

  public static let identities = CollectionSchema(
    220, "identities", lane: .registry, law: .open,
    fields: [
      FieldSchema(1, "resident", ja: "住民ID", en: "Resident ID"),
      FieldSchema(2, "other", ja: "他区の住民ID", en: "ID of another ward"),
      FieldSchema(3, "state", ja: "状態", en: "State"),
    ])

  /// What a ward alone says of its own, but for one field. Honest wards leave it alone: whoever holds a stolen key writes here.
  public static let notices = CollectionSchema(
    203, "notices", lane: .life, law: .keptByWard(open: [2]),
    fields: [
      FieldSchema(1, "text", ja: "本文", en: "Text"),
      FieldSchema(2, "seen", .counter, .integer, ja: "閲覧数", en: "Seen"),
    ])

  public static let current = Schema([shelters, evacuees, safety, notices, stock, orders, identities])

  /// What a node runs that was not updated: it does not know people's care, nor that IDs can be linked.
  public static let old = Schema([
    shelters,
    CollectionSchema(201, "evacuees", lane: .life, law: .open, fields: Array(evacuees.fields.prefix(3))),
    safety, stock, orders,
  ])
}
