import Causality
import ChangeModel

/// A row's state as the bytes beside its columns. One form for each state, so that equal states are equal bytes.
///
/// Most rows are plain: registers with one value each. They cost one stamp (15 bytes) for each change set that still
/// shows, and a bitmap of the fields that it wrote; the values are in the columns.
public enum RowStateCodec {
  private static let plain: UInt8 = 1
  private static let full: UInt8 = 2

  /// - Parameter inline: write the winners' values too, for a row that has no columns to hold them.
  public static func encode(_ state: borrowing RowState, inline: Bool) -> [UInt8] {
    precondition(!inline || state.isHydrated)
    var writer = ByteWriter(capacity: 64)
    if !inline, let row = PlainRow(state) {
      encode(row, to: &writer)
    } else {
      writer.byte(full)
      encodeFull(state, inline: inline, to: &writer)
    }
    return writer.bytes
  }

  /// - Throws: `MalformedBytes` when the bytes are not a state: the database is damaged.
  public static func decode(_ bytes: UnsafeRawBufferPointer) throws(MalformedBytes) -> RowState {
    var reader = ByteReader(bytes)
    var state = RowState()
    switch try reader.byte() {
    case plain:
      var row = PlainRow()
      try decode(&reader, into: &row)
      state.registers = row.registers
      state.isHydrated = state.registers.isEmpty
    case full: try decodeFull(&reader, into: &state)
    default: throw MalformedBytes(.unknownTag, offset: 0)
    }
    try reader.expectEnd()
    return state
  }

  // MARK: Plain rows

  /// Appends a plain row's bytes.
  public static func encode(_ row: borrowing PlainRow, to writer: inout ByteWriter) {
    writer.byte(plain)
    writer.count(row.writes.count)
    for (stamp, fields) in row.writes {
      write(stamp, to: &writer)
      writer.varint(fields)
    }
  }

  /// Fills in a plain row from its bytes.
  ///
  /// - Returns: whether they are a plain row's.
  /// - Throws: `MalformedBytes` when they are not a state.
  public static func decode(_ bytes: UnsafeRawBufferPointer, into row: inout PlainRow) throws(MalformedBytes) -> Bool {
    var reader = ByteReader(bytes)
    guard try reader.byte() == plain else { return false }
    try decode(&reader, into: &row)
    try reader.expectEnd()
    return true
  }

  private static func decode(_ reader: inout ByteReader, into row: inout PlainRow) throws(MalformedBytes) {
    row.clear()
    for _ in 0..<(try reader.count(upTo: Int(PlainRow.fieldLimit))) {
      row.writes.append((try stamp(&reader), try reader.varint(upTo: 1 << UInt64(PlainRow.fieldLimit) - 1)))
    }
  }

  // MARK: Rows with more to tell

  private static func encodeFull(_ state: borrowing RowState, inline: Bool, to writer: inout ByteWriter) {
    writer.byte(inline ? 1 : 0)
    writer.count(state.registers.count)
    for cell in state.registers { write(cell, winnerValue: inline, to: &writer) }
    writer.count(state.sets.count)
    for cell in state.sets { write(cell, to: &writer) }
    writer.count(state.contributions.count)
    for cell in state.contributions {
      writer.varint(cell.field)
      writer.count(cell.contributions.count)
      for contribution in cell.contributions { write(contribution, to: &writer) }
    }
    write(state.deletions, to: &writer)
    writer.count(state.buriedRegisters.count)
    for cell in state.buriedRegisters { write(cell, winnerValue: true, to: &writer) }
    writer.count(state.buriedSets.count)
    for cell in state.buriedSets { write(cell, to: &writer) }
  }

  private static func decodeFull(_ reader: inout ByteReader, into state: inout RowState) throws(MalformedBytes) {
    let inline = try reader.byte() == 1
    for _ in 0..<(try count(&reader)) { state.registers.append(try register(&reader, winnerValue: inline)) }
    for _ in 0..<(try count(&reader)) { state.sets.append(try set(&reader)) }
    for _ in 0..<(try count(&reader)) {
      var cell = ContributionCell(field: UInt32(try reader.varint(upTo: UInt64(Limits.fieldNumber))))
      for _ in 0..<(try count(&reader)) { cell.contributions.append(try contribution(&reader)) }
      state.contributions.append(cell)
    }
    state.deletions = try dots(&reader)
    for _ in 0..<(try count(&reader)) { state.buriedRegisters.append(try register(&reader, winnerValue: true)) }
    for _ in 0..<(try count(&reader)) { state.buriedSets.append(try set(&reader)) }
    state.isHydrated = inline || state.registers.isEmpty
  }

  // MARK: Parts

  /// A list's length. Every element takes a byte or more, so a length past the bytes that remain is a lie.
  private static func count(_ reader: inout ByteReader) throws(MalformedBytes) -> Int {
    try reader.count(upTo: reader.remaining)
  }

  private static func write(_ cell: RegisterCell, winnerValue: Bool, to writer: inout ByteWriter) {
    writer.varint(cell.field)
    writer.count(cell.others.count)
    write(cell.winner, value: winnerValue, to: &writer)
    for other in cell.others { write(other, value: true, to: &writer) }
  }

  private static func register(_ reader: inout ByteReader, winnerValue: Bool) throws(MalformedBytes) -> RegisterCell {
    let field = UInt32(try reader.varint(upTo: UInt64(Limits.fieldNumber)))
    let others = try count(&reader)
    var cell = RegisterCell(field: field, winner: try sibling(&reader, value: winnerValue))
    for _ in 0..<others { cell.others.append(try sibling(&reader, value: true)) }
    return cell
  }

  private static func write(_ cell: SetCell, to writer: inout ByteWriter) {
    writer.varint(cell.field)
    writer.count(cell.adds.count)
    for add in cell.adds { write(add, value: true, to: &writer) }
  }

  private static func set(_ reader: inout ByteReader) throws(MalformedBytes) -> SetCell {
    var cell = SetCell(field: UInt32(try reader.varint(upTo: UInt64(Limits.fieldNumber))), adds: [])
    for _ in 0..<(try count(&reader)) { cell.adds.append(try sibling(&reader, value: true)) }
    return cell
  }

  private static func write(_ sibling: Sibling, value: Bool, to writer: inout ByteWriter) {
    write(sibling.stamp, to: &writer)
    write(sibling.against, to: &writer)
    if value { ValueCodec.write(sibling.value, to: &writer) }
  }

  private static func sibling(_ reader: inout ByteReader, value: Bool) throws(MalformedBytes) -> Sibling {
    let stamp = try stamp(&reader)
    let against = try dots(&reader)
    return Sibling(stamp, value ? try ValueCodec.read(&reader) : .null, against: against)
  }

  private static func write(_ contribution: Contribution, to writer: inout ByteWriter) {
    writer.varint(contribution.author.rawValue)
    writer.varint(contribution.last)
    writer.zigzag(contribution.total)
    writer.varint(contribution.buriedThrough)
    writer.zigzag(contribution.buriedTotal)
    writer.count(contribution.against.count)
    for contest in contribution.against {
      write([contest.deletion], to: &writer)
      writer.varint(contest.last)
    }
  }

  private static func contribution(_ reader: inout ByteReader) throws(MalformedBytes) -> Contribution {
    var contribution = Contribution(author: try author(&reader))
    contribution.last = SequenceNumber(try reader.varint(upTo: UInt64(sequenceLimit)))
    contribution.total = try reader.zigzag()
    contribution.buriedThrough = SequenceNumber(try reader.varint(upTo: UInt64(sequenceLimit)))
    contribution.buriedTotal = try reader.zigzag()
    for _ in 0..<(try count(&reader)) {
      guard let deletion = try dots(&reader).first else { throw reader.malformed(.invalidValue) }
      let last = SequenceNumber(try reader.varint(upTo: UInt64(sequenceLimit)))
      contribution.against.append(Contest(deletion, last: last))
    }
    return contribution
  }

  private static func write(_ dots: [Dot], to writer: inout ByteWriter) {
    writer.count(dots.count)
    for dot in dots {
      writer.varint(dot.author.rawValue)
      writer.varint(dot.sequence)
    }
  }

  private static func dots(_ reader: inout ByteReader) throws(MalformedBytes) -> [Dot] {
    var dots: [Dot] = []
    for _ in 0..<(try count(&reader)) { dots.append(try dot(&reader)) }
    return dots
  }

  private static func write(_ stamp: Stamp, to writer: inout ByteWriter) {
    writer.varint(stamp.dot.author.rawValue)
    writer.varint(stamp.dot.sequence)
    writer.bigEndian(stamp.time.rawValue)
  }

  private static func stamp(_ reader: inout ByteReader) throws(MalformedBytes) -> Stamp {
    Stamp(try dot(&reader), at: HybridTime(rawValue: try reader.bigEndian(UInt64.self)))
  }

  private static func dot(_ reader: inout ByteReader) throws(MalformedBytes) -> Dot {
    Dot(try author(&reader), SequenceNumber(try reader.varint(upTo: UInt64(sequenceLimit))))
  }

  private static func author(_ reader: inout ByteReader) throws(MalformedBytes) -> AuthorNumber {
    let raw = UInt32(try reader.varint(upTo: UInt64(UInt32.max)))
    guard let author = AuthorNumber(rawValue: raw) else { throw reader.malformed(.invalidValue) }
    return author
  }
}
