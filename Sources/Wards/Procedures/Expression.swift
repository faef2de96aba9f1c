/// A condition or a value, in a strict part of CEL: no loops but over an answer's own list, whole numbers alone, no clock. Whatever
/// cannot be worked out is *unknown*: it shows a field, offers no act, and is in no state.
///
/// Source: the Common Expression Language, github.com/google/cel-spec.
public struct Expression: Hashable, Sendable {
  indirect enum Node: Hashable, Sendable {
    case literal(Datum)
    case name(String)
    case member(Node, String)
    case list([Node])
    case not(Node)
    case negative(Node)
    case binary(Operator, Node, Node)
    case choice(Node, Node, Node)
    case call(String, [Node])
    /// `over.exists(m, condition)`.
    case each(Macro, Node, String, Node)
  }

  enum Operator: String, Hashable, Sendable {
    case or = "||"
    case and = "&&"
    case equal = "=="
    case unequal = "!="
    case less = "<"
    case atMost = "<="
    case more = ">"
    case atLeast = ">="
    case within = "in"
    case plus = "+"
    case minus = "-"
    case times = "*"
    case over = "/"

    var rank: Int {
      switch self {
      case .or: 1
      case .and: 2
      case .equal, .unequal, .less, .atMost, .more, .atLeast, .within: 3
      case .plus, .minus: 4
      case .times, .over: 5
      }
    }
  }

  enum Macro: String, Hashable, Sendable { case exists, all, filter, map }

  public let source: String
  let node: Node
  let size: Int

  static let mostNodes = 400
  private static let deepest = 12

  /// - Throws: what is wrong with it.
  public init(_ source: String) throws(ProcedureFault) {
    self.source = source
    var parser = try Parser(source)
    node = try parser.whole()
    size = parser.count
  }

  /// Names that it reads, functions called with a text first (`did('check')`, with the text), and what each call is given.
  func visit(_ body: (Node) throws(ProcedureFault) -> Void) throws(ProcedureFault) { try Self.visit(node, body) }

  private static func visit(_ node: Node, _ body: (Node) throws(ProcedureFault) -> Void) throws(ProcedureFault) {
    try body(node)
    switch node {
    case .literal, .name: break
    case .member(let inner, _), .not(let inner), .negative(let inner): try visit(inner, body)
    case .list(let nodes), .call(_, let nodes): for inner in nodes { try visit(inner, body) }
    case .binary(_, let left, let right), .each(_, let left, _, let right):
      try visit(left, body)
      try visit(right, body)
    case .choice(let condition, let yes, let no):
      try visit(condition, body)
      try visit(yes, body)
      try visit(no, body)
    }
  }

  private struct Parser {
    private enum Token: Hashable {
      case name(String)
      case number(Int64)
      case text(String)
      case sign(String)
      case end
    }

    private var tokens: [Token] = []
    private var place = 0
    private(set) var count = 0

    init(_ source: String) throws(ProcedureFault) {
      let characters = Array(source.unicodeScalars)
      var index = 0
      func isName(_ scalar: Unicode.Scalar) -> Bool {
        scalar == "_" || ("a"..."z").contains(scalar) || ("A"..."Z").contains(scalar) || ("0"..."9").contains(scalar)
      }
      while index < characters.count {
        let scalar = characters[index]
        if scalar == " " || scalar == "\n" || scalar == "\t" {
          index += 1
        } else if scalar == "'" || scalar == "\"" {
          guard let end = characters[(index + 1)...].firstIndex(of: scalar) else {
            throw ProcedureFault("", ja: "引用符が閉じていません: \(source)", en: "a quotation mark is not closed: \(source)")
          }
          tokens.append(.text(String(String.UnicodeScalarView(characters[(index + 1)..<end]))))
          index = end + 1
        } else if ("0"..."9").contains(scalar) {
          let end = characters[index...].firstIndex { !("0"..."9").contains($0) } ?? characters.count
          guard let number = Int64(String(String.UnicodeScalarView(characters[index..<end]))) else {
            throw ProcedureFault("", ja: "数が大きすぎます: \(source)", en: "a number is too large: \(source)")
          }
          tokens.append(.number(number))
          index = end
        } else if isName(scalar) {
          let end = characters[index...].firstIndex { !isName($0) } ?? characters.count
          tokens.append(.name(String(String.UnicodeScalarView(characters[index..<end]))))
          index = end
        } else {
          let two = index + 1 < characters.count ? "\(scalar)\(characters[index + 1])" : ""
          let sign = ["==", "!=", "<=", ">=", "&&", "||"].contains(two) ? two : "\(scalar)"
          guard sign.count == 2 || "<>!+-*/?:.,()[]".unicodeScalars.contains(scalar) else {
            throw ProcedureFault(
              "", ja: "使えない文字「\(scalar)」: \(source)", en: "\(scalar) is not for expressions: \(source)")
          }
          tokens.append(.sign(sign))
          index += sign.unicodeScalars.count
        }
      }
      tokens.append(.end)
    }

    private func fault(_ what: String) -> ProcedureFault {
      ProcedureFault("", ja: "式が読めません(\(what))", en: "the expression cannot be read: \(what)")
    }

    private mutating func take(_ sign: String) -> Bool {
      guard tokens[place] == .sign(sign) else { return false }
      place += 1
      return true
    }

    private mutating func expect(_ sign: String) throws(ProcedureFault) {
      guard take(sign) else { throw fault("\(sign) がありません / \(sign) is missing") }
    }

    mutating func whole() throws(ProcedureFault) -> Node {
      let node = try choice(0)
      guard tokens[place] == .end else { throw fault("終わりの後に続きがあります / something follows its end") }
      return node
    }

    private mutating func counted(_ node: Node, _ depth: Int) throws(ProcedureFault) -> Node {
      count += 1
      guard count <= Expression.mostNodes, depth <= Expression.deepest else { throw fault("複雑すぎます / too complex") }
      return node
    }

    private mutating func choice(_ depth: Int) throws(ProcedureFault) -> Node {
      guard depth <= Expression.deepest else { throw fault("深すぎます / too deep") }
      let condition = try binary(0, depth)
      guard take("?") else { return condition }
      let yes = try choice(depth + 1)
      try expect(":")
      return try counted(.choice(condition, yes, try choice(depth + 1)), depth)
    }

    private func nextOperator() -> Operator? {
      switch tokens[place] {
      case .sign(let sign): Operator(rawValue: sign)
      case .name("in"): .within
      default: nil
      }
    }

    private mutating func binary(_ least: Int, _ depth: Int) throws(ProcedureFault) -> Node {
      var left = try unary(depth)
      while let sign = nextOperator(), sign.rank > least {
        place += 1
        left = try counted(.binary(sign, left, try binary(sign.rank, depth + 1)), depth)
      }
      return left
    }

    private mutating func unary(_ depth: Int) throws(ProcedureFault) -> Node {
      guard depth <= Expression.deepest else { throw fault("深すぎます / too deep") }
      if take("!") { return try counted(.not(try unary(depth + 1)), depth) }
      if take("-") { return try counted(.negative(try unary(depth + 1)), depth) }
      var node = try primary(depth)
      while take(".") {
        guard case .name(let name) = tokens[place] else { throw fault(". の後 / after .") }
        place += 1
        if let macro = Macro(rawValue: name), take("(") {
          guard case .name(let variable) = tokens[place] else { throw fault("\(name) の変数 / the variable of \(name)") }
          place += 1
          try expect(",")
          let body = try choice(depth + 1)
          try expect(")")
          node = try counted(.each(macro, node, variable, body), depth)
        } else if name == "size", take("(") {
          try expect(")")
          node = try counted(.call("size", [node]), depth)
        } else {
          node = try counted(.member(node, name), depth)
        }
      }
      return node
    }

    private mutating func primary(_ depth: Int) throws(ProcedureFault) -> Node {
      let token = tokens[place]
      place += 1
      switch token {
      case .number(let number): return try counted(.literal(.integer(number)), depth)
      case .text(let text): return try counted(.literal(.text(text)), depth)
      case .name("true"): return try counted(.literal(.flag(true)), depth)
      case .name("false"): return try counted(.literal(.flag(false)), depth)
      case .name("null"): return try counted(.literal(.null), depth)
      case .name(let name):
        guard take("(") else { return try counted(.name(name), depth) }
        return try counted(.call(name, try items(")", depth)), depth)
      case .sign("["): return try counted(.list(try items("]", depth)), depth)
      case .sign("("):
        let node = try choice(depth + 1)
        try expect(")")
        return node
      case .sign, .end:
        place -= 1
        throw fault("値がありません / a value is missing")
      }
    }

    private mutating func items(_ end: String, _ depth: Int) throws(ProcedureFault) -> [Node] {
      if take(end) { return [] }
      var nodes: [Node] = []
      repeat { nodes.append(try choice(depth + 1)) } while take(",")
      try expect(end)
      return nodes
    }
  }
}

/// What working one expression out may cost: a definition from another ward stops nobody's node. The same on every node: where it is spent,
/// the expression is unknown everywhere.
final class Work {
  /// Parts of expressions that are worked out, and items of lists that are made or compared.
  private var left: Int
  private var depth = 0
  private static let deepest = 250
  /// What was worked out already, by name: a calculation that two others read is worked out once.
  private var known: [String: Datum?] = [:]

  static let most = 100_000

  init(_ most: Int) { left = most }

  func spend(_ amount: Int) -> Bool {
    left -= min(amount, left + 1)
    return left >= 0
  }

  func within(_ body: () -> Datum?) -> Datum? {
    guard depth < Self.deepest, spend(1) else { return nil }
    depth += 1
    defer { depth -= 1 }
    return body()
  }

  func once(_ name: String, _ body: () -> Datum?) -> Datum? {
    if let value = known[name] { return value }
    let value = body()
    known[name] = .some(value)
    return value
  }

  /// Nil where a value is larger than what is left.
  func bounded(_ datum: Datum?) -> Datum? { datum.flatMap { spend($0.size(upTo: left + 1)) ? $0 : nil } }
}

/// Works expressions out, over one case as somebody sees it.
struct Evaluation {
  /// What a name stands for.
  let name: (String, Work) -> Datum?
  /// What a function gives; nil: unknown.
  let call: (String, [Datum], Work) -> Datum?
  /// What one expression may cost.
  let most: Int

  /// nil: unknown.
  func value(of expression: Expression) -> Datum? { value(of: expression, Work(most)) }

  func value(of expression: Expression, _ work: Work) -> Datum? { value(expression.node, [:], work) }

  func holds(_ expression: Expression) -> Bool { value(of: expression) == .flag(true) }

  private func value(_ node: Expression.Node, _ variables: [String: Datum], _ work: Work) -> Datum? {
    work.within { part(node, variables, work) }
  }

  private func part(_ node: Expression.Node, _ variables: [String: Datum], _ work: Work) -> Datum? {
    switch node {
    case .literal(let datum): return datum
    case .name(let name): return variables[name] ?? self.name(name, work)
    case .member(let inner, let name):
      guard case .map(let members)? = value(inner, variables, work) else { return nil }
      return members[name] ?? .null
    case .list(let nodes):
      let items = nodes.map { value($0, variables, work) }
      return items.contains(nil) ? nil : work.bounded(.list(items.map { $0! }))
    case .not(let inner):
      guard case .flag(let flag)? = value(inner, variables, work) else { return nil }
      return .flag(!flag)
    case .negative(let inner):
      guard case .integer(let number)? = value(inner, variables, work), number != .min else { return nil }
      return .integer(-number)
    case .choice(let condition, let yes, let no):
      guard case .flag(let flag)? = value(condition, variables, work) else { return nil }
      return value(flag ? yes : no, variables, work)
    case .binary(.and, let left, let right):
      return both(value(left, variables, work), value(right, variables, work), decides: false)
    case .binary(.or, let left, let right):
      return both(value(left, variables, work), value(right, variables, work), decides: true)
    case .binary(let sign, let left, let right):
      guard let left = work.bounded(value(left, variables, work)),
        let right = work.bounded(value(right, variables, work))
      else { return nil }
      return Self.apply(sign, left, right)
    case .call(let name, let nodes):
      let given = nodes.map { value($0, variables, work) }
      guard !given.contains(nil) else { return nil }
      return call(name, given.map { $0! }, work)
    case .each(let macro, let over, let variable, let body):
      guard case .list(let items)? = value(over, variables, work) else { return nil }
      return each(macro, items, variable, body, variables, work)
    }
  }

  /// One side that decides is enough, whatever the other is.
  private func both(_ left: Datum?, _ right: Datum?, decides: Bool) -> Datum? {
    if left == .flag(decides) || right == .flag(decides) { return .flag(decides) }
    guard case .flag? = left, case .flag? = right else { return nil }
    return .flag(!decides)
  }

  private func each(
    _ macro: Expression.Macro, _ items: [Datum], _ variable: String, _ body: Expression.Node,
    _ variables: [String: Datum], _ work: Work
  ) -> Datum? {
    guard work.spend(items.count) else { return nil }
    let values = items.map { item in value(body, variables.merging([variable: item]) { $1 }, work) }
    switch macro {
    case .map: return values.contains(nil) ? nil : work.bounded(.list(values.map { $0! }))
    case .filter:
      guard values.allSatisfy({ if case .flag? = $0 { true } else { false } }) else { return nil }
      return work.bounded(.list(zip(items, values).filter { $0.1 == .flag(true) }.map(\.0)))
    case .exists: return values.reduce(.flag(false)) { both($0, $1, decides: true) }
    case .all: return values.reduce(.flag(true)) { both($0, $1, decides: false) }
    }
  }

  private static func apply(_ sign: Expression.Operator, _ left: Datum, _ right: Datum) -> Datum? {
    switch sign {
    case .equal: return .flag(left == right)
    case .unequal: return .flag(left != right)
    case .within:
      guard case .list(let items) = right else { return nil }
      return .flag(items.contains(left))
    case .less, .atMost, .more, .atLeast:
      let order: Int
      switch (left, right) {
      case (.integer(let a), .integer(let b)): order = a < b ? -1 : a == b ? 0 : 1
      case (.text(let a), .text(let b)):
        let (a, b) = ([UInt8](a.utf8), [UInt8](b.utf8))
        order = a == b ? 0 : a.lexicographicallyPrecedes(b) ? -1 : 1
      default: return nil
      }
      switch sign {
      case .less: return .flag(order < 0)
      case .atMost: return .flag(order <= 0)
      case .more: return .flag(order > 0)
      default: return .flag(order >= 0)
      }
    case .plus, .minus, .times, .over:
      guard case .integer(let a) = left, case .integer(let b) = right else { return nil }
      return reckon(sign, a, b)
    case .and, .or: return nil
    }
  }

  /// Past 64 bits, and by nothing: unknown.
  private static func reckon(_ sign: Expression.Operator, _ a: Int64, _ b: Int64) -> Datum? {
    let (number, isOver): (Int64, Bool) =
      switch sign {
      case .plus: a.addingReportingOverflow(b)
      case .minus: a.subtractingReportingOverflow(b)
      case .times: a.multipliedReportingOverflow(by: b)
      default: b == 0 ? (0, true) : a.dividedReportingOverflow(by: b)
      }
    return isOver ? nil : .integer(number)
  }
}
