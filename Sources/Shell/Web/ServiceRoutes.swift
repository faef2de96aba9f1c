import ChangeModel
import Desk
import Foundation
import Hummingbird
import NodeService
import Replica
import Sodium

/// Every endpoint of the services, by its one description.
extension WebServer {
  /// Bytes of a request's body: longer than any form.
  static let bodyLimit = 64 * 1024

  func addServiceRoutes(to api: RouterGroup<DeskContext>) {
    for endpoint in catalogue.endpoints {
      api.on(RouterPath(Self.routerPath(endpoint.path)), method: endpoint.httpMethod) { request, context in
        switch endpoint.body {
        case .read: try await read(endpoint, request, context)
        case .write: try await write(endpoint, request, context)
        }
      }
    }
    for endpoint in catalogue.endpoints {
      for format in ListFormat.of(endpoint) {
        api.get(RouterPath(Self.routerPath(endpoint.path) + format.rawValue)) { request, context in
          try await file(format, endpoint, request, context)
        }
      }
    }
  }

  /// What a request's query gives.
  static func texts(_ request: Request) -> [String: String] {
    Dictionary(request.uri.queryParameters.map { (String($0.key), String($0.value)) }) { first, _ in first }
  }

  private func read(_ endpoint: Endpoint, _ request: Request, _ context: DeskContext) async throws -> Response {
    let given = try endpoint.form.read(texts: Self.texts(request), in: core.identity.federation)
    let inquiry = try inquiry(given, endpoint, request, context)
    guard !endpoint.isFollowed else { return try await follow(endpoint, inquiry, request, context) }
    let seen = try await core.look(endpoint, inquiry, in: catalogue)
    return answer(seen.answer, isPersonal: !seen.subjects.isEmpty || endpoint.isForServices, tag: seen.tag)
  }

  private func write(_ endpoint: Endpoint, _ request: Request, _ context: DeskContext) async throws -> Response {
    let given = try endpoint.form.read(
      try await json(of: request, upTo: endpoint.form.mostBytes), in: core.identity.federation)
    var inquiry = try inquiry(given, endpoint, request, context)
    inquiry.expected = Self.expected(request)
    let done: Done
    do { done = try await carryOut(endpoint, inquiry, context) } catch let fault as Fault
      where fault.kind == .changed
    {
      throw try await changed(fault, endpoint, context)
    }
    var response = answer(done.answer, status: endpoint.makes ? .created : .ok, tag: done.tag)
    if done.isRepeated { response.headers[.idempotencyReplayed] = "true" }
    return response
  }

  /// The rows' tags that `If-Match` names (RFC 9110, 13.1.1), without what they say of the answer beside the row.
  private static func expected(_ request: Request) -> [String]? {
    request.headers[.ifMatch].map { header in
      header.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }.compactMap { tag in
        if tag == "*" { return tag }
        guard tag.hasPrefix("\""), tag.hasSuffix("\""), tag.count > 2 else { return nil }
        return String(tag.dropFirst().dropLast().prefix { $0 != "-" })
      }
    }
  }

  /// What stands now, for whoever may look at it: a look like any other.
  private func changed(_ fault: Fault, _ endpoint: Endpoint, _ context: DeskContext) async throws -> APIError {
    var error = APIError(fault)
    let reading = catalogue.endpoints.first {
      $0.path == endpoint.path && !$0.isWrite && $0.access.admits(context.user.roles)
    }
    guard let reading, let row = context.parameters.get("id")?.removingPercentEncoding else { return error }
    var inquiry = Inquiry(given: Submission(), user: context.user, now: .now(), identity: core.identity)
    inquiry.row = try self.row(row, reading)
    if let seen = try? await core.look(reading, inquiry, in: catalogue) {
      error.body.current = seen.answer
      error.tag = seen.tag
    }
    return error
  }

  static func body(of request: Request, upTo limit: Int = bodyLimit) async throws -> ByteBuffer {
    do { return try await request.body.collect(upTo: limit) } catch {
      throw APIError(
        .contentTooLarge, "too-large", ja: "本文は \(limit) バイトまでです",
        en: "a body has at most \(limit) bytes")
    }
  }

  /// The one way from the network to what changes something.
  func carryOut(_ endpoint: Endpoint, _ inquiry: Inquiry, _ context: DeskContext) async throws -> Done {
    if endpoint.access == .anyone, context.principal == nil { try strangers.admit(context.sender, at: clock.now()) }
    var inquiry = inquiry
    inquiry.second = try await second(endpoint, inquiry, context)
    return try await core.carryOut(endpoint, inquiry, in: catalogue)
  }

  /// Who stands by, proven by password: counted and limited as a sign-in is.
  private func second(_ endpoint: Endpoint, _ inquiry: Inquiry, _ context: DeskContext) async throws -> User? {
    guard endpoint.isByTwo, let login = inquiry.given.text(SecondPerson.login.name) else { return nil }
    let who = context.caller.who
    // The access log names who sent it.
    defer { context.caller.who = who }
    let text = inquiry.given.text(SecondPerson.password.name) ?? ""
    do {
      return try await prove(.password, login: login, text, nil, context) {
        try await proveDevice($0, context.device)
      }.user
    } catch let error as APIError where error.status == .unauthorized {
      throw Fault.badValue(
        SecondPerson.password.name, ja: "立ち会う人の利用者IDかパスワードが違います", en: "not the login and password of whoever stands by")
    }
  }

  /// A body that says nothing is an empty object.
  func json(of request: Request, upTo limit: Int) async throws -> JSON {
    let body = try await Self.body(of: request, upTo: limit)
    guard body.readableBytes > 0 else { return .object([:]) }
    guard request.headers[.contentType]?.lowercased().hasPrefix("application/json") == true else {
      throw APIError(
        .unsupportedMediaType, "not-json", ja: "Content-Type を application/json にしてください", en: "send application/json")
    }
    return try JSON.decode(Array(buffer: body))
  }

  private func inquiry(
    _ given: Submission, _ endpoint: Endpoint, _ request: Request, _ context: DeskContext
  ) throws -> Inquiry {
    var inquiry = Inquiry(
      given: given, user: context.user, now: .now(), identity: core.identity)
    inquiry.origin = context.sender
    if let text = context.parameters.get("id") {
      guard let decoded = text.removingPercentEncoding else { throw APIError.notFound("id") }
      inquiry.row = try row(decoded, endpoint)
    }
    inquiry.key = context.parameters.get("pseudonym")
    if let entered = request.headers[.enteredAt] { try inquiry.enter(at: entered) }
    inquiry.request = try Self.request(request.headers[.idempotencyKey], endpoint, inquiry)
    if let header = request.headers[.authorization], header.lowercased().hasPrefix("bearer ") {
      inquiry.token = String(header.dropFirst(7))
    }
    return inquiry
  }

  /// - Parameters:
  ///   - isPersonal: whose data it shows, no cache may keep.
  ///   - tag: of the one row that it shows.
  func answer(
    _ json: JSON, status: HTTPResponse.Status = .ok, isPersonal: Bool = true, tag: String? = nil
  ) -> Response {
    guard json != .null else { return Response(status: .noContent) }
    var headers: HTTPFields = [.contentType: "application/json; charset=utf-8"]
    if !isPersonal { headers[.cacheControl] = Self.revalidated }
    if let tag { headers[.eTag] = "\"\(tag)\"" }
    return Response(status: status, headers: headers, body: .init(byteBuffer: ByteBuffer(bytes: json.bytes)))
  }

  /// Whoever has it asks each time whether it is still so, by its `ETag`.
  static let revalidated = "private, no-cache"

  /// A caller's mark is random; whoever works at the tablet when it is sent again, it is the same request.
  static func request(
    _ given: String?, _ endpoint: Endpoint, _ inquiry: Inquiry
  ) throws -> (key: [UInt8], content: [UInt8])? {
    guard let given else { return nil }
    try check(mark: given)
    let name = "\(endpoint.id)\n\(inquiry.row?.rawValue ?? 0)\n\(given)"
    return (blake2b([UInt8](name.utf8)).bytes, blake2b(JSON.object(inquiry.given.values).bytes).bytes)
  }

  static func check(mark: String) throws {
    guard (16...100).contains(mark.utf8.count) else {
      throw APIError.badValue("Idempotency-Key", ja: "16 文字から 100 文字までです", en: "has 16 to 100 characters")
    }
  }

  /// `/lots/{id}/issue` as the router writes it.
  private static func routerPath(_ path: String) -> String {
    path.split(separator: "/").map { $0.hasPrefix("{") ? ":" + $0.dropFirst().dropLast() : String($0) }
      .joined(separator: "/")
  }
}

extension Endpoint {
  var httpMethod: HTTPRequest.Method {
    switch method {
    case .get: .get
    case .post: .post
    case .patch: .patch
    case .delete: .delete
    }
  }
}
