import Causality
import ChangeModel
import Federation
import Foundation
import SignedLog
import Sodium
import TestSupport
import Testing

/// The golden vectors: what this program writes today is what it wrote when they were made. `RENKEI_WRITE_VECTORS=1`
/// makes them anew, which is a change of the format.
@Suite struct VectorTests {
  struct ChangeSetVector: Codable, Equatable {
    var federation: String
    var nodeSeed: String
    var nodeKey: String
    var audienceKeyID: UInt32
    var audienceKey: String
    var author: UInt32
    var lane: UInt8
    var entries: [Entry]

    struct Entry: Codable, Equatable {
      var sequence: UInt32
      var previousHash: String
      var timeMilliseconds: Int64
      var timeLogical: UInt16
      /// Author number and sequence of each advance.
      var clock: [[UInt32]]
      var control: [[UInt32]]
      /// Author numbers with the hash, in hexadecimal, on the branch that its numbers mean.
      var branches: [String: String]
      var plainSection: String
      var bytes: String
      var contentHash: String
      var chainHash: String
    }
  }

  static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Vectors")

  static func make() -> ChangeSetVector {
    let seed = [UInt8]((0..<32).map { $0 &* 7 &+ 1 })
    let audience = [UInt8]((0..<32).map { 255 &- $0 })
    let federation = blake2b([UInt8]("a federation for vectors".utf8))
    let key = SigningKey(seed: seed)!
    let author = AuthorNumber(ward: 12, serial: 1, epoch: 0)
    let other = AuthorNumber(ward: 20, serial: 1, epoch: 0)
    let context = LogContext(federation: federation, nodeKey: key.publicKey, log: LogName(.life, author))
    var past = AuthorPast(author: author, lane: .life)
    var head = LogHead()
    let row = RowID(author: author, counter: 1)
    let steps: [(Int64, [Dot], [Dot], [RowEdit])] = [
      (
        1_768_596_360_000, [], [Dot(author, 1)],
        [
          RowEdit(
            10, row,
            [
              FieldEdit(2, .set(.text("渋谷区立ひかり小学校"))), FieldEdit(6, .set(.real(35.6640))),
              FieldEdit(13, .set(.integer(420))),
            ]),
          RowEdit(
            10, RowID(derivedFrom: 0x1234_5678_9abc_def0),
            [FieldEdit(2, .set(.text("ｶﾅ ﾌﾘｶﾞﾅ"))), FieldEdit(19, .add(.text("水")))]),
        ]
      ),
      (
        1_768_596_362_000, [Dot(other, 1)], [],
        [RowEdit(10, row, [FieldEdit(16, .set(.text("開設"))), FieldEdit(18, .increment(3))])]
      ),
      (
        1_768_596_362_000, [Dot(other, 12)], [Dot(other, 1)],
        [
          RowEdit(10, row, .delete(shares: [ContributionShare(field: 18, author: author, last: 2, total: 3)])),
          RowEdit(
            10, RowID(author: other, counter: 300),
            [
              FieldEdit(19, .remove(.text("水"))), FieldEdit(20, .append(.text("note, 第2報"))),
              FieldEdit(21, .set(.null)),
              FieldEdit(30, .receive(500)), FieldEdit(30, .spend(20)), FieldEdit(30, .handOver(100, to: other)),
              FieldEdit(31, .set(.bytes([0, 255]))), FieldEdit(20, .append(.text("水"))),
            ]),
        ]
      ),
      // Enough that comes again to be packed.
      (
        1_768_596_363_000, [], [],
        (1...40).map { index in
          RowEdit(
            10, RowID(author: author, counter: 100 + UInt64(index)),
            [FieldEdit(1, .set(.text("第\(index)避難所"))), FieldEdit(13, .set(.integer(400)))])
        }
      ),
    ]
    var entries: [ChangeSetVector.Entry] = []
    for (index, (milliseconds, clock, control, edits)) in steps.enumerated() {
      let time = past.time.next(at: Instant(milliseconds: milliseconds))
      // The third says which branch of the other's log its numbers mean.
      let branches = index == 2 ? [NamedBranch(other, hash: blake2b([UInt8]("a branch".utf8)).bytes)] : []
      let header = ChangeSetHeader(time: time, clock: clock, control: control, branches: branches)
      let plain = SectionCodec.encode(edits, by: author)
      let entry = VerifiedEntry.sealing(
        [PlainSection(key: 1, secret: AudienceKey(audience)!, bytes: plain)], header: header, after: past, head: head,
        in: context, with: key)
      entries.append(
        ChangeSetVector.Entry(
          sequence: entry.sequence, previousHash: head.hash.bytes.hexadecimal, timeMilliseconds: time.milliseconds,
          timeLogical: time.logical, clock: clock.map { [$0.author.rawValue, $0.sequence] },
          control: control.map { [$0.author.rawValue, $0.sequence] },
          branches: Dictionary(uniqueKeysWithValues: branches.map { ("\($0.author.rawValue)", $0.hash.hexadecimal) }),
          plainSection: plain.hexadecimal,
          bytes: entry.bytes.hexadecimal, contentHash: entry.content(in: context).bytes.hexadecimal,
          chainHash: entry.hash.bytes.hexadecimal))
      past.advance(by: header)
      head = entry.head
    }
    return ChangeSetVector(
      federation: federation.bytes.hexadecimal, nodeSeed: seed.hexadecimal, nodeKey: key.publicKey.bytes.hexadecimal,
      audienceKeyID: 1, audienceKey: audience.hexadecimal, author: author.rawValue, lane: Lane.life.rawValue,
      entries: entries)
  }

  @Test func `change sets are the golden bytes, and verify and decode to the same edits`() throws {
    let file = Self.folder.appendingPathComponent("changeset.json")
    let made = Self.make()
    if ProcessInfo.processInfo.environment["RENKEI_WRITE_VECTORS"] == "1" {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .prettyPrinted]
      try encoder.encode(made).write(to: file)
    }
    let golden = try JSONDecoder().decode(ChangeSetVector.self, from: Data(contentsOf: file))
    #expect(made == golden)

    let key = PublicKey([UInt8](hexadecimal: golden.nodeKey)!)!
    let author = AuthorNumber(rawValue: golden.author)!
    let context = LogContext(
      federation: Digest([UInt8](hexadecimal: golden.federation)!), nodeKey: key, log: LogName(.life, author))
    let run = golden.entries.map { [UInt8](hexadecimal: $0.bytes)! }
    let (entries, refusal) = RunVerifier(context).verify(run, after: LogHead())
    #expect(refusal == nil && entries.count == golden.entries.count)
    var past = AuthorPast(author: author, lane: .life)
    for (entry, vector) in zip(entries, golden.entries) {
      let layout = try entry.bytes.decoding { raw throws(MalformedBytes) in try ChangeSetLayout(raw, after: past) }
      let plain = entry.open(0, of: layout, with: AudienceKey([UInt8](hexadecimal: golden.audienceKey)!), in: context)
      #expect(plain?.hexadecimal == vector.plainSection)
      let edits = try #require(plain).decoding { raw throws(MalformedBytes) in try SectionCodec.decode(raw, by: author)
      }
      #expect(SectionCodec.encode(edits, by: author).hexadecimal == vector.plainSection)
      past.advance(by: layout.header)
      for (author, hash) in vector.branches {
        #expect(past.branches[AuthorNumber(rawValue: UInt32(author)!)!]?.hexadecimal == hash)
      }
    }
  }

  @Test func `one flipped bit anywhere in a run is noticed, and what stands before it is taken`() throws {
    let golden = Self.make()
    let key = PublicKey([UInt8](hexadecimal: golden.nodeKey)!)!
    let author = AuthorNumber(rawValue: golden.author)!
    let context = LogContext(
      federation: Digest([UInt8](hexadecimal: golden.federation)!), nodeKey: key, log: LogName(.life, author))
    let run = golden.entries.map { [UInt8](hexadecimal: $0.bytes)! }
    for (index, entry) in run.enumerated() {
      for offset in entry.indices {
        var damaged = run
        damaged[index][offset] ^= 1 << UInt8(offset % 8)
        let (entries, refusal) = RunVerifier(context).verify(damaged, after: LogHead())
        #expect(entries.count == index && refusal == .badSignature)
      }
    }
    // Whether a change set holds does not depend on how its log is cut: one whose own signature is noise is refused in every
    // cutting, though good ones follow it.
    var noisy = run
    noisy[1].replaceSubrange((noisy[1].count - Signature.byteCount)..., with: [UInt8](repeating: 7, count: 64))
    let first = try #require(RunVerifier(context).verify([noisy[0]], after: LogHead()).entries.first)
    let second = try #require(RunVerifier(context).reading(noisy[1], after: first.head))
    let body = [UInt8](noisy[2].dropLast(Signature.byteCount))
    noisy[2] =
      VerifiedEntry.signing(
        body, after: second.head, in: context, with: SigningKey(seed: [UInt8](hexadecimal: golden.nodeSeed)!)!
      ).bytes
    for cutting in 0..<4 {
      var head = LogHead()
      var taken = 0
      var piece: [[UInt8]] = []
      for (index, bytes) in noisy.enumerated() {
        piece.append(bytes)
        guard index == noisy.count - 1 || cutting >> index & 1 == 1 else { continue }
        let (entries, refusal) = RunVerifier(context).verify(piece, after: head)
        taken += entries.count
        if refusal != nil { break }
        head = entries.last?.head ?? head
        piece = []
      }
      #expect(taken == 1, "cutting \(cutting)")
    }
    // In another place, lane, federation or by another author, the same bytes mean nothing.
    for other in [
      LogContext(federation: .zero, nodeKey: key, log: context.log),
      LogContext(federation: context.federation, nodeKey: key, log: LogName(.supply, author)),
      LogContext(
        federation: context.federation, nodeKey: key, log: LogName(.life, AuthorNumber(ward: 12, serial: 1, epoch: 1))),
    ] {
      #expect(RunVerifier(other).verify(run, after: LogHead()).entries.isEmpty)
    }
    #expect(RunVerifier(context).verify(Array(run.dropFirst()), after: LogHead()).entries.isEmpty)
  }
}
