import ArgumentParser
import Causality
import ChangeModel
import Desk
import Foundation
import Glibc
import NodeService
import Terminal

struct AccountCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "account",
    abstract: Language.pick("区のアカウントを、この機械を持つ人が管理する。", "The ward's accounts, by whoever has the machine itself."),
    subcommands: [Add.self, List.self, Link.self, Password.self, ForgetAuthenticator.self, End.self],
    defaultSubcommand: List.self)

  struct Add: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: Language.pick(
        "アカウントを作る。パスワードは画面で尋ね、端末でなければ標準入力から読む。",
        "Make an account. The password is asked for, or read from standard input when that is no terminal."))
    @OptionGroup var options: NodeOptions
    @Option(help: ArgumentHelp(Language.pick("サインインに使う利用者ID。", "What the person signs in with."))) var login: String
    @Option(help: ArgumentHelp(Language.pick("氏名。", "The person's name."))) var name: String
    @Option(
      name: .customLong("role"),
      help: ArgumentHelp(
        Language.pick(
          "administrator、headquarters、shelter、welfare、supply、engineer、viewer のどれか。何度でも書けます。",
          "administrator, headquarters, shelter, welfare, supply, engineer or viewer. May be given many times.")))
    var roles: [String]
    @Option(help: ArgumentHelp(Language.pick("担当する唯一の避難所(行の番号)。", "The only shelter to work at (row)."))) var shelter:
      String?

    func run() async throws {
      var body: [String: Any] = ["login": login, "name": name, "roles": roles, "password": try Secret.ask()]
      if let shelter { body["shelter"] = shelter }
      let made = try await Session.call("addAccount", body, options)
      guard !options.json else { return }
      Language.say("登録しました: \(login)(\(made["id"] ?? ""))", "made: \(login) (\(made["id"] ?? ""))")
    }
  }

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: Language.pick("区のアカウントの一覧。", "The ward's accounts."))
    @OptionGroup var options: NodeOptions

    func run() async throws {
      let all = try await Session.call("accounts", [:], options)["accounts"] as? [[String: Any]] ?? []
      guard !options.json else { return }
      for account in all {
        let roles = (account["roles"] as? [String] ?? []).joined(separator: "、")
        let ended = account["endedAt"] == nil ? "" : Language.pick("(終了)", " (ended)")
        print("\(account["id"] ?? "")\t\(account["login"] ?? "")\t\(account["name"] ?? "")\t\(roles)\(ended)")
      }
    }
  }

  struct Link: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: Language.pick(
        "訓練で、一度だけサインインできるリンクを作る。1時間で使えなくなります。",
        "In a drill, make a link that signs an account in, once. It ends after an hour."))
    @OptionGroup var options: NodeOptions
    @Option(help: ArgumentHelp(Language.pick("利用者ID。", "The account's login."))) var login: String

    func run() async throws {
      var quiet = options
      quiet.json = false
      guard try await Session.perform(.status(digest: false), quiet, as: StatusReport.self).drill else {
        throw OperatorFailure(
          2, ja: "訓練の連合ではありません。本番ではパスワードでサインインします",
          en: "not a drill's federation: in earnest, people sign in with a password")
      }
      let all = try await Session.call("accounts", [:], quiet)["accounts"] as? [[String: Any]] ?? []
      guard let account = all.first(where: { $0["login"] as? String == login && $0["endedAt"] == nil }),
        let row = (account["id"] as? String).flatMap({ Int64($0) })
      else {
        throw OperatorFailure(2, ja: "この利用者IDのアカウントはありません: \(login)", en: "no account has this login: \(login)")
      }
      let path = "/enter/" + (try EntryLink(directory: options.directory).make(for: RowID(rawValue: row), at: .now()))
      print(options.json ? "{\"path\":\"\(path)\"}" : path)
    }
  }

  struct Password: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: Language.pick("アカウントのパスワードを変える。使用中のサインインは終わります。", "Give an account a new password; its sessions end."))
    @OptionGroup var options: NodeOptions
    @Argument(help: ArgumentHelp(Language.pick("一覧に出るアカウントの番号。", "The account, as the list shows it."))) var account:
      String

    func run() async throws {
      _ = try await Session.call("changeAccount", ["password": try Secret.ask()], row: account, options)
      if !options.json { Language.say("変更しました", "changed") }
    }
  }

  struct ForgetAuthenticator: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: Language.pick(
        "アカウントの認証アプリと控えのコードを外す。両方をなくした人のため。", "Forget an account's authenticator and printed codes, when both are lost."
      ))
    @OptionGroup var options: NodeOptions
    @Argument(help: ArgumentHelp(Language.pick("一覧に出るアカウントの番号。", "The account, as the list shows it."))) var account:
      String

    func run() async throws {
      _ = try await Session.call("forgetAuthenticator", [:], row: account, options)
      if !options.json { Language.say("外しました", "forgotten") }
    }
  }

  struct End: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: Language.pick("アカウントを、すべてのノードで停止する。", "End an account and its sessions, on every node."))
    @OptionGroup var options: NodeOptions
    @Argument(help: ArgumentHelp(Language.pick("一覧に出るアカウントの番号。", "The account, as the list shows it."))) var account:
      String

    func run() async throws {
      _ = try await Session.call("endAccount", [:], row: account, options)
      if !options.json { Language.say("終了しました", "ended") }
    }
  }
}

struct TokenCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "token", abstract: Language.pick("機器とプログラムの鍵。", "Tokens for devices and programs."),
    subcommands: [Add.self, List.self, End.self], defaultSubcommand: List.self)

  struct Add: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: Language.pick("鍵を作る。表示は一度だけです。", "Make a token. It is shown once."))
    @OptionGroup var options: NodeOptions
    @Option(help: ArgumentHelp(Language.pick("何に使うか。", "What it is for."))) var name: String
    @Option(
      name: .customLong("role"),
      help: ArgumentHelp(Language.pick("アカウントと同じ役割。何度でも書けます。", "As for an account. May be given many times.")))
    var roles: [String]
    @Option(help: ArgumentHelp(Language.pick("有効な日数。400 日まで。", "Days until it ends, 400 at most."))) var days = 90
    @Flag(help: ArgumentHelp(Language.pick("読むだけで、何も書けない鍵にする。", "It may read, and write nothing."))) var readOnly =
      false

    func validate() throws {
      guard (1...400).contains(days) else { throw ValidationError("--days must be from 1 to 400") }
    }

    func run() async throws {
      let until = WallClock.milliseconds + Int64(days) * 86_400_000 - 1_000
      let made = try await Session.call(
        "addToken", ["name": name, "roles": roles, "readOnly": readOnly, "until": until], options)
      guard !options.json else { return }
      print(made["token"] as? String ?? "")
    }
  }

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: Language.pick("区の鍵の一覧(鍵そのものは出ません)。", "The ward's tokens, without what they are."))
    @OptionGroup var options: NodeOptions

    func run() async throws {
      let all = try await Session.call("tokens", [:], options)["tokens"] as? [[String: Any]] ?? []
      guard !options.json else { return }
      for token in all {
        let roles = (token["roles"] as? [String] ?? []).joined(separator: "、")
        let ended = token["endedAt"] == nil ? "" : Language.pick("(終了)", " (ended)")
        print("\(token["id"] ?? "")\t\(token["name"] ?? "")\t\(roles)\(ended)")
      }
    }
  }

  struct End: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: Language.pick("鍵を無効にする。", "End a token."))
    @OptionGroup var options: NodeOptions
    @Argument(help: ArgumentHelp(Language.pick("一覧に出る鍵の番号。", "The token, as the list shows it."))) var token: String

    func run() async throws {
      _ = try await Session.call("endToken", [:], row: token, options)
      if !options.json { Language.say("終了しました", "ended") }
    }
  }
}

extension Session {
  /// An endpoint of the services, on the running node or on the folder itself.
  static func call(
    _ endpoint: String, _ body: [String: Any], row: String? = nil, _ options: NodeOptions
  ) async throws -> [String: Any] {
    let text = String(decoding: try JSONSerialization.data(withJSONObject: body), as: UTF8.self)
    let answer = try await perform(.call(endpoint: endpoint, row: row, body: text), options, as: JSON.self)
    return (try? JSONSerialization.jsonObject(with: Data(answer.bytes))) as? [String: Any] ?? [:]
  }
}

/// A password, without showing it or having it among a process's arguments.
enum Secret {
  /// - Parameter isNew: asked for twice on a terminal.
  static func ask(_ ja: String = "パスワード", _ en: String = "Password", isNew: Bool = true) throws -> String {
    guard isatty(STDIN_FILENO) == 1 else {
      guard let line = readLine(), !line.isEmpty else {
        throw OperatorFailure(2, ja: "\(ja)を標準入力で渡してください", en: "give the \(en.lowercased()) on standard input")
      }
      return line
    }
    guard let first = getpass(Language.pick("\(ja): ", "\(en): ")).map({ String(cString: $0) }),
      let again = isNew ? getpass(Language.pick("もう一度: ", "Again: ")).map({ String(cString: $0) }) : first,
      first == again
    else { throw OperatorFailure(2, ja: "二つの\(ja)が違います", en: "the two differ") }
    return first
  }
}

/// A passphrase that is asked for when it is first needed, and once.
final class Passphrase: @unchecked Sendable {
  private let lock = NSLock()
  private var given: String?

  func ask() throws -> String {
    try lock.withLock {
      if let given { return given }
      let text = try Secret.ask("認証局カードの合い言葉", "Passphrase of the authority's card", isNew: false)
      given = text
      return text
    }
  }
}
