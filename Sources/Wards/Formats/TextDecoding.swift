import Glibc

/// What a published file is written in.
public enum TextEncoding: String, Sendable {
  case utf8 = "UTF-8"
  case utf8WithMark = "UTF-8 (BOM)"
  case cp932 = "CP932"
  case utf16 = "UTF-16"
  case eucJP = "EUC-JP"
  case iso2022JP = "ISO-2022-JP"
}

/// Why a file is not a list that we can read.
public enum ExchangeError: Error, Hashable, Sendable {
  /// In no encoding that is known here, from this byte on.
  case unknownEncoding(offset: Int)
  /// No row holds the column names of a list that is known here; what the first rows hold instead.
  case unknownHeader([String])
  case duplicateColumn(String, line: Int)
  case notJSON(String)
  case notFeatureCollection
  case tooLarge(limit: Int)
  case lineTooLong(line: Int, limit: Int)
}

/// A file's bytes and what most of it is written in. Each field is decoded by itself: where two files were joined, or some bytes
/// were lost, the others are still right.
public struct EncodedText {
  public var bytes: [UInt8]
  public var encoding: TextEncoding

  private static let mark: [UInt8] = [0xef, 0xbb, 0xbf]

  /// UTF-8, or CP932 (Shift_JIS as Windows writes it, 髙 and ① included), by which of them more lines are; UTF-16 is made UTF-8.
  public init(_ bytes: [UInt8]) throws(ExchangeError) {
    if let name = Self.wide(bytes) {
      guard let plain = Converter(from: name)?.convert(bytes) else { throw .unknownEncoding(offset: 0) }
      self.init(plain.starts(with: Self.mark) ? Array(plain.dropFirst(3)) : plain, .utf16)
    } else if bytes.starts(with: Self.mark) {
      self.init(Array(bytes.dropFirst(3)), .utf8WithMark)
    } else {
      self.init(bytes, .utf8)
      if String(validating: bytes, as: UTF8.self) == nil, isMostlyCP932 { encoding = .cp932 }
    }
  }

  private init(_ bytes: [UInt8], _ encoding: TextEncoding) { (self.bytes, self.encoding) = (bytes, encoding) }

  /// The same file taken for another encoding, as UTF-8; nil when it is not in it.
  public func reread(as encoding: TextEncoding) -> EncodedText? {
    Converter(from: encoding.rawValue)?.convert(bytes).map { EncodedText($0, encoding) }
  }

  /// `UTF-16LE` or `UTF-16BE`: by its mark, or by where the zeros stand beside commas and ends of lines.
  private static func wide(_ bytes: [UInt8]) -> String? {
    if bytes.starts(with: [0xff, 0xfe]) { return "UTF-16LE" }
    if bytes.starts(with: [0xfe, 0xff]) { return "UTF-16BE" }
    var (little, big, zeros) = (0, 0, 0)
    for index in stride(from: 0, to: min(bytes.count, 4_096) - 1, by: 2) {
      let (first, second) = (bytes[index], bytes[index + 1])
      zeros += (first == 0 ? 1 : 0) + (second == 0 ? 1 : 0)
      little += second == 0 && first != 0 ? 1 : 0
      big += first == 0 && second != 0 ? 1 : 0
    }
    guard zeros >= 8, max(little, big) * 10 >= zeros * 9 else { return nil }
    return little > big ? "UTF-16LE" : "UTF-16BE"
  }

  /// By its cells and texts: a file may be one long line.
  private var isMostlyCP932: Bool {
    let decoder = FieldDecoder(.cp932)
    let ends = [UInt8]("\n\r\t,;\"".utf8)
    var cells = 0
    for cell in bytes.split(whereSeparator: ends.contains) where cell.contains(where: { $0 >= 0x80 }) {
      switch decoder.decode(Array(cell)) {
      case .text: cells += 1
      case .other: cells -= 1
      case .damaged: break
      }
    }
    return cells > 0
  }
}

/// Decodes one field of a file.
public final class FieldDecoder {
  public enum Decoded: Hashable {
    case text(String)
    /// In the other of the two encodings than the file.
    case other(String, TextEncoding)
    /// In neither, or garbled before it came here; with what can still be read.
    case damaged(String)

    public var text: String {
      switch self {
      case .text(let text), .other(let text, _), .damaged(let text): text
      }
    }
  }

  private let isCP932: Bool
  private let cp932 = Converter(from: "CP932")
  private let back = Converter(from: "UTF-8", to: "CP932")

  public init(_ encoding: TextEncoding) { isCP932 = encoding == .cp932 }

  public func decode(_ bytes: [UInt8]) -> Decoded {
    guard bytes.contains(where: { $0 >= 0x80 || $0 < 0x20 }) else {
      return .text(String(decoding: bytes, as: UTF8.self))
    }
    let plain = bytes.filter { $0 != 0 }
    guard plain.count == bytes.count else { return .damaged(readable(plain)) }
    if let text = String(validating: bytes, as: UTF8.self), !isCP932 || Self.isPlainlyUTF8(bytes) {
      let text = String(text.unicodeScalars.filter { $0 != "\u{feff}" })
      guard !text.unicodeScalars.contains("\u{fffd}"), !isGarbled(text) else { return .damaged(text) }
      return isCP932 && bytes.contains { $0 >= 0x80 } ? .other(text, .utf8) : .text(text)
    }
    guard let converted = cp932?.convert(bytes) else { return .damaged(readable(plain)) }
    let text = String(decoding: converted, as: UTF8.self)
    return isCP932 ? .text(text) : .other(text, .cp932)
  }

  private func readable(_ bytes: [UInt8]) -> String {
    if isCP932, let converted = cp932?.convert(bytes) { return String(decoding: converted, as: UTF8.self) }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Kana and kanji take three bytes in UTF-8, and each of them would have to be right by chance.
  private static func isPlainlyUTF8(_ bytes: [UInt8]) -> Bool {
    !bytes.contains { $0 >= 0x80 } || bytes.contains { $0 >= 0xe2 }
  }

  /// Japanese in UTF-8 that somebody took for CP932 or Latin-1 (縺ゅ＞, ã‚): written back as that it is right UTF-8 once more.
  private func isGarbled(_ text: String) -> Bool {
    let scalars = text.unicodeScalars
    // Nearly all of it is Japanese then: a little may be lost for good, and two characters may come out by chance.
    func isJapanese(_ bytes: [UInt8]) -> Bool {
      let found = String(decoding: bytes, as: UTF8.self).unicodeScalars.filter { !$0.isASCII }
      let japanese = found.count { (0x3000...0x9fff).contains($0.value) || (0xff00...0xffef).contains($0.value) }
      return japanese >= 3 && japanese * 5 >= found.count * 4
    }
    if let bytes = back?.convert(Array(text.utf8)), isJapanese(bytes) { return true }
    guard scalars.contains(where: { (0xe3...0xe9).contains($0.value) }), scalars.allSatisfy({ $0.value < 0x100 }) else {
      return false
    }
    return isJapanese(scalars.map { UInt8($0.value) })
  }
}

/// Text as older spreadsheets and ledgers read it: CP932, Shift_JIS as Windows writes it.
public enum CP932 {
  /// What has no place in it stands as 〓, as printers have it for a missing type.
  ///
  /// - Returns: the bytes, and how many characters were lost.
  public static func encode(_ text: String) -> (bytes: [UInt8], lost: Int) {
    guard let converter = Converter(from: "UTF-8", to: "CP932") else { return (Array(text.utf8), 0) }
    if let bytes = converter.convert(Array(text.utf8)) { return (bytes, 0) }
    return text.reduce(into: (bytes: [UInt8](), lost: 0)) { all, character in
      let one = converter.convert(Array(String(character).utf8))
      all.bytes += one ?? [0x81, 0xac]
      if one == nil { all.lost += 1 }
    }
  }
}

/// The C library's converter: its CP932 table is Microsoft's.
private final class Converter {
  private let handle: iconv_t

  init?(from source: String, to target: String = "UTF-8") {
    guard let handle = iconv_open(target, source), handle != iconv_t(bitPattern: -1) else { return nil }
    self.handle = handle
  }

  deinit { iconv_close(handle) }

  /// - Returns: nil when a byte is not of the source's encoding.
  func convert(_ bytes: [UInt8]) -> [UInt8]? {
    iconv(handle, nil, nil, nil, nil)
    var input = bytes.map { CChar(bitPattern: $0) }
    var inputLeft = input.count
    let capacity = bytes.count * 3 + 16
    var outputLeft = capacity
    var failed = false
    let output = [UInt8](unsafeUninitializedCapacity: capacity) { output, count in
      failed = input.withUnsafeMutableBufferPointer { input in
        var from = input.baseAddress
        return output.withMemoryRebound(to: CChar.self) { output in
          var to = output.baseAddress
          return iconv(handle, &from, &inputLeft, &to, &outputLeft) == -1
        }
      }
      count = capacity - outputLeft
    }
    return failed ? nil : output
  }
}
