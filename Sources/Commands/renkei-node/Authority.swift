import ArgumentParser
import Foundation
import NodeService
import Terminal

struct AuthorityCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "authority",
    abstract: Language.pick("区の認証局。金庫のカードに入れておく鍵。", "A ward's authority: the key on a card in a safe."),
    subcommands: [Make.self, Join.self, Lock.self, RenewKeys.self, Replace.self])

  /// The founding papers; a locked card's passphrase is asked for, or read from standard input.
  static func papers(_ path: String) -> FederationFolder {
    let passphrase = Passphrase()
    return FederationFolder(path) { try passphrase.ask() }
  }

  struct Make: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: Language.pick(
        "区の認証局を作る。秘密はこのカードだけにあります。", "Make a ward's authority: its secret is on this card alone."),
      discussion: Language.pick(
        """
        区が、網から離れた自分の機械で行います。合い言葉は画面で尋ね、端末でなければ標準入力から読みます。横にできる
        *.public.json に秘密はありません。これを持ち寄って renkei-node found で連合を作ります。
        """,
        """
        Each ward does it on a machine of its own, away from any network. The passphrase is asked for, or read from standard
        input. No secret is in the *.public.json beside it: the wards bring theirs together for `renkei-node found`.
        """))
    @Option(help: ArgumentHelp(Language.pick("区コード。", "The ward's code."))) var ward: String
    @Option(
      help: ArgumentHelp(
        Language.pick(
          "書き出すカード(例 /media/card/authority-13113.json)。", "The card to write, such as /media/card/authority-13113.json."
        )))
    var out: String
    @Flag(help: ArgumentHelp(Language.pick("鍵をかけない。訓練だけのために。", "Leave the card open: for a drill alone."))) var open =
      false
    @OptionGroup var wards: TopologyOptions
    @Flag(help: ArgumentHelp(Language.pick("プログラム用に JSON を一つ出す。", "Print one JSON object for programs."))) var json =
      false

    func run() async throws {
      guard try wards.chosen().0.ward(ward) != nil else {
        throw OperatorFailure(2, ja: "地域構成にない区です: \(ward)", en: "no ward of the topology: \(ward)")
      }
      let passphrase = open ? nil : try Secret.ask("新しい合い言葉", "New passphrase")
      let (paper, file) = try FederationFolder.makeAuthority(of: ward, on: out, passphrase: passphrase)
      guard !json else {
        return print(
          String(
            decoding: try JSONEncoder().encode(["card": out, "key": paper.key, "public": file, "ward": ward]),
            as: UTF8.self))
      }
      Language.say(
        "\(ward) の認証局を作りました: \(out)\n持ち寄るファイル: \(file)\n公開鍵(読み合わせ用): \(paper.key)",
        "made the authority of \(ward): \(out)\nto be brought together: \(file)\npublic key, to be read aloud: \(paper.key)"
      )
    }
  }

  struct Join: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: Language.pick(
        "作られた連合に、区の認証局を加える。", "Let a ward's authority join the federation that was founded."),
      discussion: Language.pick(
        """
        カード authority-CODE.json のあるフォルダに、genesis.json と federation-key-CODE.json を置いてから行います。genesis に
        この認証局の公開鍵があることを確かめ、連合の鍵をカードに収めます。示される連合の番号を、ほかの区と読み合わせます。
        """,
        """
        With genesis.json and federation-key-CODE.json in the folder of the card, authority-CODE.json. Sees that the genesis
        names this authority's public key, and keeps the federation's key on the card. Read the federation's number aloud with
        the other wards: it has to be one.
        """))
    @Option(help: ArgumentHelp(Language.pick("認証局のあるフォルダ。", "Where the authority lies."))) var federation: String
    @Option(help: ArgumentHelp(Language.pick("区コード。", "The ward's code."))) var ward: String

    func run() async throws {
      let identity = try AuthorityCommand.papers(federation).join(ward: ward)
      Language.say(
        "\(ward) の認証局が連合に加わりました: \(identity.id.bytes.hexadecimalText)",
        "the authority of \(ward) joined the federation \(identity.id.bytes.hexadecimalText)")
    }
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

struct Found: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: Language.pick(
      "区の認証局が持ち寄った公開鍵から、連合を作る。秘密は要りません。",
      "Found the federation from the public keys that the wards' authorities bring: no secret is needed."),
    discussion: Language.pick(
      """
        各区で:   renkei-node authority make --ward 13113 --out CARD/authority-13113.json
        一か所で: renkei-node found --authorities 持ち寄ったフォルダ --out F
        各区で:   F の genesis.json と federation-key-13113.json を CARD に写し、
                  renkei-node authority join --federation CARD --ward 13113
        ノードで: renkei-node enrol request、CARD の場所で enrol sign、ノードで enrol accept
      """,
      """
        in each ward: renkei-node authority make --ward 13113 --out CARD/authority-13113.json
        in one place: renkei-node found --authorities FOLDER-OF-ALL --out F
        in each ward: copy F's genesis.json and federation-key-13113.json to CARD, then
                      renkei-node authority join --federation CARD --ward 13113
        for a node:   renkei-node enrol request; where CARD is, enrol sign; on the node, enrol accept
      """))
  @Option(help: ArgumentHelp(Language.pick("区の *.public.json を集めたフォルダ。", "A folder with the wards' *.public.json.")))
  var authorities: String
  @Option(
    help: ArgumentHelp(Language.pick("genesis などを書き出すフォルダ。", "Where the genesis and the sealed keys are written.")))
  var out: String
  @OptionGroup var wards: TopologyOptions
  @Flag(
    help: ArgumentHelp(
      Language.pick(
        "訓練の連合にする。本番の連合には決して混ざりません。", "A federation for a drill: nothing of it can ever enter the real one.")))
  var drill = false

  func run() async throws {
    let wards = try self.wards.chosen().0
    let identity = try FederationFolder(out).found(wards, papersIn: authorities, drill: drill)
    let id = identity.id.bytes.hexadecimalText
    Language.say(
      "\(wards.wards.count) 区の連合を作りました: \(out)\n連合の番号(読み合わせ用): \(id)\ngenesis.json は全区に、federation-key-CODE.json はその区に渡してください",
      "founded a federation of \(wards.wards.count) wards: \(out)\nits number, to be read aloud: \(id)\ngive genesis.json to all wards, and each its federation-key-CODE.json"
    )
  }
}
