import Federation
import Foundation
import Sodium
import Testing

/// Which signatures this node believes, by our own entry point. FORMAT.md, section 6.
@Suite struct SignaturePolicyTests {
  static let shared = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent("../shared/data/ed25519").standardized

  static func hex(_ text: String) -> [UInt8] { [UInt8](hexadecimal: text)! }

  /// Ours: RFC 8032, 7.1, test 2 (the facts, in our own form).
  static let seed = hex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")
  static let publicKey = hex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
  static let signature = hex(
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
      + "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00")

  @Test func `signing is deterministic and gives the RFC's bytes`() {
    let key = SigningKey(seed: Self.seed)!
    #expect(key.publicKey.bytes == Self.publicKey)
    #expect(key.signature(over: [0x72]) == Self.signature && key.signature(over: [0x72]) == Self.signature)
    #expect(key.publicKey.verifies(Self.signature, over: [0x72]))
    #expect(!key.publicKey.verifies(Self.signature, over: [0x73]))
  }

  /// The encodings of the eight small-order points, canonical and not (y, y + p, either sign): 14 in all that
  /// decode (Chalkias et al. 2020).
  static let lowOrder = [
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "0100000000000000000000000000000000000000000000000000000000000080",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
  ].map(hex)

  @Test func `small-order and non-canonical points are refused as key and as R`() {
    let zeroScalar = [UInt8](repeating: 0, count: 32)
    let genuine = PublicKey(Self.publicKey)!
    for point in Self.lowOrder {
      // With a small-order key, R = key and S = 0 satisfy the bare equation for many messages.
      for message in UInt8(0)..<16 { #expect(!PublicKey(point)!.verifies(point + zeroScalar, over: [message])) }
      #expect(!genuine.verifies(point + Self.signature.suffix(32), over: [0x72]))
    }
    for low in UInt8(0xed)...0xff {
      let y = [low] + [UInt8](repeating: 0xff, count: 30) + [0x7f]
      #expect(!PublicKey(y)!.verifies(Self.signature, over: [0x72]))
    }
  }

  @Test func `a scalar at or above the group order is refused`() {
    // S + L for the genuine S: the same equation, another encoding.
    let order = Self.hex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010")
    var carry = 0
    let shifted = zip(Self.signature.suffix(32), order).map { a, b -> UInt8 in
      let sum = Int(a) + Int(b) + carry
      carry = sum >> 8
      return UInt8(sum & 0xff)
    }
    #expect(!PublicKey(Self.publicKey)!.verifies(Self.signature.prefix(32) + shifted, over: [0x72]))
  }

  private struct Wycheproof: Decodable {
    struct Group: Decodable {
      struct Key: Decodable { var pk: String }
      struct Case: Decodable {
        var tcId: Int
        var msg: String
        var sig: String
        var result: String
      }
      var publicKey: Key
      var tests: [Case]
    }
    var testGroups: [Group]
  }

  @Test func `Wycheproof's vectors give the answers that they should`() throws {
    let file = Self.shared.appendingPathComponent("ed25519_test.json")
    guard let data = try? Data(contentsOf: file) else {
      print("Wycheproof: not beside this checkout, not tried")
      return
    }
    var counts = (valid: 0, invalid: 0)
    for group in try JSONDecoder().decode(Wycheproof.self, from: data).testGroups {
      let key = PublicKey(Self.hex(group.publicKey.pk))
      for test in group.tests {
        let holds = key?.verifies(Self.hex(test.sig), over: Self.hex(test.msg)) ?? false
        #expect(holds == (test.result == "valid"), "case \(test.tcId)")
        if test.result == "valid" { counts.valid += 1 } else { counts.invalid += 1 }
      }
    }
    print("Wycheproof: \(counts.valid) valid accepted, \(counts.invalid) invalid refused")
  }

  @Test func `the 1,024 cases behind RFC 8032 sign to the same bytes and verify`() throws {
    let file = Self.shared.appendingPathComponent("sign.input")
    guard let text = try? String(contentsOf: file, encoding: .utf8) else {
      print("sign.input: not beside this checkout, not tried")
      return
    }
    var count = 0
    for line in text.split(separator: "\n") {
      let parts = line.split(separator: ":", omittingEmptySubsequences: false)
      let key = SigningKey(seed: Self.hex(String(parts[0].prefix(64))))!
      let message = Self.hex(String(parts[2]))
      let signature = Self.hex(String(parts[3].prefix(128)))
      #expect(key.signature(over: message) == signature && key.publicKey.verifies(signature, over: message))
      count += 1
    }
    #expect(count == 1_024)
  }
}
