import ChangeModel
import Foundation
import Places
import Topology

/// A published list of shelters, read: the rows that can be used, and what is wrong with the others.
public struct ShelterList: Sendable {
  public var kind: ShelterListKind
  public var encoding: TextEncoding
  public var records: [ShelterRecord] = []
  public var problems: [ImportProblem] = []
  /// What the publisher says of the whole list, when it says anything.
  public var notice: String?

  /// The metropolitan list of 2022-06 has 13.8 MB, nearly all of it empty rows.
  public static let byteLimit = 32 << 20
  /// A row has names, places and remarks, and a list that is none would be read for minutes.
  public static let lineLimit = 64 << 10

  /// Reads any list that is known here: a CSV of the standard data set, of Tokyo's two releases or of GSI, or GSI's
  /// GeoJSON.
  ///
  /// - Parameters:
  ///   - fileName: GSI's CSV names the municipality only there.
  ///   - topology: against whose outlines positions are checked.
  public init(_ bytes: [UInt8], fileName: String, topology: Topology) throws(ExchangeError) {
    guard bytes.count <= Self.byteLimit else { throw .tooLarge(limit: Self.byteLimit) }
    try Self.checkLines(bytes)
    let (text, encoding) = try TextDecoding.decode(bytes)
    let first = text.unicodeScalars.first { !$0.properties.isWhitespace }
    if first == "{" || first == "[" {
      self = try GSIGeoJSON.read(text, encoding: encoding, fileName: fileName, topology: topology)
    } else {
      try self.init(csv: text, encoding: encoding, fileName: fileName, topology: topology)
    }
  }

  init(kind: ShelterListKind, encoding: TextEncoding) {
    self.kind = kind
    self.encoding = encoding
  }

  /// Before anything is decoded. GeoJSON has its whole file in one line.
  private static func checkLines(_ bytes: [UInt8]) throws(ExchangeError) {
    let start = bytes.first { $0 < 0x80 && $0 > 0x20 }
    guard start != UInt8(ascii: "{"), start != UInt8(ascii: "[") else { return }
    var (line, length) = (1, 0)
    for byte in bytes {
      if byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") {
        if byte == UInt8(ascii: "\n") { line += 1 }
        length = 0
      } else {
        length += 1
        guard length <= lineLimit else { throw .lineTooLong(line: line, limit: lineLimit) }
      }
    }
  }

  /// How many records are looked at for a header.
  private static let headerSearch = 20

  private init(csv text: String, encoding: TextEncoding, fileName: String, topology: Topology) throws(ExchangeError) {
    var reader = CSVReader(text)
    var skipped: [String] = []
    var header: CSVRecord?
    var kind: ShelterListKind?
    while skipped.count < Self.headerSearch, let record = reader.next() {
      kind = ShelterListKind(header: record.fields)
      if kind != nil {
        header = record
        break
      }
      skipped.append(record.fields.joined(separator: ","))
    }
    guard let header, let kind else { throw .unknownHeader(Array(skipped.prefix(3))) }
    self.init(kind: kind, encoding: encoding)

    var seen: Set<String> = []
    for name in header.fields where !name.isEmpty && !seen.insert(ShelterColumn.normalised(name)).inserted {
      throw .duplicateColumn(name, line: header.line)
    }
    // GSI's own list puts `NO` first; only a municipality's own number is its id.
    let columns = header.fields.map { ShelterColumn(header: $0) }
    let rows = RowReader(kind: kind, header: header.fields, columns: columns, fileName: fileName, topology: topology)
    while let record = reader.next() { take(record, rows) }
  }

  private mutating func take(_ record: CSVRecord, _ rows: RowReader) {
    if record.isUnterminated {
      problems.append(ImportProblem(.refused, line: record.line, field: "", .unterminatedQuote))
      return
    }
    var fields = record.fields
    // Spreadsheets leave empty cells at the end of a line.
    while fields.count > rows.header.count, fields.last == "" { fields.removeLast() }
    guard fields.count == rows.header.count else {
      let reason = ImportProblem.Reason.wrongFieldCount(found: fields.count, expected: rows.header.count)
      problems.append(ImportProblem(.refused, line: record.line, field: "", reason))
      return
    }
    if let shelter = rows.read(fields, line: record.line, &problems) { records.append(shelter) }
  }
}
