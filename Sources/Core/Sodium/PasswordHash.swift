import CSodium

/// A password as it is kept: Argon2id (RFC 9106) with a random salt and its costs, as one line of text.
///
/// Costs: three passes over 64 MiB, RFC 9106's second recommended choice (section 4), with one lane since libsodium has
/// no more. About 150 ms on two cores of 2026.
public struct PasswordHash: Hashable, Sendable {
  public let text: String

  static let passes: UInt64 = 3
  static let memory = 64 << 20

  /// - Parameter text: what `make` gave. Nil for anything else: costs other than ours too, since whoever wrote them
  ///   would say how much memory a sign-in takes.
  public init?(_ text: String) {
    Library.start()
    guard text.utf8.count < crypto_pwhash_strbytes(), !text.utf8.contains(0),
      crypto_pwhash_str_needs_rehash(text, Self.passes, Self.memory) == 0
    else { return nil }
    self.text = text
  }

  /// - Returns: nil when there is not enough memory.
  public static func make(of password: String) -> PasswordHash? {
    Library.start()
    var text = [CChar](repeating: 0, count: crypto_pwhash_strbytes())
    guard crypto_pwhash_str(&text, password, UInt64(password.utf8.count), passes, memory) == 0 else { return nil }
    return PasswordHash(String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self))
  }

  public func verifies(_ password: String) -> Bool {
    crypto_pwhash_str_verify(text, password, UInt64(password.utf8.count)) == 0
  }
}

extension AudienceKey {
  public static var saltBytes: Int { crypto_pwhash_saltbytes() }

  /// The key of a passphrase, at the costs of a password's hash. Nil when the salt is not `saltBytes` long, or there is not
  /// enough memory.
  public init?(passphrase: String, salt: [UInt8]) {
    Library.start()
    guard salt.count == Self.saltBytes else { return nil }
    var key = [UInt8](repeating: 0, count: Self.byteCount)
    defer { sodium_memzero(&key, key.count) }
    guard
      crypto_pwhash(
        &key, UInt64(key.count), passphrase, UInt64(passphrase.utf8.count), salt, PasswordHash.passes,
        PasswordHash.memory, crypto_pwhash_ALG_ARGON2ID13) == 0
    else { return nil }
    self.init(key)
  }
}
