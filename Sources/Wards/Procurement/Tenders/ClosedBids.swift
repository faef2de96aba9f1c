import Bids
import ChangeModel
import Desk
import Federation
import GRDB
import Sodium

/// What one node makes of closings, receipts and envelopes, before there is a call: what the lead calls, and what trustees hold a call
/// against.
struct ClosedBids {
  enum Status: Equatable {
    case missing, torn, otherVersion, unreadable, closed
    var words: Words {
      switch self {
      case .missing: Words("まだ", "not yet")
      case .torn: Words("二か所で違う締切", "closed in two ways")
      case .otherVersion: Words("旧版の締切", "of an older version")
      case .unreadable: Words("読めない締切", "cannot be read")
      case .closed: Words("締切済", "closed")
      }
    }
  }

  struct Of {
    var ward: String
    var status: Status
    var hashes: [String]?
    /// Taken in, and not in the list: after the closing, or left out.
    var leftOut: [String] = []
  }

  let closings: [Of]
  let lines: [CallText.Line]
  /// Suppliers whom a ward that takes part suspended, as far as this node knows.
  let suspended: Set<RowID>
  /// The proven envelopes, by hash.
  let proven: [String: (SealedBid, BidTerms)]

  init(_ tender: RowID, _ body: TenderBody, _ db: Database, in federation: FederationIdentity, on day: String) throws {
    closings = try body.receivers.map { try Self.closing($0, tender, body, db, federation) }
    suspended = try Self.suspended(on: day, at: body.wards, db)
    var (lines, proven): ([CallText.Line], [String: (SealedBid, BidTerms)]) = ([], [:])
    for hash in Set(closings.flatMap { $0.hashes ?? [] }).sorted().prefix(Receipt.mostBids * 2) {
      let wards = closings.filter { $0.hashes?.contains(hash) == true }.map(\.ward).sorted()
      guard let (line, sealed) = try Self.proof(hash, wards, tender, body, db, federation) else {
        lines.append(.init(hash: hash, mark: .missing))
        continue
      }
      proven[hash] = sealed
      var marked = line
      let supplier = Supplier.row(line.number)
      let key = PublicKey([UInt8](hexadecimal: line.key) ?? [])
      if try key.map({ try !BidKey.isKnown($0, of: supplier, at: body.wards, ended: true, db) }) ?? true {
        marked.mark = .unregistered
      } else if suspended.contains(supplier) {
        marked.mark = .suspended
      }
      lines.append(marked)
    }
    (self.lines, self.proven) = (lines, proven)
  }

  private static func closing(
    _ ward: String, _ tender: RowID, _ body: TenderBody, _ db: Database, _ federation: FederationIdentity
  ) throws -> Of {
    let version = body.hash.bytes.hexadecimal
    guard let index = federation.index(ofWard: ward),
      let row = try RowValues.fetch(Closing.row(tender, ward: index), Closing.records, db)
    else { return Of(ward: ward, status: .missing) }
    guard row[Closing.version] == version else { return Of(ward: ward, status: .otherVersion) }
    guard try !Kept.isTorn(row.id, Closing.records, [Closing.list, Closing.version], db) else {
      return Of(ward: ward, status: .torn)
    }
    guard let hashes = Closing.hashes(row[Closing.list]), hashes.count <= Receipt.mostBids else {
      return Of(ward: ward, status: .unreadable)
    }
    let taken = try Closing.taken(tender, version, ward: (ward, index), db)
    return Of(ward: ward, status: .closed, hashes: hashes, leftOut: taken.filter { !hashes.contains($0) })
  }

  /// The first receipt of a bid that proves, of the wards that list it.
  private static func proof(
    _ hash: String, _ wards: [String], _ tender: RowID, _ body: TenderBody, _ db: Database,
    _ federation: FederationIdentity
  ) throws -> (CallText.Line, (SealedBid, BidTerms))? {
    let rows = wards.compactMap { ward in
      federation.index(ofWard: ward).map { (ward, Receipt.row(tender, hash, ward: $0)) }
    }
    for (ward, row) in rows {
      guard let receipt = try RowValues.fetch(row, Receipt.records, db), let number = receipt[Receipt.number],
        number.utf8.count == 13, let lot = receipt[Receipt.lot].flatMap({ UInt16(exactly: $0) }),
        let key = receipt[Receipt.key], let terms = Self.terms(number, lot, key, tender, body, federation)
      else { continue }
      // Whichever ward's copy of the envelope is here.
      for (_, copy) in rows {
        guard let sealed = try Self.sealed(copy, hash, terms, db) else { continue }
        let line = CallText.Line(hash: hash, lot: lot, number: number, key: key, ward: ward, mark: .admitted)
        return (line, (sealed, terms))
      }
    }
    return nil
  }

  static func terms(
    _ number: String, _ lot: UInt16, _ key: String, _ tender: RowID, _ body: TenderBody,
    _ federation: FederationIdentity
  ) -> BidTerms? {
    [UInt8](hexadecimal: key).flatMap { PublicKey($0) }.flatMap {
      body.terms(tender, lot: lot, supplier: number, key: $0, in: federation.id)
    }
  }

  static func sealed(_ row: RowID, _ hash: String, _ terms: BidTerms, _ db: Database) throws -> SealedBid? {
    guard let envelope = try RowValues.fetch(row, Receipt.Envelope.records, db),
      let content = envelope[Receipt.Envelope.content], let signature = envelope[Receipt.Envelope.signature],
      let sealed = Proofs.sealed(content, signature, terms), sealed.hash.bytes.hexadecimal == hash
    else { return nil }
    return sealed
  }

  private static func suspended(on day: String, at wards: Set<String>, _ db: Database) throws -> Set<RowID> {
    let words = try wards.sorted().flatMap {
      try RowValues.all(
        SupplierWord.records, "WHERE ward = ?1 AND suspended_from IS NOT NULL ORDER BY id", [$0], db)
    }
    return Set(
      words.filter { SupplierWord.isSuspended($0, on: day) }.compactMap { $0[SupplierWord.supplier] })
  }

  /// What a call has to say.
  ///
  /// - Throws: which ward has not closed.
  func call(_ body: TenderBody) throws(Fault) -> CallText {
    if let open = closings.first(where: { $0.status != .closed }) {
      throw .refused(
        "id", ja: "\(open.ward) の締切がそろっていません(\(open.status.words.ja))。届くのを待つか、入札を延期・取りやめにしてください",
        en: "\(open.ward) has not closed (\(open.status.words.en)): wait, put it off or cancel it")
    }
    guard lines.count <= Receipt.mostBids else {
      throw .refused("id", ja: "入札が \(Receipt.mostBids) 通を超えています", en: "more than \(Receipt.mostBids) bids")
    }
    let names = closings.sorted { $0.ward < $1.ward }.map { closing in
      "\(closing.ward):\(blake2b([UInt8](closing.hashes!.joined(separator: " ").utf8)).bytes.hexadecimal)"
    }
    return CallText(version: body.hash.bytes.hexadecimal, closings: names.joined(separator: " "), lines: lines)
  }

  /// Whether a call is what this node would have called. Whom it knows to be suspended and the call does not is the lead's to answer
  /// for, and shown (`OpeningProof`): a ward that suspends somebody after the call must not be able to hold it up.
  func fits(_ call: CallText, _ body: TenderBody) -> Bool {
    guard let own = try? self.call(body), own.version == call.version, own.closings == call.closings,
      own.lines.count == call.lines.count
    else { return false }
    return zip(own.lines, call.lines).allSatisfy { mine, theirs in
      guard mine.mark != .missing else { return mine.hash == theirs.hash && theirs.mark == .missing }
      var same = theirs
      if theirs.mark != .missing { same.mark = mine.mark }
      return same == mine && (theirs.mark == mine.mark || mine.mark == .suspended)
    }
  }
}
