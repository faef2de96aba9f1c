import Causality
import ChangeModel
import Desk
import Foundation
import Hummingbird
import HummingbirdTesting
import Store
import Synchronization
import TestSupport
import Testing

@testable import NodeService
@testable import Web

/// What strangers, and those who ask too much, can take from the others: nothing.
@Suite struct DoorTests {
  private static let start = Tick(milliseconds: 1_000_000)

  @Test func `a caller has a burst and then a rate, and callers do not fill the memory`() {
    let limit = RateLimit(burst: 3, perSecond: 2)
    let start = Self.start
    #expect((0..<5).filter { _ in limit.admits("a", at: start) }.count == 3)
    #expect(limit.admits("b", at: start))
    #expect(limit.admits("a", at: start.advanced(byMilliseconds: 500)))
    #expect(!limit.admits("a", at: start.advanced(byMilliseconds: 501)))
    for caller in 0..<(RateLimit.callers * 2) {
      _ = limit.admits("\(caller)", at: start.advanced(byMilliseconds: Int64(caller)))
    }
  }

  private typealias Bucket = Attempts.Bucket

  @Test func `waiting doubles, and ends after a quarter of an hour`() {
    var attempts = Attempts()
    let guesser = Bucket.all("x", from: "a", device: nil)
    for _ in 0..<5 { attempts.fail(guesser, at: Self.start) }
    #expect(attempts.wait(guesser, at: Self.start) == 30)
    for _ in 0..<40 { attempts.fail(guesser, at: Self.start) }
    #expect(attempts.wait(guesser, at: Self.start) == 900)
    #expect(attempts.wait(guesser, at: Self.start.advanced(byMilliseconds: 900_000)) == nil)
  }

  @Test func `strangers who guess lock out no device that the person has signed in at`() {
    var attempts = Attempts()
    let own = Bucket.all("hanako", from: "shelter", device: "tablet")
    for number in 0..<200 {
      attempts.fail(Bucket.all("invented \(number)", from: "shelter", device: nil), at: Self.start)
      attempts.fail(Bucket.all("hanako", from: "\(number)", device: nil), at: Self.start)
    }
    #expect(attempts.wait(own, at: Self.start) == nil)
    // A new device at that address is slowed: half a minute, however long it goes on.
    #expect(attempts.wait(Bucket.all("tarou", from: "shelter", device: nil), at: Self.start) == 30)
    for _ in 0..<5 { attempts.fail(own, at: Self.start) }
    #expect(attempts.wait(own, at: Self.start) == 30)
  }

  @Test func `twenty clerks behind one address who mistype once each, every day, lock nobody out`() {
    var attempts = Attempts()
    for number in 0..<400 {
      let clerk = Bucket.all("clerk \(number % 20)", from: "router", device: nil)
      #expect(attempts.wait(clerk, at: Self.start) == nil)
      attempts.fail(clerk, at: Self.start)
      attempts.succeed(clerk)
    }
  }

  /// A steady clock that a test turns.
  private final class Hand: Sendable {
    private let at = Mutex(DoorTests.start)
    var now: Tick { at.withLock { $0 } }
    func turn(_ milliseconds: Int64) { at.withLock { $0 = $0.advanced(byMilliseconds: milliseconds) } }
  }

  @Test func `one address has 64 connections, and who asks nothing gives way to who comes next`() throws {
    let hand = Hand()
    let door = Door(total: 2_000, log: AccessLog(LinkTests.log, clock: SteadyClock())) { hand.now }
    let (flood, other) = (try #require(CallerAddress("192.0.2.7")), try #require(CallerAddress("192.0.2.8")))
    let closed = Mutex(0)
    func enter(_ address: CallerAddress) -> Door.ID? {
      door.enter(address) { closed.withLock { $0 += 1 } }
    }
    let held = (0..<2_240).compactMap { _ in enter(flood) }
    #expect(held.count == Door.each)
    #expect(enter(other) != nil)
    hand.turn(Door.patience)
    // Those that are answered stay.
    for id in held.prefix(10) { door.note(id, isBusy: true) }
    #expect((0..<2_240).compactMap { _ in enter(flood) }.count == Door.each - 10)
    #expect(closed.withLock { $0 } == Door.each - 10)
    hand.turn(Door.patience)
    // A router behind which somebody is signed in has more, and they go with the session.
    door.know(flood)
    #expect((0..<2_240).compactMap { _ in enter(flood) }.count == Door.eachKnown - 10)
    hand.turn(Sessions.idle)
    #expect(!door.isKnown(flood))
  }

  @Test func `the last connections are for the machine itself and for who is signed in`() throws {
    let hand = Hand()
    let door = Door(total: 200, log: AccessLog(LinkTests.log, clock: SteadyClock())) { hand.now }
    let (desk, machine) = (try #require(CallerAddress("192.0.2.7")), try #require(CallerAddress("127.0.0.1")))
    door.know(desk)
    let phones = try (0..<400).compactMap { number -> Door.ID? in
      door.enter(try #require(CallerAddress("10.0.\(number >> 8).\(number & 255)"))) {}
    }
    #expect(phones.count == 200 - Door.reserve)
    for id in phones { door.note(id, isBusy: true) }
    #expect(door.enter(try #require(CallerAddress("127.0.0.2"))) {} == nil)
    #expect(door.enter(desk) {} != nil && door.enter(machine) {} != nil)
    // Phones that were answered and rest make room for the next one.
    for id in phones { door.note(id, isBusy: false) }
    hand.turn(Door.patience)
    #expect(door.enter(try #require(CallerAddress("127.0.0.2"))) {} != nil)
  }

  @Test(arguments: [("/", 303), ("/api/v1/accounts", 401), ("/nowhere", 404), ("/sign-in", 200), ("/healthz", 200)])
  func `every answer bears what protects browsers, refusals too`(_ path: String, _ status: Int) async throws {
    try await WebTests.withServer { client, core in
      // HSTS counts for names alone, and only one that the operator gave this node is its own.
      for hosts: Set<String> in [[], ["localhost", "192.0.2.1"]] {
        let web = WebServer(core: core, topology: LinkTests.topology, metrics: PrometheusRegistry(), hosts: hosts)
        try await Application(router: web.router()).test(.router) { client in
          try await client.execute(uri: path, method: .get) { answer in
            #expect(answer.status.code == status)
            #expect(answer.headers[.contentSecurityPolicy]?.contains("frame-ancestors 'none'") == true)
            #expect(answer.headers[.xContentTypeOptions] == "nosniff")
            #expect(answer.headers[.referrerPolicy] == "same-origin")
            #expect(answer.headers[.crossOriginOpenerPolicy] != nil && answer.headers[.permissionsPolicy] != nil)
            #expect((answer.headers[.strictTransportSecurity] != nil) == !hosts.isEmpty)
          }
        }
      }
    }
  }

  @Test func `a device's cookie is the node's own word`() async throws {
    try await WebTests.withServer { _, core in
      let key = core.identity.key.audienceKey("renkei devices")
      var device = Device()
      for person in 1...60 { device.note(RowID(rawValue: Int64(person))) }
      let cookie = device.cookie(key: key)
      let read = try #require(Device(cookie: cookie, key: key))
      #expect(read.name == device.name && read.people.count == 40 && read.people.first?.rawValue == 60)
      #expect(Device(cookie: cookie.replacingOccurrences(of: ".60-", with: ".61-"), key: key) == nil)
      #expect(Device(cookie: cookie, key: core.identity.key.audienceKey("another")) == nil)
    }
  }

  @Test func `a wrong password is a stranger's, and a device that knows the person goes on`() async throws {
    try await WebTests.withServer { client, core in
      _ = try await AccessTests.account(core, "desk", [.viewer])
      let entered = try await AccessTests.signIn(client, "desk")
      let device = try #require(entered.cookies.first { $0.contains("-device=") })
      for _ in 0..<5 { #expect(try await AccessTests.signIn(client, "desk", "wrong wrong wrong").status == 401) }
      let refused = try await AccessTests.signIn(client, "desk")
      #expect(refused.status == 429 && refused.retryAfter == "30")
      #expect(try await AccessTests.signIn(client, "desk", cookie: device).status == 200)
    }
  }

  @Test func `a login and a password are the same however a keyboard writes them`() async throws {
    try await WebTests.withServer { client, core in
      let password = "ガラスの 三毛猫 鉛筆立て"
      let made: JSON = [
        "login": "Ｔａｎａｋａ", "name": "田中", "roles": ["viewer"],
        "password": .text(password.decomposedStringWithCanonicalMapping),
      ]
      guard case .object(let account) = try await WebTests.call(core, "addAccount", made) else { return }
      #expect(account["login"]?.text == "tanaka")
      for login in ["tanaka", "Tanaka", "ｔａｎａｋａ", " tanaka　"] {
        #expect(try await AccessTests.signIn(client, login, password).status == 200, "\(login)")
      }
      #expect(try await AccessTests.signIn(client, "tanaka", "ｶﾞﾗｽの　三毛猫　鉛筆立て").status == 200)
      await #expect(throws: OperatorFailure.self) { _ = try await WebTests.call(core, "addAccount", made) }
    }
  }

  @Test func `of more event streams than an account may have its oldest end, and those of others stay`() {
    let streams = Streams()
    let ended = Mutex<[Int]>([])
    func begin(_ number: Int, _ listener: String) -> Streams.Place {
      streams.begin(listener) { ended.withLock { $0.append(number) } }
    }
    let other = begin(-1, "token 2")
    var places = (0..<Streams.each).map { begin($0, "token 1") }
    #expect(ended.withLock { $0 } == [])
    places.append(begin(100, "token 1"))
    #expect(ended.withLock { $0 } == [0])
    // One that was left makes room.
    places.removeLast()
    places.append(begin(101, "token 1"))
    #expect(ended.withLock { $0 } == [0])
    withExtendedLifetime((other, places)) {}
  }

  @Test(arguments: ["lock", "end"])
  func `a stream ends when its account is locked or ends, and tells nothing of what comes after`(
    _ way: String
  ) async throws {
    try await WebTests.withServer { client, core in
      let account = try await AccessTests.account(core, "listener", [.viewer])
      let session = try await AccessTests.signIn(client, "listener")
      let (cookie, csrf) = (try #require(session.cookie), session.json["csrf"] as? String)
      async let heard = client.execute(uri: "/events", method: .get, headers: [.cookie: cookie]) {
        String(buffer: $0.body)
      }
      // The listener is there once the core has it.
      while await core.listenerCount == 0 { await Task.yield() }
      if way == "end" {
        _ = try await WebTests.call(core, "endAccount", [:], row: account)
      } else {
        _ = try await AccessTests.ask(client, .post, "/api/v1/session/lock", [:], cookie: cookie, csrf: csrf)
      }
      let text = try await heard
      #expect(text.contains(": renkei") && !text.contains("event: rows"))
    }
  }

  @Test func `a shift and half an hour's quiet end a session, whatever the wall clock says`() async {
    let sessions = Sessions()
    let (cookie, _) = await sessions.begin(
      RowID(rawValue: 1), version: 0, sharing: nil, device: "?", at: Self.start)
    func state(after milliseconds: Int64) async -> Bool? {
      await sessions.session(cookie, at: Self.start.advanced(byMilliseconds: milliseconds), isUsed: false)
        .map { $0.current != nil }
    }
    #expect(await state(after: Sessions.idle) == true)
    #expect(await state(after: Sessions.idle + 1) == false)
    #expect(await state(after: Sessions.shift + 1) == nil)
  }

  @Test func `the tables are hashed on a snapshot, once for each state, and by whoever may look after the node`()
    async throws
  {
    try await WebTests.withServer { client, core in
      let viewer = try await WebTests.token(core, roles: [.viewer])
      #expect(try await AccessTests.ask(client, .get, "/api/v1/status?digest=1", token: viewer).status == 403)
      let digest = try await core.tableDigest()
      #expect(try await core.inspect { try $0.store.tableDigest() } == digest)
      let first = await core.hashing?.head
      _ = try await core.tableDigest()
      #expect(await core.hashing?.head == first)
      _ = try await WebTests.token(core, roles: [.viewer])
      #expect(try await core.tableDigest() != digest)
      #expect(await core.hashing?.head != first)
    }
  }

  private final class Counted: Sendable { let state = Mutex((inside: 0, most: 0)) }

  @Test func `what costs much is done one after another, and few wait`() async throws {
    let turnstile = Turnstile()
    let counted = Counted()
    let refused = await withTaskGroup(of: Bool.self) { group in
      for _ in 0..<40 {
        group.addTask {
          do {
            try await turnstile.pass {
              counted.state.withLock { $0 = ($0.inside + 1, max($0.most, $0.inside + 1)) }
              for _ in 0..<100 { await Task.yield() }
              counted.state.withLock { $0.inside -= 1 }
            }
            return false
          } catch { return true }
        }
      }
      return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
    }
    #expect(counted.state.withLock { $0 == (0, 1) } && refused < 40)
  }
}
