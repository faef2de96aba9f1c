import ArgumentParser
import Foundation
import Inspection
import Terminal

/// One table over many nodes: which program each runs, how it stands, and what needs a look first.
struct FleetCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "fleet",
    abstract: Language.pick("いくつものノードを一つの表で。", "Many nodes in one table."),
    discussion: Language.pick(
      "要確認のノードが上に来ます。一つでも要確認なら終了コードは 1。",
      "Those that need a look come first. Exit 1 when one does, or does not answer."))
  @OptionGroup var common: CommonOptions
  @Argument(
    help: ArgumentHelp(
      Language.pick("ノードのフォルダ、データベース、または URL。いくつでも。", "Nodes' folders, databases or URLs, as many as there are."),
      valueName: "source"), completion: .file())
  var sources: [String]

  struct Line: Codable {
    var source: String
    var node: String?
    var wardName: String?
    /// Of the program that runs; nil for a file.
    var program: String?
    var level: String
    /// The worst problem's code, and in words.
    var problem: String?
    var sentence: String?
    var waiting: Int
    var peersBehind: Int
    var conflicts: Int
    var databaseBytes: Int?
    var freeBytes: Int?
  }

  private struct Answer: Codable {
    var schema = "renkei-inspect/fleet/1"
    var nodes: [Line]
  }

  func run() throws {
    let progress = Progress()
    var lines: [Line] = []
    for (number, source) in sources.enumerated() {
      progress.update(number, of: sources.count, Language.pick("調べています", "looking"))
      lines.append(look(source))
    }
    progress.finish()
    let order = ["unreachable": 0, "broken": 1, "attention": 2, "behind": 3, "unchecked": 4, "sound": 5]
    lines.sort { (order[$0.level] ?? 9, $0.source) < (order[$1.level] ?? 9, $1.source) }
    if common.json { printJSON(Answer(nodes: lines)) } else { show(lines) }
    if lines.contains(where: { order[$0.level] ?? 9 <= 2 }) { throw ExitCode(1) }
  }

  private func look(_ source: String) -> Line {
    do {
      let overview = try Opening.look(source, keys: common.keys, fetching: [.control]) {
        try StatusCommand.overview($0, source)
      }
      let worst = overview.verdict.reasons.first
      return Line(
        source: source, node: overview.node.map { Text.node($0, overview.ward) }, wardName: overview.wardName,
        program: source.hasPrefix("http") ? try LiveNode(source).program : nil, level: overview.verdict.level,
        problem: worst?.code.rawValue, sentence: worst.map(StatusText.sentence),
        waiting: overview.lanes.reduce(0) { $0 + $1.waiting },
        peersBehind: overview.peers.count { ($0.live?.lacks ?? $0.lacksAtMost) > 0 }, conflicts: overview.conflicts,
        databaseBytes: overview.disk?.database, freeBytes: overview.disk?.free)
    } catch {
      let reason =
        (error as? InspectionError).map(describe) ?? (error as? Problem)?.text
        ?? Language.pick("読めません", "cannot be read")
      return Line(
        source: source, level: "unreachable", sentence: harmless(reason), waiting: 0, peersBehind: 0, conflicts: 0)
    }
  }

  private func show(_ lines: [Line]) {
    var table = TextTable([
      "", Language.pick("ノード", "node"), Language.pick("区", "ward"), Language.pick("版", "version"),
      Language.pick(">待機", ">waiting"), Language.pick(">遅れた相手", ">peers behind"),
      Language.pick(">食い違い", ">conflicts"), Language.pick(">空き", ">free"),
      Language.pick("まず見るもの", "look at this first"),
    ])
    for line in lines {
      let (sign, style): (String, Style) =
        switch line.level {
        case "sound": ("●", .good)
        case "behind", "unchecked": ("●", .warning)
        default: (line.level == "attention" ? "!" : "✗", .bad)
        }
      table.add([
        TextTable.Cell(sign, style), TextTable.Cell(line.node ?? line.source), TextTable.Cell(line.wardName ?? ""),
        TextTable.Cell(line.program ?? "–"), TextTable.Cell("\(line.waiting)", line.waiting > 0 ? .warning : .plain),
        TextTable.Cell("\(line.peersBehind)"), TextTable.Cell("\(line.conflicts)"),
        TextTable.Cell(line.freeBytes.map(Text.bytes) ?? "–"),
        TextTable.Cell(line.level == "sound" ? "" : line.sentence ?? ""),
      ])
    }
    table.show(width: Text.width)
  }
}
