import Causality
import ChangeModel
import TestSupport
import Testing

/// Decoders are total: whatever the bytes, a value or an error, never a trap; and what was written is read again.
@Suite struct CodecTests {
  static let texts = [
    "", "a", "渋谷区立第一小学校", "サトウ ハナコ", "ｻﾄｳ ﾊﾅｺ", "さとう　はなこ", "髙橋・﨑", "𠮷野家", "Ｎｏ．１２", "O'Brien-2.5", "毛布、水。", "🏠避難",
    "e\u{301}", "é", "\u{202e}abc", "一二三abcＡＢＣ123", String(repeating: "漢", count: 5_000),
  ]

  @Test func `text keeps its exact scalars, in fewer bytes for Japanese`() throws {
    for text in Self.texts {
      var writer = ByteWriter()
      CompactText.write(text, to: &writer)
      let read = try writer.bytes.decoding { raw throws(MalformedBytes) in
        var reader = ByteReader(raw)
        return try CompactText.read(from: &reader)
      }
      #expect(Array(read.unicodeScalars) == Array(text.unicodeScalars))
      #expect(writer.bytes.count <= text.utf8.count + 3)
    }
    var writer = ByteWriter()
    CompactText.write("サトウ ハナコ", to: &writer)
    #expect(writer.bytes.count == 8, "one byte a kana")
  }

  /// Two texts that Swift takes for one, such as が in one scalar and in two, stay two. (Found 2026-11-30: the second was written as
  /// the first again.)
  @Test func `texts that only look equal stay apart in one section`() throws {
    let texts = Self.texts + ["が", "か\u{3099}", "が", "é"]
    let author = AuthorNumber(ward: 1, serial: 1, epoch: 0)
    let edits = texts.enumerated().map { index, text in
      RowEdit(10, RowID(author: author, counter: UInt64(index + 1)), [FieldEdit(1, .set(.text(text)))])
    }
    let read = try SectionCodec.encode(edits, by: author).decoding { raw throws(MalformedBytes) in
      try SectionCodec.decode(raw, by: author)
    }
    let scalars = read.map { edit -> [Unicode.Scalar] in
      guard case .edit(let fields) = edit.action, case .set(.text(let text)) = fields[0].operation else { return [] }
      return Array(text.unicodeScalars)
    }
    #expect(scalars == texts.map { Array($0.unicodeScalars) })
  }

  @Test func `random scalars survive packing`() throws {
    var random = RandomNumbers(seed: 4)
    let ranges: [ClosedRange<UInt32>] = [
      0x20...0x7e, 0x3000...0x30ff, 0x4e00...0x9fff, 0xff00...0xffef, 0x1f300...0x1f600, 0x80...0x2ff,
    ]
    for _ in 0..<3_000 {
      var text = ""
      for _ in 0..<random.below(20) {
        let range = random.pick(ranges)
        text.unicodeScalars.append(Unicode.Scalar(range.lowerBound + UInt32(random.below(range.count)))!)
      }
      var writer = ByteWriter()
      CompactText.write(text, to: &writer)
      let read = try writer.bytes.decoding { raw throws(MalformedBytes) in
        var reader = ByteReader(raw)
        return try CompactText.read(from: &reader)
      }
      #expect(Array(read.utf8) == Array(text.utf8))
    }
  }

  static func randomEdits(_ random: inout RandomNumbers, by author: AuthorNumber) -> [RowEdit] {
    let other = AuthorNumber(ward: 3, serial: 9, epoch: 2)
    return (0..<random.below(6)).map { _ in
      let row = [
        RowID(author: author, counter: UInt64(1 + random.below(1_000))),
        RowID(author: other, counter: UInt64(1 + random.below(9))),
        RowID(derivedFrom: random.next()),
      ][random.below(3)]
      if random.chance(0.2) {
        return RowEdit(7, row, .delete(shares: [ContributionShare(field: 4, author: other, last: 9, total: -7)]))
      }
      var fields = (0...random.below(5)).map { _ in TestSchema.randomEdit(&random) }
      if random.chance(0.3) { fields.append(FieldEdit(6, .handOver(Int64(random.below(90)), to: other))) }
      if random.chance(0.3) { fields.append(FieldEdit(300, .set(.bytes([1, 2, 3])))) }
      return RowEdit(UInt32(random.below(4_000)), row, fields)
    }
  }

  @Test func `sections are read as they were written`() throws {
    var random = RandomNumbers(seed: 1)
    let author = AuthorNumber(ward: 1, serial: 1, epoch: 0)
    for _ in 0..<2_000 {
      let edits = Self.randomEdits(&random, by: author)
      let bytes = SectionCodec.encode(edits, by: author)
      #expect(try bytes.decoding { raw throws(MalformedBytes) in try SectionCodec.decode(raw, by: author) } == edits)
    }
  }

  @Test func `damaged sections, headers and states are errors or values, never a trap`() throws {
    var random = RandomNumbers(seed: 2)
    let author = AuthorNumber(ward: 1, serial: 1, epoch: 0)
    var past = AuthorPast(author: author, lane: .life)
    past.advance(
      by: ChangeSetHeader(
        time: HybridTime(milliseconds: 5), clock: [Dot(AuthorNumber(ward: 2, serial: 1, epoch: 0), 3)], control: []))
    for _ in 0..<20_000 {
      var bytes = SectionCodec.encode(Self.randomEdits(&random, by: author), by: author)
      for _ in 0...random.below(3) { bytes[random.below(bytes.count)] = UInt8(truncatingIfNeeded: random.next()) }
      if random.chance(0.3) { bytes.removeLast(random.below(bytes.count)) }
      _ = try? bytes.decoding { raw throws(MalformedBytes) in try SectionCodec.decode(raw, by: author) }
      let header =
        (0..<random.below(40)).map { _ in UInt8(truncatingIfNeeded: random.next()) } + [UInt8](repeating: 0, count: 64)
      var framed = header
      if !framed.isEmpty { framed[0] = random.chance(0.5) ? 0x10 : 0x11 }
      _ = try? framed.decoding { raw throws(MalformedBytes) in try ChangeSetLayout(raw, after: past) }
    }
  }

  @Test func `numbers have one form each`() {
    for bytes in [
      [0x80, 0x00], [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02], [0x80], [0x81, 0x80, 0x00],
    ] as [[UInt8]] {
      #expect(throws: MalformedBytes.self) {
        try bytes.decoding { raw throws(MalformedBytes) in
          var reader = ByteReader(raw)
          return try reader.varint()
        }
      }
    }
  }

  @Test func `hybrid time never goes back, and a later edit is later whatever the wall clock says`() {
    var time = HybridTime.zero
    for now in [1_000, 900, 900, 5, 2_000, 1_999] as [Int64] {
      let next = time.next(at: Instant(milliseconds: now))
      #expect(next > time)
      time = next
    }
    #expect(HybridTime(rawValue: .max).next(at: Instant(milliseconds: 1)) == HybridTime(rawValue: .max))
  }
}
