import Foundation
import Replica
import TestSupport
import Testing

@testable import NodeService

/// The certificate that browsers see, whatever the clock says.
@Suite struct HTTPSTests {
  private static let now = Date(timeIntervalSince1970: 1_795_000_000)
  private static let day = 86_400.0

  private let folder = TemporaryDirectory()
  private var certificate: HTTPSCertificate { HTTPSCertificate(directory: NodeDirectory(folder.file("node"))) }

  @Test func `a dead clock throws no good certificate away`() throws {
    let first = try certificate.shown(names: ["node.local"], now: Self.now)
    let dead = try certificate.shown(names: ["node.local"], now: Date(timeIntervalSince1970: 946_684_800))
    #expect(dead.certificate == first.certificate && dead.beginsAt == first.certificate.notValidBefore)
    let right = try certificate.shown(names: ["node.local"], now: Self.now)
    #expect(right.certificate == first.certificate && right.beginsAt == nil)
  }

  @Test func `a node that is made under a dead clock has a certificate that is good when the clock is right`() throws {
    let first = try certificate.shown(names: [], now: Date(timeIntervalSince1970: 946_684_800))
    let right = try certificate.shown(names: [], now: Self.now)
    #expect(right.beginsAt == nil && right.certificate.notValidAfter > Self.now + 30 * Self.day)
    #expect(right.certificate.issuer == first.certificate.issuer)
  }

  @Test(arguments: [380.0, 3_600.0])
  func `a clock that was ahead and is put right leaves a certificate that is good now`(_ days: Double) throws {
    _ = try certificate.shown(names: [], now: Self.now)
    let ahead = try certificate.shown(names: [], now: Self.now + days * Self.day)
    #expect(ahead.certificate.notValidAfter > Self.now + days * Self.day)
    let right = try certificate.shown(names: [], now: Self.now)
    #expect(right.certificate.notValidBefore <= Self.now && right.certificate.notValidAfter > Self.now)
    #expect(right.beginsAt == nil)
    // Browsers take none that is valid for longer.
    #expect(ahead.certificate.notValidAfter.timeIntervalSince(ahead.certificate.notValidBefore) < 825 * Self.day)
  }

  @Test func `it is renewed while the node runs, and a wrong clock is a problem until it is right`() async throws {
    let directory = NodeDirectory(folder.file("node"))
    let papers = FederationFolder(folder.file("f"))
    try papers.found(LinkTests.topology, drill: true)
    try directory.save(papers.enrol(directory.makeKey().publicKey, ward: "13113"))
    let core = try NodeCore(directory: directory, schema: NodeSchema.current, log: LinkTests.log)
    let https = try await HTTPSRenewal(directory: directory, names: [], core: core, log: LinkTests.log)
    let before = ObjectIdentifier(https.context)
    try await https.look()
    #expect(ObjectIdentifier(https.context) == before)
    try await https.look(now: Date.wall + 380 * Self.day)
    #expect(ObjectIdentifier(https.context) != before)
    func codes() async throws -> [String] { try await core.linksResult().problems.map(\.code.rawValue) }
    try await https.look(now: Date(timeIntervalSince1970: 946_684_800))
    #expect(try await codes().contains("ownClock"))
    try await https.look()
    #expect(try await !codes().contains("ownClock"))
    try await core.close()
  }

  @Test func `the authority signs for the node's own names, networks and .local, and for nobody else`() throws {
    let constraints = HTTPSNames(["node1.city.example.jp", "10.8.0.21"]).constraints
    for name in ["node1.city.example.jp", "10.8.0.21", "localhost", "127.0.0.1", "::1", "shibuya.local"] {
      #expect(HTTPSNames.covers(constraints, name), "\(name)")
    }
    for name in ["www.example.com", "city.example.jp", "8.8.8.8", "2001:db8::1", "local.example", "xlocal"] {
      #expect(!HTTPSNames.covers(constraints, name), "\(name)")
    }
  }

  @Test func `an authority that may not sign for a new name is replaced, and keeps for names that it may`() throws {
    try certificate.makeAuthority(names: ["node1.city.example.jp"])
    let first = try certificate.fingerprint()
    _ = try certificate.shown(names: ["node1.city.example.jp", "0.0.0.0"], now: Self.now)
    #expect(try certificate.fingerprint() == first)
    _ = try certificate.shown(names: ["node2.city.example.jp"], now: Self.now)
    #expect(try certificate.fingerprint() != first)
  }
}
