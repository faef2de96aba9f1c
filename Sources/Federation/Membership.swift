import Causality
import Sodium

/// Who is enrolled: derived from the certificates that the control lane holds.
public struct Membership: Sendable {
  public let identity: FederationIdentity
  /// By node number (epoch 0).
  public private(set) var certificates: [AuthorNumber: NodeCertificate] = [:]

  public init(_ identity: FederationIdentity) { self.identity = identity }

  /// Why a certificate does not make a member.
  public enum Refusal: Error, Hashable, Sendable {
    case invalid(FederationError)
    /// The ward's authority gave the number to another key before.
    case numberTaken(AuthorNumber)
  }

  /// Enrols the certificate's node. Doing it twice changes nothing.
  @discardableResult
  public mutating func enrol(_ bytes: [UInt8]) throws(Refusal) -> NodeCertificate {
    let certificate: NodeCertificate
    do { certificate = try NodeCertificate(bytes, in: identity) } catch { throw .invalid(error) }
    if let known = certificates[certificate.node], known.key != certificate.key {
      throw .numberTaken(certificate.node)
    }
    certificates[certificate.node] = certificate
    return certificate
  }

  /// The key that signs for an author, whatever its epoch; nil for a stranger.
  public func key(of author: AuthorNumber) -> PublicKey? { certificates[author.node]?.key }

  /// The ward's code, for people.
  public func wardCode(of author: AuthorNumber) -> String? { identity.ward(at: author.ward)?.code }
}
