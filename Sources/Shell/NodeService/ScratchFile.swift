import Foundation
import Glibc

/// A file for the work of a moment, in the node's own folder: gone with this object. What a killed process leaves is swept
/// when the node is opened the next time.
public final class ScratchFile: Sendable {
  public let path: String
  /// Open on the file, and holding its lock for as long as somebody works on it.
  let descriptor: Int32

  /// What SQLite lays beside a database.
  fileprivate static let suffixes = ["", "-wal", "-shm", "-journal"]

  fileprivate init(_ path: String) throws(DirectoryError) {
    self.path = path
    descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw .notWritable(path: path, code: errno) }
    flock(descriptor, LOCK_EX)
  }

  /// Before its time, for a process that is about to end.
  public func remove() { for suffix in Self.suffixes { unlink(path + suffix) } }

  deinit {
    remove()
    close(descriptor)
  }
}

/// Where such files lie: a folder that nobody but its owner can enter.
public struct ScratchFolder: Sendable {
  let path: String

  public init(_ path: String) { self.path = path }

  /// An empty file of a name of its own.
  ///
  /// - Parameter ending: of the name: `.csv`.
  public func file(_ ending: String = "") throws(DirectoryError) -> ScratchFile {
    _ = try PrivateFolder.close(path)
    return try ScratchFile("\(path)/\(UUID().uuidString)\(ending)")
  }

  /// Removes what killed processes have left: files that nobody works on any more.
  public func sweep() {
    for name in (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? [] {
      let suffix = ScratchFile.suffixes.dropFirst().first { name.hasSuffix($0) } ?? ""
      let descriptor = open("\(path)/\(name.dropLast(suffix.count))", O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
      defer { if descriptor >= 0 { close(descriptor) } }
      if descriptor < 0 || flock(descriptor, LOCK_EX | LOCK_NB) == 0 { unlink("\(path)/\(name)") }
    }
  }
}

extension NodeDirectory {
  public var scratch: ScratchFolder { ScratchFolder(path + "/scratch") }

  /// Removes what killed processes have left half done. For who holds the folder's lock.
  func sweep() {
    scratch.sweep()
    for folder in [path, path + "/https"] {
      for name in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
      where name.hasSuffix(SecretFile.besides) { unlink("\(folder)/\(name)") }
    }
  }
}
