import ChangeModel
import Federation
import Foundation
import NodeService
import TestSupport
import Testing
import Topology

/// A federation is founded from public keys alone: nobody ever holds another ward's secret.
@Suite struct FoundingTests {
  static func papers(in folder: TemporaryDirectory, _ topology: Topology) throws {
    for ward in topology.wards {
      let place = folder.file(ward.code)
      try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
      let (_, file) = try FederationFolder.makeAuthority(
        of: ward.code, on: place + "/authority-\(ward.code).json", passphrase: nil)
      try FileManager.default.createDirectory(atPath: folder.file("all"), withIntermediateDirectories: true)
      try FileManager.default.copyItem(atPath: file, toPath: folder.file("all") + "/\(ward.code).public.json")
    }
  }

  static func hand(_ ward: String, from founding: String, in folder: TemporaryDirectory) throws -> FederationFolder {
    for name in ["genesis.json", "federation-key-\(ward).json"] {
      try FileManager.default.copyItem(atPath: founding + "/" + name, toPath: folder.file(ward) + "/" + name)
    }
    return FederationFolder(folder.file(ward))
  }

  static func seed(_ ward: String, in folder: TemporaryDirectory) throws -> String {
    let data = try Data(contentsOf: URL(fileURLWithPath: folder.file(ward) + "/authority-\(ward).json"))
    return try AuthorityCard(data).record { nil }.seed
  }

  @Test func `23 public keys make a federation whose nodes understand each other, and no seed leaves its ward`()
    async throws
  {
    let folder = TemporaryDirectory()
    let topology = LinkTests.topology
    try Self.papers(in: folder, topology)
    let founding = folder.file("founding")
    let identity = try FederationFolder(founding).found(topology, papersIn: folder.file("all"), drill: false)
    #expect(identity.genesis.wards.count == topology.wards.count && !identity.genesis.drill)
    for place in ["all", "founding"] {
      for name in try FileManager.default.contentsOfDirectory(atPath: folder.file(place)) {
        let text = try String(contentsOfFile: folder.file(place) + "/" + name, encoding: .utf8)
        for ward in topology.wards {
          #expect(try !text.contains(Self.seed(ward.code, in: folder)), "\(place)/\(name) holds \(ward.code)'s seed")
        }
      }
    }
    var tags: Set<[UInt8]> = []
    for ward in ["13113", "13121"] {
      let papers = try Self.hand(ward, from: founding, in: folder)
      #expect(try papers.join(ward: ward).id == identity.id)
      let node = NodeDirectory(folder.file("node-" + ward))
      try node.save(papers.enrol(node.makeKey().publicKey, ward: ward))
      let keyring = try node.identity().keyring
      tags.insert(try #require(keyring[Keyring.federationKeyID]).tag("same", []))
      let core = try NodeCore(directory: node, schema: NodeSchema.current, log: LinkTests.log)
      try await LinkTests.add("創設の後", to: core)
      try await core.close()
    }
    #expect(tags.count == 1, "one federation key")
    // Another ward's card, and another ward's key, join nothing.
    let stray = FederationFolder(folder.file("13101"))
    for (name, from) in [("genesis.json", "genesis.json"), ("federation-key-13101.json", "federation-key-13102.json")] {
      try FileManager.default.copyItem(atPath: founding + "/" + from, toPath: folder.file("13101") + "/" + name)
    }
    #expect(throws: FederationError.malformedPaper("13101")) { try stray.join(ward: "13101") }
  }

  @Test func `a paper that is missing, altered, another's, or there twice is named, and nothing is founded`() throws {
    let folder = TemporaryDirectory()
    let topology = LinkTests.topology
    try Self.papers(in: folder, topology)
    let (all, founding) = (folder.file("all"), FederationFolder(folder.file("founding")))
    let file = all + "/13113.public.json"
    let paper = try String(contentsOfFile: file, encoding: .utf8)
    func found() throws { _ = try founding.found(topology, papersIn: all, drill: false) }
    try FileManager.default.removeItem(atPath: file)
    #expect {
      try found()
    } throws: {
      ($0 as? OperatorFailure)?.english.contains("13113") == true
    }
    try paper.replacing("13113", with: "13112").write(toFile: file, atomically: true, encoding: .utf8)
    #expect(throws: FederationError.malformedPaper("13112")) { try found() }
    try paper.replacing("13113", with: "99999").write(toFile: file, atomically: true, encoding: .utf8)
    #expect(throws: FederationError.unknownWard("99999")) { try found() }
    try paper.write(toFile: file, atomically: true, encoding: .utf8)
    try paper.write(toFile: all + "/again.public.json", atomically: true, encoding: .utf8)
    #expect(throws: FederationError.malformedPaper("13113")) { try found() }
    #expect(!founding.exists)
    try FileManager.default.removeItem(atPath: all + "/again.public.json")
    try found()
    #expect(throws: DirectoryError.self) { try found() }
  }

  @Test
  func `an authority that was locked when it was made enrols nobody without its passphrase, nor before it has joined`()
    throws
  {
    let folder = TemporaryDirectory()
    let topology = LinkTests.topology
    try Self.papers(in: folder, topology)
    let card = folder.file("13113") + "/authority-13113.json"
    for name in try FileManager.default.contentsOfDirectory(atPath: folder.file("13113")) {
      try FileManager.default.removeItem(atPath: folder.file("13113") + "/" + name)
    }
    let words = "あめんぼあかいなあいうえおかきのき"
    #expect(throws: FederationError.shortPassphrase) {
      try FederationFolder.makeAuthority(of: "13113", on: card, passphrase: "短い")
    }
    #expect(!FileManager.default.fileExists(atPath: card))
    let (_, file) = try FederationFolder.makeAuthority(of: "13113", on: card, passphrase: words)
    try FileManager.default.removeItem(atPath: folder.file("all") + "/13113.public.json")
    try FileManager.default.copyItem(atPath: file, toPath: folder.file("all") + "/13113.public.json")
    let founding = folder.file("founding")
    _ = try FederationFolder(founding).found(topology, papersIn: folder.file("all"), drill: false)
    let node = NodeDirectory(folder.file("node"))
    let key = try node.makeKey().publicKey
    try FileManager.default.copyItem(atPath: founding + "/genesis.json", toPath: folder.file("13113") + "/genesis.json")
    #expect(throws: FederationError.wrongPassphrase) {
      try FederationFolder(folder.file("13113")).enrol(key, ward: "13113")
    }
    let papers = FederationFolder(folder.file("13113")) { words }
    #expect(throws: FederationError.notJoined("13113")) { try papers.enrol(key, ward: "13113") }
    try FileManager.default.copyItem(
      atPath: founding + "/federation-key-13113.json", toPath: folder.file("13113") + "/federation-key-13113.json")
    try node.save(papers.enrol(key, ward: "13113"))
    #expect(try node.identity().ward.code == "13113")
    // It is on the card now, which is locked as before.
    try FileManager.default.removeItem(atPath: folder.file("13113") + "/federation-key-13113.json")
    let second = NodeDirectory(folder.file("second"))
    try second.save(papers.enrol(second.makeKey().publicKey, ward: "13113"))
    #expect(try AuthorityCard(Data(contentsOf: URL(fileURLWithPath: card))).isLocked)
  }
}
