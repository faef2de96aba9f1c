import Causality
import Topology

/// Turns a scenario and a seed into a plan: everything that will happen, and when.
public struct Planner {
  let scenario: Scenario
  let topology: Topology
  var random: RandomNumbers
  var plan: Plan
  /// By ward: its nodes that are there from the beginning.
  var nodesOf: [[Int]] = []
  /// Wards that take part, in the topology's order.
  var wards: [Ward] = []

  /// - Throws: what in the scenario is wrong, with its line.
  public static func plan(
    _ scenario: Scenario, on topology: Topology, seed: UInt64, extraFaults: Scenario? = nil
  ) throws(TopologyError) -> Plan {
    var planner = Planner(scenario, topology, seed)
    try planner.choose()
    try planner.addNodes()
    planner.addRoads()
    try planner.addWork()
    if let extra = extraFaults {
      // That each change set comes once is promised of links that lose nothing.
      planner.plan.copyBound = nil
      // As many as the other scenario would have in its own time: a week of them would be another story.
      let scale = min(1, Double(extra.lasts) / Double(scenario.lasts))
      planner.addFaults(extra.faults.mapValues { $0 * scale }, swarm: extra.isSwarm)
      for entry in scenario.timeline where !entry.has("expect") { try planner.add(entry) }
    } else {
      planner.addFaults(scenario.faults, swarm: scenario.isSwarm)
      for entry in scenario.timeline { try planner.add(entry) }
    }
    return planner.finished()
  }

  private init(_ scenario: Scenario, _ topology: Topology, _ seed: UInt64) {
    self.scenario = scenario
    self.topology = topology
    var name: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in scenario.stream.utf8 { name = (name ^ UInt64(byte)) &* 0x100_0000_01b3 }
    random = RandomNumbers(seed: seed &* 0x2545_f491_4f6c_dd1d ^ name)
    plan = Plan(
      scenario: scenario.id, seed: seed, wards: [], nodes: [], roads: [], steps: [], healsAt: scenario.lasts,
      copyBound: scenario.copyBound)
  }

  // MARK: Who is there

  private mutating func choose() throws(TopologyError) {
    wards = topology.wards
    guard let nodes = scenario.nodes, nodes.has("wards") else { return }
    if let bounds = try nodes.node("wards").sequence, bounds.count == 2, let least = bounds[0].int,
      let most = bounds[1].int
    {
      guard 2 <= least, least <= most, most <= topology.wards.count else {
        throw nodes.fault("wards", "must be [LEAST, MOST] of 2 to \(topology.wards.count) wards, or their names")
      }
      wards = cluster(of: least + random.below(most - least + 1))
    } else {
      let names = try nodes.texts("wards")
      for name in names where ward(name, in: topology.wards) == nil {
        throw nodes.fault("wards", "\(name) is no ward of \(scenario.topology)")
      }
      wards = topology.wards.filter { ward in names.contains { $0 == ward.name || $0 == ward.code } }
    }
  }

  /// Wards that lie together, from one at random on.
  private mutating func cluster(of count: Int) -> [Ward] {
    var chosen = [topology.wards[random.below(topology.wards.count)]]
    while chosen.count < count {
      let codes = Set(chosen.map(\.code))
      let border = topology.wards.filter { ward in
        !codes.contains(ward.code) && ward.neighbours.contains { codes.contains($0) }
      }
      chosen.append(random.pick(border.isEmpty ? topology.wards.filter { !codes.contains($0.code) } : border))
    }
    return chosen.sorted { $0.code < $1.code }
  }

  private func ward(_ name: String, in wards: [Ward]) -> Int? {
    wards.firstIndex { $0.name == name || $0.code == name }
  }

  private mutating func addNodes() throws(TopologyError) {
    plan.wards = wards.map { [$0.code, $0.name] }
    nodesOf = wards.map { _ in [] }
    let each = try scenario.nodes?.integer("per-ward", 1...1_000, or: 1) ?? 1
    let total = try scenario.nodes?.integer("total", wards.count...10_000, or: each * wards.count) ?? wards.count
    for index in 0..<total { addNode(ward: index % wards.count) }
    guard let nodes = scenario.nodes else { return }
    for name in try nodes.texts("old") {
      for index in try self.nodes(name, nodes, "old") { plan.nodes[index].isOld = true }
    }
    for name in try nodes.texts("joining") {
      guard let ward = ward(name, in: wards) else { throw nodes.fault("joining", "\(name) is no ward here") }
      addNode(ward: ward, isThere: false)
    }
    for name in try nodes.texts("copies") {
      addNode(
        ward: plan.nodes[try node(name, nodes, "copies")].ward, isThere: false, copyOf: try node(name, nodes, "copies"))
    }
  }

  @discardableResult
  mutating func addNode(ward: Int, isThere: Bool = true, copyOf original: Int? = nil) -> Int {
    let index = plan.nodes.count
    let number = plan.nodes.count { $0.ward == ward && $0.copyOf == nil } + 1
    let name =
      original.map { "\(plan.nodes[$0].name) 複製" } ?? (number == 1 ? wards[ward].name : "\(wards[ward].name) \(number)")
    plan.nodes.append(PlannedNode(ward: ward, name: name, isThere: isThere, copyOf: original))
    if isThere { nodesOf[ward].append(index) }
    return index
  }

  // MARK: How they are linked

  private mutating func addRoads() {
    for link in topology.links where scenario.links.isEmpty || scenario.links.contains(link.kind.rawValue) {
      guard let a = ward(link.between[0], in: wards), let b = ward(link.between[1], in: wards) else { continue }
      plan.roads.append(
        PlannedRoad(
          ends: [nodesOf[a][0], nodesOf[b][0]], kind: link.kind.rawValue, bitsPerSecond: link.bitsPerSecond,
          latencyMilliseconds: link.latencyMilliseconds, loss: link.loss))
    }
    connectWards()
    // Within a ward: each further node to the first, and to some others.
    let neighbours = (try? scenario.nodes?.integer("neighbours", 0...20, or: 2)) ?? 2
    for nodes in nodesOf {
      for (order, node) in nodes.enumerated().dropFirst() {
        addRoad(node, nodes[0], "wifi", 50_000_000, 3)
        for _ in 0..<min(neighbours, order - 1) {
          addRoad(node, nodes[1 + random.below(order - 1)], "wifi", 50_000_000, 3)
        }
      }
    }
    for (index, node) in plan.nodes.enumerated() where !node.isThere { addRoads(ofNewcomer: index) }
  }

  /// A few wards may have no link of the topology's between them: somebody lends them a radio.
  private mutating func connectWards() {
    var reached: Set<Int> = [nodesOf[0][0]]
    while true {
      let before = reached.count
      for road in plan.roads where reached.contains(road.ends[0]) || reached.contains(road.ends[1]) {
        reached.formUnion(road.ends)
      }
      if reached.count > before { continue }
      guard let apart = nodesOf.first(where: { !reached.contains($0[0]) }) else { return }
      addRoad(nodesOf[0][0], apart[0], "radio", 9_600, 80)
      reached.insert(apart[0])
    }
  }

  private mutating func addRoad(_ a: Int, _ b: Int, _ kind: String, _ rate: Int, _ latency: Int) {
    let ends = [min(a, b), max(a, b)]
    guard a != b, !plan.roads.contains(where: { $0.ends == ends && $0.kind == kind }) else { return }
    plan.roads.append(
      PlannedRoad(ends: ends, kind: kind, bitsPerSecond: rate, latencyMilliseconds: latency, loss: 0))
  }

  /// A newcomer reaches its ward's first node and one of another ward; a copy starts somewhere else.
  mutating func addRoads(ofNewcomer index: Int) {
    let node = plan.nodes[index]
    if node.copyOf == nil { addRoad(index, nodesOf[node.ward][0], "wifi", 50_000_000, 3) }
    let others = nodesOf.indices.filter { $0 != node.ward }.map { nodesOf[$0][0] }
    guard !others.isEmpty else { return }
    addRoad(index, random.pick(others), "wifi", 50_000_000, 5)
    if node.copyOf != nil { addRoad(index, random.pick(others), "radio", 9_600, 80) }
  }

  // MARK: What they do

  private mutating func addWork() throws(TopologyError) {
    guard let work = scenario.work else { return }
    let rate = try work.curve("per-hour", 0...100_000)
    if work.has("kind") {
      guard ["night", "services"].contains(try work.text("kind")) else {
        throw work.fault("kind", "must be night or services")
      }
      plan.services = try work.text("kind") == "services"
    }
    let until = try work.span("until", or: scenario.lasts)
    guard until <= scenario.lasts else { throw work.fault("until", "is later than the end of all trouble, `lasts`") }
    // Thinning: Lewis and Shedler, "Simulation of nonhomogeneous Poisson processes by thinning" (1979).
    let most = rate.highest
    guard most > 0 else { return }
    let count = Int(most * Double(until) / 3_600_000_000)
    for _ in 0..<count {
      let at = random.moment(0...until)
      guard random.chance(rate.value(at: at) / most) else { continue }
      add(.work(node: somebody(), seed: random.next()), at: at)
    }
  }

  /// A node at which somebody works: wards by their people.
  mutating func somebody() -> Int {
    let people = wards.reduce(0) { $0 + $1.population.count }
    var pick = random.below(people)
    for (index, ward) in wards.enumerated() {
      pick -= ward.population.count
      if pick < 0 { return random.pick(nodesOf[index]) }
    }
    return nodesOf[0][0]
  }

  mutating func add(_ step: Step, at moment: Moment) {
    guard moment <= scenario.lasts else { return }
    plan.steps.append(TimedStep(max(moment, 0), step))
  }

  private func finished() -> Plan {
    var plan = plan
    // Stable: steps of one moment stay in the order of their making.
    plan.steps = plan.steps.enumerated().sorted { ($0.element.at, $0.offset) < ($1.element.at, $1.offset) }.map(
      \.element)
    return plan
  }
}
