/// Why bytes could not be read. `offset` counts from the start of what was being decoded.
public struct MalformedBytes: Error, Hashable, Sendable {
  public enum Reason: String, Hashable, Sendable {
    case truncated, overlongNumber, overLimit, unknownTag, invalidText, invalidValue, trailingBytes, unknownVersion
  }

  public var reason: Reason
  public var offset: Int

  public init(_ reason: Reason, offset: Int) {
    self.reason = reason
    self.offset = offset
  }
}

/// Reads the format's primitives. Never traps: whatever the bytes, it returns a value or throws.
public struct ByteReader {
  private let bytes: UnsafeRawBufferPointer
  public private(set) var offset = 0

  /// The reader must not outlive `bytes`.
  public init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  public var remaining: Int { bytes.count - offset }
  public var isAtEnd: Bool { offset == bytes.count }

  public func malformed(_ reason: MalformedBytes.Reason) -> MalformedBytes { MalformedBytes(reason, offset: offset) }

  @inline(__always)
  public mutating func byte() throws(MalformedBytes) -> UInt8 {
    guard offset < bytes.count else { throw malformed(.truncated) }
    defer { offset += 1 }
    return bytes[offset]
  }

  /// Refuses a number with needless trailing zero groups, so that each number has one form.
  @inline(__always)
  public mutating func varint() throws(MalformedBytes) -> UInt64 {
    let first = try byte()
    if first < 0x80 { return UInt64(first) }
    return try longVarint(UInt64(first & 0x7f))
  }

  private mutating func longVarint(_ first: UInt64) throws(MalformedBytes) -> UInt64 {
    var value = first
    var shift: UInt64 = 7
    while true {
      let next = try byte()
      guard shift < 63 || next <= 1 else { throw malformed(.overlongNumber) }
      value |= UInt64(next & 0x7f) << shift
      if next < 0x80 {
        guard next != 0 else { throw malformed(.overlongNumber) }
        return value
      }
      shift += 7
      guard shift <= 63 else { throw malformed(.overlongNumber) }
    }
  }

  /// A varint that must not pass `limit`.
  @inline(__always)
  public mutating func varint(upTo limit: UInt64) throws(MalformedBytes) -> UInt64 {
    let value = try varint()
    guard value <= limit else { throw malformed(.overLimit) }
    return value
  }

  public mutating func count(upTo limit: Int) throws(MalformedBytes) -> Int { Int(try varint(upTo: UInt64(limit))) }

  @inline(__always)
  public mutating func zigzag() throws(MalformedBytes) -> Int64 {
    let value = try varint()
    return Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1)
  }

  public mutating func bigEndian<Integer: FixedWidthInteger>(
    _ type: Integer.Type
  ) throws(MalformedBytes) -> Integer {
    let width = MemoryLayout<Integer>.size
    guard remaining >= width else { throw malformed(.truncated) }
    defer { offset += width }
    return Integer(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: Integer.self))
  }

  /// The next `count` bytes, in place.
  @inline(__always)
  public mutating func raw(_ count: Int) throws(MalformedBytes) -> UnsafeRawBufferPointer {
    guard count >= 0, remaining >= count else { throw malformed(.truncated) }
    defer { offset += count }
    return UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + count])
  }

  public mutating func blob(upTo limit: Int) throws(MalformedBytes) -> [UInt8] {
    [UInt8](try raw(count(upTo: limit)))
  }

  public func expectEnd() throws(MalformedBytes) {
    guard isAtEnd else { throw malformed(.trailingBytes) }
  }
}

extension [UInt8] {
  /// These bytes for a decoder. The standard `withUnsafeBytes` forgets the type of the error.
  public func decoding<Decoded>(
    _ body: (UnsafeRawBufferPointer) throws(MalformedBytes) -> Decoded
  ) throws(MalformedBytes) -> Decoded {
    let result: Result<Decoded, MalformedBytes> = withUnsafeBytes { raw in
      do throws(MalformedBytes) { return .success(try body(raw)) } catch { return .failure(error) }
    }
    return try result.get()
  }
}
