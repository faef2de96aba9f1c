import Foundation
import Glibc
import Sodium

/// The one-time code by which a new node gets its first administrator: printed by `init`, kept as its hash, gone once used.
public struct FirstCode: Sendable {
  private let file: String
  private var taken: String { file + ".taken" }

  /// Without letters and digits that look alike.
  private static let letters = Array("ABCDEFGHJKMNPQRSTUVWXYZ23456789")
  /// 31^16: 79 bits.
  private static let length = 16

  public init(directory: NodeDirectory) { file = directory.path + "/first-administrator" }

  public var isOpen: Bool { FileManager.default.fileExists(atPath: file) }

  /// Makes a new code; an older one is worth nothing after.
  public func make() throws(DirectoryError) -> String {
    let code = Self.text()
    try SecretFile.write([UInt8]((Self.hash(Self.plain(code)) + "\n").utf8), to: file)
    return code
  }

  /// A code that nobody guesses, in groups of four.
  public static func text() -> String {
    var code = ""
    while code.count < length {
      // Bytes above the last whole multiple would favour the first letters.
      for byte in secureRandomBytes(32) where byte < 248 && code.count < length {
        code.append(letters[Int(byte) % letters.count])
      }
    }
    return stride(from: 0, to: length, by: 4).map { String(Array(code)[$0..<$0 + 4]) }.joined(separator: "-")
  }

  /// A code as a person typed it.
  public static func plain(_ code: String) -> String { code.uppercased().filter { $0.isLetter || $0.isNumber } }

  /// Takes the code for the caller alone, when it is right: of many who send it at once one gets it. What the caller does not
  /// bring to an end is given back.
  public func take(_ code: String) throws(DirectoryError) -> Bool {
    guard isOpen else { return false }
    let kept = String(decoding: try SecretFile.read(file), as: UTF8.self)
    guard kept.trimmingCharacters(in: .whitespacesAndNewlines) == Self.hash(Self.plain(code)) else { return false }
    return rename(file, taken) == 0
  }

  public func giveBack() throws(DirectoryError) {
    guard rename(taken, file) == 0 else { throw .notWritable(path: file, code: errno) }
  }

  public func end() throws(DirectoryError) {
    guard unlink(taken) == 0 || errno == ENOENT else { throw .notWritable(path: taken, code: errno) }
  }

  private static func hash(_ code: String) -> String { blake2b([UInt8](code.utf8)).bytes.hexadecimal }
}
