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
  /// 開札の呼出.
  enum Call {
    static let tender = Field.row(1, "tender", of: "tenders", "入札", "Tender")
    static let version = Field.code(2, "version", 64, "公告のハッシュ", "Version").aside
    static let closings = Field.text(3, "closings", 4_000, "締切の一覧", "Closings").aside
    static let admitted = Field.text(4, "admitted", 32_000, "開く入札書", "Bids to be opened").aside
    static let calledAt = Field.time(5, "called_at", "呼出日時", "Called at")
    static let reason = Field.text(6, "reason", 300, "届かない封筒を除く理由", "Why what is missing is left out")

    static let records = Records(
      231, "opening_calls", "開札の呼出", "Opening call", lane: .supply, law: .keptByWard(open: []), reader: .staff,
      fields: [tender, calledAt, reason, version, closings, admitted] + Kept.fields, title: [Kept.ward])
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

    private static let byteCount = 128

    static func row(_ tender: RowID, ward: UInt32) -> RowID {
      RowID(key: ["opening share", "\(tender)"], ward: ward)
    }

    static func bytes(_ hash: Digest, _ release: Release) -> [UInt8] {
      hash.bytes + release.share.bytes + release.challenge.bytes + release.response.bytes
    }

    /// A ward's share of each bid; what is not in its one form is left out.
    static func releases(_ row: RowValues, index: UInt16) -> [Digest: Release] {
      let bytes = row[shares] ?? []
      guard bytes.count % byteCount == 0, bytes.count <= byteCount * Receipt.mostBids else { return [:] }
      return stride(from: 0, to: bytes.count, by: byteCount).reduce(into: [:]) { found, start in
        func part(_ place: Int) -> ArraySlice<UInt8> { bytes[(start + place * 32)..<(start + place * 32 + 32)] }
        guard let share = GroupPoint(part(1)), let challenge = GroupScalar(part(2)), let response = GroupScalar(part(3))
        else { return }
        found[Digest(Array(part(0)))] = Release(index: index, share: share, challenge: challenge, response: response)
      }
    }
  }

  static func callRow(_ tender: RowID) -> RowID {
    RowID(key: ["opening call", "\(tender)"], ward: tender.ward)
  }

  /// Whether a trustee has released a share that holds: from then on closings, versions and call are fixed. What anybody else
  /// writes into such a row holds up nothing.
  static func hasBegun(_ tender: RowID, _ db: Database, in federation: FederationIdentity) throws -> Bool {
    guard try RowValues.fetch(callRow(tender), Call.records, db) != nil else { return false }
    // A call that cannot be read has opened nothing.
    return (try? OpeningState(tender, db, in: federation))?.hasBegun ?? false
  }

  // MARK: Acts

  private static func day(_ desk: Desk) -> String { JapaneseDay.text(desk.now) }

  private static let call = Endpoint.write(
    "callOpening", "/tenders/{id}/call", "開札を呼び出す", "Call the opening", for: .goods,
    "Names the closings of all receiving wards and the bids in them: from now on no other bid can be opened.",
    [Call.reason.asked], of: Tender.records, when: [Kept.own, Tender.standing],
    warning: Words("呼び出すと、後から届いた入札は開けません。", "No bid that comes later can be opened."), answers: .row(Call.records)
  ) { desk in
    let (tender, _) = try desk.subject(Tender.records)
    let body = try Tender.mustHold(tender, desk)
    guard desk.now.milliseconds >= body.opensAt else {
      throw Fault.refused("id", ja: "開札の時刻はまだです", en: "it is not time to open yet")
    }
    let federation = desk.inquiry.identity.federation
    let closed = try desk.read { try ClosedBids(tender, body, $0, in: federation, on: day(desk)) }
    let text = try closed.call(body)
    let row = callRow(tender)
    let standing = try desk.read { try RowValues.fetch(row, Call.records, $0) }
    if let standing, CallText(standing)?.hash == text.hash {
      return Written([], about: [row]) { try $0.answer(row, Call.records) }
    }
    guard try standing == nil || !desk.read({ try hasBegun(tender, $0, in: federation) }) else {
      throw Fault.refused("id", ja: "もう分担が出されています。呼出は変えられません", en: "shares have been released: the call stands")
    }
    let missing = text.lines.filter { $0.mark == .missing }
    guard missing.isEmpty || desk.given.text("reason") != nil else {
      throw Fault.refused(
        "id", ja: "封筒が届いていない入札が \(missing.count) 通あります。届くまで待つか、除く理由を入れてください",
        en: "\(missing.count) envelopes are not here: wait for them, or say why they are left out")
    }
    var draft = Call.records.draft()
    draft.edit(
      Call.records, row,
      Kept.edits(desk) + [
        Call.tender.set(tender), Call.version.set(text.version), Call.closings.set(text.closings),
        Call.admitted.set(text.admitted), Call.calledAt.set(desk.enteredAt), Call.reason.set(desk.given.text("reason")),
      ])
    return Written([draft], about: [row]) { try $0.answer(row, Call.records) }
  }

  private static let release = Endpoint.write(
    "releaseShares", "/tenders/{id}/shares", "開札に加わる", "Release the shares", for: .goods,
    "This ward's shares of all bids of the call, by its opening card. As many wards as the tender says open them together.",
    [OpeningCard.openingCard, OpeningCard.openingPassphrase], of: Tender.records, when: [Tender.standing],
    warning: Words("必要な数の区がそろうと、全部の入札が開かれます。", "All bids are opened once enough wards have done so."),
    answers: .row(Share.records)
  ) { desk in
    let (tender, _) = try desk.subject(Tender.records)
    let (call, body) = try mustBeCalled(tender, desk)
    guard let trustee = body.trustees.first(where: { $0.ward == desk.ward }) else {
      throw Fault.refused("id", ja: "この区は開札に加わっていません", en: "this ward opens nothing of it")
    }
    let key = try OpeningCard.key(desk)
    guard key.key == trustee.key else {
      throw Fault.badValue(
        "openingCard", ja: "この入札の開札カードではありません(別の世代のカードです)", en: "not the card of this tender: of another generation")
    }
    let closed = try desk.read { try ClosedBids(tender, body, $0, in: desk.inquiry.identity.federation, on: day(desk)) }
    // What the ward of the tender calls, what the receiving wards closed and what is here must be one.
    guard closed.fits(call, body) else {
      throw Fault.refused(
        "id", ja: "呼出の内容が、ここに届いている締切・入札書と合いません。届くのを待つか、公告した区に確かめてください",
        en: "the call does not fit the closings and bids that are here: wait for them, or ask the tender's ward")
    }
    var shares: [UInt8] = []
    for line in call.lines where line.mark != .missing {
      guard let (sealed, terms) = closed.proven[line.hash], let release = key.release(sealed, terms) else {
        throw Fault.refused("id", ja: "封筒がまだ届いていません", en: "an envelope is not here yet")
      }
      shares += Share.bytes(sealed.hash, release)
    }
    let row = Share.row(tender, ward: desk.wardIndex)
    var draft = Share.records.draft()
    draft.edit(
      Share.records, row,
      Kept.edits(desk) + [
        Share.tender.set(tender), Share.call.set(call.hash.bytes.hexadecimal), Share.shares.set(shares),
        Share.releasedAt.set(desk.enteredAt),
      ])
    return Written([draft], about: [row]) { try $0.answer(row, Share.records) }
  }

  private static func mustBeCalled(_ tender: RowID, _ desk: Desk) throws -> (CallText, TenderBody) {
    let federation = desk.inquiry.identity.federation
    guard let row = try desk.read({ try RowValues.fetch(callRow(tender), Call.records, $0) }) else {
      throw Fault.refused("id", ja: "まだ呼び出されていません", en: "the opening was not called yet")
    }
    guard let call = CallText(row),
      let body = try desk.read({ try Tender.version(call.version, of: tender, $0, in: federation) }),
      try !desk.read({ try Kept.isTorn(row.id, Call.records, [Call.closings, Call.admitted, Call.version], $0) })
    else {
      throw Fault.refused("id", ja: "呼出が読めないか、二か所で違います", en: "the call cannot be read, or says two things")
    }
    guard desk.now.milliseconds >= body.opensAt else {
      throw Fault.refused("id", ja: "開札の時刻はまだです", en: "it is not time to open yet")
    }
    // One ward's shares are for one call, for ever: a majority opens no second one.
    let own = try desk.read { try RowValues.fetch(Share.row(tender, ward: desk.wardIndex), Share.records, $0) }
    guard own?[Share.shares]?.isEmpty ?? true || own?[Share.call] == call.hash.bytes.hexadecimal else {
      throw Fault.refused(
        "id", ja: "この区は別の呼出に分担を出しています。呼出が書き換えられました", en: "this ward released for another call: it was changed since")
    }
    return (call, body)
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

  static let service = Service(
    "開札", "Openings", records: [Call.records, Share.records],
    lists: [
      Listing(
        "openingShares", Share.records, "開札の分担", "Opening shares", filters: [Share.tender, Kept.ward], newest: Kept.at)
    ], endpoints: [call, release, refuse, OpeningProof.shown])
}
