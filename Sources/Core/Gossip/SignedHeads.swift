import Causality
import ChangeModel
import Replica
import SignedLog
import Sodium
import Store

/// What the maker of a bundle keeps of every log, under its signature: the receipt of all cards that it has read. A card
/// that brings nothing else brings this. FORMAT.md, section 9.
public struct SignedHeads: Hashable, Sendable {
  public let author: AuthorNumber
  public let made: Instant
  public let heads: [LogName: SequenceNumber]
  private var signature: [UInt8] = []

  private static let context = [UInt8]("renkei heads 1".utf8)
  /// 1,000 nodes with four lanes: as many as fit a frame.
  private static let limit = 16_384

  /// Of a node, by its own key.
  init(of replica: Replica, at now: Instant) {
    let known = replica.store.logNames.prefix(Self.limit).map { ($0, replica.store.logged($0)) }
    self.init(author: replica.author, made: now, heads: Dictionary(uniqueKeysWithValues: known.filter { $0.1 > 0 }))
    signature = replica.identity.key.signature(over: message(in: replica.federation))
  }

  /// What is signed: the federation's id, then all but the signature.
  private func message(in federation: Digest) -> [UInt8] {
    var writer = ByteWriter(capacity: heads.count * 8)
    writeContent(to: &writer)
    return Self.context + federation.bytes + writer.bytes
  }

  private func writeContent(to writer: inout ByteWriter) {
    writer.varint(author.rawValue)
    writer.varint(UInt64(max(made.milliseconds, 0)))
    writer.count(heads.count)
    for (log, sequence) in heads.sorted(by: { $0.key < $1.key }) {
      writer.byte(log.lane.rawValue)
      writer.varint(log.author.rawValue)
      writer.varint(sequence)
    }
  }

  /// Of the frame that ends a bundle whose maker keeps these, made at some time of these years.
  public static func frameBytes(author: AuthorNumber, made: Instant, heads: [LogName: SequenceNumber]) -> Int {
    let known = heads.sorted { $0.key < $1.key }.prefix(limit).filter { $0.value > 0 }
    let content = SignedHeads(author: author, made: made, heads: Dictionary(uniqueKeysWithValues: known))
    return Bundle.frame(.signedHeads(content)).count + Signature.byteCount
  }

  private init(author: AuthorNumber, made: Instant, heads: [LogName: SequenceNumber]) {
    (self.author, self.made, self.heads) = (author, made, heads)
  }

  func write(to writer: inout ByteWriter) {
    writeContent(to: &writer)
    writer.raw(signature)
  }

  init(_ reader: inout ByteReader) throws(MalformedBytes) {
    author = try Message.author(&reader)
    made = Instant(milliseconds: Int64(try reader.varint(upTo: UInt64(Limits.timeMilliseconds))))
    var heads: [LogName: SequenceNumber] = [:]
    for _ in 0..<(try reader.count(upTo: Self.limit)) {
      guard let lane = Lane(rawValue: try reader.byte()) else { throw reader.malformed(.invalidValue) }
      let log = LogName(lane, try Message.author(&reader))
      let sequence = SequenceNumber(try reader.varint(upTo: UInt64(sequenceLimit)))
      guard heads.updateValue(sequence, forKey: log) == nil else { throw reader.malformed(.invalidValue) }
    }
    self.heads = heads
    signature = Array(try reader.raw(Signature.byteCount))
  }

  func isSigned(by key: PublicKey, in federation: Digest) -> Bool {
    key.verifies(signature, over: message(in: federation))
  }
}

extension Replica {
  /// Within `batch`: takes a receipt. Nobody lacks any longer what its maker says to keep.
  ///
  /// - Returns: false when it is nobody's who is enrolled, or not the maker's own word.
  public func take(_ receipt: SignedHeads) throws(StoreError) -> Bool {
    guard receipt.author.node != author.node, !membership.isRevoked(receipt.author),
      let key = membership.key(of: receipt.author), receipt.isSigned(by: key, in: federation)
    else { return false }
    var known = try store.readOwn(Store.told)[receipt.author.node] ?? [:]
    // A card may have been long under way: what was told since stands.
    known.merge(receipt.heads) { max($0, $1) }
    try store.setTold(receipt.author, known)
    return true
  }
}
