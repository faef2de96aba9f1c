import Foundation
import NIOCore
import NIOSSL
import SwiftASN1
import X509

/// The authority that `RENKEI_CA` names, a node's `https/ca.pem`.
///
/// swift-certificates looks at what it signed: BoringSSL refuses every name constraint on IP addresses (RFC 5280, 4.2.1.10), and
/// a node's authority has some.
struct NodeAuthority: Sendable {
  private let roots: CertificateStore

  init(file: String) throws {
    let text = try String(contentsOfFile: file, encoding: .utf8)
    roots = CertificateStore(try PEMDocument.parseMultiple(pemString: text).map { try Certificate(pemDocument: $0) })
  }

  /// Whether a server at a host, a name or an IP address, has shown a certificate that the authority signed for it.
  func signed(_ chain: [NIOSSLCertificate], for host: String) async throws -> Bool {
    var chain = try chain.map { try Certificate(derEncoded: $0.toDERBytes()) }
    guard !chain.isEmpty else { return false }
    let shown = chain.removeFirst()
    let isAddress = (try? SocketAddress(ipAddress: host, port: 0)) != nil
    var verifier = X509.Verifier(rootCertificates: roots) {
      RFC5280Policy()
      ServerIdentityPolicy(serverHostname: isAddress ? nil : host, serverIP: isAddress ? host : nil)
    }
    if case .validCertificate = await verifier.validate(leaf: shown, intermediates: CertificateStore(chain)) {
      return true
    }
    return false
  }
}
