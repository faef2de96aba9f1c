import ArgumentParser
import Desk
import Exchange
import Foundation
import Logging
import NodeService
import Places
import Terminal
import Topology

/// Carries out an operator's command: on the running node through its socket, else on the folder itself.
enum Session {
  static func perform<Result: Decodable>(
    _ command: OperatorCommand, _ options: NodeOptions, as type: Result.Type
  ) async throws -> Result {
    let data = try await run(command, options.directory)
    if options.json { print(String(decoding: data, as: UTF8.self)) }
    return try JSONDecoder().decode(type, from: data)
  }

  private static func run(_ command: OperatorCommand, _ directory: NodeDirectory) async throws -> Data {
    guard directory.isEnrolled else { throw OperatorFailure.describing(DirectoryError.notANode(path: directory.path)) }
    try keepPrivate(directory)
    let lock: DirectoryLock
    do { lock = try directory.lock() } catch DirectoryError.inUse {
      return try OperatorClient(directory: directory).perform(command, progress: showProgress)
    }
    defer { withExtendedLifetime(lock) {} }
    let core = try open(directory, log: quietLog())
    let data = try await Operator(core: core, topology: try topology(of: directory), isRunning: false)
      .perform(command) { showProgress($0) }
    try await core.close()
    return data
  }

  /// Closes a node's folder to everybody else, and says so when it stood open.
  static func keepPrivate(_ directory: NodeDirectory) throws {
    guard try directory.keepPrivate() else { return }
    let text = Language.pick(
      "フォルダにほかの人も入れました。所有者だけが入れるようにしました(chmod 700): \(directory.path)",
      "others could enter the folder; it is closed to all but its owner now (chmod 700): \(directory.path)")
    FileHandle.standardError.write(Data("renkei-node: \(text)\n".utf8))
  }

  /// Keeps an act for the audit trail. That it cannot be kept is said, and hinders nothing.
  static func keep(_ act: OperatorAct, _ what: String, _ directory: NodeDirectory) {
    do { try directory.keep(act, what, by: Operator.atMachine) } catch {
      let text = Language.pick("この操作を閲覧と変更の記録に残せませんでした: \(error)", "not in the audit trail: \(error)")
      FileHandle.standardError.write(Data("renkei-node: \(text)\n".utf8))
    }
  }

  static func open(_ directory: NodeDirectory, log: Logger) throws -> NodeCore {
    try NodeCore(directory: directory, schema: NodeSchema.current, log: log)
  }

  /// The topology that the node was made with.
  static func topology(of directory: NodeDirectory) throws -> Topology {
    try TopologyFile.read(directory.path + "/topology.yaml")
  }

  private static func quietLog() -> Logger {
    var log = Logger(label: "renkei")
    log.logLevel = .error
    return log
  }

  /// One line, written over itself; on a terminal alone, so that nobody is mailed it.
  private static func showProgress(_ text: String) {
    guard isatty(STDERR_FILENO) == 1 else { return }
    FileHandle.standardError.write(Data("\r\u{1b}[K… \(text)\r".utf8))
  }
}

/// Which wards there are.
struct TopologyOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      Language.pick(
        "区と接続を書いたファイル。省けば東京 23 区。", "A file with the wards and their links. Without it: the 23 special wards of Tokyo.")
    ))
  var topology: String?

  /// What `--topology` names, else the 23 wards; with its text.
  func chosen() throws -> (Topology, text: String) {
    guard let topology else {
      return (try TopologyFile.parsed(Topology.tokyo23, "tokyo23"), Topology.tokyo23)
    }
    let text = try TopologyFile.text(topology)
    return (try TopologyFile.parsed(text, topology), text)
  }
}

enum TopologyFile {
  /// Beside a node's other files.
  static func save(_ text: String, in folder: String) throws {
    try Data(text.utf8).write(to: URL(fileURLWithPath: folder + "/topology.yaml"))
  }

  static func read(_ path: String) throws -> Topology { try parsed(text(path), path) }

  fileprivate static func text(_ path: String) throws -> String {
    guard let data = FileManager.default.contents(atPath: path) else {
      throw OperatorFailure(2, ja: "地域構成ファイルを読めません: \(path)", en: "cannot read the topology: \(path)")
    }
    return String(decoding: data, as: UTF8.self)
  }

  fileprivate static func parsed(_ text: String, _ path: String) throws -> Topology {
    do { return try Topology(yaml: text) } catch {
      throw OperatorFailure(
        2, ja: "\(path): \(error.line) 行目 \(error.field): \(error.message)", en: "\(path): \(error)")
    }
  }
}
