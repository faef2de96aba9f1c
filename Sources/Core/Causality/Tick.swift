/// A reading of a node's steady clock, in milliseconds since some moment of its own. Always an argument, never asked for here.
///
/// It never jumps, whoever sets the wall clock, and means nothing on another node or after a restart: pauses, deadlines and
/// bans are counted in it. What has a date (the end of a key or of a certificate, the time of a change set) is an `Instant`.
/// Neither becomes the other but at the shell, which reads both clocks.
public struct Tick: Hashable, Comparable, Sendable {
  public var milliseconds: Int64

  public init(milliseconds: Int64) { self.milliseconds = milliseconds }

  public func advanced(byMilliseconds span: Int64) -> Tick { Tick(milliseconds: milliseconds + span) }

  /// How many milliseconds have passed since an earlier reading; below zero for a later one.
  public func milliseconds(since earlier: Tick) -> Int64 { milliseconds - earlier.milliseconds }

  public static func < (left: Self, right: Self) -> Bool { left.milliseconds < right.milliseconds }
}
