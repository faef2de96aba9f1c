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

  /// From base32 (RFC 4648, 6).
  private static func bytes(_ text: String) -> [UInt8]? {
    let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
    let bits = text.compactMap { letters.firstIndex(of: $0) }.flatMap { value in (0..<5).map { value >> (4 - $0) & 1 } }
    return stride(from: 0, to: bits.count - 7, by: 8).map { start in
      bits[start..<start + 8].reduce(UInt8(0)) { $0 << 1 | UInt8($1) }
    }
  }
}
