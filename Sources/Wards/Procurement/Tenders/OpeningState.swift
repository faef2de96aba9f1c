import Bids
import Causality
import ChangeModel
import Desk
import Federation
import GRDB
import Sodium
import Synchronization

/// How a tender stands, worked out from rows alone: the same on every node that has them, whatever arrived first. Once there is a
/// call, from the call, the version that it names, envelopes by their hashes, and shares.
struct OpeningState {
  /// Why a bid does not count.
  enum Ground {
    case missing, unregistered, suspended, malformed, twice, aboveReserve
    var words: Words {
      switch self {
      case .missing: Words("封筒未着", "the envelope never came")
      case .unregistered: Words("署名鍵が登録されていない", "its signing key was not registered")
      case .suspended: Words("指名停止", "suspended")
      case .malformed: Words("入札書の書き方の誤り", "wrongly written")
      case .twice: Words("同じ事業者の 2 以上の入札", "two or more of one supplier")
      case .aboveReserve: Words("予定価格超過", "above the reserve price")
      }
    }
  }

  struct Bid {
    var line: CallText.Line
    var supplier: RowID? { line.mark == .missing ? nil : Supplier.row(line.number) }
    /// The envelope, where it is here and proven.
    var sealed: (SealedBid, BidTerms)?
    /// Shares that hold.
    var shares = 0
    var text: BidText?
    var ground: Ground?
    var rank: Int?
    var isWinner = false

    var verdict: Words {
      if let words = ground?.words { return Words("無効: \(words.ja)", "void: \(words.en)") }
      if isWinner { return Words("落札候補", "wins") }
      return text == nil ? Words("未開封", "sealed") : Words("有効", "valid")
    }
  }

  let body: TenderBody
  let closed: ClosedBids
  private(set) var call: CallText?
  /// Whether the call fits what is here, where nobody has released anything yet.
  private(set) var fits = false
  private(set) var isCancelled = false
  /// Wards with a share that holds of every bid; and those with some that hold, or none.
  private(set) var released: [String] = []
  private(set) var partial: [String] = []
  private(set) var bids: [Bid] = []

  /// Whether a trustee has released something that holds.
  var hasBegun: Bool { !released.isEmpty || bids.contains { $0.shares > 0 } }

  /// Whether all bids that count are open.
  var isOpen: Bool {
    call != nil && !isCancelled && released.count >= body.threshold
      && bids.allSatisfy { $0.ground != nil || $0.text != nil }
  }

  /// - Throws: where there is no version that holds.
  init(_ tender: RowID, _ db: Database, in federation: FederationIdentity) throws {
    let row = try RowValues.fetch(Opening.callRow(tender), Opening.Call.records, db)
    let isTorn = try row.map {
      try Kept.isTorn(
        $0.id, Opening.Call.records, [Opening.Call.closings, Opening.Call.admitted, Opening.Call.version], db)
    }
    let called = isTorn == false ? row.flatMap { CallText($0) } : nil
    if let called, let body = try Tender.version(called.version, of: tender, db, in: federation) {
      (self.body, call) = (body, called)
    } else {
      let (rows, body) = try Tender.current(tender, db, in: federation)
      guard let body else {
        throw rows.count > 1
          ? Fault.refused("id", ja: "公告の版が分かれています", en: "the tender has two versions")
          : Fault.refused("id", ja: "この入札の公告がまだ届いていないか、読めません", en: "the version is not here, or cannot be read")
      }
      self.body = body
    }
    isCancelled = try RowValues.fetch(tender, Tender.records, db)?[Tender.cancelledAt] != nil
    let day =
      row?[Opening.Call.calledAt].map { JapaneseDay.text($0) } ?? JapaneseDay.text(Instant(milliseconds: body.opensAt))
    closed = try ClosedBids(tender, body, db, in: federation, on: day)
    fits = call.map { closed.fits($0, body) } ?? false
    bids = try (call?.lines ?? closed.lines).map { line in
      var bid = Bid(line: line)
      switch line.mark {
      case .missing: bid.ground = call == nil ? nil : .missing
      case .unregistered: bid.ground = .unregistered
      case .suspended: bid.ground = .suspended
      case .admitted: break
      }
      bid.sealed = try closed.proven[line.hash] ?? Self.sealed(line, tender, body, db, federation)
      return bid
    }
    try open(tender, db, federation)
    judge()
  }

  /// The envelope of a line of a call, from whichever ward has it.
  private static func sealed(
    _ line: CallText.Line, _ tender: RowID, _ body: TenderBody, _ db: Database, _ federation: FederationIdentity
  ) throws -> (SealedBid, BidTerms)? {
    guard line.mark != .missing,
      let terms = ClosedBids.terms(line.number, line.lot, line.key, tender, body, federation)
    else { return nil }
    for ward in body.receivers {
      guard let index = federation.index(ofWard: ward),
        let sealed = try ClosedBids.sealed(Receipt.row(tender, line.hash, ward: index), line.hash, terms, db)
      else { continue }
      return (sealed, terms)
    }
    return nil
  }

  // MARK: Shares

  private mutating func open(_ tender: RowID, _ db: Database, _ federation: FederationIdentity) throws {
    guard let call else { return }
    let name = call.hash.bytes.hexadecimal
    let wanted = bids.filter { $0.line.mark != .missing }.count
    var holding: [Int: [Release]] = [:]
    for trustee in body.trustees {
      guard let index = federation.index(ofWard: trustee.ward),
        let row = try RowValues.fetch(Opening.Share.row(tender, ward: index), Opening.Share.records, db),
        row[Opening.Share.call] == name
      else { continue }
      let shares = Opening.Share.releases(row, index: trustee.index)
      let held = bids.indices.filter { place in
        guard let (sealed, terms) = bids[place].sealed, let release = shares[sealed.hash],
          Proofs.holds(release, sealed, terms)
        else { return false }
        holding[place, default: []].append(release)
        return true
      }
      if held.count == wanted { released.append(trustee.ward) } else { partial.append(trustee.ward) }
    }
    for (place, releases) in holding {
      guard let (sealed, terms) = bids[place].sealed else { continue }
      bids[place].shares = releases.count
      guard releases.count >= terms.threshold else { continue }
      bids[place].text = sealed.opened(with: releases, terms).flatMap { BidText($0) }
      if bids[place].text == nil, bids[place].ground == nil { bids[place].ground = .malformed }
    }
  }

  // MARK: Verdicts

  private mutating func judge() {
    // Who sealed two has none, whatever else is said of them.
    let places = bids.indices.filter { bids[$0].sealed != nil && bids[$0].line.mark != .unregistered }
    for (_, same) in Dictionary(grouping: places, by: { "\(bids[$0].line.lot) \(bids[$0].line.number)" })
    where same.count > 1 {
      for place in same { bids[place].ground = .twice }
    }
    for place in bids.indices where bids[place].ground == nil {
      guard let text = bids[place].text, let reserve = body.reserve else { continue }
      if !Award.isWithin(bid: text.amount, reserve: reserve, body.comparison.way) { bids[place].ground = .aboveReserve }
    }
    for lot in body.lots { rank(bids.indices.filter { bids[$0].line.lot == lot.number && bids[$0].ground == nil }) }
  }

  /// Lowest first; among equals the sealed digits decide, by the order of the hashes: nobody who takes bids in chooses that.
  private mutating func rank(_ places: [Int]) {
    guard call != nil, !places.isEmpty, places.allSatisfy({ bids[$0].text != nil }) else { return }
    for place in places {
      bids[place].rank = 1 + places.filter { bids[$0].text!.amount < bids[place].text!.amount }.count
    }
    let tied = places.filter { bids[$0].rank == 1 }.sorted { bids[$0].line.hash < bids[$1].line.hash }
    bids[tied[Award.lottery(tied.map { bids[$0].text!.lottery })]].isWinner = true
  }

  /// - Returns: the bid that wins a lot; nil while it is not open, or where none counts.
  func winner(of lot: UInt16) -> Bid? { isOpen ? bids.first { $0.line.lot == lot && $0.isWinner } : nil }

  func stage(at now: Instant) -> Words {
    if isCancelled { return Words("取りやめ", "cancelled") }
    if isOpen { return Words("開札済", "opened") }
    if call != nil {
      if released.isEmpty, partial.isEmpty, !fits { return Words("呼出が締切と合わない", "the call does not fit the closings") }
      let count = "\(released.count)/\(body.threshold)"
      return Words("開札待ち \(count)", "being opened \(count)")
    }
    if now.milliseconds <= body.closesAt { return Words("受付中", "taking bids in") }
    let done = closed.closings.filter { $0.status == .closed }.count
    let count = "\(done)/\(closed.closings.count)"
    return done < closed.closings.count
      ? Words("締切待ち \(count)", "being closed \(count)") : Words("呼出待ち", "to be called")
  }
}

/// What was proven on this machine, by what it says: a proof costs tens of milliseconds, and a page shows hundreds.
enum Proofs {
  private static let bids = Mutex<[Digest: SealedBid?]>([:])
  private static let shares = Mutex<[Digest: Bool]>([:])
  private static let most = (bids: 4 * Receipt.mostBids, shares: 40_000)

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
    let index = [UInt8(release.index >> 8), UInt8(release.index & 255)]
    let name = blake2b(terms.context + index + Opening.Share.bytes(bid.hash, release))
    if let known = shares.withLock({ $0[name] }) { return known }
    let holds = release.holds(for: bid, terms)
    shares.withLock { known in
      if known.count >= most.shares { known = [:] }
      known[name] = holds
    }
    return holds
  }
}
