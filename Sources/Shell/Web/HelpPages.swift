import Desk
import Hummingbird
import Site

/// 「使い方」: for everybody, signed in or not.
extension WebServer {
  func addHelpPages(to router: Router<DeskContext>) {
    router.get("/help") { request, context in help(.reception, request, context) }
    router.get("/help/:page") { request, context in
      guard let page = Help(rawValue: context.parameters.get("page") ?? "") else { throw APIError.notFound("page") }
      return help(page, request, context)
    }
    router.get("/help/picture/:name") { _, context in
      guard let picture = Help.picture(context.parameters.get("name") ?? "") else { throw APIError.notFound("name") }
      return Response(
        status: .ok, headers: [.contentType: "image/webp", .cacheControl: "max-age=86400"],
        body: .init(byteBuffer: ByteBuffer(bytes: picture)))
    }
  }

  private func help(_ shown: Help, _ request: Request, _ context: DeskContext) -> Response {
    let frame = frame(request, context)
    let language = frame.language
    let pages = Help.allCases.map {
      ["href": "/help/\($0.rawValue)", "label": $0.words.text(in: language), "isActive": $0 == shown] as [String: Any]
    }
    return page(
      request,
      frame.render(
        "help", title: language.pick("使い方: ", "How to: ") + shown.words.text(in: language),
        ["pages": pages, "text": shown.text(in: language), "list": language.pick("使い方の一覧", "All of the help")]))
  }
}
