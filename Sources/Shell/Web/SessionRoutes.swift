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
      return try await signedIn(try await signIn(given, request, context), request, context)
    }
    api.post("/session/app") { request, context in
      try json(try await offerApp(try await request.decode(as: AppStart.self, context: context), request, context))
    }
    api.post("/session/app/confirmation") { request, context in
      try json(try await confirmApp(try await request.decode(as: AppProof.self, context: context), context))
    }
    api.delete("/session") { request, context in await signOut(request, context, Response(status: .noContent)) }
    api.post("/session/lock") { request, context in
      await lock(request, context)
      return Response(status: .noContent)
    }
    api.post("/session/switch") { request, context in
      let given = try await request.decode(as: Switch.self, context: context)
      return try json(try await change(to: given, csrf: request.headers[.csrf], request, context))
    }
    api.post("/session/pin") { request, context in
      try await setPIN(try await request.decode(as: NewPIN.self, context: context), request, context)
      return Response(status: .noContent)
    }
    api.post("/session/password") { request, context in
      try await setPassword(try await request.decode(as: NewPassword.self, context: context), request, context)
    }
    api.post("/setup") { request, context in
      let given = try await request.decode(as: Setup.self, context: context)
      return try await signedIn(try await setUp(given, request, context), request, context)
    }
  }

  struct SignIn: Codable { var login: String; var password: String; var code: String? }
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

  func setPIN(_ given: NewPIN, _ request: Request, _ context: DeskContext) async throws {
    let account = try await me(context)
    try PasswordPolicy.check(pin: given.pin)
    _ = try await prove(.password, login: account.login, given.password, request, context)
    try await write(account.user) { desk in [try Accounts.credential(account.id, .pin, given.pin, desk)] }
    accessLog.note(.credentialChanged, from: context.address, who: context.caller.who, ["what": "PIN"])
  }

  /// Ends the account's sessions, and begins a new one here.
  func setPassword(_ given: NewPassword, _ request: Request, _ context: DeskContext) async throws -> Response {
    let account = try await me(context)
    try PasswordPolicy.check(given.new, about: [account.login, account.name])
    _ = try await prove(.password, login: account.login, given.old, request, context)
    try await write(account.user) { desk in
      [try Accounts.credential(account.id, .password, given.new, desk), Accounts.changed(account.id, desk)]
    }
    accessLog.note(.credentialChanged, from: context.address, who: context.caller.who, ["what": "password"])
    return try await signedIn(try await fetch(account.id), request, context)
  }

  /// By password, and by the second factor where the account has one.
  func signIn(_ given: SignIn, _ request: Request, _ context: DeskContext) async throws -> Account {
    try await prove(.password, login: given.login, given.password, request, context) {
      try await proveSecond(given.code, of: $0, device(request))
    }
  }

  // MARK: Going

  func signOut(_ request: Request, _ context: DeskContext, _ response: Response) async -> Response {
    if let cookie = cookie(request) {
      await sessions.end(cookie)
      accessLog.note(.signedOut, from: context.address, who: context.caller.who)
    }
    var response = withCookie(nil, response)
    response.headers[.clearSiteData] = "\"cache\""
    return response
  }

  /// Leaves the desk: who comes back goes on by PIN or password.
  func lock(_ request: Request, _ context: DeskContext) async {
    guard let cookie = cookie(request) else { return }
    await sessions.lock(cookie)
    accessLog.note(.locked, from: context.address, who: context.caller.who)
  }

  // MARK: Proof

  /// Whoever knows what `login` signs in with.
  ///
  /// - Parameter further: what else has to hold; when it throws, this was a wrong try.
  /// - Throws: 401, saying no more than that it was wrong; 429 after too many tries.
  func prove(
    _ secret: Account.Secret, login: String, _ text: String, _ request: Request?, _ context: DeskContext,
    further: (Account) async throws -> Void = { _ in }
  ) async throws -> Account {
    guard login.utf8.count <= 200, text.utf8.count <= 1_024 else { throw Self.wrong }
    let ward = core.identity.certificate.node.ward
    let candidates = try await core.reader.read { db in
      try Account.all(login: login, ward: ward, db).map { ($0, try $0.hash(of: secret, db)) }
    }
    let device = request.flatMap { self.device($0) }
    let isKnown = device.map { device in candidates.contains { device.people.contains($0.0.id) } } ?? false
    let buckets = Attempts.Bucket.all(
      Account.plain(login: login), from: context.address, device: isKnown ? device?.name : nil)
    if let seconds = await sessions.charge(buckets, at: clock.now()) { throw APIError.tooMany(seconds: seconds) }
    context.caller.who = candidates.first.map { "account \($0.0.id)" } ?? "an unknown login"
    var proven: Account?
    do {
      for (account, hash) in candidates where hash != nil && proven == nil {
        if try await passwords.verify(text, hash, isKnown: isKnown) { proven = account }
      }
      if !candidates.contains(where: { $0.1 != nil }) { _ = try await passwords.verify(text, nil, isKnown: isKnown) }
    } catch {
      await sessions.withdraw(buckets)
      throw error
    }
    guard let proven else { throw Self.wrong }
    try await further(proven)
    await sessions.noteSuccess(buckets)
    return proven
  }

  private static let wrong = APIError(
    .unauthorized, "wrong-password", ja: "利用者IDかパスワードが違います", en: "the login or the password is wrong")

  func change(
    to given: Switch, csrf: String?, _ request: Request, _ context: DeskContext
  ) async throws -> SessionView {
    guard let cookie = cookie(request), let session = await sessions.session(cookie, at: clock.now()) else {
      throw APIError(.unauthorized, "unauthorized", ja: "サインインしてください", en: "sign in")
    }
    guard Gate.isSame(csrf ?? "", session.csrf) else {
      throw APIError(
        .forbidden, "csrf", ja: "時間が経ったため送れませんでした。画面を開き直して、もう一度押してください",
        en: "X-CSRF-Token is missing or not this session's")
    }
    let here = try await people(of: session).first { $0.login == given.login }
    guard let here else {
      throw APIError(
        .forbidden, "not-here", ja: "この端末では、先にパスワードでサインインしてください", en: "sign in with the password on this device first")
    }
    let device = device(request)
    let proven = try await prove(.pin, login: given.login, given.pin, request, context) {
      try await proveDevice($0, device)
    }
    guard proven.id == here.id, await sessions.go(on: cookie, as: here.id, at: clock.now()) != nil else {
      throw Self.wrong
    }
    accessLog.note(.signedIn, from: context.address, who: "account \(here.id)", ["by": "PIN"])
    return try await view(cookie, context)
  }

  // MARK: Answers

  func signedIn(_ account: Account, _ request: Request, _ context: DeskContext) async throws -> Response {
    let (new, session) = await sessions.begin(
      account.id, version: account.changedAt, sharing: cookie(request),
      device: "\((request.headers[.userAgent] ?? "?").prefix(200)) · \(context.address)", at: clock.now())
    accessLog.note(.signedIn, from: context.address, who: "account \(account.id)", ["by": "password"])
    return remembering(account.id, request, withCookie(new, try json(try await view(session))))
  }

  func sessionView(_ request: Request, _ context: DeskContext) async throws -> SessionView {
    guard let cookie = cookie(request) else { return SessionView(state: "none") }
    return try await view(cookie, context)
  }

  private func view(_ cookie: String, _ context: DeskContext) async throws -> SessionView {
    guard let session = await sessions.session(cookie, at: clock.now()) else { return SessionView(state: "none") }
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

  func me(_ context: DeskContext) async throws -> Account {
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

  func write(_ user: User, _ body: @escaping @Sendable (Desk) throws -> [Draft]) async throws {
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

  /// The first administrator: whoever has the code that `init` printed. It works once, whoever else sends it meanwhile.
  func setUp(_ given: Setup, _ request: Request, _ context: DeskContext) async throws -> Account {
    let buckets = Attempts.Bucket.all("\u{1f}set-up", from: context.address, device: nil)
    guard !given.name.isEmpty, given.name.count <= 60, !given.login.isEmpty, given.login.count <= 40 else {
      throw APIError.badValue("name", ja: "利用者IDと氏名を入れてください", en: "a login and a name are required")
    }
    try PasswordPolicy.check(given.password, about: [given.login, given.name])
    if let seconds = await sessions.charge(buckets, at: clock.now()) { throw APIError.tooMany(seconds: seconds) }
    guard try core.firstCode.take(given.code) else {
      throw APIError(
        .unauthorized, "wrong-code", field: "code", ja: "コードが違うか、すでに使われました。端末の renkei-node account add でも登録できます",
        en: "the code is wrong or was used; `renkei-node account add` on the machine works too")
    }
    await sessions.noteSuccess(buckets)
    do {
      try await write(User(given.name)) { desk in
        try Accounts.make(
          login: given.login, name: given.name, roles: Role.allCases, password: given.password, desk
        ).drafts
      }
    } catch {
      try core.firstCode.giveBack()
      throw error
    }
    try core.firstCode.end()
    let account = try await prove(.password, login: given.login, given.password, request, context)
    accessLog.note(.setUp, from: context.address, who: "account \(account.id)")
    return account
  }
}
