/// Appends the format's primitives to a byte array.
public struct ByteWriter: Sendable {
  public var bytes: [UInt8]

  public init(capacity: Int = 0) {
    bytes = []
    bytes.reserveCapacity(capacity)
  }

  public mutating func byte(_ value: UInt8) { bytes.append(value) }

  public mutating func raw(_ value: some Collection<UInt8>) { bytes.append(contentsOf: value) }

  /// Seven bits a byte, low bits first, the high bit set on all but the last: LEB128.
  @inline(__always)
  public mutating func varint(_ value: some FixedWidthInteger & UnsignedInteger) { varint(wide: UInt64(value)) }

  private mutating func varint(wide value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }

  public mutating func count(_ value: Int) { varint(UInt64(value)) }

  /// Small magnitudes of either sign in few bytes: 0, -1, 1, -2 … become 0, 1, 2, 3 …
  public mutating func zigzag(_ value: Int64) { varint(UInt64(bitPattern: value << 1 ^ value >> 63)) }

  /// Fixed width, most significant byte first.
  public mutating func bigEndian(_ value: some FixedWidthInteger) {
    withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) }
  }

  /// A length, then the bytes.
  public mutating func blob(_ value: some Collection<UInt8>) {
    count(value.count)
    raw(value)
  }
}
