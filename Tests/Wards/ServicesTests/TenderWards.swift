import Bids
import Causality
import ChangeModel
import Desk
import Foundation
import Replica
import Sodium
import TestSupport
import Testing

@testable import Procurement

/// Five wards, the first with two nodes; suppliers with their keys.
final class TenderWards {
  let folder = TemporaryDirectory()
  var federation: TestFederation
  var offices: [Office] = []
  let spare: Office
  var cards: [String] = []
  var suppliers: [(row: RowID, number: String, key: SigningKey)] = []
  var programme = RowID(rawValue: 0)
  var start: Int64 { Instant.test.milliseconds }

  init() throws {
    federation = TestFederation(wards: 5, seed: 11, drill: true)
    federation.emergency = true
    for ward in 0..<5 {
      offices.append(
        try Office(folder.file("\(ward).sqlite"), federation.node(ward: ward, keySeed: UInt64(ward + 1))))
    }
    spare = try Office(folder.file("spare.sqlite"), federation.node(ward: 0, keySeed: 9))
    meet()
    for (ward, office) in offices.enumerated() {
      let made = try office.write("makeOpeningCard", nil, ["card": card(ward)])
      cards.append(made["token"].text ?? "")
    }
    for (number, seed) in [("5835678256246", 1), ("7000012050002", 2), ("9000020131130", 3)] {
      let key = SigningKey(seed: [UInt8](repeating: UInt8(seed), count: 32))!
      let row = try lead.write("addSupplier", nil, ["name": .text("事業者\(seed)"), "corporateNumber": .text(number)])
        .row
      try lead.write(
        "registerBidKey", nil, ["supplier": .text("\(row)"), "key": .text(key.publicKey.bytes.hexadecimal)])
      suppliers.append((row, number, key))
    }
    programme = try lead.write("planProgramme", nil, ["title": "コピー用紙"]).row
    meet()
    for office in offices.prefix(3) { try office.write("tellDemand", programme, ["quantity": 100, "pattern": "A4"]) }
    meet()
  }

  var lead: Office { offices[0] }

  func card(_ ward: Int) -> JSON {
    .text(String(decoding: try! JSONEncoder().encode(federation.authorities[ward]), as: UTF8.self))
  }

  func meet(_ wards: [Int] = [0, 1, 2, 3, 4]) {
    let all = wards.map { offices[$0] } + (wards.contains(0) ? [spare] : [])
    for _ in 0..<2 { for other in all.dropFirst() { try! all[0].meet(other) } }
  }

  func terms(_ more: [String: JSON] = [:]) -> JSON {
    .object(
      [
        "title": "コピー用紙の共同調達", "closesAt": .integer(start + 3_600_000), "opensAt": .integer(start + 3_600_000),
        "receivers": ["13101", "13103"], "trustees": ["13101", "13102", "13103", "13104", "13105"],
      ].merging(more) { $1 })
  }

  func publish(_ more: [String: JSON] = [:]) throws -> RowID {
    let row = try lead.write("publishTender", programme, terms(more)).row
    meet()
    return row
  }

  /// A supplier's file, sealed for the version that an office knows.
  func bid(
    _ who: Int, _ amount: Int64, _ lottery: Int = 0, for tender: RowID, by office: Office, text: [UInt8]? = nil
  ) throws -> String {
    let told = try office.read("publishedTenders")["tenders"].list.first { $0.row == tender }
    let known = try office.replica.store.readOwn { db in
      Result { try Tender.current(tender, db, in: office.replica.identity.federation).body }
    }.get()
    // A tender that nobody should bid for is shown to none.
    let file =
      try told?["file"].text.map { try TenderFile($0) }
      ?? TenderFile(tender, try #require(known), office.replica.identity.federation.id)
    let (_, number, key) = suppliers[who]
    let terms = try #require(file.terms(lot: 1, supplier: number, key: key.publicKey))
    let sealed = SealedBid(
      text ?? BidText(amount: amount, lottery: lottery).bytes, for: terms, by: key,
      seed: [UInt8](blake2b([UInt8]("\(who) \(amount) \(lottery)".utf8)).bytes))!
    return BidFile(
      tender: tender, lot: 1, supplier: number, key: key.publicKey, envelope: sealed.envelope,
      signature: sealed.signature
    ).text
  }

  func hand(_ bid: String, to office: Office, _ tender: RowID) throws -> JSON {
    try office.write("receiveBid", tender, ["bid": .text(bid)])
  }

  /// Every clock past the closing.
  func wait() {
    for office in offices + [spare] {
      office.now = Instant(milliseconds: max(office.now.milliseconds, start + 3_700_000))
    }
  }

  func release(_ ward: Int, _ tender: RowID) throws {
    try offices[ward].write("releaseShares", tender, ["openingCard": .text(cards[ward])])
  }

  /// Closed where bids are taken in, called, and opened by these wards.
  func open(_ tender: RowID, by wards: [Int]) throws {
    for ward in [0, 2] { try offices[ward].write("closeTender", tender) }
    meet()
    try lead.write("callOpening", tender)
    meet()
    for ward in wards { try release(ward, tender) }
    meet()
  }

  func opening(_ tender: RowID, at office: Office) throws -> JSON { try office.read("tenderOpening", tender) }
}
