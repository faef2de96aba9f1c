import Causality
import ChangeModel
import Desk
import Federation
import Foundation
import NodeService
import Replica
import TestSupport
import Testing

/// What somebody does to a node as a whole stands in the audit trail as what they do on a page does.
@Suite struct ActsTests {
  static func notes(_ core: NodeCore) async throws -> [(action: String, user: String, purpose: String)] {
    let answer = try await WebTests.call(core, "audit", [:])
    return answer["notes"].list.map {
      ($0["action"].text ?? "", $0["user"].text ?? "", $0["purpose"].text ?? "")
    }
  }

  @Test func `an import, a renewal and a revocation are noted with who did them, in the change sets that they make`()
    async throws
  {
    let folder = TemporaryDirectory()
    let directory = try EpochTests.node(folder)
    let papers = FederationFolder(folder.file("f"))
    let core = try NodeCore(directory: directory, schema: NodeSchema.current, log: LinkTests.log)
    let person = Operator(core: core, topology: LinkTests.topology, isRunning: true, user: User("山田 花子"))
    let machine = Operator(core: core, topology: LinkTests.topology, isRunning: true)
    let list = folder.file("list.csv")
    try "市区町村コード,NO,名称,住所,緯度,経度,想定収容人数\r\n131130,1,見本小学校,東京都渋谷区1-1,35.66,139.70,100\r\n"
      .write(toFile: list, atomically: true, encoding: .utf8)
    _ = try await person.perform(.importShelters(file: list, source: nil)) { _ in }
    var notes = try await Self.notes(core)
    #expect(notes.map(\.action) == ["importShelters"] && notes[0].user == "山田 花子" && notes[0].purpose == "list.csv")
    _ = try await person.perform(.importShelters(file: list, source: nil)) { _ in }
    #expect(try await Self.notes(core).count == 1, "what changes nothing makes no change set")

    let ward = try JSONDecoder().decode(WardNodes.self, from: try await machine.perform(.wardNodes) { _ in })
    let renewal = try papers.renewKeys(
      of: "13113", for: ward.nodes(in: papers.identity()), above: ward.generation)
    _ = try await machine.perform(.renewKeys(renewal)) { _ in }
    let own = core.identity.certificate.node
    let lost = AuthorNumber(ward: own.ward, serial: 2, epoch: 0)
    let revocation = try papers.revoke(lost, ward: "13113", cut: [:])
    _ = try await machine.perform(
      .revoke(statement: revocation.bytes.map { String(format: "%02x", $0) }.joined(), reason: "紛失")
    ) {
      _ in
    }
    notes = try await Self.notes(core)
    #expect(Set(notes.map(\.action)) == ["importShelters", "renewKeys", "revoke"])
    #expect(notes.filter { $0.action != "importShelters" }.allSatisfy { $0.user == "端末の操作者" })
    #expect(notes.contains { $0.action == "revoke" && $0.purpose.contains("13113-2") && $0.purpose.contains("紛失") })
    try await core.close()
  }

  @Test func `a card and a backup are noted with the next change set, and make none by themselves`() async throws {
    let folder = TemporaryDirectory()
    let directory = try EpochTests.node(folder)
    let core = try NodeCore(directory: directory, schema: NodeSchema.current, log: LinkTests.log)
    try await LinkTests.add("一つ目", to: core)
    let before = try await core.status(withDigest: true, running: false)
    let person = Operator(core: core, topology: LinkTests.topology, isRunning: true, user: User("佐藤 次郎"))
    for _ in 0..<60 { _ = try await person.perform(.exportBundle(file: folder.file("card"), reader: nil)) { _ in } }
    _ = try await person.perform(.importBundle(file: folder.file("card"))) { _ in }
    try directory.keep(.backUp, "b.rks", by: Operator.atMachine)
    #expect(try await core.status(withDigest: true, running: false).digest == before.digest)
    try await LinkTests.add("二つ目", to: core)
    let notes = try await Self.notes(core)
    func count(_ action: String, _ user: String) -> Int { notes.count { $0.action == action && $0.user == user } }
    #expect(count("exportBundle", "佐藤 次郎") == 60 && count("importBundle", "佐藤 次郎") == 1)
    #expect(count("backUp", "端末の操作者") == 1)
    #expect(notes.contains { $0.purpose.hasPrefix("b.rks_20") }, "when it was done, too")
    // Once, and not again with the next.
    try await LinkTests.add("三つ目", to: core)
    #expect(try await Self.notes(core).count { $0.action == "exportBundle" } == 60)
    try await core.close()
  }

  @Test func `sample data is noted when it comes and when it goes`() async throws {
    let folder = TemporaryDirectory()
    let core = try NodeCore(
      directory: try EpochTests.node(folder), schema: NodeSchema.current, log: LinkTests.log)
    _ = try await WebTests.call(core, "loadSample", [:])
    _ = try await WebTests.call(core, "removeSample", [:])
    let actions = Set(try await Self.notes(core).map(\.action))
    #expect(actions.isSuperset(of: ["loadSample", "removeSample"]))
    try await core.close()
  }

  @Test func `a card that somebody finds tells only what proves itself: nobody's name, no account, no reason`()
    async throws
  {
    let folder = TemporaryDirectory()
    let core = try NodeCore(
      directory: try EpochTests.node(folder), schema: NodeSchema.current, log: LinkTests.log)
    _ = try await WebTests.call(
      core, "addAccount",
      ["login": "hanako", "name": "山田 花子", "roles": ["administrator"], "password": "long enough, and odd: 71"])
    _ = try await WebTests.token(core, roles: [.engineer])
    try await LinkTests.add("避難所", to: core)
    let open = try await core.inspect { replica in
      var open: Set<UInt32> = []
      for log in replica.store.logNames {
        var past = AuthorPast(author: log.author, lane: log.lane)
        for bytes in try replica.store.entries(log, from: 1, byteLimit: .max) {
          let before = past
          let layout = try bytes.decoding { raw throws(MalformedBytes) in try ChangeSetLayout(raw, after: before) }
          past.advance(by: layout.header)
          for section in layout.sections where section.key == 0 {
            let content = Array(bytes[section.range])
            let edits = try content.decoding { raw throws(MalformedBytes) in
              try SectionCodec.decode(raw, by: log.author)
            }
            open.formUnion(edits.map(\.collection))
          }
        }
      }
      return open
    }
    #expect(open == [1, 2], "certificates, and boxes that only an authority opens")
    try await core.close()
  }
}
