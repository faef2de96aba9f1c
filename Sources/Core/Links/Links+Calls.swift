import Causality
import Gossip

/// One address of a node's list: where calling it stands.
struct Address: Sendable {
  enum State: Hashable, Sendable {
    /// Not worth a call: whoever answers there is linked, cut or banned.
    case idle
    case waiting(until: Tick)
    case calling
    case linked(LinkID)
  }

  /// The ward that it should lead to, by its index in the federation.
  let ward: UInt32
  /// The node that last proved itself there. A ward may have several nodes at several addresses, of which one may have
  /// called us: which address is still worth a call, only this tells.
  var answerer: AuthorNumber?
  var state = State.idle
  /// The next pause in milliseconds, before jitter. Invariant: from `firstPause` to `longestPause`.
  var pause = Address.firstPause
  /// Calls in a row that led to no link at all, for reports.
  var failures = 0

  /// Shorter than anybody notices.
  static let firstPause: Int64 = 250
  /// Long enough that the calls of a thousand nodes to one that is down cost nothing, short enough that nobody waits for a
  /// link much longer than for a person who looks.
  static let longestPause: Int64 = 30_000
  /// A link that lasted longer was a good one: it broke for a reason of the road, and is called again soon.
  static let holding: Int64 = 10_000

  mutating func lengthen() { pause = min(pause * 2, Self.longestPause) }

  /// Whatever went before is forgotten: the next call comes soon.
  mutating func rest() { (state, pause, failures) = (.idle, Self.firstPause, 0) }
}

extension Links {
  mutating func begin(_ wards: [UInt32], at now: Tick) {
    precondition(addresses.isEmpty, "calling begins once")
    addresses = wards.map { Address(ward: $0) }
    for index in addresses.indices where wants(index, at: now) { addresses[index].state = .waiting(until: now) }
  }

  /// Whether an address is worth a call now.
  private func wants(_ index: Int, at now: Tick) -> Bool {
    let address = addresses[index]
    guard let peer = address.answerer else { return !cutPeers.contains { $0.ward == address.ward } }
    return linkTo[peer] == nil && !isCut(peer) && ban(of: peer, at: now) == nil
  }

  /// Brings the addresses into line with who is linked, cut and banned now, and starts the calls that are due, the longest
  /// waiting first.
  mutating func nextCalls(at now: Tick) -> [Effect] {
    var due: [(until: Tick, index: Int)] = []
    for index in addresses.indices {
      switch addresses[index].state {
      case .idle where wants(index, at: now): wait(index, at: now)
      case .waiting where !wants(index, at: now): addresses[index].rest()
      case .waiting(let until) where until <= now: due.append((until, index))
      default: break
      }
    }
    guard !due.isEmpty else { return [] }
    due.sort { ($0.until, $0.index) < ($1.until, $1.index) }
    let free = Self.callLimit - addresses.count { $0.state == .calling }
    return due.prefix(max(free, 0)).map { _, index in
      addresses[index].state = .calling
      return .call(index)
    }
  }

  private mutating func wait(_ index: Int, at now: Tick) {
    let pause = addresses[index].pause
    let jittered = pause - Int64(random.below(Int(pause / 2) + 1))
    addresses[index].state = .waiting(until: now.advanced(byMilliseconds: jittered))
  }

  // MARK: What became of a call

  /// - Precondition: the address is being called.
  mutating func fail(_ index: Int, at now: Tick) {
    precondition(addresses[index].state == .calling, "each call is answered once")
    #if MUTANTS
      if PlantedBug.forgetsFailedCalls.isPlanted { return }
    #endif
    addresses[index].failures += 1
    addresses[index].lengthen()
    wait(index, at: now)
  }

  /// A call led to a proven peer, but to no link.
  mutating func answered(_ index: Int, by peer: AuthorNumber, refusal: LinkRefusal, at now: Tick) {
    if refusal != .wrongWard { addresses[index].answerer = peer }
    // The peer has called as well, and that link stays: this call was no failure.
    if refusal == .linked { return addresses[index].rest() }
    fail(index, at: now)
  }

  /// A call led to a link.
  mutating func answered(_ index: Int, by peer: AuthorNumber, on link: LinkID) {
    precondition(addresses[index].state == .calling, "each call is answered once")
    addresses[index].answerer = peer
    addresses[index].state = .linked(link)
    addresses[index].failures = 0
  }

  /// The link that came of calling an address is gone.
  mutating func release(_ index: Int, since start: Tick, at now: Tick) {
    if now.milliseconds(since: start) > Address.holding {
      addresses[index].pause = Address.firstPause
    } else {
      addresses[index].lengthen()
    }
    wait(index, at: now)
  }

  // MARK: Reports

  /// How calling a node goes.
  public struct CallReport: Hashable, Sendable {
    /// The address, by its place in the node's list.
    public var address: Int
    /// Calls in a row that were not answered.
    public var failures: Int
    /// When it is called next; nil while it is being called, or is not worth a call.
    public var next: Tick?
  }

  /// Addresses that have never led to a proven peer, of wards of which nobody is linked, and how many calls were not answered.
  public var neverAnswered: [CallReport] {
    addresses.indices.compactMap { index in
      let address = addresses[index]
      let isLinked = links.values.contains { $0.peer.ward == address.ward }
      guard address.answerer == nil, address.failures > 0, !isLinked else { return nil }
      return CallReport(address: index, failures: address.failures)
    }
  }

  /// Whether this node has an address for a ward.
  public func calls(ward: UInt32) -> Bool { addresses.contains { $0.ward == ward } }

  /// How calling a node goes, at the address where it answered last, or at one of its ward where nobody has answered yet;
  /// nil when this node's list has none.
  public func calls(to peer: AuthorNumber) -> CallReport? {
    let own = addresses.firstIndex { $0.answerer == peer.node }
    guard let index = own ?? addresses.firstIndex(where: { $0.answerer == nil && $0.ward == peer.ward }) else {
      return nil
    }
    var report = CallReport(address: index, failures: addresses[index].failures)
    if case .waiting(let until) = addresses[index].state { report.next = until }
    return report
  }
}
