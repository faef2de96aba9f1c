import Causality
import ChangeModel
import Desk
import GRDB
import Replica

/// 請求: what a supplier claims, held against what was ordered and found good, line by line; paid once.
enum Invoice {
  static let supplier = Field.row(1, "supplier", of: "suppliers", "事業者", "Supplier")
  static let number = Field.code(2, "number", 60, "請求書番号", "Invoice number")
  static let registration = Field.code(3, "invoice_number", 14, "登録番号", "Registration").aside
  static let issued = Field.date(4, "issued", "請求日", "Issued")
  static let net10 = Field.integer(5, "net10", Yen.amounts, "10%対象(税抜)", "Net at 10 %")
  static let tax10 = Field.integer(6, "tax10", Yen.amounts, "消費税(10%)", "Tax at 10 %")
  static let net8 = Field.integer(7, "net8", Yen.amounts, "8%対象(税抜)", "Net at 8 %")
  static let tax8 = Field.integer(8, "tax8", Yen.amounts, "消費税(8%)", "Tax at 8 %")
  static let net0 = Field.integer(15, "net0", Yen.amounts, "対象外・非課税", "Not taxed")
  static let total = Field.integer(9, "total", Yen.amounts, "請求額", "Total")
  static let acceptedAt = Field.time(10, "accepted_at", "承認日時", "Accepted at").aside
  static let acceptedBy = Field.user(11, "accepted_by", "承認者", "Accepted by").aside
  static let refusedAt = Field.time(12, "refused_at", "差戻日時", "Sent back at").aside
  static let reason = Field.text(13, "reason", 300, "理由", "Why").aside
  static let paidAt = Field.time(14, "paid_at", "支払日時", "Paid at").aside

  static let records = Records(
    213, "invoices", "請求", "Invoice", lane: .supply, law: .keptByWard(open: []), reader: .staff,
    fields: [
      number, supplier, issued, total, net10, tax10, net8, tax8, net0, registration, acceptedAt, acceptedBy, refusedAt,
      reason,
      paidAt, Kept.alone,
    ] + Kept.fields, title: [number],
    states: [
      .has(paidAt, "paid", "支払済", "paid", .done), .has(refusedAt, "refused", "差戻し", "sent back", .ended),
      .has(acceptedAt, "accepted", "支払待ち", "to pay", .underWay), .otherwise("received", "照合待ち", "to check", .open),
    ], indexes: [[supplier, number]])

  /// What two desks have to agree on before anything is paid.
  private static let told: [any AnyField] = [supplier, number, net10, tax10, net8, tax8, net0, total]

  // MARK: Three-way match

  static let members: [Answer.Member] = [
    .init("expectedNet", .integer(Numbers.any), "検収額(税抜)", "Accepted, without tax"),
    .init("expectedTax", .integer(Numbers.any), "検収額の消費税", "Tax on it"),
    .init("difference", .integer(Numbers.any), "差", "Difference"), .init("matches", .flag, "一致", "It matches"),
    .init("findings", .list(.text(200), 20), "照合で見つかったこと", "What was found"),
    .init("findingsEn", .list(.text(200), 20), "照合で見つかったこと(英語)", "What was found"),
    .init("payBy", .date, "支払期限", "To be paid by"),
    .init("deliveries", .objects(.row(Delivery.records)), "納品", "Deliveries"),
  ]

  struct Match {
    var expected = NetByRate()
    /// As the contract says; without one, as the issuer likes.
    var rounding: Rounding?
    var findings: [Words] = []
    var deliveries: [RowValues] = []

    var tax: Int64 { expected.tax(rounding ?? .down) }
  }

  /// What the deliveries of an invoice come to, and what does not fit.
  static func match(_ invoice: RowValues, _ db: Database) throws -> Match {
    var match = Match()
    match.deliveries = try RowValues.all(
      Delivery.records, "WHERE invoice = ?1 AND ward = ?2 ORDER BY id LIMIT 5000",
      [invoice.id.rawValue, invoice[Kept.ward]], db)
    var lines: Set<RowID> = []
    for delivery in match.deliveries {
      guard let line = try delivery[Delivery.line].flatMap({ try RowValues.fetch($0, OrderLine.records, db) }),
        line[Kept.ward] == invoice[Kept.ward]
      else { continue }
      if lines.insert(line.id).inserted, try Delivery.accepted(line.id, db) > line[OrderLine.taken] ?? 0 {
        match.findings.append(
          Words(
            "「\(line[OrderLine.title] ?? "")」は発注数より多く検収されています",
            "more of \(line[OrderLine.title] ?? "") was accepted than ordered"))
      }
      if try OrderLine.isReturned(line.id, db) {
        match.findings.append(
          Words(
            "「\(line[OrderLine.title] ?? "")」の数量は契約に戻されています",
            "the quantity of \(line[OrderLine.title] ?? "") was given back to the contract"))
      }
      if try Kept.isTorn(delivery.id, Delivery.records, Delivery.counted, db) {
        match.findings.append(
          Words(
            "納品「\(delivery[Delivery.slip] ?? "")」が二か所で違う内容です",
            "the delivery \(delivery[Delivery.slip] ?? "") was entered differently at two desks"))
      }
      let contract = try OrderLine.contract(of: line, db)
      if let rounding = contract?[Contract.taxRounding] { match.rounding = rounding }
      let net = Yen.line(
        delivery[Delivery.accepted] ?? 0, at: line[OrderLine.price] ?? 0, contract?[Contract.lineRounding] ?? .down)
      match.expected.add(net, rate: line[OrderLine.tax] ?? 100)
    }
    if match.deliveries.isEmpty { match.findings.append(Words("対応する検査済みの納品がありません", "no inspected delivery fits it")) }
    func told(_ net: Field<Int64>, _ tax: Field<Int64>, _ rate: Int64) {
      let (claimed, charged) = (invoice[net] ?? 0, invoice[tax] ?? 0)
      let right = match.expected.nets[rate] ?? 0
      if claimed != right {
        match.findings.append(
          Words(
            "\(rate / 10)%対象が検収額 \(right) 円と違います",
            "what is taxed at \(rate / 10) % is not the \(right) yen that were accepted"))
      }
      var own = NetByRate()
      own.add(claimed, rate: rate)
      let fits = own.roundings(of: charged)
      if fits.isEmpty {
        match.findings.append(
          Words(
            "消費税(\(rate / 10)%)が、税率ごとに一度だけ端数処理した額ではありません", "the tax at \(rate / 10) % is not rounded once for the rate")
        )
      } else if let rounding = match.rounding, !fits.contains(rounding) {
        match.findings.append(
          Words(
            "消費税(\(rate / 10)%)の端数処理は\(fits[0].rawValue)です(契約は\(rounding.rawValue))",
            "the tax at \(rate / 10) % is rounded \(fits[0].code), by the contract \(rounding.code)"))
      }
    }
    told(net10, tax10, 100)
    told(net8, tax8, 80)
    let untaxed = match.expected.nets.filter { $0.key != 100 && $0.key != 80 }.values.total
    if invoice[net0] ?? 0 != untaxed {
      match.findings.append(
        Words("対象外・非課税が検収額 \(untaxed) 円と違います", "what is not taxed is not the \(untaxed) yen that were accepted"))
    }
    let sum = [net10, tax10, net8, tax8, net0].map { invoice[$0] ?? 0 }.total
    if let claimed = invoice[total], claimed != sum {
      match.findings.append(Words("請求額が内訳の計 \(sum) 円と違います", "the total is not the sum of its parts, \(sum) yen"))
    }
    if let text = invoice[registration], !CheckedNumber.isInvoiceRegistration(text) {
      match.findings.append(Words("登録番号の検査数字が合いません", "the registration does not check"))
    }
    let doubles = try RowValues.all(
      records, "WHERE supplier = ?1 AND number = ?2 AND id <> ?3 AND ward = ?4 AND refused_at IS NULL LIMIT 1",
      [invoice[supplier]?.rawValue, invoice[number], invoice.id.rawValue, invoice[Kept.ward]], db)
    if !doubles.isEmpty {
      match.findings.append(Words("同じ番号の請求がもう一つあります(二重請求の疑い)", "there is another invoice of this number"))
    }
    return match
  }

  static func view(_ invoice: RowValues, _ look: inout Look) throws -> [String: JSON] {
    var members = try look.view(invoice, records)
    let match = try match(invoice, look.db)
    members["expectedNet"] = .integer(match.expected.net)
    members["expectedTax"] = .integer(match.tax)
    members["difference"] = .integer([invoice[total] ?? 0, -match.expected.net, -match.tax].total)
    members["matches"] = .flag(match.findings.isEmpty)
    members["findings"] = .list(match.findings.map { .text($0.ja) })
    members["findingsEn"] = .list(match.findings.map { .text($0.en) })
    members["deliveries"] = .list(try match.deliveries.map { .object(try look.view($0, Delivery.records)) })
    if let day = invoice[issued] {
      // By the calendar: the day on which it came does not count.
      let late = match.deliveries.compactMap { delivery -> Int64? in
        guard let came = delivery[Delivery.arrivedAt].flatMap({ JapaneseDay.number(JapaneseDay.text($0)) }),
          let seen = delivery[Delivery.inspectedAt].flatMap({ JapaneseDay.number(JapaneseDay.text($0)) })
        else { return nil }
        return seen - came - 10
      }.max()
      members["payBy"] = JSON(DueDates.payment(claimed: day, inspectedLateBy: late ?? 0))
    }
    return members
  }

  private static func answer(_ row: RowID, _ look: inout Look) throws -> JSON {
    guard let invoice = try RowValues.fetch(row, records, look.db) else { throw Fault.notFound("id") }
    return .object(try view(invoice, &look))
  }

  private static let one = Endpoint.read(
    "invoice", "/invoices/{id}", "請求", "Invoice", for: .staff, "A claim, with what was ordered and accepted beside it.",
    of: records, answers: .row(records, and: members)
  ) { look in try answer(look.inquiry.row!, &look) }

  private static let register = Endpoint.write(
    "enterInvoice", "/invoices", "請求を登録する", "Enter an invoice", for: .goods,
    "It takes up all that this ward has accepted of the supplier and nobody has claimed yet.",
    [
      supplier.needed, number.needed, issued.needed, net10.asked, tax10.asked, net8.asked, tax8.asked, net0.asked,
      total.needed,
      registration.asked,
    ], makes: true, answers: .row(records, and: members)
  ) { desk in
    let supplier = desk.given.row("supplier")!
    _ = try desk.find(supplier, in: Supplier.records, "supplier")
    let row = try freeRow(supplier, desk)
    var draft = records.draft()
    draft.edit(
      records, row,
      desk.given.edits(
        ["supplier", "number", "issued", "net10", "tax10", "net8", "tax8", "net0", "total", "invoiceNumber"],
        of: records)
        + Kept.edits(desk))
    for delivery in try desk.read({ try unclaimed(of: supplier, ward: desk.ward, $0) }) {
      draft.edit(Delivery.records, delivery.id, [Delivery.invoice.set(row)])
    }
    return Written([draft], about: [row]) { try answer(row, &$0) }
  }.often(2)

  /// One row for a supplier's number and year, since many begin at 1 again, at whichever of the ward's desks it is entered; after it was sent back, the next one.
  private static func freeRow(_ supplier: RowID, _ desk: Desk) throws -> RowID {
    let (number, year) = (Kept.folded(desk.given.text("number")!), String(desk.given.text("issued")!.prefix(4)))
    for turn in 0..<100 {
      let row = desk.derivedRow(["invoice", desk.ward, "\(supplier)", year, number, "\(turn)"])
      guard let known = try desk.read({ try RowValues.fetch(row, records, $0) }) else { return row }
      guard known[refusedAt] != nil, known[paidAt] == nil else { break }
    }
    throw Fault.refused("number", ja: "この番号の請求は登録されています(二重請求の疑い)", en: "an invoice of this number is here already")
  }

  /// Inspected without two words on it, something of it good, and in no invoice that stands.
  private static func unclaimed(of supplier: RowID, ward: String, _ db: Database) throws -> [RowValues] {
    try RowValues.all(
      Delivery.records,
      """
      WHERE ward = ?1 AND accepted > 0
        AND (invoice IS NULL OR invoice IN (SELECT i.id FROM invoices i
          WHERE i.ward = ?1 AND i.refused_at IS NOT NULL AND i.paid_at IS NULL))
        AND NOT EXISTS (SELECT 1 FROM conflicts c WHERE c.collection = 'deliveries' AND c.row = deliveries.id
          AND c.field IN (\(Delivery.counted.map { "'\($0.schema.name)'" }.joined(separator: ", "))))
        AND EXISTS (SELECT 1 FROM purchase_order_lines l
          JOIN purchase_orders o ON o.id = l.purchase_order AND o.ward = ?1
          LEFT JOIN contract_lines cl ON cl.id = l.contract_line LEFT JOIN contracts k ON k.id = cl.contract
          WHERE l.id = deliveries.line AND l.ward = ?1 AND coalesce(k.supplier, o.supplier) = ?2)
      ORDER BY id LIMIT 2000
      """, [ward, supplier.rawValue], db)
  }

  private static let checked = Condition.missing(acceptedAt, "承認されています", "accepted already")
  private static let unpaid = Condition.missing(paidAt, "支払われています", "paid already")
  private static let unrefused = Condition.missing(refusedAt, "差し戻されています", "sent back")

  private static let refuse = Endpoint.write(
    "refuseInvoice", "/invoices/{id}/refusal", "請求を差し戻す", "Send an invoice back", for: .goods,
    "Its deliveries can be claimed again.", [reason.needed], of: records, when: [Kept.own, unrefused, unpaid],
    answers: .row(records, and: members)
  ) { desk in
    let (row, _) = try desk.subject(records)
    var draft = records.draft()
    draft.edit(records, row, desk.given.edits([reason.name], of: records) + [refusedAt.set(desk.enteredAt)])
    return Written([draft], about: [row]) { try answer(row, &$0) }
  }

  static let service = Service(
    "請求と支払", "Invoices", records: [records],
    actions: [
      Action(
        "acceptInvoice", .step("acceptance"), records, "請求を承認する", "Accept an invoice", for: .goods,
        takes: [reason.asked, Kept.alone.asked], when: [Kept.own, unrefused, checked],
        stamps: [.now(acceptedAt), .user(acceptedBy)]
      ) { desk, invoice, _ in
        try Kept.mustAgree(invoice!.id, records, told, desk)
        try Kept.second(desk, besides: [invoice?[Kept.by]], ja: "この請求を登録した本人です", en: "you entered this invoice")
        let findings = try desk.read { try match(invoice!, $0).findings }
        guard findings.isEmpty || desk.given.text(reason.name) != nil else {
          throw Fault.refused(
            reason.name, ja: "照合が合いません: \(findings.map(\.ja).joined(separator: "。"))。それでも承認するなら理由を入れてください",
            en: "it does not match (\(findings.map(\.en).joined(separator: "; "))): say why it is accepted all the same"
          )
        }
      },
      Action(
        "payInvoice", .step("payment"), records, "支払を記録する", "Record the payment", for: .goods,
        takes: [Kept.alone.asked],
        when: [Kept.own, unrefused, unpaid, .present(acceptedAt, "承認されていません", "not accepted")],
        stamps: [.now(paidAt)]
      ) { desk, invoice, _ in
        try Kept.mustAgree(invoice!.id, records, told + [refusedAt], desk)
        try Kept.second(desk, besides: [invoice?[acceptedBy]], ja: "この請求を承認した本人です", en: "you accepted this invoice")
        let isTorn = try desk.read { db in
          try match(invoice!, db).deliveries.contains { try Kept.isTorn($0.id, Delivery.records, Delivery.counted, db) }
        }
        guard !isTorn else {
          throw Fault.refused("id", ja: "納品に食い違いがあります。先に解決してください", en: "a delivery is in dispute: settle it first")
        }
      },
    ],
    lists: [],
    due: [
      Due("照合を待つ請求が % 件あります", "% invoices wait to be checked", in: "invoices", own: "ward", "見る", "Look", for: .goods) {
        look in try look.count(records, "WHERE ward = ?1 AND accepted_at IS NULL AND refused_at IS NULL", [look.ward])
      }
    ], endpoints: [register, refuse, one, list], menu: ["invoices"])

  private static let list = Endpoint.read(
    "invoices", "/invoices", "請求", "Invoices", for: .staff, "Claims, newest first.",
    [Kept.ward.asked, supplier.asked] + Paging.fields(of: records.name),
    answers: .rows("invoices", records, isPaged: true)
  ) { look in
    let page = try look.page(
      records, where: "(?1 IS NULL OR ward = ?1) AND (?2 IS NULL OR supplier = ?2)",
      [look.given.text("ward"), look.given.integer("supplier")], by: ["told_at"], newestFirst: true)
    return page.answer("invoices", try page.rows.map { .object(try look.view($0, records)) })
  }
}
