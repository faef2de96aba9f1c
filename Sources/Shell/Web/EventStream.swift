import Desk
import Hummingbird
import NodeService

extension WebServer {
  /// Server-sent events (WHATWG HTML, 9.2): `rows` with the ids that changed, `links` when a link did. A comment every
  /// 15 seconds tells a browser that the node is there.
  func eventStream() async -> Response {
    let events = await core.events()
    return Response(
      status: .ok, headers: [.contentType: "text/event-stream"],
      body: .init { writer in
        try await writer.write(ByteBuffer(string: "retry: 2000\n: renkei\n\n"))
        for await chunk in Self.chunks(events) { try await writer.write(ByteBuffer(string: chunk)) }
        try await writer.finish(nil)
      })
  }

  /// How many ids one event names; past that it says how many there were.
  private static let idLimit = 100

  private static func chunks(_ events: AsyncStream<NodeEvent>) -> AsyncStream<String> {
    AsyncStream(bufferingPolicy: .bufferingNewest(256)) { continuation in
      let forward = Task {
        for await event in events {
          if let chunk = Self.chunk(event) { continuation.yield(chunk) }
        }
        continuation.finish()
      }
      let beat = Task {
        while !Task.isCancelled {
          try? await Task.sleep(for: .seconds(15))
          continuation.yield(": beat\n\n")
        }
      }
      continuation.onTermination = { _ in
        forward.cancel()
        beat.cancel()
      }
    }
  }

  /// That somebody looked is written down, but changes nothing that a page shows: told, it would make pages look again.
  private static let trails = Set(AuditTrail.collections.map(\.number))

  private static func chunk(_ event: NodeEvent) -> String? {
    switch event {
    case .links: return "event: links\ndata: {}\n\n"
    case .rows(let all):
      let rows = all.filter { !trails.contains($0.collection) }
      guard !rows.isEmpty else { return nil }
      let ids = rows.prefix(idLimit).map { "\"\($0.row)\"" }.joined(separator: ",")
      return "event: rows\ndata: {\"count\":\(rows.count),\"ids\":[\(ids)]}\n\n"
    }
  }
}
