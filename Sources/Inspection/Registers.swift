import Causality
import ChangeModel
import Federation
import GRDB
import SignedLog

/// Fields with more than one value, and rows that one deleted while another edited them. Settling them is the node's work.
public struct ConflictList: Codable, Sendable {
  public struct Conflict: Codable, Sendable {
    public var table: String
    public var row: String
    /// Nil for a deletion against an edit.
    public var field: String?
    /// The shown one first.
    public var values: [Value]
  }

  public struct Value: Codable, Sendable {
    public var author: String
    public var ward: String?
    public var sequence: Int
    public var time: Int64
    public var shown: Bool
    public var value: JSONValue
  }

  public var schema = "renkei-inspect/conflicts/1"
  public var source: Source
  public var conflicts: [Conflict]
}

extension ConflictList {
  public init(_ evidence: Evidence, table: String? = nil, row: RowID? = nil) throws {
    let naming = Naming(evidence)
    source = Source(evidence)
    conflicts = try evidence.read { db in
      var found: [Conflict] = []
      let rows = try Row.fetchCursor(
        db,
        sql: """
          SELECT collection, row, field, author, sequence, shown, time, value FROM conflicts
          WHERE (?1 IS NULL OR collection = ?1) AND (?2 IS NULL OR row = ?2)
          ORDER BY collection, row, field, shown DESC, time DESC, author
          """, arguments: [table, row?.rawValue])
      while let line = try rows.next() {
        let (name, id, field) = (Evidence.text(line[0]), "\(Evidence.integer(line[1]))", Evidence.text(line[2]))
        guard let author = AuthorNumber(rawValue: UInt32(truncatingIfNeeded: Evidence.integer(line[3]))) else {
          continue
        }
        let value = Value(
          author: "\(author)", ward: naming.ward(author), sequence: Int(Evidence.integer(line[4])),
          time: HybridTime(rawValue: UInt64(bitPattern: Evidence.integer(line[6]))).milliseconds,
          shown: Evidence.integer(line[5]) == 1, value: JSONValue(Evidence.value(line[7])))
        let conflict = Conflict(table: name, row: id, field: field.isEmpty ? nil : field, values: [value])
        if let last = found.last, last.table == name, last.row == id, last.field == conflict.field {
          found[found.count - 1].values.append(value)
        } else {
          found.append(conflict)
        }
      }
      return found
    }
  }
}

/// Who is enrolled, and what proves it.
public struct MemberList: Codable, Sendable {
  public struct Member: Codable, Sendable {
    public var node: String
    public var ward: String?
    public var wardName: String?
    public var key: String
    /// Milliseconds since 1970; nil for no end.
    public var validFrom: Int64
    public var validUntil: Int64?
    /// `authority`: signed by the ward's authority, which the genesis names. `unchecked`: no genesis is at hand.
    public var chain: String
    public var epochs: [Int]
    public var changeSets: Int
  }

  public struct Refused: Codable, Sendable {
    public var node: String?
    public var reason: String
  }

  public var schema = "renkei-inspect/members/1"
  public var source: Source
  public var federation: String?
  public var members: [Member]
  public var refused: [Refused]
  /// None can exist yet: the control lane has no form for them.
  public var revocations: [String]
}

extension MemberList {
  public init(_ evidence: Evidence) throws {
    let states = try evidence.logStates()
    source = Source(evidence)
    federation = evidence.papers.federation.map { $0.bytes.hexadecimal }
    members = evidence.papers.certificates.keys.sorted().map { node in
      let certificate = evidence.papers.certificates[node]!
      let own = states.filter { $0.key.author.node == node }
      let ward = evidence.papers.ward(of: node)
      return Member(
        node: "\(node)", ward: ward?.code, wardName: ward?.name, key: certificate.key.bytes.hexadecimal,
        validFrom: certificate.validFrom, validUntil: certificate.validUntil == 0 ? nil : certificate.validUntil,
        chain: evidence.papers.canCheckCertificates ? "authority" : "unchecked",
        epochs: Set(own.keys.map { Int($0.author.epoch) }).sorted(),
        changeSets: own.values.reduce(0) { $0 + Int($1.logged.sequence) })
    }
    refused = evidence.papers.refused.map { Refused(node: $0.node.map { "\($0)" }, reason: $0.reason) }
    revocations = []
  }
}

/// Which audiences' keys are used in the log, and which are here: who can read what.
public struct KeyList: Codable, Sendable {
  public struct Key: Codable, Sendable {
    public var id: Int
    /// `everybody` (no key), `federation`, or `audience`.
    public var audience: String
    /// Whether sections under it can be opened here.
    public var held: Bool
    public var sections: Int
    public var bytes: Int
    /// Of those, how many did not open though a key is held.
    public var unopened: Int
  }

  public var schema = "renkei-inspect/keys/1"
  public var source: Source
  public var keys: [Key]
}

extension KeyList {
  public init(_ evidence: Evidence, progress: (Int) -> Void = { _ in }) throws {
    source = Source(evidence)
    var found: [Int: Key] = [:]
    var looked = 0
    for lane in Lane.allCases {
      try LogReader(evidence).forEach(in: lane) { changeSet, _ in
        looked += 1
        progress(looked)
        for section in changeSet.sections {
          let id = Int(section.key)
          var key =
            found[id]
            ?? Key(
              id: id, audience: id == 0 ? "everybody" : id == Int(Keyring.federationKeyID) ? "federation" : "audience",
              held: id == 0 || evidence.papers.secret(section.key) != nil, sections: 0, bytes: 0, unopened: 0)
          key.sections += 1
          key.bytes += section.bytes
          if case .sealed = section.content, key.held { key.unopened += 1 }
          found[id] = key
        }
      }
    }
    keys = found.keys.sorted().map { found[$0]! }
  }
}

/// Logs of which two branches are known: noticed by a peer, or proven by two files.
public struct ForkList: Codable, Sendable {
  public struct Fork: Codable, Sendable {
    public var log: LogReference
    public var ward: String?
    public var sequence: Int
    /// `noticed`: a peer told another hash. `proven`: both change sets are here, and the author's key signed both.
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
