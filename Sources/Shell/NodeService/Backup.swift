import Federation
import Foundation
import GRDB
import Glibc
import Store

/// What a backup or a restore did.
public struct BackupResult: Codable, Sendable {
  public var file: String
  public var bytes: Int
  /// The epoch in which the node writes from now on; nil for a backup.
  public var epoch: Int?
}

/// Copies of a node's database, by a person's hand. A copy holds what the node holds, sealed and open alike: it belongs into
/// the same safe as the node. The node's key and card are not in it.
extension NodeDirectory {
  /// Writes the database as it is now into a new file, while the node serves. SQLite's `VACUUM INTO`: one snapshot, whole.
  ///
  /// - Throws: `OperatorFailure` when the file is there already, or cannot be written.
  public func backUp(to file: String) throws -> BackupResult {
    guard !FileManager.default.fileExists(atPath: file) else {
      throw OperatorFailure(2, ja: "すでにあります: \(file)", en: "is there already: \(file)")
    }
    let partial = file + ".partial"
    try? FileManager.default.removeItem(atPath: partial)
    defer { try? FileManager.default.removeItem(atPath: partial) }
    do {
      var configuration = Configuration()
      configuration.readonly = true
      let queue = try DatabaseQueue(path: replica, configuration: configuration)
      try queue.inDatabase { try $0.execute(sql: "VACUUM INTO ?", arguments: [partial]) }
      try queue.close()
    } catch { throw StoreError.of(error) }
    guard chmod(partial, 0o600) == 0, synced(partial), rename(partial, file) == 0 else {
      throw OperatorFailure(2, ja: "書き込めません: \(file)", en: "cannot write: \(file)")
    }
    _ = synced((file as NSString).deletingLastPathComponent)
    return BackupResult(file: file, bytes: Self.size(of: file), epoch: nil)
  }

  /// Puts a backup in the place of the database, for a node at rest. What is there stays beside it, as `replica.sqlite.before`.
  /// The node goes on in a new epoch: it has forgotten what it wrote after the backup, and fetches it back from its peers.
  ///
  /// - Throws: `OperatorFailure` when the file is no sound replica of this very node.
  public func restore(from file: String) throws -> BackupResult {
    let own = try identity().certificate.node
    let copy = replica + ".restoring"
    try? FileManager.default.removeItem(atPath: copy)
    defer { try? FileManager.default.removeItem(atPath: copy) }
    guard let content = FileManager.default.contents(atPath: file),
      FileManager.default.createFile(atPath: copy, contents: content, attributes: [.posixPermissions: 0o600])
    else { throw OperatorFailure(2, ja: "ファイルを読めません: \(file)", en: "cannot read the file: \(file)") }
    let epoch: Int
    do {
      let mark = try HighWaterFile(path: highWaterFile).load()
      let queue = try DatabaseQueue(path: copy)
      epoch = try queue.write { db in
        let owner = try Int64.fetchOne(db, sql: "SELECT value FROM node_state WHERE key = 'node'")
        guard owner == Int64(own.rawValue) else {
          throw OperatorFailure(2, ja: "別のノードの控えです: \(file)", en: "a backup of another node: \(file)")
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
    guard synced(copy), rename(copy, replica) == 0 else {
      throw OperatorFailure(2, ja: "書き込めません: \(replica)", en: "cannot write: \(replica)")
    }
    _ = synced(path)
    return BackupResult(file: replica, bytes: Self.size(of: replica), epoch: epoch)
  }

  private static func size(of file: String) -> Int {
    (try? FileManager.default.attributesOfItem(atPath: file)[.size] as? Int).flatMap { $0 } ?? 0
  }

  private func synced(_ path: String) -> Bool {
    let descriptor = open(path.isEmpty ? "." : path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    return fsync(descriptor) == 0
  }
}
