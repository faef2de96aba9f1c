import Federation
import SignedLog
import Store

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
  /// Nodes that their authority revoked.
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
    revocations = evidence.papers.membership?.revoked.map { "\($0)" } ?? []
  }
}
