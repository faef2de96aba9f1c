import Causality
import ChangeModel
import Desk
import Federation
import GRDB
import Places

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
  private static let limit = 50

  /// Those who live with a resident, oldest first: of one household and one address, or confirmed by a clerk. The same word in
  /// "household" alone makes nobody a family: two families may be called 山田. Somebody who must not be found is in nobody's
  /// family.
  private static func members(of own: RowValues, _ db: Database) throws -> [RowValues] {
    guard own[Resident.guarded] != true, let ward = own.id.made?.author.ward else { return [own] }
    var found = [own.id: own]
    var next = [own]
    while let one = next.popLast(), found.count < limit {
      let root = one[Resident.familyOf] ?? one.id
      let others = try RowValues.all(
        Resident.records,
        """
        WHERE id >> 53 = ?1 AND guarded IS NULL
          AND (household = ?2 AND address_key = ?3 AND household <> '' AND address_key <> '' OR family_of = ?4 OR id = ?4)
        ORDER BY id LIMIT \(limit)
        """, [Int64(ward), one[Resident.household], one[Resident.addressKey], root.rawValue], db)
      for other in others where found.updateValue(other, forKey: other.id) == nil { next.append(other) }
    }
    return found.values.sorted { ($0[Resident.birth] ?? "9", $0.id) < ($1[Resident.birth] ?? "9", $1.id) }
      .prefix(limit).map(\.self)
  }

  /// Those of whom the household's word says that they may belong to a family, and nobody has confirmed it.
  private static func candidates(_ family: [RowValues], _ own: RowValues, _ db: Database) throws -> [RowValues] {
    guard own[Resident.guarded] != true, let household = own[Resident.household], !household.isEmpty,
      let ward = own.id.made?.author.ward
    else { return [] }
    let known = Set(family.map(\.id))
    return try RowValues.all(
      Resident.records, "WHERE household = ?1 AND id >> 53 = ?2 AND guarded IS NULL ORDER BY id LIMIT 100",
      [household, Int64(ward)], db
    ).filter { !known.contains($0.id) }
  }

  private static let confirm = Endpoint.write(
    "confirmFamily", Resident.records.path + "/{id}/family", "家族に加える", "Confirm a family", for: .people,
    "Say that a resident belongs to another's family, or does not any longer: households of one name may be several families.",
    [
      FormField("member", .row(Resident.records.name), required: true, ja: "家族の住民ID", en: "Who belongs to it"),
      FormField("apart", .flag, ja: "家族から外す", en: "Does not belong to it any longer"),
    ], of: Resident.records, when: Residents.ours, answers: .row(Resident.records, and: Residents.members)
  ) { desk in
    let (row, own, audience) = try Residents.subject(desk)
    let member = try desk.find(desk.given.row("member")!, in: Resident.records, "member")
    guard member.id != row else { throw Fault.badValue("member", ja: "本人です", en: "is the same person") }
    guard desk.inquiry.isOwn(member.id), own[Resident.guarded] != true, member[Resident.guarded] != true else {
      throw Fault.refused(
        "member", ja: "自区の住民で、所在を知らせない人でないことが必要です", en: "must be of this ward, and not one who must not be found")
    }
    var draft = Resident.records.draft()
    if desk.given.flag("apart") {
      draft.edit(Resident.records, member.id, [Resident.familyOf.set(nil)], for: audience)
    } else {
      let root = own[Resident.familyOf] ?? row
      // With whoever was confirmed to be of the member's own family.
      let followers = try desk.read {
        try RowValues.all(
          Resident.records, "WHERE family_of = ? AND id <> ? LIMIT \(limit)", [member.id.rawValue, root.rawValue], $0)
      }
      for one in [member.id] + followers.map(\.id) where one != root {
        draft.edit(Resident.records, one, [Resident.familyOf.set(root)], for: audience)
      }
    }
    return Written([draft], about: [row, member.id]) { look in
      guard let member = try RowValues.fetch(member.id, Resident.records, look.db) else {
        throw Fault.notFound("member")
      }
      return try Residents.view(member, &look)
    }
  }

  private static func view(_ member: RowValues, _ look: inout Look) throws -> JSON {
    guard case .object(var members) = try Residents.view(member, &look) else { return .null }
    let ids = try Identities.union(of: member.id, look.db)
    // An ID of the same person may be one that must not be found.
    guard try member[Resident.guarded] == true || !Identities.areGuarded(ids, look) else { return .object(members) }
    let stay = try Whereabouts.of(ids, look)
    if let stay {
      look.saw(stay, of: stay[Stay.resident])
      members["shelter"] = JSON(stay[Stay.shelter].map { "\($0)" })
      members["arrivedAt"] = JSON(stay[Stay.arrivedAt]?.milliseconds)
    }
    let verdict = Safety.judge(try Safety.reports(on: ids, look.db))
    if verdict != nil || stay != nil {
      // Which report stands follows from those that it stands against.
      for report in verdict.map({ [$0.shown] + $0.disagreeing }) ?? [] { look.saw(report) }
      members["safety"] = try Safety.standing(verdict, present: stay, &look)["status"]
    }
    return .object(members)
  }

  private static let one = Endpoint.read(
    "family", Resident.records.path + "/{id}/family", "家族", "Family", for: .people,
    "Who lives with a resident, where each is, and how; and the family's card.", [Purpose.field],
    of: Resident.records,
    answers: .rows(
      "members", Resident.records,
      and: [
        Shown.residentID, Shown.ward, Shown.shelter, Shown.arrivedAt,
        .init("safety", Safety.status.shape!, "安否", "Safety"),
      ],
      beside: [
        .init("cards", .list(.text(400), 5), "家族カード", "The family's cards"),
        .init(
          "candidates", .objects(.row(Resident.records, and: Residents.members)), "同じ世帯名の人(家族か確かめてください)",
          "Of the same household's name: ask whether they are family"),
      ])
  ) { look in
    guard let own = try Residents.reached(look) else { throw Fault.notFound("id") }
    let members = try members(of: own, look.db).filter { try look.maySee($0, Resident.records) }
    let ids = members.compactMap { Residents.text($0.id, look.inquiry) }
    let cards = stride(from: 0, to: ids.count, by: FamilyCard.limit).map {
      JSON.text(FamilyCard.text(Array(ids[$0..<min($0 + FamilyCard.limit, ids.count)])))
    }
    return [
      "members": .list(try members.map { try view($0, &look) }), "cards": .list(cards),
      "candidates": .list(
        try candidates(members, own, look.db).filter { try look.maySee($0, Resident.records) }.map {
          try Residents.view($0, &look)
        }),
    ]
  }

  // MARK: By card

  private static let checkIn = Endpoint.write(
    "checkInFamily", Shelter.records.path + "/{id}/families", "家族カードで受付する", "Check in by card", for: .relief,
    "Enter all whom a family's card names, at once; who is in the register already is left as is.",
    [FormField("card", .text(400), required: true, ja: "家族カード", en: "Family's card"), CheckIn.counted, Purpose.field],
    of: Shelter.records, when: [Shelters.own, Shelters.open], makes: true,
    answers: .members([
      Shown.stays, .init("already", .integer(Numbers.people), "受付済み", "In already"),
      .init("unknown", .list(.text(20), FamilyCard.limit), "登録のない住民ID", "IDs without a record"),
    ])
  ) { desk in
    let (shelter, _) = try desk.subject(Shelter.records)
    let residents = try FamilyCard.read(desk.given.text("card")!, desk.inquiry.identity.federation)
    // Of this ward's own IDs, one without a record here was protected meanwhile, or has not come yet.
    let known = try residents.filter { resident in
      try !desk.inquiry.isOwn(resident) || desk.read { try RowValues.fetch(resident, Resident.records, $0) } != nil
    }
    guard !known.isEmpty else { throw Fault.notFound("card") }
    let new = try known.filter { resident in
      try desk.read {
        try RowValues.all(
          Stay.records, "WHERE resident = ?1 AND shelter = ?2 AND left_at IS NULL LIMIT 1",
          [resident.rawValue, shelter.rawValue], $0)
      }.isEmpty
    }
    guard !new.isEmpty else {
      throw Fault.refused("card", ja: "この家族は全員受付済みです", en: "all of this family are checked in already")
    }
    var draft = Stay.records.draft()
    let rows = try new.map { resident in
      var given = desk.given
      given.values[Stay.resident.name] = .integer(resident.rawValue)
      return try CheckIn.enter(given, in: shelter, desk, &draft)
    }
    let count = try CheckIn.count(desk.given.flag("counted") ? Int64(rows.count) : 0, in: shelter, desk)
    return Written([draft] + count, about: rows + new) { look in
      [
        "stays": .list(try rows.map { try Stays.answer($0, &look) }),
        "already": .integer(Int64(known.count - new.count)),
        "unknown": .list(residents.filter { !known.contains($0) }.map { JSON(Residents.text($0, look.inquiry)) }),
      ]
    }
  }.queued

  static let endpoints = [one, confirm, checkIn]
}
