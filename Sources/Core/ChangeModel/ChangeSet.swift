import Causality

/// The header of a change set, as far as it must travel: who wrote it, where and after what, the reader knows.
public struct ChangeSetHeader: Hashable, Sendable {
  public var time: HybridTime
  /// What advanced in the lane's clock since the author's previous change set, that author apart.
  public var clock: [Dot]
  /// The control entries that the author newly relied on; in the control lane itself, none.
  public var control: [Dot]
  /// The author's clock stood far from those of its peers when it wrote: its time is a guess.
  public var isClockDoubted: Bool

  public init(time: HybridTime, clock: [Dot], control: [Dot], isClockDoubted: Bool = false) {
    self.time = time
    self.clock = clock
    self.control = control
    self.isClockDoubted = isClockDoubted
  }
}

/// One section, still sealed for its audience.
public struct SealedSection: Hashable, Sendable {
  public var key: AudienceKeyID
  /// Where its bytes lie in the change set.
  public var range: Range<Int>
}

/// What one author has told by its log in one lane so far: what the next change set is read against.
public struct AuthorPast: Sendable {
  public let author: AuthorNumber
  public let lane: Lane
  public var sequence: SequenceNumber = 0
  public var time = HybridTime.zero
  public var clock = MentionedClock()
  public var control = MentionedClock()
  /// How far its word about another author's log is certain; past that, a number names one branch of the log or the other.
  public var certain: [AuthorNumber: SequenceNumber] = [:]

  public init(author: AuthorNumber, lane: Lane) {
    self.author = author
    self.lane = lane
  }

  /// Whether the author had seen `dot` of its own lane when it wrote its latest change set.
  public func covers(_ dot: Dot) -> Bool {
    if dot.author == author { return dot.sequence <= sequence }
    return clock.covers(dot) && (certain.isEmpty || dot.sequence <= certain[dot.author] ?? .max)
  }

  /// Goes on by one change set.
  public mutating func advance(by header: ChangeSetHeader) {
    sequence += 1
    time = header.time
    for dot in header.clock { clock.advance(to: dot) }
    for dot in header.control { control.advance(to: dot) }
  }
}

/// The layout of a change set's bytes. FORMAT.md, section 3.
public struct ChangeSetLayout: Sendable {
  public static let formatVersion: UInt8 = 2
  public static let signatureBytes = 64
  private static let hasControl: UInt8 = 1
  private static let doubtsClock: UInt8 = 2

  public var header: ChangeSetHeader
  /// Length of the header's bytes, the section count included.
  public var headerBytes: Int
  public var sections: [SealedSection]

  /// Writes a header for the change set after `past`. Sections and the signature follow.
  public static func writeHeader(
    _ header: ChangeSetHeader, sections: Int, after past: AuthorPast, to writer: inout ByteWriter
  ) {
    precondition(header.time > past.time && sections <= Limits.sections)
    writer.byte(
      formatVersion << 4 | (header.control.isEmpty ? 0 : hasControl) | (header.isClockDoubted ? doubtsClock : 0))
    writer.varint(UInt64(header.time.milliseconds - past.time.milliseconds))
    writer.varint(header.time.logical)
    ClockCodec.encode(header.clock, against: past.clock, to: &writer)
    if !header.control.isEmpty { ClockCodec.encode(header.control, against: past.control, to: &writer) }
    writer.count(sections)
  }

  /// Whether the author doubted its clock, by a change set's first byte.
  public static func isClockDoubted(_ first: UInt8) -> Bool { first & doubtsClock != 0 }

  /// Reads the bytes of a change set, its signature included, that follows `past`.
  ///
  /// - Throws: `MalformedBytes`. The signature is not looked at here.
  public init(_ bytes: UnsafeRawBufferPointer, after past: AuthorPast) throws(MalformedBytes) {
    guard bytes.count > Self.signatureBytes, bytes.count <= Limits.changeSetBytes else {
      throw MalformedBytes(bytes.count > Limits.changeSetBytes ? .overLimit : .truncated, offset: 0)
    }
    var reader = ByteReader(UnsafeRawBufferPointer(rebasing: bytes.dropLast(Self.signatureBytes)))
    let version = try reader.byte()
    guard version >> 4 == Self.formatVersion, version & 0xf & ~(Self.hasControl | Self.doubtsClock) == 0 else {
      throw MalformedBytes(.unknownVersion, offset: 0)
    }
    let advance = try reader.varint(upTo: 1 << 48)
    let logical = UInt16(try reader.varint(upTo: UInt64(UInt16.max)))
    let milliseconds = past.time.milliseconds + Int64(advance)
    let time = HybridTime(milliseconds: milliseconds, logical: logical)
    guard time > past.time, milliseconds < Limits.timeMilliseconds else { throw reader.malformed(.invalidValue) }
    let clock = try ClockCodec.decode(from: &reader, against: past.clock, author: past.author)
    var control: [Dot] = []
    if version & Self.hasControl != 0 {
      guard past.lane != .control else { throw reader.malformed(.invalidValue) }
      // An author's own control log is one that it relies on too, so no author is left out here.
      control = try ClockCodec.decode(from: &reader, against: past.control, author: nil)
    }
    let count = try reader.count(upTo: Limits.sections)
    headerBytes = reader.offset
    sections = []
    for _ in 0..<count {
      let key = AudienceKeyID(try reader.varint(upTo: UInt64(UInt32.max)))
      let length = try reader.count(upTo: Limits.changeSetBytes)
      let start = reader.offset
      _ = try reader.raw(length)
      sections.append(SealedSection(key: key, range: start..<start + length))
    }
    try reader.expectEnd()
    header = ChangeSetHeader(
      time: time, clock: clock, control: control, isClockDoubted: version & Self.doubtsClock != 0)
  }
}
