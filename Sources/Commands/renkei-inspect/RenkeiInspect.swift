import ArgumentParser
import Build
import Foundation
import GRDB
import Glibc
import Inspection
import Terminal

@main
struct RenkeiInspect: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "renkei-inspect",
    abstract: Language.pick(
      "このノードは何を知り、何が足りず、なぜか。調べるだけで、何も書き換えません。",
      "What a node knows, what it lacks, and why. Looks only; writes nothing."),
    discussion: Language.pick(
      """
      調べる相手 SOURCE は次のどれかです。
        ノードのフォルダ    .renkei/13113(動いていても、止まっていても)
        データベース        replica.sqlite(写し、壊れたものも)
        バンドル            card.rkb
        動いているノード    https://127.0.0.1:8113

        renkei-inspect status .renkei/13113
        renkei-inspect diff .renkei/13113 .renkei/13121
        renkei-inspect trace .renkei/13113 shelters 渋谷区立第一小学校 status

      終了コード: 0 済み、1 答えは「いいえ」(異なる・正しくない)、2 使い方か入力の誤り、または時間切れ(--timeout、60 秒)、
      70 こちらの誤り。
      環境変数: RENKEI_TOKEN 動いているノードの鍵(役割 engineer)、RENKEI_CA そのフォルダの https/ca.pem、
      RENKEI_LANG ja か en。
      """,
      """
      A SOURCE is one of:
        a node's folder     .renkei/13113 (running or at rest)
        a database          replica.sqlite (a copy, or a damaged one, too)
        a bundle            card.rkb
        a live node         https://127.0.0.1:8113

        renkei-inspect status .renkei/13113
        renkei-inspect diff .renkei/13113 .renkei/13121
        renkei-inspect trace .renkei/13113 shelters 渋谷区立第一小学校 status

      Exit codes: 0 done, 1 the answer is no (they differ, it does not verify), 2 wrong usage or input, or out of time
      (--timeout, 60 s), 70 our fault.
      Environment: RENKEI_TOKEN, a live node's token of the role engineer; RENKEI_CA, the file https/ca.pem of its folder;
      RENKEI_LANG, ja or en.
      """),
    version: "renkei-inspect \(Build.text)",
    subcommands: [
      FleetCommand.self,
      StatusCommand.self, ExplainCommand.self, WatchCommand.self, LogCommand.self, TraceCommand.self, DiffCommand.self,
      VerifyCommand.self,
      MissingCommand.self, PlanCommand.self, ConflictsCommand.self, ForksCommand.self, MembersCommand.self,
      KeysCommand.self, OpeningCommand.self, GraphCommand.self, QueryCommand.self, ExportCommand.self,
    ])

  static func main() {
    // Whatever is made from here on is its owner's alone.
    umask(0o077)
    // Before anything is parsed: help is in the chosen language, too.
    var words = Array(CommandLine.arguments.dropFirst())
    if let text = take("--lang", from: &words), let chosen = Language(rawValue: text) { Language.current = chosen }
    limit(&words)
    let commands = Self.configuration.subcommands.map { $0.configuration.commandName ?? "" }
    if let complaint = Suggestion.complaint(of: words, commands: commands) { complain(complaint, 2) }
    // A reader that goes away (`| head`) ends this quietly.
    signal(SIGPIPE, SIG_DFL)
    do {
      var command = try parseAsRoot(Self.withoutDashes(words))
      try command.run()
      Progress.clear()
    } catch let problem as Problem {
      complain(problem.text, 2)
    } catch let problem as InspectionError {
      complain(describe(problem), 2)
    } catch let code as ExitCode {
      Progress.clear()
      Foundation.exit(code.rawValue)
    } catch {
      let code = exitCode(for: error)
      guard code == .success || code == .validationFailure else { complain("\(error)", 70) }
      let text = fullMessage(for: error)
      (code == .success ? FileHandle.standardOutput : .standardError).write(Data((text + "\n").utf8))
      Foundation.exit(code == .success ? 0 : 2)
    }
  }

  /// Takes an option of every command out of the words, with its value.
  private static func take(_ option: String, from words: inout [String]) -> String? {
    if let index = words.firstIndex(of: option), index + 1 < words.count {
      defer { words.removeSubrange(index...index + 1) }
      return words[index + 1]
    }
    guard let index = words.firstIndex(where: { $0.hasPrefix(option + "=") }) else { return nil }
    return String(words.remove(at: index).dropFirst(option.count + 1))
  }

  /// Every command ends within its time; those that follow something, when they are told to.
  private static func limit(_ words: inout [String]) {
    let isFollowing = words.first == "watch" || words.contains("--follow")
    let given = take("--timeout", from: &words)
    // Of a fleet each node has its time: those that do not answer are part of the table.
    let nodes = words.first == "fleet" ? max(1, words.dropFirst().count { !$0.hasPrefix("-") }) : 1
    let seconds =
      given.map { Int($0) ?? 0 } ?? min(CommonOptions.usualTimeout * nodes, CommonOptions.longestTimeout)
    guard (1...CommonOptions.longestTimeout).contains(seconds) else {
      complain(
        Language.pick(
          "--timeout は 1 から \(CommonOptions.longestTimeout) までの秒数です",
          "--timeout is a number of seconds, from 1 to \(CommonOptions.longestTimeout)"), 2)
    }
    guard !isFollowing || given != nil else { return }
    TimeLimit.start(seconds: seconds) {
      say(
        Language.pick(
          "\(seconds) 秒で終わりませんでした。何も変えていません。問い合わせを絞るか、--timeout で長くしてください",
          "not done within \(seconds) s; nothing was changed. Ask for less, or give it longer with --timeout"))
    }
  }

  /// Row ids may be negative: `-42` would be taken for an option, `#-42` is not.
  private static func withoutDashes(_ words: [String]) -> [String] {
    words.enumerated().map { index, word in
      let isNegative = word.hasPrefix("-") && Int64(word) != nil && (index == 0 || words[index - 1] != "--row")
      return isNegative ? "#" + word : word
    }
  }

  private static func complain(_ text: String, _ code: Int32) -> Never {
    say(text)
    Foundation.exit(code)
  }

  private static func say(_ text: String) {
    Progress.clear()
    if CommandLine.arguments.contains("--json") { printJSON(["error": harmless(text)]) }
    FileHandle.standardError.write(Data("renkei-inspect: \(harmless(text))\n".utf8))
  }
}

/// What a person did wrong: where, what, and what to do.
struct Problem: Error {
  var text: String

  init(_ japanese: String, _ english: String) { text = Language.pick(japanese, english) }
}

func describe(_ error: InspectionError) -> String {
  switch error {
  case .cannotRead(let path, let code):
    let reason = String(cString: strerror(code))
    return Language.pick("読めません: \(path)(\(reason))", "cannot read \(path): \(reason)")
  case .unknownKind(let path):
    return Language.pick(
      "ノードのフォルダでも、データベースでも、バンドルでもありません: \(path)",
      "neither a node's folder, nor a database, nor a bundle: \(path)")
  case .newerFormat(let path, let found):
    return Language.pick(
      "新しい版の形式です: \(path)(\(found.joined(separator: ", ")))",
      "a newer format: \(path) (\(found.joined(separator: ", ")))")
  case .otherFederation(let one, let other):
    return Language.pick("連合が違います: \(one) と \(other)", "two federations: \(one) and \(other)")
  case .noSuchTable(let name, let known):
    let list = known.joined(separator: ", ")
    return Language.pick("表がありません: \(name)(あるもの: \(list))", "no such table: \(name) (known: \(list))")
  case .noSuchField(let name, let known):
    let list = known.joined(separator: ", ")
    return Language.pick("項目がありません: \(name)(あるもの: \(list))", "no such field: \(name) (known: \(list))")
  case .noSuchRow(let table, let row):
    return Language.pick(
      "\(table) に一つに決まる行がありません: \(row)。行の番号を query で調べてください",
      "no single row of \(table): \(row). Look its id up with query")
  case .unknownNode(let text):
    return Language.pick(
      "知らないノードです: \(text)。区コード、区名、または 12.1 のように書いてください(members で一覧)",
      "unknown node: \(text). Give a ward's code or name, or a number such as 12.1 (members lists them)")
  case .notReadable(let address, let reason):
    return Language.pick("答えません: \(address)(\(reason))", "does not answer: \(address) (\(reason))")
  case .query(let text):
    return Language.pick("問い合わせの誤り: \(text)", "the query failed: \(text)")
  }
}

/// JSON with sorted keys: the same answer is the same bytes.
func printJSON(_ value: some Encodable) {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
  // A real that is none is no JSON number.
  encoder.nonConformingFloatEncodingStrategy = .convertToString(
    positiveInfinity: "Infinity", negativeInfinity: "-Infinity", nan: "NaN")
  // Our own plain types always encode.
  print(String(decoding: try! encoder.encode(value), as: UTF8.self))
}
