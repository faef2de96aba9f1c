import Catalogue
import Causality
import ChangeModel
import Desk
import Goods
import Replica
import Sodium
import Testing

@testable import Procurement

/// Wards that order, deliver and pay while they are cut off from each other, and what they end in (design, section 3B).
@Suite struct ProcurementTests {
  /// A contract of the first ward with one line of 10,000 boxes at 1,720 yen, known to all.
  private struct Deal {
    let wards: Wards
    let supplier: RowID
    let contract: RowID
    let line: RowID

    init(item: Bool = false) throws {
      wards = try Wards()
      let lead = wards.first
      supplier = try lead.write("addSupplier", nil, ["name": "見本紙業", "corporateNumber": "5835678256246"]).row
      contract = try lead.write(
        "enterContract", nil,
        ["title": "コピー用紙", "supplier": .text("\(supplier)"), "kind": "単価契約", "taxRounding": "切捨て"]
      ).row
      if item { try lead.write("installCatalogue") }
      line = try lead.write(
        "addContractLine", contract,
        [
          "title": "A4 500枚×10", "price": "1,720", "quantity": 10_000, "unit": "箱",
          "item": item ? .text("\(Items.row(code: "blanket"))") : .null,
        ]
      ).row
      try meet()
    }

    func meet() throws {
      for _ in 0..<2 {
        try wards.first.meet(wards.second)
        try wards.second.meet(wards.secondOther)
      }
      try wards.first.meet(wards.second)
    }

    func hand(_ amount: Int64, to ward: String, node: String? = nil) throws {
      try wards.first.write("handQuantity", line, ["to": .text(ward), "amount": .integer(amount), "node": JSON(node)])
    }

    /// Written by one, approved by another, where that many are left.
    func order(_ quantity: Int64, at office: Office, place: String = "本庁舎", sends: Bool = true) throws -> RowID {
      let order = try office.write("writeOrder", nil, ["title": "用紙", "place": .text(place)]).row
      try office.write("addOrderLine", order, ["contractLine": .text("\(line)"), "quantity": .integer(quantity)])
      let writer = office.user
      office.user = User("承認 次郎")
      defer { office.user = writer }
      try office.write("approveOrder", order, ["evenIfDouble": .flag(true)])
      if sends { try office.write("sendOrder", order) }
      return order
    }

    func left(_ office: Office) throws -> JSON { try office.read("contractLine", line) }
  }

  @Test func `G12, C1: orders of wards that are cut off never pass what was agreed`() throws {
    let deal = try Deal()
    let (lead, a, b) = (deal.wards.first, deal.wards.second, deal.wards.secondOther)
    try deal.hand(3_000, to: "13102")
    try deal.hand(3_000, to: "13102", node: "13102-2")
    try deal.meet()
    // Cut off: A orders 2,800, then 300 of the 200 that are left; B all of its own.
    _ = try deal.order(2_800, at: a)
    #expect(throws: Fault.self) { try deal.order(300, at: a, place: "第二庁舎") }
    _ = try deal.order(3_000, at: b)
    let asked = try a.write("askQuantity", deal.line, ["amount": 100]).row
    try deal.meet()
    try lead.write("grantQuantity", asked)
    try deal.meet()
    _ = try deal.order(300, at: a, place: "第二庁舎")
    try deal.meet()
    for office in [lead, a, b] {
      let line = try deal.left(office)
      #expect(line["quantity"] == .integer(10_000 - 2_800 - 3_000 - 300))
      #expect(line["agreed"] == .integer(10_000) && line["overdrawn"] == .null)
      #expect(line["shares"].list.map { $0["amount"] } == [.integer(3_900)])
    }
    #expect(throws: Fault.self) { try lead.write("grantQuantity", asked) }
  }

  @Test func `H21, H22: no other ward brings quantity in, and whoever hands on more than it holds is named`() throws {
    let deal = try Deal()
    let (lead, a) = (deal.wards.first, deal.wards.second)
    // Past all rules of a desk: left out on every node, its own too.
    #expect(throws: ReplicaError.self) {
      try a.edit(ContractLine.records, deal.line, [ContractLine.quantity.receive(5_000)])
    }
    #expect(throws: ReplicaError.self) {
      try a.edit(ContractLine.records, deal.line, [ContractLine.price.set(1)])
    }
    try deal.hand(10, to: "13102")
    try deal.meet()
    #expect(throws: ReplicaError.self) {
      try a.edit(ContractLine.records, deal.line, [ContractLine.quantity.handOver(50, to: lead.replica.author)])
    }
    #expect(try deal.left(lead)["quantity"] == .integer(10_000))
  }

  @Test func `C3, C4: the quantity is raised while wards order, and cut by no more than is still free`() throws {
    let deal = try Deal()
    let (lead, a) = (deal.wards.first, deal.wards.second)
    try deal.hand(4_000, to: "13102")
    try deal.meet()
    try lead.write("raiseQuantity", deal.line, ["amount": 500])
    _ = try deal.order(1_000, at: a)
    #expect(throws: Fault.self) { try lead.write("cutQuantity", deal.line, ["amount": 7_000]) }
    try lead.write("cutQuantity", deal.line, ["amount": 6_500])
    try deal.meet()
    for office in [lead, a] {
      #expect(try deal.left(office)["quantity"] == .integer(3_000) && deal.left(office)["agreed"] == .integer(4_000))
    }
  }

  @Test func `C6, C26: a contract that ends takes no more orders, and an order keeps the price of its day`() throws {
    let deal = try Deal()
    let (lead, a) = (deal.wards.first, deal.wards.second)
    try deal.hand(100, to: "13102")
    try deal.meet()
    let order = try deal.order(10, at: a)
    try lead.edit(ContractLine.records, deal.line, [ContractLine.price.set(2_000_000)])
    try lead.write("terminateContract", deal.contract, ["reason": "倒産"])
    _ = try deal.order(5, at: a, place: "cut off: it did not know")
    try deal.meet()
    #expect(throws: Fault.self) { try deal.order(5, at: a, place: "別館") }
    #expect(try lead.read("purchaseOrder", order)["net"] == .integer(17_200))
  }

  @Test func `C8: an order that seems to be there already is asked about`() throws {
    let deal = try Deal()
    let lead = deal.wards.first
    _ = try deal.order(10, at: lead)
    let again = try lead.write("writeOrder", nil, ["title": "用紙", "place": "本庁舎"]).row
    try lead.write("addOrderLine", again, ["contractLine": .text("\(deal.line)"), "quantity": 10])
    // Whoever wrote it does not approve it.
    #expect(throws: Fault.self) { try lead.write("approveOrder", again, ["evenIfDouble": true]) }
    lead.user = User("承認 次郎")
    #expect(throws: Fault.self) { try lead.write("approveOrder", again) }
    try lead.write("approveOrder", again, ["evenIfDouble": true])
    #expect(throws: Fault.self) {
      try lead.write("addOrderLine", again, ["contractLine": .text("\(deal.line)"), "quantity": 1])
    }
  }

  @Test func `what a cancelled order had taken is taken back once, by one node`() throws {
    let deal = try Deal()
    let (lead, a) = (deal.wards.first, deal.wards.second)
    try deal.hand(100, to: "13102")
    try deal.meet()
    let order = try deal.order(60, at: a, sends: false)
    try a.write("cancelOrder", order, ["reason": "誤り"])
    try deal.meet()
    #expect(try deal.left(lead)["quantity"] == .integer(9_940))
    try lead.write("takeBackQuantity", deal.line)
    #expect(throws: Fault.self) { try lead.write("takeBackQuantity", deal.line) }
    try deal.meet()
    for office in [lead, a] { #expect(try deal.left(office)["quantity"] == .integer(10_000)) }
  }

  @Test func `C10: what was sent before the cancellation came is on its way, and shows so`() throws {
    let deal = try Deal()
    let (a, b) = (deal.wards.second, deal.wards.secondOther)
    try deal.hand(100, to: "13102")
    try deal.meet()
    let order = try a.write("writeOrder", nil, ["title": "用紙", "place": "本庁舎"]).row
    try a.write("addOrderLine", order, ["contractLine": .text("\(deal.line)"), "quantity": 20])
    try deal.meet()
    // Cut off: called off past all rules of a desk at one node, while the other approves it and sends it.
    #expect(throws: Fault.self) { try b.write("cancelOrder", order, ["reason": "不要"]) }
    try b.edit(PurchaseOrder.records, order, [PurchaseOrder.cancelledAt.set(b.now)])
    for office in [a, b] { office.user = User("承認 次郎") }
    try a.write("approveOrder", order)
    try a.write("sendOrder", order)
    #expect(throws: Fault.self) { try b.write("approveOrder", order) }
    try deal.meet()
    for office in [a, b] { #expect(try office.read("purchaseOrder", order)["stateCode"] == "late") }
    #expect(throws: Fault.self) { try deal.wards.first.write("takeBackQuantity", deal.line) }
  }

  @Test func `C11, C12: a delivery entered at two desks is one, and comes into stock once`() throws {
    let deal = try Deal(item: true)
    let (a, b) = (deal.wards.second, deal.wards.secondOther)
    try deal.hand(100, to: "13102")
    try deal.meet()
    let order = try deal.order(40, at: a)
    try deal.meet()
    for office in [a, b] { try office.write("orderArrived", order, ["slip": "N-1"]) }
    try deal.meet()
    let deliveries = try a.read("deliveries")["deliveries"].list
    #expect(deliveries.count == 1)
    let delivery = deliveries[0].row
    // Whoever ordered does not inspect; another node does not take it into stock.
    #expect(throws: Fault.self) { try a.write("inspectDelivery", delivery, ["accepted": 40]) }
    for office in [a, b] { office.user = User("検査 花子") }
    #expect(throws: Fault.self) { try b.write("inspectDelivery", delivery, ["accepted": 40]) }
    #expect(throws: Fault.self) { try a.write("inspectDelivery", delivery, ["accepted": 38]) }
    #expect(throws: Fault.self) { try a.write("inspectDelivery", delivery, ["accepted": 41, "fault": "多い"]) }
    try a.write("inspectDelivery", delivery, ["accepted": 38, "fault": "2箱が水濡れ"])
    try deal.meet()
    for office in [a, b] {
      let row = try office.read("deliveriesRecord", delivery)
      #expect(row["stateCode"] == "partly" && row["accepted"] == .integer(38))
      let lots = try office.read("lots")["lots"].list
      #expect(lots.map { $0["amount"] } == [.integer(38)])
    }
    #expect(throws: Fault.self) { try a.write("passOrder", order) }
    // The ward that made the contract sees the report, and says so.
    try deal.wards.first.write("acknowledgeInspection", delivery)
    #expect(throws: Fault.self) { try a.write("acknowledgeInspection", delivery) }
  }

  @Test func `an invoice is held against what was accepted, tax once for each rate, and each delivery is claimed once`()
    throws
  {
    let deal = try Deal()
    let lead = deal.wards.first
    let order = try deal.order(3, at: lead)
    try lead.write("orderArrived", order, ["slip": "S1"])
    lead.user = User("検査 花子")
    try lead.write("passOrder", order)
    func claim(_ number: String, _ net: Int64, _ tax: Int64) throws -> JSON {
      try lead.write(
        "enterInvoice", nil,
        [
          "supplier": .text("\(deal.supplier)"), "number": .text(number), "issued": "2026-11-20",
          "net10": .integer(net),
          "tax10": .integer(tax), "total": .integer(net + tax), "invoiceNumber": "T5835678256246",
        ])
    }
    let wrong = try claim("A-1", 5_160, 515)
    #expect(wrong["matches"] == .flag(false) && wrong["expectedNet"] == .integer(5_160))
    lead.user = User("会計 三郎")
    #expect(throws: Fault.self) { try lead.write("acceptInvoice", wrong.row) }
    #expect(throws: Fault.self) { try lead.write("payInvoice", wrong.row) }
    try lead.write("refuseInvoice", wrong.row, ["reason": "税額の誤り"])
    let right = try claim("A-1", 5_160, 516)
    #expect(right["matches"] == .flag(true) && right["difference"] == .integer(0))
    #expect(right["deliveries"].list.count == 1)
    // C27: the same number again, in whatever width and with whatever hyphens; and another number for the same goods.
    for number in ["A-1", "ａ１"] { #expect(throws: Fault.self) { try claim(number, 5_160, 516) } }
    let double = try claim("A-2", 5_160, 516)
    #expect(double["matches"] == .flag(false) && double["deliveries"].list.isEmpty)
    #expect(throws: Fault.self) { try lead.write("acceptInvoice", right.row) }
    lead.user = User("承認 四郎")
    try lead.write("acceptInvoice", right.row)
    // Whoever accepted it does not pay it.
    #expect(throws: Fault.self) { try lead.write("payInvoice", right.row) }
    lead.user = User("出納 五郎")
    try lead.write("payInvoice", right.row)
    #expect(throws: Fault.self) { try claim("A-1", 5_160, 516) }
    #expect(try lead.read("invoice", right.row)["stateCode"] == "paid")
  }

  @Test func `nobody adds lines, deliveries or claims to another ward's order, and a foreign reply gives nothing back`()
    throws
  {
    let deal = try Deal()
    let (lead, a) = (deal.wards.first, deal.wards.second)
    let order = try deal.order(3, at: lead)
    try lead.write("orderArrived", order, ["slip": "S1"])
    try deal.meet()
    // Past all rules of a desk: rows of the other ward that name this ward's order.
    let line = try #require(try lead.read("purchaseOrder", order)["lines"].list.first).row
    let ward = Kept.ward.set("13102")
    try a.edit(
      OrderLine.records, try a.replica.newRows(1)[0],
      [
        ward, OrderLine.order.set(order), OrderLine.title.set("偽"), OrderLine.quantity.set(900),
        OrderLine.taken.set(900),
        OrderLine.price.set(.max), OrderLine.tax.set(-1_000), OrderLine.contractLine.set(deal.line),
      ])
    try a.edit(
      Delivery.records, try a.replica.newRows(1)[0],
      [
        ward, Delivery.order.set(order), Delivery.line.set(line), Delivery.slip.set("偽"), Delivery.arrived.set(500),
        Delivery.accepted.set(500), Delivery.inspectedAt.set(a.now),
      ])
    try a.edit(
      OrderReply.records, try a.replica.newRows(1)[0],
      [ward, OrderReply.order.set(order), OrderReply.code.set("拒否")])
    try deal.meet()
    let seen = try lead.read("purchaseOrder", order)
    #expect(seen["lines"].list.count == 1 && seen["net"] == .integer(5_160))
    #expect(throws: Fault.self) { try lead.write("takeBackQuantity", deal.line) }
    lead.user = User("検査 花子")
    #expect(try lead.write("passOrder", order)["count"] == .integer(1))
    let effect = try lead.read("procurementEffect")["lines"].list
    #expect(effect.map { $0["accepted"] } == [.integer(3)])
    let claim = try lead.write(
      "enterInvoice", nil,
      [
        "supplier": .text("\(deal.supplier)"), "number": "1", "issued": "2026-11-20", "net10": 5_160, "tax10": 516,
        "total": 5_676,
      ])
    #expect(claim["matches"] == .flag(true) && claim["deliveries"].list.count == 1)
  }

  @Test func `a line added at another desk while its order was approved took nothing, and neither comes nor is paid`()
    throws
  {
    let deal = try Deal()
    let (a, b) = (deal.wards.second, deal.wards.secondOther)
    try deal.hand(100, to: "13102")
    try deal.meet()
    let order = try a.write("writeOrder", nil, ["title": "用紙"]).row
    try a.write("addOrderLine", order, ["contractLine": .text("\(deal.line)"), "quantity": 20])
    try deal.meet()
    try b.write("addOrderLine", order, ["contractLine": .text("\(deal.line)"), "quantity": 70])
    a.user = User("承認 次郎")
    try a.write("approveOrder", order)
    try a.write("sendOrder", order)
    try deal.meet()
    #expect(try a.write("orderArrived", order, ["slip": "1"])["count"] == .integer(1))
    #expect(try deal.left(a)["quantity"] == .integer(9_980))
  }

  @Test func `the same slip again adds what had not come, until somebody has inspected it`() throws {
    let deal = try Deal()
    let lead = deal.wards.first
    let order = try deal.order(10, at: lead)
    let line = try #require(try lead.read("purchaseOrder", order)["lines"].list.first).row
    try lead.write("lineArrived", line, ["slip": "N-1", "arrived": 4])
    try lead.write("orderArrived", order, ["slip": "ｎ１"])
    #expect(try lead.read("deliveries")["deliveries"].list.map { $0["arrived"] } == [.integer(10)])
    try lead.write("lineArrived", line, ["slip": "N-1", "arrived": 9])
    lead.user = User("検査 花子")
    try lead.write("passOrder", order)
    for slip in ["N-1", "N1"] {
      #expect(throws: Fault.self) { try lead.write("lineArrived", line, ["slip": .text(slip), "arrived": 1]) }
      #expect(throws: Fault.self) { try lead.write("orderArrived", order, ["slip": .text(slip)]) }
    }
    try lead.write("orderArrived", order, ["slip": "N-2"])
    #expect(try lead.read("deliveries")["deliveries"].list.compactMap { $0["arrived"].integer }.sorted() == [1, 9])
  }

  @Test func `what a supplier refused comes back to whoever made the contract`() throws {
    let deal = try Deal()
    let (lead, a) = (deal.wards.first, deal.wards.second)
    try deal.hand(100, to: "13102")
    try deal.meet()
    let order = try deal.order(60, at: a)
    let line = try #require(try a.read("purchaseOrder", order)["lines"].list.first).row
    // Entered by mistake, and put right: the newest reply counts.
    for code in ["拒否", "受注"] { try a.write("tellReply", order, ["code": .text(code)]) }
    try deal.meet()
    #expect(throws: Fault.self) { try lead.write("takeBackQuantity", deal.line) }
    try a.write("tellReply", order, ["code": "拒否", "text": "在庫なし"])
    try deal.meet()
    try lead.write("takeBackQuantity", deal.line)
    #expect(throws: Fault.self) { try lead.write("takeBackQuantity", deal.line) }
    #expect(try deal.left(lead)["quantity"] == .integer(10_000))
    try deal.meet()
    // What was given back does not come.
    #expect(throws: Fault.self) { try a.write("lineArrived", line, ["slip": "1", "arrived": 60]) }
    #expect(throws: Fault.self) { try a.write("orderArrived", order, ["slip": "1"]) }
  }

  @Test func `relief does not wait: an emergency order needs no contract, and is made regular afterwards`() throws {
    let wards = try Wards()
    let here = wards.second
    let plain = try here.write("writeOrder", nil, ["title": "毛布"]).row
    #expect(throws: Fault.self) {
      try here.write("addOrderLine", plain, ["title": "毛布", "price": "3,050", "quantity": 500])
    }
    let order = try here.write("writeOrder", nil, ["title": "毛布", "isEmergency": true]).row
    try here.write("addOrderLine", order, ["title": "毛布", "price": "3,050", "quantity": 500])
    try here.write("approveOrder", order, ["aloneBecause": "夜間で一人"])
    #expect(try here.read("purchaseOrder", order)["total"] == .integer(1_677_500))
    #expect(throws: Fault.self) { try here.write("regulariseOrder", plain, ["commitmentNumber": "1"]) }
    try here.write("regulariseOrder", order, ["commitmentNumber": "R8-120"])
  }

  @Test func `C24: one corporate number is one supplier, whichever wards enter it`() throws {
    let wards = try Wards()
    for office in [wards.first, wards.second] {
      try office.write(
        "addSupplier", nil,
        ["name": .text(office === wards.first ? "見本紙業" : "見本紙業株式会社"), "corporateNumber": "5835678256246"])
    }
    #expect(throws: Fault.self) {
      try wards.first.write("addSupplier", nil, ["name": "別", "corporateNumber": "5835678256246"])
    }
    #expect(throws: Fault.self) {
      try wards.first.write("addSupplier", nil, ["name": "誤", "corporateNumber": "5835678256240"])
    }
    try wards.first.meet(wards.second)
    let suppliers = try wards.first.read("suppliers")["suppliers"].list
    #expect(suppliers.count == 1 && suppliers[0]["conflicts"] == .list(["name"]))
  }

  @Test func `C25: a catalogue read twice changes nothing, a newer one tells what is dearer and what is gone`() throws {
    let wards = try Wards()
    let here = wards.second
    let supplier = try here.write("addSupplier", nil, ["name": "見本商事"]).row
    func take(_ csv: String, onlyCheck: Bool = false) throws -> JSON {
      try here.write(
        "importCatalogue", nil, ["supplier": .text("\(supplier)"), "csv": .text(csv), "onlyCheck": .flag(onlyCheck)])
    }
    let first = """
      商品コード,品名,メーカー,型番,JAN,単位,単価(税抜),税率
      049000000085,ＢＯＸティッシュ,見本製紙,T-1,4901234567894,箱,"1,980",10%
      B2,保存水 2L,見本飲料,,4901234567890,本,25.037,8%
      B3,,,,,,100,10%
      B2,重複,,,,,5,10%
      B4,ﾎﾁｷｽ,見本文具,,,個,=1+1,10%
      """
    #expect(try take(first, onlyCheck: true)["added"] == .integer(2))
    #expect(try here.read("findGoods")["goods"].list.isEmpty)
    let read = try take(first)
    #expect(read["added"] == .integer(2) && read["problems"].list.count == 4)
    #expect(read["problems"].list.filter { $0["isRefused"] == .flag(true) }.count == 3)
    let again = try take(first)
    #expect(again["same"] == .integer(2) && again["added"] == .integer(0) && again["changed"] == .integer(0))
    let newer = try take("品番,品名,単価\n049000000085,ＢＯＸティッシュ,2178\n")
    #expect(newer["gone"] == .integer(1))
    #expect(newer["prices"].list.first?["permille"] == .integer(100))
    for word in ["boxティッシュ", "ＢＯＸ", "てぃっしゅ", "049000000085"] {
      #expect(try here.read("findGoods", nil, ["q": .text(word)])["goods"].list.count == 1, "\(word)")
    }
    #expect(try here.read("findGoods", nil, ["q": "保存水"])["goods"].list.isEmpty)
    // What a file names in a line that is wrong is not gone; and a file that is cut off ends nothing.
    let broken = try take("品番,品名,単価\n049000000085,ＢＯＸティッシュ,応相談\n")
    #expect(broken["gone"] == .integer(0) && broken["problems"].list.count == 1)
    #expect(try take("品番,品名,単価\nZ9,\"切れた,1\n")["gone"] == .integer(0))
    #expect(throws: Fault.self) { try take("品名,値段\nx,1\n") }
    #expect(throws: Fault.self) { try take("") }
  }

  @Test func `a programme of two wards: demands, windows, rules, a charge whose parts they agree to`() throws {
    let wards = try Wards()
    let (lead, other) = (wards.first, wards.second)
    let programme = try lead.write(
      "planProgramme", nil, ["title": "コピー用紙の共同調達", "kind": "物品", "estimate": 1_000_000, "starts": "2027-04-01"]
    ).row
    try lead.meet(other)
    try lead.write("tellDemand", programme, ["quantity": 1_190, "pattern": "A4"])
    let demand = try other.write("tellDemand", programme, ["quantity": 3_000, "pattern": "A4"]).row
    try other.write("tellRule", nil, ["kind": "少額随意契約", "category": "物品の買入れ", "limitYen": 800_000])
    try other.write("tellWindow", programme, ["earliest": "2027-04-01", "latest": "2027-09-30", "units": 3_000])
    try lead.meet(other)
    #expect(
      try lead.read("demandSums", nil, ["programme": .text("\(programme)")])["sums"].list.first?["known"]
        == .integer(4_190))
    let award = try lead.read("directAward", programme)
    #expect(award["allowed"] == .flag(false) && award["strictest"] == .integer(800_000))
    #expect(try lead.read("bestWindows", programme)["best"]["units"] == .integer(3_000))
    let charge = try lead.write("proposeCharge", nil, ["programme": .text("\(programme)"), "total": 100]).row
    try lead.meet(other)
    #expect(try other.read("chargeParts", charge)["parts"].list.map { $0["yen"] } == [50, 50])
    try other.write("answerCharge", charge, ["answer": "同意"])
    // C28: who leaves changes the parts; the old agreement is to them no longer.
    #expect(throws: Fault.self) { try lead.write("withdrawDemand", demand) }
    let third = try lead.write("tellDemand", programme, ["quantity": 10, "pattern": "A3"]).row
    try lead.write("withdrawDemand", third)
    try lead.write("publishProgramme", programme)
    try lead.meet(other)
    #expect(throws: Fault.self) { try other.write("withdrawDemand", demand) }
    #expect(throws: Fault.self) { try other.write("tellDemand", programme, ["quantity": 1]) }
    #expect(try lead.read("chargeParts", charge)["parts"].list.map { $0["isStale"] } == [.flag(false), .flag(false)])
  }

  @Test func `what was saved opens its lines, and what has no price before is counted apart`() throws {
    let deal = try Deal()
    let lead = deal.wards.first
    try deal.hand(3_000, to: "13102")
    try deal.meet()
    for (office, baseline, quantity) in [(lead, "2,178", 1_190), (deal.wards.second, nil, 3_000)]
      as [(Office, String?, Int64)]
    {
      if let baseline {
        try office.write("tellBaseline", deal.line, ["price": .text(baseline), "isTaxed": true, "evidence": "R7-33"])
      }
      let order = try deal.order(quantity, at: office)
      try office.write("orderArrived", order, ["slip": "1"])
      office.user = User("検査 花子")
      try office.write("passOrder", order)
    }
    try deal.meet()
    let effect = try lead.read("procurementEffect")
    #expect(effect["saved"] == .integer(309_400) && effect["withoutBaseline"] == .integer(1))
    #expect(effect["lines"].list.count == 2)
  }
}
