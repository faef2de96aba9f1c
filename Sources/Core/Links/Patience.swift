import Causality

/// Until when a peer is not spoken with, and why.
public struct Ban: Hashable, Sendable {
  public var until: Tick
  public var offence: Offence
}

/// What a node bears from one peer, over all its links.
///
/// Work that a peer causes and that brings nothing new (replays, noise, empty talk) is paid back in waiting: its frames
/// are read no faster than takes a twentieth of the core's time. A peer that breaks the protocol is banned for a minute,
/// each time twice as long, up to an hour; a day without is forgiveness.
struct Patience: Sendable {
  /// The latest, over or not.
  private(set) var ban: Ban?
  private var offences = 0
  private var lastOffence = Tick(milliseconds: 0)
  /// Microseconds of the core's time that may still be wasted at once. Invariant: never above `burst`.
  private var budget = Self.burst
  private var counted = Tick(milliseconds: 0)

  /// A second at once: honest peers that bring the same change sets twice are never slowed.
  private static let burst: Int64 = 1_000_000
  /// Of each millisecond, in microseconds.
  private static let share: Int64 = 50
  /// One pause is no longer than this, in milliseconds: pings must be answered.
  private static let longestPause: Int64 = 2_000
  private static let firstBan: Int64 = 60_000
  private static let longestBan: Int64 = 3_600_000
  private static let forgiveness: Int64 = 86_400_000

  /// - Returns: how many milliseconds to wait before more is read from the peer.
  mutating func waste(microseconds: Int64, at now: Tick) -> Int64 {
    let elapsed = min(max(0, now.milliseconds(since: counted)), 60_000)
    budget = min(Self.burst, budget + elapsed * Self.share) - microseconds
    counted = now
    return budget >= 0 ? 0 : min(-budget / Self.share, Self.longestPause)
  }

  @discardableResult
  mutating func offend(_ offence: Offence, at now: Tick) -> Ban {
    if now.milliseconds(since: lastOffence) > Self.forgiveness { offences = 0 }
    let length = min(Self.firstBan << min(offences, 6), Self.longestBan)
    let ban = Ban(until: now.advanced(byMilliseconds: length), offence: offence)
    offences += 1
    lastOffence = now
    self.ban = ban
    return ban
  }
}
