import Causality
import Federation
import Foundation
import Glibc
import SignedLog
import Sodium
import Topology

/// A federation's founding papers: the genesis, and wards' authorities. For a drill and for tests all lie in one folder; in
/// earnest each ward makes its own authority (`FederationFolder+Founding.swift`) and has here no more than it and the genesis.
public struct FederationFolder: Sendable {
  public let path: String
  /// Asked for when a ward's card is locked.
  private let passphrase: @Sendable () throws -> String?

  public init(_ path: String, passphrase: @escaping @Sendable () throws -> String? = { nil }) {
    self.path = path
    self.passphrase = passphrase
  }

  var genesisFile: String { path + "/genesis.json" }
  func authorityFile(_ ward: String) -> String { path + "/authority-\(ward).json" }

  public var exists: Bool { FileManager.default.fileExists(atPath: genesisFile) }

  /// Founds a federation for a drill: an authority for each of a topology's wards, all of them open in this folder, one key
  /// for the audience "all".
  public func found(_ topology: Topology, drill: Bool) throws {
    try keepPrivate()
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
  public func enrol(_ key: PublicKey, ward: String, validUntil: Instant? = nil) throws -> EnrolmentCard {
    try withAuthority(of: ward) { record, identity in
      try record.enrol(key, in: identity, validUntil: validUntil, at: .now())
    }
  }

  /// Signs what a machine asks for: a first certificate, or the one that it has, anew.
  public func sign(_ request: EnrolmentRequest, ward: String, validUntil: Instant?) throws -> EnrolmentCard {
    try withAuthority(of: ward) { record, identity in
      try request.signed(by: &record, in: identity, validUntil: validUntil, at: .now())
    }
  }

  /// Signs that a node of the ward is no longer one.
  public func revoke(_ node: AuthorNumber, ward: String, cut: [LogName: LogHead]) throws -> Revocation {
    try withAuthority(of: ward) { record, identity in try record.revocation(of: node, in: identity, cut: cut) }
  }

  /// Makes the ward's audience keys anew, for the nodes that stay.
  public func renewKeys(of ward: String, for nodes: [NodeCertificate], above known: UInt32) throws -> KeyRenewal {
    try withAuthority(of: ward) { record, identity in try record.renewKeys(for: nodes, above: known, in: identity) }
  }

  /// Locks a ward's card, or locks it with another passphrase.
  public func lock(ward: String, with newPassphrase: () throws -> String) throws {
    guard try identity().index(ofWard: ward) != nil else { throw FederationError.unknownWard(ward) }
    let lock = try lockFolder()
    defer { close(lock) }
    let file = authorityFile(ward)
    let record = try AuthorityCard(Data(SecretFile.read(file))).record(passphrase: passphrase)
    try SecretFile.write(
      [UInt8](AuthorityCard.file(of: record, passphrase: newPassphrase(), random: secureRandomBytes)), to: file)
  }

  /// A card's file system may know no owners: who holds the card reads it in any case.
  func keepPrivate() throws(DirectoryError) {
    do throws(DirectoryError) { _ = try PrivateFolder.close(path) } catch {
      switch error {
      case .notOurs, .open: return
      default: throw error
      }
    }
  }

  /// Two at once must not take one serial, nor undo what the other wrote. The lock goes with the descriptor.
  private func lockFolder() throws -> Int32 {
    try keepPrivate()
    let descriptor = open(path + "/lock", O_CREAT | O_RDWR | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw DirectoryError.notWritable(path: path, code: errno) }
    flock(descriptor, LOCK_EX)
    return descriptor
  }

  /// With the amendments that lie beside the genesis.
  public func identity() throws -> FederationIdentity {
    let founded = try FederationIdentity(genesisFile: SecretFile.read(genesisFile))
    guard FileManager.default.fileExists(atPath: amendmentsFile) else { return founded }
    guard let chain = AmendmentChain(try SecretFile.read(amendmentsFile)) else {
      throw FederationError.malformedAmendment
    }
    return try founded.amended(by: chain)
  }

  // MARK: Amendments

  private var amendmentsFile: String { path + "/amendments" }

  /// Makes a new authority for a ward, on a card beside the old one's place, and the chain of amendments by which the
  /// federation will know it: its last amendment is nobody's word yet.
  ///
  /// - Parameters:
  ///   - statements: what the former authority signed that goes on to hold.
  ///   - generation: the newest of the ward's audience keys; the new authority cannot make those that were.
  public func propose(
    ward: String, keeping statements: [[UInt8]], serialsTo highest: UInt32, generation: UInt32, federationKey: [UInt8]
  ) throws -> AmendmentChain {
    let lock = try lockFolder()
    defer { close(lock) }
    let identity = try identity()
    guard let index = identity.index(ofWard: ward) else { throw FederationError.unknownWard(ward) }
    let seed = secureRandomBytes(SigningKey.seedBytes)
    var record = AuthorityRecord(ward: ward, seed: seed, federationKey: federationKey)
    // Room for what the thief may have enrolled meanwhile, which nobody here has seen.
    record.nextSerial = min(highest + 32, AuthorNumber.partLimit - 1)
    record.generation = generation
    record.firstGeneration = generation + 1
    let file = authorityFile(ward) + ".new"
    // Of an earlier proposal that may have been signed: its key is nowhere else.
    guard !FileManager.default.fileExists(atPath: file) else { throw DirectoryError.alreadyThere(path: file) }
    try SecretFile.write([UInt8](AuthorityCard.file(of: record, passphrase: nil, random: secureRandomBytes)), to: file)
    var chain = identity.amendments
    chain.append(Amendment(ward: index, authority: SigningKey(seed: seed)!.publicKey, keeping: statements))
    return chain
  }

  /// Signs a chain's last amendment with a ward's authority.
  public func sign(_ chain: inout AmendmentChain, ward: String) throws {
    try withAuthority(of: ward) { record, identity in
      let (index, key) = try record.key(in: identity)
      guard chain.federation == identity.id, chain.before == identity.amendments else {
        throw FederationError.malformedAmendment
      }
      chain.signLast(with: key, of: index)
    }
  }

  /// Keeps a chain that holds, and puts the new card in its place, if it was made here.
  public func take(_ chain: AmendmentChain) throws {
    let lock = try lockFolder()
    defer { close(lock) }
    let amended = try identity().amended(by: chain)
    try SecretFile.write(amended.amendments.bytes, to: amendmentsFile)
    for amendment in chain.amendments {
      guard let code = amended.ward(at: amendment.ward)?.code else { continue }
      let (old, new) = (authorityFile(code), authorityFile(code) + ".new")
      guard FileManager.default.fileExists(atPath: new),
        let record = try? AuthorityCard(Data(SecretFile.read(new))).record(passphrase: { nil }),
        (try? record.key(in: amended)) != nil
      else { continue }
      if rename(old, old + ".former") != 0, errno != ENOENT { throw DirectoryError.notWritable(path: old, code: errno) }
      guard rename(new, old) == 0 else { throw DirectoryError.notWritable(path: new, code: errno) }
    }
  }

  /// Works with a ward's authority, and keeps what that changed on its card.
  func withAuthority<Result>(
    of ward: String, _ body: (inout AuthorityRecord, FederationIdentity) throws -> Result
  ) throws -> Result {
    let identity = try identity()
    guard identity.index(ofWard: ward) != nil else { throw FederationError.unknownWard(ward) }
    let lock = try lockFolder()
    defer { close(lock) }
    let file = authorityFile(ward)
    let card = try AuthorityCard(Data(SecretFile.read(file)))
    var given: String?
    var record = try card.record {
      given = try passphrase()
      return given
    }
    let before = try AuthorityCard.file(of: record, passphrase: nil, random: secureRandomBytes)
    if record.federationKey.isEmpty { try join(&record) }
    let result = try body(&record, identity)
    if try AuthorityCard.file(of: record, passphrase: nil, random: secureRandomBytes) != before {
      try SecretFile.write(
        [UInt8](AuthorityCard.file(of: record, passphrase: given, random: secureRandomBytes)), to: file)
    }
    return result
  }
}
