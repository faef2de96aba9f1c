import Causality
import ChangeModel
import Desk
import GRDB
import Replica

/// What a shelter does in the open: opening, counting, daily reports, asking other wards to take people in. Numbers only,
/// so that every ward can read them.
public enum ShelterWork {
  /// 日報: what a shelter tells its ward each day.
  public static let reports = CollectionSchema(
    51, "shelter_reports", lane: .life, isKeptByMaker: true,
    fields: [
      FieldSchema(1, "shelter", .register, .integer, ja: "避難所", en: "Shelter (row)"),
      FieldSchema(2, "day", ja: "日付", en: "Day"),
      FieldSchema(3, "people", .register, .integer, ja: "避難者数", en: "People"),
      FieldSchema(4, "households", .register, .integer, ja: "世帯数", en: "Households"),
      FieldSchema(5, "outside", .register, .integer, ja: "在宅・車中避難者数", en: "People outside who are served"),
      FieldSchema(6, "ages", ja: "年齢区分", en: "By age"),
      FieldSchema(7, "needs", ja: "配慮の内訳", en: "By need"),
      FieldSchema(8, "meals", .register, .integer, ja: "配食数", en: "Meals served"),
      FieldSchema(9, "staff", .register, .integer, ja: "職員数", en: "Staff"),
      FieldSchema(10, "volunteers", .register, .integer, ja: "ボランティア数", en: "Volunteers"),
      FieldSchema(11, "power", ja: "電気", en: "Power"),
      FieldSchema(12, "mains", ja: "水道", en: "Mains water"),
      FieldSchema(13, "health", ja: "健康状態", en: "Health"),
      FieldSchema(14, "requests", ja: "要望", en: "Requests"),
      FieldSchema(15, "reported_at", .register, .integer, ja: "報告日時", en: "Reported at"),
      FieldSchema(16, "reported_by", ja: "報告者", en: "Reported by"),
      FieldSchema(17, "ward", ja: "区コード", en: "Ward"),
    ])

  /// 受入要請: one ward asks another to take people in.
  public static let acceptance = CollectionSchema(
    52, "acceptance_requests", lane: .life,
    fields: [
      FieldSchema(1, "from_ward", ja: "要請した区", en: "Asking ward"),
      FieldSchema(2, "to_ward", ja: "要請先の区", en: "Asked ward"),
      FieldSchema(3, "from_shelter", .register, .integer, ja: "要請元の避難所", en: "From shelter (row)"),
      FieldSchema(4, "people", .register, .integer, ja: "人数", en: "People"),
      FieldSchema(5, "needs", .set, .text, ja: "配慮", en: "Needs"),
      FieldSchema(6, "note", ja: "備考", en: "Note"),
      FieldSchema(7, "asked_at", .register, .integer, ja: "要請日時", en: "Asked at"),
      FieldSchema(8, "answer", ja: "回答", en: "Answer"),
      FieldSchema(9, "accepted", .register, .integer, ja: "受入人数", en: "Accepted"),
      FieldSchema(10, "to_shelter", .register, .integer, ja: "受入先の避難所", en: "To shelter (row)"),
      FieldSchema(11, "answered_at", .register, .integer, ja: "回答日時", en: "Answered at"),
      FieldSchema(12, "cancelled_at", .register, .integer, ja: "取消日時", en: "Cancelled at"),
    ])

  public static let collections = [reports, acceptance]

  public static let indexes = [
    "CREATE INDEX IF NOT EXISTS shelters_ward ON shelters (ward)",
    "CREATE INDEX IF NOT EXISTS shelter_reports_shelter ON shelter_reports (shelter, reported_at)",
  ]

  public static let ages = [
    Choice("乳幼児", "infant"), Choice("児童・生徒", "child"), Choice("成人", "adult"), Choice("高齢者", "elderly"),
    Choice("不明", "unknown"),
  ]

  public static let needs = [
    Choice("車椅子", "wheelchair"), Choice("要介護", "care"), Choice("乳児", "infant"), Choice("妊産婦", "pregnant"),
    Choice("人工透析", "dialysis"), Choice("在宅酸素", "oxygen"), Choice("視覚障害", "sight"), Choice("聴覚障害", "hearing"),
    Choice("知的・精神障害", "mental"), Choice("医療的ケア", "medical"), Choice("服薬", "medicine"),
    Choice("食物アレルギー", "allergy"), Choice("外国語", "language"), Choice("ペット同伴", "pet"), Choice("その他", "other"),
  ]

  private static let supplies = [
    Choice("使用可", "on"), Choice("停止", "off"), Choice("一部", "partial"), Choice("不明", "unknown"),
  ]

  /// The shelter that the path names, of this ward.
  public static func own(_ desk: Desk) throws -> (row: RowID, values: RowValues) {
    let (row, values) = try desk.subject(ShelterSchema.shelters)
    guard values.text("ward") == desk.ward else {
      throw Fault(
        .forbidden, field: "id", ja: "他区の避難所です。その区だけが変えられます",
        en: "a shelter of another ward: only that ward can do this")
    }
    return (row, values)
  }

  public static let notOpen = Fault.refused(
    "id", ja: "開設されていない避難所です。先に開設してください", en: "the shelter is not open: open it first")

  public static func isOpen(_ shelter: RowValues) -> Bool {
    [ShelterStatus.open.rawValue, ShelterStatus.permanent.rawValue].contains(shelter.text("status"))
  }

  public static func answer(_ row: RowID, _ collection: CollectionSchema) -> (Database) throws -> JSON {
    { db in
      guard let values = try RowValues.fetch(row, collection, db) else { throw Fault.notFound("id") }
      var members = values.json()
      members["conflicts"] = try RowValues.conflicts(of: row, collection, db)
      return .object(members)
    }
  }

  public static let endpoints: [Endpoint] = [
    .write(
      "openShelter", "/shelters/{id}/opening", "Open a shelter of this ward.",
      [
        FormField("area", .number(0...1_000_000), ja: "避難スペース面積(m²)", en: "Floor area, m²"),
        FormField("toilets", .integer(0...10_000), ja: "使えるトイレ数", en: "Toilets"),
        FormField("staff", .integer(0...100_000), ja: "運営職員数", en: "Staff"),
        FormField("note", .text(500), ja: "記録", en: "Note"),
      ], of: "shelters"
    ) { desk in
      let (row, values) = try own(desk)
      typealias Field = ShelterSchema.Field
      var edits = desk.given.edits(["area", "toilets", "staff"], of: ShelterSchema.shelters)
      if !isOpen(values) {
        edits.append(FieldEdit(Field.status, .set(.text(ShelterStatus.open.rawValue))))
        edits.append(FieldEdit(Field.openedAt, .set(.integer(desk.now.milliseconds))))
        edits.append(FieldEdit(Field.closedAt, .set(.null)))
      }
      if let note = desk.given.text("note") { edits.append(FieldEdit(Field.notes, .append(.text(note)))) }
      guard !edits.isEmpty else { throw Fault.refused("id", ja: "すでに開設されています", en: "is open already") }
      var draft = Draft(.life)
      draft.edit(ShelterSchema.shelters, row, edits)
      return Written([draft], about: [row], answer: answer(row, ShelterSchema.shelters))
    },
    .write(
      "tellState", "/shelters/{id}/state", "How full a shelter is, what it needs and needs no longer, and a note.",
      [
        FormField(
          "crowding", .choice(ShelterCrowding.allCases.map { Choice($0.rawValue, $0.code) }), ja: "混雑", en: "Crowding"),
        FormField("needs", .text(60), ja: "必要な物を加える", en: "Needs also"),
        FormField("needsNot", .text(60), ja: "足りた物を外す", en: "Needs no longer"),
        FormField("note", .text(500), ja: "記録", en: "Note"),
      ], of: "shelters"
    ) { desk in
      let (row, _) = try own(desk)
      typealias Field = ShelterSchema.Field
      var edits: [FieldEdit] = []
      if let crowding = desk.given.text("crowding") { edits.append(FieldEdit(Field.crowding, .set(.text(crowding)))) }
      if let need = desk.given.text("needs") { edits.append(FieldEdit(Field.needs, .add(.text(need)))) }
      if let need = desk.given.text("needsNot") { edits.append(FieldEdit(Field.needs, .remove(.text(need)))) }
      if let note = desk.given.text("note") { edits.append(FieldEdit(Field.notes, .append(.text(note)))) }
      guard !edits.isEmpty else { throw Fault.badValue("", ja: "変更する項目がありません", en: "nothing to change") }
      var draft = Draft(.life)
      draft.edit(ShelterSchema.shelters, row, edits)
      return Written([draft], about: [row], answer: answer(row, ShelterSchema.shelters))
    },
    .write(
      "countHeads", "/shelters/{id}/headcount",
      "Enter a head count: the counter becomes what was counted, as this node knows it. Or who came and went.",
      [
        FormField("people", .integer(0...1_000_000), ja: "数えた人数", en: "People counted"),
        FormField("change", .integer(-10_000...10_000), ja: "増減", en: "Came or went"),
      ], of: "shelters"
    ) { desk in
      let (row, values) = try own(desk)
      guard let people = desk.given.integer("people") else {
        guard let change = desk.given.integer("change"), change != 0 else {
          throw Fault.badValue("people", ja: "数えた人数か増減を入れてください", en: "give the people counted, or the change")
        }
        var draft = Draft(.life)
        draft.edit(ShelterSchema.shelters, row, [FieldEdit(ShelterSchema.Field.occupancy, .increment(change))])
        return Written([draft], about: [row], answer: answer(row, ShelterSchema.shelters))
      }
      guard desk.given.integer("change") == nil else {
        throw Fault.badValue("change", ja: "数えた人数と増減の一方だけを入れてください", en: "give one of the two")
      }
      // A merged counter may say anything.
      let known = min(max(values.integer("occupancy") ?? 0, -1_000_000_000), 1_000_000_000)
      typealias Field = ShelterSchema.Field
      var edits = [
        FieldEdit(Field.counted, .set(.integer(people))),
        FieldEdit(Field.countedAt, .set(.integer(desk.now.milliseconds))),
      ]
      if people != known { edits.append(FieldEdit(Field.occupancy, .increment(people - known))) }
      var draft = Draft(.life)
      draft.edit(ShelterSchema.shelters, row, edits)
      return Written([draft], about: [row], answer: answer(row, ShelterSchema.shelters))
    },
    .write(
      "reportShelter", "/shelters/{id}/reports", "A shelter's daily report.",
      [
        FormField("day", .date, required: true, ja: "日付", en: "Day"),
        FormField("people", .integer(0...1_000_000), required: true, ja: "避難者数", en: "People"),
        FormField("households", .integer(0...1_000_000), ja: "世帯数", en: "Households"),
        FormField("outside", .integer(0...1_000_000), ja: "在宅・車中避難者数", en: "People outside who are served"),
        FormField("ages", .counts(ages), ja: "年齢区分", en: "By age"),
        FormField("needs", .counts(needs), ja: "配慮の内訳", en: "By need"),
        FormField("meals", .integer(0...10_000_000), ja: "配食数", en: "Meals served"),
        FormField("staff", .integer(0...100_000), ja: "職員数", en: "Staff"),
        FormField("volunteers", .integer(0...100_000), ja: "ボランティア数", en: "Volunteers"),
        FormField("power", .choice(supplies), ja: "電気", en: "Power"),
        FormField("mains", .choice(supplies), ja: "水道", en: "Mains water"),
        FormField("health", .text(1_000), ja: "健康状態", en: "Health"),
        FormField("requests", .text(1_000), ja: "要望", en: "Requests"),
      ], of: "shelters", makes: true
    ) { desk in
      let tomorrow = JapaneseDay.text(desk.now.advanced(byMilliseconds: 86_400_000))
      guard desk.given.text("day")! <= tomorrow else {
        throw Fault.badValue("day", ja: "未来の日付です", en: "the day is in the future")
      }
      let (shelter, values) = try own(desk)
      let row = try desk.newRow()
      var edits = desk.given.edits(
        [
          "day", "people", "households", "outside", "meals", "staff", "volunteers", "power", "mains", "health",
          "requests",
        ],
        of: reports)
      for name in ["ages", "needs"] {
        guard let counts = desk.given.values[name], counts != .null else { continue }
        edits.append(
          FieldEdit(reports.field(named: name)!.number, .set(.text(String(decoding: counts.bytes, as: UTF8.self)))))
      }
      edits += [
        FieldEdit(1, .set(.integer(shelter.rawValue))), FieldEdit(15, .set(.integer(desk.now.milliseconds))),
        FieldEdit(16, .set(.text(desk.inquiry.user.name))),
        FieldEdit(17, .set(.text(values.text("ward") ?? desk.ward))),
      ]
      var draft = Draft(.life)
      draft.edit(reports, row, edits)
      return Written([draft], about: [shelter]) { db in
        .object(try RowValues.fetch(row, reports, db).map(view) ?? [:])
      }
    },
    .read("shelterReports", "/shelters/{id}/reports", "A shelter's daily reports, newest first.", of: "shelters") {
      inquiry, db in
      Seen([
        "reports": .list(
          try RowValues.all(
            reports, "WHERE shelter = ? ORDER BY reported_at DESC, id DESC LIMIT 200", [inquiry.row!.rawValue], db
          ).map { .object(view($0)) })
      ])
    },
    .write(
      "askAcceptance", "/acceptance", "Ask another ward to take people in.",
      [
        FormField("toWard", .ward, required: true, ja: "要請先の区", en: "Asked ward"),
        FormField("people", .integer(1...1_000_000), required: true, ja: "人数", en: "People"),
        FormField("fromShelter", .row("shelters"), ja: "要請元の避難所", en: "From shelter"),
        FormField("needs", .list(.choice(needs), 20), ja: "配慮", en: "Needs"),
        FormField("note", .text(500), ja: "備考", en: "Note"),
      ], makes: true
    ) { desk in
      guard desk.given.text("toWard") != desk.ward else {
        throw Fault.badValue("toWard", ja: "他の区を選んでください", en: "choose another ward")
      }
      if let shelter = desk.given.row("fromShelter") {
        _ = try desk.find(shelter, in: ShelterSchema.shelters, "fromShelter")
      }
      let row = try desk.newRow()
      var draft = Draft(.life)
      draft.edit(
        acceptance, row,
        desk.given.edits(["toWard", "people", "fromShelter", "needs", "note"], of: acceptance) + [
          FieldEdit(1, .set(.text(desk.ward))), FieldEdit(7, .set(.integer(desk.now.milliseconds))),
        ])
      return Written([draft], about: [row], answer: answer(row, acceptance))
    },
    .write(
      "answerAcceptance", "/acceptance/{id}/answer", "The asked ward says how many it takes, and where.",
      [
        FormField(
          "answer", .choice([Choice("受入可", "yes"), Choice("一部受入可", "partly"), Choice("受入不可", "no")]), required: true,
          ja: "回答", en: "Answer"),
        FormField("accepted", .integer(0...1_000_000), ja: "受入人数", en: "Accepted"),
        FormField("toShelter", .row("shelters"), ja: "受入先の避難所", en: "To shelter"),
      ], of: "acceptance_requests"
    ) { desk in
      let (row, values) = try desk.subject(acceptance)
      guard values.text("to_ward") == desk.ward else {
        throw Fault(.forbidden, field: "id", ja: "要請された区だけが回答できます", en: "only the asked ward can answer")
      }
      guard values.integer("cancelled_at") == nil else {
        throw Fault.refused("id", ja: "取り消された要請です", en: "the request was cancelled")
      }
      let asked = values.integer("people") ?? 0
      let accepted: Int64
      switch desk.given.text("answer") {
      case "受入不可": accepted = 0
      case "一部受入可":
        guard let part = desk.given.integer("accepted"), part > 0, part < asked else {
          throw Fault.badValue(
            "accepted", ja: "受け入れる人数(要請より少ない数)を入れてください", en: "say how many, fewer than were asked for")
        }
        accepted = part
      default: accepted = asked
      }
      if let shelter = desk.given.row("toShelter"),
        try desk.find(shelter, in: ShelterSchema.shelters, "toShelter").text("ward") != desk.ward
      {
        throw Fault.refused("toShelter", ja: "他区の避難所です", en: "a shelter of another ward")
      }
      var draft = Draft(.life)
      draft.edit(
        acceptance, row,
        desk.given.edits(["answer", "toShelter"], of: acceptance) + [
          FieldEdit(9, .set(.integer(accepted))), FieldEdit(11, .set(.integer(desk.now.milliseconds))),
        ])
      return Written([draft], about: [row], answer: answer(row, acceptance))
    },
    .write(
      "cancelAcceptance", "/acceptance/{id}/cancellation", "The asking ward needs it no longer.",
      of: "acceptance_requests"
    ) {
      desk in
      let (row, values) = try desk.subject(acceptance)
      guard values.text("from_ward") == desk.ward else {
        throw Fault(.forbidden, field: "id", ja: "要請した区だけが取り消せます", en: "only the asking ward can cancel")
      }
      var draft = Draft(.life)
      draft.edit(acceptance, row, [FieldEdit(12, .set(.integer(desk.now.milliseconds)))])
      return Written([draft], about: [row], answer: answer(row, acceptance))
    },
    .read("acceptance", "/acceptance", "Requests to take people in, newest first.") { _, db in
      Seen([
        "requests": .list(
          try RowValues.all(acceptance, "ORDER BY asked_at DESC, id DESC LIMIT 500", [], db).map { .object($0.json()) })
      ])
    },
  ]

  private static func view(_ values: RowValues) -> [String: JSON] {
    var members = values.json()
    for name in ["ages", "needs"] {
      if let text = values.text(name) { members[name] = try? JSON.decode([UInt8](text.utf8)) }
    }
    return members
  }
}
