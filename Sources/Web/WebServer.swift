import Desk
import Foundation
import Hummingbird
import Logging
import NodeService
import Orders
import Services
import Shelters
import Topology

/// The node's HTTP side: the JSON API, the pages, events and figures.
public struct WebServer: Sendable {
  let core: NodeCore
  let topology: Topology
  let metrics: PrometheusRegistry
  let hosts: Set<String>
  let catalogue: Catalogue
  private let description: String

  /// - Parameter hosts: names by which browsers may call this node, besides addresses and `localhost`.
  public init(core: NodeCore, topology: Topology, metrics: PrometheusRegistry, hosts: Set<String> = []) {
    self.hosts = hosts
    self.core = core
    self.topology = topology
    catalogue = Services.catalogue(Geography(topology))
    description = OpenAPI.yaml(with: catalogue.endpoints)
    self.metrics = metrics
  }

  /// The service that listens on `address`.
  public func application(
    on address: NetworkAddress, log: Logger, ready: @escaping @Sendable (Int?) async -> Void
  ) -> some ApplicationProtocol {
    Application(
      router: router(),
      server: .http1(configuration: .init(idleTimeout: .seconds(60))),
      configuration: ApplicationConfiguration(
        address: .hostname(address.host, port: address.port), serverName: "renkei"),
      onServerRunning: { channel in await ready(channel.localAddress?.port) },
      logger: log)
  }

  func router() -> Router<BasicRequestContext> {
    let router = Router(context: BasicRequestContext.self)
    router.add(middleware: MetricsMiddleware())
    router.add(middleware: ErrorBodies())
    router.add(middleware: SecurityHeaders())
    router.add(middleware: OwnHost(hosts: hosts))
    router.add(middleware: SameOriginWrites())
    router.get("/") { request, _ in try await statusPage(request) }
    router.get("/healthz") { _, _ in
      Response(status: .ok, headers: [.contentType: "text/plain"], body: .init(byteBuffer: ByteBuffer(string: "ok\n")))
    }
    router.get("/openapi.yaml") { _, _ in text(description, type: "application/yaml; charset=utf-8") }
    router.get("/style.css") { _, _ in text(Assets.style, type: "text/css; charset=utf-8") }
    router.get("/page.js") { _, _ in text(Assets.script, type: "text/javascript; charset=utf-8") }
    router.get("/metrics") { _, _ in
      let gauges = try await core.status(withDigest: false, running: true)
      return text(metrics.exposition(with: gauges), type: "text/plain; version=0.0.4; charset=utf-8")
    }
    router.get("/events") { _, _ in await eventStream() }
    addShelterRoutes(to: router.group("/api/v1"))
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
