import ChangeModel
import Desk

/// How a shelter's status changes, by whichever button: it is closed when nobody is there by either count, with reason and time.
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
    let (row, _) = try desk.subject(records)
    if !desk.given.flag("evenWithPeople") { try mustBeEmpty(row, "evenWithPeople", desk) }
    var draft = records.draft()
    draft.edit(
      records, row,
      [Shelter.status.set(.closed)] + closing(desk.given.text("reason")!, desk))
    return Written([draft], about: [row]) { look in try look.answer(row, records) }
  }

  /// - Throws: when anybody is still there, by the desk's count or by the register.
  static func mustBeEmpty(_ shelter: RowID, _ field: String, _ desk: Desk) throws {
    let people = try desk.read { try HeadCount.of(shelter, ward: desk.ward, $0) }.people
    guard people <= 0 else {
      throw Fault.refused(
        field, ja: "まだ \(people) 人いることになっています。移動または人数の訂正をしてください",
        en: "\(people) people are counted there; move them or correct the count")
    }
  }

  /// What a form that gives a status writes beside it. Its note is the reason of a closing.
  ///
  /// - Parameter shelter: nil for a new one.
  static func edits(_ shelter: RowValues?, _ desk: Desk) throws -> [FieldEdit] {
    guard let status = desk.given.text("status").flatMap(ShelterStatus.init(rawValue:)),
      status != shelter?[Shelter.status]
    else { return [] }
    switch status {
    case .closed, .notOpen:
      if let shelter {
        guard shelter[Shelter.ward] == nil || shelter[Shelter.ward] == desk.ward else {
          throw Fault(.forbidden, field: "status", ja: "他区の避難所です", en: "another ward's shelter")
        }
        try mustBeEmpty(shelter.id, "status", desk)
      }
      guard status == .closed else { return [] }
      return closing(desk.given.text("note") == nil ? "理由の記入なし(\(desk.inquiry.user.name))" : nil, desk)
    case .open, .permanent:
      guard shelter.map(Shelters.isOpen) != true else { return [] }
      return [Shelter.openedAt.set(desk.enteredAt), Shelter.closedAt.set(nil)]
    case .unknown, .other: return []
    }
  }

  private static func closing(_ reason: String?, _ desk: Desk) -> [FieldEdit] {
    [Shelter.closedAt.set(desk.enteredAt)] + (reason.map { [Shelter.notes.append("閉鎖: \($0)")] } ?? [])
  }
}
