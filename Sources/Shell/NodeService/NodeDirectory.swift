import Federation
import Foundation
import Glibc
import Sodium

/// Why a node's folder cannot be used. `path` is what to look at.
public enum DirectoryError: Error, Hashable, Sendable {
  case notANode(path: String)
  case alreadyANode(path: String)
  case alreadyThere(path: String)
  case notReadable(path: String)
  case notWritable(path: String, code: Int32)
  case malformed(path: String)
  /// A node runs on this folder.
  case inUse(path: String)
  /// The folder is another account's, which could change what lies in it.
  case notOurs(path: String, owner: String)
  /// Others can enter the folder, and it cannot be closed to them.
  case open(path: String)
}

/// Where a node keeps what it is: its key, its card, its replica, and the socket by which its own operator speaks to it.
public struct NodeDirectory: Sendable {
  public let path: String

  public init(_ path: String) { self.path = path }

  public var replica: String { path + "/replica.sqlite" }
  /// The operator's socket.
  public var socket: String { path + "/control.sock" }
  private var keyFile: String { path + "/node.key" }
  private var cardFile: String { path + "/card.json" }
  private var lockFile: String { path + "/node.lock" }

  public var isEnrolled: Bool { FileManager.default.fileExists(atPath: cardFile) }

  /// Makes the folder and the node's key, or finds the key that is there.
  public func makeKey() throws(DirectoryError) -> SigningKey {
    _ = try keepPrivate()
    if FileManager.default.fileExists(atPath: keyFile) { return try key() }
    let seed = secureRandomBytes(SigningKey.seedBytes)
    try SecretFile.write([UInt8]((seed.hexadecimal + "\n").utf8), to: keyFile)
    return SigningKey(seed: seed)!
  }

  public func key() throws(DirectoryError) -> SigningKey {
    let text = String(decoding: try SecretFile.read(keyFile), as: UTF8.self).trimmingCharacters(
      in: .whitespacesAndNewlines)
    guard let seed = [UInt8](hexadecimal: text), let key = SigningKey(seed: seed) else {
      throw .malformed(path: keyFile)
    }
    return key
  }

  public func save(_ card: EnrolmentCard) throws(DirectoryError) {
    guard !isEnrolled else { throw .alreadyANode(path: path) }
    try SecretFile.write(Array(JSONFile.encode(card)), to: cardFile)
  }

  /// A newer card for this very node, in place of the one that is there.
  ///
  /// - Throws: `FederationError.notThisNode` when it is another number's, or another federation's.
  public func renew(_ card: EnrolmentCard) throws {
    let (old, new) = (try identity(), try NodeIdentity(card, key: key()))
    guard old.federation.id == new.federation.id, old.certificate.node == new.certificate.node,
      old.certificate.validFrom < new.certificate.validFrom
    else { throw FederationError.notThisNode }
    try SecretFile.write(Array(JSONFile.encode(card)), to: cardFile)
  }

  /// Who this node is.
  public func identity() throws -> NodeIdentity {
    guard isEnrolled else { throw DirectoryError.notANode(path: path) }
    let card: EnrolmentCard = try JSONFile.decode(SecretFile.read(cardFile), from: cardFile)
    return try NodeIdentity(card, key: key())
  }

  /// How far this node wrote its own logs, kept beside the database.
  var highWaterFile: String { path + "/high-water" }

  /// Makes the folder, or closes it to everybody but its owner: one that was made beforehand may stand open.
  ///
  /// - Returns: whether others could enter it before.
  public func keepPrivate() throws(DirectoryError) -> Bool {
    let wasOpen = try PrivateFolder.close(path)
    // An older program left the database to the account's umask; what SQLite lays beside it follows the file.
    for suffix in ["", "-wal", "-shm"] { chmod(replica + suffix, 0o600) }
    return wasOpen
  }

  /// Takes the folder for this process until the returned lock goes: two writers with one key would fork its log.
  public func lock() throws(DirectoryError) -> DirectoryLock {
    _ = try keepPrivate()
    let descriptor = open(lockFile, O_CREAT | O_RDWR | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw .notWritable(path: lockFile, code: errno) }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      close(descriptor)
      throw .inUse(path: path)
    }
    return DirectoryLock(descriptor)
  }
}

/// Held while a process works on a node's folder; the kernel lets go of it when the process dies, however it dies.
public final class DirectoryLock: Sendable {
  private let descriptor: Int32

  init(_ descriptor: Int32) { self.descriptor = descriptor }

  deinit { close(descriptor) }
}

/// Folders that nobody but their owner may enter.
enum PrivateFolder {
  /// Makes a folder, or closes one that is there.
  ///
  /// - Returns: whether others could enter it before.
  static func close(_ path: String) throws(DirectoryError) -> Bool {
    guard var status = Self.status(path) else {
      do {
        try FileManager.default.createDirectory(
          atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
      } catch { throw .notWritable(path: path, code: errno) }
      return false
    }
    guard status.st_uid == geteuid() else {
      let owner = getpwuid(status.st_uid).map { String(cString: $0.pointee.pw_name) }
      throw .notOurs(path: path, owner: owner ?? "\(status.st_uid)")
    }
    guard status.st_mode & 0o077 != 0 else { return false }
    chmod(path, 0o700)
    status = Self.status(path) ?? status
    guard status.st_mode & 0o077 == 0 else { throw .open(path: path) }
    return true
  }

  private static func status(_ path: String) -> stat? {
    var status = stat()
    return stat(path, &status) == 0 ? status : nil
  }
}

/// Files that only their owner may read. Written beside, synced, then put in place: never half there.
enum SecretFile {
  /// How a file is called while it is written.
  static let besides = ".writing"

  static func write(_ bytes: [UInt8], to path: String) throws(DirectoryError) {
    let beside = path + besides
    let descriptor = open(beside, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw .notWritable(path: path, code: errno) }
    let written = Glibc.write(descriptor, bytes, bytes.count)
    let synced = fsync(descriptor)
    close(descriptor)
    guard written == bytes.count, synced == 0, rename(beside, path) == 0 else {
      throw .notWritable(path: path, code: errno)
    }
  }

  static func read(_ path: String) throws(DirectoryError) -> [UInt8] {
    guard let data = FileManager.default.contents(atPath: path) else { throw .notReadable(path: path) }
    return [UInt8](data)
  }
}

enum JSONFile {
  static func encode(_ value: some Encodable) -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
    // Our own plain types always encode.
    return try! encoder.encode(value)
  }

  static func decode<Value: Decodable>(_ bytes: [UInt8], from path: String) throws(DirectoryError) -> Value {
    do { return try JSONDecoder().decode(Value.self, from: Data(bytes)) } catch { throw .malformed(path: path) }
  }
}
