import Causality

/// Keeps time for the keys that others let this node have: when one ends, what it opened closes.
struct KeyWatch: Sendable {
  private(set) var due: Tick?

  /// A wall clock may be set back or forward meanwhile: it is asked again at least this often, in milliseconds.
  private static let longestPause: Int64 = 3_600_000
  /// When keys could not be refreshed, the disk may have been full: this many milliseconds later it may not be.
  private static let retry: Int64 = 60_000

  mutating func watch(_ end: Instant?, at now: Tick, wall: Instant) {
    // A key is good until the very millisecond that it ends in.
    due = end.map { end in
      now.advanced(byMilliseconds: min(max(end.milliseconds - wall.milliseconds, 0) + 1, Self.longestPause))
    }
  }

  /// Whether keys are to be refreshed now. Says so again in a minute, unless `watch` is called before.
  mutating func takeDue(at now: Tick) -> Bool {
    guard let due, due <= now else { return false }
    self.due = now.advanced(byMilliseconds: Self.retry)
    return true
  }
}
