import ChangeModel
import Formats
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
    let text = try EncodedText(bytes)
    let first = text.bytes.first { !Self.blanks.contains($0) }
    if first == UInt8(ascii: "{") || first == UInt8(ascii: "[") {
      self = try GSIGeoJSON.read(text, fileName: fileName, topology: topology)
      return
    }
    do throws(ExchangeError) {
      try self.init(csv: text, fileName: fileName, topology: topology)
    } catch {
      guard case .unknownHeader = error else { throw error }
      // What older systems write looks like CP932, and is none: its header is found once it is read as what it is.
      for encoding in [TextEncoding.iso2022JP, .eucJP] {
        if let other = text.reread(as: encoding),
          let list = try? ShelterList(csv: other, fileName: fileName, topology: topology)
        {
          self = list
          return
        }
      }
      throw error
    }
  }

  private static let blanks = [UInt8](" \t\r\n".utf8)

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
  /// Of spreadsheets' "CSV", the likeliest first.
  private static let separators = [UInt8](",\t;".utf8)

  private init(csv text: EncodedText, fileName: String, topology: Topology) throws(ExchangeError) {
    let decoder = FieldDecoder(text.encoding)
    var skipped: [String] = []
    for separator in Self.separators {
      var reader = CSVReader(text.bytes, separator: separator)
      for _ in 0..<Self.headerSearch {
        guard let record = reader.next() else { break }
        let names = record.fields.map { decoder.decode($0).text }
        guard let kind = ShelterListKind(header: names) else {
          if separator == Self.separators[0] { skipped.append(names.joined(separator: ",")) }
          continue
        }
        var seen: Set<String> = []
        for name in names where !name.isEmpty && !seen.insert(ShelterColumn.normalised(name)).inserted {
          throw .duplicateColumn(name, line: record.line)
        }
        self.init(kind: kind, encoding: text.encoding)
        let rows = RowReader(
          kind: kind, header: names, columns: names.map { ShelterColumn(header: $0) }, fileName: fileName,
          topology: topology)
        reader.width = names.count
        while let record = reader.next() { take(record, rows, decoder, separator) }
        return
      }
    }
    throw .unknownHeader(Array(skipped.prefix(3)))
  }

  private mutating func take(_ record: CSVRecord, _ rows: RowReader, _ decoder: FieldDecoder, _ separator: UInt8) {
    func refuse(_ reason: ImportProblem.Reason) {
      problems.append(ImportProblem(.refused, line: record.line, field: "", reason))
    }
    guard !record.isBroken else { return refuse(.badQuote) }
    let (count, width) = (record.fields.count, rows.header.count)
    var fields = record.fields
    // Spreadsheets leave empty cells at the end of a line, and leave them out.
    while fields.count > width, fields.last == [] { fields.removeLast() }
    if count < width, let other = Self.otherSeparator(record.fields, than: separator, width: width) {
      return refuse(.otherSeparator(other))
    }
    guard fields.count <= width else { return refuse(.wrongFieldCount(found: fields.count, expected: width)) }
    fields += Array(repeating: [], count: width - fields.count)
    if let index = record.strayQuote {
      problems.append(
        ImportProblem(.warning, line: record.line, field: rows.header[min(index, width - 1)], .strayQuote))
    }
    if let shelter = rows.read(fields.map(decoder.decode), line: record.line, &problems) { records.append(shelter) }
  }

  /// What a short row is cut by instead: it is one cell or two by the header's separator, or has as many as the header by both.
  /// A semicolon may stand within a cell that lists several things.
  private static func otherSeparator(_ fields: [[UInt8]], than separator: UInt8, width: Int) -> String? {
    let marks: [(bytes: [UInt8], name: String)] = [
      (Array("\t".utf8), "TAB"), (Array("，".utf8), "，"), ([0x81, 0x43], "，"), (Array(";".utf8), ";"),
      (Array(",".utf8), ","),
    ]
    for mark in marks where mark.bytes != [separator] {
      let cells = fields.reduce(0) { $0 + $1.split(separator: mark.bytes, omittingEmptySubsequences: false).count }
      if fields.count < 3 && cells >= max(3, width / 2) || cells == width && mark.name != ";" { return mark.name }
    }
    return nil
  }
}
