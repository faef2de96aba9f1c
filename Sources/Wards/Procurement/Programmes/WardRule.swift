import Causality
import ChangeModel
import Desk
import GRDB

/// 各区の規則: what a ward's own rules allow, as data: side by side with those of the others.
enum WardRule {
  static let kinds = [
    Choice("少額随意契約", "direct-award"), Choice("指名数", "invitees"), Choice("区内優先", "local-preference"),
    Choice("契約期間", "contract-years"), Choice("電力", "electricity"), Choice("検査", "inspection"),
    Choice("端数処理", "rounding"),
    Choice("その他", "other"),
  ]
  static let kind = Field.choice(1, "kind", kinds, "種類", "Kind")
  static let category = Field<DirectAward.Kind>.word(2, "category", "契約の区分", "Category")
  static let limit = Field.integer(3, "limit_yen", 0...1_000_000_000_000, "限度額(円・税込)", "Limit, taxed")
  static let value = Field.text(4, "value", 200, "内容", "Value")
  static let from = Field.date(5, "valid_from", "適用開始", "From")
  static let until = Field.date(6, "valid_until", "適用終了", "Until")
  static let source = Field.text(7, "source", 200, "根拠(規則・要綱)", "Source")

  static let records = Records(
    218, "ward_rules", "区の規則", "Rule of a ward", lane: .supply, law: .keptByWard(open: []), reader: .staff,
    fields: [kind, category, limit, value, from, until, source] + Kept.fields, title: [Kept.ward, kind, category])

  /// The limits that these wards have set themselves, on a day.
  static func limits(_ kind: DirectAward.Kind, wards: [String], on day: String, _ db: Database) throws -> [Int64] {
    try RowValues.all(
      records,
      """
      WHERE kind = '少額随意契約' AND category = ?1 AND limit_yen IS NOT NULL AND (valid_from IS NULL OR valid_from <= ?2)
        AND (valid_until IS NULL OR valid_until >= substr(?2, 1, length(valid_until))) LIMIT 10000
      """, [kind.rawValue, day], db
    ).filter { $0[Kept.ward].map(wards.contains) ?? false }.compactMap { $0[limit] }
  }

  static let service = Service(
    "各区の規則", "Rules of the wards", records: [records],
    actions: [
      Action(
        "tellRule", .new, records, "区の規則を登録する", "Enter a rule", for: .goods,
        takes: [kind.needed, category.asked, limit.asked, value.asked, from.asked, until.asked, source.asked],
        stamps: Kept.stamps),
      Action(
        "changeRule", .change, records, "区の規則を直す", "Change a rule", for: .goods,
        takes: [limit.asked, value.asked, from.asked, until.asked, source.asked], when: [Kept.own]),
    ],
    lists: [
      Listing(
        "wardRules", records, "各区の規則", "Rules of the wards", filters: [kind, category, Kept.ward], newest: Kept.at)
    ])
}

/// 見直しの照会: one ward tells the others what it means to change, and they answer by a day.
enum RuleNotice {
  static let title = Field.text(1, "title", 200, "件名", "Subject")
  static let change = Field.text(2, "change", 1_000, "変える内容", "What changes")
  static let effective = Field.date(3, "effective", "適用日", "Effective")
  static let answerBy = Field.date(4, "answer_by", "回答期限", "Answer by")
  static let reflectedAt = Field.time(5, "reflected_at", "反映日時", "Reflected at")

  static let records = Records(
    219, "rule_notices", "規則の照会", "Notice of a rule", lane: .supply, law: .keptByWard(open: []), reader: .staff,
    fields: [title, change, effective, answerBy, reflectedAt] + Kept.fields, title: [title],
    states: [
      .has(reflectedAt, "reflected", "反映済", "reflected", .done),
      State("due", "回答期限切れ", "answers are due", .open) { notice, inquiry in
        notice[answerBy].map { Kept.isOver($0, on: JapaneseDay.text(inquiry.now)) } ?? false
      },
      .otherwise("asking", "照会中", "asking", .underWay),
    ])

  static let service = Service(
    "規則の照会", "Notices of rules", records: [records, RuleAnswer.records],
    actions: [
      Action(
        "tellRuleNotice", .new, records, "規則の見直しを知らせる", "Tell of a change", for: .goods,
        takes: [title.needed, change.needed, effective.asked, answerBy.asked], stamps: Kept.stamps),
      Action(
        "reflectRuleNotice", .step("reflection"), records, "反映済にする", "Reflected", for: .goods, when: [Kept.own],
        stamps: [.now(reflectedAt)]),
    ],
    lists: [
      Listing(
        "ruleNotices", records, "規則の照会", "Notices of rules", filters: [Kept.ward], open: [reflectedAt], newest: Kept.at),
      Listing(
        "ruleAnswers", RuleAnswer.records, "照会への回答", "Answers to notices", filters: [RuleAnswer.notice], newest: Kept.at
      ),
    ],
    due: [
      Due("回答していない照会が % 件あります", "% notices wait for this ward's answer", in: "ruleNotices", "見る", "Look", for: .goods) {
        look in
        try look.count(
          records,
          """
          WHERE ward <> ?1 AND reflected_at IS NULL
            AND NOT EXISTS (SELECT 1 FROM rule_answers a WHERE a.notice = rule_notices.id AND a.ward = ?1)
          """, [look.ward])
      }
    ], endpoints: [RuleAnswer.endpoint])
}

enum RuleAnswer {
  static let positions = [
    Choice("影響なし", "no-effect"), Choice("賛成", "agree"), Choice("反対", "object"), Choice("検討中", "considering"),
  ]
  static let notice = Field.row(1, "notice", of: "rule_notices", "照会", "Notice")
  static let position = Field.choice(2, "position", positions, "回答", "Answer")
  static let text = Field.text(3, "text", 500, "意見", "Text")

  static let records = Records(
    220, "rule_answers", "照会への回答", "Answer to a notice", lane: .supply, law: .keptByWard(open: []), reader: .staff,
    fields: [position, text, notice] + Kept.fields, title: [Kept.ward, position], indexes: [[notice]])

  static let endpoint = Endpoint.write(
    "answerRuleNotice", "/rule-notices/{id}/answers", "照会に回答する", "Answer a notice", for: .goods,
    "One answer for a ward; a later one takes its place.", [position.needed, text.asked], of: RuleNotice.records,
    makes: true, answers: .row(records)
  ) { desk in
    let (notice, _) = try desk.subject(RuleNotice.records)
    let row = desk.derivedRow(["rule answer", desk.ward, "\(notice)"])
    var draft = records.draft()
    draft.edit(
      records, row,
      desk.given.edits(["position", "text"], of: records) + Kept.edits(desk) + [
        Self.notice.set(notice)
      ])
    return Written([draft], about: [row]) { try $0.answer(row, records) }
  }
}
