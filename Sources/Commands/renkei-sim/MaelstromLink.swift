import Causality
import Foundation
import Gossip

/// A stream over a network that loses and reorders: what TCP is to a real node. Go-back-N, with a number for each life of
/// each end, so that what was meant for an earlier life is not taken for this one's.
struct MaelstromLink {
  static let type = "renkei"
  /// Bytes under way at most.
  private static let window = 256 * 1024
  /// When something was not acknowledged for so long, it is sent again. The harness delays by some hundred milliseconds.
  private static let resend: Int64 = 400
  /// How often an end that has no answer yet asks again.
  private static let hello: Int64 = 500

  let id: LinkID
  /// The life of this end, and that of the other.
  private(set) var session: UInt64
  private var theirs: UInt64 = 0
  private(set) var isConnected = false
  /// Frames not yet acknowledged, the first of them numbered `first`.
  private var unacknowledged: [[UInt8]] = []
  private var first = 1
  private var bytes = 0
  /// How many of `unacknowledged` were sent.
  private var sent = 0
  private var expected = 1
  private var owesAcknowledgement = true
  private(set) var nextDeadline: Tick?

  init(id: LinkID, session: UInt64) {
    self.id = id
    self.session = session
    nextDeadline = Tick(milliseconds: 0)
  }

  /// Begins a new life.
  mutating func begin(session: UInt64) {
    let theirs = theirs
    self = MaelstromLink(id: id, session: session)
    self.theirs = theirs
  }

  var hasRoom: Bool { isConnected && bytes < Self.window }

  mutating func add(_ frame: [UInt8]) {
    unacknowledged.append(frame)
    bytes += frame.count
  }

  // MARK: Taking

  /// - Returns: frames that came in order.
  mutating func take(_ body: [String: Any], nextSession: () -> UInt64, at now: Tick) -> [[UInt8]] {
    guard let me = (body["me"] as? NSNumber)?.uint64Value, let you = (body["you"] as? NSNumber)?.uint64Value,
      me >= theirs
    else { return [] }
    if me > theirs {
      // The other end began anew: so does this one, when it had begun with the old one.
      if isConnected { begin(session: nextSession()) }
      theirs = me
    }
    owesAcknowledgement = true
    guard you == session else { return [] }
    isConnected = true
    if let acknowledged = (body["ack"] as? NSNumber)?.intValue {
      let count = min(max(0, acknowledged - first + 1), unacknowledged.count)
      for frame in unacknowledged.prefix(count) { bytes -= frame.count }
      unacknowledged.removeFirst(count)
      first += count
      sent = max(0, sent - count)
    }
    var frames: [[UInt8]] = []
    let start = (body["first"] as? NSNumber)?.intValue ?? 0
    let texts = body["frames"] as? [String] ?? []
    for (offset, text) in texts.enumerated() where start + offset == expected {
      guard let data = Data(base64Encoded: text) else { break }
      frames.append([UInt8](data))
      expected += 1
    }
    if texts.isEmpty { owesAcknowledgement = false }
    return frames
  }

  // MARK: Sending

  /// The message that is due now; nil when none is.
  mutating func due(at now: Tick) -> [String: Any]? {
    let isLate = nextDeadline.map { $0 <= now } ?? false
    if isLate { sent = 0 }
    guard isLate || owesAcknowledgement || sent < unacknowledged.count else { return nil }
    let frames = isConnected ? unacknowledged[sent...].map { Data($0).base64EncodedString() } : []
    let body: [String: Any] = [
      "type": Self.type, "me": session, "you": theirs, "ack": expected - 1, "first": first + sent, "frames": frames,
    ]
    sent = unacknowledged.count
    owesAcknowledgement = false
    if !isConnected {
      nextDeadline = now.advanced(byMilliseconds: Self.hello)
    } else {
      nextDeadline = unacknowledged.isEmpty ? nil : now.advanced(byMilliseconds: Self.resend)
    }
    return body
  }
}
