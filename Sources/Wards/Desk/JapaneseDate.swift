import Causality
import Foundation

/// Dates as people in Japan write them, in any width: `1950/4/1`, `1950年4月1日`, `19500401`, `昭和25年4月1日`, `S25.4.1`,
/// `昭和二十五年四月一日`.
enum JapaneseDate {
  enum Reading: Hashable {
    /// `1950-04-01`, `1950-04` or `1950`.
    case date(String)
    /// It looks like a date, and there was no such day: what is wrong, in both languages.
    case never(ja: String, en: String)
    case noDate
  }

  /// The year before each era's first (its year 1 is 元年), and its days: on the day of a change both eras' names were right
  /// until 1989.
  private static let eras: [(names: [String], before: Int, days: ClosedRange<String>)] = [
    (["令和", "令", "R"], 2018, "2019-05-01"..."9999-12-31"), (["平成", "平", "H"], 1988, "1989-01-08"..."2019-04-30"),
    (["昭和", "昭", "S"], 1925, "1926-12-25"..."1989-01-07"), (["大正", "大", "T"], 1911, "1912-07-30"..."1926-12-25"),
    (["明治", "明", "M"], 1867, "1868-01-01"..."1912-07-30"),
  ]

  private static let years = 1868...2200

  static func read(_ text: String) -> Reading {
    var rest = arabic(text).uppercased().filter { !$0.isWhitespace }
    if rest.hasPrefix("西暦") { rest.removeFirst(2) }
    let era = eras.first { $0.names.contains(where: rest.hasPrefix) }
    if let name = era?.names.first(where: rest.hasPrefix) {
      rest = String(rest.dropFirst(name.count)).replacing("元", with: "1")
    }
    // Only what stands between the parts of a date.
    guard rest.allSatisfy({ ("0"..."9").contains($0) || "/-.年月日".contains($0) || "‐‑–−ー".contains($0) }) else {
      return .noDate
    }
    let parts = rest.split { !("0"..."9").contains($0) }
    var numbers = parts.compactMap { $0.count <= 8 ? Int($0) : nil }
    guard (1...3).contains(parts.count), numbers.count == parts.count else { return .noDate }
    if era == nil {
      if parts.count == 1, parts[0].count == 8 {
        numbers = [numbers[0] / 10_000, numbers[0] / 100 % 100, numbers[0] % 100]
      } else if parts[0].count != 4 {
        return .noDate
      }
    }
    numbers[0] += era?.before ?? 0
    guard years.contains(numbers[0]) else { return .noDate }
    let month = numbers.count > 1 ? numbers[1] : 1
    guard (1...12).contains(month), (1...days(numbers[0], month)).contains(numbers.count > 2 ? numbers[2] : 1) else {
      return .never(ja: "「\(text)」という日はありません", en: "there is no such day: \(text)")
    }
    func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
    let date = (["\(numbers[0])"] + numbers.dropFirst().map(two)).joined(separator: "-")
    if let era, !era.days.overlaps(first(of: date)...last(of: date)) {
      let (begin, end) = (era.days.lowerBound, era.days.upperBound)
      let isOver = end < "9999"
      return .never(
        ja: "「\(text)」という日はありません。\(era.names[0])は \(begin) から\(isOver ? " \(end) まで" : "")です",
        en: "there was no such day: \(text). \(era.names[0]) is from \(begin)\(isOver ? " to \(end)" : "") on")
    }
    return .date(date)
  }

  /// The first and the last day of what may be a month or a year alone.
  static func first(of date: String) -> String { date + "-01-01".suffix(10 - date.utf8.count) }
  static func last(of date: String) -> String {
    let parts = date.split(separator: "-").compactMap { Int($0) }
    return parts.count == 1 ? date + "-12-31" : parts.count == 2 ? "\(date)-\(days(parts[0], parts[1]))" : date
  }

  /// Of a month.
  static func days(_ year: Int, _ month: Int) -> Int {
    let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
    return [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1]
  }

  /// Days of a date since 1970-01-01 (Howard Hinnant, "chrono-compatible low-level date algorithms": days_from_civil).
  static func number(of date: String) -> Int64 {
    let parts = date.split(separator: "-").compactMap { Int64($0) }
    guard parts.count == 3 else { return 0 }
    let year = parts[1] <= 2 ? parts[0] - 1 : parts[0]
    let (era, month) = (year / 400, (parts[1] + 9) % 12)
    let inEra = year - era * 400
    return era * 146_097 + inEra * 365 + inEra / 4 - inEra / 100 + (153 * month + 2) / 5 + parts[2] - 1 - 719_468
  }

  private static let digits: [Character: Int] = [
    "〇": 0, "零": 0, "一": 1, "二": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7, "八": 8, "九": 9,
  ]
  private static let units: [Character: Int] = ["十": 10, "百": 100, "千": 1_000]

  /// A text in which every number has plain digits: 二十五 and ２５ are 25, 一九五〇 is 1950.
  static func arabic(_ text: String) -> String {
    var result = ""
    var run: [Character] = []
    func number() -> String {
      guard run.contains(where: { units[$0] != nil }) else {
        return String(run.map { Character("\(digits[$0] ?? 0)") })
      }
      var (sum, last) = (0, 0)
      for character in run.prefix(8) {
        if let unit = units[character] {
          sum += max(last, 1) * unit
          last = 0
        } else {
          last = digits[character] ?? 0
        }
      }
      return "\(sum + last)"
    }
    for character in text.precomposedStringWithCompatibilityMapping {
      if digits[character] != nil || units[character] != nil {
        run.append(character)
      } else {
        if !run.isEmpty { result += number() }
        run = []
        result.append(character)
      }
    }
    return run.isEmpty ? result : result + number()
  }
}

/// The calendar day in Japan, where there is no summer time.
public enum JapaneseDay {
  /// As `2026-11-25`.
  public static func text(_ now: Instant) -> String {
    let parts = parts(of: now)
    return String(format: "%d-%02d-%02d", Int(parts.tm_year) + 1_900, parts.tm_mon + 1, parts.tm_mday)
  }

  /// As `2026-11-25 19:03`.
  public static func time(_ now: Instant) -> String {
    let parts = parts(of: now)
    return text(now) + String(format: " %02d:%02d", parts.tm_hour, parts.tm_min)
  }

  /// As `2026-11-25T19:03:09`: Japan's time, without saying so.
  public static func local(_ now: Instant) -> String {
    let parts = parts(of: now)
    return text(now) + String(format: "T%02d:%02d:%02d", parts.tm_hour, parts.tm_min, parts.tm_sec)
  }

  /// Days of a whole date since 1970-01-01; nil for a month or a year alone.
  public static func number(_ date: String) -> Int64? { date.utf8.count == 10 ? JapaneseDate.number(of: date) : nil }

  /// The date of a day since 1970-01-01.
  public static func date(_ number: Int64) -> String {
    text(Instant(milliseconds: (number * 24 - 9) * 3_600_000))
  }

  private static func parts(of now: Instant) -> tm {
    var time = time_t(now.milliseconds / 1_000 + 9 * 3_600)
    var parts = tm()
    gmtime_r(&time, &parts)
    return parts
  }
}
