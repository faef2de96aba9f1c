import Causality

/// The stages of a disaster, counted from the quake: what a desk has to do changes with them.
public enum Phase: String, Word {
  case before = "発災前"
  case dayOf = "発災当日"
  case days1to3 = "1〜3日"
  case days3to7 = "3〜7日"
  case recovery = "復旧・復興期"

  public var code: String {
    switch self {
    case .before: "before"
    case .dayOf: "day-of"
    case .days1to3: "days-1-3"
    case .days3to7: "days-3-7"
    case .recovery: "recovery"
    }
  }

  public var words: Words {
    switch self {
    case .before: Words(rawValue, "before")
    case .dayOf: Words(rawValue, "day of the quake")
    case .days1to3: Words(rawValue, "days 1 to 3")
    case .days3to7: Words(rawValue, "days 3 to 7")
    case .recovery: Words(rawValue, "recovery")
    }
  }

  private static let day: Int64 = 86_400_000

  /// - Parameter quake: nil when none was declared.
  public init(quake: Int64?, now: Instant) {
    guard let quake, now.milliseconds >= quake else {
      self = .before
      return
    }
    switch now.milliseconds &- quake {
    case ..<Self.day: self = .dayOf
    case ..<(3 * Self.day): self = .days1to3
    case ..<(7 * Self.day): self = .days3to7
    default: self = .recovery
    }
  }

}
