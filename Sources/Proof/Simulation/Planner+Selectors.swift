import Topology

/// Names of nodes and roads, as scenarios write them.
extension Planner {
  /// `渋谷区` or `13113`: the ward's first node. `渋谷区 2`: its second. `all`: everybody who is there at first.
  func nodes(_ text: String, _ fields: Fields, _ field: String) throws(TopologyError) -> [Int] {
    if text == "all" { return nodesOf.flatMap { $0 } }
    var name = text
    var number = 1
    if let space = text.lastIndex(of: " ") {
      name = String(text[..<space])
      let suffix = String(text[text.index(after: space)...])
      if suffix == "複製" {
        guard let copy = plan.nodes.firstIndex(where: { $0.name == text }) else { throw unknown(text, fields, field) }
        return [copy]
      }
      guard let parsed = Int(suffix) else { throw unknown(text, fields, field) }
      number = parsed
    }
    let matching = plan.nodes.indices.filter { index in
      let ward = wards[plan.nodes[index].ward]
      return plan.nodes[index].copyOf == nil && (ward.name == name || ward.code == name)
    }
    guard (1...max(matching.count, 1)).contains(number), !matching.isEmpty else { throw unknown(text, fields, field) }
    return [matching[number - 1]]
  }

  func node(_ text: String, _ fields: Fields, _ field: String) throws(TopologyError) -> Int {
    let found = try nodes(text, fields, field)
    guard found.count == 1 else { throw fields.fault(field, "\(text) is more than one node") }
    return found[0]
  }

  func node(_ fields: Fields, _ field: String) throws(TopologyError) -> Int {
    try node(fields.text(field), fields, field)
  }

  func nodes(_ fields: Fields, _ field: String) throws(TopologyError) -> [Int] {
    var found: [Int] = []
    for text in try fields.texts(field) { found += try nodes(text, fields, field) }
    return found
  }

  /// Words that all must fit: a kind (`fibre`), a node (`渋谷区`), two nodes (`渋谷区-港区`), or `all`.
  func roads(_ text: String, _ fields: Fields, _ field: String) throws(TopologyError) -> [Int] {
    var found = Array(plan.roads.indices)
    for word in text.split(separator: " ").map(String.init) where word != "all" {
      if Self.kinds.contains(word) {
        found = found.filter { plan.roads[$0].kind == word }
        continue
      }
      let ends = try word.split(separator: "-").map { name throws(TopologyError) in
        try wardNodes(String(name), fields, field)
      }
      found = found.filter { road in
        let (a, b) = (plan.roads[road].ends[0], plan.roads[road].ends[1])
        if ends.count == 1 { return ends[0].contains(a) != ends[0].contains(b) }
        return ends.count == 2
          && ((ends[0].contains(a) && ends[1].contains(b)) || (ends[0].contains(b) && ends[1].contains(a)))
      }
    }
    guard !found.isEmpty else { throw fields.fault(field, "no road is called \(text)") }
    return found
  }

  func roads(_ fields: Fields, _ field: String) throws(TopologyError) -> [Int] {
    var seen: Set<Int> = []
    var found: [Int] = []
    for text in try fields.texts(field) { found += try roads(text, fields, field) }
    return found.filter { seen.insert($0).inserted }
  }

  /// All nodes of a ward.
  func wardNodes(_ name: String, _ fields: Fields, _ field: String) throws(TopologyError) -> Set<Int> {
    let found = plan.nodes.indices.filter {
      let ward = wards[plan.nodes[$0].ward]
      return ward.name == name || ward.code == name
    }
    guard !found.isEmpty else { throw unknown(name, fields, field) }
    return Set(found)
  }

  private func unknown(_ text: String, _ fields: Fields, _ field: String) -> TopologyError {
    fields.fault(
      field, "\(text) is no node here; write a ward's name or code, and a number after it for a further node")
  }

  private static var kinds: [String] { Link.Kind.allCases.map(\.rawValue) }
}
