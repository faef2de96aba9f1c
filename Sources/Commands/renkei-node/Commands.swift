import ArgumentParser
import Catalogue
import Causality
import Formats
import Foundation
import NodeService
import Runbook
import Terminal

struct Import: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: Language.pick("公表されている避難所一覧を取り込む。", "Import a published list of shelters."),
    discussion: Language.pick(
      """
      自治体標準オープンデータセット(v2、v1)、東京都の一覧の二つの版、国土地理院の CSV と GeoJSON を、列の名前で見分けます
      (UTF-8 か CP932)。良い行は取り込み、悪い行は行番号とともに示します。同じファイルを二度取り込んでも変わりません。
      """,
      """
      The municipal standard data set (v2, v1), both releases of Tokyo's list, and GSI's CSV and GeoJSON are known by
      their column names, in UTF-8 or CP932. Good rows are taken, bad ones reported with their line; the same file a
      second time changes nothing.
      """))
  @OptionGroup var options: NodeOptions
  @Option(
    help: ArgumentHelp(
      Language.pick("出典として記すもの。省けば一覧の種類。", "What to note as the rows' source; by default the kind of list.")))
  var source: String?
  @Argument(help: ArgumentHelp(Language.pick("ファイル。", "The file."))) var file: String

  func run() async throws {
    let result = try await Session.perform(
      .importShelters(file: absolute(file), source: source), options, as: ImportResult.self)
    guard !options.json else { return }
    if let notice = result.notice { print(notice) }
    // Every row that was not taken, before what was merely doubtful.
    let (refused, doubtful) = (result.problems.filter(\.isRefused), result.problems.filter { !$0.isRefused })
    for problem in refused + doubtful.prefix(50) {
      Language.say(
        "\(problem.line) 行目 \(problem.field): \(problem.reasonJapanese)\(problem.isRefused ? " [取り込みません]" : "")",
        "line \(problem.line) \(problem.field): \(problem.reason)\(problem.isRefused ? " [refused]" : "")")
    }
    if doubtful.count > 50 {
      Language.say("… 他 \(doubtful.count - 50) 件(--json で全件)", "… \(doubtful.count - 50) more (--json shows all)")
    }
    Language.say(
      "\(result.list)(\(result.encoding)): \(result.rows) 行、取り込み \(result.imported)、変更なし \(result.unchanged)、注意 \(result.warned)、不可 \(result.refused)、他区の \(result.ofOthers) 行は各区で",
      "\(result.list) (\(result.encoding)): \(result.rows) rows, imported \(result.imported), unchanged \(result.unchanged), warned \(result.warned), refused \(result.refused), left to other wards \(result.ofOthers)"
    )
  }
}

struct Export: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: Language.pick(
      "一つの表を CSV(表計算ソフト用)に、または SQL で調べるためのフォルダに書き出す。",
      "Write a table as CSV (UTF-8 with its mark, for spreadsheets), or a folder for questions by SQL."),
    discussion: Language.pick(
      """
      --datasette DIR は、人に関しないものを書き出します: 表、区の名前・日本時間・単位のあるビュー、各列の意味。
      使い方: datasette DIR/renkei.sqlite --metadata DIR/metadata.json
      """,
      """
      --datasette DIR writes what is not about people: tables, a view of each with wards' names, Japan's time and units, and
      what every column means. Then: datasette DIR/renkei.sqlite --metadata DIR/metadata.json
      """))
  @OptionGroup var options: NodeOptions
  @Option(help: ArgumentHelp(Language.pick("表の名前。", "The table."))) var table = "shelters"
  @Option(
    help: ArgumentHelp(
      Language.pick("新しく作るフォルダ。Datasette などの SQL 用。", "A folder to make, for Datasette or any other SQL.")))
  var datasette: String?
  @Argument(help: ArgumentHelp(Language.pick("表を書き出すファイル。", "The file to write, for a table."))) var file: String?

  func validate() throws {
    guard (file == nil) != (datasette == nil) else { throw ValidationError("give a file to write, or --datasette DIR") }
  }

  func run() async throws {
    if let datasette {
      let result = try AnalystFile.write(
        Services.records, of: options.directory, try options.directory.identity().federation, to: datasette)
      guard !options.json else { return print(String(decoding: try JSONEncoder().encode(result), as: UTF8.self)) }
      return Language.say(
        "\(result.tables) 個の表、\(result.rows) 行を書きました: \(datasette)",
        "wrote \(result.tables) tables, \(result.rows) rows: \(datasette)")
    }
    guard let file else { return }
    let result = try await Session.perform(
      .exportTable(table: table, file: absolute(file)), options, as: ExportResult.self)
    guard !options.json else { return }
    Language.say("\(result.rows) 行を書きました: \(file)", "wrote \(result.rows) rows: \(file)")
  }
}

struct BundleCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bundle",
    abstract: Language.pick("つながらないノードへ、変更記録をカードで運ぶ。", "Carry change sets on a memory card to a node without a link."),
    subcommands: [ExportBundle.self, ImportBundle.self])

  struct ExportBundle: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "export", abstract: Language.pick("バンドルを書き出す。", "Write a bundle."))
    @OptionGroup var options: NodeOptions
    @Option(
      name: .customLong("for"),
      help: ArgumentHelp(
        Language.pick(
          "宛先のノード(13113、13113-2、渋谷区-2)。持っていると分かっているものは省きます。",
          "The node that it is for (13113, 13113-2, Shibuya-2): what that node is known to have is left out.")))
    var reader: String?
    @Argument(help: ArgumentHelp(Language.pick("書き出すファイル。", "The file to write."))) var file: String

    func run() async throws {
      let result = try await Session.perform(
        .exportBundle(file: absolute(file), reader: reader), options, as: BundleResult.self)
      guard !options.json else { return }
      Language.say(
        "変更記録 \(result.changeSets) 件、\(result.bytes) バイト: \(file)",
        "\(result.changeSets) change sets, \(result.bytes) bytes: \(file)")
    }
  }

  struct ImportBundle: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "import",
      abstract: Language.pick(
        "バンドルの中身を、壊れておらず署名が正しい限り取り込む。", "Take what a bundle holds, as far as it is whole and signed."))
    @OptionGroup var options: NodeOptions
    @Argument(help: ArgumentHelp(Language.pick("バンドルのファイル。", "The bundle."))) var file: String

    func run() async throws {
      let result = try await Session.perform(.importBundle(file: absolute(file)), options, as: BundleResult.self)
      if !options.json {
        Language.say(
          "新しい変更記録 \(result.changeSets) 件、既知 \(result.known ?? 0) 件",
          "\(result.changeSets) new change sets, \(result.known ?? 0) known")
        for refusal in result.refused ?? [] {
          Language.say(
            "不可 \(refusal.log) #\(refusal.sequence): \(refusal.reason)",
            "refused \(refusal.log) #\(refusal.sequence): \(refusal.reason)")
        }
        if let damage = result.damage { Language.say("壊れています: \(damage)", "damaged: \(damage)") }
      }
      if result.damage != nil || result.refused?.isEmpty == false { throw ExitCode(1) }
    }
  }
}

struct Links: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: Language.pick(
      "動いているノードの接続を見る。訓練のために切る、戻す、絞る。", "See the links of a running node, and cut, heal or throttle them for a drill."),
    subcommands: [List.self, Cut.self, Heal.self, Throttle.self], defaultSubcommand: List.self)

  static func show(_ result: LinksResult, _ options: NodeOptions) {
    guard !options.json else { return }
    for link in result.links {
      let program = link.program.map { $0.isEmpty ? "" : ", \($0)" } ?? ""
      let limit = link.bytesPerSecondLimit.map { " \($0 * 8) bit/s" } ?? ""
      let way = link.onTheirWay.flatMap { $0 > 0 ? $0 : nil }
      Language.say(
        "\(link.wardName) \(link.node): \(["up": "接続", "down": "切断", "cut": "遮断", "banned": "隔離", "revoked": "失効"][link.state] ?? link.state)\(limit)、相手の未受信 \(link.lacks.map(String.init) ?? "–")\(way.map { "(うち送信中 \($0))" } ?? "")\(program)",
        "\(link.ward) \(link.node): \(link.state)\(limit), lacks \(link.lacks.map(String.init) ?? "–")\(way.map { ", of these on their way \($0)" } ?? "")\(program)"
      )
    }
    for problem in result.problems where problem.level >= .attention {
      Language.say("! \(problem.sentence.ja)", "! \(problem.sentence.en)")
    }
  }

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: Language.pick("相手と、接続の様子。", "The peers, and how the links to them are."))
    @OptionGroup var options: NodeOptions
    func run() async throws { Links.show(try await Session.perform(.links, options, as: LinksResult.self), options) }
  }

  struct Cut: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: Language.pick("一つの区、またはすべてとの接続を切る。", "Cut the links to a ward, or all."))
    @OptionGroup var options: NodeOptions
    @Argument(
      help: ArgumentHelp(
        Language.pick(
          "区またはノード: 13113、13113-2、渋谷区。省けばすべて。", "The ward or the node: 13113, 13113-2, Shibuya; all without it.")))
    var ward: String?
    func run() async throws {
      Links.show(try await Session.perform(.cut(ward: ward), options, as: LinksResult.self), options)
    }
  }

  struct Heal: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: Language.pick(
        "一つの区、またはすべてとの接続を戻す。量が多すぎて止めた受け取りも続ける。",
        "Allow links to a ward, or all, again; and go on with what was too much in a day."))
    @OptionGroup var options: NodeOptions
    @Argument(
      help: ArgumentHelp(
        Language.pick(
          "区またはノード: 13113、13113-2、渋谷区。省けばすべて。", "The ward or the node: 13113, 13113-2, Shibuya; all without it.")))
    var ward: String?
    func run() async throws {
      Links.show(try await Session.perform(.heal(ward: ward), options, as: LinksResult.self), options)
    }
  }

  struct Throttle: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: Language.pick(
        "区へ送る速さを 1 秒あたりのビット数で絞る。0 で解除。", "Limit what this node sends to a ward, in bits a second; 0 lifts the limit."))
    @OptionGroup var options: NodeOptions
    @Argument(
      help: ArgumentHelp(Language.pick("区またはノード: 13113、13113-2、渋谷区。", "The ward or the node: 13113, 13113-2, Shibuya."))
    ) var ward: String
    @Argument(help: ArgumentHelp(Language.pick("1 秒あたりのビット数。", "Bits a second."))) var bitsPerSecond: Int
    func validate() throws {
      guard bitsPerSecond >= 0 else { throw ValidationError("bits a second must not be below 0") }
    }
    func run() async throws {
      let command = OperatorCommand.throttle(ward: ward, bitsPerSecond: bitsPerSecond == 0 ? nil : bitsPerSecond)
      Links.show(try await Session.perform(command, options, as: LinksResult.self), options)
    }
  }
}

struct Drill: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: Language.pick(
      "訓練の連合で、台帳レーンを意味のない記録で満たす。", "Fill the registry lane with records without meaning, in a drill's federation."))
  @OptionGroup var options: NodeOptions
  @Option(help: ArgumentHelp(Language.pick("バイト数。", "How many bytes."))) var bytes: Int
  func validate() throws {
    guard (1...100_000_000).contains(bytes) else { throw ValidationError("--bytes must be from 1 to 100,000,000") }
  }
  func run() async throws {
    let result = try await Session.perform(.fill(bytes: bytes), options, as: [String: Int].self)
    guard !options.json else { return }
    Language.say("訓練用の記録を \(result["records"] ?? 0) 件書きました", "wrote \(result["records"] ?? 0) drill records")
  }
}

struct Status: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: Language.pick("このノードは誰か、何を持ち、何を待っているか。", "What this node is, has and waits for."))
  @OptionGroup var options: NodeOptions
  @Flag(
    help: ArgumentHelp(
      Language.pick(
        "すべての表のハッシュも出す。同じものを取り込んだノードでは等しくなります。", "Also hash every table: equal on nodes that have merged the same.")))
  var digest = false

  func run() async throws {
    let status = try await Session.perform(.status(digest: digest), options, as: StatusReport.self)
    guard !options.json else { return }
    Language.say(
      "\(status.wardName) 機番 \(status.node) 第 \(status.epoch) 期 — \(status.federationName)\(status.drill ? "(訓練)" : "") \(status.running ? "稼働中" : "停止中")",
      "\(status.ward) node \(status.node) epoch \(status.epoch), federation \(status.federation)\(status.drill ? " (drill)" : ""), \(status.running ? "running" : "at rest")"
    )
    for lane in status.lanes {
      Language.say(
        "  \(lane.lane): 変更記録 \(lane.changeSets) 件(待機 \(lane.waiting))、書き手 \(lane.authors)",
        "  \(lane.lane): \(lane.changeSets) change sets (\(lane.waiting) waiting) of \(lane.authors) authors")
    }
    Language.say(
      "  食い違い \(status.conflicts)、保留 \(status.quarantined)、分岐 \(status.forked)、\(status.databaseBytes) バイト",
      "  \(status.conflicts) conflicts, \(status.quarantined) quarantined, \(status.forked) forked, \(status.databaseBytes) bytes"
    )
    if let end = status.certificateUntil {
      let days = (end - Instant.now().milliseconds) / 86_400_000
      Language.say(
        days < 0 ? "  証明書は切れています。更新してください" : "  証明書はあと \(days) 日で切れます",
        days < 0 ? "  the certificate has ended: renew it" : "  the certificate ends in \(days) days")
    }
    if let digest = status.digest { print("  \(digest)") }
  }
}

struct Doctor: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: Language.pick(
      "ノードの問題と、その意味、失われたもの、すること。重いものから。",
      "What is wrong with a node, what it means, what was lost, and what to do: the worst first."),
    discussion: Language.pick(
      "誰かが見るべきときの終了コードは 1。同じ説明は renkei-inspect explain。",
      "Exit code 1 when somebody has to look. The same pages: renkei-inspect explain."))
  @OptionGroup var options: NodeOptions

  func run() async throws {
    let result = try await Session.perform(.links, options, as: LinksResult.self)
    let problems = result.problems.filter { $0.level >= .behind }
    if !options.json {
      if problems.isEmpty { Language.say("問題はありません", "nothing is wrong") }
      for problem in problems {
        let page = problem.code.page
        Language.say("■ \(problem.sentence.ja)", "■ \(problem.sentence.en)")
        Language.say("  \(page.meaning.ja)", "  \(page.meaning.en)")
        Language.say("  失われたもの: \(page.lost.ja)", "  What was lost: \(page.lost.en)")
        for (number, step) in page.steps.enumerated() {
          Language.say("  \(number + 1). \(step.ja)", "  \(number + 1). \(step.en)")
          if let command = step.command { print("     " + command.replacing("DIR", with: options.data)) }
        }
      }
    }
    if problems.contains(where: { $0.level >= .attention }) { throw ExitCode(1) }
  }
}

struct Verify: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: Language.pick(
      "すべての連鎖と署名、表が記録どおりかを確かめる。", "Check every chain and signature, and that the tables are those that the log makes."))
  @OptionGroup var options: NodeOptions

  func run() async throws {
    let result = try await Session.perform(.verify, options, as: VerifyResult.self)
    if !options.json {
      Language.say(
        "変更記録 \(result.changeSets) 件を確かめました: \(result.sound ? "問題ありません" : "問題があります")",
        "checked \(result.changeSets) change sets: \(result.sound ? "sound" : "NOT sound")")
      for log in result.badLogs { print("  \(log.log) #\(log.sequence): \(log.reason)") }
      for table in result.differingTables {
        Language.say("  表が記録と違います: \(table)", "  table differs from the log: \(table)")
      }
    }
    if !result.sound { throw ExitCode(1) }
  }
}

struct Rebuild: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: Language.pick("記録から、すべての表を作り直す。", "Make every table anew from the log."))
  @OptionGroup var options: NodeOptions

  func run() async throws {
    let status = try await Session.perform(.rebuild, options, as: StatusReport.self)
    guard !options.json else { return }
    Language.say("表を作り直しました: \(status.digest ?? "")", "rebuilt the tables: \(status.digest ?? "")")
  }
}

/// A running node has another working folder than the person who types.
func absolute(_ path: String) -> String {
  path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path
}
