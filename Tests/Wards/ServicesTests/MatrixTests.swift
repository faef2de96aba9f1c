import Catalogue
import Causality
import ChangeModel
import Desk
import Places
import Replica
import Testing

@testable import Disaster

/// The rows of the disaster matrix as two desks work them that are cut off from each other, and what they end in.
@Suite struct MatrixTests {
  private func levels(_ office: Office) throws -> [JSON] { try office.read("evacuationLevels")["levels"].list }

  private func order(_ office: Office, _ kind: String, _ area: String = "円山町") throws -> RowID {
    let row = try office.write(
      "draftOrder", nil, ["kind": .text(kind), "areaName": .text(area), "hazard": "洪水"]
    ).row
    try office.write("issueOrder", row, ["alone": "夜間"])
    return row
  }

  @Test func `D15: who raised while another lifted stays in force, and both are told`() throws {
    let wards = try Wards()
    let (here, there) = (wards.second, wards.secondOther)
    let low = try order(here, "高齢者等避難")
    try here.meet(there)
    there.now = here.now.advanced(byMilliseconds: 60_000)
    _ = try order(here, "避難指示")
    try there.write("liftOrder", low, ["liftReason": "水位が下がった"])
    try here.meet(there)
    for office in [here, there, wards.first] {
      if office === wards.first { try here.meet(office) }
      let lines = try levels(office)
      #expect(lines.count == 1)
      #expect(lines[0]["kind"].text == "避難指示" && lines[0]["level"] == .integer(4))
      #expect(lines[0]["survived"] == .flag(true))
    }
  }

  @Test func `D15: two orders on one area are one line, lowered in one change, and lifted together`() throws {
    let wards = try Wards()
    let (here, there) = (wards.second, wards.secondOther)
    _ = try order(here, "避難指示")
    let other = try order(there, "避難指示")
    try here.meet(there)
    #expect(try levels(here).map { $0["rows"] } == [.integer(2)])
    try there.write("lowerOrder", other, ["kind": "高齢者等避難", "liftReason": "雨が弱まった"])
    #expect(try levels(there).map { $0["kind"].text } == ["高齢者等避難"])
    try here.meet(there)
    let standing = try levels(here)
    #expect(standing.map { $0["kind"].text } == ["高齢者等避難"])
    let row = RowID(rawValue: try #require(standing[0]["order"].text.flatMap { Int64($0) }))
    #expect(throws: Fault.self) { try here.write("lowerOrder", row, ["kind": "緊急安全確保", "liftReason": "誤り"]) }
    try here.write("liftOrder", row, ["liftReason": "危険がなくなった"])
    #expect(try levels(here).isEmpty)
    // Another ward's order is nobody else's to lift.
    let foreign = try order(wards.first, "避難指示")
    try wards.first.meet(here)
    #expect(throws: Fault.self) { try here.write("liftOrder", foreign, ["liftReason": "他区"]) }
  }

  @Test func `D15: nobody issues alone without saying why, and the governor is told within a quarter of an hour`()
    throws
  {
    let wards = try Wards()
    let here = wards.second
    let row = try here.write(
      "draftOrder", nil, ["kind": "避難指示", "areaName": "円山町", "hazard": "地震"]
    ).row
    #expect(throws: Fault.self) { try here.write("issueOrder", row) }
    here.user = User("別の 職員")
    try here.write("issueOrder", row)
    let line = try #require(try levels(here).first)
    // An earthquake has no 警戒レベル.
    #expect(line["level"] == .null && line["governorDue"] == .flag(false))
    here.now = here.now.advanced(byMilliseconds: 16 * 60_000)
    #expect(try levels(here).first?["governorDue"] == .flag(true))
    try here.write("tellGovernor", row)
    #expect(try levels(here).first?["governorDue"] == .flag(false))
  }

  @Test func `D14: sums keep what is unknown and what is told both ways apart`() throws {
    let wards = try Wards()
    let (here, there) = (wards.second, wards.secondOther)
    func outage(_ affected: JSON, _ office: Office, again: RowID? = nil) throws -> RowID {
      try office.write(
        "tellOutage", nil,
        [
          "kind": "電気", "definition": "停電戸数", "affected": affected, "againOf": JSON(again.map { "\($0)" }),
        ]
      ).row
    }
    _ = try outage(1_200, here)
    let b = try outage(300, here)
    _ = try outage(.null, here)
    try here.write("restore", b)
    func total(_ office: Office) throws -> [String?] {
      try office.read("infrastructureSums")["sums"].list.map { $0["total"]["ja"].text }
    }
    #expect(try total(here) == ["1,200 以上(不明1)"])
    _ = try outage(500, here, again: b)
    #expect(try total(here) == ["1,700 以上(不明1)"])
    // Restored here, and raised there: not restored until somebody settles it.
    let c = try outage(40, here)
    try here.meet(there)
    try here.write("restore", c)
    try there.write("changeOutage", c, ["affected": 70])
    try here.meet(there)
    for office in [here, there] { #expect(try total(office) == ["1,700 以上(不明2)"]) }
    #expect(throws: Fault.self) { try here.write("changeOutage", b, ["affected": 9]) }
  }

  @Test func `D7: nobody is lent twice, however long two nodes are cut off`() throws {
    let wards = try Wards()
    let (asker, here, there) = (wards.first, wards.second, wards.secondOther)
    let request = try asker.write("askStaff", nil, ["skill": "保健師", "people": 8]).row
    try asker.meet(here)
    #expect(throws: Fault.self) { try here.write("pledgeStaff", request, ["people": 1]) }
    let pool = try here.write("addStaff", nil, ["skill": "保健師", "amount": 5]).row
    try here.meet(there)
    let pledge = try here.write("pledgeStaff", request, ["people": 5]).row
    // The other node of the ward does not know, and holds no share.
    #expect(throws: Fault.self) { try there.write("pledgeStaff", request, ["people": 1]) }
    #expect(throws: Fault.self) { try here.write("pledgeStaff", request, ["people": 1]) }
    #expect(throws: Fault.self) { try asker.write("pledgeStaff", request, ["people": 1]) }
    try here.write("staffDeparted", pledge)
    try here.meet(asker)
    try asker.write("staffArrived", pledge, ["arrived": 4, "faults": "一人が体調不良"])
    #expect(throws: Fault.self) { try here.write("recallStaff", pledge) }
    try asker.meet(here)
    try here.write("staffReturned", pledge)
    #expect(throws: Fault.self) { try here.write("staffReturned", pledge) }
    let left = try here.replica.store.readOwn { db in Result { try RowValues.fetch(pool, StaffPool.records, db) } }
      .get()
    #expect(left?[StaffPool.amount] == 5)
    try here.meet(asker)
    #expect(try here.replica.store.tableDigest().shared == asker.replica.store.tableDigest().shared)
  }

  @Test func `D5: done beats withdrawn, and what is told both ways says so`() throws {
    let wards = try Wards()
    let (asker, doer) = (wards.first, wards.second)
    let (one, two) = try (
      asker.write("askTask", nil, ["toWard": "13102", "title": "発電機"]).row,
      asker.write("askTask", nil, ["toWard": "13102", "title": "通訳"]).row
    )
    try asker.meet(doer)
    try doer.meet(wards.secondOther)
    try asker.write("withdrawTask", one)
    try doer.write("finishTask", one, ["answer": "届けた"])
    try doer.write("finishTask", two)
    try wards.secondOther.write("refuseTask", two, ["answer": "人がいない"])
    #expect(throws: Fault.self) { try asker.write("finishTask", two) }
    try doer.meet(wards.secondOther)
    try asker.meet(doer)
    let states = try asker.read("tasks", nil, ["all": true])["tasks"].list.map { $0["stateCode"].text }
    #expect(Set(states) == ["done", "torn"])
  }

  @Test func `D5: three hours apart, nothing of the chronicle is lost, and what is late says so`() throws {
    let wards = try Wards()
    let (here, there) = (wards.second, wards.first)
    for number in 0..<40 {
      for office in [here, there] {
        let happened = office.now.advanced(byMilliseconds: -1_200_000).milliseconds
        try office.write(
          "writeChronicle", nil,
          ["text": .text("記録 \(number)"), "happenedAt": number % 2 == 0 ? .integer(happened) : .null])
      }
    }
    try here.meet(there)
    for office in [here, there] {
      let entries = try office.read("chronicle", nil, ["limit": 200])["chronicle"].list
      #expect(entries.count == 80)
      #expect(entries.count { $0["late"] != .null } == 40)
      let times = entries.compactMap { $0["happenedAt"].integer }
      #expect(times == times.sorted(by: >))
    }
    let first = try here.write("writeChronicle", nil, ["text": "誤り"]).row
    _ = try here.write("writeChronicle", nil, ["text": "正しい", "corrects": .text("\(first)")])
    #expect(try here.read("chronicleEntry", first)["correctedBy"] != .null)
  }

  @Test func `D4: a plan leaves out what is dangerous, and an officer decides`() throws {
    let wards = try Wards()
    let here = wards.second
    let (near, far) = try (here.shelter("近い", ward: "13102"), here.shelter("遠い", ward: "13102"))
    for (row, north) in [(near, 35.671), (far, 35.675)] {
      try here.edit(
        Shelter.records, row,
        [
          Shelter.latitude.set(north), Shelter.longitude.set(139.77), Shelter.capacity.set(100),
          Shelter.countedAt.set(here.now),
        ])
    }
    let group = try here.write(
      "addGroup", nil,
      ["place": "駅前", "people": 150, "kind": "来街者", "latitude": .real(35.67), "longitude": .real(139.77)]
    ).row
    var plan = try here.read("guidancePlan")
    #expect(
      plan["legs"].list.map { [$0["shelter"].text, $0["people"].integer.map { "\($0)" }] } == [
        ["\(near)", "100"], ["\(far)", "50"],
      ])
    #expect(plan["unserved"] == .integer(0))
    try here.write(
      "checkBuilding", nil,
      ["address": "桜町 1", "shelter": .text("\(near)"), "outside": "A", "frame": "C", "falling": "A"])
    plan = try here.read("guidancePlan")
    #expect(plan["legs"].list.map { $0["shelter"].text } == ["\(far)"])
    #expect(plan["unserved"] == .integer(50))
    let leg = try here.write("decideLeg", group, ["shelter": .text("\(far)"), "people": 90]).row
    plan = try here.read("guidancePlan")
    // Who is sent there takes the room, and is no longer to be guided.
    #expect(plan["legs"].list.map { $0["people"].integer } == [10] && plan["unserved"] == .integer(50))
    try here.write("legLeft", leg)
    #expect(throws: Fault.self) { try here.write("callOffLeg", leg) }
    try here.write("legArrived", leg, ["arrived": 80])
    #expect(
      try here.read("guidanceLegs", nil, ["all": true])["guidanceLegs"].list.map { $0["stateCode"].text } == ["partly"])
  }

  @Test func `D6: somebody else approves, and what a channel cannot take is said then`() throws {
    let wards = try Wards()
    let here = wards.second
    let row = try here.write(
      "writeBroadcast", nil,
      [
        "category": "給水", "title": "給水所を開きましたのでお知らせします", "body": "容器を持ってきてください", "channels": ["緊急速報メール"],
      ]
    ).row
    #expect(throws: Fault.self) { try here.write("approveBroadcast", row) }
    here.user = User("別の 職員")
    #expect(throws: Fault.self) { try here.write("approveBroadcast", row) }
    try here.write("changeBroadcast", row, ["title": "給水所を開きました"])
    // Whoever changed it last does not approve it.
    #expect(throws: Fault.self) { try here.write("approveBroadcast", row) }
    here.user = User("見本 職員")
    try here.write("approveBroadcast", row)
    #expect(throws: Fault.self) { try here.write("changeBroadcast", row, ["title": "別の題"]) }
    #expect(try here.read("broadcastTexts", row)["texts"].list.map { $0["text"].text } == ["給水所を開きました\n容器を持ってきてください"])
  }

  @Test func `D17: a ward's newest report counts, and wards that told nothing are not known`() throws {
    let wards = try Wards()
    let (here, there) = (wards.second, wards.first)
    try here.write("tellDamage", nil, ["dead": 39])
    // A figure may go down again.
    try here.write("tellDamage", nil, ["dead": 38, "basis": "訂正"])
    try there.write("tellDamage", nil, ["dead": 0, "missing": 4])
    try here.meet(there)
    let table = try here.read("damageTable")["figures"].list
    func total(_ figure: String) -> String? { table.first { $0["figure"].text == figure }?["total"]["ja"].text }
    #expect(total("死者") == "38 以上(不明1)")
    #expect(total("行方不明者") == "4 以上(不明2)")
    #expect(total("火災(件)") == "不明")
  }

  @Test func `form 4: what was told can be printed again, and what is not known is no 0`() throws {
    let office = try Wards(drill: true).second
    try office.write("tellDisaster", nil, ["name": "首都直下地震", "quakeAt": .integer(office.now.milliseconds)])
    try office.write("tellDamage", nil, ["dead": 2, "half": 5])
    try office.write("tellOutage", nil, ["kind": "電気", "definition": "停電戸数", "affected": 1_200])
    try office.write("tellOutage", nil, ["kind": "電気", "definition": "停電戸数"])
    _ = try office.shelter("開いている", ward: "13102")
    func values(_ row: RowID) throws -> [String: String] {
      let table = try office.read("reportTable", row)
      return Dictionary(uniqueKeysWithValues: table["lines"].list.map { ($0["label"].text!, $0["value"].text!) })
    }
    let first = try office.write("drawReport", nil, ["form": "その2", "overview": "調査中"]).row
    let told = try values(first)
    #expect(told["死者"] == "2" && told["行方不明者"] == "不明" && told["住家 半壊(棟)"] == "5 以上(不明2)")
    #expect(told["電気(戸)"] == "1,200 以上(不明1)" && told["水道(戸)"] == "報告なし")
    #expect(told["開設している避難所(か所)"] == "1" && !told.values.contains(""))
    #expect(throws: Fault.self) { try office.write("sendReport", first, ["toldTo": ["東京都"]]) }
    #expect(throws: Fault.self) { try office.write("approveReport", first) }
    try office.write("approveReport", first, ["alone": "夜間"])
    try office.write("sendReport", first, ["toldTo": ["東京都", "消防庁"]])
    try office.write("tellDamage", nil, ["dead": 1, "basis": "訂正"])
    let second = try office.write("drawReport", nil, ["form": "その2"]).row
    #expect(try values(first) == told)
    let next = try office.read("reportTable", second)
    #expect(next["title"].text == "【訓練】首都直下地震 第2報 第4号様式(その2)")
    #expect(next["lines"].list.first { $0["label"].text == "死者" }?["before"].text == "2")
  }

  @Test func `4.0: a drill inside an earnest federation is refused`() throws {
    let earnest = try Wards()
    #expect(throws: Fault.self) {
      try earnest.second.write(
        "tellDisaster", nil, ["name": "訓練", "quakeAt": .integer(earnest.second.now.milliseconds), "drill": true])
    }
    let drill = try Wards(drill: true)
    try drill.second.write(
      "tellDisaster", nil, ["name": "訓練", "quakeAt": .integer(drill.second.now.milliseconds), "drill": true])
  }
}
