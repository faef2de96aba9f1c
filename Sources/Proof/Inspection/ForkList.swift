import Causality
import ChangeModel
import Federation
import GRDB
import SignedLog

/// Logs of which two branches are known: noticed by a peer, or proven by two files.
public struct ForkList: Codable, Sendable {
  public struct Fork: Codable, Sendable {
    public var log: LogReference
    public var ward: String?
    public var sequence: Int
    /// `noticed`: a peer told another hash. `proven`: both change sets are here, and the author's key signed both.
    /// `settled`: the control lane carries the proof, and the log ends before it on every node.
    /// `unproven`: both are here, and a signature does not hold.
    public var state: String
    /// Who told, or what the files are called.
    public var sources: [String]
    /// The first bytes of both signatures.
    public var signatures: [String]
  }

  public var schema = "renkei-inspect/forks/1"
  public var source: Source
  public var forks: [Fork]
}

extension ForkList {
  /// - Parameter others: nodes or bundles to compare with: two different change sets with one number prove a fork.
  public init(_ evidence: Evidence, comparedWith others: [Evidence]) throws {
    let naming = Naming(evidence)
    source = Source(evidence)
    forks = try evidence.read { db in
      try Row.fetchAll(
        db,
        sql: """
          SELECT lane, author, min(sequence), group_concat(DISTINCT source) FROM quarantine WHERE reason = 'fork'
          GROUP BY lane, author ORDER BY lane, author
          """
      ).compactMap { row -> Fork? in
        guard let lane = Lane(rawValue: UInt8(truncatingIfNeeded: Evidence.integer(row[0]))),
          let author = AuthorNumber(rawValue: UInt32(truncatingIfNeeded: Evidence.integer(row[1])))
        else { return nil }
        return Fork(
          log: LogReference(LogName(lane, author)), ward: naming.ward(author), sequence: Int(Evidence.integer(row[2])),
          state: "noticed", sources: Evidence.text(row[3]).split(separator: ",").map(String.init), signatures: [])
      }
    }
    for (log, shared) in (evidence.papers.membership?.forkedLogs ?? [:]).sorted(by: { $0.key < $1.key }) {
      forks.removeAll { $0.log == LogReference(log) }
      forks.append(
        Fork(
          log: LogReference(log), ward: naming.ward(log.author), sequence: Int(shared) + 1, state: "settled",
          sources: [evidence.name], signatures: []))
    }
    for other in others {
      try evidence.requireSameFederation(other)
      for log in try Set(evidence.logNames()).intersection(other.logNames()).sorted() {
        guard let sequence = try Difference.fork(of: log, evidence, other) else { continue }
        let branches = try [evidence, other].map { try Self.branch(log, sequence, $0) }
        forks.append(
          Fork(
            log: LogReference(log), ward: naming.ward(log.author), sequence: Int(sequence),
            state: branches.allSatisfy(\.holds) ? "proven" : "unproven", sources: [evidence.name, other.name],
            signatures: branches.map(\.signature)))
      }
    }
  }

  private static func branch(
    _ log: LogName, _ sequence: SequenceNumber, _ evidence: Evidence
  ) throws -> (holds: Bool, signature: String) {
    guard let context = evidence.papers.context(log) else { return (false, "") }
    var head = LogHead()
    var last: [UInt8] = []
    if let first = try evidence.extent(of: log)?.first, first > 1, let base = evidence.base {
      try base.entries(log, through: first - 1) { _, bytes in
        if let entry = RunVerifier(context).reading(bytes, after: head) { head = entry.head }
        return true
      }
    }
    try evidence.entries(log, through: sequence) { number, bytes in
      if number == sequence {
        last = bytes
      } else if let entry = RunVerifier(context).reading(bytes, after: head) {
        head = entry.head
      }
      return true
    }
    let holds = RunVerifier(context).verify([last], after: head).entries.count == 1
    return (holds, Array(last.suffix(64).prefix(8)).hexadecimal)
  }
}
