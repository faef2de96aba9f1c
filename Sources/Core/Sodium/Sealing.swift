import CSodium

/// A key that one audience shares.
public struct AudienceKey: Sendable {
  public static let byteCount = 32
  public static let tagBytes = 16
  public static let nonceBytes = 24

  /// The key, then the two that seal with a synthetic nonce: one for the tag, one for the stream.
  private let secret: SecretBytes

  /// Nil unless 32 bytes.
  public init?(_ bytes: [UInt8]) {
    guard bytes.count == Self.byteCount else { return nil }
    var all = bytes
    all += keyedHash("renkei seal tag 2", [], key: bytes)
    all += keyedHash("renkei seal stream 2", [], key: bytes)
    secret = SecretBytes(all)
    sodium_memzero(&all, all.count)
  }

  private static let streamOffset = 2 * byteCount

  /// Seals with a synthetic nonce: the tag is a keyed hash of what the text is bound to and of the text itself, and the
  /// nonce follows from the tag. Two texts in one place never share a nonce, and one text sealed twice is the same bytes:
  /// a node that was copied or put back gives nothing away. After SIV (RFC 5297), with keyed BLAKE2b-128 and XChaCha20.
  ///
  /// - Parameter place: what the text is bound to: it opens nowhere else. It is not sent.
  /// - Returns: `tagBytes` longer than the plain text: the sealed text, then the tag.
  public func seal(_ plain: [UInt8], in place: [UInt8]) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: plain.count + Self.tagBytes) { buffer, filled in
      secret.withBytes { keys in
        let tag = plain.withUnsafeBytes { Self.tag(of: $0, in: place, keys) }
        var nonce = tag + Self.nonceEnd
        crypto_stream_xchacha20_xor(
          buffer.baseAddress!, plain, UInt64(plain.count), &nonce, keys + Self.streamOffset)
        (buffer.baseAddress! + plain.count).update(from: tag, count: Self.tagBytes)
      }
      filled = plain.count + Self.tagBytes
    }
  }

  /// Nil when the text was not sealed with this key in this place, or was touched since.
  public func open(_ sealed: UnsafeRawBufferPointer, in place: [UInt8]) -> [UInt8]? {
    guard sealed.count > Self.tagBytes else { return nil }
    let length = sealed.count - Self.tagBytes
    var opened = false
    let plain = [UInt8](unsafeUninitializedCapacity: length) { buffer, filled in
      secret.withBytes { keys in
        let bytes = sealed.baseAddress!.assumingMemoryBound(to: UInt8.self)
        let sent = [UInt8](sealed.suffix(Self.tagBytes))
        var nonce = sent + Self.nonceEnd
        crypto_stream_xchacha20_xor(buffer.baseAddress!, bytes, UInt64(length), &nonce, keys + Self.streamOffset)
        let tag = Self.tag(of: UnsafeRawBufferPointer(start: buffer.baseAddress!, count: length), in: place, keys)
        opened = sodium_memcmp(tag, sent, Self.tagBytes) == 0
        if !opened { sodium_memzero(buffer.baseAddress!, length) }
      }
      filled = opened ? length : 0
    }
    return opened ? plain : nil
  }

  /// Fills the nonce of 24 bytes up after the 16 of the tag.
  private static let nonceEnd = [UInt8]("renkei 2".utf8)

  private static func tag(
    of plain: UnsafeRawBufferPointer, in place: [UInt8], _ keys: UnsafePointer<UInt8>
  ) -> [UInt8] {
    let hash = HashStream(byteCount: tagBytes, key: keys + byteCount)
    hash.update(UInt32(place.count))
    hash.update(place)
    #if MUTANTS
      if repeatsNonces { return hash.bytes() }
    #endif
    hash.update(plain)
    return hash.bytes()
  }

  #if MUTANTS
    /// Set once, before anything runs: the bug `repeatsNonce`, which this layer cannot name.
    nonisolated(unsafe) public static var repeatsNonces = false
  #endif

  /// XChaCha20-Poly1305 (RFC 8439, draft-irtf-cfrg-xchacha), for whoever has a nonce that never comes again: drawn at random,
  /// or counted under a key of its own. `tagBytes` longer than the plain text.
  ///
  /// - Parameter additional: what the text is bound to besides, and not sent.
  public func seal(_ plain: [UInt8], nonce: [UInt8], with additional: [UInt8] = []) -> [UInt8] {
    precondition(nonce.count == Self.nonceBytes)
    return [UInt8](unsafeUninitializedCapacity: plain.count + Self.tagBytes) { buffer, filled in
      secret.withBytes { key in
        _ = crypto_aead_xchacha20poly1305_ietf_encrypt(
          buffer.baseAddress!, nil, plain, UInt64(plain.count), additional, UInt64(additional.count), nil, nonce, key)
      }
      filled = plain.count + Self.tagBytes
    }
  }

  /// Nil when the text was not sealed with this key and nonce, or was touched since.
  public func open(_ sealed: UnsafeRawBufferPointer, nonce: [UInt8], with additional: [UInt8] = []) -> [UInt8]? {
    precondition(nonce.count == Self.nonceBytes)
    guard sealed.count > Self.tagBytes else { return nil }
    var opened = true
    let plain = [UInt8](unsafeUninitializedCapacity: sealed.count - Self.tagBytes) { buffer, filled in
      opened = secret.withBytes { key in
        crypto_aead_xchacha20poly1305_ietf_decrypt(
          buffer.baseAddress!, nil, nil, sealed.baseAddress!.assumingMemoryBound(to: UInt8.self), UInt64(sealed.count),
          additional, UInt64(additional.count), nonce, key) == 0
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
