import CFile
import Causality
import ChangeModel
import Glibc
import SignedLog
import Sodium

/// How far a node has written its own logs, kept outside its database: the database alone cannot tell that it is an older
/// copy of itself, or that its last transactions were lost with a damaged page of its write-ahead log.
public struct HighWaterMark: Hashable, Sendable {
  /// The epoch that the node writes in.
  public var epoch: UInt32
  /// The last sequence of the node's own log in each lane, in the order of the lanes.
  public var sequences: [SequenceNumber]

  public init(epoch: UInt32, sequences: [SequenceNumber]) {
    precondition(sequences.count == Lane.allCases.count)
    self.epoch = epoch
    self.sequences = sequences
  }

  /// Whether a database at `other` misses something that was acknowledged.
  public func isAhead(of other: HighWaterMark) -> Bool {
    epoch > other.epoch || (epoch == other.epoch && zip(sequences, other.sequences).contains { $0 > $1 })
  }
}

/// Where a high-water mark is kept. The node has a file; the simulator a device of its own that fails apart.
public protocol HighWaterKeeper: AnyObject {
  /// The mark that was saved last; nil when none ever was.
  func load() throws(StoreError) -> HighWaterMark?
  /// Begins to save a mark: it may be on the device at any time from now on.
  func begin(_ mark: HighWaterMark) throws(StoreError)
  /// The mark that was begun is on the device when this returns.
  func finish() throws(StoreError)
}

/// A high-water mark in a file of two places that are written in turn, so that a torn write spoils one of them only:
///
///     place := "RKHW" · count (8) · epoch (4) · sequence (4) for each lane · first 8 bytes of BLAKE2b-256 of all before
///
/// Big-endian; the second place begins at byte 512, another sector. The place with the higher count holds.
public final class HighWaterFile: HighWaterKeeper {
  private static let magic = [UInt8]("RKHW".utf8)
  private static let bodyBytes = 4 + 8 + 4 + 4 * Lane.allCases.count
  private static let sector = 512

  private let descriptor: Int32
  private var count: UInt64 = 0

  /// Opens the file, or makes an empty one that only its owner may read.
  public init(path: String) throws(StoreError) {
    descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw .inputOutput(errno) }
  }

  deinit { close(descriptor) }

  public func load() throws(StoreError) -> HighWaterMark? {
    var newest: HighWaterMark?
    var found = 0
    for place in 0...1 {
      var bytes = [UInt8](repeating: 0, count: Self.bodyBytes + 8)
      let read = pread(descriptor, &bytes, bytes.count, off_t(place * Self.sector))
      guard read >= 0 else { throw .inputOutput(errno) }
      if read > 0 { found += 1 }
      guard read == bytes.count, let (count, mark) = Self.decode(bytes), count > self.count else { continue }
      self.count = count
      newest = mark
    }
    // Something was saved here, and none of it can be read: to go on as if nothing had been would be to forget.
    guard newest != nil || found == 0 else { throw .damaged("high-water mark") }
    return newest
  }

  /// The disk writes it while the database commits: what is left for `finish` is to flush the device (a fifth of a durable
  /// commit's time, measured).
  public func begin(_ mark: HighWaterMark) throws(StoreError) {
    count += 1
    let bytes = Self.encode(count, mark)
    guard pwrite(descriptor, bytes, bytes.count, off_t(Int(count % 2) * Self.sector)) == bytes.count else {
      throw Self.failure
    }
    renkei_begin_writing(descriptor)
  }

  public func finish() throws(StoreError) {
    guard fdatasync(descriptor) == 0 else { throw Self.failure }
  }

  private static var failure: StoreError { errno == ENOSPC ? .diskFull : .inputOutput(errno) }

  private static func encode(_ count: UInt64, _ mark: HighWaterMark) -> [UInt8] {
    var writer = ByteWriter(capacity: bodyBytes + 8)
    writer.raw(magic)
    writer.bigEndian(count)
    writer.bigEndian(mark.epoch)
    for sequence in mark.sequences { writer.bigEndian(sequence) }
    writer.bigEndian(blake2b(writer.bytes).prefix)
    return writer.bytes
  }

  private static func decode(_ bytes: [UInt8]) -> (UInt64, HighWaterMark)? {
    guard bytes.starts(with: magic) else { return nil }
    return try? bytes.decoding { raw throws(MalformedBytes) -> (UInt64, HighWaterMark)? in
      var reader = ByteReader(raw)
      _ = try reader.raw(magic.count)
      let count = try reader.bigEndian(UInt64.self)
      let epoch = try reader.bigEndian(UInt32.self)
      var sequences: [SequenceNumber] = []
      for _ in Lane.allCases { sequences.append(try reader.bigEndian(SequenceNumber.self)) }
      guard try reader.bigEndian(UInt64.self) == blake2b(Array(bytes.prefix(bodyBytes))).prefix else { return nil }
      return (count, HighWaterMark(epoch: epoch, sequences: sequences))
    }
  }
}
