import ArgumentParser
import Federation
import Foundation
import NodeService
import Sodium
import Terminal

struct Init: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: Language.pick(
      "区のノードを作る。連合がなければ、それも作る。", "Make a node of a ward, and its federation if there is none yet."),
    discussion: Language.pick(
      """
      連合の創設書類(genesis と各区の認証局)は --federation に置きます。省けばノードの横の federation フォルダです。
      最初の init が訓練のために作ります: 全区の認証局が、鍵なしで一つのフォルダにあります。後の init はそこに登録します。
      本番では各区が authority make で認証局を作って網から離し、found で連合を作り、enrol request、enrol sign、enrol accept で登録します。
      """,
      """
      The federation's founding papers (genesis, and an authority for each ward) lie in --federation, by default a
      folder `federation` beside the node's. The first `init` makes them, for a drill: the authorities of all wards lie in
      one folder, not locked. Later ones enrol their node there. In earnest each ward makes its authority with
      `authority make` and keeps it offline; `found` makes the federation; `enrol request`, `sign` and `accept` its nodes.
      """))

  @Option(help: ArgumentHelp(Language.pick("区コード: JIS X 0402 の 5 桁。", "The ward's code: five digits of JIS X 0402.")))
  var ward: String
  @Option(help: ArgumentHelp(Language.pick("ノードのフォルダ。なければ作ります。", "The node's folder; made when it is not there.")))
  var data: String
  @OptionGroup var wards: TopologyOptions
  @Option(help: ArgumentHelp(Language.pick("連合の創設書類のあるフォルダ。", "Where the founding papers lie."))) var federation:
    String?
  @OptionGroup var https: HTTPSOptions
  @Flag(
    help: ArgumentHelp(
      Language.pick(
        "訓練の連合にする。本番の連合には決して混ざりません。", "A federation for a drill: nothing of it can ever enter the real one.")))
  var drill = false
  @Flag(help: ArgumentHelp(Language.pick("プログラム用に JSON を一つ出す。", "Print one JSON object for programs."))) var json =
    false

  func run() async throws {
    let (wards, text) = try self.wards.chosen()
    guard let chosen = wards.ward(ward) else {
      throw OperatorFailure(2, ja: "地域構成にない区です: \(ward)", en: "no ward of the topology: \(ward)")
    }
    let directory = NodeDirectory(data)
    guard !directory.isEnrolled else { throw OperatorFailure.describing(DirectoryError.alreadyANode(path: data)) }
    let papers = AuthorityCommand.papers(
      federation ?? URL(fileURLWithPath: data).deletingLastPathComponent().path + "/federation")
    if !papers.exists {
      try papers.found(wards, drill: drill)
      let text = Language.pick(
        "訓練のための連合です。全区の認証局が \(papers.path) に鍵なしであり、読める人はどの区にもなれます。本番では renkei-node authority make と found を使います",
        "a federation for drills: the authorities of all wards lie in \(papers.path), not locked, and whoever reads them can be any ward. In earnest use renkei-node authority make, and found"
      )
      FileHandle.standardError.write(Data("renkei-node: \(text)\n".utf8))
    }
    try Session.keepPrivate(directory)
    let key = try directory.makeKey()
    let card = try papers.enrol(key.publicKey, ward: ward)
    try TopologyFile.save(text, in: data)
    try directory.save(card)
    let identity = try directory.identity()
    let id = identity.federation.id.bytes.prefix(8).hexadecimalText
    let authority = HTTPSCertificate(directory: directory)
    try authority.makeAuthority(names: https.hostNames)
    let (code, fingerprint) = (try FirstCode(directory: directory).make(), try authority.fingerprint())
    if json {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
      let result = [
        "data": data, "federation": id, "node": "\(identity.certificate.node)", "ward": ward,
        "firstAdministratorCode": code, "httpsAuthority": authority.authorityFile, "httpsFingerprint": fingerprint,
      ]
      print(String(decoding: try encoder.encode(result), as: UTF8.self))
    } else {
      Language.say(
        "\(chosen.name)のノードを作りました: \(data)(連合 \(id)、機番 \(identity.certificate.node.serial))",
        "made a node of \(chosen.romaji) City: \(data) (federation \(id), serial \(identity.certificate.node.serial))")
      Language.say(
        """
        最初の管理者を登録するためのコード(一度だけ使えます): \(code)
        端末に信頼させる証明書: \(authority.authorityFile)
        その指紋(SHA-256): \(fingerprint)
        """,
        """
        code for the first administrator (works once): \(code)
        certificate for devices to trust: \(authority.authorityFile)
        its fingerprint (SHA-256): \(fingerprint)
        """)
    }
  }
}

/// By which names browsers will call a node: its HTTPS authority is made for them.
struct HTTPSOptions: ParsableArguments {
  @Option(
    name: .customLong("host-name"),
    help: ArgumentHelp(
      Language.pick(
        "ブラウザーがこのノードを呼ぶ名前や番地。何度でも書けます。HTTPS の認証局が署名できるのは、これと、この機械の番地、その網、.local だけです。",
        "A name or address by which browsers will call this node. May be given many times. Its HTTPS authority signs for these, this machine's addresses and networks, and .local alone."
      ))) var hostNames: [String] = []
}

extension FileManager {
  func write(_ data: Data, to path: String) throws {
    guard createFile(atPath: path, contents: data) else {
      throw OperatorFailure(2, ja: "書き込めません: \(path)", en: "cannot write: \(path)")
    }
  }
}

extension Sequence<UInt8> {
  var hexadecimalText: String { Array(self).hexadecimal }
}
