import Causality
import Federation
import Foundation
import Glibc
import SignedLog
import Sodium
import Topology

/// A federation's founding papers: the genesis, and each ward's authority. For a drill and for tests all lie in one
/// folder; in earnest each ward takes its own `authority-CODE.json` away, to a card in a safe.
public struct FederationFolder: Sendable {
  public let path: String

  public init(_ path: String) { self.path = path }

  private var genesisFile: String { path + "/genesis.json" }
  private func authorityFile(_ ward: String) -> String { path + "/authority-\(ward).json" }

  public var exists: Bool { FileManager.default.fileExists(atPath: genesisFile) }

  /// Founds a federation of a topology's wards: an authority for each, one key for the audience "all".
  public func found(_ topology: Topology, drill: Bool) throws {
    try FileManager.default.createDirectory(
      atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    let federationKey = secureRandomBytes(AudienceKey.byteCount)
    var wards: [Genesis.Ward] = []
    for ward in topology.wards {
      let seed = secureRandomBytes(SigningKey.seedBytes)
      let key = SigningKey(seed: seed)!.publicKey
      wards.append(Genesis.Ward(code: ward.code, name: ward.name, romaji: ward.romaji, authority: key))
      let record = AuthorityRecord(ward: ward.code, seed: seed, federationKey: federationKey)
      try SecretFile.write(Array(JSONFile.encode(record)), to: authorityFile(ward.code))
    }
    let identity = try FederationIdentity(Genesis(name: topology.name, drill: drill, wards: wards))
    // The genesis comes last: a folder with it is whole.
    try SecretFile.write(identity.bytes, to: genesisFile)
  }

  /// Enrols a node's key in a ward: takes the ward's next serial, signs, and keeps the count.
  public func enrol(_ key: PublicKey, ward: String) throws -> EnrolmentCard {
    let identity = try identity()
    guard identity.index(ofWard: ward) != nil else { throw FederationError.unknownWard(ward) }
    // Two enrolments at once must not take one serial.
    let descriptor = open(path + "/lock", O_CREAT | O_RDWR | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw DirectoryError.notWritable(path: path, code: errno) }
    defer { close(descriptor) }
    flock(descriptor, LOCK_EX)
    var record: AuthorityRecord = try JSONFile.decode(SecretFile.read(authorityFile(ward)), from: authorityFile(ward))
    let card = try record.enrol(key, in: identity, at: .now())
    try SecretFile.write(Array(JSONFile.encode(record)), to: authorityFile(ward))
    return card
  }

  public func identity() throws -> FederationIdentity {
    try FederationIdentity(genesisFile: SecretFile.read(genesisFile))
  }

  /// Signs that a node of the ward is no longer one.
  public func revoke(_ node: AuthorNumber, ward: String, cut: [LogName: SequenceNumber]) throws -> Revocation {
    let identity = try identity()
    guard identity.index(ofWard: ward) != nil else { throw FederationError.unknownWard(ward) }
    let record: AuthorityRecord = try JSONFile.decode(SecretFile.read(authorityFile(ward)), from: authorityFile(ward))
    return try record.revocation(of: node, in: identity, cut: cut)
  }
}
