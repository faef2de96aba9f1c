import ChangeModel
import Desk
import Hummingbird
import NodeService

extension WebServer {
  /// Server-sent events (WHATWG HTML, 9.2): `rows` with the ids that changed, `links` when a link did. A comment every
  /// 15 seconds tells a browser that the node is there. A listener hears of what it may read alone; of people's data, that
  /// something changed and not of whom, since a resident's ID is the row's id in another notation.
  func eventStream(for user: User) async -> Response {
    let events = await core.events()
    let chunk = chunk(for: user)
    return Response(
      status: .ok, headers: [.contentType: "text/event-stream"],
      body: .init { writer in
        try await writer.write(ByteBuffer(string: "retry: 2000\n: renkei\n\n"))
        for await chunk in Self.chunks(events, chunk) { try await writer.write(ByteBuffer(string: chunk)) }
        try await writer.finish(nil)
      })
  }

  /// How many ids one event names; past that it says how many there were.
  private static let idLimit = 100

  private static func chunks(
    _ events: AsyncStream<NodeEvent>, _ chunk: @escaping @Sendable (NodeEvent) -> String?
  ) -> AsyncStream<String> {
    AsyncStream(bufferingPolicy: .bufferingNewest(256)) { continuation in
      let forward = Task {
        for await event in events {
          if let chunk = chunk(event) { continuation.yield(chunk) }
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

  private func chunk(for user: User) -> @Sendable (NodeEvent) -> String? {
    // That somebody looked is written down, but changes nothing that a page shows: told, it would make pages look again.
    let heard = catalogue.services.flatMap(\.records).filter {
      $0.schema.law != .appendOnly && $0.reader.access.admits(user.roles)
    }
    let (shown, people) = (
      Set(heard.filter { !$0.isPersonal }.map(\.number)), Set(heard.filter(\.isPersonal).map(\.number))
    )
    return { event in
      switch event {
      case .links: return "event: links\ndata: {}\n\n"
      case .rows(let all):
        let rows = all.filter { shown.contains($0.collection) }
        let count = rows.count + all.filter { people.contains($0.collection) }.count
        guard count > 0 else { return nil }
        let ids = rows.prefix(Self.idLimit).map { "\"\($0.row)\"" }.joined(separator: ",")
        return "event: rows\ndata: {\"count\":\(count),\"ids\":[\(ids)]}\n\n"
      }
    }
  }
}
