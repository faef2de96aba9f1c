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

  public var text: String? { if case .text(let text) = self { text } else { nil } }
  public var isTrue: Bool { self == .flag(true) }
}
