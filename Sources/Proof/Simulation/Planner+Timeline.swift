import Causality
import Topology

extension Planner {
  /// Plans one entry of the timeline.
  mutating func add(_ entry: Fields) throws(TopologyError) {
    let at = try entry.span("at")
    guard at <= scenario.lasts else { throw entry.fault("at", "is after the end") }
    for action in Scenario.actions where entry.has(action) { try add(action, entry, at) }
  }

  private mutating func add(_ action: String, _ entry: Fields, _ at: Moment) throws(TopologyError) {
    func part(_ known: [String]) throws(TopologyError) -> Fields {
      try Fields(entry.node(action), "\(entry.path).\(action)", known)
    }
    switch action {
    case "cut": for road in try roads(entry, action) { add(.cut(road: road), at: at) }
    case "heal": for road in try roads(entry, action) { add(.heal(road: road), at: at) }
    case "islands": try addIslands(entry, at)
    case "one-way":
      let fields = try part(["road", "from"])
      let from = try node(fields, "from")
      for road in try roads(fields, "road") where plan.roads[road].ends.contains(from) {
        add(.oneWay(road: road, from: from), at: at)
      }
    case "rate":
      let fields = try part(["roads", "bits-per-second"])
      let rate = try fields.integer("bits-per-second", 100...1_000_000_000_000)
      for road in try roads(fields, "roads") { add(.rate(road: road, bitsPerSecond: rate), at: at) }
    case "weather":
      let fields = try part(["roads", "loss", "duplicate", "reorder", "late", "late-up-to"])
      var weather = Weather()
      weather.loss = try fields.number("loss", 0...1, or: 0)
      weather.duplicate = try fields.number("duplicate", 0...1, or: 0)
      weather.reorder = try fields.number("reorder", 0...1, or: 0)
      weather.late = try fields.number("late", 0...1, or: 0)
      weather.lateMilliseconds = Int(try fields.span("late-up-to", or: 30_000_000) / 1_000)
      for road in try roads(fields, "roads") { add(.weather(road: road, weather), at: at) }
    case "flap":
      let fields = try part(["roads", "up", "down", "for"])
      let (up, down, span) = (try fields.span("up"), try fields.span("down"), try fields.span("for"))
      for road in try roads(fields, "roads") {
        var moment = at
        while moment < at + span {
          add(.cut(road: road), at: moment)
          add(.heal(road: road), at: moment + random.moment(down / 2...down * 3 / 2))
          moment += down + random.moment(up / 2...up * 3 / 2)
        }
      }
    case "outage": try addOutage(part(Self.outageFields), from: at)
    case "crash": for node in try nodes(entry, action) { add(.crash(node: node, afterOperations: nil), at: at) }
    case "start": for node in try nodes(entry, action) { add(.start(node: node), at: at) }
    case "blackout":
      let fields = try part(["wards", "for"])
      let end = at + (try fields.span("for"))
      for name in try fields.texts("wards") {
        let nodes = try wardNodes(name, fields, "wards")
        addIsland(nodes, from: at, until: end)
        for node in nodes.sorted() {
          add(.crash(node: node, afterOperations: nil), at: at)
          add(.start(node: node), at: end)
        }
      }
    case "disk":
      let fields = try part(["node", "full", "errors", "torn-after"])
      let node = try node(fields, "node")
      if fields.has("full") { add(.diskFull(node: node, isFull: try fields.flag("full")), at: at) }
      if fields.has("errors") { add(.diskErrors(node: node, rate: try fields.number("errors", 0...1)), at: at) }
      if fields.has("torn-after") {
        add(.crash(node: node, afterOperations: try fields.integer("torn-after", 1...10_000)), at: at)
      }
    case "rot":
      let fields = try part(["node", "bits"])
      add(.rot(node: try node(fields, "node"), bits: try fields.integer("bits", 1...1_000)), at: at)
      add(.start(node: try node(fields, "node")), at: at + 60_000_000)
    case "backup": for node in try nodes(entry, action) { add(.backup(node: node), at: at) }
    case "restore":
      let fields = try part(["node", "with-mark"])
      add(.restore(node: try node(fields, "node"), withMark: try fields.flag("with-mark")), at: at)
    case "copy": for node in try nodes(entry, action) { add(.copy(node: node), at: at) }
    case "clock":
      let fields = try part(["node", "ahead", "behind", "drift-per-million"])
      let offset = try fields.span("ahead", or: 0) - (try fields.span("behind", or: 0))
      add(
        .clock(
          node: try node(fields, "node"), offsetMilliseconds: offset / 1_000,
          driftPerMillion: try fields.integer("drift-per-million", -100_000...100_000, or: 0)), at: at)
    case "liar":
      let fields = try part(["to", "key-of", "for"])
      add(
        .liar(
          node: try node(fields, "to"), key: fields.has("key-of") ? try node(fields, "key-of") : nil,
          seed: random.next(),
          lasting: try fields.span("for")), at: at)
    case "hostile":
      let fields = try part(["most", "for", "revoked"])
      addHostile(
        1 + random.below(try fields.integer("most", 1...500)), at, lasting: try fields.span("for"),
        revoked: try fields.number("revoked", 0...1))
    case "courier":
      let fields = try part(["from", "to", "takes", "lost"])
      add(
        .carry(
          from: try node(fields, "from"), to: try node(fields, "to"), lasting: try fields.span("takes"),
          isLost: try fields.flag("lost")), at: at)
    case "join": for node in try nodes(entry, action) { add(.join(node: node), at: at) }
    case "leave": for node in try nodes(entry, action) { add(.leave(node: node), at: at) }
    case "upgrade": for node in try nodes(entry, action) { add(.upgrade(node: node), at: at) }
    case "work":
      let fields = try part(["nodes", "edits", "for"])
      let span = try fields.span("for")
      let everybody = try nodes(fields, "nodes")
      for _ in 0..<(try fields.integer("edits", 1...1_000_000)) {
        add(.work(node: random.pick(everybody), seed: random.next()), at: at + random.moment(0...span))
      }
    default: try addExpectation(part(["agree", "lacks", "has", "refused", "conflicts", "fork", "new-epoch"]), at)
    }
  }

  /// Cuts every road between groups; whoever is not named forms one more.
  private mutating func addIslands(_ entry: Fields, _ at: Moment) throws(TopologyError) {
    var group: [Int: Int] = [:]
    for (number, list) in try entry.list("islands").enumerated() {
      guard let names = list.sequence?.compactMap({ $0.scalar?.string }) else {
        throw entry.fault("islands", "must be lists of wards", at: list)
      }
      for name in names {
        for node in try wardNodes(name, entry, "islands") { group[node] = number + 1 }
      }
    }
    for (index, road) in plan.roads.enumerated()
    where group[road.ends[0], default: 0] != group[road.ends[1], default: 0] {
      add(.cut(road: index), at: at)
    }
  }

  private mutating func addExpectation(_ fields: Fields, _ at: Moment) throws(TopologyError) {
    func pair(_ name: String, _ more: [String] = []) throws(TopologyError) -> Fields {
      try Fields(fields.node(name), "\(fields.path).\(name)", ["at", "of"] + more)
    }
    if fields.has("agree") { add(.expect(.agree(try nodes(fields, "agree"))), at: at) }
    if fields.has("lacks") {
      let pair = try pair("lacks")
      add(.expect(.lacks(at: try node(pair, "at"), of: try node(pair, "of"))), at: at)
    }
    if fields.has("has") {
      let pair = try pair("has", ["by"])
      add(.expect(.has(at: try node(pair, "at"), of: try node(pair, "of"), by: try pair.span("by"))), at: at)
    }
    for name in ["refused", "conflicts"] where fields.has(name) {
      let part = try Fields(fields.node(name), "\(fields.path).\(name)", ["at", "least"])
      let (place, least) = (try node(part, "at"), try part.integer("least", 1...1_000_000))
      add(.expect(name == "refused" ? .refused(at: place, least: least) : .conflicts(at: place, least: least)), at: at)
    }
    if fields.has("fork") { add(.expect(.fork(of: try node(fields, "fork"))), at: at) }
    if fields.has("new-epoch") { add(.expect(.newEpoch(of: try node(fields, "new-epoch"))), at: at) }
  }
}
