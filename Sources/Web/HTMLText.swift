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
      default: escaped.unicodeScalars.append(scalar)
      }
    }
    return escaped
  }

  static let name = "RENKEI"
}
