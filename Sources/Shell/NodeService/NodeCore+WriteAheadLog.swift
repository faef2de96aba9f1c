import Foundation
import Store

/// What is written lies in the write-ahead log until SQLite brings it into the file, which it cannot while somebody reads what
/// stood before. Looked after once a minute: an idle node gives the room back, and a reader that stays open is told of.
extension NodeCore {
  /// Less is not worth a look, in bytes.
  private static let quietLog = 1 << 20
  /// Beyond this it is not given back as it should be, in bytes.
  static let longLog = 64 << 20

  var writeAheadLogBytes: Int {
    (try? FileManager.default.attributesOfItem(atPath: directory.replica + "-wal")[.size] as? Int).flatMap { $0 } ?? 0
  }

  /// Until its task is cancelled.
  public nonisolated func watchLog() async {
    while !Task.isCancelled {
      try? await Task.sleep(for: .seconds(60))
      await tendLog()
      await lookForRoom()
    }
  }

  /// - Returns: bytes of the log afterwards.
  @discardableResult
  func tendLog() -> Int {
    let before = logBytes
    logBytes = writeAheadLogBytes
    // While it grows, SQLite's own checkpoints do; by itself it never becomes shorter.
    guard logBytes > Self.quietLog, logBytes == before || logBytes > Self.longLog else { return logBytes }
    do {
      let isGiven = try replica.store.giveLogBack()
      logBytes = writeAheadLogBytes
      if !isGiven, logBytes > Self.longLog, !isLogHeld {
        log.warning(
          "a program that reads the database holds its write-ahead log: it grows until that program has gone",
          metadata: ["bytes": "\(logBytes)", "see": "fuser -v \(directory.replica)"])
      }
      isLogHeld = !isGiven
    } catch { log.warning("could not give the write-ahead log back", metadata: ["error": "\(error)"]) }
    return logBytes
  }
}
