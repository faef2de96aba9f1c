import Desk

/// When what has been delivered is looked at and paid (政府契約の支払遅延防止等に関する法律 5, 6, 14条): the first day does not count.
public enum DueDates {
  /// Ten days after the supplier said that it was there.
  public static func inspection(told day: String) -> String? {
    JapaneseDay.number(day).map { JapaneseDay.date($0 + 10) }
  }

  /// Thirty days after the claim, less the days by which the inspection was late.
  public static func payment(claimed day: String, inspectedLateBy days: Int64 = 0) -> String? {
    JapaneseDay.number(day).map { JapaneseDay.date($0 + 30 - max(0, days)) }
  }
}

/// 随意契約によることができる額: the most that a ward may buy for without a tender, by the law; its own rules may be stricter.
/// Source: 地方自治法施行令 別表第五 (市区町村), 令和7年政令第94号 from 2025-04-01.
public enum DirectAward {
  public enum Kind: String, Word {
    case works = "工事・製造"
    case purchase = "物品の買入れ"
    case hire = "借入れ"
    case sale = "売払い"
    case letting = "貸付け"
    case other = "その他"

    public var code: String {
      switch self {
      case .works: "works"
      case .purchase: "purchase"
      case .hire: "hire"
      case .sale: "sale"
      case .letting: "letting"
      case .other: "other"
      }
    }

    fileprivate var limits: (before: Int64, since: Int64) {
      switch self {
      case .works: (1_300_000, 2_000_000)
      case .purchase: (800_000, 1_500_000)
      case .hire: (400_000, 800_000)
      case .sale: (300_000, 500_000)
      case .letting: (300_000, 300_000)
      case .other: (500_000, 1_000_000)
      }
    }
  }

  private static let changed = "2025-04-01"

  /// The law's limit in yen, tax included.
  public static func limit(_ kind: Kind, on day: String) -> Int64 {
    day < changed ? kind.limits.before : kind.limits.since
  }

  /// Whether wards may buy without a tender: of several together, the strictest limit counts.
  public static func isAllowed(_ estimate: Int64, _ kind: Kind, on day: String, own limits: [Int64] = []) -> Bool {
    estimate <= ([limit(kind, on: day)] + limits).min()!
  }
}

/// A figure by how large another is: so many are invited to a tender of so much.
public struct Bands: Hashable, Sendable {
  private let bands: [(below: Int64, figure: Int64)]
  private let above: Int64

  public init(_ bands: [(below: Int64, figure: Int64)], above: Int64) {
    self.bands = bands.sorted { $0.below < $1.below }
    self.above = above
  }

  public func figure(for amount: Int64) -> Int64 { bands.first { amount < $0.below }?.figure ?? above }

  public static func == (left: Self, right: Self) -> Bool {
    left.above == right.above && left.bands.elementsEqual(right.bands, by: ==)
  }

  public func hash(into hasher: inout Hasher) { hasher.combine(above) }
}
