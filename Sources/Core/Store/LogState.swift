import Causality
import ChangeModel
import SignedLog
import Sodium

/// How far one log is kept and merged.
public struct LogState: Sendable {
  /// Verified and on disk.
  public var logged: LogHead
  /// Also in the tables; never past `logged`.
  public var merged: LogHead
  /// What the author had told of its clock by `merged`. Invariant: `past.sequence == merged.sequence`.
  public var past: AuthorPast

  public init(_ name: LogName) {
    logged = LogHead()
    merged = LogHead()
    past = AuthorPast(author: name.author, lane: name.lane)
  }

  /// Change sets that wait for others.
  public var waiting: Int { Int(logged.sequence) - Int(merged.sequence) }
}

/// Where a change set stands in the `entries` table.
public enum EntryID {
  /// The log and sequence of an id; nil for a number that is none.
  public static func name(_ id: Int64) -> (LogName, SequenceNumber)? {
    guard id > 0, let lane = Lane(rawValue: UInt8(id >> 61)),
      let author = AuthorNumber(rawValue: UInt32(truncatingIfNeeded: id >> 31 & 0x3fff_ffff)),
      id & 0x7fff_ffff > 0
    else { return nil }
    return (LogName(lane, author), SequenceNumber(id & 0x7fff_ffff))
  }

  public static func rawValue(_ name: LogName, _ sequence: SequenceNumber) -> Int64 {
    Int64(name.lane.rawValue) << 61 | Int64(name.author.rawValue) << 31 | Int64(sequence)
  }
}

/// A mentioned clock as bytes: its dots in the order of mention.
enum MentionedClockCodec {
  static func encode(_ clock: MentionedClock) -> [UInt8] {
    var writer = ByteWriter(capacity: clock.mentioned.count * 8)
    for dot in clock.mentioned {
      writer.varint(dot.author.rawValue)
      writer.varint(dot.sequence)
    }
    return writer.bytes
  }

  static func decode(_ bytes: UnsafeRawBufferPointer) throws(MalformedBytes) -> MentionedClock {
    var reader = ByteReader(bytes)
    var clock = MentionedClock()
    while !reader.isAtEnd {
      let raw = UInt32(try reader.varint(upTo: UInt64(UInt32.max)))
      guard let author = AuthorNumber(rawValue: raw) else { throw reader.malformed(.invalidValue) }
      clock.advance(to: Dot(author, SequenceNumber(try reader.varint(upTo: UInt64(sequenceLimit)))))
    }
    return clock
  }
}
