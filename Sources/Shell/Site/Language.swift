import Desk
import Foundation

/// Numbers, ages and times as people read them.
extension Language {
  /// `1,234`, in both languages.
  public func number(_ number: Int64) -> String {
    let digits = String(number.magnitude)
    var grouped = ""
    for (index, digit) in digits.enumerated() {
      if index > 0, (digits.count - index).isMultiple(of: 3) { grouped.append(",") }
      grouped.append(digit)
    }
    return (number < 0 ? "−" : "") + grouped
  }

  public func bytes(_ count: Int64) -> String {
    count < 1_000_000 ? "\(number(max(1, count / 1_000))) kB" : String(format: "%.1f MB", Double(count) / 1_000_000)
  }

  /// How long something is ago.
  public func age(milliseconds: Int64) -> String {
    let seconds = max(0, milliseconds) / 1_000
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60)
    if days > 0 { return pick("\(days)日\(hours)時間前", "\(days) d \(hours) h ago") }
    if hours > 0 { return pick("\(hours)時間\(minutes)分前", "\(hours) h \(minutes) min ago") }
    if minutes > 0 { return pick("\(minutes)分前", "\(minutes) min ago") }
    return pick("\(seconds)秒前", "\(seconds) s ago")
  }

  /// A time of the wards' clocks: JST has no summer time.
  public func time(_ milliseconds: Int64) -> String {
    let parts = Self.parts(milliseconds)
    return String(
      format: "%d-%02d-%02d %02d:%02d", Int(parts.tm_year) + 1_900, parts.tm_mon + 1, parts.tm_mday, parts.tm_hour,
      parts.tm_min)
  }

  /// The same to the second: of two things that were written at once.
  public func exactTime(_ milliseconds: Int64) -> String {
    time(milliseconds) + String(format: ":%02d", Self.parts(milliseconds).tm_sec)
  }

  private static func parts(_ milliseconds: Int64) -> tm {
    var time = time_t(milliseconds / 1_000 + 9 * 3_600)
    var parts = tm()
    gmtime_r(&time, &parts)
    return parts
  }
}
