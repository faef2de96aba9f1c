import Causality
import ChangeModel
import Federation
import Foundation
import GRDB
import Logging
import NodeService
import Places
import Replica
import ServiceLifecycle
import Synchronization
import TestSupport
import Testing
import Topology

/// Real links: TLS over loopback between nodes of this process.
@Suite(.serialized) struct LinkTests {
  static let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

  static let topology: Topology = {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
      .deletingLastPathComponent()
    return try! Topology(
      yaml: String(contentsOf: root.appendingPathComponent("Topology/tokyo23.yaml"), encoding: .utf8))
  }()

  /// A node with its links, running until the task that holds it is cancelled.
  struct Running {
    let core: NodeCore
    let port: Int
    let service: Task<Void, any Error>

    func stop() async throws {
      service.cancel()
      _ = try? await service.value
      try await core.close()
    }
  }

  static func freePort() -> Int {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        _ = bind(descriptor, $0, length)
        _ = getsockname(descriptor, $0, &length)
      }
    }
    return Int(UInt16(bigEndian: address.sin_port))
  }

  static func start(
    ward: String, second: Bool = false, in folder: TemporaryDirectory, federation: String, port: Int,
    peers: [(String, Int)], validUntil: Instant? = nil
  ) throws -> Running {
    let directory = NodeDirectory(folder.file("\(federation)-\(ward)\(second ? "-2" : "")"))
    let papers = FederationFolder(folder.file(federation))
    if !papers.exists { try papers.found(topology, drill: true) }
    if !directory.isEnrolled {
      try directory.save(papers.enrol(directory.makeKey().publicKey, ward: ward, validUntil: validUntil))
    }
    let core = try NodeCore(directory: directory, schema: NodeSchema.current, log: log)
    let links = try LinkService(
      core: core, listen: NetworkAddress(host: "127.0.0.1", port: port),
      peers: peers.map { PeerAddress(ward: $0.0, address: NetworkAddress(host: "127.0.0.1", port: $0.1)) }, log: log)
    return Running(core: core, port: port, service: Task { try await links.run() })
  }

  static func add(_ name: String, to core: NodeCore) async throws {
    try await core.edit { replica, now in
      var draft = Draft(.life)
      let effects = try replica.batch(at: now) {
        draft.edit(
          Shelter.records, try replica.newRows(1)[0], [Shelter.name.set(name)])
        _ = try replica.commit(draft, at: now)
      }
      return ((), effects)
    }
  }

  static func names(_ core: NodeCore) async throws -> [String] {
    try await core.reader.read { try String.fetchAll($0, sql: "SELECT name FROM shelters ORDER BY name") }
  }

  /// Waits for a state, not for a time: fails when it has not come in half a minute.
  static func until(_ what: Comment, _ probe: () async throws -> Bool) async throws {
    let end = ContinuousClock.now + .seconds(30)
    while try await !probe() {
      guard ContinuousClock.now < end else {
        Issue.record("never came: \(what)")
        return
      }
      try await Task.sleep(for: .milliseconds(10))
    }
  }

  @Test
  func `what is known is as old as its newest change set, by whatever road, and a ward as old as its oldest node`()
    async throws
  {
    let folder = TemporaryDirectory()
    let ports = (0..<4).map { _ in Self.freePort() }
    let a = try Self.start(ward: "13113", in: folder, federation: "f", port: ports[0], peers: [])
    let b = try Self.start(ward: "13121", in: folder, federation: "f", port: ports[1], peers: [("13113", ports[0])])
    let c = try Self.start(ward: "13108", in: folder, federation: "f", port: ports[2], peers: [("13121", ports[1])])
    let other = try Self.start(
      ward: "13113", second: true, in: folder, federation: "f", port: ports[3], peers: [("13113", ports[0])])
    // 江東's change comes by way of 足立 alone.
    let begin = Instant.now()
    #expect(await a.core.knownUntil()["13108"] == nil)
    try await Self.add("甲", to: c.core)
    try await Self.add("乙", to: other.core)
    try await Self.until("甲 and 乙") { try await Self.names(a.core).sorted() == ["乙", "甲"].sorted() }
    let heard = try #require(await a.core.knownUntil()["13108"])
    #expect(heard >= begin && heard <= Instant.now())
    try await Self.until("the own ward's other node is known up to now") {
      let before = Instant.now()
      return await a.core.knownUntil()["13113"].map { $0 >= before } ?? false
    }
    // The other node of the own ward is cut off: the own ward's figures grow old.
    try await other.stop()
    try await Self.until("the link is down") { await a.core.peers().filter { $0.state == "up" }.count == 1 }
    let known = try #require(await a.core.knownUntil()["13113"])
    try await Self.until("time goes on") { Instant.now() > known.advanced(byMilliseconds: 50) }
    #expect(await a.core.knownUntil()["13113"] == known)
    for node in [c, b, a] { try await node.stop() }
  }

  @Test func `two nodes that never met agree over TLS, and a cut one goes on and delivers when it is healed`()
    async throws
  {
    let folder = TemporaryDirectory()
    let (portA, portB) = (Self.freePort(), Self.freePort())
    let a = try Self.start(ward: "13113", in: folder, federation: "f", port: portA, peers: [("13121", portB)])
    let b = try Self.start(ward: "13121", in: folder, federation: "f", port: portB, peers: [("13113", portA)])
    try await Self.add("甲", to: a.core)
    try await Self.until("甲 at b") { try await Self.names(b.core) == ["甲"] }
    let work = Operator(core: b.core, topology: Self.topology, isRunning: true)
    _ = try await work.perform(.cut(ward: nil)) { _ in }
    try await Self.until("the cut at a") { await a.core.peers().allSatisfy { $0.state != "up" } }
    try await Self.add("乙", to: a.core)
    try await Self.add("丙", to: b.core)
    #expect(try await Self.names(b.core) == ["丙", "甲"])
    _ = try await work.perform(.heal(ward: nil)) { _ in }
    try await Self.until("all at both") {
      let (left, right) = (try await Self.names(a.core), try await Self.names(b.core))
      return left == right && left.count == 3
    }
    #expect(
      try await a.core.status(withDigest: true, running: true).digest
        == b.core.status(withDigest: true, running: true).digest)
    try await a.stop()
    try await b.stop()
  }

  @Test func `a node whose certificate has ended gets no link until it is renewed, and its word holds`() async throws {
    let folder = TemporaryDirectory()
    let (portA, portB) = (Self.freePort(), Self.freePort())
    let a = try Self.start(ward: "13113", in: folder, federation: "f", port: portA, peers: [])
    var late = try Self.start(
      ward: "13121", in: folder, federation: "f", port: portB, peers: [("13113", portA)],
      validUntil: Instant.now().advanced(byMilliseconds: -NodeCertificate.clockTolerance - 1_000))
    try await Self.add("期限の後", to: late.core)
    let c = try Self.start(ward: "13108", in: folder, federation: "f", port: Self.freePort(), peers: [("13113", portA)])
    try await Self.add("真", to: c.core)
    try await Self.until("真 at a") { try await Self.names(a.core) == ["真"] }
    #expect(await late.core.peers().allSatisfy { $0.state != "up" })
    // A card carries its word all the same.
    let bundle = folder.file("late.bundle")
    let (from, to) = (
      Operator(core: late.core, topology: Self.topology, isRunning: true),
      Operator(core: a.core, topology: Self.topology, isRunning: true)
    )
    _ = try await from.perform(.exportBundle(file: bundle, reader: nil)) { _ in }
    _ = try await to.perform(.importBundle(file: bundle)) { _ in }
    #expect(try await Set(Self.names(a.core)) == ["真", "期限の後"])

    try await late.stop()
    let directory = NodeDirectory(folder.file("f-13121"))
    let identity = try directory.identity()
    let asked = EnrolmentRequest(key: identity.certificate.key, renewing: identity.certificate.bytes)
    let card = try FederationFolder(folder.file("f")).sign(asked, ward: "13121", validUntil: nil)
    try directory.renew(card)
    late = try Self.start(ward: "13121", in: folder, federation: "f", port: portB, peers: [("13113", portA)])
    let renewed = late
    try await Self.until("the renewed node is linked") { await renewed.core.peers().contains { $0.state == "up" } }
    for node in [a, late, c] { try await node.stop() }
  }

  @Test func `a node of another federation is refused, and nothing of it is merged`() async throws {
    let folder = TemporaryDirectory()
    let (portA, portB) = (Self.freePort(), Self.freePort())
    let a = try Self.start(ward: "13113", in: folder, federation: "f", port: portA, peers: [])
    let stranger = try Self.start(ward: "13121", in: folder, federation: "g", port: portB, peers: [("13113", portA)])
    try await Self.add("偽", to: stranger.core)
    // An honest peer afterwards shows that the stranger had its time.
    let c = try Self.start(ward: "13108", in: folder, federation: "f", port: Self.freePort(), peers: [("13113", portA)])
    try await Self.add("真", to: c.core)
    try await Self.until("真 at a") { try await Self.names(a.core) == ["真"] }
    #expect(await stranger.core.peers().allSatisfy { $0.state != "up" })
    for node in [a, stranger, c] { try await node.stop() }
  }

  /// A channel that was accepted or connected, and that nobody came to serve, once stopped the whole process (a run of CI,
  /// in this suite).
  @Test func `a node that stops while others are calling it stops cleanly`() async throws {
    let folder = TemporaryDirectory()
    for _ in 0..<40 {
      let (portA, portB) = (Self.freePort(), Self.freePort())
      let a = try Self.start(ward: "13113", in: folder, federation: "f", port: portA, peers: [])
      let b = try Self.start(ward: "13121", in: folder, federation: "f", port: portB, peers: [("13113", portA)])
      try await Self.until("the listener") {
        let descriptor = Self.connected(to: portA)
        if descriptor >= 0 { close(descriptor) }
        return descriptor >= 0
      }
      let callers = Callers(port: portA)
      try await a.stop()
      try await b.stop()
      callers.stop()
    }
  }

  /// Four threads that connect and say nothing, until they are stopped.
  final class Callers: Sendable {
    private let isStopped = Mutex(false)

    init(port: Int) {
      for _ in 0..<4 {
        Thread.detachNewThread { [self] in
          var open: [Int32] = []
          while !isStopped.withLock({ $0 }), open.count < 200 {
            let descriptor = LinkTests.connected(to: port)
            if descriptor >= 0 { open.append(descriptor) }
          }
          while !isStopped.withLock({ $0 }) { Thread.sleep(forTimeInterval: 0.001) }
          for descriptor in open { close(descriptor) }
        }
      }
    }

    func stop() { isStopped.withLock { $0 = true } }
  }

  /// A plain connection; negative when nobody listens.
  static func connected(to port: Int) -> Int32 {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    address.sin_port = UInt16(port).bigEndian
    let result = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard result == 0 else {
      close(descriptor)
      return -1
    }
    return descriptor
  }

  @Test func `an address that leads to another ward's node is not spoken with`() async throws {
    let folder = TemporaryDirectory()
    let (portA, portB) = (Self.freePort(), Self.freePort())
    let a = try Self.start(ward: "13113", in: folder, federation: "f", port: portA, peers: [])
    let b = try Self.start(ward: "13121", in: folder, federation: "f", port: portB, peers: [("13108", portA)])
    let c = try Self.start(ward: "13108", in: folder, federation: "f", port: Self.freePort(), peers: [("13113", portA)])
    try await Self.until("c's link") { await c.core.peers().contains { $0.state == "up" } }
    #expect(await b.core.peers().allSatisfy { $0.state != "up" })
    for node in [a, b, c] { try await node.stop() }
  }

  @Test func `noise, plain text and half a handshake do not disturb a node`() async throws {
    let folder = TemporaryDirectory()
    let port = Self.freePort()
    let a = try Self.start(ward: "13113", in: folder, federation: "f", port: port, peers: [])
    for bytes in [
      Array("GET / HTTP/1.1\r\n\r\n".utf8), [UInt8](repeating: 0xff, count: 5_000), [0x16, 0x03, 0x01, 0x02, 0x00],
    ] {
      try await Self.until("a listens") { Self.send(bytes, to: port) }
    }
    let b = try Self.start(ward: "13121", in: folder, federation: "f", port: Self.freePort(), peers: [("13113", port)])
    try await Self.add("甲", to: b.core)
    try await Self.until("甲 at a") { try await Self.names(a.core) == ["甲"] }
    for node in [a, b] { try await node.stop() }
  }

  static func send(_ bytes: [UInt8], to port: Int) -> Bool {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = UInt16(port).bigEndian
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    let connected = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
      }
    }
    return connected && Foundation.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count
  }
}
