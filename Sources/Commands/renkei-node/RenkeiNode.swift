import ArgumentParser
import Build
import Foundation
import Glibc
import NodeService
import Terminal

@main
struct RenkeiNode: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "renkei-node",
    abstract: Language.pick(
      "一つの区のノード。単独で動き、相手に会えば一致します。", "One ward's node: it works alone, meets its peers, and agrees with them."),
    discussion: Language.pick(
      """
      最初のノードを作り、見る:

        renkei-node init --ward 13113 --data .renkei/13113 --topology Topology/tokyo23.yaml
        renkei-node import --data .renkei/13113 Tools/sample/shelters.csv
        renkei-node run --data .renkei/13113 --http 127.0.0.1:8113

      `run` 以外のコマンドは、止まっているフォルダにも動いているノードにも同じように使えます。
      動いていれば、フォルダのソケットを通して話します。終了コード: 0 済んだ、1 答えは「いいえ」、
      2 使い方か入力の誤り、70 プログラムの誤り。
      """,
      """
      A first node, and a look at it:

        renkei-node init --ward 13113 --data .renkei/13113 --topology Topology/tokyo23.yaml
        renkei-node import --data .renkei/13113 Tools/sample/shelters.csv
        renkei-node run --data .renkei/13113 --http 127.0.0.1:8113

      Commands other than `run` work on a folder at rest, and on a running node alike: then they speak to it by the
      socket in its folder. Exit codes: 0 done, 1 the answer is no, 2 wrong usage or input, 70 our fault.
      """),
    version: "renkei-node \(Build.text)",
    subcommands: [
      Init.self, Found.self, Enrol.self, Run.self, Unit.self, Import.self, Export.self, ExchangeCommand.self,
      FeedCommand.self,
      BundleCommand.self, Links.self,
      Revoke.self,
      AuthorityCommand.self,
      SetAside.self, AccountCommand.self, TokenCommand.self, Backup.self, Restore.self, Unseal.self, Drill.self,
      Status.self,
      Doctor.self,
      Verify.self, Rebuild.self,
    ])

  /// How people type each command.
  private static func name(_ command: any ParsableCommand.Type) -> String {
    command.configuration.commandName
      ?? "\(command)".reduce(into: "") { $0 += $1.isUppercase ? ($0.isEmpty ? "" : "-") + $1.lowercased() : String($1) }
  }

  static func main() async {
    // Whatever is made from here on is its owner's alone.
    umask(0o077)
    let words = Array(CommandLine.arguments.dropFirst())
    if let complaint = Suggestion.complaint(of: words, commands: configuration.subcommands.map(name)) {
      FileHandle.standardError.write(Data("renkei-node: \(complaint)\n".utf8))
      Foundation.exit(2)
    }
    do {
      var command = try parseAsRoot()
      if var command = command as? any AsyncParsableCommand { try await command.run() } else { try command.run() }
    } catch let failure as OperatorFailure {
      complain(failure)
      Foundation.exit(failure.exitCode)
    } catch {
      let code = exitCode(for: error)
      if code == .success || code == .validationFailure {
        let text = fullMessage(for: error)
        FileHandle(forWritingTo: code == .success).write(Data((text + "\n").utf8))
        Foundation.exit(code == .success ? 0 : 2)
      }
      if let code = error as? ExitCode { Foundation.exit(code.rawValue) }
      let failure = OperatorFailure.describing(error)
      complain(failure)
      Foundation.exit(failure.exitCode)
    }
  }

  private static func complain(_ failure: OperatorFailure) {
    let text = Language.pick(failure.japanese, failure.english)
    if CommandLine.arguments.contains("--json"),
      let json = try? JSONEncoder().encode(["ja": failure.japanese, "en": failure.english])
    {
      print("{\"error\":\(String(decoding: json, as: UTF8.self))}")
    }
    FileHandle.standardError.write(Data("renkei-node: \(text)\n".utf8))
  }
}

extension FileHandle {
  fileprivate convenience init(forWritingTo standardOutput: Bool) {
    self.init(fileDescriptor: standardOutput ? STDOUT_FILENO : STDERR_FILENO)
  }
}

/// Options that every command on a node's folder has.
struct NodeOptions: ParsableArguments {
  @Option(help: ArgumentHelp(Language.pick("ノードのフォルダ。", "The node's folder."))) var data: String
  @Flag(help: ArgumentHelp(Language.pick("プログラム用に JSON を一つ出す。", "Print one JSON object for programs."))) var json =
    false

  var directory: NodeDirectory { NodeDirectory(data) }
}
