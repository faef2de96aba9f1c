import Dispatch
import Hummingbird
import Office
import Sodium
import Synchronization

/// Argon2id takes 64 MiB and a sixth of a second: one at a time, on a thread of its own, and a short queue. Half of it is for
/// devices that the person has signed in at before: strangers who keep it full keep no clerk out.
final class Passwords: Sendable {
  private let queue = DispatchQueue(label: "renkei.passwords")
  private let waiting = Mutex(0)

  private static let queueLimit = 32
  private static let strangerLimit = 16

  /// A hash that no password has: so that an unknown login takes as long as a known one.
  private let nobody = PasswordHash.make(of: secureRandomBytes(32).map { String($0) }.joined())

  /// Whether `password` is the one of `hash`; without a hash, never.
  ///
  /// - Parameter isKnown: whether the device is one that the person has signed in at.
  func verify(_ password: String, _ hash: PasswordHash?, isKnown: Bool) async throws(APIError) -> Bool {
    let isFree = waiting.withLock { count in
      guard count < (isKnown ? Self.queueLimit : Self.strangerLimit) else { return false }
      count += 1
      return true
    }
    guard isFree else { throw .tooMany(seconds: 5) }
    defer { waiting.withLock { $0 -= 1 } }
    return await withCheckedContinuation { continuation in
      queue.async { [nobody] in
        // A password that was set before all were brought to one form is as good as it was.
        let forms = Set([PasswordPolicy.plain(password), password].map { Array($0.utf8) })
        let good = forms.contains { (hash ?? nobody)?.verifies(String(decoding: $0, as: UTF8.self)) ?? false }
        continuation.resume(returning: good && hash != nil)
      }
    }
  }
}

extension APIError {
  /// Too often: `seconds` until it is worth another try.
  static func tooMany(seconds: Int) -> APIError {
    var error = APIError(
      .tooManyRequests, "too-many", ja: "回数が多すぎます。\(seconds) 秒後にもう一度", en: "too often: try again in \(seconds) s")
    error.retryAfter = seconds
    return error
  }
}
