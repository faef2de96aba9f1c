import Causality
import ChangeModel
import Desk
import GRDB
import Replica
import Sodium

/// A disaster and its hour; what each service has to do in each phase, and what is done.
public enum Disasters {
  public static let schema = CollectionSchema(
    56, "disasters", lane: .life, isKeptByMaker: true,
    fields: [
      FieldSchema(1, "name", ja: "災害名", en: "Name"),
      FieldSchema(2, "quake_at", .register, .integer, ja: "発災日時", en: "Time of the quake"),
      FieldSchema(3, "told_by", ja: "登録者", en: "Entered by"),
      FieldSchema(4, "ended_at", .register, .integer, ja: "終了日時", en: "Ended at"),
      FieldSchema(5, "ward", ja: "登録した区", en: "Entering ward"),
      FieldSchema(6, "drill", .register, .integer, ja: "訓練", en: "Drill"),
    ])

  public static let marks = CollectionSchema(
    58, "checklist_marks", lane: .life,
    fields: [
      FieldSchema(1, "disaster", .register, .integer, ja: "災害", en: "Disaster (row)"),
      FieldSchema(2, "ward", ja: "区コード", en: "Ward"),
      FieldSchema(3, "task", ja: "項目", en: "Task"),
      FieldSchema(4, "state", ja: "状態", en: "State"),
      FieldSchema(5, "note", ja: "備考", en: "Note"),
      FieldSchema(6, "by", ja: "担当", en: "By"),
      FieldSchema(7, "at", .register, .integer, ja: "日時", en: "At"),
    ])

  /// The disaster that rules a ward's work: a real one before a drill, its own entry before others', the newest.
  public static func current(for ward: String, _ db: Database) throws -> RowValues? {
    try RowValues.all(
      schema, "WHERE ended_at IS NULL ORDER BY coalesce(drill, 0), ward IS NOT ?, quake_at DESC, id DESC LIMIT 1",
      [ward],
      db
    ).first
  }

  private static func answer(_ row: RowID, _ inquiry: Inquiry) -> (Database) throws -> JSON {
    { db in
      guard let values = try RowValues.fetch(row, schema, db) else { throw Fault.notFound("id") }
      return .object(view(values, inquiry))
    }
  }

  private static func view(_ values: RowValues, _ inquiry: Inquiry) -> [String: JSON] {
    var members = values.json()
    let phase = Phase(quake: values.integer("quake_at"), now: inquiry.now)
    members["phase"] = .text(phase.rawValue)
    members["phaseCode"] = .text(phase.code)
    if let quake = values.integer("quake_at") {
      members["hoursSince"] = .real(Double((inquiry.now.milliseconds &- quake) / 360_000) / 10)
    }
    return members
  }

  public static let endpoints: [Endpoint] = [
    .write(
      "tellDisaster", "/disasters", "Enter a disaster and the time of the quake: the phases count from it.",
      [
        FormField("name", .text(100), required: true, ja: "災害名", en: "Name"),
        FormField("quakeAt", .time, required: true, ja: "発災日時", en: "Time of the quake"),
        FormField("drill", .flag, ja: "訓練", en: "Drill"),
      ], makes: true
    ) { desk in
      guard desk.given.integer("quakeAt")! <= desk.now.milliseconds else {
        throw Fault.badValue("quakeAt", ja: "発災日時が未来です", en: "is in the future")
      }
      let row = try desk.newRow()
      var draft = Draft(.life)
      draft.edit(
        schema, row,
        desk.given.edits(["name", "quakeAt", "drill"], of: schema) + [
          FieldEdit(3, .set(.text(desk.inquiry.user.name))), FieldEdit(5, .set(.text(desk.ward))),
        ])
      return Written([draft], about: [row], answer: answer(row, desk.inquiry))
    },
    .write("endDisaster", "/disasters/{id}/end", "The disaster is over.", of: "disasters") { desk in
      let (row, values) = try desk.subject(schema)
      guard values.text("ward") == desk.ward else {
        throw Fault(.forbidden, field: "id", ja: "登録した区だけが終了できます", en: "only the ward that entered it can end it")
      }
      guard values.integer("ended_at") == nil else { throw Fault.refused("id", ja: "すでに終了しています", en: "ended already") }
      var draft = Draft(.life)
      draft.edit(schema, row, [FieldEdit(4, .set(.integer(desk.now.milliseconds)))])
      return Written([draft], about: [row], answer: answer(row, desk.inquiry))
    },
    .read("disasters", "/disasters", "Disasters, newest first, with their phase now.") { inquiry, db in
      Seen([
        "disasters": .list(
          try RowValues.all(schema, "ORDER BY quake_at DESC, id DESC LIMIT 200", [], db).map {
            .object(view($0, inquiry))
          })
      ])
    },
    .read(
      "checklist", "/checklist", "What this ward has to do in a phase, by service, and what is done.",
      [
        FormField("phase", .choice(Phase.choices), ja: "段階", en: "Phase"),
        FormField("ward", .ward, ja: "区", en: "Ward"),
      ]
    ) { inquiry, db in
      let disaster = try current(for: inquiry.given.text("ward") ?? inquiry.ward, db)
      let phase =
        inquiry.given.text("phase").flatMap { Phase(rawValue: $0) }
        ?? Phase(quake: disaster?.integer("quake_at"), now: inquiry.now)
      let ward = inquiry.given.text("ward") ?? inquiry.ward
      let marks = try RowValues.all(
        Disasters.marks, "WHERE ward = ?1 AND disaster IS ?2 ORDER BY id LIMIT 5000", [ward, disaster?.id.rawValue], db)
      let byTask = Dictionary(marks.compactMap { mark in mark.text("task").map { ($0, mark) } }) { first, _ in first }
      return Seen([
        "phase": .text(phase.rawValue), "phaseCode": .text(phase.code), "ward": .text(ward),
        "disaster": JSON(disaster.map { "\($0.id)" }),
        "tasks": .list(
          Checklist.tasks.filter { $0.phase == phase }.map { task in
            var members: [String: JSON] = [
              "task": .text(task.code), "service": .text(task.service), "ja": .text(task.japanese),
              "en": .text(task.english), "state": "未着手",
            ]
            if let mark = byTask[task.code] {
              for (name, value) in mark.json(hiding: ["task", "disaster", "ward"]) where name != "id" {
                members[name] = value
              }
            }
            return .object(members)
          }),
      ])
    },
    .write(
      "markTask", "/checklist/marks", "Tick a task of the checklist, or say where it stands.",
      [
        FormField(
          "task", .choice(Checklist.tasks.map { Choice($0.code, $0.code) }), required: true, ja: "項目", en: "Task"),
        FormField(
          "state",
          .choice([Choice("完了", "done"), Choice("対応中", "doing"), Choice("未着手", "open"), Choice("対象外", "not-needed")]),
          required: true, ja: "状態", en: "State"),
        FormField("note", .text(300), ja: "備考", en: "Note"),
      ]
    ) { desk in
      let disaster = try desk.read { try current(for: desk.ward, $0) }
      let task = desk.given.text("task")!
      let row = RowID(
        derivedFrom: blake2b([UInt8]("mark \(desk.ward) \(disaster.map { "\($0.id)" } ?? "-") \(task)".utf8)).prefix)
      var draft = Draft(.life)
      draft.edit(
        marks, row,
        desk.given.edits(["task", "state", "note"], of: marks) + [
          FieldEdit(1, .set(disaster.map { .integer($0.id.rawValue) } ?? .null)), FieldEdit(2, .set(.text(desk.ward))),
          FieldEdit(6, .set(.text(desk.inquiry.user.name))), FieldEdit(7, .set(.integer(desk.now.milliseconds))),
        ])
      return Written([draft], about: [row]) { db in .object(try RowValues.fetch(row, marks, db)?.json() ?? [:]) }
    },
  ]
}
