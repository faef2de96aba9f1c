import ChangeModel
import Desk
import GRDB

/// Finding people by what somebody remembers of their name, kana, birth date and address.
public enum ResidentSearch {
  public static let form = [
    FormField("name", .text(120), ja: "氏名またはカナ", en: "Name, in characters or kana"),
    FormField("birth", .date, ja: "生年月日", en: "Date of birth"),
    FormField("address", .text(200), ja: "住所", en: "Address"),
    FormField("limit", .integer(1...200), ja: "件数", en: "How many at most"),
    Purpose.field,
  ]

  /// More rows than this of one key are not looked through: the search asks for more to go by.
  private static let scanLimit = 2_000

  /// What was found, best first.
  public struct Hit {
    public var resident: RowID
    public var values: RowValues
    public var isDisclosure: Bool
  }

  /// - Throws: `Fault` when there is nothing to go by.
  public static func find(_ given: Submission, showsGuarded: Bool, _ inquiry: Inquiry, _ db: Database) throws -> [Hit] {
    let limit = given.int("limit") ?? 50
    let keys = given.text("name").map(NameKey.candidates)?.filter { !$0.isEmpty } ?? []
    let birth = given.text("birth")
    let address = given.text("address").map(NameKey.ofAddress)
    guard !keys.isEmpty || birth != nil else {
      throw Fault.badValue("name", ja: "氏名・カナ・生年月日のどれかを入れてください", en: "give a name, kana or date of birth")
    }
    var hits: [Hit] = []
    var seen: Set<RowID> = []
    func take(_ values: RowValues, _ resident: RowID, isDisclosure: Bool) {
      if let birth, values.text("birth")?.hasPrefix(birth) != true { return }
      if let address, !address.isEmpty, !isDisclosure, values.text("address_key")?.contains(address) != true { return }
      if values.integer("guarded") == 1, !showsGuarded { return }
      guard seen.insert(resident).inserted else { return }
      hits.append(Hit(resident: resident, values: values, isDisclosure: isDisclosure))
    }
    // Whole names first, then names that begin so: each by its own index, and no more than are shown.
    let room = birth == nil && address == nil ? limit : scanLimit
    for (exact, list) in [(true, keys), (false, Array(keys.prefix(1)))] {
      for key in list {
        guard hits.count < limit else { break }
        for column in ["name_key", "kana_key"] {
          let clause = exact ? "\(column) = ?1" : "\(column) > ?1 AND \(column) < ?1 || x'f48fbfbf'"
          for values in try RowValues.all(RegistrySchema.residents, "WHERE \(clause) LIMIT ?2", [key, room], db) {
            take(values, values.id, isDisclosure: false)
          }
          for values in try RowValues.all(
            RegistrySchema.disclosures, "WHERE (\(clause)) AND coalesce(until, 9e15) > ?3 LIMIT ?2",
            [key, room, inquiry.now.milliseconds], db)
          {
            if let resident = values.row("resident") { take(values, resident, isDisclosure: true) }
          }
        }
      }
    }
    if keys.isEmpty, let birth {
      for values in try RowValues.all(
        RegistrySchema.residents, "WHERE birth >= ?1 AND birth < ?1 || 'z' LIMIT ?2", [birth, room], db)
      { take(values, values.id, isDisclosure: false) }
    }
    return Array(hits.prefix(limit))
  }

  public static let endpoints: [Endpoint] = [
    .read(
      "searchResidents", "/residents", "Find residents by name, kana, birth date and address, in any spelling.", form
    ) {
      inquiry, db in
      let hits = try find(inquiry.given, showsGuarded: true, inquiry, db)
      return Seen(
        [
          "residents": .list(
            hits.map {
              $0.isDisclosure ? Residents.disclosed($0.values, inquiry) : Residents.view($0.values, inquiry)
            })
        ],
        subjects: hits.map(\.resident).filter { !inquiry.isOwn($0) },
        consented: Set(hits.filter(\.isDisclosure).map(\.resident)))
    }
  ]
}
