import Causality
import ChangeModel
import Desk
import GRDB
import Replica
import Sodium

/// A disaster and its hour; what each service has to do in each phase, and what is done.
public enum Disasters {
  private static let records = DisasterEntry.records

  /// The disaster that rules a ward's work: a real one before a drill, its own entry before others', the newest.
  public static func current(for ward: String, _ db: Database) throws -> RowValues? {
    try RowValues.all(
      records, "WHERE ended_at IS NULL ORDER BY coalesce(drill, 0), ward IS NOT ?, quake_at DESC, id DESC LIMIT 1",
      [ward],
      db
    ).first
  }

  /// What other systems call the disaster that goes on; nil in ordinary times.
  public static func name(for ward: String, _ db: Database) throws -> String? {
    try current(for: ward, db).map { records.title(of: $0) }
  }

  /// Where a disaster's clock stands.
  private static let clock = [
    Answer.Member("phase", .choice(Phase.choices), "段階", "Phase"),
    Answer.Member("hoursSince", .number(-1e9...1e9), "発災から(時間)", "Hours since"),
  ]

  private static func view(_ row: RowValues, _ look: inout Look) throws -> JSON {
    var members = try look.view(row, records)
    let quake = row[DisasterEntry.quakeAt]?.milliseconds
    let phase = Phase(quake: quake, now: look.now)
    members["phase"] = .text(phase.rawValue)
    members["phaseCode"] = .text(phase.code)
    if let quake { members["hoursSince"] = .real(Double((look.now.milliseconds &- quake) / 360_000) / 10) }
    return .object(members)
  }

  public static let service = Service(
    "災害対応", "The disaster", records: [records, ChecklistMark.records],
    actions: [
      Action(
        "tellDisaster", .new, records, "発災を登録する", "Enter a disaster", for: .command,
        takes: [DisasterEntry.name.needed, DisasterEntry.quakeAt.needed, DisasterEntry.drill.asked],
        stamps: [.user(DisasterEntry.toldBy), .ward(DisasterEntry.ward)]
      ) { desk, _, _ in
        // What leaves the wards is marked as a drill by the genesis alone: a drill within an earnest federation would leave unmarked.
        guard !desk.given.flag("drill") || desk.inquiry.identity.federation.genesis.drill else {
          throw Fault.refused(
            "drill", ja: "本番の連携では訓練を登録できません。訓練用の連携で行ってください",
            en: "no drill inside an earnest federation: drill in a federation of its own")
        }
      },
      Action(
        "endDisaster", .step("end"), records, "災害を終える", "End a disaster", for: .command,
        when: [
          .own(DisasterEntry.ward, "登録した区だけが終了できます", "only the ward that entered it can end it"),
          .missing(DisasterEntry.endedAt, "すでに終了しています", "ended already"),
        ], stamps: [.now(DisasterEntry.endedAt)],
        warning: Words(
          "段階の時計とやることリストが平常時に戻ります。", "The phase clock and the checklist go back to ordinary times.")),
    ],
    endpoints: [
      .read(
        "disasters", "/disasters", "災害", "Disasters", for: .staff, "Disasters, newest first, with their phase now.",
        Paging.fields(of: records.name), answers: .rows("disasters", records, and: clock, isPaged: true)
      ) { look in
        let page = try look.page(records, by: ["quake_at"], newestFirst: true)
        return page.answer("disasters", try page.rows.map { try view($0, &look) })
      },
      .read(
        "checklist", "/checklist", "やることリスト", "Checklist", for: .staff,
        "What this ward has to do in a phase, by service, and what is done.",
        [
          FormField("phase", .choice(Phase.choices), ja: "段階", en: "Phase"),
          FormField("ward", .ward, ja: "区", en: "Ward"),
        ], answers: checklistAnswer
      ) { look in try checklist(&look) },
      mark,
    ], menu: ["disasters"])

  // MARK: The checklist

  private static let checklistAnswer = Answer.list(
    "tasks",
    [
      .init("task", .text(20), "やること", "Task"), .init("service", .text(20), "分野", "Service"),
      .init("ja", .text(200), "内容", "In Japanese"), .init("en", .text(200), "英語", "In English"),
      .init("state", .choice(TaskState.choices), "状態", "State"), .init("note", .text(300), "備考", "Note"),
      .init("by", .text(120), "担当", "By"), .init("at", .time, "日時", "At"),
    ],
    beside: [
      .init("phase", .choice(Phase.choices), "段階", "Phase"), .init("ward", .ward, "区", "Ward"),
      .init("disaster", .row("disasters"), "災害", "Disaster"),
    ])

  private static func checklist(_ look: inout Look) throws -> JSON {
    let ward = look.given.text("ward") ?? look.ward
    let disaster = try current(for: ward, look.db)
    let phase =
      look.given.text("phase").flatMap { Phase(rawValue: $0) }
      ?? Phase(quake: disaster?[DisasterEntry.quakeAt]?.milliseconds, now: look.now)
    let marks = try RowValues.all(
      ChecklistMark.records, "WHERE ward = ?1 AND disaster IS ?2 ORDER BY id LIMIT 5000",
      [ward, disaster?.id.rawValue], look.db)
    let byTask = Dictionary(marks.compactMap { mark in mark[ChecklistMark.task].map { ($0, mark) } }) { first, _ in
      first
    }
    return [
      "phase": .text(phase.rawValue), "phaseCode": .text(phase.code), "ward": .text(ward),
      "disaster": JSON(disaster.map { "\($0.id)" }),
      "tasks": .list(
        Checklist.tasks.filter { $0.phase == phase }.map { task in
          var members: [String: JSON] = [
            "task": .text(task.code), "service": .text(task.service), "ja": .text(task.japanese),
            "en": .text(task.english), "state": .text(TaskState.open.rawValue),
          ]
          let told = byTask[task.code]?.json(hiding: ["task", "disaster", "ward"]) ?? [:]
          for (name, value) in told where name != "id" { members[name] = value }
          return .object(members)
        }),
    ]
  }

  private static let mark = Endpoint.write(
    "markTask", "/checklist/marks", "対応状況を記録する", "Mark a task", for: .relief,
    "Tick a task of the checklist, or say where it stands.",
    [ChecklistMark.task.needed, ChecklistMark.state.needed, ChecklistMark.note.asked],
    answers: .row(ChecklistMark.records)
  ) { desk in
    let disaster = try desk.read { try current(for: desk.ward, $0) }
    let task = desk.given.text("task")!
    // One row for each ward, disaster and task: two nodes of a ward tick the same one.
    let key = "mark \(desk.ward) \(disaster.map { "\($0.id)" } ?? "-") \(task)"
    let row = RowID(derivedFrom: blake2b([UInt8](key.utf8)).prefix, ward: desk.inquiry.wardIndex)
    var draft = ChecklistMark.records.draft()
    draft.edit(
      ChecklistMark.records, row,
      desk.given.edits(["task", "state", "note"], of: ChecklistMark.records) + [
        ChecklistMark.disaster.set(disaster?.id), ChecklistMark.ward.set(desk.ward),
        ChecklistMark.by.set(desk.inquiry.user.name), ChecklistMark.at.set(desk.enteredAt),
      ])
    return Written([draft], about: [row]) { look in try look.answer(row, ChecklistMark.records) }
  }.often(2)
}
