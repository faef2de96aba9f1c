import Causality
import Federation
import Sodium

/// Things kept in memory for a while under a name that nobody can guess.
actor Shelf<Thing: Sendable> {
  private let lifetime: Int64
  private let limit: Int
  private var things: [String: (thing: Thing, until: Tick)] = [:]

  /// - Parameters:
  ///   - minutes: after which a thing is gone.
  ///   - limit: with more, the oldest goes.
  init(minutes: Int64, limit: Int) {
    lifetime = minutes * 60_000
    self.limit = limit
  }

  func put(_ thing: Thing, at now: Tick) -> String {
    things = things.filter { $0.value.until > now }
    if things.count >= limit, let oldest = things.min(by: { $0.value.until < $1.value.until }) {
      things[oldest.key] = nil
    }
    let name = secureRandomBytes(16).hexadecimal
    things[name] = (thing, now.advanced(byMilliseconds: lifetime))
    return name
  }

  func thing(_ name: String, at now: Tick) -> Thing? {
    things[name].flatMap { $0.until > now ? $0.thing : nil }
  }

  func drop(_ name: String) { things[name] = nil }
}
