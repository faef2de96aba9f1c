import Causality
import ChangeModel
import Federation
import Foundation
import Replica
import Sodium

/// A federation made for a test, with keys that follow from its seed.
public struct TestFederation {
  public let identity: FederationIdentity
  private var authorities: [AuthorityRecord]

  public init(wards: Int, seed: UInt64 = 1, drill: Bool = false) {
    var random = RandomNumbers(seed: seed)
    let federationKey = Self.bytes(32, &random)
    var authorities: [AuthorityRecord] = []
    var list: [Genesis.Ward] = []
    for index in 0..<wards {
      let code = String(13101 + index)
      let seed = Self.bytes(32, &random)
      authorities.append(AuthorityRecord(ward: code, seed: seed, federationKey: federationKey))
      let key = SigningKey(seed: seed)!.publicKey
      list.append(Genesis.Ward(code: code, name: "試験区\(index)", romaji: "Test \(index)", authority: key))
    }
    self.authorities = authorities
    identity = try! FederationIdentity(Genesis(name: "試験", drill: drill, wards: list))
  }

  /// Enrols another node of a ward.
  public mutating func node(ward: Int, keySeed: UInt64) -> NodeIdentity {
    var random = RandomNumbers(seed: keySeed &* 7_919 &+ UInt64(ward))
    let key = SigningKey(seed: Self.bytes(32, &random))!
    let card = try! authorities[ward].enrol(key.publicKey, in: identity, at: .test)
    return try! NodeIdentity(card, key: key)
  }

  private static func bytes(_ count: Int, _ random: inout RandomNumbers) -> [UInt8] {
    (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) }
  }
}

extension Instant {
  /// 2026-01-17 05:46 JST.
  public static let test = Instant(milliseconds: 1_768_596_360_000)
}

/// A directory that goes when the test ends.
public final class TemporaryDirectory {
  public let path: String

  public init() {
    path = NSTemporaryDirectory() + "renkei-test-" + UUID().uuidString
    try! FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  public func file(_ name: String) -> String { path + "/" + name }
}
