import Causality
import ChangeModel
import Foundation
import Sodium

/// What an authority hands to a node: the genesis, its certificate, and the audience keys, sealed to the node's key.
/// A lost card opens nothing without the node's own key file.
public struct EnrolmentCard: Codable, Hashable, Sendable {
  public struct SealedKey: Codable, Hashable, Sendable {
    public var id: AudienceKeyID
    /// Hexadecimal.
    public var box: String
  }

  public struct EmergencyBox: Codable, Hashable, Sendable {
    public var id: AudienceKeyID
    /// Index of the ward whose authority can open it.
    public var ward: UInt32
    /// Hexadecimal.
    public var box: String
  }

  public static let format = "renkei-card-1"

  public var format = EnrolmentCard.format
  /// The genesis file's bytes, in base64: its hash is the federation's id, so they are never re-encoded.
  public var genesis: Data
  /// Hexadecimal.
  public var certificate: String
  public var keys: [SealedKey]
  /// What a declared disaster opens of this ward, sealed to the other wards' authorities; nil on an older card.
  public var emergency: [EmergencyBox]?

  public init(genesis: [UInt8], certificate: [UInt8], keys: [SealedKey], emergency: [EmergencyBox]) {
    self.emergency = emergency
    self.genesis = Data(genesis)
    self.certificate = certificate.hexadecimal
    self.keys = keys
  }
}

/// A ward's authority, with what it needs to enrol the ward's nodes. Kept offline.
public struct AuthorityRecord: Codable, Sendable {
  public static let format = "renkei-authority-1"

  public var format = AuthorityRecord.format
  public var ward: String
  /// Hexadecimal, 32 bytes.
  public var seed: String
  /// The key of the audience "the whole federation", hexadecimal: known to every authority.
  public var federationKey: String
  /// The serial for the next node, from 1.
  public var nextSerial: UInt32 = 1

  public init(ward: String, seed: [UInt8], federationKey: [UInt8]) {
    self.ward = ward
    self.seed = seed.hexadecimal
    self.federationKey = federationKey.hexadecimal
  }
}

extension AuthorityRecord {
  /// What a declared disaster may open.
  public static let emergencyConfidences: [Confidence] = [.identity, .care]

  /// The ward's index and key, when this is an authority of that federation.
  ///
  /// - Throws: `unknownWard` when it is not, `malformedCard` when the file is none.
  public func key(in identity: FederationIdentity) throws(FederationError) -> (ward: UInt32, key: SigningKey) {
    guard let seed = [UInt8](hexadecimal: seed), let authority = SigningKey(seed: seed) else {
      throw .malformedCard("authority file")
    }
    guard let index = identity.index(ofWard: ward), identity.authority(ofWard: index) == authority.publicKey else {
      throw .unknownWard(ward)
    }
    return (index, authority)
  }

  /// Enrols a node: takes the next serial, signs, and seals the keys to the node.
  ///
  /// - Parameter emergency: whether the card carries what a declared disaster opens, two boxes for each other ward.
  /// - Throws: `unknownWard` when the authority is not this federation's, `serialsExhausted` after 1,023 nodes.
  public mutating func enrol(
    _ key: PublicKey, in identity: FederationIdentity, emergency: Bool = true, at now: Instant
  ) throws(FederationError) -> EnrolmentCard {
    guard let secret = [UInt8](hexadecimal: federationKey) else { throw .malformedCard("authority file") }
    let (index, authority) = try self.key(in: identity)
    guard nextSerial < AuthorNumber.partLimit else { throw .serialsExhausted }
    let node = AuthorNumber(ward: index, serial: nextSerial, epoch: 0)
    func sealed(_ secret: [UInt8], to reader: PublicKey) throws(FederationError) -> String {
      guard let box = authority.sealedBox(of: secret, to: reader) else { throw .malformedCard("node key") }
      return box.hexadecimal
    }
    var keys = [EnrolmentCard.SealedKey(id: Keyring.federationKeyID, box: try sealed(secret, to: key))]
    var boxes: [EnrolmentCard.EmergencyBox] = []
    for confidence in Confidence.allCases {
      let id = Audience.ward(index, confidence).key
      let secret = authority.audienceKey("\(id)").withSecretBytes { $0 }
      keys.append(EnrolmentCard.SealedKey(id: id, box: try sealed(secret, to: key)))
      guard emergency, Self.emergencyConfidences.contains(confidence) else { continue }
      for ward in identity.genesis.wards.indices where ward != Int(index) {
        guard let other = identity.authority(ofWard: UInt32(ward)) else { continue }
        boxes.append(EnrolmentCard.EmergencyBox(id: id, ward: UInt32(ward), box: try sealed(secret, to: other)))
      }
    }
    nextSerial += 1
    let certificate = NodeCertificate.signed(
      federation: identity.id, node: node, key: key, validFrom: now.milliseconds, by: authority)
    return EnrolmentCard(genesis: identity.bytes, certificate: certificate, keys: keys, emergency: boxes)
  }
}

/// The audience keys that a node holds.
public struct Keyring: Sendable {
  /// The key of the audience "the whole federation".
  public static let federationKeyID = Audience.federation.key

  private var keys: [AudienceKeyID: AudienceKey] = [:]

  public init() {}

  public subscript(id: AudienceKeyID) -> AudienceKey? { keys[id] }

  /// - Precondition: `id` is not 0, which means "no key".
  public mutating func add(_ key: AudienceKey, as id: AudienceKeyID) {
    precondition(id != 0)
    keys[id] = key
  }

  /// Sorted.
  public var ids: [AudienceKeyID] { keys.keys.sorted() }
}

/// A node's own identity: what it needs to write.
public struct NodeIdentity: Sendable {
  public let federation: FederationIdentity
  public let key: SigningKey
  public let certificate: NodeCertificate
  /// The keys of the card. A replica knows more of them, while they were let in.
  public internal(set) var keyring: Keyring
  public let emergency: [EnrolmentCard.EmergencyBox]

  /// Opens a card with the node's key.
  ///
  /// - Throws: what is wrong with the card, or `notThisNode` when it was made for another key.
  public init(_ card: EnrolmentCard, key: SigningKey) throws(FederationError) {
    guard card.format == EnrolmentCard.format else { throw .malformedCard("format") }
    federation = try FederationIdentity(genesisFile: [UInt8](card.genesis))
    guard let bytes = [UInt8](hexadecimal: card.certificate) else { throw .malformedCard("certificate") }
    certificate = try NodeCertificate(bytes, in: federation)
    guard certificate.key == key.publicKey else { throw .notThisNode }
    var keyring = Keyring()
    for sealed in card.keys {
      guard sealed.id != 0, let box = [UInt8](hexadecimal: sealed.box),
        let secret = key.open(sealedBox: box, to: key.publicKey), let audienceKey = AudienceKey(secret)
      else { throw .malformedCard("key \(sealed.id)") }
      keyring.add(audienceKey, as: sealed.id)
    }
    self.key = key
    self.keyring = keyring
    emergency = card.emergency ?? []
  }

  /// The key by which this ward tells another what a resident lets it see; nil when the card has none.
  public func disclosureKey(to ward: UInt32) -> AudienceKey? {
    let own = certificate.node.ward
    return keyring[Audience.ward(own, .disclosure).key]?.derived("told \(Audience.told(by: own, to: ward).key)")
  }

  /// This node's ward.
  public var ward: Genesis.Ward { federation.ward(at: certificate.node.ward)! }

  /// This node as an author in `epoch`.
  public func author(epoch: UInt32) -> AuthorNumber {
    AuthorNumber(ward: certificate.node.ward, serial: certificate.node.serial, epoch: epoch)
  }
}
