import Causality
import Desk
import Foundation
import Hummingbird
import Site

/// The pages: what staff and residents use. They work without script, and better with it.
extension WebServer {
  func addPages(to router: Router<DeskContext>) {
    addAssets(to: router)
    router.get("/start") { _, context in Response.redirect(to: Self.start(context.user)) }
    router.get("/") { request, context in try await situation(request, context) }
    router.get("/unsent") { request, context in unsent(request, context) }
    addSignInPages(to: router)
    addShelterPages(to: router)
    addActionPages(to: router)
    addConflictPages(to: router)
    addHistoryPage(to: router)
    addMenuPage(to: router)
    addNetworkPages(to: router)
    addGoodsPages(to: router)
    addOrderPages(to: router)
    addScanPage(to: router)
    addOwnItemPages(to: router)
    addCasePages(to: router)
    addRegisterPages(to: router)
    addNodePages(to: router)
    router.get("/checklist") { request, context in try await checklist(request, context) }
    addPersonPages(to: router)
    addSessionPages(to: router)
    router.get("/people") { request, context in try await people(request, context) }
    addCounterPages(to: router)
    addBoard(to: router)
    addEntryPages(to: router)
    addPaperPages(to: router)
    addFindPage(to: router)
    addBeginPage(to: router)
    addHelpPages(to: router)
  }

  /// Where somebody's work is.
  static func start(_ user: User) -> String {
    if let shelter = user.shelter { return "/shelters/\(shelter)" }
    return switch user.roles {
    case [.shelter]: "/shelters?status=open"
    case [.supply]: "/orders"
    case [.welfare]: "/people"
    case [.engineer]: "/network"
    default: "/"
    }
  }

  private func unsent(_ request: Request, _ context: DeskContext) -> Response {
    var frame = frame(request, context)
    // What it shows is the browser's own.
    frame.isStill = true
    let pick = frame.language.pick
    return page(
      request,
      frame.render(
        "unsent", title: pick("未送信の入力", "Entries not sent yet"), active: "/menu",
        [
          "why": pick(
            "圏外の間に入力したものは、この端末に残っています。つながると、入力した順に一度だけ、入力した人の名前で送られます。画面を閉じても、ほかの人に代わっても消えません。断られたものは、理由とともに、だれかが消すまで残ります。",
            "What was entered without contact with the node is kept on this device. It is sent once, in order and in the name of whoever entered it, when there is contact. Neither closing the page nor another person's signing in loses it. What was refused stays, with the reason, until somebody discards it."
          ),
          "away": pick(
            "お探しの画面は圏外では開けません。つながると、この画面から進めます。",
            "That page cannot be opened out of reach: it can as soon as there is contact."),
          "none": pick("未送信の入力はありません。", "Nothing waits to be sent."), "again": pick("もう一度送る", "Send again"),
          "all": pick("断られたものをすべてもう一度送る", "Send all that was refused again"),
          "claim": pick("自分の入力として送る", "Send as my own"),
          "claims": pick("内容を確かめましたか。あなたの名前で送ります。", "Have you looked at it? It is sent in your name."),
          "of": pick("{}さんの未送信", "Not sent, of {}"), "nobody": pick("だれか", "somebody"),
          "unowned": pick("だれの入力か確かめられないので、送っていません", "Not sent: whose entry this is cannot be told"),
          "back": pick("最初の画面へ", "To the first page"),
          "drop": pick("消す", "Discard"),
          "sure": pick("この入力を消しますか。元に戻せません。", "Discard this entry? It cannot be undone."),
          "noscript": pick("スクリプトを使えない端末では、入力はその場で送られます。", "Without script, entries go to the node at once."),
        ]))
  }

  /// A page that says what is wrong and leads back.
  func errorPage(_ request: Request, _ error: APIError) async -> Response {
    let language = language(request)
    var frame = Frame(
      language: language, ward: wardName(core.identity.ward.code, language),
      isDrill: core.identity.federation.genesis.drill, path: request.uri.path,
      now: Instant.now().milliseconds)
    frame.error = language.pick(error.body.ja, error.body.en)
    // Whoever works here goes on from here.
    if let principal = try? await principals.of(request, isUsed: false) {
      frame.user = principal.user.name
      frame.csrf = principal.csrf
      frame.account = principal.account.map { "\($0)" }
    }
    frame.isStill = true
    let top: [[String: Any]] = [["href": "/", "label": language.pick("最初の画面へ", "To the first page")]]
    let title = language.pick("できませんでした", "That did not work")
    return page(request, frame.render("table", title: title, ["top": top, "hasTop": true]), refusal: error)
  }
}
