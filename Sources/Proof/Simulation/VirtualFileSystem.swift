import GRDBSQLite
import Synchronization

/// SQLite's extended codes for failures of a disk: macros that Swift does not import.
enum DiskCode {
  static let read = SQLITE_IOERR | 1 << 8
  static let shortRead = SQLITE_IOERR | 2 << 8
  static let write = SQLITE_IOERR | 3 << 8
  static let sync = SQLITE_IOERR | 4 << 8
  static let truncate = SQLITE_IOERR | 6 << 8
  static let delete = SQLITE_IOERR | 10 << 8
  static let deleteMissing = SQLITE_IOERR | 23 << 8
}

/// SQLite's door to virtual disks: the process's default VFS. Paths that do not begin with `root` go to the real one.
///
/// The interface: https://www.sqlite.org/vfs.html and `sqlite3_vfs`, `sqlite3_io_methods` in sqlite3.h.
enum VirtualFileSystem {
  static let root = "/renkei-virtual-disk/"

  /// A disk that unmounts itself before it goes. Runs on several threads look disks up; only one run uses each.
  private struct Mounted: @unchecked Sendable {
    let disk: Unmanaged<VirtualDisk>
  }

  private struct Registry {
    var next = 0
    var disks: [String: Mounted] = [:]
  }

  /// Runs may go on side by side on several threads; a disk is used by one.
  private static let registry = Mutex(Registry())

  static func newFolder() -> String {
    _ = isRegistered
    return registry.withLock { registry in
      registry.next += 1
      return "\(root)\(registry.next)/"
    }
  }

  static func mount(_ disk: VirtualDisk) {
    let mounted = Mounted(disk: .passUnretained(disk))
    let folder = disk.folder
    registry.withLock { $0.disks[folder] = mounted }
  }

  static func unmount(_ folder: String) { registry.withLock { $0.disks[folder] = nil } }

  /// The disk of a path; nil when the path is none of ours.
  fileprivate static func disk(of path: UnsafePointer<CChar>?) -> (disk: VirtualDisk, path: String)? {
    guard let path else { return nil }
    let name = String(cString: path)
    guard name.hasPrefix(root), let slash = name.dropFirst(root.count).firstIndex(of: "/") else { return nil }
    let folder = String(name[...slash])
    return registry.withLock { $0.disks[folder] }.map { ($0.disk.takeUnretainedValue(), name) }
  }

  /// What SQLite allocates for each open file: its own head, then ours.
  fileprivate struct Handle {
    var base: sqlite3_file
    var open: Unmanaged<OpenFile>
  }

  fileprivate static func open(_ file: UnsafeMutablePointer<sqlite3_file>?) -> OpenFile {
    UnsafeMutableRawPointer(file!).assumingMemoryBound(to: Handle.self).pointee.open.takeUnretainedValue()
  }

  /// Registers once; true ever after.
  private static let isRegistered: Bool = {
    let real = sqlite3_vfs_find(nil)!
    let own = UnsafeMutablePointer<sqlite3_vfs>.allocate(capacity: 1)
    own.initialize(to: real.pointee)
    own.pointee.zName = lasting("renkei-virtual")
    own.pointee.pNext = nil
    own.pointee.pAppData = UnsafeMutableRawPointer(real)
    own.pointee.szOsFile = max(real.pointee.szOsFile, Int32(MemoryLayout<Handle>.size))
    own.pointee.xOpen = openFile
    own.pointee.xDelete = { vfs, name, sync in
      guard let (disk, path) = VirtualFileSystem.disk(of: name) else {
        return realVFS(vfs).pointee.xDelete(realVFS(vfs), name, sync)
      }
      return disk.delete(path)
    }
    own.pointee.xAccess = { vfs, name, flags, result in
      guard let (disk, path) = VirtualFileSystem.disk(of: name) else {
        return realVFS(vfs).pointee.xAccess(realVFS(vfs), name, flags, result)
      }
      result?.pointee = disk.files[path].map { !$0.bytes.isEmpty || flags != SQLITE_ACCESS_EXISTS } == true ? 1 : 0
      return SQLITE_OK
    }
    own.pointee.xFullPathname = { vfs, name, size, out in
      guard VirtualFileSystem.disk(of: name) != nil, let name, let out else {
        return realVFS(vfs).pointee.xFullPathname(realVFS(vfs), name, size, out)
      }
      copyPath(size, out, name)
      return SQLITE_OK
    }
    // What SQLite draws (the salts of write-ahead logs) must not differ from one process to the next.
    own.pointee.xRandomness = { _, count, out in
      out?.update(repeating: 0x5a, count: Int(count))
      return count
    }
    precondition(sqlite3_vfs_register(own, 1) == SQLITE_OK)
    return true
  }()

  private static func realVFS(_ vfs: UnsafeMutablePointer<sqlite3_vfs>?) -> UnsafeMutablePointer<sqlite3_vfs> {
    vfs!.pointee.pAppData.assumingMemoryBound(to: sqlite3_vfs.self)
  }

  /// A C string that is never freed.
  private static func lasting(_ text: String) -> UnsafePointer<CChar> {
    let bytes = UnsafeMutableBufferPointer<CChar>.allocate(capacity: text.utf8.count + 1)
    _ = bytes.initialize(from: text.utf8CString)
    return UnsafePointer(bytes.baseAddress!)
  }

  private static func copyPath(
    _ size: Int32, _ out: UnsafeMutablePointer<CChar>, _ name: UnsafePointer<CChar>
  ) {
    var index = 0
    while index < Int(size) - 1, name[index] != 0 {
      out[index] = name[index]
      index += 1
    }
    out[index] = 0
  }

  private static let openFile:
    @convention(c) (
      UnsafeMutablePointer<sqlite3_vfs>?, UnsafePointer<CChar>?, UnsafeMutablePointer<sqlite3_file>?, Int32,
      UnsafeMutablePointer<Int32>?
    ) -> Int32 = { vfs, name, file, flags, outFlags in
      guard let (disk, path) = VirtualFileSystem.disk(of: name) else {
        return realVFS(vfs).pointee.xOpen(realVFS(vfs), name, file, flags, outFlags)
      }
      file!.pointee.pMethods = nil
      guard let found = disk.file(path, make: flags & SQLITE_OPEN_CREATE != 0) else { return SQLITE_CANTOPEN }
      let open = OpenFile(disk: disk, file: found, path: path, deletesOnClose: flags & SQLITE_OPEN_DELETEONCLOSE != 0)
      UnsafeMutableRawPointer(file!).assumingMemoryBound(to: Handle.self)
        .initialize(to: Handle(base: sqlite3_file(pMethods: methods), open: Unmanaged.passRetained(open)))
      outFlags?.pointee = flags
      return SQLITE_OK
    }

  private nonisolated(unsafe) static let methods: UnsafePointer<sqlite3_io_methods> = {
    let methods = UnsafeMutablePointer<sqlite3_io_methods>.allocate(capacity: 1)
    var table = sqlite3_io_methods()
    table.iVersion = 2
    table.xClose = { file in
      let raw = UnsafeMutableRawPointer(file!).assumingMemoryBound(to: Handle.self)
      raw.pointee.open.takeUnretainedValue().close()
      raw.pointee.open.release()
      return SQLITE_OK
    }
    table.xRead = { file, out, count, offset in
      VirtualFileSystem.open(file).read(UnsafeMutableRawBufferPointer(start: out, count: Int(count)), at: Int(offset))
    }
    table.xWrite = { file, source, count, offset in
      VirtualFileSystem.open(file).write(UnsafeRawBufferPointer(start: source, count: Int(count)), at: Int(offset))
    }
    table.xTruncate = { file, size in VirtualFileSystem.open(file).truncate(to: Int(size)) }
    table.xSync = { file, _ in VirtualFileSystem.open(file).sync() }
    table.xFileSize = { file, out in
      out?.pointee = Int64(VirtualFileSystem.open(file).file.bytes.count)
      return SQLITE_OK
    }
    table.xLock = { file, level in VirtualFileSystem.open(file).lock(level) }
    table.xUnlock = { file, level in VirtualFileSystem.open(file).unlock(level) }
    table.xCheckReservedLock = { file, out in
      out?.pointee = VirtualFileSystem.open(file).file.reservedHolder == nil ? 0 : 1
      return SQLITE_OK
    }
    table.xFileControl = { _, _, _ in SQLITE_NOTFOUND }
    table.xSectorSize = { _ in 4096 }
    table.xDeviceCharacteristics = { _ in SQLITE_IOCAP_POWERSAFE_OVERWRITE }
    table.xShmMap = { file, region, size, extend, out in
      VirtualFileSystem.open(file).mapIndex(Int(region), size: Int(size), extend: extend != 0, out!)
    }
    table.xShmLock = { file, offset, count, flags in
      VirtualFileSystem.open(file).lockIndex(Int(offset), Int(count), flags)
    }
    table.xShmBarrier = { _ in }
    table.xShmUnmap = { file, deletes in
      VirtualFileSystem.open(file).unmapIndex()
      return SQLITE_OK
    }
    methods.initialize(to: table)
    return UnsafePointer(methods)
  }()
}

/// One connection's hold on one file.
private final class OpenFile {
  let disk: VirtualDisk
  let file: VirtualFile
  private let path: String
  private let deletesOnClose: Bool
  private var level: Int32 = 0
  private var indexShared = [Bool](repeating: false, count: 8)

  init(disk: VirtualDisk, file: VirtualFile, path: String, deletesOnClose: Bool) {
    self.disk = disk
    self.file = file
    self.path = path
    self.deletesOnClose = deletesOnClose
  }

  private var id: ObjectIdentifier { ObjectIdentifier(self) }

  func close() {
    _ = unlock(SQLITE_LOCK_NONE)
    unmapIndex()
    if deletesOnClose { _ = disk.delete(path) }
  }

  func read(_ out: UnsafeMutableRawBufferPointer, at offset: Int) -> Int32 {
    if let refusal = disk.refusalOfRead() { return refusal }
    let present = max(0, min(out.count, file.bytes.count - offset))
    if present > 0 {
      file.bytes.withUnsafeBytes {
        out.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[offset..<offset + present]))
      }
    }
    guard present < out.count else { return SQLITE_OK }
    UnsafeMutableRawBufferPointer(rebasing: out[present...]).initializeMemory(as: UInt8.self, repeating: 0)
    return DiskCode.shortRead
  }

  func write(_ source: UnsafeRawBufferPointer, at offset: Int) -> Int32 {
    let grows = offset + source.count > file.bytes.count
    if let refusal = disk.refusal(.write, growing: grows, code: DiskCode.write) { return refusal }
    file.write(source, at: offset)
    return SQLITE_OK
  }

  func truncate(to count: Int) -> Int32 {
    if let refusal = disk.refusal(.write, code: DiskCode.truncate) { return refusal }
    file.truncate(to: count)
    return SQLITE_OK
  }

  func sync() -> Int32 {
    if let refusal = disk.refusal(.sync, code: DiskCode.sync) { return refusal }
    file.sync()
    return SQLITE_OK
  }

  // MARK: Locks

  func lock(_ wanted: Int32) -> Int32 {
    guard wanted > level else { return SQLITE_OK }
    if let holder = file.exclusiveHolder, holder != id { return SQLITE_BUSY }
    if level == SQLITE_LOCK_NONE {
      file.sharedHolders += 1
      level = SQLITE_LOCK_SHARED
    }
    if wanted >= SQLITE_LOCK_RESERVED {
      if let holder = file.reservedHolder, holder != id { return SQLITE_BUSY }
      file.reservedHolder = id
      level = SQLITE_LOCK_RESERVED
    }
    if wanted == SQLITE_LOCK_EXCLUSIVE {
      guard file.sharedHolders == 1 else { return SQLITE_BUSY }
      file.exclusiveHolder = id
      level = SQLITE_LOCK_EXCLUSIVE
    }
    return SQLITE_OK
  }

  func unlock(_ wanted: Int32) -> Int32 {
    guard wanted < level else { return SQLITE_OK }
    if file.exclusiveHolder == id { file.exclusiveHolder = nil }
    if file.reservedHolder == id { file.reservedHolder = nil }
    if wanted == SQLITE_LOCK_NONE { file.sharedHolders -= 1 }
    level = wanted
    return SQLITE_OK
  }

  // MARK: The index beside the write-ahead log

  func mapIndex(
    _ region: Int, size: Int, extend: Bool, _ out: UnsafeMutablePointer<UnsafeMutableRawPointer?>
  ) -> Int32 {
    out.pointee = nil
    while file.indexRegions.count <= region {
      guard extend else { return SQLITE_OK }
      let memory = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 16)
      memory.initializeMemory(as: UInt8.self, repeating: 0, count: size)
      file.indexRegions.append(memory)
    }
    out.pointee = file.indexRegions[region]
    return SQLITE_OK
  }

  func lockIndex(_ offset: Int, _ count: Int, _ flags: Int32) -> Int32 {
    let slots = offset..<offset + count
    if flags & SQLITE_SHM_UNLOCK != 0 {
      for slot in slots {
        if file.indexExclusive[slot] == id { file.indexExclusive[slot] = nil }
        if indexShared[slot] {
          indexShared[slot] = false
          file.indexShared[slot] -= 1
        }
      }
      return SQLITE_OK
    }
    if flags & SQLITE_SHM_SHARED != 0 {
      for slot in slots {
        if let holder = file.indexExclusive[slot], holder != id { return SQLITE_BUSY }
      }
      for slot in slots where !indexShared[slot] {
        indexShared[slot] = true
        file.indexShared[slot] += 1
      }
      return SQLITE_OK
    }
    for slot in slots {
      if let holder = file.indexExclusive[slot], holder != id { return SQLITE_BUSY }
      if file.indexShared[slot] > (indexShared[slot] ? 1 : 0) { return SQLITE_BUSY }
    }
    for slot in slots { file.indexExclusive[slot] = id }
    return SQLITE_OK
  }

  func unmapIndex() { _ = lockIndex(0, 8, SQLITE_SHM_UNLOCK) }
}
