import Causality
import Desk
import Foundation
import GRDB
import Hummingbird
import HummingbirdTesting
import Replica
import Store
import Places
import TestSupport
import Testing

@testable import NodeService
@testable import Site
@testable import Web

/// The API and the first page, through the router.
@Suite struct WebTests {
  static func withServer(_ body: @Sendable (any TestClientProtocol, NodeCore) async throws -> Void) async throws {
    let folder = TemporaryDirectory()
    let directory = NodeDirectory(folder.file("node"))
    let papers = FederationFolder(folder.file("f"))
    try papers.found(LinkTests.topology, drill: true)
    try directory.save(papers.enrol(directory.makeKey().publicKey, ward: "13113"))
    let core = try NodeCore(directory: directory, schema: NodeSchema.current, log: LinkTests.log)
    let web = WebServer(core: core, topology: LinkTests.topology, metrics: PrometheusRegistry())
    let token = try await Self.token(core, roles: Role.allCases)
    try await Application(router: web.router()).test(.router) { client in
      try await $bearer.withValue(token) { try await body(client, core) }
    }
    try await core.close()
  }

  /// Who asks in `send`, unless a test says otherwise.
  @TaskLocal static var bearer = ""

  static func call(_ core: NodeCore, _ endpoint: String, _ body: JSON, row: String? = nil) async throws -> JSON {
    let desk = Operator(core: core, topology: LinkTests.topology, isRunning: true)
    let answer = try await desk.perform(
      .call(endpoint: endpoint, row: row, body: String(decoding: body.bytes, as: UTF8.self))
    ) { _ in }
    return try JSON.decode(Array(answer))
  }

  static func token(_ core: NodeCore, roles: [Role], readOnly: Bool = false) async throws -> String {
    let answer = try await call(
      core, "addToken",
      [
        "name": "試験", "roles": .list(roles.map { .text($0.rawValue) }), "readOnly": .flag(readOnly),
        "until": .integer(Instant.now().milliseconds + 86_400_000),
      ])
    guard case .object(let members) = answer else { return "" }
    return members["token"]?.text ?? ""
  }

  static func send(
    _ client: any TestClientProtocol, _ method: HTTPRequest.Method, _ path: String, _ body: String? = nil,
    headers: HTTPFields = [.contentType: "application/json"]
  ) async throws -> (status: Int, text: String, json: [String: Any]) {
    var headers = headers
    if headers[.authorization] == nil, headers[.cookie] == nil { headers[.authorization] = "Bearer \(bearer)" }
    return try await client.execute(
      uri: path, method: method, headers: headers, body: body.map { ByteBuffer(string: $0) }
    ) {
      let text = String(buffer: $0.body)
      let json = (try? JSONSerialization.jsonObject(with: Data(text.utf8))) as? [String: Any]
      return ($0.status.code, text, json ?? [:])
    }
  }

  @Test func `a shelter is made, changed, counted, noted, listed and its history told`() async throws {
    try await Self.withServer { client, _ in
      let made = try await Self.send(
        client, .post, "/api/v1/shelters", #"{"name":"臨時避難所","ward":"13113","status":"open"}"#)
      #expect(made.status == 201 && made.json["status"] as? String == "開設")
      let id = try #require(made.json["id"] as? String)
      let patch = #"{"crowding":"full","occupancyChange":25,"addNeeds":["水","毛布"],"note":"発電機あり"}"#
      let changed = try await Self.send(client, .patch, "/api/v1/shelters/\(id)", patch)
      #expect(changed.json["occupancy"] as? Int == 25 && changed.json["crowding"] as? String == "定員一杯")
      #expect(changed.json["needs"] as? [String] == ["毛布", "水"])
      let listed = try await Self.send(client, .get, "/api/v1/shelters?ward=13113&status=open&q=%E8%87%A8%E6%99%82")
      #expect((listed.json["shelters"] as? [Any])?.count == 1)
      #expect(try await Self.send(client, .get, "/api/v1/shelters?status=close").text.contains("[]"))
      let history = try await Self.send(client, .get, "/api/v1/shelters/\(id)/history")
      #expect((history.json["history"] as? [Any])?.count == 2 && history.text.contains("+25"))
      #expect(try await Self.send(client, .delete, "/api/v1/shelters/\(id)").status == 409, "25 people are there")
      _ = try await Self.send(client, .post, "/api/v1/shelters/\(id)/headcount", #"{"people":0}"#)
      #expect(try await Self.send(client, .delete, "/api/v1/shelters/\(id)").status == 204)
      #expect(try await Self.send(client, .get, "/api/v1/shelters/\(id)").status == 404)
    }
  }

  @Test(
    arguments: [
      ("POST", "/api/v1/shelters", #"{"ward":"13113"}"#, 400, "name"),
      ("POST", "/api/v1/shelters", #"{"name":"x","ward":"131"}"#, 400, "ward"),
      ("POST", "/api/v1/shelters", #"{"name":"x","ward":"13113","status":"あいてる"}"#, 400, "status"),
      ("POST", "/api/v1/shelters", #"{"name":"x","ward":"13113","latitude":999}"#, 400, "latitude"),
      ("POST", "/api/v1/shelters", #"{"name":"x","ward":"13113","occupancyChange":99999999}"#, 400, "occupancyChange"),
      ("POST", "/api/v1/shelters", #"{"name":"x\u0000","ward":"13113"}"#, 400, "name"),
      ("POST", "/api/v1/shelters", #"{"name":5}"#, 400, "name"), ("POST", "/api/v1/shelters", "{", 400, nil),
      ("POST", "/api/v1/shelters", "[]", 400, nil), ("PATCH", "/api/v1/shelters/12", #"{"note":"x"}"#, 404, "id"),
      ("PATCH", "/api/v1/shelters/x", #"{"note":"x"}"#, 404, "id"),
      ("GET", "/api/v1/shelters?limit=0", "", 400, "limit"),
      ("GET", "/api/v1/shelters?limit=abc", "", 400, "limit"), ("GET", "/api/v1/shelters?after=z", "", 400, "after"),
      ("GET", "/api/v1/shelters?status=x", "", 400, "status"),
      ("GET", "/api/v1/shelters/99999999999999999999", "", 404, "id"),
      ("GET", "/nowhere", "", 404, nil), ("GET", "/api/v1/shelters/1/history", "", 404, "id"),
      ("POST", "/api/v1/conflicts/settlement", #"{"collection":"shelters","row":"1","field":"status"}"#, 404, "row"),
    ] as [(String, String, String, Int, String?)])
  func `bad input is refused with its field, in two languages`(
    method: String, path: String, body: String, status: Int, field: String?
  ) async throws {
    try await Self.withServer { client, _ in
      let answer = try await Self.send(client, HTTPRequest.Method(rawValue: method)!, path, body.isEmpty ? nil : body)
      #expect(answer.status == status, "\(answer.text)")
      #expect(answer.json["field"] as? String == field)
      #expect((answer.json["ja"] as? String)?.isEmpty == false && (answer.json["en"] as? String)?.isEmpty == false)
    }
  }

  @Test func `another site's page cannot write here`() async throws {
    try await Self.withServer { client, _ in
      let body = #"{"name":"x","ward":"13113"}"#
      let foreign: HTTPFields = [.contentType: "application/json", .origin: "https://evil.example"]
      let refused = try await Self.send(client, .post, "/api/v1/shelters", body, headers: foreign)
      #expect(refused.status == 403)
      let form: HTTPFields = [.contentType: "application/x-www-form-urlencoded"]
      let plain = try await Self.send(client, .post, "/api/v1/shelters", body, headers: form)
      #expect(plain.status == 415)
    }
  }

  @Test func `what turns the direction of text is shown, not obeyed`() {
    #expect(HTMLText().escapeText("東\u{202e}京\u{2069}<") == "東[U+202E]京[U+2069]&lt;")
  }

  @Test func `naughty strings are shown as text`() async throws {
    var strings = [
      "<script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", "{{title}}", "&amp;<b>", "' onmouseover='x",
      "\u{202e}abc", "\u{600}<meta x>", "\"\u{301} autofocus",
    ]
    let blns = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("../../../../shared/data/text/blns.json").standardized
    if let data = try? Data(contentsOf: blns) { strings += try JSONDecoder().decode([String].self, from: data) }
    let all = strings.filter { !$0.isEmpty && !$0.utf8.contains(0) && $0.utf8.count < 1_500 }
    try await Self.withServer { client, _ in
      var taken = 0
      for text in all {
        let body = String(
          decoding: try JSONEncoder().encode(["name": text, "ward": "13113", "address": text]), as: UTF8.self)
        let made = try await Self.send(client, .post, "/api/v1/shelters", body)
        struct Name: Decodable { var name: String }
        let back = (try? JSONDecoder().decode(Name.self, from: Data(made.text.utf8)))?.name ?? ""
        let trimmed = text.trimmingCharacters(in: .whitespacesAndNewlines)
        // What is no name (nothing but white space, control characters, a My Number) is refused with its reason.
        #expect(
          made.status == 201 && back == trimmed || made.status == 400 && made.json["ja"] != nil,
          "\(Array(text.unicodeScalars)) came back as \(Array(back.unicodeScalars))")
        taken += made.status == 201 ? 1 : 0
      }
      #expect(taken > all.count * 9 / 10)
      for query in ["", "?lang=en", "?q=%22%CC%81%20autofocus", "?q=%3Cscript%3E", "?ward=%22%3E%3Cscript%3E"] {
        let page = try await Self.send(client, .get, "/shelters" + query).text
        // By bytes: a search by Characters would overlook what it is looking for.
        let bytes = Array(page.utf8)
        for bad in ["<meta x>", "\"\u{301} autofocus"].map({ Array($0.utf8) }) { #expect(!bytes.contains(bad)) }
        #expect(!page.lowercased().contains("<script>") && !page.contains("<img src=x"))
        #expect(page.contains("&lt;script&gt;") || query.contains("ward") || query.contains("%22"))
        #expect(page.components(separatedBy: "<script").count == 2, "our own script and no other")
      }
    }
  }

  @Test func `a conflict is settled with one of its values, and nothing else`() async throws {
    try await Self.withServer { client, _ in
      let made = try await Self.send(client, .post, "/api/v1/shelters", #"{"name":"甲","ward":"13113"}"#)
      let path = "/api/v1/shelters/\(try #require(made.json["id"] as? String))"
      let row = try #require(made.json["id"] as? String)
      for choice in [#""status","value":"なんでも""#, #""name""#, #""source","value":"x""#] {
        let body = #"{"collection":"shelters","row":"\#(row)","field":\#(choice)}"#
        let answer = try await Self.send(client, .post, "/api/v1/conflicts/settlement", body)
        #expect(answer.status == 400)
      }
      let overflow = try await Self.send(client, .patch, path, #"{"occupancyChange":-9223372036854775808}"#)
      #expect(overflow.status == 400)
    }
  }

  @Test func `a foreign name that leads here is not this node's`() {
    for own in ["127.0.0.1:8113", "[::1]:80", "localhost"] { #expect(WebServer.isOwnHost(own, [])) }
    #expect(!WebServer.isOwnHost("evil.example:8113", []))
    #expect(WebServer.isOwnHost("node.shibuya:8113", ["node.shibuya"]))
  }

  @Test func `openapi, health, metrics and the page are served, with their headers`() async throws {
    try await Self.withServer { client, _ in
      #expect(try await Self.send(client, .get, "/openapi.yaml").text.hasPrefix("openapi: 3.1.0"))
      #expect(try await Self.send(client, .get, "/healthz").text == "ok\n")
      #expect(try await Self.send(client, .get, "/readyz").text == "ok\n")
      #expect(try await Self.send(client, .get, "/metrics").text.contains("renkei_members 1"))
      try await client.execute(uri: "/", method: .get, headers: [.authorization: "Bearer \(Self.bearer)"]) { answer in
        #expect(answer.headers[.contentSecurityPolicy]?.contains("default-src 'none'") == true)
        #expect(String(buffer: answer.body).contains("<html lang=\"ja\">"))
      }
    }
  }

  @Test func `a full disk is said at once, everywhere, until something is on the disk again`() async throws {
    try await Self.withServer { client, core in
      await core.noteDisk(StoreError.diskFull)
      let ready = try await Self.send(client, .get, "/readyz")
      #expect(ready.status == 503 && ready.text == "noSpace\n")
      let health = try await Self.send(client, .get, "/healthz")
      #expect(health.status == 503 && health.text == "noSpace\n")
      await core.lookForRoom()
      #expect(try await Self.send(client, .get, "/healthz").text == "ok\n", "an idle node finds out by itself")
      await core.noteDisk(StoreError.diskFull)
      let token = try await Self.token(core, roles: [.engineer])
      // Making the token was on the disk: there is room again.
      #expect(try await Self.send(client, .get, "/readyz").status == 200)
      await core.noteDisk(ReplicaError.store(.diskFull))
      let headers: HTTPFields = [.authorization: "Bearer \(token)"]
      let links = try await Self.send(client, .get, "/api/v1/links", headers: headers)
      #expect(links.text.contains("\"code\":\"noSpace\""))
      let metrics = try await Self.send(client, .get, "/metrics", headers: headers).text
      #expect(metrics.contains("renkei_problem{code=\"noSpace\"} 1\n"))
      #expect(metrics.contains("# TYPE renkei_problem gauge\n"))
    }
  }

  @Test func `no route for programs takes a parameter that it does not know, or one twice`() async throws {
    try await Self.withServer { client, core in
      let web = WebServer(core: core, topology: LinkTests.topology, metrics: PrometheusRegistry())
      let routes = web.access.keys.filter { route in
        ["/api/", "/healthz", "/readyz", "/metrics", "/openapi.yaml"].contains { route.contains(" " + $0) }
      }
      #expect(routes.count > 150)
      for route in routes.sorted() {
        let parts = route.split(separator: " ")
        let path = parts[1].split(separator: "/").map { $0.hasPrefix("{") ? "1" : String($0) }.joined(separator: "/")
        let answer = try await Self.send(
          client, HTTPRequest.Method(rawValue: String(parts[0]))!, "/\(path)?limt=5", parts[0] == "GET" ? nil : "{}")
        #expect(
          answer.status == 400 && answer.text.contains("limt"), "\(route): \(answer.status) \(answer.text.prefix(200))")
      }
      for path in ["/api/v1/shelters?limit=5&limit=6", "/api/v1/status?digest=0&digest=1"] {
        #expect(try await Self.send(client, .get, path).status == 400, "\(path)")
      }
      #expect(try await Self.send(client, .patch, "/api/v1/shelters/1?ward=13113", "{}").status == 400)
      #expect(try await Self.send(client, .get, "/counter?utm_source=poster").status == 200, "a page may be passed on")
    }
  }

  @Test func `no cell begins as a formula, in whatever width or behind whatever cannot be seen`() {
    let formulas = [
      "=1+1", "+1+1", "-1+1", "@SUM(1)", "\t=1", "\r=1", "\n=1", "\u{0}=1", "＝1+1", "＋1+1", "－1+1", "＠SUM(1)",
      "\u{2212}1+1",
      "﹢1+1", " =1+1", "\u{3000}＝1", "\u{feff}=1", "\u{200b}=1", "\u{0}",
    ]
    for text in formulas {
      #expect(TableCSV.cell(text.databaseValue).hasPrefix("\"'"), "\(text.unicodeScalars.map { $0.value })")
    }
    for text in ["避難所", "-5", "+81", "3+3", "", "ー", "～", "(1)"] {
      #expect(!TableCSV.cell(text.databaseValue).contains("'"), "\(text)")
    }
  }
}
