import Foundation
import Synchronization

/// Says on standard error how far a long command is: from two seconds on, then twice a second; a line written over
/// itself, on a terminal only.
public final class Progress {
  private let start = ContinuousClock.now
  private var last = ContinuousClock.now
  private static let isOn = isatty(STDERR_FILENO) == 1
  /// What the line on the screen tells; nil: there is none.
  private static let shown = Mutex<String?>(nil)

  public init() {}

  /// Cheap enough for every change set: the clock is read at each thousandth.
  public func update(_ done: Int, of total: Int?, _ what: @autoclosure () -> String) {
    guard Self.isOn, done % 1_000 == 0 else { return }
    let now = ContinuousClock.now
    guard now - start > .seconds(2), now - last > .milliseconds(500) else { return }
    last = now
    let part = total.map { "\(done)/\($0)" } ?? "\(done)"
    Self.show("\(what()) \(part)")
  }

  public func finish() { Self.clear() }

  /// How long it takes, for work that cannot say how far it is.
  static func tell(seconds: Int, of limit: Int) {
    guard isOn, seconds >= 3, shown.withLock({ $0?.hasSuffix(" s") ?? true }) else { return }
    show("\(seconds)/\(limit) s")
  }

  /// Takes the line away.
  public static func clear() {
    shown.withLock {
      if $0 != nil { write("\r\u{1b}[K") }
      $0 = nil
    }
  }

  private static func show(_ text: String) {
    shown.withLock {
      guard $0 != text else { return }
      $0 = text
      write("\r\u{1b}[K… \(text)")
    }
  }

  private static func write(_ text: String) { FileHandle.standardError.write(Data(text.utf8)) }
}
