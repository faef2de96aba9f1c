import Causality
import Desk
import Foundation
import Hummingbird
import NodeService
import People
import Places
import Site

/// The first page: where the disaster stands, the wards at a glance, and how old each figure is.
extension WebServer {
  private struct WardFigures {
    var open = 0
    var shelters = 0
    var people = 0
    /// People counted in shelters that are not open: in no sum.
    var elsewhere = 0
    /// Items of which less is there than three days need.
    var short = 0
    /// How old what is known of it is, in milliseconds; nil: nothing came.
    var heard: Int64?

    var isUnknown: Bool { heard == nil && shelters == 0 }
  }

  /// What the map's colour can say.
  private enum Figure: String, CaseIterable {
    case open, people, short, heard

    func label(_ language: Language) -> String {
      switch self {
      case .open: language.pick("開設中の避難所", "Open shelters")
      case .people: language.pick("避難者", "Evacuees")
      case .short: language.pick("不足の品目", "Items short")
      case .heard: language.pick("いつの情報", "As of")
      }
    }
  }

  func situation(_ request: Request, _ context: DeskContext) async throws -> Response {
    var frame = frame(request, context)
    let language = frame.language
    let pick = language.pick
    let figure = request.uri.queryParameters["figure"].flatMap { Figure(rawValue: String($0)) } ?? .open
    let status = try await core.status(withDigest: false, running: true)
    // Every time that is entered is as wrong as the clock: whoever looks at this page has to know.
    if let clock = status.problems.first(where: { $0.code == .ownClock })?.sentence {
      frame.error = pick(clock.ja, clock.en)
    }
    let wards = try await figures(status, context)
    let disaster = try await ask("disasters", [:], context)["disasters"].list.first { $0["endedAt"] == .null }
    let quake = disaster?["quakeAt"].integer
    let now = Instant.now().milliseconds
    let all = wards.values.reduce(into: WardFigures()) {
      $0.open += $1.open
      $0.people += $1.people
      $0.elsewhere += $1.elsewhere
      $0.short += $1.short
    }
    let ward = core.identity.certificate.node.ward
    let calls: (waiting: Int, admitted: Int) =
      isAllowed("counterReports", context) && context.user.shelter == nil
      ? try await core.reader.read { try ResidentCounter.calls($0, ward: ward) } : (0, 0)
    let declared = try await ask("declarations", [:], context)["declarations"].list.filter {
      $0["ward"].text == core.identity.ward.code && $0["inForce"] == true
    }
    let own = core.identity.ward.code
    let conflicts = try await openConflicts(context).count
    let up = status.peers.filter { $0.state == "up" }.count
    let help: [[String: Any]] =
      calls == (0, 0)
      ? []
      : [
        number(
          pick("救助・支援の要請", "Calls for help"), calls.waiting + calls.admitted,
          calls.waiting > 0 ? "/list/counterReports" : "/list/admittedReports", language, isAlert: true)
      ]
    let shown: [[String: Any]] =
      help + [
        number(
          pick("開設中の避難所", "Open shelters"), wards[own]?.open ?? 0, "/shelters?status=open", language,
          hint: pick("23区計 \(language.number(Int64(all.open)))", "of all wards \(language.number(Int64(all.open)))")),
        number(
          pick("避難者", "Evacuees"), wards[own]?.people ?? 0, "/shelters?status=open", language,
          hint: pick("23区計 \(language.number(Int64(all.people)))", "of all wards \(language.number(Int64(all.people)))")
        ),
        number(pick("要確認", "To check"), conflicts, "/conflicts", language, isAlert: conflicts > 0),
        [
          "label": pick("通信できている区", "Wards linked"), "value": "\(up)/\(status.peers.count)", "href": "/network",
          "isAlert": up < status.peers.count,
        ],
      ]
    // A sum is as old as its oldest part.
    let oldest = wards.filter { $0.value.shelters > 0 }.max { ($0.value.heard ?? .max) < ($1.value.heard ?? .max) }
    let steps =
      Gate.ownRoutes["GET /import"]!.admits(context.user.roles)
      ? try await firstSteps(hasShelters: wards[own]?.shelters ?? 0 > 0, language, context) : []
    var words = words(language)
    words["elsewhere"] = pick(
      "開設していない避難所に、ほかに \(language.number(Int64(all.elsewhere))) 人が数えられています(合計に入っていません)。",
      "\(language.number(Int64(all.elsewhere))) more people are counted in shelters that are not open (in no sum).")
    words["oldest"] = oldest.map { pick("合計のうち最も古い情報: ", "The oldest part of the sums: ") + wardName($0.key, language) }
    let phase = phase(disaster, language)
    let todo = try await todo(calls.waiting, conflicts, language, context)
    return page(
      request,
      frame.render(
        "situation", title: pick("状況", "Situation"), active: "/",
        [
          "w": words, "figures": shown, "phase": phase, "hasElapsed": quake != nil,
          "elapsed": quake.map { elapsed(now &- $0, language) } ?? "",
          "checklist": title("checklist", language), "isNew": !steps.isEmpty, "firstSteps": steps,
          "canSample": status.drill && wards[own]?.shelters ?? 0 == 0 && isAllowed("loadSample", context),
          "hasElsewhere": all.elsewhere > 0,
          "hasOldest": oldest.map { $0.value.heard ?? .max >= 60_000 } ?? false,
          "oldest": age(oldest?.value.heard, language),
          "canBegin": (disaster == nil || declared.isEmpty) && Gate.ownRoutes["GET /begin"]!.admits(context.user.roles),
          "begin": pick("発災したとき", "When a disaster has struck"), "isDeclared": !declared.isEmpty,
          "declared": declared.compactMap { declaration in
            declaration["until"].integer.map {
              pick("情報共有中: ", "Sharing: ") + labels.text("purposes", declaration["purposes"], language)
                + pick("(\(language.time($0)) まで)", " (until \(language.time($0)))")
            }
          }.joined(separator: pick("、", ", ")),
          "choices": Figure.allCases.map {
            ["value": $0.rawValue, "label": $0.label(language), "isChosen": $0 == figure] as [String: Any]
          },
          "map": map(figure, wards, status, language), "rows": rows(wards, language), "todo": todo,
          "isIdle": todo.isEmpty,
        ]))
  }

  /// What makes an empty node useful, in order: as long as something of it is left.
  private func firstSteps(
    hasShelters: Bool, _ language: Language, _ context: DeskContext
  ) async throws -> [[String: Any]] {
    let pick = language.pick
    let accounts = try await tryAsk("accounts", [:], context)?["accounts"].list.filter { $0["endedAt"] == .null }.count
    let items = try await tryAsk("items", [:], context)?["items"].list.count
    let isLeft = [
      "/import": !hasShelters, "addAccount": accounts.map { $0 < 2 } ?? false, "installCatalogue": items == 0,
    ]
    guard isLeft.values.contains(true) else { return [] }
    let steps: [(path: String, endpoint: String?, String, String)] = [
      (
        "/import", nil, pick("避難所一覧を取り込む", "Take in the list of shelters"),
        pick("区の CSV や GeoJSON をそのまま読みます。", "The ward's CSV or GeoJSON, as it is.")
      ),
      (
        "/do/addAccount?_back=/", "addAccount", pick("職員のアカウントを作る", "Make the staff's accounts"),
        pick("避難所・福祉・物資の担当者ごとに役割を選びます。", "With a role for each: shelters, welfare, supplies.")
      ),
      (
        "/do/installCatalogue?_back=/", "installCatalogue", pick("標準の品目を入れる", "Install the standard items"),
        pick("水・食料・毛布など、必要数の基準つきです。", "Water, meals, blankets, with how much people need.")
      ),
      (
        "/network", nil, pick("ほかの区とつながっているか見る", "See whether the other wards are linked"),
        pick("つながらなくても、この区の仕事はすべてできます。", "All of this ward's work goes on without them.")
      ),
    ]
    return steps.filter { step in
      isLeft[step.endpoint ?? step.path] ?? true && step.endpoint.map { isAllowed($0, context) } ?? true
    }.map {
      ["href": $0.path, "label": $0.2, "why": $0.3]
    }
  }

  /// Full shelters that are named before the rest is only counted.
  private static let namedFull = 3

  /// What somebody here has to do next, the most pressing first.
  private func todo(
    _ calls: Int, _ conflicts: Int, _ language: Language, _ context: DeskContext
  ) async throws -> [[String: Any]] {
    let pick = language.pick
    var todo: [[String: Any]] = []
    func add(_ what: String, _ why: String = "", _ href: String, _ button: String, isUrgent: Bool = false) {
      todo.append(["what": what, "why": why, "href": href, "button": button, "style": isUrgent ? "danger" : "quiet"])
    }
    if calls > 0 {
      add(
        pick("救助・支援の要請が \(calls) 件、対応を待っています", "\(calls) calls for help wait for an answer"),
        pick("住民の窓口から", "from the residents' counter"), "/list/counterReports", pick("対応する", "Answer"), isUrgent: true)
    }
    let own = core.identity.ward.code
    let full = try await core.reader.read {
      db -> (over: [(shelter: RowValues, people: Int64, capacity: Int64)], stale: [RowValues]) in
      let open = try ShelterSearch.find(ward: own, statuses: [.open, .permanent], limit: 1_000, db)
      let counts = try HeadCount.of(open.map(\.id), ward: own, db)
      let old = Instant.now().advanced(byMilliseconds: -3_600_000)
      let stale = open.filter { shelter in
        Shelters.lastTold(shelter).map { $0 < old } ?? true
      }
      let over = open.compactMap { shelter -> (shelter: RowValues, people: Int64, capacity: Int64)? in
        guard let capacity = shelter[Shelter.capacity], capacity > 0, let people = counts[shelter.id]?.people,
          people > capacity
        else { return nil }
        return (shelter, people, capacity)
      }.sorted { ($0.people - $0.capacity, $1.shelter.id) > ($1.people - $1.capacity, $0.shelter.id) }
      return (over, stale)
    }
    for (shelter, people, capacity) in full.over.prefix(Self.namedFull) {
      let (people, capacity) = (language.number(people), language.number(capacity))
      add(
        pick(
          "\(ShelterWords.name(shelter, language))が定員を超えています",
          "\(ShelterWords.name(shelter, language)) is over its capacity"),
        pick("\(people) 人 / 定員 \(capacity) 人", "\(people) of \(capacity)"), "/shelters/\(shelter.id)",
        pick("見る", "Look"))
    }
    if full.over.count > Self.namedFull {
      let more = full.over.count - Self.namedFull
      add(
        pick("ほかに \(more) か所が定員を超えています", "\(more) more shelters are over their capacity"), "",
        "/shelters?ward=\(own)&status=open", pick("一覧", "List"))
    }
    let (inquiry, catalogue) = (
      Inquiry(given: Submission(), user: context.user, now: .now(), identity: core.identity), catalogue
    )
    let due = try await core.reader.read { db in
      let look = Look(inquiry, db)
      return try catalogue.services.flatMap(\.due).compactMap { due in try due.line(look).map { (due, $0) } }
    }
    for (due, line) in due.sorted(by: { $0.0.isUrgent && !$1.0.isUrgent }) {
      add(line.words.text(in: language), "", line.href, due.button.text(in: language), isUrgent: due.isUrgent)
    }
    if isAllowed("decideRequest", context) {
      let waiting = try await ask("requests", ["show": "未充足"], context)["requests"].list.filter {
        $0["actions"].list.contains { $0.text == "decideRequest" }
      }
      if let first = waiting.first {
        add(
          pick("物資の要請が \(waiting.count) 件、承認を待っています", "\(waiting.count) requests wait for a decision"), "",
          waiting.count == 1 ? "/orders/\(first["id"].text ?? "")" : "/orders", pick("承認する", "Decide"))
      }
    }
    let stale = full.stale
    if let first = stale.first {
      let name = ShelterWords.name(first, language)
      add(
        stale.count == 1
          ? pick("\(name)から1時間以上報告がありません", "\(name) has told nothing for an hour")
          : pick("\(stale.count) か所の避難所から1時間以上報告がありません", "\(stale.count) shelters have told nothing for an hour"),
        lastReport(first, language)["text"] ?? "",
        stale.count == 1 ? "/shelters/\(first.id)" : "/shelters?ward=\(own)&status=open", pick("見る", "Look"))
    }
    let ending = try await ask("stockOutlook", [:], context)["lines"].list.filter { line in
      guard line["ward"].text == own, line["need"].integer ?? 0 > 0 else { return false }
      return switch line["hoursUntilEmpty"] {
      case .real(let hours): hours < 12
      case .integer(let hours): hours < 12
      default: false
      }
    }
    if let first = ending.first {
      let names = known(try await options(language, context))
      let item = names[first["item"].text ?? ""] ?? "?"
      add(
        ending.count == 1
          ? pick("\(item)が12時間以内になくなります", "\(item) will be gone within 12 hours")
          : pick(
            "\(item)など \(ending.count) 品目が12時間以内になくなります",
            "\(item) and \(ending.count - 1) more will be gone within 12 hours"),
        "", "/goods", pick("物資を見る", "Goods"))
    }
    if conflicts > 0 {
      add(
        pick("\(conflicts) 件の記録の内容が食い違っています", "\(conflicts) records disagree"), "", "/conflicts",
        pick("決める", "Settle"))
    }
    return todo
  }

  /// The map of the wards as the board shows it: how many people are where.
  func wardMap(_ status: StatusReport, _ language: Language, _ context: DeskContext) async throws -> [String: Any] {
    map(.people, try await figures(status, context), status, language)
  }

  private func figures(_ status: StatusReport, _ context: DeskContext) async throws -> [String: WardFigures] {
    let own = core.identity.ward.code
    let totals = try await core.reader.read { try HeadCount.totals(ward: own, $0) }
    // What bears no ward's code is in no row, and so in no sum.
    var wards = Dictionary(uniqueKeysWithValues: topology.wards.map { ($0.code, WardFigures()) })
    for total in totals {
      wards[total.ward]?.open = total.open
      wards[total.ward]?.shelters = total.shelters
      wards[total.ward]?.people = total.people
      wards[total.ward]?.elsewhere = total.elsewhere
    }
    for line in try await ask("stockOutlook", [:], context)["lines"].list where (line["surplus"].integer ?? 0) < 0 {
      wards[line["ward"].text ?? ""]?.short += 1
    }
    for (ward, age) in try await ages() { wards[ward]?.heard = age }
    return wards
  }

  private func number(
    _ label: String, _ count: Int, _ link: String, _ language: Language, isAlert: Bool = false, hint: String? = nil
  ) -> [String: Any] {
    [
      "label": label, "value": language.number(Int64(count)), "href": link, "isAlert": isAlert,
      "hint": hint.map { [$0] } ?? [],
    ]
  }

  private func words(_ language: Language) -> [String: String] {
    let pick = language.pick
    return [
      "todo": pick("次にすること", "What to do next"), "idle": pick("いま急ぎの用はありません。", "Nothing is pressing now."),
      "figure": pick("地図の色", "The map shows"), "byWard": pick("区ごと", "By ward"), "ward": pick("区", "Ward"),
      "open": pick("開設/全", "Open/all"), "people": pick("避難者", "Evacuees"), "short": pick("不足", "Short"),
      "heard": pick("いつの情報", "As of"), "first": pick("はじめに", "First steps"),
      "firstWhy": pick(
        "使い始めるために残っていることです。",
        "What is left to do before it can be used."),
      "sample": title("loadSample", language),
      "sampleWhy": pick(
        "訓練用の避難所・住民・物資・要請が入り、すぐに試せます。「メニュー」からいつでも消せます。",
        "Shelters, residents, goods and a request to try everything with. Removed at any time under More."),
    ]
  }

  private func phase(_ disaster: JSON?, _ language: Language) -> String {
    guard let disaster else { return language.pick("災害は登録されていません(平常時)", "No disaster is entered (ordinary times)") }
    return
      "\(disaster["name"].text ?? "") — \(Phase(rawValue: disaster["phase"].text ?? "")?.words.text(in: language) ?? "")"
  }

  func elapsed(_ milliseconds: Int64, _ language: Language) -> String {
    let minutes = max(0, milliseconds) / 60_000
    let (days, hours) = (minutes / 1_440, minutes / 60 % 24)
    return language.pick(
      "発災から \(days)日 \(hours)時間 \(minutes % 60)分", "\(days) d \(hours) h \(minutes % 60) min since the quake")
  }

  /// As old as this, a figure looks old; as old as that, lost.
  private static let old: Int64 = 10 * 60_000
  private static let lost: Int64 = 3 * 3_600_000

  /// How old what is known of a ward is, and how it looks.
  func age(_ age: Int64?, _ language: Language) -> [String: String] {
    ["text": heard(age, language), "style": ageClass(age)]
  }

  private func ageClass(_ age: Int64?) -> String {
    guard let age else { return "lost" }
    return age >= Self.lost ? "lost" : age >= Self.old ? "old" : ""
  }

  private func heard(_ age: Int64?, _ language: Language) -> String {
    guard let age else { return language.pick("未接続", "not linked yet") }
    return age < 60_000 ? language.pick("今", "now") : language.age(milliseconds: age)
  }

  private func rows(_ wards: [String: WardFigures], _ language: Language) -> [[String: Any]] {
    topology.wards.map { ward in
      let figures = wards[ward.code] ?? WardFigures()
      return [
        "code": ward.code, "ward": wardName(ward.code, language), "isOwn": ward.code == core.identity.ward.code,
        // Of whom nothing was heard, nothing is known: that is not none.
        "open": figures.isUnknown
          ? "–" : "\(language.number(Int64(figures.open)))/\(language.number(Int64(figures.shelters)))",
        "people": figures.isUnknown ? "–" : language.number(Int64(figures.people)),
        "short": figures.isUnknown ? "–" : language.number(Int64(figures.short)),
        "heard": heard(figures.heard, language), "ageClass": ageClass(figures.heard),
      ]
    }
  }

  private func map(
    _ figure: Figure, _ wards: [String: WardFigures], _ status: StatusReport, _ language: Language
  ) -> [String: Any] {
    func value(_ figures: WardFigures) -> Int {
      switch figure {
      case .open: figures.open
      case .people: figures.people
      case .short: figures.short
      case .heard: 0
      }
    }
    let most = max(1, wards.values.map(value).max() ?? 1)
    // The least value of each shade: no more shades than values, the darkest for the most.
    let least = most <= 4 ? Array(1...most) : (0..<4).map { 1 + $0 * ((most + 3) / 4) }.filter { $0 <= most }
    let lightest = 5 - least.count
    func shown(_ code: String) -> WardMap.Shown {
      let figures = wards[code] ?? WardFigures()
      let name = wardName(code, language)
      if figure == .heard {
        let text = heard(figures.heard, language)
        let level = figures.heard.map { $0 < 60_000 ? 0 : $0 < Self.old ? 1 : $0 < Self.lost ? 2 : 4 }
        return WardMap.Shown(level: level, value: text, title: "\(name): \(text)")
      }
      let count = value(figures)
      let level =
        figures.isUnknown ? nil : count == 0 ? 0 : lightest + least.lastIndex { $0 <= count }!
      let number = figures.isUnknown ? "–" : language.number(Int64(count))
      return WardMap.Shown(
        level: level, value: number,
        title: "\(name): \(figure.label(language)) \(number) (\(heard(figures.heard, language)))")
    }
    let pick = language.pick
    let legend: [(String, String)] =
      figure == .heard
      ? [
        ("s0", pick("今", "now")), ("s1", pick("10分以内", "within 10 min")), ("s2", pick("3時間以内", "within 3 h")),
        ("s4", pick("それより前", "earlier")), ("sx", pick("未接続", "never")),
      ]
      : [("s0", "0")]
        + least.enumerated().map { index, from in
          let to = index + 1 < least.count ? least[index + 1] - 1 : most
          let number = { (value: Int) in language.number(Int64(value)) }
          return ("s\(lightest + index)", from == to ? number(from) : "\(number(from))–\(number(to))")
        } + [("sx", pick("情報なし", "not known"))]
    let own = status.ward
    return maps[language]!.values(
      title: pick("23区の地図: ", "Map of the wards: ") + figure.label(language), own: own,
      wards: Dictionary(uniqueKeysWithValues: topology.wards.map { ($0.code, shown($0.code)) }),
      links: status.peers.filter { $0.ward != own }.map { peer in
        (
          own, peer.ward, peer.state,
          "\(wardName(own, language)) – \(wardName(peer.ward, language)): \(LinkWords.state(peer.state, language))"
        )
      }, legend: legend)
  }
}
