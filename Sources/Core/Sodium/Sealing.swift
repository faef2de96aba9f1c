import CSodium

/// A key that one audience shares. XChaCha20-Poly1305 (RFC 8439, draft-irtf-cfrg-xchacha).
public struct AudienceKey: Sendable {
  public static let byteCount = 32
  public static let tagBytes = 16
  public static let nonceBytes = 24

  private let secret: SecretBytes

  /// Nil unless 32 bytes.
  public init?(_ bytes: [UInt8]) {
    guard bytes.count == Self.byteCount else { return nil }
    secret = SecretBytes(bytes)
  }

  /// `tagBytes` longer than the plain text. One nonce must never seal two texts.
  public func seal(_ plain: [UInt8], nonce: [UInt8]) -> [UInt8] {
    precondition(nonce.count == Self.nonceBytes)
    return [UInt8](unsafeUninitializedCapacity: plain.count + Self.tagBytes) { buffer, filled in
      secret.withBytes { key in
        _ = crypto_aead_xchacha20poly1305_ietf_encrypt(
          buffer.baseAddress!, nil, plain, UInt64(plain.count), nil, 0, nil, nonce, key)
      }
      filled = plain.count + Self.tagBytes
    }
  }

  /// Nil when the text was not sealed with this key and nonce, or was touched since.
  public func open(_ sealed: UnsafeRawBufferPointer, nonce: [UInt8]) -> [UInt8]? {
    precondition(nonce.count == Self.nonceBytes)
    guard sealed.count > Self.tagBytes else { return nil }
    var opened = true
    let plain = [UInt8](unsafeUninitializedCapacity: sealed.count - Self.tagBytes) { buffer, filled in
      opened = secret.withBytes { key in
        crypto_aead_xchacha20poly1305_ietf_decrypt(
          buffer.baseAddress!, nil, nil, sealed.baseAddress!.assumingMemoryBound(to: UInt8.self), UInt64(sealed.count),
          nil, 0, nonce, key) == 0
      }
      filled = opened ? sealed.count - Self.tagBytes : 0
    }
    return opened ? plain : nil
  }

  /// A key for one narrower use, which tells nothing of this one.
  public func derived(_ label: String) -> AudienceKey { AudienceKey(tag(label, []))! }

  /// A name for `subject` that only holders of this key can make, or link with another label's: 32 bytes.
  public func tag(_ label: String, _ subject: [UInt8]) -> [UInt8] {
    secret.withBytes { keyedHash("renkei tag 1", [UInt8](label.utf8) + [0] + subject, key: $0) }
  }

  /// A secret's bytes, to be written to a key file or a sealed box, and nowhere else.
  public func withSecretBytes<Result>(_ body: ([UInt8]) throws -> Result) rethrows -> Result {
    try secret.withBytes { try body([UInt8](UnsafeBufferPointer(start: $0, count: Self.byteCount))) }
  }
}
