import Causality
import ChangeModel
import GRDB
import SignedLog
import Store

/// What each node is known to have: by what its own change sets say that it has seen, and by what it told on its last
/// link, which the node noted when that went down.
public struct PeerKnowledge {
  private let states: [LogName: LogState]
  /// By lane and node: how far it had seen each author's log.
  private var seen: [Lane: [AuthorNumber: [AuthorNumber: SequenceNumber]]] = [:]

  public init(_ evidence: Evidence) throws {
    states = try evidence.logStates()
    for (log, state) in states {
      for dot in state.past.clock.mentioned {
        take(log.author.node, LogName(log.lane, dot.author), dot.sequence)
      }
      // What an author relied on of the control lane it has seen, too.
      for dot in state.past.control.mentioned {
        take(log.author.node, LogName(.control, dot.author), dot.sequence)
      }
    }
    guard evidence.hasTables else { return }
    for (node, heads) in try evidence.read(Store.told) {
      for (log, sequence) in heads { take(node, log, sequence) }
    }
  }

  private mutating func take(_ node: AuthorNumber, _ log: LogName, _ sequence: SequenceNumber) {
    let before = seen[log.lane]?[node]?[log.author] ?? 0
    seen[log.lane, default: [:]][node, default: [:]][log.author] = max(before, sequence)
  }

  /// How far `node` has a log at least.
  public func known(by node: AuthorNumber, _ log: LogName) -> SequenceNumber {
    let here = states[log]?.logged.sequence ?? 0
    if log.author.node == node.node { return here }
    return min(here, seen[log.lane]?[node.node]?[log.author] ?? 0)
  }

  /// How many change sets, and bytes of them, a node lacks at most.
  public struct Shortage {
    public var changeSets = 0
    public var bytes = 0
  }

  /// For many nodes at once: what is missing of a log is read once, however many lack it.
  public func shortages(of nodes: [AuthorNumber], in evidence: Evidence) throws -> [AuthorNumber: Shortage] {
    var result = Dictionary(uniqueKeysWithValues: nodes.map { ($0, Shortage()) })
    for log in states.keys.sorted() {
      let head = states[log]!.logged.sequence
      var behind: [SequenceNumber: [AuthorNumber]] = [:]
      for node in nodes {
        let known = known(by: node, log)
        if known < head { behind[known, default: []].append(node) }
      }
      let places = behind.keys.sorted()
      guard !places.isEmpty else { continue }
      // From each place to the next, then summed up from the end.
      var bytes = 0
      for (index, place) in places.enumerated().reversed() {
        let end = index + 1 < places.count ? places[index + 1] : head
        bytes += try Self.bytes(log, from: place + 1, through: end, in: evidence)
        for node in behind[place]! {
          result[node]!.changeSets += Int(head - place)
          result[node]!.bytes += bytes
        }
      }
    }
    return result
  }

  static func bytes(
    _ log: LogName, from first: SequenceNumber, through last: SequenceNumber, in evidence: Evidence
  ) throws -> Int {
    try evidence.read { db in
      try Int.fetchOne(
        db.cachedStatement(sql: "SELECT coalesce(sum(length(bytes)), 0) FROM entries WHERE id BETWEEN ? AND ?"),
        arguments: [EntryID.rawValue(log, first), EntryID.rawValue(log, last)]) ?? 0
    }
  }
}

extension Evidence {
  /// How many change sets of a log are at hand.
  func count(of log: LogName) throws -> Int {
    try read { db in
      try Int.fetchOne(
        db.cachedStatement(sql: "SELECT count(*) FROM entries WHERE id BETWEEN ? AND ?"),
        arguments: [EntryID.rawValue(log, 1), EntryID.rawValue(log, sequenceLimit)]) ?? 0
    }
  }
}
