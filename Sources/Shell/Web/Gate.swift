import Causality
import Desk
import Foundation
import Hummingbird
import NodeService
import Office

/// Lets in whoever may use a route, and nobody else: what the list below does not name is for nobody.
struct Gate: RouterMiddleware {
  typealias Context = DeskContext

  let principals: Principals
  /// By method and path as the router writes it.
  let access: [String: Access]
  let door: Door
  /// The device that somebody has signed in at, if the request is from one.
  let device: @Sendable (Request) -> Device?
  /// What becomes of a form of somebody who is no longer signed in; nil: nothing.
  let turnedAway: @Sendable (Request) async throws -> Response?
  /// Signed-in callers each have their own, and so do devices that somebody has signed in at; all others share one for their
  /// address.
  private let staff = RateLimit(burst: 1_000, perSecond: 300)
  private let strangers = RateLimit(burst: 60, perSecond: 10)

  /// The routes that are not in the catalogue.
  static let ownRoutes: [String: Access] = {
    let rows: [(Access, [String])] = [
      (
        .anyone,
        [
          "GET /healthz", "GET /readyz", "GET /openapi.yaml", "GET /board", "POST /board", "GET /trust",
          "GET /trust/ca.pem", "GET /enter/{token}", "POST /enter/{token}",
          "GET /sign-in", "POST /sign-in", "POST /session/switch", "GET /counter", "POST /counter", "GET /setup",
          "POST /setup",
          "POST /api/v1/session", "GET /api/v1/session", "DELETE /api/v1/session",
          "POST /api/v1/session/switch", "POST /api/v1/setup", "POST /sign-out", "GET /help", "GET /help/{page}",
          "GET /help/picture/{name}",
          // What waits in the browser is shown by its script alone, to whoever works there.
          "GET /unsent",
        ] + WebServer.assetRoutes
      ),
      (
        .staff,
        [
          "GET /", "GET /start", "GET /find", "GET /paper/report/{id}", "GET /paper/request/{id}", "GET /shelters",
          "GET /shelters/{id}", "GET /goods", "GET /plan", "GET /session",
          "POST /session/lock", "POST /session/pin",
          "POST /session/password", "GET /conflicts", "GET /network", "GET /menu",
          "GET /history/{collection}/{row}/{field}", "GET /orders", "GET /orders/{id}", "GET /slip/{id}", "GET /scan",
          "GET /checklist",
          "GET /own/{collection}/{row}", "GET /register/{row}", "GET /register/{row}/csv", "POST /session/end",
          "POST /session/look", "GET /nodes",
          "GET /do/{endpoint}", "POST /do/{endpoint}", "GET /list/{endpoint}", "GET /csv/{endpoint}",
          "GET /geojson/{endpoint}",
          "GET /record/{collection}/{row}",
          "GET /events", "GET /api/v1/me", "GET /api/v1/version", "GET /api/v1/wards", "GET /api/v1/wards.geojson",
          "POST /session/app", "POST /session/app/confirmation", "POST /api/v1/session/app",
          "POST /api/v1/session/app/confirmation", "GET /api/v1/links", "GET /api/v1/shelters/{id}/history",
          "POST /api/v1/session/lock",
          "POST /api/v1/session/pin", "POST /api/v1/session/password",
        ]
      ),
      (.relief, ["POST /own/{collection}/{row}", "POST /shelters"]),
      (.desks, ["GET /register/{row}/entry/{entry}", "POST /register/{row}/entry/{entry}"]),
      (
        .people,
        [
          "GET /apply/{row}", "POST /apply/{row}", "GET /case/{row}", "POST /case/{row}/{act}", "GET /people",
          "GET /paper/register/{id}", "GET /person/{id}", "GET /cards/{id}", "GET /doubles",
        ]
      ),
      (.command, ["GET /begin"]),
      (.oversight, ["GET /import", "POST /import"]),
      // Each lane's own roles: the endpoint looks.
      (.roles([.administrator, .headquarters, .shelter, .supply, .welfare]), ["POST /conflicts"]),
      (
        .roles([.headquarters, .engineer, .administrator]),
        ["POST /network", "GET /network/bundle", "POST /network/bundle"]
      ),
      (.roles([.engineer, .administrator]), ["POST /nodes", "GET /nodes/file/{token}"]),
      (.administration, ["GET /builder"]),
      (
        .roles([.engineer, .administrator]),
        ["GET /metrics", "GET /api/v1/status", "GET /api/v1/inspect/heads", "GET /api/v1/inspect/log"]
      ),
    ]
    return Dictionary(uniqueKeysWithValues: rows.flatMap { access, routes in routes.map { ($0, access) } })
  }()

  /// Forms without script: their handlers look for the token in the form.
  static let formRoutes: Set<String> = [
    "POST /do/{endpoint}", "POST /conflicts", "POST /network", "POST /session/lock", "POST /session/pin",
    "POST /session/password", "POST /session/app", "POST /session/app/confirmation", "POST /session/end",
    "POST /session/look",
    "POST /own/{collection}/{row}", "POST /nodes", "POST /shelters", "POST /apply/{row}", "POST /case/{row}/{act}",
    "POST /register/{row}/entry/{entry}",
  ]

  /// What needs no account is counted, except what costs nothing.
  private static let uncounted = Set(["GET /healthz"] + WebServer.assetRoutes)

  func handle(
    _ request: Request, context: Context, next: (Request, Context) async throws -> Response
  ) async throws -> Response {
    // A path that leads nowhere has no route: it is answered as such, to anyone.
    guard let path = context.endpointPath else { return try await next(request, context) }
    let route = "\(request.method == .head ? "GET" : request.method.rawValue) \(path)"
    guard let access = access[route] else {
      throw APIError(.forbidden, "forbidden", ja: "だれにも許されていません", en: "nobody may do this")
    }
    var context = context
    context.device = device(request)
    context.principal = try await principals.of(request)
    context.caller.who = context.principal?.name
    if context.principal != nil { door.know(context.origin) }
    let limit = context.principal == nil ? strangers : staff
    let caller =
      context.principal.map { "\($0.name) \(context.address)" }
      ?? context.device.flatMap { $0.people.isEmpty ? nil : "device \($0.name)" } ?? context.address
    guard Self.uncounted.contains(route) || limit.admits(caller, at: principals.clock.now()) else {
      throw APIError.tooMany(seconds: 1)
    }
    guard access.admits(context.principal?.user.roles) else {
      guard context.principal != nil else {
        if request.method == .get, !path.hasPrefix("/api/"),
          request.headers[.accept]?.contains("text/html") == true
            || route == "GET /"
        {
          let back = WebServer.escaped(request.uri.string)
          return .redirect(to: "/sign-in?back=\(back)")
        }
        if request.method == .post, let answer = try await turnedAway(request) { return answer }
        throw APIError(
          .unauthorized, "unauthorized", ja: "サインインしてください", en: "sign in, or send a token that is valid")
      }
      throw APIError(
        .forbidden, "forbidden", ja: "この役割ではできません。管理者に頼んでください", en: "not for your roles: ask an administrator")
    }
    if request.method != .get, request.method != .head, let principal = context.principal {
      guard !principal.isReadOnly else {
        throw APIError(.forbidden, "read-only", ja: "閲覧のみの鍵です", en: "the token only reads")
      }
      // The forms of the pages carry it in themselves.
      if let csrf = principal.csrf, access != .anyone, !Self.formRoutes.contains(route),
        !Self.isSame(request.headers[.csrf] ?? "", csrf)
      {
        throw APIError(
          .forbidden, "csrf", ja: "時間が経ったため送れませんでした。画面を開き直して、もう一度押してください",
          en: "X-CSRF-Token is missing or not this session's")
      }
    }
    return try await next(request, context)
  }

  /// Compares in constant time, so timing does not reveal the length of a matching prefix.
  static func isSame(_ left: String, _ right: String) -> Bool {
    let (left, right) = ([UInt8](left.utf8), [UInt8](right.utf8))
    return left.count == right.count && zip(left, right).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
  }
}

/// Who a request is from, by its token or its cookie.
struct Principals: Sendable {
  let core: NodeCore
  let sessions: Sessions
  let clock: SteadyClock
  let cookieName: String
  /// The device as its cookie says.
  let device: @Sendable (Request) -> Device?

  /// - Parameter isUsed: whether a person asks: what goes on by itself keeps nobody signed in.
  /// - Returns: nil for nobody: no cookie and no token, or none that is valid.
  func of(_ request: Request, isUsed: Bool = true) async throws -> Principal? {
    let ward = core.identity.certificate.node.ward
    if let header = request.headers[.authorization] {
      guard header.lowercased().hasPrefix("bearer ") else { return nil }
      let text = String(header.dropFirst(7))
      let token = try await core.reader.read { try Token.find(text, ward: ward, at: .now(), $0) }
      return token.map { Principal(user: $0.user, row: $0.id, isReadOnly: $0.isReadOnly) }
    }
    guard let cookie = request.cookies[cookieName]?.value,
      let session = await sessions.session(
        cookie, at: clock.now(), isUsed: isUsed && request.headers[.refresh] == nil && request.uri.path != "/events"),
      let id = session.current, let person = session.people.first(where: { $0.account == id })
    else { return nil }
    let code = device(request)?.code
    let account = try await core.reader.read { db in
      try Account.fetch(id, ward: ward, db).flatMap { try $0.mayWork(at: code, db) ? $0 : nil }
    }
    guard let account, !account.hasEnded, person.version == account.changedAt else {
      await sessions.forget(id, in: cookie)
      return nil
    }
    return Principal(user: account.user, row: id, account: id, csrf: session.csrf)
  }
}
