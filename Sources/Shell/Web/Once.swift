import Desk
import HTTPTypes
import Hummingbird
import Sodium

/// Writes of routes that are no service's (signing in, a password, a node's card) and of forms without script: each is done
/// once, however often it is sent with one mark, as an `Idempotency-Key` or in the form itself. Sent again, it is answered as
/// the first time; sent again while it is being done, it waits for that.
///
/// This is the node's memory alone, as sessions are. What the services write is remembered in the database besides.
struct Once: RouterMiddleware {
  typealias Context = DeskContext

  /// The field of a form that bears its mark.
  static let field = "_mark"
  /// Whole files, of which no more than the length is looked at.
  private static let uploads: Set<String> = ["POST /import", "POST /network/bundle"]

  let routes: Set<String>
  private let holdsFile: @Sendable (_ path: String) -> Bool
  private let answers = Answers()

  /// - Parameters:
  ///   - routes: by method and path as the gate has them.
  ///   - holdsFile: whether what is sent to a path may be a whole file: it is read once it is known who sends it, and not here.
  init(_ routes: some Sequence<String>, holdsFile: @escaping @Sendable (_ path: String) -> Bool = { _ in false }) {
    self.holdsFile = holdsFile
    self.routes = Set(routes.filter { !$0.hasPrefix("GET ") })
  }

  func handle(
    _ request: Request, context: Context, next: (Request, Context) async throws -> Response
  ) async throws -> Response {
    guard let path = context.endpointPath, case let route = "\(request.method.rawValue) \(path)", routes.contains(route)
    else { return try await next(request, context) }
    var request = request
    let isUpload = Self.uploads.contains(route) || holdsFile(request.uri.path)
    var body = ByteBuffer(string: "\(request.uri) \(request.headers[.contentLength] ?? "")")
    if !isUpload {
      body = try await WebServer.body(of: request)
      request.body = .init(buffer: body)
    }
    let isForm = !path.hasPrefix("/api/")
    let given = request.headers[.idempotencyKey]
    guard let mark = try given ?? (isForm && !isUpload ? WebServer.fields(body)[Self.field]?.first : nil) else {
      return try await next(request, context)
    }
    try WebServer.check(mark: mark)
    let content = blake2b(Array(buffer: body))
    // Whose it is: nobody is answered what another was.
    let caller = request.headers[.authorization] ?? request.headers[.cookie] ?? context.address
    let name = [route, request.uri.path, caller, mark, request.headers[.accept] ?? ""].joined(separator: "\n")
    // Who goes back and sends a form again with another content means another entry; a program made a mistake.
    let key = blake2b([UInt8](name.utf8) + (isForm ? content.bytes : []))
    while true {
      switch await answers.begin(key, content) {
      case .first:
        do {
          let answer = try await next(request, context)
          // Sent to the sign-in instead: nothing was done.
          let isTurnedAway = answer.headers[.location]?.hasPrefix("/sign-in?back=") == true
          await answers.end(key, content, isTurnedAway ? nil : answer)
          return answer
        } catch {
          await answers.end(key, content, nil)
          throw error
        }
      case .waited: continue
      case .known(var answer):
        answer.headers[.idempotencyReplayed] = "true"
        return answer
      case .reused: throw Fault.reused
      }
    }
  }

  /// What was answered to which request, the newest of them.
  private actor Answers {
    enum Standing { case first, waited, known(Response), reused }

    private static let limit = 1_000
    /// Of one answer; what is longer is done again.
    private static let bytes = 64 * 1_024

    private var known: [Digest: (content: Digest, answer: Response)] = [:]
    private var order: [Digest] = []
    private var underWay: [Digest: [CheckedContinuation<Void, Never>]] = [:]

    func begin(_ key: Digest, _ content: Digest) async -> Standing {
      if let known = known[key] { return known.content == content ? .known(known.answer) : .reused }
      guard underWay[key] != nil else {
        underWay[key] = []
        return .first
      }
      await withCheckedContinuation { underWay[key]!.append($0) }
      return .waited
    }

    /// - Parameter answer: nil, and a refusal, is not remembered: it may be sent again.
    func end(_ key: Digest, _ content: Digest, _ answer: Response?) {
      if let answer, answer.status.code < 400, let length = answer.body.contentLength, length <= Self.bytes {
        known[key] = (content, answer)
        order.append(key)
        if order.count > Self.limit { known[order.removeFirst()] = nil }
      }
      for waiting in underWay.removeValue(forKey: key) ?? [] { waiting.resume() }
    }
  }
}
