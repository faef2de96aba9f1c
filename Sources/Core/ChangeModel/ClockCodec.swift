import Causality

/// What advanced in an author's clock, against the clock that its log had told before. FORMAT.md, section 3.
enum ClockCodec {
  /// Advances this large or larger get a number of their own.
  private static let longStep: UInt64 = 7

  /// `advances` holds each author once, each with a sequence above that in `clock`.
  static func encode(_ advances: [Dot], against clock: MentionedClock, to writer: inout ByteWriter) {
    var known: [(position: Int, step: UInt64)] = []
    var new: [Dot] = []
    for dot in advances {
      guard let position = clock.position(of: dot.author) else {
        new.append(dot)
        continue
      }
      known.append((position, UInt64(dot.sequence - clock.mentioned[position].sequence)))
    }
    known.sort { $0.position < $1.position }
    writer.count(known.count << 1 | (new.isEmpty ? 0 : 1))
    var next = 0
    for (position, step) in known {
      writer.varint(UInt64(position - next) << 3 | min(step - 1, longStep))
      if step - 1 >= longStep { writer.varint(step - 1 - longStep) }
      next = position + 1
    }
    guard !new.isEmpty else { return }
    writer.count(new.count)
    for dot in new {
      writer.varint(dot.author.rawValue)
      writer.varint(dot.sequence)
    }
  }

  static func decode(
    from reader: inout ByteReader, against clock: MentionedClock, author own: AuthorNumber?
  ) throws(MalformedBytes) -> [Dot] {
    let head = try reader.count(upTo: Limits.clockEntries << 1 | 1)
    var advances: [Dot] = []
    advances.reserveCapacity(head >> 1)
    var next = 0
    for _ in 0..<head >> 1 {
      let token = try reader.varint(upTo: UInt64(Limits.mentionedAuthors) << 3 | 7)
      let position = next + Int(token >> 3)
      guard position < clock.mentioned.count else { throw reader.malformed(.invalidValue) }
      var step = (token & 7) + 1
      if token & 7 == longStep { step += try reader.varint(upTo: UInt64(sequenceLimit)) }
      let known = clock.mentioned[position]
      let sequence = UInt64(known.sequence) + step
      guard sequence <= UInt64(sequenceLimit) else { throw reader.malformed(.overLimit) }
      advances.append(Dot(known.author, SequenceNumber(sequence)))
      next = position + 1
    }
    guard head & 1 == 1 else { return advances }
    let count = try reader.count(upTo: Limits.clockEntries)
    guard count > 0, head >> 1 + count <= Limits.clockEntries,
      clock.mentioned.count + count <= Limits.mentionedAuthors
    else { throw reader.malformed(.overLimit) }
    var previous: AuthorNumber?
    for _ in 0..<count {
      let raw = UInt32(try reader.varint(upTo: UInt64(UInt32.max)))
      let sequence = SequenceNumber(try reader.varint(upTo: UInt64(sequenceLimit)))
      guard let author = AuthorNumber(rawValue: raw), author != own, sequence > 0, clock.position(of: author) == nil,
        previous.map({ $0 < author }) ?? true
      else { throw reader.malformed(.invalidValue) }
      advances.append(Dot(author, sequence))
      previous = author
    }
    return advances
  }
}
