import ArgumentParser
import Causality
import Federation
import Foundation
import NodeService
import Sodium
import Terminal

struct Enrol: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: Language.pick(
      "別の場所にある認証局に、カードのファイルでノードを登録する。", "Enrol a node with an authority that is kept elsewhere, by files on a card."),
    discussion: Language.pick(
      """
        ノードで:       renkei-node enrol request --data DIR REQUEST
        認証局の場所で: renkei-node enrol sign --federation DIR --ward 13113 REQUEST CARD
        ノードで:       renkei-node enrol accept --data DIR CARD

      登録済みのノードの証明書を更新し、区の鍵をすべて渡すのも、同じ三つの手順です。
      別の区へ移す機械は、別のノードになります。新しいフォルダで移る先の区の認証局に登録し、
      元のノードは、最後の変更が伝わり終えてから失効させます。
      """,
      """
        on the node:           renkei-node enrol request --data DIR REQUEST
        where the authority is: renkei-node enrol sign --federation DIR --ward 13113 REQUEST CARD
        on the node:           renkei-node enrol accept --data DIR CARD

      The same three steps renew the certificate of a node that is enrolled, and bring it all of its ward's keys. A
      machine that moves to another ward becomes another node: enrol it in a new folder with that ward's authority, and
      revoke the old node once its last change sets have been passed on.
      """),
    subcommands: [Request.self, Sign.self, Accept.self])

  struct Request: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: Language.pick("ノードの鍵と、認証局へ運ぶ願いを作る。", "Make the node's key, and a request to carry to the authority."))
    @Option(help: ArgumentHelp(Language.pick("ノードのフォルダ。なければ作ります。", "The node's folder; made when it is not there.")))
    var data: String
    @Argument(help: ArgumentHelp(Language.pick("書き出すファイル。", "The file to write."))) var request: String

    func run() async throws {
      let directory = NodeDirectory(data)
      try Session.keepPrivate(directory)
      let asked = EnrolmentRequest(
        key: try directory.makeKey().publicKey,
        renewing: directory.isEnrolled ? try directory.identity().certificate.bytes : nil)
      try FileManager.default.write(Data(asked.text.utf8), to: request)
      Language.say("申請書を書きました: \(request)", "wrote the request: \(request)")
    }
  }

  struct Sign: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: Language.pick(
        "願いに区の認証局で署名する。できるのはノードのカードです。", "Sign a request with a ward's authority: the answer is the node's card."))
    @Option(help: ArgumentHelp(Language.pick("連合の創設書類のあるフォルダ。", "Where the founding papers lie."))) var federation:
      String
    @Option(help: ArgumentHelp(Language.pick("区コード。", "The ward's code."))) var ward: String
    @Option(
      help: ArgumentHelp(
        Language.pick("証明書の有効年数。省けば期限なし。", "How many years the certificate holds; without an end when not given.")))
    var years: Int?
    @Argument(help: ArgumentHelp(Language.pick("願いのファイル。", "The request."))) var request: String
    @Argument(help: ArgumentHelp(Language.pick("書き出すカード。", "The card to write."))) var card: String

    func run() async throws {
      guard years.map((1...100).contains) ?? true else {
        throw OperatorFailure(2, ja: "年数は 1 から 100 までです", en: "between 1 and 100 years")
      }
      let text = FileManager.default.contents(atPath: request).map { String(decoding: $0, as: UTF8.self) } ?? ""
      guard let asked = EnrolmentRequest(text) else {
        throw OperatorFailure(2, ja: "申請書ではありません: \(request)", en: "not a request: \(request)")
      }
      let papers = AuthorityCommand.papers(federation)
      let end = years.map { Instant.now().advanced(byMilliseconds: Int64($0) * 31_556_952_000) }
      let signed = try papers.sign(asked, ward: ward, validUntil: end)
      try FileManager.default.write(JSONEncoder().encode(signed), to: card)
      Language.say("カードを書きました: \(card)", "wrote the card: \(card)")
    }
  }

  struct Accept: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: Language.pick("認証局が作ったカードを取り込む。", "Take the card that the authority made for this node."))
    @Option(help: ArgumentHelp(Language.pick("ノードのフォルダ。", "The node's folder."))) var data: String
    @OptionGroup var wards: TopologyOptions
    @OptionGroup var https: HTTPSOptions
    @Argument(help: ArgumentHelp(Language.pick("カードのファイル。", "The card."))) var card: String

    func run() async throws {
      let directory = NodeDirectory(data)
      guard let file = FileManager.default.contents(atPath: card),
        let card = try? JSONDecoder().decode(EnrolmentCard.self, from: file)
      else { throw OperatorFailure(2, ja: "カードを読めません: \(card)", en: "not a card: \(card)") }
      try Session.keepPrivate(directory)
      guard !directory.isEnrolled else {
        try directory.renew(card)
        return Language.say(
          "証明書を更新しました。ノードを動かし直すと、ほかのノードに伝わります",
          "the certificate is renewed; the other nodes hear of it when this one is started again")
      }
      let (_, text) = try wards.chosen()
      // Opened before it is kept: a card for another node's key is refused here.
      let identity = try NodeIdentity(card, key: directory.key())
      try TopologyFile.save(text, in: data)
      try directory.save(card)
      let authority = HTTPSCertificate(directory: directory)
      try authority.makeAuthority(names: https.hostNames)
      let (code, fingerprint) = (try FirstCode(directory: directory).make(), try authority.fingerprint())
      Language.say(
        "\(identity.ward.name)のノードになりました。最初の管理者のコード: \(code)、証明書の指紋: \(fingerprint)",
        "this is a node of \(identity.ward.romaji) City now; code for the first administrator: \(code); certificate: \(fingerprint)"
      )
    }
  }
}
