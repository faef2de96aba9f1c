import Causality
import Federation
import Sodium
import Testing

/// A sealed file opens for its readers alone, and whatever is done to it is found and told by its byte.
@Suite struct SealedFileTests {
  static let head = SealedFileHead(
    program: "renkei-node test", federation: blake2b([1]), node: AuthorNumber(ward: 12, serial: 1, epoch: 3),
    made: Instant(milliseconds: 1_795_000_000_000))
  static let authority = SigningKey(seed: [UInt8](repeating: 1, count: 32))!
  static let node = SigningKey(seed: [UInt8](repeating: 2, count: 32))!
  static let stranger = SigningKey(seed: [UInt8](repeating: 3, count: 32))!

  static func pieces(_ bytes: [UInt8]) -> (Int) -> [UInt8] {
    var offset = 0
    return { count in
      defer { offset = min(offset + count, bytes.count) }
      return Array(bytes[offset..<min(offset + count, bytes.count)])
    }
  }

  static func sealed(_ plain: [UInt8]) throws -> [UInt8] {
    var file: [UInt8] = []
    try SealedFile.seal(
      head, for: [authority.publicKey, node.publicKey], fileKey: [UInt8](repeating: 9, count: 32), by: node,
      read: pieces(plain)
    ) { file += $0 }
    return file
  }

  static func open(_ file: [UInt8], with key: SigningKey = authority) throws -> [UInt8] {
    var plain: [UInt8] = []
    let found = try SealedFile.open(with: key, read: pieces(file)) { plain += $0 }
    #expect(found == head)
    return plain
  }

  static func fault(_ file: [UInt8], with key: SigningKey = authority) -> SealedFileFault? {
    do {
      _ = try open(file, with: key)
      return nil
    } catch { return error as? SealedFileFault }
  }

  /// One chunk is 65,536 bytes of what is sealed.
  @Test(arguments: [1, 100, 65_535, 65_536, 65_537, 131_072, 200_000])
  func `what was sealed comes out for each reader, and for nobody else`(count: Int) throws {
    let plain = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
    let file = try Self.sealed(plain)
    #expect(try Self.open(file) == plain && Self.open(file, with: Self.node) == plain)
    #expect(
      Self.fault(file, with: Self.stranger) == .notForThisKey([Self.authority.publicKey, Self.node.publicKey]))
    #expect(try SealedFile.head(read: Self.pieces(file)) == Self.head, "anybody may read whose it is")
  }

  @Test func `every cut is found, and told by its byte`() throws {
    let file = try Self.sealed([UInt8](repeating: 5, count: 100))
    for end in 0..<file.count {
      let expected: SealedFileFault =
        end < 4
        ? .notSealed : end > file.count - 100 ? .damaged(from: file.count - 116, through: end - 1) : .cut(at: end)
      #expect(Self.fault(Array(file[..<end])) == expected)
    }
    let long = try Self.sealed([UInt8](repeating: 5, count: 140_000))
    let second = long.count - (140_000 - 131_072 + 16)
    #expect(Self.fault(Array(long[..<second])) == .cut(at: second), "between two chunks, too")
    #expect(Self.fault(long + [0]) == .damaged(from: second, through: long.count))
  }

  @Test func `every byte that is turned is found where it is`() throws {
    let file = try Self.sealed([UInt8](repeating: 5, count: 100))
    for index in file.indices {
      var turned = file
      turned[index] ^= 0x10
      switch Self.fault(turned) {
      case .damaged(let first, let last)?: #expect((first...last).contains(index), "byte \(index)")
      // Of a head whose counts are wrong nobody can say where it ends.
      case .cut?: #expect(index == 4 || index == 4 + 1 + 16 + 32 + 12)
      case .notSealed?: #expect(index < 4)
      default: Issue.record("byte \(index) was not missed")
      }
    }
  }

  @Test func `chunks that change places, come twice, or stand behind the end are found`() throws {
    let plain = (0..<180_000).map { UInt8(truncatingIfNeeded: $0 >> 10) }
    let file = try Self.sealed(plain)
    let (whole, last) = (65_536 + 16, 180_000 - 131_072 + 16)
    let start = file.count - last - 2 * whole
    let (head, first, second) = (file[..<start], file[start..<start + whole], file[start + whole..<start + 2 * whole])
    let end = file.suffix(last)
    #expect(Self.fault(Array(head + second + first + end)) == .damaged(from: start, through: start + whole - 1))
    #expect(
      Self.fault(Array(head + first + first + end)) == .damaged(from: start + whole, through: start + 2 * whole - 1))
    #expect(Self.fault(Array(head + first + end)) == .damaged(from: start + whole, through: start + whole + last - 1))
    let even = try Self.sealed([UInt8](repeating: 7, count: 131_072))
    #expect(Self.fault(even + [1, 2, 3]) == .followed(from: even.count))
    // Another file's chunk, sealed with the same key by the same node: its place is the same, its head is not.
    var other = Self.head
    other.made = Instant(milliseconds: 1)
    var others: [UInt8] = []
    try SealedFile.seal(
      other, for: [Self.authority.publicKey, Self.node.publicKey], fileKey: [UInt8](repeating: 9, count: 32),
      by: Self.node, read: Self.pieces(plain)
    ) { others += $0 }
    #expect(
      Self.fault(Array(head + others[start..<start + whole] + second + end))
        == .damaged(from: start, through: start + whole - 1))
  }
}
