import Bids
import Causality
import ChangeModel
import Desk
import Federation
import GRDB
import Replica
import Sodium

/// 入札: one for a programme. What it says lies in versions, each a text whose hash bids are bound to; a correction is another version,
/// and what was sealed for an older one counts no longer.
enum Tender {
  static let programme = Field.row(1, "programme", of: "programmes", "案件", "Programme")
  static let title = Field.text(2, "title", 200, "件名", "Title")
  static let number = Field.code(3, "number", 60, "公告番号", "Number")
  static let closesAt = Field.deadline(4, "closes_at", "入札の締切", "Bids until")
  static let opensAt = Field.deadline(5, "opens_at", "開札予定", "Opened at")
  static let cancelledAt = Field.time(6, "cancelled_at", "取りやめ日時", "Cancelled at")
  static let reason = Field.text(7, "reason", 300, "理由", "Why").aside

  static let records = Records(
    225, "tenders", "入札", "Tender", lane: .supply, law: .keptByWard(open: []), reader: .staff,
    fields: [title, number, closesAt, opensAt, programme, cancelledAt, reason] + Kept.fields, title: [title],
    states: [
      .has(cancelledAt, "cancelled", "取りやめ", "cancelled", .ended),
      State("open", "受付中", "open", .underWay) { tender, inquiry in tender[closesAt].map { $0 > inquiry.now } ?? false },
      .otherwise("closed", "締切後", "closed", .open),
    ], indexes: [[programme]])

  static let standing = Condition.missing(cancelledAt, "取りやめた入札です", "cancelled")

  /// 公告の版.
  enum Version {
    static let tender = Field.row(1, "tender", of: "tenders", "入札", "Tender")
    static let body = Field.text(2, "body", TenderBody.mostBytes, "公告の内容", "What is published").aside
    static let reason = Field.text(3, "reason", 300, "訂正の理由", "Why corrected")
    static let replacedBy = Field.row(4, "replaced_by", of: "tender_versions", "次の版", "Replaced by")

    static let records = Records(
      226, "tender_versions", "公告の版", "Version of a tender", lane: .supply, law: .keptByWard(open: []), reader: .staff,
      fields: [tender, reason, replacedBy, body] + Kept.fields, title: [Kept.at],
      states: [.has(replacedBy, "replaced", "旧版", "replaced", .ended), .otherwise("current", "現行", "current", .done)],
      indexes: [[tender]])
  }

  // MARK: Reading

  /// The versions that a tender's own ward wrote: another's are nobody's.
  private static func versions(
    _ tender: RowID, _ rest: String, _ db: Database, in federation: FederationIdentity
  ) throws -> [RowValues] {
    guard let ward = federation.ward(at: tender.ward)?.code else { return [] }
    return try RowValues.all(
      Version.records, "WHERE tender = ?1 AND ward = ?2 \(rest)", [tender.rawValue, ward], db)
  }

  /// What holds of a tender: its one current version. Nil where none is here; two where its ward corrected it at two desks.
  static func current(
    _ tender: RowID, _ db: Database, in federation: FederationIdentity
  ) throws -> (rows: [RowValues], body: TenderBody?) {
    let rows = try versions(tender, "AND replaced_by IS NULL ORDER BY id LIMIT 20", db, in: federation)
    guard rows.count == 1 else { return (rows, nil) }
    return (rows, try? TenderBody(rows[0][Version.body] ?? ""))
  }

  /// The version that a call names, corrected since or not.
  static func version(
    _ hash: String, of tender: RowID, _ db: Database, in federation: FederationIdentity
  ) throws -> TenderBody? {
    try versions(tender, "ORDER BY id LIMIT 200", db, in: federation).lazy.compactMap {
      try? TenderBody($0[Version.body] ?? "")
    }.first { $0.hash.bytes.hexadecimal == hash }
  }

  /// - Throws: where bids have nothing to be bound to.
  static func mustHold(_ tender: RowID, _ desk: Desk) throws -> TenderBody {
    let (rows, body) = try desk.read { try current(tender, $0, in: desk.replica.membership.identity) }
    guard rows.count < 2 else {
      throw Fault.refused(
        "id", ja: "公告の版が分かれています。公告した区が一つに訂正するまで受け付けられません",
        en: "the tender has two versions: its ward corrects it into one first")
    }
    guard let body else {
      throw Fault.refused("id", ja: "この入札の公告がまだ届いていないか、読めません", en: "the version is not here, or cannot be read")
    }
    return body
  }

  /// A ward whose opening key in a tender is not known to be its own; nil where all are.
  static func stranger(_ body: TenderBody, _ db: Database, in federation: FederationIdentity) throws -> String? {
    try body.trustees.first { trustee in
      guard federation.index(ofWard: trustee.ward).map({ $0 + 1 == UInt32(trustee.index) }) == true else { return true }
      return try !OpeningCard.isOwn(trustee.key, of: trustee.ward, db, in: federation)
    }?.ward
  }

  // MARK: Publishing

  private static let terms: [FormField] = [
    title.needed, number.asked, FormField("text", .text(4_000), ja: "公告の文", en: "Text"), closesAt.needed,
    opensAt.needed,
    FormField("receivers", .list(.ward, 23), required: true, ja: "受付をする区", en: "Wards that take bids in"),
    FormField("trustees", .list(.ward, 64), required: true, ja: "開札する区(3区以上)", en: "Wards that open (3 or more)"),
    FormField("threshold", .integer(2...64), ja: "開札に要る区の数(過半数)", en: "How many together open (a majority)"),
    FormField("reserve", .integer(1...1_000_000_000_000), ja: "予定価格(税込・事前公表)", en: "Reserve price, published"),
    FormField(
      "comparison", .choice(TenderBody.Comparison.choices), ja: "予定価格との比べ方", en: "How bids are held against it"),
  ]

  /// One lot with every ward's demand in it: what, how much, from when until when.
  private static func lots(_ programme: RowValues, _ db: Database) throws -> [TenderBody.Lot] {
    let demands = try RowValues.all(
      Demand.records, "WHERE programme = ?1 AND withdrawn_at IS NULL ORDER BY ward, id LIMIT 500",
      [programme.id.rawValue], db)
    let lines = demands.compactMap { demand -> TenderBody.Line? in
      guard let ward = demand[Kept.ward], let quantity = demand[Demand.quantity], quantity > 0 else { return nil }
      let what = ([demand[Demand.pattern]] + demand[Demand.options].sorted().map { $0 }).compactMap(\.self)
      return TenderBody.Line(
        ward: ward, what: what.joined(separator: " "), quantity: quantity, from: demand[Demand.from],
        until: demand[Demand.until])
    }
    return [TenderBody.Lot(number: 1, title: programme[Programme.title] ?? "", lines: lines)]
  }

  private static func body(_ programme: RowValues, _ desk: Desk) throws -> TenderBody {
    let given = desk.given
    let federation = desk.inquiry.identity.federation
    let wards = given.texts("trustees").reduce(into: [String]()) { if !$0.contains($1) { $0.append($1) } }
    guard wards.count >= 3 else {
      throw Fault.badValue("trustees", ja: "開札する区は 3 区以上にしてください", en: "three wards or more open together")
    }
    var trustees: [TenderBody.TrusteeKey] = []
    for ward in wards {
      guard let index = federation.index(ofWard: ward),
        let key = try desk.read({ try OpeningCard.current(ward, $0, in: desk.replica.membership.identity) })
      else {
        throw Fault.badValue(
          "trustees", ja: "\(ward) の開札鍵がありません。その区で開札カードを作ってもらってください",
          en: "\(ward) has no opening key: it makes a card first")
      }
      trustees.append(.init(ward: ward, index: UInt16(index + 1), key: key))
    }
    guard let closes = given.integer("closesAt"), let opens = given.integer("opensAt"), closes > desk.now.milliseconds
    else {
      throw Fault.badValue("closesAt", ja: "締切は今より後にしてください", en: "it closes later than now")
    }
    let body = TenderBody(
      title: given.text("title") ?? "", text: given.text("text") ?? "", lots: try desk.read { try lots(programme, $0) },
      receivers: given.texts("receivers").reduce(into: []) { if !$0.contains($1) { $0.append($1) } },
      trustees: trustees.sorted { $0.index < $1.index },
      threshold: given.int("threshold") ?? wards.count / 2 + 1, closesAt: closes, opensAt: opens,
      reserve: given.integer("reserve"),
      comparison: given.text("comparison").flatMap { .init(rawValue: $0) } ?? .untaxed)
    guard body.threshold > wards.count / 2, body.threshold <= wards.count else {
      throw Fault.badValue(
        "threshold", ja: "過半数(\(wards.count / 2 + 1) 区以上)にしてください", en: "a majority: \(wards.count / 2 + 1) or more")
    }
    try body.check()
    guard body.canonical.utf8.count <= TenderBody.mostBytes else {
      throw Fault.badValue("text", ja: "公告の内容が大きすぎます", en: "the tender is too large")
    }
    return body
  }

  private static func heads(_ desk: Desk) -> [FieldEdit] {
    desk.given.edits(["title", "number", "closesAt", "opensAt"], of: records)
  }

  private static let publish = Endpoint.write(
    "publishTender", "/programmes/{id}/tenders", "入札を公告する", "Publish a tender", for: .goods,
    "One lot with every ward's demand in it. From now on suppliers seal bids for this text.", terms,
    of: Programme.records,
    when: [Kept.own] + Programme.going, makes: true,
    warning: Words("公告すると各区の需要は固定され、入札を受け付けます。", "Demands are fixed, and bids are taken in."), answers: .row(records)
  ) { desk in
    let (programme, values) = try desk.subject(Programme.records)
    let body = try body(values, desk)
    guard !body.lots[0].lines.isEmpty else {
      throw Fault.refused("id", ja: "まだどの区も需要を答えていません", en: "no ward has told a demand yet")
    }
    let (row, version) = (try desk.newRow(), try desk.newRow())
    var draft = records.draft()
    draft.edit(records, row, heads(desk) + Kept.edits(desk) + [Self.programme.set(programme)])
    draft.edit(
      Version.records, version, Kept.edits(desk) + [Version.tender.set(row), Version.body.set(body.canonical)])
    if values[Programme.publishedAt] == nil {
      draft.edit(Programme.records, programme, [Programme.publishedAt.set(desk.enteredAt)])
    }
    return Written([draft], about: [row]) { try $0.answer(row, records) }
  }

  private static let correct = Endpoint.write(
    "correctTender", "/tenders/{id}/corrections", "公告を訂正する", "Correct a tender", for: .goods,
    "Another version. Bids that were sealed for an older one count no longer: their suppliers come again.",
    terms + [Version.reason.needed], of: records, when: [Kept.own, standing],
    warning: Words("これまでに受け付けた入札は無効になり、出し直しになります。", "Bids taken in so far count no longer."),
    answers: .row(records)
  ) { desk in
    let (row, values) = try desk.subject(records)
    let federation = desk.replica.membership.identity
    guard try !desk.read({ try Opening.hasBegun(row, $0, in: federation) }) else {
      throw Fault.refused("id", ja: "開札が始まっています", en: "the opening was called")
    }
    guard
      let programme = try values[programme].flatMap({ name in
        try desk.read { try RowValues.fetch(name, Programme.records, $0) }
      })
    else { throw Fault.refused("id", ja: "案件がまだ届いていません", en: "the programme is not here") }
    let body = try body(programme, desk)
    let old = try desk.read { try current(row, $0, in: federation).rows }
    // Nobody's time is cut short, and in earnest a day is left to seal again.
    let before = old.compactMap { (try? TenderBody($0[Version.body] ?? ""))?.closesAt }.max() ?? 0
    let least = federation.genesis.drill ? before : max(before, desk.now.milliseconds + 86_400_000)
    guard body.closesAt >= least else {
      let time = JapaneseDay.time(Instant(milliseconds: least))
      throw Fault.badValue("closesAt", ja: "訂正したら、締切は \(time) 以後にしてください", en: "it closes at \(time) or later")
    }
    let version = try desk.newRow()
    var draft = records.draft()
    draft.edit(records, row, heads(desk))
    draft.edit(
      Version.records, version,
      Kept.edits(desk) + [
        Version.tender.set(row), Version.body.set(body.canonical), Version.reason.set(desk.given.text("reason")),
      ])
    for other in old { draft.edit(Version.records, other.id, [Version.replacedBy.set(version)]) }
    return Written([draft], about: [row]) { try $0.answer(row, records) }
  }

  // MARK: For suppliers

  /// Tenders of one ward that are shown to suppliers at once.
  private static let ofWard = 20

  private static let published = Endpoint.read(
    "publishedTenders", "/published-tenders", "公告", "Published tenders", for: .anyone,
    "What can be bid for now: each with the file for `renkei-bid`.",
    answers: .list(
      "tenders",
      [
        .init("id", .row("tenders"), "番号", "Id"), .init("title", .text(200), "件名", "Title"),
        .init("ward", .ward, "区", "Ward"), .init("closesAt", .time, "入札の締切", "Bids until"),
        .init("opensAt", .time, "開札予定", "Opened at"), .init("receivers", .list(.ward, 1_000), "受付をする区", "Taken in at"),
        .init("hash", .code(64), "公告のハッシュ", "Hash"),
        .init("file", .text(TenderBody.mostBytes + 1_000), "入札用ファイル", "File for bids"),
      ])
  ) { look in
    // Of each ward alone so many: no ward's can hide another's.
    let federation = look.inquiry.identity.federation
    var found: [JSON] = []
    for ward in federation.genesis.wards {
      let rows = try RowValues.all(
        records, "WHERE ward = ?1 AND cancelled_at IS NULL AND closes_at > ?2 ORDER BY closes_at, id LIMIT \(ofWard)",
        [ward.code, look.now.milliseconds], look.db)
      for row in rows {
        guard let body = try current(row.id, look.db, in: federation).body, body.closesAt > look.now.milliseconds,
          try stranger(body, look.db, in: federation) == nil
        else { continue }
        found.append([
          "id": .text("\(row.id)"), "title": .text(body.title), "ward": .text(ward.code),
          "closesAt": .integer(body.closesAt), "opensAt": .integer(body.opensAt),
          "receivers": .list(body.receivers.map { .text($0) }), "hash": .text(body.hash.bytes.hexadecimal),
          "file": .text(TenderFile(row.id, body, federation.id).text),
        ])
      }
    }
    return ["tenders": .list(found)]
  }

  static let service = Service(
    "入札", "Tenders", records: [records, Version.records],
    actions: [
      Action(
        "cancelTender", .step("cancellation"), records, "入札を取りやめる", "Cancel a tender", for: .goods,
        takes: [reason.needed],
        when: [Kept.own, standing], stamps: [.now(cancelledAt)],
        warning: Words("受け付けた入札は開かれません。", "No bid is opened."))
    ],
    lists: [
      Listing(
        "tenders", records, "入札", "Tenders", filters: [programme, Kept.ward], open: [cancelledAt], newest: closesAt)
    ], endpoints: [publish, correct, published], menu: ["publishedTenders"])
}

/// What a supplier's program needs to seal a bid.
public struct TenderFile: Sendable {
  public let tender: RowID
  let body: TenderBody
  public let federation: Digest

  init(_ tender: RowID, _ body: TenderBody, _ federation: Digest) {
    (self.tender, self.body, self.federation) = (tender, body, federation)
  }

  public var title: String { body.title }
  /// What a supplier should know before it seals: how many of which wards open it together, where it is taken in, until when.
  public var trustees: [String] { body.trustees.map(\.ward) }
  public var threshold: Int { body.threshold }
  public var receivers: [String] { body.receivers }
  public var closesAt: Instant { Instant(milliseconds: body.closesAt) }
  public var hash: Digest { body.hash }
  public var lots: [UInt16] { body.lots.map(\.number) }

  public var text: String {
    let json: JSON = [
      "format": "renkei-tender-file-1", "tender": .text("\(tender)"), "federation": .text(federation.bytes.hexadecimal),
      "body": .text(body.canonical),
    ]
    return String(decoding: json.bytes, as: UTF8.self)
  }

  /// - Throws: that it is no such file, or what is wrong with what was published.
  public init(_ text: String) throws(Fault) {
    guard let json = try? JSON.decode([UInt8](text.utf8)), json["format"].text == "renkei-tender-file-1",
      let tender = json["tender"].text.flatMap({ Int64($0) }),
      let federation = json["federation"].text.flatMap({ [UInt8](hexadecimal: $0) }), federation.count == 32,
      let body = json["body"].text
    else { throw .badValue("tender", ja: "入札用ファイルではありません", en: "not the file of a tender") }
    self.init(RowID(rawValue: tender), try TenderBody(body), Digest(federation))
  }

  /// - Returns: nil where the tender has no such lot.
  public func terms(lot: UInt16, supplier: String, key: PublicKey) -> BidTerms? {
    body.terms(tender, lot: lot, supplier: supplier, key: key, in: federation)
  }
}
