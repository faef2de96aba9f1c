import Mustache

/// Text as HTML shows it, escaped scalar by scalar: the library's own escaping goes by Characters, and "<" after U+0600, or
/// a quotation mark with a combining accent, is one Character that is in no table.
struct HTMLText: MustacheContentType {
  func escapeText(_ text: String) -> String {
    var escaped = ""
    escaped.reserveCapacity(text.utf8.count)
    for scalar in text.unicodeScalars {
      switch scalar {
      case "<": escaped += "&lt;"
      case ">": escaped += "&gt;"
      case "&": escaped += "&amp;"
      case "\"": escaped += "&quot;"
      case "'": escaped += "&#39;"
      // What turns the direction of text can make a name read as another: it is shown instead of obeyed (Unicode TR 36).
      case "\u{61c}", "\u{200e}"..."\u{200f}", "\u{202a}"..."\u{202e}", "\u{2066}"..."\u{2069}":
        escaped += "[U+\(String(scalar.value, radix: 16, uppercase: true))]"
      default: escaped.unicodeScalars.append(scalar)
      }
    }
    return escaped
  }

  static let name = "RENKEI"
}
