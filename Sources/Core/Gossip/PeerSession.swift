import Causality
import ChangeModel
import SignedLog

/// Names one link of this node while it is up.
public struct LinkID: Hashable, Comparable, Sendable {
  public var rawValue: UInt64

  public init(rawValue: UInt64) { self.rawValue = rawValue }

  public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// What one end of a link knows of the other; of one `Gossip` alone. Memory is bounded by the number of logs, never by what is to be sent:
/// what the peer asked for is kept as places in logs, and read when the link can take it.
final class PeerSession {
  /// Where sending a log to the peer goes on.
  struct Cursor: Hashable, Comparable {
    var next: SequenceNumber
    /// Bytes of the change set `next` that the peer has already.
    var offset: Int

    static func < (left: Self, right: Self) -> Bool { (left.next, left.offset) < (right.next, right.offset) }
  }

  /// The peer's node number, proven by the transport.
  let peer: AuthorNumber
  /// How much may be on its way to the peer, and what of it has come.
  var pace: Pace

  /// Invariant: nothing is known of the peer's logs before.
  var hasHello = false
  /// What the peer runs, by its own word.
  var program = ""
  /// How far the peer keeps each log, by its word, or will when what is on its way has come.
  var theirs: [LogName: SequenceNumber] = [:]
  /// How far the peer keeps, by its word, the logs of which more is on its way. Invariant: each below `theirs`.
  private(set) var kept: [LogName: SequenceNumber] = [:]
  /// When the peer last said what it keeps.
  private(set) var toldAt: Tick?
  /// By how much the peer's wall clock was ahead of this node's when it last told, in milliseconds.
  var clockAhead: Int64?
  /// The hash of a lane at which the peer was last found equal.
  var agreed: [Lane: UInt64] = [:]
  /// What the peer's tables are, by its word.
  var tables: Gossip.Tables?
  /// What it was told that this node's are.
  var told: Gossip.Tables?
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
  /// The ping that waits for its answer, and all that was sent before it.
  private(set) var pinged: (nonce: UInt64, end: Int, at: Tick)?
  /// Counted bytes that came from the peer, and of which it was told.
  private var received = 0
  private var acknowledged = 0
  /// When the first of what the peer was not told of came.
  private var unacknowledgedSince: Tick?
  private var newest = Tick(milliseconds: 0)
  /// How far each log was sent on this link, and how many bytes may still be sent a second time: a peer that asks for the
  /// same again and again makes this node work no harder than that.
  private var sent: [LogName: Cursor] = [:]
  private var againBudget = PeerSession.againBurst
  private var againCounted: Tick
  /// Lanes of which the peer shall be told all heads: made when the link can take them.
  var lanesToTell: Set<Lane> = []
  /// Logs whose run from this peer did not hold, or of which it has another branch: neither asked of it nor sent.
  var refused: Set<LogName> = []

  var lastHeard: Tick
  /// When the peer last brought something of any log.
  var broughtAt: Tick?
  var nextSummary: Tick
  /// The summary that was due when things began to move.
  private var latestSummary: Tick?
  var pingSent: Tick?
  /// A ping waits for the link.
  var pingIsDue = false

  var bytesIn = 0
  var bytesOut = 0

  init(peer: AuthorNumber, guess: Int?, at now: Tick) {
    self.peer = peer
    pace = Pace(guess: guess, at: now)
    againCounted = now
    lastHeard = now
    nextSummary = now
  }

  /// Invariant: the budget of bytes that may be sent again is never above a burst.
  var isBudgetBounded: Bool { againBudget <= Self.againBurst }

  private static let againBurst = 4 << 20
  private static let againPerMillisecond = 256

  /// Notes that `bytes` of a log are about to be sent, from one place to another.
  ///
  /// - Returns: false when they were sent before on this link and there has been too much of that.
  func maySend(_ log: LogName, from first: Cursor, to next: Cursor, bytes: Int, at now: Tick) -> Bool {
    if let sent = sent[log], first < sent {
      let elapsed = Int(min(max(now.milliseconds(since: againCounted), 0), 60_000))
      againBudget = min(Self.againBurst, againBudget + elapsed * Self.againPerMillisecond)
      againCounted = now
      guard againBudget > 0 else {
        Probe.repeatRefused.hit()
        return false
      }
      againBudget -= bytes
    }
    sent[log] = max(sent[log] ?? next, next)
    return true
  }

  /// Something changed here: lanes are compared when it has come to rest, and anyway when that was due.
  func moves(at now: Tick) {
    let pause = pace.isNarrow ? Gossip.Timing.narrowRest : Gossip.Timing.rest
    let long = pace.isNarrow ? Gossip.Timing.narrowSummary : Gossip.Timing.summary
    latestSummary = latestSummary ?? now.advanced(byMilliseconds: long)
    nextSummary = min(now.advanced(byMilliseconds: pause), latestSummary!)
  }

  func tellsSummary(at now: Tick) {
    let long = pace.isNarrow ? Gossip.Timing.narrowSummary : Gossip.Timing.summary
    (nextSummary, latestSummary) = (now.advanced(byMilliseconds: long), nil)
  }

  // MARK: What came

  /// A counted frame came.
  func receive(_ bytes: Int, at now: Tick) {
    received += bytes
    newest = now
    unacknowledgedSince = unacknowledgedSince ?? now
  }

  /// When the peer is to be told what came: soon, or at once when it is much; nil when it knows.
  var acknowledgementDue: Tick? {
    guard let since = unacknowledgedSince else { return nil }
    return received - acknowledged >= Self.promptly
      ? since : since.advanced(byMilliseconds: Self.acknowledgementPause)
  }

  /// Less than a narrow line's window, so that it never stands still for want of an answer.
  private static let promptly = 1_024
  private static let acknowledgementPause: Int64 = 200

  /// Whether something waits that keeps the session itself going.
  func hasSign(at now: Tick) -> Bool {
    hasSaidHello && (pong != nil || pingIsDue || acknowledgementDue.map { $0 <= now } ?? false)
  }

  /// The first frame on each side.
  private var hasSaidHello: Bool { pace.sent > 0 }

  func nextSign(at now: Tick) -> Message? {
    guard hasSaidHello else { return nil }
    if let nonce = pong {
      (pong, acknowledged, unacknowledgedSince) = (nil, received, nil)
      return .pong(nonce, total: received)
    }
    if let due = acknowledgementDue, due <= now {
      // As of the newest that came: earlier bytes waited longer, and are measured by their own.
      let held = min(max(now.milliseconds(since: newest), 0), Int64(Message.heldLimit))
      (acknowledged, unacknowledgedSince) = (received, nil)
      return .acknowledgement(total: received, held: Int(held))
    }
    guard pingIsDue else { return nil }
    pingIsDue = false
    pinged = (UInt64(bitPattern: now.milliseconds), pace.sent, now)
    return .ping(pinged!.nonce)
  }

  /// When the peer is asked what it has, since nothing of what is on its way was acknowledged; nil when nothing is, or the
  /// question itself is on its way.
  var stalls: Tick? {
    guard let since = pace.waitingSince else { return nil }
    let stalled = since.advanced(byMilliseconds: Gossip.Timing.stalled)
    return pinged.map { max(stalled, $0.at.advanced(byMilliseconds: Gossip.Timing.unanswered)) } ?? stalled
  }

  /// The answer to a ping: what was sent before it has come, or never will.
  func settle(_ nonce: UInt64, total: Int, at now: Tick) {
    guard let pinged, pinged.nonce == nonce else { return }
    self.pinged = nil
    pace.settle(upTo: pinged.end, total: total, at: now)
  }

  /// Heads in one message, so that it fits a frame.
  var headLimit: Int { min(max(pace.frameBytes / 14, 16), Message.headLimit) }

  // MARK: What the peer keeps

  /// The peer says that it keeps a log so far.
  func tells(_ log: LogName, _ sequence: SequenceNumber, at now: Tick) {
    toldAt = now
    guard let known = kept[log] else { return }
    kept[log] = sequence >= theirs[log] ?? 0 ? nil : max(known, sequence)
  }

  /// The peer keeps a log at least so far.
  func learns(_ log: LogName, _ sequence: SequenceNumber, at now: Tick) {
    theirs[log] = max(theirs[log] ?? 0, sequence)
    tells(log, sequence, at: now)
  }

  /// A log will be kept so far when what is sent now has come.
  func promises(_ log: LogName, _ sequence: SequenceNumber) {
    let known = theirs[log] ?? 0
    guard sequence > known else { return }
    if kept[log] == nil { kept[log] = known }
    theirs[log] = sequence
  }

  /// The peer keeps a log exactly so far: whatever was on its way is not counted any longer.
  func keeps(_ log: LogName, _ sequence: SequenceNumber, at now: Tick) {
    toldAt = now
    isDoubted(log, beyond: sequence)
  }

  /// What the peer said to have beyond this is not believed until it says it again.
  func isDoubted(_ log: LogName, beyond sequence: SequenceNumber) {
    theirs[log] = sequence
    kept[log] = nil
  }

  /// How far the peer keeps a log, by its word.
  func keeps(_ log: LogName) -> SequenceNumber { kept[log] ?? theirs[log] ?? 0 }

  /// Invariant: what is on its way goes beyond what has come.
  var isWayOrdered: Bool { kept.allSatisfy { $0.value < theirs[$0.key] ?? 0 } }
}
