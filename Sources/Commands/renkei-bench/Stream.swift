import Causality
import ChangeModel
import Federation
import Replica
import SignedLog
import Sodium

/// The workload as 23 nodes would sign it: each change set by one of them, after it has seen all that the others wrote
/// before, which is the longest clock that a change set can have.
struct SignedStream {
  let identities: [NodeIdentity]
  /// One enrolment for each node, in its control log.
  private(set) var enrolments: [Run] = []
  /// In the order of their writing; each a change set.
  private(set) var runs: [Run] = []
  /// The same changes, for the plain table and for JSON.
  private(set) var changes: [[Workload.Change]] = []

  /// - Parameter keepsChanges: whether `changes` is wanted: it takes ten times the room of `runs`.
  init(rows: Int, perChangeSet: Int, seed: UInt64, keepsChanges: Bool = true) {
    identities = Self.makeIdentities(seed: seed)
    let authors = identities.map { $0.author(epoch: 0) }
    var workload = Workload(seed: seed)
    var random = RandomNumbers(seed: seed &+ 1)
    var now = Instant(milliseconds: 1_768_596_360_000)
    var writers = identities.enumerated().map { index, identity in
      Writer(identity: identity, author: authors[index])
    }
    for index in writers.indices { enrolments.append(writers[index].enrol(at: now)) }
    var known = VersionVector()
    var controls = VersionVector()
    for author in authors { controls.advance(to: Dot(author, 1)) }
    var written = 0
    while written < rows {
      let index = random.below(Workload.writers)
      now = now.advanced(byMilliseconds: Int64(20 + random.below(400)))
      let batch = (0..<min(perChangeSet, rows - written)).map { _ in
        workload.next(by: index, author: authors[index], authors: authors)
      }
      runs.append(writers[index].write(batch, knowing: known, controls, at: now))
      known.advance(to: Dot(authors[index], writers[index].head.sequence))
      if keepsChanges { changes.append(batch) }
      written += batch.count
    }
  }

  private struct Writer {
    let identity: NodeIdentity
    let author: AuthorNumber
    var past: AuthorPast
    var head = LogHead()

    init(identity: NodeIdentity, author: AuthorNumber) {
      self.identity = identity
      self.author = author
      past = AuthorPast(author: author, lane: .life)
    }

    func enrol(at now: Instant) -> Run {
      let log = LogName(.control, author)
      let section = PlainSection(
        key: 0, secret: nil, bytes: SectionCodec.encode(ControlSchema.enrolment(identity), by: author))
      let header = ChangeSetHeader(time: HybridTime.zero.next(at: now), clock: [], control: [])
      let entry = VerifiedEntry.sealing(
        [section], header: header, after: AuthorPast(author: author, lane: .control), head: LogHead(),
        in: LogContext(federation: identity.federation.id, nodeKey: identity.key.publicKey, log: log),
        with: identity.key)
      return Run(log, first: 1, entries: [entry.bytes])
    }

    mutating func write(
      _ changes: [Workload.Change], knowing known: VersionVector, _ controls: VersionVector, at now: Instant
    ) -> Run {
      let log = LogName(.life, author)
      let edits = changes.map { RowEdit(Workload.evacuees.number, $0.row, $0.fields) }
      let header = ChangeSetHeader(
        time: past.time.next(at: now), clock: past.clock.advances(to: known, except: author),
        control: past.control.advances(to: controls, except: nil))
      let section = PlainSection(
        key: Keyring.federationKeyID, secret: identity.keyring[Keyring.federationKeyID],
        bytes: SectionCodec.encode(edits, by: author))
      let entry = VerifiedEntry.sealing(
        [section], header: header, after: past, head: head,
        in: LogContext(federation: identity.federation.id, nodeKey: identity.key.publicKey, log: log),
        with: identity.key)
      past.advance(by: header)
      head = entry.head
      return Run(log, first: entry.sequence, entries: [entry.bytes])
    }
  }

  private static func makeIdentities(seed: UInt64) -> [NodeIdentity] {
    var random = RandomNumbers(seed: seed)
    func bytes() -> [UInt8] { (0..<32).map { _ in UInt8(truncatingIfNeeded: random.next()) } }
    let federationKey = bytes()
    var authorities = (0..<Workload.writers).map {
      AuthorityRecord(ward: String(13101 + $0), seed: bytes(), federationKey: federationKey)
    }
    let wards = authorities.map { record in
      Genesis.Ward(
        code: record.ward, name: record.ward, romaji: record.ward,
        authority: SigningKey(seed: [UInt8](hexadecimal: record.seed)!)!.publicKey)
    }
    let federation = try! FederationIdentity(Genesis(name: "bench", drill: true, wards: wards))
    return authorities.indices.map { index in
      let key = SigningKey(seed: bytes())!
      let card = try! authorities[index].enrol(key.publicKey, in: federation, at: Instant(milliseconds: 0))
      return try! NodeIdentity(card, key: key)
    }
  }
}
