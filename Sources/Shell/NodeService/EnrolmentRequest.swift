import Causality
import Federation
import Sodium

/// What a machine asks of the authority: its key; and, to renew, the certificate that it has.
public struct EnrolmentRequest: Sendable {
  private let key: PublicKey
  private let certificate: [UInt8]?

  public init(key: PublicKey, renewing certificate: [UInt8]? = nil) {
    self.key = key
    self.certificate = certificate
  }

  /// The first eight bytes of the key, hexadecimal.
  public var fingerprint: String { [UInt8](key.bytes.prefix(8)).hexadecimal }

  /// Lines of hexadecimal digits: the key, and the certificate that shall be renewed.
  public var text: String { ([key.bytes] + [certificate].compactMap(\.self)).map { $0.hexadecimal + "\n" }.joined() }

  /// - Returns: nil when the text is no request: one or two lines of hexadecimal digits.
  public init?(_ text: String) {
    let lines = text.split(whereSeparator: \.isNewline).map { [UInt8](hexadecimal: String($0)) }
    guard (1...2).contains(lines.count), let bytes = lines[0], let key = PublicKey(bytes),
      let rest = lines.count == 2 ? lines[1] : []
    else { return nil }
    self.key = key
    certificate = lines.count == 2 ? rest : nil
  }

  /// - Throws: `FederationError` when the authority is another ward's, or has no number left.
  public func signed(
    by record: inout AuthorityRecord, in identity: FederationIdentity, validUntil: Instant?, at now: Instant
  ) throws -> EnrolmentCard {
    guard let certificate else { return try record.enrol(key, in: identity, validUntil: validUntil, at: now) }
    return try record.renew(NodeCertificate(certificate, in: identity), in: identity, validUntil: validUntil, at: now)
  }
}
