import ChangeModel
import Desk
import GRDB
import Places
import Replica

/// Closing a shelter: it asks the register as well as the counter whether anybody is still there.
public enum ShelterClosing {
  public static let endpoints: [Endpoint] = [
    .write(
      "closeShelter", "/shelters/{id}/closing", "Close a shelter of this ward.",
      [
        FormField("reason", .text(500), required: true, ja: "理由", en: "Reason"),
        FormField("evenWithPeople", .flag, ja: "避難者がいても閉鎖する", en: "Close it though people are counted there"),
      ], of: "shelters"
    ) { desk in
      let (row, values) = try ShelterWork.own(desk)
      // By either count: the desk's, and the register's.
      let present = try desk.read {
        try Int64.fetchOne(
          $0, sql: "SELECT count(*) FROM stays WHERE shelter = ? AND left_at IS NULL", arguments: [row.rawValue])
      }
      let people = max(values.integer("occupancy") ?? 0, present ?? 0)
      guard people <= 0 || desk.given.flag("evenWithPeople") else {
        throw Fault.refused(
          "evenWithPeople", ja: "まだ \(people) 人いることになっています。移動または人数の訂正をしてください",
          en: "\(people) people are counted there; move them or correct the count")
      }
      typealias Field = ShelterSchema.Field
      var draft = Draft(.life)
      draft.edit(
        ShelterSchema.shelters, row,
        [
          FieldEdit(Field.status, .set(.text(ShelterStatus.closed.rawValue))),
          FieldEdit(Field.closedAt, .set(.integer(desk.now.milliseconds))),
          FieldEdit(Field.notes, .append(.text("閉鎖: \(desk.given.text("reason")!)"))),
        ])
      return Written([draft], about: [row], answer: ShelterWork.answer(row, ShelterSchema.shelters))
    }
  ]
}
