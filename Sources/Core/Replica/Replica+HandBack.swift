import Causality
import ChangeModel
import Federation
import Foundation
import GRDB
import SignedLog
import Sodium
import Store

/// Void change sets of a log that forks, handed back to the node that wrote them: it may have lost them with its disk, and it
/// alone may be able to read them. They go through the registry lane, behind everything, as rows of `returned_change_sets`.
extension Replica {
  /// How long a node waits for another one to hand a branch back, for each ward between that one and the fork's, in milliseconds.
  private static let turn: Int64 = 30_000
  /// In one call.
  private static let handBackLimit = 256

  /// Hands back what this node keeps apart of other nodes' logs, when its turn has come and nobody else did.
  public func handBack(at now: Instant) throws(ReplicaError) -> ReplicaEffects {
    guard !membership.isRevoked(author), !membership.forkedLogs.isEmpty else { return ReplicaEffects() }
    return try batch(at: now) {
      for (log, head, since) in try self.store.setAsideHere(limit: Self.handBackLimit) {
        guard log.author.node != self.author.node, self.membership.forkedLogs[log] != nil,
          !self.membership.isRevoked(log.author)
        else { continue }
        guard now.milliseconds >= since.milliseconds + Self.turn * self.rank(from: log.author) else { continue }
        let row = ControlSchema.returnedRow(head.hash)
        if try self.store.state(of: row, in: ControlSchema.returned.number) == nil,
          let (bytes, previous) = try self.store.setAsideEntry(log, at: head)
        {
          var draft = Draft(.registry, audience: .anyone)
          draft.edits = ControlSchema.returning(bytes, log, at: head.sequence, after: previous.hash, as: row)
          do { _ = try self.commit(draft, at: now) } catch ReplicaError.tooLarge {
            // One that fills a change set cannot be carried in another: it stays here, for a person.
            continue
          }
          Probe.branchHandedBack.hit()
        }
        try self.store.markHandedBack(log, head)
      }
    }
  }

  /// How far down the row this node stands of those that hand something back: the ward's other nodes come first.
  private func rank(from other: AuthorNumber) -> Int64 {
    let wards = UInt32(max(1, membership.identity.genesis.wards.count))
    return Int64((author.ward + wards - other.ward % wards) % wards)
  }

  /// Within a transaction: keeps apart what others hand back of this node's own logs.
  func takeReturned(at now: Instant) throws {
    let own = Int64(author.node.rawValue)
    let rows = try store.readOwn { db in
      try Row.fetchAll(
        db,
        sql: """
          SELECT lane, author, sequence, previous, change_set FROM returned_change_sets
          WHERE author BETWEEN ? AND ? ORDER BY author, lane, sequence, id
          """, arguments: [own, own + Int64(AuthorNumber.partLimit) - 1])
    }
    for row in rows {
      guard let lane = (String.fromDatabaseValue(row[0])).flatMap({ name in Lane.allCases.first { $0.name == name } }),
        let number = Int64.fromDatabaseValue(row[1]).flatMap({ UInt32(exactly: $0) }),
        let former = AuthorNumber(rawValue: number), let place = Int64.fromDatabaseValue(row[2]),
        let sequence = SequenceNumber(exactly: place), sequence > 0, let previous = Data.fromDatabaseValue(row[3]),
        previous.count == 32, let bytes = Data.fromDatabaseValue(row[4])
      else { continue }
      let log = LogName(lane, former)
      guard let shared = membership.forkedLogs[log], sequence > shared else { continue }
      let verifier = RunVerifier(context(log, key: identity.key.publicKey))
      let head = LogHead(sequence: sequence - 1, hash: Digest([UInt8](previous)))
      // Whoever hands it back is believed in nothing: the signature is this node's own.
      guard let entry = verifier.verify([[UInt8](bytes)], after: head).entries.first else { continue }
      try store.keepApart(entry, isReturned: true, at: now)
    }
  }
}
