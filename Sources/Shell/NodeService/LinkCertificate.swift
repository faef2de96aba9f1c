import Federation
import NIOCore
import NIOSSL
import Sodium
import SwiftASN1

/// The X.509 certificate that a node shows on a link: its Ed25519 key, self-signed, and, in an extension, the node
/// certificate of its ward's authority. So even a node that never heard of the other knows whom it meets.
enum LinkCertificate {
  /// id-Ed25519, RFC 8410.
  private static let ed25519: ASN1ObjectIdentifier = [1, 3, 101, 112]
  /// Ours, from the arc for random numbers (ITU-T X.667).
  private static let nodeCertificate: ASN1ObjectIdentifier = [2, 25, 5_904_683_217_245_903_177]

  private static let spkiPrefixBytes = 12

  static func make(_ identity: NodeIdentity) throws -> [UInt8] {
    var tbs = DER.Serializer()
    try tbs.appendConstructedNode(identifier: .sequence) { tbs in
      try tbs.appendConstructedNode(identifier: ASN1Identifier(tagWithNumber: 0, tagClass: .contextSpecific)) {
        try $0.serialize(2)
      }
      try tbs.serialize(1)
      try algorithm(&tbs)
      // The names are empty, and the validity is without end (RFC 5280, 4.1.2.5): what counts is in the extension.
      tbs.appendConstructedNode(identifier: .sequence) { _ in }
      try tbs.appendConstructedNode(identifier: .sequence) { validity in
        try validity.serialize(
          GeneralizedTime(year: 2020, month: 1, day: 1, hours: 0, minutes: 0, seconds: 0, fractionalSeconds: 0))
        try validity.serialize(
          GeneralizedTime(year: 9999, month: 12, day: 31, hours: 23, minutes: 59, seconds: 59, fractionalSeconds: 0))
      }
      tbs.appendConstructedNode(identifier: .sequence) { _ in }
      try tbs.appendConstructedNode(identifier: .sequence) { spki in
        try algorithm(&spki)
        try spki.serialize(ASN1BitString(bytes: identity.key.publicKey.bytes[...]))
      }
      try tbs.appendConstructedNode(identifier: ASN1Identifier(tagWithNumber: 3, tagClass: .contextSpecific)) {
        try $0.appendConstructedNode(identifier: .sequence) { extensions in
          try extensions.appendConstructedNode(identifier: .sequence) {
            try $0.serialize(nodeCertificate)
            try $0.serialize(ASN1OctetString(contentBytes: identity.certificate.bytes[...]))
          }
        }
      }
    }
    let signed = tbs.serializedBytes
    var certificate = DER.Serializer()
    try certificate.appendConstructedNode(identifier: .sequence) {
      $0.serializeRawBytes(signed)
      try algorithm(&$0)
      try $0.serialize(ASN1BitString(bytes: identity.key.signature(over: signed)[...]))
    }
    return certificate.serializedBytes
  }

  private static func algorithm(_ serializer: inout DER.Serializer) throws {
    try serializer.appendConstructedNode(identifier: .sequence) { try $0.serialize(ed25519) }
  }

  /// Whom a peer's certificate proves it to be, in this federation.
  ///
  /// TLS itself proves that the peer holds the key; here the key is held against the authority's word.
  static func peer(_ chain: [NIOSSLCertificate], in federation: FederationIdentity) throws -> NodeCertificate {
    guard chain.count == 1 else { throw LinkCertificateFault.notOneCertificate }
    let key = try chain[0].extractPublicKey().toSPKIBytes().dropFirst(spkiPrefixBytes)
    let certificate = try NodeCertificate(extensionBytes(try chain[0].toDERBytes()), in: federation)
    guard key.elementsEqual(certificate.key.bytes) else { throw LinkCertificateFault.wrongKey }
    return certificate
  }

  private static func extensionBytes(_ der: [UInt8]) throws -> [UInt8] {
    let root = try DER.parse(der)
    guard case .constructed(let parts) = root.content, let tbs = parts.first(where: { _ in true }),
      case .constructed(let fields) = tbs.content
    else { throw LinkCertificateFault.notANode }
    for field in fields where field.identifier == ASN1Identifier(tagWithNumber: 3, tagClass: .contextSpecific) {
      guard case .constructed(let list) = field.content else { continue }
      for sequence in list {
        guard case .constructed(let extensions) = sequence.content else { continue }
        for item in extensions {
          guard case .constructed(let pair) = item.content else { continue }
          let nodes = Array(pair)
          guard nodes.count == 2, try ASN1ObjectIdentifier(derEncoded: nodes[0]) == nodeCertificate else { continue }
          return Array(try ASN1OctetString(derEncoded: nodes[1]).bytes)
        }
      }
    }
    throw LinkCertificateFault.notANode
  }
}

/// Why what a link's other end shows does not say who it is.
public enum LinkCertificateFault: Error, Hashable, Sendable {
  case notOneCertificate
  case notANode
  case wrongKey
}

/// The node's key for BoringSSL: it asks libsodium to sign, and never sees the key.
struct LinkKey: NIOSSLCustomPrivateKey, Hashable {
  let key: SigningKey

  var signatureAlgorithms: [SignatureAlgorithm] { [.ed25519] }

  func sign(channel: Channel, algorithm: SignatureAlgorithm, data: ByteBuffer) -> EventLoopFuture<ByteBuffer> {
    channel.eventLoop.makeSucceededFuture(ByteBuffer(bytes: key.signature(over: Array(data.readableBytesView))))
  }

  func decrypt(channel: Channel, data: ByteBuffer) -> EventLoopFuture<ByteBuffer> {
    channel.eventLoop.makeFailedFuture(LinkCertificateFault.wrongKey)
  }

  static func == (left: Self, right: Self) -> Bool { left.key.publicKey == right.key.publicKey }
  func hash(into hasher: inout Hasher) { hasher.combine(key.publicKey) }
}
