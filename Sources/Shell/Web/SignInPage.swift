import Foundation
import Hummingbird
import NodeService
import Office
import Site

/// The pages for signing in and for a node's first administrator: plain forms, without script.
extension WebServer {
  func addSignInPages(to router: Router<DeskContext>) {
    router.get("/sign-in") { request, context in
      try await form(request, context, isSetup: false, back: request.uri.queryParameters["back"].map { String($0) })
    }
    router.get("/setup") { request, context in try await form(request, context, isSetup: true) }
    router.post("/sign-in") { request, context in
      let sent = try await sent(request)
      return try await enter(request, context, back: sent["_back"]?.first, isSetup: false) {
        let given = SignIn(
          login: sent["login"]?.first ?? "", password: sent["password"]?.first ?? "", code: sent["code"]?.first)
        return try await signedIn(try await signIn(given, request, context), request, context)
      }
    }
    router.post("/setup") { request, context in
      let sent = try await sent(request)
      func text(_ name: String) -> String { sent[name]?.first ?? "" }
      return try await enter(request, context, back: nil, isSetup: true) {
        try await signedIn(
          try await setUp(
            Setup(code: text("code"), login: text("login"), name: text("name"), password: text("password")), request,
            context),
          request, context)
      }
    }
    router.post("/session/switch") { request, context in
      let sent = try await sent(request)
      return try await enter(request, context, back: sent["_back"]?.first, isSetup: false) {
        _ = try await change(
          to: Switch(login: sent["login"]?.first ?? "", pin: sent["pin"]?.first ?? ""), csrf: sent["_csrf"]?.first,
          request,
          context)
        return Response(status: .noContent)
      }
    }
    router.post("/sign-out") { request, context in await signOut(request, context, .redirect(to: "/sign-in"))
    }
  }

  /// Goes on to where the person wanted to be, with the session's cookie; or shows the form again with what was wrong.
  private func enter(
    _ request: Request, _ context: DeskContext, back: String?, isSetup: Bool, _ body: () async throws -> Response
  ) async throws -> Response {
    do {
      var response = Response.redirect(to: Self.back(back) == "/" ? "/start" : Self.back(back))
      response.headers[values: .setCookie] = try await body().headers[values: .setCookie]
      return response
    } catch { return try await form(request, context, isSetup: isSetup, back: back, APIError.of(error)) }
  }

  private func form(
    _ request: Request, _ context: DeskContext, isSetup: Bool, back: String? = nil, _ error: APIError? = nil
  ) async throws -> Response {
    var frame = frame(request, context)
    frame.user = nil
    let language = frame.language
    let pick = language.pick
    frame.error = error.map { pick($0.body.ja, $0.body.en) }
    let title = isSetup ? pick("最初の管理者を登録する", "Register the first administrator") : pick("サインイン", "Sign in")
    let words = [
      "app": pick("認証アプリの番号か控えのコード(決めている人だけ)", "Authenticator's number or printed code (if you have set one up)"),
      "login": pick("利用者ID", "Login"), "password": pick("パスワード", "Password"), "name": pick("氏名", "Name"),
      "code": pick("設置のときに表示された16文字のコード", "The code of 16 characters shown when this node was made"),
      "hint": pick(
        "10 文字以上。関係のない言葉を三つ並べると、覚えやすく、破られにくくなります。",
        "At least 10 characters. Three words that have nothing in common are easy to keep in mind and hard to guess."),
      "first": pick("この機器にはまだ管理者がいません。", "This node has no administrator yet."),
      "setup": pick("最初の管理者を登録する", "Register the first administrator"), "pin": pick("暗証番号", "PIN"),
      "goOn": pick("この端末で続ける", "Go on at this device"), "goOnButton": pick("続ける", "Go on"),
      "counter": pick("避難所を探す(住民の方)", "Find a shelter (residents)"),
      "trust": pick("ほかの端末をつなぐ", "Connect another device"),
    ]
    let ward = core.identity.certificate.node.ward
    let offers = try await core.reader.read { try Accounts.administrators(of: ward, $0).isEmpty }
    let session = try await sessionView(request, context)
    let people = session.people.map { ["login": $0.login, "name": $0.name, "csrf": session.csrf ?? ""] }
    let shown = page(
      request,
      frame.render(
        "signin", title: title,
        [
          "w": words, "title": title, "action": isSetup ? "/setup" : "/sign-in", "isSetup": isSetup,
          "offersSetup": !isSetup && core.firstCode.isOpen && offers, "back": Self.back(back), "people": people,
          "hasPeople": !isSetup && !people.isEmpty,
        ]), refusal: error)
    // It has a number from now on, which an administrator may enrol. Who comes from another site sends none, and keeps what it has.
    let isOwn = ["same-origin", "none", nil].contains(request.headers[.fetchSite])
    return device(request) == nil && isOwn ? remembering(Device(), shown) : shown
  }
}
