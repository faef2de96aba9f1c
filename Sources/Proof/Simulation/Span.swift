import Topology
import Yams

/// Spans of time as people write them in scenarios: `45s`, `5m`, `0h05`, `1h30`, `3d`, `2d06h`, `1d02h30m`.
public enum Span {
  private static let units: [Character: Moment] = ["d": 86_400, "h": 3_600, "m": 60, "s": 1]

  /// Microseconds; nil when it is no span. Digits that follow `h` without a unit are minutes.
  public static func parse(_ text: String) -> Moment? {
    var seconds: Moment = 0
    var digits = ""
    var last: Character?
    for character in text {
      if character.isASCII, character.isNumber {
        digits.append(character)
        guard digits.count <= 6 else { return nil }
      } else {
        guard let unit = units[character], let number = Moment(digits) else { return nil }
        seconds += number * unit
        digits = ""
        last = character
      }
    }
    if !digits.isEmpty {
      guard last == "h", let minutes = Moment(digits) else { return nil }
      seconds += minutes * 60
    } else if last == nil {
      return nil
    }
    return seconds * 1_000_000
  }

  /// `2d 06:05:04`, for people.
  public static func clock(_ moment: Moment) -> String {
    func two(_ number: Moment) -> String { number < 10 ? "0\(number)" : "\(number)" }
    let seconds = moment / 1_000_000
    let days = seconds / 86_400
    let time = "\(two(seconds / 3_600 % 24)):\(two(seconds / 60 % 60)):\(two(seconds % 60))"
    return days > 0 ? "\(days)d \(time)" : time
  }
}

/// A figure that changes over time, straight between the points that are given and level after the last.
struct Curve {
  /// In the order of time; at least one.
  var points: [(at: Moment, value: Double)]

  func value(at moment: Moment) -> Double {
    guard let after = points.firstIndex(where: { $0.at > moment }) else { return points.last!.value }
    guard after > 0 else { return points[0].value }
    let (a, b) = (points[after - 1], points[after])
    return a.value + (b.value - a.value) * Double(moment - a.at) / Double(b.at - a.at)
  }

  var highest: Double { points.map(\.value).max()! }
}

extension Fields {
  func span(_ name: String) throws(TopologyError) -> Moment {
    guard let span = Span.parse(try text(name)) else {
      throw fault(name, "must be a span of time such as 45s, 5m, 1h30 or 3d")
    }
    return span
  }

  func span(_ name: String, or usual: Moment) throws(TopologyError) -> Moment {
    has(name) ? try span(name) : usual
  }

  func integer(_ name: String, _ range: ClosedRange<Int>, or usual: Int) throws(TopologyError) -> Int {
    has(name) ? try integer(name, range) : usual
  }

  func number(_ name: String, _ range: ClosedRange<Double>, or usual: Double) throws(TopologyError) -> Double {
    has(name) ? try number(name, range) : usual
  }

  func flag(_ name: String) throws(TopologyError) -> Bool {
    guard has(name) else { return false }
    guard let flag = try node(name).bool else { throw fault(name, "must be true or false") }
    return flag
  }

  /// One text, or a list of texts.
  func texts(_ name: String) throws(TopologyError) -> [String] {
    guard has(name) else { return [] }
    if let text = try node(name).scalar?.string { return [text] }
    return try list(name).map { node throws(TopologyError) in
      guard let text = node.scalar?.string else { throw fault(name, "must be a list of texts", at: node) }
      return text
    }
  }

  /// A number, or a mapping from spans of time to numbers.
  func curve(_ name: String, _ range: ClosedRange<Double>) throws(TopologyError) -> Curve {
    guard let mapping = try node(name).mapping else {
      return Curve(points: [(0, try number(name, range))])
    }
    var points: [(at: Moment, value: Double)] = []
    for (key, value) in mapping {
      guard let at = Span.parse(key.scalar?.string ?? ""), let number = value.float, range.contains(number) else {
        throw fault(name, "must map spans of time to numbers from \(range.lowerBound) to \(range.upperBound)", at: key)
      }
      guard points.last.map({ $0.at < at }) ?? true else { throw fault(name, "must go forward in time", at: key) }
      points.append((at, number))
    }
    guard !points.isEmpty else { throw fault(name, "needs a point or more") }
    return Curve(points: points)
  }
}
