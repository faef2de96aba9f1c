import Causality
import Glibc
import NodeService
import Synchronization

/// Who may have a connection, of as many as the machine can hold: few for one address, so that nobody takes all; the last ones
/// for the machine itself and for addresses where somebody is signed in; and who keeps one without asking anything gives way.
final class Door: Sendable {
  /// One connection, from when it is taken in until it is closed.
  typealias ID = UInt64

  private struct Connection {
    var address: CallerAddress
    /// Since when nothing is asked over it; nil while an answer is under way.
    var idleSince: Tick?
    var close: @Sendable () -> Void
  }

  private struct State {
    var connections: [ID: Connection] = [:]
    var byAddress: [CallerAddress: Set<ID>] = [:]
    var last: ID = 0
    /// Addresses, and when somebody signed in was last heard from there.
    var known: [CallerAddress: Tick] = [:]
    var refused = 0
    var said: Tick?
  }

  /// Connections at once: a ward's shelters with a few tablets each, and their event streams.
  private let total: Int
  /// Of which nobody else has these.
  static let reserve = 16
  /// More than a household's browsers open.
  static let each = 64
  /// A headquarters, or a shelter's tablets, behind one router.
  static let eachKnown = 256
  /// A caller who was taken in a moment ago is not turned out for the next one: it is only slow.
  static let patience: Int64 = 1_000
  private static let knownLimit = 4_096
  /// Between two lines of the log about it, in milliseconds.
  private static let pause: Int64 = 5_000

  private let state = Mutex(State())
  private let now: @Sendable () -> Tick
  private let log: AccessLog

  init(total: Int = Door.room(), log: AccessLog, now: @escaping @Sendable () -> Tick) {
    self.total = total
    self.now = now
    self.log = log
  }

  /// As many connections as there are descriptors for, beside files and peers.
  static func room() -> Int {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 700 }
    let wanted = rlim_t(4_096)
    if limit.rlim_cur < wanted {
      limit.rlim_cur = min(limit.rlim_max, wanted)
      setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }
    return min(2_000, Int(limit.rlim_cur) - 300)
  }

  /// Takes a connection in; for it, another may have to go.
  ///
  /// - Parameter close: closes it, from any thread.
  /// - Returns: nil when there is no room.
  func enter(_ address: CallerAddress, close: @escaping @Sendable () -> Void) -> ID? {
    let now = now()
    let (id, leaving, refused) = state.withLock { state -> (ID?, Connection?, Int?) in
      let isKnown = isKnown(address, state, now)
      let here = state.byAddress[address] ?? []
      var leaving: Connection?
      if here.count >= (isKnown ? Self.eachKnown : Self.each) {
        leaving = turnOut(here.map { $0 }, &state, now)
        guard leaving != nil else { return (nil, nil, refuse(&state, now)) }
      } else if state.connections.count >= (isKnown ? total : total - Self.reserve) {
        let strangers = state.connections.filter { !self.isKnown($0.value.address, state, now) }.map(\.key)
        leaving = turnOut(strangers, &state, now)
        guard leaving != nil else { return (nil, nil, refuse(&state, now)) }
      }
      state.last += 1
      state.connections[state.last] = Connection(address: address, idleSince: now, close: close)
      state.byAddress[address, default: []].insert(state.last)
      return (state.last, leaving, nil)
    }
    leaving?.close()
    if let refused { log.note(.noRoom, from: address.description, ["refused": "\(refused)"]) }
    return id
  }

  /// It is closed.
  func leave(_ id: ID) { state.withLock { _ = take(id, &$0) } }

  /// An answer is under way over it, or no longer.
  func note(_ id: ID, isBusy: Bool) {
    let now = now()
    state.withLock { $0.connections[id]?.idleSince = isBusy ? nil : now }
  }

  /// Somebody who is signed in asks from there.
  func know(_ address: CallerAddress) {
    let now = now()
    state.withLock { state in
      state.known[address] = now
      guard state.known.count > Self.knownLimit, let oldest = state.known.min(by: { $0.value < $1.value }) else {
        return
      }
      state.known[oldest.key] = nil
    }
  }

  /// Whether somebody is signed in there, or it is this machine.
  func isKnown(_ address: CallerAddress) -> Bool {
    let now = now()
    return state.withLock { isKnown(address, $0, now) }
  }

  // MARK: Under the lock

  private func isKnown(_ address: CallerAddress, _ state: State, _ now: Tick) -> Bool {
    address.isThisMachine || state.known[address].map { now.milliseconds(since: $0) < Sessions.idle } ?? false
  }

  /// Of these the one that has been idle longest.
  private func turnOut(_ ids: [ID], _ state: inout State, _ now: Tick) -> Connection? {
    let idle = ids.compactMap { id in state.connections[id]?.idleSince.map { (id: id, since: $0) } }
    guard let longest = idle.min(by: { ($0.since, $0.id) < ($1.since, $1.id) }),
      now.milliseconds(since: longest.since) >= Self.patience
    else { return nil }
    return take(longest.id, &state)
  }

  private func take(_ id: ID, _ state: inout State) -> Connection? {
    guard let connection = state.connections.removeValue(forKey: id) else { return nil }
    state.byAddress[connection.address]?.remove(id)
    if state.byAddress[connection.address]?.isEmpty == true { state.byAddress[connection.address] = nil }
    return connection
  }

  /// - Returns: how many were refused since the log was told; nil when it was told a moment ago.
  private func refuse(_ state: inout State, _ now: Tick) -> Int? {
    state.refused += 1
    if let said = state.said, now.milliseconds(since: said) < Self.pause { return nil }
    defer { (state.said, state.refused) = (now, 0) }
    return state.refused
  }
}
