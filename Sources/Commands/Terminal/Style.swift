import Glibc

/// How a piece of text stands out. On anything but a terminal, and with `NO_COLOR` set (no-color.org), it does not.
public enum Style: String, Sendable {
  case plain = "0"
  case strong = "1"
  case faint = "2"
  case bad = "1;31"
  case good = "32"
  case warning = "33"
  case reversed = "7"

  /// Whether standard output shows styles.
  nonisolated(unsafe) public static var isOn =
    isatty(STDOUT_FILENO) == 1 && getenv("NO_COLOR") == nil
    && String(cString: getenv("TERM") ?? strdup("dumb")) != "dumb"

  public func callAsFunction(_ text: String) -> String {
    Self.isOn && self != .plain ? "\u{1b}[\(rawValue)m\(text)\u{1b}[0m" : text
  }
}
