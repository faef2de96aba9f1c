import ChangeModel
import Desk
import Foundation
import GRDB
import Hummingbird
import HummingbirdTesting
import Replica
import TestSupport
import Testing

@testable import Catalogue
@testable import NodeService
@testable import Web

/// What leaves a node, by every way there is: a drill's says that it is one, in itself and in each row of it; nothing of a node in
/// earnest does. The genesis alone decides.
@Suite struct LeavingTests {
  /// One answer of a kind that is kept, sent on or printed.
  private struct Leaf {
    var path: String
    var headers: HTTPFields
    var text: String
    var type: String { headers[.contentType].map { String($0.prefix { $0 != ";" }) } ?? "" }
  }

  private static func paths(_ web: WebServer) -> [String] {
    let gets = web.router().routes.filter { $0.method == .get }.map(\.path.description)
    return gets.filter { !$0.contains(":") && !$0.contains("events") && !$0.contains("changes") }
      + web.catalogue.endpoints.filter { !$0.isWrite && $0.subject == nil && WebServer.isTable($0) }.flatMap {
        endpoint in
        [
          "/list/\(endpoint.id)", "/csv/\(endpoint.id)", "/csv/\(endpoint.id)?encoding=cp932",
          "/geojson/\(endpoint.id)",
        ]
      }
  }

  /// All answers of a node that has a row of everything.
  private static func leaves(isDrill: Bool, _ body: (NodeCore, TemporaryDirectory) async throws -> Void) async throws
    -> [Leaf]
  {
    let folder = TemporaryDirectory()
    let papers = FederationFolder(folder.file("f"))
    try papers.found(LinkTests.topology, drill: isDrill)
    let core = try ExtremePagesTests.node("13113", papers, folder)
    try await core.edit { replica, now in
      var effects = ReplicaEffects()
      _ = try Extremes.write(Extremes.plain, on: replica, and: 1) { draft in
        effects.add(try replica.batch(at: now) { _ = try replica.commit(draft, at: now) })
      }
      return ((), effects)
    }
    let web = WebServer(core: core, topology: LinkTests.topology, metrics: PrometheusRegistry(), isPublic: true)
    let token = try await WebTests.token(core, roles: Role.allCases)
    let leaves = try await Application(router: web.router()).test(.router) { client in
      var leaves: [Leaf] = []
      for path in paths(web) {
        let headers: HTTPFields = [.authorization: "Bearer \(token)", .accept: "text/html"]
        try await client.execute(uri: path, method: .get, headers: headers) { answer in
          if answer.status == .ok {
            leaves.append(Leaf(path: path, headers: answer.headers, text: String(buffer: answer.body)))
          }
        }
      }
      return leaves
    }
    try await body(core, folder)
    try await core.close()
    return leaves
  }

  /// Of a table, the last cell of its head and of each row.
  private static func ends(_ csv: String) -> Set<String> {
    Set(
      csv.split(separator: "\r\n").map { line in
        String(line[(line.lastIndex(of: ",").map { line.index(after: $0) } ?? line.startIndex)...])
          .trimmingCharacters(in: ["\""])
      })
  }

  private static func features(_ text: String) throws -> [JSON] {
    let all = try JSON.decode([UInt8](text.utf8))
    return [all["isDrill"]] + all["features"].list.map { $0["properties"]["isDrill"] }
  }

  @Test(arguments: [true, false]) func `all that leaves a node says whether it is a drill's`(isDrill: Bool) async throws
  {
    let leaves = try await Self.leaves(isDrill: isDrill) { core, folder in
      let desk = Operator(core: core, topology: LinkTests.topology, isRunning: true)
      let file = folder.file("shelters.csv")
      _ = try await desk.perform(.exportTable(table: "shelters", file: file)) { _ in }
      let ends = Self.ends(try String(contentsOfFile: file, encoding: .utf8))
      #expect(
        ends.isSuperset(of: ["isDrill", "訓練"]) == isDrill && (isDrill || ends.isDisjoint(with: ["isDrill", "訓練"])))
      _ = try AnalystFile.write(
        Services.records, of: core.directory, core.identity.federation, to: folder.file("analyst"))
      let words = try String(contentsOfFile: folder.file("analyst") + "/metadata.json", encoding: .utf8)
      #expect(words.contains("【訓練】") == isDrill)
      let marked = try await DatabaseQueue(path: folder.file("analyst") + "/renkei.sqlite").read { db in
        try ["shelters", "v_shelters"].map { table in
          try db.columns(in: table).contains { $0.name == "isDrill" }
            && Int.fetchOne(db, sql: "SELECT count(*) FROM \(table) WHERE isDrill IS NOT '訓練'") == 0
        }
      }
      #expect(marked == [isDrill, isDrill])
    }
    var kinds: [String: Int] = [:]
    for leaf in leaves {
      kinds[leaf.type, default: 0] += 1
      #expect((leaf.headers[.drill] == "true") == isDrill, "\(leaf.path)")
      if let name = leaf.headers[.contentDisposition] {
        #expect(name.contains("filename=\"drill-") == isDrill, "\(leaf.path): \(name)")
      }
      switch leaf.type {
      case "text/csv" where leaf.path.hasSuffix("cp932"): break
      case "text/csv":
        let ends = Self.ends(leaf.text)
        #expect(
          isDrill ? ends.isSubset(of: ["isDrill", "訓練"]) : ends.isDisjoint(with: ["isDrill", "訓練"]),
          "\(leaf.path): \(ends)")
      case "application/geo+json" where !leaf.path.hasSuffix("wards.geojson"):
        let marks = try Self.features(leaf.text)
        #expect(marks.allSatisfy { $0 == (isDrill ? .flag(true) : .null) }, "\(leaf.path)")
      case "text/html":
        #expect(leaf.text.contains("class=\"drill\"") == isDrill, "\(leaf.path)")
      default: break
      }
    }
    #expect(
      kinds["text/csv"] ?? 0 > 150 && kinds["text/html"] ?? 0 > 80 && kinds["application/geo+json"] ?? 0 > 10,
      "\(kinds)")
  }
}
