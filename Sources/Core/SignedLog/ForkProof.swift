import Causality
import ChangeModel
import Sodium

/// Two change sets of one author that follow the same one: proof that whoever holds its key wrote two histories.
///
/// It says all that a stranger needs to check it and nothing of what the change sets say. FORMAT.md, section 12.
public struct ForkProof: Hashable, Sendable {
  public let log: LogName
  /// The last change set that both branches share.
  public let shared: LogHead
  /// The whole proof.
  public let bytes: [UInt8]

  public static let magic = [UInt8]("RKF1".utf8)
  private static let branchBytes = Digest.byteCount + Signature.byteCount
  public static let byteCount = 4 + 4 + 1 + 8 + Digest.byteCount + 2 * branchBytes

  /// The first change set of which there are two.
  public var sequence: SequenceNumber { shared.sequence + 1 }

  /// From two change sets after the same head.
  ///
  /// - Returns: nil when they are one, or when one of them is not the author's.
  public init?(_ left: [UInt8], _ right: [UInt8], after head: LogHead, in context: LogContext) {
    guard left.count > Signature.byteCount, right.count > Signature.byteCount else { return nil }
    // In order, so that whoever finds the two writes the same proof.
    let branches = [left, right].map(Self.branch).sorted { $0.lexicographicallyPrecedes($1) }
    var writer = ByteWriter(capacity: Self.byteCount)
    writer.raw(Self.magic)
    writer.bigEndian(context.log.author.rawValue)
    writer.byte(context.log.lane.rawValue)
    writer.bigEndian(UInt64(head.sequence))
    writer.raw(head.hash.bytes)
    for branch in branches { writer.raw(branch) }
    self.init(writer.bytes, federation: context.federation) { _ in context.nodeKey }
  }

  /// Reads a proof and checks both signatures.
  ///
  /// - Parameter key: the key of the author, when it is known.
  /// - Returns: nil unless it proves a fork.
  public init?(_ bytes: [UInt8], federation: Digest, key: (AuthorNumber) -> PublicKey?) {
    guard let fields = Self.fields(of: bytes), let key = key(fields.log.author) else { return nil }
    let context = LogContext(federation: federation, nodeKey: key, log: fields.log)
    let both = fields.branches.allSatisfy { body, signature in
      EntryHash.content(context, after: fields.shared, body: body).withBytes {
        content in signature.withUnsafeBytes { key.verifies($0, over: content) }
      }
    }
    guard both, fields.branches[0].body != fields.branches[1].body else { return nil }
    log = fields.log
    shared = fields.shared
    self.bytes = bytes
  }

  /// Whose log a proof speaks of, by its own word.
  public static func log(claimedBy bytes: [UInt8]) -> LogName? { fields(of: bytes)?.log }

  private static func branch(_ entry: [UInt8]) -> [UInt8] {
    entry.withUnsafeBytes { raw in
      EntryHash.body(UnsafeRawBufferPointer(rebasing: raw.dropLast(Signature.byteCount))).bytes
        + raw.suffix(Signature.byteCount)
    }
  }

  private struct Fields {
    var log: LogName
    var shared: LogHead
    var branches: [(body: Digest, signature: [UInt8])]
  }

  private static func fields(of bytes: [UInt8]) -> Fields? {
    guard bytes.count == byteCount, bytes.starts(with: magic) else { return nil }
    return bytes.withUnsafeBytes { raw -> Fields? in
      var reader = ByteReader(raw)
      guard (try? reader.raw(4)) != nil, let author = (try? reader.bigEndian(UInt32.self)).flatMap(AuthorNumber.init),
        let lane = (try? reader.byte()).flatMap(Lane.init), let sequence = try? reader.bigEndian(UInt64.self),
        sequence < UInt64(sequenceLimit), let hash = try? reader.raw(Digest.byteCount)
      else { return nil }
      var branches: [(body: Digest, signature: [UInt8])] = []
      for _ in 0..<2 {
        guard let body = try? reader.raw(Digest.byteCount), let signature = try? reader.raw(Signature.byteCount) else {
          return nil
        }
        branches.append((Digest(body), [UInt8](signature)))
      }
      return Fields(
        log: LogName(lane, author), shared: LogHead(sequence: SequenceNumber(sequence), hash: Digest(hash)),
        branches: branches)
    }
  }
}
