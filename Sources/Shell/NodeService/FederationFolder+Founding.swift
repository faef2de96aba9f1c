import Federation
import Foundation
import Sodium
import Topology

/// A federation that is founded without anybody holding another ward's secret: each ward makes its authority and gives its
/// paper; the genesis is made of the papers; each ward joins.
extension FederationFolder {
  private static let paperEnding = ".public.json"
  private func keyFile(_ ward: String) -> String { path + "/federation-key-\(ward).json" }

  /// Makes a ward's authority on a card, and its paper beside it.
  ///
  /// - Parameters:
  ///   - card: the card's file; it must not be there.
  ///   - passphrase: locks the card; nil: it lies open.
  /// - Returns: the paper, and where it lies.
  public static func makeAuthority(
    of ward: String, on card: String, passphrase: String?
  ) throws -> (paper: AuthorityPaper, file: String) {
    let file = (card.hasSuffix(".json") ? String(card.dropLast(5)) : card) + paperEnding
    for path in [card, file] where FileManager.default.fileExists(atPath: path) {
      throw DirectoryError.alreadyThere(path: path)
    }
    let record = AuthorityRecord(ward: ward, seed: secureRandomBytes(SigningKey.seedBytes), federationKey: [])
    let paper = AuthorityPaper(ward: ward, by: try record.key())
    try SecretFile.write(
      [UInt8](AuthorityCard.file(of: record, passphrase: passphrase, random: secureRandomBytes)), to: card)
    try SecretFile.write([UInt8](JSONFile.encode(paper)), to: file)
    return (paper, file)
  }

  /// Founds the federation of a topology's wards from their authorities' papers.
  ///
  /// - Parameter folder: where the papers lie, by whatever names that end in `.public.json`.
  /// - Throws: naming the ward whose paper is missing, stands twice, or does not hold.
  public func found(_ topology: Topology, papersIn folder: String, drill: Bool) throws -> FederationIdentity {
    guard !exists else { throw DirectoryError.alreadyThere(path: genesisFile) }
    var keys: [String: PublicKey] = [:]
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    for name in names.sorted() where name.hasSuffix(Self.paperEnding) {
      let file = folder + "/" + name
      let paper: AuthorityPaper = try JSONFile.decode(SecretFile.read(file), from: file)
      guard topology.ward(paper.ward) != nil else { throw FederationError.unknownWard(paper.ward) }
      let key = try paper.publicKey()
      guard keys[paper.ward] == nil, !keys.values.contains(key) else {
        throw FederationError.malformedPaper(paper.ward)
      }
      keys[paper.ward] = key
    }
    let missing = topology.wards.filter { keys[$0.code] == nil }
    guard missing.isEmpty else {
      let codes = missing.map(\.code).joined(separator: ", ")
      throw OperatorFailure(
        2, ja: "認証局の公開鍵が足りない区: \(codes)(\(folder) の *\(Self.paperEnding))",
        en: "no authority's public key of: \(codes) (*\(Self.paperEnding) in \(folder))")
    }
    let identity = try FederationIdentity(
      Genesis(
        name: topology.name, drill: drill,
        wards: topology.wards.map {
          Genesis.Ward(code: $0.code, name: $0.name, romaji: $0.romaji, authority: keys[$0.code]!)
        }))
    try keepPrivate()
    let secret = secureRandomBytes(AudienceKey.byteCount)
    guard let sender = SigningKey(seed: secureRandomBytes(SigningKey.seedBytes)) else {
      preconditionFailure("a seed has its length")
    }
    for (ward, key) in keys.sorted(by: { $0.key < $1.key }) {
      let sealed = try SealedFederationKey(secret, ward: ward, to: key, by: sender)
      try SecretFile.write([UInt8](JSONFile.encode(sealed)), to: keyFile(ward))
    }
    // The genesis comes last: a folder with it is whole.
    try SecretFile.write(identity.bytes, to: genesisFile)
    return identity
  }

  /// Gives a ward's authority the federation's key, and says to which federation it belongs: that the genesis names this very
  /// authority is seen here.
  public func join(ward: String) throws -> FederationIdentity {
    try withAuthority(of: ward) { record, identity in
      _ = try record.key(in: identity)
      return identity
    }
  }

  func join(_ record: inout AuthorityRecord) throws {
    let file = keyFile(record.ward)
    guard FileManager.default.fileExists(atPath: file) else { throw FederationError.notJoined(record.ward) }
    try record.join(JSONFile.decode(SecretFile.read(file), from: file))
  }
}
