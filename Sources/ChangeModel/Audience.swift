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

  public var key: AudienceKeyID {
    switch self {
    case .anyone: 0
    case .federation: 1
    case .ward(let ward, let confidence): Self.wardBit | ward << 4 | confidence.rawValue
    case .told(let from, let to): Self.toldBit | from << 10 | to
    }
  }

  /// Nil for a number that names none.
  public init?(key: AudienceKeyID) {
    switch key {
    case 0: self = .anyone
    case 1: self = .federation
    case Self.wardBit..<Self.toldBit:
      let rest = key & ~Self.wardBit
      guard rest >> 4 < Self.part, let confidence = Confidence(rawValue: rest & 15) else { return nil }
      self = .ward(rest >> 4, confidence)
    case Self.toldBit..<(Self.toldBit << 1):
      let rest = key & ~Self.toldBit
      guard rest < Self.part * Self.part else { return nil }
      self = .told(by: rest >> 10, to: rest & (Self.part - 1))
    default: return nil
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
