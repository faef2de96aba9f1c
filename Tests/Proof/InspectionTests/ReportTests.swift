import Causality
import ChangeModel
import Federation
import Foundation
import Gossip
import Inspection
import Replica
import Store
import Terminal
import TestSupport
import Testing

@Suite struct ReportTests {
  private func open(_ fixture: Fixture, _ index: Int) throws -> Evidence {
    try Evidence.database(fixture.path(index), identity: fixture.identities[index], schema: Fixture.schema)
  }

  @Test func `diff names exactly the rows that differ, and the change sets that explain them`() throws {
    let fixture = try Fixture(wards: 3, seed: 7)
    try fixture.work(60)
    // Cut off from each other, each edits rows of its own.
    var touched: Set<String> = []
    for index in 0..<2 {
      for _ in 0..<5 {
        let row = try fixture.newRow(index)
        try fixture.edit(index, TestSchema.things, row, [FieldEdit(1, .set(.text("区\(index)")))])
        touched.insert("\(row)")
      }
    }
    try fixture.close()
    let (a, b) = (try open(fixture, 0), try open(fixture, 1))
    let difference = try Difference(a, b)
    #expect(!difference.equal && difference.onlyA == 5 && difference.onlyB == 5)
    #expect(Set(difference.rows.map(\.row)) == touched)
    #expect(difference.rows.allSatisfy { $0.explainedBy.count == 1 } && difference.unexplainedRows == 0)
    #expect(difference.tables.map(\.differingRows) == [10])
    #expect(try Difference(a, a).equal)
  }

  @Test func `a row that its log does not make is told as unexplained`() throws {
    let fixture = try Fixture(wards: 2, seed: 8)
    try fixture.work(40)
    for index in 0..<2 { try fixture.replicas[index].store.checkpoint() }
    try fixture.close()
    let writer = try OutsideWriter(fixture.path(1))
    try writer.run("UPDATE parcels SET count = count + 1 WHERE id = (SELECT min(id) FROM parcels)")
    let difference = try Difference(try open(fixture, 0), try open(fixture, 1))
    #expect(difference.logs.isEmpty && !difference.equal)
    #expect(difference.rows.count == 1 && difference.unexplainedRows == 1)
    #expect(difference.rows[0].fields.map(\.field) == ["count"])
  }

  @Test func `missing says to the byte what a bundle for the peer holds`() throws {
    let fixture = try Fixture(wards: 3, seed: 9)
    try fixture.work(120)
    // The others have not heard of these.
    for _ in 0..<700 {
      try fixture.edit(0, TestSchema.things, try fixture.newRow(0), [FieldEdit(1, .set(.text("避難所")))])
    }
    let rates = [Shortage.Rate(name: "radio", bitsPerSecond: 2_400)]
    for peer in 1..<3 {
      let node = fixture.replicas[peer].author.node
      var bytes = 0
      let count = try fixture.replicas[0].exportBundle(for: node, at: .test) { bytes += $0.count }
      let shortage = try Shortage(open(fixture, 0), for: node, rates: rates)
      #expect(shortage.changeSets == count && shortage.bundleBytes == bytes)
      #expect(abs(shortage.rates[0].seconds - Double(bytes * 8) / 2_400) < 0.001)
      // With the peer's own file: exactly what it does not have.
      let exact = try Shortage(open(fixture, 0), for: node, has: open(fixture, peer), rates: rates)
      #expect(exact.changeSets == 700)
    }
    try fixture.close()
  }

  @Test func `a bundle that begins in the middle is read against a base`() throws {
    let fixture = try Fixture(wards: 2, seed: 10)
    try fixture.work(60)
    // The other's clock now says that it has all of this.
    try fixture.edit(1, TestSchema.things, try fixture.newRow(1), [FieldEdit(1, .set(.text("見た")))])
    try fixture.carry(from: 1, to: 0)
    for _ in 0..<20 {
      try fixture.edit(0, TestSchema.things, try fixture.newRow(0), [FieldEdit(1, .set(.text("新しい")))])
    }
    let path = fixture.folder.file("card.rkb")
    var bytes: [UInt8] = []
    let count = try fixture.replicas[0].exportBundle(for: fixture.replicas[1].author.node, at: .test) { bytes += $0 }
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    try fixture.close()
    let alone = try Evidence.bundle(path, identity: fixture.identities[1], schema: Fixture.schema)
    var faults = 0
    try LogFilter().forEach(in: alone) { if $0.fault != nil { faults += 1 } }
    #expect(faults == count)
    let verification = try Verifier(alone).run(scratch: fixture.folder.file("\(UUID()).sqlite"))
    #expect(!verification.sound && verification.damage.isEmpty && verification.unchecked == count)

    let based = try Evidence.bundle(
      path, identity: fixture.identities[1], schema: Fixture.schema, base: open(fixture, 1))
    var edits = 0
    try LogFilter().forEach(in: based) { edits += $0.edits.count }
    #expect(edits == count)
    #expect(try Verifier(based).run(scratch: fixture.folder.file("\(UUID()).sqlite")).changeSets == count)
    let difference = try Difference(open(fixture, 1), based)
    #expect(difference.onlyB == 20 && difference.rows.count { $0.explainedBy.contains { $0.side == "b" } } == 20)
  }

  @Test func `two branches of a log are proven by two files`() throws {
    let fixture = try Fixture(wards: 2, seed: 11)
    try fixture.work(30)
    try fixture.replicas[0].store.checkpoint()
    let copy = fixture.folder.file("copy.sqlite")
    try FileManager.default.copyItem(atPath: fixture.path(0), toPath: copy)
    let twin = try Replica(path: copy, identity: fixture.identities[0], schema: TestSchema.schema, at: fixture.now)
    let row = try fixture.newRow(0)
    let dot = try fixture.edit(0, TestSchema.things, row, [FieldEdit(1, .set(.text("本物")))])
    var draft = Draft(.life)
    draft.edit(TestSchema.things, row, [FieldEdit(1, .set(.text("写し")))])
    _ = try twin.batch(at: fixture.now) { _ = try twin.commit(draft, at: fixture.now) }
    try twin.store.close()
    try fixture.close()
    let (one, other) = (
      try open(fixture, 0), try Evidence.database(copy, identity: fixture.identities[0], schema: Fixture.schema)
    )
    let forks = try ForkList(one, comparedWith: [other]).forks
    #expect(forks.map(\.state) == ["proven"] && forks.first?.sequence == Int(dot.sequence))
    #expect(try Difference(one, other).logs.compactMap(\.forkAt) == [Int(dot.sequence)])
  }

  @Test func `waiting change sets say what they wait for`() throws {
    let fixture = try Fixture(wards: 3, seed: 12)
    try fixture.meet([0, 1, 2])
    let row = try fixture.newRow(0)
    try fixture.edit(0, TestSchema.things, row, [FieldEdit(1, .set(.text("一")))])
    try fixture.carry(from: 0, to: 1)
    try fixture.edit(1, TestSchema.things, row, [FieldEdit(1, .set(.text("二")))])
    // The third gets the second's log without what it follows.
    let log = logName(.life, fixture.replicas[1])
    let entries = try fixture.replicas[1].store.entries(log, from: 1, byteLimit: .max)
    _ = try fixture.replicas[2].batch(at: fixture.now) {
      _ = try fixture.replicas[2].receive(Run(log, first: 1, entries: entries), from: "test", at: fixture.now)
    }
    try fixture.close()
    let overview = try Overview(open(fixture, 2), now: fixture.now.milliseconds)
    #expect(overview.waiting.count == 1 && overview.waiting[0].reason == "notHere")
    #expect(overview.waiting[0].needs?.author == "\(fixture.replicas[0].author)")
    #expect(overview.verdict.level == "behind")
  }

  @Test func `numbers at the edge stop no report`() throws {
    let fixture = try Fixture(wards: 2, seed: 13)
    try fixture.work(40)
    for index in 0..<2 { try fixture.replicas[index].store.checkpoint() }
    let peer = fixture.replicas[1].author.node.rawValue
    let log = logName(.life, fixture.replicas[1])
    try fixture.close()
    let writer = try OutsideWriter(fixture.path(0))
    try writer.run(
      """
      INSERT INTO parcels (id, causal) VALUES (9223372036854775807, x'');
      INSERT OR REPLACE INTO node_state VALUES ('heard \(peer)', -9223372036854775808), ('told \(peer)', x'ffffffffffffffff');
      INSERT INTO quarantine (at, lane, author, sequence, source, reason) VALUES (-9223372036854775808, 300, -1, -1, '', 'fork');
      INSERT INTO conflicts VALUES ('parcels', 1, 'count', -5, 9223372036854775807, 'value', 1, -1, NULL);
      INSERT INTO logs VALUES (2, 1073741823, 2147483647, zeroblob(32), 2147483647, zeroblob(32), -1, x'', x'');
      DELETE FROM logs WHERE lane = \(log.lane.rawValue) AND author = \(log.author.rawValue);
      """)
    let (a, b) = (try open(fixture, 0), try open(fixture, 1))
    let overview = try Overview(a, now: .max)
    #expect(overview.suspectedForks == 1)
    let difference = try Difference(a, b)
    #expect(difference.rows.contains { $0.row == "9223372036854775807" && $0.sides == "onlyA" })
    let verification = try Verifier(a).run(scratch: fixture.folder.file("\(UUID()).sqlite"))
    #expect(!verification.sound)
    #expect(verification.damage.contains { $0.subject.hasPrefix("logs:") && $0.detail == "change sets without a head" })
    _ = try ConflictList(a)
    _ = try ForkList(a, comparedWith: [b])
    _ = try Shortage(a, for: fixture.identities[1].certificate.node, rates: [])
    var filter = LogFilter()
    (filter.from, filter.through) = (1, 0)
    try filter.forEach(in: a) { _ in Issue.record("an empty range holds nothing") }
  }

  @Test func `full-width text lines up, and data cannot steer the terminal`() {
    #expect(displayWidth("渋谷区 12.1") == 11)
    #expect(displayWidth("ﾊﾝｶｸ") == 4)
    #expect(displayWidth("が") == 2)
    #expect(cut("避難所の名前", to: 7) == "避難所…")
    #expect(displayWidth(fitted("避難", to: 9)) == 9)
    #expect(!harmless("a\u{1b}[2Jb\u{202e}c\n").unicodeScalars.contains { $0.value < 32 || $0.value == 0x202e })
    var table = TextTable(["区", ">数"])
    table.add(["渋谷区", "1"])
    table.add(["港区", "100"])
    #expect(Set(table.lines().map { displayWidth($0) }).count == 1)
  }

  @Test func `a link to the database of a killed node shows what lies in its write-ahead log`() throws {
    let fixture = try Fixture(wards: 2, seed: 11)
    try fixture.work(40)
    let killed = fixture.folder.file("killed")
    try FileManager.default.createDirectory(atPath: killed, withIntermediateDirectories: true)
    for suffix in ["", "-wal"] {
      try FileManager.default.copyItem(atPath: fixture.path(0) + suffix, toPath: killed + "/replica.sqlite" + suffix)
    }
    let link = fixture.folder.file("link.sqlite")
    try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: killed + "/replica.sqlite")
    let overviews = try [killed + "/replica.sqlite", link].map { path in
      try Evidence.examining(path, identity: fixture.identities[0], schema: Fixture.schema) { evidence in
        #expect(evidence.damage.isEmpty && !evidence.isSalvaged)
        return try Overview(evidence, now: .max)
      }
    }
    #expect(overviews[0].lanes.map(\.changeSets) == overviews[1].lanes.map(\.changeSets))
    #expect(overviews[0].lanes.reduce(0) { $0 + $1.changeSets } > 30)
    #expect(overviews[0].disk?.database == overviews[1].disk?.database)
    #expect(overviews[1].disk?.writeAheadLog ?? 0 > 0, "sizes are the file's, not the link's")
    #expect(overviews[1].source.name == link, "and the name is what was asked")
    try fixture.close()
  }
}
