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
  /// Which branch the author's numbers mean from now on, of logs in its lane whose branches a revocation chooses from. Sorted.
  public var branches: [NamedBranch]

  public init(
    time: HybridTime, clock: [Dot], control: [Dot], isClockDoubted: Bool = false, branches: [NamedBranch] = []
  ) {
    self.time = time
    self.clock = clock
    self.control = control
    self.isClockDoubted = isClockDoubted
    self.branches = branches
  }
}

/// One branch of an author's log, by a change set that lies on it: where logs part, a number alone names none.
public struct NamedBranch: Hashable, Sendable {
  public static let hashBytes = 32

  public var author: AuthorNumber
  /// The chain hash of the change set that a revocation names as the last valid one.
  public var hash: [UInt8]

  /// - Precondition: `hash` has 32 bytes.
  public init(_ author: AuthorNumber, hash: [UInt8]) {
    precondition(hash.count == Self.hashBytes)
    self.author = author
    self.hash = hash
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
  /// By author: the hash on the branch that the numbers of `clock` mean, as this log named it last.
  public var branches: [AuthorNumber: [UInt8]] = [:]
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
    for branch in header.branches { branches[branch.author] = branch.hash }
  }
}

/// The layout of a change set's bytes. FORMAT.md, section 3.
public struct ChangeSetLayout: Sendable {
  public static let formatVersion: UInt8 = 2
  public static let signatureBytes = 64
  private static let hasControl: UInt8 = 1
  private static let doubtsClock: UInt8 = 2
  private static let namesBranches: UInt8 = 4
  private static let packsSections: UInt8 = 8

  public var header: ChangeSetHeader
  /// Length of the header's bytes, the section count included.
  public var headerBytes: Int
  public var sections: [SealedSection]
  /// What is in sealed sections is packed, or says that it is not.
  public let isPacked: Bool

  /// Writes a header for the change set after `past`. Sections and the signature follow.
  public static func writeHeader(
    _ header: ChangeSetHeader, sections: Int, isPacked: Bool = false, after past: AuthorPast,
    to writer: inout ByteWriter
  ) {
    precondition(header.time > past.time && sections <= Limits.sections)
    writer.byte(
      formatVersion << 4 | (header.control.isEmpty ? 0 : hasControl) | (header.isClockDoubted ? doubtsClock : 0)
        | (header.branches.isEmpty ? 0 : namesBranches) | (isPacked ? packsSections : 0))
    writer.varint(UInt64(header.time.milliseconds - past.time.milliseconds))
    writer.varint(header.time.logical)
    ClockCodec.encode(header.clock, against: past.clock, to: &writer)
    if !header.control.isEmpty { ClockCodec.encode(header.control, against: past.control, to: &writer) }
    if !header.branches.isEmpty {
      writer.count(header.branches.count)
      for branch in header.branches {
        writer.varint(branch.author.rawValue)
        writer.raw(branch.hash)
      }
    }
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
    let flags = Self.hasControl | Self.doubtsClock | Self.namesBranches | Self.packsSections
    guard version >> 4 == Self.formatVersion, version & 0xf & ~flags == 0 else {
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
    let branches = version & Self.namesBranches == 0 ? [] : try Self.readBranches(from: &reader, after: past)
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
    isPacked = version & Self.packsSections != 0
    header = ChangeSetHeader(
      time: time, clock: clock, control: control, isClockDoubted: version & Self.doubtsClock != 0, branches: branches)
  }

  private static func readBranches(
    from reader: inout ByteReader, after past: AuthorPast
  ) throws(MalformedBytes) -> [NamedBranch] {
    let count = try reader.count(upTo: Limits.namedBranches)
    guard count > 0 else { throw reader.malformed(.invalidValue) }
    var branches: [NamedBranch] = []
    for _ in 0..<count {
      let raw = UInt32(try reader.varint(upTo: UInt64(UInt32.max)))
      guard let author = AuthorNumber(rawValue: raw), author != past.author,
        branches.last.map({ $0.author < author }) ?? true
      else { throw reader.malformed(.invalidValue) }
      branches.append(NamedBranch(author, hash: Array(try reader.raw(NamedBranch.hashBytes))))
    }
    guard past.branches.count + branches.count(where: { past.branches[$0.author] == nil }) <= Limits.namedBranches
    else {
      throw reader.malformed(.overLimit)
    }
    return branches
  }
}
