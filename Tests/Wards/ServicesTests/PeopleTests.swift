import Causality
import ChangeModel
import Desk
import GRDB
import People
import Testing

/// People who are entered more than once, looked for, and told of.
struct PeopleTests {
  private func resident(_ office: Office, _ name: String, _ rest: [String: JSON] = [:]) throws -> RowID {
    try office.write("registerResident", nil, .object(["familyName": .text(name)].merging(rest) { $1 })).row
  }

  private func tell(_ office: Office, _ resident: RowID, _ status: String, _ source: String) throws {
    try office.write(
      "reportSafety", nil, ["resident": .text("\(resident)"), "status": .text(status), "source": .text(source)])
  }

  // MARK: Counting

  @Test func `three entries of one person that were settled pair by pair count once, alike on every node`() throws {
    let wards = try Wards()
    let (a, b) = (wards.second, wards.secondOther)
    let shelters = try (0..<3).map { try a.shelter("第\($0)", ward: "13102") }
    let stays = try [
      ["name": "高橋 花子", "kana": "タカハシ ハナコ", "birth": "1950-04-01"], ["name": "髙橋花子", "birth": "1950-04-01"],
      ["kana": "タカハシ ハナコ", "birth": "1950-04-01"],
    ].enumerated().map { try a.write("checkIn", shelters[$0], JSON.object($1.mapValues { .text($0) })).row }
    #expect(try a.read("doubleEntries")["doubles"].list.count == 2)
    try a.write("settleDouble", stays[1], ["other": .text("\(stays[0])"), "verdict": "same"])
    try a.meet(b)
    try b.write("settleDouble", stays[0], ["other": .text("\(stays[2])"), "verdict": "same"])
    try a.meet(b)
    for office in [a, b] {
      let people = try shelters.map { try office.read("shelterPicture", $0)["register"]["people"] }
      #expect(people == [0, 0, 1])
      #expect(try office.read("doubleEntries")["doubles"].list.isEmpty)
    }
    // Taken back between two of them, they are two again.
    try a.write("settleDouble", stays[0], ["other": .text("\(stays[2])"), "verdict": "different"])
    #expect(try shelters.map { try a.read("shelterPicture", $0)["register"]["people"] } == [0, 1, 1])
  }

  @Test(
    arguments: [
      (["name": "鈴木 次郎", "phone": "090-1234-5678"], ["name": "鈴木次郎", "phone": "０９０１２３４５６７８"], true),
      (["name": "鈴木 次郎", "address": "見本町一丁目2番3号"], ["name": "鈴木次郎", "address": "見本町1-2-3"], true),
      (["name": "鈴木 次郎", "kana": "スズキ ジロウ"], ["name": "鈴木次郎", "kana": "すずきじろう"], true),
      (
        ["name": "鈴木 次郎", "kana": "スズキ ジロウ", "birth": "1950"],
        ["name": "鈴木次郎", "kana": "すずきじろう", "birth": "1950-04-01"], true
      ),
      (["kana": "スズキ ジロウ", "phone": "03-1111"], ["name": "鈴木次郎", "kana": "すずきじろう", "phone": "031111"], true),
      (["name": "鈴木 次郎"], ["name": "鈴木次郎"], false),
      (["name": "鈴木 次郎", "phone": "090-1"], ["name": "鈴木次郎", "phone": "090-2"], false),
      (
        ["name": "鈴木 次郎", "phone": "090-1", "birth": "1950-04-01"],
        ["name": "鈴木次郎", "phone": "090-1", "birth": "1951-04-01"], false
      ),
      (["name": "鈴木 次郎", "phone": "090-1"], ["name": "鈴木 花子", "phone": "090-1"], false),
    ] as [([String: String], [String: String], Bool)])
  func `two entries without a sure birth date are proposed as one person's when more than the name agrees`(
    one: [String: String], other: [String: String], isPair: Bool
  ) throws {
    let office = try Wards().second
    for (number, entry) in [one, other].enumerated() {
      let shelter = try office.shelter("第\(number)", ward: "13102")
      try office.write("checkIn", shelter, .object(entry.mapValues { .text($0) }))
    }
    let doubles = try office.read("doubleEntries")
    #expect(doubles["doubles"].list.count == (isPair ? 1 : 0) && doubles["own"] == (isPair ? 1 : 0))
  }

  @Test func `a ward's own doubles come before 165 pairs of another ward, with how many there are of each`() throws {
    let wards = try Wards()
    let (own, other) = (wards.second, wards.first)
    let there = try other.shelter("第一", ward: "13101")
    for number in 0..<165 {
      for _ in 0..<2 {
        try other.write("checkIn", there, ["name": .text("よその人\(number)"), "birth": "1960-01-01"])
      }
    }
    let here = try own.shelter("第二", ward: "13102")
    for _ in 0..<2 { try own.write("checkIn", here, ["name": "うちの人", "birth": "1960-01-01"]) }
    try own.write(
      "declare", nil,
      [
        "title": "震災", "purposes": ["安否確認"], "until": .integer(own.now.milliseconds + 3_600_000), "reason": "本部設置",
        "card": wards.card(1),
      ])
    try own.meet(other)
    let shown = try own.read("doubleEntries", nil, ["purpose": "安否確認"])
    #expect(shown["own"] == 1 && shown["others"] == 165 && shown["isCut"] == true)
    #expect(shown["doubles"].list.first?["stays"].list.map { $0["name"] } == ["うちの人", "うちの人"])
    #expect(shown["doubles"].list.count == 100)
    // Without a purpose: this ward's alone.
    let plain = try own.read("doubleEntries")
    #expect(plain["doubles"].list.count == 1 && plain["others"] == 165)
  }

  // MARK: Where somebody is

  @Test func `an inquiry, a search and the family say where somebody came last`() throws {
    let office = try Wards().second
    let person = try resident(office, "見本", ["givenName": "太郎"])
    let (first, second) = (try office.shelter("一小", ward: "13102"), try office.shelter("二小", ward: "13102"))
    let asked = try office.write(
      "askToBeInformed", nil, ["resident": .text("\(person)"), "asker": "家族", "contact": "電話"]
    ).row
    let byName = try office.write("askToBeInformed", nil, ["name": "見本 太郎", "asker": "家族", "contact": "電話"]).row
    let hour: Int64 = 3_600_000
    // Entered the other way round.
    for (shelter, ago) in [(second, hour), (first, 5 * hour)] {
      try office.write(
        "checkIn", shelter,
        ["resident": .text("\(person)"), "arrivedAt": .integer(office.now.milliseconds - ago)])
    }
    func places() throws -> [JSON] {
      let inquiries = try office.read("inquiriesToAnswer")["inquiries"].list
      return [
        inquiries.first { $0.row == asked }!["shelter"], inquiries.first { $0.row == byName }!["shelter"],
        try office.read("searchPeople", nil, ["name": "見本 太郎"])["people"].list[0]["shelter"],
        try office.read("family", person)["members"].list[0]["shelter"],
      ]
    }
    #expect(try places() == Array(repeating: .text("\(second)"), count: 4))
    let stay = try office.read("stays", second)["stays"].list[0].row
    try office.write("checkOut", stay)
    #expect(try places() == Array(repeating: .text("\(first)"), count: 4))
  }

  // MARK: How somebody is

  @Test func `a death that one report tells of is unconfirmed, until another account or ward that saw it agrees`()
    throws
  {
    let wards = try Wards()
    let (home, other) = (wards.first, wards.second)
    let person = try resident(home, "見本")
    #expect(throws: Fault.self) { try tell(home, person, "死亡", "本人") }
    try tell(home, person, "死亡", "医療機関")
    try tell(home, person, "死亡", "巡回")
    try tell(home, person, "死亡", "家族・知人")
    #expect(try home.read("safetyOf", person)["status"] == "未確認の死亡情報", "one desk's word is one word")
    #expect(try home.read("searchPeople", nil, ["name": "見本"])["people"].list[0]["safety"]["status"] == "未確認の死亡情報")
    home.user = User("別の 職員")
    try tell(home, person, "死亡", "家族・知人")
    #expect(try home.read("safetyOf", person)["status"] == "未確認の死亡情報", "who did not see it proves nothing")
    try tell(home, person, "死亡", "避難所")
    #expect(try home.read("safetyOf", person)["status"] == "死亡")
    // Only a name is known, and one report.
    try home.write("reportSafety", nil, ["name": "旅の 人", "status": "死亡", "source": "巡回"])
    #expect(try home.read("searchPeople", nil, ["name": "旅の人"])["people"].list[0]["safety"]["status"] == "未確認の死亡情報")
    _ = other
  }

  @Test func `the own ward's word comes first, and whatever says otherwise is named, whenever it claims to be of`()
    throws
  {
    let wards = try Wards()
    let (home, other) = (wards.first, wards.second)
    let person = try resident(home, "見本")
    let until = JSON.integer(other.now.milliseconds + 86_400_000)
    for (office, card) in [(home, 0), (other, 1)] {
      try office.write(
        "declare", nil,
        ["title": "震災", "purposes": ["安否確認"], "until": until, "reason": "本部設置", "card": wards.card(card)])
    }
    try home.meet(other)
    try tell(other, person, "死亡", "避難所")
    // Past the form: a time that nobody can have seen.
    let forged = try other.replica.newRows(1)[0]
    var draft = SafetyReport.records.draft()
    draft.edit(
      SafetyReport.records, forged,
      [
        SafetyReport.resident.set(person), SafetyReport.status.set("死亡"), SafetyReport.source.set(.person),
        SafetyReport.observedAt.set(Instant(milliseconds: 7_000_000_000_000)),
      ], for: .ward(1, .identity))
    _ = try other.replica.commit(draft, at: other.now)
    try other.meet(home)
    try tell(home, person, "無事", "避難所")
    let seen = try home.read("safetyOf", person, ["purpose": "安否確認"])
    #expect(seen["status"] == "無事")
    #expect(seen["disagreeing"].list.map { $0["status"] } == ["死亡", "死亡"])
    // Old reports are named as well.
    home.now = home.now.advanced(byMilliseconds: 20 * 3_600_000)
    try tell(home, person, "軽傷", "避難所")
    #expect(try home.read("safetyOf", person, ["purpose": "安否確認"])["disagreeing"].list.count == 3)
  }

  // MARK: Families

  @Test func `two families of one household's name are two, and the card names whom a clerk confirmed`() throws {
    let office = try Wards().second
    func one(_ given: String, _ address: String?) throws -> RowID {
      var rest: [String: JSON] = ["givenName": .text(given), "household": "山田"]
      rest["address"] = address.map { .text($0) }
      return try resident(office, "山田", rest)
    }
    let (taro, hana) = (try one("太郎", "見本町1丁目2-3"), try one("花", "見本町一丁目2番3号"))
    let (jiro, ume) = (try one("次郎", "別町5-5"), try one("梅", nil))
    func family(_ row: RowID) throws -> (members: Set<RowID>, asked: Set<RowID>, ids: Int) {
      let answer = try office.read("family", row)
      let card = answer["cards"].list[0].text ?? ""
      return (
        Set(answer["members"].list.map(\.row)), Set(answer["candidates"].list.map(\.row)),
        card.split(separator: ".").count
      )
    }
    #expect(try family(taro) == ([taro, hana], [jiro, ume], 2))
    #expect(try family(jiro) == ([jiro], [taro, hana, ume], 1))
    try office.write("confirmFamily", taro, ["member": .text("\(ume)")])
    for row in [taro, hana, ume] { #expect(try family(row) == ([taro, hana, ume], [jiro], 3)) }
    try office.write("confirmFamily", hana, ["member": .text("\(ume)"), "apart": true])
    #expect(try family(taro) == ([taro, hana], [jiro, ume], 2))
    #expect(throws: Fault.self) { try office.write("confirmFamily", taro, ["member": .text("\(taro)")]) }
  }

  // MARK: Searching

  @Test func `of another ward's people a search shows who is named in full, and a birth date alone has to be whole`()
    throws
  {
    let wards = try Wards()
    let (home, other) = (wards.first, wards.second)
    for given in ["太郎", "次郎", "花子"] { _ = try resident(home, "山本", ["givenName": .text(given)]) }
    _ = try resident(other, "山本", ["givenName": "うち"])
    try other.write(
      "declare", nil,
      [
        "title": "震災", "purposes": ["安否確認"], "until": .integer(other.now.milliseconds + 3_600_000), "reason": "本部設置",
        "card": wards.card(1),
      ])
    try home.meet(other)
    for typed in ["山", "山本", "山本 太"] {
      let people = try other.read("searchPeople", nil, ["name": .text(typed), "purpose": "安否確認"])["people"].list
      #expect(people.allSatisfy { $0["person"]["givenName"] == "うち" }, "\(typed)")
    }
    #expect(try other.read("searchPeople", nil, ["name": "山本太郎", "purpose": "安否確認"])["people"].list.count == 1)
    #expect(throws: Fault.self) { try other.read("searchResidents", nil, ["birth": "1980"]) }
  }

  @Test func `what two persons do is done by two, or by one who says why, and the trail says which`() throws {
    let office = try Wards().first
    let person = try office.write("registerResident", nil, ["familyName": "守"]).row
    func refused(_ second: User?, _ body: JSON = [:]) -> String? {
      office.second = second
      do {
        try office.write("protectResident", person, body)
        return nil
      } catch { return (error as? Fault)?.field }
    }
    office.user = User("福祉 一郎", roles: [.welfare], account: RowID(rawValue: 7))
    #expect(refused(nil) == "secondLogin")
    #expect(refused(nil, ["aloneBecause": "なんとなく"]) == "aloneBecause")
    #expect(refused(office.user) == "secondLogin")
    #expect(refused(User("避難所 二郎", roles: [.shelter], account: RowID(rawValue: 8))) == "secondLogin")
    #expect(refused(User("福祉 花子", roles: [.welfare], account: RowID(rawValue: 9))) == nil)
    let other = try office.write("registerResident", nil, ["familyName": "隠"]).row
    office.second = nil
    try office.write("protectResident", other, ["aloneBecause": "一刻を争う"])
    office.user.roles = [.headquarters, .administrator]
    let notes = try office.read("audit", nil, ["action": "protectResident"])["notes"].list.compactMap {
      $0["user"].text
    }
    #expect(notes.contains { $0.contains("一人で: 一刻を争う") } && notes.contains { $0.contains("立会い: @9") }, "\(notes)")
  }

  @Test func `what a ward's own fields say of somebody goes along under the key that no declaration opens`() throws {
    let wards = try Wards()
    let (home, other) = (wards.first, wards.second)
    let person = try home.write("registerResident", nil, ["familyName": "守"]).row
    let field = try home.write(
      "addOwnField", nil, ["collection": "residents", "labelJa": "持病", "labelEn": "Illness", "kind": "文字"]
    ).row
    try home.write(
      "enterOwnValues", nil,
      ["collection": "residents", "row": .text("\(person)"), "field": .text("\(field)"), "value": "秘密の持病"])
    let new = try home.write("protectResident", person).row
    try home.meet(other)
    let values = try home.read(
      "ownValues", nil, ["collection": "residents", "row": .text("\(new)"), "purpose": "本人の保護"])["values"].list
    #expect(values.map { $0["value"] } == ["秘密の持病"])
    try other.write(
      "declare", nil,
      [
        "title": "地震", "purposes": ["安否確認"], "reason": "本部", "card": wards.card(1),
        "until": .integer(other.now.milliseconds + 86_400_000),
      ])
    let count = try other.replica.store.read {
      try Int.fetchOne($0, sql: "SELECT count(*) FROM own_values_registry_personal WHERE value LIKE '%秘密%'") ?? 0
    }
    #expect(count == 0)
  }
}
