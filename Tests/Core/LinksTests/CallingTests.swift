import Causality
import Gossip
import Testing

@testable import Links

/// Whom a node calls, and when.
@Suite struct CallingTests {
  @Test(arguments: 1...20 as ClosedRange<UInt64>)
  func `calls to a silent address double their pause up to half a minute, each shortened by a half at most`(
    seed: UInt64
  ) throws {
    let node = Node(calls: [5], seed: seed)
    var bounds: [Int64] = []
    #expect(node.begun == [.call(0)])
    for attempt in 1...12 {
      _ = node.handle(.callFailed(0))
      #expect(node.links.calls(to: ProvenPeer.honest(ward: 5).node)?.failures == attempt)
      bounds.append(min(Int64(250) << Int64(attempt), 30_000))
      let call = try #require(node.nextCall())
      #expect((bounds.last! / 2...bounds.last!).contains(call.after), "attempt \(attempt): \(call.after) ms")
    }
    #expect(bounds.last == 30_000)
  }

  @Test func `a link that held is called again at once, one that did not after a longer pause each time`() throws {
    let node = Node(calls: [5])
    for pause: Int64 in [500, 1_000, 2_000] {
      let link = node.meet(.honest(ward: 5), from: 0).link
      node.pass(10_000)
      _ = node.handle(.ended(link, .lost))
      let call = try #require(node.nextCall())
      #expect((pause / 2...pause).contains(call.after))
    }
    let link = node.meet(.honest(ward: 5), from: 0).link
    node.pass(10_001)
    _ = node.handle(.ended(link, .silent))
    #expect(try (125...250).contains(#require(node.nextCall()).after))
  }

  @Test func `who has called us is not called, and is when its link is gone`() throws {
    let node = Node(calls: [5])
    let ours = node.meet(.honest(ward: 5), from: 0).link
    node.pass(60_000)
    let theirs = node.meet(.honest(ward: 5))
    #expect(theirs.effects == [.close(ours, .replaced), .accept(theirs.link)], "it would not call if it had ours")
    #expect(node.nextCall() == nil)
    _ = node.handle(.ended(theirs.link, .lost))
    #expect(try #require(node.nextCall()).address == 0)
  }

  /// A ward with two nodes: as long as one of them was linked, the other was never called.
  @Test func `each address of a ward is called, whoever else of that ward is linked`() throws {
    let node = Node(calls: [5, 5])
    #expect(node.begun == [.call(0), .call(1)])
    _ = node.meet(.honest(ward: 5, serial: 1), from: 0)
    let second = node.meet(.honest(ward: 5, serial: 2), from: 1)
    #expect(second.effects == [.accept(second.link)])
    _ = node.handle(.ended(second.link, .lost))
    #expect(try #require(node.nextCall()).address == 1)
    // The same node at another address: one link is enough.
    let same = node.meet(.honest(ward: 5, serial: 1), from: 1)
    #expect(same.effects == [.close(LinkID(rawValue: 1), .replaced), .accept(same.link)])
    #expect(node.nextCall() == nil)
  }

  @Test func `an address that leads to another ward's node gets no link`() throws {
    let node = Node(calls: [5])
    let met = node.meet(.honest(ward: 6), from: 0)
    #expect(met.effects == [.refuse(met.link, .wrongWard)])
    #expect(try (250...500).contains(#require(node.nextCall()).after))
  }

  @Test func `few calls are under way at once, and who waits longest is next`() {
    let node = Node(calls: Array(5..<25))
    #expect(node.begun == (0..<4).map { .call($0) })
    #expect(node.links.nextDeadline == nil, "nothing to do until one of them ends")
    node.pass(5_000)
    #expect(node.handle(.callFailed(2)) == [.call(4)])
    let met = node.meet(.honest(ward: 5), from: 0)
    #expect(met.effects == [.accept(met.link), .call(5)])
  }

  /// What two thousand random inputs lead to, told as text.
  private static func story(seed: UInt64) -> [String] {
    var random = RandomNumbers(seed: seed)
    let node = Node(calls: (0..<12).map { UInt32(4 + $0 / 2) }, seed: seed)
    var calling = node.begun.compactMap { effect in if case .call(let address) = effect { address } else { nil } }
    var up: [LinkID] = []
    var story: [String] = []
    for _ in 0..<2_000 {
      node.pass(Int64(random.below(random.chance(0.05) ? 200_000 : 2_000)))
      let peer = ProvenPeer.honest(ward: UInt32(4 + random.below(6)), serial: UInt32(1 + random.below(2)))
      var effects: [Links.Effect] = []
      switch random.below(9) {
      case 0: effects = node.meet(peer).effects
      case 1 where !calling.isEmpty:
        effects = node.handle(.callFailed(calling.remove(at: random.below(calling.count))))
      case 2 where !calling.isEmpty:
        effects = node.meet(peer, from: calling.remove(at: random.below(calling.count))).effects
      case 3 where !up.isEmpty: effects = node.handle(.ended(random.pick(up), .lost))
      case 4 where !up.isEmpty && random.chance(0.3): effects = node.handle(.faulted(random.pick(up), .noHello))
      case 5: effects = node.handle(random.chance(0.3) ? .cut(peer.node) : .heal(peer.node))
      case 6 where !up.isEmpty: effects = node.handle(.wasted(random.pick(up), microseconds: 90_000))
      default:
        let before = node.links.nextDeadline
        effects = node.handle(.tick)
        // Whatever was due is done: the next thing is later.
        if let before, before <= node.now, let after = node.links.nextDeadline { #expect(after > node.now) }
      }
      for effect in effects {
        if case .call(let address) = effect { calling.append(address) }
        story.append("\(node.now.milliseconds) \(effect)")
      }
      up = node.links.ids
      #expect(Set(up.compactMap { node.links[$0]?.peer }).count == up.count, "two links to one peer")
    }
    return story
  }

  @Test(arguments: 1...30 as ClosedRange<UInt64>)
  func `any story keeps the machine's promises, and one seed tells it alike each time`(seed: UInt64) {
    let story = Self.story(seed: seed)
    #expect(story.count > 200)
    #expect(story == Self.story(seed: seed))
    #expect(story != Self.story(seed: seed + 1_000))
  }
}
