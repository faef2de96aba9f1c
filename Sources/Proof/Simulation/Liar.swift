import Causality
import ChangeModel
import Federation
import Gossip
import Links
import Replica
import SignedLog
import Sodium

/// A hostile peer: it has proven a key to the transport, its own, which some authority enrolled, or that of a stolen node,
/// and says what it likes.
final class Liar {
  let victim: Int
  let certificate: NodeCertificate
  var peer: AuthorNumber { certificate.node }
  let until: Moment
  private let federation: Digest
  private var random: RandomNumbers
  /// It knows what would have it banned, and does not do that.
  private let isCareful: Bool
  /// Whose key it holds, when that node was enrolled.
  private let stolen: SigningKey?
  /// What it signed with that key since it was last asked.
  var made: [(entry: Ledger.Entry, bytes: [UInt8])] = []
  /// Its link to the victim, while the victim bears it. The victim does not know that no road leads there.
  var link: LinkID?

  init(victim: Int, key: Int?, seed: UInt64, until: Moment, world: World) {
    self.victim = victim
    self.until = until
    random = RandomNumbers(seed: seed)
    federation = world.federation.identity.id
    isCareful = random.chance(0.7)
    if let key {
      stolen = world.nodes[key].identity.key
      certificate = world.nodes[key].identity.certificate
    } else {
      stolen = nil
      certificate = world.federation.node(ward: random.below(world.plan.wards.count), keySeed: seed).certificate
    }
  }

  func choosesNotice() -> Bool { random.chance(0.3) }

  var hello: [UInt8] { Message.hello(federation: federation, author: peer, program: "").encoded() }

  func pause() -> Moment { random.moment(50_000...5_000_000) }

  /// What it says next. `logs` are those that the victim knows, `genuine` reads true change sets of one.
  func lie(
    about logs: [LogName], genuine: (LogName) -> [[UInt8]], target: (Lane) -> RowEdit?
  ) -> [[UInt8]] {
    if stolen != nil, random.chance(0.4) { return history(logs.filter { $0.author.node == peer }, genuine, target) }
    let log = random.pick(logs)
    let known = SequenceNumber(genuine(log).count)
    switch isCareful ? 2 + random.below(9) : random.below(11) {
    case 0: return [noise(random.below(300) + 1)]
    case 1: return [noise(Message.byteLimit + 1)]
    case 2: return [Message.hello(federation: blake2b([1, 2, 3]), author: peer, program: "").encoded()]
    case 3: return [Message.run(Run(log, first: known + 1, entries: [noise(200), noise(90)])).encoded()]
    case 4:
      // What is true elsewhere: another lane, another author, another place in the log.
      let elsewhere = LogName(random.pick(Lane.allCases), random.pick(logs).author)
      return [Message.run(Run(elsewhere, first: known + 1, entries: Array(genuine(log).suffix(3)))).encoded()]
    case 5:
      // One bit of what is true.
      var entries = genuine(log)
      guard !entries.isEmpty else { return [] }
      entries[entries.count - 1][random.below(entries[entries.count - 1].count)] ^= 1
      return [Message.run(Run(log, first: 1, entries: entries)).encoded()]
    case 6:
      let reports = logs.prefix(500).map { HeadReport(log: $0, sequence: sequenceLimit, hash: UInt128(random.next())) }
      return Lane.allCases.map { lane in Message.heads(lane, reports.filter { $0.log.lane == lane }).encoded() }
    case 7: return (0..<200).map { _ in Message.ask(random.pick(logs), from: 1, offset: 0).encoded() }
    case 8: return (0..<100).map { Message.ping(UInt64($0)).encoded() }
    case 9: return [Message.fragment(log, known + 1, offset: 0, total: 60_000, noise(500)).encoded()]
    default:
      // A change set that somebody without a certificate signed well.
      let key = SigningKey(seed: noise(32))!
      let context = LogContext(federation: federation, nodeKey: key.publicKey, log: log)
      let entry = VerifiedEntry.sealing(
        [],
        header: ChangeSetHeader(time: HybridTime(milliseconds: Limits.timeMilliseconds - 1), clock: [], control: []),
        after: AuthorPast(author: log.author, lane: log.lane), head: LogHead(), in: context, with: key)
      return [Message.run(Run(log, first: known + 1, entries: [entry.bytes])).encoded()]
    }
  }

  /// A change set that the stolen node never wrote but its key signed: after the last one or in place of an earlier one, in
  /// an epoch that it never opened or that its certificate does not give, that overwrites what others wrote with whatever a field
  /// takes, in the far future or after change sets that will never be. Some have noise for a signature, and a good one after it.
  private func history(
    _ logs: [LogName], _ genuine: (LogName) -> [[UInt8]], _ target: (Lane) -> RowEdit?
  ) -> [[UInt8]] {
    guard var log = logs.isEmpty ? nil : random.pick(logs), let stolen else { return [] }
    if random.chance(0.1) {
      let epoch = UInt32(random.below(2 * Int(NodeCertificate.epochs)))
      log.author = AuthorNumber(ward: log.author.ward, serial: log.author.serial, epoch: epoch)
    }
    let entries = genuine(log)
    let kept = random.chance(0.6) ? entries.count : random.below(entries.count + 1)
    let context = LogContext(federation: federation, nodeKey: stolen.publicKey, log: log)
    var head = LogHead()
    var past = AuthorPast(author: log.author, lane: log.lane)
    for bytes in entries.prefix(kept) {
      guard let entry = RunVerifier(context).reading(bytes, after: head) else { return [] }
      if let layout = try? bytes.decoding({ raw throws(MalformedBytes) in try ChangeSetLayout(raw, after: past) }) {
        past.advance(by: layout.header)
      } else {
        past.sequence += 1
      }
      head = entry.head
    }
    if random.chance(0.05) {
      // Signed well, and no change set at all: it takes its place in the log, and changes nothing.
      let entry = VerifiedEntry.signing(noise(1 + random.below(200)), after: head, in: context, with: stolen)
      return [say(entry, [], past)]
    }
    let edits = target(log.lane).map { [$0] } ?? []
    var clock: [Dot] = []
    if random.chance(0.1) { clock = [Dot(AuthorNumber(ward: log.author.ward ^ 1, serial: 1, epoch: 0), 1_000_000)] }
    let far = Limits.timeMilliseconds - 1_000_000
    let milliseconds = random.chance(0.2) ? max(far, past.time.milliseconds) : past.time.milliseconds
    let header = ChangeSetHeader(
      time: HybridTime(milliseconds: milliseconds + Int64(1 + random.below(1_000))),
      clock: past.clock.advances(to: VersionVector(sorted: clock), except: log.author), control: [])
    let isNoise = random.chance(0.1)
    var sections = [
      PlainSection(
        key: 0, secret: nil,
        bytes: isNoise ? [0xff] + noise(random.below(300)) : SectionCodec.encode(edits, by: log.author))
    ]
    // Under a key that it does not have, its own ward's or another's.
    if random.chance(0.1) {
      sections.append(
        PlainSection(key: AudienceKeyID(1 + random.below(100_000)), secret: AudienceKey(noise(32))!, bytes: noise(40)))
    }
    let entry = VerifiedEntry.sealing(sections, header: header, after: past, head: head, in: context, with: stolen)
    past.advance(by: header)
    if random.chance(0.15) {
      // Nobody takes the first; so the second, which is signed well, is of no log.
      let unsigned = entry.bytes.dropLast(Signature.byteCount)
      let spoilt = Array(unsigned) + noise(Signature.byteCount)
      guard let false0 = RunVerifier(context).reading(spoilt, after: head) else { return [] }
      let good = VerifiedEntry.signing(Array(unsigned), after: false0.head, in: context, with: stolen)
      return [Message.run(Run(log, first: entry.sequence, entries: [spoilt, good.bytes])).encoded()]
    }
    return [say(entry, isNoise || log.lane == .control ? [] : edits, past)]
  }

  /// A change set that its log takes, for the ledger too.
  ///
  /// - Parameter edits: what it does to the night's own tables.
  private func say(_ entry: VerifiedEntry, _ edits: [RowEdit], _ past: AuthorPast) -> [UInt8] {
    made.append(
      (
        Ledger.Entry(
          log: entry.log, sequence: entry.sequence, edits: edits,
          known: Dictionary(uniqueKeysWithValues: past.clock.mentioned.map { ($0.author, $0.sequence) }),
          branches: past.branches, hash: blake2b(entry.bytes), at: 0, node: victim), entry.bytes
      ))
    return Message.run(Run(entry.log, first: entry.sequence, entries: [entry.bytes])).encoded()
  }

  /// A statement about keys and nodes, of nobody's making: what proves itself does not, and the rest is for people to read.
  func falseStatement() -> RowEdit {
    let collection = random.pick(ControlSchema.collections)
    let row =
      random.chance(0.5)
      ? RowID(derivedFrom: random.next()) : RowID(author: certificate.node, counter: UInt64(1 + random.below(5)))
    return crafted(row, of: collection)
  }

  /// A notice, or the end of one, of some ward: what others' wards may not write.
  func notice(_ wards: Int) -> RowEdit {
    let author = AuthorNumber(ward: UInt32(random.below(wards)), serial: 1, epoch: 0)
    let row = RowID(author: author, counter: UInt64(1 + random.below(3)))
    if random.chance(0.2) { return RowEdit(NightSchema.notices.number, row, .delete(shares: [])) }
    return crafted(row, of: NightSchema.notices)
  }

  /// An edit of somebody's row, with a value from an end of what its field takes.
  func crafted(_ row: RowID, of collection: CollectionSchema) -> RowEdit {
    // Goods apart: whose they are to give, the night's schema lets everybody say.
    let field = random.pick(collection.fields.filter { $0.kind != .stock })
    let texts = ["偽", "", "=1+1", "<script>", String(repeating: "長", count: 9_000), "\u{202e}\u{fffd}"]
    let operation: FieldOperation =
      switch (field.kind, field.type) {
      case (.register, .integer): .set(.integer(random.pick([.max, .min, 0, -1, 1 << 53])))
      case (.register, .real): .set(.real(random.pick([.greatestFiniteMagnitude, -1e-300, 1e300])))
      case (.register, .bytes): .set(.bytes(noise(random.below(5_000))))
      case (.register, .text): .set(.text(random.pick(texts)))
      case (.counter, _): .increment(random.pick([1 << 40, -(1 << 40), 1]))
      case (.set, _): random.chance(0.5) ? .add(.text(random.pick(texts))) : .remove(.text(random.pick(texts)))
      case (.log, _), (.stock, _): .append(.text(random.pick(texts)))
      }
    return RowEdit(collection.number, row, [FieldEdit(field.number, operation)])
  }

  private func noise(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) } }
}

extension World {
  /// What a frame of a liar costs its victim: it says what costs most.
  private static let lieMicroseconds: Int64 = 1_000

  func lie(_ index: Int) {
    let liar = liars[index]
    let node = nodes[liar.victim]
    let isOver = now >= liar.until || isHealed
    if let link = liar.link, isOver || node.policy?[link] == nil {
      decide(node, .ended(link, .lost))
      liar.link = nil
    }
    if isOver { return }
    schedule(.lie(index), after: liar.pause())
    guard node.isUp, let gossip = node.gossip, let replica = node.replica,
      node.identity.certificate.node != liar.peer
    else { return }
    var frames: [[UInt8]] = []
    if liar.link == nil {
      // Names of links that no session has.
      let name = LinkID(rawValue: 1 << 40 + UInt64(nextSession))
      nextSession += 1
      liar.link = name
      decide(node, .connected(name, ProvenPeer(liar.certificate, in: replica.membership), from: nil, begun: steady))
      frames.append(liar.hello)
    }
    guard node.isUp, let link = liar.link else { return }
    frames += liar.lie(about: replica.store.logNames) {
      (try? replica.store.entries($0, from: 1, byteLimit: $0.author.node == liar.peer ? 1 << 20 : 8_000)) ?? []
    } target: { lane in
      if lane == .control { return liar.falseStatement() }
      if lane == .life, plan.services != true, liar.choosesNotice() { return liar.notice(plan.wards.count) }
      let edits = ledger.entries.lazy.filter { $0.log.lane == lane }.flatMap(\.edits)
      guard let known = edits.first, let collection = currentSchema.collection(known.collection) else { return nil }
      return liar.crafted(known.row, of: collection)
    }
    counts.lies += 1
    for (entry, _) in liar.made { ledger.sign(entry) }
    do {
      let outcome = try gossip.receive(frames.map { (link, $0) }, at: steady, wall: node.wallClock(at: now))
      for (entry, bytes) in liar.made {
        let isKept = try replica.store.entries(entry.log, from: entry.sequence, byteLimit: 0).first == bytes
        // Two change sets with one dot: the ledger knows of the fork as soon as somebody does.
        let isProven = replica.membership.forkedLogs[entry.log].map { $0 < entry.sequence } ?? false
        if isKept || isProven { ledger.take(entry) }
      }
      liar.made = []
      noteOwn(node)
      if outcome.effects.merged == 0 {
        decide(node, .wasted(link, microseconds: Self.lieMicroseconds * Int64(frames.count)))
      }
      for (link, fault) in outcome.faults.sorted(by: { $0.key < $1.key }) { decide(node, .faulted(link, fault)) }
      // It listens to nothing; but its link must not hold up the others.
      while let link = liar.link, try gossip.nextFrame(for: link, at: steady) != nil {}
    } catch { diskFailed(node, error) }
    wake(node)
  }
}
