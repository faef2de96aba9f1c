import Causality
import ChangeModel
import Foundation

/// A resident's ID as people read it: `13113-0401-00001K`.
///
/// The ward's code, then which node and epoch of that ward, then the number that this one gave, then a check character
/// (ISO/IEC 7064, MOD 37-36, over all the others). It is the row's id in other clothes: since only one author makes rows
/// under its number, no two nodes can ever give the same ID, however long they are cut off.
public enum ResidentID {
  /// Without I, L, O and U, which people take for 1, 0 and V.
  private static let digits = Array("0123456789ABCDEFGHJKMNPQRSTVWXYZ")
  private static let checkDigits = Array("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")

  public static func text(_ row: RowID, wardCode: String) -> String? {
    guard let (author, counter) = row.made else { return nil }
    let place = base32(UInt64(author.serial) << 10 | UInt64(author.epoch), atLeast: 4)
    let number = base32(counter, atLeast: 5)
    return "\(wardCode)-\(place)-\(number)\(check(wardCode + place + number))"
  }

  public enum Fault: Error { case malformed, badCheck }

  /// - Parameter index: the ward's place in the federation, by its code.
  public static func row(_ text: String, index: (String) -> UInt32?) throws(Fault) -> RowID {
    var plain = text.precomposedStringWithCompatibilityMapping.uppercased().filter { $0 != " " }
    for dash in ["‐", "‑", "–", "−", "ー"] { plain = plain.replacing(dash, with: "-") }
    // Typed without hyphens: they stand after the fifth and the ninth character.
    if !plain.contains("-"), (15...17).contains(plain.count) {
      plain = plain.prefix(5) + "-" + plain.dropFirst(5).prefix(4) + "-" + plain.dropFirst(9)
    }
    let parts = plain.split(separator: "-", omittingEmptySubsequences: false).map(String.init)
    guard parts.count == 3, parts[1].count == 4, (6...8).contains(parts[2].count), let ward = index(parts[0]),
      let place = number(parts[1]), let counter = number(String(parts[2].dropLast()))
    else { throw .malformed }
    guard check(parts[0] + parts[1] + parts[2].dropLast()) == parts[2].last else { throw .badCheck }
    guard counter > 0, counter <= RowID.counterLimit, place < 1 << 20 else { throw .malformed }
    let author = AuthorNumber(ward: ward, serial: UInt32(place >> 10), epoch: UInt32(place & 1023))
    return RowID(author: author, counter: counter)
  }

  private static func base32(_ number: UInt64, atLeast width: Int) -> String {
    var rest = number
    var text = ""
    while rest > 0 || text.count < width {
      text = String(digits[Int(rest & 31)]) + text
      rest >>= 5
    }
    return text
  }

  private static func number(_ text: String) -> UInt64? {
    var number: UInt64 = 0
    for character in text {
      guard let digit = digits.firstIndex(of: character) else { return nil }
      number = number << 5 | UInt64(digit)
    }
    return number
  }

  /// ISO/IEC 7064 hybrid system MOD 37-36: finds every single wrong character and every swap of two neighbours but one.
  private static func check(_ text: String) -> Character {
    var sum = 36
    for character in text {
      let value = checkDigits.firstIndex(of: character) ?? 0
      let part = (sum + value) % 36
      sum = (part == 0 ? 36 : part) * 2 % 37
    }
    return checkDigits[(37 - sum) % 36]
  }
}
