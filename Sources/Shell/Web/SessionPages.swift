import Causality
import Hummingbird
import Site

/// What a person sets for themselves: the PIN for a shared tablet, the password; and leaving the desk for a moment.
extension WebServer {
  func addSessionPages(to router: Router<DeskContext>) {
    router.get("/session") { request, context in try await ownPage(request, context) }
    router.post("/session/end") { request, context in
      let sent = try await sent(request)
      try checkForm(sent, context)
      let isAdministrator = context.user.roles.contains(.administrator)
      guard isAdministrator || context.principal?.account != nil else { return Response.redirect(to: "/session") }
      await sessions.end(named: sent["name"]?.first ?? "", for: isAdministrator ? nil : context.principal?.account)
      accessLog.note(.signedOut, from: context.address, who: context.caller.who, ["by": "another device"])
      return Response.redirect(to: "/session?done=session")
    }
    router.post("/session/lock") { request, context in
      try checkForm(try await sent(request), context)
      await lock(request, context)
      return Response.redirect(to: "/sign-in")
    }
    router.post("/session/pin") { request, context in
      try await own(request, context) { sent in
        try await setPIN(
          NewPIN(pin: sent["pin"]?.first ?? "", password: sent["password"]?.first ?? ""), request, context)
        return Response(status: .noContent)
      }
    }
    router.post("/session/password") { request, context in
      try await own(request, context) { sent in
        try await setPassword(
          NewPassword(old: sent["old"]?.first ?? "", new: sent["new"]?.first ?? ""), request, context)
      }
    }
  }

  /// Does it, and shows the page again with what came of it; a new password brings a new cookie.
  private func own(
    _ request: Request, _ context: DeskContext, _ body: ([String: [String]]) async throws -> Response
  ) async throws -> Response {
    let sent = try await sent(request)
    try checkForm(sent, context)
    do {
      let done = try await body(sent)
      var response = Response.redirect(to: "/session?done=session")
      response.headers[values: .setCookie] = done.headers[values: .setCookie]
      return response
    } catch { return try await ownPage(request, context, APIError.of(error)) }
  }

  private func ownPage(_ request: Request, _ context: DeskContext, _ error: APIError? = nil) async throws -> Response {
    var frame = frame(request, context)
    let pick = frame.language.pick
    frame.error = error.map { pick($0.body.ja, $0.body.en) }
    if request.uri.queryParameters["done"] == "session" { frame.notice = pick("保存しました", "Saved") }
    let roles = context.user.roles.map(\.choice).map { pick($0.word, $0.code) }.sorted().joined(
      separator: pick("、", ", "))
    let isAdmin = context.user.roles.contains(.administrator)
    let words = [
      "lock": pick("離席(画面ロック)", "Lock the screen"),
      "lockWhy": pick(
        "サインインしたまま画面を閉じます。続けるときは暗証番号を入れます(決めていない人はパスワードでサインインし直します)。未送信のものは残ります。",
        "Closes the screen without signing out. Go on with your PIN; what is not sent yet stays."),
      "pin": pick("暗証番号", "PIN"),
      "pinWhy": pick(
        "共用の端末で、交代のときに使う6桁の数字です。パスワードで一度サインインした端末だけで使えます。",
        "Six digits for changing over at a shared tablet, on devices where you have signed in with your password."),
      "newPin": pick("新しい暗証番号", "New PIN"), "setPin": pick("暗証番号を決める", "Set the PIN"),
      "devices": isAdmin
        ? pick("このノードにサインインしている端末", "Devices signed in at this node")
        : pick("自分がサインインしている端末", "Devices where I am signed in"),
      "seen": pick("最後の操作", "Last used"),
      "here": pick("この端末", "this device"), "end": pick("サインアウトさせる", "Sign out"),
      "password": pick("いまのパスワード", "Your password now"), "new": pick("新しいパスワード", "New password"),
      "change": pick("パスワードを変える", "Change the password"),
      "changeWhy": pick("ほかの端末のサインインは、すべてのノードで終わります。", "Your sessions on other devices end, on every node."),
    ]
    let account = context.principal?.account
    let here = if let cookie = cookie(request) { await sessions.name(of: cookie) } else { "" }
    var open: [[String: Any]] = []
    for (name, session) in await sessions.all(of: isAdmin ? nil : account, at: clock.now()).prefix(200) {
      open.append([
        "name": name, "device": session.device, "isHere": name == here,
        "people": try await people(of: session).map(\.name).joined(separator: pick("、", ", ")),
        "seen": frame.language.age(milliseconds: clock.now().milliseconds(since: session.seen)),
        "state": session.current == nil ? pick("席を外している", "away from the desk") : pick("使用中", "in use"),
      ])
    }
    return page(
      request,
      frame.render(
        "session", title: pick("自分の設定", "My settings"), active: "/menu",
        ["w": words, "sessions": open, "hasSessions": account != nil, "who": "\(context.user.name) · \(roles)"]),
      refusal: error)
  }
}
