import Causality
import Crypto
import Sodium

/// The six digits that an authenticator app makes of a secret that it shares with the node, and of the time: without any network
/// (RFC 6238 with HMAC-SHA-1 and steps of 30 s, which every app knows).
public enum TimeCode {
  public static let secretBytes = 20
  private static let stepMilliseconds: Int64 = 30_000
  /// RFC 4648, 6.
  private static let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")

  public static func makeSecret() -> [UInt8] { secureRandomBytes(secretBytes) }

  static func code(_ secret: [UInt8], step: Int64) -> String {
    let counter = withUnsafeBytes(of: step.bigEndian) { [UInt8]($0) }
    let hash = Array(HMAC<Insecure.SHA1>.authenticationCode(for: counter, using: SymmetricKey(data: secret)))
    let offset = Int(hash[19] & 15)
    let number = hash[offset..<offset + 4].reduce(UInt32(0)) { $0 << 8 | UInt32($1) } & 0x7fff_ffff
    let digits = String(number % 1_000_000)
    return String(repeating: "0", count: 6 - digits.count) + digits
  }

  /// Which step a code is of, one before and one after now: the app's clock is another.
  ///
  /// - Parameter last: the step that was used last; it and those before count no more.
  /// - Returns: nil for a wrong code, or one that was used.
  public static func step(of text: String, _ secret: [UInt8], after last: Int64, at now: Instant) -> Int64? {
    let current = now.milliseconds / stepMilliseconds
    return (current - 1...current + 1).first { $0 > last && code(secret, step: $0) == text }
  }

  /// A secret as it is typed into an app.
  public static func text(of secret: [UInt8]) -> String {
    let bits = secret.flatMap { byte in (0..<8).map { byte >> (7 - UInt8($0)) & 1 } }
    return String(
      stride(from: 0, to: bits.count, by: 5).map { start in
        letters[bits[start..<min(start + 5, bits.count)].reduce(0) { $0 << 1 | Int($1) }]
      })
  }
}
