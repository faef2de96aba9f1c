import ArgumentParser
import Build
import Foundation
import Simulation
import Terminal
import Topology

@main
struct RenkeiSim: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "renkei-sim",
    abstract: Language.pick("地震の一夜を数秒で。同じ夜をもう一度。", "A night of the earthquake in seconds, and the same night again."),
    discussion: Language.pick(
      """
      ノードと同じレプリカ、ゴシップ、リンクを SQLite ごと、仮の時刻・道・ディスクの上で動かし、
      単純な模型を持つ検査役が毎回判定します。

        renkei-sim run everything --seed 7
        renkei-sim sweep --seeds 1..200 --jobs 2
        renkei-sim report quake --html quake.html

      筋書きは、ファイルか、`list` が挙げる名前です。終了コード: 0 すべて成り立った、
      1 成り立たないものがあった、2 使い方か入力の誤り、70 プログラムの誤り。
      """,
      """
      Runs the node's own replica, gossip and links, SQLite included, on virtual time, roads and disks, and judges every run by
      checkers with a plain model of their own.

        renkei-sim run everything --seed 7
        renkei-sim sweep --seeds 1..200 --jobs 2
        renkei-sim report quake --html quake.html

      A scenario is a file, or a name that `list` tells. Exit codes: 0 all held, 1 something did not, 2
      wrong usage or input, 70 our fault.
      """),
    version: "renkei-sim \(Build.text)",
    subcommands: [
      ListCommand.self, RunCommand.self, SweepCommand.self, ReplayCommand.self, ShrinkCommand.self, ReportCommand.self,
      MaelstromCommand.self,
      MutantsCommand.self,
      WorkerCommand.self,
    ])

  static func main() {
    umask(0o077)
    Planting.prepare()
    let words = Array(CommandLine.arguments.dropFirst())
    let commands = Self.configuration.subcommands.map { $0.configuration.commandName ?? "" }
    if let complaint = Suggestion.complaint(of: words, commands: commands) {
      complain(complaint)
      Foundation.exit(2)
    }
    do {
      var command = try parseAsRoot()
      try command.run()
    } catch let problem as Problem {
      complain(problem.text)
      Foundation.exit(2)
    } catch {
      let code = exitCode(for: error)
      if let code = error as? ExitCode { Foundation.exit(code.rawValue) }
      guard code == .success || code == .validationFailure else {
        complain("\(error)")
        Foundation.exit(70)
      }
      let text = fullMessage(for: error)
      (code == .success ? FileHandle.standardOutput : .standardError).write(Data((text + "\n").utf8))
      Foundation.exit(code == .success ? 0 : 2)
    }
  }
}

/// What a person did wrong: where, what, and what to do.
struct Problem: Error {
  var text: String

  init(_ japanese: String, _ english: String) { text = Language.pick(japanese, english) }
}

func complain(_ text: String) { FileHandle.standardError.write(Data("renkei-sim: \(text)\n".utf8)) }

func json(_ value: some Encodable) -> String {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
  return String(decoding: try! encoder.encode(value), as: UTF8.self)
}
