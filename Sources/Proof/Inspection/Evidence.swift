import Causality
import ChangeModel
import Federation
import Foundation
import GRDB
import Glibc
import SignedLog
import Sodium
import Store

/// Something to look at: a replica's database, a bundle, or what a live node told. All are asked the same questions, by
/// SQL over a replica's tables.
///
/// Nothing of it is ever written. A database that no process has open is read by its pages, without a lock and without
/// making a file beside it (`PageFile`); one that a node has open is read as any other reader of it would, on one
/// snapshot for the whole of this object's life. A bundle, and what could be saved of a damaged database, lie in a private
/// temporary database that is gone with this object.
public final class Evidence {
  public enum Kind: String, Codable, Sendable { case database, bundle, address }

  public let kind: Kind
  /// As a person named it.
  public let name: String
  public let schema: Schema
  /// Whether some process has the database open now.
  public let isOpenElsewhere: Bool
  /// The tables that the log makes are there; else only change sets.
  public let hasTables: Bool
  public internal(set) var papers: Papers
  public internal(set) var damage: [Damage]
  /// Migrations that this program does not know: the file is of a newer one.
  public private(set) var newerMigrations: [String] = []
  /// Who a live node says that it is.
  public var toldIdentity: ToldIdentity?
  /// What a live node says of its tables: the first eight bytes of each one's hash, by name.
  public var toldDigests: [String: String]?
  /// Where to look for what comes before the first change set of a log here.
  public let base: Evidence?
  /// Only what could be saved of a damaged file is here.
  public let isSalvaged: Bool

  let queue: DatabaseQueue
  let path: String?
  private let shownPath: String?
  private var knownStates: [LogName: LogState]?
  var knownChecks: [LogName: ChainCheck] = [:]
  private var knownPages: PageFile?

  // MARK: Opening

  /// Where a file is, whatever links lead to it: what lies beside it is there.
  public static func real(_ path: String) -> String {
    guard let real = realpath(path, nil) else { return path }
    defer { free(real) }
    return String(cString: real)
  }

  /// Opens a replica's database.
  ///
  /// - Throws: `cannotRead`; GRDB's error for a damaged file: see `isDamage` and `Evidence.salvaging`.
  public static func database(
    _ path: String, name: String? = nil, identity: NodeIdentity?, schema: Schema
  ) throws -> Evidence {
    let (path, name) = (real(path), name ?? path)
    let isOpen = isInUse(path)
    // Not for a file that is in use: closing a descriptor drops this process's locks on the file, SQLite's too.
    let pages = isOpen ? nil : try PageFile(path: path)
    var configuration = Configuration()
    configuration.readonly = true
    configuration.allowsUnsafeTransactions = true
    configuration.busyMode = .timeout(5)
    let shown = pages.map(SnapshotFileSystem.show)
    do {
      let queue = try DatabaseQueue(path: shown ?? path, configuration: configuration)
      return try Evidence(
        .database, name, queue, identity: identity, schema: schema, path: path, shownPath: shown,
        isOpen: isOpen,
        damage: pages?.damage ?? [])
    } catch {
      if let shown { SnapshotFileSystem.hide(shown) }
      throw error
    }
  }

  init(
    _ kind: Kind, _ name: String, _ queue: DatabaseQueue, identity: NodeIdentity?, schema: Schema, path: String?,
    shownPath: String? = nil, isOpen: Bool = false, hasTables: Bool = true, damage: [Damage], isSalvaged: Bool = false,
    base: Evidence? = nil
  ) throws {
    self.kind = kind
    self.name = name
    self.queue = queue
    self.schema = schema
    self.path = path
    self.shownPath = shownPath
    self.hasTables = hasTables
    self.damage = damage
    self.isSalvaged = isSalvaged
    self.base = base
    isOpenElsewhere = isOpen
    papers = Papers(identity)
    if shownPath != nil || isOpen { try queue.inDatabase { try $0.beginTransaction(.deferred) } }
    if let base {
      papers.facts = base.papers.facts
      for node in base.papers.certificates.keys.sorted() { papers.learn(base.papers.certificates[node]!.bytes) }
    }
    try read { db in
      if let identity, try db.tableExists("key_grants"), try db.tableExists("node_state") {
        // As the node's tables were made: with the keys that it held then.
        let open = Set(try Store.openKeys(db))
        papers.open(try KeyGrant.fetch(to: identity.certificate.node, db).filter { open.contains($0.key) })
      }
      if try db.tableExists("grdb_migrations") {
        let applied = try Row.fetchAll(db, sql: "SELECT identifier FROM grdb_migrations").map { Self.text($0[0]) }
        newerMigrations = applied.filter { !Store.knownMigrations.contains($0) }
      }
      if try db.tableExists("facts") { papers.facts = Set(try Store.facts(db)) }
      if try db.tableExists("members") {
        let rows = try Row.fetchCursor(db, sql: "SELECT certificate FROM members ORDER BY node")
        while let row = try rows.next() { papers.learn(Self.bytes(row[0] as DatabaseValue)) }
      }
    }
    try learnFromControlLane()
  }

  /// The audience keys that the tables were made with; nil when nothing here says so.
  var openKeys: [AudienceKeyID]? {
    get throws {
      guard hasTables else { return nil }
      return try read { db in try db.tableExists("node_state") ? Store.openKeys(db) : nil }
    }
  }

  deinit { if let shownPath { SnapshotFileSystem.hide(shownPath) } }

  /// A node's first control change set carries its certificate, in plain: whoever has a bundle has the keys to check it.
  private func learnFromControlLane() throws {
    let firsts = try read { db in
      try Row.fetchAll(
        db, sql: "SELECT id, bytes FROM entries WHERE id BETWEEN 1 AND ?1 AND id & 0x7fffffff = 1",
        arguments: [Int64(1) << 61 - 1]
      ).map { (Self.integer($0[0]), Self.bytes($0[1])) }
    }
    for (id, bytes) in firsts {
      guard let (log, _) = EntryID.name(id) else { continue }
      let past = AuthorPast(author: log.author, lane: .control)
      guard let layout = try? bytes.decoding({ raw throws(MalformedBytes) in try ChangeSetLayout(raw, after: past) })
      else { continue }
      for section in layout.sections where section.key == 0 {
        let content = Array(bytes[section.range])
        let edits = try? content.decoding { raw throws(MalformedBytes) in try SectionCodec.decode(raw, by: log.author) }
        for case .amendments(let chain) in ControlSchema.facts(in: edits ?? []) { papers.facts.insert(chain) }
        for certificate in ControlSchema.certificates(in: edits ?? []) where papers.key(of: log.author) == nil {
          papers.learn(certificate)
        }
      }
    }
  }

  /// Whether an error says that the database is damaged, so that what can be saved is to be saved. A table that is not
  /// there counts: every replica has all of them.
  public static func isDamage(_ error: any Error) -> Bool {
    switch error {
    case let error as DatabaseError: ![.SQLITE_BUSY, .SQLITE_INTERRUPT, .SQLITE_NOMEM].contains(error.resultCode)
    case StoreError.damaged, StoreError.inputOutput, StoreError.refused: true
    default: false
    }
  }

  /// Whether some process has the database open, asked without taking a lock: SQLite's connections to a database with a
  /// write-ahead log hold one on byte 128 of the `-shm` file (`UNIX_SHM_DMS` in SQLite's `os_unix.c`).
  static func isInUse(_ path: String) -> Bool {
    let descriptor = open(path + "-shm", O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    var lock = flock()
    lock.l_type = Int16(F_WRLCK)
    lock.l_whence = Int16(SEEK_SET)
    lock.l_start = 128
    lock.l_len = 1
    // F_OFD_GETLK, which Swift does not import: sees this process's own connections, too.
    return fcntl(descriptor, 36, &lock) == 0 && lock.l_type != Int16(F_UNLCK)
  }

  // MARK: Reading

  public func read<Result>(_ body: (Database) throws -> Result) throws -> Result {
    try queue.unsafeReentrantRead(body)
  }

  /// How far each log is kept and merged.
  public func logStates() throws -> [LogName: LogState] {
    if let knownStates { return knownStates }
    var wrong: [(LogName?, String)] = []
    var states = try read { db in try Store.logStates(db) { wrong.append(($0, $1)) } }
    for (log, text) in wrong {
      let found = Damage(.table, file: path, subject: "logs", detail: text, lost: 1)
      damage.append(log.map { located(found, table: "logs", keys: Self.key(of: $0)) } ?? found)
    }
    // What the table does not tell of a log, its change sets do.
    if !wrong.isEmpty {
      for log in try logsOfEntries() where states[log] == nil { states[log] = try derivedState(log) }
    }
    knownStates = states
    return states
  }

  func logsOfEntries() throws -> [LogName] {
    try read { db in
      try Int64.fetchAll(db, sql: "SELECT DISTINCT id & ~0x7fffffff FROM entries").compactMap {
        EntryID.name($0 | 1)?.0
      }
    }
  }

  func derivedState(_ log: LogName) throws -> LogState {
    var state = LogState(log)
    state.logged.sequence = try extent(of: log)?.last ?? 0
    state.merged.sequence = state.logged.sequence
    return state
  }

  static func key(of log: LogName) -> [Value] {
    [.integer(Int64(log.lane.rawValue)), .integer(Int64(log.author.rawValue))]
  }

  /// The file's pages, for places; kept until this object goes, so that no lock is dropped before.
  func pages() throws -> PageFile? {
    guard kind == .database, let path else { return nil }
    if let knownPages { return knownPages }
    knownPages = try PageFile(path: path)
    return knownPages
  }

  var finder: RowFinder? { (try? pages()).flatMap { $0 }.map(RowFinder.init) }

  /// The damage with the place of a row of a table without row ids.
  func located(_ damage: Damage, table: String, keys: [Value]) -> Damage {
    guard let finder else { return damage }
    return finder.located(damage, table: table, keys: keys)
  }

  /// Change sets of a log from `first` through `last`, oldest first; `body` says whether to go on.
  public func entries(
    _ log: LogName, from first: SequenceNumber = 1, through last: SequenceNumber = sequenceLimit,
    _ body: (SequenceNumber, [UInt8]) throws -> Bool
  ) throws {
    guard first <= last, first <= sequenceLimit else { return }
    try read { db in
      let rows = try Row.fetchCursor(
        // Not a cached statement: `body` may read further logs meanwhile.
        db, sql: "SELECT id, bytes FROM entries WHERE id BETWEEN ? AND ? ORDER BY id",
        arguments: [EntryID.rawValue(log, first), EntryID.rawValue(log, min(last, sequenceLimit))])
      while let row = try rows.next() {
        guard let (_, sequence) = EntryID.name(Self.integer(row[0])) else { continue }
        guard try body(sequence, Self.bytes(row[1])) else { return }
      }
    }
  }

  /// The sequences of a log that are here: the first, the last, and how many between them are.
  public func extent(of log: LogName) throws -> (first: SequenceNumber, last: SequenceNumber, count: Int)? {
    try read { db in
      let row = try Row.fetchOne(
        db, sql: "SELECT min(id), max(id), count(*) FROM entries WHERE id BETWEEN ? AND ?",
        arguments: [EntryID.rawValue(log, 1), EntryID.rawValue(log, sequenceLimit)])
      guard let row, let first = EntryID.name(Self.integer(row[0])), let last = EntryID.name(Self.integer(row[1]))
      else { return nil }
      return (first.1, last.1, Int(Self.integer(row[2])))
    }
  }

  /// This node's own number, as far as the file or its papers say.
  public func owner() throws -> AuthorNumber? {
    if let toldIdentity { return toldIdentity.node }
    if hasTables, let number = try nodeState("node"), let raw = UInt32(exactly: number) {
      return AuthorNumber(rawValue: raw)
    }
    return kind == .bundle ? nil : papers.identity?.certificate.node
  }

  public func nodeState(_ key: String) throws -> Int64? {
    guard hasTables else { return nil }
    return try read { db in
      try Row.fetchOne(db, sql: "SELECT value FROM node_state WHERE key = ?", arguments: [key]).map {
        Self.integer($0[0])
      }
    }
  }

  // MARK: Values of a damaged table may be of any kind

  static func integer(_ value: DatabaseValue) -> Int64 {
    if case .int64(let number) = value.storage { number } else { 0 }
  }

  static func bytes(_ value: DatabaseValue) -> [UInt8] {
    switch value.storage {
    case .blob(let data): [UInt8](data)
    case .string(let text): [UInt8](text.utf8)
    default: []
    }
  }

  static func text(_ value: DatabaseValue) -> String {
    if case .string(let text) = value.storage { text } else { "" }
  }

  public static func value(_ value: DatabaseValue) -> Value {
    switch value.storage {
    case .null: .null
    case .int64(let number): .integer(number)
    case .double(let number): .real(number)
    case .string(let text): .text(text)
    case .blob(let data): .bytes([UInt8](data))
    }
  }
}

/// What a live node says of itself; nobody vouches for it.
public struct ToldIdentity: Sendable {
  public var node: AuthorNumber
  public var epoch: Int
  public var ward: String
  public var wardName: String
  public var federationName: String
  public var drill: Bool
  /// Fields in conflict, by its word.
  public var conflicts: Int

  public init(
    node: AuthorNumber, epoch: Int, ward: String, wardName: String, federationName: String, drill: Bool, conflicts: Int
  ) {
    self.node = node
    self.epoch = epoch
    self.ward = ward
    self.wardName = wardName
    self.federationName = federationName
    self.drill = drill
    self.conflicts = conflicts
  }
}
