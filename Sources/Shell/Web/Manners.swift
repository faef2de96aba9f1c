import Desk
import Hummingbird

/// How HTTP wants a refusal said: a path that there is answers a wrong method with 405 and what it allows, any other with 404
/// (RFC 9110, 15.5.5 and 15.5.6); and scripts of origins that the operator allows learn that they may ask (Fetch, 3.3).
struct Manners: RouterMiddleware {
  typealias Context = DeskContext

  /// Path and methods of every route: `/api/v1/lots/{id}`.
  private let routes: [(path: [Substring], methods: [String])]
  private let origins: Set<String>

  /// - Parameters:
  ///   - routes: by method and path, as the gate has them.
  ///   - origins: whose scripts may use the API.
  init(routes: some Sequence<String>, origins: Set<String>) {
    var methods: [Substring: [String]] = [:]
    for route in routes {
      let parts = route.split(separator: " ", maxSplits: 1)
      methods[parts[1], default: []].append(String(parts[0]))
    }
    self.routes = methods.map { ($0.key.split(separator: "/"), $0.value) }
    self.origins = origins
  }

  func handle(
    _ request: Request, context: Context, next: (Request, Context) async throws -> Response
  ) async throws -> Response {
    let origin = request.headers[.origin].flatMap { origin in
      request.uri.path.hasPrefix("/api/") && origins.contains(origin) ? origin : nil
    }
    if request.method == .options {
      let allowed = try allowed(request)
      guard let origin else { throw refused(allowed) }
      return Response(
        status: .noContent,
        headers: [
          .accessControlAllowOrigin: origin, .vary: "Origin", .accessControlAllowMethods: allowed,
          .accessControlAllowHeaders: "Authorization, Content-Type, Idempotency-Key, If-None-Match, Last-Event-ID",
          .accessControlMaxAge: "600",
        ])
    }
    guard context.endpointPath != nil else { throw refused(try allowed(request)) }
    var response = try await next(request, context)
    if let origin {
      response.headers[.accessControlAllowOrigin] = origin
      response.headers[.vary] = "Origin"
      response.headers[.accessControlExposeHeaders] = "ETag, Retry-After, Idempotency-Replayed"
    }
    return response
  }

  /// - Throws: 404 for a path that leads nowhere.
  private func allowed(_ request: Request) throws -> String {
    let path = request.uri.path.split(separator: "/")
    let fitting = routes.filter { route in
      route.path.count == path.count && zip(route.path, path).allSatisfy { $0.hasPrefix("{") || $0 == $1 }
    }
    guard !fitting.isEmpty else {
      throw APIError(.notFound, "not-found", ja: "このアドレスには何もありません", en: "there is nothing at this address")
    }
    let methods = Set(fitting.flatMap(\.methods))
    return (methods.contains("GET") ? methods.union(["HEAD"]) : methods).sorted().joined(separator: ", ")
  }

  private func refused(_ allowed: String) -> APIError {
    var error = APIError(
      .methodNotAllowed, "wrong-method", ja: "このアドレスで使えるのは \(allowed) です", en: "this address takes \(allowed)")
    error.allow = allowed
    return error
  }
}
