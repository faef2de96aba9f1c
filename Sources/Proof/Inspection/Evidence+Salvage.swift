import Causality
import ChangeModel
import Federation
import Foundation
import GRDB
import Replica
import SignedLog
import Sodium
import Store

extension Evidence {
  /// Opens a database and looks at it; when it turns out to be damaged, looks at what can be saved of it instead.
  ///
  /// - Parameter body: may be called twice; what it did the first time counts for nothing then.
  public static func examining<Result>(
    _ path: String, name: String? = nil, identity: NodeIdentity?, schema: Schema, _ body: (Evidence) throws -> Result
  ) throws -> Result {
    let (path, name) = (real(path), name ?? path)
    do {
      return try body(database(path, name: name, identity: identity, schema: schema))
    } catch let error where isDamage(error) {
      // A node that began meanwhile writes to it: what seemed damaged may only have been in motion.
      if isInUse(path), let result = try? body(database(path, name: name, identity: identity, schema: schema)) {
        return result
      }
      return try body(salvaging(path, name: name, because: describe(error), identity: identity, schema: schema))
    }
  }

  /// What can be saved of a damaged database: change sets page by page, each other table from both ends as far as it
  /// goes. The file stays as it is.
  ///
  /// - Throws: `cannotRead`.
  public static func salvaging(
    _ path: String, name: String? = nil, because reason: String, identity: NodeIdentity?, schema: Schema
  ) throws -> Evidence {
    let pages = try PageFile(path: path)
    var damage = pages.damage
    damage.append(Damage(.table, file: path, subject: "database", detail: reason))
    let copy = try DatabaseQueue(path: "")
    try copy.inDatabase { db in
      try Store.makeTables(in: db, schema: schema)
      try db.inTransaction {
        let insert = try db.makeStatement(sql: "INSERT OR IGNORE INTO entries (id, bytes) VALUES (?, ?)")
        var spoilt: [Int] = []
        try EntryScan(file: pages).forEach { found in
          try insert.execute(arguments: [EntryID.rawValue(found.log, found.sequence), Data(found.bytes)])
        } damaged: {
          spoilt.append($0)
        }
        for page in spoilt {
          let place = pages.place(page: page, 0)
          damage.append(
            Damage(
              .page, file: place.file, offset: place.offset, length: pages.pageSize,
              subject: "page \(page), change sets",
              detail: "not every cell of it makes sense"))
        }
        try copyTables(from: pages, to: db, schema: schema, &damage)
        try deriveLogs(db)
        return .commit
      }
      // Nothing of a replica is in it: it is something else.
      let isReplica = try Int.fetchOne(db, sql: "SELECT EXISTS (SELECT 1 FROM logs) OR EXISTS (SELECT 1 FROM members)")
      guard isReplica == 1 || pages.damage.contains(where: { $0.kind != .writeAheadLog }) else {
        throw InspectionError.unknownKind(path: path)
      }
    }
    return try Evidence(
      .database, name ?? path, copy, identity: identity, schema: schema, path: path, damage: damage, isSalvaged: true)
  }

  private static func copyTables(
    from pages: PageFile, to db: Database, schema: Schema, _ damage: inout [Damage]
  ) throws {
    let shown = SnapshotFileSystem.show(pages)
    defer { SnapshotFileSystem.hide(shown) }
    var configuration = Configuration()
    configuration.readonly = true
    let source: DatabaseQueue
    do { source = try DatabaseQueue(path: shown, configuration: configuration) } catch {
      let unopened = Damage(
        .table, file: pages.path, subject: "all tables", detail: "SQLite cannot open it: \(describe(error))")
      return damage.append(try located(unopened, in: pages, expecting: db))
    }
    defer { try? source.close() }
    let names = try String.fetchAll(
      db, sql: "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name <> 'entries'")
    for name in names {
      var columns: [String] = []
      var failure: (any Error)?
      do { columns = try source.inDatabase { try $0.columns(in: name).map(\.name) } } catch {
        // A table that is not there is an older program's, or the schema is damaged.
        failure = "\(error)".contains("no such table") ? nil : error
      }
      let known = try db.columns(in: name).map(\.name).filter(columns.contains)
      var copied = 0
      for order in ["", " DESC"] where !known.isEmpty && (order.isEmpty || failure != nil) {
        do { copied += try copy(name, known, order, from: source, to: db) } catch { failure = error }
      }
      if let failure {
        damage.append(
          Damage(
            .table, file: pages.path, subject: name, detail: "\(copied) rows could be read, then: \(describe(failure))")
        )
      }
    }
  }

  /// The damage with the place of the table whose description is not the one that it must be; of all descriptions when
  /// each is.
  private static func located(_ damage: Damage, in pages: PageFile, expecting db: Database) throws -> Damage {
    let right = try Row.fetchAll(db, sql: "SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL").map {
      (text($0[0]), text($0[1]))
    }
    return RowFinder(pages).located(
      damage, expecting: Dictionary(right, uniquingKeysWith: { first, _ in first }))
  }

  /// What SQLite's check says of a file that is too damaged to be read as it is; nothing when it cannot even be opened.
  static func integrityMessages(_ path: String) throws -> [String] {
    let shown = SnapshotFileSystem.show(try PageFile(path: path))
    defer { SnapshotFileSystem.hide(shown) }
    var configuration = Configuration()
    configuration.readonly = true
    guard let source = try? DatabaseQueue(path: shown, configuration: configuration) else { return ["ok"] }
    defer { try? source.close() }
    return (try? source.inDatabase { try String.fetchAll($0, sql: "PRAGMA integrity_check(100)") }) ?? ["ok"]
  }

  /// Rows in the order of the key, or its reverse, up to the first that cannot be read.
  private static func copy(
    _ table: String, _ columns: [String], _ order: String, from source: DatabaseQueue, to db: Database
  ) throws -> Int {
    let list = columns.map { "\"\($0)\"" }.joined(separator: ", ")
    let marks = columns.map { _ in "?" }.joined(separator: ", ")
    let insert = try db.makeStatement(sql: "INSERT OR IGNORE INTO \"\(table)\" (\(list)) VALUES (\(marks))")
    let key = try db.primaryKey(table).columns.map { "\"\($0)\"\(order)" }.joined(separator: ", ")
    var count = 0
    try source.inDatabase { source in
      let rows = try Row.fetchCursor(source, sql: "SELECT \(list) FROM \"\(table)\" ORDER BY \(key)")
      while let row = try rows.next() {
        // A value of another kind than its column takes is left out with its row.
        do { try insert.execute(arguments: StatementArguments(row.databaseValues)) } catch { continue }
        count += db.changesCount
      }
    }
    return count
  }

  private static func describe(_ error: any Error) -> String {
    (error as? DatabaseError)?.message ?? "\(error)"
  }

  /// Logs that the `logs` table does not tell of, from the change sets that are there.
  static func deriveLogs(_ db: Database) throws {
    let rows = try Row.fetchAll(
      db,
      sql: """
        SELECT id >> 61, (id >> 31) & 0x3fffffff, max(id & 0x7fffffff) FROM entries GROUP BY 1, 2
        """)
    for row in rows {
      try db.execute(
        sql: """
          INSERT OR IGNORE INTO logs (lane, author, logged, logged_hash, merged, merged_hash, merged_time, clock, control)
          VALUES (?, ?, ?, zeroblob(32), ?, zeroblob(32), 0, x'', x'')
          """,
        arguments: [integer(row[0]), integer(row[1]), integer(row[2]), integer(row[2])])
    }
  }
}

extension Evidence {
  /// Opens a bundle, as far as it makes sense.
  ///
  /// - Parameter base: a replica that has what comes before the bundle's change sets: without it, a log that does not
  ///   begin in the bundle cannot be decoded, since each change set is read against the one before it.
  /// - Throws: `cannotRead`, `otherFederation`.
  public static func bundle(
    _ path: String, name: String? = nil, identity: NodeIdentity?, schema: Schema, base: Evidence? = nil
  ) throws -> Evidence {
    var scan = try BundleScan(path: path)
    if let federation = scan.federation, let known = identity?.federation.id ?? base?.papers.federation,
      known != federation, scan.damage.isEmpty
    {
      throw InspectionError.otherFederation(
        federation.short, known.short)
    }
    let copy = try DatabaseQueue(path: "")
    try copy.inDatabase { db in
      try Store.makeTables(in: db, schema: schema)
      try db.execute(
        sql: "CREATE TABLE places (id INTEGER PRIMARY KEY, offset INTEGER NOT NULL, length INTEGER NOT NULL)")
      try db.inTransaction {
        let insert = try db.makeStatement(sql: "INSERT OR IGNORE INTO entries (id, bytes) VALUES (?, ?)")
        let place = try db.makeStatement(sql: "INSERT OR IGNORE INTO places VALUES (?, ?, ?)")
        try scan.forEachRun { run, offset in
          try keep(run, insert)
          var at = offset + 4 + RunFrame.headerBytes(run.log, first: run.first, count: run.entries.count)
          for (index, bytes) in run.entries.enumerated() {
            at += RunFrame.varint(UInt64(bytes.count))
            try place.execute(
              arguments: [EntryID.rawValue(run.log, run.first + SequenceNumber(index)), at, bytes.count])
            at += bytes.count
          }
        }
        try deriveLogs(db)
        return .commit
      }
    }
    // Another beginning, and no frame in it: this never was one.
    guard !scan.hasOtherMagic || scan.frames > 0 else { throw InspectionError.unknownKind(path: path) }
    let evidence = try Evidence(
      .bundle, name ?? path, copy, identity: identity, schema: schema, path: path, hasTables: false,
      damage: scan.damage, base: base)
    if evidence.papers.federation == nil { evidence.papers.federation = scan.federation }
    return evidence
  }

  /// What a live node told: how far it has each log, and some of the change sets.
  ///
  /// - Parameter fetch: hands over the runs that are wanted.
  public static func told(
    by address: String, heads: [LogName: LogState], federation: Digest, identity: NodeIdentity?, schema: Schema,
    base: Evidence?, fetch: ((Run) throws -> Void) throws -> Void
  ) throws -> Evidence {
    let copy = try DatabaseQueue(path: "")
    try copy.inDatabase { db in
      try Store.makeTables(in: db, schema: schema)
      try db.inTransaction {
        let insert = try db.makeStatement(sql: "INSERT OR IGNORE INTO entries (id, bytes) VALUES (?, ?)")
        try fetch { try keep($0, insert) }
        for (log, state) in heads {
          try db.execute(
            sql: """
              INSERT INTO logs (lane, author, logged, logged_hash, merged, merged_hash, merged_time, clock, control)
              VALUES (?, ?, ?, ?, ?, zeroblob(32), 0, x'', x'')
              """,
            arguments: [
              Int64(log.lane.rawValue), Int64(log.author.rawValue), Int64(state.logged.sequence),
              Data(state.logged.hash.bytes), Int64(state.merged.sequence),
            ])
        }
        return .commit
      }
    }
    let evidence = try Evidence(
      .address, address, copy, identity: identity, schema: schema, path: nil, hasTables: false, damage: [], base: base)
    if evidence.papers.federation == nil { evidence.papers.federation = federation }
    return evidence
  }

  private static func keep(_ run: Run, _ insert: GRDB.Statement) throws {
    for (index, bytes) in run.entries.enumerated() {
      let sequence = UInt64(run.first) + UInt64(index)
      guard sequence <= UInt64(sequenceLimit) else { return }
      try insert.execute(arguments: [EntryID.rawValue(run.log, SequenceNumber(sequence)), Data(bytes)])
    }
  }

  /// Where the bytes of a change set lie in the file: none when it is not there, or was not read from a file.
  public func places(of log: LogName, _ sequence: SequenceNumber) throws -> [Damage.Part] {
    guard let path else { return [] }
    let id = EntryID.rawValue(log, sequence)
    if kind == .bundle {
      return try read { db in
        try Row.fetchAll(db, sql: "SELECT offset, length FROM places WHERE id = ?", arguments: [id])
          .map { Damage.Part(file: path, offset: Int(Self.integer($0[0])), length: Int(Self.integer($0[1]))) }
      }
    }
    guard let pages = try pages() else { return [] }
    let root = try? read { db in
      try Int.fetchOne(db, sql: "SELECT rootpage FROM sqlite_schema WHERE name = 'entries'")
    }
    // A salvaged copy has roots of its own.
    let extents = EntryScan(file: pages).extents(of: log, sequence, root: isSalvaged ? nil : root ?? nil)
    return (extents ?? []).map(pages.part)
  }
}
