import Causality
import ChangeModel
import Replica
import SignedLog

/// How much of one node's writing is kept in a day: whoever holds a key can write without end, and disks end. What is too much
/// is not void: it stays with those who have it, and is asked for a day later, or when a person says so.
extension Gossip {
  struct Intake {
    var begun: Tick
    var bytes = 0
  }

  private static let day: Int64 = 86_400_000
  /// On a disk that is nearly full it is little, not nothing.
  static let leastIntake = 4 << 20

  /// Bytes of one node's logs in a day: a tenth of the room that there is.
  private var dailyIntake: Int { max((room ?? .max) / 10, Self.leastIntake) }

  /// Whether more of a node's logs is kept today; this node's own come back without a limit.
  func keepsMore(of author: AuthorNumber) -> Bool { excessive[author.node] == nil }

  /// Counts what was kept.
  ///
  /// - Parameter rest: what of the run is left for later.
  func keeps(_ run: Run, except rest: Run?, at now: Tick) {
    let node = run.log.author.node
    guard node != replica.author.node else { return }
    intakes[node, default: Intake(begun: now)].bytes += run.byteCount - (rest?.byteCount ?? 0)
    if intakes[node]!.bytes > dailyIntake {
      Probe.tooMuchOfOneAuthor.hit()
      excessive[node] = intakes[node]!.bytes
    }
  }

  /// Begins to count anew what a node writes: as a person says, or as a day has passed.
  public func allowMore(of author: AuthorNumber) {
    let node = author.node
    intakes[node] = nil
    guard excessive.removeValue(forKey: node) != nil else { return }
    for session in sessions.values { wanted.formUnion(session.theirs.keys.filter { $0.author.node == node }) }
  }

  func beginDays(at now: Tick) {
    for (node, intake) in intakes where now >= intake.begun.advanced(byMilliseconds: Self.day) { allowMore(of: node) }
  }
}
