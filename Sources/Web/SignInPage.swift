import Foundation
import Hummingbird
import Mustache
import NodeService

/// The pages for signing in and for a node's first administrator: plain forms, without script.
extension WebServer {
  private static let template: MustacheTemplate = {
    MustacheContentTypes.register(HTMLText(), named: HTMLText.name)
    return try! MustacheTemplate(string: "{{% CONTENT_TYPE:\(HTMLText.name)}}\n" + page)
  }()

  /// Forms that a page without script sends.
  static let formPaths: Set<String> = ["/sign-in", "/setup", "/sign-out"]

  func addSignInPages(to router: Router<DeskContext>) {
    router.get("/sign-in") { request, _ in form(request, isSetup: false) }
    router.get("/setup") { request, _ in form(request, isSetup: true) }
    router.post("/sign-in") { request, context in
      let given = try await URLEncodedFormDecoder().decode(SignIn.self, from: request, context: context)
      return try await enter(request, isSetup: false) {
        try await signedIn(try await prove(.password, login: given.login, given.password, context), request)
      }
    }
    router.post("/setup") { request, context in
      let given = try await URLEncodedFormDecoder().decode(Setup.self, from: request, context: context)
      return try await enter(request, isSetup: true) {
        try await signedIn(try await setUp(given, context), request)
      }
    }
    router.post("/sign-out") { request, _ in
      if let cookie = cookie(request) { await sessions.end(cookie) }
      return withCookie(nil, .redirect(to: "/sign-in"))
    }
  }

  /// Goes to the first page with the session's cookie, or shows the form again with what was wrong.
  private func enter(
    _ request: Request, isSetup: Bool, _ body: () async throws -> Response
  ) async throws -> Response {
    do {
      var response = Response.redirect(to: "/")
      response.headers[values: .setCookie] = try await body().headers[values: .setCookie]
      return response
    } catch { return form(request, isSetup: isSetup, APIError.of(error)) }
  }

  private func form(_ request: Request, isSetup: Bool, _ error: APIError? = nil) -> Response {
    let english = request.uri.queryParameters["lang"] == "en"
    let canSetUp = core.firstCode.isOpen
    let words = english ? Self.english : Self.japanese
    let ward = english ? "\(core.identity.ward.romaji) City" : core.identity.ward.name
    let page: [String: Any] = [
      "lang": english ? "en" : "ja", "other": english ? "?lang=ja" : "?lang=en", "words": words, "ward": ward,
      "title": words[isSetup ? "setup" : "signIn"]!, "isSetup": isSetup, "offersSetup": canSetUp && !isSetup,
      "error": error.map { english ? $0.body.en : $0.body.ja } ?? "", "hasError": error != nil,
      "action": (isSetup ? "/setup" : "/sign-in") + (english ? "?lang=en" : ""),
    ]
    var response = text(Self.template.render(page), type: "text/html; charset=utf-8")
    if let error { response.status = error.status }
    return response
  }

  private static let japanese = [
    "signIn": "サインイン", "setup": "最初の管理者を登録する", "login": "利用者ID", "password": "パスワード", "name": "氏名",
    "code": "このノードを作ったときに表示されたコード", "other": "English", "hint": "10 文字以上。関係のない言葉を三つ並べると、覚えやすく、破られにくくなります。",
    "first": "このノードにはまだ管理者がいません。", "drill": "訓練",
  ]
  private static let english = [
    "signIn": "Sign in", "setup": "Register the first administrator", "login": "Login", "password": "Password",
    "name": "Name", "code": "The code shown when this node was made", "other": "日本語",
    "hint":
      "At least 10 characters. Three words that have nothing in common are easy to keep in mind and hard to guess.",
    "first": "This node has no administrator yet.", "drill": "Drill",
  ]

  private static let page = """
    <!doctype html>
    <html lang="{{lang}}">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>{{title}} · {{ward}}</title>
    <link rel="stylesheet" href="/style.css">
    </head>
    <body>
    <header><h1>{{ward}}</h1><a href="{{other}}">{{words.other}}</a></header>
    <main>
    <h2>{{title}}</h2>
    {{#hasError}}<p class="error" role="alert">{{error}}</p>{{/hasError}}
    <form method="post" action="{{action}}" class="stack">
    {{#isSetup}}<label>{{words.code}} <input name="code" required autocomplete="off" autofocus></label>
    <label>{{words.name}} <input name="name" required maxlength="60" autocomplete="name"></label>{{/isSetup}}
    <label>{{words.login}} <input name="login" required maxlength="40" autocomplete="username" autocapitalize="none"></label>
    <label>{{words.password}} <input name="password" type="password" required autocomplete="{{#isSetup}}new-password{{/isSetup}}{{^isSetup}}current-password{{/isSetup}}"></label>
    {{#isSetup}}<p>{{words.hint}}</p>{{/isSetup}}
    <button>{{title}}</button>
    </form>
    {{#offersSetup}}<p>{{words.first}} <a href="/setup">{{words.setup}}</a></p>{{/offersSetup}}
    </main>
    </body>
    </html>
    """
}
