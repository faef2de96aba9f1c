import Foundation
import NodeService
import Testing
import TestSupport

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
}
