import Causality
import ChangeModel
import Desk
import GRDB
import Replica
import Sodium

/// Goods set aside at their holder, sent, received and inspected.
public enum Allocations {
  static let schema = OrderSchema.allocations

  static func view(_ values: RowValues, _ db: Database) throws -> [String: JSON] {
    var members = values.json()
    let state = AllocationState(values)
    members["state"] = .text(state.rawValue)
    members["stateCode"] = .text(state.code)
    if let shipped = values.integer("shipped"), state == .inspected || state == .arrived {
      members["shortfall"] = .integer(shipped &- (values.integer(state == .inspected ? "accepted" : "arrived") ?? 0))
    }
    if values.integer("cancelled_at") != nil, state != .cancelled { members["cancelledTooLate"] = true }
    members["conflicts"] = try RowValues.conflicts(of: values.id, schema, db)
    return members
  }

  private static func answer(_ row: RowID) -> (Database) throws -> JSON {
    { db in
      guard let values = try RowValues.fetch(row, schema, db) else { throw Fault.notFound("id") }
      return .object(try view(values, db))
    }
  }

  /// The allocation that the path names, where `rule` allows the step.
  private static func subject(_ desk: Desk, _ rule: OrderRule) throws -> (
    row: RowID, values: RowValues, request: RowValues
  ) {
    let (row, values) = try desk.subject(schema)
    guard let request = values.row("request") else { throw Fault.notFound("request") }
    let asked = try desk.find(request, in: OrderSchema.requests, "request")
    try rule.check(values, asked, desk)
    return (row, values, asked)
  }

  private static func giveBack(_ amount: Int64, _ values: RowValues, _ desk: Desk, _ draft: inout Draft) {
    guard amount > 0, let lot = values.row("lot") else { return }
    #if MUTANTS
      let amount = PlantedBug.givesBackTwice.isPlanted ? amount * 2 : amount
    #endif
    draft.edit(
      StockSchema.lots, lot,
      [
        FieldEdit(StockSchema.Field.amount, .receive(amount)),
        FieldEdit(StockSchema.Field.book, .append(.text("引当戻し \(amount) \(desk.inquiry.user.name) \(values.id)"))),
      ])
  }

  public static let endpoints: [Endpoint] = [
    .write(
      "allocate", "/requests/{id}/allocations", "Set goods of this node's share aside for a request.",
      [
        FormField("lot", .row("lots"), required: true, ja: "ロット", en: "Lot"),
        FormField("quantity", .integer(1...1_000_000_000), required: true, ja: "引当数", en: "Quantity"),
        FormField("substitute", .flag, ja: "代替品", en: "A substitute"),
        FormField("evenIfMore", .flag, ja: "要請数を超えても引き当てる", en: "Even when more than is asked"),
      ], of: "requests", makes: true
    ) { desk in
      let (request, asked) = try desk.subject(OrderSchema.requests)
      guard asked.text("decision") == "承認" else {
        throw Fault.refused("id", ja: "要請した区の承認を待っています", en: "the asking ward has not approved it yet")
      }
      let lot = desk.given.row("lot")!
      let goods = try desk.find(lot, in: StockSchema.lots, "lot")
      guard goods.text("ward") == desk.ward else {
        throw Fault.refused("lot", ja: "他区の在庫です", en: "another ward's stock")
      }
      let isSubstitute = goods.integer("item") != asked.integer("item")
      guard !isSubstitute || desk.given.flag("substitute") else {
        throw Fault.badValue(
          "substitute", ja: "要請と違う品目です。代替品として送るときは指定してください",
          en: "another item than was asked for; say so if it is a substitute")
      }
      let quantity = desk.given.integer("quantity")!
      let open = Requests.wanted(asked) - Requests.promised(try desk.read { try Requests.allocations(of: request, $0) })
      guard Requests.wanted(asked) > 0 else { throw Fault.refused("id", ja: "終わった要請です", en: "the request is over") }
      guard quantity <= open || desk.given.flag("evenIfMore") else {
        throw Fault.refused(
          "quantity", ja: "不足は \(max(0, open)) です。それ以下を入れてください", en: "only \(max(0, open)) more are needed")
      }
      try Lots.spending(quantity, of: lot, desk, "quantity")
      let row = try desk.newRow()
      var draft = Draft(.supply)
      draft.edit(
        StockSchema.lots, lot,
        [
          FieldEdit(StockSchema.Field.amount, .spend(quantity)),
          FieldEdit(StockSchema.Field.book, .append(.text("引当 \(quantity) \(desk.inquiry.user.name) \(row)"))),
        ])
      draft.edit(
        schema, row,
        [
          FieldEdit(1, .set(.integer(request.rawValue))), FieldEdit(2, .set(.integer(lot.rawValue))),
          FieldEdit(3, .set(goods.integer("item").map { .integer($0) } ?? .null)),
          FieldEdit(4, .set(.integer(quantity))), FieldEdit(5, .set(.text(desk.ward))),
          FieldEdit(6, .set(.integer(desk.now.milliseconds))),
          FieldEdit(17, .set(.integer(isSubstitute ? 1 : 0))), FieldEdit(19, .set(.text(desk.inquiry.user.name))),
        ])
      return Written([draft], about: [row, request], answer: answer(row))
    },
    .read("allocation", "/allocations/{id}", "How far an allocation has come.", of: "allocations") { inquiry, db in
      Seen(try answer(inquiry.row!)(db))
    },
    .write(
      "shipAllocation", "/allocations/{id}/shipment",
      "The goods are under way; what was not loaded goes back into stock.",
      [
        FormField("shipped", .integer(1...1_000_000_000), ja: "発送数", en: "Shipped"),
        FormField("carrier", .text(100), ja: "輸送手段", en: "Carrier"), Desk.card, Desk.passphrase,
      ], of: "allocations"
    ) { desk in
      let (row, values, _) = try subject(desk, .ship)
      let quantity = values.integer("quantity") ?? 0
      let shipped = desk.given.integer("shipped") ?? quantity
      guard shipped <= quantity else {
        throw Fault.badValue("shipped", ja: "引当数は \(quantity) です", en: "only \(quantity) were set aside")
      }
      var draft = Draft(.supply)
      draft.edit(
        schema, row,
        desk.given.edits(["carrier"], of: schema) + [
          FieldEdit(7, .set(.integer(desk.now.milliseconds))), FieldEdit(8, .set(.integer(shipped))),
        ])
      giveBack(quantity - shipped, values, desk, &draft)
      return Written([draft], about: [row], answer: answer(row))
    },
    .write(
      "cancelAllocation", "/allocations/{id}/cancellation",
      "Called off before it was sent: the goods go back into stock.",
      [FormField("reason", .text(500), required: true, ja: "理由", en: "Reason"), Desk.card, Desk.passphrase],
      of: "allocations"
    ) { desk in
      let (row, values, _) = try subject(desk, .cancel)
      var draft = Draft(.supply)
      draft.edit(
        schema, row,
        desk.given.edits(["reason"], of: schema) + [FieldEdit(15, .set(.integer(desk.now.milliseconds)))])
      giveBack(values.integer("quantity") ?? 0, values, desk, &draft)
      return Written([draft], about: [row], answer: answer(row))
    },
    .write(
      "confirmArrival", "/allocations/{id}/arrival", "The goods are here.",
      [FormField("arrived", .integer(0...1_000_000_000), ja: "到着数", en: "Arrived")], of: "allocations"
    ) { desk in
      let (row, values, _) = try subject(desk, .arrive)
      let shipped = values.integer("shipped") ?? 0
      guard desk.given.integer("arrived") ?? 0 <= shipped else {
        throw Fault.badValue(
          "arrived", ja: "発送数は \(shipped) です。多く届いたものは受入として記録してください",
          en: "only \(shipped) were sent; take in what came besides as a lot")
      }
      var draft = Draft(.supply)
      draft.edit(
        schema, row,
        [
          FieldEdit(10, .set(.integer(desk.now.milliseconds))),
          FieldEdit(11, .set(.integer(desk.given.integer("arrived") ?? values.integer("shipped") ?? 0))),
        ])
      return Written([draft], about: [row], answer: answer(row))
    },
    .write(
      "inspectAllocation", "/allocations/{id}/inspection",
      "What is good is taken into the shelter's stock; the rest is told as a shortfall.",
      [
        FormField("accepted", .integer(0...1_000_000_000), ja: "検収数", en: "Accepted"),
        FormField("fault", .text(500), ja: "不良・不足の内容", en: "What was wrong"), Desk.card, Desk.passphrase,
      ], of: "allocations"
    ) { desk in
      let (row, values, request) = try subject(desk, .inspect)
      let arrived = values.integer("arrived") ?? 0
      let accepted = desk.given.integer("accepted") ?? arrived
      guard accepted <= arrived else {
        throw Fault.badValue("accepted", ja: "到着数は \(arrived) です", en: "only \(arrived) arrived")
      }
      guard accepted == arrived || desk.given.text("fault") != nil else {
        throw Fault.badValue("fault", ja: "不良・不足の内容を入れてください", en: "say what was wrong")
      }
      var draft = Draft(.supply)
      draft.edit(
        schema, row,
        desk.given.edits(["fault"], of: schema) + [
          FieldEdit(12, .set(.integer(desk.now.milliseconds))), FieldEdit(13, .set(.integer(accepted))),
        ])
      if accepted > 0 {
        var lot = [
          FieldEdit(2, .set(.text(desk.ward))), FieldEdit(StockSchema.Field.amount, .receive(accepted)),
          FieldEdit(StockSchema.Field.book, .append(.text("検収 \(accepted) \(desk.inquiry.user.name) \(row)"))),
        ]
        if let shelter = request.integer("shelter") { lot.append(FieldEdit(3, .set(.integer(shelter)))) }
        if let item = values.integer("item") { lot.append(FieldEdit(1, .set(.integer(item)))) }
        if let source = values.row("lot"),
          let goods = try desk.read({ try RowValues.fetch(source, StockSchema.lots, $0) })
        {
          if let text = goods.text("lot") { lot.append(FieldEdit(5, .set(.text(text)))) }
          if let expires = goods.text("expires") { lot.append(FieldEdit(6, .set(.text(expires)))) }
        }
        draft.edit(StockSchema.lots, try desk.newRow(), lot)
      }
      return Written([draft], about: [row], answer: answer(row))
    },
    .write(
      "redirectAllocation", "/allocations/{id}/redirection", "What one place does not need goes to another request.",
      [
        FormField("request", .row("requests"), required: true, ja: "新しい要請", en: "New request"), Desk.card,
        Desk.passphrase,
      ],
      of: "allocations"
    ) { desk in
      let (row, values, _) = try subject(desk, .redirect)
      let target = desk.given.row("request")!
      let asked = try desk.find(target, in: OrderSchema.requests, "request")
      guard Requests.wanted(asked) > 0, asked.text("decision") == "承認" else {
        throw Fault.refused(
          "request", ja: "承認された、続いている要請を選んでください", en: "choose a request that is approved and not over")
      }
      guard target != values.row("request") else {
        throw Fault.badValue("request", ja: "同じ要請です", en: "is the same request")
      }
      var draft = Draft(.supply)
      draft.edit(
        schema, row,
        [
          FieldEdit(1, .set(.integer(target.rawValue))),
          FieldEdit(18, .set(values.integer("request").map { .integer($0) } ?? .null)),
        ])
      return Written([draft], about: [row, target], answer: answer(row))
    },
    .read("orderRules", "/orders/rules", "Who may take which step, from which state.") { _, _ in
      Seen(["rules": .list(OrderRule.all.map(\.json))])
    },
  ]
}
