import ChangeModel
import Desk
import GRDB

/// Looking for somebody: residents, those in shelters and those whom reports name, in one list. Those who must not be found
/// are in none.
enum PeopleSearch {
  static let endpoint = Endpoint.read(
    "searchPeople", "/people", "人を探す", "Find people", for: .people,
    "Look for somebody by name, kana, birth date and address. Those who must not be found are not.",
    ResidentSearch.form + [FormField("own", .flag, ja: "自区の記録だけ", en: "This ward's records alone")],
    answers: .list(
      "people",
      [
        .init(
          "kind", .choice([Choice("resident", "resident"), Choice("stay", "stay"), Choice("report", "report")]), "種類",
          "Kind"),
        .init(
          "person",
          .object(
            .anyRow([Resident.records, Stay.records, SafetyReport.records], and: Residents.members)), "人",
          "Person: a resident, a stay or a report"),
        .init("safety", .object(.members(Safety.standingMembers)), "安否", "Safety"),
        Shown.shelter, Shown.arrivedAt,
      ])
  ) { look in
    let limit = look.given.int("limit") ?? 50
    var known: Set<RowID> = []
    var people = try residents(&look, &known)
    for stay in try named(Stay.records, limit, look) where people.count < limit {
      guard try isAsked(stay.id, look), try look.maySee(stay, Stay.records), stay[Stay.guarded] != true,
        try isToList(stay[Stay.resident], known, look)
      else { continue }
      var person: [String: JSON] = ["kind": "stay", "person": try Stays.view(stay, &look)]
      if stay[Stay.leftAt] == nil {
        person["safety"] = .object(try Safety.standing(nil, present: stay, &look))
        person["shelter"] = JSON(stay[Stay.shelter].map { "\($0)" })
        person["arrivedAt"] = JSON(stay[Stay.arrivedAt]?.milliseconds)
      }
      people.append(.object(person))
    }
    for report in try named(SafetyReport.records, limit, look) where people.count < limit {
      guard try isAsked(report.id, look), try look.maySee(report, SafetyReport.records),
        try isToList(report[SafetyReport.resident], known, look)
      else { continue }
      let verdict = Safety.judge([report])
      people.append([
        "kind": "report", "safety": .object(try Safety.standing(verdict, &look)),
        "person": try Safety.view(report, &look),
      ])
    }
    return ["people": .list(people)]
  }

  /// Whether a row may be in the list: any, or those of this ward alone.
  private static func isAsked(_ row: RowID, _ look: Look) throws -> Bool {
    !look.given.flag("own") || look.inquiry.isOwn(row)
  }

  /// Residents, each person once however many IDs there are.
  ///
  /// - Parameter known: gets the IDs of all of them.
  private static func residents(_ look: inout Look, _ known: inout Set<RowID>) throws -> [JSON] {
    var people: [JSON] = []
    for hit in try ResidentSearch.find(look.inquiry, look.db) where try hit.maySee(look) {
      guard try !hit.isDisclosure && isAsked(hit.resident, look) || !look.given.flag("own") else { continue }
      let ids = try Identities.union(of: hit.resident, look.db)
      guard known.isDisjoint(with: ids) else { continue }
      known.formUnion(ids)
      // An ID of the same person may be one that must not be found.
      let mayTell = try !Identities.areGuarded(ids, look)
      let reports = mayTell ? try Safety.reports(on: ids, look.db).filter { try isAsked($0.id, look) } : []
      let stay = !hit.isDisclosure && mayTell ? try Whereabouts.of(ids, look) : nil
      let here = try stay.flatMap { try isAsked($0.id, look) ? $0 : nil }
      var person: [String: JSON] = [
        "kind": "resident", "safety": .object(try Safety.standing(Safety.judge(reports), present: here, &look)),
        "person": try hit.view(&look),
      ]
      if let stay = here {
        look.saw(stay, of: stay[Stay.resident])
        person["shelter"] = JSON(stay[Stay.shelter].map { "\($0)" })
        person["arrivedAt"] = JSON(stay[Stay.arrivedAt]?.milliseconds)
      }
      people.append(.object(person))
    }
    return people
  }

  /// Whether somebody whom a register names may be found, and was not yet.
  private static func isToList(_ resident: RowID?, _ known: Set<RowID>, _ look: Look) throws -> Bool {
    try !(resident.map(known.contains) ?? false)
      && !Residents.isGuarded(resident, of: look.inquiry.wardIndex, look.db)
  }

  /// Rows of one name that are looked through for a birth that fits.
  private static let most = 2_000

  /// Rows of a register whose own name fits, for people whom no residents' register here knows.
  private static func named(_ records: Records, _ limit: Int, _ look: Look) throws -> [RowValues] {
    guard let typed = look.given.text("name") else { return [] }
    var found: [RowValues] = []
    let born = look.given.text("birth")
    let keys = NameKey.candidates(typed).filter { !$0.isEmpty }
    // Whole names first, then names that begin so, of this ward's own entries.
    for (isWhole, key) in keys.map({ (true, $0) }) + keys.prefix(1).map({ (false, $0) }) {
      for column in ["name_key", "kana_key"] {
        let clause = isWhole ? "\(column) = ?1" : "\(column) > ?1 AND \(column) < ?1 || x'f48fbfbf'"
        for row in try RowValues.all(
          records, "WHERE \(clause) AND (?4 OR id >> 53 = ?3) LIMIT ?2",
          [key, born == nil ? limit : Self.most, Int64(look.inquiry.wardIndex), isWhole], look.db)
        where Birth.mayAgree(born, row.text("birth")) && !found.contains(where: { $0.id == row.id }) {
          found.append(row)
        }
      }
    }
    return found
  }
}
