import Causality

/// Which change set wrote a value, and when by hybrid time.
public struct Stamp: Hashable, Comparable, Sendable {
  public var dot: Dot
  public var time: HybridTime

  public init(_ dot: Dot, at time: HybridTime) {
    self.dot = dot
    self.time = time
  }

  /// The order that picks the shown one among concurrent values: the later time, then the higher author.
  public static func < (left: Self, right: Self) -> Bool {
    left.time == right.time ? left.dot < right.dot : left.time < right.time
  }
}
