import Foundation

/// Says on standard error how far a long command is: from two seconds on, then twice a second; a line written over
/// itself, on a terminal only.
public final class Progress {
  private let start = ContinuousClock.now
  private var last = ContinuousClock.now
  private var isShown = false
  private let isOn = isatty(STDERR_FILENO) == 1

  public init() {}

  /// Cheap enough for every change set: the clock is read at each thousandth.
  public func update(_ done: Int, of total: Int?, _ what: @autoclosure () -> String) {
    guard isOn, done % 1_000 == 0 else { return }
    let now = ContinuousClock.now
    guard now - start > .seconds(2), now - last > .milliseconds(500) else { return }
    last = now
    isShown = true
    let part = total.map { "\(done)/\($0)" } ?? "\(done)"
    write("\r\u{1b}[K… \(what()) \(part)")
  }

  public func finish() {
    if isShown { write("\r\u{1b}[K") }
    isShown = false
  }

  private func write(_ text: String) { FileHandle.standardError.write(Data(text.utf8)) }
}
