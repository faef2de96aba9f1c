import Causality
import ChangeModel
import Federation
import Foundation

/// A word of a closed list: as the wards' forms say it, and its code for programs and in English.
public struct Choice: Hashable, Sendable {
  public var word: String
  public var code: String

  public init(_ word: String, _ code: String) {
    self.word = word
    self.code = code
  }

  /// As an English page says it: a code is words with hyphens between them.
  public var english: String { code.replacing("-", with: " ") }
}

/// What a field of a form takes.
public indirect enum FieldShape: Hashable, Sendable {
  /// At most so many characters.
  case text(Int)
  /// The same for what is no person's words: a card's content, which a My Number may seem to lie in.
  case secret(Int)
  /// A number or code that people read off something: plain ASCII, and not looked through for a My Number, since a tenth of
  /// all barcodes of twelve digits would pass for one.
  case code(Int)
  case integer(ClosedRange<Int64>)
  /// A number with at most so many decimals, kept as a whole number of the smallest unit; programs see it as a text.
  case decimal(Int, ClosedRange<Int64>)
  case number(ClosedRange<Double>)
  case flag
  /// `YYYY-MM-DD`, or less when no more is known: `YYYY-MM`, `YYYY`.
  case date
  /// The same, or `1950年頃`, `50歳`, `不明`: as far as it is known (`Birth`).
  case birth
  /// ISO 8601 with an offset, or milliseconds since 1970; kept as the latter.
  case time
  case choice([Choice])
  /// The id of a row of a collection; of a resident, the resident's ID too.
  case row(String)
  /// The code of a ward of this federation.
  case ward
  case list(FieldShape, Int)
  /// How many of each.
  case counts([Choice])
}

public struct FormField: Hashable, Sendable {
  public var name: String
  public var shape: FieldShape
  public var isRequired: Bool
  /// Whether it is a time that has passed when it is entered.
  public var isPast: Bool
  public var japanese: String
  public var english: String

  public init(
    _ name: String, _ shape: FieldShape, required: Bool = false, past: Bool = false, ja japanese: String,
    en english: String
  ) {
    isPast = past
    self.name = name
    self.shape = shape
    isRequired = required
    self.japanese = japanese
    self.english = english
  }

  /// The same field where it must be given.
  public var required: FormField {
    var field = self
    field.isRequired = true
    return field
  }
}

/// The fields that a request may hold; anything else is refused by its name.
public struct Form: Hashable, Sendable {
  public var fields: [FormField]

  public init(_ fields: [FormField]) { self.fields = fields }

  /// Bytes of a body that may hold it: of what fits on a page, and of files, each byte of which a browser writes as three.
  public var mostBytes: Int {
    fields.reduce(64 * 1024) { sum, field in
      switch field.shape {
      case .text(let limit) where limit > 16_000, .secret(let limit) where limit > 16_000: sum + 3 * limit
      default: sum
      }
    }
  }

  /// - Throws: `Fault`, naming the first field that is wrong and what it should be, with the others beside it.
  public func read(_ json: JSON, in federation: FederationIdentity) throws(Fault) -> Submission {
    guard case .object(let members) = json else {
      throw .badValue("", ja: "JSON のオブジェクトを送ってください", en: "send a JSON object")
    }
    var faults = members.keys.sorted().filter { name in !fields.contains { $0.name == name } }.prefix(Self.faultLimit)
      .map {
        Fault.badValue($0, ja: "「\($0)」という項目はありません", en: "no field is called \"\($0)\"")
      }
    var values: [String: JSON] = [:]
    for field in fields {
      do throws(Fault) { values[field.name] = try read(members[field.name], field, federation) } catch {
        faults.append(error)
      }
    }
    guard var first = faults.first else { return Submission(values: values) }
    first.others = Array(faults.dropFirst().prefix(Self.faultLimit))
    throw first
  }

  /// What was given, at the time at which it is: an age bears the day, nobody is born later, and what has happened has happened
  /// by now. Merging would count a later time as the change set's own: whoever enters it is told instead.
  func dated(_ given: Submission, at now: Instant) throws(Fault) -> Submission {
    var dated = given
    let today = JapaneseDay.text(now)
    for field in fields where field.shape == .birth {
      guard let text = given.text(field.name) else { continue }
      do throws(Birth.Problem) {
        dated.values[field.name] = .text(try Birth(text, today: today).kept(today: today))
      } catch { throw FieldReader.fault(field, error) }
    }
    for field in fields where field.isPast {
      guard case .integer(let time)? = given.values[field.name], time > now.milliseconds else { continue }
      guard time <= now.milliseconds + Entered.tolerance else {
        throw .badValue(
          field.name, ja: "\(field.japanese)が今より後です。日時を確かめてください(今は \(JapaneseDay.time(now)))",
          en: "\(field.english) is later than now: check the date and time (now it is \(JapaneseDay.time(now)))")
      }
      dated.values[field.name] = .integer(now.milliseconds)
    }
    return dated
  }

  /// What a form showed when it was made; what is no value of its field is left out.
  public func shown(_ members: [String: JSON], in federation: FederationIdentity) -> [String: JSON] {
    fields.reduce(into: [:]) { shown, field in
      guard let given = members[field.name] else { return }
      shown[field.name] =
        given == .null ? .null : try? FieldReader(field: field, federation: federation).read(given, field.shape)
    }
  }

  private static let faultLimit = 100

  /// - Parameter given: nil when the form does not hold the field.
  private func read(_ given: JSON?, _ field: FormField, _ federation: FederationIdentity) throws(Fault) -> JSON? {
    let missing = Fault.badValue(
      field.name, ja: "\(field.japanese)を入れてください", en: "\(field.english) is required")
    guard let given, given != .null else {
      guard !field.isRequired else { throw missing }
      return given
    }
    let value = try FieldReader(field: field, federation: federation).read(given, field.shape)
    guard !field.isRequired || (value != .text("") && value != .list([])) else { throw missing }
    return value
  }

  /// From a query or a path, where everything is text.
  public func read(texts: [String: String], in federation: FederationIdentity) throws(Fault) -> Submission {
    var members: [String: JSON] = [:]
    for (name, text) in texts {
      switch fields.first(where: { $0.name == name })?.shape {
      case .integer: members[name] = Int64(text).map { .integer($0) } ?? .text(text)
      case .number: members[name] = Double(text).map { .real($0) } ?? .text(text)
      case .flag:
        members[name] = ["1": true, "true": true, "0": false, "false": false][text].map { .flag($0) } ?? .text(text)
      case .time: members[name] = Int64(text).map { .integer($0) } ?? .text(text)
      default: members[name] = .text(text)
      }
    }
    return try read(.object(members), in: federation)
  }
}

/// What a form held, each value of its field's shape: times are milliseconds, choices their words, rows their ids.
public struct Submission: Hashable, Sendable {
  public var values: [String: JSON]
  /// What stood in those fields that the form had filled in when it was made.
  public var was: [String: JSON] = [:]

  public init(values: [String: JSON] = [:]) { self.values = values }

  public func has(_ name: String) -> Bool { values[name] != nil }
  public func text(_ name: String) -> String? { values[name]?.text.flatMap { $0.isEmpty ? nil : $0 } }
  public func integer(_ name: String) -> Int64? { values[name]?.integer }
  public func int(_ name: String) -> Int? { integer(name).map { Int($0) } }
  public func flag(_ name: String) -> Bool { values[name] == .flag(true) }
  public func row(_ name: String) -> RowID? { integer(name).map { RowID(rawValue: $0) } }
  public func texts(_ name: String) -> [String] { values[name]?.list.compactMap(\.text) ?? [] }

  /// Edits of every column that bears the name of one of `names` (a form's `leftFor` is the column `left_for`): of those
  /// that the form held.
  ///
  /// - Parameter standing: the row as it is, when there is one. Of a set, only what differs is written: from what the form
  ///   showed, else from what stands, so that what others have added since stays.
  public func edits(_ names: [String], of records: Records, standing: RowValues? = nil) -> [FieldEdit] {
    names.flatMap { name -> [FieldEdit] in
      guard let value = values[name], let field = records.field(named: name)?.schema else { return [] }
      switch field.kind {
      case .set:
        let (wanted, present) = (value.list.compactMap(\.text), standing?.texts(field.name) ?? [])
        let known = was[name]?.list.compactMap(\.text) ?? present
        return wanted.filter { !known.contains($0) && !present.contains($0) }.map {
          FieldEdit(field.number, .add(.text($0)))
        }
          + known.filter { !wanted.contains($0) && present.contains($0) }.map {
            FieldEdit(field.number, .remove(.text($0)))
          }
      case .register: return [FieldEdit(field.number, .set(Self.value(value, field.type)))]
      // What is added, received or spent is a rule's to say.
      case .counter, .log, .stock: return []
      }
    }
  }

  /// What the form would write over though somebody else has changed it since the form was made, and to something else. The
  /// value itself is for those who may look at it.
  func overtaken(_ form: Form, _ standing: RowValues?) -> Fault? {
    var faults = form.fields.compactMap { field -> Fault? in
      guard let was = was[field.name], let given = values[field.name], let records = standing?.records,
        let column = records.field(named: field.name)?.schema, column.kind == .register
      else { return nil }
      let here = standing?.value(column) ?? .null
      guard here != Self.value(was, column.type), here != Self.value(given, column.type) else { return nil }
      return Fault(
        .changed, field: field.name, ja: "\(field.japanese)は、この画面を開いた後に変えられています。入れた値にするなら、もう一度保存してください",
        en: "\(field.english) was changed after this page was opened: save again to write yours over it")
    }
    guard var first = faults.first else { return nil }
    faults.removeFirst()
    first.others = faults
    return first
  }

  private static func value(_ value: JSON, _ type: FieldType) -> Value {
    switch value {
    case .null, .list: .null
    // Counts by kind lie in a text.
    case .object: .text(String(decoding: value.bytes, as: UTF8.self))
    case .flag(let flag): .integer(flag ? 1 : 0)
    case .integer(let number): type == .real ? .real(Double(number)) : .integer(number)
    case .real(let number): .real(number)
    case .text(let text): text.isEmpty ? .null : .text(text)
    }
  }
}

/// A form's `leftFor` and a table's `left_for`.
public enum Column {
  public static func name(_ field: String) -> String {
    field.reduce(into: "") { text, character in
      if character.isUppercase { text += "_" + character.lowercased() } else { text.append(character) }
    }
  }

  public static func field(_ name: String) -> String {
    let parts = name.split(separator: "_")
    return parts.prefix(1).joined() + parts.dropFirst().map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
  }
}
