import Causality
import ChangeModel
import Federation
import Foundation
import SignedLog
import Sodium

/// What is known of a federation's founding, members and keys: how far signatures can be checked and sections opened.
public struct Papers: Sendable {
  /// With a node's card and key: the genesis, and the audience keys that this node holds.
  public private(set) var identity: NodeIdentity?
  /// From the card, else from the certificates.
  public internal(set) var federation: Digest?
  /// By node number. Checked against the ward's authority only with the genesis.
  public internal(set) var certificates: [AuthorNumber: NodeCertificate] = [:]
  /// Revocations and fork proofs that were met.
  var facts: Set<[UInt8]> = []
  /// Certificates that do not hold, with the reason.
  public internal(set) var refused: [(node: AuthorNumber?, reason: String)] = []

  public init(_ identity: NodeIdentity?) {
    self.identity = identity
    federation = identity?.federation.id
    if let own = identity?.certificate { certificates[own.node] = own }
  }

  public var canCheckCertificates: Bool { identity != nil }

  public func key(of author: AuthorNumber) -> PublicKey? { certificates[author.node]?.key }

  public func context(_ log: LogName) -> LogContext? {
    guard let federation, let key = key(of: log.author) else { return nil }
    return LogContext(federation: federation, nodeKey: key, log: log)
  }

  public func secret(_ id: AudienceKeyID) -> AudienceKey? { identity?.keyring[id] }

  /// Takes up the keys that others let this node have.
  mutating func open(_ grants: [KeyGrant]) { identity = identity?.opening(grants) }

  public func ward(of author: AuthorNumber) -> Genesis.Ward? { identity?.federation.ward(at: author.ward) }

  mutating func learn(_ bytes: [UInt8]) {
    guard let identity else {
      guard let certificate = NodeCertificate(unchecked: bytes) else {
        return refused.append((nil, "malformed"))
      }
      if federation == nil { federation = certificate.federation }
      guard certificate.federation == federation else {
        return refused.append((certificate.node, "of another federation"))
      }
      if certificates[certificate.node] == nil { certificates[certificate.node] = certificate }
      return
    }
    do {
      let certificate = try NodeCertificate(bytes, in: amended(identity.federation))
      if let known = certificates[certificate.node], known.key != certificate.key {
        refused.append((certificate.node, "another key has this number"))
      } else {
        certificates[certificate.node] = certificate
      }
    } catch {
      refused.append((NodeCertificate(unchecked: bytes)?.node, "\(error)"))
    }
  }

  private func amended(_ federation: FederationIdentity) -> FederationIdentity {
    facts.compactMap(AmendmentChain.init).reduce(federation) { known, chain in (try? known.amended(by: chain)) ?? known
    }
  }

  /// As much membership as the certificates prove; nil without the genesis.
  public var membership: Membership? {
    guard let identity else { return nil }
    return Membership(
      identity.federation, certificates: certificates.keys.sorted().map { certificates[$0]!.bytes },
      facts: facts.sorted { $0.lexicographicallyPrecedes($1) })
  }
}
