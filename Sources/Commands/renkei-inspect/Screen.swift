import Foundation
import Terminal

/// The terminal as a whole screen: taken over, drawn line by line, and given back as it was, however the program ends.
final class Screen {
  private var before = termios()
  private let isOn: Bool

  /// What the handler of signals needs to give the terminal back.
  nonisolated(unsafe) private static var saved = termios()
  nonisolated(unsafe) private static var wasResized: sig_atomic_t = 1
  nonisolated(unsafe) private static var wasStopped: sig_atomic_t = 0

  /// Alternate screen, no cursor; and back.
  private static let enter = "\u{1b}[?1049h\u{1b}[?25l\u{1b}[2J"
  private static let leave = "\u{1b}[?25h\u{1b}[?1049l"

  init() {
    isOn = isatty(STDOUT_FILENO) == 1 && isatty(STDIN_FILENO) == 1
    guard isOn else { return }
    tcgetattr(STDIN_FILENO, &before)
    Self.saved = before
    var raw = before
    // Keys come one by one and are not shown; Ctrl-C stays a signal.
    raw.c_lflag &= ~tcflag_t(ICANON | ECHO)
    withUnsafeMutableBytes(of: &raw.c_cc) { keys in
      keys[Int(VMIN)] = 0
      keys[Int(VTIME)] = 0
    }
    tcsetattr(STDIN_FILENO, TCSANOW, &raw)
    for number in [SIGINT, SIGTERM, SIGHUP] { signal(number) { _ in Screen.wasStopped = 1 } }
    signal(SIGWINCH) { _ in Screen.wasResized = 1 }
    Self.write(Self.enter)
  }

  func close() {
    guard isOn else { return }
    Self.write(Self.leave)
    tcsetattr(STDIN_FILENO, TCSANOW, &before)
  }

  /// Columns and rows; 80 by 24 where nobody says.
  static var size: (columns: Int, rows: Int) {
    var size = winsize()
    guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else { return (80, 24) }
    return (Int(size.ws_col), Int(size.ws_row))
  }

  /// Draws the lines from the top, each cut by its maker to the width; what was below goes.
  func draw(_ lines: [String]) {
    // No line break after the last row: it would scroll.
    let frame = "\u{1b}[H" + lines.prefix(Self.size.rows).map { $0 + "\u{1b}[K" }.joined(separator: "\r\n")
    Self.write(frame + "\u{1b}[J")
  }

  enum Key { case up, down, pageUp, pageDown, home, end, other }

  enum Event {
    case key(Key)
    /// Nobody did anything, or the window has another size.
    case nothing
    /// `q`, Escape by itself, Ctrl-C, or the terminal is gone.
    case stop
  }

  /// Waits so long for a key, a new size or the end.
  func wait(milliseconds: Int32) -> Event {
    Self.wasResized = 0
    var left = milliseconds
    while left > 0, Self.wasStopped == 0, Self.wasResized == 0 {
      let step = min(left, 100)
      if isOn, Self.hasInput(milliseconds: step) { return Self.event() }
      if !isOn { usleep(UInt32(step) * 1_000) }
      left -= step
    }
    return Self.wasStopped == 0 ? .nothing : .stop
  }

  private static func hasInput(milliseconds: Int32) -> Bool {
    var input = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
    return poll(&input, 1, milliseconds) > 0
  }

  private static func event() -> Event {
    guard let first = byte() else { return .stop }
    switch first {
    case UInt8(ascii: "q"), 3: return .stop
    case UInt8(ascii: "k"): return .key(.up)
    case UInt8(ascii: "j"): return .key(.down)
    case UInt8(ascii: " "): return .key(.pageDown)
    case 27: return sequence()
    default: return .key(.other)
    }
  }

  /// What begins with Escape: arrows, pages, mice and windows that come to the front (ECMA-48, 5.4). Escape by itself when
  /// nothing follows at once.
  private static func sequence() -> Event {
    guard hasInput(milliseconds: 50) else { return .stop }
    guard let kind = byte(), kind == UInt8(ascii: "[") || kind == UInt8(ascii: "O") else { return .key(.other) }
    var parameters: [UInt8] = []
    while parameters.count < 64, hasInput(milliseconds: 50), let next = byte() {
      guard (0x40...0x7e).contains(next) else {
        parameters.append(next)
        continue
      }
      switch (next, String(decoding: parameters, as: UTF8.self)) {
      case (UInt8(ascii: "A"), _): return .key(.up)
      case (UInt8(ascii: "B"), _): return .key(.down)
      case (UInt8(ascii: "H"), _), (UInt8(ascii: "~"), "1"): return .key(.home)
      case (UInt8(ascii: "F"), _), (UInt8(ascii: "~"), "4"): return .key(.end)
      case (UInt8(ascii: "~"), "5"): return .key(.pageUp)
      case (UInt8(ascii: "~"), "6"): return .key(.pageDown)
      default: return .key(.other)
      }
    }
    return .key(.other)
  }

  private static func byte() -> UInt8? {
    var byte: UInt8 = 0
    return read(STDIN_FILENO, &byte, 1) == 1 ? byte : nil
  }

  private static func write(_ text: String) {
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      let count = bytes.withUnsafeBytes { Foundation.write(STDOUT_FILENO, $0.baseAddress, $0.count) }
      guard count > 0 || errno == EINTR else { return }
      bytes = bytes.dropFirst(max(count, 0))
    }
  }
}
