import ChangeModel
import Desk
import GRDB
import Places
import Replica

/// A shelter asks, its ward decides, others offer.
public enum Requests {
  private static let records = GoodsRequest.records

  // MARK: What must hold

  private static let own = Condition.own(
    GoodsRequest.ward, "他区の要請です。申出や割当はできます", "another ward's request: offer or allocate instead")

  static let open = Condition(.refused, "終わった要請です", "the request is over") { request, _ in wanted(request) > 0 }

  // MARK: Sums

  /// What is promised to a request and not called off: what was accepted counts as accepted, what is lost on the way not.
  static func promised(_ allocations: [RowValues]) -> Int64 {
    allocations.reduce(0) { sum, allocation in
      sum + bounded(AllocationState(allocation).units.flatMap { allocation[$0] } ?? 0)
    }
  }

  /// No form takes more; a merged number may say anything, and must not stop the sums.
  public static func bounded(_ amount: Int64) -> Int64 { min(max(amount, 0), 1_000_000_000) }

  /// What the asking ward wants: what it approved, or what its shelter asked for; nothing once that is over.
  static func wanted(_ request: RowValues) -> Int64 {
    if request[GoodsRequest.cancelledAt] != nil || request[GoodsRequest.decision] == .refuse { return 0 }
    return bounded(request[GoodsRequest.approved] ?? request[GoodsRequest.quantity] ?? 0)
  }

  static func allocations(of request: RowID, _ db: Database) throws -> [RowValues] {
    try RowValues.all(Allocation.records, "WHERE request = ? ORDER BY id LIMIT 10000", [request.rawValue], db)
  }

  // MARK: What is answered

  /// What `view` says besides the request's columns; `allocations` and `offers` are whole rows.
  private static let members: [Answer.Member] = [
    .init("promised", .integer(Numbers.any), "手配", "Promised"),
    .init("open", .integer(Numbers.any), "不足", "Still open"),
    .init("surplus", .integer(Numbers.any), "送り過ぎ", "Too much"),
    .init("allocations", .objects(.row(Allocation.records, and: Allocations.members)), "割り当て", "Allocations"),
    .init("offers", .objects(.row(Offer.records)), "申し出", "Offers"),
  ]

  static func view(_ request: RowValues, _ look: inout Look) throws -> [String: JSON] {
    var members = try look.view(request, records)
    let allocations = try allocations(of: request.id, look.db)
    let (promised, wanted) = (promised(allocations), wanted(request))
    members["promised"] = .integer(promised)
    members["open"] = .integer(max(0, wanted - promised))
    members["surplus"] = .integer(max(0, promised - wanted))
    members["allocations"] = .list(
      try allocations.map { .object(try Allocations.view($0, of: request, &look)) })
    let offers = try RowValues.all(
      Offer.records, "WHERE request = ? ORDER BY id LIMIT 10000", [request.id.rawValue], look.db)
    members["offers"] = .list(try offers.map { .object(try look.view($0, Offer.records)) })
    return members
  }

  private static let one = Endpoint.read(
    "request", "/requests/{id}", "物資の要請", "Request", for: .staff, "A request, with its offers and allocations.",
    of: records, answers: .row(records, and: members)
  ) { look in
    guard let request = try RowValues.fetch(look.inquiry.row!, records, look.db) else { throw Fault.notFound("id") }
    return .object(try view(request, &look))
  }

  private enum Shown: String, Word {
    case open = "未充足"
    case oversupplied = "過剰"
    case all = "すべて"

    var code: String {
      switch self {
      case .open: "open"
      case .oversupplied: "oversupplied"
      case .all: "all"
      }
    }
  }

  private static let list = Endpoint.read(
    "requests", "/requests", "物資の要請", "Requests for goods", for: .staff, "Requests, the most urgent first.",
    [
      GoodsRequest.ward.asked, GoodsRequest.shelter.asked,
      FormField("show", .choice(Shown.choices), ja: "表示", en: "Which"),
    ]
      + Paging.fields(of: records.name, upTo: 5_000),
    answers: .rows("requests", records, and: members, isPaged: true)
  ) { look in
    let shown = look.given.text("show").flatMap(Shown.init(rawValue:)) ?? .open
    let page = try look.page(
      records, where: "(?1 IS NULL OR ward = ?1) AND (?2 IS NULL OR shelter = ?2)",
      [look.given.text("ward"), look.given.row("shelter")?.rawValue],
      by: ["CASE urgency WHEN '緊急' THEN 0 WHEN '至急' THEN 1 ELSE 2 END", "coalesce(needed_by, 9e15)"], usual: 5_000)
    let views = try page.rows.map { try view($0, &look) }.filter { members in
      switch shown {
      case .open: members["open"]?.integer ?? 0 > 0
      case .oversupplied: members["surplus"]?.integer ?? 0 > 0
      case .all: true
      }
    }
    return page.answer("requests", views.map { .object($0) })
  }

  // MARK: Asking and deciding

  private static let actions = [
    Action(
      "requestGoods", .new, records, "物資を要請する", "Request goods", for: .goodsAtShelters,
      takes: [
        GoodsRequest.shelter.needed, GoodsRequest.item.needed, GoodsRequest.quantity.needed, GoodsRequest.urgency.asked,
        GoodsRequest.neededBy.asked, GoodsRequest.note.asked,
      ],
      stamps: [.ward(GoodsRequest.ward), .user(GoodsRequest.askedBy), .now(GoodsRequest.askedAt)]
    ) { desk, _, edits in
      try Shelters.mustBeOwn(desk.given.row("shelter")!, "shelter", desk)
      _ = try desk.find(desk.given.row("item")!, in: Item.records, "item")
      if !desk.given.has("urgency") { edits.append(GoodsRequest.urgency.set(.normal)) }
    }.often(7).queued,
    Action(
      "decideRequest", .step("decision"), records, "要請を承認する・却下する", "Decide a request", for: .goods,
      takes: [GoodsRequest.decision.needed, GoodsRequest.approved.asked, GoodsRequest.reason.asked],
      when: [own, .missing(GoodsRequest.cancelledAt, "取り消された要請です", "was cancelled")],
      stamps: [.user(GoodsRequest.decidedBy), .now(GoodsRequest.decidedAt)]
    ) { desk, request, edits in
      if !desk.given.has("approved"), desk.given.text("decision") == Decision.approve.rawValue {
        edits.append(GoodsRequest.approved.set(request?[GoodsRequest.quantity] ?? 0))
      }
    }.often(7),
    // It is needed no longer. What is under way shows as surplus.
    Action(
      "cancelRequest", .step("cancellation"), records, "要請を取り消す", "Cancel a request", for: .goodsAtShelters,
      takes: [GoodsRequest.reason.needed],
      when: [own, .missing(GoodsRequest.cancelledAt, "すでに取り消されています", "cancelled already")],
      stamps: [.now(GoodsRequest.cancelledAt)]
    ).often(2),
  ]

  // MARK: Offers

  private static let offer = Endpoint.write(
    "offerGoods", "/requests/{id}/offers", "提供を申し出る", "Offer goods", for: .goods,
    "Another ward, or a supplier whom a ward speaks for, could help.",
    [
      Offer.quantity.needed, FormField("item", Offer.item.shape, ja: "品目(代替品のとき)", en: "Item, when another"),
      Offer.supplier.asked, Offer.availableAt.asked, Offer.note.asked,
    ], of: records, when: [open], makes: true, answers: .row(Offer.records)
  ) { desk in
    let (request, asked) = try desk.subject(records)
    let row = try desk.newRow()
    var edits = desk.given.edits(["quantity", "item", "supplier", "availableAt", "note"], of: Offer.records)
    if !desk.given.has("item"), let item = asked[GoodsRequest.item] { edits.append(Offer.item.set(item)) }
    edits += [Offer.request.set(request), Offer.ward.set(desk.ward), Offer.offeredAt.set(desk.enteredAt)]
    var draft = Offer.records.draft()
    draft.edit(Offer.records, row, edits)
    return Written([draft], about: [request]) { try $0.answer(row, Offer.records) }
  }.often(2)

  private static let answerOffer = Endpoint.write(
    "answerOffer", "/offers/{id}/answer", "申し出に回答する", "Answer an offer", for: .goods,
    "The asking ward takes an offer or not.", [Offer.answer.needed], of: Offer.records,
    when: [
      Condition(.forbidden, "要請した区だけが答えられます", "only the asking ward can answer") { offer, inquiry in
        offer[Offer.request].map(inquiry.isOwn) ?? false
      }
    ], answers: .row(Offer.records)
  ) { desk in
    let (row, offer) = try desk.subject(Offer.records)
    let request = offer[Offer.request]!
    _ = try desk.find(request, in: records, "id")
    var draft = Offer.records.draft()
    draft.edit(
      Offer.records, row,
      desk.given.edits([Offer.answer.name], of: Offer.records) + [Offer.answeredAt.set(desk.enteredAt)])
    return Written([draft], about: [request]) { try $0.answer(row, Offer.records) }
  }

  public static let service = Service(
    "物資の要請", "Requests for goods", records: [records, Offer.records], actions: actions,
    endpoints: [one, list, offer, answerOffer])
}
