import Causality
import ChangeModel
import Desk
import Places
import Testing

/// Shelters: how many people are there, what is needed for them, how they close, and how they are found.
struct ShelterTests {
  private static func day(_ office: Office, _ days: Int64) -> JSON {
    .text(JapaneseDay.text(office.now.advanced(byMilliseconds: days * 86_400_000)))
  }

  /// Of each ward: shelters, open ones, people in those, people in others.
  private static func totals(_ office: Office) throws -> [[Int]] {
    try office.replica.store.read { try HeadCount.totals(ward: office.replica.identity.ward.code, $0) }
      .map { [$0.shelters, $0.open, $0.people, $0.elsewhere] }
  }

  private static func need(_ office: Office, _ shelter: RowID) throws -> Int64? {
    try office.read("stockOutlook", nil, ["by": "shelter"])["lines"].list
      .first { $0["shelter"] == .text("\(shelter)") }?["people"].integer
  }

  @Test func `whoever is checked in by name counts in lists, at the desk, in sums and in what is needed`() throws {
    let wards = try Wards()
    let (home, other) = (wards.first, wards.second)
    try home.write("installCatalogue")
    let shelter = try home.shelter("第一", ward: "13101")
    for name in ["一", "二", "三"] { try home.write("checkIn", shelter, ["name": .text(name)]) }
    for answer in [try home.read("shelter", shelter), try home.read("shelters")["shelters"].list[0]] {
      #expect(answer["people"] == 3 && answer["registered"] == 3 && answer["occupancy"] == 0)
    }
    #expect(try Self.need(home, shelter) == 3)
    #expect(try Self.totals(home) == [[1, 1, 3, 0]])
    // The higher holds, and where they differ it shows.
    try home.write("countHeads", shelter, ["people": 40])
    let count = try home.replica.store.read { try HeadCount.of(shelter, ward: "13101", $0) }
    #expect(count.people == 40 && count.register == 3 && count.differs)
    #expect(try home.read("shelterPicture", shelter)["counter"] == 40)
    #expect(try Self.need(home, shelter) == 40)
    // Another ward knows what the desk tells, whatever register it may read.
    try home.write("checkIn", shelter, ["name": "四"])
    try home.write("countHeads", shelter, ["people": 2])
    try home.meet(other)
    #expect(try Self.totals(other) == [[1, 1, 2, 0]])
    #expect(try Self.totals(home) == [[1, 1, 4, 0]])
    #expect(try other.read("shelter", shelter)["registered"] == .null)
  }

  @Test func `what is needed follows the report of the day, else of the day before, whenever paper is typed in`() throws
  {
    let office = try Wards().first
    try office.write("installCatalogue")
    let shelter = try office.shelter("第一", ward: "13101")
    func report(_ days: Int64, _ people: Int64) throws -> JSON {
      try office.write("reportShelter", shelter, ["day": Self.day(office, days), "people": .integer(people)])
    }
    #expect(try report(-1, 30)["stateCode"] == "current")
    #expect(try Self.need(office, shelter) == 30)
    #expect(try report(0, 20)["stateCode"] == "current")
    #expect(try report(-2, 500)["stateCode"] == "past")
    #expect(try report(-1, 700)["stateCode"] == "current")
    #expect(try report(1, 900)["stateCode"] == "ahead")
    #expect(try Self.need(office, shelter) == 20)
    #expect(throws: Fault.self) { try report(3, 1) }
    #expect(throws: Fault.self) {
      try office.write("reportShelter", shelter, ["day": "2026", "people": 1])
    }
    // Nobody reported for two days: what was told is no longer so.
    office.now = office.now.advanced(byMilliseconds: 3 * 86_400_000)
    #expect(try Self.need(office, shelter) == 0)
  }

  @Test func `a shelter keeps its ward, closes by one rule whatever the button, and goes only when nobody is there`()
    throws
  {
    let office = try Wards().first
    let shelter = try office.write("addShelter", nil, ["name": "甲", "status": "開設"]).row
    #expect(try office.read("shelter", shelter)["openedAt"] != .null)
    for ward in ["13102", "99999"] {
      #expect(throws: Fault.self) { try office.write("changeShelter", shelter, ["ward": .text(ward)]) }
    }
    func isRefused(_ id: String, _ body: JSON = [:]) -> Bool {
      do {
        try office.write(id, shelter, body)
        return false
      } catch { return (error as? Fault)?.kind == .refused && (error as? Fault)?.japanese.contains("人") == true }
    }
    // By either count.
    let stay = try office.write("checkIn", shelter, ["name": "一"]).row
    for body: JSON in [["status": "閉鎖"], ["status": "未開設"]] { #expect(isRefused("changeShelter", body)) }
    #expect(isRefused("closeShelter", ["reason": "終わり"]) && isRefused("deleteShelter"))
    try office.write("checkOut", stay)
    try office.write("countHeads", shelter, ["people": 40])
    #expect(isRefused("changeShelter", ["status": "閉鎖"]) && isRefused("deleteShelter"))
    #expect(throws: Fault.self) { try office.write("changeShelter", shelter, ["status": .null]) }
    try office.write("countHeads", shelter, ["people": 0])
    try office.write("changeShelter", shelter, ["status": "閉鎖", "note": "全員帰宅"])
    let closed = try office.read("shelter", shelter)
    #expect(closed["closedAt"].integer == office.now.milliseconds && closed["notes"].list[0]["text"] == "全員帰宅")
    // Sums leave out whoever is still counted there, and say so.
    try office.edit(Shelter.records, shelter, [Shelter.occupancy.increment(by: 7)])
    #expect(try Self.totals(office) == [[1, 0, 0, 7]])
    try office.write("changeShelter", shelter, ["status": "開設"])
    #expect(try office.read("shelter", shelter)["closedAt"] == .null)
    try office.write("countHeads", shelter, ["people": 0])
    try office.write("changeShelter", shelter, ["status": "閉鎖"])
    #expect(try office.read("shelter", shelter)["notes"].list[0]["text"].text?.contains("閉鎖") == true)
    try office.write("deleteShelter", shelter)
  }

  @Test(
    arguments: [
      "第１見本", "第1見本", "第一見本", "見本小学校（体育館）", "見本小学校(体育館)", "見本小学校 体育館", "見本８丁目", "見本8丁目", "見本八丁目", "見本8-1-2", "富ケ谷",
      "富ヶ谷", "富が谷", "だいいち", "ﾀﾞｲｲﾁ", "ダイイチ", "二十一番", "ＭＩＨＯＮ", "丁目", "髙見", "高見", "館）", "ヶ谷", "１番２号",
    ])
  func `a shelter is found by any part of its name, kana and address, in any spelling`(typed: String) throws {
    let office = try Wards().first
    let shelter = try office.write(
      "addShelter", nil,
      [
        "name": "第１見本小学校（体育館） 富ヶ谷・髙見 Mihon", "kana": "ダイイチミホンショウガッコウ", "address": "渋谷区見本８丁目１番２号 二十一番館",
      ]
    ).row
    try office.write("addShelter", nil, ["name": "乙中学校", "address": "港区乙三"])
    #expect(try office.read("shelters", nil, ["q": .text(typed)])["shelters"].list.map(\.row) == [shelter])
  }

  @Test func `every part of a shelter's text finds it`() throws {
    for text in ["東京都渋谷区富ヶ谷二丁目１０番１５号（旧・佐々木邸）", "トウキョウトリツダイ２コウトウガッコウ", "区立ﾊﾟｰｸﾀﾜｰ㈱ビル３Ｆ"] {
      let letters = Array(text)
      for start in letters.indices {
        for end in start..<letters.count {
          let part = String(letters[start...end])
          #expect(PlaceKey.isPart(part, of: [text]), "\(part) of \(text)")
        }
      }
    }
    #expect(!PlaceKey.isPart("見本小", of: ["乙中学校", "港区乙三"]))
    #expect(PlaceKey.isPart("21丁目", of: ["見本二十一丁目"]) && PlaceKey.isPart("二十一丁目", of: ["見本２１丁目"]))
  }
}
