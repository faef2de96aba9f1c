import Causality
import ChangeModel
import SignedLog
import Sodium

/// An authority's word that a node of its ward is no longer one: what it wrote up to the cut holds, what comes after is
/// void on every node, whatever the order of arrival. The cut names change sets by their hashes, so that whoever stole the
/// key cannot void them by a second history. FORMAT.md, section 12.
public struct Revocation: Hashable, Sendable {
  public let federation: Digest
  /// Epoch 0: every epoch of the node is cut.
  public let node: AuthorNumber
  /// The last valid change set of each log of the node; of a log that is not named, nothing is valid.
  public let cut: [LogName: LogHead]
  /// The whole file.
  public let bytes: [UInt8]

  static let magic = [UInt8]("RKR2".utf8)
  private static let domain = [UInt8]("renkei revocation 2".utf8)
  private static let headBytes = 4 + 32 + 4 + 2
  private static let cutBytes = 1 + 2 + 4 + Digest.byteCount
  /// Four lanes, more epochs than a node lives.
  public static let cutLimit = 1_024

  /// Reads a revocation and checks that an authority of the ward, present or former, signed it for this federation.
  public init(_ bytes: [UInt8], in identity: FederationIdentity) throws(FederationError) {
    guard let fields = Self.fields(of: bytes) else { throw .malformedRevocation }
    guard fields.federation == identity.id else { throw .wrongFederation }
    _ = try identity.signer(of: bytes, domain: Self.domain, ward: fields.node.ward)
    federation = fields.federation
    node = fields.node
    cut = fields.cut
    self.bytes = bytes
  }

  /// Whether the revocation holds: not when an authority that was replaced signed it, and no amendment has kept it.
  public func stands(in identity: FederationIdentity) -> Bool {
    (try? identity.signer(of: bytes, domain: Self.domain, ward: node.ward).isCurrent) ?? false
  }

  /// The last valid change set of one of the node's logs.
  public func lastValid(_ log: LogName) -> LogHead { cut[log] ?? LogHead() }

  /// Whom bytes say that they revoke, whether or not they hold.
  public static func node(claimedBy bytes: [UInt8]) -> AuthorNumber? { fields(of: bytes)?.node }

  /// The bytes of a revocation, signed by the ward's authority.
  ///
  /// - Precondition: `cut` names logs of `node` only, `cutLimit` of them at most.
  public static func signed(
    federation: Digest, node: AuthorNumber, cut: [LogName: LogHead], by authority: SigningKey
  ) -> [UInt8] {
    precondition(cut.count <= cutLimit && cut.keys.allSatisfy { $0.author.node == node.node })
    var writer = ByteWriter(capacity: headBytes + cut.count * cutBytes + Signature.byteCount)
    writer.raw(magic)
    writer.raw(federation.bytes)
    writer.bigEndian(UInt16(node.ward))
    writer.bigEndian(UInt16(node.serial))
    writer.bigEndian(UInt16(cut.count))
    for (log, head) in cut.sorted(by: { $0.key < $1.key }) {
      writer.byte(log.lane.rawValue)
      writer.bigEndian(UInt16(log.author.epoch))
      writer.bigEndian(head.sequence)
      writer.raw(head.hash.bytes)
    }
    writer.raw(authority.signature(over: domain + writer.bytes))
    return writer.bytes
  }

  private struct Fields {
    var federation: Digest
    var node: AuthorNumber
    var cut: [LogName: LogHead]
  }

  private static func fields(of bytes: [UInt8]) -> Fields? {
    guard bytes.count >= headBytes + Signature.byteCount, bytes.starts(with: magic) else { return nil }
    return bytes.withUnsafeBytes { raw -> Fields? in
      var reader = ByteReader(raw)
      guard (try? reader.raw(4)) != nil, let federation = try? reader.raw(32),
        let ward = try? reader.bigEndian(UInt16.self), let serial = try? reader.bigEndian(UInt16.self),
        ward < AuthorNumber.partLimit, serial < AuthorNumber.partLimit,
        let count = try? reader.bigEndian(UInt16.self), count <= cutLimit,
        bytes.count == headBytes + Int(count) * cutBytes + Signature.byteCount
      else { return nil }
      var cut: [LogName: LogHead] = [:]
      for _ in 0..<count {
        guard let lane = (try? reader.byte()).flatMap(Lane.init), let epoch = try? reader.bigEndian(UInt16.self),
          epoch < AuthorNumber.partLimit, let sequence = try? reader.bigEndian(UInt32.self), sequence <= sequenceLimit,
          let hash = try? reader.raw(Digest.byteCount)
        else { return nil }
        let author = AuthorNumber(ward: UInt32(ward), serial: UInt32(serial), epoch: UInt32(epoch))
        let head = LogHead(sequence: sequence, hash: Digest(hash))
        guard cut.updateValue(head, forKey: LogName(lane, author)) == nil else { return nil }
      }
      return Fields(
        federation: Digest(federation), node: AuthorNumber(ward: UInt32(ward), serial: UInt32(serial), epoch: 0),
        cut: cut)
    }
  }
}

extension AuthorityRecord {
  /// Revokes a node of the ward.
  ///
  /// - Parameter cut: the last valid change set of each of its logs; what is not named is void as a whole.
  /// - Throws: `unknownWard` when the authority is not this federation's or the node not of its ward.
  public func revocation(
    of node: AuthorNumber, in identity: FederationIdentity, cut: [LogName: LogHead]
  ) throws(FederationError) -> Revocation {
    let (index, authority) = try key(in: identity)
    guard node.ward == index else { throw .unknownWard(ward) }
    return try Revocation(Revocation.signed(federation: identity.id, node: node, cut: cut, by: authority), in: identity)
  }
}
