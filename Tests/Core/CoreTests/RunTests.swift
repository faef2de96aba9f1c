import Causality
import ChangeModel
import SignedLog
import Sodium
import TestSupport
import Testing

/// What of a log holds follows from the log: not from how it was cut into runs, on a link, on a card or in two answers.
struct RunTests {
  private static let author = AuthorNumber(ward: 3, serial: 1, epoch: 0)
  private static let context = LogContext(
    federation: Digest(repeatElement(7, count: Digest.byteCount)),
    nodeKey: SigningKey(seed: [UInt8](repeating: 5, count: SigningKey.seedBytes))!.publicKey,
    log: LogName(.life, author))
  private static let key = SigningKey(seed: [UInt8](repeating: 5, count: SigningKey.seedBytes))!

  /// A log whose change sets in `spoilt` bear noise for a signature: what follows is signed well after it, as a thief would.
  private static func log(_ count: Int, spoilt: Set<Int>, _ random: inout RandomNumbers) -> [[UInt8]] {
    var (log, head): ([[UInt8]], LogHead) = ([], LogHead())
    var past = AuthorPast(author: author, lane: .life)
    for index in 0..<count {
      let header = ChangeSetHeader(time: past.time.next(at: .test), clock: [], control: [])
      let entry = VerifiedEntry.sealing(
        [PlainSection(key: 0, secret: nil, bytes: SectionCodec.encode([], by: author))], header: header, after: past,
        head: head, in: context, with: key)
      past.advance(by: header)
      var bytes = entry.bytes
      if spoilt.contains(index) {
        bytes = bytes.dropLast(Signature.byteCount) + (0..<Signature.byteCount).map { _ in UInt8(random.below(256)) }
      }
      log.append(bytes)
      head = RunVerifier(context).reading(bytes, after: head)!.head
    }
    return log
  }

  /// How far a log is taken that comes in runs of these lengths, and each run again from wherever the last one ended.
  private static func taken(_ log: [[UInt8]], _ lengths: [Int]) -> LogHead {
    var head = LogHead()
    for length in lengths {
      let start = Int(head.sequence)
      let (entries, _) = RunVerifier(context).verify(Array(log[start..<min(start + length, log.count)]), after: head)
      head = entries.last?.head ?? head
    }
    return head
  }

  /// However far, from wherever and in whatever order somebody checked ahead, and whatever else they were shown.
  @Test func `what was checked ahead takes the same prefix as what was not`() {
    var random = RandomNumbers(seed: 24)
    for seed in 0..<150 {
      let count = 1 + random.below(8)
      let log = Self.log(count, spoilt: Set((0..<count).filter { _ in random.chance(0.2) }), &random)
      let other = Self.log(count, spoilt: [0], &random)
      let expected = Self.taken(log, [count])
      let ahead = SignaturesAhead()
      ahead.keep(Self.context, to: LogHead())
      var head = LogHead()
      while true {
        for _ in 0..<random.below(4) {
          let first = random.below(count)
          let shown = random.chance(0.7) ? log : other
          ahead.check(
            Self.context.log, from: SequenceNumber(first + 1),
            Array(shown[first..<(first + 1 + random.below(count - first))]))
        }
        let rest = Array(log[Int(head.sequence)...].prefix(1 + random.below(3)))
        let (entries, _) = RunVerifier(Self.context, ahead: ahead).verify(rest, after: head)
        guard let last = entries.last else { break }
        head = last.head
        ahead.keep(Self.context, to: head)
      }
      #expect(head == expected, "case \(seed)")
    }
  }

  @Test func `any cutting of any run takes the same prefix: up to the first change set that its author did not sign`() {
    var random = RandomNumbers(seed: 18)
    for seed in 0..<150 {
      let count = 1 + random.below(8)
      let spoilt = Set((0..<count).filter { _ in random.chance(0.2) })
      let log = Self.log(count, spoilt: spoilt, &random)
      let expected = spoilt.min() ?? count
      for cutting in [[count], Array(repeating: 1, count: count)]
        + (0..<4).map({ _ in
          (0..<(2 * count)).map { _ in 1 + random.below(count) }
        })
      {
        let head = Self.taken(log, cutting + [count])
        #expect(Int(head.sequence) == expected, "history \(seed), noise at \(spoilt.sorted()), cut \(cutting)")
      }
    }
  }
}
