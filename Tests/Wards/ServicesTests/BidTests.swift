import Foundation
import Sodium
import Testing

@testable import Bids

/// Sealed bids: the design's golden figures (G15), what must be refused, and that every quorum reads the same and no smaller one anything.
@Suite struct BidTests {
  private static func hex(_ text: String) -> [UInt8] {
    stride(from: 0, to: text.utf8.count, by: 2).map { place in
      UInt8(text.dropFirst(place).prefix(2), radix: 16)!
    }
  }
  private static func text(_ bytes: [UInt8]) -> String { bytes.map { String(format: "%02x", $0) }.joined() }

  private static let wards = ["13101", "13104", "13108", "13113", "13121"]
  private static let keys = wards.map {
    OpeningKey(Transcript.scalar("renkei test opening key 1", [[UInt8]($0.utf8)]).bytes)!
  }
  private static let supplier = SigningKey(seed: Transcript.hash(32, "renkei test supplier", []))!
  private static let seed = Transcript.hash(32, "renkei test seed", [])
  private static let plain = [UInt8](#"{"amount":1700000,"lottery":248}"#.utf8)

  private static func terms(
    _ trustees: [Trustee]? = nil, threshold: Int = 3, number: String = "5835678256246", lot: UInt16 = 1
  ) -> BidTerms? {
    BidTerms(
      federation: Digest(Transcript.hash(32, "renkei test federation", [])), tender: 12_345_678_901_234_567,
      version: Digest(Transcript.hash(32, "renkei test version", [])), lot: lot,
      trustees: trustees ?? keys.enumerated().map { Trustee(index: UInt16($0.offset + 1), key: $0.element.key) },
      threshold: threshold, number: number, supplier: supplier.publicKey)
  }

  private static let bid = SealedBid(plain, for: terms()!, by: supplier, seed: seed)!

  @Test func `G15: every figure of the golden bid`() throws {
    let (bid, terms) = (Self.bid, try #require(Self.terms()))
    #expect(Self.text(Transcript.generator.bytes) == "4492f21e9991bf979932802e3e5c2d6247af11c87ed4f5ae2477918a9dc7043f")
    #expect(Self.text(terms.context) == "869a0b8dc94a1c1a750a23f5096a599c08ada60b6a9bb06bf0cebeeada540542")
    #expect(Self.text(bid.commitments[0].bytes) == "487384116503aa9a678843fb4ef5bbc3e9e148365cac27863a0a5443a422f13f")
    #expect(Self.text(bid.challenge.bytes) == "dec46e7401bcce7d07c0991ef50a563bf8075b2c5af297c30fca5b80e2da7906")
    let released = try Self.keys.map { try #require($0.release(bid, terms)) }
    #expect(Self.text(released[0].share.bytes) == "7604352d7ffdd7eb433c8d35c32d50db58572081d3b87390c4de11238ca33e54")
    #expect(bid.envelope.count == 755)
    #expect(Self.text(bid.hash.bytes) == "35eae76cdaaaa6ab5e1e7fec8544059f79a580e5335c015c0a74bbdaa11da6a3")
    for release in released { #expect(release.holds(for: bid, terms)) }
    #expect(try SealedBid(bid.envelope, signature: bid.signature, for: terms) == bid)
  }

  @Test func `every quorum reads the same text, and no smaller one reads anything`() throws {
    let terms = try #require(Self.terms())
    let released = Self.keys.map { $0.release(Self.bid, terms)! }
    for one in 0..<5 {
      for two in one + 1..<5 {
        #expect(Self.bid.opened(with: [released[one], released[two]], terms) == nil)
        // One share twice is one share.
        #expect(Self.bid.opened(with: [released[one], released[two], released[one]], terms) == nil)
        for three in two + 1..<5 {
          let quorum = [released[three], released[one], released[two]]
          #expect(Self.bid.opened(with: quorum, terms) == Self.plain)
        }
      }
    }
  }

  /// A change that nobody signed is the signature's to find; one that the supplier itself signs, the proof's.
  private static func refusal(_ envelope: [UInt8], for terms: BidTerms? = terms()) -> SealedBid.Refusal? {
    let signature = supplier.signature(over: Transcript.hash(64, "renkei bid 1", [envelope]))
    do throws(SealedBid.Refusal) {
      _ = try SealedBid(envelope, signature: signature, for: terms!)
      return nil
    } catch { return error }
  }

  /// Where a part of the golden envelope begins: 3 commitments, 5 shares, the challenge, 5 responses.
  private static func part(_ place: Int) -> Range<Int> { (35 + place * 32)..<(67 + place * 32) }

  private static func changed(_ place: Int, _ bytes: [UInt8]) -> [UInt8] {
    var envelope = bid.envelope
    envelope.replaceSubrange(part(place), with: bytes)
    return envelope
  }

  @Test func `the twelve tampered variants are refused, and why`() throws {
    let envelope = Self.bid.envelope
    func bytes(_ place: Int) -> [UInt8] { Array(envelope[Self.part(place)]) }
    #expect(Self.refusal(envelope) == nil)
    // Two shares swapped.
    var swapped = envelope
    swapped.replaceSubrange(Self.part(3), with: bytes(4))
    swapped.replaceSubrange(Self.part(4), with: bytes(3))
    #expect(Self.refusal(swapped) == .badProof)
    // Everything times seven.
    var scaled = envelope
    for place in 0..<8 {
      scaled.replaceSubrange(Self.part(place), with: GroupPoint(bytes(place))!.times(GroupScalar(7))!.bytes)
    }
    #expect(Self.refusal(scaled) == .badProof)
    // A commitment dropped, and its number with it.
    var dropped = envelope
    dropped.removeSubrange(Self.part(2))
    dropped[32] = 2
    #expect(Self.refusal(dropped) == .otherTerms)
    // A response and the order of the group: the same number, other bytes.
    let order = Self.hex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010")
    var (sum, carry): ([UInt8], Int) = ([], 0)
    for (left, right) in zip(bytes(9), order) {
      carry += Int(left) + Int(right)
      sum.append(UInt8(carry & 0xff))
      carry >>= 8
    }
    #expect(Self.refusal(Self.changed(9, sum)) == .malformed)
    // The top bit of a share, the identity as a commitment, a point that is none.
    var topBit = bytes(3)
    topBit[31] |= 0x80
    for (place, bad) in [(3, topBit), (0, [UInt8](repeating: 0, count: 32)), (0, [UInt8](repeating: 0xff, count: 32))] {
      #expect(Self.refusal(Self.changed(place, bad)) == .malformed)
    }
    #expect(Self.refusal(Self.changed(8, [UInt8](repeating: 0, count: 32))) == .malformed)
    // Another bidder, another lot.
    #expect(Self.refusal(envelope, for: Self.terms(number: "2700012050002")) == .otherTerms)
    #expect(Self.refusal(envelope, for: Self.terms(lot: 2)) == .otherTerms)
    // Somebody else's signature, and one byte of the sealed text.
    let rival = SigningKey(seed: [UInt8](repeating: 9, count: 32))!
    let forged = rival.signature(over: Transcript.hash(64, "renkei bid 1", [envelope]))
    #expect(throws: SealedBid.Refusal.badSignature) { try SealedBid(envelope, signature: forged, for: Self.terms()!) }
    for length in stride(from: 0, to: envelope.count - 257, by: 31) {
      #expect(Self.refusal(Array(envelope.prefix(length))) != nil)
    }
  }

  @Test func `trustees that are none are refused before a tender can be published`() {
    let list = Self.keys.enumerated().map { Trustee(index: UInt16($0.offset + 1), key: $0.element.key) }
    #expect(Self.terms([Trustee(index: 0, key: list[0].key)] + list.dropFirst()) == nil)
    #expect(Self.terms([list[0], list[0]] + list.dropFirst(2)) == nil)
    for threshold in [0, -1, 6] { #expect(Self.terms(threshold: threshold) == nil) }
    #expect(Self.terms([], threshold: 1) == nil)
  }

  @Test func `a released share of another trustee, bid or context, or in another form, does not count`() throws {
    let terms = try #require(Self.terms())
    let released = Self.keys.map { $0.release(Self.bid, terms)! }
    var other = released[0]
    other.share = released[1].share
    #expect(!other.holds(for: Self.bid, terms))
    var moved = released[0]
    moved.index = 2
    #expect(!moved.holds(for: Self.bid, terms))
    let lot = try #require(Self.terms(lot: 2))
    let second = try #require(SealedBid(Self.plain, for: lot, by: Self.supplier, seed: Self.seed))
    #expect(!released[0].holds(for: second, lot))
    // One that does not hold opens nothing, and is known before it is used.
    var bad = released[2]
    bad.share = released[3].share
    #expect(!bad.holds(for: Self.bid, terms) && Self.bid.opened(with: [released[0], released[1], bad], terms) == nil)
  }

  @Test func `points and numbers have one form each, whatever libsodium takes`() {
    let base = "e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76"
    #expect(GroupPoint(Self.hex(base)) != nil)
    #expect(GroupPoint(Self.hex(String(base.dropLast(2)) + "f6")) == nil)
    #expect(
      GroupPoint([UInt8](repeating: 0, count: 32)) == nil
        && GroupPoint([UInt8](repeating: 0, count: 31) + [0x80]) == nil)
    #expect(GroupPoint([1] + [UInt8](repeating: 0, count: 31)) == nil)
    #expect(GroupScalar([UInt8](repeating: 0, count: 32)) == nil)
    #expect(GroupScalar(Self.hex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010")) == nil)
    #expect(GroupScalar(Self.hex("ecd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010")) != nil)
  }
}
