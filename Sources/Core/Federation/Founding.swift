import Foundation
import Sodium

/// What a ward's authority tells of itself, for a federation to be founded: its public key, and by its signature that somebody
/// has the secret one. No secret.
public struct AuthorityPaper: Codable, Hashable, Sendable {
  public static let format = "renkei-authority-public-1"
  private static let domain = [UInt8]("renkei authority 1".utf8)

  public var format = AuthorityPaper.format
  public var ward: String
  /// Hexadecimal: the public key, and its signature over "renkei authority 1", the ward's code and itself.
  public var key: String
  public var signature: String

  public init(ward: String, by authority: SigningKey) {
    self.ward = ward
    key = authority.publicKey.bytes.hexadecimal
    signature = authority.signature(over: Self.statement(ward, authority.publicKey)).hexadecimal
  }

  /// - Throws: `malformedPaper` when it is not as the authority made it.
  public func publicKey() throws(FederationError) -> PublicKey {
    guard format == Self.format, let key = [UInt8](hexadecimal: key).flatMap({ PublicKey($0) }),
      let signature = [UInt8](hexadecimal: signature), key.verifies(signature, over: Self.statement(ward, key))
    else { throw .malformedPaper(ward) }
    return key
  }

  private static func statement(_ ward: String, _ key: PublicKey) -> [UInt8] { domain + Array(ward.utf8) + key.bytes }
}

/// The key of the audience "the whole federation", as the founding gives it to a ward's authority: sealed to its key.
public struct SealedFederationKey: Codable, Hashable, Sendable {
  public static let format = "renkei-federation-key-1"

  public var format = SealedFederationKey.format
  public var ward: String
  /// Hexadecimal.
  public var box: String

  /// - Parameter sender: of this founding alone; nobody needs it again.
  /// - Throws: `malformedPaper` when the authority's key is no point.
  public init(_ secret: [UInt8], ward: String, to authority: PublicKey, by sender: SigningKey) throws(FederationError) {
    guard let box = sender.sealedBox(of: secret, to: authority) else { throw .malformedPaper(ward) }
    self.ward = ward
    self.box = box.hexadecimal
  }
}

extension AuthorityRecord {
  /// Takes the federation's key, when this authority has none yet.
  ///
  /// - Throws: `malformedPaper` when it is sealed for another.
  public mutating func join(_ sealed: SealedFederationKey) throws(FederationError) {
    guard federationKey.isEmpty else { return }
    let key = try key()
    guard sealed.format == SealedFederationKey.format, sealed.ward == ward, let box = [UInt8](hexadecimal: sealed.box),
      let secret = key.open(sealedBox: box, to: key.publicKey), secret.count == AudienceKey.byteCount
    else { throw .malformedPaper(ward) }
    federationKey = secret.hexadecimal
  }
}
