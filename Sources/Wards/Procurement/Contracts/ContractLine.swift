import Causality
import ChangeModel
import Desk
import Federation
import GRDB
import Goods
import Replica

/// 契約の明細: an item at a price, and how many of it may be ordered. The quantity is held in shares: a ward orders from its own,
/// cut off or not, and all orders together never pass what was agreed.
enum ContractLine {
  static let contract = Field.row(1, "contract", of: "contracts", "契約", "Contract")
  static let title = Field.text(2, "title", 200, "品名", "Name")
  static let item = Field.row(3, "item", of: "items", "備蓄の品目", "Item of the stock")
  static let catalogueLine = Field.row(4, "catalogue_line", of: "catalogue_lines", "カタログの品", "Line of a catalogue")
    .aside
  static let unit = Field.text(5, "unit", 20, "単位", "Unit")
  static let price = Field.decimal(6, "price", places: Yen.places, Yen.prices, "単価(税抜・円)", "Price without tax")
  static let tax = Field.integer(7, "tax", 0...1_000, "税率(‰)", "Tax (per mille)").aside
  static let minimum = Field.integer(8, "minimum", 1...1_000_000, "最低発注数", "At least").aside
  static let step = Field.integer(9, "step", 1...1_000_000, "発注単位", "Ordered by").aside
  static let quantity = StockField(10, "quantity", 1...1_000_000_000, "残数", "Left to order")
  /// What was agreed in all: what the shares and all orders sum to, as its ward counts it.
  static let agreed = CounterField(11, "agreed", "契約数量", "Agreed")

  static let records = Records(
    205, "contract_lines", "契約の明細", "Line of a contract", lane: .supply, law: .drawn(stock: quantity.number),
    reader: .staff,
    fields: [title, item, unit, price, tax, agreed, quantity, minimum, step, contract, catalogueLine] + Kept.fields,
    title: [title, price], indexes: [[contract]])

  /// This node's orders are its own to take back: one node alone, since two that are cut off would each do it.
  static func isKeeper(_ line: RowID, _ desk: Desk) -> Bool {
    line.made?.author.node == desk.replica.author.node
  }

  static func contract(of line: RowValues, _ db: Database) throws -> RowValues? {
    let contract = try line[contract].flatMap { try RowValues.fetch($0, Contract.records, db) }
    // A line is its own ward's: nobody hangs one on another ward's contract.
    return contract?[Kept.ward] == line[Kept.ward] ? contract : nil
  }

  static func view(_ line: RowValues, _ look: inout Look) throws -> [String: JSON] {
    var members = try look.view(line, records)
    members.merge(try StockShares.view(line.id, records, quantity, look)) { $1 }
    return members
  }

  static func answer(_ row: RowID, _ look: inout Look) throws -> JSON {
    guard let line = try RowValues.fetch(row, records, look.db) else { throw Fault.notFound("id") }
    return .object(try view(line, &look))
  }

  private static func written(_ row: RowID, _ edits: [FieldEdit]) -> Written {
    var draft = records.draft()
    draft.edit(records, row, edits)
    return Written([draft], about: [row]) { try answer(row, &$0) }
  }

  /// - Throws: a `Fault` that says who holds the rest.
  static func spending(_ amount: Int64, of row: RowID, called name: String, _ desk: Desk, _ field: String) throws {
    guard let (own, others) = try desk.lacking(amount, of: row, records, quantity) else { return }
    throw Fault.refused(
      field,
      ja: "「\(name)」の、この機器の持ち分は \(max(own, 0)) です。\(others.isEmpty ? "" : "ほかの持ち分(\(others))から分けてもらってください")",
      en:
        "\(name): this node's share is \(max(own, 0))\(others.isEmpty ? "" : "; others hold \(others): ask for a share")"
    )
  }

  // MARK: Agreed

  private static let add = Endpoint.write(
    "addContractLine", "/contracts/{id}/lines", "明細を加える", "Add a line", for: .goods,
    "An item, its price and how many of it may be ordered.",
    [
      title.asked, catalogueLine.asked, item.asked, unit.asked, price.asked, tax.asked, minimum.asked, step.asked,
      FormField("quantity", quantity.shape, required: true, ja: "契約数量", en: "Quantity agreed"),
    ], of: Contract.records, when: [Kept.own], makes: true, answers: .row(records, and: StockShares.members)
  ) { desk in
    let (contract, _) = try desk.subject(Contract.records)
    let offered = try desk.given.row("catalogueLine").map {
      try desk.find($0, in: CatalogueLine.records, "catalogueLine")
    }
    let given = desk.given
    guard let name = given.text("title") ?? offered?[CatalogueLine.name] else {
      throw Fault.badValue("title", ja: "品名を入れるか、カタログの品を選んでください", en: "give a name, or a line of a catalogue")
    }
    guard let cost = given.integer("price") ?? offered?[CatalogueLine.price] else {
      throw Fault.badValue("price", ja: "単価を入れてください", en: "give a price")
    }
    let amount = given.integer("quantity")!
    let row = try desk.newRow()
    return written(
      row,
      given.edits(["catalogueLine", "item"], of: records) + Kept.edits(desk) + [
        Self.contract.set(contract), title.set(name), price.set(cost),
        unit.set(given.text("unit") ?? offered?[CatalogueLine.unit]),
        tax.set(given.integer("tax") ?? offered?[CatalogueLine.tax] ?? 100),
        minimum.set(given.integer("minimum") ?? offered?[CatalogueLine.minimum]),
        step.set(given.integer("step") ?? offered?[CatalogueLine.step]), quantity.receive(amount),
        agreed.increment(by: amount),
      ])
  }.often(2)

  private static let amount = FormField("amount", quantity.shape, required: true, ja: "数量", en: "Quantity")

  private static let raise = Endpoint.write(
    "raiseQuantity", "/contract-lines/{id}/raise", "契約数量を増やす", "Raise the quantity", for: .goods,
    "A change of the contract: so many more may be ordered.", [amount], of: records, when: [Kept.own],
    answers: .row(records, and: StockShares.members)
  ) { desk in
    let (row, _) = try desk.subject(records)
    let amount = desk.given.integer("amount")!
    return written(row, [quantity.receive(amount), agreed.increment(by: amount)])
  }

  private static let cut = Endpoint.write(
    "cutQuantity", "/contract-lines/{id}/cut", "契約数量を減らす", "Cut the quantity", for: .goods,
    "A change of the contract: so many fewer may be ordered, of what this node still holds. What others hold they hand back.",
    [amount], of: records, when: [Kept.own], answers: .row(records, and: StockShares.members)
  ) { desk in
    let (row, line) = try desk.subject(records)
    let amount = desk.given.integer("amount")!
    try spending(amount, of: row, called: line[title] ?? "", desk, "amount")
    return written(row, [quantity.spend(amount), agreed.increment(by: -amount)])
  }

  // MARK: Shares

  private static let node = FormField("node", .text(20), ja: "ノード(例 13113-1。空なら最初のノード)", en: "Node (none: the first)")

  private static let hand = Endpoint.write(
    "handQuantity", "/contract-lines/{id}/handover", "数量を区に配る", "Hand out a quantity", for: .goods,
    "Part of this node's share becomes another's to order from, of any ward.",
    [FormField("to", .ward, required: true, ja: "渡す区", en: "To ward"), amount, node], of: records,
    answers: .row(records, and: StockShares.members)
  ) { desk in
    let (row, line) = try desk.subject(records)
    let amount = desk.given.integer("amount")!
    let receiver = try receiver(desk)
    try spending(amount, of: row, called: line[title] ?? "", desk, "amount")
    return written(row, [quantity.handOver(amount, to: receiver)])
  }.often(3)

  private static func receiver(_ desk: Desk) throws -> AuthorNumber {
    let federation = desk.inquiry.identity.federation
    let ward = federation.index(ofWard: desk.given.text("to")!)!
    let named = desk.given.text("node").map { federation.author(named: $0) }
    guard let node = named ?? desk.firstNode(ofWard: ward), node.ward == ward,
      desk.replica.membership.key(of: node) != nil
    else {
      throw Fault.badValue("node", ja: "その区の登録されたノードではありません", en: "no enrolled node of that ward")
    }
    guard node.node != desk.replica.author.node else {
      throw Fault.badValue("to", ja: "このノード自身です", en: "is this node itself")
    }
    return desk.writing(node)
  }

  private static let takeBack = Endpoint.write(
    "takeBackQuantity", "/contract-lines/{id}/returns", "取り消した注文の数量を戻す", "Take cancelled orders back", for: .goods,
    "What was ordered by this line and cancelled becomes this node's to hand out again, once.", of: records,
    when: [Kept.own], answers: .row(records, and: StockShares.members)
  ) { desk in
    let (row, _) = try desk.subject(records)
    guard isKeeper(row, desk) else {
      throw Fault.refused("id", ja: "この明細を登録した機器で行います", en: "the node that entered the line does it")
    }
    let (cancelled, standing) = try desk.read {
      (try OrderLine.cancelled(of: row, $0), try OrderLine.standing(of: row, $0))
    }
    let line = try desk.subject(records).1
    let left = try desk.shares(row, records, quantity).values.total
    // What was agreed, less what is left and what orders still hold, is all that can come back, whatever any row says.
    let room = [line[agreed], -left, -standing].total
    var back: Int64 = 0
    let returned = cancelled.filter { line in
      let sum = [back, line[OrderLine.taken] ?? 0].total
      guard sum <= room else { return false }
      back = sum
      return true
    }
    guard back > 0 else {
      throw Fault.refused("id", ja: "戻す数量はありません", en: "nothing to take back")
    }
    var written = written(row, [quantity.receive(back)])
    for line in returned {
      let mark = desk.derivedRow(["quantity return", "\(line.id)"])
      written.drafts[0].edit(
        QuantityReturn.records, mark,
        Kept.edits(desk) + [
          QuantityReturn.line.set(line.id), QuantityReturn.quantity.set(line[OrderLine.taken]),
        ])
    }
    return written
  }

  private static let one = Endpoint.read(
    "contractLine", "/contract-lines/{id}", "契約の明細", "Line of a contract", for: .staff,
    "A line of a contract, with who may still order how much of it.", of: records,
    answers: .row(records, and: StockShares.members)
  ) { look in try answer(look.inquiry.row!, &look) }

  private static let list = Endpoint.read(
    "contractLines", "/contract-lines", "契約の明細", "Lines of contracts", for: .staff,
    "What can be ordered by contract, and how much of it.",
    [contract.asked] + Paging.fields(of: records.name),
    answers: .rows("lines", records, and: StockShares.members, isPaged: true)
  ) { look in
    let page = try look.page(
      records, where: "(?1 IS NULL OR contract = ?1)", [look.given.integer("contract")], usual: 100)
    return page.answer("lines", try page.rows.map { .object(try view($0, &look)) })
  }

  static let service = Service(
    "契約の明細", "Lines of contracts", records: [records, QuantityReturn.records, QuantityRequest.records],
    endpoints: [add, raise, cut, hand, takeBack, list, one] + QuantityRequest.endpoints,
    menu: ["contractLines", "quantityRequests"])
}

/// The quantity of a cancelled order line was taken back: once, by a row whose id is the line's.
enum QuantityReturn {
  static let line = Field.row(1, "line", of: "purchase_order_lines", "注文の明細", "Order line")
  static let quantity = Field.integer(2, "quantity", 1...1_000_000_000, "数量", "Quantity")

  static let records = Records(
    209, "quantity_returns", "数量の戻し", "Quantity taken back", lane: .supply, law: .keptByWard(open: []), reader: .staff,
    fields: [line, quantity] + Kept.fields, title: [line, quantity], indexes: [[line]])
}
