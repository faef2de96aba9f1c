import Causality
import ChangeModel
import Sodium

/// An authority's word that a key is a node of its ward, and which one. FORMAT.md, section 7.
public struct NodeCertificate: Hashable, Sendable {
  public let federation: Digest
  /// Epoch 0: the certificate holds for the node's epochs up to `lastEpoch`.
  public let node: AuthorNumber
  /// What the node writes in a later epoch is nobody's: a stolen key makes no more authors than this, and every clock has room
  /// for all. A renewal raises it.
  public let lastEpoch: UInt32
  public let key: PublicKey
  /// Milliseconds since 1970. Of two certificates for one key, the one that begins later counts. From the end on, peers take
  /// up no link; what the node wrote or writes stays valid, since whether it is must not depend on anybody's clock. 0: no end.
  public let validFrom: Int64
  public let validUntil: Int64
  /// The whole file.
  public let bytes: [UInt8]

  public var end: Instant? { validUntil > 0 ? Instant(milliseconds: validUntil) : nil }

  /// Clocks of two nodes may differ by this much, in milliseconds, without a link being refused that should be taken up.
  public static let clockTolerance: Int64 = 86_400_000

  /// As change sets' times: nothing later is a certificate, on any node.
  private static let timeRange: Range<Int64> = 0..<1 << 47

  public func hasEnded(at now: Instant) -> Bool {
    end.map { $0.milliseconds + Self.clockTolerance < now.milliseconds } ?? false
  }

  /// How many epochs a certificate gives, and how many more a renewal does: a node opens one each time that it was put back
  /// from a copy.
  public static let epochs: UInt32 = 32

  public static let byteCount = 4 + 32 + 6 + 32 + 16 + 64
  static let magic = [UInt8]("RKC2".utf8)
  private static let magicOfFormat1 = [UInt8]("RKC1".utf8)
  private static let domain = [UInt8]("renkei certificate 2".utf8)

  /// Reads a certificate and checks that an authority of the ward, present or former, signed it for this federation.
  public init(_ bytes: [UInt8], in identity: FederationIdentity) throws(FederationError) {
    guard let certificate = Self(unchecked: bytes) else {
      throw bytes.starts(with: Self.magicOfFormat1) ? .olderFormat : .malformedCertificate
    }
    self = certificate
    guard federation == identity.id else { throw .wrongFederation }
    _ = try identity.signer(of: bytes, domain: Self.domain, ward: node.ward)
  }

  /// Whether the certificate holds: not when an authority that was replaced signed it, and no amendment has kept it.
  public func stands(in identity: FederationIdentity) -> Bool {
    (try? identity.signer(of: bytes, domain: Self.domain, ward: node.ward).isCurrent) ?? false
  }

  /// Reads a certificate without the genesis, for reports: nobody says that an authority signed it.
  public init?(unchecked bytes: [UInt8]) {
    guard bytes.count == Self.byteCount, bytes.starts(with: Self.magic), let fields = Self.fields(of: bytes) else {
      return nil
    }
    federation = fields.federation
    node = fields.node
    lastEpoch = fields.lastEpoch
    key = fields.key
    validFrom = fields.validFrom
    validUntil = fields.validUntil
    self.bytes = bytes
  }

  private struct Fields {
    var federation: Digest
    var node: AuthorNumber
    var lastEpoch: UInt32
    var key: PublicKey
    var validFrom: Int64
    var validUntil: Int64
  }

  private static func fields(of bytes: [UInt8]) -> Fields? {
    bytes.withUnsafeBytes { raw in
      var reader = ByteReader(raw)
      guard (try? reader.raw(4)) != nil, let federation = try? reader.raw(32),
        let ward = try? reader.bigEndian(UInt16.self), let serial = try? reader.bigEndian(UInt16.self),
        let epoch = try? reader.bigEndian(UInt16.self),
        ward < AuthorNumber.partLimit, serial < AuthorNumber.partLimit, epoch < AuthorNumber.partLimit,
        let rawKey = try? reader.raw(32), let key = PublicKey(rawKey),
        let from = try? reader.bigEndian(Int64.self), let until = try? reader.bigEndian(Int64.self),
        timeRange.contains(from), timeRange.contains(until)
      else { return nil }
      return Fields(
        federation: Digest(federation), node: AuthorNumber(ward: UInt32(ward), serial: UInt32(serial), epoch: 0),
        lastEpoch: UInt32(epoch), key: key,
        validFrom: from, validUntil: until)
    }
  }

  /// The bytes of a certificate, signed by the ward's authority.
  public static func signed(
    federation: Digest, node: AuthorNumber, lastEpoch: UInt32 = epochs - 1, key: PublicKey, validFrom: Int64,
    validUntil: Int64 = 0, by authority: SigningKey
  ) -> [UInt8] {
    var writer = ByteWriter(capacity: byteCount)
    writer.raw(magic)
    writer.raw(federation.bytes)
    writer.bigEndian(UInt16(node.ward))
    writer.bigEndian(UInt16(node.serial))
    writer.bigEndian(UInt16(lastEpoch))
    writer.raw(key.bytes)
    writer.bigEndian(validFrom)
    writer.bigEndian(validUntil)
    writer.raw(authority.signature(over: domain + writer.bytes))
    return writer.bytes
  }
}
