import Causality
import Foundation
import Testing

@testable import Procedures

/// The definition language: what is refused before anybody may use it, what expressions come to, and the fold of a case.
@Suite struct ProcedureTests {
  private static func read(_ yaml: String) throws(ProcedureFault) -> Procedure {
    try Procedure(try Document(yaml: yaml))
  }

  private static var standard: [Procedure] { StandardProcedures.sources.map { try! read($0) } }

  @Test func `the procedures that come with the program are proven, and read back from what is signed`() throws {
    for procedure in Self.standard {
      #expect(procedure.tests.count >= 5 && procedure.canonical.utf8.count < Procedure.mostBytes)
      let again = try Self.read(procedure.canonical)
      #expect(again.hash == procedure.hash && again.canonical == procedure.canonical)
    }
  }

  private static let samples = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appending(path: "../../../../shared/design/infobase").standardizedFileURL

  @Test(.enabled(if: FileManager.default.fileExists(atPath: samples.path), "the shared folder is not at hand"))
  func `the design's three procedures and their twelve tests hold, with as many table cells as its own model counts`()
    throws
  {
    var (answers, tests) = (0, 0)
    for name in ["risai", "tennyu", "meibo"] {
      let text = try String(contentsOf: Self.samples.appending(path: "\(name).yaml"), encoding: .utf8)
      let procedure = try Self.read(text)
      answers += procedure.tables.map(\.answers).reduce(0, +)
      tests += procedure.tests.count
    }
    #expect(answers == 791 && tests == 12)
  }

  /// A definition with one thing changed.
  private static func changed(_ old: String, _ new: String) -> String {
    let source = StandardProcedures.sources[0]
    precondition(source.contains(old), old)
    return source.replacing(old, with: new, maxReplacements: 1)
  }

  @Test(arguments: [
    ("lived && (table", "livde && (table", "acts.decide.if"),
    ("did('survey')) &&", "did('servey')) &&", "acts.decide.if"),
    ("value('check', 'complete')", "value('check', 'complet')", "states.lacking"),
    ("torn('decision') ||", "torn('decison') ||", "states.split"),
    ("table('grade')\"", "table('grades')\"", "acts.decide.sets.grade"),
    ("[false, \"-\", 調査], ", "", "tables.way"),
    ("\"40..49\"", "\"39..49\"", "tables.grade"),
    ("[unknown, 未調査]", "[\"-\", 未調査]", "tables.grade"),
    (", if: \"true\"}", ", if: \"lived\"}", "states"),
    ("makes: [certificate]", "makes: [paper]", "acts.issue.makes"),
    ("name: relation,", "name: phone,", "form"),
    ("if: \"cause == 'flood'\"", "if: \"depth > 0\"", "fields.depth"),
    ("partly, shots: size(photos)", "partly, shots: size(photos) + now()", "tables.way.in.shots"),
    ("type: place", "type: places", "form.house"),
    ("expect: {state: issued, decide.grade: 準半壊に至らない}", "expect: {state: decided}", "tests.0"),
    ("procedure/1", "procedure/2", "renkei"),
  ])
  func `a planted mistake is found before publishing, and where it is`(_ old: String, _ new: String, _ path: String) {
    do throws(ProcedureFault) {
      _ = try Self.read(Self.changed(old, new))
      Issue.record("\(new) was taken")
    } catch { #expect(error.path == path, "\(error)") }
  }

  @Test func `hostile definitions are refused, and cost nothing`() {
    let deep = String(repeating: "(", count: 500) + "true" + String(repeating: ")", count: 500)
    #expect(throws: ProcedureFault.self) { try Procedures.Expression(deep) }
    #expect(throws: ProcedureFault.self) { try Procedures.Expression(String(repeating: "!", count: 500) + "true") }
    #expect(throws: ProcedureFault.self) {
      try Procedures.Expression((0..<600).map { "a\($0)" }.joined(separator: " + "))
    }
    for text in ["", "1 +", "a.", "'open", "a ? b", "f(", "a == == b", "99999999999999999999", "a; b", "[1, 2"] {
      #expect(throws: ProcedureFault.self) { try Procedures.Expression(text) }
    }
    for yaml in [
      "", "- a", "a: &x 1\nb: *x", "a: 1\na: 2", String(repeating: "a:\n ", count: 40),
      String(repeating: "x", count: 100_000),
      "renkei: procedure/1\nkey: a", "\u{0}",
    ] {
      #expect(throws: ProcedureFault.self) { try Self.read(yaml) }
    }
    // More combinations than are looked at.
    let wide = (0..<17).map { "c\($0)" }
    let table = """
      {in: {\(wide.map { "\($0): lived" }.joined(separator: ", "))}, of: {\(wide.map { "\($0): flag" }.joined(separator: ", "))}, \
      out: [x], rules: [[\(wide.map { _ in "\"-\"" }.joined(separator: ", ")), y]]}
      """
    #expect(throws: ProcedureFault.self) { try Self.read(Self.changed("tables:\n", "tables:\n  wide: \(table)\n")) }
  }

  @Test func `what another ward publishes costs no more than its budget, however it is nested`() throws {
    func evaluated(_ fields: String, _ rest: String = "", answers: [String: Datum] = [:]) throws -> CaseFold {
      let procedure = try Self.read(
        """
        renkei: procedure/1
        key: hostile
        title: {ja: 敵対}
        valid: {from: 2026-01-01}
        form:
        - fields: [{name: c0, type: calc, as: "1"}, \(fields)]
        acts: {go: {ja: 進める}}
        states: [{id: end, ja: 終, if: "true"}]
        \(rest)
        """)
      return CaseFold(procedure, answers: answers, acts: [])
    }
    // Each reads the one before it twice: 2^60 ways, sixty values.
    func chain(_ count: Int, _ each: (Int) -> String) -> String {
      (1...count).map { "{name: c\($0), type: calc, as: \"\(each($0))\"}" }.joined(separator: ", ")
    }
    #expect(try evaluated(chain(60) { "c\($0 - 1) + c\($0 - 1)" }).value("c60") == .integer(1 << 60))
    // The same with lists, whose size would double: unknown once it is too large.
    let lists = try evaluated(chain(60) { "[c\($0 - 1), c\($0 - 1)]" })
    #expect(lists.value("c60") == .null && lists.value("c3") != .null)
    let zeros = "[" + Array(repeating: "0", count: 20).joined(separator: ", ") + "]"
    let nested = (0..<6).reduce("true") { inner, depth in "\(zeros).all(v\(depth), \(inner))" }
    #expect(try evaluated("{name: c1, type: calc, as: \"\(nested)\"}").value("c1") == .null)
    // A long chain of long sums ends as unknown, not the stack.
    let deep = try evaluated(chain(100) { n in Array(repeating: "c\(n - 1)", count: 20).joined(separator: " + ") })
    #expect(deep.value("c1") == .integer(20))
    _ = deep.value("c100")
    for step in ["go =", "go ==", "go x", "go =1"] {
      #expect(throws: ProcedureFault.self) { try evaluated("", "tests: [{acts: [\"\(step)\"], expect: {state: end}}]") }
    }
    #expect(throws: ProcedureFault.self) {
      try evaluated("", "tests: [{acts: [\(Array(repeating: "go", count: 41).joined(separator: ", "))], expect: {}}]")
    }
  }

  @Test func `an alias is refused before it can stand for 2^40 parts, and what is signed meets no YAML reader`() throws
  {
    let bomb = (1...40).map { "&a\($0) [*a\($0 - 1), *a\($0 - 1)]" }.joined(separator: ", ")
    for yaml in ["a: [&a0 [x, x], \(bomb)]", "a: &-a [x]", "{?&a b: 1}", "? *a\n: 1", "a: &x 1"] {
      #expect(throws: ProcedureFault.self) { try Document(yaml: yaml) }
    }
    let text = Self.standard[0].canonical
    #expect(try Document(canonical: text).canonical == text)
    for (old, new) in [("{", "{ "), ("\"", "'"), ("}", ""), ("{\"renkei\"", "{\"renkei\":\"a\",\"renkei\"")] {
      #expect(throws: ProcedureFault.self) {
        try Document(canonical: text.replacing(old, with: new, maxReplacements: 1))
      }
    }
    #expect(throws: ProcedureFault.self) { try Document(canonical: String(repeating: "[", count: 20_000)) }
    for text in ["", "\"\\u0041", "\"\\", "[\"a\",]", "{\"a\"}", "1", "\"a\"x", "\"\\u0041\""] {
      #expect(throws: ProcedureFault.self) { try Document(canonical: text) }
    }
  }

  @Test(arguments: [
    ("  issue:", "  ../../do/x:"), ("  issue:", "  Issue:"), ("group: decision, if", "group: 決裁, if"),
    ("id: split,", "id: a/b,"), ("sets: {grade:", "sets: {\"a b\":"), ("name: relation,", "name: received_on,"),
    ("name: birth, type: date,", "name: birth, type: date, check: \"false\","),
    ("name: lack, type", "name: complete, type"), ("from: 2025-04-01", "from: 2025-99-01"),
    ("id: split,", "id: split, stage: soon,"),
  ])
  func `names that are no names, and keys that nothing would hold to, are refused`(_ old: String, _ new: String) {
    #expect(throws: ProcedureFault.self) { try Self.read(Self.changed(old, new)) }
  }

  @Test(arguments: [
    ("1 + 2 * 3", "7"), ("7 / 2", "3"), ("-7 / 2", "-3"), ("9223372036854775807 + 1", "unknown"), ("1 / 0", "unknown"),
    ("missing == null", "true"), ("missing > 1", "unknown"), ("false && missing > 1", "false"),
    ("missing > 1 && false", "false"),
    ("true || missing > 1", "true"), ("missing > 1 || true", "true"), ("!missing", "unknown"),
    ("a == 3 ? 'x' : 'y'", "x"),
    ("'b' > 'a'", "true"), ("a in [1, 2, 3]", "true"), ("people.exists(p, p.age > 60)", "true"),
    ("people.all(p, p.age > 60)", "false"), ("people.filter(p, p.age < 60).size()", "1"), ("size(people)", "2"),
    ("missing.exists(p, p.age > 1)", "unknown"), ("days('2026-02-27', '2026-03-01')", "2"),
    ("days('2026-02', '2026-03-01')", "unknown"),
    ("people.map(p, p.age)", "[7, 70]"), ("a.b", "unknown"), ("nothing(1)", "unknown"), ("'1' == 1", "false"),
  ])
  func `expressions come to what CEL says, and what cannot be worked out is unknown`(
    _ source: String, _ expected: String
  ) throws {
    let people: Datum = .list([.map(["age": .integer(7)]), .map(["age": .integer(70)])])
    let fold = CaseFold(Self.standard[0], answers: ["a": .integer(3), "people": people], acts: [])
    let shown: String
    switch fold.evaluated(try Procedures.Expression(source)) {
    case nil: shown = "unknown"
    case .flag(let flag)?: shown = "\(flag)"
    case .integer(let number)?: shown = "\(number)"
    case .text(let text)?: shown = text
    case .list(let items)?:
      shown =
        "[" + items.map { if case .integer(let number) = $0 { "\(number)" } else { "?" } }.joined(separator: ", ") + "]"
    case let other?: shown = "\(other)"
    }
    #expect(shown == expected)
  }

  // MARK: Two desks

  private static func value(_ field: Procedure.Field, _ random: inout RandomNumbers) -> Datum {
    switch field.type {
    case "flag": .flag(random.chance(0.5))
    case "int":
      .integer(
        field.range.map { $0.lowerBound + Int64(random.below(Int(min($0.upperBound - $0.lowerBound, 1_000)) + 1)) } ?? 1
      )
    case "choice": .text(random.pick(field.codes))
    default: .text("x")
    }
  }

  /// Two desks that meet now and then: what both end in depends on no order; with the right, no two decisions ever stand that
  /// did not know each other; without it they do, and where they differ the state says so.
  @Test(arguments: [true, false])
  func `a case comes to the same in any order of its acts, and with the right it is decided once`(hasRight: Bool) throws
  {
    var doubles = 0
    for (place, procedure) in Self.standard.enumerated() {
      for seed in 0..<UInt64(1_050) {
        var random = RandomNumbers(seed: seed &* 31 &+ UInt64(place))
        let given: [String: Datum] =
          place == 0
          ? ["lived": .flag(true), "cause": .text("quake"), "photos": .list([]), "relation": .text("self")]
          : ["whose": .text("other"), "extent": .text("one"), "copies": .integer(1)]
        var desks: [[CaseAct]] = [[], []]
        var (holder, number) = (0, 0)
        for _ in 0...random.below(9) {
          if random.chance(0.25) {
            let all = Set(desks[0] + desks[1]).sorted { $0.id < $1.id }
            desks = [all, all]
          }
          if random.chance(0.1) {
            // Handed over: the receiver has merged all that the giver had done.
            desks[1 - holder] = Set(desks[0] + desks[1]).sorted { $0.id < $1.id }
            holder = 1 - holder
          }
          let desk = random.below(2)
          let fold = CaseFold(procedure, answers: given, acts: desks[desk])
          let acts = fold.offered.filter { !$0.needsRight || !hasRight || desk == holder }
          guard !acts.isEmpty else { continue }
          let act = random.pick(acts)
          var values: [String: Datum] = [:]
          for ask in act.asks { values[ask.name] = Self.value(ask, &random) }
          number += 1
          desks[desk].append(fold.making(act, id: String(format: "%03d", number), values: values))
        }
        var all = Array(Set(desks[0] + desks[1]))
        let first = CaseFold(procedure, answers: given, acts: all)
        for index in all.indices.dropLast() { all.swapAt(index, index + random.below(all.count - index)) }
        let second = CaseFold(procedure, answers: given, acts: all)
        #expect(
          first.state == second.state && first.flags == second.flags && first.offered == second.offered, "seed \(seed)")
        let deciding = all.filter { procedure.act($0.kind)!.needsRight }
        for one in deciding {
          for other in deciding where one.id < other.id && !one.seen.contains(other.id) && !other.seen.contains(one.id)
          {
            doubles += 1
          }
        }
      }
    }
    #expect(hasRight ? doubles == 0 : doubles > 50, "\(doubles)")
  }

  @Test func `an act cannot take the place of what it did not know, or of what is of another group`() throws {
    let procedure = Self.standard[0]
    let given: [String: Datum] = ["lived": .flag(true), "cause": .text("fire")]
    let survey = CaseAct(id: "1", kind: "survey", values: ["loss": .integer(52)], seen: [], over: [])
    func state(_ liar: CaseAct) -> String { CaseFold(procedure, answers: given, acts: [survey, liar]).state.id }
    #expect(state(CaseAct(id: "2", kind: "survey", values: ["loss": .integer(3)], seen: [], over: ["1"])) == "split")
    #expect(
      state(CaseAct(id: "2", kind: "survey", values: ["loss": .integer(3)], seen: ["1"], over: ["1"])) == "surveyed")
    #expect(
      state(CaseAct(id: "2", kind: "check", values: ["complete": .flag(true)], seen: ["1"], over: ["1"])) == "surveyed")
    #expect(
      state(CaseAct(id: "2", kind: "survey", values: ["loss": .integer(52)], seen: [], over: ["2"])) == "surveyed")
    #expect(state(CaseAct(id: "2", kind: "nothing", values: [:], seen: [], over: [])) == "surveyed")
  }
}

extension CaseFold {
  fileprivate func evaluated(_ expression: Procedures.Expression) -> Datum? { evaluation.value(of: expression) }
}
