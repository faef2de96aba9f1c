import Causality
import Synchronization

/// Bounds those who have called and not yet proven who they are: each holds a socket and may cost a signature. Half of the
/// places are for addresses that a peer has proven itself from within a day, or is called at: strangers cannot take those.
final class HandshakeLimit: Sendable {
  /// One place, until it is given back.
  struct Place: Sendable {
    fileprivate let address: CallerAddress
    fileprivate let isStranger: Bool
  }

  private struct State {
    var total = 0
    var strangers = 0
    var byAddress: [CallerAddress: Int] = [:]
    var proven: [CallerAddress: Tick] = [:]
  }

  private let state = Mutex(State())
  private let called: Set<CallerAddress>

  static let total = 128
  static let strangers = 64
  static let each = 16
  /// How long an address is known after a peer proved itself from there, in milliseconds.
  static let memory: Int64 = 86_400_000
  /// More than a federation has nodes.
  private static let known = 4_096

  /// - Parameter called: where peers are called: known from the start.
  init(called: Set<CallerAddress> = []) { self.called = called }

  /// - Returns: nil when there are too many already, from anywhere or from this address.
  func enter(_ address: CallerAddress, at now: Tick) -> Place? {
    state.withLock { state in
      let here = state.byAddress[address] ?? 0
      let isKnown =
        called.contains(address) || state.proven[address].map { now.milliseconds(since: $0) < Self.memory } ?? false
      guard state.total < Self.total, here < Self.each, isKnown || state.strangers < Self.strangers else { return nil }
      state.total += 1
      if !isKnown { state.strangers += 1 }
      state.byAddress[address] = here + 1
      return Place(address: address, isStranger: !isKnown)
    }
  }

  func leave(_ place: Place) {
    state.withLock { state in
      state.total -= 1
      if place.isStranger { state.strangers -= 1 }
      let here = (state.byAddress[place.address] ?? 1) - 1
      state.byAddress[place.address] = here > 0 ? here : nil
    }
  }

  /// A link with a peer is up from here.
  func prove(_ address: CallerAddress, at now: Tick) {
    state.withLock { state in
      state.proven[address] = now
      guard state.proven.count > Self.known, let oldest = state.proven.min(by: { $0.value < $1.value }) else { return }
      state.proven[oldest.key] = nil
    }
  }
}
