import Causality
import CoreMetrics
import Desk
import NIOCore

/// How much people who have not signed in may write: so much from each sender, and so much in all, so that the node's writer
/// has time for its staff.
struct Strangers: Sendable {
  /// A family that says how its members are; then one in 20 s.
  private let each = RateLimit(burst: 5, perSecond: 3 / 60)
  /// A tenth of what the node's disk can take in a second, at some 10 ms a report.
  private let all = RateLimit(burst: 300, perSecond: 10)

  /// - Throws: when the sender, or everybody together, has written too much just now.
  func admit(_ origin: Origin, at now: Tick) throws {
    guard each.admits(origin.address, at: now) else {
      throw refusal(
        each, "too-many", ja: "届け出が続いています。\(each.pause) 秒たってから送ってください。急ぐときは職員に声をかけるか、119 番へ",
        en: "too many reports in a row: send this in \(each.pause) s. If it is urgent, tell the staff, or call 119")
    }
    guard all.admits("", at: now) else {
      throw refusal(
        all, "counter-full", ja: "届け出が集中していて、いま受け付けられません。少し待ってから送ってください。命の危険があるときは 119 番へ",
        en:
          "so many are reporting that this cannot be taken now: send it again in a moment. In danger of life, call 119")
    }
  }

  private func refusal(_ limit: RateLimit, _ word: String, ja: String, en: String) -> APIError {
    Counter(label: "renkei_strangers_refused_total").increment()
    var refusal = APIError(.tooManyRequests, word, ja: ja, en: en)
    refusal.retryAfter = limit.pause
    return refusal
  }
}

extension Origin {
  /// - Parameter address: of IPv4 or IPv6, as text; anything else is a network of its own.
  init(of address: String) {
    let packed = (try? SocketAddress(ipAddress: address, port: 0)).map { socket -> [UInt8] in
      switch socket {
      case .v4(let v4): withUnsafeBytes(of: v4.address.sin_addr) { [UInt8]($0) }
      case .v6(let v6): withUnsafeBytes(of: v6.address.sin6_addr) { [UInt8]($0) }
      case .unixDomainSocket: []
      }
    }
    // An IPv4 address as a socket for both kinds tells it.
    let mapped: [UInt8] = [UInt8](repeating: 0, count: 10) + [255, 255]
    let bytes = packed.map { $0.starts(with: mapped) ? Array($0.dropFirst(12)) : $0 } ?? []
    switch bytes.count {
    case 4:
      let parts = bytes.map { "\($0)" }
      self.init(address: parts.joined(separator: "."), block: parts.prefix(3).joined(separator: ".") + ".0/24")
    case 16:
      let groups = stride(from: 0, to: 8, by: 2).map {
        String(UInt16(bytes[$0]) << 8 | UInt16(bytes[$0 + 1]), radix: 16)
      }
      // Whoever has one address of it has all: it is one sender.
      let block = groups.joined(separator: ":") + "::/64"
      self.init(address: block, block: block)
    default: self.init(address: address, block: address)
    }
  }
}
