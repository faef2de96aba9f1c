import Causality
import ChangeModel
import Foundation
import GRDB
import Runbook
import SignedLog
import Store

/// What a report looked at.
public struct Source: Codable, Sendable {
  public var kind: Evidence.Kind
  public var name: String
  /// A process has the database open.
  public var running: Bool
  /// Only what could be saved of a damaged file was there to look at.
  public var salvaged: Bool

  public init(_ evidence: Evidence) {
    kind = evidence.kind
    name = evidence.name
    running = evidence.isOpenElsewhere || evidence.kind == .address
    salvaged = evidence.isSalvaged
  }
}

/// One log of one lane, named.
public struct LogReference: Codable, Hashable, Sendable {
  public var lane: String
  public var author: String

  public init(_ log: LogName) {
    lane = log.lane.name
    author = "\(log.author)"
  }
}

/// What a running node says of one peer; its own JSON decodes into this.
public struct LivePeer: Codable, Sendable {
  public var node: String
  public var ward: String?
  public var wardName: String?
  /// `up`, `down` or `cut` by its operator.
  public var state: String
  /// Which program it runs, by its own word.
  public var program: String?
  public var lastHeard: Int64?
  public var roundTripMilliseconds: Int64?
  /// Bytes a second that the line was measured to carry.
  public var bytesPerSecondMeasured: Int?
  /// Change sets that the peer lacks by its own word, and their bytes.
  public var lacks: Int?
  public var lacksBytes: Int?
  /// Of these, how many were sent and are not acknowledged yet.
  public var onTheirWay: Int?
  /// When the peer last said what it keeps.
  public var toldAt: Int64?
  /// Logs asked of it that have not come yet.
  public var asked: Int?
  /// By how much its wall clock is ahead of this node's; below zero, behind.
  public var clockAheadMilliseconds: Int64?
  public var bytesIn: Int?
  public var bytesOut: Int?
  public var bytesPerSecondLimit: Int?
  /// By which road: an address, and who called.
  public var address: String?
  public var outgoing: Bool?
  /// When a peer that does not answer is called again, and how often it has not answered in a row.
  public var nextCall: Int64?
  public var failedCalls: Int?
}

extension LivePeer {
  /// The same with every figure within what can be counted with: a node at an address may say anything.
  public var bounded: LivePeer {
    func held(_ value: Int?) -> Int? { value.map { min(max($0, 0), 1 << 50) } }
    func held(_ value: Int64?) -> Int64? { value.map { min(max($0, 0), 1 << 50) } }
    var peer = self
    (peer.lastHeard, peer.roundTripMilliseconds, peer.nextCall) = (
      held(lastHeard), held(roundTripMilliseconds), held(nextCall)
    )
    (peer.lacks, peer.lacksBytes, peer.asked) = (held(lacks), held(lacksBytes), held(asked))
    peer.clockAheadMilliseconds = clockAheadMilliseconds.map { min(max($0, -(1 << 50)), 1 << 50) }
    (peer.onTheirWay, peer.toldAt) = (held(onTheirWay), held(toldAt))
    peer.bytesPerSecondMeasured = held(bytesPerSecondMeasured).map { max($0, 1) }
    (peer.bytesIn, peer.bytesOut, peer.failedCalls) = (held(bytesIn), held(bytesOut), held(failedCalls))
    peer.bytesPerSecondLimit = held(bytesPerSecondLimit).map { max($0, 1) }
    return peer
  }
}

/// A link of the plan between two wards: what a road should carry.
public struct PlannedRoad: Codable, Hashable, Sendable {
  public var kind: String
  public var bitsPerSecond: Int

  public init(kind: String, bitsPerSecond: Int) {
    self.kind = kind
    self.bitsPerSecond = bitsPerSecond
  }
}

/// What a node is, what it has, what it waits for, and who lacks what.
public struct Overview: Codable, Sendable {
  public struct LaneFigures: Codable, Sendable {
    public var lane: String
    public var authors: Int
    public var changeSets: Int
    public var waiting: Int
  }

  public struct Clock: Codable, Sendable {
    public var log: LogReference
    public var ward: String?
    /// Kept here, and of those in the tables.
    public var logged: Int
    public var merged: Int
    /// Of the newest merged one, milliseconds since 1970.
    public var time: Int64
    /// First eight bytes of its chain hash: two nodes with one sequence and two hashes have a fork.
    public var hash: String
  }

  public struct Peer: Codable, Sendable {
    public var node: String
    public var ward: String?
    public var wardName: String?
    /// What it wrote last that is known here, and when it was last heard on a link; milliseconds since 1970.
    public var newestChangeSet: Int64?
    public var lastHeard: Int64?
    /// Change sets that it lacks at most, by what its own change sets say that it has seen and what it told on its last
    /// link, and their bytes. What it got elsewhere since is not known from a file.
    public var lacksAtMost: Int
    public var lacksBytesAtMost: Int
    /// On the fastest planned road to its ward, or at the limit that the running node has for it.
    public var seconds: Double?
    public var road: PlannedRoad?
    /// What the running node says.
    public var live: LivePeer?
  }

  public struct Waiting: Codable, Sendable {
    public var log: LogReference
    public var ward: String?
    public var count: Int
    /// The first thing that it follows and that is not merged here.
    public var needs: LogReference?
    public var needsSequence: Int?
    /// `notHere`: nobody has sent what it follows. `waitsToo`: that is here, and waits itself. `unreadable`.
    public var reason: String
  }

  public struct Refusal: Codable, Sendable {
    public var at: Int64
    public var log: LogReference?
    public var sequence: Int?
    public var source: String
    public var reason: String
  }

  public struct Disk: Codable, Sendable {
    public var database: Int
    public var writeAheadLog: Int
    public var free: Int?
  }

  /// Whose hybrid time is furthest ahead of this machine's clock.
  public struct Skew: Codable, Sendable {
    public var author: String
    public var milliseconds: Int64
  }

  /// One word, and what speaks for it, the worst first. `level`: `sound`, `behind`, `attention`, `broken`, or `unchecked` for
  /// a bundle.
  public struct Verdict: Codable, Sendable {
    public var level: String
    public var reasons: [Problem]
  }

  public var schema = "renkei-inspect/status/1"
  public var source: Source
  public var federation: String?
  public var federationName: String?
  public var drill: Bool?
  public var node: String?
  public var ward: String?
  public var wardName: String?
  public var epoch: Int?
  public var members: Int
  public var lanes: [LaneFigures]
  public var clock: [Clock]
  public var peers: [Peer]
  public var waiting: [Waiting]
  public var quarantined: Int
  /// The newest of them.
  public var quarantine: [Refusal]
  public var conflicts: Int
  public var suspectedForks: Int
  public var disk: Disk?
  public var skew: Skew?
  public var newerMigrations: [String]
  public var damage: [Damage]
  public var verdict: Verdict
}

extension Overview {
  /// How far ahead a clock may be before it is worth a word: two clocks that NTP keeps differ by far less.
  private static let skewWorthSaying: Int64 = 2_000

  /// How many refusals a report shows.
  private static let refusalLimit = 20

  /// - Parameters:
  ///   - live: what the running node says of its peers; nil when none runs, or it was not asked.
  ///   - problems: what it says is wrong.
  ///   - road: the fastest planned road to a ward.
  ///   - now: milliseconds since 1970.
  public init(
    _ evidence: Evidence, live: [LivePeer]? = nil, problems: [Problem]? = nil,
    road: (String) -> PlannedRoad? = { _ in nil }, now: Int64
  ) throws {
    let states = try evidence.logStates()
    let naming = Naming(evidence)
    let owner = try evidence.owner()
    let identity = evidence.papers.identity
    source = Source(evidence)
    federation = evidence.papers.federation.map { $0.short }
    let told = evidence.toldIdentity
    federationName = identity?.federation.genesis.name ?? told?.federationName
    drill = identity?.federation.genesis.drill ?? told?.drill
    node = owner.map { "\($0)" }
    ward = owner.flatMap { evidence.papers.ward(of: $0)?.code } ?? told?.ward
    wardName = owner.flatMap { evidence.papers.ward(of: $0)?.name } ?? told?.wardName
    epoch = owner == nil ? nil : try told?.epoch ?? evidence.nodeState("epoch").map { Int($0) } ?? 0
    members = evidence.papers.certificates.count
    lanes = try Lane.allCases.map { lane in
      let known = states.filter { $0.key.lane == lane }
      // A bundle holds the end of a log, not all of it.
      let count =
        evidence.kind == .bundle
        ? try known.keys.reduce(0) { try $0 + evidence.count(of: $1) }
        : known.values.reduce(0) { $0 + Int($1.logged.sequence) }
      return LaneFigures(
        lane: lane.name, authors: known.count, changeSets: count,
        waiting: evidence.kind != .bundle ? known.values.reduce(0) { $0 + max(0, $1.waiting) } : 0)
    }
    clock = states.keys.sorted().map { log in
      let state = states[log]!
      return Clock(
        log: LogReference(log), ward: naming.ward(log.author), logged: Int(state.logged.sequence),
        merged: Int(state.merged.sequence), time: state.past.time.milliseconds,
        hash: state.logged.hash.short)
    }
    peers = evidence.kind == .bundle ? [] : try Self.peers(evidence, states, owner, live, road)
    waiting = evidence.hasTables ? try Self.waiting(evidence, states, naming) : []
    (quarantined, quarantine) = try Self.refusals(evidence)
    conflicts =
      try told?.conflicts
      ?? evidence.read { db in
        try Int.fetchOne(db, sql: "SELECT count(*) FROM (SELECT DISTINCT collection, row, field FROM conflicts)") ?? 0
      }
    suspectedForks = try evidence.read { db in
      try Int.fetchOne(
        db, sql: "SELECT count(*) FROM (SELECT DISTINCT lane, author FROM quarantine WHERE reason = 'fork')") ?? 0
    }
    disk = Self.disk(evidence)
    let ahead = states.max { $0.value.past.time < $1.value.past.time }
    skew = ahead.flatMap { log, state in
      let lead = state.past.time.milliseconds &- now
      return lead > Self.skewWorthSaying ? Skew(author: naming.author(log.author), milliseconds: lead) : nil
    }
    newerMigrations = evidence.newerMigrations
    damage = evidence.damage
    verdict = Verdict(level: "sound", reasons: [])
    verdict = judged(problems)
  }

  /// Less than SQLite needs to commit anything safely, in bytes.
  private static let leastRoom = 4 << 20

  /// What the file shows by itself, and what the node that runs on it says besides.
  private func judged(_ told: [Problem]?) -> Verdict {
    var found = told ?? []
    func add(_ code: Problem.Code, _ count: Int, _ subject: String? = nil) {
      guard count > 0, !found.contains(where: { $0.code == code }) else { return }
      found.append(Problem(code, subject: subject, count: count))
    }
    let torn = damage.count { $0.kind == .writeAheadLog && $0.offset != 0 }
    add(.damage, damage.count - torn)
    add(.tornLog, torn)
    add(.newerFile, newerMigrations.count)
    add(.fork, suspectedForks)
    add(.waiting, lanes.reduce(0) { $0 + $1.waiting })
    if let disk, disk.free ?? .max < Self.leastRoom { add(.noSpace, 1) }
    // Its own clock, put back since, is not another's that is ahead.
    if told == nil, let skew, skew.author != node.map({ wardName ?? $0 }) { add(.clockAhead, 1, skew.author) }
    if told == nil {
      add(.linksDown, peers.count { $0.live.map { $0.state == "down" && $0.address != nil } ?? false })
      add(.newEpoch, epoch ?? 0)
    }
    // Whom only cards reach lacks something on any day.
    add(
      .peersBehind,
      peers.count { peer in
        let isReached = peer.live.map { $0.state == "up" || $0.state == "cut" || $0.address != nil } ?? true
        return isReached && peer.live?.state != "revoked" && (peer.live?.lacks ?? peer.lacksAtMost) > 0
      })
    add(.conflicts, conflicts)
    add(.quarantined, quarantined)
    let level: String =
      switch found.level {
      case .broken: "broken"
      case .attention: "attention"
      case .behind: source.kind == .bundle ? "unchecked" : "behind"
      case .sound: source.kind == .bundle ? "unchecked" : "sound"
      }
    return Verdict(level: level, reasons: found.inOrder)
  }

  // MARK: Parts

  private static func peers(
    _ evidence: Evidence, _ states: [LogName: LogState], _ owner: AuthorNumber?, _ live: [LivePeer]?,
    _ road: (String) -> PlannedRoad?
  ) throws -> [Peer] {
    let knowledge = try PeerKnowledge(evidence)
    let nodes = evidence.papers.certificates.keys.filter { $0 != owner?.node }.sorted()
    let shortages = try knowledge.shortages(of: nodes, in: evidence)
    let reports = Dictionary((live ?? []).map { ($0.node, $0) }, uniquingKeysWith: { first, _ in first })
    return try nodes.map { node in
      let ward = evidence.papers.ward(of: node)
      let shortage = shortages[node]!
      let report = reports["\(node)"]
      let plan = ward.flatMap { road($0.code) }
      let newest = states.filter { $0.key.author.node == node }.map(\.value.past.time.milliseconds).max()
      let bytes = report?.lacksBytes ?? shortage.bytes
      let seen = [report?.bytesPerSecondLimit, report?.bytesPerSecondMeasured].compactMap { $0 }.min()
      let rate = seen.map { Double($0) } ?? plan.map { Double($0.bitsPerSecond) / 8 }
      return Peer(
        node: "\(node)", ward: ward?.code ?? report?.ward, wardName: ward?.name ?? report?.wardName,
        newestChangeSet: newest.flatMap { $0 > 0 ? $0 : nil },
        lastHeard: try report?.lastHeard ?? evidence.nodeState("heard \(node.rawValue)"),
        lacksAtMost: shortage.changeSets, lacksBytesAtMost: shortage.bytes, seconds: rate.map { Double(bytes) / $0 },
        road: plan, live: report)
    }
  }

  static func waiting(
    _ evidence: Evidence, _ states: [LogName: LogState], _ naming: Naming
  ) throws -> [Waiting] {
    var result: [Waiting] = []
    for log in states.keys.sorted() where states[log]!.waiting > 0 {
      let state = states[log]!
      var entry = Waiting(
        log: LogReference(log), ward: naming.ward(log.author), count: state.waiting, needs: nil, needsSequence: nil,
        reason: "unreadable")
      try evidence.entries(log, from: state.merged.sequence + 1, through: state.merged.sequence + 1) { _, bytes in
        guard
          let layout = try? bytes.decoding({ raw throws(MalformedBytes) in try ChangeSetLayout(raw, after: state.past) }
          )
        else { return false }
        let needs =
          layout.header.control.map { (LogName(.control, $0.author), $0.sequence) }
          + layout.header.clock.map { (LogName(log.lane, $0.author), $0.sequence) }
        guard let (needed, sequence) = needs.first(where: { (states[$0.0]?.merged.sequence ?? 0) < $0.1 }) else {
          entry.reason = "due"
          return false
        }
        entry.needs = LogReference(needed)
        entry.needsSequence = Int(sequence)
        entry.reason = (states[needed]?.logged.sequence ?? 0) < sequence ? "notHere" : "waitsToo"
        return false
      }
      result.append(entry)
    }
    return result
  }

  private static func refusals(_ evidence: Evidence) throws -> (Int, [Refusal]) {
    try evidence.read { db in
      let rows = try Row.fetchAll(
        db, sql: "SELECT at, lane, author, sequence, source, reason FROM quarantine ORDER BY id DESC LIMIT ?",
        arguments: [refusalLimit])
      let shown = rows.map { row -> Refusal in
        var log: LogReference?
        if case .int64(let lane) = (row[1] as DatabaseValue).storage,
          case .int64(let author) = (row[2] as DatabaseValue).storage,
          let lane = Lane(rawValue: UInt8(truncatingIfNeeded: lane)),
          let author = AuthorNumber(rawValue: UInt32(truncatingIfNeeded: author))
        {
          log = LogReference(LogName(lane, author))
        }
        let sequence: Int64? = if case .int64(let number) = (row[3] as DatabaseValue).storage { number } else { nil }
        return Refusal(
          at: Evidence.integer(row[0]), log: log, sequence: sequence.map { Int($0) }, source: Evidence.text(row[4]),
          reason: Evidence.text(row[5]))
      }
      return (try Int.fetchOne(db, sql: "SELECT count(*) FROM quarantine") ?? 0, shown)
    }
  }

  private static func disk(_ evidence: Evidence) -> Disk? {
    guard let path = evidence.path, evidence.kind != .bundle else { return nil }
    func size(_ file: String) -> Int {
      (try? FileManager.default.attributesOfItem(atPath: file)[.size] as? Int) ?? 0
    }
    let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
    let free = try? FileManager.default.attributesOfFileSystem(forPath: folder)[.systemFreeSize] as? Int
    return Disk(database: size(path), writeAheadLog: size(path + "-wal"), free: free ?? nil)
  }
}
