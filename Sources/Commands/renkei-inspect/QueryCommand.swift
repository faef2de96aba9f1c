import ArgumentParser
import Foundation
import GRDB
import Inspection
import NodeService
import Terminal

struct TableFormat: ParsableArguments {
  @Flag(help: ArgumentHelp(Language.pick("CSV(UTF-8、表計算ソフト用)。", "CSV (UTF-8 with its mark, for spreadsheets).")))
  var csv = false
  @Flag(help: ArgumentHelp(Language.pick("1 行に 1 つの JSON。", "One JSON object on each line."))) var json = false
}

/// Rows as they come, in one of the forms.
private struct RowPrinter {
  let columns: [String]
  let format: TableFormat

  func start() {
    if !format.json {
      print("\u{feff}" + columns.map { TableCSV.cell($0.databaseValue) }.joined(separator: ","), terminator: "\r\n")
    }
  }

  /// Ids are text, and so is any number that programs would round (RFC 8259, section 6).
  private static func exact(_ value: JSONValue, _ column: String) -> JSONValue {
    guard case .integer(let number) = value, column == "id" || number.magnitude > 9_007_199_254_740_991 else {
      return value
    }
    return .text("\(number)")
  }

  func row(_ row: Row) {
    let values = Array(row.databaseValues)
    if format.json {
      var object: [String: JSONValue] = [:]
      for (name, value) in zip(columns, values) { object[name] = Self.exact(JSONValue(Evidence.value(value)), name) }
      printJSON(object)
    } else {
      print(values.map(TableCSV.cell).joined(separator: ","), terminator: "\r\n")
    }
  }
}

struct QueryCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "query",
    abstract: Language.pick("表に SQL で問う。読むだけ。", "Ask the tables by SQL. Reads only."),
    discussion: Language.pick(
      "表の一覧: renkei-inspect query SOURCE \"select name from sqlite_schema where type = 'table'\"",
      "The tables: renkei-inspect query SOURCE \"select name from sqlite_schema where type = 'table'\""))
  @OptionGroup var options: QueryOptions
  @Argument(help: ArgumentHelp(Language.pick("select 文。", "A select statement."))) var sql: String

  func run() throws {
    try options.lookAtTables { evidence in
      do { try ask(evidence) } catch let error as DatabaseError
        where ![.SQLITE_CORRUPT, .SQLITE_NOTADB, .SQLITE_IOERR].contains(error.resultCode)
      {
        if error.resultCode == .SQLITE_MISUSE {
          throw InspectionError.query(Language.pick("一度に一つの文だけ、? なしで", "one statement at a time, without ?"))
        }
        throw InspectionError.query(error.message ?? "\(error)")
      }
    }
  }

  private func ask(_ evidence: Evidence) throws {
    let first = sql.drop { $0.isWhitespace }.prefix { $0.isLetter }.lowercased()
    guard ["select", "with", "values", "explain"].contains(first) else {
      throw InspectionError.query(Language.pick("select で始まる文だけです", "only statements that begin with select"))
    }
    try evidence.read { db in
      let statement = try db.makeStatement(sql: sql)
      guard statement.isReadonly else {
        throw InspectionError.query(Language.pick("読むだけの文ではありません", "not a read-only statement"))
      }
      let columns = statement.columnNames
      let rows = try Row.fetchCursor(statement)
      if options.format.csv || options.format.json {
        let printer = RowPrinter(columns: columns, format: options.format)
        printer.start()
        while let row = try rows.next() { printer.row(row) }
        return
      }
      var table = TextTable(columns)
      var count = 0
      while let row = try rows.next() {
        count += 1
        guard count <= 10_000 else { continue }
        table.add(row.databaseValues.map { cut(JSONValue(Evidence.value($0)).shown, to: 60) })
      }
      table.show(width: Text.width)
      if count > 10_000 {
        print(Style.faint(Language.pick("… 全 \(count) 行(--csv で全部)", "… \(count) rows in all (--csv for all)")))
      }
    }
  }
}

struct QueryOptions: ParsableArguments {
  @Option(help: ArgumentHelp(Language.pick("ja か en。", "ja or en."))) var lang: Language?
  @Option(
    help: ArgumentHelp(
      Language.pick("この秒数で終わらなければやめる(終了コード 2)。", "Give up after so many seconds, with exit code 2."),
      valueName: "seconds"))
  var timeout = CommonOptions.usualTimeout
  @Option(
    help: ArgumentHelp(Language.pick("同じ連合のノードのフォルダ。", "A node's folder of the same federation."), valueName: "folder"))
  var keys: String?
  @OptionGroup var format: TableFormat
  @Argument(
    help: ArgumentHelp(Language.pick("ノードのフォルダ、またはデータベース。", "A node's folder or a database.")),
    completion: .file())
  var source: String

  /// Damage is found before the first row is out, and told on standard error: the rows are for a program.
  func lookAtTables(_ body: (Evidence) throws -> Void) throws {
    try Opening.look(source, keys: keys) { evidence in
      try evidence.requireTables()
      try evidence.probe()
      for damage in evidence.damage { Opening.note(describe(damage), describe(damage)) }
      try body(evidence)
    }
  }
}

struct ExportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export", abstract: Language.pick("一つの表を CSV か JSON で書き出す。", "Write a table as CSV or JSON."))
  @OptionGroup var options: QueryOptions
  @Argument(help: ArgumentHelp(Language.pick("表。", "The table."))) var table: String

  func run() throws {
    try options.lookAtTables { evidence in
      try evidence.read { db in
        let known = try String.fetchAll(
          db, sql: "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name")
        guard known.contains(table) else { throw InspectionError.noSuchTable(table, known: known) }
        let columns = try db.columns(in: table).map(\.name).filter { $0 != "causal" }
        let rows = try Row.fetchCursor(
          db, sql: "SELECT \(columns.map { "\"\($0)\"" }.joined(separator: ", ")) FROM \"\(table)\"")
        let printer = RowPrinter(columns: columns, format: options.format)
        printer.start()
        while let row = try rows.next() { printer.row(row) }
      }
    }
  }
}
