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
/// Whether a change set holds depends on itself and on what its author wrote before it, never on how the log was cut into
/// runs: each one's own signature is checked (35 µs). Trusting the newest signature of a run for all of it is faster, and lets
/// one enrolled key silence an honest node, or part the federation for good without a proof: change sets whose own signature
/// is noise pass in one cutting and not in another, and no two good signatures show the fork.
public struct RunVerifier: Sendable {
  private let context: LogContext
  private let ahead: SignaturesAhead?

  /// - Parameter ahead: what was checked already.
  public init(_ context: LogContext, ahead: SignaturesAhead? = nil) {
    self.context = context
    self.ahead = ahead
  }

  /// The longest prefix of `run` that holds, and why it ends there.
  public func verify(
    _ run: some Collection<[UInt8]>, after head: LogHead
  ) -> (entries: [VerifiedEntry], refusal: ChainRefusal?) {
    var entries: [VerifiedEntry] = []
    entries.reserveCapacity(run.count)
    var previous = head
    for bytes in run {
      guard bytes.count > Signature.byteCount, bytes.count <= Limits.changeSetBytes,
        previous.sequence < sequenceLimit
      else { return (entries, .badLength) }
      let (content, entry) = chained(bytes, after: previous)
      guard ahead?.take(entry.hash) == true || isSigned(entry, content) else { return (entries, .badSignature) }
      entries.append(entry)
      previous = entry.head
    }
    return (entries, nil)
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

  private func isSigned(_ entry: VerifiedEntry, _ content: Digest) -> Bool {
    #if MUTANTS
      if PlantedBug.takesUnsigned.isPlanted { return true }
    #endif
    return entry.bytes.withUnsafeBytes { raw in
      let signature = UnsafeRawBufferPointer(rebasing: raw.suffix(Signature.byteCount))
      return content.withBytes { context.nodeKey.verifies(signature, over: $0) }
    }
  }
}
