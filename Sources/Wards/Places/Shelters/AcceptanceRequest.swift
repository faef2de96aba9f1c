import Causality
import ChangeModel
import Desk

/// 受入要請: one ward asks another to take people in.
public enum AcceptanceRequest {
  public static let fromWard = Field.ward(1, "from_ward", of: .first, "要請した区", "Asking ward")
  public static let toWard = Field.ward(2, "to_ward", of: .second, "要請先の区", "Asked ward")
  public static let fromShelter = Field.row(3, "from_shelter", of: "shelters", "要請元の避難所", "From shelter")
  public static let people = Field.integer(4, "people", 1...1_000_000, "人数", "People")
  public static let needs = SetField(5, "needs", of: .choice(PeopleWords.needs), atMost: 20, "配慮が必要なこと", "Needs")
  public static let note = Field.text(6, "note", 500, "備考", "Note")
  public static let askedAt = Field.time(7, "asked_at", "要請日時", "Asked at")
  public static let answer = Field<Acceptance>.word(8, "answer", "回答", "Answer")
  public static let accepted = Field.integer(9, "accepted", 0...1_000_000, "受入人数", "Accepted")
  public static let toShelter = Field.row(10, "to_shelter", of: "shelters", "受入先の避難所", "To shelter")
  public static let answeredAt = Field.time(11, "answered_at", "回答日時", "Answered at")
  public static let cancelledAt = Field.time(12, "cancelled_at", "取消日時", "Cancelled at")

  private static let answers: Set = [answer.number, accepted.number, toShelter.number, answeredAt.number]
  private static let asks: Set = [
    fromWard.number, toWard.number, fromShelter.number, people.number, needs.number, note.number, askedAt.number,
    cancelledAt.number,
  ]

  public static let records = Records(
    52, "acceptance_requests", "受入れの要請", "Request to take people in", path: "/acceptance", lane: .life,
    law: .keptByParties(first: asks, second: answers),
    reader: .staff,
    fields: [
      fromWard, toWard, fromShelter, people, needs, note, askedAt, answer, accepted, toShelter, answeredAt, cancelledAt,
    ],
    title: [fromWard, toWard, people],
    states: [
      .has(cancelledAt, "cancelled", "取消", "cancelled", .ended),
      State("refused", "受入不可", "refused", .ended) { record, _ in record[answer] == .no },
      .has(answer, "answered", "回答済み", "answered", .done),
      .otherwise("waiting", "回答待ち", "waiting for an answer", .open),
    ])

  private static let standing = Condition.missing(cancelledAt, "取り消された要請です", "the request was cancelled")

  public static let service = Service(
    "受入れの要請", "Taking people in", records: [records],
    actions: [
      Action(
        "askAcceptance", .new, records, "受入れを要請する", "Ask a ward to take people in", for: .relief,
        takes: [toWard.needed, people.needed, fromShelter.asked, needs.asked, note.asked],
        stamps: [.ward(fromWard), .now(askedAt)], row: .made(with: toWard)
      ) { desk, _, _ in
        guard desk.given.text("toWard") != desk.ward else {
          throw Fault.badValue("toWard", ja: "他の区を選んでください", en: "choose another ward")
        }
        if let shelter = desk.given.row("fromShelter") {
          _ = try desk.find(shelter, in: Shelter.records, "fromShelter")
        }
      }.often(2),
      Action(
        "answerAcceptance", .step("answer"), records, "受入れに回答する", "Answer a request", for: .relief,
        takes: [answer.needed, accepted.asked, toShelter.asked],
        when: [.own(toWard, "要請された区だけが回答できます", "only the asked ward can answer"), standing],
        stamps: [.now(answeredAt)]
      ) { desk, record, edits in
        if let shelter = desk.given.row("toShelter") { try Shelters.mustBeOwn(shelter, "toShelter", desk) }
        let asked = record?[people] ?? 0
        switch desk.given.text("answer").flatMap(Acceptance.init(rawValue:)) {
        case .no: edits.append(accepted.set(0))
        case .partly:
          guard let part = desk.given.integer("accepted"), part > 0, part < asked else {
            throw Fault.badValue(
              "accepted", ja: "受け入れる人数(要請より少ない数)を入れてください", en: "say how many, fewer than were asked for")
          }
        default: edits.append(accepted.set(asked))
        }
      }.often(2),
      Action(
        "cancelAcceptance", .step("cancellation"), records, "要請を取り消す", "Cancel a request", for: .relief,
        when: [.own(fromWard, "要請した区だけが取り消せます", "only the asking ward can cancel"), standing],
        stamps: [.now(cancelledAt)]),
    ],
    lists: [
      Listing("acceptance", records, "受入れの要請", "Acceptance requests", filters: [toWard, fromWard], newest: askedAt)
    ],
    due: [
      Due(
        "受入れの要請が % 件、回答を待っています", "% requests to take people in wait for an answer", in: "acceptance", own: "toWard",
        "見る", "Look",
        for: .relief
      ) {
        look in
        try look.count(records, "WHERE to_ward = ?1 AND answer IS NULL AND cancelled_at IS NULL", [look.ward])
      }
    ])
}

/// How a ward answers when it is asked to take people in.
public enum Acceptance: String, Word {
  case yes = "受入可"
  case partly = "一部受入可"
  case no = "受入不可"

  public var code: String {
    switch self {
    case .yes: "yes"
    case .partly: "partly"
    case .no: "no"
    }
  }
}
