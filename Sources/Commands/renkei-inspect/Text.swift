import Foundation
import Inspection
import Terminal

/// Sizes, times and spans as a person reads them.
enum Text {
  static func bytes(_ count: Int) -> String {
    switch count {
    case ..<1_024: "\(count) B"
    case ..<(1 << 20): String(format: "%.1f KiB", Double(count) / 1_024)
    case ..<(1 << 30): String(format: "%.1f MiB", Double(count) / 1_048_576)
    default: String(format: "%.2f GiB", Double(count) / 1_073_741_824)
    }
  }

  static func rate(_ bits: Double) -> String {
    switch bits {
    case ..<10_000: String(format: "%.0f bit/s", bits)
    case ..<1_000_000: String(format: "%.0f kbit/s", bits / 1_000)
    case ..<1_000_000_000: String(format: "%.0f Mbit/s", bits / 1_000_000)
    default: String(format: "%.0f Gbit/s", bits / 1_000_000_000)
    }
  }

  static func span(_ seconds: Double) -> String {
    let (ja, en): (String, String) =
      switch seconds {
      case ..<0.05: ("0.1 秒未満", "< 0.1 s")
      case ..<10: (String(format: "%.1f 秒", seconds), String(format: "%.1f s", seconds))
      case ..<120: (String(format: "%.0f 秒", seconds), String(format: "%.0f s", seconds))
      case ..<7_200: (String(format: "%.0f 分", seconds / 60), String(format: "%.0f min", seconds / 60))
      case ..<172_800: (String(format: "%.1f 時間", seconds / 3_600), String(format: "%.1f h", seconds / 3_600))
      default: (String(format: "%.0f 日", seconds / 86_400), String(format: "%.0f d", seconds / 86_400))
      }
    return Language.pick(ja, en)
  }

  static func ago(_ milliseconds: Int64?, now: Int64) -> String {
    guard let milliseconds else { return "–" }
    let seconds = (Double(now) - Double(milliseconds)) / 1_000
    if seconds < 0 { return Language.pick("\(span(-seconds))先", "\(span(-seconds)) ahead") }
    return Language.pick("\(span(seconds))前", "\(span(seconds)) ago")
  }

  /// `1 conflict`, `2 conflicts`.
  static func count(_ number: Int, _ noun: String) -> String { "\(number) \(noun)\(number == 1 ? "" : "s")" }

  /// A node as people name it in every command: `13113-1`, and in a later epoch `13113-1.2`.
  ///
  /// - Parameter number: as change sets bear it: `12.1` or `12.1.2`.
  static func node(_ number: String, _ ward: String?) -> String {
    let parts = number.split(separator: ".")
    guard let ward, parts.count >= 2 else { return number }
    return "\(ward)-\(parts[1])" + (parts.count > 2 && parts[2] != "0" ? ".\(parts[2])" : "")
  }

  /// Local time, to the second, with its zone.
  static func time(_ milliseconds: Int64?) -> String {
    guard let milliseconds, abs(milliseconds / 1_000) < 1 << 40 else { return "–" }
    var seconds = time_t(milliseconds / 1_000)
    var parts = tm()
    localtime_r(&seconds, &parts)
    var buffer = [CChar](repeating: 0, count: 32)
    let count = strftime(&buffer, buffer.count, "%Y-%m-%d %H:%M:%S %z", &parts)
    return String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// From `2026-01-17`, `2026-01-17T05:46`, with seconds or not, in local time or with a zone (`+0900`, `Z`); `18:00` of today;
  /// and `10m`, `2h`, `3d` ago.
  static func parse(_ text: String, now: Int64 = WallClock.milliseconds) -> Int64? {
    let spans: [Character: Int64] = ["s": 1, "m": 60, "h": 3_600, "d": 86_400]
    if let unit = text.last.flatMap({ spans[$0] }), let number = Int64(text.dropLast()), (0...1 << 32).contains(number)
    {
      return now - number * unit * 1_000
    }
    if let match = text.wholeMatch(of: /([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}))?/) {
      return parse(time(now).prefix(10) + " " + match.output.0)
    }
    if let match = text.wholeMatch(of: /(.*[0-9]) ?(?:Z|([+-])([0-9]{2}):?([0-9]{2}))/), match.output.1.count > 10 {
      guard let local = parse(String(match.output.1)) else { return nil }
      // As if it were local, then from this zone to that.
      var seconds = time_t(local / 1_000)
      var parts = tm()
      localtime_r(&seconds, &parts)
      let hours = Int64(match.output.3.map { String($0) } ?? "0") ?? 0
      let minutes = Int64(match.output.4.map { String($0) } ?? "0") ?? 0
      let offset = (hours * 60 + minutes) * 60 * (match.output.2 == "-" ? -1 : 1)
      return local + (Int64(parts.tm_gmtoff) - offset) * 1_000
    }
    let digits = text.split(whereSeparator: { "-T :".contains($0) }).map { Int32($0) }
    guard (3...6).contains(digits.count), !digits.contains(nil) else { return nil }
    let numbers = digits.map { $0! } + [0, 0, 0]
    guard (1_970...9_999).contains(numbers[0]), (1...12).contains(numbers[1]), (1...31).contains(numbers[2]),
      (0...23).contains(numbers[3]), (0...59).contains(numbers[4]), (0...59).contains(numbers[5])
    else { return nil }
    var parts = tm()
    (parts.tm_year, parts.tm_mon, parts.tm_mday) = (numbers[0] - 1_900, numbers[1] - 1, numbers[2])
    (parts.tm_hour, parts.tm_min, parts.tm_sec, parts.tm_isdst) = (numbers[3], numbers[4], numbers[5], -1)
    return Int64(mktime(&parts)) * 1_000
  }

  static func lane(_ name: String) -> String {
    Language.pick(["control": "管理", "life": "人命", "supply": "物資", "registry": "台帳"][name] ?? name, name)
  }

  static func road(_ kind: String) -> String {
    let names = [
      "fibre": "光回線", "leased": "専用線", "mobile": "携帯網", "satellite": "衛星", "radio": "防災無線", "wifi": "無線 LAN",
    ]
    return Language.pick(names[kind] ?? kind, kind)
  }

  static func log(_ log: LogReference) -> String { "\(lane(log.lane)) \(log.author)" }

  /// How wide the terminal is; nil when this is none, and nothing is to be cut.
  static var width: Int? {
    guard isatty(STDOUT_FILENO) == 1 else { return nil }
    var size = winsize()
    return ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0 ? Int(size.ws_col) : nil
  }
}
