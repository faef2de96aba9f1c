import ChangeModel
import Desk

/// 台帳の設計: which fields a ward's own register has. A version is never edited: a change is another version, and each entry
/// names the one by which it was made, so that no merge gives a value another meaning.
///
/// Data alone: no expression, no pattern. Whatever another node wrote, reading it costs at most `mostBytes`.
public struct RegisterDesign: Hashable, Sendable {
  public struct Field: Hashable, Sendable {
    /// The same field in every version, adopted ones included: `VERSION.SLOT` of where it came in.
    public var key: String
    /// The column of an entry that holds it, in this version.
    public var slot: Int
    public var ja: String
    public var en: String
    public var kind: OwnItems.Kind
    public var unit: String?
    public var choices: [String] = []
    /// What values from so much on are called, from low to high.
    public var bands: [Band] = []
    public var isNeeded = false
    /// What it is in a standard, so that registers of several wards can be told together: `sip4d:01-007-01.houseno`.
    public var standard: String?
    /// Asked for no longer; what was entered in it stands.
    public var isEnded = false
  }

  public struct Band: Hashable, Sendable {
    public var from: Double
    public var name: String
  }

  public static let slots = 20..<60
  static let mostBytes = 24_000
  private static let mostChoices = 64
  private static let mostBands = 10
  private static let labels = 100

  public private(set) var fields: [Field]

  init() { fields = [] }

  public var asked: [Field] { fields.filter { !$0.isEnded } }

  // MARK: As a row keeps it

  /// - Throws: what is wrong with it: another node may have written anything.
  public init(_ text: String) throws(Fault) {
    guard text.utf8.count <= Self.mostBytes else { throw Self.broken("大きすぎます", "too large") }
    let list = try JSON.decode([UInt8](text.utf8)).list
    guard list.count <= Self.slots.count else { throw Self.broken("項目が多すぎます", "too many fields") }
    var read: [Field] = []
    for member in list { read.append(try Self.field(member)) }
    guard Set(read.map(\.slot)).count == read.count, Set(read.map(\.key)).count == read.count else {
      throw Self.broken("一つの枠に項目が二つあります", "two fields in one slot")
    }
    fields = read
  }

  private static func broken(_ ja: String, _ en: String) -> Fault {
    .refused("id", ja: "この台帳の設計は読めません(\(ja))", en: "the register's design cannot be read (\(en))")
  }

  private static func field(_ json: JSON) throws(Fault) -> Field {
    func short(_ name: String) -> String? {
      json[name].text.flatMap { $0.isEmpty || $0.count > labels ? nil : $0 }
    }
    guard let slot = json["slot"].integer.flatMap({ Int(exactly: $0) }), slots.contains(slot), let key = short("key"),
      let ja = short("ja"), let kind = OwnItems.Kind.allCases.first(where: { $0.code == json["kind"].text })
    else { throw broken("項目が欠けています", "a field is incomplete") }
    var field = Field(key: key, slot: slot, ja: ja, en: short("en") ?? ja, kind: kind)
    field.unit = short("unit")
    field.standard = short("standard")
    field.choices = json["choices"].list.prefix(mostChoices).compactMap(\.text).map { String($0.prefix(labels)) }
    guard Set(field.choices).count == field.choices.count else { throw broken("同じ選択肢があります", "a choice twice") }
    for band in json["bands"].list.prefix(mostBands) {
      guard let from = band["from"].number, from.isFinite, let name = band["name"].text else {
        throw broken("しきい値が読めません", "a threshold cannot be read")
      }
      field.bands.append(Band(from: from, name: String(name.prefix(labels))))
    }
    field.isNeeded = json["needed"] == .flag(true)
    field.isEnded = json["ended"] == .flag(true)
    return field
  }

  var text: String {
    let list = fields.map { field -> JSON in
      var members: [String: JSON] = [
        "key": .text(field.key), "slot": JSON(field.slot), "ja": .text(field.ja), "kind": .text(field.kind.code),
      ]
      if field.en != field.ja { members["en"] = .text(field.en) }
      if let unit = field.unit { members["unit"] = .text(unit) }
      if let standard = field.standard { members["standard"] = .text(standard) }
      if !field.choices.isEmpty { members["choices"] = .list(field.choices.map { .text($0) }) }
      if !field.bands.isEmpty {
        members["bands"] = .list(field.bands.map { ["from": .real($0.from), "name": .text($0.name)] })
      }
      if field.isNeeded { members["needed"] = true }
      if field.isEnded { members["ended"] = true }
      return .object(members)
    }
    return String(decoding: JSON.list(list).bytes, as: UTF8.self)
  }

  // MARK: Changes

  /// - Parameters:
  ///   - version: the row that the changed design will be.
  ///   - taken: slots that other versions of the register use: an old one never gets another meaning by a version to come.
  mutating func add(_ field: Field, in version: RowID, taken: Set<Int>) throws(Fault) {
    guard !fields.contains(where: { !$0.isEnded && $0.ja == field.ja }) else {
      throw .badValue("labelJa", ja: "「\(field.ja)」という項目はもうあります", en: "there is a field of that name")
    }
    var field = field
    field.slot = try free(besides: taken)
    field.key = "\(version).\(field.slot)"
    fields.append(field)
    try mustFit()
  }

  mutating func change(_ key: String, _ body: (inout Field) -> Void) throws(Fault) {
    guard let place = fields.firstIndex(where: { $0.key == key && !$0.isEnded }) else { throw .notFound("field") }
    body(&fields[place])
    try mustFit()
  }

  /// The fields of both. Of one that both have, this design's words stand; one whose slot is taken here gets another.
  mutating func join(_ other: RegisterDesign, taken: Set<Int>) throws(Fault) {
    for var field in other.fields where !fields.contains(where: { $0.key == field.key }) {
      if fields.contains(where: { $0.slot == field.slot }) { field.slot = try free(besides: taken) }
      fields.append(field)
    }
    try mustFit()
  }

  private func free(besides taken: Set<Int>) throws(Fault) -> Int {
    let used = taken.union(fields.map(\.slot))
    guard let slot = Self.slots.first(where: { !used.contains($0) }) else {
      throw .refused(
        "id", ja: "項目は廃止したものも含めて \(Self.slots.count) までです", en: "a register has \(Self.slots.count) fields at most")
    }
    return slot
  }

  private func mustFit() throws(Fault) {
    for field in fields where field.bands.count > Self.mostBands || field.choices.count > Self.mostChoices {
      throw .refused(
        "id", ja: "「\(field.ja)」のしきい値は \(Self.mostBands)、選択肢は \(Self.mostChoices) までです",
        en: "a field has \(Self.mostBands) thresholds and \(Self.mostChoices) choices at most")
    }
    guard text.utf8.count <= Self.mostBytes else {
      throw .refused("id", ja: "台帳の設計が大きすぎます。選択肢や名前を短くしてください", en: "the design is too large: shorten it")
    }
  }
}

extension RegisterDesign.Field {
  /// As a form asks for it: under its slot, which is what an entry calls it.
  public func asked(_ prefix: String = "") -> FormField {
    let limits = unit.map { "(\($0))" } ?? ""
    return FormField(prefix + name, kind.shape(choices), required: isNeeded, ja: ja + limits, en: en + limits)
  }

  /// In forms, answers and files for programs: `s20`.
  public var name: String { "s\(slot)" }

  /// What a value is called by the thresholds; nil below all of them.
  public func band(of text: String) -> String? {
    guard let number = Double(text) else { return nil }
    return bands.filter { number >= $0.from }.max { $0.from < $1.from }?.name
  }

  public func shown(_ text: String) -> String {
    if kind == .flag { return text == "1" ? "はい" : "いいえ" }
    return [text + (unit ?? ""), band(of: text).map { "(\($0))" }].compactMap(\.self).joined()
  }

  /// `30=注意, 60=警戒`: as a page asks for thresholds.
  static func bands(_ text: String) throws(Fault) -> [RegisterDesign.Band] {
    var bands: [RegisterDesign.Band] = []
    for part in text.split(whereSeparator: { [",", "、", "，", "\n"].contains($0) }) {
      let pair = part.split(separator: "=", maxSplits: 1).map { $0.trimmingPrefix { $0.isWhitespace } }
      guard pair.count == 2, let from = Double(pair[0].filter { !$0.isWhitespace }), from.isFinite else {
        throw .badValue("bands", ja: "「30=注意, 60=警戒」のように入れてください", en: "write it as 30=caution, 60=alert")
      }
      bands.append(.init(from: from, name: String(pair[1].prefix(100))))
    }
    return bands.sorted { $0.from < $1.from }
  }
}
