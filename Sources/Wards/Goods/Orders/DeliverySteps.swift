import Causality
import ChangeModel
import Desk
import GRDB
import Replica

/// What becomes of goods that are set aside: sent, received and inspected, or called off. `OrderRule` says who does what.
enum DeliverySteps {
  private static let records = Allocation.records

  private static let cardOfHolder = Words(
    "区の管理カードは、割り当てた機器が失われたときだけ使います。ふだんは空のままにします。",
    "The authority's card is for when the node that set the goods aside is lost. Leave it empty otherwise.")
  private static let cardOfAsker = Words(
    "区の管理カードは、要請した機器が失われたときだけ使います。ふだんは空のままにします。",
    "The authority's card is for when the node that asked is lost. Leave it empty otherwise.")

  /// The request that an allocation is for.
  ///
  /// - Throws: when this node does not know it, or it is of a shelter at which the user does not work.
  private static func request(of allocation: RowValues, _ desk: Desk) throws -> RowValues {
    guard let request = allocation[Allocation.request] else { throw Fault.notFound("request") }
    return try desk.find(request, in: GoodsRequest.records, "request")
  }

  /// The allocation that the path names and its request, where this very node may take the step, or has the authority's
  /// card. From which state, and whether for this ward at all, the rule's conditions have said before.
  private static func subject(
    _ desk: Desk, _ rule: OrderRule
  ) throws -> (row: RowID, allocation: RowValues, request: RowValues) {
    let (row, allocation) = try desk.subject(records)
    let request = try request(of: allocation, desk)
    try rule.authorize(allocation, desk)
    return (row, allocation, request)
  }

  private static func written(_ row: RowID, _ draft: Draft) -> Written {
    Written([draft], about: [row]) { try Allocations.answer(row, &$0) }
  }

  private static func giveBack(_ amount: Int64, _ allocation: RowValues, _ desk: Desk, _ draft: inout Draft) {
    guard amount > 0, let lot = allocation[Allocation.lot] else { return }
    #if MUTANTS
      let amount = PlantedBug.givesBackTwice.isPlanted ? amount * 2 : amount
    #endif
    draft.edit(
      Lot.records, lot, [Lot.amount.receive(amount), Lots.book("引当戻し", amount, desk, "\(allocation.id)")])
  }

  // MARK: The holder's

  private static let ship = Endpoint.write(
    OrderRule.ship.action, "/allocations/{id}/shipment", "発送する", "Ship", for: .goodsAtShelters,
    "The goods are under way; what was not loaded goes back into stock.",
    [Allocation.shipped.asked, Allocation.carrier.asked, Desk.card, Desk.passphrase], of: records,
    when: OrderRule.ship.conditions, warning: cardOfHolder, answers: .row(records, and: Allocations.members)
  ) { desk in
    let (row, allocation, _) = try subject(desk, .ship)
    let quantity = Requests.bounded(allocation[Allocation.quantity] ?? 0)
    let shipped = desk.given.integer("shipped") ?? quantity
    guard shipped <= quantity else {
      throw Fault.badValue("shipped", ja: "割り当て数は \(quantity) です", en: "only \(quantity) were set aside")
    }
    var draft = records.draft()
    draft.edit(
      records, row,
      desk.given.edits([Allocation.carrier.name], of: records) + [
        Allocation.shippedAt.set(desk.enteredAt), Allocation.shipped.set(shipped),
      ])
    giveBack(quantity - shipped, allocation, desk, &draft)
    return written(row, draft)
  }.often(6)

  private static let redirect = Endpoint.write(
    OrderRule.redirect.action, "/allocations/{id}/redirection", "別の要請へ回す", "Redirect", for: .goodsAtShelters,
    "What one place does not need goes to another request.",
    [
      FormField("request", Allocation.request.shape, required: true, ja: "新しい要請", en: "New request"), Desk.card,
      Desk.passphrase,
    ],
    of: records, when: OrderRule.redirect.conditions, warning: cardOfHolder,
    answers: .row(records, and: Allocations.members)
  ) { desk in
    let (row, allocation, _) = try subject(desk, .redirect)
    let target = desk.given.row("request")!
    let asked = try desk.find(target, in: GoodsRequest.records, "request")
    guard Requests.wanted(asked) > 0, asked[GoodsRequest.decision] == .approve else {
      throw Fault.refused(
        "request", ja: "承認された、続いている要請を選んでください", en: "choose a request that is approved and not over")
    }
    guard target != allocation[Allocation.request] else {
      throw Fault.badValue("request", ja: "同じ要請です", en: "is the same request")
    }
    guard let asker = target.made?.author.ward else { throw Fault.notFound("request") }
    // The ward that asks now takes part: another row, of the same goods, and the old one is called off without giving them back.
    let next = try desk.newRow(with: asker)
    var draft = records.draft()
    draft.edit(
      records, next,
      allocation.copy(except: [Allocation.request.schema.name, Allocation.redirectedFrom.schema.name]) + [
        Allocation.request.set(target), Allocation.redirectedFrom.set(allocation[Allocation.request]),
      ])
    draft.edit(
      records, row, [Allocation.cancelledAt.set(desk.now), Allocation.reason.set("別の要請へ回した (\(next))")])
    var written = written(next, draft)
    written.subjects += [row, target]
    return written
  }.often(3)

  private static let cancel = Endpoint.write(
    OrderRule.cancel.action, "/allocations/{id}/cancellation", "割り当てを取り消す", "Cancel", for: .goodsAtShelters,
    "Called off before it was sent: the goods go back into stock.",
    [Allocation.reason.needed, Desk.card, Desk.passphrase], of: records, when: OrderRule.cancel.conditions,
    warning: cardOfHolder, answers: .row(records, and: Allocations.members)
  ) { desk in
    let (row, allocation, _) = try subject(desk, .cancel)
    var draft = records.draft()
    draft.edit(
      records, row,
      desk.given.edits([Allocation.reason.name], of: records) + [Allocation.cancelledAt.set(desk.enteredAt)])
    giveBack(Requests.bounded(allocation[Allocation.quantity] ?? 0), allocation, desk, &draft)
    return written(row, draft)
  }.often(4)

  // MARK: The asker's

  static let arrive = Action(
    OrderRule.arrive.action, .step("arrival"), records, "到着を確認する", "Confirm arrival", for: .goodsAtShelters,
    takes: [Allocation.arrived.asked], when: OrderRule.arrive.conditions, stamps: [.now(Allocation.arrivedAt)]
  ) { desk, allocation, edits in
    let allocation = allocation!
    _ = try request(of: allocation, desk)
    let shipped = Requests.bounded(allocation[Allocation.shipped] ?? 0)
    guard desk.given.integer("arrived") ?? 0 <= shipped else {
      throw Fault.badValue(
        "arrived", ja: "発送数は \(shipped) です。多く届いたものは受入として記録してください",
        en: "only \(shipped) were sent; take in what came besides as a lot")
    }
    edits = [Allocation.arrived.set(desk.given.integer("arrived") ?? shipped)]
  }.often(6)

  private static let inspect = Endpoint.write(
    OrderRule.inspect.action, "/allocations/{id}/inspection", "受け取りを確認する", "Inspect", for: .goodsAtShelters,
    "What is good is taken into the shelter's stock; the rest is told as a shortfall.",
    [Allocation.accepted.asked, Allocation.fault.asked, Desk.card, Desk.passphrase], of: records,
    when: OrderRule.inspect.conditions, warning: cardOfAsker, answers: .row(records, and: Allocations.members)
  ) { desk in
    let (row, allocation, request) = try subject(desk, .inspect)
    let arrived = Requests.bounded(allocation[Allocation.arrived] ?? 0)
    let accepted = desk.given.integer("accepted") ?? arrived
    guard accepted <= arrived else {
      throw Fault.badValue("accepted", ja: "到着数は \(arrived) です", en: "only \(arrived) arrived")
    }
    guard accepted == arrived || desk.given.text("fault") != nil else {
      throw Fault.badValue("fault", ja: "不良・不足の内容を入れてください", en: "say what was wrong")
    }
    var draft = records.draft()
    draft.edit(
      records, row,
      desk.given.edits([Allocation.fault.name], of: records) + [
        Allocation.inspectedAt.set(desk.enteredAt), Allocation.accepted.set(accepted),
      ])
    if accepted > 0 { try takeIn(accepted, allocation, for: request, desk, &draft) }
    return written(row, draft)
  }.often(6)

  /// What was accepted becomes a lot at the shelter that asked, of the same batch.
  private static func takeIn(
    _ amount: Int64, _ allocation: RowValues, for request: RowValues, _ desk: Desk, _ draft: inout Draft
  ) throws {
    var edits = [
      Lot.ward.set(desk.ward), Lot.amount.receive(amount), Lots.book("検収", amount, desk, "\(allocation.id)"),
    ]
    if let shelter = request[GoodsRequest.shelter] { edits.append(Lot.shelter.set(shelter)) }
    if let item = allocation[Allocation.item] { edits.append(Lot.item.set(item)) }
    if let source = allocation[Allocation.lot],
      let goods = try desk.read({ try RowValues.fetch(source, Lot.records, $0) })
    {
      edits += Lots.batch(of: goods)
    }
    draft.edit(Lot.records, try desk.newRow(), edits)
  }

  /// In the order in which a page offers them.
  static let endpoints = [ship, inspect, redirect, cancel]
}
