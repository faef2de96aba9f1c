import Causality
import ChangeModel
import Foundation
import Gossip
import Links
import Places
import Replica
import Runbook
import SignedLog
import Store

/// What a node says of itself. The field names are its JSON form.
public struct StatusReport: Codable, Sendable {
  public struct Lane: Codable, Sendable {
    public var lane: String
    public var authors: Int
    /// Change sets kept, and those of them that wait for others.
    public var changeSets: Int
    public var waiting: Int
  }

  public struct Peer: Codable, Sendable {
    public var node: String
    public var ward: String
    public var wardName: String
    /// `up`, `down`, `cut` (by this node's operator), `banned` (it broke the protocol) or `revoked` (by its authority).
    public var state: String
    /// Which program it runs, by its own word.
    public var program: String?
    /// Why it is banned, and until when.
    public var banReason: String?
    public var bannedUntil: Int64?
    public var lastHeard: Int64?
    public var roundTripMilliseconds: Int64?
    /// Bytes a second that the line was measured to carry; nil while it was never kept busy.
    public var bytesPerSecondMeasured: Int?
    /// Change sets that the peer has not said to keep, those on their way to it among them, and their bytes.
    public var lacks: Int?
    public var lacksBytes: Int?
    /// Of these, how many are on their way: sent, and not acknowledged yet.
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
    /// By which road: the address at the other end, and whether this node called.
    public var address: String?
    public var outgoing: Bool?
    /// When a peer that does not answer is called again, and how many calls in a row it has not answered.
    public var nextCall: Int64?
    public var failedCalls: Int?
  }

  public var federation: String
  public var federationName: String
  public var drill: Bool
  public var ward: String
  public var wardName: String
  public var node: String
  public var nodeKey: String
  /// When the certificate ends: from then on peers take up no link. Nil: it does not end.
  public var certificateUntil: Int64?
  /// How often the ward's own keys were made anew.
  public var keyGeneration: UInt32
  public var epoch: Int
  public var running: Bool
  public var members: Int
  public var lanes: [Lane]
  public var peers: [Peer]
  public var rows: [String: Int]
  public var conflicts: Int
  public var quarantined: Int
  public var forked: Int
  public var databaseBytes: Int
  /// Of these, what lies in the write-ahead log; nil from an older program.
  public var writeAheadLogBytes: Int?
  /// What is wrong, the worst first.
  public var problems: [Problem]
  /// One hash over all tables, when asked for: equal on nodes that have merged the same.
  public var digest: String?
  public var tables: [String: String]?
}

public struct ImportResult: Codable, Sendable {
  public struct Problem: Codable, Sendable {
    public var severity: String
    public var line: Int
    public var field: String
    public var reason: String
    public var reasonJapanese: String
    /// The row was not taken.
    public var isRefused: Bool { severity == ImportProblem.Severity.refused.rawValue }
  }

  public var file: String
  public var list: String
  public var encoding: String
  public var notice: String?
  public var rows: Int
  public var imported: Int
  public var unchanged: Int
  public var warned: Int
  public var refused: Int
  /// Lines of other wards, which import their own.
  public var ofOthers: Int
  public var seconds: Double
  public var problems: [Problem]
}

public struct BundleResult: Codable, Sendable {
  public struct Refusal: Codable, Sendable {
    public var log: String
    public var sequence: Int
    public var reason: String
  }

  public var file: String
  public var bytes: Int
  /// Export: change sets in the file. Import: new ones taken from it.
  public var changeSets: Int
  public var known: Int?
  public var refused: [Refusal]?
  /// Import: who made the bundle, and when, by its own signature. What it says to keep, it lacks no longer.
  public var maker: String?
  public var made: Int64?
  /// Where the file stops making sense, and why.
  public var damage: String?
}

public struct VerifyResult: Codable, Sendable {
  public struct BadLog: Codable, Sendable {
    public var log: String
    public var sequence: Int
    public var reason: String
  }

  public var sound: Bool
  public var changeSets: Int
  public var badLogs: [BadLog]
  public var differingTables: [String]
  public var digest: String
}

public struct LinksResult: Codable, Sendable {
  public var links: [StatusReport.Peer]
  /// What is wrong with the node, the worst first.
  public var problems: [Problem]
}

public struct ExportResult: Codable, Sendable {
  public var table: String
  public var rows: Int
  public var file: String
}

extension NodeCore {
  /// - Parameter withDigest: also hash all tables, which reads every row.
  public func status(withDigest: Bool, running: Bool) async throws -> StatusReport {
    let peers = try await peerReports()
    let lanes = Lane.allCases.map { lane in
      let names = replica.store.logNames.filter { $0.lane == lane }
      let states = names.map { replica.store.state(of: $0) }
      return StatusReport.Lane(
        lane: lane.name, authors: names.count, changeSets: states.reduce(0) { $0 + Int($1.logged.sequence) },
        waiting: states.reduce(0) { $0 + $1.waiting })
    }
    if withDigest { try mergeWaiting() }
    let digest = withDigest ? try await tableDigest() : nil
    let counts = try await counts()
    return StatusReport(
      federation: replica.federation.bytes.prefix(8).map { String(format: "%02x", $0) }.joined(),
      federationName: identity.federation.genesis.name, drill: identity.federation.genesis.drill,
      ward: identity.ward.code, wardName: identity.ward.name, node: "\(replica.author.node)",
      nodeKey: identity.key.publicKey.bytes.map { String(format: "%02x", $0) }.joined(),
      certificateUntil: replica.ownCertificate.end?.milliseconds, keyGeneration: replica.keyGeneration,
      epoch: Int(replica.author.epoch),
      running: running, members: replica.membership.certificates.count, lanes: lanes, peers: peers,
      rows: counts.rows, conflicts: counts.conflicts, quarantined: counts.quarantined,
      forked: gossip.suspectedForks.union(replica.membership.forkedLogs.keys).count,
      databaseBytes: counts.bytes, writeAheadLogBytes: writeAheadLogBytes, problems: problems(peers, counts),
      digest: digest.map { $0.shared.bytes.map { String(format: "%02x", $0) }.joined() },
      tables: digest.map { digest in
        Dictionary(
          uniqueKeysWithValues: digest.collections.map {
            ($0.name, $0.digest.bytes.prefix(8).map { String(format: "%02x", $0) }.joined())
          })
      })
  }

  /// `peers`, with the bytes that each lacks: read on a snapshot, so that the writer need not wait.
  public func peerReports() async throws -> [StatusReport.Peer] {
    var peers = peers()
    let behind = gossip.reports().filter { !$0.lacking.isEmpty }
    guard !behind.isEmpty else { return peers }
    let lacking = Dictionary(behind.map { ("\($0.peer)", $0.lacking) }, uniquingKeysWith: { first, _ in first })
    let bytes = try await reader.read { db in
      try lacking.mapValues { logs in
        try logs.reduce(0) { sum, log in try sum + Store.entryBytes(log.key, from: log.value, db) }
      }
    }
    for index in peers.indices { peers[index].lacksBytes = bytes[peers[index].node] }
    return peers
  }

  /// The peers, and what is wrong.
  public func linksResult() async throws -> LinksResult {
    let peers = try await peerReports()
    return LinksResult(links: peers, problems: problems(peers, try await counts()))
  }

  /// Every enrolled node but this one, with the state of the link to it.
  public func peers() -> [StatusReport.Peer] {
    let reports = Dictionary(gossip.reports().map { ($0.peer, $0) }, uniquingKeysWith: { first, _ in first })
    let nodes = Set(replica.membership.certificates.keys).union(reports.keys).subtracting([replica.author.node])
    return nodes.sorted().map { node in
      let ward = identity.federation.ward(at: node.ward)
      let report = reports[node]
      let id = links.id(to: node)
      let call = links.calls(to: node)
      let ban = links.ban(of: node, at: clock.now())
      return StatusReport.Peer(
        node: "\(node)", ward: ward?.code ?? "?", wardName: ward?.name ?? "?",
        state: replica.membership.isRevoked(node)
          ? "revoked" : links.isCut(node) ? "cut" : ban != nil ? "banned" : id == nil ? "down" : "up",
        program: report?.program, banReason: ban.map { "\($0.offence)" },
        bannedUntil: ban.map { wallClock(of: $0.until).milliseconds },
        lastHeard: lastHeard[node]?.milliseconds, roundTripMilliseconds: report?.roundTrip,
        bytesPerSecondMeasured: report?.measured, lacks: report?.lacks, onTheirWay: report?.onTheirWay,
        toldAt: report?.toldAt.map { wallClock(of: $0).milliseconds }, asked: report?.asked,
        clockAheadMilliseconds: report?.clockAhead, bytesIn: report?.bytesIn,
        bytesOut: report?.bytesOut,
        bytesPerSecondLimit: limits[node],
        address: id.flatMap { transports[$0]?.address } ?? call.map { addresses[$0.address] },
        outgoing: id.flatMap { links[$0]?.isOutgoing },
        nextCall: id == nil ? call?.next.map { wallClock(of: $0).milliseconds } : nil,
        failedCalls: id == nil ? call?.failures : nil)
    }
  }
}
