import Causality
import ChangeModel
import Desk
import Federation
import Foundation
import GRDB
import Goods
import Merge
import Places
import Replica

/// 食い違い: two wrote different values without knowing of each other, and a person says which stands, or what both become.
public enum Conflicts {
  /// Where a person may also write what neither had written, since the same roles may change these fields freely; with the
  /// words that a field admits, where it does not admit any.
  private static let free: [String: [String: [Choice]]] = [
    ShelterSchema.shelters.name: [
      "name": [], "kana": [], "address": [], "phone": [], "remarks": [], "capacity": [], "area": [], "toilets": [],
      "status": ShelterStatus.allCases.map { Choice($0.rawValue, $0.code) },
      "crowding": ShelterCrowding.allCases.map { Choice($0.rawValue, $0.code) },
    ],
    StockSchema.items.name: ["name": [], "unit": []],
  ]

  /// - Returns: nil where only one of the values that stand can be chosen; else the words, none for free text.
  public static func choices(_ collection: String, _ field: String) -> [Choice]? { free[collection]?[field] }

  /// Whether a ward's word on a record counts: with every node that merges it, and with the services, which let a ward
  /// decide of what it takes part in.
  ///
  /// - Parameter field: nil when the whole record was deleted by one and changed by another.
  public static func isOurs(_ values: RowValues, _ field: FieldSchema?, _ identity: NodeIdentity) -> Bool {
    let (row, collection) = (values.id, values.collection)
    let (number, code) = (identity.certificate.node.ward, identity.ward.code)
    let edit: RowEdit.Action = field.map { .edit([FieldEdit($0.number, .set(.null))]) } ?? .delete(shares: [])
    guard collection.admitted(RowEdit(collection.number, row, edit), from: number) != nil else { return false }
    // Everybody reports on a shelter, a road, and keeps the one catalogue.
    if [ShelterSchema.shelters.name, StockSchema.items.name, OrderSchema.roads.name].contains(collection.name) {
      return true
    }
    func known(_ names: [String]) -> [FieldSchema] { names.compactMap { collection.field(named: $0) } }
    let wards = known(["ward", "holder", "from_ward", "to_ward"])
    let rows = known(["request", "first", "second", "subject", "field"]).filter(\.isRow)
    guard !wards.isEmpty || !rows.isEmpty else { return row.made?.author.ward == number }
    return wards.contains { values.text($0.name) == code }
      || rows.contains { values.row($0.name)?.made?.author.ward == number }
  }

  /// Whether somebody with these roles decides of what is written in the collection's lane.
  public static func admits(_ given: Set<Role>, _ collection: CollectionSchema) -> Bool {
    !given.isDisjoint(with: roles(collection.lane))
  }

  private static func roles(_ lane: Lane) -> Set<Role> {
    switch lane {
    case .control: [.administrator]
    case .registry: [.headquarters, .welfare]
    case .life: [.headquarters, .shelter]
    case .supply: [.headquarters, .supply]
    }
  }

  /// - Parameter collections: those whose conflicts every ward sees: of people's own, none.
  public static func endpoints(_ collections: [CollectionSchema]) -> [Endpoint] {
    let shared = collections.filter { !$0.isPersonal && !$0.isAppendOnly }
    return [
      .write(
        "settleConflict", "/conflicts/settlement",
        "Say which of two values written at once stands; in a field that may be changed freely, also what both become.",
        [
          FormField(
            "collection", .choice(shared.map { Choice($0.name, $0.name) }), required: true, ja: "対象", en: "Collection"),
          FormField("row", .row("any"), required: true, ja: "対象の行", en: "Row"),
          FormField("field", .text(60), required: true, ja: "項目", en: "Field"),
          FormField("value", .text(2_000), ja: "値(空なら消す)", en: "Value (none: cleared)"),
        ]
      ) { desk in
        let collection = shared.first { $0.name == desk.given.text("collection") }!
        let row = desk.given.row("row")!
        let values = try desk.find(row, in: collection, "row")
        guard admits(desk.inquiry.user.roles, collection) else {
          throw Fault(.forbidden, field: "collection", ja: "この役割では決められません", en: "not for your roles")
        }
        guard let field = collection.field(named: desk.given.text("field")!), field.kind == .register else {
          throw Fault.badValue("field", ja: "この名前の項目はありません", en: "no such field")
        }
        guard isOurs(values, field, desk.inquiry.identity) else {
          throw Fault(
            .forbidden, field: "row", ja: "他区の記録です。その区に連絡してください", en: "another ward's record: tell that ward")
        }
        let chosen = try value(desk.given.text("value"), field)
        guard try standing(row, field, collection, desk).contains(chosen) || isFree(chosen, field, collection) else {
          throw Fault.badValue("value", ja: "食い違っている値の一つを選んでください", en: "choose one of the values in conflict")
        }
        var draft = Draft(collection.lane, audience: collection.lane == .control ? .anyone : .federation)
        draft.edit(
          collection, row, [FieldEdit(field.number, .set(chosen))], for: collection.lane == .control ? .anyone : nil)
        return Written([draft], about: [values.id]) { db in
          guard let values = try RowValues.fetch(row, collection, db) else { throw Fault.notFound("row") }
          var members = values.json()
          members["conflicts"] = try RowValues.conflicts(of: row, collection, db)
          return .object(members)
        }
      }
    ]
  }

  private static func value(_ text: String?, _ field: FieldSchema) throws -> Value {
    guard let text else { return .null }
    switch field.type {
    case .text: return .text(text)
    case .integer: if let number = Int64(text) { return .integer(number) }
    case .real: if let number = Double(text), number.isFinite { return .real(number) }
    case .bytes: break
    }
    throw Fault.badValue("value", ja: "この項目の値ではありません", en: "not a value of this field")
  }

  /// The values of which nobody who wrote one knew the other.
  private static func standing(
    _ row: RowID, _ field: FieldSchema, _ collection: CollectionSchema, _ desk: Desk
  ) throws -> [Value] {
    guard let cell = try desk.replica.store.state(of: row, in: collection.number)?.register(field.number),
      cell.isConflict
    else { return [] }
    return ([cell.winner] + cell.others).map(\.value)
  }

  /// Whether a value could as well be entered by the form that changes the field.
  private static func isFree(_ value: Value, _ field: FieldSchema, _ collection: CollectionSchema) -> Bool {
    guard let words = choices(collection.name, field.name), field.admits(.set(value)) else { return false }
    guard words.isEmpty else { return words.contains { .text($0.word) == value } }
    guard collection.name == ShelterSchema.shelters.name else {
      if case .text(let text) = value { return (1...20).contains(text.count) }
      return false
    }
    let json: JSON =
      switch value {
      case .text(let text): text.isEmpty ? .null : .text(text)
      case .integer(let number): .integer(number)
      case .real(let number): .real(number)
      case .null, .bytes: .null
      }
    let patch = try? JSONDecoder().decode(
      ShelterPatch.self, from: Data(JSON.object([Column.field(field.name): json]).bytes))
    return (try? patch?.edits(isNew: false))?.contains { $0.field == field.number && $0.operation == .set(value) }
      ?? false
  }
}
