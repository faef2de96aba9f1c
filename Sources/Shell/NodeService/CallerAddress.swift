import NIOCore

/// Where a caller is, as callers are counted: an IPv4 address by itself, an IPv6 one by its first 64 bits, since whoever has
/// one of these has all 2^64 of them (RFC 6177). An IPv4 address inside an IPv6 one (RFC 4291, 2.5.5.2) is that IPv4 address.
public struct CallerAddress: Hashable, Sendable, CustomStringConvertible {
  /// `192.0.2.7`, `2001:db8:0:1::/64`; `local` for what is no network.
  public let description: String
  /// Whether the caller is on this machine: 127.0.0.1 or ::1, and none of the other addresses that loop back.
  public let isThisMachine: Bool

  public init(_ address: SocketAddress?) {
    switch address {
    case .v4(let v4):
      self.init(v4: withUnsafeBytes(of: v4.address.sin_addr.s_addr) { [UInt8]($0) })
    case .v6(let v6):
      let bytes = withUnsafeBytes(of: v6.address.sin6_addr) { [UInt8]($0) }
      if bytes.starts(with: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff]) {
        self.init(v4: Array(bytes.suffix(4)))
      } else {
        let groups = stride(from: 0, to: 8, by: 2).map {
          String(UInt16(bytes[$0]) << 8 | UInt16(bytes[$0 + 1]), radix: 16)
        }
        self.init(
          description: groups.joined(separator: ":") + "::/64",
          isThisMachine: bytes.dropLast().allSatisfy { $0 == 0 } && bytes.last == 1)
      }
    case .unixDomainSocket, nil:
      self.init(description: "local", isThisMachine: true)
    }
  }

  /// From the text of an address; nil for a name.
  public init?(_ text: String) {
    guard let address = try? SocketAddress(ipAddress: text, port: 0) else { return nil }
    self.init(address)
  }

  private init(v4 bytes: [UInt8]) {
    self.init(
      description: bytes.map { String($0) }.joined(separator: "."), isThisMachine: bytes == [127, 0, 0, 1])
  }

  private init(description: String, isThisMachine: Bool) {
    self.description = description
    self.isThisMachine = isThisMachine
  }
}
