import Causality
import ChangeModel
import Desk
import GRDB
import Replica

/// 窓口: what residents say of themselves without signing in, and what the ward tells them. A report from the counter is nobody's
/// proven word: staff look at it, and enter what holds.
public enum ResidentCounter {
  static let reports = CollectionSchema(
    65, "counter_reports", lane: .life, isPersonal: true,
    fields: [
      FieldSchema(1, "name", ja: "氏名", en: "Name"),
      FieldSchema(2, "kana", ja: "カナ", en: "Kana"),
      FieldSchema(3, "birth", ja: "生年月日", en: "Date of birth"),
      FieldSchema(4, "state", ja: "様子", en: "State"),
      FieldSchema(5, "place", ja: "いまいる場所", en: "Where"),
      FieldSchema(6, "phone", ja: "電話番号", en: "Phone"),
      FieldSchema(7, "message", ja: "伝えたいこと", en: "Message"),
      FieldSchema(8, "reported_at", .register, .integer, ja: "届出日時", en: "Reported at"),
      FieldSchema(9, "settled_at", .register, .integer, ja: "対応日時", en: "Dealt with at"),
      FieldSchema(10, "settled_by", ja: "対応者", en: "Dealt with by"),
      FieldSchema(11, "note", ja: "対応の記録", en: "What was done"),
    ])

  /// お知らせ: for everybody to read.
  static let notices = CollectionSchema(
    66, "notices", lane: .life, isKeptByMaker: true,
    fields: [
      FieldSchema(1, "ward", ja: "区コード", en: "Ward"),
      FieldSchema(2, "title", ja: "見出し", en: "Title"),
      FieldSchema(3, "body", ja: "本文", en: "Text"),
      FieldSchema(4, "told_at", .register, .integer, ja: "掲示日時", en: "Told at"),
      FieldSchema(5, "told_by", ja: "掲示者", en: "Told by"),
      FieldSchema(6, "ended_at", .register, .integer, ja: "終了日時", en: "Ended at"),
    ])

  static let collections = [reports, notices]

  static let indexes = ["CREATE INDEX IF NOT EXISTS counter_reports_open ON counter_reports (settled_at, reported_at)"]

  /// How many of those who are hurt or ask for help nobody has dealt with.
  public static func calls(_ db: Database) throws -> Int {
    try Int.fetchOne(
      db, sql: "SELECT count(*) FROM counter_reports WHERE settled_at IS NULL AND state IN ('けがをしています', '助けが必要です')")
      ?? 0
  }

  private static let states = [
    Choice("無事です", "safe"), Choice("けがをしています", "injured"), Choice("助けが必要です", "help"),
  ]

  static let endpoints: [Endpoint] = [
    .write(
      "reportOneself", "/counter/reports", "A resident says how they are, or asks for help. Nobody needs to sign in.",
      [
        FormField("state", .choice(states), required: true, ja: "様子", en: "How you are"),
        FormField("name", .text(120), required: true, ja: "氏名", en: "Name"),
        FormField("kana", .text(120), ja: "カナ", en: "Kana"),
        FormField("birth", .date, ja: "生年月日", en: "Date of birth"),
        FormField("place", .text(200), ja: "いまいる場所", en: "Where you are"),
        FormField("phone", .text(40), ja: "電話番号", en: "Phone"),
        FormField("message", .text(500), ja: "伝えたいこと", en: "Message"),
      ], makes: true
    ) { desk in
      let row = try desk.newRow()
      var draft = Draft(.life)
      draft.edit(
        reports, row,
        desk.given.edits(["state", "name", "kana", "birth", "place", "phone", "message"], of: reports) + [
          FieldEdit(8, .set(.integer(desk.now.milliseconds)))
        ], for: .ward(desk.wardIndex, .identity))
      // Whoever sent it learns that it is there, and nothing else.
      return Written([draft], about: [row]) { _ in ["received": .flag(true)] }
    },
    .read("counterReports", "/counter/reports", "What residents said at the counter and nobody has dealt with yet.") {
      _, db in
      let found = try RowValues.all(
        reports,
        "WHERE settled_at IS NULL ORDER BY CASE state WHEN '助けが必要です' THEN 0 WHEN 'けがをしています' THEN 1 ELSE 2 END, reported_at LIMIT 500",
        [], db)
      return Seen(["reports": .list(found.map { .object($0.json()) })], subjects: found.map(\.id))
    },
    .write(
      "settleCounterReport", "/counter/reports/{id}/settlement", "Somebody has dealt with a report from the counter.",
      [FormField("note", .text(500), required: true, ja: "対応の記録", en: "What was done")], of: "counter_reports"
    ) { desk in
      let (row, values) = try desk.subject(reports)
      guard values.integer("settled_at") == nil else {
        throw Fault.refused("id", ja: "すでに対応済みです", en: "was dealt with already")
      }
      var draft = Draft(.life)
      draft.edit(
        reports, row,
        desk.given.edits(["note"], of: reports) + [
          FieldEdit(9, .set(.integer(desk.now.milliseconds))), FieldEdit(10, .set(.text(desk.inquiry.user.name))),
        ], for: .ward(desk.wardIndex, .identity))
      return Written([draft], about: [row]) { db in .object(try RowValues.fetch(row, reports, db)?.json() ?? [:]) }
    },
    .read("notices", "/notices", "What the wards tell residents, newest first.") { _, db in
      let found = try RowValues.all(notices, "WHERE ended_at IS NULL ORDER BY told_at DESC, id LIMIT 100", [], db)
      return Seen(["notices": .list(found.map { .object($0.json()) })])
    },
    .write(
      "tellNotice", "/notices", "Tell residents something.",
      [
        FormField("title", .text(100), required: true, ja: "見出し", en: "Title"),
        FormField("body", .text(1_000), required: true, ja: "本文", en: "Text"),
      ], makes: true
    ) { desk in
      let row = try desk.newRow()
      var draft = Draft(.life)
      draft.edit(
        notices, row,
        desk.given.edits(["title", "body"], of: notices) + [
          FieldEdit(1, .set(.text(desk.ward))), FieldEdit(4, .set(.integer(desk.now.milliseconds))),
          FieldEdit(5, .set(.text(desk.inquiry.user.name))),
        ])
      return Written([draft], about: [row]) { db in .object(try RowValues.fetch(row, notices, db)?.json() ?? [:]) }
    },
    .write("endNotice", "/notices/{id}/end", "A notice holds no longer.", of: "notices") { desk in
      let (row, values) = try desk.subject(notices)
      guard values.text("ward") == desk.ward else {
        throw Fault(.forbidden, field: "id", ja: "掲示した区だけが終了できます", en: "only the ward that told it can end it")
      }
      guard values.integer("ended_at") == nil else { throw Fault.refused("id", ja: "すでに終了しています", en: "ended already") }
      var draft = Draft(.life)
      draft.edit(notices, row, [FieldEdit(6, .set(.integer(desk.now.milliseconds)))])
      return Written([draft], about: [row]) { db in .object(try RowValues.fetch(row, notices, db)?.json() ?? [:]) }
    },
  ]
}
