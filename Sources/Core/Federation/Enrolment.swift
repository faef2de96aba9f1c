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

  /// The federation as the card has it.
  func federation() throws(FederationError) -> FederationIdentity {
    let founded = try FederationIdentity(genesisFile: [UInt8](genesis))
    guard let amendments else { return founded }
    guard let chain = [UInt8](hexadecimal: amendments).flatMap(AmendmentChain.init) else { throw .malformedAmendment }
    return try founded.amended(by: chain)
  }

  public var format = EnrolmentCard.format
  /// The genesis file's bytes, in base64: its hash is the federation's id, so they are never re-encoded.
  public var genesis: Data
  /// Hexadecimal.
  public var certificate: String
  public var keys: [SealedKey]
  /// What a declared disaster opens of this ward, sealed to the other wards' authorities; nil on an older card.
  public var emergency: [EmergencyBox]?
  /// The chain of amendments, hexadecimal; nil when there is none.
  public var amendments: String?

  public init(
    in identity: FederationIdentity, certificate: [UInt8], keys: [SealedKey], emergency: [EmergencyBox]
  ) {
    self.emergency = emergency
    genesis = Data(identity.bytes)
    amendments = identity.amendments.amendments.isEmpty ? nil : identity.amendments.bytes.hexadecimal
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
  /// The key of the audience "the whole federation", hexadecimal: known to every authority. Empty until the federation is
  /// founded.
  public var federationKey: String
  /// The serial for the next node, from 1.
  public var nextSerial: UInt32 = 1
  /// Of the ward's newest audience keys; nil in an older file: 0.
  public var generation: UInt32?
  /// Of the audience keys that this authority can make; nil: 0. Those before it were its predecessor's.
  public var firstGeneration: UInt32?

  public init(ward: String, seed: [UInt8], federationKey: [UInt8]) {
    self.ward = ward
    self.seed = seed.hexadecimal
    self.federationKey = federationKey.hexadecimal
  }
}

extension AuthorityRecord {
  /// What a declared disaster may open.
  public static let emergencyConfidences: [Confidence] = [.identity, .care]

  /// The authority's key, of whichever federation.
  ///
  /// - Throws: `malformedCard` when the file is none.
  public func key() throws(FederationError) -> SigningKey {
    guard let seed = [UInt8](hexadecimal: seed), let key = SigningKey(seed: seed) else {
      throw .malformedCard("authority file")
    }
    return key
  }

  /// The ward's index and key, when this is an authority of that federation.
  ///
  /// - Throws: `unknownWard` when it is not, `malformedCard` when the file is none.
  public func key(in identity: FederationIdentity) throws(FederationError) -> (ward: UInt32, key: SigningKey) {
    let authority = try key()
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
    _ key: PublicKey, in identity: FederationIdentity, emergency: Bool = true, validUntil: Instant? = nil,
    at now: Instant
  ) throws(FederationError) -> EnrolmentCard {
    let (index, _) = try self.key(in: identity)
    guard nextSerial < AuthorNumber.partLimit else { throw .serialsExhausted }
    let node = AuthorNumber(ward: index, serial: nextSerial, epoch: 0)
    let card = try self.card(for: node, key, in: identity, emergency: emergency, from: now, until: validUntil)
    nextSerial += 1
    return card
  }

  /// Signs the certificate of one of the ward's nodes anew, with more epochs, and seals to it all the keys that the ward has now.
  ///
  /// - Throws: `unknownWard` when the node is another ward's.
  public func renew(
    _ certificate: NodeCertificate, in identity: FederationIdentity, validUntil: Instant? = nil, at now: Instant
  ) throws(FederationError) -> EnrolmentCard {
    guard identity.index(ofWard: ward) == certificate.node.ward else { throw .unknownWard(ward) }
    let from = Instant(milliseconds: max(now.milliseconds, certificate.validFrom + 1))
    return try card(
      for: certificate.node, lastEpoch: min(certificate.lastEpoch + NodeCertificate.epochs, AuthorNumber.partLimit - 1),
      certificate.key, in: identity, emergency: true, from: from, until: validUntil)
  }

  private func card(
    for node: AuthorNumber, lastEpoch: UInt32 = NodeCertificate.epochs - 1, _ key: PublicKey,
    in identity: FederationIdentity, emergency: Bool, from: Instant, until: Instant?
  ) throws(FederationError) -> EnrolmentCard {
    guard !federationKey.isEmpty else { throw .notJoined(ward) }
    guard let secret = [UInt8](hexadecimal: federationKey) else { throw .malformedCard("authority file") }
    let (index, authority) = try self.key(in: identity)
    func sealed(_ secret: [UInt8], to reader: PublicKey) throws(FederationError) -> String {
      guard let box = authority.sealedBox(of: secret, to: reader) else { throw .malformedCard("node key") }
      return box.hexadecimal
    }
    var keys = [EnrolmentCard.SealedKey(id: Keyring.federationKeyID, box: try sealed(secret, to: key))]
    var boxes: [EnrolmentCard.EmergencyBox] = []
    for generation in 0...(generation ?? 0) where generation >= firstGeneration ?? 0 {
      for confidence in Confidence.allCases {
        let id = Audience.ward(index, confidence).key(generation)
        let secret = authority.audienceKey("\(id)").withSecretBytes { $0 }
        let vouched = identity.vouching(for: secret, as: id, by: authority)
        keys.append(EnrolmentCard.SealedKey(id: id, box: try sealed(vouched, to: key)))
        guard emergency, Self.emergencyConfidences.contains(confidence) else { continue }
        boxes += identity.emergencyBoxes(of: vouched, as: id, from: index, by: authority)
      }
    }
    let certificate = NodeCertificate.signed(
      federation: identity.id, node: node, lastEpoch: lastEpoch, key: key, validFrom: from.milliseconds,
      validUntil: until?.milliseconds ?? 0, by: authority)
    return EnrolmentCard(in: identity, certificate: certificate, keys: keys, emergency: boxes)
  }
}

/// The audience keys that a node holds.
public struct Keyring: Sendable {
  /// The key of the audience "the whole federation".
  public static let federationKeyID = Audience.federation.key()

  /// The holder's ward.
  public let ward: UInt32
  private var keys: [AudienceKeyID: AudienceKey] = [:]
  private var newest: [Audience: AudienceKeyID] = [:]
  /// Keys with their authority's word, to be handed on.
  private var vouched: [AudienceKeyID: [UInt8]] = [:]

  public init(ward: UInt32) { self.ward = ward }

  /// A key by its number. What the own ward tells others is sealed with keys that follow from one of its own.
  public subscript(id: AudienceKeyID) -> AudienceKey? {
    if let key = keys[id] { return key }
    guard case .told(by: ward, _)? = Audience(key: id) else { return nil }
    return keys[Audience.ward(ward, .disclosure).key(Audience.generation(of: id))]?.derived("told \(id)")
  }

  /// With which key to seal something for an audience: the newest that is held.
  public func newestKey(for audience: Audience) -> AudienceKeyID? {
    if case .told(by: ward, _) = audience {
      return newest[.ward(ward, .disclosure)].map { audience.key(Audience.generation(of: $0)) }
    }
    return newest[audience]
  }

  /// - Precondition: `id` is not 0, which means "no key".
  public mutating func add(_ key: AudienceKey, as id: AudienceKeyID, vouched content: [UInt8]? = nil) {
    precondition(id != 0)
    keys[id] = key
    vouched[id] = content
    if let audience = Audience(key: id) { newest[audience] = max(newest[audience] ?? 0, id) }
  }

  /// A key as it is sealed to another node of the ward.
  public func content(of id: AudienceKeyID) -> [UInt8]? { vouched[id] }

  /// The newest generation that is held of any of the ward's own keys.
  public var generation: UInt32 {
    newest.filter { if case .ward(ward, _) = $0.key { true } else { false } }.map { Audience.generation(of: $0.value) }
      .max()
      ?? 0
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
    federation = try card.federation()
    guard let bytes = [UInt8](hexadecimal: card.certificate) else { throw .malformedCard("certificate") }
    certificate = try NodeCertificate(bytes, in: federation)
    guard certificate.key == key.publicKey else { throw .notThisNode }
    var keyring = Keyring(ward: certificate.node.ward)
    for sealed in card.keys {
      guard sealed.id != 0, let box = [UInt8](hexadecimal: sealed.box),
        let content = key.open(sealedBox: box, to: key.publicKey),
        let audienceKey = federation.key(content, as: sealed.id)
      else { throw .malformedCard("key \(sealed.id)") }
      keyring.add(audienceKey, as: sealed.id, vouched: content)
    }
    self.key = key
    self.keyring = keyring
    emergency = card.emergency ?? []
  }

  /// This node's ward.
  public var ward: Genesis.Ward { federation.ward(at: certificate.node.ward)! }

  /// This node as an author in `epoch`.
  public func author(epoch: UInt32) -> AuthorNumber {
    AuthorNumber(ward: certificate.node.ward, serial: certificate.node.serial, epoch: epoch)
  }
}
