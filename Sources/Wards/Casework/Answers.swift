import ChangeModel
import Desk
import Federation
import Procedures

/// A definition's fields as a form, and what a form gives as the engine reads it.
public enum Answers {
  static let flags = [Choice("はい", "yes"), Choice("いいえ", "no")]
  /// What parts of one item of a list stand between.
  private static let separators: Set<Character> = [",", "、", "，", "\t"]

  /// Nothing is required here: a field that is hidden need not be given, and only the whole form says which is.
  public static func field(_ field: Procedure.Field, prefix: String = "") -> FormField {
    let shape: FieldShape =
      switch field.type {
      case "int": .integer(field.range ?? -1_000_000_000_000...1_000_000_000_000)
      case "flag": .choice(flags)
      case "date": .date
      case "choice": .choice(field.choices.map { Choice($0.ja, $0.code) })
      case "choices": .list(.choice(field.choices.map { Choice($0.ja, $0.code) }), 50)
      case "photo": .list(.text(200), 20)
      case "repeat": .list(.text(300), 50)
      case "text": .text(1_000)
      default: .text(200)
      }
    let parts = field.parts.isEmpty ? "" : "(一行に一つ: \(field.parts.map(\.ja).joined(separator: "、")))"
    return FormField("\(prefix)\(field.name)", shape, ja: field.ja + parts, en: field.name)
  }

  public static func fields(_ procedure: Procedure, prefix: String = "") -> [FormField] {
    procedure.fields.filter { !$0.isCalculated }.map { field($0, prefix: prefix) }
  }

  /// Reads what was entered: hidden fields are dropped, and what has to be given is.
  ///
  /// - Parameters:
  ///   - asked: the form's fields: of the procedure, or of an act.
  ///   - fold: the case as it stands with what was entered.
  static func read(
    _ json: JSON, _ asked: [Procedure.Field], in federation: FederationIdentity,
    _ fold: ([String: Datum]) -> CaseFold
  ) throws -> [String: Datum] {
    let asked = asked.filter { !$0.isCalculated }
    let given = try Form(asked.map { field($0) }).read(json, in: federation)
    var data: [String: Datum] = [:]
    for field in asked { data[field.name] = try datum(given.values[field.name] ?? .null, field) }
    let all = fold(data)
    for field in asked where !all.shows(field, with: data) { data[field.name] = nil }
    let shown = fold(data)
    for field in asked where shown.shows(field, with: data) {
      if field.isRequired, isMissing(data[field.name]) {
        throw Fault.badValue(field.name, ja: "\(field.ja)を入れてください", en: "\(field.name) is required")
      }
      guard isMissing(data[field.name]) || shown.admits(field, with: data) else {
        throw Fault.badValue(field.name, ja: field.says ?? "\(field.ja)を確かめてください", en: "\(field.name) is not right")
      }
    }
    return data.filter { !isMissing($0.value) }
  }

  private static func isMissing(_ datum: Datum?) -> Bool {
    datum == nil || datum == .null || datum == .text("") || datum == .list([])
  }

  private static func datum(_ value: JSON, _ field: Procedure.Field) throws -> Datum {
    func code(_ word: String) -> Datum { .text(field.choices.first { $0.ja == word }?.code ?? word) }
    switch (field.type, value) {
    case (_, .null): return .null
    case ("flag", .text(let word)): return .flag(word == flags[0].word)
    case ("choice", .text(let word)): return code(word)
    case ("choices", .list(let words)): return .list(words.compactMap(\.text).map(code))
    case ("repeat", .list(let lines)): return .list(try lines.compactMap(\.text).map { try item($0, field) })
    case (_, .list(let items)): return .list(items.compactMap(\.text).map { .text($0) })
    case (_, .integer(let number)): return .integer(number)
    case (_, .text(let text)): return text.isEmpty ? .null : .text(text)
    case (_, .flag(let flag)): return .flag(flag)
    default: return .null
    }
  }

  /// One item of a list: its parts in their order.
  private static func item(_ line: String, _ field: Procedure.Field) throws -> Datum {
    let words = line.split(omittingEmptySubsequences: false, whereSeparator: separators.contains).map {
      String($0).trimmingPrefix { $0.isWhitespace }
    }
    guard words.count <= field.parts.count else {
      throw Fault.badValue(
        field.name, ja: "\(field.ja)は一行に「\(field.parts.map(\.ja).joined(separator: "、"))」の順です",
        en: "each line of \(field.name) has \(field.parts.count) parts")
    }
    var parts: [String: Datum] = [:]
    for (part, word) in zip(field.parts, words) where !word.isEmpty { parts[part.name] = .text(String(word)) }
    for part in field.parts where part.isRequired && parts[part.name] == nil {
      throw Fault.badValue(
        field.name, ja: "\(field.ja)の\(part.ja)を入れてください", en: "\(part.name) is required in each line")
    }
    return .map(parts)
  }

  // MARK: As a row keeps them

  static func json(_ datum: Datum) -> JSON {
    switch datum {
    case .null: .null
    case .flag(let flag): .flag(flag)
    case .integer(let number): .integer(number)
    case .text(let text): .text(text)
    case .list(let items): .list(items.map(json))
    case .map(let members): .object(members.mapValues(json))
    }
  }

  static func datum(_ json: JSON) -> Datum {
    switch json {
    case .null, .real: .null
    case .flag(let flag): .flag(flag)
    case .integer(let number): .integer(number)
    case .text(let text): .text(text)
    case .list(let items): .list(items.map(datum))
    case .object(let members): .map(members.mapValues(datum))
    }
  }

  /// What people read of an answer.
  static func shown(_ datum: Datum, _ field: Procedure.Field?) -> String {
    switch datum {
    case .null: ""
    case .flag(let flag): flag ? flags[0].word : flags[1].word
    case .integer(let number): "\(number)"
    case .text(let text): field?.choices.first { $0.code == text }?.ja ?? text
    case .list(let items): items.map { shown($0, field) }.joined(separator: "、")
    case .map(let members):
      (field?.parts.map(\.name) ?? members.keys.sorted()).compactMap { members[$0] }.map { shown($0, nil) }.joined(
        separator: " ")
    }
  }
}
