/// One record of a CSV file: its fields, and the line on which it starts, from 1.
public struct CSVRecord: Hashable, Sendable {
  public var line: Int
  public var fields: [String]
  /// The file ended inside a quoted field.
  public var isUnterminated = false

  public init(line: Int, fields: [String], isUnterminated: Bool = false) {
    self.line = line
    self.fields = fields
    self.isUnterminated = isUnterminated
  }

  var isBlank: Bool { !isUnterminated && fields.allSatisfy(\.isEmpty) }
}

/// Reads CSV as RFC 4180 has it: quoted fields with commas, doubled quotes and line breaks; LF, CRLF or CR.
///
/// Our own, because a report on a bad row needs the line on which the row starts, through quoted line breaks and a
/// million empty rows, which the CSV library at hand does not tell.
struct CSVReader: IteratorProtocol, Sequence {
  private let bytes: [UInt8]
  private var offset = 0
  private var line = 1

  init(_ text: String) { bytes = Array(text.utf8) }

  private static let quote = UInt8(ascii: "\"")
  private static let comma = UInt8(ascii: ",")
  private static let lineFeed = UInt8(ascii: "\n")
  private static let carriageReturn = UInt8(ascii: "\r")

  /// The next record that is not blank.
  mutating func next() -> CSVRecord? {
    while offset < bytes.count {
      let record = record()
      if !record.isBlank { return record }
    }
    return nil
  }

  private mutating func record() -> CSVRecord {
    var record = CSVRecord(line: line, fields: [])
    while true {
      let field = offset < bytes.count && bytes[offset] == Self.quote ? quoted() : plain()
      guard let field else {
        record.isUnterminated = true
        return record
      }
      record.fields.append(field)
      guard offset < bytes.count else { return record }
      if bytes[offset] == Self.comma {
        offset += 1
        continue
      }
      if bytes[offset] == Self.carriageReturn { offset += 1 }
      if offset < bytes.count, bytes[offset] == Self.lineFeed { offset += 1 }
      line += 1
      return record
    }
  }

  private mutating func plain() -> String? {
    let start = offset
    while offset < bytes.count, bytes[offset] != Self.comma, bytes[offset] != Self.lineFeed,
      bytes[offset] != Self.carriageReturn
    {
      offset += 1
    }
    return String(decoding: bytes[start..<offset], as: UTF8.self)
  }

  /// Nil when the quote is never closed. Text between the closing quote and the next comma is kept as it stands.
  private mutating func quoted() -> String? {
    offset += 1
    var content: [UInt8] = []
    while offset < bytes.count {
      let byte = bytes[offset]
      if byte == Self.quote {
        offset += 1
        guard offset < bytes.count, bytes[offset] == Self.quote else {
          return String(decoding: content, as: UTF8.self) + (plain() ?? "")
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
