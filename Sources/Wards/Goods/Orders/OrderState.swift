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
    /// The node that set the goods aside, in the epoch in which it did: only it gives its share back, so that it comes back
    /// once. When that node is lost or was restored, another of its ward, with the authority's card.
    case holderNode = "引き当てたノード"
    case askingWard = "要請した区"
    /// The node that asked: only it takes the goods into stock, so that they are taken in once. When it is lost, as above.
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
  static let redirect = OrderRule(action: "redirectAllocation", party: .holderNode, from: [.reserved], to: nil)

  public static let all = [ship, cancel, arrive, inspect, redirect]

  /// - Throws: a `Fault` that says who may, or from which state.
  func check(_ allocation: RowValues, _ request: RowValues, _ desk: Desk) throws {
    let isAllowed =
      switch party {
      case .holderNode: try Self.isOwn(allocation.id, desk)
      case .askingWard: request.text("ward") == desk.ward
      case .askingNode: try Self.isOwn(request.id, desk)
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

  /// Whether this very author made the row, or the ward's authority lets it act for one of its ward that is lost.
  private static func isOwn(_ row: RowID, _ desk: Desk) throws -> Bool {
    guard let maker = row.made?.author, maker.ward == desk.wardIndex else { return false }
    if maker == desk.replica.author { return true }
    guard desk.given.text("card") != nil else {
      throw Fault(
        .forbidden, field: "card", ja: "\(maker) が行った登録です。そのノードが失われたときは、認証局カードを付けてください",
        en: "entered by \(maker); when that node is lost, show the authority's card")
    }
    _ = try desk.authority()
    return true
  }

  var json: JSON {
    [
      "action": .text(action), "who": .text("\(party)"), "whoJa": .text(party.rawValue),
      "from": .list(from.map { .text($0.code) }), "to": JSON(to?.code),
    ]
  }
}
