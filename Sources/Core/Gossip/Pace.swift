import Causality
import ChangeModel
import SignedLog

/// How much may be on its way to a peer at once: enough to keep the line busy, and so little that what is urgent never waits
/// long behind it, however deep the modems and sockets between are.
///
/// Nobody says what a line can carry; what the peer acknowledges tells it. The rate is BBR's delivery rate (Cardwell, Cheng,
/// Gunn, Yeganeh, Jacobson: BBR, ACM Queue 14 (5), 2016; draft-cheng-iccrg-delivery-rate-estimation): what was acknowledged
/// from the moment at which a frame was sent until its own acknowledgement, over that time. Bytes are those of counted frames
/// (`Message.isCounted`), without what TLS and TCP add.
struct Pace {
  /// One frame that the peer has not acknowledged.
  private struct Flight {
    /// Counted bytes sent up to its end.
    var end: Int
    var sent: Tick
    /// Counted bytes acknowledged when it was sent, and since when.
    var acknowledged: Int
    var since: Tick
    /// Nothing more was there to be sent about then: the line could have carried more.
    var isStarved: Bool
    /// Nothing else was on its way: its round trip is the line's own.
    var isAlone: Bool
    /// What the peer keeps when it has this frame.
    var brings: (log: LogName, sequence: SequenceNumber)?
  }

  /// Bytes a second that an operator allows; nil: as many as the line carries.
  var limit: Int?
  private var flights: [Flight] = []
  /// Counted bytes, over the session. Invariant: never fewer sent than acknowledged.
  private(set) var sent = 0
  private(set) var acknowledged = 0
  private var acknowledgedAt: Tick
  /// Until what was sent so far is acknowledged, the line is not kept busy.
  private var starvedUntil = 0
  /// Bytes that were lost on the way: what the peer counts less than was sent.
  private var lost = 0
  /// The newest samples of a busy line, bytes a second, the newest last.
  private var samples: [Int] = []
  /// Milliseconds there and back when nothing else is on the line, and when that was last seen.
  private var quickest: (milliseconds: Int64, at: Tick)?
  /// Another road may be longer: one frame goes alone, to see.
  private var isProbing = false
  private var guess: Int?

  /// - Parameter guess: bytes a second that the line may carry, where anybody knows. It only makes the beginning gentler: the
  ///   line of a plan may be down, and this one what is left.
  init(guess: Int?, at now: Tick) {
    self.guess = guess.map { min($0, Self.firstWindow) }
    acknowledgedAt = now
  }

  /// A line that carries 300 B/s takes five seconds for this.
  static let windowRange = 1_536...1 << 20
  static let frameRange = 256...64 * 1024
  /// Before anything is known: less than TCP's own first window (RFC 6928).
  private static let firstWindow = 4_096
  /// What lies on the line beyond two round trips of it, in milliseconds: acknowledgements may take their time.
  private static let slack: Int64 = 500
  private static let kept = 8
  /// How long a round trip is believed, in milliseconds. What waits on the line hides it, so that a busy one is left to drain
  /// now and then (BBR's ProbeRTT).
  private static let believed: Int64 = 120_000

  // MARK: What is known

  /// Bytes a second that the line was measured to carry; nil while nothing is known.
  var measured: Int? { samples.max() }

  /// Milliseconds there and back when nothing else is on the line; nil while nothing is known.
  var roundTrip: Int64? { quickest?.milliseconds }

  /// Bytes a second to go by.
  var rate: Int? {
    guard let known = measured ?? guess else { return limit }
    return limit.map { min($0, known) } ?? known
  }

  var isNarrow: Bool { rate.map { $0 < 20_000 } ?? false }

  var window: Int {
    guard let rate else { return Self.firstWindow }
    let span = 2 * (roundTrip ?? 0) + Self.slack
    let (bytes, overflow) = rate.multipliedReportingOverflow(by: Int(span))
    return overflow
      ? Self.windowRange.upperBound : min(max(bytes / 1_000, Self.windowRange.lowerBound), Self.windowRange.upperBound)
  }

  var frameBytes: Int { min(max(window / 4, Self.frameRange.lowerBound), Self.frameRange.upperBound) }

  /// Whether one more frame may be sent.
  var isOpen: Bool { isProbing ? flights.isEmpty : sent - acknowledged < window }

  /// Since when something is on its way without any of it being acknowledged; nil when nothing is.
  var waitingSince: Tick? { flights.first.map { max($0.sent, acknowledgedAt) } }

  // MARK: What happens

  /// A counted frame is about to be sent.
  mutating func send(_ bytes: Int, bringing brings: (log: LogName, sequence: SequenceNumber)?, at now: Tick) {
    // A line that was at rest is measured from now on.
    if flights.isEmpty { acknowledgedAt = now }
    sent += bytes
    flights.append(
      Flight(
        end: sent, sent: now, acknowledged: acknowledged, since: acknowledgedAt, isStarved: starvedUntil > acknowledged,
        isAlone: flights.isEmpty, brings: brings))
  }

  /// Nothing is there to be sent, though more might be.
  mutating func starve() { starvedUntil = sent }

  /// The peer has `total` counted bytes of this session.
  ///
  /// - Parameters:
  ///   - total: by its word; more than was sent tells nothing, fewer than it has said before neither.
  ///   - held: milliseconds that it kept the acknowledgement back.
  /// - Returns: what it keeps now, log by log.
  mutating func acknowledge(
    _ total: Int, held: Int64, at now: Tick
  ) -> [(log: LogName, sequence: SequenceNumber)] {
    let (total, overflow) = total.addingReportingOverflow(lost)
    guard !overflow, total <= sent, total > acknowledged else { return [] }
    let count = flights.prefix { $0.end <= total }.count
    (acknowledged, acknowledgedAt) = (total, now)
    guard count > 0 else { return [] }
    let last = flights[count - 1]
    let kept = flights.prefix(count).compactMap(\.brings)
    flights.removeFirst(count)
    let roundTrip = max(0, now.milliseconds(since: last.sent) - held)
    // What waits on the line keeps it busy, whatever was there to be sent besides.
    let hasWaited = quickest.map { roundTrip > 2 * $0.milliseconds + Self.slack } ?? false
    note(roundTrip, isAlone: last.isAlone, at: now)
    let span = max(now.milliseconds(since: last.since), 1)
    let sample = (total - last.acknowledged) * 1_000 / Int(span)
    // A line that was not kept busy carries this much at least: it tells nothing while nothing else is known.
    if !last.isStarved || hasWaited || sample > measured ?? .max {
      // A line that has become slow is not measured by what it was.
      if hasWaited, sample < (measured ?? 0) / 2 {
        Probe.lineSlowed.hit()
        samples = []
      }
      samples.append(max(sample, 1))
      if samples.count > Self.kept { samples.removeFirst() }
    }
    return kept
  }

  /// Whatever was sent by then has come, or never will: no stream loses frames, but one that does must not stop a session
  /// for good.
  ///
  /// - Parameter total: the counted bytes that the peer has of it.
  mutating func settle(upTo end: Int, total: Int, at now: Tick) {
    lost = end.subtractingReportingOverflow(total).partialValue
    if lost > 0 { Probe.framesLost.hit() }
    guard end > acknowledged else { return }
    (acknowledged, acknowledgedAt) = (end, now)
    flights.removeAll { $0.end <= end }
  }

  private mutating func note(_ roundTrip: Int64, isAlone: Bool, at now: Tick) {
    guard let known = quickest, roundTrip > known.milliseconds, !(isProbing && isAlone) else {
      (quickest, isProbing) = ((roundTrip, now), false)
      return
    }
    if now.milliseconds(since: known.at) > Self.believed {
      Probe.roundTripSought.hit()
      isProbing = true
    }
  }
}
