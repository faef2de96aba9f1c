import Desk
import Foundation

/// Which passwords and PINs are taken. NIST SP 800-63B (3.1.1): length counts, no rule about kinds of characters, what is
/// easy to guess is refused.
public enum PasswordPolicy {
  public static let length = 10...128
  public static let pinLength = 6

  /// A password as it is hashed, however a keyboard writes it (SP 800-63B, 3.1.1.2: NFKC).
  public static func plain(_ text: String) -> String {
    // Foundation's own composition leaves the mark of a half-width ｶﾞ beside its letter.
    text.precomposedStringWithCompatibilityMapping.precomposedStringWithCanonicalMapping
  }

  /// - Parameter about: the login and the name, which the password must not be.
  public static func check(_ password: String, about: [String]) throws(Fault) {
    let password = plain(password)
    guard length.contains(password.count), password.utf8.count <= 512 else {
      throw .badValue(
        "password", ja: "パスワードは \(length.lowerBound) 文字から \(length.upperBound) 文字までです",
        en: "a password has \(length.lowerBound) to \(length.upperBound) characters")
    }
    guard !CommonPasswords.contains(password, about: about.map(plain)) else {
      throw .badValue(
        "password", ja: "推測されやすいパスワードです。関係のない言葉を三つ並べてください",
        en: "easy to guess: use three words that have nothing in common")
    }
  }

  public static func check(pin: String) throws(Fault) {
    let pin = plain(pin)
    guard pin.count == pinLength, pin.utf8.allSatisfy({ (48...57).contains($0) }) else {
      throw .badValue("pin", ja: "暗証番号は数字 \(pinLength) 桁です", en: "a PIN has \(pinLength) digits")
    }
    guard Set(pin).count > 2, !CommonPasswords.isRun(pin) else {
      throw .badValue("pin", ja: "推測されやすい暗証番号です", en: "easy to guess")
    }
  }
}
