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

  /// What a request's query gives, each name once.
  static func texts(_ request: Request) throws -> [String: String] {
    var texts: [String: String] = [:]
    for (name, value) in request.uri.queryParameters {
      guard texts[String(name)] == nil else {
        throw APIError.badValue(String(name), ja: "一度だけ指定してください", en: "give it once")
      }
      texts[String(name)] = String(value)
    }
    return texts
  }

  private func read(_ endpoint: Endpoint, _ request: Request, _ context: DeskContext) async throws -> Response {
    let given = try endpoint.form.read(texts: try Self.texts(request), in: core.identity.federation)
    let inquiry = try inquiry(given, endpoint, request, context)
    guard !endpoint.isFollowed else { return try await follow(endpoint, inquiry, request, context) }
    let seen = try await core.look(endpoint, inquiry, in: catalogue)
    return answer(seen.answer, isPersonal: !seen.subjects.isEmpty || endpoint.isForServices)
  }

  private func write(_ endpoint: Endpoint, _ request: Request, _ context: DeskContext) async throws -> Response {
    let given = try endpoint.form.read(try await json(of: request), in: core.identity.federation)
    let done = try await carryOut(endpoint, try inquiry(given, endpoint, request, context), context)
    var response = answer(done.answer, status: endpoint.makes ? .created : .ok)
    if done.isRepeated { response.headers[.idempotencyReplayed] = "true" }
    return response
  }

  /// The one way from the network to what changes something.
  func carryOut(_ endpoint: Endpoint, _ inquiry: Inquiry, _ context: DeskContext) async throws -> Done {
    if endpoint.access == .anyone, context.principal == nil { try strangers.admit(context.origin, at: inquiry.now) }
    return try await core.carryOut(endpoint, inquiry, in: catalogue)
  }

  /// A body that says nothing is an empty object.
  func json(of request: Request) async throws -> JSON {
    let body: ByteBuffer
    do { body = try await request.body.collect(upTo: Self.bodyLimit) } catch {
      throw APIError(
        .contentTooLarge, "too-large", ja: "本文は \(Self.bodyLimit) バイトまでです",
        en: "a body has at most \(Self.bodyLimit) bytes")
    }
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
    inquiry.origin = context.origin
    if let text = context.parameters.get("id") {
      guard let decoded = text.removingPercentEncoding else { throw APIError.notFound("id") }
      inquiry.row = try row(decoded, endpoint)
    }
    inquiry.key = context.parameters.get("pseudonym")
    inquiry.request = try Self.request(request.headers[.idempotencyKey], endpoint, inquiry)
    if let header = request.headers[.authorization], header.lowercased().hasPrefix("bearer ") {
      inquiry.token = String(header.dropFirst(7))
    }
    return inquiry
  }

  /// - Parameter isPersonal: whose data it shows, no cache may keep.
  func answer(_ json: JSON, status: HTTPResponse.Status = .ok, isPersonal: Bool = true) -> Response {
    guard json != .null else { return Response(status: .noContent) }
    var headers: HTTPFields = [.contentType: "application/json; charset=utf-8"]
    if !isPersonal { headers[.cacheControl] = Self.revalidated }
    return Response(status: status, headers: headers, body: .init(byteBuffer: ByteBuffer(bytes: json.bytes)))
  }

  /// Whoever has it asks each time whether it is still so, by its `ETag`.
  static let revalidated = "private, no-cache"

  /// A caller's mark is random; whoever works at the tablet when it is sent again, it is the same request.
  static func request(
    _ given: String?, _ endpoint: Endpoint, _ inquiry: Inquiry
  ) throws -> (key: [UInt8], content: [UInt8])? {
    guard let given else { return nil }
    guard (16...100).contains(given.utf8.count) else {
      throw APIError.badValue("Idempotency-Key", ja: "16 文字から 100 文字までです", en: "has 16 to 100 characters")
    }
    let name = "\(endpoint.id)\n\(inquiry.row?.rawValue ?? 0)\n\(given)"
    return (blake2b([UInt8](name.utf8)).bytes, blake2b(JSON.object(inquiry.given.values).bytes).bytes)
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
