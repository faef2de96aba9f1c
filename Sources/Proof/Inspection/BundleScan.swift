import Causality
import ChangeModel
import Federation
import Foundation
import Gossip
import Replica
import SignedLog
import Sodium

/// Reads a bundle to its end whatever is in the middle: after a frame that makes no sense it looks for the next one
/// that does.
struct BundleScan {
  private(set) var federation: Digest?
  private(set) var damage: [Damage] = []
  /// Whole frames that were found.
  private(set) var frames = 0
  private(set) var hasOtherMagic = false
  private let path: String
  private let bytes: Data

  /// - Throws: `cannotRead`.
  init(path: String) throws(InspectionError) {
    self.path = path
    do { bytes = try Data(contentsOf: URL(fileURLWithPath: path), options: .alwaysMapped) } catch {
      throw .cannotRead(path: path, code: errno)
    }
    if bytes.count >= Bundle.headerBytes {
      federation = Digest([UInt8](bytes[4..<Bundle.headerBytes]))
    }
    if bytes.count < Bundle.headerBytes {
      damage.append(Damage(.frame, file: path, offset: bytes.count, subject: "header", detail: "the file ends in it"))
    }
    if !bytes.starts(with: Bundle.magic) {
      hasOtherMagic = true
      damage.append(
        Damage(.frame, file: path, offset: 0, length: 4, subject: "magic", detail: "not RKB1: read all the same"))
    }
  }

  /// Every run, with the byte at which its frame begins.
  mutating func forEachRun(_ body: (Run, Int) throws -> Void) rethrows {
    var offset = Bundle.headerBytes
    while offset < bytes.count {
      if let (message, length) = frame(at: offset) {
        frames += 1
        if case .run(let run) = message { try body(run, offset) }
        offset += 4 + length
        continue
      }
      let start = offset
      offset = nextFrame(after: start)
      // What stands before the place where a frame stops making sense is as good as in any other.
      let beginning = beginningOfRun(at: start, end: offset)
      if let beginning { try body(beginning.run, start) }
      damage.append(
        Damage(
          .frame, file: path, offset: start, length: offset - start, subject: offset == bytes.count ? "end" : "frame",
          detail: beginning.map { "makes sense up to byte \($0.end), \($0.run.entries.count) change sets" }
            ?? "makes no sense", lost: beginning.map { max(0, $0.count - $0.run.entries.count) } ?? 0))
    }
  }

  /// The change sets with which a damaged frame begins, if it still says whose they are, and how many it says it has.
  private func beginningOfRun(at offset: Int, end: Int) -> (run: Run, count: Int, end: Int)? {
    guard end - offset > 8, end - offset <= Message.byteLimit + 4 else { return nil }
    let frame = [UInt8](bytes[offset + 4..<end])
    return frame.withUnsafeBytes { raw -> (Run, Int, Int)? in
      var reader = ByteReader(raw)
      guard (try? reader.byte()) == 5, let lane = (try? reader.byte()).flatMap(Lane.init),
        let author = (try? reader.varint(upTo: UInt64(UInt32.max))).flatMap({ AuthorNumber(rawValue: UInt32($0)) }),
        let first = try? reader.varint(upTo: UInt64(sequenceLimit)), first >= 1,
        let count = try? reader.count(upTo: frame.count)
      else { return nil }
      var run = Run(LogName(lane, author), first: SequenceNumber(first), entries: [])
      var good = reader.offset
      while let entry = try? reader.blob(upTo: Limits.changeSetBytes), entry.count > ChangeSetLayout.signatureBytes {
        run.entries.append(entry)
        good = reader.offset
      }
      return run.entries.isEmpty ? nil : (run, count, offset + 4 + good)
    }
  }

  private func frame(at offset: Int) -> (Message, Int)? {
    guard offset + 5 <= bytes.count else { return nil }
    let length = bytes[offset..<offset + 4].reduce(0) { $0 << 8 | Int($1) }
    guard length > 0, length <= Message.byteLimit, offset + 4 + length <= bytes.count else { return nil }
    let frame = [UInt8](bytes[offset + 4..<offset + 4 + length])
    do throws(MalformedBytes) {
      return (try frame.decoding { raw throws(MalformedBytes) in try Message(raw) }, length)
    } catch { return nil }
  }

  /// Where the next frame begins: only runs count, since short messages are too easily seen in noise.
  private func nextFrame(after start: Int) -> Int {
    // A frame whose content alone is damaged still says how long it is.
    if start + 4 <= bytes.count {
      let length = bytes[start..<start + 4].reduce(0) { $0 << 8 | Int($1) }
      let next = start + 4 + length
      if length > 0, length <= Message.byteLimit, next <= bytes.count, next == bytes.count || isRun(at: next) {
        return next
      }
    }
    var offset = start + 1
    while offset < bytes.count {
      if offset + 4 < bytes.count, bytes[offset] == 0, bytes[offset + 4] == 5, isRun(at: offset) { return offset }
      offset += 1
    }
    return bytes.count
  }

  private func isRun(at offset: Int) -> Bool {
    guard let (message, _) = frame(at: offset), case .run = message else { return false }
    return true
  }
}
