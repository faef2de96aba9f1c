import Causality
import ChangeModel
import Desk
import Federation
import Foundation
import GRDB
import Store

/// What an analyst's file holds.
public struct AnalystResult: Codable, Sendable {
  public var folder: String
  public var tables: Int
  public var rows: Int
}

/// A copy of what is not about people, for whoever asks questions by SQL: the tables, a view of each with wards' names, times in
/// Japan's time and truth values in words, and a `metadata.json` with which Datasette shows what every column means. All of it
/// follows from the declared services.
public enum AnalystFile {
  /// Writes `renkei.sqlite` and `metadata.json`.
  ///
  /// - Parameters:
  ///   - records: of all services; those of people, and what no endpoint shows, are left out.
  ///   - folder: made when it is not there. Files that are there already are not touched.
  public static func write(
    _ records: [Records], of node: NodeDirectory, _ federation: FederationIdentity, to folder: String
  ) throws -> AnalystResult {
    let (file, description) = (folder + "/renkei.sqlite", folder + "/metadata.json")
    for path in [file, description] where FileManager.default.fileExists(atPath: path) {
      throw OperatorFailure(2, ja: "すでにあります: \(path)", en: "is there already: \(path)")
    }
    // What all of the staff may see, without accounts; and nothing that points at a person: who is whose double.
    let people = Set(records.filter(\.isPersonal).map(\.name))
    let shown = records.filter {
      !$0.isPersonal && $0.schema.law != .appendOnly && [.staff, .anyone].contains($0.reader.access)
        && !$0.fields.contains { if case .row(let other) = $0.shape { people.contains(other) } else { false } }
    }
    do {
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    } catch { throw OperatorFailure(2, ja: "書き込めません: \(folder)", en: "cannot write: \(folder)") }
    var rows = 0
    do {
      try? FileManager.default.removeItem(atPath: file + ".part")
      var configuration = Configuration()
      // A row may name one that another ward has not sent yet.
      configuration.foreignKeysEnabled = false
      let queue = try DatabaseQueue(path: file + ".part", configuration: configuration)
      try queue.writeWithoutTransaction { db in
        try db.execute(sql: "ATTACH DATABASE ? AS node", arguments: [node.replica])
        try db.inTransaction {
          try addWards(federation, db)
          let mark = DrillMark(federation)
          for records in shown { rows += try copy(records, among: shown, mark, db) }
          for records in shown { try db.execute(sql: view(of: records, among: shown, mark)) }
          try addConflicts(shown, mark, db)
          return .commit
        }
        try db.execute(sql: "DETACH DATABASE node")
      }
      try queue.close()
    } catch { throw StoreError.of(error) }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes, .prettyPrinted]
    guard rename(file + ".part", file) == 0,
      FileManager.default.createFile(
        atPath: description, contents: try encoder.encode(metadata(of: shown, DrillMark(federation))))
    else { throw OperatorFailure(2, ja: "書き込めません: \(folder)", en: "cannot write: \(folder)") }
    return AnalystResult(folder: folder, tables: shown.count, rows: rows)
  }

  private static func addWards(_ federation: FederationIdentity, _ db: Database) throws {
    try db.execute(sql: "CREATE TABLE wards (number INTEGER PRIMARY KEY, code TEXT UNIQUE, name TEXT, romaji TEXT)")
    for (index, ward) in federation.genesis.wards.enumerated() {
      try db.execute(
        sql: "INSERT INTO wards VALUES (?, ?, ?, ?)", arguments: [index, ward.code, ward.name, ward.romaji])
    }
  }

  /// The mark as a column of what a statement selects.
  private static func literal(_ mark: DrillMark) -> String {
    let (head, cell) = mark.column()
    return zip(head, cell).map { "'\($1)' AS \($0)," }.joined()
  }

  /// - Returns: how many rows.
  private static func copy(
    _ records: Records, among shown: [Records], _ mark: DrillMark, _ db: Database
  ) throws -> Int {
    let columns = (["id"] + records.fields.map(\.schema.name)).map { "\"\($0)\"" }.joined(separator: ", ")
    let declared = records.fields.map { field in
      if case .row(let other) = field.shape, shown.contains(where: { $0.name == other }) {
        return "\"\(field.schema.name)\" INTEGER REFERENCES \"\(other)\" (id)"
      }
      return "\"\(field.schema.name)\""
    }
    let (head, cell) = mark.column()
    let drill = zip(head, cell).map { "\($0) TEXT DEFAULT '\($1)'" }
    try db.execute(
      sql: "CREATE TABLE \"\(records.name)\" (id INTEGER PRIMARY KEY, \((declared + drill).joined(separator: ", ")))")
    try db.execute(
      sql: "INSERT INTO \"\(records.name)\" (\(columns)) SELECT \(columns) FROM node.\"\(records.name)\"")
    let count = db.changesCount
    for field in records.fields where field.schema.kind == .log {
      let name = "\(records.name)_\(field.schema.name)"
      try db.execute(
        sql: """
          CREATE TABLE "\(name)" AS SELECT row, datetime((time >> 16) / 1000, 'unixepoch', '+9 hours') AS written_jst,
            (SELECT w.name FROM wards w WHERE w.number = author >> 20) AS by_ward, \(literal(mark)) value AS text
          FROM node."\(name)" WHERE buried = 0
          """)
    }
    return count
  }

  /// Columns of a view, with what each means.
  private static func columns(
    of records: Records, among shown: [Records]
  ) -> [(sql: String, name: String, words: Words)] {
    var columns: [(sql: String, name: String, words: Words)] = [("t.id", "id", Words("番号", "Id"))]
    var taken = Set(records.fields.map(\.schema.name))
    for field in records.fields {
      let name = field.schema.name
      let column = "t.\"\(name)\""
      func add(_ sql: String, _ called: String, _ ja: String = "", _ en: String = "") {
        var called = called
        // What is made of one column may be called as another is.
        while called != name, !taken.insert(called).inserted { called += "_shown" }
        columns.append((sql, called, Words(field.words.ja + ja, field.words.en + en)))
      }
      switch field.shape {
      case .time: add("datetime(\(column) / 1000, 'unixepoch', '+9 hours')", name + "_jst", "(日本時間)", ", Japan's time")
      case .flag: add("CASE \(column) WHEN 1 THEN 'はい' WHEN 0 THEN 'いいえ' END", name)
      case .ward:
        add(column, name, "のコード", ", code")
        add("(SELECT w.name FROM wards w WHERE w.code = \(column))", name + "_name", "の名前", ", name")
      case .row(let other):
        add(column, name)
        guard let target = shown.first(where: { $0.name == other }), let title = target.title.first else { continue }
        add(
          "(SELECT o.\"\(title.schema.name)\" FROM \"\(other)\" o WHERE o.id = \(column))", name + "_name", "の名前",
          ", name")
        if target.field(named: "unit") != nil {
          add("(SELECT o.unit FROM \"\(other)\" o WHERE o.id = \(column))", name + "_unit", "の単位", ", unit")
        }
      default: add(column, field.schema.kind == .log ? name + "_count" : name)
      }
    }
    return columns
  }

  private static func view(of records: Records, among shown: [Records], _ mark: DrillMark) -> String {
    let columns = columns(of: records, among: shown).map { "\($0.sql) AS \"\($0.name)\"" } + mark.column().head
    // A row of all wards' is of none.
    let isOfWard = records.schema.law == .shared ? "t.id > 0" : "1"
    return """
      CREATE VIEW "v_\(records.name)" AS SELECT \(columns.joined(separator: ", ")),
        (SELECT w.name FROM wards w WHERE w.number = (t.id >> 53) & 1023 AND \(isOfWard)) AS entered_by_ward
      FROM "\(records.name)" t
      """
  }

  private static func addConflicts(_ shown: [Records], _ mark: DrillMark, _ db: Database) throws {
    try db.execute(
      sql: """
        CREATE TABLE conflicts AS SELECT collection, row, field, kind, shown, value, \(literal(mark))
          datetime((time >> 16) / 1000, 'unixepoch', '+9 hours') AS written_jst,
          (SELECT w.name FROM wards w WHERE w.number = author >> 20) AS by_ward
        FROM node.conflicts WHERE collection IN (SELECT value FROM json_each(?))
        """, arguments: [String(decoding: try JSONEncoder().encode(shown.map(\.name)), as: UTF8.self)])
  }

  // MARK: What Datasette tells of it

  private struct Metadata: Encodable {
    struct Table: Encodable {
      var title: String
      var columns: [String: String]
      var label_column: String?
      var facets: [String]
    }

    struct Contents: Encodable { var tables: [String: Table] }

    var title: String
    var description: String
    var databases: [String: Contents]
  }

  private static func metadata(of shown: [Records], _ mark: DrillMark) -> Metadata {
    var tables: [String: Metadata.Table] = [:]
    for records in shown {
      let columns = columns(of: records, among: shown)
      let facets = records.fields.filter { if case .choice = $0.shape { true } else { false } }.map(\.schema.name)
      tables["v_\(records.name)"] = Metadata.Table(
        title: "\(records.words.ja) / \(records.words.en)",
        columns: Dictionary(uniqueKeysWithValues: columns.map { ($0.name, "\($0.words.ja) / \($0.words.en)") }),
        label_column: records.title.first?.schema.name, facets: facets)
      tables[records.name] = Metadata.Table(
        title: "\(records.words.ja)(そのまま) / \(records.words.en), as it is kept",
        columns: Dictionary(
          uniqueKeysWithValues: records.fields.map { ($0.schema.name, "\($0.words.ja) / \($0.words.en)") }),
        label_column: records.title.first?.schema.name, facets: [])
    }
    return Metadata(
      title: "\(mark.prefix)連携 / Renkei",
      description:
        "人に関する記録は入っていません。v_ で始まるものに、区の名前と日本時間があります。 / Nothing about people. What begins with v_ has the wards' names and Japan's time.",
      databases: ["renkei": Metadata.Contents(tables: tables)])
  }
}
