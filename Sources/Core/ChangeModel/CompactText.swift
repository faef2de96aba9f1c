/// Text in few bytes: Japanese in UTF-8 takes three bytes a character, here kana take one and kanji two.
///
/// A text is a varint `length << 1 | packed`, then `length` bytes: UTF-8, or packed units. The writer takes the
/// shorter; a reader accepts either. Packed units, from a katakana page:
///
///     00-5F       U+30A0 + b (katakana page) or U+3040 + b (hiragana page)
///     60-B1 xx    U+4E00 + (b - 60) << 8 + xx, the CJK ideographs
///     B2          changes the page between katakana and hiragana
///     B3 xx       U+3000 + xx, CJK punctuation
///     B4 xx       U+FF00 + xx, full-width and half-width forms
///     B5 xx       U+0000 + xx, for xx below 80
///     B6 varint   any scalar
///     C0-C9       the digits 0 to 9
///     CA CB CC CD space, full stop, hyphen, U+3000
///     CE CF       the comma and full stop of Japanese, U+3001 and U+3002
///     D0-E9       the letters a to z
public enum CompactText {
  public static func write(_ text: String, to writer: inout ByteWriter) {
    var text = text
    let length = text.utf8.count
    let isASCII = text.withUTF8(isASCII)
    // A unit takes two bytes for one of UTF-8 at most.
    let isPacked =
      !isASCII
      && withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 2 * length) { units in
        let count = pack(text.unicodeScalars, into: units)
        guard count < length else { return false }
        writer.count(count << 1 | 1)
        writer.raw(units[..<count])
        return true
      }
    guard !isPacked else { return }
    writer.count(length << 1)
    text.withUTF8 { writer.raw($0) }
  }

  public static func read(from reader: inout ByteReader) throws(MalformedBytes) -> String {
    let head = try reader.count(upTo: Limits.textBytes << 1 | 1)
    let offset = reader.offset
    let units = try reader.raw(head >> 1)
    let text = head & 1 == 0 ? plain(units) : unpack(units)
    guard let text, text.utf8.count <= Limits.textBytes else {
      throw MalformedBytes(.invalidText, offset: offset)
    }
    return text
  }

  private static func plain(_ units: UnsafeRawBufferPointer) -> String? {
    units.contains(0) ? nil : String(validating: units, as: UTF8.self)
  }

  private static func isASCII(_ utf8: UnsafeBufferPointer<UInt8>) -> Bool {
    for byte in utf8 where byte >= 0x80 { return false }
    return true
  }

  private static let katakana: UInt32 = 0x30a0
  private static let hiragana: UInt32 = 0x3040

  /// - Returns: how many bytes the units take.
  private static func pack(_ text: String.UnicodeScalarView, into units: UnsafeMutableBufferPointer<UInt8>) -> Int {
    var count = 0
    func put(_ unit: UInt32) {
      units[count] = UInt8(truncatingIfNeeded: unit)
      count += 1
    }
    func put(_ lead: UInt32, _ low: UInt32) {
      put(lead)
      put(low)
    }
    var page = katakana
    for unicode in text {
      let scalar = unicode.value
      switch scalar {
      case 0x30...0x39: put(0xc0 + (scalar - 0x30))
      case 0x20: put(0xca)
      case 0x2e: put(0xcb)
      case 0x2d: put(0xcc)
      case 0x3000: put(0xcd)
      case 0x3001, 0x3002: put(0xce + (scalar - 0x3001))
      case 0x61...0x7a: put(0xd0 + (scalar - 0x61))
      case 0x00...0x7f: put(0xb5, scalar)
      case page..<(page + 0x60): put(scalar - page)
      case hiragana..<(katakana + 0x60):
        page = scalar < katakana ? hiragana : katakana
        put(0xb2, scalar - page)
      case 0x3000..<0x3100: put(0xb3, scalar)
      case 0x4e00..<0xa000: put(0x60 + (scalar - 0x4e00) >> 8, scalar)
      case 0xff00..<0x10000: put(0xb4, scalar)
      default:
        var number = ByteWriter(capacity: 4)
        number.byte(0xb6)
        number.varint(scalar)
        for byte in number.bytes { put(UInt32(byte)) }
      }
    }
    return count
  }

  /// Nil when the units are not a text.
  private static func unpack(_ units: UnsafeRawBufferPointer) -> String? {
    var reader = ByteReader(units)
    // The longest form of one unit byte is a kana: three bytes of UTF-8.
    return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: units.count * 3 + 4) { buffer in
      var count = 0
      var page = katakana
      while !reader.isAtEnd {
        guard let scalar = try? unpackScalar(from: &reader, page: &page) else { return nil }
        guard scalar != 0xffff_ffff else { continue }
        guard scalar != 0, let unicode = Unicode.Scalar(scalar), let encoded = UTF8.encode(unicode) else { return nil }
        for byte in encoded {
          buffer[count] = byte
          count += 1
        }
      }
      return String(decoding: UnsafeBufferPointer(rebasing: buffer[..<count]), as: UTF8.self)
    }
  }

  /// `0xffff_ffff` for a change of page.
  @inline(__always)
  private static func unpackScalar(
    from reader: inout ByteReader, page: inout UInt32
  ) throws(MalformedBytes) -> UInt32 {
    let unit = try reader.byte()
    switch unit {
    case 0x00...0x5f: return page + UInt32(unit)
    case 0x60...0xb1: return 0x4e00 + UInt32(unit - 0x60) << 8 + UInt32(try reader.byte())
    case 0xb2:
      page = page == katakana ? hiragana : katakana
      return 0xffff_ffff
    case 0xb3: return 0x3000 + UInt32(try reader.byte())
    case 0xb4: return 0xff00 + UInt32(try reader.byte())
    case 0xb5:
      let scalar = try reader.byte()
      guard scalar < 0x80 else { throw reader.malformed(.invalidText) }
      return UInt32(scalar)
    case 0xb6: return UInt32(try reader.varint(upTo: 0x10ffff))
    case 0xc0...0xc9: return 0x30 + UInt32(unit - 0xc0)
    case 0xca: return 0x20
    case 0xcb: return 0x2e
    case 0xcc: return 0x2d
    case 0xcd: return 0x3000
    case 0xce, 0xcf: return 0x3001 + UInt32(unit - 0xce)
    case 0xd0...0xe9: return 0x61 + UInt32(unit - 0xd0)
    default: throw reader.malformed(.unknownTag)
    }
  }
}
