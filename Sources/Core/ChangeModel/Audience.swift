/// Names an audience's key. 0 is no key: what is in such a section is readable by anyone.
public typealias AudienceKeyID = UInt32

/// What a ward keeps to itself, by what the law lets others see of it.
public enum Confidence: UInt32, CaseIterable, Hashable, Sendable {
  /// Who somebody is and where: a declared disaster opens it to look for people (Disaster Countermeasures Basic Act,
  /// article 86-15).
  case identity = 1
  /// What help somebody needs: a declared disaster opens it to those who help (the same act, article 49-11 (3)).
  case care = 2
  /// What a resident lets a named ward see, and the pseudonyms of private services: no declaration opens it.
  case disclosure = 3
  /// Somebody who must not be found (article 86-15 (2) and the ministry's notice on victims of violence at home): no
  /// declaration opens it.
  case protected = 4
  /// What staff sign in with: no declaration opens it.
  case credential = 5
}

/// Who can read a section. FORMAT.md, section 4.
public enum Audience: Hashable, Sendable {
  /// Everyone: no key.
  case anyone
  /// Every node of the federation.
  case federation
  /// The nodes of one ward, by its index, and whom that ward lets in.
  case ward(UInt32, Confidence)
  /// What one ward tells another.
  case told(by: UInt32, to: UInt32)

  private static let wardBit: AudienceKeyID = 1 << 29
  private static let toldBit: AudienceKeyID = 1 << 30
  private static let part: AudienceKeyID = 1 << 10
  /// How often a ward can make its keys anew, and one more.
  public static let generationLimit: UInt32 = 1 << 10

  /// The audience's key of a generation. A ward makes new keys when a node that had them is revoked; what was sealed with
  /// the old ones stays readable to whoever had them.
  ///
  /// - Precondition: `generation < generationLimit`. What everybody may read has one generation.
  public func key(_ generation: UInt32 = 0) -> AudienceKeyID {
    precondition(generation < Self.generationLimit)
    return switch self {
    case .anyone: 0
    case .federation: 1
    case .ward(let ward, let confidence): Self.wardBit | generation << 14 | ward << 4 | confidence.rawValue
    case .told(let from, let to): Self.toldBit | generation << 20 | from << 10 | to
    }
  }

  /// Nil for a number that names none.
  public init?(key: AudienceKeyID) {
    let mask = Self.part - 1
    switch key {
    case 0: self = .anyone
    case 1: self = .federation
    case Self.wardBit..<Self.toldBit:
      guard key & ~Self.wardBit < 1 << 24, let confidence = Confidence(rawValue: key & 15) else { return nil }
      self = .ward(key >> 4 & mask, confidence)
    case Self.toldBit..<(Self.toldBit << 1): self = .told(by: key >> 10 & mask, to: key & mask)
    default: return nil
    }
  }

  /// Of a key that names an audience.
  public static func generation(of key: AudienceKeyID) -> UInt32 {
    switch Audience(key: key) {
    case .ward: key >> 14 & (part - 1)
    case .told: key >> 20 & (part - 1)
    case .anyone, .federation, nil: 0
    }
  }

  /// The only ward whose nodes may write for this audience: holding another ward's key lets one read, not write.
  public var writer: UInt32? {
    switch self {
    case .anyone, .federation: nil
    case .ward(let ward, _), .told(by: let ward, _): ward
    }
  }
}
