import Causality
import ChangeModel
import Desk

/// リエゾン: who of the ward's staff sits at another body, and how one reaches them there.
enum Liaison {
  static let post = Field.text(1, "post", 120, "職・氏名", "Post and name")
  static let phone = Field.text(2, "phone", 60, "電話番号", "Phone")
  static let place = Field.text(3, "place", 200, "派遣先", "Where")
  static let from = Field.deadline(4, "from_time", "開始", "From")
  static let until = Field.deadline(5, "until_time", "終了", "Until")
  static let arrivedAt = Field.time(6, "arrived_at", "到着日時", "Arrived at")
  static let leftAt = Field.time(7, "left_at", "帰任日時", "Left at")

  static let records = Records(
    111, "liaisons", "リエゾン", "Liaison", lane: .life, law: .keptByMaker, reader: .staff,
    fields: [place, post, phone, from, until, arrivedAt, leftAt] + Told.fields, title: [place, post],
    states: [
      .has(leftAt, "back", "帰任", "back", .done), .has(arrivedAt, "there", "着任", "there", .underWay),
      .otherwise("sent", "派遣中", "on the way", .open),
    ])

  private static let away = Condition.missing(leftAt, "帰任しています", "is back")

  static let service = Service(
    "リエゾン", "Liaisons", records: [records],
    actions: [
      Action(
        "sendLiaison", .new, records, "リエゾンを出す", "Send a liaison", for: .command,
        takes: [place.needed, post.needed, phone.asked, from.asked, until.asked], stamps: Told.stamps),
      Action(
        "changeLiaison", .change, records, "リエゾンを直す", "Change a liaison", for: .command,
        takes: [place.asked, post.asked, phone.asked, from.asked, until.asked], when: [Told.own, away]),
      Action(
        "liaisonArrived", .step("arrival"), records, "着任を記録する", "Record the arrival", for: .command,
        when: [Told.own, away, .missing(arrivedAt, "着任しています", "is there")], stamps: [.now(arrivedAt)]),
      Action(
        "liaisonBack", .step("return"), records, "帰任を記録する", "Record the return", for: .command,
        when: [Told.own, away], stamps: [.now(leftAt)]),
    ],
    lists: [
      Listing("liaisons", records, "リエゾン", "Liaisons", filters: [Told.ward], open: [leftAt], newest: Told.at)
    ])
}
