import Causality
import ChangeModel
import Desk
import Foundation
import Hummingbird
import NodeService
import Pages
import Replica
import Shelters

/// Two people wrote different things without knowing of each other: both values, who and when, and one click to choose.
extension WebServer {
  func addConflictPages(to router: Router<DeskContext>) {
    router.get("/conflicts") { request, context in try await conflicts(request, context) }
    router.post("/conflicts") { request, context in
      let sent = try await sent(request)
      try checkForm(sent, context)
      guard let row = sent["row"]?.first.flatMap({ Int64($0) }).map(RowID.init(rawValue:)),
        let field = sent["field"]?.first
      else { throw APIError.badValue("row", ja: "食い違いではありません", en: "not a conflict") }
      guard sent["collection"]?.first == "shelters" else {
        throw APIError.badValue("collection", ja: "この表の食い違いは、その記録を変えて解きます", en: "settle it by changing the record")
      }
      try context.user.mustWork(at: row)
      try await settle(row, field: field, value: sent["value"]?.first.flatMap { $0.isEmpty ? nil : $0 })
      return Response.redirect(to: "/conflicts")
    }
  }

  private func conflicts(_ request: Request, _ context: DeskContext) async throws -> Response {
    let frame = frame(request, context)
    let language = frame.language
    let pick = language.pick
    let personal = NodeSchema.current.collections.filter(\.isPersonal).map(\.name)
    let found = try await core.reader.read { try ShelterQueries.conflicts(limit: 1_000, hiding: personal, $0) }
    let maySettle = Gate.ownRoutes["POST /conflicts"]!.admits(context.user.roles)
    var groups: [(key: String, values: [ConflictView])] = []
    for view in found {
      let key = "\(view.collection) \(view.row) \(view.field)"
      if groups.last?.key == key { groups[groups.count - 1].values.append(view) } else { groups.append((key, [view])) }
    }
    let shown = groups.map { group -> [String: Any] in
      let first = group.values[0]
      let collection = NodeSchema.current.collection(named: first.collection)
      let field = collection?.field(named: first.field)
      let isWhole = first.field.isEmpty || field == nil
      let label = field.map { pick($0.japanese, $0.english) } ?? pick("削除と変更", "deleted and changed")
      let name = Column.field(first.field)
      return [
        "title": first.name ?? first.row, "field": label,
        "values": group.values.map { value -> [String: Any] in
          let author = AuthorNumber(rawValue: UInt32(truncatingIfNeeded: value.author))
          let ward = author.flatMap { core.identity.federation.ward(at: $0.ward)?.code }
          let read = value.value.flatMap { Int64($0) }.map { JSON.integer($0) } ?? .text(value.value ?? "")
          let text = labels.text(name, read, language)
          return [
            "row": value.row, "collection": value.collection, "fieldName": value.field, "value": value.value ?? "",
            "text": text.isEmpty ? pick("(空)", "(empty)") : text, "isShown": value.shown,
            "who": ward.map { wardName($0, language) } ?? "?", "when": language.time(value.time),
            "shownNow": pick("いま表示されている値", "What is shown now"), "choose": pick("こちらにする", "Choose this"),
            "canChoose": maySettle && !isWhole && first.collection == "shelters",
          ]
        },
      ]
    }
    return page(
      request,
      frame.render(
        "conflicts", title: pick("食い違い", "Conflicts"), active: "/conflicts",
        [
          "conflicts": shown, "isEmpty": shown.isEmpty, "none": pick("食い違いはありません。", "There are none."),
          "why": pick(
            "通信が切れている間に、別々の場所で違う内容が入力されました。どちらも失われていません。正しい方を選んでください。選び直すこともできます。",
            "Different things were entered in two places that did not know of each other. Neither is lost. Choose what is right; you can choose again."
          ),
        ]))
  }
}
