import Causality
import Hummingbird
import Office
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
    router.post("/session/look") { request, context in
      let sent = try await sent(request)
      try checkForm(sent, context)
      var response = Response.redirect(to: "/session?done=session")
      for (name, value) in [(Self.themeCookie, sent["theme"]?.first), (Self.sizeCookie, sent["size"]?.first)] {
        response.setCookie(
          Cookie(
            name: name, value: value ?? "", maxAge: 400 * 86_400, path: "/", secure: isSecure, httpOnly: true,
            sameSite: .lax))
      }
      return response
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
    router.post("/session/app") { request, context in try await app(request, context) }
    router.post("/session/app/confirmation") { request, context in try await confirmation(request, context) }
    router.post("/session/password") { request, context in
      try await own(request, context) { sent in
        try await setPassword(
          NewPassword(old: sent["old"]?.first ?? "", new: sent["new"]?.first ?? ""), request, context)
      }
    }
  }

  private func app(_ request: Request, _ context: DeskContext) async throws -> Response {
    let sent = try await sent(request)
    try checkForm(sent, context)
    do {
      let offer = try await offerApp(AppStart(password: sent["password"]?.first ?? ""), request, context)
      return try await ownPage(request, context, app: ["mark": offer.mark, "secret": Self.grouped(offer.secret)])
    } catch { return try await ownPage(request, context, APIError.of(error)) }
  }

  private func confirmation(_ request: Request, _ context: DeskContext) async throws -> Response {
    let sent = try await sent(request)
    try checkForm(sent, context)
    do {
      let proof = AppProof(mark: sent["mark"]?.first ?? "", code: sent["code"]?.first ?? "")
      return try await ownPage(request, context, codes: try await confirmApp(proof, context).codes)
    } catch { return try await ownPage(request, context, APIError.of(error)) }
  }

  /// In groups of four, as it is read and typed.
  private static func grouped(_ text: String) -> String {
    let letters = Array(text)
    return stride(from: 0, to: letters.count, by: 4).map { String(letters[$0..<min($0 + 4, letters.count)]) }
      .joined(separator: " ")
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

  private func ownPage(
    _ request: Request, _ context: DeskContext, _ error: APIError? = nil, app: [String: String]? = nil,
    codes: [String] = []
  ) async throws -> Response {
    var frame = frame(request, context)
    let pick = frame.language.pick
    frame.error = error.map { pick($0.body.ja, $0.body.en) }
    if request.uri.queryParameters["done"] == "session" { frame.notice = pick("保存しました", "Saved") }
    let roles = context.user.roles.map(\.choice).map { pick($0.word, $0.code) }.sorted().joined(
      separator: pick("、", ", "))
    let isAdmin = context.user.roles.contains(.administrator)
    let words = [
      "app": pick("認証アプリ", "Authenticator app"),
      "appWhy": pick(
        "パスワードに加えて、手元の端末の認証アプリに出る6桁の番号でサインインします。通信が切れていても使えます。管理者と災害対策本部の人は決めてください。",
        "Signs you in with the six digits that an app on your own device shows, besides the password. It works without any network. Administrators and headquarters should have one."
      ),
      "appType": pick(
        "この鍵を認証アプリに入れ(種類は「時間ベース」)、出てきた番号を下に入れます。",
        "Type this key into the app (time-based), then the number that it shows below."),
      "appKey": pick("鍵", "Key"), "appCode": pick("アプリに出た番号", "The number that the app shows"),
      "appBegin": pick("認証アプリを決める", "Set up an authenticator app"), "appConfirm": pick("決める", "Confirm"),
      "codes": pick("控えのコード", "Printed codes"),
      "codesWhy": pick(
        "書き写すか印刷して、端末とは別の所にしまいます。アプリを使えないとき、番号の代わりに一つずつ一度だけ使えます。二度と表示されません。",
        "Write them down or print them, and keep them apart from the device. Each works once in place of the number. They are not shown again."
      ),
      "device": pick("この端末の番号", "This device's number"),
      "deviceWhy": pick(
        "登録した端末でだけサインインできる人がいます。登録は管理者が、この番号で行います。",
        "Some accounts sign in at enrolled devices alone. An administrator enrols it by this number."),
      "enrolled": pick("登録済み", "enrolled"), "notEnrolled": pick("未登録", "not enrolled"),
      "enrol": pick("この端末を登録する", "Enrol this device"),
      "lock": pick("席を外す(画面をロック)", "Lock the screen"),
      "lockWhy": pick(
        "サインインしたまま画面を閉じます。続けるときは暗証番号を入れます(決めていない人はパスワードでサインインし直します)。未送信のものは残ります。",
        "Closes the screen without signing out. Go on with your PIN; what is not sent yet stays."),
      "look": pick("見え方(この端末)", "How it looks on this device"), "theme": pick("明るさ", "Theme"),
      "size": pick("文字の大きさ", "Size of text"), "setLook": pick("この見え方にする", "Use this"),
      "pin": pick("暗証番号", "PIN"),
      "pinWhy": pick(
        "共用の端末で、交代のときに使う6桁の数字です。パスワードで一度サインインした端末だけで使えます。",
        "Six digits for changing over at a shared tablet, on devices where you have signed in with your password."),
      "newPin": pick("新しい暗証番号", "New PIN"), "setPin": pick("暗証番号を決める", "Set the PIN"),
      "devices": isAdmin
        ? pick("この機器にサインインしている端末", "Devices signed in at this node")
        : pick("自分がサインインしている端末", "Devices where I am signed in"),
      "seen": pick("最後の操作", "Last used"),
      "here": pick("この端末", "this device"), "end": pick("サインアウトさせる", "Sign out"),
      "password": pick("いまのパスワード", "Your password now"), "new": pick("新しいパスワード", "New password"),
      "change": pick("パスワードを変える", "Change the password"),
      "changeWhy": pick("ほかの端末のサインインは、すべての機器で終わります。", "Your sessions on other devices end, on every node."),
    ]
    let account = context.principal?.account
    let code = device(request)?.code
    let ward = core.identity.certificate.node.ward
    let isEnrolled = try await core.reader.read { db in
      try code.map { try DeviceRow.isEnrolled($0, ward: ward, db) } ?? false
    }
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
    func chosen(_ list: [(String, String)], _ value: String?) -> [[String: Any]] {
      list.map { ["value": $0.0, "label": $0.1, "isChosen": $0.0 == value ?? ""] }
    }
    return page(
      request,
      frame.render(
        "session", title: pick("自分の設定", "My settings"), active: "/menu",
        [
          "w": words,
          "themes": chosen(
            [("", pick("端末に合わせる", "as the device")), ("light", pick("明るい", "light")), ("dark", pick("暗い", "dark"))],
            frame.theme),
          "sizes": chosen(
            [("", pick("標準", "normal")), ("large", pick("大きい", "large")), ("huge", pick("とても大きい", "very large"))],
            frame.size),
          "app": app.map { [$0] } ?? [], "offersApp": account != nil && app == nil && codes.isEmpty,
          "codes": codes, "hasCodes": !codes.isEmpty, "sessions": open, "hasSessions": account != nil,
          "who": "\(context.user.name) · \(roles)", "device": code ?? "", "hasDevice": code != nil,
          "isEnrolled": isEnrolled, "mayEnrol": isAdmin && !isEnrolled,
        ]),
      refusal: error)
  }
}
