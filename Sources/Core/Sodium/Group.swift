import CSodium

/// A point of ristretto255 (RFC 9496), by its one canonical encoding: never the identity.
///
/// Our own checks come before libsodium's: 1.0.18 takes an encoding whose top bit is set and the identity, which later versions refuse,
/// and nodes with different versions would disagree.
public struct GroupPoint: Hashable, Sendable {
  public static let byteCount = 32
  public let bytes: [UInt8]

  /// Nil for anything but the canonical encoding of a point other than the identity.
  public init?(_ bytes: some Collection<UInt8>) {
    Library.start()
    let bytes = Array(bytes)
    guard bytes.count == Self.byteCount, bytes[31] < 0x80, bytes.contains(where: { $0 != 0 }),
      crypto_core_ristretto255_is_valid_point(bytes) == 1
    else { return nil }
    self.bytes = bytes
  }

  /// A point of which nobody knows the logarithm.
  ///
  /// - Parameter hash: 64 bytes.
  public init(hash: [UInt8]) {
    Library.start()
    precondition(hash.count == 64)
    var point = [UInt8](repeating: 0, count: Self.byteCount)
    crypto_core_ristretto255_from_hash(&point, hash)
    bytes = point
  }

  /// The base point as many times; nil for a multiple that is the identity.
  public static func base(_ scalar: GroupScalar) -> GroupPoint? {
    Library.start()
    var point = [UInt8](repeating: 0, count: byteCount)
    guard crypto_scalarmult_ristretto255_base(&point, scalar.bytes) == 0 else { return nil }
    return GroupPoint(point)
  }

  public func times(_ scalar: GroupScalar) -> GroupPoint? {
    var point = [UInt8](repeating: 0, count: Self.byteCount)
    guard crypto_scalarmult_ristretto255(&point, scalar.bytes, bytes) == 0 else { return nil }
    return GroupPoint(point)
  }

  /// Nil where the sum is the identity.
  public func plus(_ other: GroupPoint) -> GroupPoint? {
    var point = [UInt8](repeating: 0, count: Self.byteCount)
    guard crypto_core_ristretto255_add(&point, bytes, other.bytes) == 0 else { return nil }
    return GroupPoint(point)
  }
}

/// A number modulo the order of the group, by its one canonical encoding: libsodium reduces silently, so that r and r + L would be two
/// proofs of one thing.
public struct GroupScalar: Hashable, Sendable {
  public static let byteCount = 32
  public let bytes: [UInt8]

  private init(raw bytes: [UInt8]) { self.bytes = bytes }

  /// Nil for anything but a canonical encoding of a number other than 0.
  public init?(_ bytes: some Collection<UInt8>) {
    let bytes = Array(bytes)
    guard bytes.count == Self.byteCount, bytes.contains(where: { $0 != 0 }),
      GroupScalar(reducing: bytes + [UInt8](repeating: 0, count: 32)).bytes == bytes
    else { return nil }
    self.bytes = bytes
  }

  /// - Parameter hash: 64 bytes.
  public init(reducing hash: [UInt8]) {
    Library.start()
    precondition(hash.count == 64)
    var scalar = [UInt8](repeating: 0, count: Self.byteCount)
    crypto_core_ristretto255_scalar_reduce(&scalar, hash)
    bytes = scalar
  }

  public init(_ number: UInt16) {
    bytes =
      [UInt8(truncatingIfNeeded: number), UInt8(truncatingIfNeeded: number >> 8)] + [UInt8](repeating: 0, count: 30)
  }

  public static let zero = GroupScalar(raw: [UInt8](repeating: 0, count: byteCount))

  private static func made(_ body: (UnsafeMutablePointer<UInt8>) -> Void) -> GroupScalar {
    Library.start()
    return GroupScalar(
      raw: [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, count in
        body(buffer.baseAddress!)
        count = byteCount
      })
  }

  public static func + (left: GroupScalar, right: GroupScalar) -> GroupScalar {
    made { crypto_core_ristretto255_scalar_add($0, left.bytes, right.bytes) }
  }
  public static func - (left: GroupScalar, right: GroupScalar) -> GroupScalar {
    made { crypto_core_ristretto255_scalar_sub($0, left.bytes, right.bytes) }
  }
  public static func * (left: GroupScalar, right: GroupScalar) -> GroupScalar {
    made { crypto_core_ristretto255_scalar_mul($0, left.bytes, right.bytes) }
  }

  /// Nil of 0.
  public var inverse: GroupScalar? {
    var scalar = [UInt8](repeating: 0, count: Self.byteCount)
    guard crypto_core_ristretto255_scalar_invert(&scalar, bytes) == 0 else { return nil }
    return GroupScalar(scalar)
  }
}
