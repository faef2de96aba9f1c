import ChangeModel
import SignedLog

/// Finds the one byte of a change set that is not as its author signed it, by trying: a signature (35 µs to check) holds
/// for the right byte only. A turned bit, the usual damage, is found in a few thousand tries.
struct ByteSearch {
  let context: LogContext
  let head: LogHead

  /// About two seconds: any bit of a change set of 7,500 bytes, any byte of one of 230.
  private static let tries = 60_000

  /// The offset of the byte and what it must be; nil when no single byte explains it, or it is too long to try.
  func find(_ bytes: [UInt8]) -> (offset: Int, right: UInt8)? {
    var left = Self.tries
    var candidate = bytes
    func holds() -> Bool {
      left -= 1
      return RunVerifier(context).verify([candidate], after: head).entries.count == 1
    }
    // Turned bits first, then every other value.
    for isBit in [true, false] {
      for offset in bytes.indices {
        for change in UInt8(1)...255 where (change.nonzeroBitCount == 1) == isBit {
          guard left > 0 else { return nil }
          candidate[offset] = bytes[offset] ^ change
          if holds() { return (offset, candidate[offset]) }
        }
        candidate[offset] = bytes[offset]
      }
    }
    return nil
  }
}
