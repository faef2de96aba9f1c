/// What the residents' counter says, in the languages of those who live here. Each is a file of `Assets`, `key = text` in each
/// line, that whoever speaks it can mend; `state = unread` until somebody has, and the page says so. Over a character may stand
/// its reading: `避難所《ひなんじょ》`.
public struct Phrases: Sendable {
  /// Of the page's address: `zh`.
  public let code: String
  private let texts: [String: String]

  /// In the order in which they are offered.
  public static let all: [Phrases] = [
    ("ja", PackageResources.phrases_ja_txt), ("easy", PackageResources.phrases_easy_txt),
    ("en", PackageResources.phrases_en_txt), ("zh", PackageResources.phrases_zh_txt),
    ("ko", PackageResources.phrases_ko_txt), ("vi", PackageResources.phrases_vi_txt),
    ("ne", PackageResources.phrases_ne_txt),
  ].map { Phrases(code: $0.0, text: String(decoding: $0.1, as: UTF8.self)) }

  private init(code: String, text: String) {
    self.code = code
    texts = text.split(whereSeparator: \.isNewline).reduce(into: [:]) { texts, line in
      let parts = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard parts.count == 2 else { return }
      texts[parts[0].trimmed] = parts[1].trimmed
    }
  }

  public static func named(_ code: String) -> Phrases? { all.first { $0.code == code } }

  /// By what a browser accepts (RFC 9110, 12.5.4); Japanese where it says nothing of these.
  public static func accepted(_ header: String?) -> Phrases {
    let wanted = (header ?? "").split(separator: ",").prefix(20).map { part -> (language: String, weight: Double) in
      let pieces = part.split(separator: ";")
      let weight = pieces.dropFirst().compactMap { piece -> Double? in
        let text = piece.trimmed
        return text.hasPrefix("q=") ? Double(text.dropFirst(2)) : nil
      }.first
      let language = pieces.first?.split(separator: "-").first?.trimmed.lowercased() ?? ""
      return (language, weight ?? 1)
    }
    // Of equal weights the first.
    let best = wanted.enumerated().filter { named($0.element.language) != nil && $0.element.weight > 0 }
      .max { ($0.element.weight, -$0.offset) < ($1.element.weight, -$1.offset) }
    return best.flatMap { named($0.element.language) } ?? all[0]
  }

  /// For `<html lang>` (BCP 47).
  public var lang: String { texts["lang"] ?? "ja" }
  /// What the language calls itself.
  public var tongue: String { texts["tongue"] ?? code }
  /// Whether somebody who speaks it has read it.
  public var isRead: Bool { texts["state"] == "human" }
  /// Whether it is written in Japanese, and names of places are too.
  public var isJapanese: Bool { lang == "ja" }

  /// A phrase as plain text.
  public func plain(_ key: String) -> String {
    var plain = ""
    var isReading = false
    for character in texts[key] ?? Self.all[0].texts[key] ?? key {
      if character == "《" { isReading = true }
      if !isReading { plain.append(character) }
      if character == "》" { isReading = false }
    }
    return plain
  }

  /// A phrase as HTML: readings stand over what they are of (HTML, 4.5.10).
  public func html(_ key: String) -> String {
    var html = ""
    var base = ""
    var reading: String?
    for character in texts[key] ?? Self.all[0].texts[key] ?? key {
      switch character {
      case "《": reading = ""
      case "》":
        html += "<ruby>\(Self.escaped(base))<rp>(</rp><rt>\(Self.escaped(reading ?? ""))</rt><rp>)</rp></ruby>"
        (base, reading) = ("", nil)
      default:
        if reading != nil {
          reading!.append(character)
        } else if Self.isKanji(character) {
          base.append(character)
        } else {
          html += Self.escaped(base + String(character))
          base = ""
        }
      }
    }
    return html + Self.escaped(base)
  }

  /// All of them, for a template: `p.help` as HTML, which is our own.
  public var values: [String: String] {
    Self.all[0].texts.keys.reduce(into: [:]) { $0[$1.replacing(".", with: "_")] = html($1) }
  }

  /// Every phrase that the first language has.
  public var missing: [String] { Self.all[0].texts.keys.filter { texts[$0] == nil }.sorted() }

  private static func isKanji(_ character: Character) -> Bool {
    character.unicodeScalars.first.map { (0x4E00...0x9FFF).contains($0.value) || $0 == "々" } ?? false
  }

  private static func escaped(_ text: String) -> String {
    text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;").replacing(
      "\"", with: "&quot;")
  }
}

extension Substring {
  fileprivate var trimmed: String {
    var rest = self
    while rest.first?.isWhitespace == true { rest.removeFirst() }
    while rest.last?.isWhitespace == true { rest.removeLast() }
    return String(rest)
  }
}
