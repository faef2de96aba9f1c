/// An independent causal space with its own logs and clocks. A narrow link carries lanes in this order.
public enum Lane: UInt8, CaseIterable, Comparable, Sendable {
  /// Membership, keys, forms.
  case control = 0
  /// People's safety, shelters, warnings, requests for help.
  case life = 1
  /// Stock, orders, procurement.
  case supply = 2
  /// IDs and procedures.
  case registry = 3

  public var name: String {
    switch self {
    case .control: "control"
    case .life: "life"
    case .supply: "supply"
    case .registry: "registry"
    }
  }

  public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}
