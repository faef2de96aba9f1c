import Desk
import Foundation
import Hummingbird
import People
import Places
import Site

/// One person with the family, and records that may be one person's, side by side.
extension WebServer {
  func addPersonPages(to router: Router<DeskContext>) {
    router.get("/person/:id") { request, context in try await person(request, context) }
    router.get("/cards/:id") { request, context in try await cards(request, context) }
    router.get("/doubles") { request, context in try await doubles(request, context) }
  }

  /// Everything that a page asks about a person, for one purpose; and what stood in the way.
  private struct Asked {
    var texts: [String: String]
    var fault: APIError?
  }

  private func about(
    _ id: String, _ row: String, _ asked: inout Asked, _ context: DeskContext
  ) async -> JSON? {
    let names = catalogue[id].form.fields.map(\.name)
    do { return try await tryAsk(id, asked.texts.filter { names.contains($0.key) }, row: row, context) } catch {
      let fault = APIError.of(error)
      // What this node does not know of is no fault of the page.
      if fault.status != .notFound { asked.fault = asked.fault ?? fault }
      return nil
    }
  }

  /// That a purpose has to be chosen first is no mistake of anybody's: the page asks for it.
  private func refusal(_ asked: Asked, _ language: Language) -> String? {
    guard let fault = asked.fault, fault.body.field != "purpose" || asked.texts["purpose"] != nil else { return nil }
    return language.pick(fault.body.ja, fault.body.en)
  }

  private func purposeControls(_ texts: [String: String], _ language: Language) -> [[String: Any]] {
    Controls([Purpose.field], language).values(texts.mapValues { [$0] })
  }

  private func purpose(_ request: Request, _ context: DeskContext) async throws -> [String: String] {
    if let given = request.uri.queryParameters["purpose"] { return given.isEmpty ? [:] : ["purpose": String(given)] }
    return try await standingPurpose(context).map { ["purpose": $0] } ?? [:]
  }

  private func person(_ request: Request, _ context: DeskContext) async throws -> Response {
    var frame = frame(request, context)
    frame.isStill = true
    let language = frame.language
    let pick = language.pick
    let id = context.parameters.get("id") ?? ""
    var asked = Asked(texts: try await purpose(request, context))
    let resident = await about("resident", id, &asked, context)
    let family = await about("family", id, &asked, context)
    let safety = await about("safetyOf", id, &asked, context)
    let identity = await about("identity", id, &asked, context)
    let candidates = await about("duplicateCandidates", id, &asked, context)
    frame.error = refusal(asked, language)
    let names = try await names(
      shelters: (family?["members"].list ?? []).map { $0["shelter"] }, language, context)
    let isOwn = resident?["ward"].text == core.identity.ward.code && resident?["disclosed"] == .null
    let purpose = asked.texts["purpose"].map { "&purpose=\(Self.escaped($0))" } ?? ""
    let back = Self.escaped("/person/\(id)" + (purpose.isEmpty ? "" : "?" + purpose.dropFirst()))
    let name = resident.map {
      [$0["familyName"], $0["givenName"], $0["name"]].compactMap(\.text).joined(separator: " ")
    }
    let changes = isOwn ? ["changeResident", "planAssistance", "giveConsent", "protectResident"] : []
    let actions =
      ["reportSafety", "askToBeInformed"].filter { isAllowed($0, context) }.map {
        ["href": "/do/\($0)?resident=\(Self.escaped(id))&_back=\(back)", "label": title($0, language)]
      }
      + changes.filter { isAllowed($0, context) }.map {
        ["href": "/do/\($0)?_row=\(Self.escaped(id))&_back=\(back)\(purpose)", "label": title($0, language)]
      }
      + ["assistance", "consents", "auditOf"].filter { isAllowed($0, context) }.map {
        ["href": "/list/\($0)?_row=\(Self.escaped(id))\(purpose)", "label": title($0, language)]
      }
    let members = family?["members"].list ?? []
    let conflicts = try await conflicts(of: resident, isOwn: isOwn, language, context)
    let words = [
      "family": pick("家族", "Family"), "safety": pick("安否", "How the person is"),
      "ids": pick("同じ人のID", "IDs of one person"),
      "print": pick("家族カードを印刷する", "Print the family's card"), "name": pick("氏名", "Name"),
      "birth": pick("生年月日", "Date of birth"),
      "where": pick("避難先", "Shelter"), "since": pick("入所", "Since"), "how": pick("安否", "Safety"),
      "candidates": pick("同じ人かもしれない記録", "Records that may be the same person"), "reasons": pick("理由", "Why"),
      "one": pick("同じ人です", "They are one person"), "two": pick("別の人です", "They are two people"),
      "disagreeing": pick("違う内容の報告", "Reports that say something else"),
      "show": pick("表示", "Show"),
      "noFamily": pick(
        "世帯が登録されていません。「住民の記録を変える」で世帯を入れると、家族がここに並びます。",
        "No household is entered: with one, under \"Change a resident\", the family stands here."),
      "relatives": pick("同じ世帯名の人", "People of the same household's name"),
      "askRelatives": pick(
        "世帯の言葉は同じですが、住所が違うか、入っていません。家族か確かめてください。確かめるまで、家族カードには載りません。",
        "The household's word is the same, the address is not, or is missing. Ask whether they are family: until then the card does not name them."
      ), "isFamily": pick("家族です", "They are family"),
      "conflicts": pick("要確認", "To check"), "choose": pick("こちらにする", "Choose this"),
      "shownNow": pick("いま表示されている値", "What is shown now"),
      "unknown": pick("この住民の記録は、この機器では読めません。", "This node cannot read this resident's record."),
    ]
    let table = RecordTable(labels, language, known: names)
    let facts = resident.map { table.sections($0) { _ in [] } } ?? []
    let decides = isAllowed("linkResidents", context)
    let evidence = catalogue["linkResidents"].form.fields.first { $0.name == "evidence" }!
    return page(
      request,
      frame.render(
        "person", title: name.map { $0.isEmpty ? id : $0 } ?? id, active: "/people",
        [
          "w": words, "id": id, "back": "/person/\(id)" + (purpose.isEmpty ? "" : "?" + purpose.dropFirst()),
          "facts": facts.first?["members"] ?? [[String: Any]](), "isKnown": resident != nil,
          "needsPurpose": asked.fault?.body.field == "purpose",
          "controls": purposeControls(asked.texts, language), "action": "/person/\(id)",
          "actions": actions, "conflicts": conflicts, "hasConflicts": !conflicts.isEmpty,
          "members": members.map { member -> [String: Any] in
            let row = member["residentId"].text ?? member["id"].text ?? ""
            return [
              "href": "/person/\(row)?\(purpose.dropFirst())", "isSelf": row == id || member["id"].text == id,
              "name": [member["familyName"], member["givenName"]].compactMap(\.text).joined(separator: " "),
              "birth": member["birth"].text ?? "", "shelter": names[member["shelter"].text ?? ""] ?? "",
              "since": member["arrivedAt"].integer.map { language.time($0) } ?? "",
              "safety": labels.text("status", member["safety"], language),
            ]
          },
          "relatives": (family?["candidates"].list ?? []).map { other -> [String: Any] in
            [
              "name": [other["familyName"], other["givenName"]].compactMap(\.text).joined(separator: " "),
              "birth": other["birth"].text ?? "", "address": other["address"].text ?? "",
              "member": other["id"].text ?? "", "row": resident?["id"].text ?? "",
              "back": "/person/\(id)" + (purpose.isEmpty ? "" : "?" + purpose.dropFirst()),
            ]
          },
          "hasRelatives": !(family?["candidates"].list ?? []).isEmpty,
          "confirms": isOwn && isAllowed("confirmFamily", context),
          "hasFamily": members.count > 1, "isAlone": resident != nil && members.count <= 1,
          "cards": "/cards/\(id)?\(purpose.dropFirst())", "hasCard": !members.isEmpty,
          "hasSafety": safety?["status"].text != nil,
          "status": labels.text("status", safety?["status"] ?? .null, language),
          "source": statement(safety?["report"] ?? .null, language, names),
          "reports": (safety?["disagreeing"].list ?? []).map {
            ["text": labels.text("status", $0["status"], language), "source": statement($0, language, names)]
          },
          "hasReports": !(safety?["disagreeing"].list ?? []).isEmpty,
          "ids": (identity?["ids"].list ?? []).compactMap(\.text).filter { $0 != id }.map {
            ["id": $0, "href": "/person/\($0)?\(purpose.dropFirst())"]
          },
          "hasIds": (identity?["ids"].list.count ?? 0) > 1,
          "hasCandidates": !(candidates?["candidates"].list ?? []).isEmpty,
          "candidates": (candidates?["candidates"].list ?? []).map { candidate -> [String: Any] in
            let other = candidate["resident"]
            return [
              "rows": PairTable(labels, language, known: names).rows(resident ?? .null, other),
              "reasons": labels.text("reasons", candidate["reasons"], language),
              "first": id, "second": other["residentId"].text ?? other["id"].text ?? "", "decides": decides,
              "back": "/person/\(id)" + (purpose.isEmpty ? "" : "?" + purpose.dropFirst()),
              "controls": Controls([evidence], language).values(),
            ]
          },
        ]), status: resident == nil && asked.fault?.body.field != "purpose" ? .notFound : .ok)
  }

  /// Values of which nobody who wrote one knew the other: they show where the person does, and nowhere else.
  private func conflicts(
    of resident: JSON?, isOwn: Bool, _ language: Language, _ context: DeskContext
  ) async throws -> [[String: Any]] {
    guard let resident, !resident["conflicts"].list.isEmpty, let row = resident["id"].text else {
      return []
    }
    let found = try await ask("rowConflicts", ["collection": Resident.records.name, "row": row], context)
    let forms = Set(catalogue["changeResident"].form.fields.map(\.name))
    let labels = labels.of(Resident.records)
    return found["conflicts"].list.filter { $0["field"].text?.hasSuffix("_key") == false }.map { value in
      let name = Column.field(value["field"].text ?? "")
      return [
        "field": labels.label(name, language), "name": name, "value": value["value"].text ?? "",
        "isShown": value["shown"] == true, "who": value["author"].text ?? "",
        "when": value["time"].integer.map { language.time($0) } ?? "", "row": row,
        "canChoose": isOwn && forms.contains(name) && value["value"] != .null && isAllowed("changeResident", context),
      ]
    }
  }

  /// Who said so, where and when.
  private func statement(_ report: JSON, _ language: Language, _ names: [String: String]) -> String {
    let place = [report["place"].text, report["shelter"].text.flatMap { names[$0] }].compactMap(\.self)
    let time = report["observedAt"].integer.map { language.time($0) }
    let ward = report["ward"].text.map { wardName($0, language) }
    let parts = [labels.text("source", report["source"], language), time ?? "", ward ?? ""] + place
    return parts.filter { !$0.isEmpty }.joined(separator: " · ")
  }

  /// The family's card, to be cut out: the names for people, the IDs for the scanner.
  private func cards(_ request: Request, _ context: DeskContext) async throws -> Response {
    var frame = frame(request, context)
    frame.isStill = true
    let pick = frame.language.pick
    let id = context.parameters.get("id") ?? ""
    let family = try await ask("family", try await purpose(request, context), row: id, context)
    let people = family["members"].list.map { member in
      [
        "name": [member["familyName"], member["givenName"]].compactMap(\.text).joined(separator: " "),
        "id": member["residentId"].text ?? "",
      ]
    }
    // A large family has several, each with the names that its code holds.
    let cards = family["cards"].list.enumerated().map { number, card -> [String: Any] in
      let first = number * FamilyCard.limit
      return [
        "qr": qr(card.text ?? ""), "people": Array(people[first..<min(first + FamilyCard.limit, people.count)]),
      ]
    }
    return page(
      request,
      frame.render(
        "cards", title: pick("家族カード", "Family's card"), active: "/people",
        [
          "cards": cards,
          "what": pick(
            "避難所の受付で、この二次元コードを読み取ります。入っているのは住民IDだけです。",
            "The shelter's desk reads this. It holds the residents' IDs and nothing else."),
        ]))
  }

  // MARK: Double entries

  private func doubles(_ request: Request, _ context: DeskContext) async throws -> Response {
    var frame = frame(request, context)
    frame.isStill = true
    let language = frame.language
    let pick = language.pick
    var asked = Asked(texts: try await purpose(request, context))
    var answer = JSON.null
    do { answer = try await ask("doubleEntries", asked.texts, context) } catch {
      asked.fault = APIError.of(error)
      frame.error = refusal(asked, language)
    }
    let pairs = answer["doubles"].list
    let (own, others) = (answer["own"].integer ?? 0, answer["others"].integer ?? 0)
    let stays = pairs.flatMap { $0["stays"].list }
    let known = try await names(shelters: stays.map { $0["shelter"] }, language, context)
    let back = "/doubles" + (asked.texts["purpose"].map { "?purpose=\(Self.escaped($0))" } ?? "")
    let shown = pairs.map { pair -> [String: Any] in
      let stays = pair["stays"].list
      let (left, right) = (stays.first ?? .null, stays.last ?? .null)
      return [
        "rows": PairTable(labels, language, known: known).rows(left, right),
        "ground": labels.text("ground", pair["ground"], language),
        "first": left["id"].text ?? "", "second": right["id"].text ?? "", "back": back,
        "purpose": asked.texts["purpose"] ?? "", "decides": isAllowed("settleDouble", context),
      ]
    }
    let words = [
      "one": pick("同じ人です(一人と数える)", "One person (counts once)"), "two": pick("別の人です", "Two people"),
      "show": pick("表示", "Show"),
    ]
    return page(
      request,
      frame.render(
        "doubles", title: title("doubleEntries", language), active: "/people",
        [
          "w": words, "pairs": shown, "isEmpty": shown.isEmpty && asked.fault == nil,
          "none": pick("ありません。", "There is none."),
          "needsPurpose": asked.fault?.body.field == "purpose" || !asked.texts.isEmpty || others > 0,
          "howMany": pick(
            "自区が決めるもの \(language.number(own)) 組、他区どうしのもの \(language.number(others)) 組。自区のものから \(pairs.count) 組を出しています。",
            "\(language.number(own)) for this ward to settle, \(language.number(others)) between other wards. Shown: \(pairs.count), this ward's first."
          ), "hasMore": Int64(pairs.count) < own + others,
          "controls": purposeControls(asked.texts, language), "action": "/doubles",
          "why": pick(
            "名簿に二度載っているかもしれない人です。決めるまで、IDが同じ人は新しい方だけを数え、似ているだけの人は両方を数えます。",
            "People who may stand in the registers twice. Until somebody decides, of one ID the newer entry counts; of people who merely look alike both do."
          ),
        ]), status: asked.fault.map { $0.body.field == "purpose" ? .ok : $0.status } ?? .ok)
  }
}
