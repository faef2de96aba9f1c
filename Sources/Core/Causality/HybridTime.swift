/// A moment on the wall clock, in milliseconds since 1970-01-01 UTC. Always an argument, never asked for here.
public struct Instant: Hashable, Comparable, Sendable {
  public var milliseconds: Int64

  public init(milliseconds: Int64) { self.milliseconds = milliseconds }

  public func advanced(byMilliseconds span: Int64) -> Instant { Instant(milliseconds: milliseconds + span) }

  public static func < (left: Self, right: Self) -> Bool { left.milliseconds < right.milliseconds }
}

/// A hybrid logical time: 48 bits of milliseconds since 1970, then 16 bits that count within one millisecond.
///
/// It is never below any time that its writer had seen, so a later edit is later here too, whatever the clocks say.
/// Source: Kulkarni et al., "Logical Physical Clocks" (2014).
public struct HybridTime: Hashable, Comparable, Sendable {
  public let rawValue: UInt64

  public init(rawValue: UInt64) { self.rawValue = rawValue }

  /// Milliseconds are held between 0 and 2^48 - 1 (the year 10889).
  public init(milliseconds: Int64, logical: UInt16 = 0) {
    let held = UInt64(min(max(milliseconds, 0), (1 << 48) - 1))
    rawValue = held << 16 | UInt64(logical)
  }

  public var milliseconds: Int64 { Int64(rawValue >> 16) }
  public var logical: UInt16 { UInt16(truncatingIfNeeded: rawValue) }

  public static let zero = HybridTime(rawValue: 0)

  /// The next time after this one at wall clock `now`: the wall clock when it is ahead, else one logical step.
  public func next(at now: Instant) -> HybridTime {
    max(HybridTime(milliseconds: now.milliseconds), HybridTime(rawValue: rawValue == .max ? .max : rawValue + 1))
  }

  public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}
