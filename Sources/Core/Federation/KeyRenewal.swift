import Causality
import ChangeModel
import SignedLog
import Sodium

/// A ward's audience keys, made anew by its authority after a node that had the old ones was revoked: sealed to the nodes
/// that stay, and to the other wards' authorities for a disaster. What the ward seals from then on, the old keys do not
/// open. FORMAT.md, section 13.
public struct KeyRenewal: Codable, Hashable, Sendable {
  public struct SealedKey: Codable, Hashable, Sendable {
    public var id: AudienceKeyID
    /// As an author number of epoch 0.
    public var node: UInt32
    /// Hexadecimal.
    public var box: String
  }

  public var ward: UInt32
  public var generation: UInt32
  /// The first that this authority can make: a node that it enrols gets the older ones from the ward's other nodes.
  public var firstGeneration: UInt32
  public var keys: [SealedKey]
  public var emergency: [EnrolmentCard.EmergencyBox]

  /// Under which ground the grants stand.
  public static let ground = "renewal"
}

extension AuthorityRecord {
  /// Makes the ward's audience keys anew.
  ///
  /// - Parameters:
  ///   - nodes: those that stay; a ward's other nodes go on with the old keys, and cannot read what these seal.
  ///   - known: the newest generation that the ward's nodes know. An authority file that was restored from a backup may
  ///     know less.
  /// - Throws: `unknownWard` when the authority is not this federation's, `generationsExhausted` after 1,023.
  public mutating func renewKeys(
    for nodes: [NodeCertificate], above known: UInt32, in identity: FederationIdentity
  ) throws(FederationError) -> KeyRenewal {
    let (index, authority) = try key(in: identity)
    let next = max(generation ?? 0, known) + 1
    guard next < Audience.generationLimit else { throw .generationsExhausted }
    var renewal = KeyRenewal(
      ward: index, generation: next, firstGeneration: firstGeneration ?? 0, keys: [], emergency: [])
    for confidence in Confidence.allCases {
      let id = Audience.ward(index, confidence).key(next)
      let secret = authority.audienceKey("\(id)").withSecretBytes { $0 }
      let vouched = identity.vouching(for: secret, as: id, by: authority)
      for node in nodes where node.node.ward == index {
        guard let box = authority.sealedBox(of: vouched, to: node.key) else { throw .malformedCertificate }
        renewal.keys.append(KeyRenewal.SealedKey(id: id, node: node.node.rawValue, box: box.hexadecimal))
      }
      guard Self.emergencyConfidences.contains(confidence) else { continue }
      renewal.emergency += identity.emergencyBoxes(of: vouched, as: id, from: index, by: authority)
    }
    generation = next
    return renewal
  }
}

extension FederationIdentity {
  private static let keyDomain = [UInt8]("renkei key 1".utf8)

  private func keyStatement(_ secret: some Collection<UInt8>, _ id: AudienceKeyID) -> [UInt8] {
    var writer = ByteWriter(capacity: 132)
    writer.raw(self.id.bytes)
    writer.bigEndian(id)
    writer.raw(secret)
    return writer.bytes
  }

  /// A ward's key with its authority's word that it is one: a node that will be found out to be stolen makes none.
  func vouching(for secret: [UInt8], as id: AudienceKeyID, by authority: SigningKey) -> [UInt8] {
    secret + authority.signature(over: Self.keyDomain + keyStatement(secret, id))
  }

  /// The key out of a box, with what vouches for it; nil when it is a ward's, and no authority of that ward, present or former,
  /// does.
  public func key(_ content: [UInt8], as id: AudienceKeyID) -> AudienceKey? {
    guard case .ward(let ward, _)? = Audience(key: id) else { return AudienceKey(content) }
    guard content.count == AudienceKey.byteCount + Signature.byteCount else { return nil }
    let statement = keyStatement(content.prefix(AudienceKey.byteCount), id) + content.suffix(Signature.byteCount)
    guard (try? signer(of: statement, domain: Self.keyDomain, ward: ward)) != nil else { return nil }
    return AudienceKey([UInt8](content.prefix(AudienceKey.byteCount)))
  }

  /// A ward's key with its authority's word, sealed to every other ward's authority.
  func emergencyBoxes(
    of secret: [UInt8], as id: AudienceKeyID, from ward: UInt32, by authority: SigningKey
  ) -> [EnrolmentCard.EmergencyBox] {
    genesis.wards.indices.map(UInt32.init).filter { $0 != ward }.compactMap { other in
      self.authority(ofWard: other).flatMap { authority.sealedBox(of: secret, to: $0) }.map {
        EnrolmentCard.EmergencyBox(id: id, ward: other, box: $0.hexadecimal)
      }
    }
  }
}
