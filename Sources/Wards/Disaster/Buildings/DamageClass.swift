/// 住家被害認定: how much of a home's value is lost, in tenths of a per cent, and its class. In integers: nothing of 29.999… may
/// decide about money.
public enum DamageClass: String, CaseIterable, Sendable {
  case full = "全壊"
  case largeHalf = "大規模半壊"
  case middleHalf = "中規模半壊"
  case half = "半壊"
  case semiHalf = "準半壊"
  case partial = "準半壊に至らない(一部損壊)"

  /// 災害に係る住家の被害認定基準運用指針: 50, 40, 30, 20 and 10 per cent.
  ///
  /// - Parameter tenths: of a per cent.
  public init(tenths: Int) {
    switch tenths {
    case 500...: self = .full
    case 400...: self = .largeHalf
    case 300...: self = .middleHalf
    case 200...: self = .half
    case 100...: self = .semiHalf
    default: self = .partial
    }
  }

  /// A two-storey wooden home that a flood went through with force, by the water's depth above the floor.
  ///
  /// - Parameter centimetres: nil: not above the floor.
  public init(floodedTo centimetres: Int?) {
    guard let centimetres else {
      self = .partial
      return
    }
    switch centimetres {
    case 180...: self = .full
    case 100...: self = .largeHalf
    case 50...: self = .middleHalf
    default: self = .half
    }
  }

  /// Parts of a wooden home in a second survey, with their weights in per cent. From memory: to be checked with the guideline, and
  /// so a version of their own.
  public static let woodSecondSurvey: [(part: String, weight: Int)] = [
    ("屋根", 15), ("柱", 15), ("床", 10), ("外壁", 10), ("内壁", 10), ("天井", 5), ("建具", 15), ("基礎", 10), ("設備", 10),
  ]

  /// - Parameters:
  ///   - losses: per cent of each part that is lost, in the weights' order.
  /// - Returns: tenths of a per cent of the whole.
  public static func tenths(_ losses: [Int], weights: [(part: String, weight: Int)] = woodSecondSurvey) -> Int {
    zip(losses, weights).reduce(0) { $0 + min(max($1.0, 0), 100) * $1.1.weight } / 10
  }
}
