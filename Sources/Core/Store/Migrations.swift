import ChangeModel
import GRDB

/// The tables of a replica, from format 2 on. A released migration is never edited; a new one follows it.
enum Migrations {
  /// How a file says that it is of format 1 of change sets, which no program reads any more.
  static let format1 = "1 log and merge state"

  static let migrator: DatabaseMigrator = {
    var migrator = DatabaseMigrator()
    migrator.registerMigration("format 2") { db in
      try db.execute(sql: version1)
      try db.execute(sql: version2)
      try db.execute(sql: version3)
      try db.execute(sql: waitingReports)
    }
    migrator.registerMigration("named branches") { db in try db.execute(sql: namedBranches) }
    return migrator
  }()

  static let version1 = """
    -- One row for each author's log in a lane. `logged`: verified and kept. `merged`: also in the tables.
    -- Between the two lie change sets that wait for others.
    CREATE TABLE logs (
      lane INTEGER NOT NULL,
      author INTEGER NOT NULL,
      logged INTEGER NOT NULL,
      logged_hash BLOB NOT NULL,
      merged INTEGER NOT NULL,
      merged_hash BLOB NOT NULL,
      merged_time INTEGER NOT NULL,
      clock BLOB NOT NULL,
      control BLOB NOT NULL,
      PRIMARY KEY (lane, author)
    ) STRICT, WITHOUT ROWID;

    -- Every change set, byte for byte as its author signed it. id = lane << 61 | author << 31 | sequence.
    CREATE TABLE entries (
      id INTEGER PRIMARY KEY,
      bytes BLOB NOT NULL,
      lane INTEGER AS (id >> 61) VIRTUAL,
      author INTEGER AS ((id >> 31) & 0x3fffffff) VIRTUAL,
      sequence INTEGER AS (id & 0x7fffffff) VIRTUAL
    ) STRICT;

    -- Deleted rows, whole: a concurrent edit brings them back.
    CREATE TABLE hidden_rows (
      collection INTEGER NOT NULL,
      id INTEGER NOT NULL,
      causal BLOB NOT NULL,
      PRIMARY KEY (collection, id)
    ) STRICT, WITHOUT ROWID;

    -- Rows that somebody ever deleted.
    CREATE TABLE deletion_marks (
      collection INTEGER NOT NULL,
      id INTEGER NOT NULL,
      PRIMARY KEY (collection, id)
    ) STRICT, WITHOUT ROWID;

    -- Every value of every field in conflict; kind 'deletion' marks a row that one deleted while another edited it.
    CREATE TABLE conflicts (
      collection TEXT NOT NULL,
      row INTEGER NOT NULL,
      field TEXT NOT NULL,
      author INTEGER NOT NULL,
      sequence INTEGER NOT NULL,
      kind TEXT NOT NULL,
      shown INTEGER NOT NULL,
      time INTEGER NOT NULL,
      value ANY,
      PRIMARY KEY (collection, row, field, author, sequence)
    ) STRICT, WITHOUT ROWID;

    -- Who is enrolled, as first learnt: a node keeps its number whatever becomes of its row in `certificates`.
    CREATE TABLE members (
      node INTEGER PRIMARY KEY,
      certificate BLOB NOT NULL
    ) STRICT;

    -- What was refused or set aside, with the reason; the newest few thousand. This node's own notes, not shared.
    CREATE TABLE quarantine (
      id INTEGER PRIMARY KEY,
      at INTEGER NOT NULL,
      lane INTEGER,
      author INTEGER,
      sequence INTEGER,
      source TEXT NOT NULL,
      reason TEXT NOT NULL
    ) STRICT;

    -- This node's own settings and counters.
    CREATE TABLE node_state (
      key TEXT PRIMARY KEY,
      value ANY
    ) STRICT, WITHOUT ROWID;
    """

  static let version2 = """
    -- Revocations and fork proofs, as first learnt: each proves itself, whatever becomes of its row.
    CREATE TABLE facts (
      bytes BLOB PRIMARY KEY
    ) STRICT, WITHOUT ROWID;

    -- Change sets that were in this node's log and are void: cut by a revocation or a fork. A person may adopt what they
    -- say. This node's own, not shared; no reader shows them.
    CREATE TABLE set_aside (
      lane INTEGER NOT NULL,
      author INTEGER NOT NULL,
      sequence INTEGER NOT NULL,
      -- Its chain hash, and that of the change set that it follows: there may be several branches.
      hash BLOB NOT NULL,
      previous BLOB NOT NULL,
      at INTEGER NOT NULL,
      -- Which of its sections this node has said again, a bit for each, -1 all of them; and as which author.
      adopted INTEGER NOT NULL DEFAULT 0,
      adopted_by INTEGER,
      -- 0: it was in this node's log. 1: another node handed it back. 2: it was here, and was handed back.
      returned INTEGER NOT NULL DEFAULT 0,
      bytes BLOB NOT NULL,
      PRIMARY KEY (lane, author, sequence, hash)
    ) STRICT;
    """

  static let version3 = """
    CREATE TABLE answered_requests (
      key BLOB NOT NULL PRIMARY KEY,
      at INTEGER NOT NULL,
      answer BLOB NOT NULL,
      -- What was sent with a key: another content under it is a mistake.
      content BLOB NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX answered_requests_by_age ON answered_requests (at);

    -- Which rows changed, in the order in which this node came to know it; the newest 65,536 times. This node's own, not
    -- shared. rows: (collection varint, id big-endian)*.
    CREATE TABLE row_changes (
      position INTEGER PRIMARY KEY,
      at INTEGER NOT NULL,
      rows BLOB NOT NULL
    ) STRICT;
    """

  static let waitingReports = """
    -- What people said who did not sign in, until staff admit or dismiss it. This node's own, not shared.
    CREATE TABLE waiting_reports (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      at INTEGER NOT NULL,
      address TEXT NOT NULL,
      block TEXT NOT NULL,
      urgent INTEGER NOT NULL,
      content BLOB NOT NULL
    ) STRICT;
    CREATE INDEX waiting_reports_by_sender ON waiting_reports (block, address);
    """

  static let namedBranches = """
    -- Which branch the numbers in a log's clock mean, of another author's log whose branches a revocation chooses from: by the
    -- chain hash of a change set on it. With `logs.clock`, as merged.
    CREATE TABLE named_branches (
      lane INTEGER NOT NULL,
      author INTEGER NOT NULL,
      other INTEGER NOT NULL,
      hash BLOB NOT NULL,
      PRIMARY KEY (lane, author, other)
    ) STRICT, WITHOUT ROWID;
    """

  static func tableSQL(_ collection: CollectionSchema) -> [String] {
    let columns = collection.fields.map { "  \"\($0.name)\" \(columnType($0))" }
    let table = """
      CREATE TABLE IF NOT EXISTS "\(collection.name)" (
        id INTEGER PRIMARY KEY,
      \(columns.joined(separator: ",\n")),
        causal BLOB NOT NULL
      ) STRICT
      """
    return [table] + collection.fields.filter { $0.kind == .log }.map { entryTableSQL(collection, $0) }
  }

  /// The name of the table that holds a log field's entries.
  static func entryTable(_ collection: CollectionSchema, _ field: FieldSchema) -> String {
    "\(collection.name)_\(field.name)"
  }

  private static func entryTableSQL(_ collection: CollectionSchema, _ field: FieldSchema) -> String {
    """
    CREATE TABLE IF NOT EXISTS "\(entryTable(collection, field))" (
      row INTEGER NOT NULL,
      time INTEGER NOT NULL,
      author INTEGER NOT NULL,
      sequence INTEGER NOT NULL,
      position INTEGER NOT NULL,
      buried INTEGER NOT NULL DEFAULT 0,
      value \(field.type.column) NOT NULL,
      PRIMARY KEY (row, time, author, sequence, position)
    ) STRICT, WITHOUT ROWID
    """
  }

  static func columnType(_ field: FieldSchema) -> String {
    switch field.kind {
    case .register: field.type.column
    case .set: "TEXT NOT NULL DEFAULT '[]'"
    case .counter, .stock, .log: "INTEGER NOT NULL DEFAULT 0"
    }
  }
}

extension FieldType {
  fileprivate var column: String {
    switch self {
    case .integer: "INTEGER"
    case .real: "REAL"
    case .text: "TEXT"
    case .bytes: "BLOB"
    }
  }
}
