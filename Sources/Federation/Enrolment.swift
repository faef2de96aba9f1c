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

  public static let format = "renkei-card-1"

  public var format = EnrolmentCard.format
  /// The genesis file's bytes, in base64: its hash is the federation's id, so they are never re-encoded.
  public var genesis: Data
  /// Hexadecimal.
  public var certificate: String
  public var keys: [SealedKey]

  public init(genesis: [UInt8], certificate: [UInt8], keys: [SealedKey]) {
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
  /// Enrols a node: takes the next serial, signs, and seals the keys to the node.
  ///
  /// - Throws: `unknownWard` when the authority is not this federation's, `serialsExhausted` after 1,023 nodes.
  public mutating func enrol(
    _ key: PublicKey, in identity: FederationIdentity, at now: Instant
  ) throws(FederationError) -> EnrolmentCard {
    guard let seed = [UInt8](hexadecimal: seed), let authority = SigningKey(seed: seed),
      let secret = [UInt8](hexadecimal: federationKey)
    else { throw .malformedCard("authority file") }
    guard let index = identity.index(ofWard: ward), identity.authority(ofWard: index) == authority.publicKey else {
      throw .unknownWard(ward)
    }
    guard nextSerial < AuthorNumber.partLimit else { throw .serialsExhausted }
    let node = AuthorNumber(ward: index, serial: nextSerial, epoch: 0)
    guard let box = key.sealedBox(of: secret) else { throw .malformedCard("node key") }
    nextSerial += 1
    let certificate = NodeCertificate.signed(
      federation: identity.id, node: node, key: key, validFrom: now.milliseconds, by: authority)
    return EnrolmentCard(
      genesis: identity.bytes, certificate: certificate,
      keys: [EnrolmentCard.SealedKey(id: Keyring.federationKeyID, box: box.hexadecimal)])
  }
}

/// The audience keys that a node holds.
public struct Keyring: Sendable {
  /// The key of the audience "the whole federation".
  public static let federationKeyID: AudienceKeyID = 1

  private var keys: [AudienceKeyID: AudienceKey] = [:]

  public init() {}

  public subscript(id: AudienceKeyID) -> AudienceKey? { keys[id] }

  /// - Precondition: `id` is not 0, which means "no key".
  public mutating func add(_ key: AudienceKey, as id: AudienceKeyID) {
    precondition(id != 0)
    keys[id] = key
  }
}

/// A node's own identity: what it needs to write.
public struct NodeIdentity: Sendable {
  public let federation: FederationIdentity
  public let key: SigningKey
  public let certificate: NodeCertificate
  public let keyring: Keyring

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
  }

  /// This node's ward.
  public var ward: Genesis.Ward { federation.ward(at: certificate.node.ward)! }

  /// This node as an author in `epoch`.
  public func author(epoch: UInt32) -> AuthorNumber {
    AuthorNumber(ward: certificate.node.ward, serial: certificate.node.serial, epoch: epoch)
  }
}
