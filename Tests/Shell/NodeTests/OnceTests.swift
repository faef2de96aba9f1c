import Catalogue
import Causality
import Desk
import Foundation
import Hummingbird
import HummingbirdTesting
import NodeService
import Office
import TestSupport
import Testing

@testable import Web

/// What a press of a button and a kept entry come to: once, at their time, in their own person's name.
@Suite struct OnceTests {
  private static let password = "川底 三毛猫 鉛筆立て"

  private struct Answer {
    var status: Int
    var text: String
    var headers: HTTPFields
    var json: [String: Any] { (try? JSONSerialization.jsonObject(with: Data(text.utf8))) as? [String: Any] ?? [:] }
  }

  private static func send(
    _ client: any TestClientProtocol, _ method: HTTPRequest.Method, _ path: String, _ body: String = "",
    type: String = "application/json", _ headers: [String: String] = [:]
  ) async throws -> Answer {
    var fields: HTTPFields = [.contentType: type]
    for (name, value) in headers { fields[.init(name)!] = value }
    if fields[.authorization] == nil, fields[.cookie] == nil { fields[.authorization] = "Bearer \(WebTests.bearer)" }
    return try await client.execute(uri: path, method: method, headers: fields, body: ByteBuffer(string: body)) {
      Answer(status: $0.status.code, text: String(buffer: $0.body), headers: $0.headers)
    }
  }

  private static func form(
    _ client: any TestClientProtocol, _ path: String, _ body: String, _ headers: [String: String] = [:]
  ) async throws -> Answer {
    try await send(client, .post, path, body, type: "application/x-www-form-urlencoded", headers)
  }

  private static func shelter(_ client: any TestClientProtocol) async throws -> String {
    let made = try await send(client, .post, "/api/v1/shelters", #"{"name":"甲","ward":"13113","status":"open"}"#)
    return try #require(made.json["id"] as? String)
  }

  // MARK: Marks

  @Test func `every form of every page bears a mark`() throws {
    let assets = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent(
      "../../../Sources/Shell/Site/Assets")
    var count = 0
    for file in try FileManager.default.contentsOfDirectory(at: assets, includingPropertiesForKeys: nil)
    where file.pathExtension == "mustache" {
      let text = try String(contentsOf: file, encoding: .utf8)
      for form in text.components(separatedBy: "<form ").dropFirst() where form.hasPrefix("method=\"post\"") {
        count += 1
        let end = try #require(form.range(of: "</form>"))
        let inside = form[..<end.lowerBound]
        #expect(inside.contains("{{>form}}") || inside.contains(#"name="_mark""#), "\(file.lastPathComponent)")
      }
    }
    #expect(count > 30)
  }

  @Test func `one press of a form without script is one entry, however often the browser sends it`() async throws {
    try await WebTests.withServer { client, _ in
      let shelter = try await Self.shelter(client)
      let page = try await Self.send(client, .get, "/do/registerResident").text
      let mark = try #require(page.firstMatch(of: /name="_mark" value="([^"]+)"/)?.1)
      let sent = "familyName=%E8%A6%8B%E6%9C%AC&_mark=\(mark)"
      async let first = Self.form(client, "/do/registerResident", sent)
      async let second = Self.form(client, "/do/registerResident", sent)
      let both = try await (first, second)
      #expect(both.0.status == 303 && both.0.headers[.location] == both.1.headers[.location])
      // Another page is another press, and so is another content.
      let other = try await Self.send(client, .get, "/do/registerResident").text
      #expect(!other.contains(mark))
      let found = try await Self.send(client, .get, "/api/v1/residents?name=%E8%A6%8B%E6%9C%AC")
      #expect((found.json["residents"] as? [Any])?.count == 1)
      for _ in 0..<2 {
        #expect(try await Self.form(client, "/do/countHeads", "_row=\(shelter)&change=1&_mark=\(mark)").status == 303)
      }
      #expect(try await Self.send(client, .get, "/api/v1/shelters/\(shelter)").json["occupancy"] as? Int == 1)
      let help = "name=%E8%A6%8B%E6%9C%AC&state=help&place=1-2-3&_mark=\(mark)"
      let told = [try await Self.form(client, "/counter", help), try await Self.form(client, "/counter", help)]
      #expect(told.map(\.status) == [303, 303])
      let reports = try await Self.send(client, .get, "/api/v1/counter/reports")
      #expect((reports.json["reports"] as? [Any])?.count == 1)
    }
  }

  @Test func `every write of the description takes an Idempotency-Key, and those of no service honour it`() async throws
  {
    try await WebTests.withServer { client, core in
      let description = try await Self.send(client, .get, "/openapi.yaml").text
      var path = ""
      var writes = 0
      let lines = description.split(separator: "\n", omittingEmptySubsequences: false)
      for (index, line) in lines.enumerated() {
        if line.hasPrefix("  /") { path = String(line) }
        guard let method = line.firstMatch(of: /^    (post|patch|delete):/)?.1 else { continue }
        writes += 1
        let operation = lines[index..<min(index + 8, lines.count)].joined()
        #expect(operation.contains("parameters/IdempotencyKey"), "\(method) \(path)")
      }
      #expect(writes > 80)
      _ = try await WebTests.call(
        core, "addAccount",
        ["login": "hq", "name": "本部 花子", "roles": ["headquarters"], "password": .text(Self.password)])
      let once = ["Idempotency-Key": "0123456789abcdef-in"]
      let proof = #"{"login":"hq","password":"\#(Self.password)"}"#
      let none = ["Authorization": "none"].merging(once) { $1 }
      let entered = try await Self.send(client, .post, "/api/v1/session", proof, none)
      let again = try await Self.send(client, .post, "/api/v1/session", proof, none)
      #expect(entered.status == 200 && again.headers[.setCookie] == entered.headers[.setCookie])
      #expect(again.headers[.idempotencyReplayed] == "true")
      #expect(
        try await Self.send(client, .post, "/api/v1/session", #"{"login":"hq","password":"x"}"#, none).status == 422)
      let cookie = try #require(entered.headers[.setCookie]?.split(separator: ";").first.map(String.init))
      let own = ["Cookie": cookie, "X-CSRF-Token": entered.json["csrf"] as? String ?? ""]
      let change = #"{"old":"\#(Self.password)","new":"川底 三毛猫 万年筆入れ"}"#
      let changing = own.merging(["Idempotency-Key": "0123456789abcdef-pw"]) { $1 }
      let changed = try await Self.send(client, .post, "/api/v1/session/password", change, changing)
      // The first has ended this session: sent again, it is answered all the same.
      let repeated = try await Self.send(client, .post, "/api/v1/session/password", change, changing)
      #expect(changed.status == 200 && repeated.text == changed.text)
      #expect(try await Self.send(client, .get, "/api/v1/me", "", own).status == 401)
    }
  }

  @Test func `a write by any method is done once with a key`() async throws {
    try await WebTests.withServer { client, _ in
      let shelter = try await Self.shelter(client)
      func twice(_ method: HTTPRequest.Method, _ path: String, _ body: String) async throws -> [Answer] {
        let key = ["Idempotency-Key": "0123456789abcdef-\(method.rawValue)"]
        return [
          try await Self.send(client, method, path, body, key), try await Self.send(client, method, path, body, key),
        ]
      }
      let made = try await twice(.post, "/api/v1/shelters", #"{"name":"乙","ward":"13113"}"#)
      #expect(made[0].json["id"] as? String == made[1].json["id"] as? String && made[1].status == 201)
      let changed = try await twice(.patch, "/api/v1/shelters/\(shelter)", #"{"occupancyChange":40}"#)
      #expect(changed.map { $0.json["occupancy"] as? Int } == [40, 40])
      let gone = try await twice(.delete, "/api/v1/shelters/\(made[0].json["id"] as? String ?? "")", "")
      #expect(gone.map(\.status) == [204, 204])
    }
  }

  // MARK: Times

  @Test func `Entered-At is when it was so, unless it cannot be`() async throws {
    try await WebTests.withServer { client, _ in
      let path = "/api/v1/shelters/\(try await Self.shelter(client))/stays"
      let style = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
      func arrived(_ header: String) async throws -> Answer {
        try await Self.send(client, .post, path, #"{"name":"夜"}"#, ["Entered-At": header])
      }
      let night = Date(timeIntervalSince1970: (Date.now.timeIntervalSince1970 - 8 * 3_600).rounded() + 0.25)
      let answer = try await arrived(style.format(night))
      #expect(answer.json["arrivedAt"] as? Int == Int(night.timeIntervalSince1970 * 1_000))
      for seconds: Double in [3_600, -15 * 86_400] {
        let answer = try await arrived(style.format(Date.now.addingTimeInterval(seconds)))
        let age = Int(Date.now.timeIntervalSince1970 * 1_000) - (answer.json["arrivedAt"] as? Int ?? 0)
        #expect(answer.status == 201 && abs(age) < 60_000)
      }
      let bad = try await arrived("yesterday")
      #expect(bad.status == 400 && bad.json["field"] as? String == "Entered-At")
    }
  }

  // MARK: Tickets

  private struct Person {
    var id: String
    var headers: [String: String]
    var ticket: WebServer.SessionView.Ticket
  }

  private static func person(
    _ client: any TestClientProtocol, _ core: NodeCore, _ login: String, _ roles: [Role], shelter: String? = nil
  ) async throws -> Person {
    var account: [String: JSON] = [
      "login": .text(login), "name": .text("見本 \(login)"), "roles": .list(roles.map { .text($0.rawValue) }),
      "password": .text(password),
    ]
    account["shelter"] = shelter.map { .text($0) }
    let made = try await WebTests.call(core, "addAccount", .object(account))
    let entered = try await send(
      client, .post, "/api/v1/session", #"{"login":"\#(login)","password":"\#(password)"}"#, ["Authorization": "none"])
    let view = try JSONDecoder().decode(WebServer.SessionView.self, from: Data(entered.text.utf8))
    let cookie = entered.headers[.setCookie]?.split(separator: ";").first.map(String.init) ?? ""
    return Person(
      id: made["id"].text ?? "", headers: ["Cookie": cookie, "X-CSRF-Token": view.csrf ?? ""],
      ticket: try #require(view.ticket))
  }

  /// An entry that one person's tablet kept, brought by another.
  private static func deliver(
    _ client: any TestClientProtocol, _ endpoint: String, _ body: String, of author: Person, by person: Person,
    secret: String? = nil, mark: String = UUID().uuidString
  ) async throws -> Answer {
    let secret = try #require(QueueTickets.seal(secret ?? author.ticket.secret, "/do/\(endpoint)\n\(mark)\n\(body)"))
    var headers = person.headers
    headers["Queue-Ticket"] = author.ticket.text
    headers["Queue-Seal"] = secret
    headers["Idempotency-Key"] = mark
    headers["Accept"] = "application/json"
    return try await form(client, "/do/\(endpoint)", body, headers)
  }

  @Test func `a kept entry is its own person's, whoever is signed in when it comes`() async throws {
    try await WebTests.withServer { client, core in
      let shelter = try await Self.shelter(client)
      let hanako = try await Self.person(client, core, "hanako", [.shelter])
      let keiko = try await Self.person(client, core, "keiko", [.headquarters, .administrator])
      let name = "_row=\(shelter)&name=%E8%A6%8B%E6%9C%AC"
      let done = try await Self.deliver(client, "checkIn", name, of: hanako, by: keiko)
      #expect(done.status == 200 && done.json["enteredBy"] as? String == "見本 hanako")
      let trail = try await Self.send(client, .get, "/api/v1/audit?action=checkIn").text
      #expect(trail.contains("見本 hanako [送信: 見本 keiko]"))
      // Nobody makes an entry of another's with what lies in the browser: neither without the secret, nor with their own.
      for secret in [String(repeating: "00", count: 32), keiko.ticket.secret] {
        let forged = try await Self.deliver(client, "checkIn", name, of: hanako, by: keiko, secret: secret)
        #expect(forged.status == 403 && forged.json["error"] as? String == "no-ticket")
      }
      // What desks do not keep cannot be brought with a ticket, whoever brings it.
      let account = "login=intruder&name=%E8%A6%8B%E6%9C%AC&roles=administrator&password=aaaabbbbccccdddd1"
      for author in [hanako, keiko] {
        #expect(try await Self.deliver(client, "addAccount", account, of: author, by: keiko).status == 403)
      }
      #expect(!(try await Self.send(client, .get, "/api/v1/accounts").text.contains("intruder")))
    }
  }

  @Test func `a kept entry is held when its person may not do it any longer`() async throws {
    try await WebTests.withServer { client, core in
      let (shelter, other) = (try await Self.shelter(client), try await Self.shelter(client))
      let volunteer = try await Self.person(client, core, "volunteer", [.shelter], shelter: shelter)
      let keiko = try await Self.person(client, core, "keiko", [.headquarters, .administrator])
      #expect(
        try await Self.deliver(client, "countHeads", "_row=\(other)&change=1", of: volunteer, by: keiko).status == 403)
      #expect(
        try await Self.deliver(client, "countHeads", "_row=\(shelter)&change=1", of: volunteer, by: keiko).status == 200
      )
      _ = try await WebTests.call(core, "endAccount", [:], row: volunteer.id)
      let held = try await Self.deliver(client, "countHeads", "_row=\(shelter)&change=1", of: volunteer, by: keiko)
      #expect(held.status == 403 && held.json["error"] as? String == "account-ended" && held.json["ja"] != nil)
      #expect(try await Self.send(client, .get, "/api/v1/shelters/\(shelter)").json["occupancy"] as? Int == 1)
    }
  }

  @Test func `signing out lets the browser forget what it was shown`() async throws {
    try await WebTests.withServer { client, core in
      for method in [HTTPRequest.Method.post, .delete] {
        let person = try await Self.person(client, core, "out\(method.rawValue.lowercased())", [.shelter])
        let path = method == .post ? "/sign-out" : "/api/v1/session"
        let answer = try await Self.send(client, method, path, "", person.headers)
        #expect(answer.headers[.clearSiteData] == "\"cache\"")
        #expect(try await Self.send(client, .get, "/api/v1/me", "", person.headers).status == 401)
      }
    }
  }

  @Test func `what the desk's page keeps is what can be ticketed`() throws {
    let assets = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent(
      "../../../Sources/Shell/Site/Assets/desk.mustache")
    let desk = try String(contentsOf: assets, encoding: .utf8)
    let queued = Set(Services.catalogue(.init([])).endpoints.filter(\.isQueued).map(\.id))
    let named = desk.matches(of: /action="\/do\/(\w+)"[^>]*data-queue/).map { String($0.1) }
    #expect(!named.isEmpty && queued.isSuperset(of: named))
    #expect(queued == ["checkIn", "checkInFamily", "countHeads", "reportShelter", "requestGoods", "tellState"])
  }
}
