import Desk
import Foundation
import Hummingbird
import Places
import Site

/// Looking for anything that has a page: shelters by name, and what one can do or look up; people only on their own page, where it is
/// noted.
extension WebServer {
  func addFindPage(to router: Router<DeskContext>) {
    router.get("/find") { request, context in try await find(request, context) }
  }

  private static let most = 20

  private func find(_ request: Request, _ context: DeskContext) async throws -> Response {
    let frame = frame(request, context)
    let language = frame.language
    let pick = language.pick
    let text = request.uri.queryParameters["q"].map { String($0).trimmingCharacters(in: .whitespaces) } ?? ""
    let own = core.identity.ward.code
    let found = text.isEmpty ? [] : try await shelters(matching: text)
    let shelters = found.sorted { ($0[Shelter.ward] == own ? 0 : 1, $0.id) < ($1[Shelter.ward] == own ? 0 : 1, $1.id) }
      .prefix(Self.most).map { shelter -> [String: Any] in
        [
          "href": "/shelters/\(shelter.id)", "label": ShelterWords.name(shelter, language),
          "note": "\(wardName(shelter[Shelter.ward] ?? "", language)) \(ShelterWords.status(shelter, language))",
        ]
      }
    let pages =
      text.isEmpty
      ? [] : self.pages(language, context).filter { PlaceKey.isPart(text, of: [$0.label]) }.prefix(Self.most)
    let people: [[String: Any]] =
      text.isEmpty || !isAllowed("searchPeople", context)
      ? []
      : [
        [
          "href": "/people?name=\(Self.escaped(text))",
          "label": pick("「\(text)」という人を探す", "Look for a person called \(text)"), "note": "",
        ]
      ]
    let groups: [(String, [[String: Any]])] = [
      (pick("人", "People"), people), (pick("避難所", "Shelters"), Array(shelters)),
      (pick("画面・手続き", "Pages and tasks"), pages.map { ["href": $0.href, "label": $0.label, "note": ""] }),
    ]
    return page(
      request,
      frame.render(
        "find", title: pick("探す", "Find"), active: "",
        [
          "q": text,
          "w": ["what": pick("避難所・画面・人の名前", "A shelter, a page, a person's name"), "find": pick("探す", "Find")],
          "groups": groups.filter { !$0.1.isEmpty }.map { ["heading": $0.0, "links": $0.1] as [String: Any] },
        ]))
  }

  /// Everything that a user may open by itself.
  private func pages(_ language: Language, _ context: DeskContext) -> [(href: String, label: String)] {
    catalogue.services.flatMap { service in links(to: service.menu, back: "/find", language, context) }
      .compactMap { link in (link["href"] as? String).flatMap { href in (link["label"] as? String).map { (href, $0) } }
      }
      + Frame.pages(language)
  }
}
