import Causality
import Foundation

/// 生年月日 as far as it is known: a day, a month or a year; about a year; an age and the day on which it was said; or unknown.
///
/// Kept as `1950-04-01`, `1950-04` or `1950` where it is a date, else as it was entered: `昭和25年頃`, `50歳くらい(2026-11-29)`, `不明`.
public struct Birth: Hashable, Sendable {
  /// As it is kept, but for the day of an age that bears none yet.
  public let text: String
  /// The days between which it lies; nil: nobody knows.
  public let days: ClosedRange<String>?
  /// An age without the day on which it was said means nothing a year later.
  let needsDay: Bool

  public enum Problem: Error, Hashable { case noBirth, never(ja: String, en: String) }

  /// Marks of what is only nearly so, before and after it.
  private static let before = ["約", "およそ", "おおよそ", "だいたい", "大体", "推定", "たぶん", "多分", "ABOUT", "CIRCA", "CA."]
  private static let after = ["くらい", "ぐらい", "前後", "ごろ", "ころ", "位", "頃", "?"]
  /// What says no more than that it is a birth.
  private static let born = ["生まれ", "うまれ", "生"]
  private static let unknown: Set<String> = [
    "不明", "不詳", "未詳", "わからない", "分からない", "わかりません", "分かりません", "未確認", "?", "UNKNOWN",
  ]
  /// Of what was said to be nearly so, and of an age that somebody told; our assumption.
  private static let yearsAbout = 2
  private static let oldest = 130

  /// - Parameter today: the day on which it is said, `2026-11-29`; of what is kept already, any.
  public init(_ entered: String, today: String = "2200-12-31") throws(Problem) {
    let given = entered.trimmingCharacters(in: .whitespacesAndNewlines)
    switch JapaneseDate.read(given) {
    case .date(let date):
      (text, days, needsDay) = (date, JapaneseDate.first(of: date)...JapaneseDate.last(of: date), false)
      return
    case .never(let ja, let en): throw .never(ja: ja, en: en)
    case .noDate: break
    }
    var plain = JapaneseDate.arabic(given).uppercased().filter { !$0.isWhitespace }
    guard !Self.unknown.contains(plain) else {
      (text, days, needsDay) = (given, nil, false)
      return
    }
    // The day on which an age was said stands behind it.
    var said: String?
    if let open = plain.lastIndex(of: "("), plain.hasSuffix(")") {
      guard case .date(let day) = JapaneseDate.read(String(plain[plain.index(after: open)...].dropLast())),
        day.utf8.count == 10
      else { throw .noBirth }
      said = day
      plain = String(plain[..<open])
    }
    if plain.hasPrefix("満") { plain.removeFirst() }
    if plain.hasPrefix("AGE") { plain = plain.dropFirst(plain.hasPrefix("AGED") ? 4 : 3) + "歳" }
    var isAbout = false
    while let mark = Self.before.first(where: plain.hasPrefix) {
      plain.removeFirst(mark.count)
      isAbout = true
    }
    while let mark = (Self.after + Self.born).first(where: plain.hasSuffix) {
      plain.removeLast(mark.count)
      isAbout = isAbout || Self.after.contains(mark)
    }
    // A number alone, of three digits at most, is no year: whoever is asked how old they are says so.
    let isBare = said == nil && (1...3).contains(plain.count) && plain.allSatisfy { ("0"..."9").contains($0) }
    if isBare { plain += "歳" }
    if let age = Self.age(plain) {
      let slack = isAbout ? Self.yearsAbout : 1
      let day = said ?? today
      guard let year = Int(day.prefix(4)), age.upperBound <= Self.oldest else { throw .noBirth }
      let first = year - age.upperBound - 1 - slack
      (text, needsDay) = (isBare ? plain : given, said == nil)
      // Nobody is born after it was said.
      days = "\(first)\(day.dropFirst(4))"..."\(min(year - age.lowerBound + slack, year))\(day.dropFirst(4))"
      return
    }
    guard said == nil else { throw .noBirth }
    let isDecade = plain.hasSuffix("年代")
    switch JapaneseDate.read(isDecade ? String(plain.dropLast()) : plain) {
    case .never(let ja, let en): throw .never(ja: ja, en: en)
    case .noDate: throw .noBirth
    case .date(let date):
      if !isAbout, !isDecade {
        (text, days, needsDay) = (date, JapaneseDate.first(of: date)...JapaneseDate.last(of: date), false)
        return
      }
      let year = Int(date.prefix(4)) ?? 0
      let years = isDecade ? year...(year + 9) : (year - Self.yearsAbout)...(year + Self.yearsAbout)
      (text, days, needsDay) = (given, "\(years.lowerBound)-01-01"..."\(years.upperBound)-12-31", false)
    }
  }

  /// `50歳`, `50才`: whole years; `50代`: ten of them; `6か月`, `生後3週`: none yet.
  private static func age(_ text: String) -> ClosedRange<Int>? {
    let rest = text.hasPrefix("生後") ? String(text.dropFirst(2)) : text
    let number = rest.prefix { ("0"..."9").contains($0) }
    guard (1...3).contains(number.count), let years = Int(number) else { return nil }
    let unit = rest.dropFirst(number.count)
    switch unit {
    case "歳", "才", "さい", "歳半", "才半", "YEARSOLD", "YEARS": return years...years
    case "代", "歳代", "才代": return years % 10 == 0 && years >= 10 ? years...(years + 9) : nil
    case "代前半", "歳代前半": return years % 10 == 0 ? years...(years + 4) : nil
    case "代後半", "歳代後半": return years % 10 == 0 ? (years + 5)...(years + 9) : nil
    case "か月", "ヶ月", "ケ月", "カ月", "ヵ月", "箇月", "か月児", "MONTHS": return (years / 12)...(years / 12)
    case "週", "週間", "日": return 0...0
    default: return nil
    }
  }

  /// As it is kept, said today.
  ///
  /// - Throws: when it lies in the future.
  func kept(today: String) throws(Problem) -> String {
    if let days, days.lowerBound > today {
      throw .never(ja: "「\(text)」は未来の日付です", en: "\(text) is in the future")
    }
    return needsDay ? "\(text)(\(today))" : text
  }

  /// Whether two that are kept may be of one person: where one is not known, they may.
  public static func mayAgree(_ one: String?, _ other: String?) -> Bool {
    guard let one = days(one), let other = days(other) else { return true }
    return one.overlaps(other)
  }

  /// Whether both are known, and may be of one person.
  public static func agree(_ one: String?, _ other: String?) -> Bool {
    days(one) != nil && days(other) != nil && mayAgree(one, other)
  }

  /// The days between which a birth that is kept lies; nil for what is unknown, and for what is none.
  public static func days(_ kept: String?) -> ClosedRange<String>? { kept.flatMap { try? Birth($0) }?.days }

  /// Whole years on a day: the fewest and the most that it may be; nil where nobody knows.
  public static func ages(_ kept: String?, on today: String) -> ClosedRange<Int>? {
    guard let days = days(kept) else { return nil }
    func age(_ day: String) -> Int {
      let years = (Int(today.prefix(4)) ?? 0) - (Int(day.prefix(4)) ?? 0)
      return max(0, today.dropFirst(4) < day.dropFirst(4) ? years - 1 : years)
    }
    return age(days.upperBound)...max(age(days.upperBound), age(days.lowerBound))
  }
}
