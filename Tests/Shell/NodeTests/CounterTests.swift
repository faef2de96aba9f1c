import Catalogue
import Causality
import ChangeModel
import Desk
import GRDB
import NodeService
import Store
import TestSupport
import Testing

@testable import Web

/// The residents' counter under a flood: who calls for help is seen, and nobody without an account fills a line.
@Suite struct CounterTests {
  private static func say(_ core: NodeCore, _ web: WebServer, _ state: String, _ name: String, from address: String)
    async throws
  {
    let endpoint = web.catalogue["reportOneself"]
    let given = try endpoint.form.read(
      .object(["state": .text(state), "name": .text(name), "place": "体育館"]), in: core.identity.federation)
    var inquiry = Inquiry(given: given, user: User("", roles: []), now: .now(), identity: core.identity)
    inquiry.origin = Origin(of: address)
    #expect(try await core.carryOut(endpoint, inquiry, in: web.catalogue).answer["received"] == true)
  }

  private static func logged(_ core: NodeCore) async throws -> Int {
    try await core.reader.read { db in try Int.fetchOne(db, sql: "SELECT sum(logged) FROM logs") ?? 0 }
  }

  @Test func `a real call is on the first screen beside 559 others, and no byte of those is in a log`() async throws {
    try await WebTests.withServer { _, core in
      let web = WebServer(core: core, topology: LinkTests.topology, metrics: PrometheusRegistry())
      let before = try await Self.logged(core)
      try await Self.say(core, web, "助けが必要です", "本物 の人", from: "198.51.100.4")
      for number in 0..<559 {
        try await Self.say(core, web, "助けが必要です", "うそ \(number)", from: "203.0.113.\(number % 7)")
      }
      #expect(try await Self.logged(core) == before, "what nobody admitted is in a log")
      let list = try await WebTests.call(core, "counterReports", [:])
      let shown = list["reports"].list
      let call = try #require(shown.first { $0["name"] == "本物 の人" })
      #expect(shown.count == 11 && call["ofSender"] == 1)
      #expect(list["more"] == 190 && list["lost"] == 359, "\(list["more"]) \(list["lost"])")
      let all = try await WebTests.call(core, "counterReports", ["from": "203.0.113.0/24"])
      #expect(all["reports"].list.count == 200 && all["more"] == 0)

      let looked = try await Self.logged(core)
      let row = try await WebTests.call(core, "admitCounterReport", ["note": "救出"], row: call["id"].text)
      #expect(row["name"] == "本物 の人" && row["note"] == "救出")
      #expect(try await Self.logged(core) > looked, "what was admitted is told to nobody")
      let newest = try #require(all["reports"].list.first?["id"].text)
      _ = try await WebTests.call(core, "dismissCounterReport", ["andOlder": true], row: newest)
      let rest = try await WebTests.call(core, "counterReports", [:])["reports"].list
      #expect(!rest.isEmpty && !rest.contains { $0["id"].text == newest || $0["name"] == "本物 の人" })
    }
  }

  @Test func `what pushes out the oldest is the sender with most, and many senders fill no more than there is room`()
    async throws
  {
    try await WebTests.withServer { _, core in
      try await core.edit { replica, now in
        for number in 0..<5_200 {
          let origin = Origin(of: "10.\(number / 200).0.\(number % 7)")
          try replica.store.keepWaiting([1], isUrgent: false, from: origin.address, of: origin.block, at: now)
          if number == 100 { try replica.store.keepWaiting([2], isUrgent: true, from: "a", of: "a", at: now) }
        }
        return ((), .init())
      }
      let kept = try await core.reader.read { try Store.waiting($0) }
      #expect(kept.count == Store.waitingLimits.all && kept.first?.content == [2], "the one sender's one is gone")
    }
  }

  @Test func `of one sender five are taken at once, then three a minute, and the refusal says when`() throws {
    let strangers = Strangers()
    let origin = Origin(of: "192.0.2.1")
    var taken = 0
    for number in 0..<559 {
      let now = Tick(milliseconds: 0).advanced(byMilliseconds: Int64(number) * 50_000 / 559)
      do { try strangers.admit(origin, at: now) } catch let refusal as APIError {
        #expect(refusal.status == .tooManyRequests && refusal.retryAfter == 20)
        continue
      }
      taken += 1
    }
    #expect(taken == 7)
    try strangers.admit(Origin(of: "192.0.2.2"), at: Tick(milliseconds: 0))
    // Everybody together has a budget too, which says so.
    let words = (0..<400).compactMap { number -> String? in
      do {
        try strangers.admit(Origin(of: "10.0.\(number / 250).\(number % 250)"), at: Tick(milliseconds: 0))
      } catch let refusal
        as APIError
      {
        return refusal.body.error
      } catch {}
      return nil
    }
    #expect(Set(words) == ["counter-full"])
  }

  @Test func `of IPv6 a whole network is one sender, and an IPv4 address within IPv6 is itself`() {
    #expect(Origin(of: "2001:db8:1:2:3::4") == Origin(of: "2001:db8:1:2:ffff::9"))
    #expect(Origin(of: "2001:db8:1:2::1") != Origin(of: "2001:db8:1:3::1"))
    #expect(Origin(of: "::ffff:192.0.2.7") == Origin(of: "192.0.2.7"))
    #expect(Origin(of: "192.0.2.7").block == Origin(of: "192.0.2.200").block)
  }
}
