import Foundation
import Sodium

/// Why a file of the federation cannot be used. `detail` names the part.
public enum FederationError: Error, Hashable, Sendable {
  case malformedGenesis(String)
  case malformedCertificate
  case malformedRevocation
  case malformedForkProof
  case malformedCard(String)
  case unknownWard(String)
  case wrongFederation
  case badAuthoritySignature
  case notThisNode
  case serialsExhausted
  case generationsExhausted
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

/// A federation as a node knows it: the genesis and the id that its bytes give.
public struct FederationIdentity: Sendable {
  public let genesis: Genesis
  /// The file, exactly.
  public let bytes: [UInt8]
  public let id: Digest
  private let authorities: [PublicKey]

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

  func authority(ofWard index: UInt32) -> PublicKey? {
    Int(index) < authorities.count ? authorities[Int(index)] : nil
  }
}
