import Causality
import ChangeModel
import Desk
import Federation
import GRDB

/// A tender's opening as whoever has the rows works it out.
public struct OpeningProof: Sendable {
  public let json: JSON
  /// Opened, and each award that stands is what the bids come to.
  public let isRight: Bool

  /// - Parameter now: for what goes on; nil where only what is done counts.
  /// - Throws: where there is no version that holds.
  public init(_ tender: RowID, _ db: Database, in federation: FederationIdentity, at now: Instant? = nil) throws {
    let state = try OpeningState(tender, db, in: federation)
    let awards = try AwardRow.shown(tender, state, db)
    isRight = state.isOpen && awards.allSatisfy { [.asOpened, .cancelled].contains($0.check) }
    let left = state.closed.closings.flatMap { closing in
      closing.leftOut.map { ["ward": .text(closing.ward), "hash": .text($0)] as JSON }
    }
    // The lead calls who is suspended; a ward that knows of another says so.
    let doubts =
      state.call?.lines.filter {
        $0.mark == .admitted && state.closed.suspended.contains(Supplier.row($0.number))
      } ?? []
    json = [
      "title": .text(state.body.title), "text": .text(state.body.text),
      "hash": .text(state.body.hash.bytes.hexadecimal), "threshold": JSON(state.body.threshold),
      "stage": state.stage(at: now ?? Instant(milliseconds: .max)).json, "opensAt": .integer(state.body.opensAt),
      "released": .list(state.released.map { .text($0) }), "partial": .list(state.partial.map { .text($0) }),
      "waiting": .list(
        state.body.trustees.map(\.ward).filter { !(state.released + state.partial).contains($0) }.map { .text($0) }),
      "closings": .list(
        state.closed.closings.map {
          ["ward": .text($0.ward), "status": $0.status.words.json, "bids": JSON($0.hashes?.count ?? 0)]
        }),
      "bids": .list(state.bids.map(Self.json)), "leftOut": .list(left), "awards": .list(awards.map(\.json)),
      "doubts": .list(doubts.map { ["hash": .text($0.hash)] }),
    ]
  }

  private static func json(_ bid: OpeningState.Bid) -> JSON {
    var members: [String: JSON] = [
      "hash": .text(bid.line.hash), "lot": JSON(Int(bid.line.lot)), "shares": JSON(bid.shares),
      "verdict": bid.verdict.json,
    ]
    members["supplier"] = bid.supplier.map { .text("\($0)") }
    if bid.line.ward != "-" { members["ward"] = .text(bid.line.ward) }
    members["amount"] = bid.text.map { .integer($0.amount) }
    members["rank"] = bid.rank.map { JSON($0) }
    return .object(members)
  }

  /// The tenders that are here, by their titles.
  public static func tenders(_ db: Database) throws -> [(RowID, String)] {
    try RowValues.all(Tender.records, "ORDER BY id LIMIT 1000", [], db).map { ($0.id, $0[Tender.title] ?? "") }
  }

  private static let members: [Answer.Member] = [
    .init("title", .text(200), "件名", "Title"), .init("stage", .object(.words), "段階", "Stage"),
    .init("opensAt", .time, "開札予定", "Opened at"), .init("threshold", .integer(Numbers.any), "開札に要る区の数", "Needed"),
    .init("released", .list(.ward, 100), "分担を出した区", "Released by"),
    .init("partial", .list(.ward, 100), "分担が合わない区", "Shares that do not hold"),
    .init("waiting", .list(.ward, 100), "分担を待つ区", "Waiting for"), .init("text", .text(12_000), "公告の文", "Text"),
    .init("hash", .code(64), "公告のハッシュ", "Hash"),
    .init(
      "closings",
      .objects(
        .members([
          .init("ward", .ward, "区", "Ward"), .init("status", .object(.words), "締切", "Closing"),
          .init("bids", .integer(Numbers.any), "入札の数", "Bids"),
        ])), "受付の締切", "Closings"),
    .init(
      "bids",
      .objects(
        .members([
          .init("supplier", .row("suppliers"), "事業者", "Supplier"),
          .init("amount", .integer(Numbers.any), "入札額(税抜・円)", "Amount"),
          .init("rank", .integer(Numbers.any), "順位", "Rank"), .init("verdict", .object(.words), "判定", "Verdict"),
          .init("lot", .integer(Numbers.any), "区分", "Lot"),
          .init("shares", .integer(Numbers.any), "確かめた分担", "Shares that hold"),
          .init("ward", .ward, "受付区", "Taken in at"), .init("hash", .code(64), "入札書のハッシュ", "Hash of the bid"),
        ])), "入札", "Bids"),
    .init(
      "leftOut",
      .objects(
        .members([.init("ward", .ward, "受付区", "Taken in at"), .init("hash", .code(64), "入札書のハッシュ", "Hash of the bid")])),
      "締切の一覧にない受付", "Taken in, and not in the closing"),
    .init(
      "doubts", .objects(.members([.init("hash", .code(64), "入札書のハッシュ", "Hash of the bid")])),
      "指名停止の登録がある事業者の入札", "Of suppliers that are suspended here"),
    .init(
      "awards",
      .objects(
        .members([
          .init("lot", .integer(Numbers.any), "区分", "Lot"), .init("supplier", .row("suppliers"), "落札者", "Winner"),
          .init("amount", .integer(Numbers.any), "落札額(税抜・円)", "Amount"),
          .init("price", .integer(Numbers.any), "契約額(税込・円)", "Price, taxed"),
          .init("verdict", .object(.words), "確認", "Checked"),
        ])), "落札", "Awards"),
  ]

  static let shown = Endpoint.read(
    "tenderOpening", "/tenders/{id}/opening", "開札の状況", "The opening", for: .staff,
    "Closings, shares, bids and verdicts, worked out from the rows by this node itself.", of: Tender.records,
    answers: .members(members)
  ) { look in
    guard let row = look.inquiry.row else { throw Fault.notFound("id") }
    return try OpeningProof(row, look.db, in: look.inquiry.identity.federation, at: look.now).json
  }
}
