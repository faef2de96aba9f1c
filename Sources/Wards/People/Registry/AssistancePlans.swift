import ChangeModel
import Desk
import GRDB

/// Who needs help to flee, with the plan and the supporters.
enum AssistancePlans {
  private static let records = AssistancePlan.records
  private static let path = Resident.records.path + "/{id}/assistance"

  static func of(_ resident: RowID, _ db: Database) throws -> RowValues? {
    try RowValues.all(records, "WHERE resident = ? ORDER BY id LIMIT 1", [resident.rawValue], db).first
  }

  /// Whose plan it is stands in the trail, not which row bears it.
  private static func answer(_ resident: RowID, _ look: inout Look) throws -> JSON {
    guard let plan = try of(resident, look.db) else { throw Fault.notFound("id") }
    var members = look.show(plan, of: resident)
    members["conflicts"] = try RowValues.conflicts(of: plan.id, records, look.db)
    return .object(members)
  }

  private static let form = [
    AssistancePlan.grounds.asked, AssistancePlan.plan.asked, AssistancePlan.supporters.asked,
    AssistancePlan.destination.asked, AssistancePlan.transport.asked, AssistancePlan.equipment.asked,
    AssistancePlan.contact.asked, AssistancePlan.agreed.asked, AssistancePlan.evacuatedAt.asked,
  ]

  private static let plan = Endpoint.write(
    "planAssistance", path, "避難支援を計画する", "Plan assistance", for: .people,
    "Enter a resident in the list of those who need help to flee, with the plan and the supporters.", form,
    of: Resident.records, when: Residents.ours, answers: .row(records)
  ) { desk in
    let (resident, values, _) = try Residents.subject(desk)
    let known = try desk.read { try of(resident, $0) }
    let row = try known?.id ?? desk.newRow()
    var edits = desk.given.edits(form.map(\.name), of: records, standing: known)
    if known == nil { edits.append(AssistancePlan.resident.set(resident)) }
    guard !edits.isEmpty else { throw Fault.badValue("", ja: "変更する項目がありません", en: "nothing to change") }
    var draft = records.draft()
    draft.edit(
      records, row, edits, for: .ward(desk.wardIndex, values[Resident.guarded] == true ? .protected : .care))
    return Written([draft], about: [resident]) { look in try answer(resident, &look) }
  }.changing(of).often(3)

  private static let one = Endpoint.read(
    "assistance", path, "避難支援", "Assistance", for: .people, "What help a resident needs to flee.", [Purpose.field],
    of: Resident.records, answers: .row(records)
  ) { look in
    let resident = look.inquiry.row!
    guard let plan = try of(resident, look.db), try look.maySee(plan, records) else { throw Fault.notFound("id") }
    return try answer(resident, &look)
  }

  static let endpoints = [plan, one]
}
