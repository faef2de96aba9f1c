import Desk
import Hummingbird

/// Scripts of origins that the operator allows may read what the API answers, refusals too (Fetch, 3.3).
struct CrossOrigin<Context: RequestContext>: RouterMiddleware {
  let allowed: Set<String>

  func handle(
    _ request: Request, context: Context, next: (Request, Context) async throws -> Response
  ) async throws -> Response {
    var response = try await next(request, context)
    guard let origin = request.headers[.origin], request.uri.path.hasPrefix("/api/"), allowed.contains(origin) else {
      return response
    }
    response.headers[.accessControlAllowOrigin] = origin
    response.headers[.accessControlExposeHeaders] = "ETag, Retry-After, Idempotency-Replayed, Renkei-Drill"
    response.headers[.vary] = [response.headers[.vary], "Origin"].compactMap { $0 }.joined(separator: ", ")
    return response
  }
}

/// How HTTP wants a refusal said: a path that there is answers a wrong method with 405 and what it allows, any other with 404
/// (RFC 9110, 15.5.5 and 15.5.6); and a script of an allowed origin that asks beforehand is told what it may send.
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
    if request.method == .options {
      let allowed = try allowed(request)
      guard let origin = request.headers[.origin], request.uri.path.hasPrefix("/api/"), origins.contains(origin) else {
        throw refused(allowed)
      }
      return Response(
        status: .noContent,
        headers: [
          .accessControlAllowMethods: allowed,
          .accessControlAllowHeaders:
            "Authorization, Content-Type, Entered-At, Idempotency-Key, If-Match, If-None-Match, Last-Event-ID",
          .accessControlMaxAge: "600",
        ])
    }
    guard context.endpointPath != nil else { throw refused(try allowed(request)) }
    return try await next(request, context)
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

/// What a program's route does not take is refused, and so is what is given twice: a word that is misspelt would pass for a
/// wish that was granted. A page's address may bear more: others put words behind it when they pass it on.
struct Parameters: RouterMiddleware {
  typealias Context = DeskContext

  /// By method and path, as the gate has them; what is not here takes none.
  let known: [String: Set<String>]

  func handle(
    _ request: Request, context: Context, next: (Request, Context) async throws -> Response
  ) async throws -> Response {
    let path = context.endpointPath ?? ""
    guard Self.isForPrograms(path) else { return try await next(request, context) }
    let known = known["\(request.method == .head ? "GET" : request.method.rawValue) \(path)"] ?? []
    var given: Set<Substring> = []
    for (name, _) in request.uri.queryParameters {
      guard known.contains(String(name)) else {
        throw APIError.badValue(String(name), ja: "「\(name)」という項目はありません", en: "no parameter is called \"\(name)\"")
      }
      guard given.insert(name).inserted else {
        throw APIError.badValue(String(name), ja: "一度だけ指定してください", en: "give it once")
      }
    }
    return try await next(request, context)
  }

  private static func isForPrograms(_ path: String) -> Bool {
    ["/api/", "/open/"].contains { path.hasPrefix($0) }
      || ["/healthz", "/readyz", "/metrics", "/openapi.yaml"].contains(path)
  }
}
