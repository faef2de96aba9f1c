import Testing

@testable import NodeService

/// How many may call a node before they have said who they are.
@Suite struct HandshakeLimitTests {
  @Test func `few handshakes are under way at once, fewer of one address`() {
    let limit = HandshakeLimit()
    #expect((0..<20).filter { _ in limit.enter("a") }.count == HandshakeLimit.each)
    for number in 0..<200 { _ = limit.enter("\(number)") }
    #expect(!limit.enter("z"))
    for _ in 0..<HandshakeLimit.each { limit.leave("a") }
    #expect(limit.enter("a"))
  }
}
