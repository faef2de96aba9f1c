import Desk
import Foundation

/// A form's fields as a page shows them, and what a browser sends of them as the form's own JSON.
public struct Controls: Sendable {
  public struct Option: Sendable {
    public var value: String
    public var label: String

    public init(_ value: String, _ label: String) {
      self.value = value
      self.label = label
    }
  }

  private let blank: String
  private let fields: [FormField]
  private let language: Language
  /// Of fields that name a row or a ward, by what they name: `shelters`, `items`, `ward`.
  private let options: [String: [Option]]

  /// - Parameter blank: what a choice says of which nothing is chosen.
  public init(
    _ fields: [FormField], _ language: Language, options: [String: [Option]] = [:], blank: String = ""
  ) {
    self.blank = blank
    self.fields = fields
    self.language = language
    self.options = options
  }

  /// - Parameters:
  ///   - given: what was entered, by name, to be shown again.
  ///   - wrong: what is wrong with a field, by its name: said at the field, and the first of them is where one goes on.
  public func values(_ given: [String: [String]] = [:], wrong: [String: String] = [:]) -> [[String: Any]] {
    let first = fields.first { wrong[$0.name] != nil }?.name
    return fields.flatMap { field in control(field, given, wrong[field.name], isFirst: field.name == first) }
  }

  private func control(
    _ field: FormField, _ given: [String: [String]], _ problem: String?, isFirst: Bool
  ) -> [[String: Any]] {
    let entered = given[field.name] ?? []
    var control: [String: Any] = [
      "name": field.name, "label": language.pick(field.japanese, field.english), "isRequired": field.isRequired,
      "isWrong": problem != nil, "problem": problem ?? "", "isFirst": isFirst, "value": entered.first ?? "",
      "must": language.pick("必須", "required"), "blank": blank,
    ]
    func choices(_ list: [Option]) -> [[String: Any]] {
      // What stands is no longer among them, or never was: it is kept all the same.
      let others = entered.filter { value in !value.isEmpty && !list.contains { $0.value == value } }
      return (list + others.map { Option($0, $0) }).map {
        ["value": $0.value, "label": $0.label, "isChosen": entered.contains($0.value)]
      }
    }
    func words(_ list: [Choice]) -> [Option] { list.map { Option($0.word, language.pick($0.word, $0.english)) } }
    switch field.shape {
    case .text(let limit):
      control[limit > 200 ? "isArea" : "isText"] = true
      control["limit"] = limit
    case .secret(let limit):
      control[limit > 1_000 ? "isArea" : "isSecret"] = true
      // What is so long lies in a file: it is chosen, where there is a script, and not pasted.
      control["isFile"] = limit > 1_000
      control["limit"] = limit
      control["value"] = ""
    case .code(let limit):
      control["isText"] = true
      control["limit"] = limit
    case .decimal:
      control["isText"] = true
      control["limit"] = 30
    case .integer(let range):
      control["isInteger"] = true
      control["least"] = range.lowerBound > -1_000_000_000 ? "\(range.lowerBound)" : ""
    case .number: control["isNumber"] = true
    case .flag:
      control["isFlag"] = true
      control["isChosen"] = !entered.isEmpty
    case .date:
      control["isDate"] = true
      control["example"] = "1950-04-01"
    case .birth:
      control["isDate"] = true
      control["example"] = language.pick("1950-04-01・昭和25年頃・50歳・不明", "1950-04-01, about 1950, age 50, unknown")
    case .time: control["isTime"] = true
    case .choice(let list):
      control["isChoice"] = true
      control["options"] = choices(words(list))
    case .ward:
      control["isChoice"] = true
      control["options"] = choices(options["ward"] ?? [])
    case .row(let collection):
      if let list = options[collection] {
        control["isChoice"] = true
        control["options"] = choices(list)
      } else {
        control["isText"] = true
        control["limit"] = 40
      }
    case .list(.choice(let list), _):
      control["isChecks"] = true
      control["options"] = choices(words(list))
    case .list:
      control["isArea"] = true
      control["value"] = entered.joined(separator: "\n")
      control["limit"] = 4_000
      control["hint"] = language.pick("一行に一つ", "one on each line")
    case .counts(let list):
      control["isCounts"] = true
      control["options"] = list.map { choice -> [String: Any] in
        let name = "\(field.name).\(choice.word)"
        return [
          "value": name, "label": language.pick(choice.word, choice.english), "count": given[name]?.first ?? "",
        ]
      }
    }
    return [control]
  }

  /// What a browser sent, as the form reads it; fields that are empty are left out.
  public static func json(_ sent: [String: [String]], _ fields: [FormField]) -> JSON {
    var members: [String: JSON] = [:]
    for field in fields {
      let texts = (sent[field.name] ?? []).filter { !$0.isEmpty }
      switch field.shape {
      case .counts(let list):
        let counts = list.compactMap { choice -> (String, JSON)? in
          guard let text = sent["\(field.name).\(choice.word)"]?.first, !text.isEmpty else { return nil }
          return (choice.word, Int64(text).map { .integer($0) } ?? .text(text))
        }
        if !counts.isEmpty { members[field.name] = .object(Dictionary(uniqueKeysWithValues: counts)) }
      case .flag: if !texts.isEmpty { members[field.name] = .flag(true) }
      case .list(.choice, _): if !texts.isEmpty { members[field.name] = .list(texts.map { .text($0) }) }
      case .list(let shape, _):
        let lines = texts.flatMap { $0.split(whereSeparator: \.isNewline) }.map { one(String($0), shape) }
        if !lines.isEmpty { members[field.name] = .list(lines) }
      default: if let text = texts.first { members[field.name] = one(text, field.shape) }
      }
    }
    return .object(members)
  }

  /// What a row holds, as a form shows it and a browser sends it back.
  public static func texts(_ value: JSON, _ shape: FieldShape) -> [String] {
    switch (value, shape) {
    case (.integer(let number), .time): [localTime(number)]
    case (.text(let text), _): [text]
    case (.integer(let number), _): ["\(number)"]
    case (.real(let number), _): ["\(number)"]
    case (.flag(let flag), _): flag ? ["1"] : []
    case (.list(let list), _): list.compactMap(\.text)
    default: []
    }
  }

  /// As `datetime-local` has it, in Japan.
  private static func localTime(_ milliseconds: Int64) -> String {
    let style = Date.ISO8601FormatStyle(
      dateSeparator: .dash, dateTimeSeparator: .standard, timeSeparator: .colon,
      includingFractionalSeconds: milliseconds % 1_000 != 0, timeZone: TimeZone(secondsFromGMT: 9 * 3_600)!)
    return String(Date(timeIntervalSince1970: Double(milliseconds) / 1_000).formatted(style).prefix { $0 != "+" })
  }

  private static func one(_ text: String, _ shape: FieldShape) -> JSON {
    switch shape {
    case .integer: Int64(text).map { .integer($0) } ?? .text(text)
    case .number: Double(text).map { .real($0) } ?? .text(text)
    default: .text(text)
    }
  }
}
