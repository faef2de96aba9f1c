import Sodium

/// A procedure as data: its form, rule tables, acts, states and its own tests; one version of it, named by its hash. Nodes run no
/// workflow: they fold a set of acts, and a case's state is the first condition that holds, so the order of arrival cannot matter.
public struct Procedure: Sendable {
  public struct Field: Hashable, Sendable {
    public var name: String
    public var type: String
    public var ja: String
    public var isRequired: Bool
    /// Of a choice: what is kept, and how people call it.
    public var choices: [(code: String, ja: String)] { zip(codes, words).map { ($0, $1) } }
    var codes: [String] = []
    var words: [String] = []
    public var range: ClosedRange<Int64>?
    /// What is told where `check` does not hold.
    public var says: String?
    /// Of a repeat: what each item has.
    public var parts: [Field] = []
    var condition: Expression?
    var check: Expression?
    var calculation: Expression?

    public var isCalculated: Bool { calculation != nil }
  }

  public struct Act: Hashable, Sendable {
    public var name: String
    public var ja: String
    /// Duties whose holders may do it; `resident` is the applicant.
    public var duties: [String]
    public var asks: [Field]
    /// Acts of a group say another word on one thing: the last that knew the others stands.
    public var group: String
    /// Done only by who holds the case's right, so that a case is decided once.
    public var needsRight: Bool
    public var makes: [String]
    var condition: Expression?
    var sets: [Setting]
  }

  struct Setting: Hashable, Sendable {
    var name: String
    var value: Expression
  }

  public struct State: Hashable, Sendable {
    public var id: String
    public var ja: String
    var condition: Expression
    /// What somebody with a receipt is told.
    public var stage: Stage = .underWay
  }

  /// How far a case is, as far as everybody with its receipt may know.
  public enum Stage: String, Hashable, Sendable {
    case received, applicant, over
    case underWay = "under-way"
  }

  public let key: String
  public let ja: String
  public let en: String
  public let law: [String]
  public let validFrom: String
  public let fields: [Field]
  public let acts: [Act]
  public let states: [State]
  public let flags: [State]
  public let tables: [DecisionTable]
  /// Days until staff should have decided, from the day of receipt.
  public let days: Int64?
  /// What is signed, and its BLAKE2b-256 in hexadecimal.
  public let canonical: String
  public let hash: String
  let tests: [Document]

  /// Of the canonical form: one text of a row.
  public static let mostBytes = 30_000
  public static let format = "procedure/1"
  static let (mostFields, mostActs, mostTables) = (200, 40, 20)
  static let mostNodes = 5_000
  static let (mostTests, mostSteps) = (50, 40)
  /// Of all tests: conditions that are tried, and parts of expressions that are worked out.
  static let (mostChecks, mostWork) = (50_000, 10_000_000)

  static let given: Set<String> = ["received_on", "certificate"]

  /// Reads a definition and proves it: names, tables, order, and its own tests.
  ///
  /// - Throws: the first thing that is wrong, and where.
  public init(_ document: Document) throws(ProcedureFault) {
    guard document["renkei"]?.text == Self.format else {
      throw ProcedureFault(
        "renkei", ja: "この版の書式(\(document["renkei"]?.text ?? "なし"))には、新しいプログラムが要ります",
        en: "a format that needs another program: \(document["renkei"]?.text ?? "none")")
    }
    let canonical = document.canonical
    guard canonical.utf8.count <= Self.mostBytes else {
      throw ProcedureFault("", ja: "定義が大きすぎます(\(Self.mostBytes) バイトまで)", en: "more than \(Self.mostBytes) bytes")
    }
    self.canonical = canonical
    hash = blake2b([UInt8](canonical.utf8)).bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    guard let key = document["key"]?.text, key.wholeMatch(of: /[a-z][a-z0-9-]{1,39}/) != nil else {
      throw ProcedureFault("key", ja: "key は英小文字・数字・ハイフンです", en: "a key has small letters, digits and hyphens")
    }
    self.key = key
    guard let ja = document["title"]?["ja"]?.text, !ja.isEmpty else {
      throw ProcedureFault("title.ja", ja: "題名がありません", en: "it has no title")
    }
    self.ja = ja
    en = document["title"]?["en"]?.text ?? ja
    law = document["law"]?.texts ?? []
    guard let from = document["valid"]?["from"]?.text, CaseFold.day(from) != nil else {
      throw ProcedureFault("valid.from", ja: "適用開始日がありません", en: "it does not say from when it holds")
    }
    validFrom = from
    var fields: [Field] = []
    for page in document["form"]?.list ?? [] { fields += try Reading.fields(page["fields"], "form") }
    self.fields = fields
    acts = try Reading.acts(document["acts"])
    states = try Reading.states(document["states"], "states")
    flags = try Reading.states(document["flags"], "flags")
    var tables: [DecisionTable] = []
    for entry in document["tables"]?.entries ?? [] { tables.append(try DecisionTable(entry.key, entry.value)) }
    self.tables = tables
    days = document["deadlines"]?.list.first { $0["whose"]?.text == "staff" && $0["from"]?.text == "received" }?[
      "span"]?
      .text.flatMap { $0.wholeMatch(of: /P(\d{1,4})D/) }.flatMap { Int64($0.1) }
    tests = document["tests"]?.list ?? []
    try Checking(self, document).run()
    try runTests()
  }

  public func act(_ name: String) -> Act? { acts.first { $0.name == name } }
  public func field(_ name: String) -> Field? { fields.first { $0.name == name } }

  static func expression(_ source: String, _ path: String) throws(ProcedureFault) -> Expression {
    do { return try Expression(source) } catch { throw ProcedureFault(path, ja: error.ja, en: error.en) }
  }
}

/// A definition's parts from its document.
private enum Reading {
  static let types: Set = [
    "text", "name", "kana", "date", "int", "flag", "choice", "choices", "row", "resident", "resident_or_person",
    "household", "place", "address", "municipality", "phone", "photo", "scan", "sealed", "repeat", "calc",
  ]

  static func fields(_ document: Document?, _ path: String) throws(ProcedureFault) -> [Procedure.Field] {
    var fields: [Procedure.Field] = []
    for part in document?.list ?? [] { fields.append(try field(part, path)) }
    return fields
  }

  private static func field(_ document: Document, _ path: String) throws(ProcedureFault) -> Procedure.Field {
    guard let name = document["name"]?.text, name.wholeMatch(of: /[a-z][a-z0-9_]{0,39}/) != nil else {
      throw ProcedureFault(path, ja: "項目に name がありません", en: "a field has no name")
    }
    let path = "\(path).\(name)"
    guard let type = document["type"]?.text, types.contains(type) else {
      throw ProcedureFault(
        path, ja: "型「\(document["type"]?.text ?? "")」はありません", en: "no such type: \(document["type"]?.text ?? "")")
    }
    var field = Procedure.Field(
      name: name, type: type, ja: document["ja"]?.text ?? name, isRequired: document["required"]?.text == "true",
      says: document["says"]?.text)
    field.codes = document["of"]?.entries.map(\.key) ?? []
    field.words = document["of"]?.entries.map { $0.value.text ?? $0.key } ?? []
    if let bounds = document["range"]?.texts, !bounds.isEmpty {
      guard bounds.count == 2, let low = Int64(bounds[0]), let high = Int64(bounds[1]), low <= high else {
        throw ProcedureFault(path, ja: "range は [最小, 最大] です", en: "a range is [least, most]")
      }
      field.range = low...high
    }
    if let source = document["if"]?.text { field.condition = try Procedure.expression(source, "\(path).if") }
    if let source = document["check"]?.text { field.check = try Procedure.expression(source, "\(path).check") }
    if let source = document["as"]?.text { field.calculation = try Procedure.expression(source, "\(path).as") }
    guard (type == "calc") == (field.calculation != nil) else {
      throw ProcedureFault(path, ja: "calc には as が要ります", en: "calc goes with `as`")
    }
    if type == "repeat" {
      field.parts = try fields(document["fields"], path)
      guard
        !field.parts.contains(where: {
          $0.type == "repeat" || $0.condition != nil || $0.check != nil || $0.calculation != nil
        })
      else {
        throw ProcedureFault(
          path, ja: "repeat の中に repeat・if・check・calc は置けません",
          en: "no repeat, condition, check or calculation within a repeat")
      }
    }
    return field
  }

  /// Names are parts of addresses and of rows.
  private static func name(_ text: String?, _ path: String) throws(ProcedureFault) -> String {
    guard let text, text.wholeMatch(of: /[a-z][a-z0-9_]{0,39}/) != nil else {
      throw ProcedureFault(
        path, ja: "名前は英小文字・数字・下線です: \(text ?? "")",
        en: "a name has small letters, digits and underscores: \(text ?? "")")
    }
    return text
  }

  static func acts(_ document: Document?) throws(ProcedureFault) -> [Procedure.Act] {
    var acts: [Procedure.Act] = []
    for entry in document?.entries ?? [] {
      let path = "acts.\(entry.key)"
      _ = try name(entry.key, path)
      let group = try name(entry.value["group"]?.text ?? entry.key, "\(path).group")
      var sets: [Procedure.Setting] = []
      for set in entry.value["sets"]?.entries ?? [] {
        sets.append(
          Procedure.Setting(
            name: try name(set.key, path),
            value: try Procedure.expression(set.value.text ?? "", "\(path).sets.\(set.key)")))
      }
      var condition: Expression?
      if let source = entry.value["if"]?.text { condition = try Procedure.expression(source, "\(path).if") }
      acts.append(
        Procedure.Act(
          name: entry.key, ja: entry.value["ja"]?.text ?? entry.key, duties: entry.value["by"]?.texts ?? [],
          asks: try fields(entry.value["ask"], path), group: group,
          needsRight: entry.value["right"] != nil, makes: entry.value["makes"]?.texts ?? [], condition: condition,
          sets: sets))
    }
    return acts
  }

  static func states(_ document: Document?, _ path: String) throws(ProcedureFault) -> [Procedure.State] {
    var states: [Procedure.State] = []
    for part in document?.list ?? [] {
      guard let source = part["if"]?.text else {
        throw ProcedureFault(path, ja: "id と if が要ります", en: "an id and an `if` are needed")
      }
      let id = try name(part["id"]?.text, path)
      guard let stage = Procedure.Stage(rawValue: part["stage"]?.text ?? "under-way") else {
        throw ProcedureFault(
          "\(path).\(id)", ja: "stage は received・under-way・applicant・over です",
          en: "a stage is received, under-way, applicant or over")
      }
      states.append(
        Procedure.State(
          id: id, ja: part["ja"]?.text ?? id, condition: try Procedure.expression(source, "\(path).\(id)"),
          stage: stage))
    }
    return states
  }
}
