import Catalogue
import Causality
import ChangeModel
import Desk
import Foundation

import Hummingbird
import HummingbirdTesting
@testable import NodeService
import TestSupport
import Testing

@testable import Office
@testable import Web

/// Who may do what, by what proof.
@Suite struct AccessTests {
  struct Answer {
    var status: Int
    var json: [String: Any]
    var cookie: String?
    var cookies: [String] = []
    var retryAfter: String?
  }

  static func ask(
    _ client: any TestClientProtocol, _ method: HTTPRequest.Method, _ path: String, _ body: JSON? = nil,
    cookie: String? = nil, csrf: String? = nil, token: String? = nil, origin: String? = nil
  ) async throws -> Answer {
    var headers: HTTPFields = [.contentType: "application/json"]
    headers[.cookie] = cookie
    headers[.csrf] = csrf
    headers[.origin] = origin
    headers[.authorization] = token.map { "Bearer \($0)" }
    return try await client.execute(
      uri: path, method: method, headers: headers, body: body.map { ByteBuffer(bytes: $0.bytes) }
    ) { answer in
      let json = (try? JSONSerialization.jsonObject(with: Data(buffer: answer.body))) as? [String: Any]
      let cookies = answer.headers[values: .setCookie].compactMap { $0.split(separator: ";").first.map(String.init) }
      return Answer(
        status: answer.status.code, json: json ?? [:], cookie: cookies.first, cookies: cookies,
        retryAfter: answer.headers[.retryAfter])
    }
  }

  static let password = "川底 三毛猫 鉛筆立て"

  static func account(
    _ core: NodeCore, _ login: String, _ roles: [Role], shelter: String? = nil
  ) async throws -> String {
    var body: [String: JSON] = [
      "login": .text(login), "name": .text("見本 \(login)"), "roles": .list(roles.map { .text($0.rawValue) }),
      "password": .text(password),
    ]
    body["shelter"] = shelter.map { .text($0) }
    guard case .object(let made) = try await WebTests.call(core, "addAccount", .object(body)) else { return "" }
    return made["id"]?.text ?? ""
  }

  static func signIn(
    _ client: any TestClientProtocol, _ login: String, _ password: String = password, cookie: String? = nil
  ) async throws -> Answer {
    try await ask(
      client, .post, "/api/v1/session", ["login": .text(login), "password": .text(password)], cookie: cookie)
  }

  // MARK: The matrix

  /// A path with an id that names nothing, for any route.
  private static func concrete(_ path: String) -> String {
    path.replacingOccurrences(of: "{id}", with: "99").replacingOccurrences(of: "{pseudonym}", with: "p-00")
  }

  @Test func `the gate knows every route that there is, and no other`() async throws {
    try await WebTests.withServer { _, core in
      let web = WebServer(core: core, topology: LinkTests.topology, metrics: PrometheusRegistry())
      let routes = Set(
        web.router().routes.map { route in
          let path = route.path.description.split(separator: "/").map { $0.hasPrefix(":") ? "{\($0.dropFirst())}" : $0 }
          return "\(route.method.rawValue) /\(path.joined(separator: "/"))"
        })
      let known = Set(web.access.keys)
      #expect(routes.subtracting(known).isEmpty, "nobody would be let through")
      #expect(known.subtracting(routes).isEmpty, "nothing is there")
    }
  }

  @Test func `every role at every route: what the policy does not allow is refused, and what it allows is not`()
    async throws
  {
    try await WebTests.withServer { client, core in
      let web = WebServer(core: core, topology: LinkTests.topology, metrics: PrometheusRegistry())
      var tokens: [(Set<Role>?, String?, Bool)] = [
        (nil, nil, false), (nil, "rk1-" + String(repeating: "0", count: 64), false),
      ]
      for role in Role.allCases {
        tokens.append(([role], try await WebTests.token(core, roles: [role]), false))
        tokens.append(([role], try await WebTests.token(core, roles: [role], readOnly: true), true))
      }
      var cells = 0
      for (route, access) in web.access.sorted(by: { $0.key < $1.key }) where route != "GET /events" {
        let parts = route.split(separator: " ").map(String.init)
        let method = HTTPRequest.Method(rawValue: parts[0])!
        for (roles, token, isReadOnly) in tokens {
          let isAdmitted = access.admits(roles) && !(isReadOnly && method != .get)
          let body: JSON? = method == .get || method == .delete ? nil : [:]
          var answer = try await Self.ask(client, method, Self.concrete(parts[1]), body, token: token)
          // Strangers share one bucket, which this test empties.
          while answer.status == 429, token == nil || roles == nil {
            try await Task.sleep(for: .milliseconds(100))
            answer = try await Self.ask(client, method, Self.concrete(parts[1]), body, token: token)
          }
          cells += 1
          let wasRefused =
            answer.json["error"] as? String == "forbidden" && answer.json["field"] == nil
            || answer.json["error"] as? String == "read-only"
            || (answer.status == 401 && access != .anyone) || (route == "GET /" && answer.status == 303)
          #expect(
            wasRefused == !isAdmitted,
            "\(route) as \(roles.map { "\($0)" } ?? "nobody"), read only \(isReadOnly): \(answer.status) \(answer.json)"
          )
        }
      }
      #expect(cells > 1_000)
    }
  }

  // MARK: Signing in

  @Test func `a person signs in, writes with the page's token, and is out after signing out`() async throws {
    try await WebTests.withServer { client, core in
      _ = try await Self.account(core, "hq", [.headquarters])
      #expect(try await Self.signIn(client, "hq", "川底 三毛猫 鉛筆立").status == 401)
      let entered = try await Self.signIn(client, "hq")
      let (cookie, csrf) = (try #require(entered.cookie), try #require(entered.json["csrf"] as? String))
      #expect(entered.status == 200 && cookie.hasPrefix("__Host-renkei="))
      let shelter: JSON = ["name": "臨時", "ward": "13113"]
      let path = "/api/v1/shelters"
      #expect(try await Self.ask(client, .post, path, shelter, cookie: cookie).json["error"] as? String == "csrf")
      let wrong = String(csrf.dropLast()) + (csrf.hasSuffix("0") ? "1" : "0")
      #expect(try await Self.ask(client, .post, path, shelter, cookie: cookie, csrf: wrong).status == 403)
      #expect(try await Self.ask(client, .post, path, shelter, cookie: cookie, csrf: csrf).status == 201)
      let foreign = try await Self.ask(
        client, .post, path, shelter, cookie: cookie, csrf: csrf, origin: "https://evil.example")
      #expect(foreign.status == 403)
      #expect(try await Self.ask(client, .get, "/api/v1/accounts", cookie: cookie).status == 403)
      #expect(try await Self.ask(client, .delete, "/api/v1/session", cookie: cookie).status == 204)
      #expect(try await Self.ask(client, .get, path, cookie: cookie).status == 401)
    }
  }

  @Test func `the one-time code makes the first administrator, once`() async throws {
    try await WebTests.withServer { client, core in
      let code = try core.firstCode.make()
      var setup: [String: JSON] = [
        "code": "AAAA-AAAA-AAAA-AAAA", "login": "admin1", "name": "見本 管理", "password": .text(Self.password),
      ]
      #expect(try await Self.ask(client, .post, "/api/v1/setup", .object(setup)).status == 401)
      setup["code"] = .text(code.lowercased())
      setup["password"] = "1234567890"
      #expect(try await Self.ask(client, .post, "/api/v1/setup", .object(setup)).status == 400)
      setup["password"] = .text(Self.password)
      let made = try await Self.ask(client, .post, "/api/v1/setup", .object(setup))
      #expect(made.status == 200 && (made.json["roles"] as? [String])?.contains("administrator") == true)
      setup["login"] = "admin2"
      #expect(try await Self.ask(client, .post, "/api/v1/setup", .object(setup)).status == 401)
      #expect(try await Self.ask(client, .get, "/api/v1/accounts", cookie: made.cookie).status == 200)
    }
  }

  @Test func `after five wrong passwords even the right one has to wait`() async throws {
    try await WebTests.withServer { client, core in
      _ = try await Self.account(core, "desk", [.viewer])
      for _ in 0..<5 { #expect(try await Self.signIn(client, "desk", "wrong wrong wrong").status == 401) }
      #expect(try await Self.signIn(client, "desk").status == 429)
    }
  }

  @Test func `people of one tablet change by PIN, and only those who gave their password there`() async throws {
    try await WebTests.withServer { client, core in
      _ = try await Self.account(core, "a", [.shelter])
      _ = try await Self.account(core, "b", [.shelter])
      let first = try await Self.signIn(client, "a")
      func change(_ login: String, _ pin: String, _ at: Answer) async throws -> Answer {
        try await Self.ask(
          client, .post, "/api/v1/session/switch", ["login": .text(login), "pin": .text(pin)], cookie: at.cookie,
          csrf: at.json["csrf"] as? String)
      }
      func setPIN(_ pin: String, _ at: Answer) async throws -> Int {
        try await Self.ask(
          client, .post, "/api/v1/session/pin", ["pin": .text(pin), "password": .text(Self.password)],
          cookie: at.cookie, csrf: at.json["csrf"] as? String
        ).status
      }
      #expect(try await setPIN("123456", first) == 400)
      #expect(try await setPIN("802517", first) == 204)
      #expect(try await change("b", "802517", first).status == 403)
      let both = try await Self.signIn(client, "b", cookie: first.cookie)
      #expect(both.json["name"] as? String == "見本 b" && (both.json["people"] as? [Any])?.count == 2)
      // The cookie before is worth nothing any more.
      #expect(try await Self.ask(client, .get, "/api/v1/shelters", cookie: first.cookie).status == 401)
      #expect(try await change("a", "000001", both).status == 401)
      #expect(try await change("a", "802517", both).json["name"] as? String == "見本 a")
      #expect(
        try await Self.ask(
          client, .post, "/api/v1/session/lock", [:], cookie: both.cookie, csrf: both.json["csrf"] as? String
        ).status == 204)
      #expect(try await Self.ask(client, .get, "/api/v1/shelters", cookie: both.cookie).status == 401)
      #expect(
        try await Self.ask(client, .get, "/api/v1/session", cookie: both.cookie).json["state"] as? String == "locked")
      #expect(try await change("a", "802517", both).json["state"] as? String == "open")
    }
  }

  @Test func `an account's end and a new password end its sessions; somebody must be left to make accounts`()
    async throws
  {
    try await WebTests.withServer { client, core in
      let administrator = try await Self.account(core, "admin", [.administrator])
      let id = try await Self.account(core, "c", [.viewer])
      var session = try await Self.signIn(client, "c")
      #expect(try await Self.ask(client, .get, "/api/v1/shelters", cookie: session.cookie).status == 200)
      _ = try await WebTests.call(core, "changeAccount", ["password": "別の 長い 合言葉です"], row: id)
      #expect(try await Self.ask(client, .get, "/api/v1/shelters", cookie: session.cookie).status == 401)
      #expect(try await Self.signIn(client, "c").status == 401)
      session = try await Self.signIn(client, "c", "別の 長い 合言葉です")
      #expect(session.status == 200)
      _ = try await WebTests.call(core, "endAccount", [:], row: id)
      #expect(try await Self.ask(client, .get, "/api/v1/shelters", cookie: session.cookie).status == 401)
      #expect(try await Self.signIn(client, "c", "別の 長い 合言葉です").status == 401)
      await #expect(throws: OperatorFailure.self) {
        _ = try await WebTests.call(core, "endAccount", [:], row: administrator)
      }
    }
  }

  @Test func `whoever works at one shelter works at no other`() async throws {
    try await WebTests.withServer { client, core in
      let all = try await WebTests.token(core, roles: Role.allCases)
      func make(_ name: String) async throws -> String {
        let body: JSON = ["name": .text(name), "ward": "13113", "status": "open"]
        return try await Self.ask(client, .post, "/api/v1/shelters", body, token: all).json["id"] as? String ?? ""
      }
      let (own, other) = (try await make("甲"), try await make("乙"))
      _ = try await Self.account(core, "d", [.shelter], shelter: own)
      let session = try await Self.signIn(client, "d")
      func count(_ shelter: String) async throws -> Int {
        try await Self.ask(
          client, .post, "/api/v1/shelters/\(shelter)/headcount", ["people": 12], cookie: session.cookie,
          csrf: session.json["csrf"] as? String
        ).status
      }
      #expect(try await count(own) == 200)
      #expect(try await count(other) == 403)
      #expect(try await Self.ask(client, .get, "/api/v1/shelters/\(other)/stays", cookie: session.cookie).status == 403)
      let patch = try await Self.ask(
        client, .patch, "/api/v1/shelters/\(other)", ["note": "x"], cookie: session.cookie,
        csrf: session.json["csrf"] as? String)
      #expect(patch.status == 403)
    }
  }

  @Test func `a token ends when it is ended or its time is over`() async throws {
    try await WebTests.withServer { client, core in
      guard
        case .object(let made) = try await WebTests.call(
          core, "addToken",
          ["name": "計器", "roles": ["viewer"], "until": .integer(Instant.now().milliseconds + 86_400_000)])
      else { return }
      let token = made["token"]?.text
      #expect(made["hash"] == nil && token != nil)
      #expect(try await Self.ask(client, .get, "/api/v1/shelters", token: token).status == 200)
      let ward = core.identity.certificate.node.ward
      for (hours, isValid) in [(23, true), (25, false)] {
        let then = Instant.now().advanced(byMilliseconds: Int64(hours) * 3_600_000)
        let found = try await core.reader.read { try Token.find(token ?? "", ward: ward, at: then, $0) }
        #expect((found != nil) == isValid)
      }
      _ = try await WebTests.call(core, "endToken", [:], row: made["id"]?.text)
      #expect(try await Self.ask(client, .get, "/api/v1/shelters", token: token).status == 401)
      await #expect(throws: OperatorFailure.self) {
        _ = try await WebTests.call(core, "addToken", ["name": "古い", "roles": ["viewer"], "until": 5])
      }
    }
  }

  @Test func `of many who send the one-time code at once, one becomes the administrator`() async throws {
    try await WebTests.withServer { client, core in
      let code = try core.firstCode.make()
      let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
        for number in 0..<6 {
          group.addTask {
            try await Self.ask(
              client, .post, "/api/v1/setup",
              [
                "code": .text(code), "login": .text("admin\(number)"), "name": "見本 管理",
                "password": .text(Self.password),
              ]
            ).status
          }
        }
        return try await group.reduce(into: []) { $0.append($1) }
      }
      #expect(statuses.filter { $0 == 200 }.count == 1 && statuses.filter { $0 == 401 }.count == 5)
    }
  }

  @Test(arguments: [
    "short", "password12345", "aaaaaaaaaaaa", "123456789012", "renkei-tokyo", "見本 太郎見本 太郎", "1q2w3e4r5t",
    "1qaz2wsx3edc", "p@ssw0rd12", "superman99", "princess12", "tokyo20261127", "zaq12wsxcde3", "q1w2e3r4t5y6",
    "Qwertyuiop1", "iloveyou2026!", "123123123123", "147258369a", "qazqazqazqaz", "ｐａｓｓｗｏｒｄ１２", "さくらさくら2026",
    "Baseball!1985", "0901234567", "mihon12345",
  ])
  func `what is easy to guess is no password`(_ password: String) {
    #expect(throws: Fault.self) { try PasswordPolicy.check(password, about: ["mihon", "見本 太郎"]) }
  }

  @Test(arguments: [
    "川底 三毛猫 鉛筆立て", "別の 長い 合言葉です", "horse piano window", "kV7#xTq2mLp9", "tuesday guitar mikan", "yonaka no sanpomichi",
  ])
  func `words that have nothing in common are a password`(_ password: String) throws {
    try PasswordPolicy.check(password, about: ["mihon", "見本 太郎"])
  }

  @Test func `the commonest words with the usual endings are refused: more than 3,000`() {
    let endings = ["", "1", "12", "123", "1234", "12345", "!", "1!", "2026", "99", "01"]
    let all = CommonPasswords.words.flatMap { word in endings.map { word + $0 } }
      .filter { PasswordPolicy.length.contains($0.count) }
    #expect(Set(all).count > 3_000)
    #expect(all.allSatisfy { CommonPasswords.contains($0) })
  }
}
