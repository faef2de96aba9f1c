import Causality
import ChangeModel
import Sodium

/// A change set whose author, place in its chain and federation are proven. Only this target can make one.
public struct VerifiedEntry: Sendable {
  public let log: LogName
  /// The head that it follows.
  public let previous: LogHead
  /// Exactly as the author signed them, signature included.
  public let bytes: [UInt8]
  /// Its chain hash.
  public let hash: Digest

  init(log: LogName, previous: LogHead, bytes: [UInt8], hash: Digest) {
    self.log = log
    self.previous = previous
    self.bytes = bytes
    self.hash = hash
  }

  public var sequence: SequenceNumber { previous.sequence + 1 }
  public var dot: Dot { Dot(log.author, sequence) }
  public var head: LogHead { LogHead(sequence: sequence, hash: hash) }

  /// The plain bytes of a section.
  ///
  /// - Parameter layout: of these bytes.
  /// - Returns: nil when the key does not open it; nothing, which is no content, for what was not packed as it says.
  public func open(
    _ section: Int, of layout: ChangeSetLayout, with key: AudienceKey?, in context: LogContext
  ) -> [UInt8]? {
    let sealed = layout.sections[section]
    return bytes.withUnsafeBytes { bytes in
      let content = UnsafeRawBufferPointer(rebasing: bytes[sealed.range])
      guard sealed.key != 0 else { return [UInt8](content) }
      let header = UnsafeRawBufferPointer(rebasing: bytes[..<layout.headerBytes])
      let plain = key?.open(
        content, in: EntryHash.place(context, after: previous, header: header, section: section, key: sealed.key))
      guard let plain, layout.isPacked else { return plain }
      return (try? Packing.unpack(plain)) ?? []
    }
  }
}

/// What is to be written for one audience.
public struct PlainSection: Sendable {
  public var key: AudienceKeyID
  public var secret: AudienceKey?
  public var bytes: [UInt8]

  /// - Precondition: `secret` is nil only for key 0, which anyone can read.
  public init(key: AudienceKeyID, secret: AudienceKey?, bytes: [UInt8]) {
    precondition((secret == nil) == (key == 0))
    self.key = key
    self.secret = secret
    self.bytes = bytes
  }
}

extension VerifiedEntry {
  /// Seals and signs the next change set of a log: by this node, so that there is nothing to verify.
  ///
  /// - Precondition: the result is within `Limits.changeSetBytes`; the caller splits its edits before.
  public static func sealing(
    _ sections: [PlainSection], header: ChangeSetHeader, after past: AuthorPast, head: LogHead, in context: LogContext,
    with key: SigningKey
  ) -> VerifiedEntry {
    precondition(past.sequence == head.sequence && key.publicKey == context.nodeKey)
    var writer = ByteWriter(capacity: 128 + sections.reduce(0) { $0 + $1.bytes.count + 32 })
    let packed = sections.map { $0.secret == nil ? nil : Packing.pack($0.bytes) }
    let isPacked = packed.contains { $0 != nil }
    ChangeSetLayout.writeHeader(header, sections: sections.count, isPacked: isPacked, after: past, to: &writer)
    let headerBytes = writer.bytes
    for (index, section) in sections.enumerated() {
      writer.varint(section.key)
      guard let secret = section.secret else {
        writer.blob(section.bytes)
        continue
      }
      let place = headerBytes.withUnsafeBytes {
        EntryHash.place(context, after: head, header: $0, section: index, key: section.key)
      }
      let content = isPacked ? packed[index] ?? Packing.stored(section.bytes) : section.bytes
      writer.blob(secret.seal(content, in: place))
    }
    return signing(writer.bytes, after: head, in: context, with: key)
  }

  /// Signs any bytes as the next change set of a log: also what no honest node writes.
  ///
  /// - Precondition: with the signature, within `Limits.changeSetBytes`.
  public static func signing(
    _ body: [UInt8], after head: LogHead, in context: LogContext, with key: SigningKey
  ) -> VerifiedEntry {
    precondition(body.count + Signature.byteCount <= Limits.changeSetBytes)
    let content = body.withUnsafeBytes { EntryHash.content(context, after: head, $0) }
    let signature = content.withBytes { key.signature(over: $0) }
    let hash = signature.withUnsafeBytes { EntryHash.chain(content, signature: $0) }
    return VerifiedEntry(log: context.log, previous: head, bytes: body + signature, hash: hash)
  }
}

extension VerifiedEntry {
  /// What was signed: said in a test vector of this change set besides its bytes.
  public func content(in context: LogContext) -> Digest {
    bytes.withUnsafeBytes {
      EntryHash.content(context, after: previous, UnsafeRawBufferPointer(rebasing: $0.dropLast(Signature.byteCount)))
    }
  }
}
