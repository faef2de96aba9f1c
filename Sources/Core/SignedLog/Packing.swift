import CZlib
import ChangeModel

/// Sections in fewer bytes, before they are sealed: what is sealed looks like noise, and nothing makes that smaller. The same
/// people, places and states come again in a change set of many rows, which halves it.
///
/// A packed change set says so in its header; each of its sealed sections then begins with the length of its content, or 0 for
/// one that stands as it is. FORMAT.md, section 4. zlib (RFC 1950) by Debian; what it makes is the writer's alone to choose, so
/// nodes with different versions of it agree.
enum Packing {
  /// Below this there is nothing that comes again.
  private static let leastBytes = 256
  private static let level: Int32 = 6

  /// Packed content; nil when that would not be shorter.
  static func pack(_ content: [UInt8]) -> [UInt8]? {
    guard content.count >= leastBytes, content.count <= Limits.changeSetBytes else { return nil }
    var length = compressBound(uLong(content.count))
    var isPacked = false
    let bytes = [UInt8](unsafeUninitializedCapacity: Int(length)) { buffer, filled in
      isPacked = compress2(buffer.baseAddress, &length, content, uLong(content.count), level) == Z_OK
      filled = isPacked ? Int(length) : 0
    }
    var writer = ByteWriter(capacity: bytes.count + 4)
    writer.count(content.count)
    writer.raw(bytes)
    return isPacked && writer.bytes.count < content.count ? writer.bytes : nil
  }

  /// Content that stands as it is beside packed sections.
  static func stored(_ content: [UInt8]) -> [UInt8] { [0] + content }

  /// The content of a section of a packed change set.
  ///
  /// - Throws: `MalformedBytes` for what is not packed so, or says a length that it does not have.
  static func unpack(_ bytes: [UInt8]) throws(MalformedBytes) -> [UInt8] {
    try bytes.decoding { raw throws(MalformedBytes) in
      var reader = ByteReader(raw)
      let length = try reader.count(upTo: Limits.changeSetBytes)
      let packed = try reader.raw(reader.remaining)
      guard length > 0 else { return [UInt8](packed) }
      var found = uLong(length)
      var isWhole = false
      let content = [UInt8](unsafeUninitializedCapacity: length) { buffer, filled in
        let start = packed.baseAddress?.assumingMemoryBound(to: UInt8.self)
        isWhole = uncompress(buffer.baseAddress, &found, start, uLong(packed.count)) == Z_OK && Int(found) == length
        filled = isWhole ? length : 0
      }
      guard isWhole else { throw reader.malformed(.invalidValue) }
      return content
    }
  }
}
