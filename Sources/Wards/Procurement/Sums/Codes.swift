/// Numbers with a check digit.
public enum CheckedNumber {
  /// 法人番号: thirteen digits, the first of which checks the others (財務省令第70号 of 2014, 2条).
  public static func isCorporate(_ text: String) -> Bool {
    guard let digits = digits(text, 13) else { return false }
    let sum = digits.dropFirst().reversed().enumerated().reduce(0) { $0 + $1.element * ($1.offset % 2 == 0 ? 1 : 2) }
    return digits[0] == 9 - sum % 9
  }

  /// 適格請求書発行事業者の登録番号: T and thirteen digits that check as a 法人番号 does.
  public static func isInvoiceRegistration(_ text: String) -> Bool {
    text.first == "T" && isCorporate(String(text.dropFirst()))
  }

  /// GTIN-8, -12, -13 or -14 (GS1 General Specifications, 7.9): what a bar code says.
  public static func isTradeItem(_ text: String) -> Bool {
    guard [8, 12, 13, 14].contains(text.utf8.count), let digits = digits(text, text.utf8.count) else { return false }
    let sum = digits.dropLast().reversed().enumerated().reduce(0) { $0 + $1.element * ($1.offset % 2 == 0 ? 3 : 1) }
    return (10 - sum % 10) % 10 == digits.last
  }

  private static func digits(_ text: String, _ count: Int) -> [Int]? {
    let digits = text.utf8.map { Int($0) - 48 }
    return digits.count == count && digits.allSatisfy((0...9).contains) ? digits : nil
  }
}
