import Exchange
import Foundation
import Logging
import NodeService
import Places
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

  /// One line, written over itself on a terminal; a line each for whoever reads along.
  private static func showProgress(_ text: String) {
    let ending = isatty(STDERR_FILENO) == 1 ? "\r" : "\n"
    FileHandle.standardError.write(Data("… \(text)\(ending)".utf8))
  }
}

enum TopologyFile {
  static func read(_ path: String) throws -> Topology {
    guard let data = FileManager.default.contents(atPath: path) else {
      throw OperatorFailure(2, ja: "地域構成ファイルを読めません: \(path)", en: "cannot read the topology: \(path)")
    }
    do { return try Topology(yaml: String(decoding: data, as: UTF8.self)) } catch {
      throw OperatorFailure(
        2, ja: "\(path): \(error.line) 行目 \(error.field): \(error.message)", en: "\(path): \(error)")
    }
  }
}
