import Causality
import ChangeModel
import Desk

/// Who may take which step of an allocation, from which state. Said once: the steps' conditions, the buttons of pages and
/// the list at `/orders/rules` come from it.
public struct OrderRule: Sendable {
  public enum Party: String, Sendable {
    /// The node that set the goods aside, in the epoch in which it did: only it gives its share back, so that it comes back
    /// once. When that node is lost or was restored, another of its ward, with the authority's card.
    case holderNode
    case askingWard
    /// The node that asked: only it takes the goods into stock, so that they are taken in once. When it is lost, as above.
    case askingNode

    public var words: Words {
      switch self {
      case .holderNode: Words("割り当てた機器", "the node that set the goods aside")
      case .askingWard: Words("要請した区", "the ward that asked")
      case .askingNode: Words("要請した機器", "the node that asked")
      }
    }

    /// Who the party is, by the id of its row, so that nobody's edit makes another the party.
    private func maker(_ allocation: RowValues) -> AuthorNumber? {
      switch self {
      case .holderNode: allocation.id.makerOfTwo
      case .askingWard, .askingNode: allocation[Allocation.request]?.made?.author
      }
    }

    /// Whether any node of the inquiry's ward may take the step: the party itself, or with the authority's card.
    func isOf(_ inquiry: Inquiry, _ allocation: RowValues) -> Bool {
      maker(allocation)?.ward == inquiry.wardIndex
    }

    /// The one author who takes the step without the authority's card; nil when any of its ward does.
    func author(_ allocation: RowValues) -> AuthorNumber? { self == .askingWard ? nil : maker(allocation) }
  }

  public let action: String
  public let party: Party
  public let from: AllocationState
  /// Nil when it stays as it is.
  public let to: AllocationState?

  static let ship = OrderRule(action: "shipAllocation", party: .holderNode, from: .reserved, to: .shipped)
  static let cancel = OrderRule(action: "cancelAllocation", party: .holderNode, from: .reserved, to: .cancelled)
  static let arrive = OrderRule(action: "confirmArrival", party: .askingWard, from: .shipped, to: .arrived)
  static let inspect = OrderRule(action: "inspectAllocation", party: .askingNode, from: .arrived, to: .inspected)
  static let redirect = OrderRule(action: "redirectAllocation", party: .holderNode, from: .reserved, to: .cancelled)

  public static let all = [ship, cancel, arrive, inspect, redirect]

  // MARK: What must hold

  /// For any node of the right ward: which of them needs the authority's card, `authorize` and `needsAuthority` say.
  var conditions: [Condition] {
    [
      Condition(
        .forbidden, "この操作ができるのは\(party.words.ja)だけです", "only \(party.words.en) may do this"
      ) { [party] allocation, inquiry in party.isOf(inquiry, allocation) },
      Condition(
        .refused, "「\(from.words.ja)」のときだけできます", "only while it is \(from.words.en)"
      ) { [from] allocation, _ in AllocationState(allocation) == from },
    ]
  }

  /// That this very author may take the step, or the ward's authority lets it act for one of its ward that is lost.
  ///
  /// - Throws: `Fault` that says whose step it is, or what is wrong with the card.
  func authorize(_ allocation: RowValues, _ desk: Desk) throws {
    guard let author = party.author(allocation), author != desk.replica.author else { return }
    guard desk.given.text("card") != nil else {
      throw Fault(
        .forbidden, field: "card", ja: "\(author) が行った登録です。その機器が失われたときは、区の管理カードを付けてください",
        en: "entered by \(author); when that node is lost, show the authority's card")
    }
    _ = try desk.authority()
  }

  /// Whether the step that comes next is of whoever asks, but only with the authority's card: another node of the ward
  /// would take it, or this one in an epoch before it was restored.
  static func needsAuthority(_ allocation: RowValues, _ look: Look) throws -> Bool {
    let state = AllocationState(allocation)
    let authors = all.filter { $0.from == state && $0.party.isOf(look.inquiry, allocation) }
      .compactMap { $0.party.author(allocation) }
    guard !authors.isEmpty else { return false }
    let own = try look.author
    return authors.contains { $0 != own }
  }

  // MARK: As a list

  static let list = Endpoint.read(
    "orderRules", "/orders/rules", "要請・割り当ての手順", "Who may take which step", for: .staff,
    "Who may take which step, from which state.",
    answers: .list(
      "rules",
      [
        .init("action", .text(60), "操作", "Action"), .init("who", .object(.words), "できる人", "Who"),
        .init("whoCode", .text(20), "できる人(符号)", "Who, as a code"),
        .init("from", .object(.words), "今の状態", "From"), .init("fromCode", .text(20), "今の状態(符号)", "From, as a code"),
        .init("to", .object(.words), "次の状態", "To"), .init("toCode", .text(20), "次の状態(符号)", "To, as a code"),
      ])
  ) { _ in ["rules": .list(all.map(\.json))] }

  private var json: JSON {
    var members: [String: JSON] = [
      "action": .text(action), "who": party.words.json, "whoCode": .text(party.rawValue), "from": from.words.json,
      "fromCode": .text(from.code),
    ]
    if let to {
      members["to"] = to.words.json
      members["toCode"] = .text(to.code)
    }
    return .object(members)
  }
}

extension Words {
  fileprivate var json: JSON { ["ja": .text(ja), "en": .text(en)] }
}
