import Causality
import ChangeModel
import Desk
import Federation
import GRDB
import Replica
import Sodium

/// Whose a lot is to give away: shares are handed over, asked for, and taken over from a node that is lost.
public enum Shares {
  // MARK: Nodes

  private static let node = FormField(
    "node", .text(20), required: true, ja: "ノード(例 13113-1)", en: "Node, such as 13113-1")

  private static func node(_ desk: Desk) throws -> AuthorNumber {
    guard let node = desk.inquiry.identity.federation.author(named: desk.given.text("node")!),
      desk.replica.membership.key(of: node) != nil
    else {
      throw Fault.badValue(
        "node", ja: "登録されたノード(例 13113-1)を入れてください", en: "not an enrolled node, such as 13113-1")
    }
    return node
  }

  // MARK: Handing over

  private static let handOver = Endpoint.write(
    "handOverShare", "/lots/{id}/handover", "持ち分を渡す", "Hand over a share", for: .goodsAtShelters,
    "Part of this node's share becomes another node's to give.", [Lots.amount, node], of: Lot.records,
    when: [Lots.own], answers: .row(Lot.records, and: Lots.members)
  ) { desk in
    let (row, _) = try desk.subject(Lot.records)
    let (amount, node) = (desk.given.integer("amount")!, desk.writing(try node(desk)))
    guard node.ward == desk.wardIndex else {
      throw Fault.badValue(
        "node", ja: "自区のノードを選んでください。他区へは要請と割当で送ります",
        en: "choose a node of this ward; to another ward goods go by request and allocation")
    }
    guard node.node != desk.replica.author.node else {
      throw Fault.badValue("node", ja: "このノード自身です", en: "is this node itself")
    }
    try Lots.spending(amount, of: row, desk)
    return Lots.written(row, [Lot.amount.handOver(amount, to: node), Lots.book("譲渡", amount, desk, "\(node)")])
  }.often(4)

  // MARK: Asking

  private static let asker = Answer.Member("asker", .text(20), "求めたノード", "Asking node")

  private static func view(_ request: RowValues, _ look: inout Look) throws -> JSON {
    var members = try look.view(request, ShareRequest.records)
    members["asker"] = JSON(ShareRequest.asker(request).map { "\($0)" })
    return .object(members)
  }

  private static func answer(_ row: RowID, _ look: inout Look) throws -> JSON {
    guard let request = try RowValues.fetch(row, ShareRequest.records, look.db) else { throw Fault.notFound("id") }
    return try view(request, &look)
  }

  private static let ask = Endpoint.write(
    "askForShare", "/lots/{id}/share-requests", "持ち分を依頼する", "Ask for a share", for: .goodsAtShelters,
    "Ask the other nodes for part of their share.", [ShareRequest.amount.needed], of: Lot.records, when: [Lots.own],
    makes: true, answers: .row(ShareRequest.records, and: [asker])
  ) { desk in
    let (lot, _) = try desk.subject(Lot.records)
    let row = try desk.newRow()
    var draft = ShareRequest.records.draft()
    draft.edit(
      ShareRequest.records, row,
      desk.given.edits([ShareRequest.amount.name], of: ShareRequest.records) + [
        ShareRequest.lot.set(lot), ShareRequest.node.set(Int64(desk.replica.author.rawValue)),
        ShareRequest.askedAt.set(desk.enteredAt),
      ])
    return Written([draft], about: [lot]) { try answer(row, &$0) }
  }.often(4)

  private static let grant = Endpoint.write(
    "grantShare", "/share-requests/{id}/grant", "持ち分を渡すと答える", "Grant a share", for: .goodsAtShelters,
    "Hand over what was asked for, as far as this node's share goes.", of: ShareRequest.records,
    when: [
      Condition(.forbidden, "他区のノードの要求です", "another ward's request") { request, inquiry in
        ShareRequest.asker(request)?.ward == inquiry.wardIndex
      },
      Condition(.refused, "このノード自身の要求です", "is this node's own request") { request, inquiry in
        ShareRequest.asker(request)?.node != inquiry.identity.certificate.node
      }, .missing(ShareRequest.closedAt, "終わった要求です", "is closed"),
    ], answers: .row(ShareRequest.records, and: [asker])
  ) { desk in
    let (row, request) = try desk.subject(ShareRequest.records)
    guard let lot = request[ShareRequest.lot], let asker = ShareRequest.asker(request) else {
      throw Fault.notFound("lot")
    }
    let node = desk.writing(asker)
    let wanted = Requests.bounded(request[ShareRequest.amount] ?? 0) - Requests.bounded(request[ShareRequest.granted])
    let amount = min(wanted, try desk.share(lot, Lot.records, Lot.amount))
    guard amount > 0 else {
      throw Fault.refused("id", ja: "渡せる持ち分がないか、すでに渡されています", en: "nothing to hand over, or handed over already")
    }
    var draft = Lot.records.draft()
    draft.edit(
      Lot.records, lot, [Lot.amount.handOver(amount, to: node), Lots.book("譲渡", amount, desk, "\(node)")])
    var edits = [ShareRequest.granted.increment(by: amount)]
    if amount == wanted { edits.append(ShareRequest.closedAt.set(desk.enteredAt)) }
    draft.edit(ShareRequest.records, row, edits)
    return Written([draft], about: [lot]) { try answer(row, &$0) }
  }.often(4)

  private static let list = Endpoint.read(
    "shareRequests", "/share-requests", "持ち分の依頼", "Requests for shares", for: .staff, "Open requests for shares.",
    Paging.fields(of: ShareRequest.records.name),
    answers: .rows("requests", ShareRequest.records, and: [asker], isPaged: true)
  ) { look in
    let page = try look.page(ShareRequest.records, where: "closed_at IS NULL AND granted < amount", usual: 1_000)
    return page.answer("requests", try page.rows.map { try view($0, &look) })
  }

  // MARK: Taking over

  private static let takeOver = Endpoint.write(
    "takeOverShare", "/lots/{id}/takeover", "失われたノードの持ち分を引き継ぐ", "Take over a lost node's share", for: .goods,
    "The ward's authority decides that the share of a node of this ward, which is lost, is this node's to give.",
    [node, Takeover.amount.asked, Takeover.reason.needed, Desk.card.required, Desk.passphrase], of: Lot.records,
    when: [Lots.own],
    warning: Words(
      "そのノードが本当に失われたときだけ行います。まだ動いていると、同じ物が二度払い出されます。",
      "Only when that node is really lost: if it still works, the same goods are given out twice."),
    answers: .row(Lot.records, and: Lots.members)
  ) { desk in
    let (row, _) = try desk.subject(Lot.records)
    let node = try node(desk)
    guard node.ward == desk.wardIndex, node != desk.replica.author else {
      throw Fault.badValue("node", ja: "自区の、ほかのノードを選んでください", en: "choose another node of this ward")
    }
    let key = try desk.authority()
    let held = try desk.shares(row, Lot.records, Lot.amount)[node] ?? 0
    let amount = desk.given.integer("amount") ?? held
    guard amount > 0, amount <= held else {
      throw Fault.refused("amount", ja: "そのノードの持ち分は \(held) です", en: "that node's share is \(held)")
    }
    let decision = try desk.newRow()
    let reason = desk.given.text("reason")!
    let statement = "renkei takeover 1\n\(decision)\n\(row)\n\(node)\n\(amount)\n\(reason)"
    let signature = key.signature(over: desk.inquiry.identity.federation.id.bytes + [UInt8](statement.utf8))
    var written = Lots.written(
      row, [Lot.amount.takeOver(amount, from: node), Lots.book("引継", amount, desk, "\(node)")])
    written.drafts[0].edit(
      Takeover.records, decision,
      [
        Takeover.lot.set(row), Takeover.node.set("\(node)"), Takeover.amount.set(amount), Takeover.reason.set(reason),
        Takeover.decidedBy.set(desk.inquiry.user.name), Takeover.decidedAt.set(desk.enteredAt),
        Takeover.signature.set(signature),
      ])
    written.subjects.append(decision)
    return written
  }.often(2).byTwo

  public static let service = Service(
    "持ち分", "Shares", records: [ShareRequest.records, Takeover.records],
    endpoints: [handOver, ask, takeOver, grant, list], menu: ["shareRequests"])
}
