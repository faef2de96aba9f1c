import Causality
import Gossip
import Store

/// What reports tell of the tables: read on snapshots, so that nobody who writes waits for it.
extension NodeCore {
  /// How far the tables had come when they were hashed.
  struct TablesHead: Hashable, Sendable {
    fileprivate var place: ChangePlace
    fileprivate var logged: UInt64
    fileprivate var waiting: Int
  }

  /// One hash over all tables as they are now. It reads every row, so there is one at a time, and it is kept until something
  /// changes.
  func tableDigest() async throws -> TableDigest {
    let place = try await reader.read { try Store.latestChange($0) }
    let states = replica.store.logNames.map { replica.store.state(of: $0) }
    let head = TablesHead(
      place: place, logged: states.reduce(0) { $0 &+ UInt64($1.logged.sequence) },
      waiting: states.reduce(0) { $0 + $1.waiting })
    if let hashing, hashing.head == head { return try await hashing.digest.value }
    let before = hashing?.digest
    let digest = Task { [reader, schema = replica.store.schema] in
      _ = await before?.result
      return try await reader.read { try TableDigest(of: schema, $0) }
    }
    hashing = (head, digest)
    do { return try await digest.value } catch {
      if hashing?.head == head { hashing = nil }
      throw error
    }
  }

  /// How often all tables are read to be compared, in milliseconds.
  private static let comparison: Int64 = 600_000

  /// Whoever has the same logs is told what the tables are, and asked by that what its are: a difference is an alarm.
  func compareTables(at now: Tick) {
    let place = gossip.place
    guard gossip.tables?.place != place, !replica.mustGoOn,
      gossip.isTold(of: place) || gossip.hasEqualPeer && now >= nextComparison
    else { return }
    nextComparison = now.advanced(byMilliseconds: Self.comparison)
    Task {
      do {
        let digest = try await tableDigest()
        // What changed meanwhile may be in the hash or not.
        guard gossip.place == place else { return }
        gossip.tell(Gossip.Tables(place: place, hash: digest.shared))
        wakeLinks(at: clock.now())
      } catch { log.error("could not read the tables to compare them", metadata: ["error": "\(error)"]) }
    }
  }

  func counts() async throws -> StoreCounts {
    let (schema, path) = (replica.store.schema, replica.store.path)
    return try await reader.read { try StoreCounts(of: schema, at: path, $0) }
  }
}
