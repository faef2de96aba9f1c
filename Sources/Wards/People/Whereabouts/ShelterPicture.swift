import Causality
import ChangeModel
import Desk
import GRDB
import Places

/// A shelter at a glance: how many it may hold, how many it does, by both ways of counting, and who needs what.
public enum ShelterPicture {
  public static let endpoints: [Endpoint] = [
    .read(
      "shelterPicture", "/shelters/{id}/picture",
      "Capacity by the standards, head count by counter and by register, breakdown, double entries.", of: "shelters"
    ) { inquiry, db in
      guard let shelter = try RowValues.fetch(inquiry.row!, ShelterSchema.shelters, db) else {
        throw Fault.notFound("id")
      }
      return Seen(.object(try picture(shelter, inquiry, db)))
    }
  ]

  static func picture(_ shelter: RowValues, _ inquiry: Inquiry, _ db: Database) throws -> [String: JSON] {
    let counter = Int(min(max(0, shelter.integer("occupancy") ?? 0), 1_000_000_000))
    var members: [String: JSON] = [
      "id": .text("\(shelter.id)"), "name": JSON(shelter.text("name")), "ward": JSON(shelter.text("ward")),
      "status": JSON(shelter.text("status")), "facility": JSON(shelter.text("facility")),
      "counter": JSON(counter),
    ]
    var limits: [String: JSON] = [:]
    if let area = shelter.real("area") {
      limits["area"] = .real(area)
      limits["byGuideline"] = JSON(ShelterStandards.capacity(area))
      limits["byOldRule"] = JSON(ShelterStandards.capacity(area, each: ShelterStandards.oldArea))
    }
    if let published = shelter.integer("capacity") { limits["published"] = .integer(published) }
    members["capacity"] = .object(limits)
    // The register of another ward, where it is sealed, is not zero people: it is not known.
    var people = counter
    if let register = try register(shelter.id, inquiry, db) {
      members["register"] = .object(register)
      people = max(people, Int(register["people"]?.integer ?? 0))
      members["difference"] = JSON(counter - Int(register["people"]?.integer ?? 0))
    }
    let opened = shelter.integer("opened_at") ?? inquiry.now.milliseconds
    let isLater = inquiry.now.milliseconds &- opened >= ShelterStandards.laterAfter
    let each = isLater ? ShelterStandards.toiletLater : ShelterStandards.toiletEarly
    members["toilets"] = [
      "needed": JSON(ShelterStandards.toilets(for: people, each: each)), "peopleEach": JSON(each),
      "have": JSON(shelter.integer("toilets")),
    ]
    let limit = limits["byGuideline"]?.integer ?? limits["published"]?.integer
    if let limit {
      members["room"] = .integer(min(max(limit, 0), 1_000_000_000) - Int64(people))
      members["isFull"] = .flag(Int64(people) >= limit)
    }
    return members
  }

  private static func register(_ shelter: RowID, _ inquiry: Inquiry, _ db: Database) throws -> [String: JSON]? {
    let rows = try Row.fetchAll(
      db,
      sql: """
        SELECT age_group, birth, needs, pets, language, home_ward FROM stays s WHERE shelter = ? AND \(Stays.counted)
        """, arguments: [shelter.rawValue])
    let present = try Int.fetchOne(
      db, sql: "SELECT count(*) FROM stays WHERE shelter = ? AND left_at IS NULL", arguments: [shelter.rawValue])!
    // Another ward's few people would be told one by one by their numbers.
    guard inquiry.isOwnShelter(shelter, db) else { return nil }
    var ages: [String: Int64] = [:]
    var needs: [String: Int64] = [:]
    var languages: [String: Int64] = [:]
    var wards: [String: Int64] = [:]
    var pets: Int64 = 0
    for row in rows {
      let age =
        String.fromDatabaseValue(row["age_group"]) ?? ageGroup(String.fromDatabaseValue(row["birth"]), inquiry.now)
      ages[age, default: 0] += 1
      for need in (try? JSON.decode([UInt8]((String.fromDatabaseValue(row["needs"]) ?? "[]").utf8)))?.list ?? [] {
        if let need = need.text { needs[need, default: 0] += 1 }
      }
      if let language = String.fromDatabaseValue(row["language"]) { languages[language, default: 0] += 1 }
      if let ward = String.fromDatabaseValue(row["home_ward"]) { wards[ward, default: 0] += 1 }
      pets += min(max(Int64.fromDatabaseValue(row["pets"]) ?? 0, 0), 100)
    }
    let doubles = try Stays.doubles(inShelter: shelter, db)
    return [
      "people": JSON(rows.count), "entries": JSON(present), "toSettle": JSON(doubles.count),
      "ages": .object(ages.mapValues { .integer($0) }), "needs": .object(needs.mapValues { .integer($0) }),
      "languages": .object(languages.mapValues { .integer($0) }),
      "homeWards": .object(wards.mapValues { .integer($0) }),
      "pets": .integer(pets),
    ]
  }

  /// By whole years: under 6, under 18, under 65 (the age groups of the wards' shelter forms).
  static func ageGroup(_ birth: String?, _ now: Instant) -> String {
    guard let birth, let year = Int(birth.prefix(4)) else { return "不明" }
    let days = Double(now.milliseconds) / 86_400_000
    let this = 1970 + days / 365.2425
    let part = birth.count >= 7 ? (Double(birth.dropFirst(5).prefix(2)) ?? 1) - 1 : 6
    let age = this - Double(year) - part / 12
    return age < 6 ? "乳幼児" : age < 18 ? "児童・生徒" : age < 65 ? "成人" : "高齢者"
  }
}

extension Inquiry {
  func isOwnShelter(_ shelter: RowID, _ db: Database) -> Bool {
    (try? RowValues.fetch(shelter, ShelterSchema.shelters, db)?.text("ward")) == ward
  }
}
