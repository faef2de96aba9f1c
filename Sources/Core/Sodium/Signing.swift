import CSodium

/// An Ed25519 public key (RFC 8032): the id of a node or of an authority.
public struct PublicKey: Hashable, Sendable {
  public static let byteCount = 32

  public let bytes: [UInt8]

  /// Nil unless 32 bytes.
  public init?(_ bytes: some Collection<UInt8>) {
    guard bytes.count == Self.byteCount else { return nil }
    self.bytes = [UInt8](bytes)
  }

  /// Whether `signature` is this key's over `message`, by one policy on every node (FORMAT.md, section 6):
  /// the equation without cofactor; the scalar below the group's order; key and R canonical (y < p) and not one of
  /// the small-order points.
  public func verifies(_ signature: UnsafeRawBufferPointer, over message: UnsafeRawBufferPointer) -> Bool {
    Library.start()
    guard signature.count == Signature.byteCount, let raw = signature.baseAddress else { return false }
    let point = UnsafeRawBufferPointer(start: raw, count: 32)
    guard CurvePoint.isAcceptable(point), bytes.withUnsafeBytes(CurvePoint.isAcceptable) else { return false }
    return crypto_sign_verify_detached(
      raw.assumingMemoryBound(to: UInt8.self), message.baseAddress?.assumingMemoryBound(to: UInt8.self),
      UInt64(message.count), bytes) == 0
  }

  public func verifies(_ signature: [UInt8], over message: [UInt8]) -> Bool {
    signature.withUnsafeBytes { signature in message.withUnsafeBytes { verifies(signature, over: $0) } }
  }
}

public enum Signature {
  public static let byteCount = 64
}

/// An Ed25519 secret key. Signing is deterministic: one message, one signature.
public final class SigningKey: Sendable {
  public let publicKey: PublicKey
  /// The 32-byte seed and the public key, as libsodium wants them.
  private let secret: SecretBytes

  public static let seedBytes = 32

  /// Nil unless the seed has 32 bytes.
  public init?(seed: [UInt8]) {
    Library.start()
    guard seed.count == Self.seedBytes else { return nil }
    var publicKey = [UInt8](repeating: 0, count: PublicKey.byteCount)
    var secret = [UInt8](repeating: 0, count: 64)
    crypto_sign_seed_keypair(&publicKey, &secret, seed)
    self.publicKey = PublicKey(publicKey)!
    self.secret = SecretBytes(secret)
    sodium_memzero(&secret, secret.count)
  }

  public func signature(over message: UnsafeRawBufferPointer) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: Signature.byteCount) { buffer, filled in
      secret.withBytes { secret in
        _ = crypto_sign_detached(
          buffer.baseAddress!, nil, message.baseAddress?.assumingMemoryBound(to: UInt8.self), UInt64(message.count),
          secret)
      }
      filled = Signature.byteCount
    }
  }

  public func signature(over message: [UInt8]) -> [UInt8] { message.withUnsafeBytes { signature(over: $0) } }

  /// Opens a box sealed to this key's public half; nil when it is not one.
  public func open(sealedBox box: [UInt8], to publicKey: PublicKey) -> [UInt8]? {
    guard box.count >= Int(crypto_box_sealbytes()) else { return nil }
    var boxPublic = [UInt8](repeating: 0, count: 32)
    var boxSecret = [UInt8](repeating: 0, count: 32)
    defer { sodium_memzero(&boxSecret, boxSecret.count) }
    guard crypto_sign_ed25519_pk_to_curve25519(&boxPublic, publicKey.bytes) == 0 else { return nil }
    secret.withBytes { _ = crypto_sign_ed25519_sk_to_curve25519(&boxSecret, $0) }
    var opened = [UInt8](repeating: 0, count: box.count - Int(crypto_box_sealbytes()))
    guard crypto_box_seal_open(&opened, box, UInt64(box.count), boxPublic, boxSecret) == 0 else { return nil }
    return opened
  }
}

extension SigningKey {
  /// `message` in a box that only `reader` can open (X25519 of the same key); nil when that key is no point.
  ///
  /// The layout is libsodium's sealed box. The ephemeral key follows from this key, the reader and the message instead
  /// of chance, so that what a node writes follows from what it was told: a simulation can be replayed.
  public func sealedBox(of message: [UInt8], to reader: PublicKey) -> [UInt8]? {
    var readerKey = [UInt8](repeating: 0, count: 32)
    guard crypto_sign_ed25519_pk_to_curve25519(&readerKey, reader.bytes) == 0 else { return nil }
    var seed = secret.withBytes { keyedHash("renkei box 1", reader.bytes + message, key: $0) }
    var ephemeral = [UInt8](repeating: 0, count: 32)
    var ephemeralSecret = [UInt8](repeating: 0, count: 32)
    defer {
      sodium_memzero(&seed, seed.count)
      sodium_memzero(&ephemeralSecret, ephemeralSecret.count)
    }
    crypto_box_seed_keypair(&ephemeral, &ephemeralSecret, seed)
    let hash = HashStream(byteCount: Int(crypto_box_noncebytes()))
    hash.update(ephemeral)
    hash.update(readerKey)
    let nonce = hash.bytes()
    var box = [UInt8](repeating: 0, count: message.count + Int(crypto_box_macbytes()))
    guard crypto_box_easy(&box, message, UInt64(message.count), nonce, readerKey, ephemeralSecret) == 0 else {
      return nil
    }
    return ephemeral + box
  }

  /// The key of an audience that this key's owner answers for: whoever holds it learns nothing of the owner's own.
  public func audienceKey(_ label: String) -> AudienceKey {
    AudienceKey(secret.withBytes { keyedHash("renkei audience 1", [UInt8](label.utf8), key: $0) })!
  }
}
