import Foundation
import Glibc
import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle

/// One line of the answer: progress, or the end.
private enum OperatorLine: Codable {
  case progress(String)
  /// The result's JSON.
  case result(String)
  case failure(OperatorFailure)
}

/// Serves the node's own operator on a socket in the node's folder, which nobody else can open: one JSON command on a
/// line, then lines of progress and one result.
public struct OperatorSocket: Service {
  private let directory: NodeDirectory
  private let `operator`: Operator
  private let log: Logger

  private static let lineLimit = 64 * 1024

  public init(directory: NodeDirectory, operator: Operator, log: Logger) {
    self.directory = directory
    self.operator = `operator`
    self.log = log
  }

  public func run() async throws {
    // A socket that a killed process left behind. The folder's lock says that nobody serves on it.
    unlink(directory.socket)
    let name = SocketName(directory)
    let server = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
      .childChannelOption(.autoRead, value: false)
      .bind(unixDomainSocketPath: name.text) { $0.eventLoop.makeSucceededFuture($0) }
    withExtendedLifetime(name) { _ = chmod(directory.socket, 0o600) }
    defer { unlink(directory.socket) }
    await cancelWhenGracefulShutdown {
      do {
        try await withThrowingDiscardingTaskGroup { group in
          try await server.executeThenClose { incoming in
            for try await channel in incoming { group.addTask { await serve(channel) } }
          }
        }
      } catch {
        if !(error is CancellationError) { log.error("operator socket", metadata: ["error": "\(error)"]) }
      }
    }
  }

  private func serve(_ channel: Channel) async {
    do {
      let served = try await channel.served {
        try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: $0)
      }
      try await served.executeThenClose { inbound, outbound in
        var line = ByteBuffer()
        for try await piece in inbound {
          line.writeImmutableBuffer(piece)
          if line.readableBytesView.contains(UInt8(ascii: "\n")) || line.readableBytes > Self.lineLimit { break }
        }
        let answer: OperatorLine
        do {
          let command = try JSONDecoder().decode(OperatorCommand.self, from: Data(line.readableBytesView))
          let result = try await `operator`.perform(command) { text in
            try? await outbound.write(Self.encode(.progress(text)))
          }
          answer = .result(String(decoding: result, as: UTF8.self))
        } catch {
          answer = .failure(OperatorFailure.describing(error))
        }
        try await outbound.write(Self.encode(answer))
      }
    } catch { log.debug("operator connection ended", metadata: ["error": "\(error)"]) }
  }

  private static func encode(_ line: OperatorLine) -> ByteBuffer {
    // Our own plain types always encode.
    var buffer = ByteBuffer(bytes: try! JSONEncoder().encode(line))
    buffer.writeInteger(UInt8(ascii: "\n"))
    return buffer
  }
}

/// A node's socket as the system takes its name. It always lies in the node's own folder, where nobody else can put one: a path
/// that is too long for a socket is gone through the open folder, as long as this object lives.
private final class SocketName: Sendable {
  let text: String
  private let folder: Int32

  /// Bytes of a socket's name, with the zero at its end (`sun_path`).
  private static let limit = 108

  init(_ directory: NodeDirectory) {
    guard directory.socket.utf8.count >= Self.limit else {
      text = directory.socket
      folder = -1
      return
    }
    folder = open(directory.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    text = "/proc/self/fd/\(folder)/\((directory.socket as NSString).lastPathComponent)"
  }

  deinit { if folder >= 0 { close(folder) } }
}

/// The command line's end of the socket: plain blocking calls.
public struct OperatorClient {
  private let directory: NodeDirectory

  /// Five seconds' worth.
  private static let connectAttempts = 100

  public init(directory: NodeDirectory) { self.directory = directory }

  /// Sends a command to the node that runs on the folder, and waits for its result.
  public func perform(_ command: OperatorCommand, progress: (String) -> Void) throws(OperatorFailure) -> Data {
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    guard descriptor >= 0 else { throw unreachable() }
    defer { close(descriptor) }
    // A node that is just starting holds its folder before it serves its socket.
    var attempts = 0
    while !connect(descriptor) {
      attempts += 1
      guard attempts < Self.connectAttempts else { throw unreachable() }
      usleep(50_000)
    }
    var request = (try? JSONEncoder().encode(command)) ?? Data()
    request.append(UInt8(ascii: "\n"))
    guard request.withUnsafeBytes({ send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }) == request.count
    else { throw unreachable() }

    var buffer = Data()
    var piece = [UInt8](repeating: 0, count: 64 * 1024)
    while true {
      let count = recv(descriptor, &piece, piece.count, 0)
      guard count > 0 else {
        throw OperatorFailure(70, ja: "ノードが途中で止まりました", en: "the node stopped before it had answered")
      }
      buffer.append(contentsOf: piece[..<count])
      while let end = buffer.firstIndex(of: UInt8(ascii: "\n")) {
        let line = buffer[..<end]
        buffer = Data(buffer[buffer.index(after: end)...])
        switch try? JSONDecoder().decode(OperatorLine.self, from: line) {
        case .progress(let text)?: progress(text)
        case .result(let json)?: return Data(json.utf8)
        case .failure(let failure)?: throw failure
        case nil: throw OperatorFailure(70, ja: "ノードの答えを読めません", en: "the node's answer makes no sense")
        }
      }
    }
  }

  private func connect(_ descriptor: Int32) -> Bool {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let name = SocketName(directory)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: name.text.utf8) }
    return withExtendedLifetime(name) {
      withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
        }
      }
    }
  }

  private func unreachable() -> OperatorFailure {
    OperatorFailure(70, ja: "動いているノードに届きません: \(directory.path)", en: "cannot reach the running node: \(directory.path)")
  }
}
