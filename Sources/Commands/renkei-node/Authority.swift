import ArgumentParser
import Foundation
import NodeService
import Terminal

struct AuthorityCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "authority",
    abstract: Language.pick("区の認証局。金庫のカードに入れておく鍵。", "A ward's authority: the key on a card in a safe."),
    subcommands: [Lock.self, RenewKeys.self, Replace.self])

  /// The founding papers; a locked card's passphrase is asked for, or read from standard input.
  static func papers(_ path: String) -> FederationFolder {
    let passphrase = Passphrase()
    return FederationFolder(path) { try passphrase.ask() }
  }

  struct Lock: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: Language.pick("認証局カードに合い言葉で鍵をかける。掛け替えもこれで。", "Lock a ward's card by a passphrase, or by another one."),
      discussion: Language.pick(
        """
        合い言葉は画面で尋ね、端末でなければ標準入力から読みます。すでに鍵のあるカードでは、まず今の合い言葉を尋ねます。
        鍵なしで置かれていた媒体には跡が残りえます。新しい媒体に作り、古いものは壊してください。
        """,
        """
        The passphrase is asked for, or read from standard input: of a locked card, first the one that it has. What lay open
        on a medium before may still be found there: make the card on a new one, and destroy the old.
        """))
    @Option(help: ArgumentHelp(Language.pick("認証局のあるフォルダ。", "Where the authority lies."))) var federation: String
    @Option(help: ArgumentHelp(Language.pick("区コード。", "The ward's code."))) var ward: String

    func run() async throws {
      let papers = AuthorityCommand.papers(federation)
      try papers.lock(ward: ward) { try Secret.ask("新しい合い言葉", "New passphrase") }
      Language.say("カードに鍵をかけました: \(ward)", "locked the card of \(ward)")
    }
  }

  struct RenewKeys: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: Language.pick(
        "区の閲覧鍵を、失効していない区のノードのために作り直す。",
        "Make the ward's audience keys anew, for the nodes of the ward that are not revoked."),
      discussion: Language.pick(
        """
        区のノードでの revoke は、これを自動で行います。これから封じるものは、古い鍵では開けません。
        宣言で見せていた他区は、新しいものを見るために宣言し直します。
        """,
        """
        `revoke` does this by itself on a node of the ward. What is sealed from now on, the old keys do not open. Another ward
        that a declaration let in holds its declaration again to see what is new.
        """))
    @OptionGroup var options: NodeOptions
    @Option(help: ArgumentHelp(Language.pick("区の認証局のあるフォルダ。", "Where the ward's authority lies."))) var federation:
      String

    func run() async throws {
      let result = try await Self.renew(AuthorityCommand.papers(federation), options)
      guard !options.json else { return }
      Self.say(result)
    }

    static func renew(_ papers: FederationFolder, _ options: NodeOptions) async throws -> RenewKeysResult {
      var quiet = options
      quiet.json = false
      let staying = try await Session.perform(.wardNodes, quiet, as: WardNodes.self)
      let renewal = try papers.renewKeys(
        of: staying.ward, for: staying.nodes(in: papers.identity()), above: staying.generation)
      return try await Session.perform(.renewKeys(renewal), options, as: RenewKeysResult.self)
    }

    static func say(_ result: RenewKeysResult) {
      Language.say(
        "\(result.ward)の鍵を第 \(result.generation) 世代に替えました(ノード \(result.nodes) 台)",
        "keys of \(result.ward): generation \(result.generation), for \(result.nodes) nodes")
    }
  }
}
