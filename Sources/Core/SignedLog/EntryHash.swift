import Causality
import ChangeModel
import Sodium

/// One author's log in one lane.
public struct LogName: Hashable, Comparable, Sendable, CustomStringConvertible {
  public var lane: Lane
  public var author: AuthorNumber

  public init(_ lane: Lane, _ author: AuthorNumber) {
    self.lane = lane
    self.author = author
  }

  /// Every change set is looked at against all clocks: one word is hashed, not three.
  public func hash(into hasher: inout Hasher) {
    hasher.combine(UInt64(lane.rawValue) << 32 | UInt64(author.rawValue))
  }

  /// Such as `life 3.1.0`.
  public var description: String { "\(lane.name) \(author)" }

  public static func < (left: Self, right: Self) -> Bool {
    left.lane == right.lane ? left.author < right.author : left.lane < right.lane
  }
}

/// How far a log reaches: its last sequence and that change set's chain hash.
public struct LogHead: Hashable, Sendable {
  public var sequence: SequenceNumber
  public var hash: Digest

  public init(sequence: SequenceNumber = 0, hash: Digest = .zero) {
    self.sequence = sequence
    self.hash = hash
  }
}

/// What every change set of a log shares, and so need not travel with each of them, though each is signed over it.
public struct LogContext: Sendable {
  public var federation: Digest
  public var nodeKey: PublicKey
  public var log: LogName

  public init(federation: Digest, nodeKey: PublicKey, log: LogName) {
    self.federation = federation
    self.nodeKey = nodeKey
    self.log = log
  }
}

/// The hashes of a change set. FORMAT.md, section 5.
enum EntryHash {
  private static let bodyDomain = [UInt8]("renkei body 2".utf8)
  private static let entryDomain = [UInt8]("renkei change set 2".utf8)
  private static let chainDomain = [UInt8]("renkei chain 2".utf8)

  /// Everything in the change set but the signature.
  static func body(_ unsigned: UnsafeRawBufferPointer) -> Digest {
    let hash = HashStream()
    hash.update(bodyDomain)
    hash.update(unsigned)
    return hash.digest()
  }

  /// What the author signs: the body, and all that the reader adds to it. By way of the body's hash, so that a signature
  /// can be shown to somebody, as one side of a fork, without the body.
  static func content(_ context: LogContext, after head: LogHead, body: Digest) -> Digest {
    let hash = HashStream()
    hash.update(entryDomain)
    feed(context, head, to: hash)
    hash.update(body)
    return hash.digest()
  }

  static func content(_ context: LogContext, after head: LogHead, _ unsigned: UnsafeRawBufferPointer) -> Digest {
    content(context, after: head, body: body(unsigned))
  }

  /// What the next change set names as its previous one: the content and its signature.
  static func chain(_ content: Digest, signature: UnsafeRawBufferPointer) -> Digest {
    let hash = HashStream()
    hash.update(chainDomain)
    hash.update(content)
    hash.update(signature)
    return hash.digest()
  }

  /// What a sealed section is bound to: its change set's place and header, its index there, and its key's number.
  static func place(
    _ context: LogContext, after head: LogHead, header: UnsafeRawBufferPointer, section: Int, key: AudienceKeyID
  ) -> [UInt8] {
    var writer = ByteWriter(capacity: 128 + header.count)
    writer.raw(context.federation.bytes)
    writer.raw(context.nodeKey.bytes)
    writer.bigEndian(context.log.author.rawValue)
    writer.byte(context.log.lane.rawValue)
    writer.bigEndian(UInt64(head.sequence + 1))
    writer.raw(head.hash.bytes)
    writer.raw(header)
    writer.byte(UInt8(section))
    writer.bigEndian(key)
    return writer.bytes
  }

  private static func feed(_ context: LogContext, _ head: LogHead, to hash: borrowing HashStream) {
    hash.update(context.federation)
    hash.update(context.nodeKey.bytes)
    hash.update(context.log.author.rawValue)
    hash.update(context.log.lane.rawValue)
    hash.update(UInt64(head.sequence + 1))
    hash.update(head.hash)
  }
}
