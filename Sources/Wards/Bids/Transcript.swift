import Sodium

/// Hashes of what is proven: each part after its length, so that no two lists of parts are one.
enum Transcript {
  /// BLAKE2b of the label and the parts, each after its length in four bytes, big-endian.
  static func hash(_ count: Int, _ label: String, _ parts: [[UInt8]]) -> [UInt8] {
    let stream = HashStream(byteCount: count)
    for part in [[UInt8](label.utf8)] + parts {
      stream.update(UInt32(part.count))
      stream.update(part)
    }
    return stream.bytes()
  }

  static func scalar(_ label: String, _ parts: [[UInt8]]) -> GroupScalar {
    GroupScalar(reducing: hash(64, label, parts))
  }

  /// A second generator, of which nobody knows the logarithm to the base.
  static let generator = GroupPoint(hash: hash(64, "renkei opening generator 1", []))
}

/// A ward whose card opens bids, together with others.
public struct Trustee: Hashable, Sendable {
  /// From 1.
  public var index: UInt16
  public var key: GroupPoint

  public init(index: UInt16, key: GroupPoint) { (self.index, self.key) = (index, key) }
}

/// What a bid is bound to: it opens for this tender, lot, supplier and these trustees, and for nothing else.
public struct BidTerms: Hashable, Sendable {
  public static let mostTrustees = 64

  /// Sorted by index; each once.
  public let trustees: [Trustee]
  /// So many together open a bid.
  public let threshold: Int
  public let supplier: PublicKey
  /// 32 bytes that all proofs are over.
  public let context: [UInt8]

  /// Nil for a threshold that is none of from 1 to all, indices or keys that stand twice, an index of 0, and more than 64 trustees.
  ///
  /// - Parameters:
  ///   - tender: the row of it.
  ///   - version: the hash of what was published, 32 bytes.
  ///   - number: the supplier's 法人番号.
  public init?(
    federation: Digest, tender: UInt64, version: Digest, lot: UInt16, trustees: [Trustee], threshold: Int,
    number: String, supplier: PublicKey
  ) {
    guard threshold >= 1, threshold <= trustees.count, trustees.count <= Self.mostTrustees,
      zip(trustees, trustees.dropFirst()).allSatisfy({ $0.index < $1.index }), trustees.first?.index ?? 0 > 0,
      Set(trustees.map(\.key)).count == trustees.count
    else { return nil }
    self.trustees = trustees
    self.threshold = threshold
    self.supplier = supplier
    func big(_ number: some FixedWidthInteger) -> [UInt8] { withUnsafeBytes(of: number.bigEndian) { Array($0) } }
    context = Transcript.hash(
      32, "renkei bid context 1",
      [
        federation.bytes, big(tender), version.bytes, big(lot), trustees.flatMap { big($0.index) + $0.key.bytes },
        [UInt8(threshold)], [UInt8](number.utf8), supplier.bytes,
      ])
  }
}
