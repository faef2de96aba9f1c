import Causality
import ChangeModel
import Desk
import Foundation
import Testing

/// Dates, births and times as people and programs give them.
struct BirthTests {
  /// `Instant.test` in Japan.
  private static let today = JapaneseDay.text(.test)

  private static func kept(_ typed: String) throws -> String? {
    try Wards().first.write("registerResident", nil, ["familyName": "見本", "birth": .text(typed)])["birth"].text
  }

  @Test(arguments: [
    ("昭和二十五年四月一日", "1950-04-01"), ("一九五〇年四月一日", "1950-04-01"), ("昭25.4.1", "1950-04-01"), ("昭和64年1月7日", "1989-01-07"),
    ("昭和25年4月1日生まれ", "1950-04-01"), ("西暦1950年", "1950"), ("明治45年7月30日", "1912-07-30"), ("㍼25年", "1950"),
    ("昭和25年頃", "昭和25年頃"), ("1950年ごろ", "1950年ごろ"), ("昭和20年代", "昭和20年代"), ("不明", "不明"), ("unknown", "unknown"),
  ]) func `a birth is taken as far as it is known`(typed: String, kept: String) throws {
    #expect(try Self.kept(typed) == kept)
  }

  @Test(arguments: ["50歳", "５０才", "五十歳", "50歳くらい", "約50歳", "50代", "生後6か月", "age 50"])
  func `an age bears the day on which it was said, once`(typed: String) throws {
    let kept = try #require(try Self.kept(typed))
    #expect(kept == "\(typed)(\(Self.today))")
    // A form that is sent again unchanged says the same.
    #expect(try Self.kept(kept) == kept)
  }

  @Test(arguments: ["50", "８", "百二"])
  func `a number alone is an age, and is kept as one`(typed: String) throws {
    let kept = try #require(try Self.kept(typed))
    #expect(kept.hasSuffix("歳(\(Self.today))"))
    #expect(try Self.kept(kept) == kept)
  }

  @Test(arguments: [
    "昭和64年3月1日", "昭和元年1月1日", "平成31年5月1日", "大正15年12月26日", "令和元年4月30日", "昭和65年", "1950-02-30", "昭和25年13月1日", "2200-01-01",
    "令和60年", "2199年頃", "200歳", "だいぶ前", "131", "25歳(昨日)", "50歳(2026)",
  ]) func `a day that never was or is not yet is refused with words`(typed: String) throws {
    do {
      _ = try Self.kept(typed)
      Issue.record("\(typed) was taken")
    } catch let fault as Fault {
      #expect(fault.field == "birth" && !fault.japanese.isEmpty && !fault.english.isEmpty)
    }
  }

  @Test func `tomorrow is no day of birth, today is`() throws {
    let tomorrow = JapaneseDay.text(Instant.test.advanced(byMilliseconds: 2 * 86_400_000))
    #expect(throws: Fault.self) { try Self.kept(tomorrow) }
    #expect(try Self.kept(Self.today) == Self.today)
  }

  @Test func `births that are known less well are compared by the days that they may be`() {
    for (one, other) in [
      ("1950-04-01", "1950"), ("1950-04-01", "昭和25年頃"), ("1948", "昭和25年頃"), ("1976-05-05", "50歳(2026-11-29)"),
      ("50代(2026-11-29)", "1970"), ("1950-04", "1950-04-30"),
    ] {
      #expect(Birth.agree(one, other) && Birth.agree(other, one), "\(one) \(other)")
    }
    for (one, other) in [("1950-04-01", "1951"), ("1980", "50歳(2026-11-29)"), ("1950-04-01", "1950-04-02")] {
      #expect(!Birth.mayAgree(one, other), "\(one) \(other)")
    }
    #expect(Birth.mayAgree("不明", "1950") && Birth.mayAgree(nil, "1950") && !Birth.agree("不明", "1950"))
  }

  @Test func `somebody is found by what is known of the birth`() throws {
    let office = try Wards().first
    let shelter = try office.shelter("第一", ward: "13101")
    for (name, birth) in [("見本一", "50歳"), ("見本二", "昭和25年頃"), ("見本三", "不明"), ("見本四", "1950-04-01"), ("見本五", "1990")] {
      try office.write("registerResident", nil, ["familyName": .text(name), "birth": .text(birth)])
      try office.write("checkIn", shelter, ["name": .text(name), "birth": .text(birth)])
    }
    func names(_ id: String, _ list: String, _ query: JSON) throws -> Set<String> {
      Set(
        try office.read(id, nil, query)[list].list.compactMap {
          ($0["person"]["familyName"].text ?? $0["person"]["name"].text ?? $0["familyName"].text)
        })
    }
    #expect(try names("searchResidents", "residents", ["name": "見本", "birth": "1950-04-01"]) == ["見本二", "見本三", "見本四"])
    #expect(try names("searchResidents", "residents", ["birth": "1950-04-01"]) == ["見本二", "見本四"])
    #expect(try names("searchPeople", "people", ["name": "見本", "birth": "昭和25年"]) == ["見本二", "見本三", "見本四"])
    #expect(try names("searchResidents", "residents", ["birth": "1990年頃"]) == ["見本五"])
    #expect(try office.read("shelterPicture", shelter)["register"]["ages"]["不明"] == 1)
  }

  @Test func `a time without seconds or offset is taken, and seconds for milliseconds are refused with words`() throws {
    let office = try Wards().first
    let shelter = try office.shelter("第一", ward: "13101")
    func arrived(_ time: JSON) throws -> Int64? {
      try office.write("checkIn", shelter, ["name": "一", "arrivedAt": time])["arrivedAt"].integer
    }
    let noon: Int64 = 1_767_236_400_000  // 2026-01-01T12:00 in Japan
    for text in [
      "2026-01-01T12:00", "2026-01-01T12:00:00", "2026-01-01T12:00+09:00", "2026-01-01T03:00Z",
      "2026-01-01 12:00:00.000",
      "2026-01-01T02:30:00-0030", "2026-01-01T12+0900",
    ] {
      if text.contains(":") {
        #expect(try arrived(.text(text)) == noon, "\(text)")
      } else {
        #expect(throws: Fault.self) { try arrived(.text(text)) }
      }
    }
    #expect(try arrived(.integer(noon + 1)) == noon + 1)
    #expect(try arrived("2026-01-01T12:00:00.5+09:00") == noon + 500)
    for bad: JSON in [
      .integer(noon / 1_000), "2026-02-30T12:00", "2026-01-01T24:00", "2026-01-01T12:60", "2026-01-01", "12:00",
      .integer(noon * 1_000),
    ] {
      do {
        _ = try arrived(bad)
        Issue.record("\(bad) was taken")
      } catch let fault as Fault {
        #expect(fault.field == "arrivedAt" && !fault.japanese.isEmpty)
      }
    }
  }
}
