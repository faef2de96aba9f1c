import Desk
import GRDB
import Places

/// Closing a shelter: it asks the register as well as the counter whether anybody is still there.
enum ShelterClosing {
  private static let records = Shelter.records

  static let endpoint = Endpoint.write(
    "closeShelter", records.path + "/{id}/closing", "閉鎖する", "Close the shelter", for: .relief,
    "Close a shelter of this ward.",
    [
      FormField("reason", .text(500), required: true, ja: "理由", en: "Reason"),
      FormField("evenWithPeople", .flag, ja: "避難者がいても閉鎖する", en: "Close it though people are counted there"),
    ], of: records,
    when: [
      Shelters.own,
      Condition(.refused, "すでに閉鎖されています", "is closed already") { shelter, _ in shelter[Shelter.status] != .closed },
    ], answers: .row(records)
  ) { desk in
    let (row, shelter) = try desk.subject(records)
    // By either count: the desk's, and the register's.
    let present = try desk.read {
      try Int64.fetchOne(
        $0, sql: "SELECT count(*) FROM stays WHERE shelter = ? AND left_at IS NULL", arguments: [row.rawValue])
    }
    let people = max(shelter[Shelter.occupancy], present ?? 0)
    guard people <= 0 || desk.given.flag("evenWithPeople") else {
      throw Fault.refused(
        "evenWithPeople", ja: "まだ \(people) 人いることになっています。移動または人数の訂正をしてください",
        en: "\(people) people are counted there; move them or correct the count")
    }
    var draft = records.draft()
    draft.edit(
      records, row,
      [
        Shelter.status.set(.closed), Shelter.closedAt.set(desk.enteredAt),
        Shelter.notes.append("閉鎖: \(desk.given.text("reason")!)"),
      ])
    return Written([draft], about: [row]) { look in try look.answer(row, records) }
  }
}
