import Foundation

/// What a person reads. Japanese unless the locale, `RENKEI_LANG` or a command's `--lang` says otherwise.
public enum Language: String, CaseIterable, Sendable {
  case japanese = "ja"
  case english = "en"

  /// Set once, by `--lang`, before anything is printed.
  nonisolated(unsafe) public static var current: Language = chosen(ProcessInfo.processInfo.environment)

  static func chosen(_ environment: [String: String]) -> Language {
    let name =
      environment["RENKEI_LANG"] ?? environment["LC_ALL"] ?? environment["LC_MESSAGES"] ?? environment["LANG"] ?? ""
    return name.hasPrefix("en") ? .english : .japanese
  }

  public static func pick(_ japanese: String, _ english: String) -> String {
    current == .japanese ? japanese : english
  }

  /// One line on standard output.
  public static func say(_ japanese: String, _ english: String) { print(pick(japanese, english)) }
}
