import Bids
import Causality
import ChangeModel
import Desk
import Federation
import GRDB
import Replica
import Sodium

/// 開札: the tender's ward names what is opened, as many wards as the tender says release their shares, and every node reads the same.
enum Opening {
  /// 開札の呼出: which closings, and which bids stand in them. A function of the closings: two honest calls are one value.
  enum Call {
    static let tender = Field.row(1, "tender", of: "tenders", "入札", "Tender")
    static let version = Field.code(2, "version", 64, "公告のハッシュ", "Version").aside
    static let closings = Field.text(3, "closings", 4_000, "締切の一覧", "Closings").aside
    static let admitted = Field.text(4, "admitted", 40_000, "開く入札書", "Bids to be opened").aside
    static let calledAt = Field.time(5, "called_at", "呼出日時", "Called at")

    static let records = Records(
      231, "opening_calls", "開札の呼出", "Opening call", lane: .supply, law: .keptByWard(open: []), reader: .staff,
      fields: [tender, calledAt, version, closings, admitted] + Kept.fields, title: [Kept.ward])

    static func hash(_ call: RowValues) -> Digest {
      let parts = [call[tender].map { "\($0)" }, call[version], call[closings], call[admitted]].map { $0 ?? "" }
      return blake2b([UInt8](("renkei opening call 1\u{1f}" + parts.joined(separator: "\u{1f}")).utf8))
    }
  }

  /// 開札の分担: one ward's shares of all bids of a call, or why it gives none.
  enum Share {
    static let tender = Field.row(1, "tender", of: "tenders", "入札", "Tender")
    static let call = Field.code(2, "call", 64, "呼出のハッシュ", "Call").aside
    /// Of each bid 128 bytes: its hash, the share, challenge and response.
    static let shares = Field.bytes(3, "shares", "分担", "Shares")
    static let refused = Field.text(4, "refused", 300, "開かない理由", "Why not")
    static let releasedAt = Field.time(5, "released_at", "分担を出した日時", "Released at")

    static let records = Records(
      232, "opening_shares", "開札の分担", "Opening share", lane: .supply, law: .keptByWard(open: []), reader: .staff,
      fields: [tender, releasedAt, refused, call, shares] + Kept.fields, title: [Kept.ward], indexes: [[tender]])

    static let byteCount = 128

    static func row(_ tender: RowID, ward: UInt32) -> RowID {
      RowID(derivedFrom: blake2b([UInt8]("opening share\u{1f}\(tender)".utf8)).prefix, ward: ward)
    }

    static func bytes(_ hash: Digest, _ release: Release) -> [UInt8] {
      hash.bytes + release.share.bytes + release.challenge.bytes + release.response.bytes
    }

    /// A ward's share of each bid; what is not in its one form is left out.
    static func releases(_ row: RowValues, index: UInt16) -> [Digest: Release] {
      let bytes = row[shares] ?? []
      guard bytes.count % byteCount == 0, bytes.count <= byteCount * Receipt.mostBids * 23 else { return [:] }
      return stride(from: 0, to: bytes.count, by: byteCount).reduce(into: [:]) { found, start in
        func part(_ place: Int) -> ArraySlice<UInt8> { bytes[(start + place * 32)..<(start + place * 32 + 32)] }
        guard let share = GroupPoint(part(1)), let challenge = GroupScalar(part(2)), let response = GroupScalar(part(3))
        else { return }
        found[Digest(Array(part(0)))] = Release(index: index, share: share, challenge: challenge, response: response)
      }
    }
  }

  static func callRow(_ tender: RowID) -> RowID {
    RowID(derivedFrom: blake2b([UInt8]("opening call\u{1f}\(tender)".utf8)).prefix, ward: tender.ward)
  }

  // MARK: Acts

  private static let call = Endpoint.write(
    "callOpening", "/tenders/{id}/call", "開札を呼び出す", "Call the opening", for: .goods,
    "Names the closings of all receiving wards and the bids in them: from now on no other bid can be opened.",
    of: Tender.records, when: [Kept.own, Tender.standing],
    warning: Words("呼び出すと、後から届いた入札は開けません。", "No bid that comes later can be opened."), answers: .row(Call.records)
  ) { desk in
    let (tender, _) = try desk.subject(Tender.records)
    let state = try desk.read { try OpeningState(tender, $0, in: desk.inquiry.identity.federation) }
    guard desk.now.milliseconds >= state.body.opensAt else {
      throw Fault.refused("id", ja: "開札の時刻はまだです", en: "it is not time to open yet")
    }
    let expected = try state.mustBeClosed()
    if let missing = state.bids.first(where: { $0.sealed == nil && $0.ground == nil }) {
      throw Fault.refused(
        "id", ja: "封筒が届いていない入札があります(\(missing.hash.prefix(8))…)。届くまで待つか、入札を取りやめてください",
        en: "an envelope is not here yet: wait for it, or cancel")
    }
    let row = callRow(tender)
    if let standing = state.call {
      guard !state.isCallRight else { return Written([], about: [row]) { try $0.answer(standing.id, Call.records) } }
    }
    var draft = Call.records.draft()
    draft.edit(
      Call.records, row,
      Kept.edits(desk) + [
        Call.tender.set(tender), Call.version.set(state.body.hash.bytes.hexadecimal),
        Call.closings.set(expected.closings),
        Call.admitted.set(expected.admitted), Call.calledAt.set(desk.enteredAt),
      ])
    return Written([draft], about: [row]) { try $0.answer(row, Call.records) }
  }

  private static func mustBeCalled(_ desk: Desk) throws -> (RowID, OpeningState, RowValues, TenderBody.TrusteeKey) {
    let (tender, _) = try desk.subject(Tender.records)
    let state = try desk.read { try OpeningState(tender, $0, in: desk.inquiry.identity.federation) }
    guard let trustee = state.body.trustees.first(where: { $0.ward == desk.ward }) else {
      throw Fault.refused("id", ja: "この区は開札に加わっていません", en: "this ward opens nothing of it")
    }
    guard let call = state.call else {
      throw Fault.refused("id", ja: "まだ呼び出されていません", en: "the opening was not called yet")
    }
    // What the ward of the tender calls, and what the receiving wards closed, must be one.
    guard state.isCallRight else {
      throw Fault.refused(
        "id", ja: "呼出の内容が各区の締切と合いません。公告した区に確かめてください", en: "the call does not fit the closings: ask the tender's ward")
    }
    guard desk.now.milliseconds >= state.body.opensAt else {
      throw Fault.refused("id", ja: "開札の時刻はまだです", en: "it is not time to open yet")
    }
    return (tender, state, call, trustee)
  }

  private static let release = Endpoint.write(
    "releaseShares", "/tenders/{id}/shares", "開札に加わる", "Release the shares", for: .goods,
    "This ward's shares of all bids of the call, by its opening card. As many wards as the tender says open them together.",
    [OpeningCard.openingCard, OpeningCard.openingPassphrase], of: Tender.records, when: [Tender.standing],
    warning: Words("必要な数の区がそろうと、全部の入札が開かれます。", "All bids are opened once enough wards have done so."),
    answers: .row(Share.records)
  ) { desk in
    let (tender, state, call, trustee) = try mustBeCalled(desk)
    let key = try OpeningCard.key(desk)
    guard key.key == trustee.key else {
      throw Fault.badValue(
        "openingCard", ja: "この入札の開札カードではありません(別の世代のカードです)", en: "not the card of this tender: of another generation")
    }
    var shares: [UInt8] = []
    for bid in state.bids {
      guard let (sealed, terms) = bid.sealed else { continue }
      guard let release = key.release(sealed, terms) else {
        throw Fault.refused("openingCard", ja: "分担を作れません", en: "no share can be made")
      }
      shares += Share.bytes(sealed.hash, release)
    }
    let row = Share.row(tender, ward: desk.wardIndex)
    var draft = Share.records.draft()
    draft.edit(
      Share.records, row,
      Kept.edits(desk) + [
        Share.tender.set(tender), Share.call.set(Call.hash(call).bytes.hexadecimal), Share.shares.set(shares),
        Share.releasedAt.set(desk.enteredAt),
      ])
    return Written([draft], about: [row]) { try $0.answer(row, Share.records) }
  }

  private static let refuse = Endpoint.write(
    "refuseOpening", "/tenders/{id}/refusal", "開札に加わらない", "Refuse to open", for: .goods,
    "This ward gives no share, and says why.", [Share.refused.needed], of: Tender.records, when: [Tender.standing],
    answers: .row(Share.records)
  ) { desk in
    let (tender, _) = try desk.subject(Tender.records)
    let row = Share.row(tender, ward: desk.wardIndex)
    var draft = Share.records.draft()
    draft.edit(
      Share.records, row,
      Kept.edits(desk) + [Share.tender.set(tender), Share.refused.set(desk.given.text("refused"))])
    return Written([draft], about: [row]) { try $0.answer(row, Share.records) }
  }

  // MARK: How it stands

  private static let members: [Answer.Member] = [
    .init("title", .text(200), "件名", "Title"), .init("stage", .text(100), "段階", "Stage"),
    .init("opensAt", .time, "開札予定", "Opened at"), .init("threshold", .integer(Numbers.any), "開札に要る区の数", "Needed"),
    .init("released", .list(.ward, 100), "分担を出した区", "Released by"),
    .init("waiting", .list(.ward, 100), "分担を待つ区", "Waiting for"), .init("text", .text(4_000), "公告の文", "Text"),
    .init("hash", .code(64), "公告のハッシュ", "Hash"),
    .init(
      "closings",
      .objects(
        .members([
          .init("ward", .ward, "区", "Ward"), .init("status", .text(100), "締切", "Closing"),
          .init("bids", .integer(Numbers.any), "入札の数", "Bids"),
        ])), "受付の締切", "Closings"),
    .init(
      "bids",
      .objects(
        .members([
          .init("supplier", .row("suppliers"), "事業者", "Supplier"),
          .init("amount", .integer(Numbers.any), "入札額(税抜・円)", "Amount"),
          .init("rank", .integer(Numbers.any), "順位", "Rank"),
          .init("verdict", .text(100), "判定", "Verdict"), .init("lot", .integer(Numbers.any), "区分", "Lot"),
          .init("shares", .integer(Numbers.any), "確かめた分担", "Shares that hold"),
          .init("ward", .ward, "受付区", "Taken in at"), .init("hash", .code(64), "入札書のハッシュ", "Hash of the bid"),
        ])), "入札", "Bids"),
    .init(
      "awards",
      .objects(
        .members([
          .init("lot", .integer(Numbers.any), "区分", "Lot"), .init("supplier", .row("suppliers"), "落札者", "Winner"),
          .init("amount", .integer(Numbers.any), "落札額(税抜・円)", "Amount"),
          .init("price", .integer(Numbers.any), "契約額(税込・円)", "Price, taxed"),
          .init("verdict", .text(100), "確認", "Checked"),
        ])), "落札", "Awards"),
  ]

  private static let shown = Endpoint.read(
    "tenderOpening", "/tenders/{id}/opening", "開札の状況", "The opening", for: .staff,
    "Closings, shares, bids and verdicts, worked out from the rows by this node itself.", of: Tender.records,
    answers: .members(members)
  ) { look in
    guard let row = look.inquiry.row else { throw Fault.notFound("id") }
    return try OpeningProof(row, look.db, in: look.inquiry.identity.federation, at: look.now).json
  }

  static let service = Service(
    "開札", "Openings", records: [Call.records, Share.records],
    lists: [
      Listing(
        "openingShares", Share.records, "開札の分担", "Opening shares", filters: [Share.tender, Kept.ward], newest: Kept.at)
    ], endpoints: [call, release, refuse, shown])
}

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
    isRight = state.isOpen && awards.allSatisfy { ["判定のとおり", "取消"].contains($0["verdict"].text) }
    json = [
      "title": .text(state.body.title), "text": .text(state.body.text),
      "hash": .text(state.body.hash.bytes.hexadecimal), "threshold": JSON(state.body.threshold),
      "stage": .text(state.stage(at: now ?? Instant(milliseconds: .max))), "opensAt": .integer(state.body.opensAt),
      "released": .list(state.released.map { .text($0) }),
      "waiting": .list(state.body.trustees.map(\.ward).filter { !state.released.contains($0) }.map { .text($0) }),
      "closings": .list(
        state.closings.map {
          ["ward": .text($0.ward), "status": .text($0.status.words), "bids": JSON($0.hashes?.count ?? 0)]
        }),
      "bids": .list(state.bids.map(Self.json)), "awards": .list(awards),
    ]
  }

  private static func json(_ bid: OpeningState.Bid) -> JSON {
    var members: [String: JSON] = [
      "hash": .text(bid.hash), "lot": JSON(Int(bid.lot)), "shares": JSON(bid.shares), "verdict": .text(bid.verdict),
    ]
    members["supplier"] = bid.supplier.map { .text("\($0)") }
    members["ward"] = bid.ward.map { .text($0) }
    members["amount"] = bid.text.map { .integer($0.amount) }
    members["rank"] = bid.rank.map { JSON($0) }
    return .object(members)
  }

  /// The tenders that are here, by their titles.
  public static func tenders(_ db: Database) throws -> [(RowID, String)] {
    try RowValues.all(Tender.records, "ORDER BY id LIMIT 1000", [], db).map { ($0.id, $0[Tender.title] ?? "") }
  }
}
