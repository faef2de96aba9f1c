import Bids
import Causality
import ChangeModel
import Desk
import Federation
import GRDB
import Sodium
import Synchronization

/// How a tender stands, worked out from rows alone: the same on every node that has them, whatever arrived first.
struct OpeningState {
  enum ClosingStatus: Equatable {
    case missing, torn, otherVersion, unreadable, closed
    var words: String {
      switch self {
      case .missing: "まだ"
      case .torn: "二か所で違う締切"
      case .otherVersion: "旧版の締切"
      case .unreadable: "読めない締切"
      case .closed: "締切済"
      }
    }
  }

  struct ClosingOf {
    var ward: String
    var status: ClosingStatus
    var hashes: [String]?
  }

  struct Bid {
    var hash: String
    var lot: UInt16 = 0
    var supplier: RowID?
    /// Where it was taken in first.
    var ward: String?
    /// When, for the lottery's order; then by ward and hash.
    var receivedAt: Int64 = 0
    /// The envelope, where it is here and proven.
    var sealed: (SealedBid, BidTerms)?
    /// Shares that hold.
    var shares = 0
    var text: BidText?
    /// Why it does not count.
    var ground: String?
    var rank: Int?
    var isWinner = false

    var verdict: String {
      if let ground { return "無効: \(ground)" }
      if isWinner { return "落札候補" }
      return text == nil ? "未開封" : "有効"
    }
  }

  let body: TenderBody
  private(set) var closings: [ClosingOf] = []
  private(set) var call: RowValues?
  /// Whether the call names what the closings hold.
  private(set) var isCallRight = false
  private(set) var released: [String] = []
  private(set) var bids: [Bid] = []

  /// Whether all bids that count are open.
  var isOpen: Bool { isCallRight && bids.allSatisfy { $0.ground != nil || $0.text != nil } }

  /// - Throws: where there is no version that holds.
  init(_ tender: RowID, _ db: Database, in federation: FederationIdentity) throws {
    let (rows, body) = try Tender.current(tender, db)
    guard let body else {
      throw rows.count > 1
        ? Fault.refused("id", ja: "公告の版が分かれています", en: "the tender has two versions")
        : Fault.refused("id", ja: "この入札の公告がまだ届いていないか、読めません", en: "the version is not here, or cannot be read")
    }
    self.body = body
    closings = try body.receivers.map { try Self.closing($0, tender, body, db, federation) }
    call = try RowValues.fetch(Opening.callRow(tender), Opening.Call.records, db)
    if let call, let expected = try? mustBeClosed() {
      isCallRight =
        try call[Opening.Call.closings] == expected.closings && call[Opening.Call.admitted] ?? "" == expected.admitted
        && call[Opening.Call.version] == body.hash.bytes.hexadecimal && call[Opening.Call.tender] == tender
        && !Kept.isTorn(
          call.id, Opening.Call.records, [Opening.Call.closings, Opening.Call.admitted, Opening.Call.version], db)
    }
    let all = Set(closings.flatMap { $0.hashes ?? [] }).sorted()
    bids = try all.prefix(Receipt.mostBids * 23).map { try Self.bid($0, tender, body, db, federation) }
    try open(tender, db, federation)
    judge(try suspended(db))
  }

  // MARK: Closings

  private static func closing(
    _ ward: String, _ tender: RowID, _ body: TenderBody, _ db: Database, _ federation: FederationIdentity
  ) throws -> ClosingOf {
    guard let index = federation.index(ofWard: ward),
      let row = try RowValues.fetch(Closing.row(tender, ward: index), Closing.records, db)
    else { return ClosingOf(ward: ward, status: .missing) }
    guard row[Closing.version] == body.hash.bytes.hexadecimal else {
      return ClosingOf(ward: ward, status: .otherVersion)
    }
    guard try !Kept.isTorn(row.id, Closing.records, [Closing.list, Closing.version], db) else {
      return ClosingOf(ward: ward, status: .torn)
    }
    guard let hashes = Closing.hashes(row), hashes.count <= Receipt.mostBids else {
      return ClosingOf(ward: ward, status: .unreadable)
    }
    return ClosingOf(ward: ward, status: .closed, hashes: hashes)
  }

  /// What a call has to say.
  ///
  /// - Throws: which ward has not closed.
  func mustBeClosed() throws -> (closings: String, admitted: String) {
    if let open = closings.first(where: { $0.status != .closed }) {
      throw Fault.refused(
        "id", ja: "\(open.ward) の締切がそろっていません(\(open.status.words))。届くのを待つか、入札を延期・取りやめにしてください",
        en: "\(open.ward) has not closed (\(open.status)): wait, put it off or cancel it")
    }
    let names = closings.sorted { $0.ward < $1.ward }.map { closing in
      "\(closing.ward):\(blake2b([UInt8](closing.hashes!.joined(separator: " ").utf8)).bytes.hexadecimal)"
    }
    return (names.joined(separator: " "), Set(closings.flatMap { $0.hashes! }).sorted().joined(separator: " "))
  }

  // MARK: Bids

  private static func bid(
    _ hash: String, _ tender: RowID, _ body: TenderBody, _ db: Database, _ federation: FederationIdentity
  ) throws -> Bid {
    var bid = Bid(hash: hash)
    let wards = body.receivers.compactMap { federation.index(ofWard: $0) }
    let rows = wards.map {
      RowID(derivedFrom: blake2b([UInt8](Receipt.key(tender, hash).joined(separator: "\u{1f}").utf8)).prefix, ward: $0)
    }
    let list = RowValues.list(rows)
    let receipts = try RowValues.all(
      Receipt.records, "WHERE id IN (SELECT value FROM json_each(?))", [list], db
    ).filter { $0[Receipt.version] == body.hash.bytes.hexadecimal && $0[Receipt.hash] == hash }
    let first = receipts.min {
      ($0[Receipt.receivedAt]?.milliseconds ?? .max, $0.id) < ($1[Receipt.receivedAt]?.milliseconds ?? .max, $1.id)
    }
    guard let first, let supplier = first[Receipt.supplier],
      let lot = first[Receipt.lot].flatMap({ UInt16(exactly: $0) }),
      let key = first[Receipt.key].flatMap({ [UInt8](hexadecimal: $0) }).flatMap({ PublicKey($0) })
    else { return bid }
    (bid.supplier, bid.lot, bid.ward) = (supplier, lot, first[Receipt.ward])
    bid.receivedAt = first[Receipt.receivedAt]?.milliseconds ?? 0
    let number = try RowValues.fetch(supplier, Supplier.records, db)?[Supplier.number]
    guard try BidKey.isKnown(key, of: supplier, db) else {
      bid.ground = "署名鍵が登録されていない"
      return bid
    }
    guard let number, let terms = body.terms(tender, lot: lot, supplier: number, key: key, in: federation.id) else {
      bid.ground = "区分か事業者が違う"
      return bid
    }
    let envelopes = try RowValues.all(
      Receipt.Envelope.records, "WHERE id IN (SELECT value FROM json_each(?)) LIMIT 23", [list], db)
    for envelope in envelopes {
      guard let content = envelope[Receipt.Envelope.content], let signature = envelope[Receipt.Envelope.signature]
      else { continue }
      if let sealed = Proofs.sealed(content, signature, terms), sealed.hash.bytes.hexadecimal == hash {
        bid.sealed = (sealed, terms)
        break
      }
    }
    return bid
  }

  // MARK: Shares

  private mutating func open(_ tender: RowID, _ db: Database, _ federation: FederationIdentity) throws {
    guard isCallRight, let call else { return }
    let name = Opening.Call.hash(call).bytes.hexadecimal
    var shares: [Digest: [Release]] = [:]
    for trustee in body.trustees {
      guard let index = federation.index(ofWard: trustee.ward),
        let row = try RowValues.fetch(Opening.Share.row(tender, ward: index), Opening.Share.records, db),
        row[Opening.Share.call] == name
      else { continue }
      let found = Opening.Share.releases(row, index: trustee.index)
      if !found.isEmpty || bids.isEmpty { released.append(trustee.ward) }
      for (hash, release) in found { shares[hash, default: []].append(release) }
    }
    for index in bids.indices {
      guard let (sealed, terms) = bids[index].sealed else { continue }
      let holding = (shares[sealed.hash] ?? []).filter { Proofs.holds($0, sealed, terms) }
      bids[index].shares = holding.count
      guard holding.count >= terms.threshold else { continue }
      guard let plain = sealed.opened(with: holding, terms), let text = BidText(plain) else {
        bids[index].ground = "入札書の書き方の誤り"
        continue
      }
      bids[index].text = text
    }
  }

  // MARK: Verdicts

  /// Suppliers whom a ward of the tender suspended by the day of the call.
  private func suspended(_ db: Database) throws -> Set<RowID> {
    guard let day = call?[Opening.Call.calledAt].map({ JapaneseDay.text($0) }) else { return [] }
    let wards = Set(body.lots.flatMap { $0.lines.map(\.ward) })
    let words = try RowValues.all(
      SupplierWord.records, "WHERE suspended_from IS NOT NULL ORDER BY id LIMIT 5000", [], db)
    return Set(
      words.filter { word in word[Kept.ward].map(wards.contains) ?? false && SupplierWord.isSuspended(word, on: day) }
        .compactMap { $0[SupplierWord.supplier] })
  }

  private mutating func judge(_ suspended: Set<RowID>) {
    for (lot, places) in Dictionary(grouping: bids.indices, by: { bids[$0].lot }) {
      let bySupplier = Dictionary(grouping: places, by: { bids[$0].supplier })
      for place in places where bids[place].ground == nil {
        let bid = bids[place]
        if let supplier = bid.supplier, bySupplier[supplier]?.count ?? 0 > 1 {
          bids[place].ground = "同じ事業者の 2 以上の入札"
        } else if let supplier = bid.supplier, suspended.contains(supplier) {
          bids[place].ground = "指名停止"
        } else if let text = bid.text, let reserve = body.reserve,
          !Award.isWithin(bid: text.amount, reserve: reserve, body.comparison.way)
        {
          bids[place].ground = "予定価格超過"
        }
      }
      rank(places.filter { bids[$0].ground == nil }, lot)
    }
  }

  /// Lowest first; among equals the sealed digits decide. Nobody is ranked before all are open.
  private mutating func rank(_ places: [Int], _ lot: UInt16) {
    guard isCallRight, !places.isEmpty, places.allSatisfy({ bids[$0].text != nil }) else { return }
    let order = places.sorted {
      (bids[$0].text!.amount, bids[$0].receivedAt, bids[$0].ward ?? "", bids[$0].hash)
        < (bids[$1].text!.amount, bids[$1].receivedAt, bids[$1].ward ?? "", bids[$1].hash)
    }
    for place in order {
      bids[place].rank = 1 + order.filter { bids[$0].text!.amount < bids[place].text!.amount }.count
    }
    let tied = order.filter { bids[$0].rank == 1 }
    bids[tied[Award.lottery(tied.map { bids[$0].text!.lottery })]].isWinner = true
  }

  /// - Returns: the bid that wins a lot; nil while it is not open, or where none counts.
  func winner(of lot: UInt16) -> Bid? { isOpen ? bids.first { $0.lot == lot && $0.isWinner } : nil }

  func stage(at now: Instant) -> String {
    if now.milliseconds <= body.closesAt { return "受付中" }
    if closings.contains(where: { $0.status != .closed }) {
      return "締切待ち \(closings.filter { $0.status == .closed }.count)/\(closings.count)"
    }
    if call == nil { return "呼出待ち" }
    if !isCallRight { return "呼出が締切と合わない" }
    return isOpen ? "開札済" : "開札待ち \(min(released.count, body.threshold))/\(body.threshold)"
  }
}

/// What was proven on this machine, by what it says: a proof costs tens of milliseconds, and a page shows hundreds.
private enum Proofs {
  private static let bids = Mutex<[Digest: SealedBid?]>([:])
  private static let shares = Mutex<[Digest: Bool]>([:])
  private static let most = (bids: 500, shares: 20_000)

  static func sealed(_ envelope: [UInt8], _ signature: [UInt8], _ terms: BidTerms) -> SealedBid? {
    let name = blake2b(terms.context + signature + envelope)
    if let known = bids.withLock({ $0[name] }) { return known }
    let bid = try? SealedBid(envelope, signature: signature, for: terms)
    bids.withLock { known in
      if known.count >= most.bids { known = [:] }
      known[name] = .some(bid)
    }
    return bid
  }

  static func holds(_ release: Release, _ bid: SealedBid, _ terms: BidTerms) -> Bool {
    let name = blake2b(
      terms.context + [UInt8(release.index >> 8), UInt8(release.index & 255)] + Opening.Share.bytes(bid.hash, release))
    if let known = shares.withLock({ $0[name] }) { return known }
    let holds = release.holds(for: bid, terms)
    shares.withLock { known in
      if known.count >= most.shares { known = [:] }
      known[name] = holds
    }
    return holds
  }
}
