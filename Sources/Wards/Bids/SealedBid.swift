import Sodium

/// A bid that nobody can read until enough wards open it together, and of which everybody can see at once that it will open.
///
/// Publicly verifiable secret sharing: Schoenmakers, "A Simple Publicly Verifiable Secret Sharing Scheme and Its Application to
/// Electronic Voting" (CRYPTO '99), on ristretto255. No set-up, no dealer, no key that opens everything: the supplier deals the secret of
/// its own bid to the trustees, with a proof.
public struct SealedBid: Hashable, Sendable {
  let commitments: [GroupPoint]
  let shares: [GroupPoint]
  let challenge: GroupScalar
  let responses: [GroupScalar]
  let box: [UInt8]
  /// As it travels.
  public let envelope: [UInt8]
  /// The supplier's, over the envelope.
  public let signature: [UInt8]

  public static let mostBytes = 40 * 1024
  /// Texts are filled up to a multiple of this before they are sealed: a length tells nothing.
  private static let padding = 256

  public var hash: Digest { Digest(Transcript.hash(32, "renkei envelope 1", [envelope])) }

  // MARK: Sealing

  /// - Parameters:
  ///   - seed: 32 random bytes, never used again; coefficients and nonces follow from it and the terms.
  /// - Returns: nil when the supplier's key is not the terms' own, or the text is too long.
  public init?(_ text: [UInt8], for terms: BidTerms, by key: SigningKey, seed: [UInt8]) {
    guard key.publicKey == terms.supplier, seed.count == 32 else { return nil }
    let generator = Transcript.generator
    let coefficients = (0..<terms.threshold).map {
      Transcript.scalar("renkei bid coefficient 1", [seed, terms.context, GroupScalar(UInt16($0)).bytes])
    }
    var secrets: [GroupScalar] = []
    var (commitments, shares, images): ([GroupPoint], [GroupPoint], [GroupPoint]) = ([], [], [])
    var (first, second, nonces): ([GroupPoint], [GroupPoint], [GroupScalar]) = ([], [], [])
    for coefficient in coefficients {
      guard let point = generator.times(coefficient) else { return nil }
      commitments.append(point)
    }
    for trustee in terms.trustees {
      let place = GroupScalar(trustee.index)
      let secret = coefficients.reversed().reduce(GroupScalar.zero) { $0 * place + $1 }
      let nonce = Transcript.scalar("renkei bid nonce 1", [seed, terms.context, place.bytes])
      guard let share = trustee.key.times(secret), let image = generator.times(secret),
        let one = generator.times(nonce), let other = trustee.key.times(nonce)
      else { return nil }
      secrets.append(secret)
      shares.append(share)
      images.append(image)
      first.append(one)
      second.append(other)
      nonces.append(nonce)
    }
    challenge = Self.challenge(terms, commitments, images, shares, first, second)
    let challenge = challenge
    responses = zip(nonces, secrets).map { $0 - $1 * challenge }
    (self.commitments, self.shares) = (commitments, shares)
    guard let secret = GroupPoint.base(coefficients[0]) else { return nil }
    let padded = text + [UInt8](repeating: 0x20, count: (Self.padding - text.count % Self.padding) % Self.padding)
    box = Self.key(secret, terms).seal(padded, nonce: Self.nonce(terms), with: terms.context)
    envelope = Self.encoded(terms, commitments, shares, challenge, responses, box)
    guard envelope.count <= Self.mostBytes else { return nil }
    signature = key.signature(over: Self.signed(envelope))
  }

  private static func challenge(
    _ terms: BidTerms, _ commitments: [GroupPoint], _ images: [GroupPoint], _ shares: [GroupPoint],
    _ first: [GroupPoint], _ second: [GroupPoint]
  ) -> GroupScalar {
    let points = terms.trustees.map(\.key) + commitments + images + shares + first + second
    return Transcript.scalar("renkei bid challenge 1", [terms.context] + points.map(\.bytes))
  }

  private static func key(_ secret: GroupPoint, _ terms: BidTerms) -> AudienceKey {
    AudienceKey(Transcript.hash(32, "renkei bid key 1", [terms.context, secret.bytes]))!
  }

  /// Every bid has a key of its own: one nonce is enough.
  private static func nonce(_ terms: BidTerms) -> [UInt8] {
    Transcript.hash(AudienceKey.nonceBytes, "renkei bid nonce 2", [terms.context])
  }

  private static func signed(_ envelope: [UInt8]) -> [UInt8] { Transcript.hash(64, "renkei bid 1", [envelope]) }

  private static func encoded(
    _ terms: BidTerms, _ commitments: [GroupPoint], _ shares: [GroupPoint], _ challenge: GroupScalar,
    _ responses: [GroupScalar], _ box: [UInt8]
  ) -> [UInt8] {
    terms.context + [UInt8(commitments.count)] + withUnsafeBytes(of: UInt16(shares.count).bigEndian) { Array($0) }
      + (commitments + shares).flatMap(\.bytes) + challenge.bytes + responses.flatMap(\.bytes) + box
  }

  // MARK: Taking in

  /// Why a bid is not taken: told at once, while the supplier can still come again.
  public enum Refusal: Error, Hashable, Sendable {
    /// Cut off, too long, or a point or number that is not in its one form.
    case malformed
    /// Of another tender, version, lot, supplier or other trustees.
    case otherTerms
    /// Not the supplier's own word.
    case badSignature
    /// It would not open, or not the same for all.
    case badProof
  }

  /// Reads a bid and sees that it is the supplier's, for these terms, and will open whichever trustees do.
  public init(_ envelope: [UInt8], signature: [UInt8], for terms: BidTerms) throws(Refusal) {
    guard envelope.count <= Self.mostBytes, envelope.count > 35 else { throw .malformed }
    guard Array(envelope.prefix(32)) == terms.context else { throw .otherTerms }
    let (threshold, count) = (Int(envelope[32]), Int(envelope[33]) << 8 | Int(envelope[34]))
    guard threshold == terms.threshold, count == terms.trustees.count else { throw .otherTerms }
    let parts = threshold + count + 1 + count
    guard envelope.count > 35 + parts * 32 + AudienceKey.tagBytes else { throw .malformed }
    func part(_ place: Int) -> ArraySlice<UInt8> { envelope[(35 + place * 32)..<(67 + place * 32)] }
    let points = (0..<threshold + count).map { GroupPoint(part($0)) }
    let scalars = (threshold + count..<parts).map { GroupScalar(part($0)) }
    guard !points.contains(nil), !scalars.contains(nil) else { throw .malformed }
    commitments = points.prefix(threshold).map { $0! }
    shares = points.dropFirst(threshold).map { $0! }
    challenge = scalars[0]!
    responses = scalars.dropFirst().map { $0! }
    box = Array(envelope[(35 + parts * 32)...])
    self.envelope = envelope
    self.signature = signature
    guard terms.supplier.verifies(signature, over: Self.signed(envelope)) else { throw .badSignature }
    guard isProven(terms) else { throw .badProof }
  }

  /// Whether every share is the polynomial's, that the commitments fix, at its trustee's place.
  private func isProven(_ terms: BidTerms) -> Bool {
    let generator = Transcript.generator
    var (images, first, second): ([GroupPoint], [GroupPoint], [GroupPoint]) = ([], [], [])
    for (place, trustee) in terms.trustees.enumerated() {
      var image = commitments.last
      for commitment in commitments.dropLast().reversed() {
        image = image?.times(GroupScalar(trustee.index))?.plus(commitment)
      }
      guard let image, let one = generator.times(responses[place])?.plus(image.times(challenge)),
        let other = trustee.key.times(responses[place])?.plus(shares[place].times(challenge))
      else { return false }
      images.append(image)
      first.append(one)
      second.append(other)
    }
    return Self.challenge(terms, commitments, images, shares, first, second) == challenge
  }

  // MARK: Opening

  /// The text, from the shares of as many trustees as the threshold says; nil when there are too few, or they do not open it.
  ///
  /// - Parameter released: each checked with `Release.holds`.
  public func opened(with released: [Release], _ terms: BidTerms) -> [UInt8]? {
    var byIndex: [UInt16: GroupPoint] = [:]
    for release in released where byIndex.count < terms.threshold && byIndex[release.index] == nil {
      byIndex[release.index] = release.share
    }
    guard byIndex.count == terms.threshold, let secret = Self.combined(byIndex) else { return nil }
    let plain = box.withUnsafeBytes { Self.key(secret, terms).open($0, nonce: Self.nonce(terms), with: terms.context) }
    guard let plain else { return nil }
    return Array(plain[..<((plain.lastIndex { $0 != 0x20 } ?? -1) + 1)])
  }

  /// Lagrange's formula at 0, in the group.
  private static func combined(_ shares: [UInt16: GroupPoint]) -> GroupPoint? {
    var sum: GroupPoint?
    for (index, share) in shares.sorted(by: { $0.key < $1.key }) {
      var (above, below) = (GroupScalar(1), GroupScalar(1))
      for other in shares.keys where other != index {
        above = above * GroupScalar(other)
        below = below * (GroupScalar(other) - GroupScalar(index))
      }
      guard let inverse = below.inverse, let part = share.times(above * inverse) else { return nil }
      if let known = sum {
        guard let next = known.plus(part) else { return nil }
        sum = next
      } else {
        sum = part
      }
    }
    return sum
  }
}

/// One trustee's share of one bid, opened with its card, and the proof that it is.
public struct Release: Hashable, Sendable {
  public var index: UInt16
  public var share: GroupPoint
  public var challenge: GroupScalar
  public var response: GroupScalar

  public init(index: UInt16, share: GroupPoint, challenge: GroupScalar, response: GroupScalar) {
    (self.index, self.share, self.challenge, self.response) = (index, share, challenge, response)
  }

  /// Whether it is what the trustee's key makes of its share of the bid.
  public func holds(for bid: SealedBid, _ terms: BidTerms) -> Bool {
    guard let place = terms.trustees.firstIndex(where: { $0.index == index }) else { return false }
    let (key, dealt) = (terms.trustees[place].key, bid.shares[place])
    guard let one = GroupPoint.base(response)?.plus(key.times(challenge)),
      let other = share.times(response)?.plus(dealt.times(challenge))
    else { return false }
    return Self.challenge(terms, index, key, dealt, share, one, other) == challenge
  }

  fileprivate static func challenge(
    _ terms: BidTerms, _ index: UInt16, _ key: GroupPoint, _ dealt: GroupPoint, _ share: GroupPoint, _ one: GroupPoint,
    _ other: GroupPoint
  ) -> GroupScalar {
    Transcript.scalar(
      "renkei share challenge 1",
      [terms.context, GroupScalar(index).bytes, key.bytes, dealt.bytes, share.bytes, one.bytes, other.bytes])
  }
}

/// What lies on a ward's opening card, and nowhere else.
public struct OpeningKey: Sendable {
  private let secret: SecretBytes
  public let key: GroupPoint

  /// Nil unless a number of the group other than 0.
  public init?(_ bytes: [UInt8]) {
    guard let scalar = GroupScalar(bytes), let key = GroupPoint.base(scalar) else { return nil }
    secret = SecretBytes(bytes)
    self.key = key
  }

  /// This trustee's share of a bid. Nil for who is none of its trustees.
  public func release(_ bid: SealedBid, _ terms: BidTerms) -> Release? {
    guard let place = terms.trustees.firstIndex(where: { $0.key == key }) else { return nil }
    let (index, dealt) = (terms.trustees[place].index, bid.shares[place])
    return secret.withBytes { bytes in
      let scalar = GroupScalar(UnsafeBufferPointer(start: bytes, count: GroupScalar.byteCount))!
      let nonce = Transcript.scalar("renkei share nonce 1", [terms.context, scalar.bytes, dealt.bytes])
      guard let inverse = scalar.inverse, let share = dealt.times(inverse), let one = GroupPoint.base(nonce),
        let other = share.times(nonce)
      else { return nil }
      let challenge = Release.challenge(terms, index, key, dealt, share, one, other)
      return Release(index: index, share: share, challenge: challenge, response: nonce - scalar * challenge)
    }
  }
}

extension GroupPoint {
  fileprivate func plus(_ other: GroupPoint?) -> GroupPoint? { other.flatMap { plus($0) } }
}
