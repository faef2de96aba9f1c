import Causality
import ChangeModel
import Desk
import Replica

/// What a person changes of a shelter at once. Nil: leave it.
public struct ShelterPatch: Codable, Hashable, Sendable {
  public var ward: String?
  public var name: String?
  public var kana: String?
  public var address: String?
  public var latitude: Double?
  public var longitude: Double?
  public var phone: String?
  public var capacity: Int?
  /// A word of `FacilityKind` or its code.
  public var facility: String?
  /// Floor for people, square metres.
  public var area: Double?
  public var toilets: Int?
  public var remarks: String?
  /// A word of `ShelterStatus` or its code.
  public var status: String?
  /// A word of `ShelterCrowding` or its code.
  public var crowding: String?
  /// People who came (or, below 0, left) since the last count that this desk entered.
  public var occupancyChange: Int?
  public var addNeeds: [String]?
  public var removeNeeds: [String]?
  public var note: String?

  public init() {}
}

extension ShelterPatch {
  /// One change at a desk counts fewer people than this.
  private static let occupancyLimit = 100_000
  private static let textLimit = 2_000
  private static let listLimit = 100

  /// The patch as field edits.
  ///
  /// - Parameter isNew: a new shelter needs a name and a ward.
  public func edits(isNew: Bool) throws(Fault) -> [FieldEdit] {
    typealias Field = ShelterSchema.Field
    var edits: [FieldEdit] = []
    if isNew {
      guard name?.isEmpty == false else { throw Fault.badValue("name", ja: "名称を入れてください", en: "a name is required") }
      guard ward != nil else { throw Fault.badValue("ward", ja: "区市町村コードを入れてください", en: "a ward code is required") }
      if status == nil { edits.append(FieldEdit(Field.status, .set(.text(ShelterStatus.notOpen.rawValue)))) }
      edits.append(FieldEdit(Field.source, .set(.text("手入力"))))
    }
    if let ward {
      guard ward.utf8.count == 5, ward.utf8.allSatisfy({ (48...57).contains($0) }) else {
        throw Fault.badValue("ward", ja: "5 桁の区市町村コードを入れてください", en: "must be a five-digit municipality code")
      }
    }
    let texts: [(String, UInt32, String?)] = [
      ("ward", Field.ward, ward), ("name", Field.name, name), ("kana", Field.kana, kana),
      ("address", Field.address, address), ("phone", Field.phone, phone), ("remarks", Field.remarks, remarks),
    ]
    for (label, field, text) in texts {
      guard let text else { continue }
      edits.append(FieldEdit(field, .set(text.isEmpty ? .null : .text(try Self.checked(text, label)))))
    }
    if let name, name.isEmpty { throw Fault.badValue("name", ja: "名称は空にできません", en: "must not be empty") }
    if let latitude {
      edits.append(FieldEdit(Field.latitude, .set(.real(try Self.checked(latitude, "latitude", 20...46)))))
    }
    if let longitude {
      edits.append(FieldEdit(Field.longitude, .set(.real(try Self.checked(longitude, "longitude", 122...154)))))
    }
    if let capacity {
      guard (0...10_000_000).contains(capacity) else {
        throw Fault.badValue("capacity", ja: "0 以上の数を入れてください", en: "must be 0 or more")
      }
      edits.append(FieldEdit(Field.capacity, .set(.integer(Int64(capacity)))))
    }
    if let facility {
      guard let kind = FacilityKind.allCases.first(where: { $0.rawValue == facility || $0.code == facility }) else {
        let words = FacilityKind.allCases.map { "\($0.rawValue) (\($0.code))" }.joined(separator: ", ")
        throw Fault.badValue("facility", ja: "次のどれかにしてください: \(words)", en: "must be one of \(words)")
      }
      edits.append(FieldEdit(Field.facility, .set(.text(kind.rawValue))))
    }
    if let area {
      guard (0...1_000_000).contains(area) else {
        throw Fault.badValue("area", ja: "0 以上 1,000,000 m² 以下にしてください", en: "must be from 0 to 1,000,000 m²")
      }
      edits.append(FieldEdit(Field.area, .set(.real(area == 0 ? 0 : area))))
    }
    if let toilets {
      guard (0...10_000).contains(toilets) else {
        throw Fault.badValue("toilets", ja: "0 から 10,000 までにしてください", en: "must be from 0 to 10,000")
      }
      edits.append(FieldEdit(Field.toilets, .set(.integer(Int64(toilets)))))
    }
    try appendState(to: &edits)
    guard !edits.isEmpty else { throw Fault.badValue("", ja: "変更する項目がありません", en: "nothing to change") }
    return edits
  }

  private func appendState(to edits: inout [FieldEdit]) throws(Fault) {
    typealias Field = ShelterSchema.Field
    if let status {
      guard let value = ShelterStatus(status) else {
        let words = ShelterStatus.allCases.map { "\($0.rawValue) (\($0.code))" }.joined(separator: ", ")
        throw Fault.badValue("status", ja: "次のどれかにしてください: \(words)", en: "must be one of \(words)")
      }
      edits.append(FieldEdit(Field.status, .set(.text(value.rawValue))))
    }
    if let crowding {
      guard let value = ShelterCrowding(crowding) else {
        let words = ShelterCrowding.allCases.map { "\($0.rawValue) (\($0.code))" }.joined(separator: ", ")
        throw Fault.badValue("crowding", ja: "次のどれかにしてください: \(words)", en: "must be one of \(words)")
      }
      edits.append(FieldEdit(Field.crowding, .set(.text(value.rawValue))))
    }
    if let occupancyChange, occupancyChange != 0 {
      guard (-Self.occupancyLimit...Self.occupancyLimit).contains(occupancyChange) else {
        throw Fault.badValue(
          "occupancyChange", ja: "一度に \(Self.occupancyLimit) 人までです", en: "at most \(Self.occupancyLimit) at once")
      }
      edits.append(FieldEdit(Field.occupancy, .increment(Int64(occupancyChange))))
    }
    for need in try Self.checked(addNeeds ?? [], "addNeeds") { edits.append(FieldEdit(Field.needs, .add(.text(need)))) }
    for need in try Self.checked(removeNeeds ?? [], "removeNeeds") {
      edits.append(FieldEdit(Field.needs, .remove(.text(need))))
    }
    if let note { edits.append(FieldEdit(Field.notes, .append(.text(try Self.checked(note, "note"))))) }
  }

  private static func checked(_ text: String, _ field: String) throws(Fault) -> String {
    guard text.utf8.count <= textLimit, !text.utf8.contains(0) else {
      throw Fault.badValue(field, ja: "長すぎるか、使えない文字があります", en: "too long, or holds a character that cannot be kept")
    }
    return text
  }

  private static func checked(_ list: [String], _ field: String) throws(Fault) -> [String] {
    guard list.count <= listLimit, list.allSatisfy({ !$0.isEmpty }) else {
      throw Fault.badValue(field, ja: "空の値、または多すぎる値があります", en: "empty values, or too many")
    }
    return try list.map { text throws(Fault) in try checked(text, field) }
  }

  private static func checked(
    _ number: Double, _ field: String, _ range: ClosedRange<Double>
  ) throws(Fault) -> Double {
    guard range.contains(number) else {
      throw Fault.badValue(field, ja: "日本の範囲を外れています", en: "must be from \(range.lowerBound) to \(range.upperBound)")
    }
    return number
  }
}

extension ShelterPatch {
  /// A human's choice in a conflict: one field gets one value, which replaces all that this node sees.
  public static func resolution(_ field: FieldSchema, _ value: Value) throws(Fault) -> [FieldEdit] {
    guard field.kind == .register, field.admits(.set(value)) else {
      throw Fault.badValue(field.name, ja: "この項目には選べない値です", en: "not a value of this field")
    }
    return [FieldEdit(field.number, .set(value))]
  }
}
