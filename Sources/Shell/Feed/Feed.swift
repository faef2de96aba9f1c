import ChangeModel
import Desk
import Foundation
import GRDB
import Store

/// A copy of a node's tables in PostgreSQL, kept up to date: for analysts, who never ask a node itself. Nothing about people goes there.
///
/// The place that it has come to is written in the same transaction as the rows: however often it is started, killed or run twice, each
/// change is there once. After a rebuild, a restored backup or another program's tables, everything is copied again.
public final class Feed {
  public enum Failure: Error, Hashable, Sendable {
    /// What PostgreSQL said; worth trying again when the line is gone.
    case target(String, isOfLine: Bool)
    /// The schema holds another node's or federation's copy.
    case otherFeed(String)
  }

  /// What one look did.
  public struct Step: Codable, Hashable, Sendable {
    /// Everything was copied anew.
    public var isSnapshot = false
    public var rows = 0
    public var deleted = 0
    public var place = ""
    /// There was nothing more to tell.
    public var isComplete = true
  }

  private let source: DatabaseQueue
  private let records: [Records]
  private let byNumber: [UInt32: Records]
  private let left: [String]
  private let name: String
  private let isDrill: Bool
  private let target: String
  private let space: String
  private var connection: Postgres?
  private var isPrepared = false

  /// Rows of one transaction.
  private static let portion = 5_000
  private static let copied = 1 << 16

  /// - Parameters:
  ///   - path: the node's own file, which is only read.
  ///   - records: of all services; what is about people, or for nobody to see, is left out.
  ///   - name: federation and node: what a copy is of.
  ///   - space: the schema in PostgreSQL that the tables are in: letters, digits and underscores.
  public init(
    _ path: String, _ records: [Records], name: String, isDrill: Bool, to target: String, space: String
  ) throws(StoreError) {
    var configuration = Configuration()
    configuration.readonly = true
    do { source = try DatabaseQueue(path: path, configuration: configuration) } catch { throw StoreError.of(error) }
    self.records = records.filter {
      // Tickets and rights stand for cases of people, one by one.
      !$0.isPersonal && !["tickets", "case_rights"].contains($0.name) && $0.schema.law != .appendOnly
        && [.staff, .anyone].contains($0.reader.access)
    }
    let copied = Set(self.records.map(\.name))
    left = records.map(\.name).filter { !copied.contains($0) }
    byNumber = Dictionary(uniqueKeysWithValues: self.records.map { ($0.number, $0) })
    (self.name, self.isDrill, self.target, self.space) = (name, isDrill, target, space)
  }

  /// Copies what has changed since the last look, or everything at the first.
  public func step() throws -> Step {
    do {
      let connection = try connected()
      return try step(connection)
    } catch let failure as Postgres.Failure {
      connection = nil
      throw Failure.target(failure.text, isOfLine: failure.isOfLine)
    } catch {
      connection = nil
      throw error
    }
  }

  // MARK: Tables

  private func quoted(_ name: String) -> String { "\"\(name)\"" }

  private func type(_ field: FieldSchema) -> String {
    switch (field.kind, field.type) {
    case (.set, _): "JSONB NOT NULL DEFAULT '[]'"
    case (.register, .text): "TEXT"
    case (.register, .real): "DOUBLE PRECISION"
    case (.register, .bytes): "BYTEA"
    case (.register, .integer), (.counter, _), (.stock, _), (.log, _): "BIGINT"
    }
  }

  /// Two programs with one text make the same tables.
  private var shape: String {
    records.map { "\($0.name): " + $0.fields.map { "\($0.schema.name) \(type($0.schema))" }.joined(separator: ", ") }
      .joined(separator: "\n")
  }

  private func connected() throws -> Postgres {
    if let connection { return connection }
    let connection = try Postgres(target)
    // Two that begin at once would each make the tables.
    try connection.run("BEGIN; SELECT pg_advisory_xact_lock(hashtext('renkei_feed'))")
    try connection.run(
      """
      CREATE SCHEMA IF NOT EXISTS \(quoted(space)); SET search_path TO \(quoted(space));
      CREATE TABLE IF NOT EXISTS renkei_feed (
        one BOOLEAN PRIMARY KEY DEFAULT true CHECK (one), feed TEXT NOT NULL, is_drill BOOLEAN NOT NULL,
        place TEXT, shape TEXT, at TIMESTAMPTZ NOT NULL DEFAULT now());
      """)
    let known = try connection.rows("SELECT feed FROM renkei_feed").first?.first ?? nil
    guard known == nil || known == name else { throw Failure.otherFeed(known!) }
    try connection.rows(
      "INSERT INTO renkei_feed (feed, is_drill) VALUES ($1, $2) ON CONFLICT DO NOTHING", [name, isDrill ? "t" : "f"])
    try connection.run("COMMIT")
    isPrepared = false
    self.connection = connection
    return connection
  }

  private func prepare(_ connection: Postgres) throws {
    guard !isPrepared else { return }
    isPrepared = true
    for table in records {
      let columns = ["id"] + table.fields.map(\.schema.name)
      let places = columns.indices.map { "$\($0 + 1)" }.joined(separator: ", ")
      let sets = columns.dropFirst().map { "\(quoted($0)) = excluded.\(quoted($0))" }.joined(separator: ", ")
      try connection.prepare(
        "put \(table.name)",
        """
        INSERT INTO \(quoted(table.name)) (\(columns.map(quoted).joined(separator: ", "))) VALUES (\(places))
        ON CONFLICT (id) DO UPDATE SET \(sets)
        """)
      try connection.prepare("take \(table.name)", "DELETE FROM \(quoted(table.name)) WHERE id = $1")
    }
  }

  // MARK: Steps

  private func step(_ connection: Postgres) throws -> Step {
    try connection.run("BEGIN")
    do {
      // One feed at a time: a second one waits, and then finds nothing to do. It waits with nothing of the node's file open, whose log
      // would grow meanwhile.
      let standing = try connection.rows("SELECT place, shape FROM renkei_feed FOR UPDATE")[0]
      let place = standing[1] == shape ? standing[0].flatMap(ChangePlace.init) : nil
      let step =
        try place.flatMap { place in try source.read { try changes(since: place, $0) } }.map {
          try apply($0, connection)
        }
        ?? source.read { try snapshot($0, connection) }
      try connection.rows(
        "UPDATE renkei_feed SET place = $1, shape = $2, at = now()", [step.place, shape])
      try connection.run("COMMIT")
      if step.isSnapshot { self.connection = nil }
      return step
    } catch {
      try? connection.run("ROLLBACK")
      throw error
    }
  }

  private func columns(_ table: Records) -> String {
    (["id"] + table.fields.map(\.schema.name)).map(quoted).joined(separator: ", ")
  }

  private struct Portion {
    var step: Step
    /// Statements, with what they are given.
    var calls: [(name: String, values: [String?])] = []
  }

  /// What has changed, read at once: the line may be slow. Nil after a rebuild.
  private func changes(since place: ChangePlace, _ db: Database) throws -> Portion? {
    guard let changes = try Store.changes(since: place, of: Set(byNumber.keys), limit: Self.portion, db) else {
      return nil
    }
    var portion = Portion(step: Step(place: "\(changes.next)", isComplete: changes.isComplete))
    for (number, row) in changes.rows {
      let table = byNumber[number]!
      let found = try Row.fetchOne(
        db.cachedStatement(sql: "SELECT \(columns(table)) FROM \(quoted(table.name)) WHERE id = ?"),
        arguments: [row.rawValue])
      if let found {
        portion.calls.append(("put \(table.name)", found.databaseValues.map(Self.text)))
        portion.step.rows += 1
      } else {
        portion.calls.append(("take \(table.name)", ["\(row.rawValue)"]))
        portion.step.deleted += 1
      }
    }
    return portion
  }

  private func apply(_ portion: Portion, _ connection: Postgres) throws -> Step {
    if !portion.calls.isEmpty { try prepare(connection) }
    for call in portion.calls { try connection.execute(call.name, call.values) }
    return portion.step
  }

  private func snapshot(_ db: Database, _ connection: Postgres) throws -> Step {
    var step = Step(isSnapshot: true, place: "\(try Store.latestChange(db))")
    // What an older program copied, and this one does not.
    for name in left { try connection.run("DROP TABLE IF EXISTS \(quoted(name)) CASCADE") }
    for table in records {
      let declared = table.fields.map { "\(quoted($0.schema.name)) \(type($0.schema))" }
      try connection.run(
        """
        DROP TABLE IF EXISTS \(quoted(table.name)) CASCADE;
        CREATE TABLE \(quoted(table.name)) (id BIGINT PRIMARY KEY, \(declared.joined(separator: ", ")))
        """)
      let rows = try Row.fetchCursor(db, sql: "SELECT \(columns(table)) FROM \(quoted(table.name))")
      try connection.copy("COPY \(quoted(table.name)) (\(columns(table))) FROM STDIN") {
        var bytes: [UInt8] = []
        while bytes.count < Self.copied, let row = try rows.next() {
          for (index, value) in row.databaseValues.enumerated() {
            if index > 0 { bytes.append(0x09) }
            Self.append(Self.text(value), to: &bytes)
          }
          bytes.append(0x0a)
          step.rows += 1
        }
        return bytes.isEmpty ? nil : bytes
      }
    }
    return step
  }

  /// As PostgreSQL reads it; nil for nothing.
  private static func text(_ value: DatabaseValue) -> String? {
    switch value.storage {
    case .null: nil
    case .int64(let number): "\(number)"
    case .double(let number): "\(number)"
    case .string(let text): text
    case .blob(let data): "\\x" + [UInt8](data).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
  }

  /// The text form of COPY: what would end a field or a row is written otherwise.
  private static func append(_ text: String?, to bytes: inout [UInt8]) {
    guard let text else { return bytes += [0x5c, 0x4e] }
    for byte in text.utf8 {
      switch byte {
      case 0x5c: bytes += [0x5c, 0x5c]
      case 0x09: bytes += [0x5c, 0x74]
      case 0x0a: bytes += [0x5c, 0x6e]
      case 0x0d: bytes += [0x5c, 0x72]
      default: bytes.append(byte)
      }
    }
  }
}
