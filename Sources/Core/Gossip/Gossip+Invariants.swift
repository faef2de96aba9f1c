import Causality
import ChangeModel
import Replica
import SignedLog

extension Gossip {
  /// What does not hold of gossip's own promises; empty when all do.
  ///
  /// - Parameter thoroughly: also look at each log that is asked for, sent or looked into, not only at each session.
  public func checkInvariants(thoroughly: Bool) -> [String] {
    var broken: [String] = []
    func expect(_ holds: Bool, _ promise: @autoclosure () -> String) { if !holds { broken.append(promise()) } }
    for (link, session) in sessions {
      broken += session.checkInvariants(thoroughly: thoroughly).map { "link \(link.rawValue): \($0)" }
    }
    expect(partials.count <= Self.partialLimit, "\(partials.count) beginnings of change sets are kept")
    expect(strangers.count <= Self.logLimit, "\(strangers.count) logs of strangers are remembered")
    guard thoroughly else { return broken }
    for (log, ask) in asked {
      expect(sessions[ask.link]?.hasHello == true, "\(log) is asked of link \(ask.link.rawValue), which is gone")
    }
    for (link, session) in sessions {
      for (log, theirs) in session.theirs where theirs > replica.store.logged(log) && !isLeft(log, of: session) {
        let isAwaited = asked[log] != nil || expected[log] != nil || wanted.contains(log)
        expect(isAwaited, "nobody is asked for \(log), of which link \(link.rawValue) has more")
      }
    }
    for (log, partial) in partials {
      expect(partial.bytes.count < partial.total, "\(log) has all of a change set, and it is not taken")
    }
    return broken
  }

  /// Whether more of a log is not asked of a peer though it has it: another branch, a stranger's, void, or too much.
  private func isLeft(_ log: LogName, of session: PeerSession) -> Bool {
    session.forked.contains(log) || session.refused.contains(log) || !keepsMore(of: log.author)
      || log.lane != .control && replica.membership.key(of: log.author) == nil
      || replica.membership.lastValid(log).map { replica.store.logged(log) >= $0 } ?? false
  }
}

extension PeerSession {
  /// What does not hold of one session; empty when all does.
  func checkInvariants(thoroughly: Bool) -> [String] {
    var broken: [String] = []
    func expect(_ holds: Bool, _ promise: @autoclosure () -> String) { if !holds { broken.append(promise()) } }
    expect(
      hasHello || (theirs.isEmpty && cursors.isEmpty && forked.isEmpty), "it knows of logs before the peer said hello")
    expect(Pace.frameRange.contains(pace.frameBytes), "frames of \(pace.frameBytes) bytes")
    expect(pace.acknowledged <= pace.sent, "more is acknowledged than was sent")
    expect(isBudgetBounded, "more may be sent again than ever at once")
    guard thoroughly else { return broken }
    expect(isWayOrdered, "less is on its way than has come")
    expect(probing.keys.allSatisfy(forked.contains), "a branch is looked into, of a log that has none")
    expect(cursors.values.allSatisfy { $0.next > 0 && $0.offset >= 0 }, "sending goes on before the first change set")
    return broken
  }
}
