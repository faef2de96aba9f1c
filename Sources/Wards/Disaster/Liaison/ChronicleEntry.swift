import Causality
import ChangeModel
import Desk
import GRDB

/// クロノロジー: what came in and went out, in the order in which it happened. Nothing of it is ever changed: a correction is
/// an entry of its own. In the supply lane, behind everything that cannot wait: a ward writes some forty an hour.
enum ChronicleEntry {
  private static let channels = [
    Choice("電話", "telephone"), Choice("無線", "radio"), Choice("FAX", "fax"), Choice("口頭", "by-word"),
    Choice("メール", "mail"),
    Choice("来訪", "visit"), Choice("システム", "system"),
  ]
  private static let kinds = [
    Choice("情報", "information"), Choice("報告", "report"), Choice("要請", "request"), Choice("指示", "instruction"),
    Choice("照会", "question"), Choice("決定", "decision"),
  ]
  static let happenedAt = Field.time(1, "happened_at", "日時", "At")
  static let from = Field.text(2, "from_party", 100, "発信者", "From")
  static let to = Field.text(3, "to_party", 100, "受信者", "To")
  static let channel = Field.choice(4, "channel", channels, "手段", "By")
  static let kind = Field.choice(5, "kind", kinds, "種別", "Kind")
  static let text = Field.text(6, "text", 1_000, "内容(全区の職員が読みます)", "Text, which all wards read")
  static let weight = Field<Weight>.word(7, "weight", "重要度", "Weight")
  static let corrects = Field.row(8, "corrects", of: "chronicle", "訂正する記録", "Corrects")

  static let records = Records(
    106, "chronicle", "クロノロジー", "Chronicle entry", lane: .supply, law: .keptByMaker, reader: .staff,
    fields: [happenedAt, from, to, channel, kind, text, weight, corrects] + Spot.fields + Told.fields,
    title: [text], place: Spot.place, indexes: [[happenedAt], [corrects]])

  /// Written down so much later than it happened, an entry says so: it slid in among what others have read.
  private static let late: Int64 = 600_000

  private static func view(_ entry: RowValues, _ look: inout Look) throws -> [String: JSON] {
    var members = try look.view(entry, records)
    if let happened = entry[happenedAt], let told = entry[Told.at],
      told.milliseconds - happened.milliseconds >= late
    {
      members["late"] = .integer((told.milliseconds - happened.milliseconds) / 60_000)
    }
    // The ward's own newest: nobody else corrects its entries.
    if let newer = try RowValues.all(
      records, "WHERE corrects = ? ORDER BY id DESC LIMIT 20", [entry.id.rawValue], look.db
    ).first(where: { $0.id.ward == entry.id.ward }) {
      members["correctedBy"] = .text("\(newer.id)")
    }
    return members
  }

  private static let members: [Answer.Member] = [
    .init("late", .integer(Numbers.any), "遅れ(分)", "Late by, minutes"),
    .init("correctedBy", .row(records.name), "訂正", "Corrected by"),
  ]

  private static let list = Endpoint.read(
    "chronicle", records.path, "クロノロジー", "Chronicle", for: .staff,
    "What happened, newest first; what was written down late says by how many minutes.",
    [
      Told.ward.asked, weight.asked, FormField("text", .text(100), ja: "内容に含む言葉", en: "Words in the text"),
      FormField("since", .time, ja: "この日時から", en: "Since"),
    ] + Paging.fields(of: records.name),
    answers: .rows("chronicle", records, and: members, isPaged: true)
  ) { look in
    let page = try look.page(
      records,
      where: """
        (?1 IS NULL OR ward = ?1) AND (?2 IS NULL OR weight = ?2) AND (?3 IS NULL OR instr(text, ?3) > 0)
          AND (?4 IS NULL OR happened_at >= ?4)
        """,
      [look.given.text("ward"), look.given.text("weight"), look.given.text("text"), look.given.integer("since")],
      by: ["happened_at"], newestFirst: true)
    return page.answer("chronicle", try page.rows.map { .object(try view($0, &look)) })
  }

  private static let one = Endpoint.read(
    "chronicleEntry", records.path + "/{id}", records.words.ja, records.words.en, for: .staff,
    "An entry, by its number.",
    of: records, answers: .row(records, and: members)
  ) { look in
    guard let row = look.inquiry.row, let entry = try RowValues.fetch(row, records, look.db) else {
      throw Fault.notFound("id")
    }
    return .object(try view(entry, &look))
  }

  static let service = Service(
    "クロノロジー", "Chronicle", records: [records, ChronicleMark.records],
    actions: [
      Action(
        "writeChronicle", .new, records, "記録を書く", "Write an entry", for: .relief,
        takes: [
          text.needed, weight.asked, kind.asked, from.asked, to.asked, channel.asked, happenedAt.asked, corrects.asked,
        ] + Spot.asked,
        stamps: Told.stamps + [.nowUnlessGiven(happenedAt)]
      ) { desk, _, edits in
        if !desk.given.has("weight") { edits.append(weight.set(.ordinary)) }
      }.often(8)
    ], endpoints: [list, one, ChronicleMark.endpoint], menu: ["chronicle"])
}
