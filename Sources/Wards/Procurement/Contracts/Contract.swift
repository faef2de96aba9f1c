import Causality
import ChangeModel
import Desk

/// 契約: with whom, for how long, by which rules money is rounded. A ward makes it for itself, or one ward for several.
enum Contract {
  static let kinds = [
    Choice("単価契約", "unit-prices"), Choice("総価契約", "lump-sum"), Choice("長期継続契約", "long-term"), Choice("賃貸借", "lease"),
  ]
  static let number = Field.code(1, "number", 60, "契約番号", "Contract number")
  static let title = Field.text(2, "title", 200, "件名", "Title")
  static let supplier = Field.row(3, "supplier", of: "suppliers", "事業者", "Supplier")
  static let kind = Field.choice(4, "kind", kinds, "種類", "Kind")
  static let starts = Field.date(5, "starts", "開始日", "From")
  static let ends = Field.date(6, "ends", "終了日", "Until")
  static let ceiling = Field.integer(7, "ceiling", 0...1_000_000_000_000, "上限額(円・税込)", "Ceiling, taxed")
  static let lineRounding = Field<Rounding>.word(8, "line_rounding", "金額の端数", "Lines rounded").aside
  static let taxRounding = Field<Rounding>.word(9, "tax_rounding", "消費税の端数", "Tax rounded").aside
  static let hasBudgetClause = Field.flag(10, "budget_clause", "予算減額の条項がある", "Ends with the budget").aside
  static let programme = Field.row(11, "programme", of: "programmes", "案件", "Programme").aside
  static let signedOn = Field.date(12, "signed_on", "締結日", "Signed on").aside
  static let endedAt = Field.time(13, "terminated_at", "解除日時", "Terminated at")
  static let reason = Field.text(14, "reason", 300, "理由", "Why").aside

  static let records = Records(
    204, "contracts", "契約", "Contract", lane: .supply, law: .keptByWard(open: []), reader: .staff,
    fields: [
      title, number, supplier, kind, starts, ends, ceiling, lineRounding, taxRounding, hasBudgetClause, programme,
      signedOn,
      endedAt, reason,
    ] + Kept.fields, title: [title],
    states: [
      .has(endedAt, "terminated", "解除", "terminated", .ended),
      State("over", "満了", "over", .ended) { contract, inquiry in
        contract[ends].map { Kept.isOver($0, on: JapaneseDay.text(inquiry.now)) } ?? false
      },
      State("coming", "期間前", "not begun", .underWay) { contract, inquiry in
        contract[starts].map { !hasBegun($0, on: JapaneseDay.text(inquiry.now)) } ?? false
      },
      .otherwise("running", "期間中", "running", .done),
    ], indexes: [[supplier]])

  private static let terms = [
    number.asked, kind.asked, starts.asked, ends.asked, ceiling.asked, lineRounding.asked, taxRounding.asked,
    hasBudgetClause.asked, programme.asked, signedOn.asked,
  ]
  private static let running = Condition.missing(endedAt, "解除されています", "terminated")

  @Sendable static func check(_ desk: Desk, _ record: RowValues?, _ edits: inout [FieldEdit]) throws {
    let (starts, ends) = (desk.given.text(starts.name) ?? record?[starts], desk.given.text(ends.name) ?? record?[ends])
    if let starts, let ends, ends < starts {
      throw Fault.badValue(Self.ends.name, ja: "終了日が開始日より前です", en: "ends before it begins")
    }
    // 地方自治法 234条の3: a contract over several years ends when a budget is cut.
    let kind = desk.given.text(kind.name) ?? record?[kind]
    let hasClause =
      desk.given.has(hasBudgetClause.name) ? desk.given.flag(hasBudgetClause.name) : record?[hasBudgetClause]
    if kind == "長期継続契約", hasClause != true {
      throw Fault.badValue(
        hasBudgetClause.name, ja: "長期継続契約には、予算が減額されたときに解除できる条項が要ります",
        en: "a contract over several years has a clause that ends it with the budget")
    }
  }

  static let service = Service(
    "契約", "Contracts", records: [records],
    actions: [
      Action(
        "enterContract", .new, records, "契約を登録する", "Enter a contract", for: .goods,
        takes: [title.needed, supplier.needed] + terms, stamps: Kept.stamps, rule: check),
      Action(
        "changeContract", .change, records, "契約を変える", "Change a contract", for: .goods,
        takes: [title.asked] + terms, when: [Kept.own, running], rule: check),
      Action(
        "terminateContract", .step("termination"), records, "契約を解除する", "Terminate a contract", for: .goods,
        takes: [reason.needed], when: [Kept.own, running], stamps: [.now(endedAt)],
        warning: Words("解除すると、この契約では注文できなくなります。", "Nobody can order by it any longer.")),
    ],
    lists: [
      Listing(
        "contracts", records, "契約", "Contracts", filters: [Kept.ward, supplier, kind], open: [endedAt], newest: Kept.at)
    ])

  /// - Throws: where nobody can order by a line today.
  static func mustRun(_ line: RowValues, _ desk: Desk) throws {
    guard let contract = try desk.read({ try ContractLine.contract(of: line, $0) }) else {
      throw Fault.refused("contractLine", ja: "この明細の契約がまだ届いていません", en: "the line's contract is not here yet")
    }
    if let fault = refusal(contract, on: JapaneseDay.text(desk.now)) { throw fault }
  }

  private static func hasBegun(_ date: String, on day: String) -> Bool { date <= day }

  /// Why nobody can order by a contract on a day; nil when somebody can.
  static func refusal(_ contract: RowValues, on day: String) -> Fault? {
    func fault(_ ja: String, _ en: String) -> Fault { .refused("contractLine", ja: ja, en: en) }
    if contract[endedAt] != nil { return fault("解除された契約です", "the contract was terminated") }
    if let ends = contract[ends], Kept.isOver(ends, on: day) {
      return fault("契約は \(ends) に満了しています", "the contract ended on \(ends)")
    }
    if let starts = contract[starts], !hasBegun(starts, on: day) {
      return fault("契約は \(starts) からです", "the contract begins on \(starts)")
    }
    return nil
  }
}
