import Causality
import ChangeModel
import Replica
import SignedLog
import Sodium
import Store

/// A bundle: the same frames as on a link, in a file that a person carries. FORMAT.md, section 9.
///
///     "RKB1" · federation id (32) · frame*          frame := length (4, big-endian) · message
///
/// Only `run` messages count, and the last frame, in which the maker signs for what it keeps; control first, so that a
/// newcomer's certificate comes before what it wrote.
public enum Bundle {
  public static let magic = [UInt8]("RKB1".utf8)
  public static let headerBytes = 4 + Digest.byteCount

  public static func header(federation: Digest) -> [UInt8] { magic + federation.bytes }

  public static func frame(_ message: Message) -> [UInt8] {
    let bytes = message.encoded()
    var writer = ByteWriter(capacity: bytes.count + 4)
    writer.bigEndian(UInt32(bytes.count))
    writer.raw(bytes)
    return writer.bytes
  }
}

/// Why a bundle could not be read to its end.
public enum BundleFault: Error, Hashable, Sendable {
  case notABundle
  case wrongFederation
  /// The file ends, or makes no sense, at this byte; everything before was taken.
  case damaged(offset: Int, MalformedBytes)
  case cut(offset: Int)
}

/// Reads a bundle piece by piece: give it bytes as they come, take messages out.
public struct BundleReader: Sendable {
  private let federation: Digest
  private var buffer: [UInt8] = []
  private var start = 0
  private var sawHeader = false
  /// How many bytes of the file have been used up by whole frames.
  public private(set) var offset = 0

  public init(federation: Digest) { self.federation = federation }

  public mutating func feed(_ bytes: some Collection<UInt8>) {
    if start > 1 << 20 {
      buffer.removeFirst(start)
      start = 0
    }
    buffer.append(contentsOf: bytes)
  }

  /// The next whole message; nil when more bytes are needed.
  public mutating func next() throws(BundleFault) -> Message? {
    if !sawHeader {
      guard buffer.count >= Bundle.headerBytes else { return nil }
      guard buffer.starts(with: Bundle.magic) else { throw .notABundle }
      guard Digest(buffer[4..<Bundle.headerBytes]) == federation else { throw .wrongFederation }
      sawHeader = true
      take(Bundle.headerBytes)
    }
    guard buffer.count - start >= 4 else { return nil }
    let length = buffer[start..<start + 4].reduce(0) { $0 << 8 | Int($1) }
    guard length <= Message.byteLimit else { throw .damaged(offset: offset, MalformedBytes(.overLimit, offset: 0)) }
    guard buffer.count - start >= 4 + length else { return nil }
    let frame = Array(buffer[start + 4..<start + 4 + length])
    do throws(MalformedBytes) {
      let message = try frame.decoding { raw throws(MalformedBytes) in try Message(raw) }
      take(4 + length)
      return message
    } catch {
      let at = offset
      Probe.bundleDamaged.hit()
      take(4 + length)
      throw .damaged(offset: at, error)
    }
  }

  /// The file has ended: nothing may be left over.
  public func finish() throws(BundleFault) {
    guard sawHeader else { throw .notABundle }
    guard start == buffer.count else { throw .cut(offset: offset) }
  }

  private mutating func take(_ count: Int) {
    start += count
    offset += count
  }
}

extension Replica {
  /// What a bundle carries: everything that `reader` may lack, lane by lane.
  ///
  /// - Parameters:
  ///   - reader: the node that the bundle is for. What it is known to have is left out.
  ///     Nil: for anyone, everything.
  ///   - now: when the maker signs for what it keeps.
  ///   - emit: takes each frame's bytes, in order.
  /// - Returns: how many change sets.
  public func exportBundle(for reader: AuthorNumber?, at now: Instant, emit: ([UInt8]) throws -> Void) throws -> Int {
    try emit(Bundle.header(federation: federation))
    let told = try reader.map { try store.read(Store.told)[$0.node] ?? [:] } ?? [:]
    var count = 0
    for log in store.logNames {
      var next = (reader.map { known(by: $0, log, told: told) } ?? 0) + 1
      let head = store.state(of: log).logged.sequence
      while next <= head {
        let entries = try store.entries(log, from: next, byteLimit: 64 * 1024)
        guard !entries.isEmpty else { break }
        try emit(Bundle.frame(.run(Run(log, first: next, entries: entries))))
        next += SequenceNumber(entries.count)
        count += entries.count
      }
    }
    try emit(Bundle.frame(.signedHeads(SignedHeads(of: self, at: now))))
    return count
  }

  /// How far a node has a log: by what it told on its last link, by its clocks in the log's lane in any epoch, and by what
  /// its change sets of any lane relied on of the control lane.
  private func known(
    by node: AuthorNumber, _ log: LogName, told: [LogName: SequenceNumber]
  ) -> SequenceNumber {
    let kept = store.state(of: log).logged.sequence
    if log.author.node == node.node { return kept }
    var known = told[log] ?? 0
    for own in store.logNames where own.author.node == node.node {
      let past = store.state(of: own).past
      if own.lane == log.lane { known = max(known, past.clock[log.author]) }
      if log.lane == .control { known = max(known, past.control[log.author]) }
    }
    return min(known, kept)
  }
}
