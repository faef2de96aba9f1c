import ChangeModel
import Desk
import Hummingbird
import OwnRegisters
import Site
import Topology

/// A ward's own register: its entries as a table and on the map, its sums, its design; and the form that follows from the design.
extension WebServer {
  func addRegisterPages(to router: Router<DeskContext>) {
    router.get("/register/:row") { request, context in try await register(request, context) }
    router.get("/register/:row/csv") { request, context in try await registerFile(request, context) }
    router.get("/register/:row/entry/:entry") { request, context in try await entryForm(request, context) }
    router.post("/register/:row/entry/:entry") { request, context in try await enterEntry(request, context) }
  }

  /// What a page needs of a register: the version that is in use, and its fields.
  private struct OpenRegister {
    let row: String
    let version: JSON
    let fields: [JSON]
    let beside: [String]
    let current: String
  }

  private func openRegister(_ row: String, _ context: DeskContext) async throws -> OpenRegister {
    let answer = try await ask("ownRegisterFields", [:], row: row, context)
    return OpenRegister(
      row: row, version: try await ask("ownRegistersRecord", [:], row: row, context),
      fields: answer["fields"].list.filter { $0["isEnded"] != .flag(true) },
      beside: answer["beside"].list.compactMap(\.text), current: answer["current"].text ?? row)
  }

  private func register(_ request: Request, _ context: DeskContext) async throws -> Response {
    let row = context.parameters.get("row") ?? ""
    let open = try await openRegister(row, context)
    // Whoever keeps an old version's page, or comes back from changing it, is shown the one in use.
    guard open.current == row else {
      return .redirect(to: "/register/\(open.current)")
    }
    var frame = frame(request, context)
    let language = frame.language
    let pick = language.pick
    let isOwn = open.version["ward"].text == core.identity.ward.code
    if !open.beside.isEmpty, open.version["stateCode"].text == "current" {
      frame.error = pick(
        "この台帳には設計が \(open.beside.count + 1) つ並んでいます。「\(title("joinRegister", language))」で一つになります。どちらの記録も残ります。",
        "\(open.beside.count + 1) designs of this register stand side by side: join them. All entries stay.")
    }
    var texts = Self.query(request).compactMapValues(\.first).filter {
      ["shared", "all", "after", "purpose"].contains($0.key) && !$0.value.isEmpty
    }
    texts["limit"] = "200"
    // Nobody's entries are looked at by a page that looks by itself.
    frame.isStill = Self.isOfPeople(open)
    let answer: JSON
    do { answer = try await ask("ownEntries", texts, row: row, context) } catch let fault as Fault
      where fault.field == "purpose"
    {
      return askPurpose(
        request, frame, path: "/register/\(row)", called: open.version["nameJa"].text ?? row, APIError.of(fault))
    }
    let sums = try await ask("ownRegisterSums", texts.filter { $0.key == "shared" }, row: row, context)["sums"].list
    let dots = entryDots(answer, row, language)
    let purpose = self.purpose(request)["purpose"].map { "purpose=\(Self.escaped($0))" }
    let asked = purpose.map { "?" + $0 } ?? ""
    let back = "_back=" + Self.escaped("/register/\(row)" + asked)
    func link(_ id: String, _ more: String = "") -> [String: Any] {
      ["href": "/do/\(id)?_row=\(row)&\(back)\(more)", "label": title(id, language), "isSecond": true]
    }
    var top: [[String: Any]] = []
    if isOwn, isAllowed("enterOwnEntry", context), open.version["stateCode"].text == "current" {
      top.append(["href": "/register/\(row)/entry/new", "label": title("enterOwnEntry", language), "isSecond": false])
      top.append(link("importOwnEntries"))
    }
    let able = open.version["actions"].list.compactMap(\.text)
    let steps = ["addRegisterField", "joinRegister", "adoptRegister", "changeRegister", "endRegister"]
    top += steps.filter { able.contains($0) && ($0 != "joinRegister" || !open.beside.isEmpty) }.map { link($0) }
    let isShared = texts["shared"] != nil
    top.append([
      "href": isShared ? "/register/\(row)" : "/register/\(row)?shared=true",
      "label": isShared ? pick("この区の記録だけ", "This ward's entries") : pick("全区の記録を見る", "All wards' entries"),
      "isSecond": true,
    ])
    var sections = [entryTable(answer, row, asked, isOwn: isOwn, language, context)]
    if !sums.isEmpty { sections.append(sumTable(sums, language)) }
    sections.append(designTable(open, able.contains("addRegisterField"), back, language))
    let subject = [
      wardName(open.version["ward"].text ?? "", language), labels.text("kind", open.version["kind"], language),
      open.version["note"].text ?? "",
    ]
    return page(
      request,
      frame.render(
        "table",
        title: pick(
          open.version["nameJa"].text ?? row, open.version["nameEn"].text ?? open.version["nameJa"].text ?? row),
        active: "/menu",
        [
          "subject": subject.filter { !$0.isEmpty }.joined(separator: " · "), "hasHome": false, "hasFilter": false,
          "sections": sections, "canPrint": true, "top": top, "none": pick("まだ記録がありません。", "There are no entries yet."),
          "what": pick("操作", "Actions"), "hasNext": answer["next"].text != nil,
          "next": answer["next"].text.map {
            "/register/\(row)?after=\($0)\(isShared ? "&shared=true" : "")" + (purpose.map { "&" + $0 } ?? "")
          } ?? "",
          "nextLabel": pick("続き", "More"), "hasCSV": true,
          "csv": "/register/\(row)/csv?shared=\(isShared)" + (purpose.map { "&" + $0 } ?? ""),
          "csvLabel": pick("CSVで保存", "Save as CSV"),
          "csvOld": "/register/\(row)/csv?encoding=cp932&shared=\(isShared)" + (purpose.map { "&" + $0 } ?? ""),
          "csvOldLabel": pick("CSV(CP932)で保存", "Save as CSV (CP932)"), "hasDots": dots != nil, "map": dots ?? [:],
        ]))
  }

  // MARK: Tables

  private func cell(_ text: String, _ label: String, isNumber: Bool = false, isTorn: Bool = false) -> [String: Any] {
    [
      "text": text, "label": label, "isNumber": isNumber, "isShort": text.count <= 16, "isState": false, "style": "",
      "isBadge": isTorn,
    ]
  }

  private func section(
    _ heading: String, _ columns: [(label: String, isNumber: Bool)], _ rows: [[String: Any]]
  ) -> [String: Any] {
    let heads = columns.map { ["label": $0.label, "isNumber": $0.isNumber] as [String: Any] }
    return [
      "isList": true, "heading": heading, "hasHeading": true, "first": Array(heads.prefix(1)),
      "columns": Array(heads.dropFirst()), "rows": rows, "isEmpty": rows.isEmpty,
      "hasActions": rows.contains { $0["hasActions"] as? Bool == true }, "isCut": false, "cut": "",
    ]
  }

  private func line(_ name: [String: Any], _ cells: [[String: Any]], _ actions: [[String: Any]] = []) -> [String: Any] {
    [
      "name": [name], "cells": cells, "hasActions": !actions.isEmpty, "actions": Array(actions.prefix(1)),
      "more": Array(actions.dropFirst()), "hasMore": actions.count > 1,
    ]
  }

  private func name(_ text: String, href: String? = nil) -> [String: Any] {
    ["text": text.isEmpty ? "–" : text, "hasPage": href != nil, "href": href ?? "", "isBadge": false]
  }

  private func entryTable(
    _ answer: JSON, _ row: String, _ asked: String, isOwn: Bool, _ language: Language, _ context: DeskContext
  ) -> [String: Any] {
    let pick = language.pick
    let fields = answer["fields"].list.filter { $0["isEnded"] != .flag(true) }
    let mayChange = isOwn && isAllowed("changeOwnEntry", context)
    let labels = fields.map { field in
      let unit = field["unit"].text.map { "(\($0))" } ?? ""
      return (pick(field["labelJa"].text ?? "", field["labelEn"].text ?? "") + unit, field["kind"].text == "数")
    }
    let rows = answer["entries"].list.map { entry -> [String: Any] in
      let id = entry["id"].text ?? ""
      let values = entry["values"].list
      let cells = zip(fields, labels).map { field, label -> [String: Any] in
        let value = values.first { $0["key"] == field["key"] }
        return cell(
          value?["shown"].text ?? "", label.0, isNumber: label.1, isTorn: value?["isTorn"] == .flag(true))
      }
      let seen =
        (entry["observedAt"].integer.map { language.time($0) } ?? "")
        + (entry["isStale"] == .flag(true) ? pick("(古い情報)", " (old)") : "")
      let mine = mayChange && entry["isOwn"] == .flag(true) && entry["closedAt"] == .null
      return line(
        name(entry["title"].text ?? "", href: mine ? "/register/\(row)/entry/\(id)\(asked)" : nil),
        cells + [
          cell(seen, pick("確認日時", "Seen at")), cell(wardName(entry["ward"].text ?? "", language), pick("区", "Ward")),
          cell(entry["note"].text ?? "", pick("備考", "Note")),
        ],
        mine
          ? [
            ["href": "/register/\(row)/entry/\(id)\(asked)", "label": title("changeOwnEntry", language)],
            [
              "href": "/do/closeOwnEntry?_row=\(row)&entry=\(id)&_back=\(Self.escaped("/register/\(row)"))",
              "label": title("closeOwnEntry", language),
            ],
          ] : [])
    }
    return section(
      title("ownEntries", language),
      [(pick("見出し", "Title"), false)] + labels.map { (label: $0.0, isNumber: $0.1) } + [
        (pick("確認日時", "Seen at"), false), (pick("区", "Ward"), false), (pick("備考", "Note"), false),
      ], rows)
  }

  private func sumTable(_ sums: [JSON], _ language: Language) -> [String: Any] {
    let pick = language.pick
    let columns = [(pick("項目", "Field"), false), (pick("計", "Sum"), true), (pick("不明", "Not known"), true)]
    return section(
      title("ownRegisterSums", language), columns,
      sums.map { sum in
        let unknown = sum["unknown"].integer ?? 0
        let total = sum["sum"].number.map { $0 == $0.rounded() ? language.number(Int64($0)) : "\($0)" }
        return line(
          name(pick(sum["labelJa"].text ?? "", sum["labelEn"].text ?? "")),
          [
            cell(
              total.map { $0 + (sum["unit"].text ?? "") + (unknown > 0 ? pick(" 以上", " or more") : "") }
                ?? pick("不明", "not known"), columns[1].0, isNumber: true),
            cell(language.number(unknown), columns[2].0, isNumber: true),
          ])
      })
  }

  private func designTable(
    _ open: OpenRegister, _ mayDesign: Bool, _ back: String, _ language: Language
  ) -> [String: Any] {
    let pick = language.pick
    let columns = [pick("項目", "Field"), pick("種類", "Kind"), pick("決まり", "Rules")]
    return section(
      pick("台帳の項目", "Fields"), columns.map { ($0, false) },
      open.fields.map { field in
        let rules = [
          field["unit"].text, field["choices"].list.compactMap(\.text).joined(separator: "、"), field["bands"].text,
          field["needed"] == .flag(true) ? pick("必須", "required") : nil, field["standard"].text,
        ]
        let key = Self.escaped(field["key"].text ?? "")
        return line(
          name(pick(field["labelJa"].text ?? "", field["labelEn"].text ?? "")),
          [
            cell(labels.text("kind", field["kind"], language), columns[1]),
            cell(rules.compactMap(\.self).filter { !$0.isEmpty }.joined(separator: " · "), columns[2]),
          ],
          mayDesign
            ? ["changeRegisterField", "endRegisterField"].map {
              ["href": "/do/\($0)?_row=\(open.row)&field=\(key)&\(back)", "label": title($0, language)]
            } : [])
      })
  }

  private func entryDots(_ answer: JSON, _ row: String, _ language: Language) -> [String: Any]? {
    let dots = answer["entries"].list.compactMap { entry -> WardMap.Dot? in
      guard let north = entry["latitude"].number, let east = entry["longitude"].number else { return nil }
      let words = [entry["title"].text] + entry["values"].list.map { $0["shown"].text }
      return WardMap.Dot(
        position: Position(latitude: north, longitude: east),
        style: entry["isStale"] == .flag(true) ? "to-do" : "under-way",
        title: words.compactMap(\.self).prefix(4).joined(separator: " · "),
        href: "/record/\(entry["collection"].text ?? "")/\(entry["id"].text ?? "")")
    }
    guard !dots.isEmpty else { return nil }
    return maps[language]!.dots(
      dots, ward: core.identity.ward.code, title: title("ownEntries", language),
      legend: [("under-way", language.pick("記録", "entry")), ("to-do", language.pick("古い情報", "old"))].filter { key in
        dots.contains { $0.style == key.0 }
      },
      larger: language.pick("拡大", "Larger"), smaller: language.pick("縮小", "Smaller"))
  }

  // MARK: A file

  private func registerFile(_ request: Request, _ context: DeskContext) async throws -> Response {
    let row = context.parameters.get("row") ?? ""
    var texts = ["limit": "1000"]
    texts["shared"] = Self.query(request)["shared"]?.first
    texts["purpose"] = Self.query(request)["purpose"]?.first
    var (columns, lines): ([JSON], [[String]]) = ([], [])
    repeat {
      let answer = try await ask("ownEntries", texts, row: row, context)
      columns = answer["fields"].list
      for entry in answer["entries"].list {
        let values = entry["values"].list
        lines.append(
          columns.map { field in
            let text = values.first { $0["key"] == field["key"] }?["value"].text ?? ""
            return field["kind"].text == "はい・いいえ" ? ["1": "はい", "0": "いいえ"][text] ?? text : text
          } + [
            entry["latitude"].number.map { "\($0)" } ?? "", entry["longitude"].number.map { "\($0)" } ?? "",
            entry["observedAt"].integer.map { Controls.texts(.integer($0), .time).first ?? "" } ?? "",
            entry["note"].text ?? "", entry["ward"].text ?? "",
          ])
      }
      texts["after"] = answer["next"].text
      guard texts["after"] == nil || lines.count < Self.rowsOfFile else { throw Self.tooManyRows }
    } while texts["after"] != nil
    let heads = columns.map { $0["labelJa"].text ?? "" } + ["緯度", "経度", "確認日時", "備考", "区"]
    return csvFile([heads] + lines, name: "register-\(row)", isOld: Self.query(request)["encoding"]?.first == "cp932")
  }

  // MARK: Entering

  private static let heads = ["observedAt", "latitude", "longitude", "note", "resident"]
  private static let prefix = "a-"

  private static func isOfPeople(_ open: OpenRegister) -> Bool {
    open.version["kindCode"].text?.hasSuffix("_personal") == true
  }

  private func fields(_ open: OpenRegister, prefix: String = "") -> [FormField] {
    open.fields.map { field in
      let kind = OwnItems.Kind(rawValue: field["kind"].text ?? "") ?? .text
      let choices = field["choices"].list.compactMap(\.text)
      let shape = kind.pageShape(choices)
      let unit = field["unit"].text.map { "(\($0))" } ?? ""
      return FormField(
        prefix + (field["name"].text ?? ""), shape, required: field["needed"] == .flag(true),
        ja: (field["labelJa"].text ?? "") + unit, en: (field["labelEn"].text ?? "") + unit)
    }
  }

  private func standing(
    _ entry: String, _ open: OpenRegister, _ purpose: [String: String], _ context: DeskContext
  ) async throws -> JSON? {
    guard entry != "new" else { return nil }
    let answer = try await ask("ownEntries", purpose.merging(["entry": entry]) { $1 }, row: open.row, context)
    guard let found = answer["entries"].list.first else { throw APIError.notFound("entry") }
    return found
  }

  private func entryForm(
    _ request: Request, _ context: DeskContext, sent: [String: [String]] = [:], fault: APIError? = nil
  ) async throws -> Response {
    let (row, entry) = (context.parameters.get("row") ?? "", context.parameters.get("entry") ?? "")
    let open = try await openRegister(row, context)
    var frame = frame(request, context)
    let language = frame.language
    let pick = language.pick
    frame.isStill = true
    frame.error = fault.map { pick($0.body.ja, $0.body.en) }
    let isPersonal = Self.isOfPeople(open)
    let names = Self.heads.filter {
      ($0 != "resident" || isPersonal && entry == "new")
        && (!["latitude", "longitude"].contains($0) || open.version["hasPlace"] == .flag(true))
    }
    let enter = try endpoint("enterOwnEntry", context)
    let heads = names.compactMap { name in enter.form.fields.first { $0.name == name } }
    let own = fields(open, prefix: Self.prefix)
    var given: [String: [String]] = [:]
    var before: [String: String] = [:]
    if let stands = try await standing(entry, open, purpose(request), context) {
      for head in heads where head.name != "observedAt" {
        given[head.name] = Controls.texts(stands[head.name], head.shape)
      }
      for (field, asked) in zip(open.fields, own) {
        guard let value = stands["values"].list.first(where: { $0["key"] == field["key"] })?["value"].text else {
          continue
        }
        given[asked.name] = [field["kind"].text == "はい・いいえ" ? (value == "1" ? "はい" : "いいえ") : value]
        before[field["name"].text ?? ""] = value
      }
      for head in heads where head.name != "observedAt" { before[head.name] = given[head.name]?.first ?? "" }
    }
    let wrong = Self.problems(fault, language)
    let ownWrong = Dictionary(uniqueKeysWithValues: wrong.map { (Self.prefix + $0.key, $0.value) })
    let isOvertaken = fault?.body.error == Fault.Kind.changed.rawValue
    let shown = isOvertaken ? nil : sent["_shown"]?.first
    let id = entry == "new" ? "enterOwnEntry" : "changeOwnEntry"
    let options = try await options(for: heads, language, context)
    return page(
      request,
      frame.render(
        "apply", title: title(id, language), active: "/menu",
        [
          "action": "/register/\(row)/entry/\(entry)" + suffix(purpose(request)), "problem": [],
          "before": [
            [
              "name": "_shown",
              "value": shown ?? String(decoding: JSON.object(before.mapValues { .text($0) }).bytes, as: UTF8.self),
            ]
          ],
          "controls": Controls(own, language).values(given.merging(sent) { $1 }, wrong: ownWrong),
          "pages": [
            [
              "legend": pick("いつ・どこで", "When and where"),
              "controls": Controls(heads, language, options: options).values(given.merging(sent) { $1 }, wrong: wrong),
            ] as [String: Any]
          ], "button": title(id, language), "back": "/register/\(row)" + suffix(purpose(request)),
          "cancel": pick("やめる", "Cancel"),
        ]), refusal: fault)
  }

  private func enterEntry(_ request: Request, _ context: DeskContext) async throws -> Response {
    let (row, entry) = (context.parameters.get("row") ?? "", context.parameters.get("entry") ?? "")
    let sent = try await sent(request)
    try checkForm(sent, context)
    let endpoint = try endpoint(entry == "new" ? "enterOwnEntry" : "changeOwnEntry", context)
    do {
      let open = try await openRegister(row, context)
      let given = Dictionary(
        uniqueKeysWithValues: sent.filter { $0.key.hasPrefix(Self.prefix) }.map {
          (String($0.key.dropFirst(Self.prefix.count)), $0.value)
        })
      guard case .object(var values) = Controls.json(given, fields(open)) else { throw APIError.notFound("row") }
      for field in open.fields where field["kind"].text == "はい・いいえ" {
        let name = field["name"].text ?? ""
        values[name] = values[name]?.text.map { .flag($0 == "はい") } ?? values[name]
      }
      let heads = endpoint.form.fields.filter { Self.heads.contains($0.name) }
      guard case .object(var members) = Controls.json(sent, heads) else { throw APIError.notFound("row") }
      if entry != "new" {
        members["entry"] = .text(entry)
        members["shown"] = sent["_shown"]?.first.map { .text($0) }
        // What nobody touched is not written again; what was emptied on the page is emptied.
        let before = sent["_shown"]?.first.flatMap { try? JSON.decode([UInt8]($0.utf8)) } ?? .null
        for field in open.fields {
          let name = field["name"].text ?? ""
          let (was, now) = (before[name].text ?? "", OwnItems.Kind.kept(values[name] ?? .null) ?? "")
          if was == now { values[name] = nil } else if given[name] != nil, values[name] == nil { values[name] = .null }
        }
        for head in heads where head.name != "observedAt" {
          let (was, now) = (before[head.name].text ?? "", sent[head.name]?.first ?? "")
          members[head.name] = was == now ? nil : now.isEmpty ? .null : members[head.name]
        }
      }
      members["values"] = .text(String(decoding: JSON.object(values).bytes, as: UTF8.self))
      _ = try await carryOut(
        endpoint, .object(members), was: [:], row: row, mark: sent[Once.field]?.first, entered: nil, by: nil, context)
      return .redirect(to: Self.appending("done=\(endpoint.id)", to: "/register/\(row)" + suffix(purpose(request))))
    } catch { return try await entryForm(request, context, sent: sent, fault: APIError.of(error)) }
  }
}
