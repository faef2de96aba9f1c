import Causality

/// Faults by chance: how often is the scenario's, how bad is drawn here.
extension Planner {
  mutating func addFaults(_ rates: [FaultKind: Double], swarm: Bool) {
    for kind in FaultKind.allCases {
      guard var rate = rates[kind], rate > 0 else { continue }
      if swarm {
        guard random.chance(0.5) else { continue }
        rate *= Double(1 + random.below(4)) / 2
      }
      let expected = rate * Double(scenario.lasts) / 3_600_000_000
      // On average as many as expected, without a tail that could make one run endless.
      let count = Int(expected) + (random.chance(expected - expected.rounded(.down)) ? 1 : 0)
      for _ in 0..<count { add(kind, at: random.moment(0...scenario.lasts)) }
    }
  }

  private mutating func add(_ kind: FaultKind, at moment: Moment) {
    let node = random.pick(nodesOf.flatMap { $0 })
    let road = random.below(plan.roads.count)
    let span = lasting(20...1_800)
    switch kind {
    case .cut:
      add(.cut(road: road), at: moment)
      add(.heal(road: road), at: moment + span)
    case .oneWay:
      add(.oneWay(road: road, from: plan.roads[road].ends[random.below(2)]), at: moment)
      // Healing looks at roads that are down: a short cut ends the silence too.
      add(.cut(road: road), at: moment + span)
      add(.heal(road: road), at: moment + span + 1_000_000)
    case .flap:
      var at = moment
      for _ in 0..<(3 + random.below(20)) {
        add(.cut(road: road), at: at)
        at += lasting(1...60)
        add(.heal(road: road), at: at)
        at += lasting(1...60)
      }
    case .island:
      let inside = nodesOf.flatMap { $0 }.filter { _ in random.chance(0.4) }
      addIsland(Set(inside), from: moment, until: moment + lasting(60...5_400))
    case .blackout:
      let ward = random.below(nodesOf.count)
      addIsland(Set(nodesOf[ward]), from: moment, until: moment + span)
      for node in nodesOf[ward] {
        add(.crash(node: node, afterOperations: nil), at: moment)
        add(.start(node: node), at: moment + span)
      }
    case .narrow:
      add(.rate(road: road, bitsPerSecond: random.pick([2_400, 4_800, 9_600])), at: moment)
      add(.rate(road: road, bitsPerSecond: plan.roads[road].bitsPerSecond), at: moment + span)
    case .weather:
      var weather = Weather()
      if random.chance(0.5) { weather.loss = Double(random.below(20)) / 100 }
      if random.chance(0.5) { weather.duplicate = Double(random.below(20)) / 100 }
      if random.chance(0.5) { weather.reorder = Double(random.below(30)) / 100 }
      if random.chance(0.5) { weather.late = Double(random.below(20)) / 100 }
      weather.lateMilliseconds = 60_000
      add(.weather(road: road, weather), at: moment)
      add(.weather(road: road, .fair), at: moment + span)
    case .crash:
      add(.crash(node: node, afterOperations: nil), at: moment)
      add(.start(node: node), at: moment + span)
    case .tornWrite:
      add(.crash(node: node, afterOperations: 1 + random.below(30)), at: moment)
      add(.start(node: node), at: moment + span)
    case .diskFull:
      add(.diskFull(node: node, isFull: true), at: moment)
      add(.diskFull(node: node, isFull: false), at: moment + span)
    case .diskError:
      add(.diskErrors(node: node, rate: random.pick([0.001, 0.01, 0.1, 0.5])), at: moment)
      add(.diskErrors(node: node, rate: 0), at: moment + span)
    case .rot:
      add(.rot(node: node, bits: 1 + random.below(4)), at: moment)
      add(.start(node: node), at: moment + span)
    case .backup: add(.backup(node: node), at: moment)
    case .restore, .rewind:
      // The file alone comes back, or the whole machine with the mark beside the file.
      add(.backup(node: node), at: moment)
      add(.restore(node: node, withMark: kind == .rewind), at: moment + span)
    case .copy:
      let copy = addNode(ward: plan.nodes[node].ward, isThere: false, copyOf: node)
      addRoads(ofNewcomer: copy)
      add(.copy(node: copy), at: moment)
      for _ in 0..<(1 + random.below(6)) {
        add(.work(node: copy, seed: random.next()), at: moment + lasting(10...3_600))
      }
      add(.leave(node: copy), at: moment + 3_600_000_000)
    case .clock:
      let offset = random.pick([-7_200_000, -60_000, -500, 500, 60_000, 3_600_000, 86_400_000, 31_536_000_000])
      add(
        .clock(node: node, offsetMilliseconds: Int64(offset), driftPerMillion: random.below(2_001) - 1_000), at: moment)
      if random.chance(0.7) {
        add(.clock(node: node, offsetMilliseconds: 0, driftPerMillion: random.below(101) - 50), at: moment + span)
      }
    case .liar: add(.liar(node: node, key: nil, seed: random.next(), lasting: span), at: moment)
    case .stolenKey:
      let others = nodesOf.flatMap { $0 }.filter { $0 != node }
      guard !others.isEmpty else { return }
      add(.liar(node: node, key: random.pick(others), seed: random.next(), lasting: span), at: moment)
    case .courier:
      let others = nodesOf.flatMap { $0 }.filter { $0 != node }
      guard !others.isEmpty else { return }
      add(
        .carry(from: node, to: random.pick(others), lasting: lasting(600...20_000), isLost: random.chance(0.15)),
        at: moment)
    case .join:
      let newcomer = addNode(ward: random.below(nodesOf.count), isThere: false)
      addRoads(ofNewcomer: newcomer)
      add(.join(node: newcomer), at: moment)
      for _ in 0..<random.below(12) {
        add(.work(node: newcomer, seed: random.next()), at: moment + lasting(10...7_200))
      }
    case .leave:
      // Not the first of its ward, which others reach the ward by.
      guard let leaver = nodesOf.flatMap({ $0.dropFirst() }).randomElement(using: &random) else { return }
      add(.leave(node: leaver), at: moment)
    case .upgrade:
      plan.nodes[node].isOld = true
      add(.upgrade(node: node), at: moment)
    }
  }

  /// So many nodes fall into hostile hands: their machines leave, and whoever has their keys speaks with them to several
  /// others, each in its own way. A share of them is revoked by their authorities, somewhere, later.
  mutating func addHostile(_ count: Int, _ moment: Moment, lasting span: Moment, revoked: Double) {
    var honest = nodesOf.flatMap { $0 }
    honest.shuffle(using: &random)
    // Whoever is honest can still reach the others: a ward that nobody speaks with cannot converge with anybody.
    var taken: [Int] = []
    for node in honest where taken.count < count && isConnected(honest.filter { $0 != node && !taken.contains($0) }) {
      taken.append(node)
    }
    honest.removeAll { taken.contains($0) }
    for node in taken {
      add(.leave(node: node), at: moment)
      for _ in 0..<(2 + random.below(3)) {
        add(
          .liar(node: random.pick(honest), key: node, seed: random.next(), lasting: span),
          at: moment + random.moment(0...span / 4))
      }
      guard random.chance(revoked) else { continue }
      add(.revoke(node: node, at: random.pick(honest)), at: moment + random.moment(span / 8...span))
    }
  }

  /// Whether each of these nodes reaches each other one by roads among them alone.
  private func isConnected(_ nodes: [Int]) -> Bool {
    guard let first = nodes.first else { return false }
    let inside = Set(nodes)
    var reached: Set = [first]
    var wave = [first]
    while let node = wave.popLast() {
      for road in plan.roads where road.ends.contains(node) {
        for end in road.ends where inside.contains(end) && reached.insert(end).inserted { wave.append(end) }
      }
    }
    return reached.count == nodes.count
  }

  /// Cuts every road between `inside` and the rest.
  mutating func addIsland(_ inside: Set<Int>, from moment: Moment, until end: Moment) {
    for (index, road) in plan.roads.enumerated() where inside.contains(road.ends[0]) != inside.contains(road.ends[1]) {
      add(.cut(road: index), at: moment)
      add(.heal(road: index), at: end)
    }
  }

  /// Mostly short, now and then long; in seconds.
  mutating func lasting(_ seconds: ClosedRange<Int>) -> Moment {
    Moment(random.tail(from: Double(seconds.lowerBound), to: Double(seconds.upperBound)) * 1_000_000)
  }
}
