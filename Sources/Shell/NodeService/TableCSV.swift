import ChangeModel
import Desk
import Foundation
import GRDB

/// A table as CSV: UTF-8 with its mark, so that a spreadsheet reads Japanese, CRLF, one row for each row.
public enum TableCSV {
  static func make(_ collection: CollectionSchema, _ mark: DrillMark, _ db: Database) throws -> (Data, Int) {
    let columns = ["id"] + collection.fields.map(\.name)
    let (head, drill) = mark.column()
    var text = "\u{feff}" + (columns + head).joined(separator: ",") + "\r\n"
    var count = 0
    let list = columns.map { "\"\($0)\"" }.joined(separator: ", ")
    let rows = try Row.fetchCursor(db, sql: "SELECT \(list) FROM \"\(collection.name)\" ORDER BY id")
    while let row = try rows.next() {
      text +=
        (columns.indices.map { cell(row.databaseValues.dropFirst($0).first ?? .null) } + drill)
        .joined(separator: ",") + "\r\n"
      count += 1
    }
    return (Data(text.utf8), count)
  }

  /// One cell: quoted where it must be, and never one that a spreadsheet would run as a formula.
  public static func cell(_ value: DatabaseValue) -> String {
    switch value.storage {
    case .null: ""
    case .int64(let number): String(number)
    case .double(let number): String(number)
    case .blob(let data): data.map { String(format: "%02x", $0) }.joined()
    case .string(let text): quoted(text)
    }
  }

  /// Whether a spreadsheet might run a text as a formula (OWASP, CSV injection): what begins with one of these signs in any
  /// width, behind blanks and what cannot be seen too, or with a control character. A number is none.
  public static func isFormula(_ text: String) -> Bool {
    guard let first = text.unicodeScalars.first, Double(text) == nil else { return false }
    if first.properties.generalCategory == .control { return true }
    let seen = text.unicodeScalars.first {
      !$0.properties.isWhitespace && ![.control, .format].contains($0.properties.generalCategory)
    }
    // Half and full width, small forms, superscripts; and the minus sign itself.
    guard let sign = seen.map({ String($0).precomposedStringWithCompatibilityMapping }) else { return false }
    return ["=", "+", "-", "@", "\u{2212}"].contains(sign)
  }

  /// A cell that a spreadsheet might run as a formula gets an apostrophe before it.
  private static func quoted(_ text: String) -> String {
    let isFormula = isFormula(text)
    // By bytes: CRLF, or a comma with a combining mark, is one Character and none of these.
    let needsQuotes = text.utf8.contains { [0x2c, 0x22, 0x0a, 0x0d].contains($0) }
    guard isFormula || needsQuotes else { return text }
    var quoted = isFormula ? "\"'" : "\""
    for scalar in text.unicodeScalars {
      if scalar == "\"" { quoted.unicodeScalars.append(scalar) }
      quoted.unicodeScalars.append(scalar)
    }
    return quoted + "\""
  }
}
