import ChangeModel
import Desk
import GRDB
import Replica

/// Somebody who, from now on, must not be found: the record and all that this ward wrote about the person moves under a key
/// that no declaration opens, with a new ID.
public enum Protection {
  /// More of one person's records than this are no single person's.
  private static let limit = 200

  public static let endpoints: [Endpoint] = [
    .write(
      "protectResident", "/residents/{id}/protection",
      """
      Somebody who must not be found: the record, with stays, reports, inquiries and plan, moves under a key that no \
      declaration opens, with a new ID. What was entered before stays in the log under the ward's ordinary key; who \
      registers with `guarded` is never under it.
      """,
      of: "residents", makes: true
    ) { desk in
      let (row, values, audience) = try Residents.own(desk)
      guard values.integer("guarded") != 1 else {
        throw Fault.refused("id", ja: "すでに保護されています", en: "protected already")
      }
      let protected = Audience.ward(desk.wardIndex, .protected)
      let new = try desk.newRow()
      var registry = Draft(.registry)
      let guarded = RegistrySchema.residents.field(named: "guarded")!.number
      registry.edit(
        RegistrySchema.residents, new, values.copy(except: ["guarded"]) + [FieldEdit(guarded, .set(.integer(1)))],
        for: protected)
      registry.delete(RegistrySchema.residents, row, for: audience)
      // What other wards were told is taken back.
      for told in try desk.read({ try Residents.disclosures(of: row, $0) }) {
        guard let consent = told.row("consent"),
          let ward = try desk.read({ try RowValues.fetch(consent, RegistrySchema.consents, $0)?.text("ward") }),
          let index = desk.inquiry.identity.federation.index(ofWard: ward)
        else { continue }
        registry.delete(RegistrySchema.disclosures, told.id, for: .told(by: desk.wardIndex, to: index))
      }
      if let plan = try desk.read({ try Residents.assistance(of: row, $0) }), desk.inquiry.isOwn(plan.id) {
        try move(plan, to: new, from: .ward(desk.wardIndex, .care), &registry, desk)
      }
      var life = Draft(.life)
      for collection in [PeopleSchema.stays, PeopleSchema.safety, PeopleSchema.inquiries] {
        let rows = try desk.read {
          try RowValues.all(collection, "WHERE resident = ? ORDER BY id LIMIT \(limit)", [row.rawValue], $0)
        }
        for values in rows where desk.inquiry.isOwn(values.id) && values.integer("guarded") != 1 {
          try move(values, to: new, from: .ward(desk.wardIndex, .identity), &life, desk)
        }
      }
      return Written([registry, life], about: [row], answer: Residents.answer(new, desk.inquiry))
    }
  ]

  /// Writes a row again under the protected key, of the new ID, and deletes the old one.
  private static func move(
    _ values: RowValues, to resident: RowID, from audience: Audience, _ draft: inout Draft, _ desk: Desk
  ) throws {
    let collection = values.collection
    var edits = values.copy(except: ["resident", "guarded"])
    edits.append(FieldEdit(collection.field(named: "resident")!.number, .set(.integer(resident.rawValue))))
    if let guarded = collection.field(named: "guarded") { edits.append(FieldEdit(guarded.number, .set(.integer(1)))) }
    draft.edit(collection, try desk.newRow(), edits, for: .ward(desk.wardIndex, .protected))
    draft.delete(collection, values.id, for: audience)
  }
}
