import CZlib
import Desk
import Foundation
import Hummingbird
import Sodium

/// What a caller may keep, and is asked for again and again, crosses the line once: an `ETag` of its content (RFC 9110, 8.8.3),
/// and gzip (RFC 1952) where the caller takes it. Whose answers hold secrets or people's data are left as they are: what a
/// compressed answer weighs tells something of what is in it.
struct Lean<Context: RequestContext>: RouterMiddleware {
  func handle(
    _ request: Request, context: Context, next: (Request, Context) async throws -> Response
  ) async throws -> Response {
    var response = try await next(request, context)
    guard response.status == .ok, response.headers[.cacheControl] == WebServer.revalidated,
      response.body.contentLength != nil
    else { return response }
    let collected = Collected()
    try await response.body.write(collected)
    let bytes = Array(buffer: collected.buffer)
    let content = Array(blake2b(bytes).bytes.prefix(12)).hexadecimal
    // Of one row, its own tag stands before that of all that is said of it.
    let tag = response.headers[.eTag].map { "\($0.dropLast())-\(content)\"" } ?? "W/\"\(content)\""
    response.headers[.eTag] = tag
    response.headers[.vary] = "Accept-Encoding"
    if let known = request.headers[.ifNoneMatch], known.contains(tag) || known == "*" {
      response.headers[.contentType] = nil
      return Response(status: .notModified, headers: response.headers)
    }
    guard bytes.count >= Self.worthwhile, Gzip.isTaken(by: request), let packed = Gzip.pack(bytes) else {
      response.body = .init(byteBuffer: collected.buffer)
      return response
    }
    response.headers[.contentEncoding] = "gzip"
    response.body = .init(byteBuffer: ByteBuffer(bytes: packed))
    return response
  }

  /// Less than a packet or two gains nothing.
  private static var worthwhile: Int { 1_400 }

  /// Takes what a response writes.
  private final class Collected: ResponseBodyWriter, @unchecked Sendable {
    // Written by one task, before it is read by the same.
    var buffer = ByteBuffer()

    func write(_ part: ByteBuffer) async throws { buffer.writeImmutableBuffer(part) }
    func finish(_ trailing: HTTPFields?) async throws {}
  }
}

enum Gzip {
  /// RFC 9110, 12.5.3.
  static func isTaken(by request: Request) -> Bool {
    (request.headers[.acceptEncoding] ?? "").lowercased().split(separator: ",").contains { coding in
      let parts = coding.split(separator: ";").map { $0.trimmingCharacters(in: .whitespaces) }
      let weight = parts.dropFirst().first { $0.hasPrefix("q=") }.flatMap { Double($0.dropFirst(2)) } ?? 1
      return parts.first == "gzip" && weight > 0
    }
  }

  /// - Returns: nil when zlib has no memory.
  static func pack(_ bytes: [UInt8]) -> [UInt8]? {
    var stream = z_stream()
    // 16 above the window's bits: gzip's own head and check.
    guard
      deflateInit2_(
        &stream, 5, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        == Z_OK
    else { return nil }
    defer { deflateEnd(&stream) }
    var bytes = bytes
    return bytes.withUnsafeMutableBufferPointer { input in
      let most = Int(deflateBound(&stream, UInt(input.count)))
      return [UInt8](unsafeUninitializedCapacity: most) { output, count in
        stream.next_in = input.baseAddress
        stream.avail_in = UInt32(input.count)
        stream.next_out = output.baseAddress
        stream.avail_out = UInt32(most)
        count = deflate(&stream, Z_FINISH) == Z_STREAM_END ? most - Int(stream.avail_out) : 0
      }
    }
  }
}
