import Causality
import ChangeModel
import Desk
import GRDB
import Places
import Replica

/// 安否: reports from anybody, each with its source and time; what is shown is the newest of the most trustworthy, and
/// what disagrees stands beside it.
public enum Safety {
  static let schema = PeopleSchema.safety

  public static let statuses = [
    Choice("無事", "safe"), Choice("軽傷", "slightly-injured"), Choice("重傷", "seriously-injured"), Choice("死亡", "dead"),
    Choice("行方不明", "missing"), Choice("未確認", "unconfirmed"),
  ]

  /// Who says so. Those who saw the person themselves come before those who heard of it.
  public enum Source: String, CaseIterable, Sendable {
    case person = "本人"
    case shelter = "避難所"
    case patrol = "巡回"
    case hospital = "医療機関"
    case family = "家族・知人"
    case hearsay = "伝聞"

    var code: String {
      switch self {
      case .person: "self"
      case .shelter: "shelter"
      case .patrol: "patrol"
      case .hospital: "hospital"
      case .family: "family"
      case .hearsay: "hearsay"
      }
    }

    /// Lower is better.
    var tier: Int {
      switch self {
      case .person, .shelter, .patrol, .hospital: 0
      case .family: 1
      case .hearsay: 2
      }
    }
  }

  /// What the reports on one person say together.
  struct Verdict {
    var shown: RowValues
    /// Reports that say something else and are not older than a day before the shown one, or are newer.
    var disagreeing: [RowValues]
  }

  private static let fresh: Int64 = 86_400_000

  /// The newest report of the best tier that has one. The same on every node that holds the same reports.
  static func judge(_ reports: [RowValues]) -> Verdict? {
    func rank(_ report: RowValues) -> (Int, Int64, RowID) {
      let tier = report.text("source").flatMap(Source.init)?.tier ?? 3
      return (-tier, report.integer("observed_at") ?? 0, report.id)
    }
    let standing = reports.filter { $0.integer("withdrawn_at") == nil }
    guard let shown = standing.max(by: { rank($0) < rank($1) }) else { return nil }
    let since = (shown.integer("observed_at") ?? 0) &- fresh
    let disagreeing = standing.filter {
      $0.text("status") != shown.text("status") && $0.integer("observed_at") ?? 0 >= since
    }.sorted { ($0.integer("observed_at") ?? 0, $0.id) > ($1.integer("observed_at") ?? 0, $1.id) }
    return Verdict(shown: shown, disagreeing: disagreeing)
  }

  static func view(_ values: RowValues, _ inquiry: Inquiry) -> JSON {
    var members = values.json(hiding: ["name_key", "kana_key"])
    members["ward"] = JSON(inquiry.ward(of: values.id))
    members["residentId"] = JSON(values.row("resident").flatMap { Residents.text($0, inquiry) })
    return .object(members)
  }

  static func reports(on residents: [RowID], _ db: Database) throws -> [RowValues] {
    try RowValues.all(
      schema, "WHERE resident IN (SELECT value FROM json_each(?)) ORDER BY observed_at DESC, id DESC LIMIT 500",
      [RowValues.list(residents)], db)
  }

  static func statusJSON(_ verdict: Verdict?, _ inquiry: Inquiry) -> JSON {
    guard let verdict else { return ["status": "未確認"] }
    return [
      "status": JSON(verdict.shown.text("status")), "report": view(verdict.shown, inquiry),
      "disagreeing": .list(verdict.disagreeing.map { view($0, inquiry) }),
    ]
  }

  public static let endpoints: [Endpoint] = [
    .write(
      "reportSafety", "/safety", "Report how somebody is.",
      [
        FormField("resident", .row("residents"), ja: "住民ID", en: "Resident"),
        FormField("name", .text(120), ja: "氏名", en: "Name"), FormField("kana", .text(120), ja: "カナ", en: "Kana"),
        FormField("birth", .date, ja: "生年月日", en: "Date of birth"),
        FormField("homeWard", .ward, ja: "住所地の区", en: "Home ward"),
        FormField("kind", .choice(Residents.kinds), ja: "区分", en: "Kind"),
        FormField("status", .choice(statuses), required: true, ja: "安否", en: "Status"),
        FormField(
          "source", .choice(Source.allCases.map { Choice($0.rawValue, $0.code) }), required: true, ja: "情報源",
          en: "Source"),
        FormField("reporter", .text(100), ja: "報告者", en: "Reporter"),
        FormField("place", .text(200), ja: "所在", en: "Place"),
        FormField("shelter", .row("shelters"), ja: "避難所", en: "Shelter"),
        FormField("message", .text(500), ja: "伝言", en: "Message"),
        FormField("observedAt", .time, ja: "確認日時", en: "Observed at"),
      ], makes: true
    ) { desk in
      let given = desk.given
      let resident = given.row("resident")
      guard resident != nil || given.text("name") != nil || given.text("kana") != nil else {
        throw Fault.badValue("name", ja: "氏名・カナ・住民IDのどれかを入れてください", en: "give a name, kana or a resident's ID")
      }
      if let resident, resident.made == nil || desk.inquiry.ward(of: resident) == nil {
        throw Fault.badValue("resident", ja: "住民の ID ではありません", en: "not a resident's ID")
      }
      let observed = given.integer("observedAt") ?? desk.now.milliseconds
      guard observed <= desk.now.milliseconds + 60_000 else {
        throw Fault.badValue("observedAt", ja: "確認日時が未来です", en: "is in the future")
      }
      let hides = try desk.read { try Residents.isGuarded(resident, of: desk.wardIndex, $0) }
      let row = try desk.newRow()
      var edits = given.edits(
        [
          "resident", "name", "kana", "birth", "homeWard", "kind", "status", "source", "reporter", "place", "shelter",
          "message",
        ], of: schema)
      edits += [
        FieldEdit(12, .set(.integer(observed))), FieldEdit(13, .set(.text(desk.inquiry.user.name))),
      ]
      for (number, text) in [(UInt32(30), given.text("name")), (31, given.text("kana"))] {
        if let text { edits.append(FieldEdit(number, .set(.text(NameKey.of(text))))) }
      }
      if !given.has("homeWard"), let resident, let ward = desk.inquiry.ward(of: resident) {
        edits.append(FieldEdit(5, .set(.text(ward))))
      }
      var draft = Draft(.life)
      draft.edit(schema, row, edits, for: .ward(desk.wardIndex, hides ? .protected : .identity))
      let inquiry = desk.inquiry
      return Written([draft], about: [resident ?? row]) { db in
        guard let values = try RowValues.fetch(row, schema, db) else { throw Fault.notFound("id") }
        return view(values, inquiry)
      }
    },
    .write("withdrawSafety", "/safety/{id}/withdrawal", "A report was wrong.", of: "safety_reports") { desk in
      let (row, values) = try desk.subject(schema)
      guard desk.inquiry.isOwn(row) else {
        throw Fault(.forbidden, field: "id", ja: "他区が受けた報告です", en: "a report that another ward took")
      }
      let hides = try desk.read { try Residents.isGuarded(values.row("resident"), of: desk.wardIndex, $0) }
      var draft = Draft(.life)
      draft.edit(
        schema, row, [FieldEdit(14, .set(.integer(desk.now.milliseconds)))],
        for: .ward(desk.wardIndex, hides ? .protected : .identity))
      let inquiry = desk.inquiry
      return Written([draft], about: [values.row("resident") ?? row]) { db in
        try RowValues.fetch(row, schema, db).map { view($0, inquiry) } ?? .null
      }
    },
    .read(
      "safetyOf", "/residents/{id}/safety", "How somebody is: the most trustworthy report, and those that disagree.",
      [Purpose.field], of: "residents"
    ) { inquiry, db in
      // Reports on any ID of the same person count.
      let ids = try Identities.union(of: inquiry.row!, db)
      guard
        try !ids.contains(where: { try Residents.isGuarded($0, of: inquiry.wardIndex, db) })
          || inquiry.isOwn(inquiry.row!)
      else {
        throw Fault.notFound("id")
      }
      let reports = try reports(on: ids, db)
      let stays = try ids.flatMap {
        try RowValues.all(PeopleSchema.stays, "WHERE resident = ? ORDER BY arrived_at DESC LIMIT 20", [$0.rawValue], db)
      }
      guard case .object(var members) = statusJSON(judge(reports), inquiry) else { return Seen(.null) }
      members["reports"] = .list(reports.map { view($0, inquiry) })
      members["stays"] = .list(stays.map { Stays.view($0, inquiry) })
      let isKnown = !reports.isEmpty || !stays.isEmpty
      return Seen(
        .object(members),
        subjects: isKnown ? ([inquiry.row!] + (reports + stays).map(\.id).filter { !inquiry.isOwn($0) }) : [])
    },
  ]
}
