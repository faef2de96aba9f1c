/// A text in both languages of the pages.
public struct Words: Hashable, Sendable {
  public let ja: String
  public let en: String

  public init(_ ja: String, _ en: String) {
    self.ja = ja
    self.en = en
  }

  public func text(in language: Language) -> String { language.pick(ja, en) }
}

/// In which of the two languages a page is shown. Every text of a page is given in both.
public enum Language: String, Sendable {
  case japanese = "ja"
  case english = "en"

  public func pick(_ japanese: String, _ english: String) -> String { self == .japanese ? japanese : english }

  public var other: Language { self == .japanese ? .english : .japanese }
}
