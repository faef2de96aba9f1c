import Causality
import Foundation

/// Dates as people in Japan write them, in any width: `1950/4/1`, `1950年4月1日`, `19500401`, `昭和25年4月1日`, `S25.4.1`.
enum JapaneseDate {
  /// The year before each era's first (its year 1 is 元年).
  private static let eras: [(names: [String], before: Int)] = [
    (["令和", "R"], 2018), (["平成", "H"], 1988), (["昭和", "S"], 1925), (["大正", "T"], 1911), (["明治", "M"], 1867),
  ]

  /// - Returns: `1950-04-01`, `1950-04` or `1950`; the text as it is when it is no such date: what reads it says so.
  static func plain(_ text: String) -> String {
    var rest = text.precomposedStringWithCompatibilityMapping.uppercased().filter { !$0.isWhitespace }
    var before = 0
    for era in eras {
      guard let name = era.names.first(where: rest.hasPrefix) else { continue }
      before = era.before
      rest = String(rest.dropFirst(name.count)).replacing("元", with: "1")
      break
    }
    let parts = rest.split { !("0"..."9").contains($0) }
    // Only what stands between the parts of a date.
    guard rest.allSatisfy({ ("0"..."9").contains($0) || "/-.年月日".contains($0) || "‐‑–−ー".contains($0) }) else {
      return text
    }
    var numbers = parts.compactMap { $0.count <= 8 ? Int($0) : nil }
    if before == 0, parts.count == 1, parts[0].count == 8, let whole = numbers.first {
      numbers = [whole / 10_000, whole / 100 % 100, whole % 100]
    }
    guard (1...3).contains(numbers.count), numbers.count == parts.count || parts.count == 1,
      before > 0 || parts[0].count == 4 || parts[0].count == 8
    else { return text }
    func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
    return (["\(numbers[0] + before)"] + numbers.dropFirst().map(two)).joined(separator: "-")
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

  private static func parts(of now: Instant) -> tm {
    var time = time_t(now.milliseconds / 1_000 + 9 * 3_600)
    var parts = tm()
    gmtime_r(&time, &parts)
    return parts
  }
}
