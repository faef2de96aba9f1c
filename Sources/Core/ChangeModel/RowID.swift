import Causality

/// Names one row of one collection on every node.
///
/// Two forms share one 64-bit integer, so that it can be SQLite's own rowid:
/// - made: `author << 33 | counter`, positive; rows of one author lie together on disk, in the order of their making;
/// - derived: negative, the hash of a natural key, so that two cut-off nodes that import one published list make
///   the same rows. At a million keys, two share one with a probability of 5 × 10⁻⁸. Of what belongs to one ward, ten
///   bits of the hash are the ward's index (where a made row has it too) and 53 are left: 6 × 10⁻⁵ at a million keys.
public struct RowID: Hashable, Comparable, Sendable {
  public let rawValue: Int64

  public init(rawValue: Int64) { self.rawValue = rawValue }

  /// The largest row counter of one author: 33 bits.
  public static let counterLimit: UInt64 = 1 << 33 - 1

  /// The `counter`th row that `author` made, from 1.
  ///
  /// - Precondition: `counter` is from 1 to `counterLimit`.
  public init(author: AuthorNumber, counter: UInt64) {
    precondition(counter > 0 && counter <= Self.counterLimit)
    rawValue = Int64(author.rawValue) << 33 | Int64(counter)
  }

  /// From the first eight bytes of a natural key's hash.
  public init(derivedFrom hash: UInt64) { rawValue = Int64(bitPattern: hash | 1 << 63) }

  /// The same for what belongs to one ward, by its index.
  public init(derivedFrom hash: UInt64, ward: UInt32) {
    self.init(derivedFrom: UInt64(ward & 0x3ff) << 53 | hash & (1 << 53 - 1))
  }

  /// The same for what belongs to two wards by a natural key: 43 bits of its hash.
  public init(derivedFrom hash: UInt64, ward: UInt32, and other: UInt32) {
    self.init(derivedFrom: UInt64(other & 0x3ff) << 43 | hash & (1 << 43 - 1), ward: ward)
  }

  /// A row of two wards that an author of the first makes: its serial, its epoch and 23 bits of its counter take the place of a
  /// hash. Nil when the counter does not fit.
  public init?(made author: AuthorNumber, counter: UInt64, with other: UInt32) {
    guard counter > 0, counter < 1 << 23 else { return nil }
    let number = UInt64(author.serial) << 33 | UInt64(author.epoch) << 23 | counter
    self.init(derivedFrom: number, ward: author.ward, and: other)
  }

  /// A statement of a collection on two of another's rows: one row for each pair, whoever makes it.
  ///
  /// - Precondition: `low < high`.
  public init(pair low: RowID, _ high: RowID, in collection: UInt32) {
    precondition(low < high)
    var mixed = RandomNumbers(seed: UInt64(bitPattern: low.rawValue) ^ UInt64(collection) << 32)
    var second = RandomNumbers(seed: mixed.next() ^ UInt64(bitPattern: high.rawValue))
    self.init(derivedFrom: second.next(), ward: low.ward, and: high.ward)
  }

  /// Who made a row of two wards with `init(made:counter:with:)`.
  public var makerOfTwo: AuthorNumber {
    let bits = UInt64(bitPattern: rawValue)
    return AuthorNumber(
      ward: ward, serial: UInt32(truncatingIfNeeded: bits >> 33) & 0x3ff,
      epoch: UInt32(truncatingIfNeeded: bits >> 23) & 0x3ff)
  }

  /// The second ward of a row of two.
  public var otherWard: UInt32 { UInt32(truncatingIfNeeded: UInt64(bitPattern: rawValue) >> 43) & 0x3ff }

  /// The ward that the row belongs to, in a collection whose rows do: that of its maker, or that of a derived id.
  public var ward: UInt32 { UInt32(truncatingIfNeeded: UInt64(bitPattern: rawValue) >> 53) & 0x3ff }

  public var isDerived: Bool { rawValue < 0 }

  /// Who made the row and its number among that author's rows; nil for a derived id.
  public var made: (author: AuthorNumber, counter: UInt64)? {
    guard rawValue > 0, let author = AuthorNumber(rawValue: UInt32(rawValue >> 33)) else { return nil }
    let counter = UInt64(rawValue) & Self.counterLimit
    return counter > 0 ? (author, counter) : nil
  }

  public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

extension RowID: CustomStringConvertible {
  public var description: String { String(rawValue) }
}
