import Bids
import Causality
import ChangeModel
import Desk
import GRDB
import Replica
import Sodium

/// 事業者の署名鍵: by one ward's word, given when the supplier registered there in person.
enum BidKey {
  static let supplier = Field.row(1, "supplier", of: "suppliers", "事業者", "Supplier")
  static let key = Field.code(2, "key", 64, "署名鍵", "Signing key")
  static let endedAt = Field.time(3, "ended_at", "廃止日時", "Ended at")

  static let records = Records(
    227, "bid_keys", "事業者の署名鍵", "Supplier's signing key", lane: .registry, law: .keptByWard(open: []),
    reader: .staff, fields: [supplier, key, endedAt] + Kept.fields, title: [supplier, Kept.ward],
    states: [.has(endedAt, "ended", "廃止", "ended", .ended), .otherwise("current", "使用中", "in use", .done)],
    indexes: [[supplier]])

  /// Whether one of these wards registered the key for the supplier.
  ///
  /// - Parameter ended: also a key that was ended since: a bid that was taken in goes on counting.
  static func isKnown(
    _ key: PublicKey, of supplier: RowID, at wards: Set<String>, ended: Bool, _ db: Database
  ) throws -> Bool {
    try RowValues.all(
      records, "WHERE supplier = ?1 AND key = ?2 AND (?3 OR ended_at IS NULL) ORDER BY id",
      [supplier.rawValue, key.bytes.hexadecimal, ended], db
    ).contains { $0[Kept.ward].map(wards.contains) ?? false }
  }

  static let service = Service(
    "事業者の署名鍵", "Suppliers' signing keys", records: [records],
    actions: [
      Action(
        "registerBidKey", .new, records, "署名鍵を登録する", "Register a signing key", for: .goods,
        takes: [supplier.needed, key.needed], stamps: Kept.stamps,
        row: .derived { ["bid key", $0.ward, "\($0.given.row("supplier")!)", $0.given.text("key") ?? ""] }
      ) { desk, _, edits in
        guard let bytes = desk.given.text("key").flatMap({ [UInt8](hexadecimal: $0) }), PublicKey(bytes) != nil else {
          throw Fault.badValue(
            "key", ja: "renkei-bid key が示した 64 文字を入れてください", en: "give the 64 characters that renkei-bid key told")
        }
        // Registered again, it counts again.
        edits.append(endedAt.set(nil))
      },
      Action(
        "endBidKey", .step("end"), records, "署名鍵を廃止する", "End a signing key", for: .goods,
        when: [Kept.own, .missing(endedAt, "廃止されています", "ended already")], stamps: [.now(endedAt)]),
    ],
    lists: [
      Listing(
        "bidKeys", records, "事業者の署名鍵", "Suppliers' signing keys", filters: [supplier, Kept.ward], open: [endedAt],
        newest: Kept.at)
    ])
}

/// 入札書: the envelope, which nobody can read, behind all that is urgent; and its receipt, by which it counts.
enum Receipt {
  private static let means = [
    Choice("電子", "electronic"), Choice("窓口で封入", "sealed-at-the-counter"), Choice("持参", "brought"),
    Choice("郵送", "by-post"),
  ]
  static let tender = Field.row(1, "tender", of: "tenders", "入札", "Tender")
  static let version = Field.code(2, "version", 64, "公告のハッシュ", "Version").aside
  static let number = Field.code(3, "supplier_number", 13, "法人番号", "Corporate number")
  static let lot = Field.integer(4, "lot", 0...65_535, "区分", "Lot")
  static let hash = Field.code(5, "hash", 64, "入札書のハッシュ", "Hash of the bid")
  static let key = Field.code(6, "key", 64, "署名鍵", "Signing key").aside
  static let receivedAt = Field.time(7, "received_at", "受付日時", "Received at")
  static let by = Field.user(8, "received_by", "受付者", "Received by").aside
  static let way = Field.choice(9, "means", means, "方法", "By which means")
  static let ward = Field.ward(10, of: .first, "受付区", "Taken in at")

  static let records = Records(
    228, "bid_receipts", "入札の受付", "Receipt of a bid", lane: .supply, law: .keptByWard(open: []), reader: .staff,
    fields: [tender, number, lot, hash, receivedAt, way, ward, version, key, by], title: [hash], indexes: [[tender]])

  enum Envelope {
    static let tender = Field.row(1, "tender", of: "tenders", "入札", "Tender")
    static let content = Field.bytes(2, "content", "封筒", "Envelope")
    static let signature = Field.bytes(3, "signature", "署名", "Signature")
    static let ward = Field.ward(4, of: .first)

    static let records = Records(
      229, "envelopes", "封をした入札書", "Sealed bid", lane: .registry, law: .keptByWard(open: []), reader: .staff,
      fields: [tender, ward, content, signature], title: [tender])
  }

  /// Of a whole tender: what fits into one call, and into one change set of shares.
  static let mostBids = 200
  /// Of one supplier and lot at one ward: the second voids both already.
  private static let mostEach = 2

  /// A receipt's and its envelope's own place, by what they are; a row elsewhere is none.
  static func row(_ tender: RowID, _ hash: String, ward: UInt32) -> RowID {
    RowID(key: ["bid", "\(tender)", hash], ward: ward)
  }

  private static func words(_ refusal: SealedBid.Refusal) -> Fault {
    switch refusal {
    case .malformed: .badValue("bid", ja: "入札書が壊れています。作り直してください", en: "the bid is damaged: seal it again")
    case .otherTerms:
      .badValue(
        "bid", ja: "この公告の版・区分・事業者の入札書ではありません。最新の公告で作り直してください",
        en: "of another version, lot or supplier: seal it for the version that holds")
    case .badSignature: .badValue("bid", ja: "署名が合いません", en: "the signature does not fit")
    case .badProof: .badValue("bid", ja: "この入札書は開札できません(証明が合いません)。作り直してください", en: "it would not open: seal it again")
    }
  }

  private static let receive = Endpoint.write(
    "receiveBid", "/tenders/{id}/bids", "入札書を受け付ける", "Take a bid in", for: .goods,
    "Checked as anybody can check it: the supplier's own, for this version, and it will open. The receipt's number is its hash.",
    [FormField("bid", .secret(BidFile.mostBytes), required: true, ja: "入札書のファイル", en: "The bid's file"), way.asked],
    of: Tender.records, when: [Tender.standing], makes: true, answers: .row(records)
  ) { desk in
    let (tender, _) = try desk.subject(Tender.records)
    let body = try mustBeOpen(tender, desk)
    let file = try BidFile(desk.given.text("bid")!)
    guard file.tender == tender else { throw words(.otherTerms) }
    let isKnown = try desk.read {
      try BidKey.isKnown(file.key, of: Supplier.row(file.supplier), at: body.wards, ended: false, $0)
    }
    guard isKnown else {
      throw Fault.refused("bid", ja: "この署名鍵は登録されていません。事業者の登録を確かめてください", en: "the signing key is not registered")
    }
    let federation = desk.inquiry.identity.federation.id
    guard let terms = body.terms(tender, lot: file.lot, supplier: file.supplier, key: file.key, in: federation) else {
      throw words(.otherTerms)
    }
    let bid: SealedBid
    do throws(SealedBid.Refusal) { bid = try SealedBid(file.envelope, signature: file.signature, for: terms) } catch {
      throw words(error)
    }
    let hash = bid.hash.bytes.hexadecimal
    let row = row(tender, hash, ward: desk.wardIndex)
    let known = try desk.read { try RowValues.fetch(row, records, $0) }
    guard known?[Receipt.hash] != hash else { return Written([], about: [row]) { try $0.answer(row, records) } }
    try mustNotFlood(tender, file, body, desk)
    var envelope = Envelope.records.draft()
    envelope.edit(
      Envelope.records, row,
      [
        Envelope.tender.set(tender), Envelope.content.set(file.envelope), Envelope.signature.set(file.signature),
        Envelope.ward.set(desk.ward),
      ])
    var receipt = records.draft()
    receipt.edit(
      records, row,
      [
        Receipt.tender.set(tender), version.set(body.hash.bytes.hexadecimal), number.set(file.supplier),
        lot.set(Int64(file.lot)), Receipt.hash.set(hash), key.set(file.key.bytes.hexadecimal),
        receivedAt.set(desk.now), by.set(desk.inquiry.user.name), way.set(desk.given.text("means") ?? "電子"),
        ward.set(desk.ward),
      ])
    return Written([envelope, receipt], about: [row]) { try $0.answer(row, records) }
  }

  /// - Throws: where this ward takes nothing in for what holds of the tender.
  private static func mustBeOpen(_ tender: RowID, _ desk: Desk) throws -> TenderBody {
    let body = try Tender.mustHold(tender, desk)
    guard body.receivers.contains(desk.ward) else {
      let wards = body.receivers.joined(separator: "、")
      throw Fault.refused("id", ja: "この区では受け付けていません。受付: \(wards)", en: "taken in at \(wards)")
    }
    guard desk.now.milliseconds <= body.closesAt else {
      throw Fault.refused("id", ja: "締切を過ぎています", en: "it is closed")
    }
    // A list that was closed for an older version says nothing of this one.
    let closing = try desk.read { try RowValues.fetch(Closing.row(tender, ward: desk.wardIndex), Closing.records, $0) }
    guard closing?[Closing.version] != body.hash.bytes.hexadecimal else {
      throw Fault.refused("id", ja: "この区の受付は締め切られています", en: "this ward has closed its list")
    }
    if let stranger = try desk.read({ try Tender.stranger(body, $0, in: desk.replica.membership.identity) }) {
      throw Fault.refused(
        "id", ja: "公告にある \(stranger) の開札鍵は、その区の鍵だと確かめられません。受け付けないでください",
        en: "the opening key of \(stranger) in the tender is not known to be that ward's: take no bids in")
    }
    return body
  }

  private static func mustNotFlood(_ tender: RowID, _ file: BidFile, _ body: TenderBody, _ desk: Desk) throws {
    let counts = try desk.read { db in
      try Row.fetchOne(
        db.cachedStatement(
          sql: """
            SELECT count(*), coalesce(sum(supplier_number = ?4 AND lot = ?5), 0) FROM bid_receipts
            WHERE tender = ?1 AND ward = ?2 AND version = ?3
            """),
        arguments: [tender.rawValue, desk.ward, body.hash.bytes.hexadecimal, file.supplier, Int64(file.lot)])
    }
    let (all, own) = ((counts?[0] as Int?) ?? 0, (counts?[1] as Int?) ?? 0)
    guard own < mostEach else {
      throw Fault.refused(
        "bid", ja: "この事業者の入札書はもう \(mostEach) 通受け付けています", en: "this supplier handed \(mostEach) in already")
    }
    guard all < mostBids / body.receivers.count else {
      throw Fault.refused(
        "id", ja: "この区で受け付けられる数を超えています。ほかの受付区に案内してください", en: "this ward takes no more in: another does")
    }
  }

  static let service = Service(
    "入札の受付", "Receipts of bids", records: [records, Envelope.records],
    lists: [Listing("bidReceipts", records, "入札の受付", "Receipts of bids", filters: [tender, ward], newest: receivedAt)],
    endpoints: [receive])
}

/// 締切: a receiving ward's list of what it took in. What counts is what stands in it, whatever any clock says.
enum Closing {
  static let tender = Field.row(1, "tender", of: "tenders", "入札", "Tender")
  static let version = Field.code(2, "version", 64, "公告のハッシュ", "Version").aside
  static let list = Field.text(3, "list", 30_000, "入札書のハッシュ", "Hashes").aside
  static let count = Field.integer(4, "bids", 0...1_000_000, "入札の数", "Bids")
  static let closedAt = Field.time(5, "closed_at", "締め切った日時", "Closed at")

  static let records = Records(
    230, "closings", "受付の締切", "Closing", lane: .supply, law: .keptByWard(open: []), reader: .staff,
    fields: [tender, count, closedAt, version, list] + Kept.fields, title: [Kept.ward], indexes: [[tender]])

  static func row(_ tender: RowID, ward: UInt32) -> RowID {
    RowID(key: ["closing", "\(tender)"], ward: ward)
  }

  static func isHash(_ text: String) -> Bool {
    text.utf8.count == 64 && text.utf8.allSatisfy { (48...57).contains($0) || (97...102).contains($0) }
  }

  /// A list as a row keeps it; nil where it is none.
  static func hashes(_ list: String?) -> [String]? {
    let hashes = (list ?? "").split(separator: " ").map(String.init)
    return hashes == Set(hashes).sorted() && hashes.allSatisfy(isHash) ? hashes : nil
  }

  /// What a ward took in for a version. What lies where no receipt of it would lie is none.
  static func taken(
    _ tender: RowID, _ version: String, ward: (code: String, index: UInt32), _ db: Database
  ) throws -> [String] {
    let receipts = try RowValues.all(
      Receipt.records, "WHERE tender = ?1 AND ward = ?2 AND version = ?3 ORDER BY hash",
      [tender.rawValue, ward.code, version], db)
    return Set(
      receipts.compactMap { receipt in
        receipt[Receipt.hash].flatMap { hash in
          isHash(hash) && receipt.id == Receipt.row(tender, hash, ward: ward.index) ? hash : nil
        }
      }
    ).sorted()
  }

  private static let close = Endpoint.write(
    "closeTender", "/tenders/{id}/closings", "受付を締め切る", "Close the list", for: .goods,
    "This ward's list of what it took in for the version that holds. Written again where two desks closed it apart.",
    of: Tender.records, when: [Tender.standing], answers: .row(records)
  ) { desk in
    let (tender, _) = try desk.subject(Tender.records)
    let body = try Tender.mustHold(tender, desk)
    guard body.receivers.contains(desk.ward) else {
      throw Fault.refused("id", ja: "この区では受け付けていません", en: "this ward takes no bids in")
    }
    guard desk.now.milliseconds > body.closesAt else {
      throw Fault.refused("id", ja: "締切はまだです", en: "it is not closed yet")
    }
    guard try !desk.read({ try Opening.hasBegun(tender, $0, in: desk.inquiry.identity.federation) }) else {
      throw Fault.refused("id", ja: "開札が始まっています", en: "shares have been released")
    }
    let version = body.hash.bytes.hexadecimal
    let hashes = try desk.read { try taken(tender, version, ward: (desk.ward, desk.wardIndex), $0) }
    let row = row(tender, ward: desk.wardIndex)
    var draft = records.draft()
    draft.edit(
      records, row,
      Kept.edits(desk) + [
        Self.tender.set(tender), Self.version.set(version), list.set(hashes.joined(separator: " ")),
        count.set(Int64(hashes.count)), closedAt.set(desk.enteredAt),
      ])
    return Written([draft], about: [row]) { try $0.answer(row, records) }
  }

  static let service = Service(
    "受付の締切", "Closings", records: [records],
    lists: [Listing("closings", records, "受付の締切", "Closings", filters: [tender, Kept.ward], newest: closedAt)],
    endpoints: [close])
}
