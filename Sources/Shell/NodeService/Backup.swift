import Build
import Causality
import Federation
import Foundation
import GRDB
import Glibc
import Sodium
import Store

/// What a backup or a restore did.
public struct BackupResult: Codable, Sendable {
  public var file: String
  public var bytes: Int
  /// The epoch in which the node writes from now on; nil for a backup.
  public var epoch: Int?
  /// Whose keys open it: a ward's authority and a node, by their names; empty when it is not sealed. Nil for a restore.
  public var sealedFor: [String]?
}

/// Copies of a node's database, by a person's hand. A copy holds what the node holds, so it is sealed: for the authority of the
/// node's ward, whose card lies in a safe, and for the node itself, by its key. Key and card are not in it.
extension NodeDirectory {
  /// Writes the database as it is now into a new file, while the node serves. SQLite's `VACUUM INTO`: one snapshot, whole.
  ///
  /// - Parameter isPlain: not sealed: whoever has the file reads all that the node can read.
  /// - Throws: `OperatorFailure` when the file is there already, or cannot be written.
  public func backUp(to file: String, plain isPlain: Bool = false) throws -> BackupResult {
    guard !FileManager.default.fileExists(atPath: file) else {
      throw OperatorFailure(2, ja: "すでにあります: \(file)", en: "is there already: \(file)")
    }
    let identity = try identity()
    let new = try NewFile(file)
    if isPlain {
      _ = try copyDatabase(to: new.partial, identity.federation)
      let bytes = try new.finish()
      return BackupResult(file: file, bytes: bytes, epoch: nil, sealedFor: [])
    }
    let (copy, federation) = try scratchCopy(identity.federation)
    let (node, ward) = (identity.certificate.node, identity.ward)
    guard let authority = federation.authority(ofWard: node.ward) else { throw FederationError.unknownWard(ward.code) }
    let head = SealedFileHead(
      program: "renkei-node \(Build.text)", federation: federation.id, node: node, made: .now())
    try withExtendedLifetime(copy) {
      try SealedFile.seal(
        head, for: [authority, identity.key.publicKey], fileKey: secureRandomBytes(AudienceKey.byteCount),
        by: identity.key, read: InputFile(descriptor: copy.descriptor).read, emit: new.write)
    }
    return BackupResult(
      file: file, bytes: try new.finish(), epoch: nil,
      sealedFor: ["\(ward.code) authority", federation.reference(to: node)])
  }

  /// A copy of the database in a file of this moment: in the node's own folder, or in memory when its disk is full.
  private func scratchCopy(_ known: FederationIdentity) throws -> (ScratchFile, FederationIdentity) {
    do {
      let copy = try scratch.file()
      return (copy, try copyDatabase(to: copy.path, known))
    } catch StoreError.diskFull {
      let copy = try ScratchFolder("/dev/shm/renkei-\(geteuid())").file()
      return (copy, try copyDatabase(to: copy.path, known))
    }
  }

  /// - Parameter file: is there, and empty.
  /// - Returns: the federation, with the amendments that the database knows.
  private func copyDatabase(to file: String, _ known: FederationIdentity) throws -> FederationIdentity {
    do {
      var configuration = Configuration()
      configuration.readonly = true
      configuration.busyMode = .timeout(5)
      let queue = try DatabaseQueue(path: replica, configuration: configuration)
      defer { try? queue.close() }
      return try queue.inDatabase { db in
        try db.execute(sql: "VACUUM INTO ?", arguments: [file])
        return try Membership(known, certificates: [], facts: Store.facts(db)).identity
      }
    } catch { throw StoreError.of(error) }
  }

  /// Puts a backup in the place of the database, for a node at rest. What is there stays beside it, as `replica.sqlite.before`.
  /// The node goes on in a new epoch: it has forgotten what it wrote after the backup, and fetches it back from its peers.
  ///
  /// - Parameter authority: opens a sealed backup; nil: the node's own key does.
  /// - Throws: `OperatorFailure` when the file is no sound replica of this very node, `SealedFileFault` when it is sealed and
  ///   not whole, or for others.
  public func restore(from file: String, with authority: SigningKey? = nil) throws -> BackupResult {
    let identity = try identity()
    let own = identity.certificate.node
    func foreign(_ node: AuthorNumber, _ federation: Digest) -> OperatorFailure {
      let name =
        federation == identity.federation.id
        ? identity.federation.reference(to: node) : "\(Array(federation.bytes.prefix(8)).hexadecimal) \(node)"
      return OperatorFailure(2, ja: "別のノードの控えです: \(file)(\(name))", en: "a backup of another node: \(file) (\(name))")
    }
    let copy = try scratch.file()
    defer { withExtendedLifetime(copy) {} }
    let out = OutputFile(descriptor: copy.descriptor, path: copy.path)
    if try InputFile(file).read(SealedFile.magic.count) == SealedFile.magic {
      let head = try SealedFile.head(read: InputFile(file).read)
      guard head.federation == identity.federation.id, head.node == own else {
        throw foreign(head.node, head.federation)
      }
      _ = try SealedFile.open(with: authority ?? identity.key, read: InputFile(file).read, emit: out.write)
    } else {
      let input = try InputFile(file)
      while case let piece = try input.read(1 << 20), !piece.isEmpty { try out.write(piece) }
    }
    let epoch: Int
    do {
      let mark = try HighWaterFile(path: highWaterFile).load()
      let queue = try DatabaseQueue(path: copy.path)
      epoch = try queue.write { db in
        let owner = try Int64.fetchOne(db, sql: "SELECT value FROM node_state WHERE key = 'node'")
        guard owner == Int64(own.rawValue) else {
          throw AuthorNumber(rawValue: UInt32(truncatingIfNeeded: owner ?? 0)).map {
            foreign($0, identity.federation.id)
          }
            ?? foreign(own, identity.federation.id)
        }
        guard try String.fetchAll(db, sql: "PRAGMA integrity_check(1)") == ["ok"] else {
          throw OperatorFailure(1, ja: "控えが壊れています: \(file)", en: "the backup is damaged: \(file)")
        }
        let then = try Int.fetchOne(db, sql: "SELECT value FROM node_state WHERE key = 'epoch'") ?? 0
        let next = max(then, Int(mark?.epoch ?? 0)) + 1
        try db.execute(
          sql: "INSERT OR REPLACE INTO node_state (key, value) VALUES ('epoch', ?)", arguments: [next])
        return next
      }
      try queue.close()
    } catch let failure as OperatorFailure { throw failure } catch let error as StoreError { throw error } catch {
      throw OperatorFailure(2, ja: "ノードの控えではありません: \(file)", en: "not a backup of a node: \(file)")
    }
    for suffix in ["", "-wal", "-shm"] {
      try? FileManager.default.removeItem(atPath: replica + ".before" + suffix)
      if FileManager.default.fileExists(atPath: replica + suffix) {
        try FileManager.default.moveItem(atPath: replica + suffix, toPath: replica + ".before" + suffix)
      }
    }
    guard fsync(copy.descriptor) == 0, rename(copy.path, replica) == 0 else {
      throw DirectoryError.notWritable(path: replica, code: errno)
    }
    NewFile.sync(folder: path)
    var status = stat()
    let bytes = fstat(copy.descriptor, &status) == 0 ? Int(status.st_size) : 0
    return BackupResult(file: replica, bytes: bytes, epoch: epoch, sealedFor: nil)
  }
}

/// A backup as it lies on a medium.
public enum SealedBackup {
  /// Writes the database that is in it into a new file.
  ///
  /// - Returns: how many bytes that has.
  /// - Throws: `OperatorFailure` or `SealedFileFault`.
  public static func unseal(_ file: String, with key: SigningKey, to out: String) throws -> Int {
    guard !FileManager.default.fileExists(atPath: out) else { throw DirectoryError.alreadyThere(path: out) }
    let new = try NewFile(out)
    _ = try SealedFile.open(with: key, read: InputFile(file).read, emit: new.write)
    return try new.finish()
  }

  /// What it tells to anybody; nil when it is none, or its head is damaged.
  public static func head(_ file: String) -> SealedFileHead? {
    try? SealedFile.head(read: InputFile(file).read)
  }
}
