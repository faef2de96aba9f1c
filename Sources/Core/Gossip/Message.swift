import Causality
import ChangeModel
import Replica
import SignedLog
import Sodium

/// How far a peer keeps one log, with the start of its head's hash, so that two branches of a log show themselves.
public struct HeadReport: Hashable, Sendable {
  public var log: LogName
  public var sequence: SequenceNumber
  /// The first sixteen bytes of the chain hash: no two histories of one key that somebody made to look alike.
  public var hash: UInt128

  public init(log: LogName, sequence: SequenceNumber, hash: UInt128) {
    self.log = log
    self.sequence = sequence
    self.hash = hash
  }
}

/// One message between two nodes: one frame on a link. FORMAT.md, section 8.
public enum Message: Hashable, Sendable {
  /// The first on each side: who speaks, in which federation, and which program that is, in its own words.
  case hello(federation: Digest, author: AuthorNumber, program: String)
  /// A hash of each lane's heads: equal peers need no more. With what the sender's wall clock says, so that a wrong clock is
  /// found out; nil when it has none.
  case summary([UInt64], wall: Instant?)
  /// How far some logs of a lane are kept.
  case heads(Lane, [HeadReport])
  /// Asks for a log from a change set on; `offset` bytes of that one are here already.
  case ask(LogName, from: SequenceNumber, offset: Int)
  /// Change sets, whole.
  case run(Run)
  /// A part of a change set that is larger than a frame on this link may be.
  case fragment(LogName, SequenceNumber, offset: Int, total: Int, [UInt8])
  /// Asks for a sign of life.
  case ping(UInt64)
  /// Answers a ping. With it all counted frames before it are here, or never will be.
  case pong(UInt64, total: Int)
  /// How many bytes of counted frames of this session are here, and kept; `held` milliseconds ago.
  case acknowledgement(total: Int, held: Int)

  /// Why there is to be no link: the last word of whoever closes it.
  case farewell(Farewell)
  /// What the maker of a bundle keeps, signed: never on a link.
  case signedHeads(SignedHeads)
  /// What the sender's tables are, for peers that have the same logs.
  case tables(Gossip.Tables)

  public static let protocolVersion: UInt8 = 3

  /// The first byte of a frame that brings whole change sets.
  static let runTag: UInt8 = 5

  /// The largest frame: a whole change set and its address, or many small ones.
  public static let byteLimit = 128 * 1024

  /// Heads in one message: 1,000 nodes, a few epochs.
  static let headLimit = 4_096

  /// Bytes of a program's name and version.
  private static let programLimit = 64
  /// Bytes that one session may ever count.
  private static let totalLimit: UInt64 = 1 << 62
  /// Milliseconds for which an acknowledgement may have been kept back.
  static let heldLimit = 60_000

  /// Whether a frame of it is acknowledged, and waits for room on the line. What keeps the session itself going is not: it
  /// must go out when nothing else may.
  var isCounted: Bool {
    switch self {
    case .hello, .summary, .heads, .ask, .run, .fragment: true
    case .ping, .pong, .acknowledgement, .farewell, .signedHeads, .tables: false
    }
  }
}

/// Why a node takes up no link with a peer that has proven who it is.
public enum Farewell: UInt8, Hashable, Sendable, CaseIterable, CustomStringConvertible {
  case revoked = 1
  case ended = 2
  case notVouchedFor = 3
  case otherKey = 4
  case cut = 5
  case banned = 6
  case full = 7
  case wrongWard = 8
  case otherVersion = 9

  public var description: String {
    switch self {
    case .revoked: "revoked"
    case .ended: "its certificate has ended"
    case .notVouchedFor: "no authority in office vouches for it"
    case .otherKey: "its number is another key's"
    case .cut: "cut by the operator"
    case .banned: "banned"
    case .full: "too many links"
    case .wrongWard: "another ward's node than the address should lead to"
    case .otherVersion: "speaks another version of the protocol"
    }
  }
}

extension Message {
  public func encoded() -> [UInt8] {
    var writer = ByteWriter(capacity: 64)
    switch self {
    case .hello(let federation, let author, let program):
      writer.byte(1)
      writer.byte(Self.protocolVersion)
      writer.raw(federation.bytes)
      writer.varint(author.rawValue)
      writer.blob(Array(program.utf8.prefix(Self.programLimit)))
    case .summary(let hashes, let wall):
      writer.byte(2)
      for hash in hashes { writer.bigEndian(hash) }
      writer.varint(UInt64(max(wall?.milliseconds ?? 0, 0)))
    case .heads(let lane, let reports):
      writer.byte(3)
      writer.byte(lane.rawValue)
      writer.count(reports.count)
      for report in reports {
        writer.varint(report.log.author.rawValue)
        writer.varint(report.sequence)
        writer.bigEndian(report.hash)
      }
    case .ask(let log, let first, let offset):
      writer.byte(4)
      write(log, to: &writer)
      writer.varint(first)
      writer.count(offset)
    case .run(let run):
      writer.byte(Self.runTag)
      write(run.log, to: &writer)
      writer.varint(run.first)
      writer.count(run.entries.count)
      for entry in run.entries { writer.blob(entry) }
    case .fragment(let log, let sequence, let offset, let total, let bytes):
      writer.byte(6)
      write(log, to: &writer)
      writer.varint(sequence)
      writer.count(offset)
      writer.count(total)
      writer.blob(bytes)
    case .ping(let nonce):
      writer.byte(7)
      writer.bigEndian(nonce)
    case .pong(let nonce, let total):
      writer.byte(8)
      writer.bigEndian(nonce)
      writer.count(total)
    case .acknowledgement(let total, let held):
      writer.byte(9)
      writer.count(total)
      writer.count(held)
    case .farewell(let reason):
      writer.byte(10)
      writer.byte(reason.rawValue)
    case .signedHeads(let heads):
      writer.byte(11)
      heads.write(to: &writer)
    case .tables(let tables):
      writer.byte(12)
      writer.raw(tables.place.bytes)
      writer.raw(tables.hash.bytes)
    }
    return writer.bytes
  }

  private func write(_ log: LogName, to writer: inout ByteWriter) {
    writer.byte(log.lane.rawValue)
    writer.varint(log.author.rawValue)
  }

  /// - Throws: `MalformedBytes`; every count is bounded before anything is allocated.
  public init(_ bytes: UnsafeRawBufferPointer) throws(MalformedBytes) {
    #if MUTANTS
      precondition(!PlantedBug.trapsOnNoise.isPlanted || bytes.count <= Self.byteLimit)
    #endif
    guard bytes.count <= Self.byteLimit else { throw MalformedBytes(.overLimit, offset: 0) }
    var reader = ByteReader(bytes)
    switch try reader.byte() {
    case 1:
      guard try reader.byte() == Self.protocolVersion else { throw MalformedBytes(.unknownVersion, offset: 1) }
      let federation = Digest(try reader.raw(Digest.byteCount))
      let author = try Self.author(&reader)
      // Shown to people: letters, digits and signs of ASCII alone.
      let program = try reader.blob(upTo: Self.programLimit)
      guard program.allSatisfy({ (0x20..<0x7f).contains($0) }) else { throw reader.malformed(.invalidValue) }
      self = .hello(federation: federation, author: author, program: String(decoding: program, as: UTF8.self))
    case 2:
      var hashes: [UInt64] = []
      for _ in Lane.allCases { hashes.append(try reader.bigEndian(UInt64.self)) }
      let wall = Int64(try reader.varint(upTo: UInt64(Limits.timeMilliseconds)))
      self = .summary(hashes, wall: wall > 0 ? Instant(milliseconds: wall) : nil)
    case 3:
      guard let lane = Lane(rawValue: try reader.byte()) else { throw reader.malformed(.invalidValue) }
      let count = try reader.count(upTo: Self.headLimit)
      var reports: [HeadReport] = []
      for _ in 0..<count {
        let author = try Self.author(&reader)
        let sequence = SequenceNumber(try reader.varint(upTo: UInt64(sequenceLimit)))
        let hash = try reader.bigEndian(UInt128.self)
        reports.append(HeadReport(log: LogName(lane, author), sequence: sequence, hash: hash))
      }
      self = .heads(lane, reports)
    case 4:
      let log = try Self.log(&reader)
      let first = SequenceNumber(try reader.varint(upTo: UInt64(sequenceLimit)))
      self = .ask(log, from: max(first, 1), offset: try reader.count(upTo: Limits.changeSetBytes))
    case Self.runTag:
      let log = try Self.log(&reader)
      let first = SequenceNumber(try reader.varint(upTo: UInt64(sequenceLimit)))
      let count = try reader.count(upTo: reader.remaining)
      guard first >= 1, count >= 1 else { throw reader.malformed(.invalidValue) }
      var entries: [[UInt8]] = []
      for _ in 0..<count { entries.append(try reader.blob(upTo: Limits.changeSetBytes)) }
      self = .run(Run(log, first: first, entries: entries))
    case 6:
      let log = try Self.log(&reader)
      let sequence = SequenceNumber(try reader.varint(upTo: UInt64(sequenceLimit)))
      let offset = try reader.count(upTo: Limits.changeSetBytes)
      let total = try reader.count(upTo: Limits.changeSetBytes)
      let bytes = try reader.blob(upTo: Limits.changeSetBytes)
      guard sequence >= 1, offset + bytes.count <= total, !bytes.isEmpty else { throw reader.malformed(.invalidValue) }
      self = .fragment(log, sequence, offset: offset, total: total, bytes)
    case 7: self = .ping(try reader.bigEndian(UInt64.self))
    case 8:
      let nonce = try reader.bigEndian(UInt64.self)
      self = .pong(nonce, total: Int(try reader.varint(upTo: Self.totalLimit)))
    case 9:
      let total = Int(try reader.varint(upTo: Self.totalLimit))
      self = .acknowledgement(total: total, held: try reader.count(upTo: Self.heldLimit))
    case 10:
      guard let reason = Farewell(rawValue: try reader.byte()) else { throw reader.malformed(.invalidValue) }
      self = .farewell(reason)
    case 11: self = .signedHeads(try SignedHeads(&reader))
    case 12:
      let place = Digest(try reader.raw(Digest.byteCount))
      self = .tables(Gossip.Tables(place: place, hash: Digest(try reader.raw(Digest.byteCount))))
    default: throw MalformedBytes(.unknownTag, offset: 0)
    }
    try reader.expectEnd()
  }

  static func author(_ reader: inout ByteReader) throws(MalformedBytes) -> AuthorNumber {
    let raw = UInt32(try reader.varint(upTo: UInt64(UInt32.max)))
    guard let author = AuthorNumber(rawValue: raw) else { throw reader.malformed(.invalidValue) }
    return author
  }

  private static func log(_ reader: inout ByteReader) throws(MalformedBytes) -> LogName {
    guard let lane = Lane(rawValue: try reader.byte()) else { throw reader.malformed(.invalidValue) }
    return LogName(lane, try author(&reader))
  }
}
