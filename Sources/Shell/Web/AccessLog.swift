import Causality
import Hummingbird
import Logging
import NodeService
import Synchronization

/// What an auditor asks of the door: who came in and went, who was turned away (OWASP ASVS 5.0, 16.3). One line each: ids,
/// addresses and routes, and never what somebody typed.
struct AccessLog: Sendable {
  enum Event: String {
    case signedIn = "signed-in"
    case signedOut = "signed-out"
    case locked
    case setUp = "set-up"
    case credentialChanged = "credential-changed"
    case refused
    case noRoom = "no-room"
  }

  private let log: Logger
  private let clock: SteadyClock
  private let lines = RateLimit(burst: 100, perSecond: 1)
  private let unsaid = Unsaid()

  private final class Unsaid: Sendable { let count = Mutex(0) }

  init(_ log: Logger, clock: SteadyClock) {
    self.log = log
    self.clock = clock
  }

  /// - Parameters:
  ///   - address: whose lines these are: who is turned away at full speed fills no disk. The next line says how many were
  ///     not written.
  ///   - who: an account or a token, by its row; nil for a stranger.
  func note(_ event: Event, from address: String, who: String? = nil, _ details: Logger.Metadata = [:]) {
    guard lines.admits("\(address) \(event)", at: clock.now()) else { return unsaid.count.withLock { $0 += 1 } }
    let left = unsaid.count.withLock { count in
      defer { count = 0 }
      return count
    }
    var metadata: Logger.Metadata = ["event": "\(event.rawValue)", "from": "\(address)", "who": "\(who ?? "-")"]
    if left > 0 { metadata["unsaid"] = "\(left)" }
    log.notice("access", metadata: metadata.merging(details) { $1 })
  }
}

/// Who a request turned out to be from, for whoever logs it when it is done.
final class Caller: Sendable {
  private let kept = Mutex<String?>(nil)

  var who: String? {
    get { kept.withLock { $0 } }
    set { kept.withLock { $0 = newValue } }
  }
}

/// Writes down every refusal of somebody, whatever refused it. Outside of what makes answers of errors.
struct NotedRefusals: RouterMiddleware {
  typealias Context = DeskContext

  let log: AccessLog

  func handle(
    _ request: Request, context: Context, next: (Request, Context) async throws -> Response
  ) async throws -> Response {
    var response = try await next(request, context)
    switch response.status {
    case .unauthorized, .forbidden, .tooManyRequests:
      log.note(
        .refused, from: context.address, who: context.caller.who,
        ["status": "\(response.status.code)", "route": "\(request.method.rawValue) \(Self.route(request))"])
    default: break
    }
    // A caller that is told to slow down is always told for how long (RFC 6585, 4).
    if response.status == .tooManyRequests, response.headers[.retryAfter] == nil { response.headers[.retryAfter] = "1" }
    return response
  }

  /// The path without its query, in which people's names may stand, and not longer than a line bears.
  private static func route(_ request: Request) -> String { String(request.uri.path.prefix(200)) }
}
