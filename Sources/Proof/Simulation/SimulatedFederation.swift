import Causality
import Federation
import Sodium

/// A federation whose keys follow from a seed.
public struct SimulatedFederation {
  public let identity: FederationIdentity
  public private(set) var authorities: [AuthorityRecord]
  /// Whether cards carry what a declared disaster opens.
  public var emergency = false

  /// - Parameter wards: code and name of each.
  public init(wards: [(code: String, name: String)], seed: UInt64, drill: Bool = true) {
    var random = RandomNumbers(seed: seed)
    let federationKey = Self.bytes(32, &random)
    var authorities: [AuthorityRecord] = []
    var list: [Genesis.Ward] = []
    for ward in wards {
      let seed = Self.bytes(32, &random)
      authorities.append(AuthorityRecord(ward: ward.code, seed: seed, federationKey: federationKey))
      let key = SigningKey(seed: seed)!.publicKey
      list.append(Genesis.Ward(code: ward.code, name: ward.name, romaji: "Ward \(ward.code)", authority: key))
    }
    self.authorities = authorities
    identity = try! FederationIdentity(Genesis(name: "試験", drill: drill, wards: list))
  }

  /// Enrols another node of a ward, by the ward's place in the list.
  public mutating func node(ward: Int, keySeed: UInt64) -> NodeIdentity {
    var random = RandomNumbers(seed: keySeed &* 7_919 &+ UInt64(ward))
    let key = SigningKey(seed: Self.bytes(32, &random))!
    let card = try! authorities[ward].enrol(key.publicKey, in: identity, emergency: emergency, at: .quake)
    return try! NodeIdentity(card, key: key)
  }

  /// Enrols a key in a ward.
  public mutating func enrol(_ key: SigningKey, ward: Int, validUntil: Instant? = nil) throws -> EnrolmentCard {
    try authorities[ward].enrol(key.publicKey, in: identity, emergency: emergency, validUntil: validUntil, at: .quake)
  }

  /// Signs a node's certificate anew.
  public func renew(_ certificate: NodeCertificate, validUntil: Instant? = nil) throws -> EnrolmentCard {
    try authorities[Int(certificate.node.ward)].renew(certificate, in: identity, validUntil: validUntil, at: .quake)
  }

  /// Makes a ward's audience keys anew.
  public mutating func renewKeys(
    ofWard ward: Int, for nodes: [NodeCertificate], above known: UInt32
  ) throws -> KeyRenewal {
    try authorities[ward].renewKeys(for: nodes, above: known, in: identity)
  }

  private static func bytes(_ count: Int, _ random: inout RandomNumbers) -> [UInt8] {
    (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) }
  }
}

extension Instant {
  /// When simulations begin: 2026-01-17 05:46 JST.
  public static let quake = Instant(milliseconds: 1_768_596_360_000)
}
