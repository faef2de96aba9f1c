import Federation
import Sodium

/// A hash over all that happened in a run, in order: two runs with one digest did the same, byte for byte.
public struct Trace {
  private var sum = Digest.zero
  private var buffer: [UInt8] = []
  private(set) var events = 0

  mutating func note(_ at: Moment, _ kind: UInt8, _ numbers: Int...) {
    events += 1
    buffer.append(kind)
    append(at)
    for number in numbers { append(Int64(number)) }
    if buffer.count > 1 << 16 { fold() }
  }

  mutating func note(_ bytes: [UInt8]) {
    buffer += bytes
    if buffer.count > 1 << 16 { fold() }
  }

  private mutating func append(_ number: Int64) {
    withUnsafeBytes(of: number.bigEndian) { buffer.append(contentsOf: $0) }
  }

  private mutating func fold() {
    sum = blake2b(sum.bytes + buffer)
    buffer.removeAll(keepingCapacity: true)
  }

  /// One digest over those of many runs.
  public static func digest(of digests: [String]) -> String {
    blake2b([UInt8](digests.joined(separator: "\n").utf8)).bytes.hexadecimal
  }

  mutating func digest() -> Digest {
    fold()
    return sum
  }
}
