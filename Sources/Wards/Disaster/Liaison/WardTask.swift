import Causality
import ChangeModel
import Desk

/// 依頼: what one ward's headquarters asks another's, or its own desks, to do; and how far it is.
enum WardTask {
  static let toWard = Field.ward(1, "to_ward", of: .second, "依頼先の区", "To")
  static let fromWard = Field.ward(2, "from_ward", of: .first, "依頼した区", "From")
  static let title = Field.text(3, "title", 200, "件名", "Title")
  static let text = Field.text(4, "text", 1_000, "内容", "Text")
  static let desk = Field.text(5, "to_desk", 100, "担当", "Desk")
  static let due = Field.deadline(6, "due", "期限", "Due")
  static let weight = Field<Weight>.word(7, "weight", "重要度", "Weight")
  static let askedBy = Field.user(8, "asked_by", "依頼者", "Asked by")
  static let askedAt = Field.time(9, "asked_at", "依頼日時", "Asked at")
  static let withdrawnAt = Field.time(10, "withdrawn_at", "取下げ日時", "Withdrawn at")
  static let takenBy = Field.user(11, "taken_by", "受領者", "Taken by")
  static let takenAt = Field.time(12, "taken_at", "受領日時", "Taken at")
  static let begunAt = Field.time(13, "begun_at", "着手日時", "Begun at")
  static let doneAt = Field.time(14, "done_at", "完了日時", "Done at")
  static let impossibleAt = Field.time(15, "impossible_at", "不可とした日時", "Found impossible at")
  static let answer = Field.text(16, "answer", 500, "回答", "Answer")

  private static let asks: Set = [
    toWard.number, fromWard.number, title.number, text.number, desk.number, due.number, weight.number, askedBy.number,
    askedAt.number, withdrawnAt.number,
  ]
  private static let answers: Set = [
    takenBy.number, takenAt.number, begunAt.number, doneAt.number, impossibleAt.number, answer.number,
  ]

  static let records = Records(
    109, "tasks", "依頼", "Task", lane: .life, law: .keptByParties(first: asks, second: answers), reader: .staff,
    fields: [
      title, toWard, desk, due, weight, text, fromWard, askedBy, askedAt, withdrawnAt, takenBy, takenAt, begunAt,
      doneAt,
      impossibleAt, answer,
    ],
    title: [title],
    states: [
      State("torn", "食い違い", "told both ways", .open) { task, _ in task[doneAt] != nil && task[impossibleAt] != nil },
      // Done beats withdrawn: whoever did it did not know.
      .has(doneAt, "done", "完了", "done", .done), .has(withdrawnAt, "withdrawn", "取下げ", "withdrawn", .ended),
      .has(impossibleAt, "impossible", "不可", "impossible", .ended),
      State("overdue", "期限切れ", "overdue", .open) { task, inquiry in task[due].map { $0 < inquiry.now } ?? false },
      .has(begunAt, "begun", "着手", "begun", .underWay), .has(takenAt, "taken", "受領", "taken", .underWay),
      .otherwise("asked", "依頼中", "asked", .open),
    ], indexes: [[toWard]])

  private static let mine = Condition.own(toWard, "依頼された区だけが答えられます", "only the ward that was asked can say so")
  /// What was told both ways is settled by a third answer.
  private static let standing = [
    Condition.missing(withdrawnAt, "取り下げられた依頼です", "withdrawn"),
    Condition(.refused, "完了した依頼です", "done already") { task, _ in task[doneAt] == nil || task[impossibleAt] != nil },
  ]

  static let service = Service(
    "区の間の依頼", "Tasks between wards", records: [records],
    actions: [
      Action(
        "askTask", .new, records, "依頼する", "Ask for something", for: .relief,
        takes: [toWard.needed, title.needed, text.asked, desk.asked, due.asked, weight.asked],
        stamps: [.ward(fromWard), .user(askedBy), .now(askedAt)], row: .made(with: toWard)
      ).often(2),
      Action(
        "takeTask", .step("receipt"), records, "依頼を受ける", "Take a task", for: .relief,
        when: [mine] + standing + [.missing(takenAt, "受領されています", "taken already")],
        stamps: [.user(takenBy), .now(takenAt)]),
      Action(
        "beginTask", .step("beginning"), records, "着手する", "Begin a task", for: .relief, when: [mine] + standing,
        stamps: [.now(begunAt)]),
      Action(
        "finishTask", .step("completion"), records, "完了にする", "Finish a task", for: .relief, takes: [answer.asked],
        when: [mine] + standing, stamps: [.now(doneAt)]
      ) { _, task, edits in if task?[impossibleAt] != nil { edits.append(impossibleAt.set(nil)) } },
      Action(
        "refuseTask", .step("refusal"), records, "できないと答える", "Say that it is impossible", for: .relief,
        takes: [answer.needed], when: [mine] + standing, stamps: [.now(impossibleAt)]
      ) { _, task, edits in if task?[doneAt] != nil { edits.append(doneAt.set(nil)) } },
      Action(
        "withdrawTask", .step("withdrawal"), records, "依頼を取り下げる", "Withdraw a task", for: .relief,
        when: [.own(fromWard, "依頼した区だけが取り下げられます", "only the ward that asked can withdraw it")] + standing,
        stamps: [.now(withdrawnAt)]),
    ],
    lists: [
      Listing(
        "tasks", records, "依頼", "Tasks", filters: [toWard, fromWard], open: [doneAt, withdrawnAt, impossibleAt],
        newest: askedAt)
    ],
    due: [
      Due("この区への依頼が % 件あります", "% tasks are asked of this ward", in: "tasks", own: "toWard", "見る", "Look", for: .relief)
      { look in
        try look.count(
          records, "WHERE to_ward = ?1 AND done_at IS NULL AND withdrawn_at IS NULL AND impossible_at IS NULL",
          [look.ward])
      }
    ])
}
