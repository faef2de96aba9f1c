import ArgumentParser
import Federation
import Foundation
import NodeService
import Sodium
import Terminal

struct Backup: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: Language.pick(
      "動いたまま、今のデータベースを、封をした新しいファイルに写す。",
      "Write the node's database as it is now into a new, sealed file, while the node serves."),
    discussion: Language.pick(
      """
      開けられるのは、区の認証局のカードと、このノードの鍵だけです。先頭に、版、連合、ノード、日時が誰にも読める形で
      あります。node.key と card.json は入りません。控えと別の場所に保管してください。
      """,
      """
      The ward's authority card opens it, and this node's own key; nothing else does. Its first bytes tell anybody the version,
      federation, node and time. node.key and card.json are not in it: keep them elsewhere than the backup.
      """))
  @OptionGroup var options: NodeOptions
  @Flag(
    help: ArgumentHelp(
      Language.pick(
        "封をしない。ファイルを手にした人は、区民の情報をすべて読めます。",
        "Do not seal it: whoever has the file reads all residents' data in it.")))
  var plain = false
  @Argument(help: ArgumentHelp(Language.pick("書き出すファイル。すでにあってはいけません。", "The file to write; it must not be there.")))
  var file: String

  func run() async throws {
    guard options.directory.isEnrolled else {
      throw OperatorFailure.describing(DirectoryError.notANode(path: options.data))
    }
    try Session.keepPrivate(options.directory)
    let result = try options.directory.backUp(to: file, plain: plain)
    Session.keep(.backUp, (plain ? "plain_" : "") + (file as NSString).lastPathComponent, options.directory)
    if options.json { return print(String(decoding: try JSONEncoder().encode(result), as: UTF8.self)) }
    guard plain else {
      return Language.say(
        "封をした控えを書きました: \(file)(\(result.bytes) バイト)。開けられるのは、区の認証局のカードとこのノードだけです",
        "wrote a sealed backup: \(file) (\(result.bytes) bytes); only the ward's authority card and this node open it")
    }
    Language.say(
      "封のない控えを書きました: \(file)(\(result.bytes) バイト)。手にした人は区民の情報を読めます。ノードと同じように保管してください",
      "wrote a backup that is NOT sealed: \(file) (\(result.bytes) bytes); whoever has it reads residents' data: keep it like the node itself"
    )
  }
}

/// What opens a sealed backup, when the node's own key does not.
struct OpeningOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      Language.pick(
        "区の認証局カードのファイル(authority-13113.json)。省けばノードの鍵で開けます。合い言葉は尋ねます。",
        "The file of the ward's authority card, authority-13113.json; without it the node's own key is used. Its passphrase is asked for."
      )))
  var authority: String?

  func key() throws -> SigningKey? {
    guard let authority else { return nil }
    guard let file = FileManager.default.contents(atPath: authority) else {
      throw OperatorFailure.describing(DirectoryError.notReadable(path: authority))
    }
    let passphrase = Passphrase()
    return try AuthorityCard(file).record { try passphrase.ask() }.key()
  }
}

struct Restore: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: Language.pick(
      "止まっているノードのデータベースを、控えに置き換える。", "Put a backup in the place of the database of a node that does not run."),
    discussion: Language.pick(
      """
      ノードは新しい期として続き、控えより後に自分が書いたものを相手から取り戻します。
      元のファイルは replica.sqlite.before として横に残ります。封のない控えも、以前の版の控えも戻せます。
      """,
      """
      The node goes on in a new epoch, and fetches back from its peers what it wrote after the backup. The file that was
      there stays beside it as replica.sqlite.before. Backups that are not sealed, and those of earlier versions, come back too.
      """))
  @OptionGroup var options: NodeOptions
  @OptionGroup var opening: OpeningOptions
  @Argument(help: ArgumentHelp(Language.pick("控えのファイル。", "The backup."))) var file: String

  func run() async throws {
    guard options.directory.isEnrolled else {
      throw OperatorFailure.describing(DirectoryError.notANode(path: options.data))
    }
    try Session.keepPrivate(options.directory)
    let lock = try options.directory.lock()
    defer { withExtendedLifetime(lock) {} }
    let result = try options.directory.restore(from: file, with: try opening.key())
    if options.json { return print(String(decoding: try JSONEncoder().encode(result), as: UTF8.self)) }
    Language.say(
      "控えに戻しました。これからは第 \(result.epoch ?? 0) 代として書きます",
      "restored; the node writes in epoch \(result.epoch ?? 0) from now on")
  }
}

struct Unseal: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: Language.pick(
      "封をした控えを開け、調べるためのデータベースとして書き出す。", "Open a sealed backup, and write the database that is in it, to be looked at."),
    discussion: Language.pick(
      "書き出したファイルは、手にした人が区民の情報を読めます。済んだら消してください。",
      "Whoever has the written file reads residents' data: remove it when you are done."))
  @Option(help: ArgumentHelp(Language.pick("控えを作ったノードのフォルダ。", "The folder of the node that made the backup.")))
  var data: String?
  @OptionGroup var opening: OpeningOptions
  @Argument(help: ArgumentHelp(Language.pick("封をした控え。", "The sealed backup."))) var file: String
  @Argument(help: ArgumentHelp(Language.pick("書き出すファイル。", "The file to write."))) var out: String

  func validate() throws {
    guard (data == nil) != (opening.authority == nil) else { throw ValidationError("give --data or --authority") }
  }

  func run() async throws {
    guard let key = try data.map({ try NodeDirectory($0).key() }) ?? opening.key() else { return }
    let bytes = try SealedBackup.unseal(file, with: key, to: out)
    if let data { Session.keep(.unseal, (file as NSString).lastPathComponent, NodeDirectory(data)) }
    Language.say(
      "開けました: \(out)(\(bytes) バイト)。区民の情報を含みます。済んだら消してください",
      "opened: \(out) (\(bytes) bytes); it holds residents' data: remove it when you are done")
  }
}
