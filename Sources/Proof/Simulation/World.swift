import Causality
import ChangeModel
import Federation
import Gossip
import HeapModule
import Replica
import SignedLog
import Sodium
import Store

/// What happens, told for people.
public struct Narration: Hashable, Sendable {
  public var japanese: String
  public var english: String
}

/// A run: nodes, roads and disks on one virtual time. Nothing happens but by an event of the queue, in the order of time
/// and then of making; nothing is drawn but from the plan's seed.
public final class World {
  enum Event {
    case step(Step)
    /// A node's policy of links wants to be called.
    case calls(node: Int, life: Int)
    case callFails(node: Int, life: Int, address: Int)
    /// One end of a session learns who the other is.
    case meet(session: Int, end: Int)
    case arrive(session: Int, end: Int, frames: [[UInt8]])
    case notice(session: Int, end: Int)
    case tick(node: Int, life: Int)
    case start(node: Int)
    case bundle(to: Int, bytes: [UInt8])
    case lie(Int)
    /// What nodes do every minute: hand back what is void and not theirs.
    case minute
    case sample
  }

  private struct Queued: Comparable {
    var at: Moment
    var order: UInt64
    var event: Event

    static func < (left: Self, right: Self) -> Bool { (left.at, left.order) < (right.at, right.order) }
    static func == (left: Self, right: Self) -> Bool { left.order == right.order }
  }

  let plan: Plan
  var now: Moment = 0
  private var queue = Heap<Queued>()
  private var made: UInt64 = 0

  var federation: SimulatedFederation
  var nodes: [SimulatedNode] = []
  var roads: [Road]
  var pairs: [Pair] = []
  var sessions: [Int: Session] = [:]
  var nextSession = 1
  var pairsOf: [[Int]] = []
  /// The noise of roads and machines. What people do has seeds of its own, in the plan.
  var random: RandomNumbers

  var ledger = Ledger()
  var trace = Trace()
  var violations: [Violation] = []
  var counts = RunCounts()
  var samples: [CurveSample] = []
  var happenings: [Happening] = []
  var liars: [Liar] = []
  /// All trouble has ended.
  var isHealed = false
  var samplePeriod: Moment = 0
  /// Tells what happens, for people who step through a run.
  var narrate: ((Moment, Narration) -> Void)?

  /// How a change set came to a node: how often, over how many nodes the first time, and when.
  struct Arrival {
    var count: Int
    var depth: Int
    var at: Moment
  }

  /// A key and a nonce under which something was sealed.
  struct SealedPlace: Hashable {
    var key: AudienceKeyID
    var nonce: [UInt8]
  }

  /// What was sealed under each, by its hash.
  var sealedTexts: [SealedPlace: Digest] = [:]
  var arrivals: [Int: [LogName: [SequenceNumber: Arrival]]] = [:]

  // What judgement finds.
  var convergedAt: Moment?
  var boundSeconds = 0.0
  var copies = 1.0
  var mostHops = 0
  var meanHops = 0.0
  var hopCount = 0
  var voidOf: [String: Int] = [:]
  /// What each road had carried when all trouble ended.
  var carriedAtHeal: [(bytes: Int, changeSets: Int)] = []

  public init(_ plan: Plan, narrate: ((Moment, Narration) -> Void)? = nil) throws {
    self.plan = plan
    self.narrate = narrate
    random = RandomNumbers(seed: plan.seed &* 0x9e37_79b9_7f4a_7c15 &+ 1)
    federation = SimulatedFederation(wards: plan.wards.map { ($0[0], $0[1]) }, seed: plan.seed)
    let services = plan.services ?? false
    federation.emergency = services
    let schema = services ? ServiceWorkload.schema : NightSchema.current
    roads = plan.roads.map(Road.init)
    for (index, planned) in plan.nodes.enumerated() {
      let identity =
        planned.copyOf.map { nodes[$0].identity }
        ?? federation.node(ward: planned.ward, keySeed: plan.seed &+ UInt64(index))
      nodes.append(
        SimulatedNode(
          index: index, identity: identity, schema: planned.isOld && !services ? NightSchema.old : schema,
          seed: random.next()))
      nodes[index].indexes = services ? ServiceWorkload.indexes : []
    }
    makePairs()
    giveAddresses()
  }

  private func makePairs() {
    var byEnds: [[Int]: [Int]] = [:]
    for (index, road) in roads.enumerated() {
      byEnds[[min(road.ends.0, road.ends.1), max(road.ends.0, road.ends.1)], default: []].append(index)
    }
    pairsOf = Array(repeating: [], count: nodes.count)
    for ends in byEnds.keys.sorted(by: { $0.lexicographicallyPrecedes($1) }) {
      pairsOf[ends[0]].append(pairs.count)
      pairsOf[ends[1]].append(pairs.count)
      pairs.append(Pair(ends: (ends[0], ends[1]), roads: byEnds[ends]!))
    }
  }

  /// Mostly both nodes of a pair know the other's address; behind a mobile carrier's router only one can be called. Two
  /// machines with one key take each other's links: whoever was put off has to be able to call again.
  private func giveAddresses() {
    var random = RandomNumbers(seed: plan.seed &* 0x2545_f491_4f6c_dd1d &+ 7)
    let copies = plan.nodes.enumerated().flatMap { index, node in node.copyOf.map { [index, $0] } ?? [] }
    for (index, pair) in pairs.enumerated() {
      let isOfCopies = copies.contains(pair.ends.0) || copies.contains(pair.ends.1)
      let oneWay = random.chance(0.25) && !isOfCopies ? random.below(2) : nil
      if oneWay != 0 { nodes[pair.ends.0].addresses.append(index) }
      if oneWay != 1 { nodes[pair.ends.1].addresses.append(index) }
    }
  }

  // MARK: The queue

  func schedule(_ event: Event, at moment: Moment) {
    made += 1
    queue.insert(Queued(at: max(moment, now), order: made, event: event))
  }

  /// What every node's steady clock says: it began with the run.
  var steady: Tick { Tick(milliseconds: now / 1_000) }

  func schedule(_ event: Event, after span: Moment) { schedule(event, at: now + span) }

  /// Runs what is due until `end`.
  func run(until end: Moment) throws {
    while let next = queue.min, next.at <= end {
      let queued = queue.removeMin()
      now = queued.at
      counts.events += 1
      try handle(queued.event)
    }
    now = max(now, end)
  }

  private func handle(_ event: Event) throws {
    switch event {
    case .step(let step): try perform(step)
    case .calls(let node, let life): calls(node, life)
    case .callFails(let node, let life, let address): callFails(node, life, address)
    case .meet(let session, let end): meet(session, end)
    case .arrive(let session, let end, let frames): arrive(session, end, frames)
    case .notice(let session, let end): notice(session, end)
    case .tick(let node, let life): tick(node, life)
    case .start(let node): start(node)
    case .bundle(let node, let bytes): takeBundle(bytes, to: node)
    case .lie(let liar): lie(liar)
    case .minute:
      handBack()
      schedule(.minute, after: 60_000_000)
    case .sample:
      sample()
      if !isHealed { schedule(.sample, after: samplePeriod) }
    }
  }

  func say(_ japanese: @autoclosure () -> String, _ english: @autoclosure () -> String) {
    narrate?(now, Narration(japanese: japanese(), english: english()))
  }

  func violate(_ checker: Violation.Checker, _ detail: String) {
    if violations.count < 50 { violations.append(Violation(checker, detail, at: now)) }
    say("✗ \(checker.rawValue)：\(detail)", "✗ \(checker.rawValue): \(detail)")
  }

  // MARK: From the first to the last event

  /// Everybody who is there at the beginning is enrolled and knows the others: the federation is older than the quake.
  private func begin() throws {
    let first = nodes.filter { plan.nodes[$0.index].isThere }
    for node in first {
      try node.start(at: 0)
      noteOwn(node)
    }
    try introduce(first)
    for node in first { beginCalls(node) }
    for step in plan.steps { schedule(.step(step.step), at: step.at) }
    samplePeriod = max(plan.healsAt / 240, 1_000_000)
    schedule(.sample, at: 0)
    schedule(.minute, after: 60_000_000)
  }

  /// Gives everybody everybody's certificate. Many nodes start from one disk: the tables are the same on all.
  private func introduce(_ first: [SimulatedNode]) throws {
    var runs: [Run] = []
    for node in first {
      let log = LogName(.control, node.replica!.author)
      runs.append(Run(log, first: 1, entries: try node.replica!.store.entries(log, from: 1, byteLimit: 1 << 20)))
    }
    func take(_ node: SimulatedNode) throws {
      let wall = node.wallClock(at: 0)
      _ = try node.replica!.batch(at: wall) {
        for run in runs { _ = try node.replica!.receive(run, from: "founding", at: wall) }
      }
    }
    if first.count <= 64 {
      for node in first { try take(node) }
    } else {
      try take(first[0])
      try first[0].replica!.store.checkpoint()
      let image = first[0].disk.image().filter { $0.key == first[0].path }.values.first!
      for node in first.dropFirst() {
        node.stop()
        node.disk.restore([node.path: image])
        try node.start(at: 0)
      }
    }
    for node in first { node.renewGossip() }
  }

  /// The whole run: what the plan says, then peace, then judgement.
  public func run() -> RunResult {
    // What another run of this process came by is not this one's.
    _ = Probe.take()
    do {
      try begin()
      try run(until: plan.healsAt)
      heal()
      try settle()
      judge()
    } catch { violate(.failure, "\(error)") }
    return result()
  }
}

extension RandomNumbers {
  mutating func moment(_ range: ClosedRange<Moment>) -> Moment {
    range.lowerBound + Moment(next(upperBound: UInt64(range.upperBound - range.lowerBound + 1)))
  }

  /// Many small, few large: Pareto with exponent 1.5, cut at `most`.
  mutating func tail(from least: Double, to most: Double) -> Double {
    let uniform = (Double(next() >> 11) + 1) / Double(UInt64(1) << 53)
    return min(least / squareRootCube(uniform), most)
  }

  /// x to the power of 2/3, by Newton: no library whose last digit differs between machines.
  private func squareRootCube(_ x: Double) -> Double {
    let square = x * x
    var root = x > 0.001 ? x : 0.01
    for _ in 0..<40 { root -= (root * root * root - square) / (3 * root * root) }
    return max(root, 1e-9)
  }
}
