import ChangeModel
import Desk
import GRDB
import Replica

/// Somebody who, from now on, must not be found: the record and all that this ward wrote about the person moves under a key
/// that no declaration opens, with a new ID.
enum Protection {
  /// More of one person's records than this are no single person's.
  private static let limit = 200

  static let endpoint = Endpoint.write(
    "protectResident", Resident.records.path + "/{id}/protection", "所在を秘匿する", "Protect a person", for: .welfare,
    """
    Somebody who must not be found: the record, with stays, reports, inquiries and plan, moves under a key that no \
    declaration opens, with a new ID. What was entered before stays in the log under the ward's ordinary key; who \
    registers with `guarded` is never under it.
    """,
    of: Resident.records,
    when: Residents.ours + [
      Condition(.refused, "すでに保護されています", "protected already") { resident, _ in
        resident[Resident.guarded] != true
      }
    ], makes: true,
    warning: Words(
      "この人は新しいIDになり、ほかの区にもこの区の検索にも出なくなります。元には戻せません。",
      "The person gets a new ID and is found by nobody any more, in this ward neither. It cannot be undone."),
    answers: .members([
      .init("id", .row(Resident.records.name), "番号", "ID"), Shown.residentID, Shown.ward,
      Shown.column(Resident.guarded),
    ])
  ) { desk in
    let (row, resident, audience) = try Residents.subject(desk)
    let new = try desk.newRow()
    var registry = Draft(.registry)
    registry.edit(
      Resident.records, new,
      resident.copy(except: Shown.columns(Resident.guarded)) + [Resident.guarded.set(true)],
      for: .ward(desk.wardIndex, .protected))
    registry.delete(Resident.records, row, for: audience)
    try takeBack(row, &registry, desk)
    if let plan = try desk.read({ try AssistancePlans.of(row, $0) }), desk.inquiry.isOwn(plan.id) {
      try move(plan, AssistancePlan.records, [AssistancePlan.resident.set(new)], .care, &registry, desk)
    }
    var life = Draft(.life)
    for (records, edits) in [
      (Stay.records, [Stay.resident.set(new), Stay.guarded.set(true)]),
      (SafetyReport.records, [SafetyReport.resident.set(new)]),
      (SafetyInquiry.records, [SafetyInquiry.resident.set(new)]),
    ] {
      let rows = try desk.read {
        try RowValues.all(records, "WHERE resident = ? ORDER BY id LIMIT \(limit)", [row.rawValue], $0)
      }
      for values in rows where desk.inquiry.isOwn(values.id) && !isProtected(values) {
        try move(values, records, edits, .identity, &life, desk)
      }
    }
    let further = try registers(of: row, to: new, desk) + OwnItems.moving(row, to: new, desk)
    // The trail, which every ward reads, must not name the old ID and the new one together: nothing of the record is shown.
    return Written([registry, life] + further, about: [row]) { look in
      [
        "id": .text("\(new)"), "residentId": JSON(Residents.text(new, look.inquiry)), "ward": .text(look.ward),
        "guarded": true,
      ]
    }
  }.byTwo

  /// What registers that wards designed themselves say of the person: moved likewise, whatever they are. A collection with lines that are
  /// only added to cannot be: a case's own rule is `guarded`.
  private static func registers(of person: RowID, to new: RowID, _ desk: Desk) throws -> [Draft] {
    let named = desk.collections(naming: Resident.records).filter(\.records.takesMoving)
    return try named.compactMap { records, field in
      let column = records.schema.field(field)!.name
      let rows = try desk.read {
        try RowValues.all(records, "WHERE \"\(column)\" = ? ORDER BY id", [person.rawValue], $0)
      }.filter { $0.id.ward == desk.wardIndex }
      guard !rows.isEmpty else { return nil }
      var draft = records.draft()
      for values in rows {
        try move(values, records, [FieldEdit(field, .set(new.value))], .identity, &draft, desk)
      }
      return draft
    }
  }

  /// A stay that is under that key already.
  private static func isProtected(_ values: RowValues) -> Bool {
    values.collection.number == Stay.records.number && values[Stay.guarded] == true
  }

  /// What other wards were told is taken back.
  private static func takeBack(_ resident: RowID, _ draft: inout Draft, _ desk: Desk) throws {
    for told in try desk.read({ try Residents.disclosures(of: resident, $0) }) {
      guard let consent = told[Disclosure.consent],
        let ward = try desk.read({ try RowValues.fetch(consent, Consent.records, $0)?[Consent.ward] }),
        let index = desk.inquiry.identity.federation.index(ofWard: ward)
      else { continue }
      draft.delete(Disclosure.records, told.id, for: .told(by: desk.wardIndex, to: index))
    }
  }

  /// Writes a row again under the protected key, with `edits` that say whose it is now, and deletes the old one.
  private static func move(
    _ values: RowValues, _ records: Records, _ edits: [FieldEdit], _ confidence: Confidence, _ draft: inout Draft,
    _ desk: Desk
  ) throws {
    let said = Set(edits.map(\.field))
    let left = Set(records.fields.filter { said.contains($0.number) }.map(\.schema.name))
    draft.edit(
      records, try desk.newRow(), values.copy(except: left) + edits, for: .ward(desk.wardIndex, .protected))
    draft.delete(records, values.id, for: .ward(desk.wardIndex, confidence))
  }
}
