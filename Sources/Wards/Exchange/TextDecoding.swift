import Glibc

/// What a published file is written in.
public enum TextEncoding: String, Sendable {
  case utf8 = "UTF-8"
  case utf8WithMark = "UTF-8 (BOM)"
  case cp932 = "CP932"
}

/// Why a file is not a list that we can read.
public enum ExchangeError: Error, Hashable, Sendable {
  /// Neither UTF-8 nor CP932, from this byte on.
  case unknownEncoding(offset: Int)
  /// No row holds the column names of a list that is known here; what the first rows hold instead.
  case unknownHeader([String])
  case duplicateColumn(String, line: Int)
  case notJSON(String)
  case notFeatureCollection
  case tooLarge(limit: Int)
  case lineTooLong(line: Int, limit: Int)
}

enum TextDecoding {
  /// UTF-8 with or without its mark, else CP932 (Shift_JIS as Windows writes it, 髙 and ① included).
  static func decode(_ bytes: [UInt8]) throws(ExchangeError) -> (text: String, encoding: TextEncoding) {
    let mark: [UInt8] = [0xef, 0xbb, 0xbf]
    if bytes.starts(with: mark) {
      guard let text = String(validating: bytes.dropFirst(3), as: UTF8.self) else { throw .unknownEncoding(offset: 3) }
      return (text, .utf8WithMark)
    }
    if let text = String(validating: bytes, as: UTF8.self) { return (text, .utf8) }
    return (try cp932(bytes), .cp932)
  }

  /// The C library's converter: its CP932 table is Microsoft's.
  private static func cp932(_ bytes: [UInt8]) throws(ExchangeError) -> String {
    guard let converter = iconv_open("UTF-8", "CP932"), converter != iconv_t(bitPattern: -1) else {
      throw .unknownEncoding(offset: 0)
    }
    defer { iconv_close(converter) }
    var output = [UInt8](repeating: 0, count: bytes.count * 3)
    var input = bytes.map { CChar(bitPattern: $0) }
    var inputLeft = input.count
    let capacity = output.count
    var outputLeft = capacity
    let failed = input.withUnsafeMutableBufferPointer { input in
      output.withUnsafeMutableBytes { output in
        var from = input.baseAddress
        var to = output.baseAddress?.assumingMemoryBound(to: CChar.self)
        return iconv(converter, &from, &inputLeft, &to, &outputLeft) == -1
      }
    }
    guard !failed else { throw .unknownEncoding(offset: bytes.count - inputLeft) }
    return String(decoding: output.prefix(capacity - outputLeft), as: UTF8.self)
  }
}
