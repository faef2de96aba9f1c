import Causality
import ChangeModel
import Replica
import SignedLog
import Store

/// Why a link must be closed.
public enum LinkFault: Error, Hashable, Sendable, CustomStringConvertible {
  case malformed(MalformedBytes)
  /// The peer is of another federation, or is not who the transport proved it to be.
  case wrongFederation
  case wrongNode
  /// It spoke before saying hello.
  case noHello
  /// Its authority has revoked it.
  case revoked
  /// It takes up no link with this node, and says why.
  case refused(Farewell)

  public var description: String {
    switch self {
    case .malformed(let bytes) where bytes.reason == .unknownVersion: "speaks another version of the protocol"
    case .malformed(let bytes): "malformed message: \(bytes.reason) at byte \(bytes.offset)"
    case .wrongFederation: "of another federation"
    case .wrongNode: "said hello as another node than its certificate's"
    case .noHello: "spoke before saying hello"
    case .revoked: "revoked"
    case .refused(let reason): "the peer refuses: \(reason)"
    }
  }

  /// Another version of the protocol is another program, and no offence.
  public var isOfOtherVersion: Bool {
    if case .malformed(let bytes) = self { bytes.reason == .unknownVersion } else { false }
  }

  /// Whether no honest node does this: what is malformed, or says hello as somebody else.
  public var isOffence: Bool {
    switch self {
    case .malformed: !isOfOtherVersion
    case .wrongNode, .noHello: true
    case .wrongFederation, .revoked, .refused: false
    }
  }
}

/// What a batch of frames did.
public struct GossipOutcome: Sendable {
  public var effects = ReplicaEffects()
  /// Links to close, and why.
  public var faults: [LinkID: LinkFault] = [:]
  /// What was not looked at, since somebody waited: for `goOn`.
  public var rest: [(link: LinkID, message: Message)] = []

  public init() {}

  /// What came of going on counts with this.
  public mutating func add(_ next: GossipOutcome) {
    effects.add(next.effects)
    faults.merge(next.faults) { first, _ in first }
    rest = next.rest
  }
}

extension Gossip {
  /// Takes frames from any links, in the order of their arrival, in one transaction.
  ///
  /// - Parameters:
  ///   - now: for gossip's own deadlines.
  ///   - wall: for what the replica dates, and for keys that end.
  ///   - isWanted: whether somebody waits for the writer: then the transaction ends early.
  /// - Throws: when the disk fails; nothing of the batch is kept then, and peers still have it.
  public func receive(
    _ frames: [(link: LinkID, bytes: [UInt8])], at now: Tick, wall: Instant, until isWanted: (() -> Bool)? = nil
  ) throws(ReplicaError) -> GossipOutcome {
    var outcome = GossipOutcome()
    var messages: [(link: LinkID, message: Message)] = []
    messages.reserveCapacity(frames.count)
    for (link, bytes) in frames where sessions[link] != nil && outcome.faults[link] == nil {
      sessions[link]!.bytesIn += bytes.count
      sessions[link]!.lastHeard = now
      sessions[link]!.pingSent = nil
      do throws(MalformedBytes) {
        let message = try bytes.decoding { raw throws(MalformedBytes) in try Message(raw) }
        if message.isCounted { sessions[link]!.receive(bytes.count, at: now) }
        messages.append((link, message))
      } catch {
        outcome.faults[link] = .malformed(error)
      }
    }
    return try goOn(with: messages, outcome, at: now, wall: wall, until: isWanted)
  }

  /// Takes what an earlier outcome left, in one transaction, as far as nobody waits: to be called until nothing is left, nor
  /// anything that the replica `mustGoOn` with.
  public func goOn(
    with messages: [(link: LinkID, message: Message)], _ before: GossipOutcome = GossipOutcome(), at now: Tick,
    wall: Instant, until isWanted: (() -> Bool)? = nil
  ) throws(ReplicaError) -> GossipOutcome {
    wallOffset = wall.milliseconds - now.milliseconds
    var outcome = before
    func handleAll() throws(StoreError) {
      // What a link brought before it went wrong counts.
      var wrong: Set<LinkID> = []
      for (index, (link, message)) in messages.enumerated() where !wrong.contains(link) && sessions[link] != nil {
        let (fault, rest) = try handle(message, from: link, at: now, wall: wall, until: isWanted)
        if let fault {
          wrong.insert(link)
          outcome.faults[link] = fault
        }
        let left = (rest.map { [(link, .run($0))] } ?? []) + messages[(index + 1)...]
        guard rest != nil || !left.isEmpty && isWanted?() == true else { continue }
        outcome.rest = left.filter { !wrong.contains($0.link) }
        return
      }
    }
    if replica.mustGoOn || messages.contains(where: \.message.bringsChangeSets) {
      outcome.effects = try replica.batch(at: wall) {
        try handleAll()
        if outcome.rest.isEmpty { try replica.goOn(at: wall, until: isWanted) }
      }
    } else {
      do { try handleAll() } catch { throw .store(error) }
    }
    grew(outcome.effects.logs, at: now)
    for (link, session) in sessions where replica.membership.isRevoked(session.peer) { outcome.faults[link] = .revoked }
    askForMissing(at: now)
    return outcome
  }

  private func handle(
    _ message: Message, from link: LinkID, at now: Tick, wall: Instant, until isWanted: (() -> Bool)?
  ) throws(StoreError) -> (LinkFault?, rest: Run?) {
    if case .hello(let federation, let author, let program) = message {
      guard federation == replica.federation else { return (.wrongFederation, nil) }
      guard author.node == sessions[link]!.peer else { return (.wrongNode, nil) }
      guard !replica.membership.isRevoked(author) else { return (.revoked, nil) }
      sessions[link]!.hasHello = true
      sessions[link]!.program = program
      post(summary(at: now), to: link)
      sessions[link]!.tellsSummary(at: now)
      return (nil, nil)
    }
    if case .farewell(let reason) = message { return (.refused(reason), nil) }
    guard sessions[link]!.hasHello else { return (.noHello, nil) }
    switch message {
    // What a card brings is no link's.
    case .hello, .farewell, .signedHeads: break
    case .ping, .pong, .acknowledgement: takeSign(message, from: link, at: now)
    case .summary(let hashes, let theirs):
      sessions[link]!.clockAhead = theirs.map { $0.milliseconds - wall.milliseconds }
      compare(hashes, with: link, at: now)
    case .tables(let tables):
      sessions[link]!.tables = tables
      compareTables(with: link)
    case .heads(_, let reports):
      for report in reports { try learn(report, from: link, at: now) }
    case .ask(let log, let first, let offset):
      guard first <= replica.store.logged(log) else { break }
      sessions[link]!.cursors[log] = PeerSession.Cursor(next: first, offset: offset)
      sessions[link]!.keeps(log, first - 1, at: now)
    case .run(let run): return (nil, try take(run, from: link, at: now, wall: wall, until: isWanted))
    case .fragment(let log, let sequence, let offset, let total, let bytes):
      let rest = try take(
        log, sequence, offset: offset, total: total, bytes, from: link, at: now, wall: wall, until: isWanted)
      return (nil, rest)
    }
    return (nil, nil)
  }

  /// What keeps a session itself going.
  private func takeSign(_ message: Message, from link: LinkID, at now: Tick) {
    switch message {
    case .ping(let nonce): sessions[link]!.pong = nonce
    case .pong(let nonce, let total): sessions[link]!.settle(nonce, total: total, at: now)
    case .acknowledgement(let total, let held):
      for (log, sequence) in sessions[link]!.pace.acknowledge(total, held: Int64(held), at: now) {
        sessions[link]!.tells(log, sequence, at: now)
      }
    default: break
    }
  }

  private func compare(_ hashes: [UInt64], with link: LinkID, at now: Tick) {
    for (lane, (ours, theirs)) in zip(Lane.allCases, zip(summaries(), hashes)) {
      if ours == theirs {
        guard sessions[link]!.agreed.updateValue(ours, forKey: lane) != ours else { continue }
        for (author, head) in replica.frontier(lane) {
          sessions[link]!.keeps(LogName(lane, author), head.sequence, at: now)
        }
        tellTables(to: link)
      } else {
        sessions[link]!.lanesToTell.insert(lane)
      }
    }
  }

  private func learn(_ report: HeadReport, from link: LinkID, at now: Tick) throws(StoreError) {
    let log = report.log
    guard sessions[link]!.theirs[log] != nil || sessions[link]!.theirs.count < Self.logLimit else { return }
    let ours = replica.store.state(of: log).logged
    sessions[link]!.learns(log, report.sequence, at: now)
    guard report.sequence != ours.sequence || report.hash == ours.hash.start || report.sequence == 0 else {
      #if MUTANTS
        if PlantedBug.ignoresForks.isPlanted { return }
      #endif
      // Only this peer's word, so only what goes between the two of us stops. Its branch is asked for from before the
      // place where they part: two signed change sets there are a proof. What it asked for in turn it gets all the same: were
      // that forgotten here, and ours there, nobody would ever prove anything.
      if sessions[link]!.forked.insert(log).inserted || sessions[link]!.probing[log] == nil {
        Probe.branchSuspected.hit()
        askForBranch(log, endingAt: report.sequence, of: link)
      }
      return
    }
    if report.sequence > ours.sequence { wanted.insert(log) }
    // The author of a log, when it is linked, sends it unasked.
    if report.sequence > ours.sequence, asked[log] == nil, isLinked(log.author), sessions[link]!.peer != log.author.node
    {
      expected[log] = expected[log] ?? now.advanced(byMilliseconds: Timing.expectation)
    }
  }

  /// Asks a peer for the end of its branch of a log, of which we have another.
  private func askForBranch(_ log: LogName, endingAt last: SequenceNumber, of link: LinkID) {
    let first = last > Self.branchStep ? last - Self.branchStep : 1
    sessions[link]!.probing[log] = first
    post(.ask(log, from: first, offset: 0), to: link)
  }

  private func isLinked(_ author: AuthorNumber) -> Bool {
    sessions.values.contains { $0.peer == author.node && $0.hasHello }
  }

  /// - Returns: what of the run is left for later.
  private func take(
    _ run: Run, from link: LinkID, at now: Tick, wall: Instant, until isWanted: (() -> Bool)?
  ) throws(StoreError) -> Run? {
    let log = run.log
    let probed = sessions[link]!.probing[log]
    guard !sessions[link]!.refused.contains(log), !sessions[link]!.forked.contains(log) || probed != nil else {
      return nil
    }
    guard keepsMore(of: log.author) else { return nil }
    let last = run.first + SequenceNumber(run.entries.count) - 1
    wanted.insert(log)
    expected[log] = nil
    partials[log] = nil
    sessions[link]!.broughtAt = now
    if asked[log]?.link == link { asked[log]!.heard = now }
    let outcome = try replica.receive(run, from: "\(sessions[link]!.peer)", at: wall, until: isWanted)
    sessions[link]!.learns(log, last, at: now)
    switch outcome.refusal {
    case nil:
      // The peer learns in its next heads what is kept here now.
      if outcome.taken > 0 {
        sessions[link]!.headsToSend.insert(log)
        keeps(run, except: outcome.rest, at: now)
      }
    case .gap?:
      // An unasked piece after something that is missing here: it is asked for from where the log ends.
      if asked[log]?.link == link { endAsk(log) }
    case .branch(let first)?:
      // Further back, by steps that double: a long branch costs twice its length at most.
      let step = max(Self.branchStep, 2 * (replica.store.logged(log) - min(first, replica.store.logged(log))))
      let next = first > step ? first - step : 1
      if next < probed ?? .max {
        Probe.branchLookedBack.hit()
        sessions[link]!.forked.insert(log)
        sessions[link]!.probing[log] = next
        post(.ask(log, from: next, offset: 0), to: link)
      }
    case .chain(_, let sequence)? where probed == nil && sequence > 1 && sequence == run.first:
      // What follows our head is not the peer's: its branch may part from ours before.
      sessions[link]!.forked.insert(log)
      askForBranch(log, endingAt: sequence - 1, of: link)
      if asked[log]?.link == link { endAsk(log) }
    case .fork?:
      Probe.forkMetOnLink.hit()
      sessions[link]!.probing[log] = nil
      if asked[log]?.link == link { endAsk(log) }
    case .stranger?, .chain?:
      sessions[link]!.refused.insert(log)
      if asked[log]?.link == link { endAsk(log) }
    }
    // The rest is here: nobody is asked for it.
    if outcome.rest != nil, asked[log] == nil { expected[log] = now.advanced(byMilliseconds: Timing.expectation) }
    settle(log)
    return outcome.rest
  }

  /// What was asked for is here, whoever brought it.
  private func settle(_ log: LogName) {
    guard let ask = asked[log] else { return }
    let ours = replica.store.logged(log)
    if ours >= sessions[ask.link]?.theirs[log] ?? 0 { endAsk(log) }
  }

  private func take(
    _ log: LogName, _ sequence: SequenceNumber, offset: Int, total: Int, _ bytes: [UInt8], from link: LinkID,
    at now: Tick, wall: Instant, until isWanted: (() -> Bool)?
  ) throws(StoreError) -> Run? {
    let peer = sessions[link]!.peer
    // A branch that is looked into comes from before our head.
    let isProbed = sessions[link]!.probing[log] != nil
    guard sequence == replica.store.logged(log) + 1 || isProbed && sequence <= replica.store.logged(log),
      !sessions[link]!.forked.contains(log) || isProbed, keepsMore(of: log.author)
    else { return nil }
    wanted.insert(log)
    // The rest is on its way by this link: nobody else is asked for it.
    expected[log] = nil
    sessions[link]!.learns(log, sequence, at: now)
    sessions[link]!.broughtAt = now
    if asked[log] == nil || asked[log]!.link == link { asked[log] = Ask(link: link, heard: now) }
    var partial = partials[log] ?? Partial(peer: peer, sequence: sequence, total: total, bytes: [])
    if partial.peer != peer || partial.sequence != sequence || partial.total != total || partial.bytes.count != offset {
      // Another beginning: only one that starts at 0 can be used.
      guard offset == 0 else { return nil }
      partial = Partial(peer: peer, sequence: sequence, total: total, bytes: [])
    }
    partial.bytes += bytes
    guard partial.bytes.count == total else {
      if partials[log] == nil, partials.count >= Self.partialLimit, let oldest = partials.keys.max() {
        partials[oldest] = nil
      }
      partials[log] = partial
      return nil
    }
    let run = Run(log, first: sequence, entries: [partial.bytes])
    return try take(run, from: link, at: now, wall: wall, until: isWanted)
  }

  /// Asks for every log that some peer has more of, each of one peer only.
  func askForMissing(at now: Tick) {
    #if MUTANTS
      if PlantedBug.neverAsks.isPlanted { return }
    #endif
    let links = links.filter { sessions[$0]!.hasHello }
    for log in wanted.sorted() {
      // A stranger's log could not be taken; its control log is how it makes itself known.
      guard log.lane == .control || replica.membership.key(of: log.author) != nil else {
        wanted.remove(log)
        Probe.strangerAwaited.hit()
        if strangers.count < Self.logLimit { strangers.insert(log) }
        continue
      }
      guard keepsMore(of: log.author) else {
        wanted.remove(log)
        continue
      }
      let ours = replica.store.logged(log)
      // What is void is not asked for.
      if let limit = replica.membership.lastValid(log), ours >= limit {
        wanted.remove(log)
        asked[log] = nil
        continue
      }
      let better = links.filter { link in
        let session = sessions[link]!
        return session.theirs[log] ?? 0 > ours && !session.forked.contains(log) && !session.refused.contains(log)
      }
      #if MUTANTS
        if PlantedBug.asksEverybody.isPlanted { (asked[log], expected[log]) = (nil, nil) }
      #endif
      guard asked[log] == nil, expected[log] == nil, !better.isEmpty else {
        wanted.remove(log)
        continue
      }
      for link in better {
        let partial = partials[log].flatMap {
          $0.sequence == ours + 1 && $0.peer == sessions[link]!.peer ? $0.bytes.count : nil
        }
        guard post(.ask(log, from: ours + 1, offset: partial ?? 0), to: link) else { continue }
        asked[log] = Ask(link: link, heard: now)
        wanted.remove(log)
        if partial != nil { Probe.fragmentResumed.hit() }
        #if MUTANTS
          if PlantedBug.asksEverybody.isPlanted { continue }
        #endif
        break
      }
    }
  }
}

extension Message {
  /// Whether it may write to the log: the others need no transaction.
  fileprivate var bringsChangeSets: Bool {
    switch self {
    case .run, .fragment: true
    default: false
    }
  }
}
