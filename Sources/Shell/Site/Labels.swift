import Desk

/// What the members of an answer are called and how they read: as the answer's own endpoint declares them, else as the
/// services do that have a member of this name.
public struct Labels: Sendable {
  private struct Member: Sendable {
    var words: Words
    var shape: FieldShape
  }

  private var members: [String: Member]
  /// Of one answer: its columns as they are declared, those by which a record is called, those that a list leaves out, and how
  /// a state looks, by its code.
  private(set) var order: [String] = []
  private(set) var title: [String] = []
  private(set) var subject = Words("", "")
  private(set) var aside: Set<String> = []
  private(set) var tones: [String: String] = [:]
  /// What lies within, by the member that holds it: the same name may say something else there.
  private var parts: [String: Answer] = [:]
  /// The codes of words: what an English page shows of them.
  private var codes: [String: String]
  /// What an endpoint is called, where an answer names one.
  private let endpoints: [String: Words]

  /// What the engine itself adds to answers.
  private static let engine: [(String, FieldShape, String, String)] = [
    ("id", .row("any"), "番号", "ID"), ("conflicts", .list(.text(60), 64), "要確認の項目", "To check"),
    ("state", .text(60), "状態", "State"), ("residentId", .text(20), "住民ID", "Resident ID"),
    ("what", .text(200), "内容", "What"), ("action", .text(60), "操作", "Action"),
  ]

  public init(_ catalogue: Catalogue) {
    members = [:]
    codes = [:]
    endpoints = catalogue.endpoints.reduce(into: [:]) { $0[$1.id] = $1.words }
    for records in catalogue.services.flatMap(\.records) { add(records.fields, replacing: false) }
    for endpoint in catalogue.endpoints {
      for field in endpoint.form.fields {
        add(field.name, field.shape, Words(field.japanese, field.english), replacing: false)
      }
      add(endpoint.answer.members, replacing: false)
    }
    for (name, shape, ja, en) in Self.engine { add(name, shape, Words(ja, en), replacing: false) }
  }

  /// The same where this answer's own words come first.
  public func of(_ answer: Answer) -> Labels {
    var own = self
    (own.title, own.subject, own.aside, own.tones) = ([], Words("", ""), [], [:])
    own.parts = Dictionary(
      answer.members.compactMap { member in member.answer.map { (member.name, $0) } }, uniquingKeysWith: { $1 })
    // What lies within comes first, so that what is outside keeps its name; both before what other answers call it.
    for inner in answer.members.compactMap(\.answer) {
      if let records = inner.records { own.add(records.fields, replacing: true) }
      own.add(inner.members, replacing: true)
    }
    if let records = answer.records {
      own.add(records.fields, replacing: true)
      own.subject = records.words
      own.title = records.title.map(\.name)
      own.aside = records.aside
      own.tones = Dictionary(records.states.map { ($0.code, $0.tone.rawValue) }) { first, _ in first }
      own.order = ["state", "conflicts"] + answer.members.map(\.name) + records.fields.map(\.name)
    } else {
      own.order = answer.members.map(\.name)
    }
    own.add(answer.beside, replacing: true)
    own.add(answer.members, replacing: true)
    return own
  }

  /// For what lies within a member of the answer.
  func within(_ name: String) -> Labels { parts[name].map { of($0) } ?? self }

  /// The collection whose rows a member names; nil where it names none.
  public func target(of name: String) -> String? {
    guard case .row(let collection)? = members[name]?.shape else { return nil }
    return collection
  }

  public func of(_ records: Records) -> Labels { of(.row(records)) }

  private mutating func add(_ members: [Answer.Member], replacing: Bool) {
    for member in members {
      add(member.name, member.shape ?? .text(0), member.words, replacing: replacing)
      // What lies within is named by its own words, where nothing outside has its name.
      if let answer = member.answer {
        if let records = answer.records { add(records.fields, replacing: false) }
        add(answer.members, replacing: false)
      }
    }
  }

  private mutating func add(_ fields: [any AnyField], replacing: Bool) {
    for field in fields { add(field.name, field.shape, field.words, replacing: replacing) }
  }

  private mutating func add(_ name: String, _ shape: FieldShape, _ words: Words, replacing: Bool) {
    if replacing || members[name] == nil { members[name] = Member(words: words, shape: shape) }
    switch shape {
    case .choice(let list), .counts(let list), .list(.choice(let list), _):
      for choice in list where replacing || codes[choice.word] == nil { codes[choice.word] = choice.english }
    default: break
    }
  }

  public func label(_ name: String, _ language: Language) -> String {
    members[name]?.words.text(in: language) ?? name
  }

  /// Whether a member is a time: a number that is read as none.
  func isTime(_ name: String) -> Bool { members[name]?.shape == .time }

  /// A value as text, in one line.
  ///
  /// - Parameter known: names of rows, by id: a shelter's, an item's.
  public func text(_ name: String, _ value: JSON, _ language: Language, known: [String: String] = [:]) -> String {
    switch value {
    case .null: return ""
    case .flag(let flag): return language.pick(flag ? "はい" : "いいえ", flag ? "yes" : "no")
    case .integer(let number):
      switch members[name]?.shape {
      case .time: return language.time(number)
      case .flag: return language.pick(number == 1 ? "はい" : "いいえ", number == 1 ? "yes" : "no")
      case .decimal(let places, _): return FixedPoint.text(number, places: places)
      default: return language.number(number)
      }
    case .real(let number):
      return number == number.rounded() && abs(number) < 1e15 ? language.number(Int64(number)) : "\(number)"
    case .text(let text):
      if let name = known[text] { return name }
      if name == "action", let words = endpoints[text] ?? OperatorAct(rawValue: text)?.words {
        return words.text(in: language)
      }
      if name == "action", text == AuditTrail.record { return language.pick("(その区の)記録", "a record of that ward") }
      return language == .english ? codes[text] ?? text : text
    case .list(let list):
      return list.map { self.text(name, $0, language, known: known) }.joined(separator: language.pick("、", ", "))
    case .object(let members): return text(name, members, language, known)
    }
  }

  private func text(
    _ name: String, _ members: [String: JSON], _ language: Language, _ known: [String: String]
  ) -> String {
    // What somebody reported, in a line.
    if members["source"] != nil, case .text? = members["status"] {
      return ["status", "source", "observedAt", "place"].compactMap { name in
        members[name].map { text(name, $0, language, known: known) }
      }.filter { !$0.isEmpty }.joined(separator: " · ")
    }
    if let report = members["report"], members["status"] != nil { return text(name, report, language, known: known) }
    if case .text(let japanese)? = members["ja"], case .text(let english)? = members["en"] {
      return language.pick(japanese, english)
    }
    return members.sorted { $0.key < $1.key }.map { member in
      let label =
        known[member.key]
        ?? (codes[member.key] == nil ? label(member.key, language) : text(name, .text(member.key), language))
      return "\(label): \(text(member.key, member.value, language, known: known))"
    }.joined(separator: language.pick("、", ", "))
  }
}
