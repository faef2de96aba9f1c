import Causality
import ChangeModel
import Desk

/// What one holder set aside for one request. Each step is a fact in a field of its own, so that steps taken at once in two
/// places stand side by side; the state follows from them, alike on every node.
public enum Allocation {
  public static let request = Field.row(1, "request", of: "requests", "要請", "Request")
  public static let lot = Field.row(2, "lot", of: "lots", "ロット", "Lot")
  public static let item = Field.row(3, "item", of: "items", "品目", "Item")
  public static let quantity = Field.integer(4, "quantity", 1...1_000_000_000, "割り当て数", "Quantity")
  public static let holder = Field.ward(5, "holder", of: .first, "出し手の区", "Holding ward")
  public static let reservedAt = Field.time(6, "reserved_at", "割り当て日時", "Reserved at")
  public static let shippedAt = Field.time(7, "shipped_at", "発送日時", "Shipped at")
  public static let shipped = Field.integer(8, "shipped", 1...1_000_000_000, "発送数", "Shipped")
  public static let carrier = Field.text(9, "carrier", 100, "輸送手段", "Carrier")
  public static let arrivedAt = Field.time(10, "arrived_at", "到着日時", "Arrived at")
  public static let arrived = Field.integer(11, "arrived", 0...1_000_000_000, "到着数", "Arrived")
  public static let inspectedAt = Field.time(12, "inspected_at", "受け取り確認の日時", "Inspected at")
  public static let accepted = Field.integer(13, "accepted", 0...1_000_000_000, "受け取り確認の数", "Accepted")
  public static let fault = Field.text(14, "fault", 500, "不良・不足の内容", "What was wrong")
  public static let cancelledAt = Field.time(15, "cancelled_at", "取消日時", "Cancelled at")
  public static let reason = Field.text(16, "reason", 500, "理由", "Reason")
  public static let substitute = Field.flag(17, "substitute", "代替品", "A substitute")
  public static let redirectedFrom = Field.row(18, "redirected_from", of: "requests", "元の要請", "Redirected from")
  public static let by = Field.user(19, "by", "担当", "By")

  /// What the ward that asked says of what came; all else is the holder's.
  private static let askers: Set = [
    arrivedAt.number, arrived.number, inspectedAt.number, accepted.number, fault.number,
  ]
  private static let holders: Set = [
    request.number, lot.number, item.number, quantity.number, holder.number, reservedAt.number, shippedAt.number,
    shipped.number, carrier.number, cancelledAt.number, reason.number, substitute.number, redirectedFrom.number,
    by.number,
  ]

  public static let records = Records(
    73, "allocations", "割り当て", "Allocation", lane: .supply, law: .keptByParties(first: holders, second: askers),
    reader: .staff,
    fields: [
      request, lot, item, quantity, holder, reservedAt, shippedAt, shipped, carrier, arrivedAt, arrived, inspectedAt,
      accepted, fault, cancelledAt, reason, substitute, redirectedFrom, by,
    ],
    title: [item, quantity, holder], states: AllocationState.ladder,
    takesOwnItems: true,
    indexes: [[request]])
}

/// How far an allocation has come. It follows from the facts alone, the last step first: what was shipped is under way
/// though somebody cancelled it at the same moment elsewhere, since the lorry does not know.
public enum AllocationState: String, CaseIterable, Sendable {
  case inspected = "検収済"
  case arrived = "到着"
  case shipped = "輸送中"
  case cancelled = "取消"
  case reserved = "引当済"

  public init(_ allocation: RowValues) {
    self = Self.allCases.first { $0.fact.map { allocation[$0] != nil } ?? true }!
  }

  /// When it came about; nil for what holds before any step.
  private var fact: Field<Instant>? {
    switch self {
    case .inspected: Allocation.inspectedAt
    case .arrived: Allocation.arrivedAt
    case .shipped: Allocation.shippedAt
    case .cancelled: Allocation.cancelledAt
    case .reserved: nil
    }
  }

  /// How many units are on their way to the request, or came.
  var units: Field<Int64>? {
    switch self {
    case .inspected: Allocation.accepted
    case .arrived: Allocation.arrived
    case .shipped: Allocation.shipped
    case .cancelled: nil
    case .reserved: Allocation.quantity
    }
  }

  public var code: String {
    switch self {
    case .inspected: "inspected"
    case .arrived: "arrived"
    case .shipped: "shipped"
    case .cancelled: "cancelled"
    case .reserved: "reserved"
    }
  }

  public var words: Words {
    switch self {
    case .inspected: Words(rawValue, "inspected")
    case .arrived: Words(rawValue, "arrived")
    case .shipped: Words(rawValue, "under way")
    case .cancelled: Words(rawValue, "cancelled")
    case .reserved: Words(rawValue, "set aside")
    }
  }

  private var tone: State.Tone {
    switch self {
    case .inspected: .done
    case .arrived, .reserved: .open
    case .shipped: .underWay
    case .cancelled: .ended
    }
  }

  /// The same as the states of its collection.
  static let ladder: [State] = allCases.map { state in
    state.fact.map { State.has($0, state.code, state.words.ja, state.words.en, state.tone) }
      ?? State.otherwise(state.code, state.words.ja, state.words.en, state.tone)
  }
}
