import Causality
import Testing

@testable import NodeService

/// How many may call a node before they have said who they are.
@Suite struct HandshakeLimitTests {
  private let start = Tick(milliseconds: 0)

  private func address(_ number: Int) throws -> CallerAddress {
    try #require(CallerAddress("10.\(number >> 16).\(number >> 8 & 255).\(number & 255)"))
  }

  @Test func `few handshakes are under way at once, fewer of one address`() throws {
    let limit = HandshakeLimit()
    let places = try (0..<20).compactMap { _ in limit.enter(try address(1), at: start) }
    #expect(places.count == HandshakeLimit.each)
    for number in 2..<200 { _ = limit.enter(try address(number), at: start) }
    #expect(limit.enter(try address(999), at: start) == nil)
    for place in places { limit.leave(place) }
    #expect(limit.enter(try address(1), at: start) != nil)
  }

  @Test func `strangers hold at most half: who linked up within a day, or is called, gets in`() throws {
    let (peer, called) = (try address(1), try address(2))
    let limit = HandshakeLimit(called: [called])
    limit.prove(peer, at: start)
    let held = try (0..<400).compactMap { limit.enter(try address(100 + $0 % 30), at: start) }
    #expect(held.count == HandshakeLimit.strangers)
    #expect(limit.enter(called, at: start) != nil)
    let place = try #require(limit.enter(peer, at: start))
    limit.leave(place)
    // A day later it is a stranger like any other.
    #expect(limit.enter(peer, at: start.advanced(byMilliseconds: HandshakeLimit.memory)) == nil)
  }

  @Test func `one caller's IPv6 addresses are one, and IPv4 within IPv6 is IPv4`() {
    #expect(CallerAddress("2001:db8:0:1::5") == CallerAddress("2001:db8:0:1:ffff::9"))
    #expect(CallerAddress("2001:db8:0:1::5") != CallerAddress("2001:db8:0:2::5"))
    #expect(CallerAddress("::ffff:192.0.2.7") == CallerAddress("192.0.2.7"))
    #expect(CallerAddress("127.0.0.1")?.isThisMachine == true && CallerAddress("::1")?.isThisMachine == true)
    #expect(CallerAddress("127.0.0.2")?.isThisMachine == false && CallerAddress("node.example") == nil)
  }
}
