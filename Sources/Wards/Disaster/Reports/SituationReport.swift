import Causality
import ChangeModel
import Desk
import GRDB
import Places
import Replica

/// 被害状況の報告 (消防庁 火災・災害等即報要領, 第4号様式): the ward's figures as they were when they were drawn up, kept as they were told:
/// whatever comes in later, the report that was sent can be printed again. What is not known is 不明, and never 0.
enum SituationReport {
  private static let forms = [Choice("その1", "first"), Choice("その2", "second")]
  static let form = Field.choice(1, "form", forms, "様式", "Form")
  static let serial = Field.integer(2, "serial", 1...100_000, "第 報", "Serial")
  static let asOf = Field.time(3, "as_of", "時点", "As of")
  static let overview = Field.text(4, "overview", 1_000, "災害の概況", "What happened")
  static let measures = Field.text(5, "measures", 1_000, "応急対策の状況", "What is done")
  /// A JSON list of label and value, as they are printed.
  static let figures = Field.text(6, "figures", 16_000, "数字", "Figures").aside
  static let approvedBy = SetField(7, "approved_by", of: .text(120), atMost: 20, "決裁者", "Approved by")
  static let approvedAt = Field.time(8, "approved_at", "決裁日時", "Approved at")
  static let toldTo = SetField(9, "told_to", of: .text(100), atMost: 20, "報告先", "Told to")
  static let toldAt = Field.time(10, "told_at_office", "報告日時", "Told at")
  static let alone = Field.text(11, "alone", 300, "単独決裁の理由", "Why by one alone")

  static let records = Records(
    125, "situation_reports", "被害状況の報告", "Situation report", lane: .life, law: .keptByMaker, reader: .staff,
    fields: [form, serial, asOf, overview, measures, figures, approvedBy, approvedAt, toldTo, toldAt, alone]
      + Told.fields,
    title: [Told.ward, form, serial],
    states: [
      .has(toldAt, "told", "報告済み", "told", .done), .has(approvedAt, "approved", "決裁済み", "approved", .underWay),
      .otherwise("draft", "案", "draft", .open),
    ], hidden: [figures], indexes: [[Told.ward, asOf]])

  struct Line: Codable, Equatable {
    var label: String
    var value: String
  }

  // MARK: Figures

  /// Several columns of ours make one of the form's: how 中規模半壊 and 準半壊 are counted there is not verified, and a footnote says so.
  private static let damage: [(label: String, fields: [Field<Int64>])] = [
    ("死者", [DamageCount.dead]), ("うち災害関連死者", [DamageCount.deadRelated]), ("行方不明者", [DamageCount.missing]),
    ("負傷者 重傷", [DamageCount.serious]), ("負傷者 軽傷", [DamageCount.slight]), ("住家 全壊(棟)", [DamageCount.full]),
    ("住家 半壊(棟)", [DamageCount.largeHalf, DamageCount.middleHalf, DamageCount.half]),
    ("住家 一部破損(棟)", [DamageCount.semiHalf, DamageCount.partial]), ("住家 床上浸水(棟)", [DamageCount.aboveFloor]),
    ("住家 床下浸水(棟)", [DamageCount.belowFloor]), ("非住家 公共建物(棟)", [DamageCount.publicBuildings]),
    ("非住家 その他(棟)", [DamageCount.otherBuildings]), ("火災(件)", [DamageCount.fires]),
  ]
  private static let lifelines = [
    ("水道(戸)", "上水道", "断水戸数"), ("電気(戸)", "電気", "停電戸数"), ("ガス(戸)", "都市ガス", "供給停止戸数"), ("電話(回線)", "固定電話", "不通回線数"),
  ]

  /// A ward's figures as this node has them. Parts of one column of which none is known make 不明.
  static func lines(ward: String, _ db: Database) throws -> [Line] {
    let report = try RowValues.all(
      DamageCount.records, "WHERE ward = ? AND basis IS NOT '推計' ORDER BY as_of DESC, id DESC LIMIT 1", [ward], db
    ).first
    var lines = damage.map { label, fields in
      // One part alone, where the others were not told, is a sum that may be more.
      Line(label: label, value: report.map { report in AtLeast(fields.map { report[$0] }).words.ja } ?? "不明")
    }
    for (label, kind, definition) in lifelines {
      let failures = try RowValues.all(
        Outage.records,
        """
        WHERE ward = ?1 AND kind = ?2 AND (definition = ?3 OR definition IS NULL) AND (restored_at IS NULL OR affected > 0)
        ORDER BY id LIMIT 10000
        """,
        [ward, kind, definition], db)
      lines.append(
        Line(
          label: label,
          value: failures.isEmpty
            ? "報告なし" : AtLeast(failures.map { $0[Outage.definition] == nil ? nil : $0[Outage.affected] }).words.ja))
    }
    let open =
      try Int.fetchOne(
        db, sql: "SELECT count(*) FROM shelters WHERE ward = ? AND status IN ('開設', '常設')", arguments: [ward]) ?? 0
    lines.append(Line(label: "開設している避難所(か所)", value: "\(open)"))
    let orders = try RowValues.all(
      EvacuationOrder.records, "WHERE ward = ?1 AND issued_at IS NOT NULL AND lifted_at IS NULL ORDER BY id LIMIT 5000",
      [ward], db)
    lines.append(Line(label: "発令中の避難情報(件)", value: "\(EvacuationLevels.lines(orders).count)"))
    return lines
  }

  static func decoded(_ report: RowValues) -> [Line] {
    guard let text = report[figures], case .list(let list)? = try? JSON.decode([UInt8](text.utf8)) else { return [] }
    return list.compactMap { pair in
      let parts = pair.list.compactMap(\.text)
      return parts.count == 2 ? Line(label: parts[0], value: parts[1]) : nil
    }
  }

  // MARK: What is done

  private static let draw: Action = Action(
    "drawReport", .new, records, "被害状況の報告を作る", "Draw up a report", for: .command,
    takes: [form.needed, overview.asked, measures.asked], stamps: Told.stamps + [.now(asOf)]
  ) { desk, _, edits in
    let drawn: [Line] = try desk.read { db in try lines(ward: desk.ward, db) }
    let last: Int64? = try desk.read { db in
      try Int64.fetchOne(db, sql: "SELECT max(serial) FROM situation_reports WHERE ward = ?", arguments: [desk.ward])
    }
    let pairs: [JSON] = drawn.map { line in JSON.list([.text(line.label), .text(line.value)]) }
    let text = String(decoding: JSON.list(pairs).bytes, as: UTF8.self)
    let number: Int64 = Swift.min(Swift.max(0, last ?? 0), 99_999) + 1
    // Two nodes that are cut off may give one number twice: both are listed, and the next is higher than either.
    edits.append(serial.set(number))
    edits.append(figures.set(text))
  }

  private static let table = Endpoint.read(
    "reportTable", "/situation-reports/{id}/table", "報告の様式", "The report's form", for: .staff,
    "What the report says, as it was drawn up, beside the one before.", of: records,
    answers: .list(
      "lines",
      [
        .init("label", .text(60), "項目", "Item"), .init("value", .text(60), "数", "Figure"),
        .init("before", .text(60), "前の報", "Before"),
      ],
      beside: [
        .init("title", .text(200), "件名", "Title"), .init("asOf", .time, "時点", "As of"),
        .init("overview", overview.shape, "災害の概況", "What happened"),
        .init("measures", measures.shape, "応急対策の状況", "What is done"), .init("note", .text(300), "注", "Note"),
      ])
  ) { look in
    guard let row = look.inquiry.row, let report = try RowValues.fetch(row, records, look.db) else {
      throw Fault.notFound("id")
    }
    let before =
      try RowValues.all(
        records, "WHERE ward IS ?1 AND serial < ?2 ORDER BY serial DESC, id DESC LIMIT 1",
        [report[Told.ward], report[serial]], look.db
      ).first.map { Dictionary(decoded($0).map { ($0.label, $0.value) }) { first, _ in first } } ?? [:]
    let mark = look.inquiry.identity.federation.genesis.drill ? DrillMark.word : ""
    let name = try report[Told.disaster].flatMap { try RowValues.fetch($0, DisasterEntry.records, look.db) }?[
      DisasterEntry.name]
    return [
      "title": .text("\(mark)\(name ?? "災害名未登録") 第\(report[serial] ?? 0)報 第4号様式(\(report[form] ?? ""))"),
      "asOf": JSON(report[asOf]?.milliseconds), "overview": JSON(report[overview]), "measures": JSON(report[measures]),
      "note": "半壊は大規模半壊・中規模半壊を、一部破損は準半壊を含めて数えています(要領との対応は未確認)。",
      "lines": .list(
        decoded(report).map { line in
          [
            "label": .text(line.label), "value": .text(line.value),
            "before": JSON(before[line.label].flatMap { $0 == line.value ? nil : $0 }),
          ]
        }),
    ]
  }

  static let service = Service(
    "被害状況の報告", "Situation reports", records: [records],
    actions: [
      draw,
      Action(
        "approveReport", .step("approval"), records, "報告を決裁する", "Approve a report", for: .command, takes: [alone.asked],
        when: [Told.own, .missing(approvedAt, "決裁済みです", "approved already")], stamps: [.now(approvedAt)]
      ) { desk, record, edits in
        try Told.decides(desk, on: record, alone: alone)
        edits.append(approvedBy.add(desk.inquiry.user.name))
      },
      Action(
        "sendReport", .step("sending"), records, "報告したことを記録する", "Record that it was told", for: .command,
        takes: [toldTo.needed],
        when: [
          Told.own, .present(approvedAt, "まだ決裁されていません", "not approved yet"), .missing(toldAt, "報告済みです", "told already"),
        ], stamps: [.now(toldAt)]),
    ],
    lists: [
      Listing("situationReports", records, "被害状況の報告", "Situation reports", filters: [Told.ward], newest: asOf)
    ], endpoints: [table])
}
