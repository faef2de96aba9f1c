import Catalogue
import Causality
import ChangeModel
import Desk
import Federation
import Foundation
import GRDB
import Replica
import TestSupport
import Testing

/// The services' rules, between wards that meet and part.
struct ServiceTests {
  @Test func `a double entry by two nodes of one ward counts once, is shown, and is settled`() throws {
    let wards = try Wards()
    let (a, b) = (wards.second, wards.secondOther)
    let shelter = try a.shelter("第一", ward: "13102")
    let resident = try a.write(
      "registerResident", nil, ["familyName": "見本", "birth": "1960-01-01", "familyKana": "ミホン"]
    ).row
    try a.meet(b)
    let first = try a.write("checkIn", shelter, ["resident": .text("\(resident)")]).row
    b.now = a.now.advanced(byMilliseconds: 60_000)
    let second = try b.write("checkIn", shelter, ["resident": .text("\(resident)")]).row
    #expect(try a.read("shelterPicture", shelter)["register"]["people"] == 1)
    try a.meet(b)
    for office in [a, b] {
      let register = try office.read("shelterPicture", shelter)["register"]
      #expect(register["people"] == 1 && register["entries"] == 2 && register["toSettle"] == 1)
      #expect(try office.read("doubleEntries")["doubles"].list.count == 1)
    }
    try a.write("settleDouble", first, ["other": .text("\(second)"), "verdict": "different"])
    try a.meet(b)
    #expect(try b.read("shelterPicture", shelter)["register"]["people"] == 2)
    try b.write("settleDouble", first, ["other": .text("\(second)"), "verdict": "same"])
    try a.meet(b)
    #expect(try a.read("shelterPicture", shelter)["register"]["people"] == 1)
    #expect(try a.read("doubleEntries")["doubles"].list.isEmpty)
  }

  @Test func `the share of a lost node is taken over with the authority's card, and shows when it was not lost`() throws
  {
    let wards = try Wards()
    let (lost, heir) = (wards.second, wards.secondOther)
    try lost.write("installCatalogue")
    let item = try lost.read("items")["items"].list[0].row
    let lot = try lost.write("addLot", nil, ["item": .text("\(item)"), "amount": 100, "place": "倉庫"]).row
    try lost.meet(heir)
    #expect(throws: Fault.self) { try heir.write("issueStock", lot, ["amount": 10]) }
    let ask: JSON = ["node": .text("\(lost.replica.author)"), "reason": "水没", "card": wards.card(0)]
    #expect(throws: Fault.self) { try heir.write("takeOverShare", lot, ask) }
    try heir.write(
      "takeOverShare", lot, ["node": .text("\(lost.replica.author)"), "reason": "水没", "card": wards.card(1)])
    try heir.write("issueStock", lot, ["amount": 90])
    // It was not lost: it gave out goods too, and what cannot be true shows.
    try lost.write("issueStock", lot, ["amount": 30])
    try lost.meet(heir)
    for office in [lost, heir] {
      let view = try office.read("lot", lot)
      #expect(view["overdrawn"] == true && view["amount"] == -20)
    }
  }

  @Test func `shipping and calling off at once: the lorry does not know`() throws {
    let wards = try Wards()
    let (asker, holder) = (wards.first, wards.second)
    try holder.write("installCatalogue")
    let item = try holder.read("items")["items"].list[0].row
    let lot = try holder.write("addLot", nil, ["item": .text("\(item)"), "amount": 100, "place": "倉庫"]).row
    try holder.meet(asker)
    let shelter = try asker.shelter("第一", ward: "13101")
    let request = try asker.write(
      "requestGoods", nil, ["shelter": .text("\(shelter)"), "item": .text("\(item)"), "quantity": 50]
    ).row
    #expect(throws: Fault.self) { try holder.write("allocate", request, ["lot": .text("\(lot)"), "quantity": 50]) }
    try asker.write("decideRequest", request, ["decision": "approve"])
    try asker.meet(holder)
    let allocation = try holder.write("allocate", request, ["lot": .text("\(lot)"), "quantity": 50]).row
    #expect(throws: Fault.self) { try holder.write("allocate", request, ["lot": .text("\(lot)"), "quantity": 1]) }
    try holder.meet(asker)
    try holder.write("shipAllocation", allocation, ["shipped": 40])
    try asker.write("cancelRequest", request, ["reason": "間に合った"])
    try asker.meet(holder)
    for office in [asker, holder] {
      let view = try office.read("request", request)
      #expect(view["surplus"] == 40 && view["allocations"].list[0]["stateCode"] == "shipped")
    }
    #expect(try holder.read("lot", lot)["amount"] == 60)
    #expect(throws: Fault.self) { try holder.write("cancelAllocation", allocation, ["reason": "x"]) }
  }

  @Test func `a declaration opens for its purpose and time, each look is noted, and nothing opens without the card`()
    throws
  {
    let wards = try Wards()
    let (home, other) = (wards.first, wards.second)
    let resident = try home.write(
      "registerResident", nil, ["familyName": "髙橋", "givenName": "花子", "familyKana": "タカハシ", "givenKana": "ハナコ"]
    ).row
    let hidden = try home.write("registerResident", nil, ["familyName": "隠", "givenName": "れる", "guarded": true]).row
    try home.write("planAssistance", resident, ["grounds": ["要介護"], "plan": "二人で"])
    try home.meet(other)
    #expect(throws: Fault.notFound("id")) { try other.read("resident", resident, ["purpose": "安否確認"]) }
    let until = other.now.milliseconds + 3_600_000
    func declaration(_ card: JSON) -> JSON {
      ["title": "震災", "purposes": ["安否確認"], "until": .integer(until), "reason": "本部設置", "card": card]
    }
    #expect(throws: Fault.self) { try other.write("declare", nil, declaration(wards.card(0))) }
    try other.write("declare", nil, declaration(wards.card(1)))
    #expect(throws: Fault.self) { try other.read("resident", resident) }
    #expect(try other.read("resident", resident, ["purpose": "安否確認"])["givenName"] == "花子")
    #expect(throws: Fault.self) { try other.read("resident", resident, ["purpose": "避難支援"]) }
    #expect(throws: Fault.notFound("id")) { try other.read("assistance", resident, ["purpose": "安否確認"]) }
    #expect(throws: Fault.notFound("id")) { try other.read("resident", hidden, ["purpose": "安否確認"]) }
    // Its other node has the key too, by the grant.
    try other.meet(wards.secondOther)
    try home.meet(wards.secondOther)
    #expect(try wards.secondOther.read("resident", resident, ["purpose": "安否確認"])["givenName"] == "花子")
    let notes = try other.read("auditOf", resident)["notes"].list
    #expect(notes.filter { $0["action"] == "resident" && $0["purpose"] == "安否確認" && $0["ward"] == "13102" }.count == 1)
    // The time is over.
    other.now = Instant(milliseconds: until)
    #expect(try other.replica.refreshKeys(at: other.now))
    #expect(throws: Fault.notFound("id")) { try other.read("resident", resident, ["purpose": "安否確認"]) }
    #expect(try other.replica.store.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM residents") } == 0)
  }

  @Test func `who is protected leaves other wards' tables with all that was written, and the trail names nobody`()
    throws
  {
    let wards = try Wards()
    let (home, other) = (wards.first, wards.second)
    let shelter = try home.shelter("第一", ward: "13101")
    let resident = try home.write("registerResident", nil, ["familyName": "守", "familyKana": "マモリ"]).row
    try home.write("planAssistance", resident, ["plan": "二人で"])
    try home.write("checkIn", shelter, ["resident": .text("\(resident)")])
    try home.write("reportSafety", nil, ["resident": .text("\(resident)"), "status": "無事", "source": "本人"])
    try other.write(
      "declare", nil,
      [
        "title": "震災", "purposes": ["避難支援"], "until": .integer(other.now.milliseconds + 3_600_000), "reason": "本部設置",
        "card": wards.card(1),
      ])
    try home.meet(other)
    #expect(try other.read("searchPeople", nil, ["name": "まもり", "purpose": "避難支援"])["people"].list.count == 1)
    let protected = try home.write("protectResident", resident).row
    try home.meet(other)
    #expect(try other.read("searchPeople", nil, ["name": "まもり", "purpose": "避難支援"])["people"].list.isEmpty)
    for table in ["residents", "assistance", "stays", "safety_reports"] {
      #expect(
        try other.replica.store.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM \(table)") } == 0, "\(table)")
      #expect(
        try home.replica.store.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM \(table)") } == 1, "\(table)")
    }
    // At home the desk finds the record, and nobody finds the person.
    #expect(throws: Fault.self) { try home.read("resident", protected) }
    #expect(try home.read("resident", protected, ["purpose": "protection"])["guarded"] == true)
    #expect(try home.read("searchPeople", nil, ["name": "守"])["people"].list.isEmpty)
    try home.write("reportSafety", nil, ["resident": .text("\(resident)"), "status": "軽傷", "source": "家族・知人"])
    try home.meet(other)
    #expect(try other.replica.store.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM safety_reports") } == 0)
    #expect(try other.read("auditOf", protected)["notes"].list.isEmpty)
    #expect(try home.read("auditOf", protected)["notes"].list.count == 1)
  }

  @Test func `keys come only from whom they are`() throws {
    let wards = try Wards()
    let (home, other) = (wards.first, wards.second)
    // A ward that hands out somebody else's key, or none at all, changes nothing.
    for key in [Audience.ward(2, .identity).key(), Audience.anyone.key(), Audience.federation.key()] {
      let box = home.replica.identity.key.sealedBox(
        of: [UInt8](repeating: 7, count: 32), to: other.replica.identity.key.publicKey)!
      var draft = Draft(.control, audience: .anyone)
      draft.append(KeyGrant(key: key, node: other.replica.author, box: box, until: nil, ground: "false").edit)
      _ = try home.replica.commit(draft, at: home.now)
    }
    let keys = other.replica.keyring.ids
    try home.meet(other)
    #expect(other.replica.keyring.ids == keys)
    #expect(try other.replica.store.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM key_grants") } == 0)
  }

  @Test func `a date of a month holds to its end`() throws {
    let wards = try Wards()
    let a = wards.second
    _ = try a.shelter("第一", ward: "13102")
    try a.write("installCatalogue")
    let item = try a.read("items")["items"].list[0].row
    for (date, isThere) in [
      ("2026-01", true), ("2026", true), ("2026-01-16", false), ("2025", false), ("2025-12", false),
    ] {
      let lot: JSON = ["item": .text("\(item)"), "amount": 10, "place": "倉庫", "expires": .text(date)]
      let before = try a.read("stockOutlook", nil, ["item": .text("\(item)")])["lines"].list[0]["stock"].integer!
      try a.write("addLot", nil, lot)
      let after = try a.read("stockOutlook", nil, ["item": .text("\(item)")])["lines"].list[0]["stock"].integer!
      #expect(after - before == (isThere ? 10 : 0), "\(date)")
    }
  }

  @Test func `statements about one person join and part the IDs alike everywhere, and a disagreement shows`() throws {
    let wards = try Wards()
    let (a, b) = (wards.first, wards.second)
    let one = try a.write("registerResident", nil, ["familyName": "一"]).row
    let two = try b.write("registerResident", nil, ["familyName": "二"]).row
    let three = try b.write("registerResident", nil, ["familyName": "三"]).row
    func link(_ office: Office, _ x: RowID, _ y: RowID, _ claim: String) throws {
      try office.write(
        "linkResidents", nil,
        ["first": .text("\(x)"), "second": .text("\(y)"), "claim": .text(claim), "evidence": "other"])
    }
    try link(b, two, three, "same")
    try link(a, one, two, "same")
    try a.meet(b)
    for office in [a, b] { #expect(try office.read("identity", one)["ids"].list.count == 3) }
    try link(a, two, one, "retracted")
    try link(b, one, two, "different")
    try a.meet(b)
    for office in [a, b] {
      let view = try office.read("identity", one)
      #expect(view["ids"].list.count == 1)
      #expect(view["links"].list[0]["conflicts"].list.contains("claim"))
      #expect(view["links"].list[0]["history"].list.count == 3)
    }
    #expect(throws: Fault.self) { try link(a, two, three, "same") }
  }

  @Test(
    arguments: [
      ("registerResident", "{}", "familyName"),
      ("registerResident", #"{"familyName":"x","birth":"2001-02-30"}"#, "birth"),
      ("registerResident", #"{"familyName":"x","sex":"?"}"#, "sex"),
      ("registerResident", #"{"familyName":5}"#, "familyName"),
      ("registerResident", #"{"nickname":"x"}"#, "nickname"), ("registerResident", "[]", ""),
      ("registerResident", #"{"familyName":"6214-9832-0257"}"#, "familyName"),
      ("addLot", #"{"item":"1","amount":0,"place":"x"}"#, "amount"),
      ("addLot", #"{"item":"1","amount":1,"place":"x"}"#, "item"),
      ("reportSafety", #"{"status":"無事","source":"本人"}"#, "name"),
      ("askAcceptance", #"{"toWard":"99999","people":1}"#, "toWard"),
    ])
  func `bad input is answered with its field, in both languages`(id: String, body: String, field: String) throws {
    let office = try Wards().first
    do {
      try office.write(id, nil, JSON.decode([UInt8](body.utf8)))
      Issue.record("it was taken")
    } catch let fault as Fault {
      #expect(fault.field == field)
      #expect(!fault.japanese.isEmpty && !fault.english.isEmpty)
    }
  }

  @Test func `JSON that is nested without end is refused before it is read`() {
    #expect(throws: Fault.self) { try JSON.decode([UInt8](String(repeating: "[", count: 60_000).utf8)) }
    #expect(throws: Fault.self) { try JSON.decode([UInt8](#"{"a":1"#.utf8)) }
  }

  @Test func `a list in pages names each row once, and says where it goes on`() throws {
    let wards = try Wards()
    let office = wards.first
    try office.write("installCatalogue")
    let item = try office.read("items")["items"].list[0].row
    for amount in 1...5 {
      try office.write("addLot", nil, ["item": .text("\(item)"), "amount": JSON(amount), "place": "倉庫"])
    }
    var (found, after): ([JSON], JSON) = ([], .null)
    repeat {
      var asked: JSON = ["limit": 2]
      if case .object(var members) = asked, after != .null {
        members["after"] = after
        asked = .object(members)
      }
      let page = try office.read("lots", nil, asked)
      found += page["lots"].list.map { $0["id"] }
      after = page["next"]
    } while after != .null
    #expect(found.count == 5 && Set(found).count == 5)
    #expect(try office.read("lots")["next"] == .null)
    for crowding in ["空き", "定員一杯"] {
      let shelter = try office.shelter("第\(crowding)", ward: "13101")
      try office.write("openShelter", shelter, ["area": 100, "toilets": 1])
      try office.write("tellState", shelter, ["crowding": .text(crowding)])
    }
    let full = try office.read("shelters", nil, ["crowding": "full"])["shelters"].list
    #expect(full.map { $0["name"] } == ["第定員一杯"])
  }
}
