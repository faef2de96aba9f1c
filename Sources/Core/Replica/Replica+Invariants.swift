import Causality
import ChangeModel
import SignedLog
import Store

extension Replica {
  /// What does not hold of the replica's own promises, between two transactions; empty when all do.
  ///
  /// - Parameter thoroughly: also look at each log.
  public func checkInvariants(thoroughly: Bool) -> [String] {
    var broken: [String] = []
    func expect(_ holds: Bool, _ promise: @autoclosure () -> String) { if !holds { broken.append(promise()) } }
    expect(!store.isWriting, "a transaction is under way")
    expect(author.node == identity.certificate.node, "it writes as \(author)")
    if case .all = scope {} else { broken.append("a walk over the logs has not ended") }
    expect(mergedBefore.isEmpty && lateRows.isEmpty, "rows wait to be made anew")
    expect(limitsChangedAt == nil, "logs are not held to a revocation or fork that is known")
    expect(isMarkSaved, "its own log reaches further than the mark beside it")
    guard thoroughly else { return broken }
    let waiting = waiters.values.reduce(into: Set(ready)) { $0.formUnion($1) }
    for log in store.logNames {
      let state = store.state(of: log)
      expect(state.merged.sequence <= state.logged.sequence, "\(log) is merged beyond its end")
      expect(state.past.sequence == state.merged.sequence, "\(log) is merged to one place, and its clock is at another")
      expect(state.waiting > 0 || state.merged == state.logged, "\(log) has two heads")
      expect(state.logged.sequence <= membership.lastValid(log) ?? .max, "\(log) is kept beyond its valid end")
      expect(
        state.waiting == 0 || mustLookAtAll || waiting.contains(log), "\(log) has a backlog, and waits for nothing")
    }
    return broken
  }
}
