import Desk
import Foundation
import Hummingbird
import Site

/// Looking for people: by name, as one types, and what can be done for them.
extension WebServer {
  func people(_ request: Request, _ context: DeskContext) async throws -> Response {
    var frame = frame(request, context)
    frame.isStill = true
    let language = frame.language
    let pick = language.pick
    let search = try endpoint("searchPeople", context)
    var query = Self.query(request)
    if query["purpose"] == nil { query["purpose"] = try await standingPurpose(context).map { [$0] } }
    var texts = query.compactMapValues { $0.first.flatMap { $0.isEmpty ? nil : $0 } }
      .filter { name, _ in search.form.fields.contains { $0.name == name } }
    let options = try await options(language, context)
    var found: [JSON] = []
    var isAsked = false
    var hint = ""
    var status = HTTPResponse.Status.ok
    if texts.keys.contains(where: { $0 != "purpose" && $0 != "limit" }) {
      isAsked = true
      do {
        do { found = try await ask(search.id, texts, context)["people"].list } catch let fault as Fault {
          // Without a purpose, this ward's own; of others, that one has to say for what.
          guard fault.field == "purpose", fault.kind == .badValue else { throw fault }
          texts["own"] = "1"
          found = try await ask(search.id, texts, context)["people"].list
          hint = pick(
            "自区の記録だけを出しています。他区も探すには、目的を選んでください。",
            "This ward's records alone: choose a purpose to look in the other wards' too.")
        }
      } catch {
        let fault = APIError.of(error)
        frame.error = pick(fault.body.ja, fault.body.en)
        status = fault.status
        isAsked = false
      }
    }
    let purpose = texts["purpose"].map { Self.escaped($0) }
    let names = try await names(
      shelters: found.flatMap { [$0["shelter"], $0["person"]["shelter"], $0["safety"]["report"]["shelter"]] }, language,
      context)
    let ages = try await ages()
    let rows = found.prefix(RecordTable.limit).map {
      row($0, names, ages, purpose.map { "?purpose=\($0)" } ?? "", language)
    }
    let top =
      links(
        to: [
          "reportSafety", "askToBeInformed", "inquiriesToAnswer", "registerResident", "evacueesElsewhere",
        ], back: "/people", language, context)
      + [
        ["href": "/doubles", "label": title("doubleEntries", language)],
        ["href": "/scan", "label": pick("家族カードを読み取る", "Scan a family's card")],
      ]
    let words = [
      "show": pick("探す", "Find"), "none": pick("見つかりません。", "Nobody was found."), "name": pick("氏名", "Name"),
      "birth": pick("生年月日", "Date of birth"), "ward": pick("区", "Ward"), "safety": pick("安否", "How the person is"),
      "where": pick("所在", "Where"), "heard": pick("いつの情報", "As of"), "results": pick("見つかった人", "People found"),
    ]
    return page(
      request,
      frame.render(
        "people", title: pick("安否・人を探す", "People"), active: "/people",
        [
          "w": words,
          "controls": Controls(Self.filters(search).filter { $0.name != "own" }, language, options: options).values(
            query),
          "rows": rows, "isEmpty": isAsked && rows.isEmpty, "hasRows": !rows.isEmpty, "top": top, "hint": hint,
          "hasHint": !hint.isEmpty,
        ]), status: status)
  }

  /// A person, or what only a register or a report knows of one.
  private func row(
    _ record: JSON, _ names: [String: String], _ ages: [String: Int64], _ purpose: String, _ language: Language
  ) -> [String: Any] {
    let person = record["person"]
    let id =
      record["kind"].text == "resident" ? person["residentId"].text ?? person["id"].text : person["residentId"].text
    // Whom no residents' register knows is known by the entry alone.
    let entry = person["id"].text.map { "/record/\(record["kind"].text == "stay" ? "stays" : "safety_reports")/\($0)" }
    let name =
      person["name"].text ?? [person["familyName"], person["givenName"]].compactMap(\.text).joined(separator: " ")
    let kana =
      person["kana"].text ?? [person["familyKana"], person["givenKana"]].compactMap(\.text).joined(separator: " ")
    let (ward, safety) = (person["ward"].text ?? "", record["safety"])
    let status = safety["status"].text ?? person["status"].text
    let disagreeing = safety["disagreeing"].list.count
    let report = safety["report"]
    let place = (record["shelter"].text ?? report["shelter"].text ?? person["shelter"].text).flatMap { names[$0] }
    return [
      "href": (id.map { "/person/\(Self.escaped($0))" } ?? entry ?? "") + purpose,
      "hasPage": id != nil || entry != nil,
      "name": RecordTable.isSeen(name) ? name : RecordTable.isSeen(kana) ? kana : language.pick("(名称なし)", "(no name)"),
      "kana": name.isEmpty ? "" : kana,
      "birth": (person["birth"].text ?? "").replacing(/\(\d{4}-\d\d-\d\d\)$/, with: ""),
      "ward": wardName(ward, language),
      "safety": status.map { labels.text("status", .text($0), language) } ?? language.pick("報告なし", "no report"),
      "isUnknown": status == nil,
      "more": disagreeing == 0 ? "" : language.pick("違う報告 \(disagreeing) 件", "\(disagreeing) say otherwise"),
      "hasMore": disagreeing > 0,
      "where": [place, report["place"].text ?? person["place"].text].compactMap(\.self).joined(separator: " "),
      "age": age(ages[ward], language),
    ]
  }
}
