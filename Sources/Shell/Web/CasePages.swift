import Casework
import ChangeModel
import Desk
import Hummingbird
import Procedures
import Site

/// A procedure's form, made from its definition, and a case with what can be done in it now. What is entered is checked by the service.
extension WebServer {
  func addCasePages(to router: Router<DeskContext>) {
    router.get("/apply/:row") { request, context in try await application(request, context) }
    router.post("/apply/:row") { request, context in try await apply(request, context) }
    router.get("/case/:row") { request, context in try await caseFile(request, context) }
    router.post("/case/:row/:act") { request, context in try await act(request, context) }
  }

  private func row(_ context: DeskContext) throws -> (text: String, id: RowID) {
    guard let text = context.parameters.get("row"), let number = Int64(text) else { throw APIError.notFound("row") }
    return (text, RowID(rawValue: number))
  }

  private func procedure(_ row: RowID) async throws -> Procedure {
    let version = try await core.reader.read { try RowValues.fetch(row, ProcedureVersion.records, $0) }
    guard let version else { throw APIError.notFound("row") }
    return try ProcedureVersion.procedure(version)
  }

  // MARK: Filing

  /// The fields that every application has: who, how, and how that was seen.
  private static let heads = ["applicant", "channel", "identified", "resident"]

  /// A definition's own fields on the page: one may be called as a head is.
  private static let prefix = "a-"

  private func application(
    _ request: Request, _ context: DeskContext, sent: [String: [String]] = [:], fault: APIError? = nil
  ) async throws -> Response {
    var frame = frame(request, context)
    let pick = frame.language.pick
    let (text, id) = try row(context)
    frame.error = fault.map { pick($0.body.ja, $0.body.en) }
    frame.isStill = true
    let file = try endpoint("fileCase", context)
    let wrong = Self.problems(fault, frame.language)
    let heads = Self.heads.compactMap { name in file.form.fields.first { $0.name == name } }
    var (procedure, problem): (Procedure?, String?)
    do { procedure = try await self.procedure(id) } catch let fault as Fault {
      problem = pick(fault.japanese, fault.english)
    }
    let fields = procedure.map { Answers.fields($0, prefix: Self.prefix) } ?? []
    let ownWrong = Dictionary(uniqueKeysWithValues: wrong.map { (Self.prefix + $0.key, $0.value) })
    // The one that is most often so.
    let given = ["channel": ["窓口"]].merging(sent) { $1 }
    return page(
      request,
      frame.render(
        "apply", title: procedure.map { pick($0.ja, $0.en) } ?? title("fileCase", frame.language), active: "/menu",
        [
          "action": "/apply/\(text)", "before": [], "problem": problem.map { [$0] } ?? [],
          "controls": Controls(heads, frame.language).values(given, wrong: wrong),
          "pages": [
            [
              "legend": pick("申請の内容", "What is applied for"),
              "controls": Controls(fields, frame.language).values(sent, wrong: ownWrong),
            ] as [String: Any]
          ], "button": title("fileCase", frame.language), "back": "/list/procedures", "cancel": pick("やめる", "Cancel"),
        ]), refusal: fault)
  }

  private func apply(_ request: Request, _ context: DeskContext) async throws -> Response {
    let (text, id) = try row(context)
    let sent = try await sent(request)
    try checkForm(sent, context)
    let endpoint = try endpoint("fileCase", context)
    let done: JSON
    do {
      let own = sent.filter { $0.key.hasPrefix(Self.prefix) }.map {
        (String($0.key.dropFirst(Self.prefix.count)), $0.value)
      }
      let answers = Controls.json(
        Dictionary(uniqueKeysWithValues: own), Answers.fields(try await procedure(id)))
      let heads = endpoint.form.fields.filter { Self.heads.contains($0.name) }
      guard case .object(var members) = Controls.json(sent, heads) else { throw APIError.notFound("row") }
      members["answers"] = .text(String(decoding: answers.bytes, as: UTF8.self))
      done = try await carryOut(
        endpoint, .object(members), was: [:], row: text, mark: sent[Once.field]?.first, entered: nil, by: nil, context)
    } catch { return try await application(request, context, sent: sent, fault: APIError.of(error)) }
    // It is filed: whatever stands in the way of showing it now, the receipt is told.
    return try await caseFile(request, context, row: done["id"].text ?? "", receipt: done["receipt"].text)
  }

  // MARK: A case

  private func caseFile(
    _ request: Request, _ context: DeskContext, row given: String? = nil, receipt: String? = nil,
    sent: (act: String, values: [String: [String]])? = nil, fault: APIError? = nil
  ) async throws -> Response {
    var frame = frame(request, context)
    let language = frame.language
    let pick = language.pick
    let text = try given ?? row(context).text
    frame.isStill = true
    frame.error = fault.map { pick($0.body.ja, $0.body.en) }
    if let receipt {
      frame.notice = pick(
        "受付番号 \(receipt) 。控えて渡してください。どの区の窓口でも、この番号で進み具合が分かります。",
        "Receipt \(receipt): write it down for the applicant. Any ward's desk tells by it how far the case is.")
    }
    let purpose = purpose(request)
    let record: JSON
    do { record = try await ask("case", purpose, row: text, context) } catch let fault as Fault
      where fault.field == "purpose" || receipt != nil
    {
      return askPurpose(
        request, frame, path: "/case/\(text)", called: pick("案件", "Case"), APIError.of(fault))
    }
    let procedure = try? await procedure(RowID(rawValue: Int64(record["procedure"].text ?? "") ?? 0))
    let isHere = record["isHere"] == .flag(true)
    let acts = record["offered"].list.map { offered -> [String: Any] in
      let name = offered["name"].text ?? ""
      let asks = procedure?.act(name)?.asks ?? []
      let isBarred = offered["needsRight"] == .flag(true) && !isHere
      return [
        "label": offered["label"].text ?? name, "action": "/case/\(text)/\(name)" + suffix(purpose),
        "isOpen": sent?.act == name,
        "barred": isBarred
          ? [
            pick(
              "この案件を決裁できるのは \(record["decides"].text ?? "?") です。", "Decided at \(record["decides"].text ?? "?").")
          ] : [],
        "controls": Controls(asks.map { Answers.field($0) }, language).values(
          sent?.act == name ? sent!.values : [:], wrong: sent?.act == name ? Self.problems(fault, language) : [:]),
      ]
    }
    let back = Self.escaped("/case/\(text)" + suffix(purpose))
    return page(
      request,
      frame.render(
        "case", title: record["applicant"].text ?? text, active: "/menu",
        [
          "isShown": true, "subject": record["procedureTitle"].text ?? "",
          "problem": record["problem"].text.map { [$0] } ?? [],
          "flags": record["flags"].list.compactMap(\.text), "stage": record["stage"].text ?? "",
          "holder": pick(
            "決裁: \(record["decides"].text ?? "?")\(isHere ? "(この機器)" : "")",
            "decided at \(record["decides"].text ?? "?")"),
          "acts": acts, "hasActs": !acts.isEmpty,
          "filed": record["filed"].list.map { ["label": $0["label"].text ?? "", "value": $0["value"].text ?? ""] },
          "history": record["history"].list.map {
            [
              "at": $0["at"].integer.map { language.time($0) } ?? "", "label": $0["label"].text ?? "",
              "value": $0["value"].text ?? "", "by": $0["by"].text ?? "",
            ]
          },
          "more": ["handOverCase", "takeOverCase"].filter { isAllowed($0, context) }.map {
            ["href": "/do/\($0)?_row=\(text)&_back=\(back)", "label": title($0, language)]
          },
          "w": [
            "acts": pick("できること", "What can be done"), "none": pick("今できることはありません。", "Nothing can be done now."),
            "filed": pick("申請の内容", "What was filed"), "history": pick("経過", "History"),
          ],
        ]), refusal: fault)
  }

  private func act(_ request: Request, _ context: DeskContext) async throws -> Response {
    let (text, _) = try row(context)
    let name = context.parameters.get("act") ?? ""
    let sent = try await sent(request)
    try checkForm(sent, context)
    let endpoint = try endpoint("actOnCase", context)
    do {
      let record = try await ask("case", purpose(request), row: text, context)
      let procedure = try await procedure(RowID(rawValue: Int64(record["procedure"].text ?? "") ?? 0))
      let asks = (procedure.act(name)?.asks ?? []).map { Answers.field($0) }
      let values = String(decoding: Controls.json(sent, asks).bytes, as: UTF8.self)
      _ = try await carryOut(
        endpoint, ["act": .text(name), "values": .text(values)], was: [:], row: text, mark: sent[Once.field]?.first,
        entered: nil, by: nil, context)
      return .redirect(to: "/case/\(text)" + suffix(purpose(request)))
    } catch {
      return try await caseFile(request, context, sent: (name, sent), fault: APIError.of(error))
    }
  }
}
