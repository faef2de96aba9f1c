import Build
import Catalogue
import Causality
import ChangeModel
import DequeModule
import Desk
import Dispatch
import Federation
import Foundation
import Gossip
import Links
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
  /// Somebody signed out or was locked: who listens for them listens no longer.
  case access

  public var isOfRows: Bool { if case .rows = self { true } else { false } }
}

/// The node's one writer: the replica and gossip, on a thread of their own, and the state of the links.
///
/// Everything that writes goes through here, one after another; readers use the database's own snapshots.
public actor NodeCore {
  let executor = CoreExecutor()
  public nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

  public nonisolated let identity: NodeIdentity
  /// For queries on any thread.
  public nonisolated let reader: NodeReader
  let replica: Replica
  let gossip: Gossip
  let clock = SteadyClock()
  nonisolated let log: Logger

  /// Who is linked, called, cut and banned.
  var links: Links
  /// How each link is reached. Invariant: of the links that are up, and the one that is being decided about.
  var transports: [LinkID: Transport] = [:]
  var nextLink: UInt64 = 1
  /// The addresses that are called, and who is told to call them, by their place in the list.
  var addresses: [String] = []
  var callers: AsyncStream<Int>.Continuation?
  /// What a link to a peer may carry by its operator's word, and what one to a ward is planned to, in bytes per second.
  var limits: [AuthorNumber: Int] = [:]
  var planned: [UInt32: Int] = [:]
  /// Why an address did not lead to a peer the last time it was called, by its place in the list.
  var callFailures: [Int: CallFailure] = [:]
  /// Peers that take up no link with this node, by their own word.
  var refusedThere: [AuthorNumber: (reason: Farewell, at: Instant)] = [:]
  /// Since when the disk has no room; nil while it has.
  nonisolated let noRoom = NIOLockedValueBox<Instant?>(nil)
  /// A time that has been, by a certificate of this node's own, though the clock says that it has not.
  var clockBehind: Date?
  /// A task goes on with what was left.
  var isGoingOn = false
  /// The tables' hash, or the work on it.
  var hashing: (head: TablesHead, digest: Task<TableDigest, any Error>)?
  /// When the tables are next compared with others'.
  var nextComparison = Tick(milliseconds: 0)
  /// Where the node lies.
  public nonisolated let directory: NodeDirectory
  /// When each peer was last heard, links gone included.
  var lastHeard: [AuthorNumber: Instant] = [:]
  /// Until when a peer whose link is gone was heard with nothing of its own missing here.
  var heardWhole: [AuthorNumber: Instant] = [:]
  private var nextNote = Tick(milliseconds: 0)

  /// Bytes of the write-ahead log a minute ago; and whether a reader was seen to hold it.
  var logBytes = 0
  var isLogHeld = false

  /// How many people each account looked at.
  var looks = LookTally()
  private var listeners: [Int: AsyncStream<NodeEvent>.Continuation] = [:]
  private var nextListener = 0
  private var tickTask: Task<Void, Never>?
  private var tickAt: Tick?

  private let amended: NIOLockedValueBox<FederationIdentity>
  /// With the amendments that are known.
  public nonisolated var federation: FederationIdentity { amended.withLockedValue { $0 } }

  /// What the threads of links and imports check before the core comes to it.
  nonisolated let ahead = SignaturesAhead()
  /// How a new node gets its first administrator.
  public nonisolated let firstCode: FirstCode

  public init(directory: NodeDirectory, schema: Schema, log: Logger) throws {
    identity = try directory.identity()
    directory.sweep()
    firstCode = FirstCode(directory: directory)
    self.directory = directory
    let replica = try Replica(
      path: directory.replica, identity: identity, schema: schema,
      keeper: try HighWaterFile(path: directory.highWaterFile), salt: .random(in: 1 ... .max), at: .now())
    try replica.store.makeIndexes(Services.indexes)
    replica.ahead = ahead
    self.replica = replica
    amended = NIOLockedValueBox(replica.membership.identity)
    reader = NodeReader(database: replica.store.reader)
    gossip = Gossip(replica, program: "renkei-node \(Build.text)")
    links = Links(own: replica.author, seed: .random(in: .min ... .max))
    for node in replica.membership.certificates.keys {
      if let limit = try replica.store.nodeState(Self.limitKey(node)), limit > 0 { limits[node] = Int(limit) }
    }
    self.log = log
  }

  /// Closes the database. The core is of no use afterwards.
  public func close() throws {
    tickTask?.cancel()
    callers?.finish()
    for listener in listeners.values { listener.finish() }
    noteAllHeard()
    // A node at rest is one file; a reader may keep it from that.
    _ = try? replica.store.giveLogBack()
    try replica.store.close()
  }

  // MARK: Local edits

  /// Runs `body` on the core's thread with the replica; what it commits is on the disk, and on its way to the peers,
  /// when this returns.
  public func edit<Result: Sendable>(
    _ body: sending (Replica, Instant) throws -> (Result, ReplicaEffects)
  ) throws -> Result {
    let now = Instant.now()
    do {
      let (result, effects) = try body(replica, now)
      hasRoom(effects)
      spread(effects)
      if let told = tellActs(after: effects, at: now) { spread(told) }
      return result
    } catch {
      noteDisk(error)
      throw error
    }
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

  func publish(_ effects: ReplicaEffects) {
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

  // MARK: Time

  /// How often what peers say is noted while they are linked: a killed node's database knows it up to then.
  private static let noteInterval: Int64 = 60_000

  /// Never more often than this, whatever is due.
  private static let shortestPause: Int64 = 10

  func schedule() {
    guard let due = [gossip.nextDeadline, links.nextDeadline].compactMap({ $0 }).min() else { return }
    let now = clock.now()
    let at = max(due, now.advanced(byMilliseconds: Self.shortestPause))
    if let tickAt, tickAt <= at, tickAt >= now { return }
    tickTask?.cancel()
    tickAt = at
    tickTask = Task { [weak self] in
      try? await Task.sleep(for: .milliseconds(at.milliseconds(since: now)))
      guard !Task.isCancelled else { return }
      await self?.tick()
    }
  }

  private func tick() {
    tickAt = nil
    let now = clock.now()
    noteBytes()
    for link in gossip.tick(at: now) { decide(.ended(link, .silent)) }
    decide(.tick)
    if now >= nextNote {
      nextNote = now.advanced(byMilliseconds: Self.noteInterval)
      noteAllHeard()
      lookAtClock()
      gossip.room = freeBytes
      handBack(at: now)
      compareTables(at: now)
    }
    goOn()
    wakeLinks(at: now)
  }

  /// This far from what most peers say, in milliseconds, a time that this node writes is a guess, and its entries say so.
  private static let doubt: Int64 = 600_000

  private func lookAtClock() {
    let told = gossip.reports().compactMap(\.clockAhead).sorted()
    replica.doubtsClock = told.count >= 2 && abs(told[told.count / 2]) > Self.doubt
  }

  /// Gives others back what they wrote, and lost with their disks.
  private func handBack(at now: Tick) {
    do {
      let effects = try replica.handBack(at: .now())
      guard !effects.logs.isEmpty else { return }
      gossip.grew(effects.logs, at: now)
      publish(effects)
    } catch { log.error("what is void and another node's could not be handed back", metadata: ["error": "\(error)"]) }
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

  var listenerCount: Int { listeners.count }

  private func forget(listener id: Int) { listeners[id] = nil }

  public func announceAccess() {
    for listener in listeners.values { listener.yield(.access) }
  }

  func announceLinks() {
    for listener in listeners.values { listener.yield(.links) }
  }

  nonisolated func wardCode(_ author: AuthorNumber) -> String {
    identity.federation.ward(at: author.ward)?.code ?? "?"
  }
}

/// The core's own thread of work: SQLite may wait for the disk there without holding up anything else.
final class CoreExecutor: SerialExecutor {
  /// What links and cards bring, which may take long, waits for what people wait for.
  static let patient = TaskPriority.utility

  private struct Waiting {
    var urgent: Deque<UnownedJob> = []
    var patient: Deque<UnownedJob> = []
    /// How many urgent ones ran in a row.
    var row = 0

    mutating func next() -> UnownedJob? {
      let isTurn = urgent.isEmpty || row >= CoreExecutor.longestRow
      guard isTurn, let job = patient.popFirst() else {
        row += 1
        return urgent.popFirst()
      }
      row = 0
      return job
    }
  }

  /// However many people save at once, what their neighbours wrote comes in.
  private static let longestRow = 8

  private let queue = DispatchQueue(label: "renkei.core", qos: .userInitiated)
  private let waiting = NIOLockedValueBox(Waiting())

  /// Whether somebody waits who is not patient.
  var isWanted: Bool { waiting.withLockedValue { !$0.urgent.isEmpty } }

  func enqueue(_ job: consuming ExecutorJob) {
    let isPatient = job.priority.rawValue <= Self.patient.rawValue
    let job = UnownedJob(job)
    waiting.withLockedValue { waiting in
      if isPatient { waiting.patient.append(job) } else { waiting.urgent.append(job) }
    }
    queue.async { self.runNext() }
  }

  private func runNext() {
    waiting.withLockedValue { $0.next() }?.runSynchronously(on: asUnownedSerialExecutor())
  }
}
