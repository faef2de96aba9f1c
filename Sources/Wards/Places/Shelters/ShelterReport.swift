import Causality
import ChangeModel
import Desk

/// 日報: what a shelter tells its ward each day. Numbers only, so that every ward can read them.
public enum ShelterReport {
  public static let shelter = Field.row(1, "shelter", of: "shelters", "避難所", "Shelter")
  public static let day = Field.date(2, "day", "日付", "Day")
  public static let people = Field.integer(3, "people", 0...1_000_000, "避難者数", "People")
  public static let households = Field.integer(4, "households", 0...1_000_000, "世帯数", "Households")
  public static let outside = Field.integer(5, "outside", 0...1_000_000, "在宅・車中避難者数", "People outside who are served")
  public static let ages = Field.counts(6, "ages", PeopleWords.ages, "年齢区分", "By age")
  public static let needs = Field.counts(7, "needs", PeopleWords.needs, "配慮が必要な人の内訳", "By need")
  public static let meals = Field.integer(8, "meals", 0...10_000_000, "配食数", "Meals served")
  public static let staff = Field.integer(9, "staff", 0...100_000, "職員数", "Staff")
  public static let volunteers = Field.integer(10, "volunteers", 0...100_000, "ボランティア数", "Volunteers")
  public static let power = Field<Supply>.word(11, "power", "電気", "Power")
  public static let mains = Field<Supply>.word(12, "mains", "水道", "Mains water")
  public static let health = Field.text(13, "health", 1_000, "健康状態", "Health")
  public static let requests = Field.text(14, "requests", 1_000, "要望", "Requests")
  public static let reportedAt = Field.time(15, "reported_at", "報告日時", "Reported at")
  public static let reportedBy = Field.user(16, "reported_by", "報告者", "Reported by")
  public static let ward = Field.ward(17, "ward", of: .first, "区コード", "Ward")

  public static let records = Records(
    51, "shelter_reports", "日報", "Daily report", lane: .life, law: .keptByMaker,
    reader: .roles(.staff, at: .field(shelter)),
    fields: [
      shelter, day, people, households, outside, ages, needs, meals, staff, volunteers, power, mains, health, requests,
      reportedAt, reportedBy, ward,
    ],
    title: [day, shelter],
    // Paper is typed in later: what it says is of its day.
    states: [
      State("ahead", "先の日付(必要数に使わない)", "of a day to come: not counted", .open) { report, inquiry in
        (report[day] ?? "") > days(inquiry.now).today
      },
      State("current", "必要数に使う日", "counts for what is needed", .underWay) { report, inquiry in
        let days = days(inquiry.now)
        return report[day] == days.today || report[day] == days.yesterday
      }, .otherwise("past", "過ぎた日付(必要数に使わない)", "of a day past: not counted", .ended),
    ], takesOwnItems: true,
    indexes: [[shelter, reportedAt], [day]])

  /// The days whose reports say what is needed: the newer one, where a shelter has given both.
  public static func days(_ now: Instant) -> (today: String, yesterday: String) {
    (JapaneseDay.text(now), JapaneseDay.text(now.advanced(byMilliseconds: -86_400_000)))
  }
}

extension ShelterReport {
  /// What a desk reports; where, when and who follows from the desk.
  static let form = [
    day.needed, people.needed, households.asked, outside.asked, ages.asked, needs.asked, meals.asked, staff.asked,
    volunteers.asked, power.asked, mains.asked, health.asked, requests.asked,
  ]
}

/// Whether a supply works.
public enum Supply: String, Word {
  case on = "使用可"
  case off = "停止"
  case partial = "一部"
  case unknown = "不明"

  public var code: String {
    switch self {
    case .on: "on"
    case .off: "off"
    case .partial: "partial"
    case .unknown: "unknown"
    }
  }
}
