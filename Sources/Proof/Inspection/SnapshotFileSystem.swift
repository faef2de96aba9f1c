import GRDBSQLite
import Glibc
import Synchronization

/// Opens a `PageFile` to SQLite as a database that nobody can write: no lock, no `-shm`, no `-wal`, nothing made beside
/// it. The process's default VFS; paths that do not begin with `root` go to the real one.
///
/// The interface: https://www.sqlite.org/vfs.html.
enum SnapshotFileSystem {
  private static let root = "/renkei-snapshot/"

  /// Each file is used by one connection at a time.
  private struct Shown: @unchecked Sendable { let file: PageFile }

  private struct Registry {
    var next = 0
    var files: [String: Shown] = [:]
  }

  private static let registry = Mutex(Registry())

  /// A path by which SQLite finds the file, until `hide`.
  static func show(_ file: PageFile) -> String {
    _ = isRegistered
    let shown = Shown(file: file)
    return registry.withLock { registry in
      registry.next += 1
      let path = "\(root)\(registry.next)"
      registry.files[path] = shown
      return path
    }
  }

  static func hide(_ path: String) { registry.withLock { $0.files[path] = nil } }

  private static func isOurs(_ name: UnsafePointer<CChar>?) -> Bool {
    name.map { String(cString: $0).hasPrefix(root) } ?? false
  }

  private struct Handle {
    var base: sqlite3_file
    var file: Unmanaged<PageFile>
  }

  private static func file(_ file: UnsafeMutablePointer<sqlite3_file>?) -> PageFile {
    UnsafeMutableRawPointer(file!).assumingMemoryBound(to: Handle.self).pointee.file.takeUnretainedValue()
  }

  private static let isRegistered: Bool = {
    let real = sqlite3_vfs_find(nil)!
    let own = UnsafeMutablePointer<sqlite3_vfs>.allocate(capacity: 1)
    own.initialize(to: real.pointee)
    own.pointee.zName = UnsafePointer(strdup("renkei-snapshot"))
    own.pointee.pNext = nil
    own.pointee.pAppData = UnsafeMutableRawPointer(real)
    own.pointee.szOsFile = max(real.pointee.szOsFile, Int32(MemoryLayout<Handle>.size))
    own.pointee.xOpen = { vfs, name, file, flags, outFlags in
      guard isOurs(name) else { return realVFS(vfs).pointee.xOpen(realVFS(vfs), name, file, flags, outFlags) }
      file!.pointee.pMethods = nil
      guard let shown = registry.withLock({ $0.files[String(cString: name!)] }) else { return SQLITE_CANTOPEN }
      UnsafeMutableRawPointer(file!).assumingMemoryBound(to: Handle.self)
        .initialize(to: Handle(base: sqlite3_file(pMethods: methods), file: Unmanaged.passRetained(shown.file)))
      outFlags?.pointee = SQLITE_OPEN_READONLY
      return SQLITE_OK
    }
    own.pointee.xDelete = { vfs, name, sync in
      isOurs(name) ? SQLITE_READONLY : realVFS(vfs).pointee.xDelete(realVFS(vfs), name, sync)
    }
    own.pointee.xAccess = { vfs, name, flags, result in
      guard isOurs(name) else { return realVFS(vfs).pointee.xAccess(realVFS(vfs), name, flags, result) }
      result?.pointee = registry.withLock { $0.files[String(cString: name!)] == nil } ? 0 : 1
      return SQLITE_OK
    }
    own.pointee.xFullPathname = { vfs, name, size, out in
      guard isOurs(name), let name, let out else {
        return realVFS(vfs).pointee.xFullPathname(realVFS(vfs), name, size, out)
      }
      strncpy(out, name, Int(size))
      return SQLITE_OK
    }
    precondition(sqlite3_vfs_register(own, 1) == SQLITE_OK)
    return true
  }()

  private static func realVFS(_ vfs: UnsafeMutablePointer<sqlite3_vfs>?) -> UnsafeMutablePointer<sqlite3_vfs> {
    vfs!.pointee.pAppData.assumingMemoryBound(to: sqlite3_vfs.self)
  }

  private nonisolated(unsafe) static let methods: UnsafePointer<sqlite3_io_methods> = {
    let methods = UnsafeMutablePointer<sqlite3_io_methods>.allocate(capacity: 1)
    var table = sqlite3_io_methods()
    table.iVersion = 1
    table.xClose = { file in
      UnsafeMutableRawPointer(file!).assumingMemoryBound(to: Handle.self).pointee.file.release()
      return SQLITE_OK
    }
    table.xRead = { file, out, count, offset in
      let wanted = UnsafeMutableRawBufferPointer(start: out, count: Int(count))
      return SnapshotFileSystem.file(file).read(wanted, at: Int(offset)) == wanted.count
        ? SQLITE_OK : SQLITE_IOERR | 2 << 8
    }
    table.xWrite = { _, _, _, _ in SQLITE_READONLY }
    table.xTruncate = { _, _ in SQLITE_READONLY }
    table.xSync = { _, _ in SQLITE_OK }
    table.xFileSize = { file, out in
      out?.pointee = Int64(SnapshotFileSystem.file(file).imageBytes)
      return SQLITE_OK
    }
    table.xLock = { _, _ in SQLITE_OK }
    table.xUnlock = { _, _ in SQLITE_OK }
    table.xCheckReservedLock = { _, out in
      out?.pointee = 0
      return SQLITE_OK
    }
    table.xFileControl = { _, _, _ in SQLITE_NOTFOUND }
    table.xSectorSize = { _ in 4_096 }
    // Nobody changes it: SQLite need not look again whether somebody has.
    table.xDeviceCharacteristics = { _ in SQLITE_IOCAP_IMMUTABLE }
    methods.initialize(to: table)
    return UnsafePointer(methods)
  }()
}
