import Desk
import Hummingbird
import People
import Site

/// A ward's own items: built as one will see them, without dragging, and filled in for one record at once.
extension WebServer {
  func addOwnItemPages(to router: Router<DeskContext>) {
    router.get("/builder") { request, context in try await builder(request, context) }
    router.get("/own/:collection/:row") { request, context in try await ownItems(request, context) }
    router.post("/own/:collection/:row") { request, context in try await enterOwnItems(request, context) }
  }

  private func ownFields(_ collection: String, _ context: DeskContext) async throws -> [JSON] {
    try await ask("ownFields", ["ward": core.identity.ward.code, "collection": collection], context)["fields"].list
      .filter { $0["endedAt"] == .null }
  }

  /// A definition as a form's field: what is entered is checked again by the service.
  private func field(_ definition: JSON) -> FormField {
    let kind = OwnItems.Kind(rawValue: definition["kind"].text ?? "") ?? .text
    let shape = kind.pageShape(definition["choices"].list.compactMap(\.text))
    return FormField(
      "f\(definition["id"].text ?? "")", shape, required: definition["needed"] == .integer(1),
      ja: definition["labelJa"].text ?? "", en: definition["labelEn"].text ?? "")
  }

  /// What is stored of a yes or no, as the field shows it; and back.
  private static let flags = ["1": "はい", "0": "いいえ"]

  private func collections() -> [Choice] {
    let shape = catalogue["addOwnField"].form.fields.first { $0.name == "collection" }?.shape
    if case .choice(let list)? = shape { return list }
    return []
  }

  private func builder(_ request: Request, _ context: DeskContext) async throws -> Response {
    let frame = frame(request, context)
    let language = frame.language
    let pick = language.pick
    let add = try endpoint("addOwnField", context)
    let collection = Self.query(request)["collection"]?.first ?? "shelters"
    let fields = try await ownFields(collection, context)
    let back = "/builder?collection=\(Self.escaped(collection))"
    let words = [
      "preview": pick("入力する人にはこう見えます", "What people will see"), "end": pick("使うのをやめる", "Use no longer"),
      "add": title("addOwnField", language), "what": pick("どの記録に加えるか", "Of which records"),
      "show": pick("表示", "Show"), "none": pick("まだ独自の項目がありません。", "There are no own items yet."),
      "why": pick(
        "通信が切れていても項目を加えられます。加えた項目は他の区にも伝わり、値を見ることができます。使うのをやめても、入力した値は残ります。",
        "Items can be added while cut off; other wards hear of them and see their values. What was entered stays when an item is ended."
      ),
    ]
    return page(
      request,
      frame.render(
        "builder", title: title("ownFields", language), active: "/menu",
        [
          "w": words, "collection": collection, "back": back, "isEmpty": fields.isEmpty,
          "collections": collections().map {
            ["value": $0.word, "label": collectionTitle($0.word, language), "isChosen": $0.word == collection]
              as [String: Any]
          },
          "fields": fields.map { definition -> [String: Any] in
            [
              "id": definition["id"].text ?? "", "back": back,
              "kind": labels.text("kind", definition["kind"], language),
              "label": pick(definition["labelJa"].text ?? "", definition["labelEn"].text ?? ""),
              "phase": labels.text("phase", definition["phase"], language), "form": definition["form"].text ?? "",
              "controls": Controls([field(definition)], language).values(),
            ]
          },
          "controls": Controls(
            ["labelJa", "labelEn", "kind", "choices", "needed", "phase", "form"].compactMap { name in
              add.form.fields.first { $0.name == name }
            }, language
          ).values(),
        ]))
  }

  private func ownItems(
    _ request: Request, _ context: DeskContext, sent: [String: [String]] = [:], fault: APIError? = nil
  ) async throws -> Response {
    var frame = frame(request, context)
    let language = frame.language
    let pick = language.pick
    frame.error = fault.map { pick($0.body.ja, $0.body.en) }
    let (collection, row) = (context.parameters.get("collection") ?? "", context.parameters.get("row") ?? "")
    let fields = try await ownFields(collection, context)
    var texts = ["collection": collection, "row": row]
    texts["purpose"] = Self.query(request)["purpose"]?.first.flatMap { $0.isEmpty ? nil : $0 }
    let values = try await ask("ownValues", texts, context)["values"].list
    let own = core.identity.ward.code
    var given: [String: [String]] = [:]
    for value in values where value["ward"].text == own {
      let (id, text) = (value["field"].text ?? "", value["value"].text ?? "")
      let isFlag = fields.contains { $0["id"].text == id && $0["kind"].text == "はい・いいえ" }
      given["f\(id)"] = [isFlag ? Self.flags[text] ?? text : text]
    }
    let others = values.filter { $0["ward"].text != own }
    let names = try await names(shelters: [.text(row)], language, context)
    let words = [
      "save": pick("保存する", "Save"), "others": pick("他の区の項目", "Other wards' items"), "ward": pick("区", "Ward"),
      "none": pick("この記録に独自の項目はありません。", "This record has no own items."),
      "builder": title("ownFields", language),
    ]
    return page(
      request,
      frame.render(
        "own", title: title("enterOwnValues", language),
        [
          "w": words, "action": "/own/\(collection)/\(row)", "isEmpty": fields.isEmpty && others.isEmpty,
          "hasFields": !fields.isEmpty && isAllowed("enterOwnValues", context),
          "subject": "\(collectionTitle(collection, language)) \(names[row] ?? row)",
          "controls": Controls(fields.map(field), language).values(
            given.merging(sent) { $1 }, wrong: Self.problems(fault, language)),
          // What stood there when the page was made: what nobody touched is not written again over what others wrote since.
          "before": fields.map { definition -> [String: String] in
            let name = "f\(definition["id"].text ?? "")"
            let isOvertaken = fault?.body.error == Fault.Kind.changed.rawValue && fault?.body.field == name
            let shown = isOvertaken ? given[name] : sent["o" + name] ?? given[name]
            return ["name": "o" + name, "value": shown?.first ?? ""]
          },
          "hasOthers": !others.isEmpty, "mayBuild": isAllowed("addOwnField", context),
          "href": "/builder?collection=\(Self.escaped(collection))",
          "others": others.map {
            [
              "ward": wardName($0["ward"].text ?? "", language),
              "label": pick($0["labelJa"].text ?? "", $0["labelEn"].text ?? ""),
              "value": $0["value"].text ?? "",
            ]
          },
        ]), refusal: fault)
  }

  private func enterOwnItems(_ request: Request, _ context: DeskContext) async throws -> Response {
    let sent = try await sent(request)
    try checkForm(sent, context)
    let (collection, row) = (context.parameters.get("collection") ?? "", context.parameters.get("row") ?? "")
    let enter = try endpoint("enterOwnValues", context)
    for definition in try await ownFields(collection, context) {
      let name = "f\(definition["id"].text ?? "")"
      guard let text = sent[name]?.first, !text.isEmpty, text != sent["o" + name]?.first else { continue }
      let isFlag = definition["kind"].text == "はい・いいえ"
      func kept(_ text: String) -> String { isFlag ? Self.flags.first { $0.value == text }?.key ?? text : text }
      let was = sent["o" + name]?.first.map { ["value": $0.isEmpty ? JSON.null : .text(kept($0))] }
      do {
        _ = try await carryOut(
          enter,
          .object([
            "collection": .text(collection), "row": .text(row), "field": definition["id"], "value": .text(kept(text)),
          ]), was: was ?? [:], row: nil, context)
      } catch {
        // The others are saved; this one is shown again, as it was entered.
        var fault = APIError.of(error)
        fault.body.field = name
        return try await ownItems(request, context, sent: sent, fault: fault)
      }
    }
    return .redirect(to: "/own/\(collection)/\(row)?done=enterOwnValues")
  }
}
