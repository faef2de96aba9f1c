/// One act in a case, as its author signed it.
public struct CaseAct: Hashable, Sendable {
  /// Of all acts of a case, different: its place in its author's log.
  public var id: String
  public var kind: String
  public var values: [String: Datum]
  /// The acts that its author knew, and those of its group that it takes the place of.
  public var seen: Set<String>
  public var over: Set<String>

  public init(id: String, kind: String, values: [String: Datum], seen: Set<String>, over: Set<String>) {
    (self.id, self.kind, self.values, self.seen, self.over) = (id, kind, values, seen, over)
  }
}

/// A case as somebody sees it: a function of the set of acts that they know, in whatever order these came.
public struct CaseFold: Sendable {
  public let procedure: Procedure
  public let answers: [String: Datum]
  public let acts: [CaseAct]
  /// What papers and other wards said when it was filed: `seal`, `fact`.
  public let facts: [String: Datum]
  private let standing: [CaseAct]
  private let most: Int

  public init(
    _ procedure: Procedure, answers: [String: Datum], acts: [CaseAct], facts: [String: Datum] = [:]
  ) {
    self.init(procedure, answers: answers, acts: acts, facts: facts, most: Work.most)
  }

  fileprivate init(
    _ procedure: Procedure, answers: [String: Datum], acts: [CaseAct], facts: [String: Datum], most: Int
  ) {
    self.most = most
    self.procedure = procedure
    self.answers = answers
    self.facts = facts
    let known = acts.filter { procedure.act($0.kind) != nil }.sorted { $0.id < $1.id }
    self.acts = known
    let groups = Dictionary(known.map { ($0.id, procedure.act($0.kind)!.group) }) { first, _ in first }
    // What an act did not know, it cannot take the place of; nor what is of another group.
    var fallen: Set<String> = []
    for act in known {
      for other in act.over where act.seen.contains(other) && groups[other] == groups[act.id] && other != act.id {
        fallen.insert(other)
      }
    }
    standing = known.filter { !fallen.contains($0.id) }
  }

  /// The first state that holds.
  public var state: Procedure.State {
    let evaluation = evaluation
    return procedure.states.first { evaluation.holds($0.condition) } ?? procedure.states.last!
  }

  public var flags: [Procedure.State] {
    let evaluation = evaluation
    return procedure.flags.filter { evaluation.holds($0.condition) }
  }

  /// Acts whose condition holds now, whoever may do them.
  public var offered: [Procedure.Act] {
    let evaluation = evaluation
    return procedure.acts.filter { act in act.condition.map { evaluation.holds($0) } ?? true }
  }

  /// Whether a field is shown: also where that cannot be worked out.
  public func shows(_ field: Procedure.Field, with own: [String: Datum] = [:]) -> Bool {
    field.condition.map { evaluation(own).value(of: $0) != .flag(false) } ?? true
  }

  /// Whether what was answered is right; what cannot be worked out is not held against anybody.
  public func admits(_ field: Procedure.Field, with own: [String: Datum] = [:]) -> Bool {
    field.check.map { evaluation(own).value(of: $0) != .flag(false) } ?? true
  }

  public func value(_ name: String) -> Datum? { answer(name, Work(most)) }

  /// What all acts of a kind that stand say of a field; nil where they say nothing, or different things.
  public func value(of field: String, in kind: String) -> Datum? {
    let values = Set(standing.filter { $0.kind == kind }.map { $0.values[field] ?? .null })
    return values.count == 1 ? values.first : nil
  }

  /// The next act as its author makes it, knowing all acts here: with what its rules work out.
  public func making(_ act: Procedure.Act, id: String, values: [String: Datum]) -> CaseAct {
    let evaluation = evaluation
    var values = values
    // One value, no list: an entry that nests deeper than a row's JSON would be signed, and then read by nobody.
    for set in act.sets {
      values[set.name] = evaluation.value(of: set.value).flatMap { $0.isScalar ? $0 : nil } ?? .null
    }
    return CaseAct(
      id: id, kind: act.name, values: values, seen: Set(acts.map(\.id)),
      over: Set(acts.filter { procedure.act($0.kind)!.group == act.group }.map(\.id)))
  }

  var evaluation: Evaluation { evaluation([:]) }

  private func evaluation(_ own: [String: Datum]) -> Evaluation {
    Evaluation(
      name: { name, work in own[name] ?? answer(name, work) },
      call: { name, given, work in call(name, given, work) }, most: most)
  }

  private func answer(_ name: String, _ work: Work) -> Datum? {
    if let given = answers[name] { return given }
    guard let calculation = procedure.field(name)?.calculation else { return .null }
    return work.once("field \(name)") { evaluation.value(of: calculation, work) } ?? .null
  }

  private func live(_ kind: Datum) -> [CaseAct] { standing.filter { .text($0.kind) == kind } }

  private func call(_ name: String, _ given: [Datum], _ work: Work) -> Datum? {
    guard work.spend(standing.count) else { return nil }
    switch name {
    case "did": return .flag(!live(given[0]).isEmpty)
    case "value":
      guard let kind = given[0].text, let field = given[1].text else { return nil }
      return value(of: field, in: kind)
    case "split":
      return given[1].text.map { field in .flag(Set(live(given[0]).map { $0.values[field] ?? .null }).count > 1) }
    case "torn":
      let words = standing.filter { .text(procedure.act($0.kind)!.group) == given[0] }.map {
        Word(kind: $0.kind, values: $0.values)
      }
      return .flag(Set(words).count > 1)
    case "answered":
      let (asked, answers) = (live(given[0]), live(given[1]))
      return .flag(!asked.isEmpty && asked.allSatisfy { act in answers.contains { $0.seen.contains(act.id) } })
    case "narrowest":
      guard let field = given[1].text else { return nil }
      let said = live(given[0]).map { $0.values[field] ?? .null }
      return said.isEmpty ? given[2] : .flag(said.allSatisfy(\.isTrue))
    case "table":
      guard let table = procedure.tables.first(where: { .text($0.name) == given[0] }) else { return nil }
      let evaluation = evaluation
      return work.once("table \(table.name)") {
        table.output(table.columns.map { evaluation.value(of: $0.input, work) }).map { .text($0) }
      }
    case "days":
      guard let from = given[0].text.flatMap(Self.day), let until = given[1].text.flatMap(Self.day) else { return nil }
      return .integer(until - from)
    case "sealed": return facts["seal"] ?? .text("none")
    case "fact": return facts["fact"] ?? .text("open")
    case "residency": return facts["residency"] ?? .text("here")
    case "claims": return facts["claims"] ?? .integer(1)
    case "size":
      switch given[0] {
      case .list(let items): return .integer(Int64(items.count))
      case .text(let text): return .integer(Int64(text.unicodeScalars.count))
      default: return nil
      }
    default: return nil
    }
  }

  private struct Word: Hashable {
    var kind: String
    var values: [String: Datum]
  }

  /// Days of a whole date since 1970-01-01 (Howard Hinnant, days_from_civil); nil for anything else.
  static func day(_ text: String) -> Int64? {
    guard let match = text.wholeMatch(of: /(\d{4})-(\d\d)-(\d\d)/), let year = Int64(match.1),
      let month = Int64(match.2),
      let day = Int64(match.3), (1...12).contains(month), (1...31).contains(day)
    else { return nil }
    let shifted = month <= 2 ? year - 1 : year
    let era = shifted / 400
    let inEra = shifted - era * 400
    return era * 146_097 + inEra * 365 + inEra / 4 - inEra / 100 + (153 * ((month + 9) % 12) + 2) / 5 + day - 1
      - 719_468
  }
}

extension Procedure {
  /// Runs a definition's own tests: whoever publishes a version has shown what it does, and every node that receives it sees.
  func runTests() throws(ProcedureFault) {
    guard tests.count <= Self.mostTests else {
      throw ProcedureFault("tests", ja: "検証は \(Self.mostTests) 件までです", en: "\(Self.mostTests) tests at most")
    }
    // The whole proof has a budget too: the more there is to work out, the less each expression may cost.
    let steps = tests.reduce(0) { $0 + ($1["acts"]?.texts.count ?? 0) + 1 + ($1["expect"]?.entries.count ?? 0) }
    let count = max(1, steps * (acts.count + states.count + flags.count))
    guard count <= Self.mostChecks else {
      throw ProcedureFault(
        "tests", ja: "検証の手数が多すぎます(行為×状態で \(Self.mostChecks) まで)", en: "more than \(Self.mostChecks) conditions to try")
    }
    let most = min(Work.most, Self.mostWork / count)
    for (number, test) in tests.enumerated() { try run(test, "tests.\(number)", most) }
  }

  private func run(_ test: Document, _ path: String, _ most: Int) throws(ProcedureFault) {
    func datum(_ document: Document) -> Datum {
      document.text.map { Datum(plain: $0) } ?? .list(document.list.map(datum))
    }
    let given = Dictionary((test["given"]?.entries ?? []).map { ($0.key, datum($0.value)) }) { first, _ in first }
    guard test["acts"]?.texts.count ?? 0 <= Self.mostSteps else {
      throw ProcedureFault(path, ja: "行為は \(Self.mostSteps) までです", en: "\(Self.mostSteps) acts at most")
    }
    var acts: [CaseAct] = []
    func fold(_ acts: [CaseAct]) -> CaseFold { CaseFold(self, answers: given, acts: acts, facts: given, most: most) }
    for (number, step) in (test["acts"]?.texts ?? []).enumerated() {
      let isUnseen = step.contains("(unseen)")
      let words = step.replacing("(unseen)", with: "").split(separator: " ").map(String.init)
      guard let name = words.first, let act = act(name) else {
        throw ProcedureFault(path, ja: "行為「\(words.first ?? "")」はありません", en: "no act is called \(words.first ?? "")")
      }
      // What is unseen is done by somebody who did not know the act before it.
      let view = fold(isUnseen ? Array(acts.dropLast()) : acts)
      guard view.offered.contains(act) else {
        throw ProcedureFault(path, ja: "「\(name)」ができません", en: "\(name) is not offered")
      }
      var values: [String: Datum] = [:]
      for word in words.dropFirst() {
        let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2, !parts[0].isEmpty else {
          throw ProcedureFault(path, ja: "「\(word)」は 項目=値 ではありません", en: "\(word) is no name=value")
        }
        values[parts[0]] = Datum(plain: parts[1])
      }
      acts.append(view.making(act, id: String(100 + number), values: values))
    }
    let end = fold(acts)
    for expected in test["expect"]?.entries ?? [] {
      let wanted = expected.value.text ?? ""
      let got: String
      switch expected.key {
      case "state": got = end.state.id
      case "flag": got = end.flags.contains { $0.id == wanted } ? wanted : end.flags.map(\.id).joined(separator: ",")
      case "refused": got = end.offered.contains { $0.name == wanted } ? "offered" : wanted
      default:
        let parts = expected.key.split(separator: ".").map(String.init)
        let datum =
          parts.count == 2 ? parts[0] == "calc" ? end.value(parts[1]) : end.value(of: parts[1], in: parts[0]) : nil
        got = datum?.text ?? datum.map { "\($0)" } ?? "unknown"
      }
      guard got == wanted else {
        throw ProcedureFault(
          path, ja: "\(expected.key) は「\(got)」で、期待の「\(wanted)」ではありません", en: "\(expected.key) is \(got), not \(wanted)")
      }
    }
  }
}
