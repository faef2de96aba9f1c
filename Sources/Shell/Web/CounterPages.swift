import Desk
import Foundation
import Hummingbird
import Places
import Site

/// The residents' counter: for anybody, without signing in. What the ward publishes of its shelters, its notices, and a form
/// whose answer tells nothing to anybody.
extension WebServer {
  func addCounterPages(to router: Router<DeskContext>) {
    router.get("/counter") { request, context in try await counter(request, context) }
    router.post("/counter") { request, context in
      let sent = try await sent(request)
      let endpoint = try endpoint("reportOneself", context)
      do {
        _ = try await carryOut(
          endpoint, Controls.json(sent, endpoint.form.fields), row: nil, mark: sent[Once.field]?.first, context)
        return Response.redirect(to: "/counter?sent=1")
      } catch { return try await counter(request, context, sent: sent, fault: APIError.of(error)) }
    }
  }

  private func counter(
    _ request: Request, _ context: DeskContext, sent: [String: [String]] = [:], fault: APIError? = nil
  ) async throws -> Response {
    var frame = frame(request, context)
    let language = frame.language
    let pick = language.pick
    frame.error = fault.map { pick($0.body.ja, $0.body.en) }
    let text = request.uri.queryParameters["q"].map { String($0).trimmingCharacters(in: .whitespaces) } ?? ""
    let places = try await shelters(matching: text, isOpen: text.isEmpty)
    let notices = try await ask("notices", [:], context)["notices"].list.map { notice -> [String: Any] in
      [
        "title": notice["title"].text ?? "", "body": notice["body"].text ?? "",
        "from": "\(wardName(notice["ward"].text ?? "", language)) \(notice["toldAt"].integer.map(language.time) ?? "")",
      ]
    }
    let words = [
      "where": pick("町名・施設名", "Town or facility"), "find": pick("探す", "Find"), "staff": pick("職員の方", "For staff"),
      "findTitle": pick("避難所を探す", "Find a shelter"), "report": title("reportOneself", language),
      "reportWhy": pick(
        "命の危険があるときは 119 番へ。ここに書いたことは区の職員だけが読みます。",
        "In danger of life, call 119. Only the ward's staff read what you write here."), "send": pick("知らせる", "Send"),
    ]
    let shown = places.map { place -> [String: Any] in
      [
        "name": ShelterWords.name(place, language), "ward": wardName(place[Shelter.ward] ?? "", language),
        "address": place[Shelter.address] ?? "",
        "code": place[Shelter.status]?.code ?? "unknown",
        "status": ShelterWords.status(place, language), "crowding": ShelterWords.crowding(place, language),
        "hasCrowding": !ShelterWords.crowding(place, language).isEmpty,
      ]
    }
    let isThanks = request.uri.queryParameters["sent"] == "1"
    return page(
      request,
      frame.render(
        "counter", title: pick("住民の窓口", "The residents' counter"),
        [
          "w": words, "q": text, "shelters": shown, "hasShelters": !shown.isEmpty, "notices": notices,
          "isThanks": isThanks, "isOpenList": text.isEmpty,
          "openList": pick("いま開設している避難所", "Shelters that are open now"),
          "thanks": pick(
            "受け付けました。区の職員が読みます。命の危険があるときは 119 番へ。",
            "Received: the ward's staff read it. In danger of life, call 119."),
          "isEmpty": !text.isEmpty && shown.isEmpty,
          "controls": Controls(catalogue["reportOneself"].form.fields, language).values(sent, wrong: fault?.body.field),
          "none": pick("見つかりません。別の言葉で探してください。", "Nothing was found: try other words."),
          "why": pick(
            "町名か施設の名前を入れると、避難所の開設と混雑がわかります。",
            "Enter a town or a facility to see whether a shelter is open, and how full."),
        ]), refusal: fault)
  }
}
