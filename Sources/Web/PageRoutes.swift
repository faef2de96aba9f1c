import Desk
import Foundation
import Hummingbird
import Pages

/// The pages: what staff and residents use. They work without script, and better with it.
extension WebServer {
  func addPages(to router: Router<DeskContext>) {
    for (path, content, type) in [
      ("/style.css", Templates.style, "text/css"), ("/app.js", Templates.script, "text/javascript"),
      ("/worker.js", Templates.worker, "text/javascript"), ("/icon.svg", Templates.icon, "image/svg+xml"),
    ] {
      router.get(RouterPath(path)) { _, _ in
        Response(
          status: .ok, headers: [.contentType: "\(type); charset=utf-8", .cacheControl: "max-age=300"],
          body: .init(byteBuffer: ByteBuffer(bytes: content)))
      }
    }
    router.get("/") { request, context in try await situation(request, context) }
    router.get("/unsent") { request, context in unsent(request, context) }
    addSignInPages(to: router)
    addShelterPages(to: router)
    addActionPages(to: router)
    addConflictPages(to: router)
    addNetworkPages(to: router)
    addGoodsPages(to: router)
    addSessionPages(to: router)
    router.get("/people") { request, context in try await people(request, context) }
    addCounterPages(to: router)
  }

  private func unsent(_ request: Request, _ context: DeskContext) -> Response {
    let frame = frame(request, context)
    let pick = frame.language.pick
    return page(
      request,
      frame.render(
        "unsent", title: pick("未送信の入力", "Entries not sent yet"), active: "/menu",
        [
          "why": pick(
            "ノードにつながらない間に入力したものは、この端末に残っています。つながると、入力した順に一度だけ送られます。画面を閉じても消えません。",
            "What was entered without contact with the node is kept on this device. It is sent once, in order, when there is contact. Closing the page loses nothing."
          ),
          "none": pick("未送信の入力はありません。", "Nothing waits to be sent."), "again": pick("もう一度送る", "Send again"),
          "drop": pick("消す", "Discard"),
          "sure": pick("この入力を消しますか。元に戻せません。", "Discard this entry? It cannot be undone."),
          "noscript": pick("スクリプトを使えない端末では、入力はその場でノードに送られます。", "Without script, entries go to the node at once."),
        ]))
  }

  /// A page that says what is wrong and leads back.
  func errorPage(_ request: Request, _ error: APIError) -> Response {
    let language = language(request)
    var frame = Frame(
      language: language, ward: wardName(core.identity.ward.code, language),
      isDrill: core.identity.federation.genesis.drill, path: request.uri.path)
    frame.error = language.pick(error.body.ja, error.body.en)
    let top: [[String: Any]] = [["href": "/", "label": language.pick("最初の画面へ", "To the first page")]]
    let title = language.pick("できませんでした", "That did not work")
    return page(request, frame.render("table", title: title, ["top": top, "hasTop": true]), status: error.status)
  }

  // MARK: People

  private func people(_ request: Request, _ context: DeskContext) async throws -> Response {
    var frame = frame(request, context)
    let language = frame.language
    let pick = language.pick
    let search = try endpoint("searchPeople", context)
    let query = Self.query(request)
    let texts = query.compactMapValues { $0.first.flatMap { $0.isEmpty ? nil : $0 } }
      .filter { name, _ in search.form.fields.contains { $0.name == name } }
    let options = try await options(language, context)
    var sections: [[String: Any]] = []
    var status = HTTPResponse.Status.ok
    if texts.keys.contains(where: { $0 != "purpose" && $0 != "limit" }) {
      do {
        let answer = try await ask(search.id, texts, context)
        let table = RecordTable(labels, language, known: known(options))
        sections = table.sections(answer) { record in
          guard
            let id = (record["residentId"].text ?? record["resident"].text)?
              .addingPercentEncoding(withAllowedCharacters: .alphanumerics)
          else { return [] }
          return ["safetyOf", "identity", "resident"].filter { isAllowed($0, context) }.map {
            ["href": "/list/\($0)?_row=\(id)", "label": Titles.title($0, language)]
          }
        }
      } catch {
        let fault = APIError.of(error)
        frame.error = pick(fault.body.ja, fault.body.en)
        status = fault.status
      }
    }
    let top = [
      "reportSafety", "askToBeInformed", "inquiriesToAnswer", "registerResident", "doubleEntries", "evacueesElsewhere",
    ]
    .filter { isAllowed($0, context) }.map { id -> [String: Any] in
      let isWrite = if case .write = catalogue[id].action { true } else { false }
      return ["href": isWrite ? "/do/\(id)?_back=/people" : "/list/\(id)", "label": Titles.title(id, language)]
    }
    return page(
      request,
      frame.render(
        "table", title: pick("人・安否", "People"), active: "/people",
        [
          "action": "/people", "hasFilter": true,
          "controls": Controls(Self.filters(search), language, options: options).values(query),
          "show": pick("探す", "Find"), "sections": sections, "none": pick("見つかりません。", "Nobody was found."),
          "what": pick("操作", "Actions"), "top": top, "hasTop": true,
        ]), status: status)
  }
}
