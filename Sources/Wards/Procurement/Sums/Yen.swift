import Desk

/// How what is less than a yen is dropped.
public enum Rounding: String, Word {
  case down = "切捨て"
  case halfUp = "四捨五入"
  case up = "切上げ"

  public var code: String {
    switch self {
    case .down: "down"
    case .halfUp: "half-up"
    case .up: "up"
    }
  }

  /// `number / divisor` in whole numbers; a discount, below zero, as much less as the same amount would be more.
  func divide(_ number: Int128, by divisor: Int128) -> Int64 {
    let size = number.magnitude
    let (whole, rest) = size.quotientAndRemainder(dividingBy: divisor.magnitude)
    let isMore =
      switch self {
      case .down: false
      case .halfUp: rest * 2 >= divisor.magnitude
      case .up: rest > 0
      }
    let rounded = Int64(clamping: Int128(whole) + (isMore ? 1 : 0))
    return number < 0 ? -rounded : rounded
  }
}

/// Sums of money: whole yen, unit prices in 1/1000 yen, never a floating point.
public enum Yen {
  /// Decimals of a unit price: electricity has them.
  public static let places = 3
  static let prices: ClosedRange<Int64> = 0...1_000_000_000_000
  /// Of the consumption tax, per mille.
  static let rates: ClosedRange<Int64> = 0...1_000
  static let amounts: ClosedRange<Int64> = -1_000_000_000_000...1_000_000_000_000

  /// What a line comes to, without tax.
  ///
  /// - Parameter price: in 1/1000 yen.
  public static func line(_ quantity: Int64, at price: Int64, _ rounding: Rounding = .down) -> Int64 {
    rounding.divide(Int128(quantity) * Int128(price), by: 1_000)
  }

  /// The consumption tax of what an invoice has at one rate: worked out once, not line by line (適格請求書, 消費税法施行令 70条の10).
  ///
  /// - Parameter rate: per mille.
  public static func tax(_ net: Int64, rate: Int64, _ rounding: Rounding) -> Int64 {
    rounding.divide(Int128(net) * Int128(rates.clamped(rate)), by: 1_000)
  }

  /// A price without the tax that is in it.
  public static func untaxed(_ price: Int64, rate: Int64) -> Int64 {
    Rounding.down.divide(Int128(price) * 1_000, by: 1_000 + Int128(rates.clamped(rate)))
  }
}

extension ClosedRange<Int64> {
  /// What another ward's row may say is any number.
  fileprivate func clamped(_ number: Int64) -> Int64 { Swift.min(Swift.max(number, lowerBound), upperBound) }
}

/// What the lines of an order or an invoice come to.
public struct NetByRate: Hashable, Sendable {
  /// By rate, per mille: yen without tax.
  public private(set) var nets: [Int64: Int64] = [:]

  public init() {}

  public mutating func add(_ net: Int64, rate: Int64) { nets[rate] = [nets[rate] ?? 0, net].total }

  public var net: Int64 { nets.values.total }

  public func tax(_ rounding: Rounding) -> Int64 {
    nets.map { Yen.tax($0.value, rate: $0.key, rounding) }.total
  }

  /// Which roundings give this tax: the issuer chooses, once for an invoice.
  public func roundings(of tax: Int64) -> [Rounding] { Rounding.allCases.filter { self.tax($0) == tax } }
}

/// Parts of a whole that sum to it: nobody's yen is lost or made.
public enum Apportionment {
  /// The largest remainders get one more each; of equal ones, whoever comes first.
  ///
  /// - Parameter weights: none below zero, one above it at least.
  /// - Returns: nil where the weights are none, or too large to reckon with.
  public static func parts(of total: Int64, by weights: [Int128]) -> [Int64]? {
    let whole = weights.reduce(Optional(Int128(0))) { sum, weight in
      sum.flatMap { $0.addingReportingOverflow(weight) }.flatMap { $0.overflow ? nil : $0.partialValue }
    }
    guard let sum = whole, sum > 0, weights.allSatisfy({ $0 >= 0 }), total >= 0,
      !weights.contains(where: { Int128(total).multipliedReportingOverflow(by: $0).overflow })
    else { return nil }
    let shares = weights.map { (Int128(total) * $0).quotientAndRemainder(dividingBy: sum) }
    var parts = shares.map { Int64(clamping: $0.quotient) }
    let left = Int(total - parts.reduce(0, +))
    let order = shares.indices.sorted { (shares[$1].remainder, $0) < (shares[$0].remainder, $1) }
    for index in order.prefix(left) { parts[index] += 1 }
    return parts
  }

  /// Weights by several rules at once, each with its share in per mille: `Σ share × input / Σ inputs`, exactly.
  ///
  /// - Returns: nil where a rule that counts has no input, or the numbers are too large to reckon with.
  public static func weights(_ rules: [(share: Int64, inputs: [Int64])]) -> [Int128]? {
    let counted = rules.filter { $0.share > 0 }
    guard let width = counted.first?.inputs.count, counted.allSatisfy({ $0.inputs.count == width }) else { return nil }
    var common: Int128 = 1
    for rule in counted {
      let sum = rule.inputs.reduce(Int128(0)) { $0 + Int128($1) }
      guard sum > 0, rule.inputs.allSatisfy({ $0 >= 0 }) else { return nil }
      let (product, isTooMuch) = common.multipliedReportingOverflow(by: sum / divisor(common, sum))
      guard !isTooMuch else { return nil }
      common = product
    }
    return (0..<width).reduce(into: Optional([Int128]())) { weights, place in
      var weight: Int128 = 0
      for rule in counted {
        let sum = rule.inputs.reduce(Int128(0)) { $0 + Int128($1) }
        let (product, isTooMuch) = (common / sum).multipliedReportingOverflow(
          by: Int128(rule.share) * Int128(rule.inputs[place]))
        let (added, isOver) = weight.addingReportingOverflow(product)
        guard !isTooMuch, !isOver else { return weights = nil }
        weight = added
      }
      weights?.append(weight)
    }
  }

  private static func divisor(_ left: Int128, _ right: Int128) -> Int128 {
    right == 0 ? left : divisor(right, left % right)
  }
}
