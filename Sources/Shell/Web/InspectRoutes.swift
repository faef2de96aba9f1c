import Causality
import ChangeModel
import Foundation
import Gossip
import Hummingbird
import NIOCore
import NodeService
import Replica
import SignedLog
import Store

/// What `renkei-inspect` asks a node at an address: its heads, and its logs as a peer would get them, sealed as they are.
extension WebServer {
  func addInspectRoutes(to api: RouterGroup<DeskContext>) {
    api.get("/inspect/heads") { _, _ in try json(await core.inspect { HeadsReport($0) }) }
    api.get("/inspect/log") { request, _ in
      let query = request.uri.queryParameters
      guard let lane = Lane.allCases.first(where: { $0.name == query["lane"].map { String($0) } }) else {
        throw APIError.badValue("lane", ja: "レーンの名前ではありません", en: "not a lane")
      }
      guard let author = query["author"].flatMap({ UInt32($0) }).flatMap({ AuthorNumber(rawValue: $0) }) else {
        throw APIError.badValue("author", ja: "書き手の番号ではありません", en: "not an author number")
      }
      guard let first = SequenceNumber(query["from"] ?? "1"), first >= 1 else {
        throw APIError.badValue("from", ja: "1 以上の番号ではありません", en: "not a number from 1")
      }
      let bundle = try await core.inspect { try $0.bundle(of: LogName(lane, author), from: first) }
      return Response(
        status: .ok, headers: [.contentType: "application/octet-stream"],
        body: .init(byteBuffer: ByteBuffer(bytes: bundle)))
    }
  }
}

extension Replica {
  /// About a mebibyte of a log as a bundle: whoever asks goes on from where it ends.
  fileprivate func bundle(of log: LogName, from first: SequenceNumber) throws -> [UInt8] {
    var bytes = Bundle.header(federation: federation)
    var next = first
    while bytes.count < 1 << 20, next <= store.logged(log) {
      let entries = try store.entries(log, from: next, byteLimit: 64 * 1024)
      guard !entries.isEmpty else { break }
      bytes += Bundle.frame(.run(Run(log, first: next, entries: entries)))
      next += SequenceNumber(entries.count)
    }
    return bytes
  }
}
