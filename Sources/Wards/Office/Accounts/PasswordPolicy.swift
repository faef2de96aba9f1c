import Desk
import Foundation

/// Which passwords and PINs are taken. NIST SP 800-63B (3.1.1): length counts, no rule about kinds of characters, what is
/// easy to guess is refused.
public enum PasswordPolicy {
  public static let length = 10...128
  public static let pinLength = 6

  /// What everybody tries first, and a password must not be made of.
  private static let common = [
    "password", "passw0rd", "qwerty", "asdfgh", "zxcvbn", "letmein", "welcome", "admin", "renkei", "tokyo", "shibuya",
    "bousai", "hinan", "iloveyou", "sakura", "nihon", "japan", "abc123", "パスワード",
  ]

  /// - Parameter about: the login and the name, which the password must not be.
  public static func check(_ password: String, about: [String]) throws(Fault) {
    guard length.contains(password.count), password.utf8.count <= 512 else {
      throw .badValue(
        "password", ja: "パスワードは \(length.lowerBound) 文字から \(length.upperBound) 文字までです",
        en: "a password has \(length.lowerBound) to \(length.upperBound) characters")
    }
    let plain = password.lowercased()
    let rest = (common + about.map { $0.lowercased() }).filter { $0.count > 2 }
      .reduce(plain) { $0.replacingOccurrences(of: $1, with: "") }
    guard rest.count >= 6, Set(rest).count >= 5, !isRun(rest) else {
      throw .badValue(
        "password", ja: "推測されやすいパスワードです。関係のない言葉を三つ並べてください",
        en: "easy to guess: use three words that have nothing in common")
    }
  }

  public static func check(pin: String) throws(Fault) {
    guard pin.count == pinLength, pin.utf8.allSatisfy({ (48...57).contains($0) }) else {
      throw .badValue("pin", ja: "暗証番号は数字 \(pinLength) 桁です", en: "a PIN has \(pinLength) digits")
    }
    guard Set(pin).count > 2, !isRun(pin) else {
      throw .badValue("pin", ja: "推測されやすい暗証番号です", en: "easy to guess")
    }
  }

  /// `123456`, `fedcba`, `1234567890`: nearly every character follows the one before.
  private static func isRun(_ text: String) -> Bool {
    let points = text.unicodeScalars.map { Int($0.value) }
    let steps = zip(points, points.dropFirst()).map { $1 - $0 }
    return [1, -1].contains { step in steps.filter { $0 == step }.count * 10 >= steps.count * 8 }
  }
}
