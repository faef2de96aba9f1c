import Causality
import Desk
import GRDB

/// 窓口: what residents say of themselves without signing in, and what the ward tells them. A report from the counter is nobody's
/// proven word: staff look at it, and enter what holds.
public enum ResidentCounter {
  private static let reports = CounterReport.records

  /// How many of those who are hurt or ask for help nobody has dealt with.
  ///
  /// - Parameter ward: at whose counter they said so; nil: at any that this node may read.
  public static func calls(_ db: Database, ward: UInt32? = nil) throws -> Int {
    try Int.fetchOne(
      db,
      sql: """
        SELECT count(*) FROM counter_reports
        WHERE settled_at IS NULL AND state IN ('けがをしています', '助けが必要です') AND (?1 IS NULL OR id >> 53 = ?1)
        """, arguments: [ward.map { Int64($0) }]) ?? 0
  }

  /// As a resident is asked, who is no "name of a record".
  private static let form = [
    FormField("state", CounterReport.state.shape, required: true, ja: "様子", en: "How you are"),
    CounterReport.name.needed, CounterReport.kana.asked, CounterReport.birth.asked,
    FormField("place", CounterReport.place.shape, ja: "いまいる場所", en: "Where you are"), CounterReport.phone.asked,
    CounterReport.message.asked,
  ]

  private static let report = Endpoint.write(
    "reportOneself", reports.path, "無事を知らせる・助けを求める", "Say how you are, or ask for help", for: .anyone,
    "A resident says how they are, or asks for help. Nobody needs to sign in.", form, makes: true,
    answers: .members([.init("received", .flag, "受け付けました", "Received")])
  ) { desk in
    let row = try desk.newRow()
    var draft = reports.draft()
    draft.edit(
      reports, row,
      desk.given.edits(form.map(\.name), of: reports) + [CounterReport.reportedAt.set(desk.enteredAt)],
      for: .ward(desk.wardIndex, .identity))
    // Whoever sent it learns that it is there, and nothing else.
    return Written([draft], about: [row]) { _ in ["received": true] }
  }

  private static let list = Endpoint.read(
    "counterReports", reports.path, "窓口からの届け出", "Reports from the counter", for: .people,
    "What residents said at this ward's counter and nobody has dealt with yet: who asks for help first.",
    Paging.fields(of: reports.name), answers: .rows("reports", reports, isPaged: true)
  ) { look in
    let page = try look.page(
      reports, where: "settled_at IS NULL AND id >> 53 = ?1", [Int64(look.inquiry.wardIndex)],
      by: ["CASE state WHEN '助けが必要です' THEN 0 WHEN 'けがをしています' THEN 1 ELSE 2 END", "reported_at"], usual: 500)
    return page.answer("reports", try page.rows.map { .object(try look.view($0, reports)) })
  }

  private static let settle = Action(
    "settleCounterReport", .step("settlement"), reports, "対応済みにする", "Dealt with", for: .people,
    takes: [CounterReport.note.needed],
    when: [
      .ownRow("他区の窓口への届け出です", "a report from another ward's counter"),
      .missing(CounterReport.settledAt, "すでに対応済みです", "was dealt with already"),
    ], stamps: [.now(CounterReport.settledAt), .user(CounterReport.settledBy)])

  public static let service = Service(
    "住民の窓口", "The residents' counter", records: [reports, Notice.records], actions: Notice.actions + [settle],
    lists: [Notice.list], endpoints: [report, list], menu: ["counterReports"])
}
