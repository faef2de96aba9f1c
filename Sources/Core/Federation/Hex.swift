extension [UInt8] {
  /// Lower-case hexadecimal.
  public var hexadecimal: String {
    let digits = [UInt8]("0123456789abcdef".utf8)
    return String(decoding: flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }

  /// Nil unless `text` is pairs of hexadecimal digits.
  public init?(hexadecimal text: some StringProtocol) {
    let digits = text.utf8.map { UInt8(exactly: Character(Unicode.Scalar($0)).hexDigitValue ?? 16)! }
    guard digits.count % 2 == 0, !digits.contains(16) else { return nil }
    self = stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
  }
}
