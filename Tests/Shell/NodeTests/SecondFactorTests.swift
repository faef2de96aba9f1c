import Causality
import Desk
import Foundation
import Hummingbird
import HummingbirdTesting
import Office
import TestSupport
import Testing

@testable import NodeService
@testable import Web

/// What shows, besides a password, that it is the account's person.
@Suite struct SecondFactorTests {
  @Test(
    arguments: [
      (59, "287082"), (1_111_111_109, "081804"), (1_111_111_111, "050471"), (1_234_567_890, "005924"),
      (2_000_000_000, "279037"), (20_000_000_000, "353130"),
    ] as [(Int64, String)])
  func `codes are those of RFC 6238, and each is good once`(_ second: Int64, _ code: String) {
    let secret = Array("12345678901234567890".utf8)
    #expect(TimeCode.code(secret, step: second / 30) == code)
    let now = Instant(milliseconds: second * 1_000)
    let step = TimeCode.step(of: code, secret, after: 0, at: now)
    #expect(step == second / 30)
    #expect(TimeCode.step(of: code, secret, after: second / 30, at: now) == nil)
    #expect(TimeCode.step(of: code, secret, after: 0, at: now.advanced(byMilliseconds: 90_000)) == nil)
    #expect(TimeCode.text(of: secret) == "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")
  }

  @Test func `whoever stands by proves it by password, and guessing it is limited as a sign-in is`() async throws {
    try await WebTests.withServer { client, core in
      _ = try await AccessTests.account(core, "one", [.welfare])
      _ = try await AccessTests.account(core, "two", [.welfare])
      let session = try await AccessTests.signIn(client, "one")
      let (cookie, csrf) = (session.cookie, session.json["csrf"] as? String)
      let person = try await WebTests.call(core, "registerResident", ["familyName": "守"])["id"].text ?? ""
      func protect(_ login: String?, _ password: String) async throws -> AccessTests.Answer {
        var body: [String: JSON] = ["secondPassword": .text(password)]
        body["secondLogin"] = login.map { .text($0) }
        return try await AccessTests.ask(
          client, .post, "/api/v1/residents/\(person)/protection", .object(body), cookie: cookie, csrf: csrf)
      }
      for (login, password) in [
        (nil, ""), ("two", "wrong wrong wrong"), ("one", AccessTests.password), ("nobody", "x"),
      ] {
        let answer = try await protect(login, password)
        #expect(answer.status == 400, "\(login ?? "-"): \(answer.json)")
      }
      #expect(try await protect("two", AccessTests.password).status == 201)
      let other = try await WebTests.call(core, "registerResident", ["familyName": "隠"])["id"].text ?? ""
      var last = 0
      for _ in 0..<12 where last != 429 {
        last = try await AccessTests.ask(
          client, .post, "/api/v1/residents/\(other)/protection",
          ["secondLogin": "two", "secondPassword": "wrong wrong wrong"], cookie: cookie, csrf: csrf
        ).status
      }
      #expect(last == 429)
    }
  }

  @Test func `an account with an app signs in with its digits or a printed code, each once, until it is forgotten`()
    async throws
  {
    try await WebTests.withServer { client, core in
      let row = try await AccessTests.account(core, "hq", [.headquarters])
      let session = try await AccessTests.signIn(client, "hq")
      let (cookie, csrf) = (session.cookie, session.json["csrf"] as? String)
      func post(_ path: String, _ body: JSON) async throws -> AccessTests.Answer {
        try await AccessTests.ask(client, .post, "/api/v1/session\(path)", body, cookie: cookie, csrf: csrf)
      }
      func signIn(_ code: String?) async throws -> AccessTests.Answer {
        var body: [String: JSON] = ["login": "hq", "password": .text(AccessTests.password)]
        body["code"] = code.map { .text($0) }
        return try await AccessTests.ask(client, .post, "/api/v1/session", .object(body))
      }
      #expect(try await post("/app", ["password": "wrong wrong wrong"]).status == 401)
      let offer = try await post("/app", ["password": .text(AccessTests.password)])
      let mark = try #require(offer.json["mark"] as? String)
      #expect(try await post("/app/confirmation", ["mark": .text(mark), "code": "000000"]).status == 400)
      let secret = try #require(Self.bytes(offer.json["secret"] as? String ?? ""))
      func digits(_ ahead: Int64) -> String {
        TimeCode.code(secret, step: Instant.now().milliseconds / 30_000 + ahead)
      }
      let done = try await post("/app/confirmation", ["mark": .text(mark), "code": .text(digits(0))])
      let codes = try #require(done.json["codes"] as? [String])
      #expect(Set(codes).count == 8)
      #expect(try await signIn(nil).json["error"] as? String == "code-required")
      #expect(try await signIn("000000").json["error"] as? String == "wrong-code")
      #expect(try await signIn(digits(1)).status == 200)
      #expect(try await signIn(digits(1)).status == 401, "the same digits again")
      #expect(try await signIn(codes[0].lowercased()).status == 200)
      #expect(try await signIn(codes[0]).status == 401, "the same printed code again")
      _ = try await WebTests.call(core, "forgetAuthenticator", [:], row: row)
      #expect(try await signIn(nil).status == 200)
    }
  }

  @Test func `an account that needs a second factor signs in at an enrolled device, for as long as it is enrolled`()
    async throws
  {
    try await WebTests.withServer { client, core in
      let row = try await AccessTests.account(core, "desk", [.shelter])
      func need() async throws { _ = try await WebTests.call(core, "changeAccount", ["needsSecond": true], row: row) }
      // Nothing is enrolled that one could sign in at.
      await #expect(throws: (any Error).self) { try await need() }
      let device = try #require(try await AccessTests.ask(client, .get, "/sign-in").cookies.last)
      #expect(device.hasPrefix("__Host-renkei-device="))
      #expect(try await AccessTests.signIn(client, "desk", cookie: device).status == 200)
      // A link on another site brings no cookie along, and makes no other device of this one.
      let fromElsewhere = try await client.execute(
        uri: "/sign-in", method: .get, headers: [.fetchSite: "cross-site"]
      ) { $0.headers[values: .setCookie] }
      #expect(!fromElsewhere.contains { $0.contains("renkei-device") })
      func enrol(_ code: String) async throws -> JSON {
        try await WebTests.call(core, "enrolDevice", ["code": .text(code), "name": "受付のタブレット"])
      }
      for wrong in ["", "AAAA-BBBB", "AAAA-BBBB-CCC0", "AAAA-BBBB-CCCC-D"] {
        await #expect(throws: (any Error).self, "\(wrong)") { try await enrol(wrong) }
      }
      _ = try await enrol("AAAA-BBBB-CCCC")
      try await need()
      // Without a device there is no number to enrol; with one it is told, after the right password alone.
      #expect(try await AccessTests.signIn(client, "desk").json["error"] as? String == "device-required")
      #expect(
        try await AccessTests.signIn(client, "desk", "wrong wrong wrong").json["error"] as? String != "device-required")
      let refused = try await AccessTests.signIn(client, "desk", cookie: device)
      #expect(refused.status == 401 && refused.json["error"] as? String == "device-required")
      let told = (refused.json["en"] as? String ?? "").split(separator: " ").last.map(String.init) ?? ""
      // As a person types it.
      let enrolled = try await enrol(told.lowercased().replacing("-", with: " "))["id"].text ?? ""
      let session = try await AccessTests.signIn(client, "desk", cookie: device)
      #expect(session.status == 200)
      let cookie = "\(session.cookies[0]); \(session.cookies[1])"
      func asks(_ cookie: String) async throws -> Int {
        try await AccessTests.ask(client, .get, "/api/v1/me", cookie: cookie).status
      }
      #expect(try await asks(cookie) == 200)
      // A stolen session is worth nothing elsewhere, nor is it anywhere once the device is not the ward's any longer.
      let other = try #require(try await AccessTests.ask(client, .get, "/sign-in").cookies.last)
      #expect(try await asks("\(session.cookies[0]); \(other)") == 401)
      let again = try await AccessTests.signIn(client, "desk", cookie: device)
      let now = "\(again.cookies[0]); \(again.cookies[1])"
      #expect(try await asks(now) == 200)
      // The one device of the ward that somebody needs stays; another was enrolled, so this one may go.
      let known = try await WebTests.call(core, "devices", [:])["devices"].list
      let invented = known.first {
        $0["code"] == "AAAA-BBBB-CCCC"
      }
      _ = try await WebTests.call(core, "endDevice", [:], row: invented?["id"].text)
      await #expect(throws: (any Error).self) { try await WebTests.call(core, "endDevice", [:], row: enrolled) }
      _ = try await enrol("AAAA-BBBB-CCCC")
      _ = try await WebTests.call(core, "endDevice", [:], row: enrolled)
      #expect(try await asks(now) == 401)
      #expect(try await AccessTests.signIn(client, "desk", cookie: device).status == 401)
      _ = try await enrol(told)
      #expect(try await AccessTests.signIn(client, "desk", cookie: device).status == 200)
    }
  }

  /// From base32 (RFC 4648, 6).
  private static func bytes(_ text: String) -> [UInt8]? {
    let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
    let bits = text.compactMap { letters.firstIndex(of: $0) }.flatMap { value in (0..<5).map { value >> (4 - $0) & 1 } }
    return stride(from: 0, to: bits.count - 7, by: 8).map { start in
      bits[start..<start + 8].reduce(UInt8(0)) { $0 << 1 | UInt8($1) }
    }
  }
}
