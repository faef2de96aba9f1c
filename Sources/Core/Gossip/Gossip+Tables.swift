import Causality
import ChangeModel
import Replica
import Sodium
import Store

/// Tables follow from logs: nodes with the same logs hold the same tables, or a program, a memory or a disk is at fault. Peers
/// that have the same tell each other now and then what their tables are.
extension Gossip {
  /// What somebody's tables are, and with which logs.
  public struct Tables: Hashable, Sendable {
    /// All that the logs hold, and what tables are made of it, as one hash.
    public var place: Digest
    /// Over what every ward reads.
    public var hash: Digest

    public init(place: Digest, hash: Digest) {
      self.place = place
      self.hash = hash
    }
  }

  /// Where this node's tables stand, unless the replica `mustGoOn`. What of the logs waits follows from them as the tables do:
  /// who names what never comes keeps nobody from comparing.
  public var place: Digest {
    let hash = HashStream()
    hash.update(blake2b([UInt8](replica.store.schema.canonicalText.utf8)))
    for summary in summaries() { hash.update(summary) }
    return hash.digest()
  }

  /// Whether a linked peer has the same logs.
  public var hasEqualPeer: Bool { sessions.values.contains(where: isEqual) }

  private func isEqual(_ session: PeerSession) -> Bool {
    zip(Lane.allCases, summaries()).allSatisfy { lane, hash in session.agreed[lane] == hash }
  }

  /// Whether a peer has said what its tables are at a place.
  public func isTold(of place: Digest) -> Bool { sessions.values.contains { $0.tables?.place == place } }

  /// Takes what this node's tables are, tells those peers that have the same logs, and compares it with what they have said.
  /// Who comes to have the same logs later is told then.
  public func tell(_ tables: Tables) {
    self.tables = tables
    for link in links {
      tellTables(to: link)
      compareTables(with: link)
    }
  }

  func tellTables(to link: LinkID) {
    guard let session = sessions[link], let tables, session.told != tables,
      session.tables?.place == tables.place || isEqual(session) && place == tables.place
    else { return }
    if post(.tables(tables), to: link) { sessions[link]!.told = tables }
  }

  func compareTables(with link: LinkID) {
    guard let theirs = sessions[link]!.tables, let tables, theirs.place == tables.place else { return }
    let peer = sessions[link]!.peer
    if theirs.hash == tables.hash { unequal.remove(peer) } else { unequal.insert(peer) }
  }
}
