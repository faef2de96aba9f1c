import Desk
import Hummingbird
import Site

/// Everything that a user may open, in groups.
extension WebServer {
  func addMenuPage(to router: Router<DeskContext>) {
    router.get("/menu") { request, context in try await menu(request, context) }
  }

  private func menu(_ request: Request, _ context: DeskContext) async throws -> Response {
    let frame = frame(request, context)
    let language = frame.language
    var headings: [Words] = []
    var linked: [Words: [[String: Any]]] = [:]
    for service in catalogue.services {
      let links = links(to: service.menu, back: "/menu", language, context)
      let heading = service.group ?? service.words
      guard !links.isEmpty else { continue }
      if linked[heading] == nil { headings.append(heading) }
      linked[heading, default: []] += links
    }
    let groups = headings.map { ["heading": $0.text(in: language), "links": linked[$0]!] as [String: Any] }
    /// Pages of their own, as far as the user may open them.
    func pages(_ list: [(path: String, ja: String, en: String)]) -> [[String: Any]] {
      list.filter { Gate.ownRoutes["GET \($0.path)"]!.admits(context.user.roles) }
        .map { ["href": $0.path, "label": language.pick($0.ja, $0.en)] }
    }
    let more: [String: Any] = [
      "heading": language.pick("対応の道具", "Tools"),
      "links": Frame.further(language).map { ["href": $0.path, "label": $0.label] }
        + pages([
          ("/checklist", "やることリスト", "Checklist"), ("/orders", "要請と配送", "Requests and deliveries"),
          ("/doubles", "二重登録の疑い", "Possible double entries"), ("/builder", "区独自の項目", "The ward's own items"),
          ("/nodes", "機器(ノード)", "Nodes"), ("/import", "避難所一覧を取り込む", "Take in a list of shelters"),
        ]),
    ]
    let own: [String: Any] = [
      "heading": language.pick("この端末", "This device"),
      "links": pages([
        ("/scan", "読み取り(送り状・家族カード)", "Scan (slips, cards)"),
        ("/session", "自分の設定・席を外す・端末", "My settings, leaving the desk, devices"),
        ("/unsent", "未送信の入力", "Entries not sent yet"), ("/counter", "住民の窓口", "The residents' counter"),
        ("/board", "表示盤(本部の壁)", "Wall board"),
      ]),
    ]
    return page(
      request,
      frame.render(
        "menu", title: language.pick("メニュー", "Menu"), active: "/menu", ["groups": [more] + groups + [own]]))
  }
}
