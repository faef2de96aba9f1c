import Causality
import ChangeModel
import Desk
import Hummingbird
import NodeService
import Office
import Synchronization

/// Streams of server-sent events (WHATWG HTML, 9.2). A comment every 10 seconds tells a listener that the node is there; and
/// each ends when whoever listens may listen no longer.
extension WebServer {
  /// For this node's own pages: that rows changed, with their ids, or that a link did. A listener hears of what it may read
  /// alone; of people's data, that something changed and not of whom, since a resident's ID is the row's id in another notation.
  func eventStream(_ request: Request, _ context: DeskContext) async throws -> Response {
    let chunk = chunk(for: context.user)
    return try await stream(request, context) { event in
      // A browser's pages do not see a comment: of silence they make that the node is out of reach.
      if event.isQuiet { return ["event: beat\ndata: {}\n\n"] }
      guard case .happened(let event) = event else { return [] }
      return chunk(event).map { [$0] } ?? []
    }
  }

  /// What makes a stream go on: it has begun, something happened here, or nothing did for a while.
  enum StreamEvent: Sendable { case begun, happened(NodeEvent), quiet }

  private static let beat: Duration = .seconds(10)

  /// - Parameter chunks: what to send now; nil ends the stream.
  func stream(
    _ request: Request, _ context: DeskContext,
    _ chunks: @escaping @Sendable (StreamEvent) async throws -> [String]?
  ) async throws -> Response {
    let listener = context.principal?.name ?? context.address
    let (events, end) = Self.beating(await core.events())
    let place = streams.begin(listener, end)
    return Response(
      status: .ok, headers: [.contentType: "text/event-stream"],
      body: .init { writer in
        defer { withExtendedLifetime(place) {} }
        try await writer.write(ByteBuffer(string: "retry: 2000\n: renkei\n\n"))
        var checked = clock.now()
        for await event in events {
          // At once when it may be over; else often enough for a token whose time is up, and no more often than costs nothing.
          if event.concernsAccess || clock.now().milliseconds(since: checked) >= 1_000 {
            guard try await principals.of(request, isUsed: false) != nil else { break }
            checked = clock.now()
          }
          guard let texts = try await chunks(event) else { break }
          for text in texts { try await writer.write(ByteBuffer(string: text)) }
          if event.isQuiet { try await writer.write(ByteBuffer(string: ": beat\n\n")) }
        }
        try await writer.finish(nil)
      })
  }

  private static func beating(
    _ events: AsyncStream<NodeEvent>
  ) -> (AsyncStream<StreamEvent>, end: @Sendable () -> Void) {
    let (stream, continuation) = AsyncStream.makeStream(of: StreamEvent.self, bufferingPolicy: .bufferingNewest(256))
    continuation.yield(.begun)
    let forward = Task {
      for await event in events { continuation.yield(.happened(event)) }
      continuation.finish()
    }
    let beat = Task {
      while !Task.isCancelled {
        try? await Task.sleep(for: Self.beat)
        continuation.yield(.quiet)
      }
    }
    continuation.onTermination = { _ in
      forward.cancel()
      beat.cancel()
    }
    return (stream, { continuation.finish() })
  }

  /// How many ids one event names; past that it says how many there were.
  private static let idLimit = 100

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
      case .access: return nil
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

/// The streams that are open, by whose they are. A browser's pages need one each, and a browser keeps six to a host. One that
/// was left is found out at its next beat; so one more than an account may have ends that account's oldest, and nobody who goes
/// from page to page is refused.
final class Streams: Sendable {
  static let each = 16

  private struct Open {
    var last = 0
    var byListener: [String: [(number: Int, end: @Sendable () -> Void)]] = [:]
  }
  private let open = Mutex(Open())

  /// One of them, for as long as somebody holds it: also when a stream ends before it began.
  final class Place: Sendable {
    private let streams: Streams
    private let listener: String
    private let number: Int

    fileprivate init(_ streams: Streams, _ listener: String, _ number: Int) {
      (self.streams, self.listener, self.number) = (streams, listener, number)
    }

    deinit { streams.leave(listener, number) }
  }

  /// - Parameter end: called when it has to give way.
  func begin(_ listener: String, _ end: @escaping @Sendable () -> Void) -> Place {
    let (number, oldest) = open.withLock { open in
      open.last += 1
      open.byListener[listener, default: []].append((open.last, end))
      return (open.last, open.byListener[listener]!.count > Self.each ? open.byListener[listener]!.removeFirst() : nil)
    }
    oldest?.end()
    return Place(self, listener, number)
  }

  private func leave(_ listener: String, _ number: Int) {
    open.withLock { open in
      open.byListener[listener]?.removeAll { $0.number == number }
      if open.byListener[listener]?.isEmpty == true { open.byListener[listener] = nil }
    }
  }
}

extension WebServer.StreamEvent {
  fileprivate var isQuiet: Bool { if case .quiet = self { true } else { false } }

  /// Whether somebody may have signed out, been locked or ended with it.
  fileprivate var concernsAccess: Bool {
    switch self {
    case .quiet, .happened(.access): true
    case .happened(.rows(let rows)): rows.contains { Self.access.contains($0.collection) }
    case .begun, .happened(.links): false
    }
  }

  private static let access = Set(
    [AccountRow.records, Credential.records, DeviceRow.records, TokenRow.records].map(\.number))
}
