import Causality
import ChangeModel
import Desk
import Foundation
import Hummingbird
import NodeService
import Office
import Replica

/// Signing in and out, changing who works at a shared tablet, and the first administrator.
extension WebServer {
  var cookieName: String { isSecure ? "__Host-renkei" : "renkei" }

  func addSessionRoutes(to api: RouterGroup<DeskContext>) {
    api.get("/session") { request, context in try json(try await sessionView(request, context)) }
    api.post("/session") { request, context in
      let given = try await request.decode(as: SignIn.self, context: context)
      let account = try await prove(.password, login: given.login, given.password, context)
      return try await signedIn(account, request, context)
    }
    api.delete("/session") { request, _ in await signedOut(request, Response(status: .noContent)) }
    api.post("/session/lock") { request, _ in
      if let cookie = cookie(request) { await sessions.lock(cookie) }
      return Response(status: .noContent)
    }
    api.post("/session/switch") { request, context in
      let given = try await request.decode(as: Switch.self, context: context)
      return try json(try await change(to: given, csrf: request.headers[.csrf], request, context))
    }
    api.post("/session/pin") { request, context in
      try await setPIN(try await request.decode(as: NewPIN.self, context: context), context)
      return Response(status: .noContent)
    }
    api.post("/session/password") { request, context in
      try await setPassword(try await request.decode(as: NewPassword.self, context: context), request, context)
    }
    api.post("/setup") { request, context in
      let given = try await request.decode(as: Setup.self, context: context)
      return try await signedIn(try await setUp(given, context), request, context)
    }
  }

  struct SignIn: Codable { var login: String; var password: String }
  struct Switch: Codable { var login: String; var pin: String }
  struct NewPIN: Codable { var pin: String; var password: String }
  struct NewPassword: Codable { var old: String; var new: String }
  struct Setup: Codable { var code: String; var login: String; var name: String; var password: String }

  struct SessionView: Codable {
    struct Person: Codable { var login: String; var name: String }
    /// What a tablet may keep and send later, for whom (`QueueTickets`).
    struct Ticket: Codable { var text: String; var secret: String; var endpoints: [String] }

    /// `open`, `locked` or `none`.
    var state: String
    var login: String?
    var name: String?
    var roles: [String]?
    var shelter: String?
    /// To be sent back in `X-CSRF-Token` with every write.
    var csrf: String?
    /// The account that is open here, and what binds entries to it that wait for the node.
    var account: String?
    var ticket: Ticket?
    /// The node's time, in milliseconds since 1970: a tablet's own clock may be wrong.
    var now: Int64 = Instant.now().milliseconds
    /// Who may go on here by PIN.
    var people: [Person] = []
  }

  // MARK: One's own

  func setPIN(_ given: NewPIN, _ context: DeskContext) async throws {
    let account = try await me(context)
    try PasswordPolicy.check(pin: given.pin)
    _ = try await prove(.password, login: account.login, given.password, context)
    try await write(account.user) { desk in [try Accounts.credential(account.id, .pin, given.pin, desk)] }
  }

  /// Ends the account's sessions, and begins a new one here.
  func setPassword(_ given: NewPassword, _ request: Request, _ context: DeskContext) async throws -> Response {
    let account = try await me(context)
    try PasswordPolicy.check(given.new, about: [account.login, account.name])
    _ = try await prove(.password, login: account.login, given.old, context)
    try await write(account.user) { desk in
      [try Accounts.credential(account.id, .password, given.new, desk), Accounts.changed(account.id, desk)]
    }
    return try await signedIn(try await fetch(account.id), request, context)
  }

  // MARK: Proof

  /// Whoever knows what `login` signs in with.
  ///
  /// - Throws: 401, saying no more than that it was wrong; 429 after too many tries.
  func prove(
    _ secret: Account.Secret, login: String, _ text: String, _ context: DeskContext
  ) async throws -> Account {
    let now = Instant.now()
    guard login.utf8.count <= 200, text.utf8.count <= 1_024 else { throw Self.wrong }
    if let seconds = await sessions.wait(login, from: context.address, at: now) {
      throw APIError.tooMany(seconds: seconds)
    }
    let ward = core.identity.certificate.node.ward
    let candidates = try await core.reader.read { db in
      try Account.all(login: login, ward: ward, db).map { ($0, try $0.hash(of: secret, db)) }
    }
    for (account, hash) in candidates where hash != nil {
      guard try await passwords.verify(text, hash) else { continue }
      await sessions.noteSuccess(login, from: context.address)
      context.logger.info("signed in", metadata: ["account": "\(account.id)", "from": "\(context.address)"])
      return account
    }
    if !candidates.contains(where: { $0.1 != nil }) { _ = try await passwords.verify(text, nil) }
    await sessions.noteFailure(login, from: context.address, at: now)
    context.logger.notice("a sign-in was refused", metadata: ["from": "\(context.address)"])
    throw Self.wrong
  }

  private static let wrong = APIError(
    .unauthorized, "wrong-password", ja: "利用者IDかパスワードが違います", en: "the login or the password is wrong")

  func change(
    to given: Switch, csrf: String?, _ request: Request, _ context: DeskContext
  ) async throws -> SessionView {
    guard let cookie = cookie(request), let session = await sessions.session(cookie, at: .now()) else {
      throw APIError(.unauthorized, "unauthorized", ja: "サインインしてください", en: "sign in")
    }
    guard Gate.isSame(csrf ?? "", session.csrf) else {
      throw APIError(.forbidden, "csrf", ja: "画面を開き直してください(CSRF)", en: "X-CSRF-Token is missing or not this session's")
    }
    let here = try await people(of: session).first { $0.login == given.login }
    guard let here else {
      throw APIError(
        .forbidden, "not-here", ja: "この端末では、先にパスワードでサインインしてください", en: "sign in with the password on this device first")
    }
    let proven = try await prove(.pin, login: given.login, given.pin, context)
    guard proven.id == here.id, await sessions.go(on: cookie, as: here.id, at: .now()) != nil else { throw Self.wrong }
    return try await view(cookie, context)
  }

  // MARK: Answers

  func signedIn(_ account: Account, _ request: Request, _ context: DeskContext) async throws -> Response {
    let (new, session) = await sessions.begin(
      account.id, version: account.changedAt, sharing: cookie(request),
      device: "\((request.headers[.userAgent] ?? "?").prefix(200)) · \(context.address)", at: .now())
    return withCookie(new, try json(try await view(session)))
  }

  func sessionView(_ request: Request, _ context: DeskContext) async throws -> SessionView {
    guard let cookie = cookie(request) else { return SessionView(state: "none") }
    return try await view(cookie, context)
  }

  private func view(_ cookie: String, _ context: DeskContext) async throws -> SessionView {
    guard let session = await sessions.session(cookie, at: .now()) else { return SessionView(state: "none") }
    return try await view(session)
  }

  private func view(_ session: Sessions.Session) async throws -> SessionView {
    let people = try await people(of: session)
    guard !people.isEmpty else { return SessionView(state: "none") }
    var view = SessionView(
      state: "locked", csrf: session.csrf, people: people.map { .init(login: $0.login, name: $0.name) })
    if let current = people.first(where: { $0.id == session.current }) {
      view.state = "open"
      view.login = current.login
      view.name = current.name
      view.roles = current.roles.map(\.rawValue).sorted()
      view.shelter = current.shelter.map { "\($0)" }
      view.account = "\(current.id)"
      view.ticket = ticket(for: current)
    }
    return view
  }

  func people(of session: Sessions.Session) async throws -> [Account] {
    let ward = core.identity.certificate.node.ward
    return try await core.reader.read { db in
      try session.people.compactMap { person in
        try Account.fetch(person.account, ward: ward, db).flatMap {
          $0.hasEnded || $0.changedAt != person.version ? nil : $0
        }
      }
    }
  }

  private func me(_ context: DeskContext) async throws -> Account {
    guard let id = context.principal?.account else {
      throw APIError(.forbidden, "forbidden", ja: "鍵ではできません", en: "not with a token")
    }
    return try await fetch(id)
  }

  private func fetch(_ id: RowID) async throws -> Account {
    let ward = core.identity.certificate.node.ward
    guard let account = try await core.reader.read({ try Account.fetch(id, ward: ward, $0) }) else {
      throw APIError.notFound("account")
    }
    return account
  }

  /// Ends the session, and lets the browser forget what it was shown. What is not sent yet stays: it is in no cache, and bears
  /// its own person's ticket.
  func signedOut(_ request: Request, _ response: Response) async -> Response {
    if let cookie = cookie(request) { await sessions.end(cookie) }
    var response = withCookie(nil, response)
    response.headers[.clearSiteData] = "\"cache\""
    return response
  }

  func cookie(_ request: Request) -> String? { request.cookies[cookieName]?.value }

  /// Nil takes the cookie away.
  func withCookie(_ value: String?, _ response: Response) -> Response {
    var response = response
    response.setCookie(
      Cookie(
        name: cookieName, value: value ?? "", maxAge: value == nil ? 0 : Int(Sessions.shift / 1_000), path: "/",
        secure: isSecure, httpOnly: true, sameSite: .strict))
    return response
  }

  // MARK: Writing

  private func write(_ user: User, _ body: @escaping @Sendable (Desk) throws -> [Draft]) async throws {
    let identity = core.identity
    try await core.edit { replica, now in
      let desk = Desk(replica: replica, inquiry: Inquiry(user: user, now: now, identity: identity))
      // A refusal is told as itself, not as the transaction's.
      var refusal: (any Error)?
      do {
        return (
          (),
          try replica.batch(at: now) {
            do { for draft in try body(desk) { _ = try replica.commit(draft, at: now) } } catch {
              refusal = error
              throw error
            }
          }
        )
      } catch { throw refusal ?? error }
    }
  }

  /// The first administrator: whoever has the code that `init` printed. It works once.
  func setUp(_ given: Setup, _ context: DeskContext) async throws -> Account {
    let now = Instant.now()
    let key = "setup"
    if let seconds = await sessions.wait(key, from: context.address, at: now) {
      throw APIError.tooMany(seconds: seconds)
    }
    guard !given.name.isEmpty, given.name.count <= 60, !given.login.isEmpty, given.login.count <= 40 else {
      throw APIError.badValue("name", ja: "利用者IDと氏名を入れてください", en: "a login and a name are required")
    }
    try PasswordPolicy.check(given.password, about: [given.login, given.name])
    guard try core.firstCode.isRight(given.code) else {
      await sessions.noteFailure(key, from: context.address, at: now)
      throw APIError(
        .unauthorized, "wrong-code", field: "code", ja: "コードが違うか、すでに使われました。端末の renkei-node account add でも登録できます",
        en: "the code is wrong or was used; `renkei-node account add` on the machine works too")
    }
    try await write(User(given.name)) { desk in
      try Accounts.make(
        login: given.login, name: given.name, roles: Role.allCases, password: given.password, desk
      ).drafts
    }
    try core.firstCode.use()
    return try await prove(.password, login: given.login, given.password, context)
  }
}
