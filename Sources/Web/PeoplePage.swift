import Desk
import Foundation
import Hummingbird
import Pages

/// Looking for people: by name, as one types, and what can be done for them.
extension WebServer {
  func people(_ request: Request, _ context: DeskContext) async throws -> Response {
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
          let purpose = texts["purpose"].flatMap { $0.addingPercentEncoding(withAllowedCharacters: .alphanumerics) }
          return [
            ["href": "/person/\(id)" + (purpose.map { "?purpose=\($0)" } ?? ""), "label": pick("この人を開く", "Open")]
          ]
        }
      } catch {
        let fault = APIError.of(error)
        frame.error = pick(fault.body.ja, fault.body.en)
        status = fault.status
      }
    }
    let top = links(
      to: [
        "reportSafety", "askToBeInformed", "inquiriesToAnswer", "registerResident", "evacueesElsewhere",
      ], back: "/people", language, context)
      + [
        ["href": "/doubles", "label": Titles.title("doubleEntries", language)],
        ["href": "/scan", "label": pick("家族カードを読み取る", "Scan a family's card")],
      ]
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
