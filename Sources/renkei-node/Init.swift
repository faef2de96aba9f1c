import ArgumentParser
import Federation
import Foundation
import NodeService
import Sodium
import Terminal

struct Init: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Make a node of a ward, and its federation if there is none yet.",
    discussion: """
      The federation's founding papers (genesis, and an authority for each ward) lie in --federation, by default a
      folder `federation` beside the node's. The first `init` makes them; later ones enrol their node there. In
      earnest, wards keep their authority offline, and enrol with `enrol request`, `enrol sign` and `enrol accept`.
      """)

  @Option(help: "The ward's code: five digits of JIS X 0402.") var ward: String
  @Option(help: "The node's folder; made when it is not there.") var data: String
  @Option(help: "The wards and their links.") var topology = "Topology/tokyo23.yaml"
  @Option(help: "Where the founding papers lie.") var federation: String?
  @Flag(help: "A federation for a drill: nothing of it can ever enter the real one.") var drill = false
  @Flag(help: "Print one JSON object for programs.") var json = false

  func run() async throws {
    let wards = try TopologyFile.read(topology)
    guard let chosen = wards.ward(ward) else {
      throw OperatorFailure(2, ja: "地域構成にない区です: \(ward)", en: "no ward of the topology: \(ward)")
    }
    let directory = NodeDirectory(data)
    guard !directory.isEnrolled else { throw OperatorFailure.describing(DirectoryError.alreadyANode(path: data)) }
    let papers = FederationFolder(
      federation ?? URL(fileURLWithPath: data).deletingLastPathComponent().path + "/federation")
    if !papers.exists { try papers.found(wards, drill: drill) }
    let key = try directory.makeKey()
    let card = try papers.enrol(key.publicKey, ward: ward)
    try FileManager.default.copyFile(topology, to: data + "/topology.yaml")
    try directory.save(card)
    let identity = try directory.identity()
    let id = identity.federation.id.bytes.prefix(8).hexadecimalText
    let https = HTTPSCertificate(directory: directory)
    try https.makeAuthority()
    let (code, fingerprint) = (try FirstCode(directory: directory).make(), try https.fingerprint())
    if json {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
      let result = [
        "data": data, "federation": id, "node": "\(identity.certificate.node)", "ward": ward,
        "firstAdministratorCode": code, "httpsAuthority": https.authorityFile, "httpsFingerprint": fingerprint,
      ]
      print(String(decoding: try encoder.encode(result), as: UTF8.self))
    } else {
      Language.say(
        "\(chosen.name)のノードを作りました: \(data)(連合 \(id)、機番 \(identity.certificate.node.serial))",
        "made a node of \(chosen.romaji) City: \(data) (federation \(id), serial \(identity.certificate.node.serial))")
      Language.say(
        """
        最初の管理者を登録するためのコード(一度だけ使えます): \(code)
        端末に信頼させる証明書: \(https.authorityFile)
        その指紋(SHA-256): \(fingerprint)
        """,
        """
        code for the first administrator (works once): \(code)
        certificate for devices to trust: \(https.authorityFile)
        its fingerprint (SHA-256): \(fingerprint)
        """)
    }
  }
}

struct Enrol: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Enrol a node with an authority that is kept elsewhere, by files on a card.",
    discussion: """
        on the node:           renkei-node enrol request --data DIR REQUEST
        where the authority is: renkei-node enrol sign --federation DIR --ward 13113 REQUEST CARD
        on the node:           renkei-node enrol accept --data DIR CARD
      """,
    subcommands: [Request.self, Sign.self, Accept.self])

  struct Request: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Make the node's key, and a request to carry to the authority.")
    @Option(help: "The node's folder; made when it is not there.") var data: String
    @Argument(help: "The file to write.") var request: String

    func run() async throws {
      let key = try NodeDirectory(data).makeKey()
      try FileManager.default.write(Data((key.publicKey.bytes.hexadecimalText + "\n").utf8), to: request)
      Language.say("申請書を書きました: \(request)", "wrote the request: \(request)")
    }
  }

  struct Sign: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Sign a request with a ward's authority: the answer is the node's card.")
    @Option(help: "Where the founding papers lie.") var federation: String
    @Option(help: "The ward's code.") var ward: String
    @Argument(help: "The request.") var request: String
    @Argument(help: "The card to write.") var card: String

    func run() async throws {
      let text = FileManager.default.contents(atPath: request).map { String(decoding: $0, as: UTF8.self) } ?? ""
      guard let bytes = [UInt8](hexadecimal: text.trimmingCharacters(in: .whitespacesAndNewlines)),
        let key = PublicKey(bytes)
      else { throw OperatorFailure(2, ja: "申請書ではありません: \(request)", en: "not a request: \(request)") }
      let signed = try FederationFolder(federation).enrol(key, ward: ward)
      try FileManager.default.write(JSONEncoder().encode(signed), to: card)
      Language.say("カードを書きました: \(card)", "wrote the card: \(card)")
    }
  }

  struct Accept: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Take the card that the authority made for this node.")
    @Option(help: "The node's folder.") var data: String
    @Option(help: "The wards and their links.") var topology = "Topology/tokyo23.yaml"
    @Argument(help: "The card.") var card: String

    func run() async throws {
      let directory = NodeDirectory(data)
      guard let file = FileManager.default.contents(atPath: card),
        let card = try? JSONDecoder().decode(EnrolmentCard.self, from: file)
      else { throw OperatorFailure(2, ja: "カードを読めません: \(card)", en: "not a card: \(card)") }
      _ = try TopologyFile.read(topology)
      // Opened before it is kept: a card for another node's key is refused here.
      let identity = try NodeIdentity(card, key: directory.key())
      try FileManager.default.copyFile(topology, to: data + "/topology.yaml")
      try directory.save(card)
      let https = HTTPSCertificate(directory: directory)
      try https.makeAuthority()
      let (code, fingerprint) = (try FirstCode(directory: directory).make(), try https.fingerprint())
      Language.say(
        "\(identity.ward.name)のノードになりました。最初の管理者のコード: \(code)、証明書の指紋: \(fingerprint)",
        "this is a node of \(identity.ward.romaji) City now; code for the first administrator: \(code); certificate: \(fingerprint)"
      )
    }
  }
}

extension FileManager {
  func copyFile(_ source: String, to target: String) throws {
    guard let data = contents(atPath: source) else {
      throw OperatorFailure(2, ja: "読めません: \(source)", en: "cannot read: \(source)")
    }
    try write(data, to: target)
  }

  func write(_ data: Data, to path: String) throws {
    guard createFile(atPath: path, contents: data) else {
      throw OperatorFailure(2, ja: "書き込めません: \(path)", en: "cannot write: \(path)")
    }
  }
}

extension Sequence<UInt8> {
  var hexadecimalText: String { Array(self).hexadecimal }
}
