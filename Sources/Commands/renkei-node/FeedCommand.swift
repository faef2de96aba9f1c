import ArgumentParser
import Catalogue
import Feed
import Foundation
import NodeService
import Terminal

struct FeedCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "feed",
    abstract: Language.pick(
      "人に関しない表を PostgreSQL に写し、変わるたびに追いつかせる。",
      "Keep a copy of what is not about people in PostgreSQL, up to date."),
    discussion: Language.pick(
      """
      ノードは動いていても止まっていてもかまいません。何度始めても、途中で止めても、同じ変更は一度だけ入ります。
      例: renkei-node feed --to "postgresql://analyst@db/wards" (パスワードは PGPASSFILE に)
      """,
      """
      The node may run or not. However often it is started or killed, each change is there once.
      Such as: renkei-node feed --to "postgresql://analyst@db/wards" (the password in PGPASSFILE)
      """))
  @OptionGroup var options: NodeOptions
  @Option(help: ArgumentHelp(Language.pick("PostgreSQL の接続先。", "PostgreSQL's connection string."))) var to: String
  @Option(help: ArgumentHelp(Language.pick("表を置くスキーマ。", "The schema that the tables are in."))) var schema = "renkei"
  @Flag(help: ArgumentHelp(Language.pick("一度追いついたら終わる。", "End once it has caught up."))) var once = false

  func validate() throws {
    guard schema.wholeMatch(of: /[a-z_][a-z0-9_]{0,40}/) != nil else {
      throw ValidationError("--schema: small letters, digits and underscores")
    }
  }

  func run() async throws {
    let identity = try options.directory.identity()
    let feed = try Feed(
      options.directory.replica, Services.records,
      name: "\(identity.federation.id) \(identity.federation.reference(to: identity.certificate.node))",
      isDrill: identity.federation.genesis.drill, to: to, space: schema)
    var pause = 1
    while true {
      do {
        let step = try feed.step()
        if options.json {
          print(String(decoding: try JSONEncoder().encode(step), as: UTF8.self))
        } else if step.isSnapshot || step.rows + step.deleted > 0 {
          Language.say(
            step.isSnapshot ? "全部で \(step.rows) 行を写しました" : "\(step.rows) 行を写し、\(step.deleted) 行を消しました",
            step.isSnapshot ? "copied all \(step.rows) rows" : "copied \(step.rows) rows, took out \(step.deleted)")
        }
        pause = 1
        guard step.isComplete, !step.isSnapshot else { continue }
        if once { return }
      } catch Feed.Failure.target(let text, let isOfLine) where isOfLine && !once {
        let words = Language.pick(
          "PostgreSQL につながりません。\(pause) 秒後にもう一度試します: \(text)", "PostgreSQL is not there, again in \(pause) s: \(text)")
        FileHandle.standardError.write(Data("\(words)\n".utf8))
        pause = min(pause * 2, 60)
      } catch Feed.Failure.target(let text, _) {
        throw OperatorFailure(2, ja: "PostgreSQL: \(text)", en: "PostgreSQL: \(text)")
      } catch Feed.Failure.otherFeed(let known) {
        throw OperatorFailure(
          2, ja: "スキーマ \(schema) は別のノードの写しです(\(known))。別の --schema にしてください",
          en: "the schema \(schema) holds another node's copy (\(known)): choose another --schema")
      }
      try await Task.sleep(for: .seconds(pause))
    }
  }
}
