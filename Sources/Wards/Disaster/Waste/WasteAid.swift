import Causality
import ChangeModel
import Desk

/// 処理支援の要請: lorries, people, room and capacity that a ward asks another for.
enum WasteAid {
  private static let kinds = [
    Choice("収集車", "lorries"), Choice("人員", "people"), Choice("仮置場", "room"), Choice("処理能力(t/日)", "capacity"),
    Choice("し尿収集", "night-soil"),
  ]
  static let toWard = Field.ward(1, "to_ward", of: .second, "要請先の区", "To")
  static let fromWard = Field.ward(2, "from_ward", of: .first, "要請した区", "From")
  static let kind = Field.choice(3, "kind", kinds, "種別", "Kind")
  static let quantity = Field.integer(4, "quantity", 1...1_000_000, "数量", "Quantity")
  static let from = Field.deadline(5, "from_time", "開始", "From")
  static let until = Field.deadline(6, "until_time", "終了", "Until")
  static let note = Field.text(7, "note", 300, "備考", "Note")
  static let askedAt = Field.time(8, "asked_at", "要請日時", "Asked at")
  static let cancelledAt = Field.time(9, "cancelled_at", "取消日時", "Cancelled at")
  static let pledged = Field.integer(10, "pledged", 0...1_000_000, "回答数量", "Pledged")
  static let answeredAt = Field.time(11, "answered_at", "回答日時", "Answered at")
  static let reply = Field.text(12, "reply", 300, "回答", "Reply")

  private static let asks: Set = [
    toWard.number, fromWard.number, kind.number, quantity.number, from.number, until.number, note.number,
    askedAt.number,
    cancelledAt.number,
  ]
  static let records = Records(
    156, "waste_requests", "処理支援の要請", "Request for aid with waste", lane: .supply,
    law: .keptByParties(first: asks, second: [pledged.number, answeredAt.number, reply.number]), reader: .staff,
    fields: [
      fromWard, toWard, kind, quantity, from, until, note, askedAt, cancelledAt, pledged, answeredAt, reply,
    ],
    title: [fromWard, toWard, kind, quantity],
    states: [
      .has(cancelledAt, "cancelled", "取消", "cancelled", .ended),
      State("refused", "不可", "refused", .ended) { request, _ in request[answeredAt] != nil && request[pledged] == 0 },
      .has(answeredAt, "answered", "回答済み", "answered", .done), .otherwise("waiting", "回答待ち", "waiting", .open),
    ])
  private static let standing = Condition.missing(cancelledAt, "取り消された要請です", "cancelled")

  static let service = Service(
    "処理支援の要請", "Aid with waste", records: [records],
    actions: [
      Action(
        "askWasteAid", .new, records, "処理支援を要請する", "Ask for aid with waste", for: .command,
        takes: [toWard.needed, kind.needed, quantity.needed, from.asked, until.asked, note.asked],
        stamps: [.ward(fromWard), .now(askedAt)], row: .made(with: toWard)
      ) { desk, _, _ in
        guard desk.given.text("toWard") != desk.ward else {
          throw Fault.badValue("toWard", ja: "他の区を選んでください", en: "choose another ward")
        }
      },
      Action(
        "answerWasteAid", .step("answer"), records, "支援に回答する", "Answer a request", for: .command,
        takes: [pledged.needed, reply.asked],
        when: [.own(toWard, "要請された区だけが回答できます", "only the asked ward can answer"), standing],
        stamps: [.now(answeredAt)]),
      Action(
        "cancelWasteAid", .step("cancellation"), records, "支援の要請を取り消す", "Cancel a request", for: .command,
        when: [.own(fromWard, "要請した区だけが取り消せます", "only the asking ward can cancel"), standing],
        stamps: [.now(cancelledAt)]),
    ],
    lists: [
      Listing("wasteAid", records, "処理支援の要請", "Aid with waste", filters: [toWard, fromWard], newest: askedAt)
    ])
}
