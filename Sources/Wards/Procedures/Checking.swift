/// What must hold of a definition before anybody may use it, beside its tables: every name is declared, nothing depends on itself, one
/// state always holds.
struct Checking {
  private let procedure: Procedure
  private let document: Document

  init(_ procedure: Procedure, _ document: Document) { (self.procedure, self.document) = (procedure, document) }

  private static let functions: [String: Int] = [
    "did": 1, "value": 2, "split": 2, "torn": 1, "answered": 2, "narrowest": 3, "table": 1, "days": 2, "sealed": 1,
    "fact": 1, "residency": 0, "claims": 0, "size": 1,
  ]

  func run() throws(ProcedureFault) {
    let (fields, acts) = (procedure.fields, procedure.acts)
    guard fields.count <= Procedure.mostFields, acts.count <= Procedure.mostActs,
      procedure.tables.count <= Procedure.mostTables
    else { throw ProcedureFault("", ja: "項目・行為・表が多すぎます", en: "too many fields, acts or tables") }
    guard Set(fields.map(\.name)).count == fields.count else {
      throw ProcedureFault("form", ja: "同じ名前の項目が二つあります", en: "two fields have one name")
    }
    if let name = fields.map(\.name).first(where: { $0 == "received_on" }) {
      throw ProcedureFault(
        "form.\(name)", ja: "「\(name)」はどの申請にもある項目です。別の名前にしてください", en: "\(name) is every application's own")
    }
    for (path, parts) in acts.map({ ("acts.\($0.name).ask", $0.asks) })
      + fields.map({ ("form.\($0.name)", $0.parts) })
    where Set(parts.map(\.name)).count < parts.count {
      throw ProcedureFault(path, ja: "同じ名前の項目が二つあります", en: "two fields have one name")
    }
    let combinations = procedure.tables.reduce(0) { $0 + $1.combinations }
    guard combinations <= DecisionTable.mostCells else {
      throw ProcedureFault(
        "tables", ja: "表の組合せが全部で多すぎます(\(DecisionTable.mostCells) まで)",
        en: "more than \(DecisionTable.mostCells) combinations in all tables")
    }
    guard !acts.isEmpty else { throw ProcedureFault("acts", ja: "行為がありません", en: "it has no acts") }
    let last = procedure.states.last
    guard last?.condition.source == "true" else {
      throw ProcedureFault("states", ja: "最後の状態は、いつも成り立つ if: \"true\" にしてください", en: "the last state is to hold always")
    }
    try checkNames()
    try checkOrder()
    let outputs = Set(document["outputs"]?.entries.map(\.key) ?? [])
    for act in acts {
      for output in act.makes where !outputs.contains(output) {
        throw ProcedureFault("acts.\(act.name).makes", ja: "出力「\(output)」がありません", en: "no output is called \(output)")
      }
    }
  }

  /// Every expression, with where it stands and the names that it may read.
  private func expressions() -> [(path: String, expression: Expression, names: Set<String>)] {
    let names = Set(procedure.fields.map(\.name)).union(Procedure.given)
    var all: [(String, Expression, Set<String>)] = []
    func add(_ field: Procedure.Field, _ path: String, _ names: Set<String>) {
      for (part, expression) in [("if", field.condition), ("check", field.check), ("as", field.calculation)] {
        if let expression { all.append(("\(path).\(field.name).\(part)", expression, names)) }
      }
      for part in field.parts { add(part, "\(path).\(field.name)", names.union(field.parts.map(\.name))) }
    }
    for field in procedure.fields { add(field, "form", names) }
    for act in procedure.acts {
      if let condition = act.condition { all.append(("acts.\(act.name).if", condition, names)) }
      for ask in act.asks { add(ask, "acts.\(act.name)", names.union(act.asks.map(\.name))) }
      for set in act.sets { all.append(("acts.\(act.name).sets.\(set.name)", set.value, names)) }
    }
    for state in procedure.states { all.append(("states.\(state.id)", state.condition, names)) }
    for flag in procedure.flags { all.append(("flags.\(flag.id)", flag.condition, names)) }
    for table in procedure.tables {
      for column in table.columns { all.append(("tables.\(table.name).in.\(column.name)", column.input, names)) }
    }
    return all
  }

  private func checkNames() throws(ProcedureFault) {
    let groups = Set(procedure.acts.map(\.group))
    var size = 0
    for (path, expression, names) in expressions() {
      size += expression.size
      guard size <= Procedure.mostNodes else {
        throw ProcedureFault(path, ja: "式が全体で大きすぎます", en: "the expressions are too large in all")
      }
      var variables = names
      try expression.visit { node throws(ProcedureFault) in
        switch node {
        case .each(_, _, let variable, _): variables.insert(variable)
        case .name(let name):
          guard variables.contains(name) else {
            throw ProcedureFault(path, ja: "「\(name)」という項目はありません", en: "nothing is called \(name)")
          }
        case .call(let name, let given): try checkCall(name, given, groups, path)
        default: break
        }
      }
    }
  }

  private func checkCall(
    _ name: String, _ given: [Expression.Node], _ groups: Set<String>, _ path: String
  ) throws(ProcedureFault) {
    guard let count = Self.functions[name], given.count == count else {
      throw ProcedureFault(path, ja: "\(name) という関数はないか、引数の数が違います", en: "no function \(name), or not of so many")
    }
    func text(_ place: Int) throws(ProcedureFault) -> String {
      guard case .literal(.text(let text)) = given[place] else {
        throw ProcedureFault(path, ja: "\(name) には名前を '…' で書いてください", en: "\(name) takes a name in quotes")
      }
      return text
    }
    switch name {
    case "did", "answered", "value", "split", "narrowest":
      guard let act = procedure.act(try text(0)) else {
        throw ProcedureFault(path, ja: "行為「\(try text(0))」はありません", en: "no act is called \(try text(0))")
      }
      if name == "answered", procedure.act(try text(1)) == nil {
        throw ProcedureFault(path, ja: "行為「\(try text(1))」はありません", en: "no act is called \(try text(1))")
      }
      if ["value", "split", "narrowest"].contains(name) {
        let field = try text(1)
        guard act.asks.contains(where: { $0.name == field }) || act.sets.contains(where: { $0.name == field }) else {
          throw ProcedureFault(path, ja: "行為「\(act.name)」に「\(field)」はありません", en: "the act \(act.name) has no \(field)")
        }
      }
    case "torn":
      guard groups.contains(try text(0)) else {
        throw ProcedureFault(path, ja: "組「\(try text(0))」はありません", en: "no group is called \(try text(0))")
      }
    case "table":
      let table = try text(0)
      guard procedure.tables.contains(where: { $0.name == table }) else {
        throw ProcedureFault(path, ja: "表「\(table)」はありません", en: "no table is called \(table)")
      }
    default: break
    }
  }

  /// No field hides or works itself out, and no table asks for itself, by whatever way round.
  private func checkOrder() throws(ProcedureFault) {
    var needs: [String: Set<String>] = [:]
    func note(_ name: String, _ expression: Expression?) throws(ProcedureFault) {
      try expression?.visit { node throws(ProcedureFault) in
        switch node {
        case .name(let other): needs[name, default: []].insert("field \(other)")
        case .call("table", let given):
          if case .literal(.text(let table))? = given.first { needs[name, default: []].insert("table \(table)") }
        default: break
        }
      }
    }
    for field in procedure.fields {
      try note("field \(field.name)", field.condition)
      try note("field \(field.name)", field.calculation)
    }
    for table in procedure.tables { for column in table.columns { try note("table \(table.name)", column.input) } }
    var done: Set<String> = []
    func walk(_ name: String, _ way: [String]) throws(ProcedureFault) {
      guard !way.contains(name) else {
        throw ProcedureFault(
          name.replacing(" ", with: "s."), ja: "自分自身に依存しています: \((way + [name]).joined(separator: " → "))",
          en: "it depends on itself: \((way + [name]).joined(separator: " → "))")
      }
      guard !done.contains(name) else { return }
      for next in (needs[name] ?? []).sorted() { try walk(next, way + [name]) }
      done.insert(name)
    }
    for name in needs.keys.sorted() { try walk(name, []) }
  }
}
