/// 全国地方公共団体コード: the five digits of JIS X 0402 and a check digit.
///
/// Source: 総務省, 全国地方公共団体コード仕様: s = 6a + 5b + 4c + 3d + 2e; the check digit is the last digit of 11 - s mod 11.
public enum MunicipalityCode {
  public enum Fault: Error, Hashable, Sendable {
    case notACode
    case badCheckDigit(expected: String)
  }

  public static func checkDigit(_ code: some StringProtocol) -> Int {
    let sum = zip(code.utf8, [6, 5, 4, 3, 2]).reduce(0) { $0 + (Int($1.0) - 48) * $1.1 }
    return (11 - sum % 11) % 10
  }

  /// The five digits, from a code as files have it: six digits; five without the check digit; or five because a
  /// spreadsheet took the leading zero, which is believed only when the check digit proves it.
  ///
  /// - Parameter isKnown: whether five digits are a municipality that is expected here: 13102 is 中央区, though 013102
  ///   happens to have a right check digit too.
  public static func fiveDigits(
    _ text: String, isKnown: (String) -> Bool = { _ in false }
  ) throws(Fault) -> String {
    guard text.utf8.allSatisfy({ (48...57).contains($0) }), (4...6).contains(text.utf8.count) else { throw .notACode }
    if text.utf8.count == 6 { return try checked(text) }
    if isKnown(text) { return text }
    if let padded = try? checked("0" + text) { return padded }
    guard text.utf8.count == 5, let prefecture = Int(text.prefix(2)), (1...47).contains(prefecture) else {
      throw .notACode
    }
    return text
  }

  private static func checked(_ text: String) throws(Fault) -> String {
    guard text.utf8.count == 6 else { throw .notACode }
    let code = String(text.prefix(5))
    guard let prefecture = Int(code.prefix(2)), (1...47).contains(prefecture) else { throw .notACode }
    let digit = checkDigit(code)
    guard text.suffix(1) == String(digit) else { throw .badCheckDigit(expected: "\(code)\(digit)") }
    return code
  }
}
