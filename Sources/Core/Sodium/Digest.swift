import CSodium

/// A BLAKE2b-256 hash (RFC 7693).
public struct Digest: Hashable, Sendable {
  public static let byteCount = 32

  private var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)

  /// All zeros: the "previous hash" of an author's first change set.
  public static let zero = Digest()

  private init() {}

  /// - Precondition: exactly 32 bytes.
  public init(_ bytes: some Collection<UInt8>) {
    precondition(bytes.count == Self.byteCount)
    withUnsafeMutableBytes(of: &words) { $0.copyBytes(from: bytes) }
  }

  init(filling fill: (UnsafeMutablePointer<UInt8>) -> Void) {
    withUnsafeMutableBytes(of: &words) { fill($0.baseAddress!.assumingMemoryBound(to: UInt8.self)) }
  }

  public func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    withUnsafeBytes(of: words, body)
  }

  public var bytes: [UInt8] { withBytes { [UInt8]($0) } }

  /// The first eight bytes as a number, big-endian: enough to notice a difference, not to prove equality.
  public var prefix: UInt64 { UInt64(bigEndian: words.0) }

  /// The first sixteen bytes: nobody makes two with the same.
  public var start: UInt128 { UInt128(UInt64(bigEndian: words.0)) << 64 | UInt128(UInt64(bigEndian: words.1)) }

  public static func == (left: Self, right: Self) -> Bool { left.words == right.words }

  public func hash(into hasher: inout Swift.Hasher) { hasher.combine(words.0) }
}

/// Feeds a hash piece by piece, then gives it once.
public struct HashStream: ~Copyable {
  /// libsodium's state, which must lie on a 64-byte boundary: Swift does not import its type.
  private let state: OpaquePointer
  private let byteCount: Int

  /// - Parameters:
  ///   - byteCount: how long the hash is, 16 to 64 bytes.
  ///   - key: 32 secret bytes, or nil for a hash that everybody can make.
  public init(byteCount: Int = Digest.byteCount, key: UnsafePointer<UInt8>? = nil) {
    Library.start()
    self.byteCount = byteCount
    state = OpaquePointer(UnsafeMutableRawPointer.allocate(byteCount: crypto_generichash_statebytes(), alignment: 64))
    crypto_generichash_init(state, key, key == nil ? 0 : 32, byteCount)
  }

  deinit { UnsafeMutableRawPointer(state).deallocate() }

  public func update(_ bytes: UnsafeRawBufferPointer) {
    guard let base = bytes.baseAddress else { return }
    crypto_generichash_update(state, base.assumingMemoryBound(to: UInt8.self), UInt64(bytes.count))
  }

  public func update(_ bytes: [UInt8]) { bytes.withUnsafeBytes { update($0) } }

  public func update(_ digest: Digest) { digest.withBytes { update($0) } }

  /// Big-endian, at its full width.
  public func update(_ number: some FixedWidthInteger) {
    withUnsafeBytes(of: number.bigEndian) { update($0) }
  }

  /// - Precondition: made for 32 bytes.
  public consuming func digest() -> Digest {
    precondition(byteCount == Digest.byteCount)
    return Digest { crypto_generichash_final(state, $0, Digest.byteCount) }
  }

  public consuming func bytes() -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, filled in
      crypto_generichash_final(state, buffer.baseAddress!, byteCount)
      filled = byteCount
    }
  }
}

/// BLAKE2b-256 of some bytes.
public func blake2b(_ bytes: UnsafeRawBufferPointer) -> Digest {
  Library.start()
  return Digest {
    crypto_generichash(
      $0, Digest.byteCount, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), UInt64(bytes.count), nil, 0)
  }
}

public func blake2b(_ bytes: [UInt8]) -> Digest { bytes.withUnsafeBytes { blake2b($0) } }

/// BLAKE2b-256 keyed with 32 secret bytes; `domain` keeps one use of a key apart from another.
func keyedHash(_ domain: String, _ message: [UInt8], key: UnsafePointer<UInt8>) -> [UInt8] {
  Library.start()
  let text = [UInt8](domain.utf8) + [0] + message
  var hash = [UInt8](repeating: 0, count: Digest.byteCount)
  crypto_generichash(&hash, hash.count, text, UInt64(text.count), key, 32)
  return hash
}
