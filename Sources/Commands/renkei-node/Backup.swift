import ArgumentParser
import Foundation
import NodeService
import Terminal

struct Backup: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: Language.pick(
      "動いたまま、今のデータベースを新しいファイルに写す。", "Write the node's database as it is now into a new file, while the node serves."))
  @OptionGroup var options: NodeOptions
  @Argument(help: ArgumentHelp(Language.pick("書き出すファイル。すでにあってはいけません。", "The file to write; it must not be there.")))
  var file: String

  func run() async throws {
    guard options.directory.isEnrolled else {
      throw OperatorFailure.describing(DirectoryError.notANode(path: options.data))
    }
    let result = try options.directory.backUp(to: file)
    if options.json { return print(String(decoding: try JSONEncoder().encode(result), as: UTF8.self)) }
    Language.say(
      "控えを書きました: \(file)(\(result.bytes) バイト)。区民の情報を含みます。ノードと同じように保管してください",
      "wrote a backup: \(file) (\(result.bytes) bytes); it holds residents' data: keep it like the node itself")
  }
}

struct Restore: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: Language.pick(
      "止まっているノードのデータベースを、控えに置き換える。", "Put a backup in the place of the database of a node that does not run."),
    discussion: Language.pick(
      """
      ノードは新しい期として続き、控えより後に自分が書いたものを相手から取り戻します。
      元のファイルは replica.sqlite.before として横に残ります。
      """,
      """
      The node goes on in a new epoch, and fetches back from its peers what it wrote after the backup. The file that was
      there stays beside it as replica.sqlite.before.
      """))
  @OptionGroup var options: NodeOptions
  @Argument(help: ArgumentHelp(Language.pick("控えのファイル。", "The backup."))) var file: String

  func run() async throws {
    guard options.directory.isEnrolled else {
      throw OperatorFailure.describing(DirectoryError.notANode(path: options.data))
    }
    try Session.keepPrivate(options.directory)
    let lock = try options.directory.lock()
    defer { withExtendedLifetime(lock) {} }
    let result = try options.directory.restore(from: file)
    if options.json { return print(String(decoding: try JSONEncoder().encode(result), as: UTF8.self)) }
    Language.say(
      "控えに戻しました。これからは第 \(result.epoch ?? 0) 代として書きます",
      "restored; the node writes in epoch \(result.epoch ?? 0) from now on")
  }
}
