import Causality
import ChangeModel
import Foundation
import GRDB
import GRDBSQLite
import Merge
import SignedLog
import Sodium

/// One node's SQLite file: the log, the tables that it makes, and how far each author's log is kept and merged.
///
/// Writes go through `write`, one transaction each, and are on the disk when it returns. One thread writes; any
/// number may read through `read`, each on its own snapshot.
public final class Store {
  public let schema: Schema
  public let path: String
  let pool: DatabasePool

  /// By collection number.
  private var tables: [CollectionTable?] = []
  private var shared: SharedStatements!
  private var insertEntry: Statement!
  private var selectEntries: Statement!
  private var upsertLog: Statement!
  private var insertChange: Statement!

  /// Mirrors the `logs` table, because every change set that is merged is looked at against all clocks.
  private var states: [LogName: Kept] = [:]

  /// Apart, so that a look at one number does not copy the rest.
  private final class Kept {
    var state: LogState
    init(_ state: LogState) { self.state = state }
  }

  private var changedLogs: Set<LogName> = []
  /// What `named_branches` holds.
  private var savedBranches: [LogName: [AuthorNumber: [UInt8]]] = [:]
  /// The keys of `states`, in order; made anew when one comes.
  private var sortedNames: [LogName] = []
  /// Goes up whenever a log's head may have changed: what is derived from heads can be kept until then.
  public private(set) var headRevision: UInt64 = 0
  /// A transaction is under way, on this thread.
  public private(set) var isWriting = false

  /// Pages of cache for the writer, in KiB. A batch of thousands of rows touches many pages: 2.2 times less CPU than with
  /// the default 2 MiB; a node has 4 GiB.
  private static let cacheKibibytes = 64 * 1024
  /// Opens the file, making or migrating it as needed, and makes sure that what it acknowledges is on the disk.
  ///
  /// - Throws: `newerFormat` for a file of a newer program, `damaged` for one that is not a sound database.
  public init(path: String, schema: Schema) throws(StoreError) {
    self.schema = schema
    self.path = path
    var configuration = Configuration()
    configuration.busyMode = .timeout(TimeInterval(Self.patience))
    configuration.prepareDatabase { db in
      try db.execute(sql: "PRAGMA cache_size = -\(Self.cacheKibibytes)")
    }
    do {
      pool = try DatabasePool(path: path, configuration: configuration)
      // GRDB's WAL set-up puts NORMAL here, which loses acknowledged commits when the power fails (measured: 6,533 of
      // 14,662 against none). FULL must come after it, and must have come through.
      try pool.writeWithoutTransaction { db in
        try db.execute(sql: "PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = \(Self.logPages)")
        _ = try Int.fetchOne(db, sql: "PRAGMA journal_size_limit = \(Self.logBytes)")
        #if MUTANTS
          if PlantedBug.syncsLate.isPlanted { return try db.execute(sql: "PRAGMA synchronous = NORMAL") }
        #endif
        let synchronous = try Int.fetchOne(db, sql: "PRAGMA synchronous")
        let journal = try String.fetchOne(db, sql: "PRAGMA journal_mode")
        guard synchronous == 2, journal == "wal" else { throw StoreError.refused(0, "synchronous=FULL did not hold") }
      }
      try pool.read { db in
        let known = Migrations.migrator.migrations.count
        if try Migrations.migrator.appliedIdentifiers(db).contains(Migrations.format1) { throw StoreError.olderFormat }
        if try Migrations.migrator.hasBeenSuperseded(db) {
          throw StoreError.newerFormat(found: try Migrations.migrator.appliedIdentifiers(db).count, known: known)
        }
      }
      try Migrations.migrator.migrate(pool)
      try pool.writeWithoutTransaction { db in
        try makeTables(db)
        try prepareStatements(db)
        try loadStates(db)
      }
    } catch {
      throw StoreError.of(error)
    }
  }

  /// Closes the file; the statements go first, or SQLite would refuse.
  public func close() throws(StoreError) {
    tables = []
    shared = nil
    insertEntry = nil
    selectEntries = nil
    upsertLog = nil
    insertChange = nil
    do { try pool.close() } catch { throw StoreError.of(error) }
  }

  // MARK: Transactions

  /// Runs `body` in one transaction. When this returns, what it wrote survives a power cut; when it throws, nothing
  /// of it was written.
  ///
  /// Within another `write` it joins that transaction.
  public func write<Result>(_ body: () throws -> Result) throws(StoreError) -> Result {
    if isWriting {
      do { return try body() } catch { throw StoreError.of(error) }
    }
    isWriting = true
    defer { isWriting = false }
    do {
      return try pool.writeWithoutTransaction { db in
        var result: Result!
        try db.inTransaction(.immediate) {
          result = try body()
          try saveStates()
          return .commit
        }
        return result
      }
    } catch {
      // What was changed in memory is not on the disk.
      Probe.transactionFailed.hit()
      let failure = StoreError.of(error)
      changedLogs = []
      for table in tables { table?.forgetHighest() }
      do { try pool.writeWithoutTransaction { db in try loadStates(db) } } catch { throw StoreError.of(error) }
      throw failure
    }
  }

  /// Reads with the writer's eyes: what the transaction under way has written is there.
  public func readOwn<Result>(_ body: (Database) throws -> Result) throws(StoreError) -> Result {
    do { return try pool.unsafeReentrantWrite { try body($0) } } catch { throw StoreError.of(error) }
  }

  /// Reads one snapshot through GRDB. Safe on any thread.
  public func read<Result>(_ body: (Database) throws -> Result) throws(StoreError) -> Result {
    do { return try pool.read(body) } catch { throw StoreError.of(error) }
  }

  /// A setting of the writer's own connection, as text.
  public func writerPragma(_ name: String) throws(StoreError) -> String {
    do {
      return try pool.unsafeReentrantWrite { try String.fetchOne($0, sql: "PRAGMA \(name)") ?? "" }
    } catch { throw StoreError.of(error) }
  }

  /// How many pages the file may have: 0 for as many as it has now. What passes it fails as a full disk does.
  public func limitPages(to count: Int) throws(StoreError) {
    do {
      try pool.unsafeReentrantWrite { db in
        let present = try Int.fetchOne(db, sql: "PRAGMA page_count") ?? 0
        _ = try Int.fetchOne(db, sql: "PRAGMA max_page_count = \(max(count, present))")
      }
    } catch { throw StoreError.of(error) }
  }

  /// For queries elsewhere, which need no more than to read.
  public var reader: any DatabaseReader { pool }

  // MARK: Logs

  /// Every log that is known, sorted.
  public var logNames: [LogName] {
    if sortedNames.count != states.count { sortedNames = states.keys.sorted() }
    return sortedNames
  }

  public func state(of name: LogName) -> LogState { states[name]?.state ?? LogState(name) }

  private func kept(_ name: LogName) -> Kept {
    if let known = states[name] { return known }
    let new = Kept(LogState(name))
    states[name] = new
    return new
  }

  public func logged(_ name: LogName) -> SequenceNumber { states[name]?.state.logged.sequence ?? 0 }

  public func merged(_ name: LogName) -> SequenceNumber { states[name]?.state.merged.sequence ?? 0 }

  /// The newest hybrid time that is merged in any lane.
  public var latestTime: HybridTime { states.values.lazy.map(\.state.past.time).max() ?? .zero }

  /// Within `write`: keeps a change set. It must follow the log's head.
  public func append(_ entry: VerifiedEntry) throws(StoreError) {
    let kept = kept(entry.log)
    precondition(kept.state.logged == entry.previous, "a log has no holes")
    insertEntry.bind(1, EntryID.rawValue(entry.log, entry.sequence))
    insertEntry.bind(2, entry.bytes)
    try insertEntry.run()
    kept.state.logged = entry.head
    headRevision += 1
    changedLogs.insert(entry.log)
  }

  /// Within `write`: notes rows that changed.
  ///
  /// - Returns: the place of the note.
  func appendChanges(_ rows: [UInt8], at milliseconds: Int64) throws(StoreError) -> Int64 {
    insertChange.bind(1, milliseconds)
    insertChange.bind(2, rows)
    try insertChange.run()
    return try readOwn { $0.lastInsertedRowID }
  }

  /// Within `write`: the change set at `head` is in the tables now.
  public func advance(_ name: LogName, to head: LogHead, past: AuthorPast) {
    precondition(past.sequence == head.sequence)
    let kept = kept(name)
    kept.state.merged = head
    kept.state.past = past
    changedLogs.insert(name)
  }

  /// Change sets of one log from `first`, oldest first, as far as `byteLimit` goes; at least one when any exists.
  public func entries(_ name: LogName, from first: SequenceNumber, byteLimit: Int) throws(StoreError) -> [[UInt8]] {
    var found: [[UInt8]] = []
    do {
      try pool.unsafeReentrantWrite { _ in
        selectEntries.bind(1, EntryID.rawValue(name, max(first, 1)))
        selectEntries.bind(2, EntryID.rawValue(name, sequenceLimit))
        defer { selectEntries.reset() }
        var bytes = 0
        while try selectEntries.step() {
          let entry = [UInt8](selectEntries.bytes(0))
          bytes += entry.count
          if !found.isEmpty, bytes > byteLimit { break }
          found.append(entry)
        }
      }
    } catch { throw StoreError.of(error) }
    return found
  }

  /// How many bytes a log's change sets take from `first` on.
  public static func entryBytes(_ log: LogName, from first: SequenceNumber, _ db: Database) throws -> Int {
    try Int.fetchOne(
      db, sql: "SELECT coalesce(sum(length(bytes)), 0) FROM entries WHERE id BETWEEN ? AND ?",
      arguments: [EntryID.rawValue(log, first), EntryID.rawValue(log, sequenceLimit)]) ?? 0
  }

  // MARK: Rows

  /// Within `write`: merges one row edit. Edits of collections that are not known are kept in the log only.
  public func merge(
    _ edit: RowEdit, stamp: Stamp, past: borrowing AuthorPast, position: inout Int64
  ) throws(StoreError) {
    guard let table = table(edit.collection), table.lane == past.lane else { return }
    try table.merge(edit.row, edit.action, stamp: stamp, past: past, position: &position)
  }

  /// All that is known of one row; nil when nothing is.
  public func state(of row: RowID, in collection: UInt32) throws(StoreError) -> RowState? {
    guard let table = table(collection) else { return nil }
    do { return try pool.unsafeReentrantWrite { _ in try table.state(of: row) } } catch { throw StoreError.of(error) }
  }

  /// Whether somebody ever deleted the row.
  public func isMarked(_ row: RowID, in collection: UInt32) throws(StoreError) -> Bool {
    do { return try pool.unsafeReentrantWrite { _ in try shared.isMarked(collection, row) } } catch {
      throw StoreError.of(error)
    }
  }

  /// Rows that somebody ever deleted.
  public func markedRows(_ collection: UInt32) throws(StoreError) -> [RowID] {
    do {
      return try pool.unsafeReentrantWrite { db in
        try Int64.fetchAll(
          db, sql: "SELECT id FROM deletion_marks WHERE collection = ? ORDER BY id", arguments: [collection]
        )
        .map { RowID(rawValue: $0) }
      }
    } catch { throw StoreError.of(error) }
  }

  /// Within `write`: empties every table that the log makes, or those of some collections; logs stay, and count as not
  /// merged.
  public func clearTables(of chosen: Set<UInt32>? = nil) throws(StoreError) {
    do {
      try pool.unsafeReentrantWrite { db in
        for collection in schema.collections where chosen?.contains(collection.number) ?? true {
          try db.execute(sql: "DELETE FROM \"\(collection.name)\"")
          for field in collection.fields where field.kind == .log {
            try db.execute(sql: "DELETE FROM \"\(Migrations.entryTable(collection, field))\"")
          }
          try db.execute(sql: "DELETE FROM hidden_rows WHERE collection = ?", arguments: [collection.number])
          try db.execute(sql: "DELETE FROM deletion_marks WHERE collection = ?", arguments: [collection.number])
          try db.execute(sql: "DELETE FROM conflicts WHERE collection = ?", arguments: [collection.name])
        }
      }
    } catch { throw StoreError.of(error) }
    forgetMerged()
  }

  /// Within `write`: every log counts as not merged; walking them again merges what was cleared.
  func forgetMerged() {
    for table in tables { table?.forgetHighest() }
    for (name, kept) in states {
      var cleared = LogState(name)
      cleared.logged = kept.state.logged
      kept.state = cleared
      changedLogs.insert(name)
    }
  }

  /// Within `write`: empties some rows, for the log to make them anew; logs stay, and count as not merged.
  public func clearRows(_ rows: [UInt32: Set<RowID>]) throws(StoreError) {
    do {
      try pool.unsafeReentrantWrite { db in
        for (number, ids) in rows {
          guard let collection = schema.collection(number) else { continue }
          let entryTables = collection.fields.filter { $0.kind == .log }.map { Migrations.entryTable(collection, $0) }
          for id in ids {
            try db.cachedStatement(sql: "DELETE FROM \"\(collection.name)\" WHERE id = ?")
              .execute(arguments: [id.rawValue])
            for table in entryTables {
              try db.cachedStatement(sql: "DELETE FROM \"\(table)\" WHERE row = ?").execute(arguments: [id.rawValue])
            }
            for table in ["hidden_rows", "deletion_marks"] {
              try db.cachedStatement(sql: "DELETE FROM \(table) WHERE collection = ? AND id = ?")
                .execute(arguments: [number, id.rawValue])
            }
            try db.cachedStatement(sql: "DELETE FROM conflicts WHERE collection = ? AND row = ?")
              .execute(arguments: [collection.name, id.rawValue])
          }
        }
      }
    } catch { throw StoreError.of(error) }
    forgetMerged()
  }

  /// Within `write`: takes what follows `head` out of a log and keeps it apart. The caller walks the logs again when some
  /// of it was merged.
  public func setAside(_ name: LogName, after head: LogHead, _ entries: [VerifiedEntry], at now: Instant)
    throws(StoreError)
  {
    for entry in entries { try keepApart(entry, isReturned: false, at: now) }
    do {
      try pool.unsafeReentrantWrite { db in
        try db.cachedStatement(sql: "DELETE FROM entries WHERE id BETWEEN ? AND ?").execute(arguments: [
          EntryID.rawValue(name, head.sequence + 1), EntryID.rawValue(name, sequenceLimit),
        ])
      }
    } catch { throw StoreError.of(error) }
    kept(name).state.logged = head
    headRevision += 1
    changedLogs.insert(name)
  }

  /// A row's log entries that show, oldest first.
  public func logEntries(
    of row: RowID, in collection: CollectionSchema, _ field: FieldSchema
  ) throws(StoreError) -> [Value] {
    do {
      return try pool.unsafeReentrantWrite { db in
        guard let connection = db.sqliteConnection else { throw StoreError.refused(0, "no connection") }
        let entries = try Statement(
          "SELECT value FROM \"\(Migrations.entryTable(collection, field))\" WHERE row = ? AND buried = 0",
          on: connection)
        entries.bind(1, row.rawValue)
        var values: [Value] = []
        while try entries.step() { values.append(entries.value(0)) }
        return values
      }
    } catch { throw StoreError.of(error) }
  }

  /// Leaves of an edit what is for a node of `ward` to make, and can be so.
  ///
  /// - Parameters:
  ///   - time: the change set's, in milliseconds since 1970.
  ///   - code: of a ward, by its index.
  /// - Returns: whether anything is left.
  public func admit(_ edit: inout RowEdit, from ward: UInt32, at time: Int64, code: (UInt32) -> String?) -> Bool {
    guard let table = table(edit.collection), table.schema.looksAtEdits else { return true }
    guard let left = table.schema.admitted(edit, from: ward) else { return false }
    edit = table.schema.plausible(left, at: time, code: code)
    return true
  }

  public func isAppendOnly(_ collection: UInt32) -> Bool { table(collection)?.isAppendOnly ?? false }

  /// Makes this node's own indexes on shared tables; a rebuild keeps them.
  public func makeIndexes(_ sql: [String]) throws(StoreError) {
    do {
      try pool.write { db in for statement in sql { try db.execute(sql: statement) } }
    } catch { throw StoreError.of(error) }
  }

  /// Whether a collection holds what is for one ward; of one that is not known nothing is.
  public func isPersonal(_ collection: UInt32) -> Bool { table(collection)?.isPersonal ?? false }

  private func table(_ collection: UInt32) -> CollectionTable? {
    collection < tables.count ? tables[Int(collection)] : nil
  }

  // MARK: Private

  /// The migrations that this program knows: a file with others is a newer program's.
  public static let knownMigrations = Migrations.migrator.migrations

  /// Makes a replica's tables, empty, in any database: for a copy of what could be read of a damaged one.
  public static func makeTables(in db: Database, schema: Schema) throws {
    try db.execute(sql: Migrations.version1)
    try db.execute(sql: Migrations.version2)
    try db.execute(sql: Migrations.version3)
    try db.execute(sql: Migrations.waitingReports)
    try db.execute(sql: Migrations.namedBranches)
    for collection in schema.collections {
      for sql in Migrations.tableSQL(collection) { try db.execute(sql: sql) }
    }
  }

  private func makeTables(_ db: Database) throws {
    for collection in schema.collections {
      for sql in Migrations.tableSQL(collection) { try db.execute(sql: sql) }
      let present = Set(try db.columns(in: collection.name).map(\.name))
      for field in collection.fields where !present.contains(field.name) {
        try db.execute(
          sql: "ALTER TABLE \"\(collection.name)\" ADD COLUMN \"\(field.name)\" \(Migrations.columnType(field))")
      }
    }
  }

  private func prepareStatements(_ db: Database) throws {
    guard let connection = db.sqliteConnection else { throw StoreError.refused(0, "no connection") }
    let shared = try SharedStatements(on: connection)
    self.shared = shared
    tables = [CollectionTable?](repeating: nil, count: Int(schema.collections.last?.number ?? 0) + 1)
    for collection in schema.collections {
      tables[Int(collection.number)] = try CollectionTable(collection, on: connection, shared: shared)
    }
    insertEntry = try Statement("INSERT INTO entries (id, bytes) VALUES (?, ?)", on: connection)
    selectEntries = try Statement("SELECT bytes FROM entries WHERE id BETWEEN ? AND ? ORDER BY id", on: connection)
    insertChange = try Statement("INSERT INTO row_changes (at, rows) VALUES (?, ?)", on: connection)
    upsertLog = try Statement(
      """
      INSERT INTO logs (lane, author, logged, logged_hash, merged, merged_hash, merged_time, clock, control)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
      ON CONFLICT (lane, author) DO UPDATE SET
        logged = excluded.logged, logged_hash = excluded.logged_hash, merged = excluded.merged,
        merged_hash = excluded.merged_hash, merged_time = excluded.merged_time, clock = excluded.clock,
        control = excluded.control
      """, on: connection)
  }

  private func loadStates(_ db: Database) throws {
    defer { savedBranches = states.mapValues(\.state.past.branches).filter { !$0.value.isEmpty } }
    states = try Self.logStates(db) { _, reason in throw StoreError.damaged(reason) }.mapValues(Kept.init)
    sortedNames = []
    headRevision += 1
  }

  /// - Precondition: within `write`.
  private func saveBranches(of name: LogName, _ branches: [AuthorNumber: [UInt8]]) throws(StoreError) {
    guard branches != savedBranches[name] ?? [:] else { return }
    savedBranches[name] = branches
    let log: [Int64] = [Int64(name.lane.rawValue), Int64(name.author.rawValue)]
    do {
      try pool.unsafeReentrantWrite { db in
        try db.execute(
          sql: "DELETE FROM named_branches WHERE lane = ? AND author = ?", arguments: StatementArguments(log))
        for (other, hash) in branches.sorted(by: { $0.key < $1.key }) {
          try db.execute(
            sql: "INSERT INTO named_branches (lane, author, other, hash) VALUES (?, ?, ?, ?)",
            arguments: [log[0], log[1], Int64(other.rawValue), Data(hash)])
        }
      }
    } catch { throw StoreError.of(error) }
  }

  private func saveStates() throws(StoreError) {
    for name in changedLogs.sorted() {
      let state = states[name]!.state
      upsertLog.bind(1, Int64(name.lane.rawValue))
      upsertLog.bind(2, Int64(name.author.rawValue))
      upsertLog.bind(3, Int64(state.logged.sequence))
      upsertLog.bind(4, state.logged.hash.bytes)
      upsertLog.bind(5, Int64(state.merged.sequence))
      upsertLog.bind(6, state.merged.hash.bytes)
      upsertLog.bind(7, Int64(bitPattern: state.past.time.rawValue))
      upsertLog.bind(8, MentionedClockCodec.encode(state.past.clock))
      upsertLog.bind(9, MentionedClockCodec.encode(state.past.control))
      try upsertLog.run()
      try saveBranches(of: name, state.past.branches)
    }
    changedLogs = []
  }
}
