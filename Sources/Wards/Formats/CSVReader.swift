/// One record of a CSV file: its fields, and the line on which it starts, from 1.
public struct CSVRecord: Hashable {
  public var line: Int
  public var fields: [[UInt8]]
  /// Its quotation marks do not pair: reading goes on at the next line, so that it costs none of the others.
  public var isBroken = false
  /// A quotation mark stands where none belongs, within one line: kept as it stands.
  public var strayQuote: Int?

  public var isBlank: Bool { !isBroken && fields.allSatisfy(\.isEmpty) }
}

/// Reads CSV as RFC 4180 has it: quoted fields with separators, doubled quotes and line breaks; LF, CRLF or CR. Bytes: neither
/// UTF-8 nor CP932 has a separator, a quote or a line break within a character.
///
/// Our own, because a report on a bad row needs the line on which the row starts, through quoted line breaks and a
/// million empty rows, which the CSV library at hand does not tell.
public struct CSVReader: IteratorProtocol, Sequence {
  private let bytes: [UInt8]
  private let separator: UInt8
  /// How many fields a row has, once the header is known: by it a row that swallowed others is told from one with line breaks.
  public var width: Int?
  private var offset = 0
  private var line = 1

  public init(_ bytes: [UInt8], separator: UInt8 = UInt8(ascii: ",")) {
    self.bytes = bytes
    self.separator = separator
  }

  private static let quote = UInt8(ascii: "\"")
  private static let lineFeed = UInt8(ascii: "\n")
  private static let carriageReturn = UInt8(ascii: "\r")
  /// No field that is meant is longer; what is, began with a quotation mark that nobody closed.
  private static let longestQuoted = 16 * 1024

  /// The next record that is not blank.
  public mutating func next() -> CSVRecord? {
    while offset < bytes.count {
      let (start, first) = (offset, line)
      var record = record()
      if record.isBroken || line > first + 1 && swallowsRows(record, bytes[start..<offset]) {
        (offset, line) = (start, first)
        skipLine()
        record = CSVRecord(line: first, fields: [], isBroken: true)
      }
      if !record.isBlank { return record }
    }
    return nil
  }

  /// Whether a record of several lines is several rows that a quotation mark has joined: it has too many fields, or a line of
  /// it is a row by itself, as its first line is, or begins with the same cell.
  private func swallowsRows(_ record: CSVRecord, _ content: ArraySlice<UInt8>) -> Bool {
    guard record.strayQuote == nil else { return true }
    guard let width else { return false }
    var fields = record.fields
    while fields.count > width, fields.last == [] { fields.removeLast() }
    guard fields.count <= width else { return true }
    let lines = content.split(separator: Self.lineFeed).map {
      $0.split(separator: separator, omittingEmptySubsequences: false)
    }
    let isWhole = (lines.first?.count ?? 0) >= width
    return lines.dropFirst().contains { cells in
      isWhole && cells.count >= width
        || cells.count >= 3 && !record.fields[0].isEmpty && cells[0].elementsEqual(record.fields[0])
    }
  }

  private mutating func skipLine() {
    while offset < bytes.count, bytes[offset] != Self.lineFeed, bytes[offset] != Self.carriageReturn { offset += 1 }
    endLine()
  }

  private mutating func endLine() {
    if offset < bytes.count, bytes[offset] == Self.carriageReturn { offset += 1 }
    if offset < bytes.count, bytes[offset] == Self.lineFeed { offset += 1 }
    line += 1
  }

  private mutating func record() -> CSVRecord {
    var record = CSVRecord(line: line, fields: [])
    while true {
      let isQuoted = offset < bytes.count && bytes[offset] == Self.quote
      guard let field = isQuoted ? quoted(&record) : plain(&record) else {
        record.isBroken = true
        return record
      }
      record.fields.append(field)
      guard offset < bytes.count else {
        line += 1
        return record
      }
      if bytes[offset] == separator {
        offset += 1
        continue
      }
      endLine()
      return record
    }
  }

  private mutating func plain(_ record: inout CSVRecord) -> [UInt8]? {
    let start = offset
    while offset < bytes.count, bytes[offset] != separator, bytes[offset] != Self.lineFeed,
      bytes[offset] != Self.carriageReturn
    {
      if bytes[offset] == Self.quote, record.strayQuote == nil { record.strayQuote = record.fields.count }
      offset += 1
    }
    return Array(bytes[start..<offset])
  }

  /// Nil when the quote is never closed. Text between the closing quote and the next separator is kept as it stands.
  private mutating func quoted(_ record: inout CSVRecord) -> [UInt8]? {
    offset += 1
    var content: [UInt8] = []
    while offset < bytes.count, content.count <= Self.longestQuoted {
      let byte = bytes[offset]
      if byte == Self.quote {
        offset += 1
        guard offset < bytes.count, bytes[offset] == Self.quote else {
          let rest = plain(&record) ?? []
          if rest.contains(where: { $0 != UInt8(ascii: " ") }), record.strayQuote == nil {
            record.strayQuote = record.fields.count
          }
          return content + rest
        }
      } else if byte == Self.lineFeed {
        line += 1
      }
      content.append(byte)
      offset += 1
    }
    return nil
  }
}
