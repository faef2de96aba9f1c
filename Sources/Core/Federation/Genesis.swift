import Foundation
import Sodium

/// Why a file of the federation cannot be used. `detail` names the part.
public enum FederationError: Error, Hashable, Sendable {
  case malformedGenesis(String)
  /// A certificate of release 0.1, whose format is gone.
  case olderFormat
  case malformedCertificate
  case malformedRevocation
  case malformedForkProof
  case malformedAmendment
  case malformedCard(String)
  case unknownWard(String)
  case wrongFederation
  case badAuthoritySignature
  case notThisNode
  case serialsExhausted
  case generationsExhausted
  /// The ward's authority was made, and has not been given the federation's key yet.
  case notJoined(String)
  /// What an authority tells of itself at the founding, by its ward.
  case malformedPaper(String)
  /// Or a damaged card: nobody can tell.
  case wrongPassphrase
  case shortPassphrase
}

/// What makes a federation: its name, whether it is a drill, and each ward's authority.
///
/// The federation's id is the hash of this file's exact bytes, so a drill, or a copy with one authority changed, is
/// another federation, and nothing signed in one can enter the other.
public struct Genesis: Codable, Hashable, Sendable {
  public struct Ward: Codable, Hashable, Sendable {
    /// JIS X 0402 with the prefecture: five digits.
    public var code: String
    public var name: String
    public var romaji: String
    /// The authority's Ed25519 public key, hexadecimal.
    public var authority: String

    public init(code: String, name: String, romaji: String, authority: PublicKey) {
      self.code = code
      self.name = name
      self.romaji = romaji
      self.authority = authority.bytes.hexadecimal
    }
  }

  public static let format = "renkei-genesis-1"

  public var format: String
  public var name: String
  public var drill: Bool
  /// A ward's place in this list is its index in author numbers.
  public var wards: [Ward]

  public init(name: String, drill: Bool, wards: [Ward]) {
    format = Self.format
    self.name = name
    self.drill = drill
    self.wards = wards
  }
}

/// A federation as a node knows it: the genesis, the id that its bytes give, and what was amended since.
public struct FederationIdentity: Sendable {
  public let genesis: Genesis
  /// The file, exactly.
  public let bytes: [UInt8]
  public let id: Digest
  private var authorities: [PublicKey]
  /// Authorities that were replaced, and what they signed that goes on to hold.
  private var former: [UInt32: (keys: [PublicKey], kept: Set<Digest>)] = [:]
  public private(set) var amendments: AmendmentChain

  /// - Throws: `FederationError.malformedGenesis`, naming the field.
  public init(genesisFile bytes: [UInt8]) throws(FederationError) {
    let genesis: Genesis
    do { genesis = try JSONDecoder().decode(Genesis.self, from: Data(bytes)) } catch {
      throw .malformedGenesis("JSON")
    }
    guard genesis.format == Genesis.format else { throw .malformedGenesis("format") }
    guard !genesis.wards.isEmpty, genesis.wards.count <= 1024,
      Set(genesis.wards.map(\.code)).count == genesis.wards.count
    else { throw .malformedGenesis("wards") }
    var authorities: [PublicKey] = []
    for ward in genesis.wards {
      guard let bytes = [UInt8](hexadecimal: ward.authority), let key = PublicKey(bytes) else {
        throw .malformedGenesis("authority of \(ward.code)")
      }
      authorities.append(key)
    }
    self.genesis = genesis
    self.bytes = bytes
    self.authorities = authorities
    id = blake2b(bytes)
    amendments = AmendmentChain(id)
  }

  /// Canonical bytes for a new federation: sorted keys, so that the same content gives the same id.
  public init(_ genesis: Genesis) throws(FederationError) {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
    guard let data = try? encoder.encode(genesis) else { throw .malformedGenesis("JSON") }
    try self.init(genesisFile: [UInt8](data))
  }

  public func index(ofWard code: String) -> UInt32? {
    genesis.wards.firstIndex { $0.code == code }.map(UInt32.init)
  }

  public func ward(at index: UInt32) -> Genesis.Ward? {
    Int(index) < genesis.wards.count ? genesis.wards[Int(index)] : nil
  }

  /// The key of a ward's authority, as the amendments that are known leave it.
  public func authority(ofWard index: UInt32) -> PublicKey? {
    Int(index) < authorities.count ? authorities[Int(index)] : nil
  }

  /// The authority of a ward, now or formerly, that signed something. Nil: none did.
  ///
  /// - Parameter isCurrent: false for something of a former authority that no amendment has kept.
  func signer(
    of statement: [UInt8], domain: [UInt8], ward: UInt32
  ) throws(FederationError) -> (key: PublicKey, isCurrent: Bool) {
    guard let current = authority(ofWard: ward) else { throw .unknownWard(String(ward)) }
    let signed = domain + statement.dropLast(Signature.byteCount)
    let signature = [UInt8](statement.suffix(Signature.byteCount))
    if current.verifies(signature, over: signed) { return (current, true) }
    if let former = former[ward], let key = former.keys.first(where: { $0.verifies(signature, over: signed) }) {
      return (key, former.kept.contains(blake2b(statement)))
    }
    throw .badAuthoritySignature
  }

  /// How many authorities must sign an amendment: more than half.
  public var threshold: Int { genesis.wards.count / 2 + 1 }

  /// The federation as a chain of amendments leaves it. Of this one's own chain and that one, the one that counts.
  ///
  /// - Throws: `malformedAmendment` when one of them is not signed by enough of the authorities before it.
  public func amended(by chain: AmendmentChain) throws(FederationError) -> FederationIdentity {
    guard chain.federation == id else { throw .wrongFederation }
    let (own, other) = (amendments.amendments.count, chain.amendments.count)
    guard other > own || (other == own && chain.bytes.lexicographicallyPrecedes(amendments.bytes)) else { return self }
    var amended = try FederationIdentity(genesisFile: bytes)
    for amendment in chain.amendments { try amended.apply(amendment) }
    return amended
  }

  private mutating func apply(_ amendment: Amendment) throws(FederationError) {
    guard Int(amendment.ward) < authorities.count else { throw .unknownWard(String(amendment.ward)) }
    let statement = amendment.statement(after: amendments)
    let signers = amendment.signatures.filter { ward, signature in
      authority(ofWard: ward)?.verifies(signature, over: statement) == true
    }
    // One key may stand for several wards in a test; each ward counts once in any case.
    guard signers.count == amendment.signatures.count, signers.count >= threshold else { throw .malformedAmendment }
    let keys = (former[amendment.ward]?.keys ?? []) + [authorities[Int(amendment.ward)]]
    former[amendment.ward] = (keys, Set(amendment.kept))
    authorities[Int(amendment.ward)] = amendment.authority
    amendments.append(amendment)
  }
}
