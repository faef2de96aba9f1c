import Causality
import ChangeModel
import Federation
import Foundation
import GRDB
import Gossip
import Inspection
import Replica
import Store
import TestSupport
import Testing

/// What a look at a database gave, as far as two looks can be compared.
private struct Look {
  /// Every change set's line, by its name.
  var lines: [String: String]
  var verification: Verification
  var overview: Overview

  init(_ evidence: Evidence, scratch: String) throws {
    let naming = Naming(evidence)
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    overview = try Overview(evidence, now: Instant.test.milliseconds)
    var lines: [String: String] = [:]
    try LogFilter().forEach(in: evidence) { changeSet in
      var line = LogLine(changeSet, naming)
      if line.fault?.hasPrefix("corrected") == true { line.fault = nil }
      lines["\(line.log.lane) \(line.log.author) #\(line.sequence)"] = String(
        decoding: try encoder.encode(line), as: UTF8.self)
    }
    self.lines = lines
    verification = try Verifier(evidence).run(scratch: scratch + "/\(UUID()).sqlite")
  }
}

/// The tables that are shared; a node's own notes are not.
private func sharedContent(_ evidence: Evidence) throws -> [String: [[DatabaseValue]]] {
  try evidence.read { db in
    var content: [String: [[DatabaseValue]]] = [:]
    let tables = try String.fetchAll(
      db,
      sql: """
        SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'
        AND name NOT IN ('quarantine', 'node_state', 'row_changes', 'grdb_migrations') ORDER BY name
        """)
    for table in tables {
      content[table] = try Row.fetchAll(db, sql: "SELECT * FROM \"\(table)\"").map { Array($0.databaseValues) }
        .sorted { "\($0)" < "\($1)" }
    }
    return content
  }
}

@Suite struct DamageTests {
  private static let seed: UInt64 = 4_711

  /// One database of five wards' work, with or without a write-ahead log beside it.
  private func database(withWriteAheadLog: Bool) throws -> (fixture: Fixture, folder: TemporaryDirectory) {
    let fixture = try Fixture(seed: Self.seed)
    try fixture.work(240)
    if !withWriteAheadLog {
      try fixture.replicas[0].store.checkpoint()
      try fixture.close()
    }
    let folder = TemporaryDirectory()
    for suffix in withWriteAheadLog ? ["", "-wal"] : [""] {
      try FileManager.default.copyItem(atPath: fixture.path(0) + suffix, toPath: folder.file("r.sqlite" + suffix))
    }
    return (fixture, folder)
  }

  private func look(_ path: String, _ identity: NodeIdentity, scratch: String) throws -> Look {
    try Evidence.examining(path, identity: identity, schema: Fixture.schema) { try Look($0, scratch: scratch) }
  }

  @Test func `a sound database verifies, with a write-ahead log beside it or not`() throws {
    for withLog in [false, true] {
      let (fixture, folder) = try database(withWriteAheadLog: withLog)
      let before = try fingerprint(folder.path)
      #expect(before.count == (withLog ? 2 : 1))
      let scratch = TemporaryDirectory()
      let found = try look(folder.file("r.sqlite"), fixture.identities[0], scratch: scratch.path)
      #expect(found.verification.sound, "\(found.verification.damage)")
      #expect(found.verification.tables.checked)
      #expect(found.verification.changeSets == found.lines.count)
      #expect(found.lines.count > 240)
      #expect(found.overview.verdict.level != "broken")
      #expect(try fingerprint(folder.path) == before)
    }
  }

  @Test func `a byte changed anywhere is located or harmless, and nothing is written`() throws {
    let (fixture, folder) = try database(withWriteAheadLog: false)
    let identity = fixture.identities[0]
    let path = folder.file("r.sqlite")
    let scratch = TemporaryDirectory()
    let whole = try Data(contentsOf: URL(fileURLWithPath: path))
    let right = try look(path, identity, scratch: scratch.path)
    let content = try Evidence.examining(path, identity: identity, schema: Fixture.schema, sharedContent)
    var random = RandomNumbers(seed: Self.seed)
    var (located, harmless, notes, exact) = (0, 0, 0, 0)
    // As many as a campaign asks for: `Tools/test --full` does.
    let rounds = ProcessInfo.processInfo.environment["RENKEI_FULL"] == nil ? 60 : 200
    for round in 0..<rounds {
      // The header, then anywhere.
      let offset = round < 20 ? random.below(100) : random.below(whole.count)
      var damaged = whole
      damaged[offset] ^= UInt8(random.below(255) + 1)
      try damaged.write(to: URL(fileURLWithPath: path))
      let before = try fingerprint(folder.path)
      let found = try look(path, identity, scratch: scratch.path)
      #expect(try fingerprint(folder.path) == before, "seed \(Self.seed) offset \(offset): the input changed")

      let same = found.lines.filter { right.lines[$0.key] == $0.value }.count
      let place = found.verification.damage.contains { damage in
        guard let start = damage.offset else { return false }
        return (start..<start + max(damage.length ?? 1, 1)).contains(offset)
          || damage.parts.contains { ($0.offset..<$0.offset + $0.length).contains(offset) }
      }
      if place {
        located += 1
        if found.verification.damage.contains(where: { $0.offset == offset && $0.length == 1 }) { exact += 1 }
        // What is not lost is decoded: every change set but those that the report counts as lost.
        #expect(
          same >= right.lines.count - found.verification.lost.changeSets - 1,
          "seed \(Self.seed) offset \(offset): \(same) of \(right.lines.count), \(found.verification.lost)")
      } else if found.verification.sound {
        // Nobody's data is there: all change sets and all shared tables are as they were.
        #expect(same == right.lines.count, "seed \(Self.seed) offset \(offset): unnoticed")
        let now = try Evidence.examining(path, identity: identity, schema: Fixture.schema, sharedContent)
        #expect(now == content, "seed \(Self.seed) offset \(offset): unnoticed in a table")
        harmless += 1
      } else {
        // Noticed, but the place was not found: never for what is shared.
        notes += 1
        Issue.record(
          "seed \(Self.seed) offset \(offset) of \(whole.count): noticed, not located: \(found.verification.damage)")
      }
    }
    print("\(rounds) changed bytes: \(located) located (\(exact) to the very byte), \(harmless) harmless")
    #expect(located + harmless == rounds)
  }

  @Test func `a file cut short gives what is left of it`() throws {
    let (fixture, folder) = try database(withWriteAheadLog: false)
    let path = folder.file("r.sqlite")
    let scratch = TemporaryDirectory()
    let whole = try Data(contentsOf: URL(fileURLWithPath: path))
    let right = try look(path, fixture.identities[0], scratch: scratch.path)
    for part in [0.9, 0.5, 0.1, 0.01, 0] {
      try whole.prefix(Int(Double(whole.count) * part)).write(to: URL(fileURLWithPath: path))
      let before = try fingerprint(folder.path)
      let found = try look(path, fixture.identities[0], scratch: scratch.path)
      #expect(try fingerprint(folder.path) == before)
      #expect(!found.verification.sound)
      #expect(found.verification.damage.contains { $0.kind == .truncated } || part == 0)
      for (name, line) in found.lines where right.lines[name] != line {
        // What cannot be read says so; nothing is made up.
        #expect(line.contains("fault") || line.contains("sealed"), "\(name) \(line)")
      }
      if part == 0.9 { #expect(!found.lines.isEmpty) }
    }
  }

  @Test func `a changed byte in the write-ahead log is located, and what was committed before it is read`() throws {
    let (fixture, folder) = try database(withWriteAheadLog: true)
    let path = folder.file("r.sqlite-wal")
    let scratch = TemporaryDirectory()
    let whole = try Data(contentsOf: URL(fileURLWithPath: path))
    #expect(whole.count > 100_000)
    var random = RandomNumbers(seed: Self.seed)
    for _ in 0..<12 {
      // In the newer half: before it lies a database that can be opened.
      let offset = whole.count / 2 + random.below(whole.count / 2)
      var damaged = whole
      damaged[offset] ^= 1 << UInt8(random.below(8))
      try damaged.write(to: URL(fileURLWithPath: path))
      let before = try fingerprint(folder.path)
      let found = try look(folder.file("r.sqlite"), fixture.identities[0], scratch: scratch.path)
      #expect(try fingerprint(folder.path) == before)
      let place = found.verification.damage.first { $0.kind == .writeAheadLog }
      #expect(place.map { ($0.offset!..<$0.offset! + $0.length!).contains(offset) } == true, "offset \(offset)")
      #expect(found.verification.lost.changeSets == 0 && !found.lines.isEmpty)
    }
  }

  @Test func `a file of a newer program is read as far as it is known`() throws {
    let (fixture, folder) = try database(withWriteAheadLog: false)
    let path = folder.file("r.sqlite")
    let writer = try DatabaseQueue(path: path)
    try writer.write { db in
      try db.execute(
        sql: """
          INSERT INTO grdb_migrations VALUES ('2 something newer');
          CREATE TABLE newer (id INTEGER PRIMARY KEY, content BLOB);
          ALTER TABLE things ADD COLUMN mood TEXT;
          UPDATE things SET mood = 'calm';
          """)
    }
    try writer.close()
    let before = try fingerprint(folder.path)
    let scratch = TemporaryDirectory()
    let found = try look(path, fixture.identities[0], scratch: scratch.path)
    #expect(try fingerprint(folder.path) == before)
    #expect(found.overview.newerMigrations == ["2 something newer"])
    #expect(found.overview.verdict.level == "attention")
    #expect(found.verification.sound, "\(found.verification.damage)")
  }

  @Test func `a bundle with a damaged middle gives what stands before and after it`() throws {
    let fixture = try Fixture(seed: Self.seed)
    try fixture.work(600)
    let folder = TemporaryDirectory()
    let path = folder.file("card.rkb")
    var bytes: [UInt8] = []
    var frames: [Int] = []
    let count = try fixture.replicas[0].exportBundle(for: nil, at: .test) {
      frames.append(bytes.count)
      bytes += $0
    }
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    let scratch = TemporaryDirectory()
    func look() throws -> Look {
      try Look(Evidence.bundle(path, identity: fixture.identities[1], schema: Fixture.schema), scratch: scratch.path)
    }
    let right = try look()
    #expect(right.lines.count == count && right.verification.sound && right.verification.changeSets == count)
    var random = RandomNumbers(seed: Self.seed)
    var decoded = 0
    let rounds = ProcessInfo.processInfo.environment["RENKEI_FULL"] == nil ? 12 : 40
    for round in 0..<rounds {
      let offset = bytes.count / 4 + random.below(bytes.count / 2)
      var damaged = bytes
      if round % 2 == 0 {
        damaged[offset] ^= UInt8(random.below(255) + 1)
      } else {
        // A stretch of noise, as from a bad sector.
        for index in offset..<min(offset + 512, bytes.count) {
          damaged[index] = UInt8(truncatingIfNeeded: random.next())
        }
      }
      try Data(damaged).write(to: URL(fileURLWithPath: path))
      let before = try fingerprint(folder.path)
      let found = try look()
      #expect(try fingerprint(folder.path) == before)
      #expect(!found.verification.sound, "offset \(offset) unnoticed")
      // The place of a frame, a change set, or what is missing because of it.
      let near = found.verification.damage.contains { damage in
        damage.offset.map { $0 <= offset + 512 && $0 + max(damage.length ?? 1, 1) > offset } ?? false
      }
      #expect(near, "offset \(offset): \(found.verification.damage)")
      let same = found.lines.filter { right.lines[$0.key] == $0.value }.count
      decoded += same
      let lost = found.verification.lost.changeSets + found.verification.unchecked
      // How many a frame held that does not even say how long it is, nobody knows.
      let hitsFrameHeader = frames.contains { ($0 - 512..<$0 + 16).contains(offset) }
      #expect(
        hitsFrameHeader || same >= right.lines.count - lost - 4,
        "offset \(offset): \(same), \(lost) lost, \(found.verification.damage)")
    }
    print("damaged bundles: \(decoded / rounds) of \(count) change sets decoded on average")
    #expect(decoded > rounds / 2 * count)
    _ = try? fixture.close()
  }
}
