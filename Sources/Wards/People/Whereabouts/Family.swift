import Causality
import ChangeModel
import Desk
import Federation
import GRDB
import Places
import Replica

/// What a family's card says, in the letters of a QR code: the residents' IDs and nothing else, so that who finds a lost card
/// learns nothing.
public enum FamilyCard {
  public static let prefix = "RENKEI:R:"
  public static let limit = 10

  public static func text(_ ids: [String]) -> String { prefix + ids.joined(separator: ".") }

  /// - Throws: a `Fault` that says which of the IDs is none.
  static func read(_ text: String, _ federation: FederationIdentity) throws -> [RowID] {
    let text = text.precomposedStringWithCompatibilityMapping.uppercased().filter { !$0.isWhitespace }
    let list = (text.hasPrefix(prefix) ? text.dropFirst(prefix.count) : text[...]).split(separator: ".")
    guard !list.isEmpty, list.count <= limit else {
      throw Fault.badValue("card", ja: "家族カードではありません", en: "not a family's card")
    }
    let ids = try list.map { id in
      do { return try ResidentID.row(String(id)) { federation.index(ofWard: $0) } } catch {
        throw Fault.badValue(
          "card", ja: "住民IDを読めません: \(id)。もう一度読み取ってください", en: "not a resident's ID: \(id); scan again")
      }
    }
    return ids.reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
  }
}

/// A household: who belongs to it, where each is, and how; and its check-in by one card.
public enum Family {
  static let indexes = ["CREATE INDEX IF NOT EXISTS residents_household ON residents (household)"]

  /// Those who live with a resident, oldest first. Somebody who must not be found is in nobody's family.
  private static func members(of own: RowValues, _ db: Database) throws -> [RowValues] {
    guard own.integer("guarded") != 1, let household = own.text("household"), !household.isEmpty,
      let ward = own.id.made?.author.ward
    else { return [own] }
    return try RowValues.all(
      RegistrySchema.residents,
      "WHERE household = ?1 AND id >> 53 = ?2 AND guarded IS NULL ORDER BY coalesce(birth, '9'), id LIMIT 50",
      [household, Int64(ward)], db)
  }

  /// Where somebody is now, by the registers.
  static func present(_ resident: RowID, _ db: Database) throws -> RowValues? {
    try RowValues.all(
      PeopleSchema.stays,
      "WHERE resident = ? AND left_at IS NULL AND guarded IS NULL ORDER BY arrived_at DESC, id DESC LIMIT 1",
      [resident.rawValue], db
    ).first
  }

  public static let endpoints: [Endpoint] = [
    .read(
      "family", "/residents/{id}/family", "Who lives with a resident, where each is, and how; and the family's card.",
      [Purpose.field], of: "residents"
    ) { inquiry, db in
      guard let own = try RowValues.fetch(inquiry.row!, RegistrySchema.residents, db),
        inquiry.isOwn(own.id) || own.integer("guarded") != 1
      else { throw Fault.notFound("id") }
      let members = try members(of: own, db)
      var subjects = members.map(\.id)
      let list = try members.map { member -> JSON in
        guard case .object(var view) = Residents.view(member, inquiry) else { return .null }
        let ids = try Identities.union(of: member.id, db)
        // An ID of the same person may be one that must not be found.
        guard
          try member.integer("guarded") == 1
            || !ids.contains(where: { try Residents.isGuarded($0, of: inquiry.wardIndex, db) })
        else { return .object(view) }
        if let stay = try ids.compactMap({ try present($0, db) }).max(by: {
          ($0.integer("arrived_at") ?? 0, $0.id) < ($1.integer("arrived_at") ?? 0, $1.id)
        }) {
          view["shelter"] = JSON(stay.row("shelter").map { "\($0)" })
          view["arrivedAt"] = JSON(stay.integer("arrived_at"))
          if !inquiry.isOwn(stay.id) { subjects.append(stay.id) }
        }
        if let verdict = Safety.judge(try Safety.reports(on: ids, db)) {
          view["safety"] = JSON(verdict.shown.text("status"))
          subjects += ([verdict.shown] + verdict.disagreeing).map(\.id)
        }
        return .object(view)
      }
      let ids = members.compactMap { Residents.text($0.id, inquiry) }
      let cards = stride(from: 0, to: ids.count, by: FamilyCard.limit).map {
        JSON.text(FamilyCard.text(Array(ids[$0..<min($0 + FamilyCard.limit, ids.count)])))
      }
      return Seen(
        ["members": .list(list), "cards": .list(cards)], subjects: subjects.filter { !inquiry.isOwn($0) })
    },
    .write(
      "checkInFamily", "/shelters/{id}/families",
      "Enter all whom a family's card names, at once; who is in the register already is left as is.",
      [FormField("card", .text(400), required: true, ja: "家族カード", en: "Family's card"), Purpose.field],
      of: "shelters", makes: true
    ) { desk in
      let (shelter, place) = try ShelterWork.own(desk)
      guard ShelterWork.isOpen(place) else { throw ShelterWork.notOpen }
      let residents = try FamilyCard.read(desk.given.text("card")!, desk.inquiry.identity.federation)
      // Of this ward's own IDs, one without a record here was protected meanwhile, or has not come yet.
      let known = try residents.filter { resident in
        try !desk.inquiry.isOwn(resident)
          || desk.read { try RowValues.fetch(resident, RegistrySchema.residents, $0) } != nil
      }
      guard !known.isEmpty else { throw Fault.notFound("card") }
      let new = try known.filter { resident in
        try desk.read {
          try RowValues.all(
            PeopleSchema.stays, "WHERE resident = ?1 AND shelter = ?2 AND left_at IS NULL LIMIT 1",
            [resident.rawValue, shelter.rawValue], $0)
        }.isEmpty
      }
      guard !new.isEmpty else {
        throw Fault.refused("card", ja: "この家族は全員受付済みです", en: "all of this family are checked in already")
      }
      var draft = Draft(.life)
      let rows = try new.map { resident in
        var given = desk.given
        given.values["resident"] = .integer(resident.rawValue)
        return try Stays.enter(given, in: shelter, desk, &draft)
      }
      let inquiry = desk.inquiry
      return Written([draft], about: rows + new) { db in
        [
          "stays": .list(try rows.map { try Stays.answer($0, inquiry)(db) }),
          "already": .integer(Int64(known.count - new.count)),
          "unknown": .list(residents.filter { !known.contains($0) }.map { JSON(Residents.text($0, inquiry)) }),
        ]
      }
    },
  ]
}
