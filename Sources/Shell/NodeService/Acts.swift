import Causality
import ChangeModel
import Desk
import Federation
import Foundation
import Glibc
import Replica
import Sodium

/// An operator's act that makes no change set by itself: a card that is written or read, a backup. It waits in the node's
/// folder and goes into the audit trail with the node's next own change set. At once it would be one itself: of two nodes that
/// know each other by card alone, each card would leave something to carry, and neither would ever have what the other has.
private struct WaitingAct: Codable {
  var act: OperatorAct
  var purpose: String
  var user: String
  var at: Int64

  var note: String { "\(purpose)_\(Date(timeIntervalSince1970: Double(at) / 1_000).ISO8601Format())" }
}

extension NodeDirectory {
  private var actsFile: String { path + "/acts" }
  /// Bytes; some 5,000 acts without a single change set.
  private static let actsLimit = 1 << 20

  /// Keeps an act for the audit trail, by any process.
  ///
  /// - Throws: `notWritable` when the disk is full, or far too many wait.
  public func keep(_ act: OperatorAct, _ purpose: String, by user: User) throws {
    let waiting = WaitingAct(act: act, purpose: purpose, user: user.name, at: Instant.now().milliseconds)
    try withActs { descriptor in
      var status = stat()
      guard let line = try? JSONEncoder().encode(waiting) + Data([10]), fstat(descriptor, &status) == 0,
        Int(status.st_size) + line.count <= Self.actsLimit
      else { throw DirectoryError.notWritable(path: actsFile, code: EFBIG) }
      let written = line.withUnsafeBytes { pwrite(descriptor, $0.baseAddress, $0.count, status.st_size) }
      guard written == line.count, fsync(descriptor) == 0 else {
        let code = errno
        ftruncate(descriptor, status.st_size)
        throw DirectoryError.notWritable(path: actsFile, code: code)
      }
    }
  }

  /// Hands what waits to `body`, and forgets it once that has returned.
  fileprivate func takeActs(_ body: ([WaitingAct]) throws -> Void) throws {
    guard FileManager.default.fileExists(atPath: actsFile) else { return }
    try withActs { descriptor in
      let lines = try Data(SecretFile.read(actsFile)).split(separator: 10)
      let acts = lines.compactMap { try? JSONDecoder().decode(WaitingAct.self, from: Data($0)) }
      if !acts.isEmpty { try body(acts) }
      // Whoever waits for the lock has this very file open, so it stays.
      ftruncate(descriptor, 0)
    }
  }

  private func withActs(_ body: (Int32) throws -> Void) throws {
    let descriptor = open(actsFile, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw DirectoryError.notWritable(path: actsFile, code: errno) }
    defer { close(descriptor) }
    flock(descriptor, LOCK_EX)
    try body(descriptor)
  }
}

extension Replica {
  /// The row under which a node stands in the trail: that of its certificate.
  static func row(ofNodeWith key: PublicKey) -> RowID { RowID(derivedFrom: blake2b(key.bytes).prefix) }

  /// Within a batch: says in the audit trail who did what to this node, or to the one with `key`.
  func note(_ act: OperatorAct, to key: PublicKey? = nil, _ purpose: String, by user: User, at now: Instant) throws {
    try note([(act, purpose, user.name)], to: key, at: now)
  }

  fileprivate func note(
    _ acts: [(act: OperatorAct, purpose: String, user: String)], to key: PublicKey? = nil, at now: Instant
  ) throws {
    let subject = Self.row(ofNodeWith: key ?? identity.key.publicKey)
    var draft = Draft(.registry)
    AuditTrail.note(
      acts.map { AuditTrail.Note(subject, $0.act.rawValue, purpose: String($0.purpose.prefix(150)), user: $0.user) },
      in: &draft, by: author, at: now)
    _ = try commit(draft, at: now)
  }
}

extension NodeCore {
  /// Notes in one change set.
  private static let notesEach = 50

  /// What waited for the audit trail goes there behind a change set of this node's own.
  func tellActs(after effects: ReplicaEffects, at now: Instant) -> ReplicaEffects? {
    guard effects.logs.contains(where: { $0.author == replica.author }) else { return nil }
    var told: ReplicaEffects?
    do {
      try directory.takeActs { acts in
        told = try replica.batch(at: now) {
          for start in stride(from: 0, to: acts.count, by: Self.notesEach) {
            let some = acts[start..<min(start + Self.notesEach, acts.count)]
            try replica.note(some.map { ($0.act, $0.note, $0.user) }, at: now)
          }
        }
      }
    } catch { log.warning("acts wait for the audit trail", metadata: ["error": "\(error)"]) }
    return told
  }

  /// Keeps an act for the trail; when that cannot be, the log says so, and the act is not hindered: a card may be needed most
  /// when the disk is full.
  public nonisolated func keep(_ act: OperatorAct, _ purpose: String, by user: User) {
    do { try directory.keep(act, purpose, by: user) } catch {
      log.warning(
        "an act is not in the audit trail",
        metadata: ["act": "\(act.rawValue)", "what": "\(purpose)", "user": "\(user.name)", "error": "\(error)"])
    }
  }
}
