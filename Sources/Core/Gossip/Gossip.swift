import Causality
import ChangeModel
import Replica
import SignedLog
import Sodium
import Store

/// The node's part in gossip, without sockets, clocks or threads: it is given connections, frames and the time, and
/// gives frames and the next time that it wants to be called.
///
/// - A node sends its own new change sets at once along live links; those of others it announces, and a peer that
///   lacks them asks one of those who have them. So no change set goes over a link twice, and none comes from two peers.
/// - Peers compare a hash of each lane when they meet and now and then; when it differs, they tell their heads.
/// - Frames are made when a link can take them: control, then life, supply, registry. An urgent change waits for one
///   frame at most.
public final class Gossip {
  let replica: Replica
  private let program: String
  var sessions: [LinkID: PeerSession] = [:]
  /// Which link was asked for a log, and when it last sent some of it.
  var asked: [LogName: Ask] = [:]
  /// Logs that their own author, linked to this node, is about to send: asked of others only after this time.
  var expected: [LogName: Tick] = [:]
  /// Logs of which some peer may have more: what is to be asked for is looked for among these only. A log that waits for whoever
  /// was asked, or for its own author, comes back when the wait ends.
  var wanted: Set<LogName> = []
  /// The same, of authors that nobody here knows: they are wanted once their certificate has come.
  var strangers: Set<LogName> = []
  /// Beginnings of change sets that a cut left behind; the next ask goes on from there.
  var partials: [LogName: Partial] = [:]

  /// Heads as peers were last told of them.
  private var told: [LogName: SequenceNumber] = [:]
  /// How far the wall clock is before the steady one, in milliseconds; nil while nobody has said.
  var wallOffset: Int64?

  /// Bytes that are free on the disk, where somebody looks.
  public var room: Int?
  /// What was kept of each node's logs, since when.
  var intakes: [AuthorNumber: Intake] = [:]
  /// Nodes of whose logs nothing more is kept for now, and how many bytes were.
  public internal(set) var excessive: [AuthorNumber: Int] = [:]

  /// What this node's tables were when they were last hashed.
  public internal(set) var tables: Tables?
  /// Peers that had the same logs and other tables when that was last looked at.
  public internal(set) var unequal: Set<AuthorNumber> = []

  /// The hashes of all lanes, as long as no head changes.
  private var knownSummaries: (revision: UInt64, hashes: [UInt64])?

  struct Ask {
    var link: LinkID
    var heard: Tick
  }

  struct Partial {
    /// Who sent it: the parts of one change set come from one peer, so that a liar spoils only what it sends.
    var peer: AuthorNumber
    var sequence: SequenceNumber
    var total: Int
    var bytes: [UInt8]
  }

  enum Timing {
    /// How often peers compare lanes though nothing happened.
    static let summary: Int64 = 30_000
    static let narrowSummary: Int64 = 300_000
    /// How long a link may be silent before it is asked for a sign of life, and before it counts as dead. Peers that
    /// compare lanes every 30 s are never silent for so long: an idle link carries summaries and nothing else.
    static let ping: Int64 = 40_000
    static let dead: Int64 = 60_000
    /// A peer that sends nothing within this of what it was asked for, and nothing else that was, is not waited for any longer.
    static let silent: Int64 = 60_000
    /// A log waits its turn behind others on a slow line for so long at most: then it is asked of another peer.
    static let turn: Int64 = 600_000
    /// The author of a change set, when linked, sends it itself: others are asked only after this.
    static let expectation: Int64 = 500
    /// Heads are told at most this often, so that a flood of small changes costs few bytes of them.
    static let heads: Int64 = 50
    static let narrowHeads: Int64 = 2_000
    /// A burst of changes is over when none came for so long: peers compare lanes then, and know what each other keeps.
    static let rest: Int64 = 1_500
    static let narrowRest: Int64 = 10_000
    /// Nothing of what is on its way was acknowledged for so long: the peer is asked what it has.
    static let stalled: Int64 = 10_000
    /// The question, or its answer, was lost: longer than the longest way there and back.
    static let unanswered: Int64 = 30_000
  }

  /// Beginnings of change sets kept after a cut, 64 KiB each at most.
  static let partialLimit = 16

  /// Small messages that wait for one link.
  static let outboxLimit = 4_096

  /// How far back a peer's branch of a log is asked for at first.
  static let branchStep: SequenceNumber = 32

  /// Logs that one peer may speak of: 1,000 nodes, four lanes, a few epochs.
  static let logLimit = 16_384

  /// - Parameter program: what peers are told that this node runs.
  public init(_ replica: Replica, program: String = "") {
    self.replica = replica
    self.program = program
    for log in replica.store.logNames { told[log] = replica.store.logged(log) }
  }

  // MARK: Links

  /// A link is up, and its other end has proven to be `peer`.
  ///
  /// - Parameters:
  ///   - guess: bytes a second that the line may carry, where a plan says so. It is measured all the same.
  ///   - limit: bytes a second that an operator allows.
  public func connected(_ link: LinkID, peer: AuthorNumber, guess: Int? = nil, limit: Int? = nil, at now: Tick) {
    let session = PeerSession(peer: peer.node, guess: guess, at: now)
    session.pace.limit = limit
    session.outbox.append(.hello(federation: replica.federation, author: replica.author, program: program))
    sessions[link] = session
  }

  /// A link is gone. What it was asked for may be asked of another.
  public func disconnected(_ link: LinkID, at now: Tick) {
    sessions[link] = nil
    for (log, ask) in asked where ask.link == link { endAsk(log) }
    askForMissing(at: now)
  }

  /// Nobody is waited for any longer: the log may be asked for again.
  func endAsk(_ log: LogName) {
    asked[log] = nil
    wanted.insert(log)
  }

  /// Logs of which a linked peer has another branch: told apart by their heads' hashes, not yet proven.
  public var suspectedForks: Set<LogName> { sessions.values.reduce(into: []) { $0.formUnion($1.forked) } }

  public var links: [LinkID] { sessions.keys.sorted() }

  /// How far a link's peer says that it has each log; nil before it has said anything.
  public func told(by link: LinkID) -> [LogName: SequenceNumber]? {
    sessions[link].flatMap { $0.hasHello && !$0.theirs.isEmpty ? $0.theirs : nil }
  }

  /// What an operator allows a link has changed, in bytes a second; nil: as much as it carries.
  public func setLimit(of link: LinkID, _ bytesPerSecond: Int?) { sessions[link]?.pace.limit = bytesPerSecond }

  /// Something came over a link, though no whole frame yet: it is alive.
  public func heard(_ link: LinkID, at moment: Tick) {
    guard let session = sessions[link], session.lastHeard < moment else { return }
    sessions[link]!.lastHeard = moment
    sessions[link]!.pingSent = nil
  }

  // MARK: Time

  /// When `tick` is next due; nil when there is no link.
  public var nextDeadline: Tick? {
    var due = expected.values.min()
    for session in sessions.values {
      var times: [Tick] = []
      if session.hasHello { times.append(session.nextSummary) }
      times.append(session.lastHeard.advanced(byMilliseconds: session.pingSent == nil ? Timing.ping : Timing.dead))
      // Once due they wait for the link, not for the clock.
      if !session.headsToSend.isEmpty, !session.headsAreDue { times.append(session.headsNotBefore) }
      if let due = session.acknowledgementDue { times.append(due) }
      if !session.pingIsDue, let stalls = session.stalls { times.append(stalls) }
      if let first = times.min(), due.map({ first < $0 }) ?? true { due = first }
    }
    return due
  }

  /// Does what is due: summaries, signs of life, asking again.
  ///
  /// - Returns: links that have been silent too long; the caller closes them.
  public func tick(at now: Tick) -> [LinkID] {
    var dead: [LinkID] = []
    for link in links {
      let session = sessions[link]!
      if now >= session.lastHeard.advanced(byMilliseconds: Timing.dead) { dead.append(link) }
      if session.pingSent == nil, now >= session.lastHeard.advanced(byMilliseconds: Timing.ping) {
        session.pingSent = now
        session.pingIsDue = true
      }
      if !session.pingIsDue, let stalls = session.stalls, now >= stalls {
        if session.pinged != nil { Probe.questionAskedAgain.hit() }
        session.pingIsDue = true
      }
      if session.hasHello, now >= session.nextSummary {
        session.tellsSummary(at: now)
        session.outbox.append(summary(at: now))
      }
      session.headsAreDue = now >= session.headsNotBefore
    }
    for (log, ask) in asked {
      let brought = sessions[ask.link]?.broughtAt ?? ask.heard
      guard now >= ask.heard.advanced(byMilliseconds: Timing.silent) else { continue }
      guard
        now >= brought.advanced(byMilliseconds: Timing.silent) || now >= ask.heard.advanced(byMilliseconds: Timing.turn)
      else {
        Probe.logWaitedItsTurn.hit()
        continue
      }
      Probe.logGivenUp.hit()
      // Whoever was asked does not answer for this log: until its next summary, others are asked.
      endAsk(log)
      sessions[ask.link]?.isDoubted(log, beyond: replica.store.logged(log))
    }
    for (log, until) in expected where until <= now {
      expected[log] = nil
      wanted.insert(log)
    }
    beginDays(at: now)
    askForMissing(at: now)
    return dead
  }

  // MARK: What the node itself did

  /// Logs grew by local edits, an imported bundle or a peer: sends what is this node's own to peers that had all of
  /// the log before, and tells the others.
  public func grew(_ logs: Set<LogName>, at now: Tick) {
    if !logs.isEmpty { for link in links { sessions[link]!.moves(at: now) } }
    for log in logs.sorted() {
      let head = replica.store.logged(log)
      let before = told.updateValue(head, forKey: log) ?? 0
      for link in links
      where sessions[link]!.hasHello && sessions[link]!.cursors[log] == nil && !sessions[link]!.forked.contains(log) {
        let known = sessions[link]!.theirs[log] ?? 0
        guard known < head else { continue }
        if log.author == replica.author, known == before {
          sessions[link]!.cursors[log] = PeerSession.Cursor(next: known + 1, offset: 0)
        } else {
          sessions[link]!.headsToSend.insert(log)
        }
      }
    }
    // A newcomer's certificate may have come: what was refused as a stranger's may hold now; and what was void may not be.
    if logs.contains(where: { $0.lane == .control }) {
      for link in links {
        wanted.formUnion(sessions[link]!.theirs.lazy.filter { $1 > self.replica.store.logged($0) }.map(\.key))
        sessions[link]!.refused = []
        // A proof or a revocation may have come: where the branches part, the log ends now.
        for log in sessions[link]!.forked where replica.membership.lastValid(log) != nil {
          sessions[link]!.forked.remove(log)
          sessions[link]!.probing[log] = nil
        }
      }
      wanted.formUnion(strangers)
      strangers = []
    }
  }

  /// - Returns: false when the queue is full: a peer that asks faster than the link can answer gets no longer one.
  @discardableResult
  func post(_ message: Message, to link: LinkID) -> Bool {
    guard sessions[link]!.outbox.count < Self.outboxLimit else { return false }
    sessions[link]!.outbox.append(message)
    return true
  }

  // MARK: Reports

  /// The state of one link, for `status` and the pages.
  public struct LinkReport: Sendable {
    public var link: LinkID
    public var peer: AuthorNumber
    /// What it runs, by its own word.
    public var program: String
    /// In milliseconds, at best of late.
    public var roundTrip: Int64?
    /// Bytes a second that the line was measured to carry; nil while it was never kept busy.
    public var measured: Int?
    public var bytesIn: Int
    public var bytesOut: Int
    /// Change sets that the peer has not said to keep, those on their way to it among them; nil before it has said anything.
    public var lacks: Int?
    /// Change sets of these that were sent, and are not acknowledged yet.
    public var onTheirWay: Int
    /// When the peer last said what it keeps.
    public var toldAt: Tick?
    /// Logs asked of this peer that have not come yet.
    public var asked: Int
    /// By how many milliseconds the peer's wall clock was ahead of this node's when it last told; below zero, behind. A slow
    /// line makes it seem a little behind.
    public var clockAhead: Int64?
    /// From which change set on the peer lacks each log, by its word.
    public var lacking: [LogName: SequenceNumber]
  }

  public func reports() -> [LinkReport] {
    links.map { link in
      let session = sessions[link]!
      var (lacks, onTheirWay) = (0, 0)
      var lacking: [LogName: SequenceNumber] = [:]
      for log in replica.store.logNames where session.hasHello {
        let (ours, theirs) = (replica.store.logged(log), session.keeps(log))
        guard theirs < ours else { continue }
        lacks += Int(ours - theirs)
        onTheirWay += Int(min(session.theirs[log] ?? 0, ours) - theirs)
        lacking[log] = theirs + 1
      }
      return LinkReport(
        link: link, peer: session.peer, program: session.program, roundTrip: session.pace.roundTrip,
        measured: session.pace.measured,
        bytesIn: session.bytesIn, bytesOut: session.bytesOut, lacks: session.toldAt == nil ? nil : lacks,
        onTheirWay: onTheirWay,
        toldAt: session.toldAt, asked: asked.values.count { $0.link == link }, clockAhead: session.clockAhead,
        lacking: lacking)
    }
  }

  func summary(at now: Tick) -> Message {
    .summary(summaries(), wall: wallOffset.map { Instant(milliseconds: now.milliseconds + $0) })
  }

  /// A hash of each lane's heads, in the order of the lanes.
  func summaries() -> [UInt64] {
    if let known = knownSummaries, known.revision == replica.store.headRevision { return known.hashes }
    let hashes = Lane.allCases.map { lane in
      let hash = HashStream()
      for (author, head) in replica.frontier(lane) {
        hash.update(author.rawValue)
        hash.update(head.sequence)
        hash.update(head.hash)
      }
      return hash.digest().prefix
    }
    knownSummaries = (replica.store.headRevision, hashes)
    return hashes
  }

  func head(of log: LogName) -> HeadReport {
    let head = replica.store.state(of: log).logged
    return HeadReport(log: log, sequence: head.sequence, hash: head.hash.start)
  }
}
