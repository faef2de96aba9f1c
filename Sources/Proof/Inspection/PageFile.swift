import Foundation
import Glibc

/// The pages of a database file as its last commit left them: the file with its write-ahead log laid over it, read and
/// never written. Works on a copy, on a read-only medium, on a full disk, and on a damaged file.
///
/// Source: "Database File Format", https://www.sqlite.org/fileformat2.html, sections 1 to 4.
public final class PageFile {
  public let path: String
  public let pageSize: Int
  /// Pages of the last commit that are there.
  public private(set) var pageCount = 0
  /// What is wrong with the header and the write-ahead log.
  public private(set) var damage: [Damage] = []

  private let descriptor: Int32
  private let walDescriptor: Int32
  private let fileSize: Int
  /// Where the newest version of a page lies in the write-ahead log.
  private var overlay: [Int: Int] = [:]
  /// The header as it must be, wherever it is not; a file without a write-ahead log in its journal mode.
  private var header: [UInt8] = []

  private static let magic = [UInt8]("SQLite format 3\0".utf8)
  private static let headerBytes = 100
  /// What our files have; used when the header's own figure is damaged.
  private static let usualPageSize = 4_096

  /// - Throws: `cannotRead`.
  public init(path: String) throws(InspectionError) {
    self.path = path
    descriptor = Self.openFile(path)
    guard descriptor >= 0 else { throw .cannotRead(path: path, code: errno) }
    walDescriptor = Self.openFile(path + "-wal")
    fileSize = Int(lseek(descriptor, 0, SEEK_END))
    var start = [UInt8](repeating: 0, count: Self.headerBytes)
    _ = pread(descriptor, &start, start.count, 0)
    let stated = Int(start[16]) << 8 | Int(start[17])
    let size = stated == 1 ? 65_536 : stated
    let isSize = (512...65_536).contains(size) && size & (size - 1) == 0 && (fileSize % size == 0 || stated == 4_096)
    pageSize = isSize ? size : Self.usualPageSize
    var pages = (fileSize + pageSize - 1) / pageSize
    if let committed = readWriteAheadLog() { pages = min(committed, pages + overlay.count) }
    // The first page may be newer in the write-ahead log.
    if let newer = overlay[1] { _ = pread(walDescriptor, &start, start.count, off_t(newer)) }
    pageCount = pages
    header = start
    repairHeader()
  }

  deinit {
    close(descriptor)
    if walDescriptor >= 0 { close(walDescriptor) }
  }

  /// A regular file's descriptor, or -1: a folder or a pipe of that name is not waited for.
  private static func openFile(_ path: String) -> Int32 {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { return -1 }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      close(descriptor)
      errno = EINVAL
      return -1
    }
    return descriptor
  }

  // MARK: Reading

  /// Fills `out` with the image from `offset` on; what lies past its end is zero.
  ///
  /// - Returns: how many bytes there were.
  @discardableResult
  func read(_ out: UnsafeMutableRawBufferPointer, at offset: Int) -> Int {
    _ = out.initializeMemory(as: UInt8.self, repeating: 0)
    var done = 0
    while done < out.count {
      let at = offset + done
      let page = at / pageSize + 1
      guard page <= pageCount else { break }
      let inside = at % pageSize
      let count = min(out.count - done, pageSize - inside)
      let part = UnsafeMutableRawBufferPointer(rebasing: out[done..<done + count])
      let read =
        overlay[page].map { pread(walDescriptor, part.baseAddress, count, off_t($0 + inside)) }
        ?? pread(descriptor, part.baseAddress, count, off_t(at))
      // The disk failed: not the same as zeros.
      guard read >= 0 else { break }
      if page == 1, inside < Self.headerBytes {
        let end = min(Self.headerBytes, inside + count)
        for index in inside..<end { part[index - inside] = header[index] }
      }
      done += count
    }
    return done
  }

  public func page(_ number: Int) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: pageSize)
    bytes.withUnsafeMutableBytes { _ = read($0, at: (number - 1) * pageSize) }
    return bytes
  }

  /// The file and the byte in it where a byte of a page lies.
  public func place(page: Int, _ offset: Int) -> (file: String, offset: Int) {
    if let frame = overlay[page] { return (path + "-wal", frame + offset) }
    return (path, (page - 1) * pageSize + offset)
  }

  var imageBytes: Int { pageCount * pageSize }

  // MARK: The header

  private func repairHeader() {
    func expect(_ range: Range<Int>, _ right: [UInt8], _ name: String) {
      guard Array(header[range]) != right else { return }
      let first = range.lowerBound + zip(header[range], right).prefix { $0 == $1 }.count
      let place = place(page: 1, first)
      damage.append(
        Damage(
          .header, file: place.file, offset: place.offset, length: range.upperBound - first, subject: name,
          detail: "\(Array(header[range])) instead of \(right)"))
      header.replaceSubrange(range, with: right)
    }
    expect(0..<16, Self.magic, "magic")
    expect(16..<18, [UInt8(truncatingIfNeeded: pageSize >> 8), pageSize == 65_536 ? 1 : 0], "page size")
    for index in 18...19 where header[index] != 1 {
      // 2 is a file with a write-ahead log, which is laid over it here.
      if header[index] != 2 { expect(index..<index + 1, [2], "journal mode") }
      header[index] = 1
    }
    expect(20..<24, [0, 64, 32, 32], "fractions")
    expect(44..<48, [0, 0, 0, 4], "schema format")
    // No vacuum by the page, no versions of other programs: these are 0 in every file of ours.
    expect(52..<56, [0, 0, 0, 0], "largest root page")
    expect(56..<60, [0, 0, 0, 1], "text encoding")
    expect(60..<92, [UInt8](repeating: 0, count: 32), "reserved")
    let stated = header[28..<32].reduce(0) { $0 << 8 | Int($1) }
    if stated > pageCount {
      damage.append(
        Damage(
          .truncated, file: path, offset: fileSize, length: (stated - pageCount) * pageSize, subject: "pages",
          detail: "\(stated) pages in the header, \(pageCount) in the file"))
    } else if stated < pageCount, stated > 0, overlay.isEmpty {
      expect(28..<32, Self.bigEndian(pageCount), "page count")
    }
    if overlay.isEmpty, fileSize % pageSize != 0 {
      damage.append(
        Damage(
          .truncated, file: path, offset: fileSize, length: pageSize - fileSize % pageSize, subject: "last page",
          detail: "ends in the middle"))
    }
    header.replaceSubrange(28..<32, with: Self.bigEndian(pageCount))
    // Without this, SQLite would not believe the count.
    header.replaceSubrange(92..<96, with: header[24..<28])
  }

  private static func bigEndian(_ number: Int) -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: number >> (24 - 8 * $0)) }
  }

  // MARK: The write-ahead log

  /// Lays the committed frames over the file.
  ///
  /// - Returns: the size of the database in pages after the last commit; nil when nothing is committed there.
  private func readWriteAheadLog() -> Int? {
    guard walDescriptor >= 0 else { return nil }
    let size = Int(lseek(walDescriptor, 0, SEEK_END))
    guard size >= 32 else { return nil }
    var head = [UInt8](repeating: 0, count: 32)
    _ = pread(walDescriptor, &head, 32, 0)
    func word(_ bytes: [UInt8], _ at: Int) -> UInt32 { bytes[at..<at + 4].reduce(0) { $0 << 8 | UInt32($1) } }
    let magic = word(head, 0)
    let isBig = magic & 1 == 1
    var sum = WALChecksum(bigEndian: isBig)
    sum.add(head[..<24])
    guard magic & ~1 == 0x377f_0682, word(head, 8) == UInt32(pageSize), sum.matches(word(head, 24), word(head, 28))
    else {
      damage.append(
        Damage(
          .writeAheadLog, file: path + "-wal", offset: 0, length: 32, subject: "header",
          detail: "its checksum does not hold: none of it is read", lost: (size - 32) / (24 + pageSize)))
      return nil
    }
    var frame = [UInt8](repeating: 0, count: 24 + pageSize)
    var pending: [(Int, Int)] = []
    var committed: Int?
    var offset = 32
    while offset + frame.count <= size {
      _ = pread(walDescriptor, &frame, frame.count, off_t(offset))
      // Other salts: what an earlier round of the same file left.
      guard frame[8..<16] == head[16..<24] else { break }
      sum.add(frame[..<8])
      sum.add(frame[24...])
      guard sum.matches(word(frame, 16), word(frame, 20)) else {
        let further = (size - offset) / frame.count
        damage.append(
          Damage(
            .writeAheadLog, file: path + "-wal", offset: offset, length: frame.count,
            subject: "frame \((offset - 32) / frame.count + 1), page \(word(frame, 0))",
            detail: "its checksum does not hold: SQLite stops before it", lost: further))
        break
      }
      pending.append((Int(word(frame, 0)), offset + 24))
      let count = Int(word(frame, 4))
      if count > 0 {
        for (page, place) in pending { overlay[page] = place }
        pending = []
        committed = count
      }
      offset += frame.count
    }
    return committed
  }
}

/// The running checksum of a write-ahead log (section 4.2 of the format).
private struct WALChecksum {
  private var first: UInt32 = 0
  private var second: UInt32 = 0
  private let bigEndian: Bool

  init(bigEndian: Bool) { self.bigEndian = bigEndian }

  mutating func add(_ bytes: ArraySlice<UInt8>) {
    bytes.withUnsafeBytes { raw in
      for index in stride(from: 0, to: raw.count & ~7, by: 8) {
        first &+= word(raw, index) &+ second
        second &+= word(raw, index + 4) &+ first
      }
    }
  }

  private func word(_ raw: UnsafeRawBufferPointer, _ at: Int) -> UInt32 {
    let value = raw.loadUnaligned(fromByteOffset: at, as: UInt32.self)
    return bigEndian ? UInt32(bigEndian: value) : UInt32(littleEndian: value)
  }

  func matches(_ one: UInt32, _ other: UInt32) -> Bool { one == first && other == second }
}
