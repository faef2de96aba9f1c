import Causality
import ChangeModel
import GRDB
import Gossip
import SignedLog
import Store

/// What a bundle for a peer would carry, and how long that takes on a link.
public struct Shortage: Codable, Sendable {
  public struct Log: Codable, Sendable {
    public var log: LogReference
    public var ward: String?
    public var from: Int
    public var through: Int
    public var bytes: Int
  }

  public struct LaneFigures: Codable, Sendable {
    public var lane: String
    public var changeSets: Int
    public var bytes: Int
    /// From the beginning until this lane is through, at each rate: lanes travel in this order.
    public var seconds: [Double]
  }

  public var schema = "renkei-inspect/missing/1"
  public var source: Source
  public var peer: String
  public var ward: String?
  public var changeSets: Int
  /// Of the whole bundle, its frames included: what `renkei-node bundle export --for` would write.
  public var bundleBytes: Int
  public var rates: [Rate]
  public var lanes: [LaneFigures]
  public var logs: [Log]

  public struct Rate: Codable, Sendable {
    public var name: String
    public var bitsPerSecond: Double
    public var seconds: Double

    public init(name: String, bitsPerSecond: Double) {
      self.name = name
      self.bitsPerSecond = bitsPerSecond
      seconds = 0
    }
  }
}

extension Shortage {
  /// - Parameters:
  ///   - has: the peer's own file, when it is at hand: then what it lacks is known exactly.
  public init(_ evidence: Evidence, for peer: AuthorNumber, has: Evidence? = nil, rates: [Rate]) throws {
    let states = try evidence.logStates()
    let knowledge = try PeerKnowledge(evidence)
    if let has { try evidence.requireSameFederation(has) }
    let theirs = try has?.logStates()
    let naming = Naming(evidence)
    source = Source(evidence)
    self.peer = "\(peer)"
    ward = naming.ward(peer)
    logs = []
    bundleBytes = Bundle.headerBytes
    var byLane: [Lane: (changeSets: Int, bytes: Int)] = [:]
    for log in states.keys.sorted() {
      let known = theirs.map { $0[log]?.logged.sequence ?? 0 } ?? knowledge.known(by: peer, log)
      let head = states[log]!.logged.sequence
      guard known < head else { continue }
      let (count, content, frames) = try Self.frames(log, from: known + 1, in: evidence)
      guard count > 0 else { continue }
      logs.append(
        Log(
          log: LogReference(log), ward: naming.ward(log.author), from: Int(known) + 1, through: Int(known) + count,
          bytes: content))
      bundleBytes += frames
      byLane[log.lane, default: (0, 0)].changeSets += count
      byLane[log.lane]!.bytes += frames
    }
    if let owner = try evidence.owner() {
      let epoch = try evidence.nodeState("epoch").map { UInt32($0) } ?? 0
      bundleBytes += SignedHeads.frameBytes(
        author: AuthorNumber(ward: owner.ward, serial: owner.serial, epoch: epoch),
        made: Instant(milliseconds: 1_700_000_000_000), heads: states.mapValues(\.logged.sequence))
    }
    changeSets = logs.reduce(0) { $0 + $1.through - $1.from + 1 }
    let total = bundleBytes
    self.rates = rates.map {
      var rate = $0
      rate.seconds = Double(total * 8) / rate.bitsPerSecond
      return rate
    }
    lanes = []
    var sum = 0
    for lane in Lane.allCases {
      let figures = byLane[lane] ?? (0, 0)
      sum += figures.bytes
      lanes.append(
        LaneFigures(
          lane: lane.name, changeSets: figures.changeSets, bytes: figures.bytes,
          seconds: rates.map { Double(sum * 8) / $0.bitsPerSecond }))
    }
  }

  /// The frames that a bundle puts a log's change sets into: as many as fit into 64 KiB, at least one. The same division
  /// as `Replica.exportBundle`, from the lengths alone.
  private static func frames(
    _ log: LogName, from first: SequenceNumber, in evidence: Evidence
  ) throws -> (count: Int, content: Int, framed: Int) {
    var (count, content, framed) = (0, 0, 0)
    var frame = RunFrame(log: log, first: first)
    try evidence.read { db in
      let rows = try Row.fetchCursor(
        db.cachedStatement(sql: "SELECT length(bytes) FROM entries WHERE id BETWEEN ? AND ? ORDER BY id"),
        arguments: [EntryID.rawValue(log, first), EntryID.rawValue(log, sequenceLimit)])
      while let row = try rows.next() {
        let bytes = Int(Evidence.integer(row[0]))
        if frame.count > 0, frame.content + bytes > 64 * 1024 {
          framed += frame.bytes
          frame = RunFrame(log: log, first: first + SequenceNumber(count))
        }
        frame.add(bytes)
        count += 1
        content += bytes
      }
    }
    if frame.count > 0 { framed += frame.bytes }
    return (count, content, framed)
  }
}
