import Causality
import Gossip
import Testing

@testable import Links

/// One node's policy, asked by hand.
final class Node {
  var links: Links
  var now = Tick(milliseconds: 0)
  var wall = Instant(milliseconds: 1_700_000_000_000)
  private var nextLink: UInt64 = 1
  /// What it did at once when it could call.
  private(set) var begun: [Links.Effect] = []

  static let own = AuthorNumber(ward: 3, serial: 1, epoch: 0)

  init(calls: [UInt32] = [], seed: UInt64 = 1) {
    links = Links(own: Self.own, seed: seed)
    begun = handle(.begin(calls: calls))
  }

  /// Takes an input, and sees that the machine keeps its promises.
  func handle(_ input: Links.Input) -> [Links.Effect] {
    let effects = links.handle(input, at: now, wall: wall)
    #expect(links.checkInvariants() == [])
    return effects
  }

  func pass(_ milliseconds: Int64) { now = now.advanced(byMilliseconds: milliseconds) }

  /// Another node proves who it is.
  func meet(_ peer: ProvenPeer, from address: Int? = nil) -> (link: LinkID, effects: [Links.Effect]) {
    let link = LinkID(rawValue: nextLink)
    nextLink += 1
    return (link, handle(.connected(link, peer, from: address, begun: now)))
  }

  /// Lets time pass until the machine calls somebody; nil when it waits for nothing any more.
  func nextCall(within limit: Int64 = 10_000_000) -> (address: Int, after: Int64)? {
    let start = now
    while let due = links.nextDeadline, due.milliseconds(since: start) <= limit {
      now = max(now, due)
      for case .call(let address) in handle(.tick) { return (address, now.milliseconds(since: start)) }
    }
    return nil
  }
}

extension ProvenPeer {
  /// A node of a ward that nothing speaks against.
  static func honest(ward: UInt32, serial: UInt32 = 1) -> ProvenPeer {
    ProvenPeer(
      node: AuthorNumber(ward: ward, serial: serial, epoch: 0), isRevoked: false, isVouchedFor: true,
      hasOtherKey: false, end: nil)
  }
}

/// Whom a node takes up a link with.
@Suite struct LinksTests {
  @Test func `a peer is refused for what the federation says of it, and for nothing else`() {
    let node = Node()
    func peer(_ change: (inout ProvenPeer) -> Void) -> ProvenPeer {
      var peer = ProvenPeer.honest(ward: 5)
      change(&peer)
      return peer
    }
    let cases: [(ProvenPeer, LinkRefusal)] = [
      (peer { $0.isRevoked = true }, .revoked), (peer { $0.isVouchedFor = false }, .notVouchedFor),
      (peer { $0.hasOtherKey = true }, .otherKey), (peer { $0.end = node.wall.advanced(byMilliseconds: -1) }, .ended),
      (peer { $0.node = Node.own }, .ownNumber),
    ]
    for (peer, refusal) in cases {
      let met = node.meet(peer)
      #expect(met.effects == [.refuse(met.link, refusal)])
    }
    let met = node.meet(peer { $0.end = node.wall })
    #expect(met.effects == [.accept(met.link)])
    #expect(node.handle(.revoked([peer { _ in }.node])) == [.close(met.link, .revoked)])
  }

  @Test func `the machine takes no more links than it has room for`() {
    let node = Node()
    for number in 0..<UInt32(Links.linkLimit) {
      let met = node.meet(.honest(ward: 10 + number / 100, serial: number % 100))
      #expect(met.effects == [.accept(met.link)])
    }
    let late = node.meet(.honest(ward: 900))
    #expect(late.effects == [.refuse(late.link, .full)])
    // One that is known already costs no more room.
    let again = node.meet(.honest(ward: 10, serial: 0))
    #expect(again.effects == [.close(LinkID(rawValue: 1), .replaced), .accept(again.link)])
  }

  @Test func `a banned peer gets no link and no call until the ban ends, and each ban is twice as long`() throws {
    let node = Node(calls: [5])
    let peer = ProvenPeer.honest(ward: 5)
    var met = node.meet(peer, from: 0)
    for length: Int64 in [60_000, 120_000, 240_000] {
      #expect(
        node.handle(.faulted(met.link, .noHello)) == [.close(met.link, .offence(.fault(.noHello)))])
      let end = try #require(node.links.ban(of: peer.node, at: node.now)).until
      #expect(end.milliseconds(since: node.now) == length)
      node.pass(length - 1)
      let early = node.meet(peer)
      #expect(early.effects == [.refuse(early.link, .banned)])
      let call = try #require(node.nextCall())
      #expect(call.address == 0 && (1...251).contains(call.after))
      #expect(node.links.ban(of: peer.node, at: node.now) == nil)
      met = node.meet(peer, from: 0)
      #expect(met.effects == [.accept(met.link)])
    }
    // What an honest node may do too ends the link, and no more.
    #expect(node.handle(.faulted(met.link, .wrongFederation)) == [.close(met.link, .fault(.wrongFederation))])
    #expect(node.links.ban(of: peer.node, at: node.now) == nil)
  }

  @Test func `a cut peer is neither called nor taken up, and is called again when it is healed`() throws {
    let node = Node(calls: [5])
    let peer = ProvenPeer.honest(ward: 5)
    let met = node.meet(peer, from: 0)
    #expect(node.handle(.cut(peer.node)) == [.close(met.link, .cut)])
    #expect(node.links.nextDeadline == nil)
    let again = node.meet(peer)
    #expect(again.effects == [.refuse(again.link, .cut)])
    #expect(node.handle(.ended(met.link, .lost)).isEmpty, "who closed first does not matter")
    node.pass(3_600_000)
    #expect(node.handle(.heal(peer.node)).isEmpty)
    let call = try #require(node.nextCall())
    #expect(call.address == 0 && (125...250).contains(call.after))
  }

  @Test func `a peer that wastes time is read later, and its links' end does not make that forgotten`() {
    let node = Node()
    let peer = ProvenPeer.honest(ward: 5)
    let first = node.meet(peer).link
    #expect(node.handle(.wasted(first, microseconds: 1_000_000)).isEmpty)
    #expect(node.handle(.ended(first, .lost)) == [.close(first, .lost)])
    let second = node.meet(peer).link
    #expect(node.handle(.wasted(second, microseconds: 50_000)) == [.pause(second, milliseconds: 1_000)])
    #expect(node.handle(.wasted(first, microseconds: 50_000)).isEmpty)
  }

  @Test func `keys are refreshed when one ends, at least every hour until then, and again when that failed`() {
    let node = Node()
    func ends(in milliseconds: Int64) -> Instant { node.wall.advanced(byMilliseconds: milliseconds) }
    _ = node.handle(.keysEnd(ends(in: 5_000)))
    #expect(node.links.nextDeadline == Tick(milliseconds: 5_001))
    node.pass(5_001)
    #expect(node.handle(.tick) == [.refreshKeys])
    #expect(node.links.nextDeadline == Tick(milliseconds: 65_001))
    _ = node.handle(.keysEnd(ends(in: 90_000_000)))
    #expect(node.links.nextDeadline == Tick(milliseconds: 3_605_001))
    _ = node.handle(.keysEnd(nil))
    #expect(node.links.nextDeadline == nil)
  }
}
