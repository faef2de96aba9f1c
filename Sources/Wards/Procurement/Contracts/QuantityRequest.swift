import Causality
import ChangeModel
import Desk
import Replica

/// 数量の依頼: a ward whose share is used up asks for more of a contract's line; whoever holds some hands it on.
enum QuantityRequest {
  static let line = Field.row(1, "line", of: "contract_lines", "契約の明細", "Line of a contract")
  static let amount = Field.integer(2, "amount", 1...1_000_000_000, "数量", "Quantity")
  /// As an author's number: in the epoch in which it asked.
  static let node = Field.integer(3, "node", Numbers.any, "依頼したノード", "Asking node").aside
  static let granted = CounterField(4, "granted", "渡した数", "Handed on")
  static let closedAt = Field.time(5, "closed_at", "終了日時", "Closed at")

  static let records = Records(
    206, "quantity_requests", "数量の依頼", "Request for a quantity", lane: .supply,
    law: .keptByWard(open: [granted.number]), reader: .staff,
    fields: [line, amount, granted, node, closedAt] + Kept.fields, title: [line, amount],
    states: [
      .has(closedAt, "closed", "終了", "closed", .done),
      State("granted", "渡された", "handed on", .done) { request, _ in request[granted] >= request[amount] ?? 0 },
      .otherwise("waiting", "依頼中", "waiting", .open),
    ], indexes: [[line]])

  private static let ask = Endpoint.write(
    "askQuantity", "/contract-lines/{id}/requests", "数量を分けてもらう", "Ask for a quantity", for: .goods,
    "Ask the others for part of their share of a contract's line.", [amount.needed], of: ContractLine.records,
    makes: true, answers: .row(records)
  ) { desk in
    let (line, _) = try desk.subject(ContractLine.records)
    let row = try desk.newRow()
    var draft = records.draft()
    draft.edit(
      records, row,
      desk.given.edits([amount.name], of: records) + Kept.edits(desk) + [
        Self.line.set(line), node.set(Int64(desk.replica.author.rawValue)),
      ])
    return Written([draft], about: [line]) { try $0.answer(row, records) }
  }.often(2)

  private static let grant = Endpoint.write(
    "grantQuantity", "/quantity-requests/{id}/grant", "数量を渡すと答える", "Hand on a quantity", for: .goods,
    "Hand on what was asked for, as far as this node's share goes.", of: records,
    when: [
      Condition(.refused, "このノード自身の依頼です", "this node's own request") { request, inquiry in
        asker(request)?.node != inquiry.identity.certificate.node
      },
      Condition(.refused, "渡されています", "handed on already") { request, _ in
        request[granted] < request[amount] ?? 0 && request[closedAt] == nil
      },
    ], answers: .row(records)
  ) { desk in
    let (row, request) = try desk.subject(records)
    guard let line = request[line], let asker = asker(request), desk.replica.membership.key(of: asker) != nil else {
      throw Fault.notFound("line")
    }
    let share = try desk.share(line, ContractLine.records, ContractLine.quantity)
    let handed = min(max(0, [request[amount] ?? 0, -request[granted].held].total), share)
    guard handed > 0 else {
      throw Fault.refused("id", ja: "このノードには渡せる数量がありません", en: "this node holds nothing to hand on")
    }
    var draft = records.draft()
    draft.edit(
      ContractLine.records, line, [ContractLine.quantity.handOver(handed, to: desk.writing(asker))])
    draft.edit(records, row, [granted.increment(by: handed)])
    return Written([draft], about: [line]) { try $0.answer(row, records) }
  }.often(2)

  private static let list = Endpoint.read(
    "quantityRequests", "/quantity-requests", "数量の依頼", "Requests for quantities", for: .staff,
    "Who asks for more of a contract's line.", Paging.fields(of: records.name),
    answers: .rows("requests", records, isPaged: true)
  ) { look in
    let page = try look.page(records, where: "closed_at IS NULL AND granted < amount")
    return page.answer("requests", try page.rows.map { .object(try look.view($0, records)) })
  }

  static let endpoints = [ask, grant, list]

  private static func asker(_ request: RowValues) -> AuthorNumber? {
    request[node].flatMap { UInt32(exactly: $0) }.flatMap { AuthorNumber(rawValue: $0) }
  }
}
