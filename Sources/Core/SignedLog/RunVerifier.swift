import Causality
import ChangeModel
import Sodium

/// Why a change set of a run was not taken.
public enum ChainRefusal: Hashable, Sendable {
  /// Shorter than a signature, or longer than `Limits.changeSetBytes`.
  case badLength
  /// Its signature is not the author's over these bytes in this place: altered, forged, of another federation, or
  /// of another branch of the author's log.
  case badSignature
}

/// Takes a run, the consecutive change sets of one log, as far as it holds.
///
/// Each change set's hash covers the one before it, signature included, so the newest signature of a run vouches for
/// the whole of it: one signature check (35 µs) for any number of hashes (under 1 µs each). When that signature does not
/// hold, halving finds the last one that does, and everything before the damage is taken.
public struct RunVerifier: Sendable {
  private let context: LogContext

  public init(_ context: LogContext) { self.context = context }

  /// The longest prefix of `run` that holds, and why it ends there.
  public func verify(
    _ run: [[UInt8]], after head: LogHead
  ) -> (entries: [VerifiedEntry], refusal: ChainRefusal?) {
    var refusal: ChainRefusal?
    var contents: [Digest] = []
    var entries: [VerifiedEntry] = []
    contents.reserveCapacity(run.count)
    entries.reserveCapacity(run.count)
    var previous = head
    for bytes in run {
      guard bytes.count > Signature.byteCount, bytes.count <= Limits.changeSetBytes,
        previous.sequence < sequenceLimit
      else {
        refusal = .badLength
        break
      }
      let (content, entry) = chained(bytes, after: previous)
      contents.append(content)
      entries.append(entry)
      previous = entry.head
    }
    let good = longestSignedPrefix(contents, entries)
    if good < entries.count {
      refusal = .badSignature
      entries.removeLast(entries.count - good)
    }
    return (entries, refusal)
  }

  /// Puts bytes that this node verified when it logged them back into their chain. The caller compares the last hash
  /// with the one that it kept; no signature is checked.
  public func reading(_ bytes: [UInt8], after head: LogHead) -> VerifiedEntry? {
    guard bytes.count > Signature.byteCount else { return nil }
    return chained(bytes, after: head).entry
  }

  private func chained(_ bytes: [UInt8], after head: LogHead) -> (content: Digest, entry: VerifiedEntry) {
    bytes.withUnsafeBytes { raw in
      let signature = UnsafeRawBufferPointer(rebasing: raw.suffix(Signature.byteCount))
      let unsigned = UnsafeRawBufferPointer(rebasing: raw.dropLast(Signature.byteCount))
      let content = EntryHash.content(context, after: head, unsigned)
      let hash = EntryHash.chain(content, signature: signature)
      return (content, VerifiedEntry(log: context.log, previous: head, bytes: bytes, hash: hash))
    }
  }

  /// How many entries, from the first, the last good signature covers. A bad byte spoils every later chain hash, so
  /// good signatures form a prefix and halving finds its end.
  private func longestSignedPrefix(_ contents: [Digest], _ entries: [VerifiedEntry]) -> Int {
    func holds(_ index: Int) -> Bool {
      #if MUTANTS
        if PlantedBug.takesUnsigned.isPlanted { return true }
      #endif
      return entries[index].bytes.withUnsafeBytes { raw in
        let signature = UnsafeRawBufferPointer(rebasing: raw.suffix(Signature.byteCount))
        return contents[index].withBytes { context.nodeKey.verifies(signature, over: $0) }
      }
    }
    if entries.isEmpty || holds(entries.count - 1) { return entries.count }
    var low = 0
    var high = entries.count - 1
    while low < high {
      let middle = (low + high) / 2
      if holds(middle) { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
