import Causality
import Gossip
import Links
import Replica

/// What the parts of a node promise of themselves, looked at after each thing that happened to it.
extension World {
  /// Each look costs a few microseconds; a thorough one looks at every log, as many as a thousand nodes have.
  private var isThorough: Bool { counts.events % 64 == 0 }

  /// After an input to the links' policy, when all that it said is done.
  func checkLinks(of node: SimulatedNode) {
    guard let policy = node.policy, let gossip = node.gossip else { return }
    report(policy.checkInvariants(), "links", node)
    guard isThorough else { return }
    if gossip.links != policy.ids { report(["gossip speaks on other links"], "links", node) }
  }

  /// After anything that the node took, wrote or sent.
  func checkNode(_ node: SimulatedNode) {
    guard let replica = node.replica, let gossip = node.gossip else { return }
    report(gossip.checkInvariants(thoroughly: isThorough), "gossip", node)
    report(replica.checkInvariants(thoroughly: isThorough), "replica", node)
  }

  /// After a merge: one of the rows that changed, now and then.
  func checkRow(of effects: ReplicaEffects, at node: SimulatedNode) {
    guard counts.events % 16 == 0, let changed = effects.rows.last,
      let row = try? node.replica?.store.state(of: changed.row, in: changed.collection)
    else { return }
    report(row.checkInvariants(), "row \(changed.row) of collection \(changed.collection)", node)
  }

  private func report(_ broken: [String], _ part: String, _ node: SimulatedNode) {
    for promise in broken { violate(.invariant, "\(name(node.index)), \(part): \(promise)") }
  }
}
