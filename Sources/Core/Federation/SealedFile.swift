import Causality
import ChangeModel
import Sodium

/// What a sealed file tells to anybody: which program made it, for which federation and node, and when.
public struct SealedFileHead: Hashable, Sendable {
  /// ASCII, at most 64 bytes.
  public var program: String
  public var federation: Digest
  public var node: AuthorNumber
  public var made: Instant

  public init(program: String, federation: Digest, node: AuthorNumber, made: Instant) {
    self.program = program
    self.federation = federation
    self.node = node
    self.made = made
  }
}

/// Why a sealed file cannot be opened. Offsets count from the file's first byte.
public enum SealedFileFault: Error, Hashable, Sendable {
  case notSealed
  /// It is sealed for others, by their public keys.
  case notForThisKey([PublicKey])
  /// Something between these bytes, the last included, is not as it was sealed.
  case damaged(from: Int, through: Int)
  /// The file ends here, and went on.
  case cut(at: Int)
  /// The sealed file ended before this byte, and something was put behind it.
  case followed(from: Int)
}

/// A file that only some keys open, of any length: FORMAT.md, section 15. Any byte that is turned, lost, swapped or added is
/// found before what it belongs to is given out.
public enum SealedFile {
  public static let magic = [UInt8]("RKS1".utf8)

  /// Plain bytes of a chunk.
  static let chunkBytes = 64 * 1024
  /// A ward's authority, the node itself, and room for more.
  static let readerLimit = 8
  static let programLimit = 64
  private static let label = "sealed file 1"
  /// Of a key in a sealed box: the ephemeral key, the tag, the key.
  private static let boxBytes = PublicKey.byteCount + AudienceKey.tagBytes + AudienceKey.byteCount

  /// Seals what `read` gives.
  ///
  /// - Parameters:
  ///   - readers: whose keys open it; at most 8.
  ///   - fileKey: 32 bytes that nobody can guess, never used before.
  ///   - read: as many bytes as are asked for; fewer at the end, which comes after one byte at least.
  ///   - emit: takes the sealed file, piece by piece.
  /// - Throws: `malformedCard` when a reader's key is no point; what `read` and `emit` throw.
  public static func seal(
    _ head: SealedFileHead, for readers: [PublicKey], fileKey: [UInt8], by sender: SigningKey,
    read: (Int) throws -> [UInt8], emit: ([UInt8]) throws -> Void
  ) throws {
    precondition((1...readerLimit).contains(readers.count) && head.program.utf8.count <= programLimit)
    guard let key = AudienceKey(fileKey) else { preconditionFailure("a file key has 32 bytes") }
    var writer = ByteWriter(capacity: 1_024)
    writer.raw(magic)
    writer.bigEndian(UInt8(head.program.utf8.count))
    writer.raw(Array(head.program.utf8))
    writer.raw(head.federation.bytes)
    writer.bigEndian(head.node.rawValue)
    writer.bigEndian(UInt64(bitPattern: head.made.milliseconds))
    writer.bigEndian(UInt8(readers.count))
    for reader in readers {
      guard let box = sender.sealedBox(of: fileKey, to: reader) else { throw FederationError.malformedCard("key") }
      writer.raw(reader.bytes)
      writer.raw(box)
    }
    let check = check(writer.bytes)
    try emit(writer.bytes + check)
    let chunkKey = chunkKey(key, check)
    var (number, next) = (UInt64(0), try read(chunkBytes))
    while true {
      let chunk = next
      next = chunk.count < chunkBytes ? [] : try read(chunkBytes)
      try emit(chunkKey.seal(chunk, nonce: nonce(number, isLast: next.isEmpty)))
      guard !next.isEmpty else { return }
      number += 1
    }
  }

  /// Reads what a sealed file tells to anybody.
  public static func head(read: @escaping (Int) throws -> [UInt8]) throws -> SealedFileHead {
    var source = Source(read: read)
    return try head(&source).head
  }

  /// Opens a sealed file.
  ///
  /// - Parameters:
  ///   - key: of one of its readers.
  ///   - read: as many bytes as are asked for; fewer at the end.
  ///   - emit: takes the plain file, piece by piece: each is as it was sealed, and only with this function's return it is known
  ///     that all have come.
  /// - Throws: `SealedFileFault`; what `read` and `emit` throw.
  public static func open(
    with key: SigningKey, read: @escaping (Int) throws -> [UInt8], emit: ([UInt8]) throws -> Void
  ) throws -> SealedFileHead {
    var source = Source(read: read)
    let (head, readers, check) = try head(&source)
    guard let box = readers.first(where: { $0.key == key.publicKey })?.box else {
      throw SealedFileFault.notForThisKey(readers.map(\.key))
    }
    guard let secret = key.open(sealedBox: box, to: key.publicKey), let fileKey = AudienceKey(secret) else {
      throw SealedFileFault.damaged(from: 0, through: source.offset - 1)
    }
    let chunkKey = chunkKey(fileKey, check)
    let whole = chunkBytes + AudienceKey.tagBytes
    var number: UInt64 = 0
    var next = try source.take(whole)
    while true {
      let chunk = next
      next = chunk.count < whole ? [] : try source.take(whole)
      let isLast = next.isEmpty
      let start = source.offset - next.count - chunk.count
      func plain(_ isLast: Bool) -> [UInt8]? {
        chunk.withUnsafeBytes { chunkKey.open($0, nonce: nonce(number, isLast: isLast)) }
      }
      guard let opened = plain(isLast) else {
        guard plain(!isLast) == nil else {
          throw isLast ? SealedFileFault.cut(at: source.offset) : .followed(from: start + chunk.count)
        }
        throw chunk.count <= AudienceKey.tagBytes && isLast
          ? SealedFileFault.cut(at: source.offset)
          : .damaged(from: start, through: start + max(chunk.count, 1) - 1)
      }
      try emit(opened)
      guard !isLast else { return head }
      number += 1
    }
  }

  // MARK: The head

  private struct Reader {
    var key: PublicKey
    var box: [UInt8]
  }

  /// What was read, and how far.
  private struct Source {
    let read: (Int) throws -> [UInt8]
    var offset = 0

    init(read: @escaping (Int) throws -> [UInt8]) { self.read = read }

    mutating func take(_ count: Int) throws -> [UInt8] {
      let bytes = try read(count)
      offset += bytes.count
      return bytes
    }
  }

  private static func head(
    _ source: inout Source
  ) throws -> (head: SealedFileHead, readers: [Reader], check: [UInt8]) {
    var bytes: [UInt8] = []
    func more(_ count: Int) throws -> ArraySlice<UInt8> {
      let piece = try source.take(count)
      bytes += piece
      guard piece.count == count else { throw SealedFileFault.cut(at: source.offset) }
      return piece[...]
    }
    let start = try source.take(magic.count)
    guard start == magic else { throw SealedFileFault.notSealed }
    bytes = start
    let fixed = Digest.byteCount + 4 + 8 + 1
    let length = Int(try more(1).first!)
    guard length <= programLimit else { throw SealedFileFault.damaged(from: 4, through: 4) }
    let program = try more(length)
    let rest = Array(try more(fixed))
    let count = Int(rest.last!)
    guard (1...readerLimit).contains(count) else {
      throw SealedFileFault.damaged(from: 4, through: source.offset - 1)
    }
    var readers: [Reader] = []
    for _ in 0..<count {
      let key = PublicKey(try more(PublicKey.byteCount))!
      readers.append(Reader(key: key, box: Array(try more(boxBytes))))
    }
    let expected = check(bytes)
    func number(_ range: Range<Int>) -> UInt64 { rest[range].reduce(0) { $0 << 8 | UInt64($1) } }
    let node = AuthorNumber(rawValue: UInt32(number(Digest.byteCount..<Digest.byteCount + 4)))
    guard Array(try more(Digest.byteCount)) == expected, let node else {
      throw SealedFileFault.damaged(from: 4, through: source.offset - 1)
    }
    let made = Int64(bitPattern: number(Digest.byteCount + 4..<fixed - 1))
    let head = SealedFileHead(
      program: String(decoding: program, as: UTF8.self), federation: Digest(rest.prefix(Digest.byteCount)), node: node,
      made: Instant(milliseconds: made))
    return (head, readers, expected)
  }

  private static func check(_ head: [UInt8]) -> [UInt8] { blake2b([UInt8]("renkei \(label)".utf8) + head).bytes }

  private static func chunkKey(_ fileKey: AudienceKey, _ check: [UInt8]) -> AudienceKey {
    AudienceKey(fileKey.tag(label, check))!
  }

  private static func nonce(_ number: UInt64, isLast: Bool) -> [UInt8] {
    [UInt8](repeating: 0, count: AudienceKey.nonceBytes - 9) + withUnsafeBytes(of: number.bigEndian, Array.init)
      + [isLast ? 1 : 0]
  }
}
