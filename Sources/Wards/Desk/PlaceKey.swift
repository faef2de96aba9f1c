import Foundation
import Synchronization

/// One spelling for all spellings of a place's name or address: what is looked up, never shown.
public enum PlaceKey {
  private static let digits: [Unicode.Scalar: Unicode.Scalar] = [
    "〇": "0", "零": "0", "一": "1", "二": "2", "三": "3", "四": "4", "五": "5", "六": "6", "七": "7", "八": "8", "九": "9",
  ]
  /// 富ヶ谷, 富ケ谷, 富が谷: read alike, written in three ways.
  private static let joints: [Unicode.Scalar: Unicode.Scalar] = ["か": "が", "け": "が"]

  /// Character by character, so that the key of any part of a text is a part of its key: width, kana, case, variants and digits are
  /// one, and what is no letter is gone.
  public static func of(_ text: String) -> String {
    var key = String.UnicodeScalarView()
    for scalar in NameKey.letters(text, repeats: false) {
      key.append(joints[scalar] ?? digits[scalar] ?? scalar)
    }
    return String(key)
  }

  /// An address's numbers as they are said in short: 見本一丁目2番3号 and 見本1-2-3 are one, and so are 二十一丁目 and 21丁目.
  public static func ofAddress(_ text: String) -> String {
    var plain = text.precomposedStringWithCompatibilityMapping
    for (kanji, number) in kanjiNumbers(plain) { plain = plain.replacing(kanji + "丁目", with: "\(number)丁目") }
    for word in ["丁目", "番地の", "番地", "番", "号", "−", "‐", "‑", "–", "—", "―", "ー"] {
      plain = plain.replacing(word, with: "-")
    }
    return plain.split { !($0.isLetter || $0.isNumber) }.map {
      NameKey.withoutLongVowels(of(String($0)).unicodeScalars)
    }
    .filter { !$0.isEmpty }.joined(separator: "-")
  }

  /// The numbers before 丁目 that are written out: 二十一 is 21.
  private static func kanjiNumbers(_ text: String) -> [(String, Int)] {
    text.matches(of: /([一二三四五六七八九]?)十([一二三四五六七八九]?)丁目/).map { match in
      func digit(_ text: Substring, _ none: Int) -> Int {
        text.unicodeScalars.first.flatMap { digits[$0] }.flatMap { Int(String($0)) } ?? none
      }
      return (String(match.output.0.dropLast(2)), digit(match.output.1, 1) * 10 + digit(match.output.2, 0))
    }
  }

  /// Whether a text that somebody typed is a part of one of these, in any spelling.
  public static func isPart(_ typed: String, of texts: [String]) -> Bool {
    let wanted = keys(typed)
    return texts.contains { text in
      let known = keys(text)
      return wanted.plain.isEmpty
        ? text.contains(typed)
        : known.plain.contains(wanted.plain) || !wanted.address.isEmpty && known.address.contains(wanted.address)
    }
  }

  private struct Keys {
    var plain: String
    var address: String
  }

  /// Keys that were worked out before: searches go over the same few thousand texts again and again. Emptied when full.
  private static let known = Mutex<[String: Keys]>([:])
  private static let most = 30_000

  private static func keys(_ text: String) -> Keys {
    if let keys = known.withLock({ $0[text] }) { return keys }
    let keys = Keys(plain: of(text), address: ofAddress(text))
    known.withLock { known in
      if known.count >= most { known.removeAll(keepingCapacity: true) }
      known[text] = keys
    }
    return keys
  }
}
