/// A number with so many decimals, kept as a whole number: money never passes through floating point.
public enum FixedPoint {
  /// `25037` with three places is `25.037`; decimals that say nothing are left out: `1980000` is `1980`.
  public static func text(_ number: Int64, places: Int) -> String {
    let digits = "\(number.magnitude)"
    let padded = String(repeating: "0", count: max(0, places + 1 - digits.count)) + digits
    var decimals = String(padded.suffix(places))
    while decimals.last == "0" { decimals.removeLast() }
    let whole = padded.dropLast(places)
    return (number < 0 ? "-" : "") + whole + (decimals.isEmpty ? "" : "." + decimals)
  }

  /// As people write it: `1,980`, `¥25.037`, `２５円`; nil for what is no such number, or has more decimals.
  public static func read(_ text: String, places: Int) -> Int64? {
    var digits = ""
    var decimals: Int?
    var isNegative = false
    for (index, character) in text.enumerated() {
      switch character {
      case "-", "−", "－", "▲", "△":
        guard digits.isEmpty, !isNegative else { return nil }
        isNegative = true
      case "¥", "￥", "\\": guard digits.isEmpty else { return nil }
      case "円": guard index == text.count - 1 else { return nil }
      case ",", "，": guard !digits.isEmpty, decimals == nil else { return nil }
      case ".", "．":
        guard decimals == nil else { return nil }
        decimals = 0
      case " ", "\u{3000}": continue
      default:
        guard let digit = character.wholeNumberValue, (0...9).contains(digit) else { return nil }
        digits += "\(digit)"
        if decimals != nil { decimals! += 1 }
      }
    }
    guard !digits.isEmpty, decimals ?? 0 <= places, digits.count <= 18, decimals != 0 else { return nil }
    digits += String(repeating: "0", count: places - (decimals ?? 0))
    return Int64(digits).map { isNegative ? -$0 : $0 }
  }
}
