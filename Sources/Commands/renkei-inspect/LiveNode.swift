import Causality
import ChangeModel
import Federation
import Foundation
import Gossip
import Inspection
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import NodeService
import Replica
import SignedLog
import Sodium
import Store
import Terminal

/// A running node at an address, asked over its HTTP API.
final class LiveNode {
  private let address: String
  private let host: String
  private let port: Int
  /// Nil for plain HTTP.
  private let tls: NIOSSLContext?
  /// Who has to have signed its certificate; nil where the system's authorities may.
  private let authority: NodeAuthority?

  /// What one answer may hold: a portion of a log is about a mebibyte.
  private static let answerLimit = 64 << 20

  init(_ address: String) throws {
    guard let url = URLComponents(string: address), let host = url.host else {
      throw Problem("URL ではありません: \(address)", "not a URL: \(address)")
    }
    guard url.path.isEmpty || url.path == "/" else {
      throw Problem(
        "ノードの番地だけを書いてください: https://\(host):\(url.port ?? 443)",
        "give the node's address alone: https://\(host):\(url.port ?? 443)")
    }
    self.address = address
    self.host = host
    port = url.port ?? (url.scheme == "http" ? 80 : 443)
    tls = url.scheme == "http" ? nil : try NIOSSLContext(configuration: .makeClientConfiguration())
    do { authority = try ProcessInfo.processInfo.environment["RENKEI_CA"].map(NodeAuthority.init) } catch {
      throw Problem("RENKEI_CA の証明書を読めません: \(error)", "the certificate that RENKEI_CA names cannot be read: \(error)")
    }
  }

  private static func handler(_ tls: NIOSSLContext, _ host: String, _ authority: NodeAuthority?) throws
    -> NIOSSLClientHandler
  {
    let name = (try? SocketAddress(ipAddress: host, port: 0)) == nil ? host : nil
    guard let authority else { return try NIOSSLClientHandler(context: tls, serverHostname: name) }
    return try NIOSSLClientHandler(context: tls, serverHostname: name) { chain, promise in
      promise.completeWithTask { try await authority.signed(chain, for: host) ? .certificateVerified : .failed }
    }
  }

  // MARK: What it tells

  private struct Status: Decodable {
    var ward: String
    var wardName: String
    var federationName: String
    var drill: Bool
    var conflicts: Int
    var peers: [LivePeer]
    var tables: [String: String]?
  }

  /// Which program runs there; nil where it is too old to say.
  var program: String? {
    struct Answer: Decodable { var version: String; var commit: String }
    return (try? get("/api/v1/version")).flatMap { try? JSONDecoder().decode(Answer.self, from: $0) }.map {
      "\($0.version) (\($0.commit))"
    }
  }

  var knownLinks: Opening.LinksAnswer? {
    (try? get("/api/v1/links")).flatMap { try? JSONDecoder().decode(Opening.LinksAnswer.self, from: $0).bounded }
  }

  /// Fetches the logs of some lanes; of those that `base` has, what it lacks.
  func evidence(identity: NodeIdentity?, lanes: Set<Lane>, base: Evidence?) throws -> Evidence {
    let heads: HeadsReport = try decode("/api/v1/inspect/heads")
    var status: Status = try decode("/api/v1/status?digest=1")
    status.peers = status.peers.map(\.bounded)
    guard let id = [UInt8](hexadecimal: heads.federation), id.count == Digest.byteCount else { throw senseless() }
    let federation = Digest(id)
    var states: [LogName: LogState] = [:]
    for head in heads.logs {
      guard let lane = Lane.allCases.first(where: { $0.name == head.lane }),
        let author = AuthorNumber(rawValue: head.author), let hash = [UInt8](hexadecimal: head.hash), hash.count == 32
      else { throw senseless() }
      var state = LogState(LogName(lane, author))
      state.logged = LogHead(sequence: head.sequence, hash: Digest(hash))
      state.merged = LogHead(sequence: head.merged)
      states[LogName(lane, author)] = state
    }
    let known = try base?.logStates() ?? [:]
    let evidence = try Evidence.told(
      by: address, heads: states, federation: federation, identity: identity, schema: Opening.schema, base: base
    ) { keep in
      for (log, state) in states.sorted(by: { $0.key < $1.key })
      where lanes.contains(log.lane) && state.logged != known[log]?.logged {
        try fetch(log, state.logged.sequence, base, known[log], federation, keep)
      }
    }
    evidence.toldDigests = status.tables
    evidence.toldIdentity = AuthorNumber(rawValue: heads.node).map {
      ToldIdentity(
        node: $0, epoch: Int(heads.epoch), ward: status.ward, wardName: status.wardName,
        federationName: status.federationName, drill: status.drill,
        conflicts: max(0, status.conflicts))
    }
    return evidence
  }

  /// A log from where the base ends; from its beginning when the two have different branches.
  private func fetch(
    _ log: LogName, _ end: SequenceNumber, _ base: Evidence?, _ known: LogState?, _ federation: Digest,
    _ keep: (Run) throws -> Void
  ) throws {
    let common = min(end, known?.logged.sequence ?? 0)
    var next = max(common, 1)
    if common > 0, let base {
      let theirs = try runs(log, from: common, federation).first?.entries.first
      if try theirs != base.entry(log, common) { next = 1 }
    }
    while next <= end {
      let before = next
      let runs = try runs(log, from: next, federation)
      // What does not go on from here is not what was asked for.
      for run in runs where run.first == next && run.entries.count <= Int(end) {
        try keep(run)
        next += SequenceNumber(run.entries.count)
      }
      guard next > before else { throw senseless() }
    }
  }

  private func runs(_ log: LogName, from first: SequenceNumber, _ federation: Digest) throws -> [Run] {
    let bytes = try get(
      "/api/v1/inspect/log?lane=\(log.lane.name)&author=\(log.author.rawValue)&from=\(first)")
    var reader = BundleReader(federation: federation)
    reader.feed(bytes)
    var runs: [Run] = []
    do {
      while let message = try reader.next() { if case .run(let run) = message, run.log == log { runs.append(run) } }
    } catch { throw senseless() }
    return runs
  }

  // MARK: HTTP

  private func decode<Value: Decodable>(_ path: String) throws -> Value {
    do { return try JSONDecoder().decode(Value.self, from: get(path)) } catch is DecodingError { throw senseless() }
  }

  private func senseless() -> InspectionError {
    .notReadable(address: address, reason: "its answer makes no sense")
  }

  private func reason(_ error: any Error) -> String {
    switch error {
    // The handshake broke off: the reason went with the channel.
    case ChannelError.ioOnClosedChannel where tls != nil, is NIOSSLError, is NIOSSLExtraError:
      ProcessInfo.processInfo.environment["RENKEI_CA"] == nil
        ? Language.pick(
          "証明書を信頼できません。RENKEI_CA=DIR/https/ca.pem を付けてください",
          "its certificate is not trusted: RENKEI_CA=DIR/https/ca.pem")
        : Language.pick(
          "証明書が RENKEI_CA のものではないか、HTTPS ではありません",
          "its certificate is not of the authority that RENKEI_CA names, or it speaks no HTTPS")
    case let error as NIOConnectionError:
      error.connectionErrors.first.map { reason($0.error) } ?? Language.pick("その名前の機械がありません", "no such host")
    case let error as IOError: String(cString: strerror(error.errnoCode))
    case ChannelError.connectTimeout, ChannelError.eof:
      Language.pick("時間切れ、または途中で切れました", "no answer in time, or cut off")
    case is SocketAddressError: Language.pick("その名前の機械がありません", "no such host")
    default: "\(error)"
    }
  }

  func get(_ path: String) throws -> Data {
    let answer: EventLoopPromise<(UInt, Data)> = MultiThreadedEventLoopGroup.singleton.next().makePromise()
    do {
      let channel = try ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        .connectTimeout(.seconds(5))
        .channelInitializer { [tls, host, authority] channel in
          channel.eventLoop.makeCompletedFuture {
            if let tls { try channel.pipeline.syncOperations.addHandler(Self.handler(tls, host, authority)) }
            try channel.pipeline.syncOperations.addHTTPClientHandlers()
            try channel.pipeline.syncOperations.addHandler(AnswerHandler(answer, limit: Self.answerLimit))
          }
        }
        .connect(host: host, port: port).wait()
      let timeout = channel.eventLoop.scheduleTask(in: .seconds(20)) { channel.close(promise: nil) }
      var headers: HTTPHeaders = ["Host": "\(host):\(port)", "Accept": "*/*", "Connection": "close"]
      if let token = ProcessInfo.processInfo.environment["RENKEI_TOKEN"] {
        headers.add(name: "Authorization", value: "Bearer \(token)")
      }
      let head = HTTPRequestHead(version: .http1_1, method: .GET, uri: path, headers: headers)
      channel.write(HTTPClientRequestPart.head(head), promise: nil)
      try channel.writeAndFlush(HTTPClientRequestPart.end(nil)).wait()
      let (status, body) = try answer.futureResult.wait()
      timeout.cancel()
      channel.close(promise: nil)
      guard status != 401, status != 403 else {
        throw Problem(
          "署名が要ります。`renkei-node token add --role engineer` で作った鍵を RENKEI_TOKEN に入れてください",
          "not allowed: put a token made by `renkei-node token add --role engineer` into RENKEI_TOKEN")
      }
      guard status == 200 else { throw InspectionError.notReadable(address: address, reason: "HTTP \(status)") }
      return body
    } catch let error as InspectionError { throw error } catch let problem as Problem { throw problem } catch {
      answer.fail(error)
      throw InspectionError.notReadable(address: address, reason: reason(error))
    }
  }
}

/// Collects one answer.
private final class AnswerHandler: ChannelInboundHandler {
  typealias InboundIn = HTTPClientResponsePart

  private let answer: EventLoopPromise<(UInt, Data)>
  private let limit: Int
  private var status: UInt = 0
  private var body = Data()

  init(_ answer: EventLoopPromise<(UInt, Data)>, limit: Int) {
    self.answer = answer
    self.limit = limit
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head(let head): status = head.status.code
    case .body(let bytes):
      body.append(contentsOf: bytes.readableBytesView)
      if body.count > limit { context.close(promise: nil) }
    case .end: answer.succeed((status, body))
    }
  }

  func channelInactive(context: ChannelHandlerContext) {
    answer.fail(ChannelError.eof)
    context.fireChannelInactive()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    answer.fail(error)
    context.close(promise: nil)
  }
}
