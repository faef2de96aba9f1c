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
  }

  private func read(_ endpoint: Endpoint, _ request: Request, _ context: DeskContext) async throws -> Response {
    var texts: [String: String] = [:]
    for (name, value) in request.uri.queryParameters {
      guard texts[String(name)] == nil else {
        throw APIError.badValue(String(name), ja: "一度だけ指定してください", en: "give it once")
      }
      texts[String(name)] = String(value)
    }
    let given = try endpoint.form.read(texts: texts, in: core.identity.federation)
    let inquiry = try inquiry(given, endpoint, request, context)
    return answer(try await core.look(endpoint, inquiry, in: catalogue))
  }

  private func write(_ endpoint: Endpoint, _ request: Request, _ context: DeskContext) async throws -> Response {
    let body: ByteBuffer
    do { body = try await request.body.collect(upTo: Self.bodyLimit) } catch {
      throw APIError(
        .contentTooLarge, "too-large", ja: "本文は \(Self.bodyLimit) バイトまでです",
        en: "a body has at most \(Self.bodyLimit) bytes")
    }
    let json = body.readableBytes == 0 ? JSON.object([:]) : try JSON.decode(Array(buffer: body))
    let given = try endpoint.form.read(json, in: core.identity.federation)
    let inquiry = try inquiry(given, endpoint, request, context)
    return answer(try await core.carryOut(endpoint, inquiry, in: catalogue), status: endpoint.makes ? .created : .ok)
  }

  private func inquiry(
    _ given: Submission, _ endpoint: Endpoint, _ request: Request, _ context: DeskContext
  ) throws -> Inquiry {
    var inquiry = Inquiry(
      given: given, user: context.user, now: .now(), identity: core.identity)
    if let text = context.parameters.get("id") {
      guard let decoded = text.removingPercentEncoding else { throw APIError.notFound("id") }
      inquiry.row = try row(decoded, endpoint)
    }
    inquiry.key = context.parameters.get("pseudonym")
    inquiry.requestKey = try Self.requestKey(request.headers[.idempotencyKey], endpoint, inquiry)
    if let header = request.headers[.authorization], header.lowercased().hasPrefix("bearer ") {
      inquiry.token = String(header.dropFirst(7))
    }
    return inquiry
  }

  func answer(_ json: JSON, status: HTTPResponse.Status = .ok) -> Response {
    guard json != .null else { return Response(status: .noContent) }
    return Response(
      status: status, headers: [.contentType: "application/json; charset=utf-8"],
      body: .init(byteBuffer: ByteBuffer(bytes: json.bytes)))
  }

  /// A caller's mark is random; whoever works at the tablet when it is sent again, it is the same request. With another
  /// content it is another one, whatever mark it bears.
  static func requestKey(_ given: String?, _ endpoint: Endpoint, _ inquiry: Inquiry) throws -> [UInt8]? {
    guard let given else { return nil }
    guard (16...100).contains(given.utf8.count) else {
      throw APIError.badValue("Idempotency-Key", ja: "16 文字から 100 文字までです", en: "has 16 to 100 characters")
    }
    let content = JSON.object(inquiry.given.values).bytes
    return blake2b(
      [UInt8]("\(endpoint.id)\n\(inquiry.row?.rawValue ?? 0)\n\(given)\n".utf8) + content
    ).bytes
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
