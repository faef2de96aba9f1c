import Causality
import ChangeModel
import Desk
import GRDB
import Places
import Replica

/// A shelter asks, its ward decides, others offer.
public enum Requests {
  static let schema = OrderSchema.requests

  public static let urgencies = [Choice("通常", "normal"), Choice("至急", "urgent"), Choice("緊急", "critical")]

  /// What is promised to a request and not called off: what was accepted counts as accepted, what is lost on the way not.
  static func promised(_ allocations: [RowValues]) -> Int64 {
    allocations.reduce(0) { sum, allocation in
      let part: Int64 =
        switch AllocationState(allocation) {
        case .cancelled: 0
        case .inspected: allocation.integer("accepted") ?? 0
        case .arrived: allocation.integer("arrived") ?? 0
        case .shipped: allocation.integer("shipped") ?? 0
        case .reserved: allocation.integer("quantity") ?? 0
        }
      return sum + bounded(part)
    }
  }

  /// No form takes more; a merged number may say anything, and must not stop the sums.
  public static func bounded(_ amount: Int64) -> Int64 { min(max(amount, 0), 1_000_000_000) }

  static func wanted(_ request: RowValues) -> Int64 {
    if request.integer("cancelled_at") != nil || request.text("decision") == "却下" { return 0 }
    return bounded(request.integer("approved") ?? request.integer("quantity") ?? 0)
  }

  static func allocations(of request: RowID, _ db: Database) throws -> [RowValues] {
    try RowValues.all(OrderSchema.allocations, "WHERE request = ? ORDER BY id LIMIT 1000", [request.rawValue], db)
  }

  static func view(_ values: RowValues, _ inquiry: Inquiry, _ db: Database) throws -> [String: JSON] {
    var members = values.json()
    let allocations = try allocations(of: values.id, db)
    let (promised, wanted) = (promised(allocations), wanted(values))
    members["promised"] = .integer(promised)
    members["open"] = .integer(max(0, wanted - promised))
    members["surplus"] = .integer(max(0, promised - wanted))
    members["allocations"] = .list(try allocations.map { .object(try Allocations.view($0, db)) })
    members["offers"] = .list(
      try RowValues.all(OrderSchema.offers, "WHERE request = ? ORDER BY id LIMIT 200", [values.id.rawValue], db)
        .map { .object($0.json()) })
    members["conflicts"] = try RowValues.conflicts(of: values.id, schema, db)
    return members
  }

  private static func answer(_ row: RowID, _ inquiry: Inquiry) -> (Database) throws -> JSON {
    { db in
      guard let values = try RowValues.fetch(row, schema, db) else { throw Fault.notFound("id") }
      return .object(try view(values, inquiry, db))
    }
  }

  private static func own(_ desk: Desk) throws -> (row: RowID, values: RowValues) {
    let (row, values) = try desk.subject(schema)
    guard values.text("ward") == desk.ward else {
      throw Fault(
        .forbidden, field: "id", ja: "他区の要請です。申出や割当はできます", en: "another ward's request: offer or allocate instead")
    }
    return (row, values)
  }

  public static let endpoints: [Endpoint] = [
    .write(
      "requestGoods", "/requests", "A shelter asks for goods.",
      [
        FormField("shelter", .row("shelters"), required: true, ja: "届け先", en: "Shelter"),
        FormField("item", .row("items"), required: true, ja: "品目", en: "Item"),
        FormField("quantity", .integer(1...1_000_000_000), required: true, ja: "要請数", en: "Quantity"),
        FormField("urgency", .choice(urgencies), ja: "緊急度", en: "Urgency"),
        FormField("neededBy", .time, ja: "希望日時", en: "Needed by"),
        FormField("note", .text(500), ja: "備考", en: "Note"),
      ], makes: true
    ) { desk in
      guard try desk.find(desk.given.row("shelter")!, in: ShelterSchema.shelters, "shelter").text("ward") == desk.ward
      else { throw Fault.refused("shelter", ja: "他区の避難所です", en: "a shelter of another ward") }
      _ = try desk.find(desk.given.row("item")!, in: StockSchema.items, "item")
      let row = try desk.newRow()
      var edits = desk.given.edits(["shelter", "item", "quantity", "urgency", "neededBy", "note"], of: schema)
      if !desk.given.has("urgency") { edits.append(FieldEdit(5, .set(.text("通常")))) }
      edits += [
        FieldEdit(1, .set(.text(desk.ward))), FieldEdit(8, .set(.text(desk.inquiry.user.name))),
        FieldEdit(9, .set(.integer(desk.now.milliseconds))),
      ]
      var draft = Draft(.supply)
      draft.edit(schema, row, edits)
      return Written([draft], about: [row], answer: answer(row, desk.inquiry))
    },
    .write(
      "decideRequest", "/requests/{id}/decision", "The ward decides how much of a request stands.",
      [
        FormField(
          "decision", .choice([Choice("承認", "approve"), Choice("却下", "refuse")]), required: true, ja: "判断",
          en: "Decision"),
        FormField("approved", .integer(1...1_000_000_000), ja: "承認数", en: "Approved"),
        FormField("reason", .text(500), ja: "理由", en: "Reason"),
      ], of: "requests"
    ) { desk in
      let (row, values) = try own(desk)
      guard values.integer("cancelled_at") == nil else {
        throw Fault.refused("id", ja: "取り消された要請です", en: "was cancelled")
      }
      var edits = desk.given.edits(["decision", "approved", "reason"], of: schema)
      if !desk.given.has("approved"), desk.given.text("decision") == "承認" {
        edits.append(FieldEdit(11, .set(.integer(values.integer("quantity") ?? 0))))
      }
      edits += [
        FieldEdit(12, .set(.text(desk.inquiry.user.name))), FieldEdit(13, .set(.integer(desk.now.milliseconds))),
      ]
      var draft = Draft(.supply)
      draft.edit(schema, row, edits)
      return Written([draft], about: [row], answer: answer(row, desk.inquiry))
    },
    .write(
      "cancelRequest", "/requests/{id}/cancellation", "It is needed no longer. What is under way shows as surplus.",
      [FormField("reason", .text(500), required: true, ja: "理由", en: "Reason")], of: "requests"
    ) { desk in
      let (row, _) = try own(desk)
      var draft = Draft(.supply)
      draft.edit(
        schema, row,
        desk.given.edits(["reason"], of: schema) + [FieldEdit(14, .set(.integer(desk.now.milliseconds)))])
      return Written([draft], about: [row], answer: answer(row, desk.inquiry))
    },
    .read("request", "/requests/{id}", "A request, with its offers and allocations.", of: "requests") { inquiry, db in
      Seen(try answer(inquiry.row!, inquiry)(db))
    },
    .read(
      "requests", "/requests", "Requests, the most urgent first.",
      [
        FormField("ward", .ward, ja: "区", en: "Ward"),
        FormField(
          "show",
          .choice([Choice("未充足", "open"), Choice("過剰", "oversupplied"), Choice("すべて", "all")]), ja: "表示", en: "Which"),
      ]
    ) { inquiry, db in
      let rows = try RowValues.all(
        schema,
        """
        WHERE ?1 IS NULL OR ward = ?1
        ORDER BY CASE urgency WHEN '緊急' THEN 0 WHEN '至急' THEN 1 ELSE 2 END, coalesce(needed_by, 9e15), id LIMIT 5000
        """, [inquiry.given.text("ward")], db)
      let views = try rows.map { try view($0, inquiry, db) }.filter { members in
        switch inquiry.given.text("show") {
        case "過剰": members["surplus"]?.integer ?? 0 > 0
        case "すべて": true
        default: members["open"]?.integer ?? 0 > 0
        }
      }
      return Seen(["requests": .list(views.map { .object($0) })])
    },
    .write(
      "offerGoods", "/requests/{id}/offers", "Another ward, or a supplier whom a ward speaks for, could help.",
      [
        FormField("quantity", .integer(1...1_000_000_000), required: true, ja: "数量", en: "Quantity"),
        FormField("item", .row("items"), ja: "品目(代替品のとき)", en: "Item, when another"),
        FormField("supplier", .text(100), ja: "事業者", en: "Supplier"),
        FormField("availableAt", .time, ja: "出せる日時", en: "Available at"),
        FormField("note", .text(500), ja: "備考", en: "Note"),
      ], of: "requests", makes: true
    ) { desk in
      let (request, values) = try desk.subject(schema)
      guard wanted(values) > 0 else { throw Fault.refused("id", ja: "終わった要請です", en: "the request is over") }
      let row = try desk.newRow()
      var edits = desk.given.edits(["quantity", "item", "supplier", "availableAt", "note"], of: OrderSchema.offers)
      if !desk.given.has("item"), let item = values.integer("item") { edits.append(FieldEdit(4, .set(.integer(item)))) }
      edits += [
        FieldEdit(1, .set(.integer(request.rawValue))), FieldEdit(2, .set(.text(desk.ward))),
        FieldEdit(8, .set(.integer(desk.now.milliseconds))),
      ]
      var draft = Draft(.supply)
      draft.edit(OrderSchema.offers, row, edits)
      return Written([draft], about: [request]) { db in
        .object(try RowValues.fetch(row, OrderSchema.offers, db)?.json() ?? [:])
      }
    },
    .write(
      "answerOffer", "/offers/{id}/answer", "The asking ward takes an offer or not.",
      [
        FormField(
          "answer", .choice([Choice("受ける", "accept"), Choice("断る", "decline")]), required: true, ja: "回答", en: "Answer")
      ],
      of: "offers"
    ) { desk in
      let (row, values) = try desk.subject(OrderSchema.offers)
      guard let request = values.row("request"),
        try desk.find(request, in: schema, "id").text("ward") == desk.ward
      else { throw Fault(.forbidden, field: "id", ja: "要請した区だけが答えられます", en: "only the asking ward can answer") }
      var draft = Draft(.supply)
      draft.edit(
        OrderSchema.offers, row,
        desk.given.edits(["answer"], of: OrderSchema.offers) + [FieldEdit(10, .set(.integer(desk.now.milliseconds)))])
      return Written([draft], about: [request]) { db in
        .object(try RowValues.fetch(row, OrderSchema.offers, db)?.json() ?? [:])
      }
    },
  ]
}
