import Foundation
import Glibc
import Synchronization

/// The longest that a command may take, so that no question, no file and no node keeps a person or a script waiting without
/// end. Time in which the reader of the output lets it wait is not counted: somebody may page through an answer.
public enum TimeLimit {
  private static let lastWork = Mutex<(@Sendable () -> Void)?>(nil)
  private static let tick = 250_000

  /// Ends the process when the limit has passed.
  ///
  /// - Parameter end: says so; the process ends with exit code 2 after it.
  public static func start(seconds: Int, end: @escaping @Sendable () -> Void) {
    let limit = Duration.seconds(seconds)
    Thread.detachNewThread {
      var spent = Duration.zero
      var last = ContinuousClock.now
      while spent < limit {
        usleep(UInt32(tick))
        let now = ContinuousClock.now
        var output = pollfd(fd: STDOUT_FILENO, events: Int16(POLLOUT), revents: 0)
        if poll(&output, 1, 0) != 0 { spent += now - last }
        last = now
        Progress.tell(seconds: Int(spent.components.seconds), of: seconds)
      }
      lastWork.withLock { $0?() }
      Progress.clear()
      end()
      fflush(nil)
      // Not `exit`: the work goes on in another thread, and must not find its world taken down.
      _exit(2)
    }
  }

  /// What is to be done before the process ends for this.
  public static func beforeEnd(_ work: (@Sendable () -> Void)?) { lastWork.withLock { $0 = work } }
}
