import Foundation
import NIOCore
import SwiftASN1
import X509

/// For whom the node's HTTPS authority may sign, and nobody else (RFC 5280, 4.2.1.10): the node's own names and addresses, the
/// networks it is in, and `.local`. Whoever steals the node's authority poses as no other site to the devices that trust it.
struct HTTPSNames {
  /// Host names and addresses that the operator gave.
  let given: Set<String>
  /// This machine's own, as they are now.
  let own: Set<String>
  private let networks: [[UInt8]]

  /// - Parameter given: host names and addresses; 0.0.0.0 and :: name nobody.
  init(_ given: [String]) {
    let devices = (try? System.enumerateDevices()) ?? []
    self.given = Set(given.filter { !["0.0.0.0", "::"].contains($0) })
    own = Set(
      ["localhost", "127.0.0.1", "::1", ProcessInfo.processInfo.hostName]
        + devices.compactMap { $0.address?.ipAddress }.filter { !$0.contains("%") })
    networks = devices.compactMap { device in
      guard let address = device.address.flatMap(Self.bytes) else { return nil }
      let mask = device.netmask.flatMap(Self.bytes) ?? []
      // A mask of nothing would be the whole internet.
      guard mask.count == address.count, mask.prefix(mask.count / 4).allSatisfy({ $0 == 255 }) else {
        return Self.alone(address)
      }
      return zip(address, mask).map { $0 & $1 } + mask
    }
  }

  var constraints: NameConstraints {
    let all = given.union(own)
    let ranges = Set(networks + all.compactMap { Self.bytes($0).map(Self.alone) })
    return NameConstraints(
      permittedDNSDomains: (all.filter { Self.bytes($0) == nil && Self.isHostName($0) }.union(["local"])).sorted(),
      permittedIPRanges: ranges.sorted { $0.lexicographicallyPrecedes($1) }.map {
        ASN1OctetString(contentBytes: $0[...])
      })
  }

  /// Whether an authority with these constraints may sign for a name; without any, for every one.
  static func covers(_ constraints: NameConstraints?, _ name: String) -> Bool {
    guard let constraints else { return true }
    guard let address = bytes(name) else {
      return constraints.permittedDNSDomains.contains { name == $0 || name.hasSuffix("." + $0) }
    }
    return constraints.permittedIPRanges.contains { range in
      let (network, mask) = (range.bytes.prefix(address.count), range.bytes.suffix(address.count))
      return range.bytes.count == 2 * address.count
        && zip(zip(address, mask).map { $0 & $1 }, network).allSatisfy { $0 == $1 }
    }
  }

  static func generalName(_ name: String) -> GeneralName {
    bytes(name).map { .ipAddress(ASN1OctetString(contentBytes: $0[...])) } ?? .dnsName(name)
  }

  private static func isHostName(_ text: String) -> Bool {
    !text.isEmpty
      && text.utf8.allSatisfy {
        $0 < 128
          && ($0 == 45 || $0 == 46 || Character(UnicodeScalar($0)).isLetter || Character(UnicodeScalar($0)).isNumber)
      }
  }

  private static func alone(_ address: [UInt8]) -> [UInt8] { address + address.map { _ in 255 } }

  private static func bytes(_ text: String) -> [UInt8]? {
    (try? SocketAddress(ipAddress: text, port: 0)).flatMap(bytes)
  }

  private static func bytes(_ address: SocketAddress) -> [UInt8]? {
    switch address {
    case .v4(let v4): withUnsafeBytes(of: v4.address.sin_addr.s_addr) { [UInt8]($0) }
    case .v6(let v6): withUnsafeBytes(of: v6.address.sin6_addr) { [UInt8]($0) }
    case .unixDomainSocket: nil
    }
  }
}
