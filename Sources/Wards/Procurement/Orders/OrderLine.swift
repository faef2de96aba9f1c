import Causality
import ChangeModel
import Desk
import GRDB
import Replica

/// 発注の明細: so many of one thing at the price of its contract on that day, which the order keeps whatever the contract says later.
enum OrderLine {
  static let order = Field.row(1, "purchase_order", of: "purchase_orders", "発注", "Order")
  static let contractLine = Field.row(2, "contract_line", of: "contract_lines", "契約の明細", "Line of a contract")
  static let title = Field.text(3, "title", 200, "品名", "Name")
  static let item = Field.row(4, "item", of: "items", "備蓄の品目", "Item of the stock")
  static let unit = Field.text(5, "unit", 20, "単位", "Unit")
  static let quantity = Field.integer(6, "quantity", 1...1_000_000_000, "数量", "Quantity")
  static let price = Field.decimal(7, "price", places: Yen.places, Yen.prices, "単価(税抜・円)", "Price without tax")
  static let tax = Field.integer(8, "tax", 0...1_000, "税率(‰)", "Tax (per mille)")
  static let note = Field.text(9, "note", 200, "備考", "Note").aside
  /// What the approval took from this node's share: a line that came in at another desk meanwhile took nothing, and does not count.
  static let taken = Field.integer(10, "taken", 0...1_000_000_000, "承認された数", "Approved").aside

  /// Lines of one order.
  static let most = 200

  static let records = Records(
    210, "purchase_order_lines", "発注の明細", "Order line", lane: .supply, law: .keptByWard(open: []), reader: .staff,
    fields: [title, quantity, unit, price, tax, item, contractLine, note, taken, order] + Kept.fields,
    title: [title, quantity],
    indexes: [[order], [contractLine]])

  /// - Parameter isApproved: what the approval took counts, and no line that came in beside it.
  static func net(_ line: RowValues, by contract: RowValues?, isApproved: Bool) -> Int64 {
    Yen.line(line[isApproved ? taken : quantity] ?? 0, at: line[price] ?? 0, contract?[Contract.lineRounding] ?? .down)
  }

  static func contract(of line: RowValues, _ db: Database) throws -> RowValues? {
    guard let source = line[contractLine], let agreed = try RowValues.fetch(source, ContractLine.records, db) else {
      return nil
    }
    return try ContractLine.contract(of: agreed, db)
  }

  static func copy(_ line: RowValues, to order: RowID, at price: Int64?, _ desk: Desk) -> [FieldEdit] {
    line.copy(
      except: [Self.order.schema.name, Self.price.schema.name, taken.schema.name, "ward", "told_by", "told_at"])
      + Kept.edits(desk)
      + [Self.order.set(order), Self.price.set(price ?? line[Self.price])]
  }

  /// The order was called off before it went out, or the supplier refused it and brought nothing.
  private static let calledOff = """
    EXISTS (SELECT 1 FROM purchase_orders o WHERE o.id = purchase_order AND o.ward = purchase_order_lines.ward
      AND o.approved_at IS NOT NULL AND (o.cancelled_at IS NOT NULL AND o.sent_at IS NULL
        OR EXISTS (SELECT 1 FROM order_replies a WHERE a.purchase_order = o.id AND a.ward = o.ward AND a.code = '拒否'
            AND NOT EXISTS (SELECT 1 FROM order_replies b WHERE b.purchase_order = o.id AND b.ward = o.ward
              AND (b.told_at, b.id) > (a.told_at, a.id)))
          AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.purchase_order = o.id AND d.ward = o.ward)))
    """
  /// The mark of whoever made the contract, and of nobody else.
  private static let returned = """
    EXISTS (SELECT 1 FROM quantity_returns r WHERE r.line = purchase_order_lines.id
      AND r.ward = (SELECT ward FROM contract_lines k WHERE k.id = purchase_order_lines.contract_line))
    """

  /// Lines that took from a contract's line and whose order was called off, not taken back yet.
  static func cancelled(of source: RowID, _ db: Database) throws -> [RowValues] {
    try RowValues.all(
      records, "WHERE contract_line = ?1 AND taken > 0 AND \(calledOff) AND NOT \(returned) LIMIT 1000",
      [source.rawValue], db)
  }

  /// What orders that stand have taken of a contract's line.
  static func standing(of source: RowID, _ db: Database) throws -> Int64 {
    try Int64.fetchOne(
      db.cachedStatement(
        sql: """
          SELECT sum(min(taken, 1000000000)) FROM purchase_order_lines
          WHERE contract_line = ?1 AND taken > 0 AND NOT \(calledOff)
            AND EXISTS (SELECT 1 FROM purchase_orders o
              WHERE o.id = purchase_order AND o.ward = purchase_order_lines.ward AND o.approved_at IS NOT NULL)
          """), arguments: [source.rawValue]) ?? 0
  }

  /// What it took was given back: nothing of it can come any longer.
  static func isReturned(_ line: RowID, _ db: Database) throws -> Bool {
    try Bool.fetchOne(
      db.cachedStatement(sql: "SELECT EXISTS (SELECT 1 FROM purchase_order_lines WHERE id = ?1 AND \(returned))"),
      arguments: [line.rawValue]) ?? false
  }

  private static let add = Endpoint.write(
    "addOrderLine", "/purchase-orders/{id}/lines", "明細を加える", "Add a line to an order", for: .goods,
    "By a contract's line; in an emergency also what no contract has, by its name and price.",
    [contractLine.asked, quantity.needed, title.asked, price.asked, tax.asked, item.asked, unit.asked, note.asked],
    of: PurchaseOrder.records, when: [Kept.own, PurchaseOrder.standing, PurchaseOrder.open], makes: true,
    answers: .row(records)
  ) { desk in
    let (order, values) = try desk.subject(PurchaseOrder.records)
    let count = try desk.read { try PurchaseOrder.lines(of: order, $0).count }
    guard count < most else { throw Fault.refused("id", ja: "明細は \(most) 行までです", en: "\(most) lines at most") }
    let given = desk.given
    var edits = given.edits(["quantity", "note"], of: records) + Kept.edits(desk)
    edits.append(Self.order.set(order))
    if let source = given.row("contractLine") {
      let agreed = try desk.find(source, in: ContractLine.records, "contractLine")
      try check(given.integer("quantity")!, of: agreed, desk)
      edits += [
        contractLine.set(source), title.set(agreed[ContractLine.title]), unit.set(agreed[ContractLine.unit]),
        price.set(agreed[ContractLine.price]), tax.set(agreed[ContractLine.tax] ?? 100),
      ]
      if let goods = agreed[ContractLine.item] { edits.append(item.set(goods)) }
    } else {
      guard values[PurchaseOrder.isEmergency] == true else {
        throw Fault.badValue(
          "contractLine", ja: "契約の明細を選んでください。契約にない品は、緊急の発注で注文できます",
          en: "choose a contract's line; what no contract has is for an emergency order")
      }
      guard given.text("title") != nil else {
        throw Fault.badValue("title", ja: "品名を入れてください", en: "give a name")
      }
      edits += given.edits(["title", "unit", "price", "item"], of: records) + [tax.set(given.integer("tax") ?? 100)]
    }
    let row = try desk.newRow()
    var draft = records.draft()
    draft.edit(records, row, edits)
    return Written([draft], about: [row, order]) { try $0.answer(row, records) }
  }.often(6)

  /// - Throws: where the contract does not allow so many.
  private static func check(_ amount: Int64, of agreed: RowValues, _ desk: Desk) throws {
    try Contract.mustRun(agreed, desk)
    if let least = agreed[ContractLine.minimum], amount < least {
      throw Fault.badValue("quantity", ja: "最低発注数は \(least) です", en: "at least \(least) are ordered at once")
    }
    if let step = agreed[ContractLine.step], step > 0, amount % step != 0 {
      throw Fault.badValue("quantity", ja: "\(step) の倍数で注文してください", en: "order a multiple of \(step)")
    }
  }

  private static let remove = Endpoint.write(
    "removeOrderLine", "/purchase-order-lines/{id}/removal", "明細を除く", "Take a line out", for: .goods,
    "Of an order that nobody has approved yet.", of: records, when: [Kept.own], answers: .nothing
  ) { desk in
    let (row, line) = try desk.subject(records)
    if let order = line[order] { try Kept.mustBeMaker(order, desk, "明細の取り除き", "lines are taken out") }
    let order = try line[order].flatMap { order in
      try desk.read { try RowValues.fetch(order, PurchaseOrder.records, $0) }
    }
    guard order?[PurchaseOrder.approvedAt] == nil else {
      throw Fault.refused("id", ja: "承認された発注の明細です", en: "the order is approved already")
    }
    var draft = records.draft()
    draft.delete(records, row)
    return Written([draft], about: [row]) { _ in .null }
  }

  static let service = Service(
    "発注の明細", "Order lines", records: [records],
    lists: [Listing("orderLines", records, "発注の明細", "Order lines", filters: [order, contractLine], newest: Kept.at)],
    endpoints: [add, remove])
}
