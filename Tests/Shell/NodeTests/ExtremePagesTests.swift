import Causality
import ChangeModel
import Desk
import Foundation
import Hummingbird
import HummingbirdTesting
import Replica
import TestSupport
import Testing

@testable import NodeService
@testable import Web

/// Extremes in every field of every collection, signed by the own ward and by another, merged by a whole node: every page, file, form,
/// history and command answers or refuses, and none fails.
@Suite struct ExtremePagesTests {
  static func node(_ ward: String, _ papers: FederationFolder, _ folder: TemporaryDirectory) throws -> NodeCore {
    let directory = NodeDirectory(folder.file(ward))
    try directory.save(papers.enrol(directory.makeKey().publicKey, ward: ward))
    return try NodeCore(directory: directory, schema: NodeSchema.current, log: LinkTests.log)
  }

  private static func sign(at core: NodeCore, and other: UInt32) async throws {
    for palette in Extremes.palettes {
      try await core.edit { replica, now in
        var effects = ReplicaEffects()
        _ = try Extremes.write(palette, on: replica, and: other) { draft in
          effects.add(try replica.batch(at: now) { _ = try replica.commit(draft, at: now) })
        }
        return ((), effects)
      }
    }
  }

  private static func runs(of core: NodeCore) async throws -> [Run] {
    try await core.inspect { replica in
      try replica.store.logNames.map {
        Run($0, first: 1, entries: try replica.store.entries($0, from: 1, byteLimit: 1 << 26))
      }
    }
  }

  /// Two rows of every collection: of other palettes, where there are several.
  private static func rows(_ core: NodeCore) async throws -> [(records: Records, rows: [RowID])] {
    try await core.reader.read { db in
      try Extremes.collections.map { records in
        let all = try RowValues.all(records, "ORDER BY id LIMIT 20", [], db).map(\.id)
        return (records, Array(Set(all.prefix(1) + all.suffix(1))).sorted())
      }
    }
  }

  private static func paths(_ web: WebServer, _ known: [(records: Records, rows: [RowID])]) -> [String] {
    var paths: [String] = []
    let gets = web.router().routes.filter { $0.method == .get }.map { $0.path.description.split(separator: "/") }
    let own: Set<String> = ["events", "changes", "metrics"]
    for path in gets where !path.contains(where: { own.contains(String($0)) }) {
      let places = path.filter { $0.hasPrefix(":") }
      func filled(_ value: String) -> String {
        "/" + path.map { $0.hasPrefix(":") ? value : String($0) }.joined(separator: "/")
      }
      if places.isEmpty { paths.append(filled("")) }
      // A row of every collection, the page's own among them.
      if places == [":id"] || places == [":row"] { paths += known.compactMap { $0.rows.first.map { filled("\($0)") } } }
    }
    for endpoint in web.catalogue.endpoints {
      let subjects = endpoint.subject.map { subject in
        known.first { $0.records.name == subject.name }?.rows ?? []
      }
      let queries = subjects.map { $0.map { "?_row=\($0)" } } ?? [""]
      paths += queries.flatMap { query in
        endpoint.isWrite
          ? ["/do/\(endpoint.id)\(query)"] : ["list", "csv", "geojson"].map { "/\($0)/\(endpoint.id)\(query)" }
      }
    }
    for (records, rows) in known {
      paths += rows.flatMap { ["/record/\(records.name)/\($0)", "/own/\(records.name)/\($0)"] }
      if let row = rows.first {
        paths += records.fields.map { "/history/\(records.name)/\(row)/\($0.name)" }
      }
    }
    return paths
  }

  @Test func `every page, file and command lives with whatever a ward has signed`() async throws {
    let folder = TemporaryDirectory()
    let papers = FederationFolder(folder.file("f"))
    try papers.found(LinkTests.topology, drill: true)
    let (core, other) = (try Self.node("13113", papers, folder), try Self.node("13121", papers, folder))
    let index = { (core: NodeCore) in core.identity.certificate.node.ward }
    try await Self.sign(at: other, and: index(core))
    try await Self.sign(at: core, and: index(other))
    let (taken, _) = try await core.receive(try await Self.runs(of: other), from: "card")
    #expect(taken.allSatisfy { $0.0.refusal == nil })
    let web = WebServer(core: core, topology: LinkTests.topology, metrics: PrometheusRegistry())
    let token = try await WebTests.token(core, roles: Role.allCases)
    let paths = Self.paths(web, try await Self.rows(core))
    let counts = try await Application(router: web.router()).test(.router) { client in
      var counts: [Int: Int] = [:]
      for path in paths {
        let headers: HTTPFields = [.authorization: "Bearer \(token)", .accept: "text/html"]
        let status = try await client.execute(uri: path, method: .get, headers: headers) { $0.status.code }
        counts[status, default: 0] += 1
        #expect(status < 500, "\(path): \(status)")
      }
      return counts
    }
    #expect(counts[200] ?? 0 > 1_000, "hardly anything was shown: \(counts)")
    let desk = Operator(core: core, topology: LinkTests.topology, isRunning: true)
    let commands: [OperatorCommand] =
      [.status(digest: true), .links, .verify, .rebuild, .verify, .setAside, .wardNodes]
      + Extremes.collections.map { .exportTable(table: $0.name, file: folder.file("\($0.name).csv")) }
      + [.exportBundle(file: folder.file("all.bundle"), reader: nil), .importBundle(file: folder.file("all.bundle"))]
    for command in commands {
      do throws(OperatorFailure) { _ = try await desk.perform(command) { _ in } } catch {
        #expect(error.exitCode != 70, "\(command): \(error)")
      }
    }
    try await core.close()
    try await other.close()
  }
}
