import Causality
import ChangeModel

/// A collection with every kind of field.
public enum TestSchema {
  public static let things = CollectionSchema(
    100, "things", lane: .life, law: .open,
    fields: [
      FieldSchema(1, "name", ja: "名称", en: "name"),
      FieldSchema(2, "status", ja: "状態", en: "status"),
      FieldSchema(3, "size", .register, .integer, ja: "大きさ", en: "size"),
      FieldSchema(4, "headcount", .counter, .integer, ja: "人数", en: "headcount"),
      FieldSchema(5, "needs", .set, .text, ja: "必要な物", en: "needs"),
      FieldSchema(6, "blankets", .stock, .integer, ja: "毛布", en: "blankets"),
      FieldSchema(7, "notes", .log, .text, ja: "記録", en: "notes"),
      FieldSchema(8, "latitude", .register, .real, ja: "緯度", en: "latitude"),
    ])

  public static let parcels = CollectionSchema(
    101, "parcels", lane: .supply, law: .open,
    fields: [
      FieldSchema(1, "label", ja: "札", en: "label"),
      FieldSchema(2, "count", .counter, .integer, ja: "数", en: "count"),
    ])

  /// For their ward alone.
  public static let people = CollectionSchema(
    102, "people", lane: .life, law: .keptByMaker, isPersonal: true,
    fields: [FieldSchema(1, "name", ja: "名前", en: "name")])

  public static let schema = Schema([things, parcels, people])

  public static let words = ["開設", "閉鎖", "満員", "水", "毛布", "おむつ", "ミルク", "サトウ ハナコ", "渋谷区立第一小学校", "note 12"]

  /// One random field edit that any author may make at any time. Stock is only received here: what may be spent
  /// depends on the author's share.
  public static func randomEdit(_ random: inout RandomNumbers) -> FieldEdit {
    let word = Value.text(random.pick(words))
    switch random.below(9) {
    case 0: return FieldEdit(1, .set(word))
    case 1: return FieldEdit(2, .set(random.chance(0.1) ? .null : word))
    case 2: return FieldEdit(3, .set(.integer(Int64(random.below(1000)) - 500)))
    case 3: return FieldEdit(4, .increment(Int64(random.below(20)) - 5))
    case 4: return FieldEdit(5, .add(word))
    case 5: return FieldEdit(5, .remove(word))
    case 6: return FieldEdit(6, .receive(Int64(random.below(50)) + 1))
    case 7: return FieldEdit(7, .append(word))
    default: return FieldEdit(8, .set(.real(Double(random.below(100)) / 8)))
    }
  }
}
