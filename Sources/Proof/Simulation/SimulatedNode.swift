import Causality
import ChangeModel
import Federation
import Gossip
import Links
import Replica
import SignedLog
import Store

/// One node of a run: the very replica, gossip and policy of links of the product, on a disk, a clock and roads of the
/// simulator's.
final class SimulatedNode {
  enum State: Hashable {
    case waiting, up, down, left
  }

  let index: Int
  let identity: NodeIdentity
  let disk: VirtualDisk
  var state = State.waiting
  var schema: Schema
  /// Goes up at each start: events of an earlier life are not for this one.
  var life = 0

  private(set) var replica: Replica?
  private(set) var gossip: Gossip?
  /// Reads the file for the checkers, past all of the core's code.
  private(set) var plain: PlainDatabase?
  /// Who is linked, called and banned; nil while the node is down.
  var policy: Links?
  /// The session of each link that is up.
  var links: [LinkID: Int] = [:]
  /// The pairs that this node's list of addresses leads to, in its order.
  var addresses: [Int] = []
  /// When gossip and the links' policy want to be called next, as far as that is in the queue.
  var tickAt: Moment?
  var callsAt: Moment?

  /// What lies beside the database, on another device.
  let keeper = VirtualKeeper()
  var backup: (files: [String: [UInt8]], mark: HighWaterMark?)?
  /// What was asked for when the power went: it may be on the disk or not.
  var attempt: [Dated] = []
  /// What this node keeps beside the shared tables.
  var indexes: [String] = []
  /// The disk may hold what nobody wrote: the node checks itself before it serves again.
  var mayBeRotten = false

  /// What was told of it.
  var toldEpoch: UInt32 = 0
  var toldForks: Set<LogName> = []

  /// Of the pauses between calls.
  private let seed: UInt64
  private var clockOffset: Int64 = 0
  private var clockDrift = 0
  private var clockSetAt: Moment = 0

  /// How far each of its own logs is in the ledger.
  var noted: [LogName: SequenceNumber] = [:]
  /// How its own logs stood there, to read the next change set of each.
  var pasts: [LogName: AuthorPast] = [:]
  /// The file is older than what was acknowledged, or may be: the node has to notice.
  var mayHaveLost = false
  /// What it kept when its file was last seen whole.
  var lastKept: [LogName: SequenceNumber] = [:]

  /// Rows that this node's staff made, to go on with.
  var evacuees: [RowID] = []

  static let file = "replica.sqlite"
  var path: String { disk.path(Self.file) }

  init(index: Int, identity: NodeIdentity, schema: Schema, seed: UInt64) {
    self.index = index
    self.identity = identity
    self.schema = schema
    self.seed = seed
    disk = VirtualDisk(seed: seed)
  }

  var isUp: Bool { state == .up }

  // MARK: Time

  func setClock(offset: Int64, drift: Int, at now: Moment) {
    clockOffset = offset
    clockDrift = drift
    clockSetAt = now
  }

  /// What the wall clock of this machine says.
  func wallClock(at now: Moment) -> Instant {
    let drift = (now - clockSetAt) / 1_000 * Int64(clockDrift) / 1_000_000
    return Instant.quake.advanced(byMilliseconds: now / 1_000 + clockOffset + drift)
  }

  // MARK: Life

  func start(at now: Moment) throws {
    let replica = try Replica(
      path: path, identity: identity, schema: schema, keeper: keeper, salt: UInt64(index) + 1, at: wallClock(at: now))
    if !indexes.isEmpty { try replica.store.makeIndexes(indexes) }
    self.replica = replica
    gossip = Gossip(replica)
    plain = try PlainDatabase(path)
    state = .up
    life += 1
    policy = Links(own: replica.author, seed: seed &+ UInt64(life))
    (tickAt, callsAt) = (nil, nil)
  }

  /// After what it was given at the beginning: gossip tells only what comes from now on.
  func renewGossip() { if let replica { gossip = Gossip(replica) } }

  /// Ends the program; what the disk holds then is the disk's affair.
  func stop() {
    if let replica {
      lastKept = [:]
      for log in replica.store.logNames { lastKept[log] = replica.store.state(of: log).logged.sequence }
    }
    gossip = nil
    policy = nil
    plain = nil
    try? replica?.store.close()
    replica = nil
    links = [:]
    if state == .up { state = .down }
  }

  /// A machine that lost its file, or has to give it up: it goes on with its key, its card and its mark.
  func wipe() {
    disk.restore([:])
    lastKept = [:]
    mayBeRotten = false
    mayHaveLost = true
  }
}

/// A high-water mark on a device that neither loses nor keeps what the node's disk does.
final class VirtualKeeper: HighWaterKeeper {
  var mark: HighWaterMark?

  func load() throws(StoreError) -> HighWaterMark? { mark }
  /// At once: a cut during the commit leaves a mark of what the disk never had.
  func begin(_ mark: HighWaterMark) throws(StoreError) { self.mark = mark }
  func finish() throws(StoreError) {}
}

/// One change set that was asked for, by the words of whoever asked, and what its author knew of its lane.
struct Dated {
  var log: LogName
  var sequence: SequenceNumber
  var sections: [Draft.Sealed]
  var known: [AuthorNumber: SequenceNumber]
  /// Goods that came in from outside (or went out, below zero), by item.
  var goods: [RowID: Int64] = [:]
}
