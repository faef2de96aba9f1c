import GRDBSQLite
import Simulation
import Testing

/// The virtual disk is as bad as a real one, and no worse.
@Suite struct DiskTests {
  /// A connection of SQLite's own, without any of our code above it.
  private final class Connection {
    private var handle: OpaquePointer?

    init(_ path: String) { #expect(sqlite3_open(path, &handle) == SQLITE_OK) }
    deinit { sqlite3_close_v2(handle) }

    @discardableResult
    func run(_ sql: String) -> Int32 { sqlite3_exec(handle, sql, nil, nil, nil) }

    func count() -> Int? {
      var statement: OpaquePointer?
      guard sqlite3_prepare_v2(handle, "SELECT count(*) FROM t", -1, &statement, nil) == SQLITE_OK else { return nil }
      defer { sqlite3_finalize(statement) }
      return sqlite3_step(statement) == SQLITE_ROW ? Int(sqlite3_column_int64(statement, 0)) : nil
    }
  }

  /// Commits rows one by one, cuts the power, and says how many of the acknowledged ones are there afterwards.
  private static func kept(synchronous: String, seed: UInt64, cutAfter operations: Int?) -> (
    acknowledged: Int, kept: Int
  ) {
    let disk = VirtualDisk(seed: seed)
    var acknowledged = 0
    do {
      let connection = Connection(disk.path("db"))
      connection.run("PRAGMA journal_mode = WAL; PRAGMA synchronous = \(synchronous); CREATE TABLE t (x)")
      if let operations { disk.cutPower(afterOperations: operations) }
      for row in 0..<40 where connection.run("INSERT INTO t VALUES (\(row))") == SQLITE_OK { acknowledged += 1 }
      // A connection that is closed before the cut syncs all.
      withExtendedLifetime(connection) { disk.cutPower() }
    }
    disk.restorePower()
    return (acknowledged, Connection(disk.path("db")).count() ?? 0)
  }

  @Test func `what was synced survives every power cut, what was not may be lost`() {
    var lost = 0
    for seed in 0..<60 as Range<UInt64> {
      let full = Self.kept(synchronous: "FULL", seed: seed, cutAfter: Int(seed) * 2 + 1)
      #expect(full.kept >= full.acknowledged, "seed \(seed)")
      let normal = Self.kept(synchronous: "NORMAL", seed: seed, cutAfter: nil)
      #expect(normal.acknowledged == 40)
      lost += normal.acknowledged - normal.kept
    }
    #expect(lost > 100, "without syncs, power cuts lose commits: \(lost) of 2,400")
  }

  @Test func `a full disk and a failing one say so, and go on when they are mended`() {
    let disk = VirtualDisk(seed: 1)
    let connection = Connection(disk.path("db"))
    connection.run("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE t (x)")
    disk.faults.isFull = true
    #expect(connection.run("INSERT INTO t VALUES (randomblob(9000))") == SQLITE_FULL)
    disk.faults = DiskFaults()
    disk.faults.errorRate = 1
    #expect(connection.run("INSERT INTO t VALUES (1)") == SQLITE_IOERR)
    disk.mend()
    #expect(connection.run("INSERT INTO t VALUES (1)") == SQLITE_OK)
    #expect(connection.count() == 1)
  }

  @Test func `two connections see each other through one disk, and lock each other out`() {
    let disk = VirtualDisk(seed: 1)
    let (first, second) = (Connection(disk.path("db")), Connection(disk.path("db")))
    first.run("PRAGMA journal_mode = WAL; CREATE TABLE t (x)")
    #expect(first.run("BEGIN IMMEDIATE; INSERT INTO t VALUES (1)") == SQLITE_OK)
    #expect(second.count() == 0, "not committed yet")
    #expect(second.run("BEGIN IMMEDIATE") == SQLITE_BUSY)
    #expect(first.run("COMMIT") == SQLITE_OK)
    #expect(second.count() == 1)
  }
}
