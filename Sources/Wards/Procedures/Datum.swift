/// What an answer, an act or an expression comes to. There are no reals: money is whole yen, ratios are per mille.
public indirect enum Datum: Hashable, Sendable {
  /// Not answered.
  case null
  case flag(Bool)
  case integer(Int64)
  case text(String)
  case list([Datum])
  case map([String: Datum])

  /// As a definition's tests and a form's texts say it.
  public init(plain text: String) {
    switch text {
    case "true": self = .flag(true)
    case "false": self = .flag(false)
    case "null": self = .null
    default: self = Int64(text).map { .integer($0) } ?? .text(text)
    }
  }

  /// Texts are the same byte by byte, as everywhere in a replica: 神 and its compatibility form are two names.
  public static func == (left: Self, right: Self) -> Bool {
    switch (left, right) {
    case (.null, .null): true
    case (.flag(let a), .flag(let b)): a == b
    case (.integer(let a), .integer(let b)): a == b
    case (.text(let a), .text(let b)): a.utf8.elementsEqual(b.utf8)
    case (.list(let a), .list(let b)): a == b
    case (.map(let a), .map(let b)): a == b
    default: false
    }
  }

  public func hash(into hasher: inout Hasher) {
    switch self {
    case .null: hasher.combine(0)
    case .flag(let flag): hasher.combine(flag)
    case .integer(let number): hasher.combine(number)
    case .text(let text): for byte in text.utf8 { hasher.combine(byte) }
    case .list(let items): hasher.combine(items)
    case .map(let members): hasher.combine(members)
    }
  }

  /// How many values are in it, counted no further than `most`.
  func size(upTo most: Int) -> Int {
    var count = 0
    func walk(_ datum: Datum) {
      count += 1
      guard count < most else { return }
      switch datum {
      case .list(let items): for item in items where count < most { walk(item) }
      case .map(let members): for item in members.values where count < most { walk(item) }
      default: break
      }
    }
    walk(self)
    return count
  }

  var isScalar: Bool {
    switch self {
    case .list, .map: false
    default: true
    }
  }

  public var text: String? { if case .text(let text) = self { text } else { nil } }
  public var isTrue: Bool { self == .flag(true) }
}
