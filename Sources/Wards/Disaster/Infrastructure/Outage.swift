import Causality
import ChangeModel
import Desk

/// インフラの被害・復旧: what does not work any longer, one row a failure. What fails again is a row of its own.
public enum Outage {
  private static let kinds = [
    Choice("電気", "electricity"), Choice("都市ガス", "city-gas"), Choice("LPガス", "bottled-gas"), Choice("上水道", "water"),
    Choice("下水道", "sewers"), Choice("固定電話", "telephone"), Choice("携帯電話", "mobile-telephone"),
    Choice("インターネット", "internet"), Choice("道路", "road"), Choice("橋りょう", "bridge"), Choice("鉄道", "railway"),
    Choice("バス", "bus"), Choice("河川管理施設", "river-works"), Choice("港湾", "harbour"), Choice("燃料", "fuel"),
  ]
  /// What a figure counts. Two definitions are never added together.
  private static let definitions = [
    Choice("停電戸数", "homes-without-power"), Choice("断水戸数", "homes-without-water"),
    Choice("供給停止戸数", "homes-without-supply"), Choice("不通回線数", "lines-down"), Choice("停波局数", "stations-down"),
    Choice("事故受付数", "faults-reported"), Choice("不通区間数", "sections-closed"), Choice("被害箇所数", "places-damaged"),
  ]
  /// SIP4D 01-005.
  private static let rules = [
    Choice("通行止め・閉鎖", "closed"), Choice("大型通行止め", "closed-to-lorries"), Choice("チェーン必要", "chains"),
    Choice("車線規制", "lanes-closed"), Choice("片側交互通行", "one-way-at-a-time"), Choice("対面通行", "two-way-on-one-side"),
    Choice("その他の規制", "other"), Choice("不明", "unknown"),
  ]

  static let kind = Field.choice(1, "kind", kinds, "種別", "Kind")
  static let provider = Field.text(2, "provider", 100, "事業者", "Operator")
  static let name = Field.text(3, "name", 200, "路線・系統", "Line")
  static let area = Field.text(4, "area", 400, "地域", "Area")
  static let affected = Field.integer(5, "affected", 0...10_000_000, "影響数", "Affected")
  static let definition = Field.choice(6, "definition", definitions, "数え方", "Definition")
  static let most = Field.integer(7, "most", 0...10_000_000, "最大時の影響数", "Most affected")
  static let isUnclear = Field.flag(8, "is_unclear", "調査中", "Being looked into")
  static let isPlanned = Field.flag(9, "is_planned", "計画停止", "Planned")
  static let rule = Field.choice(10, "rule", rules, "規制", "Restriction")
  static let startedAt = Field.time(11, "started_at", "発生日時", "Since")
  static let expectedAt = Field.deadline(12, "expected_at", "復旧見込み", "Expected again")
  static let partlyAt = Field.time(13, "partly_at", "一部復旧日時", "Partly restored at")
  static let restoredAt = Field.time(14, "restored_at", "復旧日時", "Restored at")
  static let cause = Field.text(15, "cause", 200, "原因", "Cause")
  static let substitute = Field.text(16, "substitute", 400, "代わりの手段", "Instead")
  static let again = Field.row(17, "again_of", of: "infrastructure", "再発した元の記録", "Again of")
  static let line = Field.text(18, "line", 400, "区間・範囲", "Section")

  static let records = Records(
    115, "infrastructure", "インフラの被害", "Infrastructure failure", lane: .life, law: .keptByMaker, reader: .staff,
    fields: [
      kind, provider, name, area, affected, definition, most, isUnclear, isPlanned, rule, startedAt, expectedAt,
      partlyAt, restoredAt, cause, substitute, again, line,
    ] + Spot.fields + Told.seen,
    title: [kind, provider, name, area],
    states: [
      // Restored by one while another raised the figure: not restored until somebody settles it.
      State("restored", "復旧", "restored", .done) { record, _ in
        record[restoredAt] != nil && (record[affected] ?? 0) == 0
      },
      .has(partlyAt, "partly", "一部復旧", "partly restored", .underWay),
      State("planned", "計画停止", "planned", .underWay) { record, _ in record[isPlanned] == true },
      State("unclear", "調査中", "being looked into", .open) { record, _ in record[isUnclear] == true },
      .otherwise("down", "支障", "down", .open),
    ], takesOwnItems: true, place: Spot.place, indexes: [[Told.ward, kind]], layer: layer)

  private static let layer = Layer(
    "01-007-01", "停電等", category: "ライフライン", ward: Told.ward,
    where: "AND kind IN ('電気', '都市ガス', '上水道', '下水道', '固定電話', '携帯電話') AND restored_at IS NULL",
    [
      .init("houseno", "影響戸数", .integer, required: true) { JSON($0[affected].map { max(0, $0) }) },
      .init("maxhouseno", "最大影響戸数", .integer) { JSON($0[most].map { max(0, $0) }) },
      .init("starttime", "発生日時", .time, required: true) {
        ($0[startedAt] ?? $0[Told.observedAt] ?? $0[Told.at]).map { .text(JapaneseDay.local($0)) }
      },
      .init("estendtime", "復旧見込み", .time) { $0[expectedAt].map { .text(JapaneseDay.local($0)) } },
      .init("range", "地域") { JSON($0[area]) },
      .init("cause", "種別・原因") { .text([$0[kind], $0[cause]].compactMap(\.self).joined(separator: " ")) },
    ])

  private static let unrestored = Condition.missing(
    restoredAt, "復旧した記録です。再発は新しく登録してください", "restored: enter it anew when it fails again")
  private static let told = [
    affected.asked, definition.asked, area.asked, rule.asked, expectedAt.asked, cause.asked, substitute.asked,
    isUnclear.asked,
  ]

  /// The most that were affected goes up with what is told.
  @Sendable private static func keepMost(_ desk: Desk, _ record: RowValues?, _ edits: inout [FieldEdit]) {
    guard let now = desk.given.integer("affected"), now > record?[most] ?? -1 else { return }
    edits.append(most.set(now))
  }

  static let service = Service(
    "インフラの被害", "Infrastructure", records: [records],
    actions: [
      Action(
        "tellOutage", .new, records, "被害を登録する", "Enter a failure", for: .command,
        takes: [kind.needed, provider.asked, name.asked] + told + [
          isPlanned.asked, startedAt.asked, line.asked, again.asked,
        ] + Spot.asked + Told.asked,
        stamps: Told.seenStamps, rule: keepMost
      ).often(3),
      Action(
        "changeOutage", .change, records, "状況を更新する", "Update a failure", for: .command, takes: told + Told.asked,
        when: [Told.own, unrestored], stamps: [.nowUnlessGiven(Told.observedAt), .user(Told.by)], rule: keepMost
      ).often(2),
      Action(
        "restorePartly", .step("partly"), records, "一部復旧を記録する", "Record a part as restored", for: .command,
        takes: [affected.asked], when: [Told.own, unrestored], stamps: [.now(partlyAt), .now(Told.observedAt)]),
      // Nobody is affected any longer: who raises the figure at the same time is in conflict with it, and the place counts as not
      // restored until somebody settles that.
      Action(
        "restore", .step("restoration"), records, "復旧を記録する", "Record as restored", for: .command,
        when: [Told.own, unrestored], stamps: [.now(restoredAt), .now(Told.observedAt), .set(affected, 0)]),
    ],
    lists: [
      Listing(
        "infrastructure", records, "インフラの被害", "Infrastructure failures", filters: [Told.ward, kind], open: [restoredAt],
        newest: Told.observedAt)
    ],
    sums: [
      Sums(
        "infrastructureSums", records, "インフラ被害の集計", "Sums of failures", of: affected,
        by: [kind, definition, Told.ward],
        where: "row.restored_at IS NULL OR row.affected > 0 OR torn.row IS NOT NULL")
    ])
}
