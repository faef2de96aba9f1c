import Causality
import ChangeModel
import Sodium

/// The federation's word that a ward has another authority now: its card was stolen or lost. More than half of the wards'
/// authorities sign it. FORMAT.md, section 14.
///
/// What the ward's former authorities signed holds no longer, except the statements that the amendment names: whoever
/// stole the card can enrol nobody and revoke nobody, whatever date they write.
public struct Amendment: Hashable, Sendable {
  public var ward: UInt32
  public var authority: PublicKey
  /// Hashes of the certificates and revocations of former authorities that go on to hold, sorted.
  public var kept: [Digest]
  /// By the ward's index.
  public var signatures: [UInt32: [UInt8]]

  public init(ward: UInt32, authority: PublicKey, keeping statements: [[UInt8]]) {
    self.ward = ward
    self.authority = authority
    kept = Set(statements.map { blake2b($0) }).sorted { $0.bytes.lexicographicallyPrecedes($1.bytes) }
    signatures = [:]
  }

  /// A ward's nodes and their renewals, over years.
  public static let keptLimit = 4_096

  /// What is signed: all amendments before it, and this one.
  func statement(after chain: AmendmentChain) -> [UInt8] {
    var writer = ByteWriter(capacity: 128 + kept.count * Digest.byteCount)
    writer.raw([UInt8]("renkei amendment 1".utf8))
    writer.raw(blake2b(chain.bytes).bytes)
    write(into: &writer)
    return writer.bytes
  }

  fileprivate func write(into writer: inout ByteWriter) {
    writer.bigEndian(UInt16(ward))
    writer.raw(authority.bytes)
    writer.bigEndian(UInt16(kept.count))
    for hash in kept { writer.raw(hash.bytes) }
  }
}

/// All amendments of a federation, from its first: each counts only with those before it. Of two chains that both hold, the
/// longer one counts, then the one whose bytes come first: every node decides alike, whatever came first.
public struct AmendmentChain: Hashable, Sendable {
  public let federation: Digest
  public private(set) var amendments: [Amendment]

  static let magic = [UInt8]("RKA1".utf8)
  public static let limit = 256

  public init(_ federation: Digest) {
    self.federation = federation
    amendments = []
  }

  public mutating func append(_ amendment: Amendment) {
    precondition(amendments.count < Self.limit)
    amendments.append(amendment)
  }

  /// The chain without its last amendment.
  public var before: AmendmentChain {
    var chain = self
    _ = chain.amendments.popLast()
    return chain
  }

  /// Adds an authority's signature to the last amendment. One signature that does not hold, and the chain does not.
  public mutating func signLast(with authority: SigningKey, of ward: UInt32) {
    guard let last = amendments.indices.last else { return }
    amendments[last].signatures[ward] = authority.signature(over: amendments[last].statement(after: before))
  }

  public var bytes: [UInt8] {
    var writer = ByteWriter(capacity: 256)
    writer.raw(Self.magic)
    writer.raw(federation.bytes)
    writer.bigEndian(UInt16(amendments.count))
    for amendment in amendments {
      amendment.write(into: &writer)
      writer.bigEndian(UInt16(amendment.signatures.count))
      for (ward, signature) in amendment.signatures.sorted(by: { $0.key < $1.key }) {
        writer.bigEndian(UInt16(ward))
        writer.raw(signature)
      }
    }
    return writer.bytes
  }

  /// Reads a chain; whether it holds, `FederationIdentity.amended` says. Nil for anything but what `bytes` gives.
  public init?(_ bytes: [UInt8]) {
    guard bytes.starts(with: Self.magic) else { return nil }
    let read = bytes.withUnsafeBytes { raw -> (Digest, [Amendment])? in
      var reader = ByteReader(raw)
      guard (try? reader.raw(4)) != nil, let federation = try? reader.raw(Digest.byteCount),
        let count = try? reader.bigEndian(UInt16.self), count <= Self.limit
      else { return nil }
      var amendments: [Amendment] = []
      for _ in 0..<count {
        guard let amendment = Amendment(from: &reader) else { return nil }
        amendments.append(amendment)
      }
      return (Digest(federation), amendments)
    }
    guard let (federation, amendments) = read else { return nil }
    self.federation = federation
    self.amendments = amendments
    guard self.bytes == bytes else { return nil }
  }
}

extension Amendment {
  fileprivate init?(from reader: inout ByteReader) {
    guard let ward = try? reader.bigEndian(UInt16.self), let key = (try? reader.raw(32)).flatMap({ PublicKey($0) }),
      let count = try? reader.bigEndian(UInt16.self), count <= Self.keptLimit
    else { return nil }
    self.ward = UInt32(ward)
    authority = key
    kept = []
    for _ in 0..<count {
      guard let hash = try? reader.raw(Digest.byteCount) else { return nil }
      kept.append(Digest(hash))
    }
    signatures = [:]
    guard let signed = try? reader.bigEndian(UInt16.self), signed < AuthorNumber.partLimit else { return nil }
    for _ in 0..<signed {
      guard let ward = try? reader.bigEndian(UInt16.self), let signature = try? reader.raw(Signature.byteCount) else {
        return nil
      }
      signatures[UInt32(ward)] = [UInt8](signature)
    }
  }
}
