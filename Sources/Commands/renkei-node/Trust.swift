import ArgumentParser
import Federation
import Foundation
import NodeService
import Terminal

struct Revoke: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: Language.pick(
      "区のノードを失効させる。盗まれた、失われた、もう使わないとき。", "Revoke a node of a ward: stolen, lost, or no longer used."),
    discussion: Language.pick(
      """
      このノードが知っている相手の記録は有効なままです。その後に相手が書くものは、届く順にかかわらず、すべてのノードで無効です。
      切り離されたノードでも使えます。失効は、線でもカードでも伝わります。
      ここに届いていて無効になったものは取り置かれます: renkei-node set-aside
      """,
      """
      What this node knows of the other's logs stays valid; what it writes after that is void on every node, whatever the
      order of arrival. Works on a node that is cut off: the revocation travels by links and by cards alike.
      What had come here and is void then is kept apart: `renkei-node set-aside`.
      """))
  @OptionGroup var options: NodeOptions
  @Option(help: ArgumentHelp(Language.pick("区の認証局のあるフォルダ。", "Where the ward's authority lies."))) var federation: String
  @Option(
    help: ArgumentHelp(
      Language.pick("ノード: 区コードと番号(例 13113-2)。", "The node: its ward's code and its number, such as 13113-2.")))
  var node: String
  @Option(help: ArgumentHelp(Language.pick("理由。誰でも読めます。", "Why, for everybody to read."))) var reason: String
  @Flag(help: ArgumentHelp(Language.pick("確認を尋ねない(スクリプト用)。", "Do not ask: for scripts."))) var yes = false

  /// One node, by its name.
  static func node(_ text: String, in identity: FederationIdentity) throws -> NodeName {
    guard let name = NodeName(text, in: identity) else {
      throw OperatorFailure(
        2, ja: "ノードは「13113-2」か「渋谷区-2」のように書きます: \(text)",
        en: "a node is written like 13113-2 or Shibuya-2, not: \(text)")
    }
    return name
  }

  /// Nobody takes a revocation back.
  private func confirm(_ name: NodeName) throws {
    guard !yes else { return }
    guard isatty(STDIN_FILENO) == 1 else {
      throw OperatorFailure(
        2, ja: "失効は取り消せません。端末で行うか、--yes を付けてください",
        en: "a revocation is for ever: do it at a terminal, or with --yes")
    }
    Language.say(
      "\(name)を失効すると、取り消せません。このノードがまだ受け取っていない\(name)の記録は、すべてのノードで無効になります。\n続けるには \(name) と打ってください:",
      "revoking \(name) is for ever: what it wrote and this node has not received is void on every node.\nType \(name) to go on:"
    )
    guard readLine() == "\(name)" else { throw OperatorFailure(1, ja: "失効していません", en: "nothing was revoked") }
  }

  func run() async throws {
    let folder = AuthorityCommand.papers(federation)
    let name = try Self.node(node, in: folder.identity())
    try confirm(name)
    var quiet = options
    quiet.json = false
    let known = try await Session.perform(.knownCut(of: name), quiet, as: CutResult.self)
    let number = try name.number(in: folder.identity())
    let revocation = try folder.revoke(number, ward: name.ward, cut: known.cut(of: number))
    let result = try await Session.perform(
      .revoke(statement: revocation.bytes.hexadecimalText, reason: reason), options, as: RevokeResult.self)
    // Only the ward's own nodes can say its new keys.
    let own = try await Session.perform(.wardNodes, quiet, as: WardNodes.self)
    let renewed = own.ward == name.ward ? try await AuthorityCommand.RenewKeys.renew(folder, quiet) : nil
    guard !options.json else { return }
    defer {
      if let renewed {
        AuthorityCommand.RenewKeys.say(renewed)
      } else {
        Language.say(
          "\(name.ward)のノードで renkei-node authority renew-keys を行ってください。盗まれた鍵で、この後の記録が読まれないようにします",
          "now run `renkei-node authority renew-keys` on a node of \(name.ward): the stolen keys must not open what comes"
        )
      }
    }
    Language.say(
      "\(name)を失効しました。無効になって取り置いた変更セット: \(result.setAside)",
      "revoked \(name); change sets that are void now and kept apart: \(result.setAside)")
  }
}

struct SetAside: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: Language.pick(
      "失効や分岐で、ここの記録から取り置かれたものを見て、正しいものを引き取る。",
      "See what was cut out of the logs here, after a revocation or a fork, and adopt what is true."),
    subcommands: [List.self, Adopt.self], defaultSubcommand: List.self)

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: Language.pick("取り置かれた変更記録の一覧。", "The change sets that are kept apart."))
    @OptionGroup var options: NodeOptions

    func run() async throws {
      let result = try await Session.perform(.setAside, options, as: SetAsideResult.self)
      guard !options.json else { return }
      if result.branches.isEmpty { Language.say("取り置きはありません", "nothing is set aside") }
      for branch in result.branches {
        Language.say(
          "\(branch.lane) \(branch.author)（\(branch.ward ?? "?")）: \(branch.first) から \(branch.changeSets) 件、\(branch.revoked ? "失効" : "分岐")",
          "\(branch.lane) \(branch.author) (\(branch.ward ?? "?")): \(branch.changeSets) from \(branch.first), \(branch.revoked ? "revoked" : "a fork")"
        )
      }
    }
  }

  struct Adopt: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: Language.pick(
        "取り置かれた記録の内容を、このノードの言葉として言い直す。",
        "Say again, as this node's own word, what the change sets of a log said that are kept apart."))
    @OptionGroup var options: NodeOptions
    @Argument(help: ArgumentHelp(Language.pick("一覧に出るレーン。", "The lane, as the list shows it."))) var lane: String
    @Argument(help: ArgumentHelp(Language.pick("一覧に出る書き手。", "The author, as the list shows it."))) var author: String

    func run() async throws {
      let result = try await Session.perform(.adopt(lane: lane, author: author), options, as: AdoptResult.self)
      guard !options.json else { return }
      Language.say(
        "変更セット \(result.changeSets) 件、編集 \(result.edits) 件を採用しました。在庫の出し入れ \(result.left) 件は数え直してください",
        "adopted \(result.edits) edits in \(result.changeSets) change sets; \(result.left) stock movements are to be counted anew"
      )
    }
  }
}
