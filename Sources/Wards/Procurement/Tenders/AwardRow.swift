import Causality
import ChangeModel
import Desk
import GRDB
import Replica
import Sodium

/// 落札決定: what the tender's ward decided of a lot. Every node works out the winner itself, and says where the row differs.
enum AwardRow {
  static let tender = Field.row(1, "tender", of: "tenders", "入札", "Tender")
  static let lot = Field.integer(2, "lot", 0...65_535, "区分", "Lot")
  static let supplier = Field.row(3, "supplier", of: "suppliers", "落札者", "Winner")
  static let hash = Field.code(4, "hash", 64, "入札書のハッシュ", "Hash of the bid").aside
  static let amount = Field.integer(5, "amount", BidText.amounts, "落札額(税抜・円)", "Amount")
  static let price = Field.integer(6, "contract_price", 1...2_000_000_000_000, "契約額(税込・円)", "Price, taxed")
  static let decidedAt = Field.time(7, "decided_at", "決定日時", "Decided at")
  static let cancelledAt = Field.time(8, "cancelled_at", "取消日時", "Cancelled at")
  static let reason = Field.text(9, "reason", 300, "理由", "Why").aside

  static let records = Records(
    233, "awards", "落札", "Award", lane: .supply, law: .keptByWard(open: []), reader: .staff,
    fields: [tender, lot, supplier, amount, price, decidedAt, cancelledAt, hash, reason] + Kept.fields,
    title: [tender, lot],
    states: [.has(cancelledAt, "cancelled", "取消", "cancelled", .ended), .otherwise("decided", "落札", "awarded", .done)],
    indexes: [[tender]])

  static func row(_ tender: RowID, _ lot: UInt16) -> RowID {
    RowID(key: ["award", "\(tender)", "\(lot)"], ward: tender.ward)
  }

  private static let deciding: [any AnyField] = [supplier, hash, amount, price]

  /// What this node says to an award: that it is what the bids come to, or not.
  enum Check {
    case asOpened, cancelled, torn, tenderCancelled, notOpen, other
    var words: Words {
      switch self {
      case .asOpened: Words("判定のとおり", "as the bids come to")
      case .cancelled: Words("取消", "cancelled")
      case .torn: Words("二つの落札決定", "awarded in two ways")
      case .tenderCancelled: Words("取りやめ", "the tender is cancelled")
      case .notOpen: Words("まだ確かめられない", "cannot be checked yet")
      case .other: Words("判定と違う落札", "not what the bids come to")
      }
    }
  }

  static func shown(_ tender: RowID, _ state: OpeningState, _ db: Database) throws -> [(check: Check, json: JSON)] {
    try state.body.lots.compactMap { lot in
      guard let award = try RowValues.fetch(row(tender, lot.number), records, db) else { return nil }
      let check = try check(award, lot.number, state, db)
      var members: [String: JSON] = ["lot": JSON(Int(lot.number)), "verdict": check.words.json]
      members["supplier"] = award[supplier].map { .text("\($0)") }
      members["amount"] = award[amount].map { .integer($0) }
      members["price"] = award[price].map { .integer($0) }
      return (check, .object(members))
    }
  }

  private static func check(
    _ award: RowValues, _ lot: UInt16, _ state: OpeningState, _ db: Database
  ) throws -> Check {
    if award[cancelledAt] != nil { return .cancelled }
    if try Kept.isTorn(award.id, records, deciding, db) { return .torn }
    if state.isCancelled { return .tenderCancelled }
    guard state.isOpen else { return .notOpen }
    guard let winner = state.winner(of: lot), winner.line.hash == award[hash], winner.supplier == award[supplier],
      let bid = winner.text?.amount, bid == award[amount], Award.contractPrice(bid: bid) == award[price]
    else { return .other }
    return .asOpened
  }

  private static let decide = Endpoint.write(
    "awardTender", "/tenders/{id}/awards", "落札を決定する", "Award a lot", for: .goods,
    "The winner that all nodes work out from the opened bids; nobody chooses one.", [lot.needed], of: Tender.records,
    when: [Kept.own, Tender.standing], answers: .row(records)
  ) { desk in
    let (tender, _) = try desk.subject(Tender.records)
    guard let number = desk.given.integer("lot").flatMap({ UInt16(exactly: $0) }) else { throw Fault.notFound("lot") }
    let state = try desk.read { try OpeningState(tender, $0, in: desk.inquiry.identity.federation) }
    guard state.body.lots.contains(where: { $0.number == number }) else {
      throw Fault.badValue("lot", ja: "その区分はありません", en: "there is no such lot")
    }
    guard state.isOpen else {
      let stage = state.stage(at: desk.now)
      throw Fault.refused("id", ja: "まだ開札が終わっていません(\(stage.ja))", en: "not opened yet (\(stage.en))")
    }
    guard let winner = state.winner(of: number), let text = winner.text else {
      throw Fault.refused("id", ja: "有効な入札がありません(不調)", en: "no bid counts")
    }
    let row = row(tender, number)
    if let standing = try desk.read({ try RowValues.fetch(row, records, $0) }), standing[cancelledAt] == nil,
      standing[hash] == winner.line.hash
    {
      return Written([], about: [row]) { try $0.answer(row, records) }
    }
    var draft = records.draft()
    draft.edit(
      records, row,
      Kept.edits(desk) + [
        Self.tender.set(tender), lot.set(Int64(number)), supplier.set(winner.supplier), hash.set(winner.line.hash),
        amount.set(text.amount), price.set(Award.contractPrice(bid: text.amount)), decidedAt.set(desk.enteredAt),
        cancelledAt.set(nil),
      ])
    return Written([draft], about: [row]) { try $0.answer(row, records) }
  }

  /// Each ward signs for itself: an association without legal capacity is no party to a contract.
  private static let sign = Endpoint.write(
    "contractByAward", "/awards/{id}/contracts", "落札者と契約する", "Contract with the winner", for: .goods,
    "This ward's own contract with the winner, as the award says.",
    [
      Contract.number.needed, Contract.kind.asked, Contract.starts.asked, Contract.ends.asked, Contract.signedOn.asked,
      Contract.hasBudgetClause.asked,
    ], of: records, when: [.missing(cancelledAt, "取り消された落札です", "the award was cancelled")], makes: true,
    answers: .row(Contract.records)
  ) { desk in
    let (_, award) = try desk.subject(records)
    guard let tender = award[tender], let number = award[lot].flatMap({ UInt16(exactly: $0) }),
      award.id == row(tender, number)
    else { throw Fault.refused("id", ja: "この落札は読めません", en: "the award cannot be read") }
    let state = try desk.read { try OpeningState(tender, $0, in: desk.inquiry.identity.federation) }
    let found = try desk.read { try check(award, number, state, $0) }
    guard found == .asOpened else {
      throw Fault.refused(
        "id", ja: "契約できません: \(found.words.ja)", en: "no contract can be made of it: \(found.words.en)")
    }
    guard state.body.lots.first(where: { $0.number == number })?.lines.contains(where: { $0.ward == desk.ward }) == true
    else {
      throw Fault.refused("id", ja: "この区の分は含まれていません", en: "nothing of it is for this ward")
    }
    let row = desk.derivedRow(["contract by award", "\(award.id)"])
    guard try desk.read({ try RowValues.fetch(row, Contract.records, $0) }) == nil else {
      throw Fault.refused("id", ja: "この区はもう契約しています", en: "this ward has contracted already")
    }
    let programme = try desk.read { try RowValues.fetch(tender, Tender.records, $0) }?[Tender.programme]
    var edits = desk.given.edits(
      ["number", "kind", "starts", "ends", "signedOn", "budgetClause"], of: Contract.records)
    try Contract.check(desk, nil, &edits)
    edits +=
      Kept.edits(desk) + [
        Contract.title.set(state.body.title), Contract.supplier.set(award[supplier]),
        Contract.programme.set(programme),
      ]
    var draft = Contract.records.draft()
    draft.edit(Contract.records, row, edits)
    return Written([draft], about: [row]) { try $0.answer(row, Contract.records) }
  }

  static let service = Service(
    "落札", "Awards", records: [records],
    actions: [
      Action(
        "cancelAward", .step("cancellation"), records, "落札を取り消す", "Cancel an award", for: .goods,
        takes: [reason.needed],
        when: [Kept.own, .missing(cancelledAt, "取り消されています", "cancelled already")], stamps: [.now(cancelledAt)])
    ],
    lists: [
      Listing(
        "awards", records, "落札", "Awards", filters: [tender, supplier, Kept.ward], open: [cancelledAt],
        newest: decidedAt)
    ],
    endpoints: [decide, sign])
}
