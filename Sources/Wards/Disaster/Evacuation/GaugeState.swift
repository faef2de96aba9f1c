/// 水位の読み: what a ward's own gauge says, reading by reading. A gauge proposes; it never orders.
public struct GaugeState: Sendable {
  /// 水防の水位: what each threshold is for, from low to high, in the gauge's unit.
  public struct Thresholds: Hashable, Sendable {
    public var standby, caution, judgement, danger: Double
    /// More than this from one reading to the next is looked at by a person first.
    public var step: Double

    public init(standby: Double, caution: Double, judgement: Double, danger: Double, step: Double) {
      (self.standby, self.caution, self.judgement, self.danger) = (standby, caution, judgement, danger)
      self.step = step
    }
  }

  public enum Band: Int, Comparable, Sendable {
    case normal, standby, caution, judgement, danger
    public static func < (a: Band, b: Band) -> Bool { a.rawValue < b.rawValue }
  }

  public enum Flag: String, Sendable {
    case ordinary = "通常"
    case doubtful = "要確認"
    case silent = "欠測"
  }

  /// A line that is crossed downwards holds until the water is so far below it, for so long.
  private static let below = 0.10
  private static let minutes = 60
  /// What is sent to the other nodes: changes of the band, what has moved so far, and one reading an hour.
  private static let told = 0.10

  public let thresholds: Thresholds
  public private(set) var band = Band.normal
  public private(set) var flag = Flag.ordinary
  private var last: (minute: Int, value: Double)?
  private var sent: (minute: Int, value: Double)?
  private var lowSince: Int?

  public init(_ thresholds: Thresholds) { self.thresholds = thresholds }

  /// 警戒レベル that it proposes; nil: none.
  public var proposal: Int? {
    switch band {
    case .judgement: 3
    case .danger: 4
    default: nil
    }
  }

  private func band(of value: Double) -> Band {
    switch value {
    case thresholds.danger...: .danger
    case thresholds.judgement...: .judgement
    case thresholds.caution...: .caution
    case thresholds.standby...: .standby
    default: .normal
    }
  }

  private func line(of band: Band) -> Double {
    switch band {
    case .danger: thresholds.danger
    case .judgement: thresholds.judgement
    case .caution: thresholds.caution
    case .standby, .normal: thresholds.standby
    }
  }

  /// Takes a reading.
  ///
  /// - Returns: whether the other nodes are told of it.
  @discardableResult
  public mutating func read(_ value: Double, at minute: Int) -> Bool {
    defer { last = (minute, value) }
    if let last, abs(value - last.value) > thresholds.step {
      flag = .doubtful
      sent = (minute, value)
      return true
    }
    flag = .ordinary
    let now = band(of: value)
    let before = band
    if now > band {
      (band, lowSince) = (now, nil)
    } else if now < band, value <= line(of: band) - Self.below + 1e-9 {
      let since = lowSince ?? minute
      lowSince = since
      if minute - since >= Self.minutes { (band, lowSince) = (now, nil) }
    } else {
      lowSince = nil
    }
    let isTold =
      band != before
      || sent.map { minute - $0.minute >= Self.minutes || abs(value - $0.value) >= Self.told - 1e-9 } ?? true
    if isTold { sent = (minute, value) }
    return isTold
  }

  /// Nothing came for too long: the last band stands, with its age.
  public mutating func fallSilent() { flag = .silent }

}
