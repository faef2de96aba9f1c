import Synchronization

/// Bounds those who have called and not yet proven who they are: each holds a socket and may cost a signature.
final class HandshakeLimit: Sendable {
  private struct State {
    var total = 0
    var byAddress: [String: Int] = [:]
  }

  private let state = Mutex(State())

  static let total = 128
  static let each = 16

  /// - Returns: false when there are too many already, from anywhere or from this address.
  func enter(_ address: String) -> Bool {
    state.withLock { state in
      let here = state.byAddress[address] ?? 0
      guard state.total < Self.total, here < Self.each else { return false }
      state.total += 1
      state.byAddress[address] = here + 1
      return true
    }
  }

  func leave(_ address: String) {
    state.withLock { state in
      state.total -= 1
      let here = (state.byAddress[address] ?? 1) - 1
      state.byAddress[address] = here > 0 ? here : nil
    }
  }
}
