import Causality
import ChangeModel
import Desk

/// お知らせ: for everybody to read.
public enum Notice {
  public static let ward = Field.ward(1, "ward", of: .first, "区コード", "Ward")
  public static let title = Field.text(2, "title", 100, "見出し", "Title")
  public static let body = Field.text(3, "body", 1_000, "本文", "Text")
  public static let toldAt = Field.time(4, "told_at", "掲示日時", "Told at")
  public static let toldBy = Field.user(5, "told_by", "掲示者", "Told by")
  public static let endedAt = Field.time(6, "ended_at", "終了日時", "Ended at")

  public static let records = Records(
    66, "notices", "お知らせ", "Notice", lane: .life, law: .keptByMaker, reader: .everybody,
    fields: [ward, title, body, toldAt, toldBy, endedAt],
    title: [title],
    states: [
      .has(endedAt, "ended", "終了", "ended", .ended), .otherwise("posted", "掲示中", "posted", .underWay),
    ])

  static let actions = [
    Action(
      "tellNotice", .new, records, "お知らせを掲示する", "Tell residents", for: .command, takes: [title.needed, body.needed],
      stamps: [.ward(ward), .now(toldAt), .user(toldBy)]),
    Action(
      "endNotice", .step("end"), records, "掲示を終了する", "End a notice", for: .command,
      when: [
        .own(ward, "掲示した区だけが終了できます", "only the ward that told it can end it"),
        .missing(endedAt, "すでに終了しています", "ended already"),
      ], stamps: [.now(endedAt)]),
  ]

  static let list = Listing("notices", records, "お知らせ", "Notices", open: [endedAt], newest: toldAt)
}
