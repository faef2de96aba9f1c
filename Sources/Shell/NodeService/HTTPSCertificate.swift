import Crypto
import Foundation
import NIOCore
import NIOSSL
import SwiftASN1
import X509

/// The certificate that browsers see: signed by a certificate authority of the node's own, which `init` makes and whose
/// fingerprint it prints, since no public one answers in a ward that is cut off. P-256, because no browser takes Ed25519.
///
/// The clock of a machine that lost its power is wrong before it is right. So a certificate begins 400 days back, which makes
/// one of a clock that is a year ahead good at once; one that begins later than now is kept, since it is the clock that is
/// wrong; and the one before is kept beside it, for when a clock that was far ahead is put right.
public struct HTTPSCertificate: Sendable {
  private let folder: String

  private static let day = 86_400.0
  /// No clock that shows an earlier day is right: this program is not older.
  private static let earliest = Date(timeIntervalSince1970: 1_767_225_600)
  private static let authorityDays = 3_650.0
  /// Together less than 825 days, the longest that Apple's devices take of an authority that a person installed (HT210176).
  private static let daysBack = 400.0
  private static let daysAhead = 397.0
  private static let renewalDays = 30.0

  public init(directory: NodeDirectory) { folder = directory.path + "/https" }

  /// For devices to trust.
  public var authorityFile: String { folder + "/ca.pem" }
  /// The newest and the one before.
  private static let kept = ["server", "server-before"]

  /// SHA-256 of the authority's certificate, as browsers show it.
  public func fingerprint() throws -> String {
    var serializer = DER.Serializer()
    try serializer.serialize(try authority())
    return SHA256.hash(data: serializer.serializedBytes).map { String(format: "%02X", $0) }.joined(separator: ":")
  }

  /// What to show callers now.
  struct Shown {
    var certificate: Certificate
    fileprivate var key: String
    /// Its beginning, when the clock says that it has not begun: then the clock is wrong.
    var beginsAt: Date?
    /// Addresses of this machine that the authority may not sign for: it was made in another network.
    var leftOut: [String]
  }

  /// Makes what is missing, soon over, or for other names, and reads it all.
  ///
  /// - Parameter names: host names and addresses besides this machine's own. An authority that may not sign for them is
  ///   replaced: devices have to trust the new one.
  func shown(names: [String], now: Date = .wall) throws -> Shown {
    let names = HTTPSNames(names)
    try makeAuthority(names, now: now)
    let authority = try authority()
    let constraints = try authority.extensions.nameConstraints
    let leftOut = names.own.filter { !HTTPSNames.covers(constraints, $0) }
    let all = names.given.union(names.own.subtracting(leftOut))
    var fitting: [(certificate: Certificate, key: String)] = []
    for name in Self.kept {
      guard let text = try? read("\(name).pem"), let key = try? read("\(name).key"),
        let certificate = try? Certificate(pemEncoded: text), certificate.issuer == authority.subject
      else { continue }
      let present = Set(try certificate.extensions.subjectAlternativeNames ?? SubjectAlternativeNames([]))
      if all.allSatisfy({ present.contains(HTTPSNames.generalName($0)) }) { fitting.append((certificate, key)) }
    }
    func shown(_ pair: (certificate: Certificate, key: String), beginsAt: Date? = nil) -> Shown {
      Shown(certificate: pair.certificate, key: pair.key, beginsAt: beginsAt, leftOut: leftOut.sorted())
    }
    let valid = fitting.filter { $0.certificate.notValidBefore <= now && $0.certificate.notValidAfter > now }
    if let lasting = valid.first(where: { $0.certificate.notValidAfter > now + Self.renewalDays * Self.day }) {
      return shown(lasting)
    }
    if valid.isEmpty, let later = fitting.first(where: { $0.certificate.notValidBefore > now }) {
      return shown(later, beginsAt: later.certificate.notValidBefore)
    }
    return shown(try makeServer(for: all, authority, now: max(now, Self.earliest)))
  }

  func configuration(of shown: Shown) throws -> TLSConfiguration {
    let own = try shown.certificate.serializeAsPEM().pemString
    var configuration = TLSConfiguration.makeServerConfiguration(
      certificateChain: [
        .certificate(try NIOSSLCertificate(bytes: Array(own.utf8), format: .pem)),
        .certificate(try NIOSSLCertificate(bytes: Array(read("ca.pem").utf8), format: .pem)),
      ], privateKey: .privateKey(try NIOSSLPrivateKey(bytes: Array(shown.key.utf8), format: .pem)))
    // The oldest tablet in a shelter has 1.2.
    configuration.minimumTLSVersion = .tlsv12
    return configuration
  }

  // MARK: The authority

  /// - Parameter names: host names and addresses for which it may sign, besides this machine's own and its networks.
  public func makeAuthority(names: [String] = []) throws { try makeAuthority(HTTPSNames(names), now: .wall) }

  /// Whether the authority may sign for every site that there is: one of an older program.
  func isUnconstrained() throws -> Bool { try authority().extensions.nameConstraints == nil }

  private func authority() throws -> Certificate { try Certificate(pemEncoded: read("ca.pem")) }

  private func makeAuthority(_ names: HTTPSNames, now: Date) throws {
    if FileManager.default.fileExists(atPath: authorityFile) {
      let constraints = try authority().extensions.nameConstraints
      if names.given.allSatisfy({ HTTPSNames.covers(constraints, $0) }) { return }
    }
    try FileManager.default.createDirectory(
      atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    let key = P256.Signing.PrivateKey()
    let name = try DistinguishedName {
      OrganizationName("Renkei")
      CommonName("Renkei node \(String(UInt32.random(in: .min ... .max), radix: 16))")
    }
    let certificate = try Certificate(
      version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: .init(key.publicKey),
      notValidBefore: Self.earliest - Self.daysBack * Self.day,
      notValidAfter: max(now, Self.earliest) + Self.authorityDays * Self.day, issuer: name, subject: name,
      signatureAlgorithm: .ecdsaWithSHA256,
      extensions: Certificate.Extensions {
        Critical(BasicConstraints.isCertificateAuthority(maxPathLength: 0))
        Critical(KeyUsage(keyCertSign: true, cRLSign: true))
        Critical(names.constraints)
      }, issuerPrivateKey: .init(key))
    try write(key.pemRepresentation, to: "ca.key")
    try write(certificate.serializeAsPEM().pemString, to: "ca.pem")
  }

  private func makeServer(
    for names: Set<String>, _ authority: Certificate, now: Date
  ) throws -> (certificate: Certificate, key: String) {
    let authorityKey = try P256.Signing.PrivateKey(pemRepresentation: read("ca.key"))
    let key = P256.Signing.PrivateKey()
    let certificate = try Certificate(
      version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: .init(key.publicKey),
      notValidBefore: max(now - Self.daysBack * Self.day, authority.notValidBefore),
      notValidAfter: now + Self.daysAhead * Self.day, issuer: authority.subject,
      subject: try DistinguishedName { CommonName("renkei-node") }, signatureAlgorithm: .ecdsaWithSHA256,
      extensions: Certificate.Extensions {
        Critical(BasicConstraints.notCertificateAuthority)
        Critical(KeyUsage(digitalSignature: true))
        try ExtendedKeyUsage([.serverAuth])
        SubjectAlternativeNames(names.sorted().map(HTTPSNames.generalName))
      }, issuerPrivateKey: .init(authorityKey))
    for end in ["pem", "key"] {
      guard let old = try? read("\(Self.kept[0]).\(end)") else { continue }
      try write(old, to: "\(Self.kept[1]).\(end)")
    }
    try write(key.pemRepresentation, to: "\(Self.kept[0]).key")
    try write(certificate.serializeAsPEM().pemString, to: "\(Self.kept[0]).pem")
    return (certificate, key.pemRepresentation)
  }

  private func read(_ name: String) throws -> String {
    String(decoding: try SecretFile.read("\(folder)/\(name)"), as: UTF8.self)
  }

  private func write(_ text: String, to name: String) throws {
    try SecretFile.write([UInt8](text.utf8), to: "\(folder)/\(name)")
  }
}
