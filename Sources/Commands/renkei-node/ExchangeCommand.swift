import ArgumentParser
import Catalogue
import Causality
import Foundation
import NodeService
import Terminal

struct ExchangeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "exchange",
    abstract: Language.pick("ほかのシステムへ渡すファイルを作る。", "Make files for other systems."), subcommands: [SIP4D.self])

  struct SIP4D: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "sip4d",
      abstract: Language.pick(
        "避難所・拠点・停電・仮置場を SIP4D-ZIP 1.1 で書き出す。",
        "Write shelters, supply points, outages and waste sites as SIP4D-ZIP 1.1."),
      discussion: Language.pick(
        "区と層ごとに一つのパッケージ。訓練かどうかは連合だけで決まります。規則に合うことを確かめてから書きます。",
        "One package for each ward and layer. Whether it is a drill, the federation alone says. Checked before it is written."
      ))
    @OptionGroup var options: NodeOptions
    @Option(help: ArgumentHelp(Language.pick("書き出すフォルダ。", "The folder to write to."))) var out: String
    @Option(help: ArgumentHelp(Language.pick("この区だけ(区コード)。", "This ward alone, by its code."))) var ward: String?
    @Option(help: ArgumentHelp(Language.pick("問い合わせ先のメール。", "Whom to write to."))) var contact = "saigai@example.jp"
    @Option(help: ArgumentHelp(Language.pick("第何報か(0〜9999)。", "Which report it is, 0 to 9999."))) var report = 1

    func validate() throws {
      guard (0...9_999).contains(report) else { throw ValidationError("--report: 0 to 9999") }
    }

    func run() async throws {
      let result = try ExchangeFile.sip4d(
        Services.records, of: options.directory, try options.directory.identity().federation, ward: ward,
        contact: contact, revision: report, to: out, at: .now())
      guard !options.json else { return print(String(decoding: try JSONEncoder().encode(result), as: UTF8.self)) }
      for package in result.packages {
        Language.say(
          "\(package.file): \(package.features) 件\(package.withoutPlace > 0 ? "(位置なし \(package.withoutPlace) 件を除く)" : "")",
          "\(package.file): \(package.features) features, \(package.withoutPlace) without a place left out")
      }
      if result.packages.isEmpty { Language.say("書き出すものがありません", "nothing to write") }
    }
  }
}
