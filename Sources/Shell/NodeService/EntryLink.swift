import Causality
import ChangeModel
import Foundation
import Glibc
import Sodium

/// A link that signs one account in, once: for a drill, in which somebody is to begin without typing anything. Printed by
/// `account link`; kept as its hash, gone once used or after an hour. A real federation's node takes none.
public struct EntryLink: Sendable {
  private let folder: String
  /// In milliseconds.
  private static let lasts: Int64 = 3_600_000

  public init(directory: NodeDirectory) { folder = directory.path + "/entry" }

  /// - Returns: what the link's path ends in.
  public func make(for account: RowID, at now: Instant) throws(DirectoryError) -> String {
    guard mkdir(folder, 0o700) == 0 || errno == EEXIST else { throw .notWritable(path: folder, code: errno) }
    let token = FirstCode.plain(FirstCode.text())
    try SecretFile.write([UInt8]("\(account) \(now.milliseconds + Self.lasts)\n".utf8), to: file(token))
    return token
  }

  /// Whose it is; nil for what is none, was used or is too old.
  public func account(_ token: String, at now: Instant) -> RowID? {
    guard let bytes = try? SecretFile.read(file(token)) else { return nil }
    let parts = String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isWhitespace).compactMap { Int64($0) }
    guard parts.count == 2, parts[1] > now.milliseconds else { return nil }
    return RowID(rawValue: parts[0])
  }

  /// The same, for one caller alone: of two who press at once one gets in.
  public func take(_ token: String, at now: Instant) -> RowID? {
    guard let account = account(token, at: now), unlink(file(token)) == 0 else { return nil }
    return account
  }

  private func file(_ token: String) -> String {
    "\(folder)/\(blake2b([UInt8](FirstCode.plain(token).utf8)).bytes.prefix(16).map { String(format: "%02x", $0) }.joined())"
  }
}
