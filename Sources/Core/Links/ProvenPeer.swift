import Causality
import Federation

/// What is known of a peer at the moment when it has proven a key to the transport: the membership's word, as a value.
public struct ProvenPeer: Hashable, Sendable {
  public var node: AuthorNumber
  /// Its ward's authority has revoked it, or the authority that enrolled it was replaced.
  public var isRevoked: Bool
  /// It was known before, or an authority in office vouches for it: one that was replaced vouches for nobody new.
  public var isVouchedFor: Bool
  /// The number is known, with another key.
  public var hasOtherKey: Bool
  /// From then on no link is taken up; nil: for ever.
  public var end: Instant?

  public init(node: AuthorNumber, isRevoked: Bool, isVouchedFor: Bool, hasOtherKey: Bool, end: Instant?) {
    self.node = node.node
    self.isRevoked = isRevoked
    self.isVouchedFor = isVouchedFor
    self.hasOtherKey = hasOtherKey
    self.end = end
  }

  /// - Parameters:
  ///   - shown: the certificate that the peer showed, whose key it has proven to hold.
  ///   - membership: what this node knows.
  public init(_ shown: NodeCertificate, in membership: Membership) {
    let known = membership.certificates[shown.node]
    // A renewal that came before the peer knew of it itself counts too, as does one that it brings.
    let counting = known.map { $0.key == shown.key && $0.validFrom >= shown.validFrom ? $0 : shown } ?? shown
    self.init(
      node: shown.node, isRevoked: membership.isRevoked(shown.node),
      isVouchedFor: known != nil || shown.stands(in: membership.identity),
      hasOtherKey: known.map { $0.key != shown.key } ?? false,
      end: counting.end?.advanced(byMilliseconds: NodeCertificate.clockTolerance))
  }

  /// Why the federation's rules give it no link at this moment; nil when they give it one.
  func refusal(at wall: Instant) -> LinkRefusal? {
    if isRevoked { return .revoked }
    if !isVouchedFor { return .notVouchedFor }
    if hasOtherKey { return .otherKey }
    if let end, end < wall { return .ended }
    return nil
  }
}
