import Foundation
import Glibc
import Store

/// A file that is read from its beginning.
final class InputFile {
  private let descriptor: Int32
  private let isOwned: Bool
  private var offset = 0

  init(_ path: String) throws {
    descriptor = open(path, O_RDONLY | O_CLOEXEC)
    isOwned = true
    guard descriptor >= 0 else {
      throw OperatorFailure(2, ja: "ファイルを読めません: \(path)", en: "cannot read the file: \(path)")
    }
  }

  /// Open already, and whoever opened it closes it.
  init(descriptor: Int32) {
    self.descriptor = descriptor
    isOwned = false
  }

  deinit { if isOwned { close(descriptor) } }

  /// As many bytes as are asked for; fewer at the end.
  func read(_ count: Int) throws -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    var done = 0
    while done < count {
      let got = bytes.withUnsafeMutableBytes {
        pread(descriptor, $0.baseAddress! + done, count - done, off_t(offset + done))
      }
      guard got >= 0 else { throw StoreError.inputOutput(errno) }
      guard got > 0 else { break }
      done += got
    }
    offset += done
    return Array(bytes.prefix(done))
  }
}

struct OutputFile {
  let descriptor: Int32
  let path: String

  func write(_ bytes: [UInt8]) throws {
    var done = 0
    while done < bytes.count {
      let put = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress! + done, bytes.count - done) }
      guard put > 0 else {
        throw errno == ENOSPC ? StoreError.diskFull : DirectoryError.notWritable(path: path, code: errno)
      }
      done += put
    }
  }
}

/// A file that is written beside its place, for its owner alone, and put there whole.
final class NewFile {
  let partial: String
  private let path: String
  private let out: OutputFile

  init(_ path: String) throws {
    self.path = path
    partial = path + ".partial"
    unlink(partial)
    out = OutputFile(descriptor: open(partial, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600), path: path)
    guard out.descriptor >= 0 else {
      throw OperatorFailure(2, ja: "書き込めません: \(path)", en: "cannot write: \(path)")
    }
  }

  deinit {
    unlink(partial)
    close(out.descriptor)
  }

  func write(_ bytes: [UInt8]) throws { try out.write(bytes) }

  /// - Returns: how many bytes it has.
  func finish() throws -> Int {
    var status = stat()
    guard fsync(out.descriptor) == 0, fstat(out.descriptor, &status) == 0, rename(partial, path) == 0 else {
      throw OperatorFailure(2, ja: "書き込めません: \(path)", en: "cannot write: \(path)")
    }
    Self.sync(folder: (path as NSString).deletingLastPathComponent)
    return Int(status.st_size)
  }

  static func sync(folder: String) {
    let descriptor = open(folder.isEmpty ? "." : folder, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return }
    fsync(descriptor)
    close(descriptor)
  }
}
