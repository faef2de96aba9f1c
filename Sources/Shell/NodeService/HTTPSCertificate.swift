import Crypto
import Foundation
import NIOCore
import NIOPosix
import NIOSSL
import SwiftASN1
import X509

/// The certificate that browsers see: signed by a certificate authority of the node's own, which `init` makes and whose
/// fingerprint it prints, since no public one answers in a ward that is cut off. P-256, because no browser takes Ed25519.
public struct HTTPSCertificate: Sendable {
  private let folder: String

  /// Browsers take no server certificate that is valid for longer (CA/Browser Forum, Baseline Requirements 6.3.2).
  private static let serverDays = 397.0
  private static let authorityDays = 3_650.0
  private static let renewalDays = 30.0
  private static let day = 86_400.0

  public init(directory: NodeDirectory) { folder = directory.path + "/https" }

  /// For devices to trust.
  public var authorityFile: String { folder + "/ca.pem" }
  private var authorityKeyFile: String { folder + "/ca.key" }
  private var serverFile: String { folder + "/server.pem" }
  private var serverKeyFile: String { folder + "/server.key" }

  /// SHA-256 of the authority's certificate, as browsers show it.
  public func fingerprint() throws -> String {
    let certificate = try Certificate(pemEncoded: read(authorityFile))
    var serializer = DER.Serializer()
    try serializer.serialize(certificate)
    return SHA256.hash(data: serializer.serializedBytes).map { String(format: "%02X", $0) }.joined(separator: ":")
  }

  /// Makes what is missing, soon over, or for other names, and reads it all.
  ///
  /// - Parameter names: host names and addresses besides this machine's own.
  public func configuration(names: [String], now: Date = .wall) throws -> TLSConfiguration {
    try makeAuthority(now: now)
    let all = Self.ownNames().union(names)
    if try !holds(for: all, now: now) { try makeServer(for: all, now: now) }
    var configuration = TLSConfiguration.makeServerConfiguration(
      certificateChain: [
        .certificate(try NIOSSLCertificate(bytes: Array(read(serverFile).utf8), format: .pem)),
        .certificate(try NIOSSLCertificate(bytes: Array(read(authorityFile).utf8), format: .pem)),
      ], privateKey: .privateKey(try NIOSSLPrivateKey(bytes: Array(read(serverKeyFile).utf8), format: .pem)))
    // The oldest tablet in a shelter has 1.2.
    configuration.minimumTLSVersion = .tlsv12
    return configuration
  }

  public func makeAuthority(now: Date = .wall) throws {
    guard !FileManager.default.fileExists(atPath: authorityFile) else { return }
    try FileManager.default.createDirectory(
      atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    let key = P256.Signing.PrivateKey()
    let name = try DistinguishedName {
      OrganizationName("Renkei")
      CommonName("Renkei node \(String(UInt32.random(in: .min ... .max), radix: 16))")
    }
    let certificate = try Certificate(
      version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: .init(key.publicKey),
      notValidBefore: now - Self.day, notValidAfter: now + Self.authorityDays * Self.day, issuer: name, subject: name,
      signatureAlgorithm: .ecdsaWithSHA256,
      extensions: Certificate.Extensions {
        Critical(BasicConstraints.isCertificateAuthority(maxPathLength: 0))
        Critical(KeyUsage(keyCertSign: true, cRLSign: true))
      }, issuerPrivateKey: .init(key))
    try write(key.pemRepresentation, to: authorityKeyFile)
    try write(certificate.serializeAsPEM().pemString, to: authorityFile)
  }

  private func makeServer(for names: Set<String>, now: Date) throws {
    let authority = try Certificate(pemEncoded: read(authorityFile))
    let authorityKey = try P256.Signing.PrivateKey(pemRepresentation: read(authorityKeyFile))
    let key = P256.Signing.PrivateKey()
    let certificate = try Certificate(
      version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: .init(key.publicKey),
      notValidBefore: now - Self.day, notValidAfter: now + (Self.serverDays - 1) * Self.day, issuer: authority.subject,
      subject: try DistinguishedName { CommonName("renkei-node") }, signatureAlgorithm: .ecdsaWithSHA256,
      extensions: Certificate.Extensions {
        Critical(BasicConstraints.notCertificateAuthority)
        Critical(KeyUsage(digitalSignature: true))
        try ExtendedKeyUsage([.serverAuth])
        SubjectAlternativeNames(names.sorted().map(Self.generalName))
      }, issuerPrivateKey: .init(authorityKey))
    try write(key.pemRepresentation, to: serverKeyFile)
    try write(certificate.serializeAsPEM().pemString, to: serverFile)
  }

  private func holds(for names: Set<String>, now: Date) throws -> Bool {
    guard FileManager.default.fileExists(atPath: serverFile), FileManager.default.fileExists(atPath: serverKeyFile)
    else { return false }
    let certificate = try Certificate(pemEncoded: read(serverFile))
    let present = Set(try certificate.extensions.subjectAlternativeNames ?? SubjectAlternativeNames([]))
    return certificate.notValidAfter > now + Self.renewalDays * Self.day && certificate.notValidBefore <= now
      && names.allSatisfy { present.contains(Self.generalName($0)) }
  }

  private static func generalName(_ name: String) -> GeneralName {
    guard let address = try? SocketAddress(ipAddress: name, port: 0) else { return .dnsName(name) }
    switch address {
    case .v4(let v4):
      return .ipAddress(
        ASN1OctetString(contentBytes: withUnsafeBytes(of: v4.address.sin_addr.s_addr) { [UInt8]($0)[...] }))
    case .v6(let v6):
      return .ipAddress(ASN1OctetString(contentBytes: withUnsafeBytes(of: v6.address.sin6_addr) { [UInt8]($0)[...] }))
    case .unixDomainSocket: return .dnsName(name)
    }
  }

  /// This machine's name and addresses.
  private static func ownNames() -> Set<String> {
    let addresses = ((try? System.enumerateDevices()) ?? []).compactMap { $0.address?.ipAddress }
      .filter { !$0.contains("%") }
    return Set(["localhost", "127.0.0.1", "::1", ProcessInfo.processInfo.hostName] + addresses)
  }

  private func read(_ file: String) throws -> String { String(decoding: try SecretFile.read(file), as: UTF8.self) }

  private func write(_ text: String, to file: String) throws { try SecretFile.write([UInt8](text.utf8), to: file) }
}
