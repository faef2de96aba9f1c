import Causality
import ChangeModel
import Federation
import Foundation
import NodeService
import Replica
import Store
import TestSupport
import Testing

/// A node never writes again in an epoch that its database does not remember.
@Suite struct EpochTests {
  static func node(_ folder: TemporaryDirectory) throws -> NodeDirectory {
    let directory = NodeDirectory(folder.file("node"))
    let papers = FederationFolder(folder.file("f"))
    try papers.found(LinkTests.topology, drill: true)
    try directory.save(papers.enrol(directory.makeKey().publicKey, ward: "13113"))
    return directory
  }

  static func open(_ directory: NodeDirectory) async throws -> Int {
    let core = try NodeCore(directory: directory, schema: NodeSchema.current, log: LinkTests.log)
    let epoch = try await core.status(withDigest: false, running: false).epoch
    try await core.close()
    return epoch
  }

  @Test func `a node whose database was lost goes on in a new epoch`() async throws {
    let folder = TemporaryDirectory()
    let directory = try Self.node(folder)
    #expect(try await Self.open(directory) == 0)
    #expect(try await Self.open(directory) == 0, "opening again changes nothing")
    for suffix in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: directory.replica + suffix) }
    #expect(try await Self.open(directory) == 1)
    #expect(try await Self.open(directory) == 1)
  }

  @Test func `a database from before the last epoch goes on in one above it`() async throws {
    let folder = TemporaryDirectory()
    let directory = try Self.node(folder)
    _ = try await Self.open(directory)
    let backup = try Data(contentsOf: URL(fileURLWithPath: directory.replica))
    let log = FileManager.default.contents(atPath: directory.replica + "-wal")
    for suffix in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: directory.replica + suffix) }
    #expect(try await Self.open(directory) == 1)
    try backup.write(to: URL(fileURLWithPath: directory.replica))
    try? FileManager.default.removeItem(atPath: directory.replica + "-shm")
    try (log ?? Data()).write(to: URL(fileURLWithPath: directory.replica + "-wal"))
    #expect(try await Self.open(directory) == 2)
  }

  @Test func `an older copy of the same epoch is noticed before it writes`() async throws {
    let folder = TemporaryDirectory()
    let path = folder.file("replica.sqlite")
    var federation = TestFederation(wards: 1)
    let identity = federation.node(ward: 0, keySeed: 1)
    func open() throws -> Replica {
      try Replica(
        path: path, identity: identity, schema: TestSchema.schema,
        keeper: HighWaterFile(path: folder.file("high-water")),
        at: .test)
    }
    func write(_ replica: Replica) throws {
      var draft = Draft(.life)
      draft.edit(TestSchema.things, try replica.newRows(1)[0], [FieldEdit(1, .set(.text("水")))])
      _ = try replica.commit(draft, at: .test)
    }
    var replica = try open()
    try write(replica)
    try replica.store.close()
    let backup = try Data(contentsOf: URL(fileURLWithPath: path))
    replica = try open()
    #expect(replica.author.epoch == 0, "nothing is lost")
    try write(replica)
    try replica.store.close()
    for suffix in ["-wal", "-shm"] { try? FileManager.default.removeItem(atPath: path + suffix) }
    try backup.write(to: URL(fileURLWithPath: path))
    replica = try open()
    #expect(replica.author.epoch == 1)
    try replica.store.close()
  }

  @Test func `a high-water mark survives a torn write of either place, and says when both are gone`() throws {
    let folder = TemporaryDirectory()
    let path = folder.file("mark")
    #expect(try HighWaterFile(path: path).load() == nil)
    let file = try HighWaterFile(path: path)
    for sequence in 1...3 as ClosedRange<SequenceNumber> {
      try file.begin(HighWaterMark(epoch: 2, sequences: [1, sequence, 0, 0]))
      try file.finish()
    }
    #expect(try HighWaterFile(path: path).load()?.sequences == [1, 3, 0, 0])
    var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    bytes[512 + 20] ^= 1
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    #expect(try HighWaterFile(path: path).load()?.sequences == [1, 2, 0, 0], "the place before the torn one holds")
    bytes[20] ^= 1
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    #expect(throws: StoreError.damaged("high-water mark")) { try HighWaterFile(path: path).load() }
  }

  @Test func `a backup of a running node comes back in a new epoch, and no other node's does`() async throws {
    let folder = TemporaryDirectory()
    let directory = try Self.node(folder)
    let core = try NodeCore(directory: directory, schema: NodeSchema.current, log: LinkTests.log)
    try await LinkTests.add("控えにある", to: core)
    let file = folder.file("backup.sqlite")
    let made = try directory.backUp(to: file)
    #expect(made.bytes > 0 && made.sealedFor?.count == 2)
    let sealed = try Data(contentsOf: URL(fileURLWithPath: file))
    #expect(sealed.range(of: Data("控えにある".utf8)) == nil && sealed.range(of: Data("SQLite".utf8)) == nil)
    #expect(sealed.range(of: Data("renkei-node ".utf8)) != nil && SealedBackup.head(file)?.node.ward == 12)
    #expect(throws: OperatorFailure.self) { try directory.backUp(to: file) }
    try await LinkTests.add("控えのあと", to: core)
    try await core.close()
    #expect(try directory.restore(from: file).epoch == 1)
    let restored = try NodeCore(directory: directory, schema: NodeSchema.current, log: LinkTests.log)
    #expect(try await LinkTests.names(restored) == ["控えにある"])
    #expect(try await restored.status(withDigest: false, running: false).epoch == 1)
    try await restored.close()
    // Again: no epoch twice.
    #expect(try directory.restore(from: file).epoch == 2)
    // By the authority's card, as after a stolen key; a plain copy for who insists; a byte that is turned, by its place.
    let card = try AuthorityCard(Data(contentsOf: URL(fileURLWithPath: folder.file("f") + "/authority-13113.json")))
    #expect(try directory.restore(from: file, with: card.record { nil }.key()).epoch == 2)
    let plain = folder.file("plain.sqlite")
    _ = try directory.backUp(to: plain, plain: true)
    #expect(try directory.restore(from: plain).epoch == 3)
    #expect(try SealedBackup.unseal(file, with: directory.key(), to: folder.file("opened.sqlite")) > 0)
    var turned = sealed
    turned[sealed.count / 2] ^= 1
    try turned.write(to: URL(fileURLWithPath: folder.file("turned")))
    do {
      _ = try directory.restore(from: folder.file("turned"))
      Issue.record("an altered backup came back")
    } catch let fault as SealedFileFault {
      guard case .damaged(let first, let last) = fault else { throw fault }
      #expect((first...last).contains(sealed.count / 2))
    }
    for name in try FileManager.default.contentsOfDirectory(atPath: directory.path + "/scratch") {
      Issue.record("\(name) was left behind")
    }
    for path in [file, plain] {
      let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
      #expect(mode == 0o600, "\(path)")
    }
    let other = NodeDirectory(folder.file("other"))
    try other.save(FederationFolder(folder.file("f")).enrol(other.makeKey().publicKey, ward: "13121"))
    #expect(throws: OperatorFailure.self) { try other.restore(from: file) }
    #expect(throws: OperatorFailure.self) { try directory.restore(from: folder.file("f") + "/genesis.json") }
  }
}
