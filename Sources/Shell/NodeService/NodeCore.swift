import Catalogue
import Causality
import ChangeModel
import Dispatch
import Federation
import Gossip
import Logging
import Metrics
import NIOConcurrencyHelpers
import Places
import Replica
import SignedLog
import Store

/// Something that pages and other listeners want to know at once.
public enum NodeEvent: Sendable {
  /// Rows changed, by an edit here or a merge.
  case rows([RowReference])
  /// A link came up, went down, or was cut or healed by its operator.
  case links
}

/// The node's one writer: the replica and gossip, on a thread of their own, and the state of the links.
///
/// Everything that writes goes through here, one after another; readers use the database's own snapshots.
public actor NodeCore {
  private let executor = CoreExecutor()
  public nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

  public nonisolated let identity: NodeIdentity
  /// For queries on any thread.
  public nonisolated let reader: NodeReader
  let replica: Replica
  let gossip: Gossip
  /// Gossip's time: links and deadlines do not care what the wall clock is set to.
  private let clock = SteadyClock()
  let log: Logger

  var links: [LinkID: LinkState] = [:]
  private var nextLink: UInt64 = 1
  /// Peers that this node's operator has cut, by node.
  var cut: Set<AuthorNumber> = []
  /// What a link to a peer may carry, bytes per second.
  var rates: [AuthorNumber: Int] = [:]
  /// What is borne from each peer.
  private var patience: [AuthorNumber: Patience] = [:]
  /// When each peer was last heard, links gone included.
  var lastHeard: [AuthorNumber: Instant] = [:]
  private var nextNote = Instant(milliseconds: 0)
  /// How calling each ward goes, by its code.
  var calls: [String: CallState] = [:]

  private var listeners: [Int: AsyncStream<NodeEvent>.Continuation] = [:]
  private var nextListener = 0
  private var tickTask: Task<Void, Never>?
  private var tickAt: Instant?

  /// One link that is up.
  struct LinkState {
    let peer: AuthorNumber
    let isOutgoing: Bool
    /// The other end, as the network names it.
    let address: String?
    let since: Instant
    let wake: AsyncStream<Void>.Continuation
    let close: @Sendable () -> Void
  }

  /// Calls to a ward that did not lead to a link.
  struct CallState {
    var address: String
    /// In a row.
    var failures: Int
    var next: Instant?
  }

  private let amended: NIOLockedValueBox<FederationIdentity>
  /// With the amendments that are known.
  public nonisolated var federation: FederationIdentity { amended.withLockedValue { $0 } }

  /// How a new node gets its first administrator.
  public nonisolated let firstCode: FirstCode

  public init(directory: NodeDirectory, schema: Schema, log: Logger) throws {
    identity = try directory.identity()
    firstCode = FirstCode(directory: directory)
    let replica = try Replica(
      path: directory.replica, identity: identity, schema: schema,
      keeper: try HighWaterFile(path: directory.highWaterFile), at: .now())
    try replica.store.makeIndexes(Services.indexes)
    self.replica = replica
    amended = NIOLockedValueBox(replica.membership.identity)
    reader = NodeReader(database: replica.store.reader)
    gossip = Gossip(replica)
    self.log = log
  }

  // MARK: Keys that end

  private var keyTask: Task<Void, Never>?

  /// Keeps time for the keys that others let this node have: when one ends, what it opened closes.
  public func watchKeys() {
    keyTask?.cancel()
    keyTask = nil
    do {
      guard let end = try replica.nextKeyEnd() else { return }
      // A wall clock that is set back is asked again, at most an hour later.
      let pause = min(max(end.milliseconds - Instant.now().milliseconds, 0) + 1, 3_600_000)
      keyTask = Task { [weak self] in
        try? await Task.sleep(for: .milliseconds(pause))
        guard !Task.isCancelled else { return }
        await self?.endKeys()
      }
    } catch { log.error("could not look at the keys that end", metadata: ["error": "\(error)"]) }
  }

  private func endKeys() {
    do {
      if try replica.refreshKeys(at: .now()) {
        log.notice("keys ended: what they opened is closed")
        announceLinks()
      }
    } catch {
      log.error("could not close what a key opened; trying again in a minute", metadata: ["error": "\(error)"])
      keyTask = Task { [weak self] in
        try? await Task.sleep(for: .seconds(60))
        guard !Task.isCancelled else { return }
        await self?.endKeys()
      }
      return
    }
    watchKeys()
  }

  /// Closes the database. The core is of no use afterwards.
  public func close() throws {
    tickTask?.cancel()
    keyTask?.cancel()
    for listener in listeners.values { listener.finish() }
    for (id, state) in links { noteHeard(state.peer, on: id) }
    try replica.store.close()
  }

  // MARK: Local edits

  /// Runs `body` on the core's thread with the replica; what it commits is on the disk, and on its way to the peers,
  /// when this returns.
  public func edit<Result: Sendable>(
    _ body: sending (Replica, Instant) throws -> (Result, ReplicaEffects)
  ) throws -> Result {
    let now = Instant.now()
    let (result, effects) = try body(replica, now)
    spread(effects)
    return result
  }

  /// Runs `body` on the core's thread, for what must see the replica as it is.
  public func inspect<Result: Sendable>(_ body: sending (Replica) throws -> Result) rethrows -> Result {
    try body(replica)
  }

  private func spread(_ effects: ReplicaEffects) {
    let now = clock.now()
    gossip.grew(effects.logs, at: now)
    publish(effects)
    wakeLinks(at: now)
  }

  private func publish(_ effects: ReplicaEffects) {
    Counter(label: "renkei_change_sets_merged_total").increment(by: effects.merged)
    Counter(label: "renkei_change_sets_set_aside_total").increment(by: effects.setAside)
    guard !effects.rows.isEmpty else { return }
    if effects.rows.contains(where: { $0.collection == ControlSchema.keyGrants.number }) { watchKeys() }
    if effects.rows.contains(where: { $0.collection == ControlSchema.amendments.number }) {
      let known = replica.membership.identity
      amended.withLockedValue { $0 = known }
    }
    for listener in listeners.values { listener.yield(.rows(effects.rows)) }
  }

  // MARK: Links

  /// A link's other end has proven who it is.
  ///
  /// - Returns: the link's id and the signal to send, or nil when the link is not wanted: the peer is cut, or there is
  ///   a link to it already.
  func linkUp(
    _ certificate: NodeCertificate, isOutgoing: Bool, address: String? = nil, close: @escaping @Sendable () -> Void
  ) -> (id: LinkID, wake: AsyncStream<Void>)? {
    let peer = certificate.node
    guard peer != replica.author.node, !cut.contains(peer), links.count < Self.linkLimit else { return nil }
    guard ban(of: peer) == nil else {
      log.debug("refused a link: the node is banned for now", metadata: ["peer": "\(peer)"])
      return nil
    }
    // An authority that was replaced vouches for nobody whom nobody knew before.
    guard !replica.membership.isRevoked(peer),
      certificate.stands(in: replica.membership.identity)
        || replica.membership.certificates[peer] != nil
    else {
      log.warning("refused a link: the node is revoked", metadata: ["peer": "\(peer)"])
      return nil
    }
    // A renewal that came before the peer knew of it itself counts, too.
    let known = replica.membership.certificates[peer] ?? certificate
    let counting = certificate.key == known.key && certificate.validFrom > known.validFrom ? certificate : known
    guard !counting.hasEnded(at: .now()) else {
      log.warning("refused a link: the node's certificate has ended", metadata: ["peer": "\(peer)"])
      return nil
    }
    if let known = replica.membership.key(of: peer), known != certificate.key {
      log.warning("refused a link: another key with a number that is taken", metadata: ["peer": "\(peer)"])
      return nil
    }
    if let (id, existing) = links.first(where: { $0.value.peer == peer }) {
      // Both dialled at once: the one that the lower node began stays, on both sides. A second one the same way means
      // that the peer has lost the first, though it looks alive from here.
      let keepNew = isOutgoing == existing.isOutgoing || isOutgoing == (replica.author.node < peer)
      guard keepNew else { return nil }
      existing.close()
      linkDown(id)
    }
    let id = LinkID(rawValue: nextLink)
    nextLink += 1
    let (wake, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    let now = clock.now()
    links[id] = LinkState(
      peer: peer, isOutgoing: isOutgoing, address: address, since: now, wake: continuation, close: close)
    gossip.connected(id, peer: peer, bytesPerSecond: rates[peer], at: now)
    log.info("link up", metadata: ["peer": "\(peer)", "ward": "\(wardCode(peer))", "outgoing": "\(isOutgoing)"])
    announceLinks()
    wakeLinks(at: now)
    return (id, wake)
  }

  func linkDown(_ id: LinkID) {
    guard let state = links.removeValue(forKey: id) else { return }
    let now = clock.now()
    noteHeard(state.peer, on: id)
    gossip.disconnected(id, at: now)
    state.wake.finish()
    log.info("link down", metadata: ["peer": "\(state.peer)", "ward": "\(wardCode(state.peer))"])
    announceLinks()
    wakeLinks(at: now)
  }

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

  /// A call to a ward went, or did not go.
  func called(ward: String, at address: String, failures: Int, next: Duration?) {
    calls[ward] = CallState(
      address: address, failures: failures,
      next: next.map { Instant.now().advanced(byMilliseconds: Int64($0 / .milliseconds(1))) })
  }

  /// All wards' nodes several times over.
  static let linkLimit = 512

  /// Why a peer is not spoken with at present, and until when, on gossip's clock.
  func ban(of peer: AuthorNumber) -> Patience.Ban? {
    patience[peer].flatMap { $0.isBanned(at: clock.now()) ? $0.ban : nil }
  }

  /// Wards whose nodes, as far as they are known here, are all banned.
  var bannedWards: Set<String> {
    let banned = patience.keys.filter { ban(of: $0) != nil }
    let nodes = replica.membership.certificates.keys
    return Set(banned.map(wardCode)).filter { ward in
      nodes.filter { wardCode($0) == ward && $0 != replica.author.node }.allSatisfy(banned.contains)
    }
  }

  /// The same with its end on the wall clock.
  func banReport(of peer: AuthorNumber) -> (until: Instant, reason: String)? {
    ban(of: peer).map { ban in
      (Instant.now().advanced(byMilliseconds: ban.until.milliseconds - clock.now().milliseconds), ban.reason)
    }
  }

  /// Takes frames from a link, in one transaction.
  ///
  /// - Returns: how many milliseconds to wait before more is read from it.
  func received(_ frames: [[UInt8]], on id: LinkID) -> Int64 {
    guard let state = links[id] else { return 0 }
    let now = clock.now()
    let begin = ContinuousClock.now
    var isUseful = false
    lastHeard[state.peer] = .now()
    do {
      let outcome = try gossip.receive(frames.map { (id, $0) }, at: now)
      if outcome.effects.rows.contains(where: { $0.collection == ControlSchema.keyGrants.number }) {
        // Gossip keeps its own time; when a key ends, the wall clock says.
        try replica.refreshKeys(at: .now())
      }
      publish(outcome.effects)
      isUseful = outcome.effects.merged > 0
      for (link, fault) in outcome.faults {
        if fault.isOffence { offended(link, "\(fault)") } else { drop(link, because: "\(fault)") }
      }
    } catch {
      // Nothing of the batch was kept; the peer has it still, and is asked again when the link is back.
      log.error("could not keep what came", metadata: ["error": "\(error)"])
      drop(id, because: "\(error)")
    }
    wakeLinks(at: now)
    guard !isUseful else { return 0 }
    let spent = Int64((ContinuousClock.now - begin) / .microseconds(1))
    return patience[state.peer, default: Patience()].waste(microseconds: spent, at: now)
  }

  /// A peer broke the protocol: its link is closed, and none is taken up for a while.
  func offended(_ id: LinkID, _ reason: String) {
    guard let peer = links[id]?.peer else { return }
    let now = clock.now()
    let ban = patience[peer, default: Patience()].offend(reason, at: now)
    let seconds = (ban.until.milliseconds - now.milliseconds) / 1_000
    log.warning("banned a peer", metadata: ["peer": "\(peer)", "reason": "\(reason)", "seconds": "\(seconds)"])
    drop(id, because: reason)
  }

  /// Closes the links to nodes that were revoked meanwhile.
  func dropRevoked() {
    for (id, state) in links where replica.membership.isRevoked(state.peer) { drop(id, because: "revoked") }
  }

  private func drop(_ id: LinkID, because reason: String) {
    guard let state = links[id] else { return }
    log.warning("closing a link", metadata: ["peer": "\(state.peer)", "reason": "\(reason)"])
    state.close()
    linkDown(id)
  }

  /// The next frame for a link, and how long the link is busy with it.
  func nextFrame(for id: LinkID) -> (frame: [UInt8], busy: Duration?)? {
    guard let state = links[id] else { return nil }
    do {
      guard let frame = try gossip.nextFrame(for: id, at: clock.now()) else {
        schedule()
        return nil
      }
      let busy = rates[state.peer].map { Duration.microseconds(Int64(frame.count + 4) * 1_000_000 / Int64($0)) }
      return (frame, busy)
    } catch {
      drop(id, because: "\(error)")
      return nil
    }
  }

  private func wakeLinks(at now: Instant) {
    for (id, state) in links where gossip.hasFrame(for: id, at: now) { state.wake.yield() }
    schedule()
  }

  // MARK: Time

  /// How often what peers say is noted while they are linked: a killed node's database knows it up to then.
  private static let noteInterval: Int64 = 60_000

  /// Never more often than this, whatever is due.
  private static let shortestPause: Int64 = 10

  private func schedule() {
    guard let due = gossip.nextDeadline else { return }
    let now = clock.now()
    let at = max(due, now.advanced(byMilliseconds: Self.shortestPause))
    if let tickAt, tickAt <= at, tickAt >= now { return }
    tickTask?.cancel()
    tickAt = at
    tickTask = Task { [weak self] in
      try? await Task.sleep(for: .milliseconds(at.milliseconds - now.milliseconds))
      guard !Task.isCancelled else { return }
      await self?.tick()
    }
  }

  private func tick() {
    tickAt = nil
    let now = clock.now()
    for link in gossip.tick(at: now) { drop(link, because: "silent") }
    if now >= nextNote {
      nextNote = now.advanced(byMilliseconds: Self.noteInterval)
      for (id, state) in links { noteHeard(state.peer, on: id) }
    }
    wakeLinks(at: now)
  }

  // MARK: Listening

  /// Events from now on. A listener that cannot keep up misses the oldest.
  public func events() -> AsyncStream<NodeEvent> {
    let (stream, continuation) = AsyncStream.makeStream(of: NodeEvent.self, bufferingPolicy: .bufferingNewest(256))
    let id = nextListener
    nextListener += 1
    listeners[id] = continuation
    continuation.onTermination = { [weak self] _ in Task { await self?.forget(listener: id) } }
    return stream
  }

  private func forget(listener id: Int) { listeners[id] = nil }

  func announceLinks() {
    for listener in listeners.values { listener.yield(.links) }
  }

  nonisolated func wardCode(_ author: AuthorNumber) -> String {
    identity.federation.ward(at: author.ward)?.code ?? "?"
  }
}

/// The core's own thread of work: SQLite may wait for the disk there without holding up anything else.
final class CoreExecutor: SerialExecutor {
  private let queue = DispatchQueue(label: "renkei.core", qos: .userInitiated)

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    let executor = asUnownedSerialExecutor()
    queue.async { job.runSynchronously(on: executor) }
  }
}
