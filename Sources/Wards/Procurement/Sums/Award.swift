import Desk

/// How a tender is decided: plain reckoning, the same on every node.
public enum Award {
  /// What a bid without tax makes the contract's price.
  public static func contractPrice(bid: Int64) -> Int64 { Int64(clamping: Int128(bid) * 110 / 100) }

  /// How bids are held against the price that was fixed beforehand: both ways are in use, and differ by a yen.
  public enum Comparison: Sendable {
    /// 比較価格: the bid against the reserve without tax.
    case untaxed
    /// 税込: the bid with tax against the reserve.
    case taxed
  }

  /// - Parameter reserve: with tax.
  public static func isWithin(bid: Int64, reserve: Int64, _ way: Comparison) -> Bool {
    switch way {
    case .untaxed: Int128(bid) <= Int128(reserve) * 100 / 110
    case .taxed: contractPrice(bid: bid) <= reserve
    }
  }

  /// Who wins of equal bids: the sum of the sealed digits, by the number of bids; the place in the order of receipt, from 0.
  public static func lottery(_ digits: [Int]) -> Int { digits.reduce(0, +) % max(1, digits.count) }

  /// Points for a price, in 1/1000: the lowest gets all.
  public static func points(price: Int64, lowest: Int64, most: Int64) -> Int64 {
    Int64(clamping: Int128(lowest.held) * Int128(most.held) * 1_000 / Int128(max(1, price)))
  }
}

/// What was saved.
public enum Saving {
  /// - Parameters:
  ///   - before, price: in 1/1000 yen, both without tax.
  ///   - accepted: what came and was found good.
  public static func of(before: Int64, price: Int64, accepted: Int64) -> Int64 {
    Rounding.down.divide((Int128(before) - Int128(price)) * Int128(accepted), by: 1_000)
  }
}

/// When wards could buy together, given from when and until when each could begin.
public enum StartWindows {
  public struct Window: Hashable, Sendable {
    public var ward: String
    /// Days, `2026-04-01`.
    public var earliest: String
    public var latest: String
    public var units: Int64

    public init(ward: String, earliest: String, latest: String, units: Int64) {
      (self.ward, self.earliest, self.latest, self.units) = (ward, earliest, latest, units)
    }
  }

  public struct Group: Hashable, Sendable {
    public var start: String
    public var wards: [String]
    public var units: Int64
  }

  private static func group(_ windows: [Window], at start: String) -> Group {
    let fit = windows.filter { $0.earliest <= start && start <= $0.latest }
    return Group(start: start, wards: fit.map(\.ward), units: fit.map(\.units).total)
  }

  /// The largest group at each day on which a window opens, by day.
  public static func starts(_ windows: [Window]) -> [Group] {
    Set(windows.map(\.earliest)).sorted().map { group(windows, at: $0) }
  }

  /// The most units at one start; of equal ones the earliest. Nil without windows.
  public static func best(_ windows: [Window]) -> Group? {
    starts(windows).reduce(nil) { best, next in best.map { $0.units >= next.units ? $0 : next } ?? next }
  }

  /// The most units in two groups, one after the other; of equal ones the larger first group, then the earlier start.
  public static func bestPair(_ windows: [Window]) -> (first: Group, second: Group)? {
    var best: (first: Group, second: Group)?
    for first in starts(windows) {
      let rest = windows.filter { !first.wards.contains($0.ward) }
      for second in starts(rest) where second.start > first.start {
        let isBetter = best.map { best in
          (first.units + second.units, first.units) > (best.first.units + best.second.units, best.first.units)
        }
        if isBetter ?? true { best = (first, second) }
      }
    }
    return best
  }
}
