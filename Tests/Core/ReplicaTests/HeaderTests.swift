import Causality
import ChangeModel
import Federation
import GRDB
import Replica
import SignedLog
import TestSupport
import Testing

/// What a change set says besides its edits: whom its author had seen, and what it thinks of its clock.
struct HeaderTests {
  let directory = TemporaryDirectory()
  var federation = TestFederation(wards: 2, seed: 12)

  private mutating func replica(_ ward: Int, _ key: UInt64) throws -> Replica {
    try Replica(
      path: directory.file("\(ward)-\(key).sqlite"), identity: federation.node(ward: ward, keySeed: key),
      schema: TestSchema.schema, at: .test)
  }

  /// The log in which a node enrols itself, and nothing else.
  private mutating func newcomer(_ key: UInt64) -> Run {
    let identity = federation.node(ward: 1, keySeed: key)
    let log = LogName(.control, identity.author(epoch: 0))
    let entry = VerifiedEntry.sealing(
      [
        PlainSection(
          key: 0, secret: nil, bytes: SectionCodec.encode(ControlSchema.enrolment(identity), by: log.author))
      ],
      header: ChangeSetHeader(time: HybridTime.zero.next(at: .test), clock: [], control: []),
      after: AuthorPast(author: log.author, lane: .control), head: LogHead(),
      in: LogContext(federation: federation.identity.id, nodeKey: identity.key.publicKey, log: log),
      with: identity.key)
    return Run(log, first: 1, entries: [entry.bytes])
  }

  private func text(_ text: String, on replica: Replica) throws {
    var draft = Draft(.life)
    draft.edit(TestSchema.things, try replica.newRows(1)[0], [FieldEdit(1, .set(.text(text)))])
    _ = try replica.commit(draft, at: .test)
  }

  private func layouts(_ log: LogName, _ replica: Replica) throws -> [ChangeSetLayout] {
    var past = AuthorPast(author: log.author, lane: log.lane)
    return try replica.store.entries(log, from: 1, byteLimit: 1 << 24).map { bytes in
      let layout = try bytes.decoding { raw throws(MalformedBytes) in try ChangeSetLayout(raw, after: past) }
      past.advance(by: layout.header)
      return layout
    }
  }

  @Test mutating func `who learns of hundreds of authors at once tells of them first, and its edit counts everywhere`()
    throws
  {
    let (home, other) = (try replica(0, 1), try replica(1, 2))
    let newcomers = (0..<300).map { newcomer(100 + $0) }
    for replica in [home, other] {
      var taken = 0
      _ = try replica.batch(at: .test) {
        for run in newcomers { taken += try replica.receive(run, from: "card", at: .test).taken }
      }
      #expect(taken == newcomers.count)
    }
    try text("三百人の後", on: home)
    let log = LogName(.life, home.author)
    let layouts = try layouts(log, home)
    #expect(layouts.map(\.sections.count) == [0, 1])
    #expect(layouts[0].header.control.count >= 300 && layouts[1].header.control.isEmpty)
    // What it relied on counts too: without it, the edit would wait for ever.
    let before = try other.store.tableDigest()
    for name in [LogName(.control, home.author), log] {
      let entries = try home.store.entries(name, from: 1, byteLimit: 1 << 24)
      _ = try other.batch(at: .test) {
        _ = try other.receive(Run(name, first: 1, entries: entries), from: "home", at: .test)
      }
    }
    #expect(try other.store.tableDigest() != before)
    #expect(other.store.state(of: log).waiting == 0)
    // The second time there is nothing left to tell.
    try text("もう一つ", on: home)
    #expect(try self.layouts(log, home).count == 3)
  }

  @Test
  mutating func
    `a clock that stands far from its peers' is told of in each change set, and not when it is right again`()
    throws
  {
    let home = try replica(0, 1)
    try text("前", on: home)
    home.doubtsClock = true
    try text("間", on: home)
    home.doubtsClock = false
    try text("後", on: home)
    let log = LogName(.life, home.author)
    #expect(try layouts(log, home).map(\.header.isClockDoubted) == [false, true, false])
    let marks = try home.store.read { db in
      try (1...4).map { try Dot(home.author, SequenceNumber($0)).isClockDoubted(in: .life, db) }
    }
    #expect(marks == [false, true, false, false])
  }
}
