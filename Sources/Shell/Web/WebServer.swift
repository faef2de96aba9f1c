import Catalogue
import Desk
import Foundation
import Goods
import Hummingbird
import HummingbirdCore
import Logging
import NodeService
import Places
import Runbook
import Site
import Topology

/// The node's HTTP side: the JSON API, the pages, events and figures.
public struct WebServer: Sendable {
  let core: NodeCore
  let topology: Topology
  let metrics: PrometheusRegistry
  let hosts: Set<String>
  let catalogue: Catalogue
  /// Whether browsers come by TLS: cookies are for that alone then.
  let isSecure: Bool
  /// Whether anybody may read what the services publish.
  let isPublic: Bool
  /// Whose scripts may use the API, with tokens: `https://www.city.example.jp`.
  let origins: Set<String>
  /// For whatever lasts: no wall clock says how long somebody is signed in, or has to wait.
  let clock: SteadyClock
  let accessLog: AccessLog
  let sessions: Sessions
  let streams = Streams()
  let histories = Turnstile()
  let imports = Turnstile()
  let door: Door
  let handouts = Shelf<Handout>(minutes: 10, limit: 100)
  /// Forms that were sent when the session had ended: they wait until somebody has signed in.
  let keptForms = Shelf<[String: [String]]>(minutes: 60, limit: 200)
  let passwords = Passwords()
  let newApps = Shelf<NewApp>(minutes: 10, limit: 100)
  let tickets: QueueTickets
  let strangers = Strangers()
  private let description: String
  let labels: Labels
  let maps: [Language: WardMap]

  /// - Parameters:
  ///   - hosts: names by which browsers may call this node, besides addresses and `localhost`.
  ///   - isPublic: whether anybody may read what the services publish, under `/open`.
  ///   - origins: whose scripts may use the API, with tokens.
  ///   - log: where it is written who came in and who was turned away.
  public init(
    core: NodeCore, topology: Topology, metrics: PrometheusRegistry, hosts: Set<String> = [], isSecure: Bool = true,
    isPublic: Bool = false, origins: Set<String> = [], log: Logger = Logger(label: "renkei")
  ) {
    clock = SteadyClock()
    accessLog = AccessLog(log, clock: clock)
    door = Door(log: accessLog) { [clock] in clock.now() }
    sessions = Sessions { Task { await core.announceAccess() } }
    self.isSecure = isSecure
    self.isPublic = isPublic
    self.origins = origins
    self.hosts = hosts
    self.core = core
    tickets = QueueTickets(core.identity)
    self.topology = topology
    catalogue = Services.catalogue(Geography(topology))
    description = OpenAPI.yaml(of: catalogue)
    self.metrics = metrics
    labels = Labels(catalogue)
    maps = [.japanese: WardMap(topology, .japanese), .english: WardMap(topology, .english)]
  }

  /// The service that listens on `address`.
  ///
  /// - Parameter https: what callers are shown; nil for plain HTTP, which is for the machine itself alone.
  public func application(
    on address: NetworkAddress, https: HTTPSRenewal?, log: Logger,
    ready: @escaping @Sendable (Int?) async -> Void
  ) -> some ApplicationProtocol {
    Application(
      router: router(),
      server: HTTPServerBuilder { [door] responder in GuardedChannel(responder, door, https) },
      configuration: ApplicationConfiguration(
        address: .hostname(address.host, port: address.port), serverName: "renkei"),
      onServerRunning: { channel in await ready(channel.localAddress?.port) },
      logger: log)
  }

  /// Who may use which route.
  var access: [String: Access] {
    var routes = Gate.ownRoutes
    for endpoint in catalogue.endpoints {
      let route = "\(endpoint.httpMethod.rawValue) /api/v1\(endpoint.path)"
      routes[route] = endpoint.access
      for format in ListFormat.of(endpoint) { routes[route + format.rawValue] = endpoint.access }
    }
    for (path, _, _) in openFiles { routes["GET \(path)"] = .anyone }
    if isPublic { routes["GET /open/wards.geojson"] = .anyone }
    return routes
  }

  /// What each route takes in its query: a read of the services what its form has.
  private var parameters: [String: Set<String>] {
    var known: [String: Set<String>] = [
      "GET /api/v1/status": ["digest"], "GET /api/v1/inspect/log": ["lane", "author", "from"],
    ]
    for endpoint in catalogue.endpoints where !endpoint.isWrite {
      let route = "GET /api/v1\(endpoint.path)"
      for ending in [""] + ListFormat.of(endpoint).map(\.rawValue) {
        known[route + ending] = Set(endpoint.form.fields.map(\.name))
      }
    }
    return known
  }

  var principals: Principals {
    Principals(core: core, sessions: sessions, clock: clock, cookieName: cookieName, device: { device($0) })
  }

  func router() -> Router<DeskContext> {
    let router = Router(context: DeskContext.self, options: .autoGenerateHeadEndpoints)
    let access = access
    router.add(middleware: MetricsMiddleware())
    // Before what makes answers of errors: refusals bear them too.
    router.add(
      middleware: SecurityHeaders(names: isSecure ? hosts.filter { CallerAddress($0) == nil } : [], mark: drillMark))
    router.add(middleware: NotedRefusals(log: accessLog))
    router.add(middleware: CrossOrigin(allowed: origins))
    router.add(middleware: ErrorBodies { request, error in await errorPage(request, error) })
    router.add(middleware: Lean())
    router.add(middleware: OwnHost(hosts: hosts))
    router.add(middleware: Manners(routes: access.keys, origins: origins))
    router.add(middleware: SameOriginWrites(allowed: origins))
    router.add(middleware: Parameters(known: parameters))
    // Before the gate: what ended a session is answered again to whoever sent it.
    router.add(
      middleware: Once(Gate.ownRoutes.keys) { [catalogue] path in
        guard path.hasPrefix("/do/"), let endpoint = catalogue.endpoint(String(path.dropFirst(4))) else { return false }
        return endpoint.form.mostBytes > Self.bodyLimit
      })
    router.add(
      middleware: Gate(
        principals: principals, access: access, door: door, device: { device($0) },
        turnedAway: { try await keepForm($0) }))
    addPages(to: router)
    router.get("/healthz") { _, _ in
      // Asked by many, often: without the core's thread, which may be busy.
      var answer = text(core.isDiskFull ? "\(Problem.Code.noSpace.rawValue)\n" : "ok\n", type: "text/plain")
      if core.isDiskFull { answer.status = .serviceUnavailable }
      return answer
    }
    router.get("/readyz") { _, _ in try await ready() }
    router.get("/openapi.yaml") { _, _ in
      var response = text(description, type: "application/yaml; charset=utf-8")
      response.headers[.cacheControl] = Self.revalidated
      return response
    }
    router.get("/metrics") { _, _ in
      let gauges = try await core.status(withDigest: false, running: true)
      return text(metrics.exposition(with: gauges), type: "text/plain; version=0.0.4; charset=utf-8")
    }
    router.get("/events") { request, context in try await eventStream(request, context) }
    addOpenData(to: router)
    addSessionRoutes(to: router.group("/api/v1"))
    addNodeRoutes(to: router.group("/api/v1"))
    addPeerRoutes(to: router.group("/api/v1"))
    addServiceRoutes(to: router.group("/api/v1"))
    addInspectRoutes(to: router.group("/api/v1"))
    return router
  }

  func text(_ content: String, type: String) -> Response {
    Response(status: .ok, headers: [.contentType: type], body: .init(byteBuffer: ByteBuffer(string: content)))
  }

  /// JSON with sorted keys, so that the same answer is the same bytes.
  func json(_ value: some Encodable, status: HTTPResponse.Status = .ok) throws -> Response {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return Response(
      status: status, headers: [.contentType: "application/json; charset=utf-8"],
      body: .init(byteBuffer: ByteBuffer(bytes: try encoder.encode(value))))
  }
}
