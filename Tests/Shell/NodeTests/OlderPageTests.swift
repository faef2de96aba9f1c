import Desk
import Foundation
import Hummingbird
import HummingbirdTesting
import NodeService
import Testing

@testable import Web

/// Forms and programs that know an older state of a record than the one that stands.
@Suite struct OlderPageTests {
  private struct Form {
    var fields: [(name: String, value: String)] = []

    /// What a browser would send of a page's form.
    init(_ html: String) {
      func attribute(_ name: String, _ tag: Substring) -> String? {
        tag.firstMatch(of: try! Regex("\(name)=\"([^\"]*)\"")).flatMap { $0[1].substring.map(String.init) }
      }
      let body = html[(html.range(of: "<form method=\"post\"")?.lowerBound ?? html.startIndex)...]
      for match in body.matches(of: /<input[^>]*>/) {
        guard let name = attribute("name", match.output) else { continue }
        guard attribute("type", match.output) != "checkbox" || match.output.contains(" checked") else { continue }
        fields.append((name, attribute("value", match.output) ?? ""))
      }
      for match in body.matches(of: /<textarea name="([^"]*)"[^>]*>([^<]*)<\/textarea>/) {
        fields.append((String(match.output.1), String(match.output.2)))
      }
      for match in body.matches(of: /<select name="([^"]*)".*?<\/select>/.dotMatchesNewlines()) {
        let chosen = match.output.0.firstMatch(of: /value="([^"]*)" selected/).map { String($0.output.1) }
        fields.append((String(match.output.1), chosen ?? ""))
      }
    }

    subscript(name: String) -> [String] {
      get { fields.filter { $0.name == name }.map(\.value) }
      set { fields = fields.filter { $0.name != name } + newValue.map { (name, $0) } }
    }

    var body: String { fields.map { "\($0.name)=\(WebServer.escaped($0.value))" }.joined(separator: "&") }
  }

  private static func page(_ client: any TestClientProtocol, _ endpoint: String, _ row: String) async throws -> Form {
    let page = try await WebTests.send(client, .get, "/do/\(endpoint)?_row=\(row)")
    #expect(page.status == 200)
    return Form(page.text)
  }

  private static func press(
    _ client: any TestClientProtocol, _ endpoint: String, _ form: Form
  ) async throws -> (status: Int, text: String, json: [String: Any]) {
    try await WebTests.send(
      client, .post, "/do/\(endpoint)", form.body, headers: [.contentType: "application/x-www-form-urlencoded"])
  }

  private static func stay(_ core: NodeCore, _ members: [String: JSON]) async throws -> String {
    let shelter = try await WebTests.call(core, "addShelter", ["name": "甲", "status": "開設"])["id"].text ?? ""
    let body = JSON.object(members.merging(["name": "見本"]) { $1 })
    return try await WebTests.call(core, "checkIn", body, row: shelter)["id"].text ?? ""
  }

  @Test func `an older page adds and takes away what its own user did, and leaves what others entered`() async throws {
    try await WebTests.withServer { client, core in
      let stay = try await Self.stay(core, ["needs": ["車椅子"], "allergies": ["卵", "乳"], "phone": "03-1"])
      var (first, second) = (
        try await Self.page(client, "changeStay", stay), try await Self.page(client, "changeStay", stay)
      )
      #expect(first["allergies"] == ["乳\n卵"] || first["allergies"] == ["卵\n乳"], "all of a list is shown")
      second["needs"] += ["食物アレルギー"]
      second["allergies"] = [second["allergies"][0] + "\n小麦"]
      #expect(try await Self.press(client, "changeStay", second).status == 303)
      first["needs"] += ["人工透析"]
      first["allergies"] = ["卵\nそば"]
      #expect(try await Self.press(client, "changeStay", first).status == 303)
      let now = try await WebTests.call(core, "row", ["collection": "stays", "row": .text(stay)])
      #expect(Set(now["needs"].list) == ["車椅子", "食物アレルギー", "人工透析"])
      #expect(Set(now["allergies"].list) == ["卵", "小麦", "そば"])
      #expect(now["phone"] == "03-1" && now["arrivedAt"].integer ?? 0 > 0)
    }
  }

  @Test func `a form that changes what stands shows what stands, also where it may make it first`() async throws {
    try await WebTests.withServer { client, core in
      let resident = try await WebTests.call(core, "registerResident", ["familyName": "見本"])["residentId"].text ?? ""
      let empty = try await Self.page(client, "planAssistance", resident)
      #expect(empty["supporters"] == [""])
      _ = try await WebTests.call(
        core, "planAssistance",
        ["supporters": ["一", "二"], "plan": "二人で", "evacuatedAt": "2026-01-01T12:00:05+09:00"], row: resident)
      var form = try await Self.page(client, "planAssistance", resident)
      #expect(form["plan"] == ["二人で"] && form["evacuatedAt"] == ["2026-01-01T12:00:05"])
      form["supporters"] = [form["supporters"][0] + "\n三"]
      #expect(try await Self.press(client, "planAssistance", form).status == 303)
      // What was opened before there was a plan takes nothing away either.
      var older = empty
      older["supporters"] = ["四"]
      #expect(try await Self.press(client, "planAssistance", older).status == 303)
      let plan = try await WebTests.call(core, "assistance", [:], row: resident)
      #expect(Set(plan["supporters"].list) == ["一", "二", "三", "四"] && plan["plan"] == "二人で")
      #expect(plan["evacuatedAt"].integer == 1_767_236_405_000)
    }
  }

  @Test func `a text that somebody else has changed is shown with both values, and the person decides`() async throws {
    try await WebTests.withServer { client, core in
      let stay = try await Self.stay(core, ["needs": ["車椅子"]])
      var (first, second) = (
        try await Self.page(client, "changeStay", stay), try await Self.page(client, "changeStay", stay)
      )
      second["phone"] = ["03-2222"]
      second["needs"] += ["食物アレルギー"]
      #expect(try await Self.press(client, "changeStay", second).status == 303)
      first["phone"] = ["03-1111"]
      first["needs"] = ["人工透析"]
      let told = try await Self.press(client, "changeStay", first)
      #expect(told.status == 412 && told.text.contains("03-2222") && told.text.contains("03-1111"))
      func now() async throws -> JSON {
        try await WebTests.call(core, "row", ["collection": "stays", "row": .text(stay)])
      }
      #expect(try await now()["phone"] == "03-2222")
      #expect(try await Self.press(client, "changeStay", Form(told.text)).status == 303)
      #expect(try await now()["phone"] == "03-1111")
      #expect(Set(try await now()["needs"].list) == ["食物アレルギー", "人工透析"])
      // The same word from two is no dispute.
      var third = try await Self.page(client, "changeStay", stay)
      _ = try await WebTests.call(core, "changeStay", ["phone": "03-3333"], row: stay)
      third["phone"] = ["03-3333"]
      third["kana"] = ["ミホン"]
      #expect(try await Self.press(client, "changeStay", third).status == 303)
    }
  }

  @Test func `a program that says what it knew writes over nothing newer, and is told what stands`() async throws {
    try await WebTests.withServer { client, core in
      let id = try await WebTests.call(core, "addShelter", ["name": "甲", "phone": "1"])["id"].text ?? ""
      let resident = try await WebTests.call(core, "registerResident", ["familyName": "見本"])["residentId"].text ?? ""
      for (path, one, other) in [
        ("/api/v1/shelters/\(id)", #"{"phone":"2"}"#, #"{"phone":"3"}"#),
        ("/api/v1/residents/\(resident)", #"{"phone":"2"}"#, #"{"phone":"3"}"#),
      ] {
        func tag(_ method: HTTPRequest.Method, _ body: String? = nil, ifMatch: String? = nil) async throws -> (
          Int, String?, [String: Any]
        ) {
          var headers: HTTPFields = [.contentType: "application/json", .authorization: "Bearer \(WebTests.bearer)"]
          headers[.ifMatch] = ifMatch
          return try await client.execute(
            uri: path, method: method, headers: headers, body: body.map { ByteBuffer(string: $0) }
          ) {
            let json = (try? JSONSerialization.jsonObject(with: Data(String(buffer: $0.body).utf8))) as? [String: Any]
            return ($0.status.code, $0.headers[.eTag], json ?? [:])
          }
        }
        let known = try #require(try await tag(.get).1)
        #expect(known.hasPrefix("\""))
        let changed = try await tag(.patch, one, ifMatch: known)
        #expect(changed.0 == 200 && changed.1 != known)
        let refused = try await tag(.patch, other, ifMatch: known)
        #expect(refused.0 == 412 && refused.2["error"] as? String == "changed")
        #expect((refused.2["current"] as? [String: Any])?["phone"] as? String == "2")
        // Both the answer of a write and that of a refusal say with what to go on.
        #expect(try await tag(.patch, other, ifMatch: refused.1).0 == 200)
        #expect(try await tag(.patch, one, ifMatch: "*").0 == 200)
        #expect(try await tag(.patch, other, ifMatch: "\"none\", W/\(known)").0 == 412)
      }
      #expect(try await WebTests.call(core, "row", ["collection": "shelters", "row": .text(id)])["phone"] == "2")
    }
  }
}
