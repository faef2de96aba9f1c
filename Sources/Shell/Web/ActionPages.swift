import Causality
import ChangeModel
import Desk
import Foundation
import Goods
import Hummingbird
import NodeService
import Site
import Topology

/// Every endpoint of the services as a form and as a table: what has no page of its own is there all the same.
extension WebServer {
  func addActionPages(to router: Router<DeskContext>) {
    router.get("/do/:endpoint") { request, context in
      let endpoint = try writing(context)
      var sent = Self.query(request)
      let kept = sent["_kept"]?.first
      if let kept, let form = await keptForms.thing(kept, at: clock.now()) { sent.merge(form) { $1 } }
      return try await form(endpoint, request, context, sent: sent, isKept: kept != nil)
    }
    router.post("/do/:endpoint") { request, context in
      let entry = try await queued(request, context)
      let endpoint = try entry?.endpoint ?? writing(context)
      let all = try await sent(request, upTo: endpoint.form.mostBytes)
      if entry == nil { try checkForm(all, context) }
      // What nobody touched is not written again, over what others wrote since.
      let sent = all.filter { name, values in
        name.hasPrefix("_") || all["_was.\(name)"].map { Set($0) != Set(values) } ?? true
      }
      // The page's script sends the same form, and wants to know what came of it.
      let isScript = request.headers[.accept] == "application/json"
      do {
        let answer = try await carryOut(
          endpoint, Self.cleared(Controls.json(sent, endpoint.form.fields), all, endpoint),
          was: Self.shown(all, endpoint), row: sent["_row"]?.first.flatMap { $0.isEmpty ? nil : $0 },
          mark: request.headers[.idempotencyKey] ?? all[Once.field]?.first, entered: request.headers[.enteredAt],
          by: entry?.author, context)
        if isScript { return self.answer(answer) }
        if let secret = answer["token"].text { return try await shown(secret, endpoint, request, context) }
        // Whoever has an ID now is shown with it, and with the way to the card.
        if endpoint.id == "registerResident", let id = answer["residentId"].text {
          return .redirect(to: "/person/\(id)?done=registerResident")
        }
        if Self.tellsOfFile(endpoint) {
          return try await cameOf(answer, endpoint, back: Self.back(sent["_back"]?.first), request, context)
        }
        let done = try await done(endpoint, answer, row: sent["_row"]?.first, request, context)
        return .redirect(to: Self.appending(done, to: Self.back(sent["_back"]?.first)))
      } catch {
        guard !isScript else { throw error }
        return try await form(endpoint, request, context, sent: all, fault: APIError.of(error))
      }
    }
    router.get("/list/:endpoint") { request, context in try await listing(request, context) }
    router.get("/csv/:endpoint") { request, context in try await csv(request, context) }
    router.get("/geojson/:endpoint") { request, context in try await geoJSON(request, context) }
    router.get("/record/:collection/:row") { request, context in try await record(request, context) }
  }

  /// A form whose sender is signed in no longer: kept, but for what is secret, until somebody has signed in.
  func keepForm(_ request: Request) async throws -> Response? {
    let path = request.uri.path
    guard path.hasPrefix("/do/"), cookie(request) != nil, request.headers[.accept] != "application/json",
      let endpoint = catalogue.endpoint(String(path.dropFirst(4)))
    else { return nil }
    let secrets = endpoint.form.fields.filter { if case .secret = $0.shape { true } else { false } }.map(\.name)
    let form = try await sent(request).filter { $0.key != "_csrf" && !secrets.contains($0.key) }
    let back = "/do/\(endpoint.id)?_kept=\(await keptForms.put(form, at: clock.now()))"
    return .redirect(to: "/sign-in?back=\(Self.escaped(back))")
  }

  private func writing(_ context: DeskContext) throws -> Endpoint {
    let endpoint = try endpoint(context.parameters.get("endpoint") ?? "", context)
    guard endpoint.isWrite else { throw APIError.notFound("endpoint") }
    return endpoint
  }

  static func query(_ request: Request) -> [String: [String]] {
    request.uri.queryParameters.reduce(into: [:]) { $0[String($1.key), default: []].append(String($1.value)) }
  }

  private func form(
    _ endpoint: Endpoint, _ request: Request, _ context: DeskContext, sent: [String: [String]], fault: APIError? = nil,
    isKept: Bool = false
  ) async throws -> Response {
    var frame = frame(request, context)
    let language = frame.language
    if isKept {
      frame.notice = language.pick(
        "サインインが切れていたため、まだ保存されていません。内容を確かめて、もう一度押してください。",
        "Your session had ended: this is not saved yet. Look it over and send it again.")
    }
    let options = try await options(for: endpoint.form.fields, language, context)
    let row = sent["_row"]?.first ?? sent["row"]?.first ?? ""
    let back = Self.back(sent["_back"]?.first ?? sent["back"]?.first)
    // A report is of today, unless somebody says otherwise.
    let today = ["day": [JapaneseDay.text(.now())]]
    var (subject, standing) = try await about(row, endpoint, known(options), sent, language, context)
    var fields = endpoint.form.fields
    var sent = sent
    // What the page showed first; once somebody is told what has changed since, that.
    let isChanged = fault?.body.error == Fault.Kind.changed.rawValue
    let shown = sent.filter { $0.key.hasPrefix("_was.") }
    let before =
      shown.isEmpty || isChanged
      ? standing : Dictionary(uniqueKeysWithValues: shown.map { (String($0.dropFirst(5)), $1) })
    if isChanged { sent.merge(Self.rebased(sent, on: standing, fields)) { $1 } }
    frame.error = fault.map { fault in
      let now = fault.body.errors.compactMap { part in part.field.flatMap { standing[$0]?.first.map { "「\($0)」" } } }
      return language.pick(fault.body.ja, fault.body.en)
        + (isChanged && !now.isEmpty ? language.pick("(今の値: \(now.joined()))", " (now: \(now.joined()))") : "")
    }
    var task: [[String: Any]] = []
    // Which task is said by the page that leads here.
    if endpoint.id == "markTask", let code = sent["task"]?.first {
      fields.removeAll { $0.name == "task" }
      task = [["name": "task", "value": code]]
      subject = try await taskText(code, language, context)
    }
    let controls = Controls(fields, language, options: options).values(
      // A box that was unticked is not sent.
      (shown.isEmpty ? before : [:]).merging(sent) { $1 }.merging(today) { given, _ in given },
      wrong: Self.problems(fault, language))
    let (first, more) = Self.folded(controls)
    let pick =
      Set(fields.map(\.name)).isSuperset(of: ["latitude", "longitude"])
      ? maps[language]!.picker(
        ward: core.identity.ward.code, title: language.pick("位置を選ぶ地図", "Map to choose a place on"),
        hint: language.pick("地図を押すと緯度・経度が入ります。", "Press the map to fill in the place."),
        larger: language.pick("拡大", "Larger"), smaller: language.pick("縮小", "Smaller")) : nil
    let html = frame.render(
      "action", title: title(endpoint.id, language),
      [
        "action": "/do/\(endpoint.id)", "row": row, "back": back, "subject": subject ?? "",
        "hasSubject": subject != nil, "warning": endpoint.warning?.text(in: language) ?? "",
        "hasWarning": endpoint.warning != nil,
        "before": task
          + before.sorted { $0.key < $1.key }.filter { name, _ in fields.contains { $0.name == name } }.flatMap {
            name, values in
            (values.isEmpty ? [""] : values).map { ["name": "_was.\(name)", "value": $0] }
          },
        "controls": first, "hasMore": !more.isEmpty, "more": ["controls": more],
        "isOpen": more.contains { ($0["value"] as? String)?.isEmpty == false || $0["isWrong"] as? Bool == true },
        "moreLabel": language.pick("ほかの項目(\(more.count))", "More (\(more.count))"), "hasPick": pick != nil,
        "pick": pick ?? [:], "button": title(endpoint.id, language), "cancel": language.pick("やめる", "Cancel"),
      ])
    return page(request, html, refusal: fault)
  }

  /// Of a long form, what has to be given and the first of the rest; all the others are behind a press.
  private static func folded(_ controls: [[String: Any]]) -> (first: [[String: Any]], more: [[String: Any]]) {
    guard controls.count > 15 else { return (controls, []) }
    var (first, more): ([[String: Any]], [[String: Any]]) = ([], [])
    for control in controls {
      if first.count < 10 || control["isRequired"] as? Bool == true {
        first.append(control)
      } else {
        more.append(control)
      }
    }
    return (first, more)
  }

  /// What is wrong with each field of a form.
  static func problems(_ fault: APIError?, _ language: Language) -> [String: String] {
    (fault?.body.errors ?? []).reduce(into: [:]) { problems, part in
      if let field = part.field, problems[field] == nil { problems[field] = language.pick(part.ja, part.en) }
    }
  }

  /// Adds an explicit null (or empty list) for every field whose earlier value the user erased.
  private static func cleared(_ body: JSON, _ sent: [String: [String]], _ endpoint: Endpoint) -> JSON {
    guard case .object(var members) = body else { return body }
    for field in endpoint.form.fields
    where sent["_was.\(field.name)"]?.contains(where: { !$0.isEmpty }) == true
      && sent[field.name]?.contains(where: { !$0.isEmpty }) != true
    {
      if case .list = field.shape { members[field.name] = .list([]) } else { members[field.name] = .null }
    }
    return .object(members)
  }

  /// What the page showed in the fields that it filled in.
  private static func shown(_ sent: [String: [String]], _ endpoint: Endpoint) -> [String: JSON] {
    let shown = sent.filter { $0.key.hasPrefix("_was.") }
    let fields = endpoint.form.fields.filter { shown["_was.\($0.name)"] != nil }
    guard
      case .object(let members) = Controls.json(
        Dictionary(uniqueKeysWithValues: shown.map { (String($0.dropFirst(5)), $1) }), fields)
    else { return [:] }
    return fields.reduce(into: [:]) { all, field in
      let none: JSON = if case .list = field.shape { .list([]) } else { .null }
      all[field.name] = members[field.name] ?? none
    }
  }

  /// Of each list: what stands now, with what somebody added to what the page had shown, and without what they took away.
  private static func rebased(
    _ sent: [String: [String]], on standing: [String: [String]], _ fields: [FormField]
  ) -> [String: [String]] {
    fields.reduce(into: [:]) { lists, field in
      guard case .list = field.shape, let was = sent["_was.\(field.name)"] else { return }
      func items(_ values: [String]) -> [String] {
        values.flatMap { $0.split(whereSeparator: \.isNewline).map(String.init) }
      }
      let (mine, known) = (items(sent[field.name] ?? []), items(was))
      let now = (standing[field.name] ?? []).filter { mine.contains($0) || !known.contains($0) }
      lists[field.name] = now + mine.filter { !known.contains($0) && !now.contains($0) }
    }
  }

  /// What a form is about, as people call it, and what stands there now. A look like any other: noted, and for those alone
  /// who may read it; a form that may not show its row is still a form.
  private func about(
    _ row: String, _ endpoint: Endpoint, _ names: [String: String], _ sent: [String: [String]], _ language: Language,
    _ context: DeskContext
  ) async throws -> (subject: String?, standing: [String: [String]]) {
    guard !row.isEmpty, let records = endpoint.subject else { return (names[row], [:]) }
    let purpose = sent["purpose"]?.first.flatMap { $0.isEmpty ? nil : ["purpose": $0] } ?? [:]
    let record: JSON
    do {
      record = try await ask("row", purpose.merging(["collection": records.name, "row": row]) { $1 }, context)
    } catch is Fault { return (names[row], [:]) }
    let subject = called(record, records, language, known: names) ?? names[row]
    guard endpoint.changing != nil else { return (subject, [:]) }
    var changed = record
    // What the form makes of the row, and changes when it is there, is read where it is written.
    if endpoint.method != .patch,
      let reading = catalogue.endpoints.first(where: { $0.path == endpoint.path && !$0.isWrite })
    {
      do { changed = try await ask(reading.id, purpose, row: row, context) } catch let fault as Fault {
        guard fault.kind == .notFound else { return (subject, [:]) }
        changed = .object([:])
      }
    }
    return (
      subject,
      endpoint.form.fields.filter { endpoint.answer.records?.field(named: $0.name)?.schema.kind != .log }.reduce(
        into: [:]) {
          standing, field in
          guard endpoint.answer.records?.field(named: field.name) != nil else { return }
          if case .counts = field.shape { return }
          standing[field.name] = Controls.texts(changed[field.name], field.shape)
        }
    )
  }

  /// What is shown once, and never again.
  private func shown(
    _ secret: String, _ endpoint: Endpoint, _ request: Request, _ context: DeskContext
  ) async throws -> Response {
    var frame = frame(request, context)
    frame.notice = frame.language.pick(
      "この鍵は一度だけ表示されます。今すぐ機器に移してください。", "This is shown once: put it into the device now.")
    let members: [[String: Any]] = [["label": frame.language.pick("鍵", "Token"), "value": secret]]
    return page(
      request,
      frame.render(
        "table", title: title(endpoint.id, frame.language),
        ["sections": [["isMembers": true, "members": members] as [String: Any]]]))
  }

  /// Whether it reads a file and says what came of it: how many lines, and which were wrong.
  private static func tellsOfFile(_ endpoint: Endpoint) -> Bool {
    guard case .members = endpoint.answer else { return false }
    return endpoint.form.fields.contains { if case .secret(let limit) = $0.shape { limit > 16_000 } else { false } }
  }

  private func cameOf(
    _ answer: JSON, _ endpoint: Endpoint, back: String, _ request: Request, _ context: DeskContext
  ) async throws -> Response {
    var frame = frame(request, context)
    let language = frame.language
    let isWrong = !answer["problems"].list.isEmpty
    frame.notice = language.pick(
      isWrong ? "ファイルを読みました。問題のあった行を下に示します。" : "ファイルを読みました。",
      isWrong ? "The file was read. Lines that are not right stand below." : "The file was read.")
    let table = RecordTable(labels.of(endpoint.answer), language, known: [:])
    return page(
      request,
      frame.render(
        "table", title: title(endpoint.id, language),
        [
          "sections": table.sections(answer) { _ in [] },
          "top": [["href": back, "label": language.pick("戻る", "Back"), "isSecond": false] as [String: Any]],
        ]))
  }

  // MARK: Lists

  /// What can be done with a record of a list: as the record itself says, else every step of its collection.
  private func actions(
    _ list: Endpoint, _ frame: Frame, _ context: DeskContext
  ) -> @Sendable (JSON) -> [[String: Any]] {
    let records = list.answer.records ?? list.subject
    let reads = catalogue.endpoints.filter {
      !$0.isWrite && $0.id != list.id && records != nil && $0.subject?.number == records?.number
        && $0.path.contains("{id}/") && $0.access.admits(context.user.roles) && !$0.isForServices
    }
    let (back, language, catalogue) = (Self.escaped(frame.path), frame.language, catalogue)
    let open = language.pick("この記録を開く", "Open this record")
    return { record in
      guard let id = (record["residentId"].text ?? record["id"].text).map({ Self.escaped($0) }) else { return [] }
      let writes = record["actions"].list.compactMap(\.text).compactMap { catalogue.endpoint($0) }
      return writes.map {
        ["href": "/do/\($0.id)?_row=\(id)&_back=\(back)", "label": $0.words.text(in: language)]
      } + reads.map { ["href": "/list/\($0.id)?_row=\(id)", "label": $0.words.text(in: language)] }
        + (Self.isTable(list)
          ? [
            [
              "href": "\(records?.page ?? "/record/\(records?.name ?? "")")/\(record["id"].text ?? "")", "label": open,
              "isPage": true,
            ]
          ] : [])
    }
  }

  private func listing(_ request: Request, _ context: DeskContext) async throws -> Response {
    let endpoint = try endpoint(context.parameters.get("endpoint") ?? "", context)
    guard !endpoint.isWrite else { throw APIError.notFound("endpoint") }
    var frame = frame(request, context)
    // What not everybody of the staff may see is about people.
    frame.isStill = endpoint.access != .staff
    let language = frame.language
    let query = Self.query(request)
    var texts = query.filter { $0.key != "lang" && $0.key != "done" && !$0.key.hasPrefix("_") }
      .compactMapValues { $0.first.flatMap { $0.isEmpty ? nil : $0 } }
    texts = texts.filter { name, _ in endpoint.form.fields.contains { $0.name == name } }
    let options = try await options(for: endpoint.form.fields.filter { $0.name != "after" }, language, context)
    let row = query["_row"]?.first.flatMap { $0.isEmpty ? nil : $0 }
    let needsInput = endpoint.form.fields.contains { $0.isRequired && texts[$0.name] == nil }
    var sections: [[String: Any]] = []
    var next: String?
    var dots: [String: Any]?
    var status = HTTPResponse.Status.ok
    if !needsInput {
      do {
        let answer = try await ask(endpoint.id, texts, row: row, context)
        next = endpoint.form.fields.contains { $0.name == "after" } ? answer["next"].text : nil
        let names = known(options).merging(try await titles(in: answer, of: endpoint.answer)) { first, _ in first }
        let table = RecordTable(labels.of(endpoint.answer), language, known: names)
        dots = self.dots(answer, endpoint, language)
        sections = table.sections(answer, actions: actions(endpoint, frame, context))
      } catch {
        let fault = APIError.of(error)
        frame.error = language.pick(fault.body.ja, fault.body.en)
        status = fault.status
      }
    }
    // What makes rows of it: at its own path, or, of several at once, at one below it.
    let makers = catalogue.endpoints.filter {
      ($0.path == endpoint.path || $0.path.hasPrefix(endpoint.path + "/") && !$0.path.contains("{"))
        && $0.method != .get && isAllowed($0.id, context)
        && (endpoint.subject == nil || row != nil)
    }
    let back = Self.escaped(frame.path)
    // One thing is the first to do on a page.
    let top = makers.enumerated().map { place, maker -> [String: Any] in
      [
        "href": "/do/\(maker.id)?_back=\(back)" + (row.map { "&_row=\($0)" } ?? ""),
        "label": title(maker.id, language), "isSecond": place > 0,
      ]
    }
    let html = frame.render(
      "table", title: title(endpoint.id, language), active: Self.home(endpoint),
      [
        "subject": row.flatMap { known(options)[$0] } ?? "", "home": "/shelters/\(row ?? "")",
        "hasHome": endpoint.subject?.name == "shelters" && row.flatMap { known(options)[$0] } != nil,
        "action": "/list/\(endpoint.id)", "hasFilter": !Self.filters(endpoint).isEmpty, "row": row ?? "",
        "controls": Controls(
          Self.filters(endpoint), language, options: options, blank: language.pick("すべて", "all")
        ).values(query),
        "show": language.pick("表示", "Show"), "sections": sections, "canPrint": !sections.isEmpty,
        "none": language.pick("ありません。", "There is none."),
        "what": language.pick("操作", "Actions"), "top": top, "hasTop": !top.isEmpty, "hasNext": next != nil,
        "next": next.map { Self.link("/list/\(endpoint.id)", texts.merging(["after": $0]) { $1 }, row: row) } ?? "",
        "nextLabel": language.pick("続き", "More"), "hasCSV": Self.isTable(endpoint) && !needsInput,
        "csv": Self.link("/csv/\(endpoint.id)", texts, row: row), "csvLabel": language.pick("CSVで保存", "Save as CSV"),
        "csvOld": Self.link("/csv/\(endpoint.id)", texts.merging(["encoding": "cp932"]) { $1 }, row: row),
        "csvOldLabel": language.pick("CSV(CP932)で保存", "Save as CSV (CP932)"),
        "hasDots": dots != nil, "map": dots ?? [:], "hasMap": endpoint.answer.records?.place != nil && !needsInput,
        "geojson": Self.link("/geojson/\(endpoint.id)", texts, row: row),
        "geojsonLabel": language.pick("地図用(GeoJSON)で保存", "Save for maps (GeoJSON)"),
      ])
    return page(request, html, status: status)
  }

  /// What rows are called that an answer names by their numbers, of collections that are not about people.
  private func titles(in answer: JSON, of shape: Answer) async throws -> [String: String] {
    let labels = labels.of(shape)
    var wanted: [String: Set<Int64>] = [:]
    func gather(_ value: JSON) {
      switch value {
      case .object(let members):
        for (name, member) in members {
          if let target = labels.target(of: name), let row = member.text.flatMap({ Int64($0) }) {
            wanted[target, default: []].insert(row)
          } else {
            gather(member)
          }
        }
      case .list(let list): for item in list { gather(item) }
      default: break
      }
    }
    gather(answer)
    let asked = wanted.compactMap { name, rows in
      catalogue.records[name].map { ($0, Array(rows.sorted().prefix(1_000))) }
    }
    .filter { !$0.0.isPersonal }
    guard !asked.isEmpty else { return [:] }
    return try await core.reader.read { db in
      var titles: [String: String] = [:]
      for (records, rows) in asked {
        let list = RowValues.list(rows.map { RowID(rawValue: $0) })
        for row in try RowValues.all(records, "WHERE id IN (SELECT value FROM json_each(?))", [list], db) {
          titles["\(row.id)"] = records.title(of: row)
        }
      }
      return titles
    }
  }

  /// The records of a list where they lie; nil where none has a place.
  private func dots(_ answer: JSON, _ endpoint: Endpoint, _ language: Language) -> [String: Any]? {
    guard case .rows(let name, let records, _, _, _) = endpoint.answer, let place = records.place else { return nil }
    let labels = labels.of(endpoint.answer)
    let dots = answer[name].list.compactMap { record -> WardMap.Dot? in
      guard case .real(let north) = record[place.latitude.name], case .real(let east) = record[place.longitude.name]
      else { return nil }
      let state = records.states.first { $0.code == record["stateCode"].text }
      let words =
        records.title.map { labels.text($0.name, record[$0.name], language) } + [state?.words.text(in: language) ?? ""]
      return WardMap.Dot(
        position: Position(latitude: north, longitude: east), style: state?.tone.rawValue ?? "open",
        title: words.filter { !$0.isEmpty }.joined(separator: " · "),
        href: "/record/\(records.name)/\(record["id"].text ?? "")")
    }
    let shown = Set(dots.map(\.style))
    var legend: [(style: String, label: String)] = []
    for state in records.states where shown.contains(state.tone.rawValue) {
      if let known = legend.firstIndex(where: { $0.style == state.tone.rawValue }) {
        legend[known].label += language.pick("・", ", ") + state.words.text(in: language)
      } else {
        legend.append((state.tone.rawValue, state.words.text(in: language)))
      }
    }
    return maps[language]!.dots(
      dots, ward: core.identity.ward.code, title: language.pick("\(records.words.ja)の地図", "Map: \(records.words.en)"),
      legend: legend, larger: language.pick("拡大", "Larger"), smaller: language.pick("縮小", "Smaller"))
  }

  /// To which of the main pages a list belongs.
  private static func home(_ endpoint: Endpoint) -> String {
    let records = endpoint.answer.records ?? endpoint.subject
    if [endpoint.subject?.name, records?.name].contains("shelters") { return "/shelters" }
    return records?.isPersonal == true
      ? "/people" : records.map { goods.contains($0.name) } == true ? "/goods" : "/menu"
  }

  private static let goods = Set(Goods.services(Geography([])).flatMap(\.records).map(\.name))

  /// What a person narrows a list down with: how it is cut into pages is not theirs to say.
  static func filters(_ endpoint: Endpoint) -> [FormField] {
    endpoint.form.fields.filter { $0.name != "limit" && $0.name != "after" }
  }

  private static func link(_ path: String, _ texts: [String: String], row: String?) -> String {
    let all = texts.merging(row.map { ["_row": $0] } ?? [:]) { first, _ in first }
    let query = all.sorted { $0.key < $1.key }.map { name, text in
      "\(name)=\(Self.escaped(text))"
    }
    return path + "?" + query.joined(separator: "&")
  }
}
