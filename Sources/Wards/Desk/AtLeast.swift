/// A sum of figures of which some are not known: what is unknown is not nought.
public struct AtLeast: Hashable, Sendable {
  /// Of those that are known; nil where none is.
  public private(set) var known: Int64?
  public private(set) var unknown = 0

  public init(known: Int64?, unknown: Int) { (self.known, self.unknown) = (known?.held, unknown) }

  public init(_ figures: some Sequence<Int64?>) { for figure in figures { add(figure) } }

  public mutating func add(_ figure: Int64?) {
    if let figure { known = ((known ?? 0) + figure.held).held } else { unknown += 1 }
  }

  /// `1,200`; `1,200 以上(不明1)`; `不明` where nothing is known.
  public var words: Words {
    let total = known.map { Self.grouped($0) }
    guard unknown > 0 else { return Words(total ?? "0", total ?? "0") }
    guard let total else { return Words("不明", "not known") }
    return Words("\(total) 以上(不明\(unknown))", "\(total) or more (\(unknown) not known)")
  }

  /// In both languages, for an answer's member of `.words`.
  public var json: JSON { words.json }

  private static func grouped(_ number: Int64) -> String {
    var digits = Array(String(number.magnitude))
    for place in stride(from: digits.count - 3, to: 0, by: -3) { digits.insert(",", at: place) }
    return (number < 0 ? "-" : "") + String(digits)
  }
}

extension Words {
  /// For an answer's member of `.words`.
  public var json: JSON { ["ja": .text(ja), "en": .text(en)] }
}
