import Causality
import ChangeModel
import Federation
import Foundation
import GRDB
import Gossip
import Replica
import SignedLog
import Sodium
import TestSupport
import Testing

/// Nodes joined by links that lose what is under way when they are cut. Time is an argument.
final class GossipNetwork {
  var nodes: [(replica: Replica, gossip: Gossip)] = []
  var random: RandomNumbers
  /// The wall clock, and the steady clock of all nodes.
  var now = Instant.test
  var steady: Tick { Tick(milliseconds: now.milliseconds - Instant.test.milliseconds) }
  private let directory = TemporaryDirectory()
  private(set) var federation: TestFederation
  private var links: [Link] = []
  private var nextLink: UInt64 = 1
  /// Change sets that arrived at each node, by what they are: to count copies.
  private(set) var arrivals: [Int: [LogName: [UInt32: Int]]] = [:]

  struct Link {
    let id: LinkID
    let ends: (Int, Int)
    /// What a slow line carries; nil: one frame each way in each step.
    let line: Line?
    var queues: ([[UInt8]], [[UInt8]]) = ([], [])
    var lines = (LineState(), LineState())
  }

  /// A line that nobody has told gossip of: it takes whatever it is given, and buffers without end.
  struct Line {
    var bytesPerSecond: Int
    var milliseconds: Int64
    /// What length, TLS and TCP add to a frame.
    var overhead = 30
  }

  struct LineState {
    var busyUntil = Tick(milliseconds: 0)
    var onTheirWay: [(frame: [UInt8], arrival: Tick)] = []
    var bytes = 0
  }

  init(nodes count: Int, seed: UInt64) throws {
    random = RandomNumbers(seed: seed)
    federation = TestFederation(wards: count, seed: seed)
    for index in 0..<count {
      let replica = try Replica(
        path: directory.file("\(index).sqlite"), identity: federation.node(ward: index, keySeed: seed),
        schema: TestSchema.schema, at: now)
      nodes.append((replica, Gossip(replica)))
    }
  }

  /// A second process with a node's key and a copy of its file: a stolen one, or one that was copied while it ran.
  func twin(of index: Int) throws -> Int {
    let original = nodes[index].replica
    try original.store.checkpoint()
    let copy = directory.file("\(nodes.count).sqlite")
    try FileManager.default.copyItem(atPath: directory.file("\(index).sqlite"), toPath: copy)
    let replica = try Replica(
      path: copy, identity: original.identity, schema: TestSchema.schema, salt: UInt64(nodes.count), at: now)
    nodes.append((replica, Gossip(replica)))
    return nodes.count - 1
  }

  /// The authority of a node's ward cuts it where another node knows its logs now.
  func revoke(_ index: Int, at signer: Int) throws {
    let node = nodes[index].replica.author.node
    let replica = nodes[signer].replica
    let revocation = try federation.authorities[index].revocation(
      of: node, in: federation.identity, cut: replica.cut(of: node))
    var draft = Draft(.control, audience: .anyone)
    draft.edits = [ControlSchema.revoking(revocation, reason: "盗難")]
    let effects = try replica.batch(at: now) { _ = try replica.commit(draft, at: now) }
    nodes[signer].gossip.grew(effects.logs, at: steady)
  }

  /// One edit of one row.
  func edit(_ index: Int, _ row: RowID, _ fields: [FieldEdit]) throws {
    var draft = Draft(.life)
    draft.edit(TestSchema.things, row, fields)
    let replica = nodes[index].replica
    let effects = try replica.batch(at: now) { _ = try replica.commit(draft, at: now) }
    nodes[index].gossip.grew(effects.logs, at: steady)
  }

  func scratch(_ index: Int) -> String { directory.file("rebuilt\(index).sqlite") }

  @discardableResult
  func connect(_ first: Int, _ second: Int, by line: Line? = nil) -> LinkID {
    let id = LinkID(rawValue: nextLink)
    nextLink += 1
    links.append(Link(id: id, ends: (first, second), line: line))
    nodes[first].gossip.connected(id, peer: nodes[second].replica.author, at: steady)
    nodes[second].gossip.connected(id, peer: nodes[first].replica.author, at: steady)
    return id
  }

  /// How often a line loses a frame, and how often it brings one twice.
  var loss = 0.0

  func setLine(_ first: Int, _ second: Int, _ line: Line) {
    for index in links.indices where links[index].ends == (first, second) {
      let link = links[index]
      links[index] = Link(id: link.id, ends: link.ends, line: line, queues: link.queues, lines: link.lines)
    }
  }

  /// A text of so many letters.
  func text(_ count: Int) -> String {
    String((0..<count).map { _ in Character(UnicodeScalar(UInt8(33 + random.below(90)))) })
  }

  /// A text that takes about so many bytes in a log, however it is packed: ideographs, two bytes each, of which nine tenths are chance.
  func noise(_ count: Int) -> String {
    String(
      (0..<count * 10 / 18).map { _ in Character(UnicodeScalar(UInt32(0x4e00 + random.below(0x5200)))!) })
  }

  func cut(_ first: Int, _ second: Int) {
    for link in links where link.ends == (first, second) || link.ends == (second, first) {
      nodes[link.ends.0].gossip.disconnected(link.id, at: steady)
      nodes[link.ends.1].gossip.disconnected(link.id, at: steady)
    }
    links.removeAll { $0.ends == (first, second) || $0.ends == (second, first) }
  }

  var isEmpty: Bool { links.isEmpty }

  func commit(_ index: Int, lane: Lane = .life, edits: Int = 1, text: String? = nil) throws {
    try commit(index, lane: lane, texts: (0..<edits).map { _ in text ?? random.pick(TestSchema.words) })
  }

  func commit(_ index: Int, lane: Lane, texts: [String]) throws {
    let collection = lane == .life ? TestSchema.things : TestSchema.parcels
    var draft = Draft(lane)
    for text in texts {
      draft.edit(collection, try nodes[index].replica.newRows(1)[0], [FieldEdit(1, .set(.text(text)))])
    }
    let replica = nodes[index].replica
    let effects = try replica.batch(at: now) { _ = try replica.commit(draft, at: now) }
    nodes[index].gossip.grew(effects.logs, at: steady)
  }

  /// Moves at most one frame each way on each link.
  func step() throws {
    now = now.advanced(byMilliseconds: 10)
    for index in links.indices {
      let (id, ends) = (links[index].id, links[index].ends)
      if let line = links[index].line {
        try feed(line, &links[index].lines.1, from: ends.0, on: id)
        try feed(line, &links[index].lines.0, from: ends.1, on: id)
        links[index].queues.1 = take(&links[index].lines.1)
        links[index].queues.0 = take(&links[index].lines.0)
        continue
      }
      if let frame = try nodes[ends.0].gossip.nextFrame(for: id, at: steady) { links[index].queues.1.append(frame) }
      if let frame = try nodes[ends.1].gossip.nextFrame(for: id, at: steady) { links[index].queues.0.append(frame) }
    }
    for id in links.map(\.id) {
      for side in 0...1 {
        guard let index = links.firstIndex(where: { $0.id == id }) else { continue }
        let ends = links[index].ends
        var queue = side == 0 ? links[index].queues.0 : links[index].queues.1
        if side == 0 { links[index].queues.0 = [] } else { links[index].queues.1 = [] }
        try deliver(&queue, to: side == 0 ? ends.0 : ends.1, on: id)
      }
    }
    for node in nodes {
      _ = node.gossip.tick(at: steady)
      #expect(node.gossip.checkInvariants(thoroughly: true) == [])
      #expect(node.replica.checkInvariants(thoroughly: true) == [])
    }
  }

  private func feed(_ line: Line, _ state: inout LineState, from index: Int, on link: LinkID) throws {
    while let frame = try nodes[index].gossip.nextFrame(for: link, at: steady) {
      let bytes = frame.count + line.overhead
      state.bytes += bytes
      state.busyUntil = max(state.busyUntil, steady).advanced(
        byMilliseconds: Int64(bytes * 1_000 / line.bytesPerSecond))
      if random.chance(loss) { continue }
      if random.chance(loss) { state.onTheirWay.append((frame, state.busyUntil)) }
      state.onTheirWay.append((frame, state.busyUntil.advanced(byMilliseconds: line.milliseconds)))
    }
  }

  private func take(_ state: inout LineState) -> [[UInt8]] {
    let here = state.onTheirWay.prefix { $0.arrival <= steady }.map(\.frame)
    state.onTheirWay.removeFirst(here.count)
    return here
  }

  private func deliver(_ queue: inout [[UInt8]], to index: Int, on link: LinkID) throws {
    guard !queue.isEmpty else { return }
    for frame in queue { count(frame, at: index) }
    let outcome = try nodes[index].gossip.receive(queue.map { (link, $0) }, at: steady, wall: now)
    queue = []
    for (link, fault) in outcome.faults {
      if fault != .revoked { Issue.record("\(fault)") }
      if let ends = links.first(where: { $0.id == link })?.ends { cut(ends.0, ends.1) }
    }
  }

  private func count(_ frame: [UInt8], at index: Int) {
    guard let message = try? frame.decoding({ raw throws(MalformedBytes) in try Message(raw) }) else { return }
    if case .run(let run) = message {
      for sequence in run.first..<run.first + UInt32(run.entries.count) {
        arrivals[index, default: [:]][run.log, default: [:]][sequence, default: 0] += 1
      }
    }
  }

  /// How many change sets came, and how many of them a node had before.
  var copies: (arrived: Int, repeated: Int) {
    let counts = arrivals.values.flatMap { $0.values.flatMap(\.values) }
    return (counts.reduce(0, +), counts.reduce(0) { $0 + $1 - 1 })
  }

  /// Steps until the first `count` nodes agree and no link has anything to carry.
  func settle(first count: Int? = nil, limit: Int = 3_000) throws {
    for round in 0..<limit {
      try step()
      if round % 20 == 19,
        try Set(nodes.prefix(count ?? nodes.count).map { try $0.replica.store.tableDigest().combined }).count == 1,
        quiet
      {
        return
      }
    }
    Issue.record("did not settle in \(limit) steps")
  }

  private var quiet: Bool {
    links.allSatisfy { link in
      !nodes[link.ends.0].gossip.hasFrame(for: link.id, at: steady)
        && !nodes[link.ends.1].gossip.hasFrame(for: link.id, at: steady)
    }
  }
}

@Suite struct GossipTests {
  @Test(arguments: 1...8) func `nodes converge after random cuts and heals, and hear nothing twice from two peers`(
    seed: UInt64
  ) throws {
    let network = try GossipNetwork(nodes: 5, seed: seed)
    var up: Set<[Int]> = []
    for first in 0..<5 {
      for second in first + 1..<5 where network.random.chance(0.7) || second == first + 1 {
        up.insert([first, second])
      }
    }
    for pair in up.sorted(by: { $0.lexicographicallyPrecedes($1) }) { network.connect(pair[0], pair[1]) }
    for _ in 0..<150 {
      if network.random.chance(0.5) {
        try network.commit(network.random.below(5), lane: network.random.chance(0.7) ? .life : .supply)
      }
      if network.random.chance(0.04),
        let pair = up.sorted(by: { $0.lexicographicallyPrecedes($1) }).first(where: { _ in network.random.chance(0.3) })
      {
        network.cut(pair[0], pair[1])
        network.connect(pair[0], pair[1])
      }
      try network.step()
    }
    try network.settle()
    let (arrived, repeated) = network.copies
    #expect(Double(repeated) <= Double(arrived) * 0.05, "seed \(seed): \(repeated) of \(arrived) came twice")
  }

  @Test func `in a full mesh each change set comes once to each node`() throws {
    let network = try GossipNetwork(nodes: 6, seed: 3)
    for first in 0..<6 { for second in first + 1..<6 { network.connect(first, second) } }
    try network.settle()
    for round in 0..<100 {
      try network.commit(round % 6)
      try network.step()
    }
    try network.settle()
    #expect(network.copies.repeated == 0)
  }

  @Test func `a change set larger than a frame goes on where a cut left it`() throws {
    let network = try GossipNetwork(nodes: 2, seed: 4)
    let line = GossipNetwork.Line(bytesPerSecond: 60_000, milliseconds: 10)
    network.connect(0, 1, by: line)
    try network.settle()
    try network.commit(0, edits: 40, text: String(repeating: "毛布", count: 100))
    for _ in 0..<20 { try network.step() }
    network.cut(0, 1)
    let before = network.nodes[0].gossip.links.count
    #expect(before == 0)
    network.connect(0, 1, by: line)
    let sent = network.nodes[0].replica.store.logNames.count
    #expect(sent > 0)
    try network.settle()
    let report = network.nodes[0].gossip.reports()[0]
    let size = try network.nodes[0].replica.store.entries(
      LogName(.life, network.nodes[0].replica.author), from: 1, byteLimit: 0)[0].count
    #expect(report.bytesOut < size, "sent \(report.bytesOut) of \(size) bytes again")
  }

  @Test func `life overtakes a backlog in supply`() throws {
    let network = try GossipNetwork(nodes: 2, seed: 5)
    for _ in 0..<60 { try network.commit(0, lane: .supply, texts: (0..<20).map { _ in network.text(150) }) }
    network.connect(0, 1, by: .init(bytesPerSecond: 12_000, milliseconds: 10))
    for _ in 0..<400 { try network.step() }
    let supply = LogName(.supply, network.nodes[0].replica.author)
    #expect(network.nodes[1].replica.store.state(of: supply).logged.sequence < 50)
    try network.commit(0, lane: .life)
    for _ in 0..<100 { try network.step() }
    #expect(
      network.nodes[1].replica.store.state(of: LogName(.life, network.nodes[0].replica.author)).logged.sequence == 1)
    #expect(network.nodes[1].replica.store.state(of: supply).logged.sequence < 60)
  }

  @Test func `a peer that asks for the same again and again gets it a few times only, and a flood of pings one answer`()
    throws
  {
    let network = try GossipNetwork(nodes: 2, seed: 7)
    try network.commit(0, edits: 40, text: String(repeating: "x", count: 1_000))
    let (replica, gossip) = network.nodes[0]
    let peer = network.nodes[1].replica.author
    let link = LinkID(rawValue: 77)
    gossip.connected(link, peer: peer.node, at: network.steady)
    var counted = 0
    func say(_ messages: [Message]) throws {
      _ = try gossip.receive(
        messages.map { (link, $0.encoded()) }, at: network.steady, wall: network.now)
    }
    func answers() throws -> [Message] {
      var all: [Message] = []
      while let frame = try gossip.nextFrame(for: link, at: network.steady) {
        let message = try frame.decoding { raw throws(MalformedBytes) in try Message(raw) }
        switch message {
        case .pong, .acknowledgement: break
        default:
          counted += frame.count
          try say([.acknowledgement(total: counted, held: 0)])
        }
        if case .acknowledgement = message { continue }
        all.append(message)
      }
      return all
    }
    try say([.hello(federation: replica.federation, author: peer, program: "")])
    _ = try answers()
    try say((0..<1_000).map { .ping($0) })
    #expect(try answers().map { if case .pong(999, _) = $0 { true } else { false } } == [true])
    let log = LogName(.life, replica.author)
    var sent = 0
    for _ in 0..<1_000 {
      try say([.ask(log, from: 1, offset: 0)])
      for case .run(let run) in try answers() { sent += run.entries.reduce(0) { $0 + $1.count } }
    }
    let size = try replica.store.entries(log, from: 1, byteLimit: 1 << 24).reduce(0) { $0 + $1.count }
    #expect(sent >= size && sent < (4 << 20) + 2 * size, "\(sent) of a log of \(size) bytes")
    // Time brings it back: an honest peer that lost what it had is helped.
    network.now = network.now.advanced(byMilliseconds: 10_000)
    try say([.ask(log, from: 1, offset: 0)])
    #expect(try answers().contains { if case .run = $0 { true } else { false } })
  }

  @Test func `a node that writes without end fills nobody's disk, and its rest comes when a person says so`() throws {
    let network = try GossipNetwork(nodes: 3, seed: 32)
    network.connect(0, 1)
    network.connect(1, 2)
    let rows = try network.nodes[0].replica.newRows(250)
    try network.settle()
    let gossip = network.nodes[1].gossip
    gossip.room = 10 << 20
    for row in rows { try network.edit(0, row, [FieldEdit(7, .append(.text(network.text(30_000))))]) }
    let own = try network.nodes[2].replica.newRows(1)[0]
    try network.edit(2, own, [FieldEdit(2, .set(.text("開設")))])
    for _ in 0..<600 { try network.step() }
    let log = LogName(.life, network.nodes[0].replica.author)
    let kept = { network.nodes[1].replica.store.logged(log) }
    let all = network.nodes[0].replica.store.logged(log)
    let bytes = try network.nodes[1].replica.store.entries(log, from: 1, byteLimit: 1 << 24).reduce(0) { $0 + $1.count }
    #expect(
      bytes > 3_000_000 && bytes < 4_500_000 + 8 * 30_000, "\(kept()) change sets are kept of \(all), \(bytes) bytes")
    #expect(kept() < all)
    #expect(gossip.excessive.keys.sorted() == [log.author.node])
    // Others are not held up by it.
    #expect(network.nodes[0].replica.store.logged(LogName(.life, network.nodes[2].replica.author)) == 1)
    gossip.allowMore(of: log.author)
    gossip.room = nil
    try network.settle()
    #expect(kept() == all)
  }

  @Test func `peers with the same logs and other tables say so, until they are the same again`() throws {
    let network = try GossipNetwork(nodes: 3, seed: 31)
    network.connect(0, 1)
    network.connect(1, 2)
    let row = try network.nodes[0].replica.newRows(1)[0]
    try network.edit(0, row, [FieldEdit(2, .set(.text("開設")))])
    try network.settle()
    for _ in 0..<400 { try network.step() }
    func told(equal: Range<Int> = 0..<3) throws -> [[AuthorNumber]] {
      for (replica, gossip) in network.nodes[equal] {
        #expect(gossip.hasEqualPeer)
        let hash = try replica.store.tableDigest().shared
        gossip.tell(Gossip.Tables(place: gossip.place, hash: hash))
      }
      for _ in 0..<10 { try network.step() }
      return network.nodes.map { $0.gossip.unequal.sorted() }
    }
    func write(_ status: String) throws {
      try DatabaseQueue(path: network.nodes[1].replica.store.path).write {
        try $0.execute(sql: "UPDATE things SET status = ?", arguments: [status])
      }
    }
    #expect(Set(network.nodes.map(\.gossip.place)).count == 1)
    #expect(try told() == [[], [], []])
    try write("閉鎖")
    let names = network.nodes.map(\.replica.author.node)
    #expect(try told() == [[names[1]], [names[0], names[2]], [names[1]]])
    try write("開設")
    #expect(try told() == [[], [], []])
    // Who comes later hears it all the same, and says what its own are.
    network.cut(1, 2)
    try write("閉鎖")
    #expect(try Array(told(equal: 0..<2)[0...1]) == [[names[1]], [names[0]]])
    network.nodes[2].gossip.tell(
      Gossip.Tables(place: network.nodes[2].gossip.place, hash: try network.nodes[2].replica.store.tableDigest().shared)
    )
    network.connect(1, 2)
    network.connect(0, 2)
    for _ in 0..<100 { try network.step() }
    #expect(network.nodes.map { $0.gossip.unequal.sorted() } == [[names[1]], [names[0], names[2]], [names[1]]])
    try write("開設")
    // Whoever has more is at another place: nothing is compared.
    network.cut(0, 1)
    try network.edit(0, row, [FieldEdit(2, .set(.text("準備中")))])
    #expect(network.nodes[0].gossip.place != network.nodes[1].gossip.place)
  }

  @Test func `a message cut or changed anywhere is refused or decoded, never a crash`() throws {
    var random = RandomNumbers(seed: 9)
    let log = LogName(.life, AuthorNumber(ward: 1, serial: 2, epoch: 3))
    let messages: [Message] = [
      .hello(federation: .zero, author: log.author, program: "renkei-node 0.2 (abc)"),
      .summary([1, 2, 3, 4], wall: .test),
      .summary([1, 2, 3, 4], wall: nil),
      .tables(Gossip.Tables(place: blake2b([1]), hash: blake2b([2]))),
      .heads(.supply, [HeadReport(log: LogName(.supply, log.author), sequence: 9, hash: 7)]),
      .ask(log, from: 5, offset: 100), .run(Run(log, first: 3, entries: [[1, 2, 3], [4], []])),
      .fragment(log, 8, offset: 10, total: 40, [1, 2, 3]), .ping(77),
      .pong(78, total: 5_000), .acknowledgement(total: 70_000, held: 120),
      .farewell(.ended),
    ]
    for message in messages {
      let bytes = message.encoded()
      #expect(try bytes.decoding { raw throws(MalformedBytes) in try Message(raw) } == message)
      for length in 0..<bytes.count {
        let cut = Array(bytes[..<length])
        #expect(throws: MalformedBytes.self) { try cut.decoding { raw throws(MalformedBytes) in try Message(raw) } }
      }
      for _ in 0..<2_000 {
        var changed = bytes
        changed[random.below(changed.count)] = UInt8(truncatingIfNeeded: random.next())
        _ = try? changed.decoding { raw throws(MalformedBytes) in try Message(raw) }
      }
    }
  }
}
