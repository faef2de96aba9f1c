import ChangeModel
import Desk

/// How far an allocation has come. It follows from the facts alone: what was shipped is under way though somebody
/// cancelled it at the same moment elsewhere, since the lorry does not know.
public enum AllocationState: String, CaseIterable, Sendable {
  case reserved = "引当済"
  case cancelled = "取消"
  case shipped = "輸送中"
  case arrived = "到着"
  case inspected = "検収済"

  public init(_ allocation: RowValues) {
    if allocation.integer("inspected_at") != nil {
      self = .inspected
    } else if allocation.integer("arrived_at") != nil {
      self = .arrived
    } else if allocation.integer("shipped_at") != nil {
      self = .shipped
    } else if allocation.integer("cancelled_at") != nil {
      self = .cancelled
    } else {
      self = .reserved
    }
  }

  var code: String {
    switch self {
    case .reserved: "reserved"
    case .cancelled: "cancelled"
    case .shipped: "shipped"
    case .arrived: "arrived"
    case .inspected: "inspected"
    }
  }
}

/// Who may take which step. Shown at `/orders/rules`, and what every step checks.
public struct OrderRule: Sendable {
  public enum Party: String, Sendable {
    /// The node that set the goods aside: only it can give its share back.
    case holderNode = "引き当てたノード"
    case holderWard = "出し手の区"
    case askingWard = "要請した区"
    /// The node that asked: only it takes the goods into stock, so that they are taken in once.
    case askingNode = "要請したノード"
  }

  public var action: String
  public var party: Party
  public var from: [AllocationState]
  public var to: AllocationState?

  static let ship = OrderRule(action: "shipAllocation", party: .holderNode, from: [.reserved], to: .shipped)
  static let cancel = OrderRule(action: "cancelAllocation", party: .holderNode, from: [.reserved], to: .cancelled)
  static let arrive = OrderRule(action: "confirmArrival", party: .askingWard, from: [.shipped], to: .arrived)
  static let inspect = OrderRule(action: "inspectAllocation", party: .askingNode, from: [.arrived], to: .inspected)
  static let redirect = OrderRule(
    action: "redirectAllocation", party: .holderWard, from: [.reserved, .shipped], to: nil)

  public static let all = [ship, cancel, arrive, inspect, redirect]

  /// - Throws: a `Fault` that says who may, or from which state.
  func check(_ allocation: RowValues, _ request: RowValues, _ desk: Desk) throws {
    let node = desk.replica.author.node
    let isAllowed =
      switch party {
      case .holderNode: allocation.id.made?.author.node == node
      case .holderWard: allocation.text("holder") == desk.ward
      case .askingWard: request.text("ward") == desk.ward
      case .askingNode: request.id.made?.author.node == node
      }
    guard isAllowed else {
      throw Fault(
        .forbidden, field: "id", ja: "この操作ができるのは\(party.rawValue)だけです", en: "only \(party) may do this")
    }
    let state = AllocationState(allocation)
    guard from.contains(state) else {
      throw Fault.refused(
        "id", ja: "「\(state.rawValue)」の割当にはできません(\(from.map(\.rawValue).joined(separator: "・"))のときだけ)",
        en: "not from the state \(state.code), only from \(from.map(\.code).joined(separator: ", "))")
    }
  }

  var json: JSON {
    [
      "action": .text(action), "who": .text("\(party)"), "whoJa": .text(party.rawValue),
      "from": .list(from.map { .text($0.code) }), "to": JSON(to?.code),
    ]
  }
}
