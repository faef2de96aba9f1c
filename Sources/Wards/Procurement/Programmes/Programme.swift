import Causality
import ChangeModel
import Desk
import GRDB

/// 案件: what several wards mean to buy together, led by one. Nobody is obliged: two wards and one item are a whole programme.
enum Programme {
  static let kinds = [
    Choice("物品", "goods"), Choice("電力", "electricity"), Choice("賃貸借", "lease"), Choice("役務", "services"),
  ]
  /// OCDS 1.1 calls them open, selective, limited, direct.
  static let methods = [
    Choice("一般競争入札", "open"), Choice("指名競争入札", "selective"), Choice("見積合せ", "limited"), Choice("特命随意契約", "direct"),
  ]
  static let title = Field.text(1, "title", 200, "件名", "Title")
  static let kind = Field.choice(2, "kind", kinds, "種類", "Kind")
  static let body = Field.text(3, "body", 100, "運営組織", "Body").aside
  static let year = Field.integer(4, "year", 2020...2100, "年度", "Fiscal year")
  static let method = Field.choice(5, "method", methods, "契約方法", "Method")
  static let isTrial = Field.flag(6, "is_trial", "試行", "A trial")
  static let estimate = Field.integer(7, "estimate", 0...1_000_000_000_000, "予定額(円・税込)", "Estimate, taxed").aside
  static let demandUntil = Field.date(8, "demand_until", "需要の回答期限", "Demands until")
  static let starts = Field.date(9, "starts", "履行開始", "From")
  static let ends = Field.date(10, "ends", "履行終了", "Until")
  static let specification = Field.text(11, "specification", 2_000, "仕様", "Specification").aside
  static let precedent = Field.row(12, "precedent", of: "lessons", "参考にした事例", "Precedent").aside
  static let publishedAt = Field.time(13, "published_at", "公告日時", "Published at").aside
  static let contractedAt = Field.time(14, "contracted_at", "契約日時", "Contracted at").aside
  static let finishedAt = Field.time(15, "finished_at", "完了日時", "Finished at").aside
  static let stoppedAt = Field.time(16, "stopped_at", "中止日時", "Stopped at").aside
  static let reason = Field.text(17, "reason", 300, "理由", "Why").aside

  static let records = Records(
    215, "programmes", "案件", "Programme", lane: .supply, law: .keptByWard(open: []), reader: .staff,
    fields: [
      title, kind, year, method, isTrial, estimate, demandUntil, starts, ends, body, specification, precedent,
      publishedAt,
      contractedAt, finishedAt, stoppedAt, reason,
    ] + Kept.fields, title: [title],
    states: [
      .has(stoppedAt, "stopped", "中止", "stopped", .ended), .has(finishedAt, "finished", "完了", "finished", .done),
      .has(contractedAt, "contracted", "履行中", "under contract", .underWay),
      .has(publishedAt, "published", "公告済", "published", .underWay),
      State("settling", "調整中", "being settled", .underWay) { programme, inquiry in
        programme[demandUntil].map { Kept.isOver($0, on: JapaneseDay.text(inquiry.now)) } ?? false
      },
      .otherwise("asking", "需要調査中", "asking for demands", .open),
    ])

  private static let terms = [
    kind.asked, year.asked, method.asked, isTrial.asked, estimate.asked, demandUntil.asked, starts.asked, ends.asked,
    body.asked, specification.asked, precedent.asked,
  ]
  static let going = [
    Condition.missing(stoppedAt, "中止された案件です", "stopped"), .missing(finishedAt, "完了した案件です", "finished"),
  ]
  /// Demands can still be told and withdrawn.
  static let unpublished = Condition.missing(publishedAt, "公告されています。仕様の訂正で直してください", "published already")

  static let uncontracted = Condition.missing(contractedAt, "契約済みの案件です", "under contract already")

  // MARK: What can be bought without a tender

  private static let rules = Endpoint.read(
    "directAward", "/programmes/{id}/direct-award", "随意契約の可否", "Whether a tender is needed", for: .staff,
    "The law's limit and the own limits of the wards that take part: the strictest counts.", of: records,
    answers: .members([
      .init("allowed", .flag, "随意契約ができる", "Without a tender"),
      .init("law", .integer(Numbers.any), "法の限度額", "The law's limit"),
      .init("strictest", .integer(Numbers.any), "参加区で最も厳しい限度額", "The strictest limit"),
      .init("wards", .list(.ward, 1_000), "参加区", "Wards"),
    ])
  ) { look in
    guard let programme = try RowValues.fetch(look.inquiry.row!, records, look.db) else { throw Fault.notFound("id") }
    let day = programme[starts].map { $0.count == 10 ? $0 : JapaneseDay.text(look.now) } ?? JapaneseDay.text(look.now)
    let award: DirectAward.Kind = programme[kind] == "賃貸借" ? .hire : programme[kind] == "役務" ? .other : .purchase
    let wards = try wards(of: programme.id, look.db)
    let own = try WardRule.limits(award, wards: wards, on: day, look.db)
    let law = DirectAward.limit(award, on: day)
    return [
      "allowed": .flag(DirectAward.isAllowed(programme[estimate] ?? .max, award, on: day, own: own)),
      "law": .integer(law), "strictest": .integer(([law] + own).min()!), "wards": .list(wards.map { .text($0) }),
    ]
  }

  /// Wards with a demand that stands.
  static func wards(of programme: RowID, _ db: Database) throws -> [String] {
    try String.fetchAll(
      db.cachedStatement(
        sql:
          "SELECT DISTINCT ward FROM demands WHERE programme = ? AND withdrawn_at IS NULL AND ward IS NOT NULL ORDER BY ward"
      ),
      arguments: [programme.rawValue])
  }

  static let service = Service(
    "案件", "Programmes", records: [records],
    actions: [
      Action(
        "planProgramme", .new, records, "案件を立てる", "Plan a programme", for: .goods, takes: [title.needed] + terms,
        stamps: Kept.stamps),
      Action(
        "changeProgramme", .change, records, "案件を直す", "Change a programme", for: .goods, takes: [title.asked] + terms,
        when: [Kept.own] + going + [unpublished]),
      Action(
        "publishProgramme", .step("publication"), records, "公告する", "Publish", for: .goods,
        when: [Kept.own] + going + [unpublished], stamps: [.now(publishedAt)],
        warning: Words("公告すると、各区の需要は固定されます。", "The wards' demands are fixed by it.")),
      Action(
        "contractProgramme", .step("contract"), records, "契約したことを記録する", "Contracted", for: .goods,
        when: [Kept.own] + going, stamps: [.now(contractedAt)]),
      Action(
        "finishProgramme", .step("end"), records, "完了にする", "Finish", for: .goods, when: [Kept.own] + going,
        stamps: [.now(finishedAt)]),
      Action(
        "stopProgramme", .step("stop"), records, "中止する", "Stop", for: .goods, takes: [reason.needed],
        when: [Kept.own] + going, stamps: [.now(stoppedAt)]),
    ],
    lists: [
      Listing(
        "programmes", records, "案件", "Programmes", filters: [kind, Kept.ward], open: [finishedAt, stoppedAt],
        newest: Kept.at)
    ],
    due: [
      Due(
        "需要を答えていない案件が % 件あります", "% programmes wait for this ward's demand", in: "programmes", "見る", "Look", for: .goods
      ) { look in
        try look.count(
          records,
          """
          WHERE ward <> ?1 AND published_at IS NULL AND stopped_at IS NULL
            AND (demand_until IS NULL OR demand_until >= substr(?2, 1, length(demand_until)))
            AND NOT EXISTS (SELECT 1 FROM demands d WHERE d.programme = programmes.id AND d.ward = ?1)
          """, [look.ward, JapaneseDay.text(look.now)])
      }
    ], endpoints: [rules])
}

/// 需要: what one ward wants of a programme, where and when, and what it paid before.
enum Demand {
  static let programme = Field.row(1, "programme", of: "programmes", "案件", "Programme")
  static let pattern = Field.text(2, "pattern", 60, "仕様のパターン", "Pattern")
  static let options = SetField(3, "options", of: .text(60), atMost: 20, "オプション", "Options")
  static let quantity = Field.integer(4, "quantity", 1...1_000_000_000, "数量", "Quantity")
  static let places = Field.text(5, "places", 500, "納品先", "Where to").aside
  static let from = Field.date(6, "wanted_from", "納品希望(から)", "From")
  static let until = Field.date(7, "wanted_until", "納品希望(まで)", "Until")
  static let before = Field.decimal(8, "price_before", places: Yen.places, Yen.prices, "従前単価(税抜・円)", "Price before")
  static let note = Field.text(9, "note", 300, "備考", "Note").aside
  static let withdrawnAt = Field.time(10, "withdrawn_at", "取下げ日時", "Withdrawn at")

  static let records = Records(
    216, "demands", "需要", "Demand", lane: .supply, law: .keptByWard(open: []), reader: .staff,
    fields: [quantity, pattern, options, from, until, before, places, note, programme, withdrawnAt] + Kept.fields,
    title: [Kept.ward, quantity],
    states: [.has(withdrawnAt, "withdrawn", "取下げ", "withdrawn", .ended), .otherwise("stands", "提出", "stands", .done)],
    indexes: [[programme]])

  private static let terms = [
    pattern.asked, options.asked, places.asked, from.asked, until.asked, before.asked, note.asked,
  ]

  private static let standing = Condition.missing(withdrawnAt, "取り下げられています", "withdrawn already")

  private static let tell = Endpoint.write(
    "tellDemand", "/programmes/{id}/demands", "需要を答える", "Tell a demand", for: .goods,
    "What this ward wants of a programme, until it is published.", [quantity.needed] + terms, of: Programme.records,
    when: Programme.going + [Programme.unpublished, Programme.uncontracted], makes: true,
    answers: .row(records)
  ) { desk in
    let (programme, _) = try desk.subject(Programme.records)
    let row = try desk.newRow()
    var draft = records.draft()
    draft.edit(
      records, row,
      desk.given.edits(([quantity.needed] + terms).map(\.name), of: records)
        + Kept.edits(desk) + [Self.programme.set(programme)])
    return Written([draft], about: [row]) { try $0.answer(row, records) }
  }.often(2)

  @Sendable private static func check(_ desk: Desk, _ record: RowValues?, _ edits: inout [FieldEdit]) throws {
    guard
      let programme = try record?[programme].flatMap({ row in
        try desk.read { try RowValues.fetch(row, Programme.records, $0) }
      }),
      [Programme.publishedAt, Programme.contractedAt, Programme.finishedAt, Programme.stoppedAt].allSatisfy({
        programme[$0] == nil
      })
    else {
      throw Fault.refused("id", ja: "公告された案件の需要は変えられません", en: "the programme is published: demands are fixed")
    }
  }

  static let service = Service(
    "需要", "Demands", records: [records],
    actions: [
      Action(
        "changeDemand", .change, records, "需要を直す", "Change a demand", for: .goods, takes: [quantity.asked] + terms,
        when: [Kept.own, standing], rule: check),
      Action(
        "withdrawDemand", .step("withdrawal"), records, "需要を取り下げる", "Withdraw a demand", for: .goods,
        when: [Kept.own, standing], stamps: [.now(withdrawnAt)],
        rule: check),
    ],
    lists: [
      Listing(
        "demands", records, "需要", "Demands", filters: [programme, Kept.ward], open: [withdrawnAt], newest: Kept.at)
    ],
    sums: [
      Sums(
        "demandSums", records, "需要の集計", "Demands in all", of: quantity, by: [programme, pattern],
        where: "row.withdrawn_at IS NULL")
    ], endpoints: [tell])
}

/// 日程: from when and until when a ward could begin, since its own contract ends then; and the groups that fit.
enum Window {
  static let programme = Field.row(1, "programme", of: "programmes", "案件", "Programme")
  static let earliest = Field.date(2, "earliest", "最も早い開始", "Earliest")
  static let latest = Field.date(3, "latest", "最も遅い開始", "Latest")
  static let units = Field.integer(4, "units", 1...1_000_000_000, "数量", "Units")
  static let reason = Field.text(5, "reason", 300, "理由(今の契約の満了など)", "Why")

  static let records = Records(
    217, "windows", "開始できる時期", "Window", lane: .supply, law: .keptByWard(open: []), reader: .staff,
    fields: [earliest, latest, units, reason, programme] + Kept.fields, title: [Kept.ward, earliest],
    indexes: [[programme]])

  private static let group: [Answer.Member] = [
    .init("start", .date, "開始日", "Start"), .init("units", .integer(Numbers.any), "数量", "Units"),
    .init("wards", .list(.ward, 1_000), "区", "Wards"),
  ]

  private static func json(_ group: StartWindows.Group) -> JSON {
    ["start": .text(group.start), "units": .integer(group.units), "wards": .list(group.wards.map { .text($0) })]
  }

  private static let best = Endpoint.read(
    "bestWindows", "/programmes/{id}/windows", "まとめられる時期", "Groups that fit", for: .staff,
    "What can begin together on which day; and the best two groups, one after the other.", of: Programme.records,
    answers: .list(
      "starts", group,
      beside: [
        .init("best", .object(.members(group)), "一度にまとめる", "All at once"),
        .init("first", .object(.members(group)), "二度に分ける(一)", "In two: first"),
        .init("second", .object(.members(group)), "二度に分ける(二)", "In two: second"),
      ])
  ) { look in
    let rows = try RowValues.all(
      records, "WHERE programme = ?1 ORDER BY ward LIMIT 1000", [look.inquiry.row!.rawValue], look.db)
    let windows = rows.compactMap { row -> StartWindows.Window? in
      guard let ward = row[Kept.ward], let from = row[earliest], let until = row[latest], from.count == 10,
        until.count == 10
      else { return nil }
      return StartWindows.Window(ward: ward, earliest: from, latest: until, units: row[units] ?? 0)
    }
    var answer: [String: JSON] = ["starts": .list(StartWindows.starts(windows).map(json))]
    if let best = StartWindows.best(windows) { answer["best"] = json(best) }
    if let pair = StartWindows.bestPair(windows) {
      (answer["first"], answer["second"]) = (json(pair.first), json(pair.second))
    }
    return .object(answer)
  }

  private static let tell = Endpoint.write(
    "tellWindow", "/programmes/{id}/windows", "開始できる時期を答える", "Tell a window", for: .goods,
    "From when and until when this ward could begin; one for a ward.",
    [earliest.needed, latest.needed, units.needed, reason.asked], of: Programme.records, makes: true,
    answers: .row(records)
  ) { desk in
    let (programme, _) = try desk.subject(Programme.records)
    let given = desk.given
    guard let from = given.text("earliest"), let until = given.text("latest"), from.count == 10, until.count == 10
    else {
      throw Fault.badValue("earliest", ja: "年月日まで入れてください", en: "give whole dates")
    }
    guard from <= until else {
      throw Fault.badValue("latest", ja: "早い日より後にしてください", en: "the latest comes after the earliest")
    }
    let row = desk.derivedRow(["window", desk.ward, "\(programme)"])
    var draft = records.draft()
    draft.edit(
      records, row,
      given.edits(["earliest", "latest", "units", "reason"], of: records) + Kept.edits(desk)
        + [
          Self.programme.set(programme)
        ])
    return Written([draft], about: [row]) { try $0.answer(row, records) }
  }

  static let service = Service(
    "日程", "Windows", records: [records],
    lists: [Listing("windows", records, "開始できる時期", "Windows", filters: [programme, Kept.ward], newest: Kept.at)],
    endpoints: [tell, best])
}
