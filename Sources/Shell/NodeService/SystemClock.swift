import Causality
import Foundation
import Glibc

extension Instant {
  /// The wall clock. The only place in a node that asks it.
  public static func now() -> Instant {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Instant(milliseconds: Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000)
  }
}

extension Date {
  /// The same for certificates.
  public static var wall: Date { Date(timeIntervalSince1970: Double(Instant.now().milliseconds) / 1_000) }
}

/// Time for intervals: begins when it is made and never jumps, whoever sets the clock.
public struct SteadyClock: Sendable {
  private let start = ContinuousClock.now

  public init() {}

  public func now() -> Tick {
    let elapsed = ContinuousClock.now - start
    return Tick(
      milliseconds: elapsed.components.seconds * 1_000 + elapsed.components.attoseconds / 1_000_000_000_000_000)
  }
}
