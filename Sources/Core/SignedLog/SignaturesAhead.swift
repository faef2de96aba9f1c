import Causality
import ChangeModel
import Sodium
import Synchronization

/// Signatures that are checked before the writer comes to them: on another thread, while it merges what came before.
///
/// All that is kept of a change set is its chain hash, and only when its signature is good. The hash follows from the
/// federation, the key, the place in the log, the bytes and the signature, so whatever meets it again is that very change set;
/// what is not found here, the writer checks itself. Safe on any thread.
public final class SignaturesAhead: Sendable {
  private struct State {
    /// How far each log is kept, and what its change sets are signed over.
    var kept: [LogName: (context: LogContext, head: LogHead)] = [:]
    /// How far each log was checked ahead.
    var checked: [LogName: LogHead] = [:]
    var good: Set<Digest> = []
  }

  /// What a writer that falls behind, or a peer that sends what nobody takes, may fill: 8 MB.
  private static let limit = 1 << 17

  private let state = Mutex(State())

  public init() {}

  /// The writer keeps a log to here.
  public func keep(_ context: LogContext, to head: LogHead) {
    state.withLock { $0.kept[context.log] = (context, head) }
  }

  /// Checks change sets of one log from `first` on, as far as they hold and follow what is known. Those before are passed over.
  public func check(_ log: LogName, from first: SequenceNumber, _ entries: [[UInt8]]) {
    let known = state.withLock { state -> (LogContext, LogHead)? in
      guard let (context, kept) = state.kept[log] else { return nil }
      let checked = state.checked[log] ?? kept
      return (
        context, checked.sequence > kept.sequence && checked.sequence < first + UInt32(entries.count) ? checked : kept
      )
    }
    guard let (context, head) = known, first >= 1, first <= head.sequence + 1 else { return }
    let (good, end) = RunVerifier(context).hashes(entries.dropFirst(Int(head.sequence + 1 - first)), after: head)
    state.withLock { state in
      // Of another branch, or before a log was cut: from here on, what is kept counts.
      guard !good.isEmpty else { return state.checked[log] = nil }
      if state.good.count + good.count > Self.limit { state.good.removeAll(keepingCapacity: true) }
      state.good.formUnion(good)
      state.checked[log] = end
    }
  }

  /// Whether the change set with this chain hash was found good. It is asked once.
  func take(_ hash: Digest) -> Bool { state.withLock { $0.good.remove(hash) != nil } }
}

extension RunVerifier {
  /// The chain hashes of the longest prefix that holds, and its end.
  fileprivate func hashes(_ run: ArraySlice<[UInt8]>, after head: LogHead) -> ([Digest], LogHead) {
    let (entries, _) = verify(run, after: head)
    return (entries.map(\.hash), entries.last?.head ?? head)
  }
}
