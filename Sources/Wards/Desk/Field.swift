import Causality
import ChangeModel
import Foundation

/// A Swift type that lies in a column. Reading is tolerant: another ward may have written anything of the column's type.
public protocol Cell: Sendable {
  static var type: FieldType { get }
  init?(_ value: Value)
  var value: Value { get }
}

/// A closed list of words: tables hold the word of the wards' forms, programs may send the code.
public protocol Word: Cell, CaseIterable, RawRepresentable where RawValue == String, AllCases == [Self] {
  var code: String { get }
}

extension Word {
  public static var choices: [Choice] { allCases.map { Choice($0.rawValue, $0.code) } }
  public var text: String { rawValue }
}

/// One column, said once: its number and type for merging, its shape for forms and answers, its words for people.
///
/// The number stands in signed change sets for ever: it is never used again for another field.
public protocol AnyField: Sendable {
  /// All that ChangeModel, Merge and Store ever see of it.
  var schema: FieldSchema { get }
  var shape: FieldShape { get }
  /// A row's own page shows it, and a list of rows does not: it goes without saying.
  var isAside: Bool { get }
}

extension AnyField {
  public var isAside: Bool { false }
  public var number: UInt32 { schema.number }
  /// As forms, answers and programs call it: `leftFor` for the column `left_for`.
  public var name: String { Column.field(schema.name) }
  public var words: Words { Words(schema.japanese, schema.english) }

  /// In a form that may leave it empty.
  public var asked: FormField {
    FormField(name, shape, past: schema.isPast, ja: schema.japanese, en: schema.english)
  }
  /// In a form that must give it.
  public var needed: FormField { asked.required }
}

/// A register: one value, the last that was written by whoever knew the others.
public struct Field<C: Cell>: AnyField {
  public let schema: FieldSchema
  public let shape: FieldShape
  public private(set) var isAside = false

  /// The same, left out of lists.
  public var aside: Field {
    var field = self
    field.isAside = true
    return field
  }

  fileprivate init(
    _ number: UInt32, _ name: String, _ shape: FieldShape, isRow: Bool = false, repeats: Party? = nil,
    isPast: Bool = false, _ ja: String, _ en: String
  ) {
    schema = FieldSchema(
      number, name, .register, C.type, isRow: isRow, repeats: repeats, isPast: isPast, ja: ja, en: en)
    self.shape = shape
  }

  /// - Parameter value: nil clears the field.
  public func set(_ value: C?) -> FieldEdit { FieldEdit(number, .set(value?.value ?? .null)) }
}

/// Several texts; who adds one wins over whoever takes it away at the same time.
public struct SetField: AnyField {
  public let schema: FieldSchema
  public let shape: FieldShape

  /// - Parameter limit: how many one form may give.
  public init(
    _ number: UInt32, _ name: String, of item: FieldShape, atMost limit: Int, _ ja: String, _ en: String
  ) {
    schema = FieldSchema(number, name, .set, .text, ja: ja, en: en)
    shape = .list(item, limit)
  }

  public func add(_ text: String) -> FieldEdit { FieldEdit(number, .add(.text(text))) }
  public func remove(_ text: String) -> FieldEdit { FieldEdit(number, .remove(.text(text))) }
}

/// A sum to which each adds.
public struct CounterField: AnyField {
  public let schema: FieldSchema
  public let shape: FieldShape
  /// How it is counted anew; nil where changes alone make it up.
  public let counting: Counting?

  public init(_ number: UInt32, _ name: String, _ ja: String, _ en: String, counting: Counting? = nil) {
    self.counting = counting
    schema = FieldSchema(number, name, .counter, .integer, ja: ja, en: en)
    shape = .integer(Numbers.any)
  }

  public func increment(by amount: Int64) -> FieldEdit { FieldEdit(number, .increment(amount)) }
}

/// A quantity of which each node holds a share, and spends only its own.
public struct StockField: AnyField {
  public let schema: FieldSchema
  public let shape: FieldShape

  public init(_ number: UInt32, _ name: String, _ range: ClosedRange<Int64>, _ ja: String, _ en: String) {
    schema = FieldSchema(number, name, .stock, .integer, ja: ja, en: en)
    shape = .integer(range)
  }

  public func receive(_ amount: Int64) -> FieldEdit { FieldEdit(number, .receive(amount)) }
  public func spend(_ amount: Int64) -> FieldEdit { FieldEdit(number, .spend(amount)) }
  public func handOver(_ amount: Int64, to author: AuthorNumber) -> FieldEdit {
    FieldEdit(number, .handOver(amount, to: author))
  }
  public func takeOver(_ amount: Int64, from author: AuthorNumber) -> FieldEdit {
    FieldEdit(number, .takeOver(amount, from: author))
  }
}

/// Lines that are only ever added.
public struct LogField: AnyField {
  public let schema: FieldSchema
  public let shape: FieldShape

  /// - Parameter limit: characters of one line.
  public init(_ number: UInt32, _ name: String, _ limit: Int, _ ja: String, _ en: String) {
    schema = FieldSchema(number, name, .log, .text, ja: ja, en: en)
    shape = .text(limit)
  }

  public func append(_ text: String) -> FieldEdit { FieldEdit(number, .append(.text(text))) }
}

// MARK: Kinds of register

extension Field where C == String {
  /// - Parameter limit: characters at most.
  public static func text(_ number: UInt32, _ name: String, _ limit: Int, _ ja: String, _ en: String) -> Field {
    Field(number, name, .text(limit), ja, en)
  }
  /// A day, a month or a year: `2026-01-17`, `2026-01`, `2026`.
  public static func date(_ number: UInt32, _ name: String, _ ja: String, _ en: String) -> Field {
    Field(number, name, .date, ja, en)
  }
  /// A birth as far as it is known: `Birth` says in which forms.
  public static func birth(_ number: UInt32, _ name: String = "birth") -> Field {
    Field(number, name, .birth, "生年月日", "Date of birth")
  }
  /// A word of a list that no Swift type stands for.
  public static func choice(
    _ number: UInt32, _ name: String, _ choices: [Choice], _ ja: String, _ en: String
  ) -> Field {
    Field(number, name, .choice(choices), ja, en)
  }
  /// How many of each kind, as a JSON object.
  public static func counts(
    _ number: UInt32, _ name: String, _ choices: [Choice], _ ja: String, _ en: String
  ) -> Field {
    Field(number, name, .counts(choices), ja, en)
  }
  /// A ward's code (JIS X 0402, five digits).
  ///
  /// - Parameter party: whose it repeats, of the wards that the row's id names; another code counts as that at merge.
  public static func ward(
    _ number: UInt32, _ name: String = "ward", of party: Party? = nil, _ ja: String = "区コード", _ en: String = "Ward"
  ) -> Field {
    Field(number, name, .ward, repeats: party, ja, en)
  }
  /// Who did something, by the name of the account.
  public static func user(_ number: UInt32, _ name: String, _ ja: String, _ en: String) -> Field {
    Field(number, name, .text(120), ja, en)
  }
}

extension Field where C == String {
  /// A code that is read off something; at most so many characters.
  public static func code(_ number: UInt32, _ name: String, _ limit: Int, _ ja: String, _ en: String) -> Field {
    Field(number, name, .code(limit), ja, en)
  }
}

extension Field where C == Int64 {
  /// - Parameter places: decimals that a form may give: the column holds a whole number of the smallest unit.
  public static func decimal(
    _ number: UInt32, _ name: String, places: Int, _ range: ClosedRange<Int64>, _ ja: String, _ en: String
  ) -> Field {
    Field(number, name, .decimal(places, range), ja, en)
  }
  public static func integer(
    _ number: UInt32, _ name: String, _ range: ClosedRange<Int64>, _ ja: String, _ en: String
  ) -> Field {
    Field(number, name, .integer(range), ja, en)
  }
}

extension Field where C == Double {
  public static func number(
    _ number: UInt32, _ name: String, _ range: ClosedRange<Double>, _ ja: String, _ en: String
  ) -> Field {
    Field(number, name, .number(range), ja, en)
  }
}

extension Field where C == Bool {
  public static func flag(_ number: UInt32, _ name: String, _ ja: String, _ en: String) -> Field {
    Field(number, name, .flag, ja, en)
  }
}

extension Field where C == Instant {
  /// When something happened: merging lets it be no later than the change set that says so.
  public static func time(_ number: UInt32, _ name: String, _ ja: String, _ en: String) -> Field {
    Field(number, name, .time, isPast: true, ja, en)
  }
  /// When something is to be, or ends.
  public static func deadline(_ number: UInt32, _ name: String, _ ja: String, _ en: String) -> Field {
    Field(number, name, .time, ja, en)
  }
}

extension Field where C == RowID {
  /// - Parameter collection: the name of the collection whose row it is; `any` when it may be of several.
  public static func row(
    _ number: UInt32, _ name: String, of collection: String, _ ja: String, _ en: String
  ) -> Field {
    Field(number, name, .row(collection), isRow: true, ja, en)
  }
}

extension Field where C == [UInt8] {
  /// What no form and no page shows: a hash, a signature.
  public static func bytes(_ number: UInt32, _ name: String, _ ja: String, _ en: String) -> Field {
    Field(number, name, .secret(0), ja, en)
  }
}

extension Field where C: Word {
  public static func word(_ number: UInt32, _ name: String, _ ja: String, _ en: String) -> Field {
    Field(number, name, .choice(C.choices), ja, en)
  }
}

extension Int64 {
  /// Held between -10^13 and 10^13, which no count and no time of this age passes: nothing in a table ends a process, by a sum
  /// of a few or a difference of two.
  public var held: Int64 { Swift.min(Swift.max(self, -Self.most), Self.most) }
  private static let most: Int64 = 10_000_000_000_000
}

extension Sequence where Element == Int64 {
  /// The sum of however many, held.
  public var total: Int64 { reduce(0) { ($0 + $1.held).held } }
}

/// Ranges that several forms share.
public enum Numbers {
  /// As far as every program's numbers are exact (RFC 8259, section 6).
  public static let any: ClosedRange<Int64> = -9_007_199_254_740_991...9_007_199_254_740_991
  public static let people: ClosedRange<Int64> = 0...1_000_000
  public static let latitudes: ClosedRange<Double> = 20...46
  public static let longitudes: ClosedRange<Double> = 122...154
}

// MARK: Cells

extension String: Cell {
  public static var type: FieldType { .text }
  public init?(_ value: Value) {
    guard case .text(let text) = value else { return nil }
    self = text
  }
  public var value: Value { isEmpty ? .null : .text(self) }
}

extension Int64: Cell {
  public static var type: FieldType { .integer }
  /// Held to what a form could give: what merged is anybody's word, and sums of it must stay numbers.
  public init?(_ value: Value) {
    guard case .integer(let number) = value else { return nil }
    self = number.held
  }
  public var value: Value { .integer(self) }
}

extension Double: Cell {
  public static var type: FieldType { .real }
  public init?(_ value: Value) {
    guard case .real(let number) = value, number.isFinite else { return nil }
    self = number
  }
  public var value: Value { .real(self) }
}

extension Bool: Cell {
  public static var type: FieldType { .integer }
  public init?(_ value: Value) {
    guard case .integer(let number) = value else { return nil }
    self = number == 1
  }
  public var value: Value { .integer(self ? 1 : 0) }
}

extension Instant: Cell {
  public static var type: FieldType { .integer }
  public init?(_ value: Value) {
    guard case .integer(let number) = value else { return nil }
    self.init(milliseconds: number.held)
  }
  public var value: Value { .integer(milliseconds) }
}

extension RowID: Cell {
  public static var type: FieldType { .integer }
  public init?(_ value: Value) {
    guard case .integer(let number) = value else { return nil }
    self.init(rawValue: number)
  }
  public var value: Value { .integer(rawValue) }
}

extension [UInt8]: Cell {
  public static var type: FieldType { .bytes }
  public init?(_ value: Value) {
    guard case .bytes(let bytes) = value else { return nil }
    self = bytes
  }
  public var value: Value { .bytes(self) }
}

extension Word {
  public static var type: FieldType { .text }
  public init?(_ value: Value) {
    guard case .text(let text) = value else { return nil }
    self.init(rawValue: text)
  }
  public var value: Value { .text(rawValue) }
}
