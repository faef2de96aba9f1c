import Causality
import ChangeModel
import Desk
import GRDB
import People
import Replica
import Services
import Shelters
import Testing
import TestSupport

/// What a desk does beside the single steps: a family by its card, conflicts, sample data, the audit trail.
struct DeskTests {
  private static func family(_ office: Office, _ names: [String], household: String) throws -> [RowID] {
    try names.map {
      try office.write(
        "registerResident", nil, ["familyName": "髙橋", "givenName": .text($0), "household": .text(household)]
      ).row
    }
  }

  @Test func `a family's card enters all at once, the same card again nobody, and never who must not be found`() throws
  {
    let wards = try Wards()
    let (a, other) = (wards.first, wards.second)
    let people = try Self.family(a, ["一郎", "花子"], household: "桜町")
    let hidden = try a.write(
      "registerResident", nil, ["familyName": "隠", "givenName": "れる", "household": "桜町", "guarded": true]
    ).row
    let seen = try a.read("family", people[0])
    #expect(seen["members"].list.map { $0["id"] } == people.map { .text("\($0)") })
    let card = seen["card"].text!
    #expect(card.hasPrefix("RENKEI:R:") && !card.contains("髙") && card.utf8.allSatisfy { $0 < 128 })
    #expect(try a.read("family", hidden)["members"].list.count == 1)

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
    func set(_ office: Office, _ crowding: String, _ name: String) throws {
      var patch = ShelterPatch()
      patch.crowding = crowding
      patch.name = name
      var draft = Draft(.life)
      draft.edit(ShelterSchema.shelters, shelter, try patch.edits(isNew: false))
      _ = try office.replica.commit(draft, at: office.now)
    }
    try set(a, "空き", "第一小")
    try set(b, "定員一杯", "第一小学校")
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
      let view = try office.replica.store.readOwn { db in Result { try ShelterQueries.one(shelter.rawValue, db) } }
        .get()
      #expect(view?.crowding == "混雑" && view?.name == "第一小学校(第一小)" && view?.conflicts == [])
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
}
