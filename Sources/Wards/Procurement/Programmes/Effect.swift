import Causality
import ChangeModel
import Desk
import GRDB

/// 従前単価: what a ward paid for the same before, with its evidence: what was saved is reckoned against it.
enum Baseline {
  static let line = Field.row(1, "line", of: "contract_lines", "契約の明細", "Line of a contract")
  static let price = Field.decimal(2, "price", places: Yen.places, Yen.prices, "従前単価(円)", "Price before")
  static let isTaxed = Field.flag(3, "is_taxed", "税込", "With tax")
  static let from = Field.date(4, "valid_from", "期間(から)", "From")
  static let until = Field.date(5, "valid_until", "期間(まで)", "Until")
  static let evidence = Field.text(6, "evidence", 300, "根拠(契約番号など)", "Evidence")

  static let records = Records(
    214, "baselines", "従前単価", "Price before", lane: .supply, law: .keptByWard(open: []), reader: .staff,
    fields: [price, isTaxed, from, until, evidence, line] + Kept.fields, title: [Kept.ward, price], indexes: [[line]])

  private static let tell = Endpoint.write(
    "tellBaseline", "/contract-lines/{id}/baselines", "従前単価を登録する", "Enter the price before", for: .goods,
    "What this ward paid before for what the line replaces.",
    [price.needed, isTaxed.asked, from.asked, until.asked, evidence.asked], of: ContractLine.records, makes: true,
    answers: .row(records)
  ) { desk in
    let (line, _) = try desk.subject(ContractLine.records)
    let row = try desk.newRow()
    var draft = records.draft()
    draft.edit(
      records, row,
      desk.given.edits(["price", "isTaxed", "validFrom", "validUntil", "evidence"], of: records)
        + Kept.edits(desk) + [Self.line.set(line)])
    return Written([draft], about: [row]) { try $0.answer(row, records) }
  }

  // MARK: What was saved

  private static let members: [Answer.Member] = [
    .init("ward", .ward, "区", "Ward"), .init("line", .row("contract_lines"), "契約の明細", "Line of a contract"),
    .init("title", .text(200), "品名", "Name"), .init("ordered", .integer(Numbers.any), "発注数", "Ordered"),
    .init("accepted", .integer(Numbers.any), "合格数", "Accepted"),
    .init("before", .text(30), "従前単価", "Price before"), .init("price", .text(30), "単価", "Price"),
    .init("saved", .integer(Numbers.any), "削減額(円)", "Saved (yen)"),
  ]

  private static let effect = Endpoint.read(
    "procurementEffect", "/procurement-effect", "効果", "What was saved", for: .staff,
    "By ward and line: what was accepted, at what price, against the ward's own price before. What has no price before is counted apart; losses are shown as they are.",
    [Kept.ward.asked, ContractLine.contract.asked],
    answers: .list(
      "lines", members,
      beside: [
        .init("saved", .integer(Numbers.any), "削減額の計(円)", "Saved in all"),
        .init("withoutBaseline", .integer(Numbers.any), "比較なしの明細", "Lines without a price before"),
      ])
  ) { look in
    let (lines, saved, unknown) = try effect(look)
    return ["lines": .list(lines), "saved": .integer(saved), "withoutBaseline": JSON(unknown)]
  }

  private static func effect(_ look: Look) throws -> (lines: [JSON], saved: Int64, unknown: Int) {
    let rows = try Row.fetchAll(
      look.db.cachedStatement(
        sql: """
          SELECT l.ward AS ward, l.contract_line AS line, c.title AS title, c.price AS price, c.tax AS tax,
            sum(max(0, min(l.taken, 1000000000))) AS ordered,
            sum((SELECT sum(max(0, min(d.accepted, 1000000000))) FROM deliveries d
              WHERE d.line = l.id AND d.ward = l.ward)) AS accepted
          FROM purchase_order_lines l JOIN contract_lines c ON c.id = l.contract_line
          JOIN purchase_orders o ON o.id = l.purchase_order AND o.ward = l.ward
          WHERE o.sent_at IS NOT NULL AND (?1 IS NULL OR l.ward = ?1) AND (?2 IS NULL OR c.contract = ?2)
          GROUP BY l.ward, l.contract_line ORDER BY l.contract_line, l.ward LIMIT 5000
          """), arguments: [look.given.text("ward"), look.given.integer("contract")])
    var (lines, saved, unknown): ([JSON], Int64, Int) = ([], 0, 0)
    for row in rows {
      guard let ward: String = row["ward"] else { continue }
      let (line, price): (Int64, Int64) = (row["line"], (row["price"] as Int64? ?? 0).held)
      let accepted = (row["accepted"] as Int64? ?? 0).held
      let before = try RowValues.all(
        records, "WHERE line = ?1 AND ward = ?2 ORDER BY valid_from DESC, told_at DESC LIMIT 1", [line, ward], look.db
      ).first
      var members: [String: JSON] = [
        "ward": .text(ward), "line": .text("\(line)"), "title": JSON(row["title"] as String?),
        "ordered": .integer((row["ordered"] as Int64? ?? 0).held), "accepted": .integer(accepted),
        "price": .text(FixedPoint.text(price, places: Yen.places)),
      ]
      if let before, let was = before[Self.price] {
        let untaxed = before[isTaxed] == true ? Yen.untaxed(was, rate: (row["tax"] as Int64? ?? 100).held) : was
        let yen = Saving.of(before: untaxed, price: price, accepted: accepted)
        members["before"] = .text(FixedPoint.text(untaxed, places: Yen.places))
        members["saved"] = .integer(yen)
        saved = [saved, yen].total
      } else {
        unknown += 1
      }
      lines.append(.object(members))
    }
    return (lines, saved, unknown)
  }

  static let service = Service(
    "従前単価と効果", "Prices before, and effects", records: [records],
    lists: [Listing("baselines", records, "従前単価", "Prices before", filters: [line, Kept.ward], newest: Kept.at)],
    endpoints: [tell, effect], menu: ["procurementEffect"])
}

/// ノウハウ: what others should know who buy the same, readable by all wards, also by those that take no part.
enum Lesson {
  static let phases = [
    Choice("構想", "idea"), Choice("仕様", "specification"), Choice("入札", "tender"), Choice("契約", "contract"),
    Choice("納品・検査", "delivery"), Choice("精算", "settlement"),
  ]
  static let title = Field.text(1, "title", 200, "題名", "Title")
  static let phase = Field.choice(2, "phase", phases, "段階", "Phase")
  static let text = Field.text(3, "text", 4_000, "内容", "Text")
  static let tags = SetField(4, "tags", of: .text(40), atMost: 20, "分類", "Tags")
  static let programme = Field.row(5, "programme", of: "programmes", "案件", "Programme")
  static let wards = Field.integer(6, "wards", 1...1_000, "参加団体数", "Wards")
  static let cost = Field.integer(7, "yearly_cost", 0...1_000_000_000_000, "年間費用(円)", "Yearly cost")
  static let helpful = CounterField(8, "helpful", "役に立った", "Found helpful")

  static let records = Records(
    223, "lessons", "ノウハウ", "Lesson", lane: .registry, law: .keptByWard(open: [helpful.number]), reader: .staff,
    fields: [title, phase, text, tags, wards, cost, helpful, programme] + Kept.fields, title: [title])

  private static let thank = Endpoint.write(
    "thankLesson", "/lessons/{id}/thanks", "役に立った", "This helped", for: .staff, "Counts one more whom it helped.",
    of: records, answers: .row(records)
  ) { desk in
    let (row, _) = try desk.subject(records)
    var draft = records.draft()
    draft.edit(records, row, [helpful.increment(by: 1)])
    return Written([draft], about: [row]) { try $0.answer(row, records) }
  }

  static let service = Service(
    "ノウハウ", "Lessons", records: [records],
    actions: [
      Action(
        "tellLesson", .new, records, "ノウハウを書く", "Write a lesson", for: .goods,
        takes: [title.needed, phase.needed, text.needed, tags.asked, wards.asked, cost.asked, programme.asked],
        stamps: Kept.stamps),
      Action(
        "changeLesson", .change, records, "ノウハウを直す", "Change a lesson", for: .goods,
        takes: [title.asked, phase.asked, text.asked, tags.asked, wards.asked, cost.asked], when: [Kept.own]),
    ], lists: [Listing("lessons", records, "ノウハウ", "Lessons", filters: [phase, Kept.ward], newest: Kept.at)],
    endpoints: [thank])
}
