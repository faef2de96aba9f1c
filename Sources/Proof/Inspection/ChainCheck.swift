import Causality
import ChangeModel
import SignedLog
import Store

/// What a walk along one log's signatures found.
public struct ChainCheck {
  /// One byte of a change set that is not as it was signed.
  public struct Correction {
    public var offset: Int
    public var found: UInt8
    public var right: UInt8
    /// The change set as it was signed.
    public var bytes: [UInt8]
  }

  /// Change sets whose chain and signature hold, corrected ones included.
  public var checked = 0
  public var corrections: [SequenceNumber: Correction] = [:]
  /// The first change set that does not hold, nor with any one byte changed.
  public var bad: (sequence: SequenceNumber, bytes: [UInt8])?
  /// The first one that is not here, though later ones are.
  public var gap: SequenceNumber?
  /// Where the walk ended.
  public var head = LogHead()
}

extension Evidence {
  /// Bytes of a log that are verified at once: one signature for all of them.
  private static let runBytes = 1 << 20

  /// Checks a log's chain and signatures, and finds single bytes that were changed, so that what follows can be read.
  ///
  /// - Returns: nil for an author whose key is not known.
  public func checkChain(_ log: LogName, progress: (Int) -> Void = { _ in }) throws -> ChainCheck? {
    guard let context = papers.context(log) else { return nil }
    // Looking for a changed byte may take seconds.
    if let known = knownChecks[log] { return known }
    let verifier = RunVerifier(context)
    var check = ChainCheck()
    if let first = try extent(of: log)?.first, first > 1, let base {
      try base.entries(log, through: first - 1) { _, bytes in
        if let entry = verifier.reading(bytes, after: check.head) { check.head = entry.head }
        return true
      }
    }
    /// - Returns: whether the log can be followed further.
    func take(_ run: [[UInt8]]) -> Bool {
      var rest = run[...]
      while !rest.isEmpty {
        let (entries, _) = verifier.verify(Array(rest), after: check.head)
        if let last = entries.last { check.head = last.head }
        check.checked += entries.count
        progress(check.checked)
        rest = rest.dropFirst(entries.count)
        guard let bytes = rest.first else { return true }
        let sequence = check.head.sequence + 1
        guard let (offset, right) = ByteSearch(context: context, head: check.head).find(bytes) else {
          check.bad = (sequence, bytes)
          return false
        }
        var whole = bytes
        whole[offset] = right
        check.corrections[sequence] = ChainCheck.Correction(
          offset: offset, found: bytes[offset], right: right, bytes: whole)
        rest = [whole] + rest.dropFirst()
      }
      return true
    }
    var run: [[UInt8]] = []
    var bytes = 0
    try entries(log) { sequence, entry in
      guard sequence == check.head.sequence + SequenceNumber(run.count) + 1 else {
        check.gap = check.head.sequence + SequenceNumber(run.count) + 1
        return false
      }
      run.append(entry)
      bytes += entry.count
      guard bytes >= Self.runBytes else { return true }
      defer { (run, bytes) = ([], 0) }
      return take(run)
    }
    if check.bad == nil, !run.isEmpty { _ = take(run) }
    // What comes before the gap may end earlier than it seemed.
    if check.bad != nil { check.gap = nil }
    knownChecks[log] = check
    return check
  }
}
