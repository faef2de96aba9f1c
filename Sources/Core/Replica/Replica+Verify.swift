import Causality
import ChangeModel
import Federation
import SignedLog
import Sodium
import Store

/// What a check of the whole replica found.
public struct VerifyReport: Sendable {
  /// Change sets looked at, their chains and every signature.
  public var entries = 0
  /// Logs that do not hold, with the first bad sequence.
  public var badLogs: [(log: LogName, sequence: SequenceNumber, refusal: String)] = []
  /// Tables that differ from those that the log makes.
  public var differingTables: [String] = []

  public var isSound: Bool { badLogs.isEmpty && differingTables.isEmpty }
}

extension Replica {
  /// Makes every table anew from the log, in one transaction: readers see the old ones until it is done.
  public func rebuild(at now: Instant) throws(ReplicaError) -> ReplicaEffects {
    effects = ReplicaEffects()
    try transaction {
      try self.loadKeys(at: now)
      try self.store.clearTables()
      try self.drainAll(at: now)
      try self.store.forgetChanges(at: now)
    }
    defer { effects = ReplicaEffects() }
    return effects
  }

  /// Checks every chain and signature, then makes the tables anew in a scratch file and compares them, byte for byte.
  ///
  /// - Parameter scratch: a path for that file; it is made, and removed by the caller.
  public func verify(scratch: String, at now: Instant) throws(ReplicaError) -> VerifyReport {
    var report = VerifyReport()
    do {
      for name in store.logNames { try check(name, &report) }
      let copy = try Replica(path: scratch, copyingLogOf: self, at: now)
      defer { try? copy.store.close() }
      let ours = try store.tableDigest()
      let made = try copy.store.tableDigest()
      for (own, other) in zip(ours.collections, made.collections) where own.digest != other.digest {
        report.differingTables.append(own.name)
      }
    } catch { throw .of(error) }
    return report
  }

  private func check(_ name: LogName, _ report: inout VerifyReport) throws(StoreError) {
    let end = store.state(of: name).logged
    guard let key = membership.key(of: name.author) else {
      report.badLogs.append((name, 1, "stranger"))
      return
    }
    let verifier = RunVerifier(context(name, key: key))
    var head = LogHead()
    while head.sequence < end.sequence {
      let run = try store.entries(name, from: head.sequence + 1, byteLimit: 1 << 20)
      guard !run.isEmpty else { break }
      let (entries, refusal) = verifier.verify(run, after: head)
      report.entries += entries.count
      if let last = entries.last { head = last.head }
      if let refusal {
        report.badLogs.append((name, head.sequence + 1, "\(refusal)"))
        return
      }
    }
    if head != end { report.badLogs.append((name, head.sequence + 1, "missing")) }
  }

  /// A replica made from another one's log alone.
  private convenience init(path: String, copyingLogOf source: Replica, at now: Instant) throws(ReplicaError) {
    try self.init(scratch: path, identity: source.identity, schema: source.store.schema, membership: source.membership)
    keyring = source.keyring
    _ = try batch(at: now) {
      for name in source.store.logNames {
        var next: SequenceNumber = 1
        // What waits there, waits here; and a log whose branch a revocation chose counts once what it names is there.
        while true {
          let entries = try source.store.entries(name, from: next, byteLimit: 1 << 20)
          guard !entries.isEmpty else { break }
          let outcome = try receive(Run(name, first: next, entries: entries), from: "verify", at: now)
          guard outcome.taken > 0 else { break }
          next += SequenceNumber(entries.count)
        }
      }
    }
  }
}
