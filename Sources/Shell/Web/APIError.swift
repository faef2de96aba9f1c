import Desk
import Foundation
import Hummingbird
import NodeService
import Places
import Replica
import Store

/// An answer that is no: what, where, and what to do, in both languages (RFC 9457, Problem Details for HTTP APIs).
struct APIError: Error {
  struct Body: Codable {
    /// One of several things that are wrong.
    struct Part: Codable {
      var field: String?
      var ja: String
      var en: String
    }

    /// `urn:renkei:problem:` and the word in `error`.
    var type: String
    /// Of the status (RFC 9110).
    var title: String
    var status: Int
    /// The same as `en`.
    var detail: String
    /// For programs: a word that no change of the texts changes.
    var error: String
    /// The first field that is wrong.
    var field: String?
    var ja: String
    var en: String
    /// All that is wrong with what was sent, where that is known.
    var errors: [Part]
    /// What stands now, where something else was expected.
    var current: JSON?
  }

  var status: HTTPResponse.Status
  var body: Body
  /// Seconds until it is worth another try (RFC 9110, 10.2.3).
  var retryAfter: Int?

  /// Of what stands now.
  var tag: String?

  /// What the path can be asked with, when the method was wrong (RFC 9110, 10.2.1).
  var allow: String?

  /// What HTTP says of the refusal besides its status.
  var headers: HTTPFields {
    var headers: HTTPFields = [:]
    if let retryAfter { headers[.retryAfter] = String(retryAfter) }
    if let allow { headers[.allow] = allow }
    if let tag { headers[.eTag] = "\"\(tag)\"" }
    return headers
  }

  init(_ status: HTTPResponse.Status, _ error: String, field: String? = nil, ja: String, en: String) {
    self.status = status
    body = Body(
      type: "urn:renkei:problem:\(error)", title: status.reasonPhrase, status: status.code, detail: en, error: error,
      field: field, ja: ja, en: en, errors: [Body.Part(field: field, ja: ja, en: en)])
  }

  init(_ fault: Fault) {
    let status: HTTPResponse.Status =
      switch fault.kind {
      case .badValue: .badRequest
      case .notFound: .notFound
      case .refused: .conflict
      case .changed: .preconditionFailed
      case .forbidden: .forbidden
      case .unauthorized: .unauthorized
      case .reused: .unprocessableContent
      }
    self.init(
      status, fault.kind.rawValue, field: fault.field.isEmpty ? nil : fault.field, ja: fault.japanese, en: fault.english
    )
    body.errors += fault.others.map { Body.Part(field: $0.field, ja: $0.japanese, en: $0.english) }
  }

  private static func unavailable(_ failure: OperatorFailure) -> APIError {
    APIError(.serviceUnavailable, "unavailable", ja: failure.japanese, en: failure.english)
  }

  static func notFound(_ what: String) -> APIError {
    APIError(.notFound, "not-found", field: what, ja: "見つかりません", en: "not found")
  }

  static func badValue(_ field: String, ja: String, en: String) -> APIError {
    APIError(.badRequest, "bad-value", field: field, ja: ja, en: en)
  }

  /// Any error as an answer; what is our fault says nothing of our insides.
  static func of(_ error: any Error) -> APIError {
    switch error {
    case let error as APIError: return error
    case let fault as Fault: return APIError(fault)
    case ReplicaError.foreignRow:
      return APIError(
        .forbidden, "forbidden", field: "id", ja: "他区の記録です。その区だけが変えられます",
        en: "another ward's record: only that ward can change it")
    case is DecodingError:
      return APIError(
        .badRequest, "bad-json", ja: "JSON の形が正しくありません: \(error)",
        en: "the JSON has not the form that is expected: \(error)")
    case let error as any HTTPResponseError where error.status.code < 500:
      return APIError(error.status, "bad-request", ja: "要求が正しくありません", en: "the request is not right")
    default:
      guard error is ReplicaError || error is StoreError || error is OperatorFailure else {
        return APIError(
          .serviceUnavailable, "unavailable", ja: "保存できませんでした。入力は残っています。本部の情報担当に連絡してください",
          en: "an internal error; see the node's log")
      }
      let failure = OperatorFailure.describing(error)
      // What the disk does is nobody's conflict.
      if case ReplicaError.store = error { return unavailable(failure) }
      if error is StoreError { return unavailable(failure) }
      return APIError(
        failure.exitCode == 1 ? .conflict : failure.exitCode == 2 ? .badRequest : .serviceUnavailable,
        failure.exitCode == 70 ? "unavailable" : "refused", ja: failure.japanese, en: failure.english)
    }
  }
}

/// Turns whatever a route throws into a JSON body, or a page for whoever asked for one.
struct ErrorBodies<Context: RequestContext>: RouterMiddleware {
  /// For people: the same as a page.
  let page: @Sendable (Request, APIError) async -> Response

  func handle(
    _ request: Request, context: Context, next: (Request, Context) async throws -> Response
  ) async throws -> Response {
    do { return try await next(request, context) } catch {
      let answer = APIError.of(error)
      if answer.status.code >= 500 { context.logger.error("request failed", metadata: ["error": "\(error)"]) }
      if !request.uri.path.hasPrefix("/api/"), request.headers[.accept]?.contains("text/html") == true {
        return await page(request, answer)
      }
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
      let body = (try? encoder.encode(answer.body)) ?? Data()
      var headers = answer.headers
      headers[.contentType] = "application/problem+json; charset=utf-8"
      return Response(
        status: answer.status, headers: headers,
        body: .init(byteBuffer: ByteBuffer(bytes: body)))
    }
  }
}

/// No script, frame or form from elsewhere; nothing is guessed, kept or told to other sites; the camera is this node's pages'.
struct SecurityHeaders<Context: RequestContext>: RouterMiddleware {
  /// Names, not addresses, by which browsers may come by TLS alone from now on: HSTS counts for nothing else (RFC 6797, 8.1.1).
  let names: Set<String>
  /// What leaves says that it is a drill's.
  let mark: DrillMark

  /// A year, in seconds (ASVS 5.0, 3.4.1).
  private static var secureFor: Int { 31_536_000 }

  func handle(
    _ request: Request, context: Context, next: (Request, Context) async throws -> Response
  ) async throws -> Response {
    var response = try await next(request, context)
    response.headers[.contentSecurityPolicy] =
      "default-src 'none'; manifest-src 'self'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; worker-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    response.headers[.xContentTypeOptions] = "nosniff"
    // Not `no-referrer`: browsers send no `Origin` with a form then (Fetch, 3.2).
    response.headers[.referrerPolicy] = "same-origin"
    response.headers[.crossOriginOpenerPolicy] = "same-origin"
    response.headers[.permissionsPolicy] = "camera=(self), geolocation=(self), microphone=(), payment=(), usb=()"
    if names.contains(request.head.authority?.split(separator: ":").first.map(String.init) ?? "") {
      response.headers[.strictTransportSecurity] = "max-age=\(Self.secureFor); includeSubDomains"
    }
    if mark.isDrill {
      response.headers[.drill] = "true"
      let named = response.headers[.contentDisposition]
      response.headers[.contentDisposition] = named?.replacing(/filename="(.*)"/) {
        "filename=\"\(mark.file("\($0.1)"))\""
      }
    }
    if response.headers[.cacheControl] == nil { response.headers[.cacheControl] = "no-store" }
    return response
  }
}

/// A page of another site cannot make a browser write here: a write must be JSON, which no plain form can send, and a
/// browser's `Origin` must be this node's own.
struct SameOriginWrites<Context: RequestContext>: RouterMiddleware {
  /// Origins whose scripts may use the API, with tokens.
  let allowed: Set<String>

  func handle(
    _ request: Request, context: Context, next: (Request, Context) async throws -> Response
  ) async throws -> Response {
    guard request.method != .get, request.method != .head else { return try await next(request, context) }
    // An origin that the operator allows has a token of its own: no cookie goes with it.
    if request.uri.path.hasPrefix("/api/"), request.headers[.authorization] != nil,
      let origin = request.headers[.origin], allowed.contains(origin)
    {
      return try await next(request, context)
    }
    // Fetch metadata: browsers say themselves where a request comes from.
    let site = request.headers[.fetchSite] ?? "none"
    guard site == "same-origin" || site == "none" else {
      throw APIError(.forbidden, "foreign-origin", ja: "他のサイトからは書き込めません", en: "writes from another site are refused")
    }
    if let origin = request.headers[.origin], let host = request.head.authority,
      origin != "http://\(host)", origin != "https://\(host)"
    {
      throw APIError(.forbidden, "foreign-origin", ja: "他のサイトからは書き込めません", en: "writes from another site are refused")
    }
    // Forms of the pages carry their session's token, which their handlers look at.
    guard request.uri.path.hasPrefix("/api/") else { return try await next(request, context) }
    let isEmpty = request.headers[.contentType] == nil && (request.headers[.contentLength] ?? "0") == "0"
    if request.method != .delete, !isEmpty,
      request.headers[.contentType]?.lowercased().hasPrefix("application/json") != true
    {
      throw APIError(
        .unsupportedMediaType, "not-json", ja: "Content-Type を application/json にしてください", en: "send application/json")
    }
    return try await next(request, context)
  }
}

/// A foreign site's name that is made to lead to this machine (DNS rebinding) is not this node's: its pages read nothing
/// and write nothing here.
struct OwnHost<Context: RequestContext>: RouterMiddleware {
  let hosts: Set<String>

  func handle(
    _ request: Request, context: Context, next: (Request, Context) async throws -> Response
  ) async throws -> Response {
    guard let host = request.head.authority, !WebServer.isOwnHost(host, hosts) else {
      return try await next(request, context)
    }
    throw APIError(
      .misdirectedRequest, "foreign-host", ja: "この名前では使えません。run の --host-name で許してください: \(host)",
      en: "not a name of this node; allow it with --host-name of run: \(host)")
  }
}

extension WebServer {
  /// An address, `localhost`, or one of the names that are allowed.
  static func isOwnHost(_ authority: String, _ hosts: Set<String>) -> Bool {
    if authority.hasPrefix("[") { return true }
    let host = authority.split(separator: ":").first.map(String.init) ?? ""
    let isAddress = host.split(separator: ".").count == 4 && host.allSatisfy { $0.isNumber || $0 == "." }
    return isAddress || host == "localhost" || hosts.contains(host)
  }
}
