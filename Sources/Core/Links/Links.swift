import Causality
import Gossip

/// With whom a node is linked: whom it calls and when, whose link it takes up, and what it bears from a peer.
///
/// A pure state machine: no network, no clock, no threads, and no chance but a generator whose seed it is given. The node's
/// shell and the simulator drive the same one, so that simulated nights run the very policy that decides who talks to whom.
///
/// ## The order of calls
///
/// Whoever drives it calls `handle` with each thing that happens, carries out the effects in their order before the next
/// call, and hands in `.tick` when `nextDeadline` has come.
///
///     .begin(calls:)         once, when the node can call; without it the node is only called
///     .call(d)             → the driver connects to address `d`, and answers each call exactly once: with `.connected(…, from: d)`
///                            when the other end has proven who it is, else with `.callFailed(d)`
///     .connected           ← for each link, called or calling, under a name that was never used before
///       .close(other)      → (another link to the same peer gives way; always before `.accept`)
///       .accept(link)      → gossip is told, frames flow. Ends with exactly one `.close`
///       .refuse(link)      → the transport is closed; the machine has forgotten the link, and wants to hear no more of it
///     .ended, .faulted …   ← the transport is gone, or the link must not go on
///     .close(link)         → the transport is closed if it is still open, and gossip is told. An `.ended` for a link that was
///                            closed or never taken up means nothing, so a driver need not know who closed first
///     .wasted              ← a batch of frames brought nothing new
///       .pause(link)       → nothing more is read from the link for a while
///     .keysEnd(end)        ← when the next key ends that others let this node have: at the start, and whenever that changes
///     .refreshKeys         → keys that have ended are dropped; the driver says `.keysEnd` again. When it cannot, it says
///                            nothing, and is told again in a minute
///
/// ## The policy
///
/// - An *address* of the node's list is called as long as the node that last answered there has no link to this one, is not
///   cut and not banned. While nobody has answered, it is called whoever of its ward is linked.
/// - Calls to one address: at once at first; then after a pause that begins at a quarter of a second, doubles with every call
///   that leads to no link of ten seconds, up to half a minute, and is shortened at random by up to a half, so that a network
///   that returns is not met by everybody at one moment. Few calls are under way at once.
/// - One link for each peer. Of two whose calls crossed, the one that the lower node began stays, on both sides. Any other
///   second one takes the first one's place: a node that has a link does not call, so the peer has lost it (its power
///   failed), though it looks alive from here for another minute.
/// - Refused: this node itself, a peer that is cut, banned or revoked, whose certificate has ended or holds no longer, or
///   whose number is another key's; a node of another ward than its address should lead to; and all above `linkLimit`.
/// - What is borne from each peer: see `Patience`.
public struct Links: Sendable {
  public enum Input: Sendable {
    /// The wards (by their index in the federation) that this node's addresses lead to, in the order of its list.
    case begin(calls: [UInt32])
    /// `nextDeadline` has come. Earlier or later does no harm.
    case tick
    /// The other end of a link has proven who it is.
    ///
    /// - Parameters:
    ///   - from: the address that was called, by its place in the list; nil when the other end called.
    ///   - begun: when this end began to call, or was called: a handshake takes as long as the line.
    case connected(LinkID, ProvenPeer, from: Int?, begun: Tick)
    /// A call did not lead to a proven peer.
    case callFailed(Int)
    /// A link is gone, or has to go.
    case ended(LinkID, LinkEnd)
    /// What a link brought was not in order. Of an honest node it ends the link, of any other it is an offence.
    case faulted(LinkID, LinkFault)
    /// A peer broke the protocol, as no honest node does.
    case offended(LinkID, Offence)
    /// Frames of a link took so much of the node's time, and brought nothing new.
    case wasted(LinkID, microseconds: Int64)
    /// The node's operator wants no link to this node, until `heal`.
    case cut(AuthorNumber)
    case heal(AuthorNumber)
    /// All who are revoked, whenever there may be more of them.
    case revoked([AuthorNumber])
    /// When the next key ends, on the wall clock; nil when none does.
    case keysEnd(Instant?)
  }

  public enum Effect: Hashable, Sendable {
    case call(Int)
    case accept(LinkID)
    case refuse(LinkID, LinkRefusal)
    case close(LinkID, LinkEnd)
    case pause(LinkID, milliseconds: Int64)
    case refreshKeys
  }

  /// One link that is up.
  public struct Link: Hashable, Sendable {
    public let peer: AuthorNumber
    /// The address that this node called; nil when the peer called.
    public let address: Int?
    public let since: Tick

    public var isOutgoing: Bool { address != nil }
  }

  /// All wards' nodes several times over: each link costs a socket and some hundred kilobytes of state.
  public static let linkLimit = 512

  /// Calls under way at once, over all addresses: as many handshakes as a small machine does without delaying anybody.
  public static let callLimit = 4

  /// A call that crosses another was begun before the other's link came up at the far end: at most so many milliseconds
  /// after it came up here, whatever the line.
  static let crossing: Int64 = 20_000

  public let own: AuthorNumber
  var random: RandomNumbers
  /// Invariant: no more than `linkLimit`; none to this node itself, or to a peer that is cut or banned.
  private(set) var links: [LinkID: Link] = [:]
  /// Invariant: the inverse of `links`, so no peer has two.
  private(set) var linkTo: [AuthorNumber: LinkID] = [:]
  /// Invariant: no more than `callLimit` are being called; `linked` ones name their link, which names them.
  var addresses: [Address] = []
  private var patience: [AuthorNumber: Patience] = [:]
  private(set) var cutPeers: Set<AuthorNumber> = []
  private var keys = KeyWatch()
  /// The latest reading of the clock that it was given.
  private(set) var latest = Tick(milliseconds: .min)

  /// - Parameter seed: of the pauses' jitter. Nodes of one federation must not share it.
  public init(own: AuthorNumber, seed: UInt64) {
    self.own = own.node
    random = RandomNumbers(seed: seed)
  }

  // MARK: What happens

  /// Takes one input.
  ///
  /// - Parameters:
  ///   - now: for pauses and bans; never earlier than at the call before.
  ///   - wall: for what has a date: certificates and keys.
  /// - Returns: what to do about it, in this order.
  public mutating func handle(_ input: Input, at now: Tick, wall: Instant) -> [Effect] {
    precondition(now >= latest, "the steady clock went back")
    latest = now
    var effects: [Effect] = []
    switch input {
    case .wasted(let id, let microseconds):
      // By far the most frequent input, and none that anybody's calls depend on.
      guard let peer = links[id]?.peer else { return [] }
      let pause = patience[peer, default: Patience()].waste(microseconds: microseconds, at: now)
      return pause > 0 ? [.pause(id, milliseconds: pause)] : []
    case .keysEnd(let end):
      keys.watch(end, at: now, wall: wall)
      return []
    case .tick: if keys.takeDue(at: now) { effects.append(.refreshKeys) }
    case .begin(let wards): begin(wards, at: now)
    case .connected(let id, let peer, let address, let begun):
      if let refusal = refusal(of: peer, from: address, begun: begun, wall: wall) {
        if let address { answered(address, by: peer.node, refusal: refusal, at: now) }
        effects.append(.refuse(id, refusal))
      } else {
        effects += take(id, peer.node, from: address, at: now)
      }
    case .callFailed(let address): fail(address, at: now)
    case .ended(let id, let end): effects += drop(id, end, at: now)
    case .faulted(let id, let fault):
      effects += fault.isOffence ? ban(id, for: .fault(fault), at: now) : drop(id, .fault(fault), at: now)
    case .offended(let id, let offence): effects += ban(id, for: offence, at: now)
    case .cut(let peer):
      cutPeers.insert(peer.node)
      if let id = linkTo[peer.node] { effects += drop(id, .cut, at: now) }
    case .heal(let peer): cutPeers.remove(peer.node)
    case .revoked(let peers):
      for id in peers.compactMap({ linkTo[$0.node] }).sorted() { effects += drop(id, .revoked, at: now) }
    }
    return effects + nextCalls(at: now)
  }

  /// Why a peer that has proven who it is gets no link; nil when it may have one.
  private func refusal(of peer: ProvenPeer, from address: Int?, begun: Tick, wall: Instant) -> LinkRefusal? {
    if let address, addresses[address].ward != peer.node.ward { return .wrongWard }
    if peer.node == own { return .ownNumber }
    if isCut(peer.node) { return .cut }
    if ban(of: peer.node, at: latest) != nil { return .banned }
    if let refusal = peer.refusal(at: wall) { return refusal }
    if let id = linkTo[peer.node] {
      // Both ends judge by the same facts, so both keep the same one.
      let (isOutgoing, first) = (address != nil, links[id]!)
      let haveCrossed = isOutgoing != first.isOutgoing && begun.milliseconds(since: first.since) <= Self.crossing
      if haveCrossed { Probe.callsCrossed.hit() }
      return haveCrossed && isOutgoing != (own < peer.node) ? .linked : nil
    }
    return links.count < Self.linkLimit ? nil : .full
  }

  private mutating func take(_ id: LinkID, _ peer: AuthorNumber, from address: Int?, at now: Tick) -> [Effect] {
    precondition(links[id] == nil, "a link's name is used once")
    let given = linkTo[peer].map { drop($0, .replaced, at: now) } ?? []
    links[id] = Link(peer: peer, address: address, since: now)
    linkTo[peer] = id
    if let address { answered(address, by: peer, on: id) }
    return given + [.accept(id)]
  }

  private mutating func ban(_ id: LinkID, for offence: Offence, at now: Tick) -> [Effect] {
    guard let peer = links[id]?.peer else { return [] }
    Probe.peerBanned.hit()
    patience[peer, default: Patience()].offend(offence, at: now)
    return drop(id, .offence(offence), at: now)
  }

  private mutating func drop(_ id: LinkID, _ end: LinkEnd, at now: Tick) -> [Effect] {
    guard let link = links.removeValue(forKey: id) else { return [] }
    linkTo[link.peer] = nil
    if let address = link.address { release(address, since: link.since, at: now) }
    return [.close(id, end)]
  }

  // MARK: When to call again

  /// When `.tick` is next due; nil when nothing is waited for but inputs.
  public var nextDeadline: Tick? {
    var due = keys.due
    func count(_ tick: Tick) { if due.map({ tick < $0 }) ?? true { due = tick } }
    let isFree = addresses.count { $0.state == .calling } < Self.callLimit
    for address in addresses {
      switch address.state {
      case .waiting(let until) where isFree: count(until)
      case .idle:
        // A ban that ends is the one thing that makes an address worth a call without any input.
        if let peer = address.answerer, linkTo[peer] == nil, !isCut(peer), let ban = patience[peer]?.ban {
          count(ban.until)
        }
      default: break
      }
    }
    return due
  }

  // MARK: Reports

  /// Links that are up, in the order of their names.
  public var ids: [LinkID] { links.keys.sorted() }

  public subscript(_ id: LinkID) -> Link? { links[id] }

  /// The link to a peer, if one is up.
  public func id(to peer: AuthorNumber) -> LinkID? { linkTo[peer.node] }

  public func isCut(_ peer: AuthorNumber) -> Bool { cutPeers.contains(peer.node) }

  /// Why a peer is not spoken with at present, and until when; nil when it is not banned.
  public func ban(of peer: AuthorNumber, at now: Tick) -> Ban? {
    patience[peer.node]?.ban.flatMap { $0.until > now ? $0 : nil }
  }
}
