import ChangeModel
import Desk
import GRDB
import Replica

/// Goods set aside at their holder for a request; `DeliverySteps` is what becomes of them.
public enum Allocations {
  private static let records = Allocation.records

  // MARK: What is answered

  /// What `view` says besides the allocation's columns.
  static let members: [Answer.Member] = [
    .init("shortfall", .integer(Numbers.any), "不足数", "Shortfall"),
    .init("cancelledTooLate", .flag, "発送後の取消", "Cancelled when it was under way"),
    .init("needsAuthority", .flag, "次の操作に区の管理カードが必要", "The next step needs the authority's card"),
  ]

  /// An allocation, with how much of it did not come, and whether its next step needs the authority's card here.
  ///
  /// - Parameter request: the one that it is for, where that is known already.
  static func view(_ allocation: RowValues, of request: RowValues? = nil, _ look: inout Look) throws
    -> [String: JSON]
  {
    var members = try look.view(allocation, records)
    let state = AllocationState(allocation)
    if state == .inspected || state == .arrived, let shipped = allocation[Allocation.shipped] {
      let came = state.units.flatMap { allocation[$0] } ?? 0
      members["shortfall"] = .integer(Requests.bounded(shipped) - Requests.bounded(came))
    }
    if allocation[Allocation.cancelledAt] != nil, state != .cancelled { members["cancelledTooLate"] = true }
    if try OrderRule.needsAuthority(allocation, look) { members["needsAuthority"] = true }
    // Who works at one shelter takes the steps of its requests alone.
    let asked = try request ?? fetchRequest(of: allocation, look.db)
    if members["actions"] != nil, try asked.map({ try !look.maySee($0, GoodsRequest.records) }) ?? true {
      members["actions"] = []
    }
    return members
  }

  private static func fetchRequest(of allocation: RowValues, _ db: Database) throws -> RowValues? {
    try allocation[Allocation.request].flatMap { try RowValues.fetch($0, GoodsRequest.records, db) }
  }

  static func answer(_ row: RowID, _ look: inout Look) throws -> JSON {
    guard let allocation = try RowValues.fetch(row, records, look.db) else { throw Fault.notFound("id") }
    return .object(try view(allocation, &look))
  }

  private static let one = Endpoint.read(
    "allocation", "/allocations/{id}", "割り当て", "Allocation", for: .staff, "How far an allocation has come.",
    of: records,
    answers: .row(records, and: members)
  ) { look in try answer(look.inquiry.row!, &look) }

  // MARK: Setting aside

  private static let allocate = Endpoint.write(
    "allocate", "/requests/{id}/allocations", "割り当てる", "Allocate", for: .goods,
    "Set goods of this node's share aside for a request.",
    [
      Allocation.lot.needed, Allocation.quantity.needed, Allocation.substitute.asked,
      FormField("evenIfMore", .flag, ja: "要請数を超えても割り当てる", en: "Even when more than is asked"),
    ], of: GoodsRequest.records,
    when: [
      Requests.open,
      .is(
        GoodsRequest.decision, [.approve], "要請した区の承認を待っています", "the asking ward has not approved it yet"),
    ], makes: true, answers: .row(records, and: members)
  ) { desk in
    let (request, asked) = try desk.subject(GoodsRequest.records)
    let lot = desk.given.row("lot")!
    let goods = try desk.find(lot, in: Lot.records, "lot")
    guard goods[Lot.ward] == desk.ward else {
      throw Fault.refused("lot", ja: "他区の在庫です", en: "another ward's stock")
    }
    let isSubstitute = goods[Lot.item] != asked[GoodsRequest.item]
    guard !isSubstitute || desk.given.flag("substitute") else {
      throw Fault.badValue(
        "substitute", ja: "要請と違う品目です。代替品として送るときは指定してください",
        en: "another item than was asked for; say so if it is a substitute")
    }
    let quantity = desk.given.integer("quantity")!
    let promised = Requests.promised(try desk.read { try Requests.allocations(of: request, $0) })
    let open = max(0, Requests.wanted(asked) - promised)
    guard quantity <= open || desk.given.flag("evenIfMore") else {
      throw Fault.refused("quantity", ja: "不足は \(open) です。それ以下を入れてください", en: "only \(open) more are needed")
    }
    try Lots.spending(quantity, of: lot, desk, "quantity")
    guard let asker = request.made?.author.ward else { throw Fault.notFound("id") }
    let row = try desk.newRow(with: asker)
    var draft = records.draft()
    draft.edit(Lot.records, lot, [Lot.amount.spend(quantity), Lots.book("引当", quantity, desk, "\(row)")])
    draft.edit(
      records, row,
      [
        Allocation.request.set(request), Allocation.lot.set(lot), Allocation.item.set(goods[Lot.item]),
        Allocation.quantity.set(quantity), Allocation.holder.set(desk.ward), Allocation.reservedAt.set(desk.enteredAt),
        Allocation.substitute.set(isSubstitute), Allocation.by.set(desk.inquiry.user.name),
      ])
    return Written([draft], about: [row, request]) { try answer(row, &$0) }
  }.often(7)

  public static let service = Service(
    "割り当てと配送", "Setting aside and delivering", records: [records], actions: [DeliverySteps.arrive],
    endpoints: [allocate] + DeliverySteps.endpoints + [one, OrderRule.list], menu: ["orderRules"])
}
