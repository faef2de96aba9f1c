import ChangeModel
import Desk
import GRDB

/// Finding people by what somebody remembers of their name, kana, birth date and address. Who must not be found is not.
public enum ResidentSearch {
  public static let form = [
    FormField("name", .text(120), ja: "氏名またはカナ", en: "Name, in characters or kana"), Resident.birth.asked,
    Resident.address.asked, FormField("limit", .integer(1...200), ja: "件数", en: "How many at most"), Purpose.field,
  ]

  /// More rows than this of one key are not looked through: the search asks for more to go by.
  private static let scanLimit = 2_000

  /// Births that are no date: few enough to be looked through.
  private static let vague = "birth GLOB '*[^-0-9]*'"
  static let index = "CREATE INDEX IF NOT EXISTS residents_vague_birth ON residents (birth) WHERE \(vague)"

  /// What was found, best first.
  public struct Hit {
    public var resident: RowID
    public var values: RowValues
    public var isDisclosure: Bool

    /// Who works at one shelter reads of its own people alone.
    func maySee(_ look: Look) throws -> Bool {
      isDisclosure ? look.inquiry.user.shelter == nil : try look.maySee(values, Resident.records)
    }

    func view(_ look: inout Look) throws -> JSON {
      isDisclosure ? Residents.disclosed(values, &look) : try Residents.view(values, &look)
    }
  }

  /// - Throws: `Fault` when there is nothing to go by.
  public static func find(_ inquiry: Inquiry, _ db: Database) throws -> [Hit] {
    let given = inquiry.given
    let limit = given.int("limit") ?? 50
    let keys = given.text("name").map(NameKey.candidates)?.filter { !$0.isEmpty } ?? []
    let birth = given.text("birth")
    let address = given.text("address").map(NameKey.ofAddress)
    guard !keys.isEmpty || birth != nil else {
      throw Fault.badValue("name", ja: "氏名・カナ・生年月日のどれかを入れてください", en: "give a name, kana or date of birth")
    }
    guard !keys.isEmpty || birth?.utf8.count == 10 else {
      throw Fault.badValue(
        "birth", ja: "氏名がわからないときは、生年月日を年月日まで入れてください", en: "without a name, give the whole date of birth")
    }
    var hits: [Hit] = []
    var seen: Set<RowID> = []
    // By a name, whoever may be born then is found; by a birth alone, whoever is.
    func isBorn(_ kept: String?) -> Bool {
      birth == nil || (keys.isEmpty ? Birth.agree(birth, kept) : Birth.mayAgree(birth, kept))
    }
    func take(_ values: RowValues) {
      guard isBorn(values[Resident.birth]) else { return }
      if let address, !address.isEmpty, values[Resident.addressKey]?.contains(address) != true { return }
      guard values[Resident.guarded] != true, seen.insert(values.id).inserted else { return }
      hits.append(Hit(resident: values.id, values: values, isDisclosure: false))
    }
    func takeTold(_ values: RowValues) {
      guard isBorn(values[Disclosure.birth]) else { return }
      guard let resident = values[Disclosure.resident], seen.insert(resident).inserted else { return }
      hits.append(Hit(resident: resident, values: values, isDisclosure: true))
    }
    // Whole names first, then names that begin so: each by its own index, and no more than are shown. Of another ward's people,
    // who are no business of whoever has not said whom they look for, whole names alone.
    let room = birth == nil && address == nil ? limit : scanLimit
    for (exact, list) in [(true, keys), (false, Array(keys.prefix(1)))] {
      for key in list {
        guard hits.count < limit else { break }
        for column in ["name_key", "kana_key"] {
          let clause = exact ? "\(column) = ?1" : "\(column) > ?1 AND \(column) < ?1 || x'f48fbfbf'"
          try RowValues.all(
            Resident.records, "WHERE (\(clause)) AND guarded IS NOT 1 AND (?4 OR id >> 53 = ?3) LIMIT ?2",
            [key, room, Int64(inquiry.wardIndex), exact], db
          ).forEach(take)
          guard exact else { continue }
          try RowValues.all(
            Disclosure.records, "WHERE (\(clause)) AND coalesce(until, 9e15) > ?3 LIMIT ?2",
            [key, room, inquiry.now.milliseconds], db
          ).forEach(takeTold)
        }
      }
    }
    if keys.isEmpty, let birth {
      func look(_ clause: String, _ arguments: StatementArguments = []) throws {
        try RowValues.all(
          Resident.records, "WHERE \(clause) AND guarded IS NOT 1 LIMIT \(scanLimit)", arguments, db
        ).forEach(take)
      }
      // Of a day, its month or its year alone may be known; of less, any day of its years.
      try look("birth IN (?1, substr(?1, 1, 7), substr(?1, 1, 4))", [birth])
      if let days = Birth.days(birth), days.lowerBound < days.upperBound {
        try look("birth >= ?1 AND birth < ?2", ["\(days.lowerBound.prefix(4))", "\(days.upperBound.prefix(4))~"])
      }
      try look(vague)
    }
    return Array(hits.prefix(limit))
  }

  static let endpoint = Endpoint.read(
    "searchResidents", Resident.records.path, "住民を探す", "Find residents", for: .people,
    "Find residents by name, kana, birth date and address, in any spelling. Those who must not be found are not.", form,
    answers: .rows("residents", Resident.records, and: Residents.members)
  ) { look in
    let hits = try find(look.inquiry, look.db).filter { try $0.maySee(look) }
    return ["residents": .list(try hits.map { try $0.view(&look) })]
  }
}
