import Causality
import ChangeModel
import Gossip
import Replica
import SignedLog
import TestSupport
import Testing

/// Lines of which nobody says what they carry, and that buffer without end: OPERATIONS.md, E1 to E3.
struct LineTests {
  struct Case: CustomStringConvertible {
    var bits: Int
    var milliseconds: Int64
    var backlog: Int

    var description: String { "\(backlog) bytes over \(bits) bit/s, \(milliseconds) ms" }
  }

  private static let cases = [
    Case(bits: 9_600, milliseconds: 80, backlog: 200_000), Case(bits: 8_000, milliseconds: 80, backlog: 200_000),
    Case(bits: 4_800, milliseconds: 80, backlog: 200_000), Case(bits: 2_400, milliseconds: 250, backlog: 30_000),
    Case(bits: 2_400, milliseconds: 2_000, backlog: 30_000), Case(bits: 1_000_000, milliseconds: 300, backlog: 400_000),
  ]

  /// Change sets of 10 KB each, as a shelter's pictures of its evacuees are, and small ones between.
  private static func fill(_ network: GossipNetwork, _ bytes: Int, lane: Lane) throws {
    for _ in 0..<bytes / 10_000 { try network.commit(0, lane: lane, texts: (0..<10).map { _ in network.noise(980) }) }
  }

  private static func has(_ network: GossipNetwork, _ lane: Lane) -> Int {
    Int(network.nodes[1].replica.store.logged(LogName(lane, network.nodes[0].replica.author)))
  }

  @Test(arguments: cases)
  func `a backlog crosses a slow line at the line's own rate`(_ one: Case) throws {
    let network = try GossipNetwork(nodes: 2, seed: 31)
    try Self.fill(network, one.backlog, lane: .supply)
    let sent = try network.nodes[0].replica.store.entries(
      LogName(.supply, network.nodes[0].replica.author), from: 1, byteLimit: 1 << 24)
    let bytes = sent.reduce(0) { $0 + $1.count }
    let began = network.now
    network.connect(0, 1, by: .init(bytesPerSecond: one.bits / 8, milliseconds: one.milliseconds))
    let right = Double(bytes) / Double(one.bits / 8)
    // What it takes to say hello and to find out what is lacking: a few turns of the line.
    let limit = right * 1.5 + Double(one.milliseconds) * 10 / 1_000
    var seconds = 0.0
    while Self.has(network, .supply) < sent.count, seconds < limit {
      try network.step()
      seconds = Double(network.now.milliseconds - began.milliseconds) / 1_000
    }
    #expect(
      Self.has(network, .supply) == sent.count, "\(Self.has(network, .supply)) of \(sent.count) after \(seconds) s")
  }

  @Test func `what is urgent waits for little, though nobody has said how slow the line is`() throws {
    let network = try GossipNetwork(nodes: 2, seed: 32)
    try Self.fill(network, 1_000_000, lane: .supply)
    network.connect(0, 1, by: .init(bytesPerSecond: 1_200, milliseconds: 80))
    while Self.has(network, .supply) < 2 { try network.step() }
    var waits: [Int64] = []
    for _ in 0..<10 {
      for _ in 0..<network.random.below(300) { try network.step() }
      let (began, before) = (network.now, Self.has(network, .life))
      try network.commit(0, lane: .life)
      while Self.has(network, .life) == before { try network.step() }
      waits.append(network.now.milliseconds - began.milliseconds)
    }
    #expect(waits.max()! <= 3_000, "\(waits)")
    #expect(Self.has(network, .supply) < 100)
  }

  @Test func `what is on its way is not taken for kept`() throws {
    let network = try GossipNetwork(nodes: 2, seed: 33)
    try Self.fill(network, 100_000, lane: .supply)
    network.connect(0, 1, by: .init(bytesPerSecond: 1_200, milliseconds: 80))
    var sawItOnItsWay = false
    while Self.has(network, .supply) < 10 {
      try network.step()
      guard let report = network.nodes[0].gossip.reports().first, let lacks = report.lacks else { continue }
      #expect(lacks >= 10 - Self.has(network, .supply))
      #expect(report.onTheirWay <= lacks)
      sawItOnItsWay = sawItOnItsWay || report.onTheirWay > 0
    }
    for _ in 0..<200 { try network.step() }
    #expect(sawItOnItsWay && network.nodes[0].gossip.reports()[0].lacks == 0)
    let measured = network.nodes[0].gossip.reports()[0].measured ?? 0
    #expect((800...1_300).contains(measured), "\(measured) B/s")
  }

  @Test func `a line that slows down is found out, and one that grows is used`() throws {
    let network = try GossipNetwork(nodes: 2, seed: 34)
    let line = GossipNetwork.Line(bytesPerSecond: 1_200, milliseconds: 80)
    network.connect(0, 1, by: line)
    try Self.fill(network, 30_000, lane: .supply)
    while Self.has(network, .supply) < 3 { try network.step() }
    #expect(network.nodes[0].gossip.reports()[0].measured ?? .max < 2_000)
    network.setLine(0, 1, .init(bytesPerSecond: 200_000, milliseconds: 5))
    try Self.fill(network, 2_000_000, lane: .supply)
    let began = network.now
    while Self.has(network, .supply) < 203 { try network.step() }
    #expect(network.now.milliseconds - began.milliseconds < 20_000)
    network.setLine(0, 1, line)
    try Self.fill(network, 200_000, lane: .supply)
    while Self.has(network, .supply) < 223 { try network.step() }
    #expect(network.nodes[0].gossip.reports()[0].measured ?? .max < 2_000)
  }

  @Test func `equal nodes know that they are, soon after a burst`() throws {
    let network = try GossipNetwork(nodes: 3, seed: 35)
    for (a, b) in [(0, 1), (1, 2), (0, 2)] { network.connect(a, b) }
    for _ in 0..<100 { try network.step() }
    for round in 0..<15 {
      try network.commit(round % 3)
      try network.step()
    }
    for _ in 0..<300 { try network.step() }
    for node in network.nodes { #expect(node.gossip.reports().allSatisfy { $0.lacks == 0 }) }
  }

  @Test func `a transport that loses or doubles frames stops no session for good`() throws {
    let network = try GossipNetwork(nodes: 2, seed: 36)
    network.connect(0, 1, by: .init(bytesPerSecond: 20_000, milliseconds: 20))
    for _ in 0..<50 { try network.step() }
    network.loss = 0.2
    try Self.fill(network, 100_000, lane: .supply)
    for _ in 0..<6_000 { try network.step() }
    network.loss = 0
    var steps = 0
    while Self.has(network, .supply) < 10, steps < 30_000 {
      try network.step()
      steps += 1
    }
    #expect(Self.has(network, .supply) == 10)
  }

  @Test func `a question whose answer is lost is asked again`() throws {
    let network = try GossipNetwork(nodes: 2, seed: 37)
    network.connect(0, 1, by: .init(bytesPerSecond: 20_000, milliseconds: 20))
    for _ in 0..<50 { try network.step() }
    // Everything is lost for so long that the question is lost too; then what was on its way still blocks the window.
    network.loss = 1
    try Self.fill(network, 100_000, lane: .supply)
    for _ in 0..<2_000 { try network.step() }
    network.loss = 0
    var steps = 0
    while Self.has(network, .supply) < 10, steps < 6_000 {
      try network.step()
      steps += 1
    }
    #expect(Self.has(network, .supply) == 10)
  }

  @Test func `a log that waits its turn on a slow line is not given up`() throws {
    let network = try GossipNetwork(nodes: 3, seed: 38)
    network.connect(0, 2)
    for _ in 0..<50 { try network.step() }
    // Two logs of which neither is the sender's own: they are asked for, and one waits for 100 s behind the other.
    for lane in [Lane.life, .supply] {
      for _ in 0..<12 { try network.commit(2, lane: lane, texts: (0..<10).map { _ in network.noise(980) }) }
    }
    for _ in 0..<300 { try network.step() }
    network.connect(0, 1, by: .init(bytesPerSecond: 1_200, milliseconds: 80))
    let last = LogName(.supply, network.nodes[2].replica.author)
    while network.nodes[1].gossip.reports()[0].asked < 2 { try network.step() }
    var steps = 0
    while network.nodes[1].replica.store.logged(last) < 12, steps < 40_000 {
      #expect(network.nodes[1].gossip.reports()[0].asked > 0)
      try network.step()
      steps += 1
    }
    #expect(network.nodes[1].replica.store.logged(last) == 12)
  }
}
