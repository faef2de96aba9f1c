import Causality
import ChangeModel
import Desk
import GRDB
import Goods
import Replica

/// 納品と検査: what came of one line by one slip, and what of it was found good, by somebody who did not order it. What is good and is an
/// item of the stock lies there in the same change. The row is the report to whoever made the contract.
enum Delivery {
  static let verdicts = [Choice("合格", "passed"), Choice("一部合格", "partly"), Choice("不合格", "failed")]
  static let line = Field.row(1, "line", of: "purchase_order_lines", "発注の明細", "Order line")
  static let order = Field.row(2, "purchase_order", of: "purchase_orders", "発注", "Order")
  static let slip = Field.code(3, "slip", 40, "納品書番号", "Delivery slip")
  static let arrived = Field.integer(4, "arrived", 0...1_000_000_000, "納品数", "Arrived")
  static let arrivedAt = Field.time(5, "arrived_at", "納品日時", "Arrived at")
  static let accepted = Field.integer(6, "accepted", 0...1_000_000_000, "合格数", "Accepted")
  static let verdict = Field.choice(7, "verdict", verdicts, "検査結果", "Verdict")
  static let fault = Field.text(8, "fault", 500, "不良・不足の内容", "What was wrong")
  static let inspectedAt = Field.time(9, "inspected_at", "検査日時", "Inspected at")
  static let inspector = Field.user(10, "inspector", "検査員", "Inspector")
  static let lot = Field.row(11, "lot", of: "lots", "在庫", "Stock").aside
  static let invoice = Field.row(12, "invoice", of: "invoices", "請求", "Invoice")

  static let records = Records(
    211, "deliveries", "納品", "Delivery", lane: .supply, law: .keptByWard(open: []), reader: .staff,
    fields: [
      slip, line, arrived, arrivedAt, accepted, verdict, fault, inspectedAt, inspector, order, lot, invoice, Kept.alone,
    ] + Kept.fields, title: [slip],
    states: [
      .has(invoice, "claimed", "請求済", "claimed", .done),
      State("failed", "不合格", "failed", .ended) { delivery, _ in delivery[verdict] == "不合格" },
      State("partly", "一部合格", "partly accepted", .underWay) { delivery, _ in delivery[verdict] == "一部合格" },
      .has(inspectedAt, "passed", "合格", "accepted", .done), .otherwise("arrived", "検査待ち", "to inspect", .open),
    ], indexes: [[line], [order], [invoice]])

  private static let sent = [
    Kept.own, Condition.present(PurchaseOrder.sentAt, "送付されていない発注です", "the order was not sent"),
  ]

  private static func edits(_ order: RowID, _ line: RowID, _ slip: String, _ count: Int64, _ desk: Desk) -> [FieldEdit]
  {
    Kept.edits(desk) + [
      Self.order.set(order), Self.line.set(line), Self.slip.set(slip), arrived.set(count),
      arrivedAt.set(desk.enteredAt),
    ]
  }

  /// One row for a line and a slip, at whichever of the ward's desks it is entered.
  private static func row(_ line: RowID, _ slip: String, _ desk: Desk) -> RowID {
    desk.derivedRow(["delivery", desk.ward, "\(line)", Kept.folded(slip)])
  }

  /// What a slip says of a line already; nobody adds to what was inspected.
  private static func known(_ row: RowID, _ desk: Desk) throws -> Int64? {
    guard let delivery = try desk.read({ try RowValues.fetch(row, records, $0) }) else { return nil }
    guard delivery[inspectedAt] == nil else {
      throw Fault.refused(
        slip.name, ja: "この納品書は検査済みです。別の納品書番号で記録してください", en: "this slip was inspected: use another number")
    }
    return delivery[arrived] ?? 0
  }

  private static func mustWork(_ order: RowValues?, _ desk: Desk) throws {
    try desk.inquiry.user.mustWork(at: order?[PurchaseOrder.shelter])
  }

  /// What money hangs on.
  static let counted: [any AnyField] = [line, order, arrived, accepted, invoice]

  /// What of a line was found good.
  static func accepted(_ line: RowID, _ db: Database) throws -> Int64 {
    try RowValues.all(
      records, "WHERE line = ?1 AND ward = (SELECT ward FROM purchase_order_lines WHERE id = ?1) LIMIT 1000",
      [line.rawValue], db
    ).map { max(0, $0[accepted] ?? 0) }.total
  }

  /// What of a line has come, whatever was found of it.
  private static func came(_ line: RowID, _ db: Database) throws -> Int64 {
    try RowValues.all(
      records, "WHERE line = ?1 AND ward = (SELECT ward FROM purchase_order_lines WHERE id = ?1) LIMIT 1000",
      [line.rawValue], db
    ).map { $0[arrived] ?? 0 }.total
  }

  private static let arriveAll = Endpoint.write(
    "orderArrived", "/purchase-orders/{id}/arrival", "注文どおり納品された", "Arrived as ordered", for: .goodsAtShelters,
    "All that is still to come of an order has come, by one slip.", [slip.needed], of: PurchaseOrder.records,
    when: sent,
    answers: .members([.init("count", .integer(Numbers.any), "件数", "How many")])
  ) { desk in
    let (order, head) = try desk.subject(PurchaseOrder.records)
    try mustWork(head, desk)
    let slip = desk.given.text("slip")!
    var draft = records.draft()
    var count = 0
    for line in try desk.read({ try PurchaseOrder.lines(of: order, $0) }) {
      let left = [line[OrderLine.taken] ?? 0, -(try desk.read { try came(line.id, $0) })].total
      guard left > 0, try !desk.read({ try OrderLine.isReturned(line.id, $0) }) else { continue }
      let row = row(line.id, slip, desk)
      draft.edit(records, row, edits(order, line.id, slip, left + (try known(row, desk) ?? 0), desk))
      count += 1
    }
    guard count > 0 else { throw Fault.refused("id", ja: "すべて納品されています", en: "everything has come already") }
    return Written([draft], about: [order]) { _ in ["count": JSON(count)] }
  }.often(3)

  private static let arrive = Endpoint.write(
    "lineArrived", "/purchase-order-lines/{id}/arrival", "納品数を記録する", "Record what came", for: .goodsAtShelters,
    "So many of one line came by a slip.", [slip.needed, arrived.needed], of: OrderLine.records, when: [Kept.own],
    makes: true, answers: .row(records)
  ) { desk in
    let (line, values) = try desk.subject(OrderLine.records)
    guard let order = values[OrderLine.order],
      let head = try desk.read({ try RowValues.fetch(order, PurchaseOrder.records, $0) }),
      head[PurchaseOrder.sentAt] != nil, values[OrderLine.taken] ?? 0 > 0
    else { throw Fault.refused("id", ja: "送付されていない発注です", en: "the order was not sent") }
    try mustWork(head, desk)
    guard try !desk.read({ try OrderLine.isReturned(line, $0) }) else {
      throw Fault.refused("id", ja: "取り消された発注として、数量が契約に戻されています", en: "its quantity was given back to the contract")
    }
    let slip = desk.given.text("slip")!
    let new = row(line, slip, desk)
    // The same slip again corrects its count.
    _ = try known(new, desk)
    var draft = records.draft()
    draft.edit(records, new, edits(order, line, slip, desk.given.integer("arrived")!, desk))
    return Written([draft], about: [new]) { try $0.answer(new, records) }
  }.often(2)

  // MARK: Inspecting

  /// Whoever ordered or approved does not inspect; what goes into stock, the node that made the order takes, once.
  private static func mayInspect(_ delivery: RowValues, _ line: RowValues, _ order: RowValues, _ desk: Desk) throws {
    try mustWork(order, desk)
    try Kept.mustAgree(delivery.id, records, [arrived, Self.line, Self.order], desk)
    try Kept.second(
      desk, besides: [order[Kept.by], line[Kept.by], order[PurchaseOrder.approvedBy]], ja: "発注か承認をした本人です",
      en: "you ordered or approved it")
    guard line[OrderLine.item] == nil || order.id.made?.author.node == desk.replica.author.node else {
      throw Fault.refused(
        "id", ja: "備蓄に入る品は、発注を作った機器で検査します(二重に入らないように)",
        en: "goods for the stock are inspected at the node that ordered them, so that they come in once")
    }
  }

  private static func inspection(
    _ delivery: RowValues, good: Int64, _ desk: Desk, _ draft: inout Draft
  ) throws {
    guard
      let line = try delivery[line].flatMap({ line in try desk.read { try RowValues.fetch(line, OrderLine.records, $0) }
      }),
      let order = try delivery[order].flatMap({ order in
        try desk.read { try RowValues.fetch(order, PurchaseOrder.records, $0) }
      })
    else { throw Fault.notFound("line") }
    try mayInspect(delivery, line, order, desk)
    let came = delivery[arrived] ?? 0
    guard good <= came else {
      throw Fault.badValue("accepted", ja: "納品数 \(came) より多くはできません", en: "no more than the \(came) that came")
    }
    let verdict = good == 0 ? "不合格" : good < came ? "一部合格" : "合格"
    var edits =
      desk.given.edits([fault.name, Kept.alone.name], of: records) + [
        accepted.set(good), Self.verdict.set(verdict), inspectedAt.set(desk.enteredAt),
        inspector.set(desk.inquiry.user.name),
      ]
    if let item = line[OrderLine.item], good > 0 {
      let new = try desk.newRow()
      let place = order[PurchaseOrder.place] ?? "納品先未定"
      draft.edit(
        Lot.records, new,
        [
          Lot.item.set(item), Lot.ward.set(desk.ward), Lot.amount.receive(good),
          Lot.book.append("受入 \(good) \(desk.inquiry.user.name) 納品書 \(delivery[slip] ?? "")"),
        ] + (order[PurchaseOrder.shelter].map { [Lot.shelter.set($0)] } ?? [Lot.place.set(String(place.prefix(100)))]))
      edits.append(lot.set(new))
    }
    draft.edit(records, delivery.id, edits)
  }

  private static let uninspected = Condition.missing(inspectedAt, "検査済みです", "inspected already")

  private static let inspect = Endpoint.write(
    "inspectDelivery", "/deliveries/{id}/inspection", "検査する", "Inspect", for: .goodsAtShelters,
    "So many were found good; the rest, and why, goes to the supplier.",
    [accepted.needed, fault.asked, Kept.alone.asked],
    of: records, when: [Kept.own, uninspected], answers: .row(records)
  ) { desk in
    let (row, delivery) = try desk.subject(records)
    let good = desk.given.integer("accepted")!
    guard good == delivery[arrived] || desk.given.text(fault.name) != nil else {
      throw Fault.badValue(fault.name, ja: "不良・不足の内容を入れてください", en: "say what was wrong")
    }
    var draft = records.draft()
    try inspection(delivery, good: good, desk, &draft)
    return Written([draft], about: [row]) { try $0.answer(row, records) }
  }.often(3)

  private static let passAll = Endpoint.write(
    "passOrder", "/purchase-orders/{id}/inspection", "すべて合格にする", "All found good", for: .goodsAtShelters,
    "All that has come of an order and was not looked at yet is good.", [Kept.alone.asked], of: PurchaseOrder.records,
    when: sent, answers: .members([.init("count", .integer(Numbers.any), "件数", "How many")])
  ) { desk in
    let (order, _) = try desk.subject(PurchaseOrder.records)
    let open = try desk.read {
      try RowValues.all(
        records,
        "WHERE purchase_order = ?1 AND ward = ?2 AND inspected_at IS NULL ORDER BY id LIMIT \(OrderLine.most)",
        [order.rawValue, desk.ward], $0)
    }
    guard !open.isEmpty else { throw Fault.refused("id", ja: "検査を待つ納品はありません", en: "nothing waits to be inspected") }
    var draft = records.draft()
    for delivery in open { try inspection(delivery, good: delivery[arrived] ?? 0, desk, &draft) }
    return Written([draft], about: [order]) { _ in ["count": JSON(open.count)] }
  }.often(2)

  static let service = Service(
    "納品と検査", "Deliveries", records: [records, Acknowledgement.records],
    lists: [Listing("deliveries", records, "納品", "Deliveries", filters: [Kept.ward, order, invoice], newest: Kept.at)],
    due: [
      Due(
        "検査を待つ納品が % 件あります", "% deliveries wait to be inspected", in: "deliveries", own: "ward", "見る", "Look",
        for: .goods
      ) { look in try look.count(records, "WHERE ward = ?1 AND inspected_at IS NULL", [look.ward]) }
    ], endpoints: [arriveAll, arrive, inspect, passAll, Acknowledgement.endpoint])
}

/// 検査報告の受領: whoever made the contract has seen another ward's inspection.
enum Acknowledgement {
  static let delivery = Field.row(1, "delivery", of: "deliveries", "納品", "Delivery")
  static let note = Field.text(2, "note", 300, "備考", "Note")

  static let records = Records(
    212, "delivery_acknowledgements", "検査報告の受領", "Inspection acknowledged", lane: .supply, law: .keptByWard(open: []),
    reader: .staff, fields: [delivery, note] + Kept.fields, title: [delivery], indexes: [[delivery]])

  static let endpoint = Endpoint.write(
    "acknowledgeInspection", "/deliveries/{id}/acknowledgement", "検査報告を受け取る", "Acknowledge an inspection", for: .goods,
    "By the ward whose contract it was ordered by.", [note.asked], of: Delivery.records,
    when: [.present(Delivery.inspectedAt, "検査されていません", "not inspected")], makes: true, answers: .row(records)
  ) { desk in
    let (delivery, values) = try desk.subject(Delivery.records)
    let contract = try desk.read { db in
      try values[Delivery.line].flatMap { try RowValues.fetch($0, OrderLine.records, db) }.flatMap {
        try OrderLine.contract(of: $0, db)
      }
    }
    guard let contract, desk.inquiry.isOwn(contract.id) else {
      throw Fault(.forbidden, field: "id", ja: "契約した区が受け取ります", en: "the ward that made the contract does it")
    }
    let row = desk.derivedRow(["acknowledgement", "\(delivery)"])
    var draft = records.draft()
    draft.edit(
      records, row,
      desk.given.edits([note.name], of: records) + Kept.edits(desk) + [
        Self.delivery.set(delivery)
      ])
    return Written([draft], about: [row]) { try $0.answer(row, records) }
  }
}
