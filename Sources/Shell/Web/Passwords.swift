import Dispatch
import Hummingbird
import Sodium
import Synchronization

/// Argon2id takes 64 MiB and a sixth of a second: one at a time, on a thread of its own, and a short queue.
final class Passwords: Sendable {
  private let queue = DispatchQueue(label: "renkei.passwords")
  private let waiting = Mutex(0)

  private static let queueLimit = 16

  /// A hash that no password has: so that an unknown login takes as long as a known one.
  private let nobody = PasswordHash.make(of: secureRandomBytes(32).map { String($0) }.joined())

  /// Whether `password` is the one of `hash`; without a hash, never.
  func verify(_ password: String, _ hash: PasswordHash?) async throws(APIError) -> Bool {
    let isFree = waiting.withLock { count in
      guard count < Self.queueLimit else { return false }
      count += 1
      return true
    }
    guard isFree else { throw .tooMany(seconds: 5) }
    defer { waiting.withLock { $0 -= 1 } }
    return await withCheckedContinuation { continuation in
      queue.async { [nobody] in
        let good = (hash ?? nobody)?.verifies(password) ?? false
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
