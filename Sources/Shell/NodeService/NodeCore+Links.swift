import Causality
import ChangeModel
import Federation
import Gossip
import Links
import Logging
import Replica

/// Drives the links: tells their machine what happens, and does what it says.
extension NodeCore {
  /// The part of a link that is no policy.
  struct Transport {
    let peer: AuthorNumber
    /// The other end, as the network names it.
    let address: String?
    let heard: LastHeard
    let wake: AsyncStream<Void>.Continuation
    let close: @Sendable (Farewell?) -> Void
  }

  // MARK: Deciding

  @discardableResult
  func decide(_ input: Links.Input) -> [Links.Effect] {
    let effects = links.handle(input, at: clock.now(), wall: .now())
    for effect in effects { carryOut(effect) }
    schedule()
    return effects
  }

  private func carryOut(_ effect: Links.Effect) {
    switch effect {
    case .call(let address): callers?.yield(address)
    case .accept(let id): linkUp(id)
    case .refuse(let id, let refusal): turnAway(id, refusal)
    case .close(let id, let end): linkDown(id, end)
    // Whoever reads the link waits: `received` tells it.
    case .pause: break
    case .refreshKeys: refreshKeys()
    }
  }

  private func linkUp(_ id: LinkID) {
    guard let transport = transports[id] else { return }
    let now = clock.now()
    let peer = transport.peer
    lastHeard[peer] = .now()
    gossip.connected(id, peer: peer, guess: planned[peer.ward], limit: limits[peer], at: now)
    log.info(
      "link up",
      metadata: ["peer": "\(peer)", "ward": "\(wardCode(peer))", "outgoing": "\(links[id]?.isOutgoing ?? false)"])
    announceLinks()
    wakeLinks(at: now)
  }

  private func turnAway(_ id: LinkID, _ refusal: LinkRefusal) {
    guard let transport = transports.removeValue(forKey: id) else { return }
    transport.wake.finish()
    // What happens between honest nodes on any day is no news.
    let level: Logger.Level =
      switch refusal {
      case .linked, .cut, .banned: .debug
      case .wrongWard, .ownNumber, .revoked, .notVouchedFor, .otherKey, .ended, .full: .warning
      }
    log.log(level: level, "refused a link", metadata: ["peer": "\(transport.peer)", "reason": "\(refusal)"])
  }

  private func linkDown(_ id: LinkID, _ end: LinkEnd) {
    guard let transport = transports.removeValue(forKey: id) else { return }
    let now = clock.now()
    let peer = transport.peer
    transport.close(end.farewell)
    transport.wake.finish()
    noteHeard(peer, on: id)
    if hasAll(of: peer, toldOn: id) { heardWhole[peer] = lastHeard[peer] }
    gossip.disconnected(id, at: now)
    switch end {
    case .lost, .replaced, .cut:
      log.info("link down", metadata: ["peer": "\(peer)", "ward": "\(wardCode(peer))", "reason": "\(end)"])
    case .silent, .fault, .disk, .revoked:
      log.warning("closed a link", metadata: ["peer": "\(peer)", "reason": "\(end)"])
    case .offence:
      let seconds = links.ban(of: peer, at: now).map { $0.until.milliseconds(since: now) / 1_000 } ?? 0
      log.warning("banned a peer", metadata: ["peer": "\(peer)", "reason": "\(end)", "seconds": "\(seconds)"])
    }
    announceLinks()
    wakeLinks(at: now)
  }

  // MARK: What the network does

  /// Calls these addresses from now on.
  ///
  /// - Parameter peers: the index of the ward that each should lead to, and the address as people read it.
  /// - Returns: whom to call now, by the place in the list. Each is answered once, with `connected` or `callFailed`.
  func beginCalls(_ peers: [(ward: UInt32, address: String)]) -> AsyncStream<Int> {
    let (stream, continuation) = AsyncStream.makeStream(of: Int.self)
    callers = continuation
    addresses = peers.map(\.address)
    decide(.begin(calls: peers.map(\.ward)))
    return stream
  }

  func callFailed(_ address: Int, _ failure: CallFailure) {
    callFailures[address] = failure
    decide(.callFailed(address))
  }

  /// A link's other end has proven who it is.
  ///
  /// - Parameter called: the address that led there, by its place in the list; nil when the other end called.
  /// - Returns: the link's id and the signal to send, or what the other end is told when there is to be no link.
  func connected(
    _ certificate: NodeCertificate, from called: Int?, address: String?, _ heard: LastHeard,
    close: @escaping @Sendable (Farewell?) -> Void
  ) -> Answer {
    let id = LinkID(rawValue: nextLink)
    nextLink += 1
    let (wake, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    transports[id] = Transport(peer: certificate.node, address: address, heard: heard, wake: continuation, close: close)
    let effects = decide(
      .connected(
        id, ProvenPeer(certificate, in: replica.membership), from: called, begun: moment(heard.lifetime)))
    for case .refuse(id, let refusal) in effects { return .refused(refusal.farewell) }
    return links[id] == nil ? .refused(nil) : .up(id, wake)
  }

  /// What becomes of a connection whose other end has proven who it is.
  enum Answer {
    case up(LinkID, AsyncStream<Void>)
    case refused(Farewell?)
  }

  /// A link's transport is gone.
  func disconnected(_ id: LinkID) { decide(.ended(id, .lost)) }

  /// A frame was longer than any honest node's.
  func receivedTooMuch(on id: LinkID) { decide(.offended(id, .oversizedFrame)) }

  /// Takes frames from a link, in one transaction; in more when somebody waits meanwhile for what they do themselves.
  ///
  /// - Returns: how many milliseconds to wait before more is read from it.
  func received(_ frames: [[UInt8]], on id: LinkID) async -> Int64 {
    guard let link = links[id] else { return 0 }
    lastHeard[link.peer] = .now()
    var (pause, rest) = take(on: id) { gossip, now in
      try gossip.receive(frames.map { (id, $0) }, at: now, wall: .now(), until: { self.executor.isWanted })
    }
    while !rest.isEmpty {
      await Task.yield()
      guard links[id] != nil else { break }
      let left = rest
      let next = take(on: id) { gossip, now in
        try gossip.goOn(with: left, at: now, wall: .now(), until: { self.executor.isWanted })
      }
      (pause, rest) = (max(pause, next.pause), next.rest)
    }
    goOn()
    return pause
  }

  /// Merges what was left of what lay waiting, in one transaction, as far as nobody waits.
  func mergeWaiting(until isWanted: (() -> Bool)? = nil) throws {
    guard replica.mustGoOn else { return }
    try edit { replica, now in
      ((), try replica.batch(at: now) { try replica.goOn(at: now, until: isWanted) })
    }
  }

  /// Merges what was left of what lay waiting, part by part while nobody else waits: one task at a time, so that all links are
  /// read on meanwhile.
  func goOn() {
    guard replica.mustGoOn, !isGoingOn else { return }
    isGoingOn = true
    Task(priority: CoreExecutor.patient) {
      defer { isGoingOn = false }
      while replica.mustGoOn {
        do { try mergeWaiting(until: { self.executor.isWanted }) } catch {
          // It is tried again at the next tick.
          log.error("could not merge what waited", metadata: ["error": "\(error)"])
          return
        }
        await Task.yield()
      }
      wakeLinks(at: clock.now())
    }
  }

  private func take(
    on id: LinkID, _ body: (Gossip, Tick) throws -> GossipOutcome
  ) -> (pause: Int64, rest: [(link: LinkID, message: Message)]) {
    guard let peer = links[id]?.peer else { return (0, []) }
    let now = clock.now()
    let begin = ContinuousClock.now
    var pause: Int64 = 0
    var rest: [(link: LinkID, message: Message)] = []
    do {
      let outcome = try body(gossip, now)
      rest = outcome.rest
      publish(outcome.effects)
      if outcome.effects.merged == 0 {
        let spent = Int64((ContinuousClock.now - begin) / .microseconds(1))
        for case .pause(id, let milliseconds) in decide(.wasted(id, microseconds: spent)) { pause = milliseconds }
      }
      hasRoom(outcome.effects)
      for (link, fault) in outcome.faults.sorted(by: { $0.key < $1.key }) {
        if case .refused(let reason) = fault, let peer = links[link]?.peer {
          refusedThere[peer] = (reason, .now())
        }
        if fault.isOfOtherVersion, let peer = links[link]?.peer { refusedThere[peer] = (.otherVersion, .now()) }
        decide(.faulted(link, fault))
      }
      if outcome.faults[id] == nil { refusedThere[peer] = nil }
    } catch {
      // Nothing of the batch was kept; the peer has it still, and is asked again when the link is back.
      log.error("could not keep what came", metadata: ["error": "\(error)"])
      noteDisk(error)
      decide(.ended(id, .disk))
    }
    wakeLinks(at: now)
    return (pause, rest)
  }

  /// The next frame for a link, and how long the link is busy with it.
  func nextFrame(for id: LinkID) -> (frame: [UInt8], busy: Duration?)? {
    guard let link = links[id] else { return nil }
    do {
      guard let frame = try gossip.nextFrame(for: id, at: clock.now()) else {
        schedule()
        return nil
      }
      let busy = limits[link.peer].map { Duration.microseconds(Int64(frame.count + 4) * 1_000_000 / Int64($0)) }
      return (frame, busy)
    } catch {
      log.error("could not read what is to be sent", metadata: ["error": "\(error)"])
      decide(.ended(id, .disk))
      return nil
    }
  }

  func wakeLinks(at now: Tick) {
    for (id, transport) in transports where gossip.hasFrame(for: id, at: now) { transport.wake.yield() }
    schedule()
  }

  /// Closes the links to nodes that were revoked meanwhile.
  func dropRevoked() { decide(.revoked(replica.membership.revoked)) }

  // MARK: Keys that end

  /// Keeps time for the keys that others let this node have: when one ends, what it opened closes.
  public func watchKeys() {
    do { decide(.keysEnd(try replica.nextKeyEnd())) } catch {
      log.error("could not look at the keys that end", metadata: ["error": "\(error)"])
    }
  }

  private func refreshKeys() {
    do {
      if try replica.refreshKeys(at: .now()) {
        log.notice("keys ended: what they opened is closed")
        announceLinks()
      }
      watchKeys()
    } catch {
      log.error("could not close what a key opened; trying again in a minute", metadata: ["error": "\(error)"])
    }
  }

  // MARK: Who was heard

  /// Keeps when a peer was last heard and what it said that it has: a database at rest, or a copy of it, can say who
  /// lacks what.
  private func noteHeard(_ peer: AuthorNumber, on id: LinkID) {
    let (heard, told) = (lastHeard[peer], gossip.told(by: id))
    guard heard != nil || told != nil else { return }
    do {
      try replica.store.write {
        if let heard { try replica.store.setNodeState("heard \(peer.rawValue)", heard.milliseconds) }
        if let told { try replica.store.setTold(peer, told) }
      }
    } catch { log.warning("could not note when a peer was heard", metadata: ["error": "\(error)"]) }
  }

  /// Whether all that a peer says it has written is in the tables here.
  private func hasAll(of peer: AuthorNumber, toldOn id: LinkID) -> Bool {
    guard let told = gossip.told(by: id) else { return false }
    return told.allSatisfy { log, sequence in log.author.node != peer.node || replica.store.merged(log) >= sequence }
  }

  /// As of when the tables here show what each ward has written; a ward of which nothing came is not in it.
  ///
  /// What a node has written is known up to its newest change set that is merged here, by whatever road it came; and up to now
  /// while a link to it is up and nothing of its own is missing. A ward is as old as that of its nodes of which least is known,
  /// the own ward's other nodes included.
  public func knownUntil() -> [String: Instant] {
    let now = Instant.now()
    var nodes = heardWhole
    for log in replica.store.logNames where log.lane == .life || log.lane == .supply {
      let state = replica.store.state(of: log)
      guard state.merged.sequence > 0 else { continue }
      // A clock that was ahead tells of no time to come.
      let time = min(Instant(milliseconds: state.past.time.milliseconds), now)
      nodes[log.author.node] = max(nodes[log.author.node] ?? time, time)
    }
    for (id, transport) in transports where links[id] != nil && hasAll(of: transport.peer, toldOn: id) {
      nodes[transport.peer.node] = now
    }
    nodes[replica.author.node] = now
    return nodes.reduce(into: [:]) { wards, node in
      let certificate = replica.membership.certificates[node.key]
      guard !replica.membership.isRevoked(node.key), certificate?.end.map({ $0 > now }) ?? true else { return }
      wards[wardCode(node.key)] = min(wards[wardCode(node.key)] ?? now, node.value)
    }
  }

  func noteAllHeard() {
    for (id, transport) in transports { noteHeard(transport.peer, on: id) }
  }

  /// The moment of the steady clock that was so long ago.
  private func moment(_ age: Duration) -> Tick {
    clock.now().advanced(byMilliseconds: -Int64(age / .milliseconds(1)))
  }

  /// Whose bytes came since, though no whole frame did.
  func noteBytes() {
    for (id, transport) in transports { gossip.heard(id, at: moment(transport.heard.age)) }
  }

  // MARK: What a link may carry

  /// What the plan says that the lines to other wards carry: the first guess, until it is measured.
  ///
  /// - Parameter rates: bytes a second, by ward.
  public func plan(_ rates: [String: Int]) {
    planned = Dictionary(
      rates.compactMap { code, rate in identity.federation.index(ofWard: code).map { ($0, rate) } },
      uniquingKeysWith: min)
  }

  /// Keeps what an operator allows the links to a node, over restarts too; nil: as much as they carry.
  func limit(_ node: AuthorNumber, bytesPerSecond: Int?) throws {
    try replica.store.write { try replica.store.setNodeState(Self.limitKey(node), Int64(bytesPerSecond ?? 0)) }
    limits[node] = bytesPerSecond
    if let id = links.id(to: node) { gossip.setLimit(of: id, bytesPerSecond) }
  }

  static func limitKey(_ node: AuthorNumber) -> String { "limit \(node.rawValue)" }

  /// A moment of the steady clock as the wall clock shows it now, for reports.
  func wallClock(of tick: Tick) -> Instant {
    Instant.now().advanced(byMilliseconds: tick.milliseconds(since: clock.now()))
  }
}
