import Causality
import GRDBSQLite
import Synchronization

/// What a disk does instead of its work.
public struct DiskFaults: Hashable, Sendable {
  /// The share of writes and syncs that fail with an I/O error.
  public var errorRate = 0.0
  /// No file may grow: what would make one longer fails as on a full disk.
  public var isFull = false

  public init() {}
}

/// What a disk is asked for, as far as it can go wrong.
public enum DiskOperation: String, CaseIterable, Sendable { case read, write, sync }

/// One machine's disk, in memory: SQLite works on it through `VirtualFileSystem`.
///
/// It keeps apart what was synced and what was not, so that a power cut can lose, keep or tear any unsynced write in any
/// combination, as a disk with a write cache does. Sources: Pillai et al., "All File Systems Are Not Created Equal"
/// (2014); SQLite, "Atomic Commit In SQLite", section 2.
public final class VirtualDisk {
  /// What a path on this disk begins with.
  public let folder: String
  private(set) var files: [String: VirtualFile] = [:]
  public var faults = DiskFaults()
  /// Every operation fails from now on: the machine is off.
  public private(set) var isOff = false
  /// The machine loses power at this many writes and syncs from now.
  private var operationsLeft: Int?
  /// What fails, once or from then on, when that many of its kind have gone well.
  private var trap: (operation: DiskOperation, left: Int, isForever: Bool)?
  /// The disk is full when that many writes have made a file longer.
  private var growthLeft: Int?
  private var random: RandomNumbers

  public init(seed: UInt64) {
    random = RandomNumbers(seed: seed)
    folder = VirtualFileSystem.newFolder()
    VirtualFileSystem.mount(self)
  }

  deinit { VirtualFileSystem.unmount(folder) }

  public func path(_ name: String) -> String { folder + name }

  public var byteCount: Int { files.values.reduce(0) { $0 + $1.bytes.count } }

  // MARK: Power

  /// Nothing works from now on. What was not synced is lost, kept or torn when the power returns.
  public func cutPower() { isOff = true }

  /// Loses power in the middle of what it does next.
  public func cutPower(afterOperations count: Int) { operationsLeft = count }

  /// The `count`th operation of a kind from now on fails, counted from 1; all later ones too when it is for ever.
  public func fail(_ operation: DiskOperation, at count: Int, forever: Bool) { trap = (operation, count, forever) }

  /// The `count`th write from now on that makes a file longer finds no space, and so do all later ones.
  public func fill(at count: Int) { growthLeft = count }

  /// The machine is on again, with what the disk really holds. Connections from before are of no use.
  public func restorePower() {
    operationsLeft = nil
    isOff = false
    for name in files.keys.sorted() { files[name] = files[name]!.afterPowerCut(&random) }
    // The index beside a write-ahead log lives in memory.
    files = files.filter { !$0.key.hasSuffix("-shm") }
  }

  /// Nothing goes wrong any more.
  public func mend() {
    operationsLeft = nil
    trap = nil
    growthLeft = nil
    faults = DiskFaults()
  }

  // MARK: Copies

  /// What the disk holds now, synced or not: a copy taken by the machine itself.
  public func image() -> [String: [UInt8]] { files.mapValues(\.bytes) }

  /// Puts files in the place of all that was there.
  public func restore(_ image: [String: [UInt8]]) { files = image.mapValues { VirtualFile($0) } }

  /// Turns one bit in a file, silently.
  ///
  /// - Returns: where; nil when there is nothing.
  public func flip(_ name: String) -> Int? {
    guard let file = files[path(name)], !file.bytes.isEmpty else { return nil }
    let offset = random.below(file.bytes.count)
    file.bytes[offset] ^= 1 << UInt8(random.below(8))
    return offset
  }

  // MARK: What SQLite asks for

  func file(_ path: String, make: Bool) -> VirtualFile? {
    if let file = files[path] { return file }
    guard make, !isOff else { return nil }
    let file = VirtualFile([])
    files[path] = file
    return file
  }

  func delete(_ path: String) -> Int32 {
    guard !isOff else { return DiskCode.delete }
    return files.removeValue(forKey: path) == nil ? DiskCode.deleteMissing : SQLITE_OK
  }

  private func springs(_ operation: DiskOperation) -> Bool {
    guard let trap, trap.operation == operation else { return false }
    self.trap!.left = trap.left - 1
    if trap.left == 1, !trap.isForever { self.trap = nil }
    return trap.left <= 1
  }

  /// What stands in the way of a read; nil when nothing does.
  func refusalOfRead() -> Int32? { isOff || springs(.read) ? DiskCode.read : nil }

  /// What stands in the way of a write or a sync; nil when nothing does.
  func refusal(_ operation: DiskOperation, growing: Bool = false, code: Int32) -> Int32? {
    if isOff || springs(operation) { return code }
    if growing, let left = growthLeft {
      growthLeft = left - 1
      if left <= 1 { return SQLITE_FULL }
    }
    if let left = operationsLeft {
      operationsLeft = left - 1
      if left <= 0 {
        isOff = true
        return code
      }
    }
    if growing, faults.isFull { return SQLITE_FULL }
    if faults.errorRate > 0, random.chance(faults.errorRate) { return code }
    return nil
  }
}

/// One file: what a reader sees, and what of it is not on the disk yet.
final class VirtualFile {
  var bytes: [UInt8]
  private var pending: [Pending] = []

  /// One write or truncation that was not synced.
  private struct Pending {
    var offset: Int
    /// What stood there, and how long the file was.
    var old: [UInt8]
    var oldCount: Int
    /// Nil: the file was cut at `offset`.
    var new: [UInt8]?
  }

  // Locks that connections hold: SQLite's five levels on the file, and shared or exclusive on eight slots of the index.
  var sharedHolders = 0
  var reservedHolder: ObjectIdentifier?
  var exclusiveHolder: ObjectIdentifier?
  var indexRegions: [UnsafeMutableRawPointer] = []
  var indexShared = [Int](repeating: 0, count: 8)
  var indexExclusive = [ObjectIdentifier?](repeating: nil, count: 8)

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  deinit { dropIndex() }

  func dropIndex() {
    for region in indexRegions { region.deallocate() }
    indexRegions = []
  }

  func write(_ source: UnsafeRawBufferPointer, at offset: Int) {
    let end = offset + source.count
    let overlap = max(0, min(bytes.count, end) - offset)
    pending.append(
      Pending(
        offset: offset, old: overlap > 0 ? Array(bytes[offset..<offset + overlap]) : [], oldCount: bytes.count,
        new: Array(source)))
    put(source, at: offset)
  }

  private func put(_ source: UnsafeRawBufferPointer, at offset: Int) {
    let end = offset + source.count
    if bytes.count < end { bytes.append(contentsOf: repeatElement(0, count: end - bytes.count)) }
    bytes.withUnsafeMutableBytes { UnsafeMutableRawBufferPointer(rebasing: $0[offset..<end]).copyMemory(from: source) }
  }

  func truncate(to count: Int) {
    guard count < bytes.count else { return }
    pending.append(Pending(offset: count, old: Array(bytes[count...]), oldCount: bytes.count, new: nil))
    bytes.removeLast(bytes.count - count)
  }

  func sync() { pending.removeAll(keepingCapacity: true) }

  /// The file as a disk may hold it after the power failed: each unsynced write whole, lost, or torn at a sector.
  func afterPowerCut(_ random: inout RandomNumbers) -> VirtualFile {
    let after = VirtualFile(bytes)
    for write in pending.reversed() { after.undo(write) }
    for write in pending {
      switch (random.below(4), write.new) {
      case (0, _): break
      case (_, nil): if write.offset < after.bytes.count { after.bytes.removeLast(after.bytes.count - write.offset) }
      case (1, let new?):
        let sectors = (new.count + Self.sector - 1) / Self.sector
        let kept = Array(new.prefix(random.below(sectors + 1) * Self.sector))
        kept.withUnsafeBytes { after.put($0, at: write.offset) }
      case (_, let new?): new.withUnsafeBytes { after.put($0, at: write.offset) }
      }
    }
    return after
  }

  /// What a disk writes as one, in bytes.
  private static let sector = 512

  private func undo(_ write: Pending) {
    if write.new != nil {
      write.old.withUnsafeBytes { put($0, at: write.offset) }
      if bytes.count > write.oldCount { bytes.removeLast(bytes.count - write.oldCount) }
    } else {
      bytes.append(contentsOf: write.old)
    }
  }
}
