import Causality

/// What a node bears from one peer, over all its links.
///
/// Work that a peer causes and that brings nothing new (replays, noise, empty talk) is paid back in waiting: its frames
/// are read no faster than takes a twentieth of the core's time. A peer that breaks the protocol is banned for a minute,
/// each time twice as long, up to an hour; a day without is forgiveness.
struct Patience {
  struct Ban {
    var until: Instant
    var reason: String
  }

  private(set) var ban: Ban?
  private var offences = 0
  private var lastOffence = Instant(milliseconds: 0)
  /// Microseconds of the core's time that may still be wasted at once.
  private var budget = Self.burst
  private var counted = Instant(milliseconds: 0)

  /// A second at once: honest peers that bring the same change sets twice are never slowed.
  private static let burst: Int64 = 1_000_000
  /// Of each millisecond, in microseconds.
  private static let share: Int64 = 50
  /// One pause is no longer than this: pings must be answered.
  private static let longestPause: Int64 = 2_000

  /// - Returns: how many milliseconds to wait before more is read from the peer.
  mutating func waste(microseconds: Int64, at now: Instant) -> Int64 {
    let elapsed = max(0, now.milliseconds - counted.milliseconds)
    budget = min(Self.burst, budget + min(elapsed, 60_000) * Self.share) - microseconds
    counted = now
    return budget >= 0 ? 0 : min(-budget / Self.share, Self.longestPause)
  }

  mutating func offend(_ reason: String, at now: Instant) -> Ban {
    if now.milliseconds - lastOffence.milliseconds > 86_400_000 { offences = 0 }
    let ban = Ban(
      until: now.advanced(byMilliseconds: min(Int64(60_000) << min(offences, 6), 3_600_000)), reason: reason)
    offences += 1
    lastOffence = now
    self.ban = ban
    return ban
  }

  func isBanned(at now: Instant) -> Bool { ban.map { $0.until > now } ?? false }
}
