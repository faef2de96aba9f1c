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

/// A tender of five wards: bids sealed, taken in, closed, opened by three of five, awarded; and what becomes of it when wards are cut
/// off, clocks lie, or somebody does not keep to the rules.
@Suite struct TenderTests {
  @Test
  func
    `G16: five trustees, three open: cut between closing and opening, nothing is read before the third, and all read the same`()
    throws
  {
    let all = try TenderWards()
    let tender = try all.publish()
    for (who, amount, at) in [(0, 1_700_000, 0), (1, 1_650_000, 0), (2, 1_800_000, 2)] {
      _ = try all.hand(try all.bid(who, Int64(amount), for: tender, by: all.offices[at]), to: all.offices[at], tender)
    }
    #expect(throws: Fault.self) { try all.lead.write("closeTender", tender) }
    all.wait()
    // {1, 2} | {3, 4, 5}: the third ward's closing comes by card, and the call and the shares go by card.
    for ward in [0, 2] { try all.offices[ward].write("closeTender", tender) }
    #expect(throws: Fault.self) { try all.lead.write("callOpening", tender) }
    try all.offices[2].carry(to: all.lead)
    all.meet([0, 1])
    try all.lead.write("callOpening", tender)
    all.meet([0, 1])
    try all.release(0, tender)
    try all.release(1, tender)
    all.meet([0, 1])
    for ward in [0, 1] {
      let seen = try all.opening(tender, at: all.offices[ward])
      #expect(
        seen["stage"]["ja"] == "開札待ち 2/3" && seen["bids"].list.allSatisfy { $0["amount"] == .null && $0["shares"] == 2 }
      )
      #expect(throws: Fault.self) { try all.offices[ward].write("awardTender", tender, ["lot": 1]) }
    }
    #expect(throws: Fault.self) { try all.release(4, tender) }
    try all.lead.carry(to: all.offices[4])
    try all.release(4, tender)
    all.meet([2, 3, 4])
    for ward in [2, 3, 4] {
      let seen = try all.opening(tender, at: all.offices[ward])
      #expect(seen["stage"]["ja"] == "開札済")
      #expect(seen["bids"].list.first { $0["rank"] == 1 }?["amount"] == 1_650_000)
    }
    all.meet()
    let seen = try all.offices.map { try all.opening(tender, at: $0) }
    #expect(Set(seen).count == 1)
    let award = try all.lead.write("awardTender", tender, ["lot": 1])
    #expect(award["amount"] == 1_650_000 && award["contractPrice"] == 1_815_000)
    #expect(award["supplier"] == .text("\(all.suppliers[1].row)"))
    all.meet()
    // Each ward that has a part in it signs for itself, once; one that has none does not.
    let contract = try all.offices[1].write("contractByAward", award.row, ["number": "契-1"])
    #expect(contract["title"] == "コピー用紙の共同調達" && contract["programme"] == .text("\(all.programme)"))
    #expect(throws: Fault.self) { try all.offices[1].write("contractByAward", award.row, ["number": "契-2"]) }
    #expect(throws: Fault.self) { try all.offices[4].write("contractByAward", award.row, ["number": "契-3"]) }
    try Self.useUp(contract.row, at: all.offices[1])
  }

  @Test func `a bid is taken in only as the supplier's own, for this version, in time, and where it is taken in`()
    throws
  {
    let all = try TenderWards()
    let tender = try all.publish()
    let bid = try all.bid(0, 1_000_000, for: tender, by: all.lead)
    func changed(_ name: String, _ value: JSON) -> String {
      guard case .object(var members)? = try? JSON.decode([UInt8](bid.utf8)) else { return "" }
      members[name] = value
      return String(decoding: JSON.object(members).bytes, as: UTF8.self)
    }
    for wrong in [
      "", "{}", changed("lot", 2), changed("lot", 70_000), changed("supplier", "7000012050002"), changed("tender", "1"),
      changed("key", .text(all.suppliers[1].key.publicKey.bytes.hexadecimal)), changed("envelope", "00"),
      changed("signature", .text(String(repeating: "0", count: 128))),
    ] {
      #expect(throws: Fault.self, "\(wrong.prefix(80))") { try all.hand(wrong, to: all.lead, tender) }
    }
    #expect(throws: Fault.self) { try all.hand(bid, to: all.offices[1], tender) }
    let receipt = try all.hand(bid, to: all.lead, tender)
    // The same envelope again, here and at another ward: one bid.
    #expect(try all.hand(bid, to: all.lead, tender).row == receipt.row)
    _ = try all.hand(bid, to: all.offices[2], tender)
    // A key that was ended signs nothing new.
    let keys = try all.lead.read("bidKeys", nil, ["supplier": .text("\(all.suppliers[1].row)")])["bidKeys"].list
    try all.lead.write("endBidKey", keys[0].row)
    let late = try all.bid(1, 900_000, for: tender, by: all.lead)
    #expect(throws: Fault.self) { try all.hand(late, to: all.lead, tender) }
    let tardy = try all.bid(2, 1, for: tender, by: all.lead)
    all.wait()
    #expect(throws: Fault.self) { try all.hand(tardy, to: all.lead, tender) }
    for ward in [0, 2] { try all.offices[ward].write("closeTender", tender) }
    all.meet()
    try all.lead.write("callOpening", tender)
    all.meet()
    for ward in 0..<3 { try all.release(ward, tender) }
    all.meet()
    let seen = try all.opening(tender, at: all.offices[4])
    #expect(seen["bids"].list.count == 1 && seen["stage"]["ja"] == "開札済")
    #expect(seen["closings"].list.map { $0["bids"] } == [1, 1])
  }

  @Test
  func
    `equal prices are settled by the sealed digits; above the reserve, twice, suspended or wrongly written counts no bid`()
    throws
  {
    func ending(_ more: [String: JSON], _ fill: (TenderWards, RowID) throws -> Void) throws -> JSON {
      let all = try TenderWards()
      let tender = try all.publish(more)
      try fill(all, tender)
      all.wait()
      try all.open(tender, by: [4, 1, 3])
      let seen = try all.offices.map { try all.opening(tender, at: $0) }
      #expect(Set(seen).count == 1)
      return seen[0]
    }
    // G7: 248 + 113 + 902 = 1,263, which leaves 0 of 3: the first that was taken in.
    let tied = try ending([:]) { all, tender in
      for (who, digits) in [(0, 248), (1, 113), (2, 902)] {
        _ = try all.hand(try all.bid(who, 500_000, digits, for: tender, by: all.lead), to: all.lead, tender)
      }
    }
    #expect(
      tied["bids"].list.filter { $0["verdict"]["ja"] == "落札候補" }.count == 1
        && tied["bids"].list.allSatisfy { $0["rank"] == 1 })
    // G6: 1,000,001 without tax is within 1,100,001 with tax one way and not the other.
    for (way, word) in [("税込で比べる", "落札候補"), ("税抜で比べる", "無効: 予定価格超過")] {
      let seen = try ending(["reserve": 1_100_001, "comparison": .text(way)]) { all, tender in
        _ = try all.hand(try all.bid(0, 1_000_001, for: tender, by: all.lead), to: all.lead, tender)
      }
      #expect(seen["bids"].list[0]["verdict"]["ja"] == .text(word), "\(way)")
    }
    let mixed = try ending([:]) { all, tender in
      _ = try all.hand(try all.bid(0, 400_000, for: tender, by: all.lead), to: all.lead, tender)
      _ = try all.hand(try all.bid(0, 300_000, for: tender, by: all.offices[2]), to: all.offices[2], tender)
      _ = try all.hand(
        try all.bid(1, 0, for: tender, by: all.lead, text: [UInt8](#"{"amount":1e3,"lottery":1}"#.utf8)), to: all.lead,
        tender)
      _ = try all.hand(try all.bid(2, 200_000, for: tender, by: all.lead), to: all.lead, tender)
      try all.offices[1].write(
        "tellSupplierWord", nil,
        ["supplier": .text("\(all.suppliers[2].row)"), "localKind": "区外", "suspendedFrom": "2020-01-01"])
      all.meet()
    }
    #expect(
      mixed["bids"].list.compactMap { $0["verdict"]["ja"].text }.sorted() == [
        "無効: 入札書の書き方の誤り", "無効: 同じ事業者の 2 以上の入札", "無効: 同じ事業者の 2 以上の入札", "無効: 指名停止",
      ])
  }

  @Test
  func `a correction sends every supplier again, and two corrections at once hold up all until one is made of them`()
    throws
  {
    let all = try TenderWards()
    let tender = try all.publish()
    let old = try all.bid(0, 700_000, for: tender, by: all.lead)
    _ = try all.hand(old, to: all.offices[2], tender)
    let correction = all.terms(["text": "納期を改めました", "reason": "誤記"])
    try all.lead.write("correctTender", tender, correction)
    try all.spare.write("correctTender", tender, all.terms(["text": "別の訂正", "reason": "誤記"]))
    all.meet()
    #expect(throws: Fault.self) { try all.hand(old, to: all.lead, tender) }
    #expect(throws: Fault.self) { try all.opening(tender, at: all.lead) }
    try all.lead.write("correctTender", tender, all.terms(["text": "一つに", "reason": "版の統一"]))
    all.meet()
    #expect(throws: Fault.self) { try all.hand(old, to: all.lead, tender) }
    _ = try all.hand(try all.bid(1, 800_000, for: tender, by: all.lead), to: all.lead, tender)
    all.wait()
    try all.open(tender, by: [0, 1, 2])
    let seen = try all.opening(tender, at: all.offices[3])
    #expect(seen["bids"].list.map { $0["amount"] } == [800_000])
    #expect(throws: Fault.self) { try all.lead.write("correctTender", tender, correction) }
  }

  @Test
  func `two closings of one ward at its two nodes hold up the call until one knows both, and nothing late gets in`()
    throws
  {
    let all = try TenderWards()
    let tender = try all.publish()
    _ = try all.hand(try all.bid(0, 700_000, for: tender, by: all.lead), to: all.lead, tender)
    _ = try all.hand(try all.bid(1, 600_000, for: tender, by: all.spare), to: all.spare, tender)
    let late = try all.bid(2, 1, for: tender, by: all.offices[2])
    all.wait()
    for office in [all.lead, all.spare, all.offices[2]] { try office.write("closeTender", tender) }
    all.meet()
    #expect(throws: Fault.self) { try all.lead.write("callOpening", tender) }
    #expect(try all.opening(tender, at: all.offices[3])["closings"].list[0]["status"]["ja"] == "二か所で違う締切")
    try all.spare.write("closeTender", tender)
    all.meet()
    try all.lead.write("callOpening", tender)
    all.meet()
    // Past every rule: a receipt with an early clock, after the call; a closing that says more.
    all.offices[2].now = Instant(milliseconds: all.start)
    #expect(throws: Fault.self) { try all.hand(late, to: all.offices[2], tender) }
    let closing = Closing.row(tender, ward: 2)
    try all.offices[2].edit(
      Closing.records, closing,
      [Closing.list.set(String(repeating: "ab", count: 32)), Closing.count.set(1)])
    all.meet()
    // The call no longer fits what its wards say: no trustee releases for it.
    #expect(throws: Fault.self) { try all.release(1, tender) }
    #expect(try all.opening(tender, at: all.offices[3])["stage"]["ja"] == "呼出が締切と合わない")
  }

  @Test func `a tender whose opening keys are not the wards' own takes no bid, and a wrong card opens nothing`() throws
  {
    let all = try TenderWards()
    // The lead writes a tender past the desk, with keys of its own making under other wards' names.
    let tender = try all.publish()
    let mine = OpeningKey(GroupScalar(reducing: [UInt8](repeating: 7, count: 64)).bytes)!
    let federation = all.lead.replica.identity.federation
    let version = try all.lead.replica.store.readOwn { db in
      Result { try Tender.current(tender, db, in: federation) }
    }.get()
    var body = try #require(version.body)
    body.trustees[1].key = mine.key
    try all.lead.edit(Tender.Version.records, version.rows[0].id, [Tender.Version.body.set(body.canonical)])
    all.meet()
    #expect(try all.offices[2].read("publishedTenders")["tenders"] == .list([]))
    let bid = try all.bid(0, 500_000, for: tender, by: all.lead)
    #expect(throws: Fault.self) { try all.hand(bid, to: all.offices[2], tender) }

    let other = try all.publish()
    _ = try all.hand(try all.bid(0, 500_000, for: other, by: all.lead), to: all.lead, other)
    all.wait()
    for ward in [0, 2] { try all.offices[ward].write("closeTender", other) }
    all.meet()
    try all.lead.write("callOpening", other)
    all.meet()
    let new = try all.offices[1].write("makeOpeningCard", nil, ["card": all.card(1)])["token"]
    for wrong: JSON in [.text(all.cards[2]), new, "{}", all.card(1)] {
      #expect(throws: Fault.self) { try all.offices[1].write("releaseShares", other, ["openingCard": wrong]) }
    }
    // Shares that are no shares count for nothing, whoever wrote them.
    let row = Opening.Share.row(other, ward: 3)
    let call = try #require(
      try all.lead.replica.store.readOwn { db in
        Result { try RowValues.fetch(Opening.callRow(other), Opening.Call.records, db) }
      }.get())
    let hash = [UInt8](hexadecimal: try all.opening(other, at: all.lead)["bids"].list[0]["hash"].text!)!
    try all.offices[3].edit(
      Opening.Share.records, row,
      [
        Opening.Share.tender.set(other), Opening.Share.call.set(try #require(CallText(call)).hash.bytes.hexadecimal),
        Opening.Share.shares.set(hash + mine.key.bytes + GroupScalar(5).bytes + GroupScalar(6).bytes),
      ])
    all.meet()
    for ward in 0..<2 { try all.release(ward, other) }
    all.meet()
    let seen = try all.opening(other, at: all.offices[4])
    #expect(
      seen["stage"]["ja"] != "開札済" && seen["bids"].list[0]["shares"] == 2 && seen["bids"].list[0]["amount"] == .null)
    // Who refused may still give its share, and does.
    try all.offices[2].write("refuseOpening", other, ["refused": "確認中"])
    try all.release(2, other)
    all.meet()
    #expect(try all.opening(other, at: all.offices[4])["stage"]["ja"] == "開札済")
  }

  /// A contract by an award has a derived id, and is its ward's like any other: ordered by, delivered, inspected, acknowledged.
  private static func useUp(_ contract: RowID, at office: Office) throws {
    let line = try office.write(
      "addContractLine", contract, ["title": "A4", "price": "1,720", "quantity": 100, "unit": "箱"]
    ).row
    let order = try office.write("writeOrder", nil, ["title": "用紙", "place": "本庁舎"]).row
    try office.write("addOrderLine", order, ["contractLine": .text("\(line)"), "quantity": 10])
    let writer = office.user
    defer { office.user = writer }
    office.user = User("承認 次郎")
    try office.write("approveOrder", order)
    try office.write("sendOrder", order)
    try office.write("orderArrived", order, ["slip": "N-1"])
    office.user = User("検査 花子")
    let delivery = try #require(try office.read("deliveries")["deliveries"].list.first).row
    try office.write("inspectDelivery", delivery, ["accepted": 10])
    try office.write("acknowledgeInspection", delivery)
  }

  @Test func `an award that is not what the bids come to is told by every other node, and nobody contracts on it`()
    throws
  {
    let all = try TenderWards()
    let tender = try all.publish()
    for (who, amount) in [(0, 500_000), (1, 400_000)] {
      _ = try all.hand(try all.bid(who, Int64(amount), for: tender, by: all.lead), to: all.lead, tender)
    }
    all.wait()
    try all.open(tender, by: [0, 1, 2])
    let row = AwardRow.row(tender, 1)
    let loser = try #require(
      try all.opening(tender, at: all.lead)["bids"].list.first { $0["rank"] == 2 })
    try all.lead.edit(
      AwardRow.records, row,
      [
        AwardRow.tender.set(tender), AwardRow.lot.set(1), AwardRow.supplier.set(all.suppliers[0].row),
        AwardRow.hash.set(loser["hash"].text), AwardRow.amount.set(500_000),
      ])
    all.meet()
    #expect(try all.opening(tender, at: all.offices[1])["awards"].list[0]["verdict"]["ja"] == "判定と違う落札")
    #expect(throws: Fault.self) { try all.offices[1].write("contractByAward", row, ["number": "契-1"]) }
    #expect(try all.lead.write("awardTender", tender, ["lot": 1])["amount"] == 400_000)
    all.meet()
    #expect(try all.opening(tender, at: all.offices[1])["awards"].list[0]["verdict"]["ja"] == "判定のとおり")
  }

  /// Opened, with a tie that a digit decides: 1 of 2 by the hashes' order.
  private func opened(_ more: [String: JSON] = [:]) throws -> (TenderWards, RowID) {
    let all = try TenderWards()
    let tender = try all.publish(more)
    for (who, at) in [(0, 0), (1, 2)] {
      _ = try all.hand(try all.bid(who, 500_000, who, for: tender, by: all.offices[at]), to: all.offices[at], tender)
    }
    all.wait()
    try all.open(tender, by: [0, 1, 2])
    return (all, tender)
  }

  @Test func `nothing that is written after the shares changes what the bids come to`() throws {
    let (all, tender) = try opened()
    let before = try all.opening(tender, at: all.lead)
    #expect(before["stage"]["ja"] == "開札済" && before["bids"].list.filter { $0["verdict"]["ja"] == "落札候補" }.count == 1)
    let hashes = before["bids"].list.compactMap { $0["hash"].text }
    let evil = all.offices[2]
    // A receipt of the winner's bid at the other receiver, of any time, key and supplier; the own ones changed and deleted.
    for hash in hashes {
      try evil.edit(
        Receipt.records, Receipt.row(tender, hash, ward: 2),
        [
          Receipt.tender.set(tender), Receipt.hash.set(hash), Receipt.version.set(before["hash"].text),
          Receipt.number.set("9000020131130"), Receipt.lot.set(7), Receipt.key.set("00"),
          Receipt.receivedAt.set(Instant(milliseconds: 0)),
        ])
    }
    // The rival's number, key and standing, and ten versions of the tender that come first by their ids.
    for (row, _, _) in all.suppliers {
      try evil.edit(Supplier.records, row, [Supplier.number.set(nil), Supplier.name.set("別の名")])
      try evil.write(
        "tellSupplierWord", nil, ["supplier": .text("\(row)"), "localKind": "区外", "suspendedFrom": "2020-01-01"])
    }
    for key in try all.lead.read("bidKeys")["bidKeys"].list { try all.lead.write("endBidKey", key.row) }
    for number in 0..<20 {
      try evil.edit(
        Tender.Version.records, RowID(derivedFrom: UInt64(number), ward: 2),
        [Tender.Version.tender.set(tender), Tender.Version.body.set("{}")])
    }
    // A closing with one more, and another envelope for it.
    try evil.edit(
      Closing.records, Closing.row(tender, ward: 2),
      [Closing.list.set(String(repeating: "ab", count: 32)), Closing.count.set(1)])
    all.meet()
    for office in all.offices {
      let after = try all.opening(tender, at: office)
      #expect(
        after["bids"] == before["bids"] && after["stage"]["ja"] == "開札済" && after["released"] == before["released"])
    }
    // A suspension after the call changes nothing, and is told.
    #expect(try all.opening(tender, at: all.lead)["doubts"].list.count == 2)
    // Called again, nobody releases again; what is decided is what was opened.
    #expect(throws: Fault.self) { try all.lead.write("callOpening", tender) }
    #expect(throws: Fault.self) { try all.lead.write("closeTender", tender) }
    try all.lead.edit(
      Opening.Call.records, Opening.callRow(tender), [Opening.Call.admitted.set("")])
    all.meet()
    #expect(throws: Fault.self) { try all.release(1, tender) }
    #expect(try all.opening(tender, at: all.offices[1])["stage"]["ja"] != "開札済")
  }

  @Test func `a ward voids no rival's bid by junk under its name, and one that was left out of a closing is told`()
    throws
  {
    let all = try TenderWards()
    let tender = try all.publish()
    _ = try all.hand(try all.bid(0, 500_000, for: tender, by: all.lead), to: all.lead, tender)
    let left = try all.hand(try all.bid(1, 100_000, for: tender, by: all.offices[2]), to: all.offices[2], tender)
    all.wait()
    try all.lead.write("closeTender", tender)
    // The other receiver lists junk in a rival's name, and leaves a bid out.
    let evil = all.offices[2]
    // Shares before there is anything to share hold up nobody's closing.
    try all.offices[1].edit(
      Opening.Share.records, Opening.Share.row(tender, ward: 1),
      [
        Opening.Share.tender.set(tender), Opening.Share.call.set(String(repeating: "0", count: 64)),
        Opening.Share.shares.set([UInt8](repeating: 1, count: 128)),
      ])
    all.meet()
    try all.lead.write("closeTender", tender)
    let junk = String(repeating: "cd", count: 32)
    let version = try #require(left["version"].text)
    try evil.edit(
      Receipt.records, Receipt.row(tender, junk, ward: 2),
      [
        Receipt.tender.set(tender), Receipt.hash.set(junk), Receipt.version.set(version),
        Receipt.number.set(all.suppliers[0].number), Receipt.lot.set(1),
        Receipt.key.set(String(repeating: "1", count: 64)),
      ])
    try evil.edit(
      Closing.records, Closing.row(tender, ward: 2),
      [
        Closing.tender.set(tender), Closing.version.set(version), Closing.list.set(junk), Closing.count.set(1),
      ])
    all.meet()
    #expect(throws: Fault.self) { try all.lead.write("callOpening", tender) }
    try all.lead.write("callOpening", tender, ["reason": "封筒がどこにもない"])
    all.meet()
    for ward in [0, 3, 4] { try all.release(ward, tender) }
    all.meet()
    let seen = try all.opening(tender, at: all.offices[1])
    #expect(seen["stage"]["ja"] == "開札済" && seen["leftOut"].list.map { $0["hash"] } == [left["hash"]])
    #expect(
      Set(seen["bids"].list.compactMap { $0["verdict"]["ja"].text }) == ["落札候補", "無効: 封筒未着"], "\(seen["bids"])")
  }

  @Test func `a trustee that lacks an envelope gives no share, and a ward takes bids in again after a correction`()
    throws
  {
    let all = try TenderWards()
    let tender = try all.publish()
    _ = try all.hand(try all.bid(0, 500_000, for: tender, by: all.lead), to: all.lead, tender)
    all.wait()
    try all.offices[2].write("closeTender", tender)
    all.meet()
    let later: [String: JSON] = [
      "closesAt": .integer(all.start + 7_200_000), "opensAt": .integer(all.start + 7_200_000), "reason": "延期",
    ]
    #expect(throws: Fault.self) {
      try all.lead.write(
        "correctTender", tender, all.terms(["reason": "早める", "closesAt": .integer(all.start + 3_800_000 - 300_000)]))
    }
    try all.lead.write("correctTender", tender, all.terms(later))
    all.meet()
    _ = try all.hand(try all.bid(1, 400_000, for: tender, by: all.offices[2]), to: all.offices[2], tender)
    for office in all.offices + [all.spare] { office.now = Instant(milliseconds: all.start + 7_300_000) }
    for ward in [0, 2] { try all.offices[ward].write("closeTender", tender) }
    all.meet([0, 2])
    try all.lead.write("callOpening", tender)
    // All but the last lane comes to the fourth ward.
    for log in all.lead.replica.store.logNames where log.lane != .registry {
      let known = all.offices[3].replica.store.logged(log)
      guard all.lead.replica.store.logged(log) > known else { continue }
      let entries = try all.lead.replica.store.entries(log, from: known + 1, byteLimit: 1 << 24)
      _ = try all.offices[3].replica.batch(at: all.lead.now) {
        _ = try all.offices[3].replica.receive(
          Run(log, first: known + 1, entries: entries), from: "test", at: all.lead.now)
      }
    }
    #expect(throws: Fault.self) { try all.release(3, tender) }
    all.meet()
    for ward in [3, 1, 4] { try all.release(ward, tender) }
    all.meet()
    #expect(try all.opening(tender, at: all.lead)["bids"].list.map { $0["amount"] } == [400_000])
  }

  @Test func `what is in an envelope has one form`() {
    #expect(BidText([UInt8](#"{"amount":1700000,"lottery":248}   "#.utf8)) == BidText(amount: 1_700_000, lottery: 248))
    for wrong in [
      #"{"amount":01,"lottery":1}"#, #"{"amount":1e6,"lottery":1}"#, #"{"amount":"1000","lottery":1}"#,
      #"{"amount":-1,"lottery":1}"#, #"{"amount":9223372036854775808,"lottery":1}"#, #"{"amount":0,"lottery":1}"#,
      #"{"amount":1,"amount":2,"lottery":1}"#, #"{"amount":1,"lottery":1000}"#, #"{"amount":1,"lottery":007}"#,
      "\u{feff}" + #"{"amount":1,"lottery":1}"#, #"{"lottery":1,"amount":1}"#, #"{"amount":NaN,"lottery":1}"#, "",
      String(repeating: "0", count: 40_000), #"{"amount":１,"lottery":1}"#,
    ] { #expect(BidText([UInt8](wrong.utf8)) == nil, "\(wrong.prefix(50))") }
  }
}
