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

extension PublicKey {
  /// `message` in a box that only this key's owner can open (X25519 of the same key); nil when the key is no point.
  public func sealedBox(of message: [UInt8]) -> [UInt8]? {
    Library.start()
    var boxPublic = [UInt8](repeating: 0, count: 32)
    guard crypto_sign_ed25519_pk_to_curve25519(&boxPublic, bytes) == 0 else { return nil }
    var box = [UInt8](repeating: 0, count: message.count + Int(crypto_box_sealbytes()))
    guard crypto_box_seal(&box, message, UInt64(message.count), boxPublic) == 0 else { return nil }
    return box
  }
}
