import SignedLog

/// How many bytes a frame of change sets takes, from their lengths alone. FORMAT.md, section 8.
struct RunFrame {
  let log: LogName
  let first: UInt32
  private(set) var count = 0
  /// Of the change sets themselves.
  private(set) var content = 0
  private var lengths = 0

  init(log: LogName, first: UInt32) {
    self.log = log
    self.first = first
  }

  mutating func add(_ bytes: Int) {
    count += 1
    content += bytes
    lengths += Self.varint(UInt64(bytes))
  }

  /// The frame's length, its header, and each change set behind its own length.
  var bytes: Int { 4 + Self.headerBytes(log, first: first, count: count) + lengths + content }

  /// Tag, lane, author, first, count.
  static func headerBytes(_ log: LogName, first: UInt32, count: Int) -> Int {
    2 + varint(UInt64(log.author.rawValue)) + varint(UInt64(first)) + varint(UInt64(count))
  }

  /// Bytes of a number as a varint.
  static func varint(_ value: UInt64) -> Int { max(1, (64 - value.leadingZeroBitCount + 6) / 7) }
}
