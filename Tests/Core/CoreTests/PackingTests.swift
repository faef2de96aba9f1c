import Causality
import ChangeModel
import SignedLog
import Sodium
import TestSupport
import Testing

/// Sections that are packed before they are sealed.
struct PackingTests {
  private static let author = AuthorNumber(ward: 3, serial: 1, epoch: 0)
  private static let key = SigningKey(seed: [UInt8](repeating: 5, count: SigningKey.seedBytes))!
  private static let secret = AudienceKey([UInt8](repeating: 9, count: 32))!
  private static let context = LogContext(
    federation: Digest(repeatElement(7, count: Digest.byteCount)), nodeKey: key.publicKey, log: LogName(.life, author))
  private static let header = ChangeSetHeader(time: HybridTime.zero.next(at: .test), clock: [], control: [])
  private static let past = AuthorPast(author: author, lane: .life)

  private static func sealed(_ contents: [[UInt8]]) -> VerifiedEntry {
    VerifiedEntry.sealing(
      contents.enumerated().map { PlainSection(key: AudienceKeyID($0.offset + 1), secret: secret, bytes: $0.element) },
      header: header, after: past, head: LogHead(), in: context, with: key)
  }

  private static func layout(_ entry: VerifiedEntry) throws -> ChangeSetLayout {
    try entry.bytes.decoding { raw throws(MalformedBytes) in try ChangeSetLayout(raw, after: past) }
  }

  private static func opened(_ entry: VerifiedEntry) throws -> [[UInt8]?] {
    let layout = try layout(entry)
    return layout.sections.indices.map { entry.open($0, of: layout, with: secret, in: context) }
  }

  @Test func `whatever is sealed comes out as it went in, and never in more bytes than a byte a section`() throws {
    var random = RandomNumbers(seed: 24)
    var packed = 0
    for seed in 0..<300 {
      let contents = (0...random.below(3)).map { _ -> [UInt8] in
        // From noise, which cannot be packed, to one byte over and over.
        let kinds = random.chance(0.3) ? 256 : 1 + random.below(256)
        return (0..<random.below(4_000)).map { _ in UInt8(random.below(kinds)) }
      }
      let entry = Self.sealed(contents)
      #expect(try Self.opened(entry) == contents, "case \(seed)")
      #expect(entry.bytes.count <= contents.reduce(0) { $0 + $1.count + 24 } + 64 + 16, "case \(seed)")
      if try Self.layout(entry).isPacked { packed += 1 }
    }
    #expect(packed > 50 && packed < 300)
  }

  /// Who holds a key may seal anything under it: what is not packed as it says opens as nothing, in no more room than a change set has.
  @Test func `what is packed wrongly is no content`() throws {
    let good = try #require(try Self.packed([UInt8](repeating: 7, count: 60_000)))
    let wrong: [(String, [UInt8])] = [
      ("a length and no more", [200, 1]), ("noise", [200, 1] + [UInt8](repeating: 0xab, count: 40)),
      ("longer than it says", [100] + good.dropFirst(3)),
      ("shorter than it says", [0xff, 0xff, 3] + good.dropFirst(3)),
      ("more than a change set holds", [0xff, 0xff, 0xff, 0x7f] + good.dropFirst(3)), ("cut", good.dropLast(9)),
    ]
    for (what, bytes) in wrong {
      let entry = Self.lying(bytes)
      #expect(try Self.opened(entry) == [[]], "\(what)")
    }
    #expect(try Self.opened(Self.lying(good)) == [[UInt8](repeating: 7, count: 60_000)])
  }

  /// The sealed content of a section that packs well.
  private static func packed(_ content: [UInt8]) throws -> [UInt8]? {
    let entry = sealed([content])
    let layout = try layout(entry)
    guard layout.isPacked else { return nil }
    let section = layout.sections[0]
    return entry.bytes.withUnsafeBytes { raw in
      let place = place(header: raw.prefix(layout.headerBytes).map { $0 })
      return secret.open(UnsafeRawBufferPointer(rebasing: raw[section.range]), in: place)
    }
  }

  /// A change set that says it is packed, with this under its seal.
  private static func lying(_ content: [UInt8]) -> VerifiedEntry {
    var writer = ByteWriter()
    ChangeSetLayout.writeHeader(header, sections: 1, isPacked: true, after: past, to: &writer)
    let sealed = secret.seal(content, in: place(header: writer.bytes))
    writer.varint(UInt32(1))
    writer.blob(sealed)
    return VerifiedEntry.signing(writer.bytes, after: LogHead(), in: context, with: key)
  }

  /// FORMAT.md, section 5.
  private static func place(header: [UInt8]) -> [UInt8] {
    var writer = ByteWriter()
    writer.raw(context.federation.bytes)
    writer.raw(key.publicKey.bytes)
    writer.bigEndian(author.rawValue)
    writer.byte(Lane.life.rawValue)
    writer.bigEndian(UInt64(1))
    writer.raw(Digest.zero.bytes)
    writer.raw(header)
    writer.byte(0)
    writer.bigEndian(AudienceKeyID(1))
    return writer.bytes
  }
}
