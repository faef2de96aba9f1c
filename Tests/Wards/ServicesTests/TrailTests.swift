import Causality
import ChangeModel
import Desk
import GRDB
import Office
import Testing

/// Who saw or changed whose data, as the trail says it, and to whom.
struct TrailTests {
  private func account(_ office: Office, _ login: String, _ name: String) throws -> RowID {
    try office.write(
      "addAccount", nil,
      ["login": .text(login), "name": .text(name), "roles": ["welfare"], "password": "川底 三毛猫 鉛筆立て"]
    ).row
  }

  @Test func `two accounts of one name are two in the trail, and a token is itself`() throws {
    let office = try Wards().first
    let people = try ["desk1", "desk2"].map { try account(office, $0, "見本 花子") }
    let token = try office.write(
      "addToken", nil,
      ["name": "見本 花子", "roles": ["welfare"], "until": .integer(office.now.milliseconds + 86_400_000)]
    ).row
    let resident = try office.write("registerResident", nil, ["familyName": "見本"]).row
    for row in people + [token] {
      office.user = User("見本 花子", account: row)
      _ = try office.read("resident", resident)
    }
    let notes = try office.read("auditOf", resident)["notes"].list.filter { $0["action"] == "resident" }
    #expect(notes.map { $0["user"] } == Array(repeating: "見本 花子", count: 3))
    #expect(notes.map { $0["account"] } == ["desk1", "desk2", .text("\(token)")])
    #expect(try office.read("audit", nil, ["user": "desk2"])["notes"].list.count == 1)
    #expect(try office.read("audit", nil, ["user": "花子"])["notes"].list.count == 3)
    let seen = try office.read("looksByAccount")["accounts"].list
    #expect(Set(seen.compactMap { $0["account"].text }) == ["desk1", "desk2", "\(token)"])
    #expect(seen.filter { $0["account"] != .null }.allSatisfy { $0["people"] == 1 })
  }

  @Test func `another ward reads in the trail neither whose record it was nor what was done with it`() throws {
    let wards = try Wards()
    let (home, other) = (wards.first, wards.second)
    let shelter = try home.shelter("第一", ward: "13101")
    let plain = try home.write("registerResident", nil, ["familyName": "守"]).row
    let hidden = try home.write("registerResident", nil, ["familyName": "隠", "guarded": true]).row
    let stay = try home.write("checkIn", shelter, ["resident": .text("\(plain)")]).row
    _ = try home.read("resident", plain)
    let protected = try home.write("protectResident", plain).row
    _ = try home.read("resident", protected, ["purpose": "protection"])
    try home.write("openShelter", shelter, ["area": 100, "toilets": 1])
    try home.meet(other)
    let people = [plain, hidden, stay, protected]
    for lane in ["registry", "life"] {
      let texts = try other.replica.store.read {
        try String.fetchAll($0, sql: "SELECT value FROM audit_\(lane)_entries")
      }
      #expect(!texts.isEmpty)
      for text in texts {
        #expect(
          !people.contains { text.contains("\($0)") } && !text.contains("esident") && !text.contains("保護"), "\(text)")
      }
    }
    let seen = try other.read("audit", nil, ["ward": "13101"])["notes"].list
    #expect(seen.contains { $0["action"] == "openShelter" && $0["subject"] == .text("\(shelter)") })
    #expect(
      seen.filter { $0["action"] != "openShelter" }.allSatisfy { $0["action"] == "record" && $0["purpose"] == .null })
    // At home it says what it is.
    let known = try home.read("auditOf", plain)["notes"].list.map { $0["action"] }
    // In two lanes: the record, and what lies at the shelter.
    #expect(known == ["registerResident", "checkIn", "resident", "protectResident", "protectResident"])
    #expect(try home.read("auditOf", hidden)["notes"].list.map { $0["action"] } == ["registerResident"])
    #expect(try home.read("audit", nil, ["purpose": "本人の保護"])["notes"].list.count == 1)
    #expect(try home.read("audit", nil, ["action": "protectResident"])["notes"].list.count == 2)
    #expect(try other.read("auditOf", plain)["notes"].list.isEmpty)
  }

  @Test func `who must not be found is reached by welfare alone, by ID, for a purpose that is said`() throws {
    let office = try Wards().first
    let hidden = try office.write(
      "registerResident", nil, ["familyName": "隠", "address": "見本町1-1", "guarded": true]
    ).row
    let purpose: JSON = ["purpose": "protection"]
    for roles in [[Role.headquarters], [.shelter], [.viewer], [.administrator]] {
      office.user = User("職員", roles: Set(roles))
      #expect(throws: Fault.notFound("id")) { try office.read("resident", hidden, purpose) }
      #expect(throws: Fault.self) { try office.write("changeResident", hidden, ["note": "x"]) }
      #expect(throws: Fault.self) { try office.write("planAssistance", hidden, ["plan": "x"]) }
    }
    office.user = User("受付", roles: [.shelter])
    let shelter = try office.shelter("第一", ward: "13101")
    let stay = try office.write("checkIn", shelter, ["resident": .text("\(hidden)")])
    #expect(
      stay["address"] == .null && stay["name"] == "隠", "a shelter learns where somebody lives who must not be found")
    office.user = User("福祉", roles: [.welfare])
    do {
      _ = try office.read("resident", hidden)
      Issue.record("shown without a purpose")
    } catch let fault as Fault { #expect(fault.field == "purpose") }
    #expect(try office.read("resident", hidden, purpose)["address"] == "見本町1-1")
    #expect(try office.read("searchResidents", nil, ["name": "隠", "purpose": "protection"])["residents"].list.isEmpty)
    let notes = try office.read("auditOf", hidden)["notes"].list
    #expect(notes.contains { $0["action"] == "resident" && $0["purpose"] == "本人の保護" })
  }

  @Test func `who works at one shelter changes nobody who was never there`() throws {
    let office = try Wards().first
    let (here, there) = (try office.shelter("甲", ward: "13101"), try office.shelter("乙", ward: "13101"))
    let (own, other) = (
      try office.write("registerResident", nil, ["familyName": "此"]).row,
      try office.write("registerResident", nil, ["familyName": "彼"]).row
    )
    try office.write("checkIn", here, ["resident": .text("\(own)")])
    let away = try office.write("checkIn", there, ["resident": .text("\(other)")]).row
    office.user = User("甲の受付", roles: [.shelter], shelter: here)
    #expect(try office.read("resident", own)["familyName"] == "此")
    #expect(try office.write("changeResident", own, ["phone": "1"])["phone"] == "1")
    #expect(throws: Fault.notFound("id")) { try office.read("resident", other) }
    #expect(throws: Fault.notFound("id")) { try office.write("changeResident", other, ["phone": "1"]) }
    #expect(throws: Fault.self) { try office.write("changeStay", away, ["phone": "1"]) }
    #expect(throws: Fault.self) { try office.read("counterReports") }
    #expect(try office.read("searchPeople", nil, ["name": "彼"])["people"].list.isEmpty)
  }

  @Test func `more than 500 people an hour need a second person's yes`() throws {
    var tally = LookTally()
    var user = User("職員", account: RowID(rawValue: 7))
    let people = (1...600).map { RowID(rawValue: $0) }
    func minute(_ number: Int64) -> Instant { .test.advanced(byMilliseconds: number * 60_000) }
    try tally.admit(Array(people[..<300]), by: user, at: minute(0))
    try tally.admit(Array(people[100..<500]), by: user, at: minute(1))
    #expect(throws: Fault.self) { try tally.admit(Array(people[500...]), by: user, at: minute(2)) }
    // Whom one has seen already one may see again; and others have their own count.
    try tally.admit(Array(people[..<500]), by: user, at: minute(3))
    try tally.admit(people.dropLast(100), by: User("別", account: RowID(rawValue: 8)), at: minute(3))
    user.looksUntil = minute(30)
    try tally.admit(people, by: user, at: minute(4))
    #expect(throws: Fault.self) { try tally.admit([RowID(rawValue: 601)], by: user, at: minute(31)) }
    try tally.admit(people.suffix(400), by: user, at: minute(70))

    let office = try Wards().first
    let (one, other) = (try account(office, "one", "一"), try account(office, "other", "二"))
    office.user = User("一", account: one)
    #expect(throws: Fault.self) { try office.write("allowLooks", one, ["hours": 1]) }
    office.user = User("二", account: other)
    #expect(
      try office.write("allowLooks", one, ["hours": 1])["looksUntil"].integer == office.now.milliseconds + 3_600_000)
    let known = try office.replica.store.read { try Account.fetch(one, ward: 0, $0)?.user.looksUntil }
    #expect(known.map { $0 > office.now } == true)
  }
}
