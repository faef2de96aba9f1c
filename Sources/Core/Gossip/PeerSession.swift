import Causality
import ChangeModel
import SignedLog

/// Names one link of this node while it is up.
public struct LinkID: Hashable, Comparable, Sendable {
  public var rawValue: UInt64

  public init(rawValue: UInt64) { self.rawValue = rawValue }

  public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// What one end of a link knows of the other. Memory is bounded by the number of logs, never by what is to be sent:
/// what the peer asked for is kept as places in logs, and read when the link can take it.
struct PeerSession {
  /// Where sending a log to the peer goes on.
  struct Cursor: Hashable, Comparable {
    var next: SequenceNumber
    /// Bytes of the change set `next` that the peer has already.
    var offset: Int

    static func < (left: Self, right: Self) -> Bool { (left.next, left.offset) < (right.next, right.offset) }
  }

  /// The peer's node number, proven by the transport.
  let peer: AuthorNumber
  /// A frame takes about half a second of the link, so that an urgent change waits no longer. Invariant: in `frameRange`.
  private(set) var frameBytes = 0
  private(set) var isNarrow = false

  /// Invariant: nothing is known of the peer's logs before.
  var hasHello = false
  /// How far the peer keeps each log, by its word.
  var theirs: [LogName: SequenceNumber] = [:]
  /// The hash of a lane at which the peer was last found equal.
  var agreed: [Lane: UInt64] = [:]
  /// What the peer asked for, or will want: read when the link can take it.
  var cursors: [LogName: Cursor] = [:]
  /// The log that a lane's sending is in the middle of.
  var current: [Lane: LogName] = [:]
  /// Logs whose growth the peer has not been told of.
  var headsToSend: Set<LogName> = []
  var headsNotBefore = Tick(milliseconds: 0)
  var headsAreDue = false
  /// Logs of which the peer's head has our sequence and another hash.
  var forked: Set<LogName> = []
  /// From where the peer's branch of such a log was asked for, to find where it parts from ours. Invariant: of `forked`
  /// ones only.
  var probing: [LogName: SequenceNumber] = [:]
  /// Small messages that wait for the link.
  var outbox: [Message] = []
  /// The last ping that is not answered: a flood of them gets one answer.
  var pong: UInt64?
  /// How far each log was sent on this link, and how many bytes may still be sent a second time: a peer that asks for the
  /// same again and again makes this node work no harder than that.
  private var sent: [LogName: Cursor] = [:]
  private var againBudget = Self.againBurst
  private var againCounted: Tick
  /// Lanes of which the peer shall be told all heads: made when the link can take them.
  var lanesToTell: Set<Lane> = []
  /// Logs whose run from this peer did not hold, or of which it has another branch: neither asked of it nor sent.
  var refused: Set<LogName> = []

  var lastHeard: Tick
  var nextSummary: Tick
  var pingSent: Tick?
  /// The last measured round trip, in milliseconds.
  var roundTrip: Int64?

  var bytesIn = 0
  var bytesOut = 0

  init(peer: AuthorNumber, bytesPerSecond: Int?, at now: Tick) {
    self.peer = peer
    againCounted = now
    lastHeard = now
    nextSummary = now
    setRate(bytesPerSecond)
  }

  static let frameRange = 256...64 * 1024

  /// Invariant: the budget of bytes that may be sent again is never above a burst.
  var isBudgetBounded: Bool { againBudget <= Self.againBurst }

  private static let againBurst = 4 << 20
  private static let againPerMillisecond = 256

  /// Notes that `bytes` of a log are about to be sent, from one place to another.
  ///
  /// - Returns: false when they were sent before on this link and there has been too much of that.
  mutating func maySend(_ log: LogName, from first: Cursor, to next: Cursor, bytes: Int, at now: Tick) -> Bool {
    if let sent = sent[log], first < sent {
      let elapsed = Int(min(max(now.milliseconds(since: againCounted), 0), 60_000))
      againBudget = min(Self.againBurst, againBudget + elapsed * Self.againPerMillisecond)
      againCounted = now
      guard againBudget > 0 else { return false }
      againBudget -= bytes
    }
    sent[log] = max(sent[log] ?? next, next)
    return true
  }

  mutating func setRate(_ bytesPerSecond: Int?) {
    isNarrow = (bytesPerSecond ?? .max) < 20_000
    frameBytes =
      bytesPerSecond.map { min(max($0 / 2, Self.frameRange.lowerBound), Self.frameRange.upperBound) }
      ?? Self.frameRange.upperBound
  }
}
