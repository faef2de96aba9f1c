import Causality
import ChangeModel
import Desk
import GRDB
import Places
import Replica

/// 発注: what one ward orders at once, cut off or not. Approved by somebody else, which takes the quantities from this node's shares;
/// then sent. Every step is a fact of its own. In an emergency it needs no contract: relief never waits for procurement.
enum PurchaseOrder {
  static let title = Field.text(1, "title", 120, "件名", "Subject")
  static let supplier = Field.row(2, "supplier", of: "suppliers", "発注先", "Supplier")
  static let department = Field.text(3, "department", 100, "所属", "Department")
  static let shelter = Field.row(4, "shelter", of: "shelters", "納品先の避難所", "To shelter")
  static let place = Field.text(5, "place", 200, "納品先", "Where to")
  static let from = Field.date(6, "wanted_from", "希望納期(から)", "Wanted from")
  static let until = Field.date(7, "wanted_until", "希望納期(まで)", "Wanted until")
  static let isEmergency = Field.flag(8, "is_emergency", "緊急(契約によらない)", "Emergency, outside contracts")
  static let commitment = Field.code(9, "commitment_number", 40, "支出負担行為番号", "Budget commitment").aside
  static let note = Field.text(10, "note", 300, "備考", "Note").aside
  static let approvedAt = Field.time(11, "approved_at", "承認日時", "Approved at").aside
  static let approvedBy = Field.user(12, "approved_by", "承認者", "Approved by")
  static let sentAt = Field.time(13, "sent_at", "送付日時", "Sent at").aside
  static let sentBy = Field.user(14, "sent_by", "送付者", "Sent by").aside
  static let cancelledAt = Field.time(15, "cancelled_at", "取消日時", "Cancelled at").aside
  static let reason = Field.text(16, "reason", 300, "理由", "Why").aside
  static let regularisedAt = Field.time(17, "regularised_at", "事後手続の完了日時", "Made regular at").aside

  static let records = Records(
    207, "purchase_orders", "発注", "Purchase order", lane: .supply, law: .keptByWard(open: []), reader: .staff,
    fields: [
      title, supplier, department, shelter, place, from, until, isEmergency, commitment, note, approvedAt, approvedBy,
      sentAt, sentBy, cancelledAt, reason, regularisedAt, Kept.alone,
    ] + Kept.fields, title: [title],
    states: [
      // What has been sent is on its way, whoever cancelled it meanwhile.
      State("late", "取消が間に合わず", "cancelled too late", .open) {
        order, _ in order[cancelledAt] != nil && order[sentAt] != nil
      },
      .has(cancelledAt, "cancelled", "取消", "cancelled", .ended),
      .has(sentAt, "sent", "送付済", "sent", .underWay), .has(approvedAt, "approved", "承認済", "approved", .underWay),
      .otherwise("draft", "承認待ち", "to approve", .open),
    ])

  static let open = Condition.missing(
    approvedAt, "承認されています。取り消して、新しく作ってください", "approved already: cancel it and make another")
  static let standing = Condition.missing(cancelledAt, "取り消された発注です", "cancelled")
  private static let details = [
    supplier.asked, department.asked, shelter.asked, place.asked, from.asked, until.asked, commitment.asked, note.asked,
  ]

  @Sendable private static func check(_ desk: Desk, _ record: RowValues?, _ edits: inout [FieldEdit]) throws {
    if let shelter = desk.given.row(shelter.name) { try Shelters.mustBeOwn(shelter, Self.shelter.name, desk) }
    let (from, until) = (desk.given.text(from.name) ?? record?[from], desk.given.text(until.name) ?? record?[until])
    if let from, let until, until < from {
      throw Fault.badValue(Self.until.name, ja: "納期の終わりが始まりより前です", en: "wanted until before wanted from")
    }
  }

  // MARK: What is answered

  static let members: [Answer.Member] = [
    .init("net", .integer(Numbers.any), "税抜合計", "Without tax"), .init("tax", .integer(Numbers.any), "消費税", "Tax"),
    .init("total", .integer(Numbers.any), "合計", "Total"),
    .init("lines", .objects(.row(OrderLine.records)), "明細", "Lines"),
  ]

  static func lines(of order: RowID, _ db: Database) throws -> [RowValues] {
    try RowValues.all(
      OrderLine.records,
      """
      WHERE purchase_order = ?1 AND ward = (SELECT ward FROM purchase_orders WHERE id = ?1)
      ORDER BY id LIMIT \(OrderLine.most + 1)
      """, [order.rawValue], db)
  }

  private static func mustFit(_ lines: [RowValues]) throws {
    guard lines.count > OrderLine.most else { return }
    throw Fault.refused(
      "id", ja: "明細が \(OrderLine.most) 行を超えています。分けてください", en: "more than \(OrderLine.most) lines: split it")
  }

  static func view(_ order: RowValues, _ look: inout Look) throws -> [String: JSON] {
    var members = try look.view(order, records)
    let lines = try lines(of: order.id, look.db)
    var sum = NetByRate()
    var tax: Rounding = .down
    for line in lines {
      let contract = try OrderLine.contract(of: line, look.db)
      sum.add(OrderLine.net(line, by: contract, isApproved: order[approvedAt] != nil), rate: line[OrderLine.tax] ?? 100)
      tax = contract?[Contract.taxRounding] ?? tax
    }
    members["net"] = .integer(sum.net)
    members["tax"] = .integer(sum.tax(tax))
    members["total"] = .integer([sum.net, sum.tax(tax)].total)
    members["lines"] = .list(try lines.map { .object(try look.view($0, OrderLine.records)) })
    return members
  }

  private static func answer(_ row: RowID, _ look: inout Look) throws -> JSON {
    guard let order = try RowValues.fetch(row, records, look.db) else { throw Fault.notFound("id") }
    return .object(try view(order, &look))
  }

  private static let one = Endpoint.read(
    "purchaseOrder", "/purchase-orders/{id}", "発注", "Purchase order", for: .staff,
    "An order, with its lines and what it comes to.", of: records, answers: .row(records, and: members)
  ) { look in try answer(look.inquiry.row!, &look) }

  // MARK: Approving

  /// The same line for the same place, asked for within a day at another desk: perhaps the same order.
  private static func double(_ order: RowValues, _ lines: [RowValues], _ db: Database) throws -> RowValues? {
    let wanted = lines.compactMap { $0[OrderLine.contractLine] }
    guard !wanted.isEmpty, let at = order[Kept.at]?.milliseconds else { return nil }
    return try RowValues.all(
      records,
      """
      WHERE id <> ?1 AND ward = ?2 AND approved_at IS NOT NULL AND cancelled_at IS NULL AND abs(told_at - ?3) < 86400000
        AND ifnull(place, '') = ifnull(?4, '') AND ifnull(shelter, 0) = ifnull(?5, 0)
        AND EXISTS (SELECT 1 FROM purchase_order_lines l WHERE l.purchase_order = purchase_orders.id
          AND l.ward = purchase_orders.ward AND l.contract_line IN (SELECT value FROM json_each(?6))) LIMIT 1
      """,
      [
        order.id.rawValue, order[Kept.ward], at, order[place], order[shelter]?.rawValue, RowValues.list(wanted),
      ], db
    ).first
  }

  private static let approve = Endpoint.write(
    "approveOrder", "/purchase-orders/{id}/approval", "発注を承認する", "Approve an order", for: .goods,
    "By somebody else than who wrote it. The quantities leave this node's shares in the same change.",
    [Kept.alone.asked, FormField("evenIfDouble", .flag, ja: "重複していても承認する", en: "Even if it seems a double")],
    of: records,
    when: [Kept.own, standing, open], answers: .row(records, and: members)
  ) { desk in
    let (row, order) = try desk.subject(records)
    try Kept.mustBeMaker(row, desk, "承認", "approved")
    let lines = try desk.read { try Self.lines(of: row, $0) }
    guard !lines.isEmpty else { throw Fault.refused("id", ja: "明細がありません", en: "it has no lines") }
    try mustFit(lines)
    try Kept.second(
      desk, besides: ([order] + lines).map { $0[Kept.by] }, ja: "この発注を書いた本人です", en: "you wrote this order")
    if !desk.given.flag("evenIfDouble"), let other = try desk.read({ try double(order, lines, $0) }) {
      throw Fault.refused(
        "evenIfDouble", ja: "同じ品・同じ納品先の発注「\(other[title] ?? "")」が前後 1 日にあります。重複でなければ印を付けてください",
        en: "an order for the same place and goods was approved within a day: \(other[title] ?? "")")
    }
    var draft = records.draft()
    var wanted: [RowID: Int64] = [:]
    for line in lines {
      draft.edit(OrderLine.records, line.id, [OrderLine.taken.set(line[OrderLine.quantity])])
      guard let source = line[OrderLine.contractLine] else { continue }
      wanted[source] = [wanted[source] ?? 0, line[OrderLine.quantity] ?? 0].total
    }
    for (source, amount) in wanted.sorted(by: { $0.key < $1.key }) {
      let agreed = try desk.find(source, in: ContractLine.records, "id")
      try Contract.mustRun(agreed, desk)
      try ContractLine.spending(amount, of: source, called: agreed[ContractLine.title] ?? "", desk, "id")
      draft.edit(ContractLine.records, source, [ContractLine.quantity.spend(amount)])
    }
    draft.edit(
      records, row,
      desk.given.edits([Kept.alone.name], of: records) + [
        approvedAt.set(desk.enteredAt), approvedBy.set(desk.inquiry.user.name),
      ])
    return Written([draft], about: [row]) { try answer(row, &$0) }
  }.often(4)

  /// What an order that is made after another does not take over.
  private static let ofOneTime: Set<String> = {
    let fields: [any AnyField] = [
      from, until, commitment, approvedAt, approvedBy, sentAt, sentBy, cancelledAt, reason, regularisedAt, Kept.alone,
    ]
    return Set((fields + Kept.fields).map(\.schema.name))
  }()

  private static let copy = Endpoint.write(
    "copyOrder", "/purchase-orders/{id}/copy", "同じ内容で新しく発注する", "Order the same again", for: .goods,
    "A new order with the lines of this one, at today's contract prices.", of: records, when: [Kept.own], makes: true,
    answers: .row(records, and: members)
  ) { desk in
    let (row, order) = try desk.subject(records)
    let lines = try desk.read { try Self.lines(of: row, $0) }
    try mustFit(lines)
    let new = try desk.newRow()
    var draft = records.draft()
    draft.edit(
      records, new,
      order.copy(except: ofOneTime) + Kept.edits(desk))
    for line in lines {
      let agreed = try line[OrderLine.contractLine].flatMap { source in
        try desk.read { try RowValues.fetch(source, ContractLine.records, $0) }
      }
      draft.edit(
        OrderLine.records, try desk.newRow(), OrderLine.copy(line, to: new, at: agreed?[ContractLine.price], desk))
    }
    return Written([draft], about: [new]) { try answer(new, &$0) }
  }.often(2)

  static let service = Service(
    "発注", "Purchase orders", records: [records, OrderReply.records],
    actions: [
      Action(
        "writeOrder", .new, records, "発注を作る", "Write an order", for: .goods,
        takes: [title.needed, isEmergency.asked] + details, stamps: Kept.stamps, rule: check
      ).often(4),
      Action(
        "changeOrder", .change, records, "発注を直す", "Change an order", for: .goods, takes: [title.asked] + details,
        when: [Kept.own, standing, open], rule: check),
      Action(
        "sendOrder", .step("sending"), records, "発注を送付する", "Send an order", for: .goods,
        when: [
          Kept.own, standing, .present(approvedAt, "承認されていません", "not approved"),
          .missing(sentAt, "送付されています", "sent already"),
        ], stamps: [.now(sentAt), .user(sentBy)]
      ) { desk, order, _ in try Kept.mustBeMaker(order!.id, desk, isFact: true, "送付", "sent") },
      Action(
        "cancelOrder", .step("cancellation"), records, "発注を取り消す", "Cancel an order", for: .goods,
        takes: [reason.needed], when: [Kept.own, standing], stamps: [.now(cancelledAt)]
      ) { desk, order, _ in
        // Called off elsewhere while it is approved and sent here, it would be given back and come all the same.
        try Kept.mustBeMaker(order!.id, desk, isFact: true, "取消", "cancelled")
      },
      Action(
        "regulariseOrder", .step("regularisation"), records, "事後の手続を済ませる", "Make an emergency order regular",
        for: .goods, takes: [commitment.needed],
        when: [
          Kept.own,
          Condition(.refused, "緊急の発注ではありません", "no emergency order") { order, _ in order[isEmergency] == true },
          .missing(regularisedAt, "済んでいます", "done already"),
        ], stamps: [.now(regularisedAt)]),
    ],
    lists: [],
    due: [
      Due(
        "承認を待つ発注が % 件あります", "% orders wait to be approved", in: "purchaseOrders", own: "ward", "見る", "Look", for: .goods
      ) { look in
        try look.count(
          records,
          """
          WHERE ward = ?1 AND approved_at IS NULL AND cancelled_at IS NULL
            AND EXISTS (SELECT 1 FROM purchase_order_lines l WHERE l.purchase_order = purchase_orders.id AND l.ward = ?1)
          """, [look.ward])
      },
      Due(
        "事後の手続が要る緊急の発注が % 件あります", "% emergency orders are to be made regular", in: "purchaseOrders", own: "ward", "見る",
        "Look", for: .goods
      ) { look in
        try look.count(
          records, "WHERE ward = ?1 AND is_emergency = 1 AND regularised_at IS NULL AND cancelled_at IS NULL",
          [look.ward])
      },
    ], endpoints: [approve, copy, one, list, OrderReply.endpoint], menu: ["purchaseOrders"])

  private static let list = Endpoint.read(
    "purchaseOrders", "/purchase-orders", "発注", "Purchase orders", for: .staff, "Orders, newest first.",
    [Kept.ward.asked, supplier.asked, FormField("all", .flag, ja: "取り消したものも", en: "Those that are cancelled too")]
      + Paging.fields(of: records.name), answers: .rows("orders", records, isPaged: true)
  ) { look in
    let page = try look.page(
      records,
      where: "(?1 OR cancelled_at IS NULL) AND (?2 IS NULL OR ward = ?2) AND (?3 IS NULL OR supplier = ?3)",
      [look.given.flag("all"), look.given.text("ward"), look.given.integer("supplier")], by: ["told_at"],
      newestFirst: true)
    return page.answer("orders", try page.rows.map { .object(try look.view($0, records)) })
  }
}

/// What the supplier answered: an order is accepted, accepted with changes, or refused (UN/CEFACT 4343: AP, CA, RE).
enum OrderReply {
  static let codes = [Choice("受注", "AP"), Choice("条件付き", "CA"), Choice("拒否", "RE")]
  static let order = Field.row(1, "purchase_order", of: "purchase_orders", "発注", "Order")
  static let code = Field.choice(2, "code", codes, "回答", "Answer")
  static let promised = Field.date(3, "promised_until", "回答納期", "Promised until")
  static let text = Field.text(4, "text", 500, "内容", "Text")

  static let records = Records(
    208, "order_replies", "発注への回答", "Reply to an order", lane: .supply, law: .keptByWard(open: []), reader: .staff,
    fields: [code, promised, text, order] + Kept.fields, title: [code], indexes: [[order]])

  static let endpoint = Endpoint.write(
    "tellReply", "/purchase-orders/{id}/replies", "事業者の回答を記録する", "Enter the supplier's reply", for: .goods,
    "What the supplier said to an order that was sent.", [code.needed, promised.asked, text.asked],
    of: PurchaseOrder.records,
    when: [Kept.own, .present(PurchaseOrder.sentAt, "送付されていません", "not sent")], makes: true, answers: .row(records)
  ) { desk in
    let (order, _) = try desk.subject(PurchaseOrder.records)
    let row = try desk.newRow()
    var draft = records.draft()
    draft.edit(
      records, row,
      desk.given.edits(["code", "promisedUntil", "text"], of: records) + Kept.edits(desk)
        + [
          Self.order.set(order)
        ])
    return Written([draft], about: [row]) { try $0.answer(row, records) }
  }
}
