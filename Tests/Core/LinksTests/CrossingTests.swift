import Causality
import Gossip
import Testing

@testable import Links

/// Two nodes that call each other: after any order of things, one link is up, the same at both.
@Suite struct CrossingTests {
  /// A link that is on its way, from one node's call to both ends' proofs.
  private struct Transport {
    var caller: Int
    /// What each end has yet to learn, in order: that it meets the other, that the other has closed.
    var news: [[News]] = [[.meets], [.meets]]
    /// Whether the end has taken it up.
    var isUp = [false, false]

    enum News { case meets, closed }
  }

  /// Two nodes and whatever lies between them; who learns what next is drawn.
  private struct Pair {
    var nodes: [Links]
    let peers: [ProvenPeer]
    var transports: [LinkID: Transport] = [:]
    var now = Tick(milliseconds: 0)
    var random: RandomNumbers
    private var nextLink: UInt64 = 1

    init(seed: UInt64, knowing addresses: [Bool]) {
      random = RandomNumbers(seed: seed)
      let wards: [UInt32] = random.chance(0.5) ? [3, 8] : [8, 3]
      peers = wards.map { ProvenPeer.honest(ward: $0) }
      nodes = peers.map { Links(own: $0.node, seed: seed ^ UInt64($0.node.rawValue)) }
      for index in 0...1 { tell(index, .begin(calls: addresses[index] ? [wards[1 - index]] : [])) }
    }

    mutating func tell(_ index: Int, _ input: Links.Input) {
      let effects = nodes[index].handle(input, at: now, wall: Instant(milliseconds: 0))
      #expect(nodes[index].checkInvariants() == [])
      for effect in effects {
        switch effect {
        case .call:
          transports[LinkID(rawValue: nextLink)] = Transport(caller: index)
          nextLink += 1
        case .accept(let link): transports[link]!.isUp[index] = true
        case .refuse(let link, _), .close(let link, _):
          transports[link]!.isUp[index] = false
          transports[link]!.news[index] = []
          transports[link]!.news[1 - index].append(.closed)
        case .pause, .refreshKeys: Issue.record("\(effect)")
        }
      }
    }

    /// One end learns one thing, or time passes until somebody calls. The caller is the first to know whom it meets.
    mutating func step() {
      let open = transports.keys.sorted().flatMap { link in
        (0...1).filter { end in
          let transport = transports[link]!
          let isSecond = end != transport.caller && transport.news[transport.caller].first == .meets
          return !transport.news[end].isEmpty && !isSecond
        }.map { (link, $0) }
      }
      guard !open.isEmpty, random.chance(0.9) else {
        let due = nodes.compactMap(\.nextDeadline).min() ?? now
        now = max(due, now.advanced(byMilliseconds: Int64(random.below(20))))
        for index in 0...1 { tell(index, .tick) }
        return
      }
      let (link, end) = random.pick(open)
      switch transports[link]!.news[end].removeFirst() {
      case .meets:
        tell(end, .connected(link, peers[1 - end], from: transports[link]!.caller == end ? 0 : nil, begun: now))
      case .closed: if transports[link]!.isUp[end] { tell(end, .ended(link, .lost)) }
      }
    }

    var isQuiet: Bool { transports.values.allSatisfy { $0.news == [[], []] } }
    var up: [LinkID] { transports.keys.sorted().filter { transports[$0]!.isUp == [true, true] } }
    var half: [LinkID] { transports.keys.sorted().filter { transports[$0]!.isUp[0] != transports[$0]!.isUp[1] } }
  }

  @Test(arguments: 1...200 as ClosedRange<UInt64>)
  func `two nodes that call each other end with one link, the same at both ends`(seed: UInt64) {
    var pair = Pair(seed: seed, knowing: [true, true])
    for _ in 0..<2_000 { pair.step() }
    for _ in 0..<200 where !pair.isQuiet { pair.step() }
    #expect(pair.up.count == 1 && pair.half.isEmpty)
    #expect(pair.nodes[0].ids == pair.up && pair.nodes[1].ids == pair.up)
  }

  @Test(arguments: [true, false])
  func `of two calls that cross, the lower node's stays, whichever each end sees first`(isFirstSeenFirst: Bool) {
    let (low, high) = (ProvenPeer.honest(ward: 3), ProvenPeer.honest(ward: 8))
    let ids = [LinkID(rawValue: 1), LinkID(rawValue: 2)]
    for (own, other) in [(low, high), (high, low)] {
      var links = Links(own: own.node, seed: 1)
      let (now, wall) = (Tick(milliseconds: 0), Instant(milliseconds: 0))
      _ = links.handle(.begin(calls: [other.node.ward]), at: now, wall: wall)
      // The first link is the lower node's call, the second the higher one's.
      let seen: [(LinkID, Int?)] = [(ids[0], own == low ? 0 : nil), (ids[1], own == high ? 0 : nil)]
      for (id, address) in isFirstSeenFirst ? seen : seen.reversed() {
        _ = links.handle(.connected(id, other, from: address, begun: now), at: now, wall: wall)
      }
      #expect(links.ids == [ids[0]], "seen from \(own.node)")
    }
  }

  /// After a power cut the node is there again in seconds; its old link looks alive at the other end for a minute.
  @Test func `a peer that restarted takes the place of its old link, whoever had called`() {
    for (own, other) in [(UInt32(3), UInt32(8)), (8, 3)] {
      var links = Links(own: ProvenPeer.honest(ward: own).node, seed: 1)
      let peer = ProvenPeer.honest(ward: other)
      let wall = Instant(milliseconds: 0)
      _ = links.handle(.begin(calls: [other]), at: Tick(milliseconds: 0), wall: wall)
      let (old, new) = (LinkID(rawValue: 1), LinkID(rawValue: 2))
      _ = links.handle(
        .connected(old, peer, from: 0, begun: Tick(milliseconds: 0)), at: Tick(milliseconds: 0), wall: wall)
      let later = Tick(milliseconds: Links.crossing + 1)
      #expect(
        links.handle(.connected(new, peer, from: nil, begun: later), at: later, wall: wall) == [
          .close(old, .replaced), .accept(new),
        ])
    }
  }
}
