import Catalogue
import Causality
import ChangeModel
import Desk
import GRDB
import People
import Places
import Replica
import TestSupport
import Testing

/// What a desk does beside the single steps: a family by its card, conflicts, sample data, the audit trail.
struct DeskTests {
  private static func family(_ office: Office, _ names: [String], household: String) throws -> [RowID] {
    try names.map {
      try office.write(
        "registerResident", nil,
        ["familyName": "髙橋", "givenName": .text($0), "household": .text(household), "address": "見本町1-2-3"]
      ).row
    }
  }

  @Test func `a family's card enters all at once, the same card again nobody, and never who must not be found`() throws
  {
    let wards = try Wards()
    let (a, other) = (wards.first, wards.second)
    let people = try Self.family(a, ["一郎", "花子"], household: "桜町")
    let hidden = try a.write(
      "registerResident", nil,
      ["familyName": "隠", "givenName": "れる", "household": "桜町", "address": "見本町1-2-3", "guarded": true]
    ).row
    let seen = try a.read("family", people[0])
    #expect(seen["members"].list.map { $0["id"] } == people.map { .text("\($0)") })
    let card = seen["cards"].list[0].text!
    #expect(card.hasPrefix("RENKEI:R:") && !card.contains("髙") && card.utf8.allSatisfy { $0 < 128 })
    #expect(try a.read("family", hidden, ["purpose": "protection"])["members"].list.count == 1)

    let shelter = try a.shelter("第一", ward: "13101")
    let entered = try a.write("checkInFamily", shelter, ["card": .text(card)])
    #expect(entered["stays"].list.map { $0["name"] } == ["髙橋 一郎", "髙橋 花子"] && entered["already"] == 0)
    #expect(entered["stays"].list.allSatisfy { $0["party"] == "桜町" })
    #expect(throws: Fault.self) { try a.write("checkInFamily", shelter, ["card": .text(card)]) }
    // One of them had left: only that one comes back.
    try a.write("checkOut", entered["stays"].list[1].row)
    let again = try a.write("checkInFamily", shelter, ["card": .text(card.lowercased() + "\n")])
    #expect(again["stays"].list.count == 1 && again["already"] == 1)
    #expect(try a.read("family", people[1])["members"].list[1]["shelter"] == .text("\(shelter)"))

    for wrong in ["RENKEI:R:", "RENKEI:A:12", card + "0", Array(repeating: card, count: 9).joined(separator: ".")] {
      #expect(throws: Fault.self) { try a.write("checkInFamily", shelter, ["card": .text(wrong)]) }
    }
    // Another ward's desk takes the card too: it knows of nobody but the IDs.
    try a.meet(other)
    let elsewhere = try other.shelter("第二", ward: "13102")
    let foreign = try other.write("checkInFamily", elsewhere, ["card": .text(card)])
    #expect(foreign["stays"].list.count == 2 && foreign["stays"].list[0]["name"] == .null)
    #expect(foreign["stays"].list[0]["homeWard"] == "13101")
    try a.meet(other)
    #expect(try other.read("doubleEntries", nil, [:])["doubles"].list.isEmpty)
  }

  @Test func `a conflict is settled by a value that stands, or in a free field by another, and by nobody else's ward`()
    throws
  {
    let wards = try Wards()
    let (a, b) = (wards.second, wards.secondOther)
    let shelter = try a.shelter("第一", ward: "13102")
    try a.meet(b)
    func set(_ office: Office, _ crowding: ShelterCrowding, _ name: String) throws {
      try office.edit(Shelter.records, shelter, [Shelter.crowding.set(crowding), Shelter.name.set(name)])
    }
    try set(a, .free, "第一小")
    try set(b, .full, "第一小学校")
    try a.meet(b)
    func settle(_ field: String, _ value: String) -> JSON {
      ["collection": "shelters", "row": .text("\(shelter)"), "field": .text(field), "value": .text(value)]
    }
    // Not a word of the field, not a field, not a register.
    for wrong in [
      settle("crowding", "がらがら"), settle("nothing", "x"), settle("occupancy", "3"), settle("ward", "13101"),
    ] {
      #expect(throws: Fault.self) { try a.write("settleConflict", nil, wrong) }
    }
    try a.meet(wards.first)
    #expect(throws: Fault.self) { try wards.first.write("settleConflict", nil, settle("name", "奪った")) }
    #expect(try a.write("settleConflict", nil, settle("crowding", "混雑"))["conflicts"] == ["name"])
    #expect(try a.write("settleConflict", nil, settle("name", "第一小学校(第一小)"))["conflicts"] == [])
    try a.meet(b)
    try wards.first.meet(b)
    for office in [a, b, wards.first] {
      let view = try office.read("shelter", shelter)
      #expect(view["crowding"] == "混雑" && view["name"] == "第一小学校(第一小)" && view["conflicts"] == [])
    }
  }

  @Test func `where a field has rules of its own, only what stands can be chosen`() throws {
    let wards = try Wards()
    let (a, b) = (wards.second, wards.secondOther)
    try a.write("installCatalogue")
    let item = try a.read("items")["items"].list[0].row
    let shelter = try a.shelter("第一", ward: "13102")
    let request = try a.write(
      "requestGoods", nil, ["shelter": .text("\(shelter)"), "item": .text("\(item)"), "quantity": 50]
    ).row
    try a.meet(b)
    try a.write("decideRequest", request, ["decision": "approve", "approved": 40])
    try b.write("decideRequest", request, ["decision": "approve", "approved": 30])
    try a.meet(b)
    #expect(try a.read("request", request)["conflicts"].list.contains("approved"))
    func settle(_ value: String) -> JSON {
      ["collection": "requests", "row": .text("\(request)"), "field": "approved", "value": .text(value)]
    }
    #expect(throws: Fault.self) { try a.write("settleConflict", nil, settle("9999")) }
    #expect(throws: Fault.self) { try a.write("settleConflict", nil, settle("多め")) }
    try a.write("settleConflict", nil, settle("30"))
    try a.meet(b)
    #expect(try b.read("request", request)["approved"] == 30)
    #expect(throws: Fault.self) { try a.write("settleConflict", nil, settle("40")) }
  }

  @Test func `sample data comes once and goes whole, and leaves what is not of it`() throws {
    let wards = try Wards(drill: true)
    let (a, other) = (wards.first, wards.second)
    let own = try a.shelter("見本ではない小学校", ward: "13101")
    let resident = try Self.family(a, ["一郎"], household: "見本市場").first!
    func rows() throws -> [String: Int] {
      try a.replica.store.readOwn { db in
        Result {
          try Dictionary(
            uniqueKeysWithValues: [
              "shelters", "residents", "stays", "lots", "requests", "safety_reports", "shelter_reports",
            ].map {
              ($0, try Int.fetchOne(db, sql: "SELECT count(*) FROM \($0)") ?? 0)
            })
        }
      }.get()
    }
    let before = try rows()
    try a.write("loadSample")
    let loaded = try rows()
    #expect(loaded["shelters"]! == before["shelters"]! + 6 && loaded["stays"]! == 5 && loaded["requests"]! == 1)
    #expect(throws: Fault.self) { try a.write("loadSample") }
    // In earnest nobody takes a sample for a neighbour.
    #expect(throws: Fault.self) { try Wards().first.write("loadSample") }
    try a.meet(other)
    // Another ward's sample is that ward's to take away.
    #expect(throws: Fault.self) { try other.write("removeSample") }
    try a.write("removeSample")
    #expect(try rows() == before)
    #expect(throws: Fault.self) { try a.write("removeSample") }
    try a.meet(other)
    #expect(
      try other.replica.store.readOwn { db in Result { try Int.fetchOne(db, sql: "SELECT count(*) FROM shelters") } }
        .get() == 1)
    #expect(try a.read("resident", resident)["givenName"] == "一郎" && a.read("shelterPicture", own) != .null)
  }

  @Test func `the audit trail is searched page by page, and each note is on one page`() throws {
    let wards = try Wards()
    let a = wards.first
    for number in 0..<23 {
      try a.write("registerResident", nil, ["familyName": .text("見本\(number)")])
    }
    try a.write("installCatalogue")
    var (seen, after): ([JSON], String?) = ([], nil)
    repeat {
      let page = try a.read(
        "audit", nil,
        after.map { ["action": "registerResident", "limit": 5, "after": .text($0)] } ?? [
          "action": "registerResident", "limit": 5,
        ])
      #expect(page["notes"].list.count <= 5)
      seen += page["notes"].list
      after = page["next"].text
    } while after != nil
    #expect(seen.count == 23)
    #expect(seen.compactMap { $0["time"].integer } == seen.compactMap { $0["time"].integer }.sorted(by: >))
    #expect(try a.read("audit", nil, ["user": "見本"])["notes"].list.count >= 23)
    #expect(try a.read("audit", nil, ["user": "だれでもない"])["notes"].list.isEmpty)
    #expect(try a.read("audit", nil, ["ward": "13102"])["notes"].list.isEmpty)
    let until = a.now.milliseconds - 3_600_000
    #expect(try a.read("audit", nil, ["until": .integer(until)])["notes"].list.isEmpty)
  }

  @Test func `whoever is asked answers an offer, and nobody rewrites what was offered`() throws {
    let wards = try Wards()
    let (asker, giver) = (wards.first, wards.second)
    try giver.write("installCatalogue")
    let item = try giver.read("items")["items"].list[0].row
    try giver.meet(asker)
    let shelter = try asker.shelter("第一", ward: "13101")
    let request = try asker.write(
      "requestGoods", nil, ["shelter": .text("\(shelter)"), "item": .text("\(item)"), "quantity": 50]
    ).row
    try asker.write("decideRequest", request, ["decision": "approve"])
    try asker.meet(giver)
    let offer = try giver.write("offerGoods", request, ["quantity": 30]).row
    try giver.meet(asker)
    #expect(throws: Fault.self) { try giver.write("answerOffer", offer, ["answer": "accept"]) }
    #expect(try asker.write("answerOffer", offer, ["answer": "accept"])["answer"] == "受ける")
    try asker.meet(giver)
    #expect(try giver.read("request", request)["offers"].list[0]["answer"] == "受ける")
    var draft = Draft(.supply)
    let offers = asker.replica.store.schema.collection(named: "offers")!
    draft.edit(offers, offer, [FieldEdit(5, .set(.integer(9_999)))])
    #expect(throws: ReplicaError.self) { try asker.replica.commit(draft, at: asker.now) }
  }

  @Test func `a deleted shelter that another ward counted at is kept by its own ward alone, its count as it was`()
    throws
  {
    let wards = try Wards()
    let (a, b) = (wards.first, wards.second)
    let shelter = try a.shelter("第一", ward: "13101")
    try a.write("countHeads", shelter, ["people": 40])
    try a.meet(b)
    func people(_ office: Office) throws -> Int64? { try office.read("shelter", shelter)["occupancy"].integer }
    var draft = Draft(.life)
    draft.delete(Shelter.records, shelter)
    _ = try a.replica.commit(draft, at: a.now)
    try b.edit(Shelter.records, shelter, [Shelter.occupancy.increment(by: 2)])
    try a.meet(b)
    let before = try people(b)
    let place: JSON = ["collection": "shelters", "row": .text("\(shelter)")]
    #expect(throws: Fault.self) { try b.write("keepRow", nil, place) }
    #expect(try a.write("keepRow", nil, place)["conflicts"] == [])
    // Settled already: there is nothing to keep.
    #expect(throws: Fault.self) { try a.write("keepRow", nil, place) }
    try a.meet(b)
    #expect(try people(a) == before && people(b) == before)
  }

  @Test func `a ward settles what it takes part in, and nothing between two others`() throws {
    let wards = try Wards()
    let (one, other) = (wards.second, wards.secondOther)
    let first = try wards.first.write("registerResident", nil, ["familyName": "髙橋"]).row
    let second = try one.write("registerResident", nil, ["familyName": "高橋"]).row
    let mine = try one.write("registerResident", nil, ["familyName": "斎藤"]).row
    try wards.first.meet(one)
    try one.meet(other)
    func link(_ office: Office, _ claim: String, _ left: RowID, _ right: RowID) throws -> RowID {
      try office.write(
        "linkResidents", nil,
        ["first": .text("\(left)"), "second": .text("\(right)"), "claim": .text(claim), "evidence": "document"]
      ).row
    }
    // Both of one ward: the other ward has no say.
    let row = try link(one, "same", second, mine)
    _ = try link(other, "different", second, mine)
    try one.meet(other)
    try wards.first.meet(one)
    func settle(_ row: RowID) -> JSON {
      ["collection": "identity_links", "row": .text("\(row)"), "field": "claim", "value": "別人"]
    }
    #expect(throws: Fault.self) { try wards.first.write("settleConflict", nil, settle(row)) }
    try one.write("settleConflict", nil, settle(row))
    // One of each: both have.
    let shared = try link(one, "same", first, second)
    _ = try link(wards.first, "different", first, second)
    try wards.first.meet(one)
    try wards.first.write("settleConflict", nil, settle(shared))
  }

  @Test func `sample data that another ward has sent goods for waits until it has called them off`() throws {
    let wards = try Wards(drill: true)
    let (a, giver) = (wards.first, wards.second)
    try a.write("loadSample")
    let request = try a.read("requests")["requests"].list[0]
    try a.write("decideRequest", request.row, ["decision": "approve"])
    try a.meet(giver)
    let lot = try giver.write("addLot", nil, ["item": request["item"], "amount": 100, "place": "倉庫"]).row
    let allocation = try giver.write("allocate", request.row, ["lot": .text("\(lot)"), "quantity": 60]).row
    try a.meet(giver)
    #expect(throws: Fault.self) { try a.write("removeSample") }
    try giver.write("cancelAllocation", allocation, ["reason": "見本"])
    try a.meet(giver)
    try a.write("removeSample")
    #expect(try giver.read("lot", lot)["amount"] == 100)
  }

  @Test
  func `a family's view tells nothing of who must not be found under another ID, and notes whose reports it shows`()
    throws
  {
    let wards = try Wards()
    let (a, b) = (wards.first, wards.second)
    let left = try a.write("registerResident", nil, ["familyName": "守", "givenName": "る子"]).row
    let right = try b.write(
      "registerResident", nil, ["familyName": "守", "givenName": "る子", "household": "x", "address": "見本町1"]
    ).row
    try b.write(
      "registerResident", nil, ["familyName": "守", "givenName": "母", "household": "x", "address": "見本町1"])
    try a.meet(b)
    try b.write(
      "linkResidents", nil,
      ["first": .text("\(left)"), "second": .text("\(right)"), "claim": "same", "evidence": "document"])
    let shelter = try b.shelter("第二", ward: "13102")
    try b.write("checkIn", shelter, ["resident": .text("\(left)")])
    try a.meet(b)
    #expect(try b.read("family", right)["members"].list.contains { $0["shelter"] != .null })
    // Protected in the ward that gave the other ID: known there at once.
    try a.write("protectResident", left)
    let until = a.now.milliseconds + 3_600_000
    try a.write(
      "declare", nil,
      ["title": "震災", "purposes": ["安否確認"], "until": .integer(until), "reason": "x", "card": wards.card(0)])
    let seen = try a.read("family", right, ["purpose": "安否確認"])
    #expect(seen["members"].list.count == 2 && seen["members"].list.allSatisfy { $0["shelter"] == .null })
    #expect(throws: Fault.self) { try a.read("family", right) }
  }

  @Test(arguments: [
    ("1950-04-01", "1950-04-01"), ("1950/4/1", "1950-04-01"), ("１９５０－０４－０１", "1950-04-01"), ("1950年4月1日", "1950-04-01"),
    ("19500401", "1950-04-01"), ("昭和25年4月1日", "1950-04-01"), ("S25.4.1", "1950-04-01"), ("昭和元年12月", "1926-12"),
    ("令和元年5月1日", "2019-05-01"), ("1950", "1950"), ("平成31", "2019"), ("1950年 4月", "1950-04"),
  ]) func `a date is taken as people write it`(typed: String, kept: String) throws {
    let wards = try Wards()
    let made = try wards.first.write("registerResident", nil, ["familyName": "見本", "birth": .text(typed)])
    #expect(made["birth"] == .text(kept))
  }

  @Test(arguments: [
    "1950-13-01", "1950-02-30", "25-4-1", "昭和", "S25.4.1.1", "195004", "1950x04x01", "来年", "-", "1950-4-1 a",
    "昭和99999999999999999999",
    "令和9223372036854775807",
  ]) func `what is no date is refused`(typed: String) throws {
    let wards = try Wards()
    #expect(throws: Fault.self) {
      try wards.first.write("registerResident", nil, ["familyName": "見本", "birth": .text(typed)])
    }
  }

  /// Merging counts such a time as the change set's own: whoever enters it is told instead, at every field that says so.
  @Test
  func
    `what is still to come has not happened: no form takes it, by whatever name, but a clock on a wall may be ahead`()
    throws
  {
    let office = try Wards().first
    var asked: Set<String> = []
    for endpoint in Office.catalogue.endpoints where endpoint.isWrite {
      for field in endpoint.form.fields where field.isPast {
        asked.insert(field.name)
        let inquiry = Inquiry(
          given: Submission(values: [field.name: .integer(office.now.milliseconds + 60_001)]), row: RowID(rawValue: 1),
          user: office.user, now: office.now, identity: office.replica.identity)
        let fault = #expect(throws: Fault.self) { try Office.catalogue.write(endpoint, inquiry, on: office.replica) }
        #expect(fault?.field == field.name && fault?.japanese.contains("今より後") == true, "\(endpoint.id) \(field.name)")
      }
    }
    #expect(asked.isSuperset(of: ["arrivedAt", "leftAt", "observedAt", "evacuatedAt", "quakeAt"]))
    let shelter = try office.shelter("第一", ward: "13101")
    let soon = JSON.integer(office.now.milliseconds + 59_000)
    #expect(
      try office.write("checkIn", shelter, ["name": "一", "arrivedAt": soon])["arrivedAt"].integer
        == office.now.milliseconds)
  }
}
