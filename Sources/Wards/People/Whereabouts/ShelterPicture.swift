import Causality
import ChangeModel
import Desk
import GRDB
import Places

/// A shelter at a glance: how many it may hold, how many it does, by both ways of counting, and who needs what. Numbers
/// alone.
enum ShelterPicture {
  static let endpoint = Endpoint.read(
    "shelterPicture", Shelter.records.path + "/{id}/picture", "避難所の状況", "The shelter's picture", for: .staff,
    "Capacity by the standards, head count by counter and by register, breakdown, double entries.",
    of: Shelter.records, answers: .members(members)
  ) { look in
    guard let shelter = try RowValues.fetch(look.inquiry.row!, Shelter.records, look.db) else {
      throw Fault.notFound("id")
    }
    return .object(try picture(shelter, look))
  }

  private static let members =
    [Shelter.name, Shelter.ward].map(Shown.column) + [
      .init("id", .row("shelters"), "番号", "ID"),
      Shown.column(Shelter.status), Shown.column(Shelter.facility),
      .init("counter", .integer(Numbers.people), "数えた人数", "Counted"),
      .init(
        "register",
        .object(
          .members([
            .init("people", .integer(Numbers.people), "人数", "People"),
            .init("entries", .integer(Numbers.people), "件数", "Entries"),
            .init("toSettle", .integer(Numbers.people), "二重の疑い", "To settle"),
            .init("ages", .counts(PeopleWords.ages), "年齢区分", "Ages"),
            .init("needs", .counts(PeopleWords.needs), "配慮が必要なこと", "Needs"),
            .init("languages", .counts([]), "言語別", "By language"),
            .init("homeWards", .counts([]), "住所地別", "By home ward"), Shown.column(Stay.pets),
          ])), "名簿", "Register"),
      .init("difference", .integer(Numbers.any), "差", "Difference"),
      .init(
        "capacity",
        .object(
          .members([
            Shown.column(Shelter.area), .init("byGuideline", .integer(Numbers.people), "指針による定員", "By the guideline"),
            .init("byOldRule", .integer(Numbers.people), "旧基準による定員", "By the old rule"),
            .init("published", .integer(Numbers.people), "公表の定員", "Published"),
          ])), "定員", "Capacity"),
      .init(
        "toilets",
        .object(
          .members([
            .init("needed", .integer(Numbers.people), "必要な数", "Needed"),
            .init("peopleEach", .integer(Numbers.people), "1基あたりの人数", "People to each"),
            .init("have", .integer(Numbers.people), "ある数", "There are"),
          ])), "トイレ", "Toilets"),
      .init("room", .integer(Numbers.any), "あと入れる人数", "Room left"), .init("isFull", .flag, "満員", "Full"),
    ]

  private static func picture(_ shelter: RowValues, _ look: Look) throws -> [String: JSON] {
    let count = try HeadCount.of(shelter.id, ward: look.ward, look.db)
    let counter = Int(min(max(0, count.counter), 1_000_000_000))
    var members: [String: JSON] = [
      "id": .text("\(shelter.id)"), "name": JSON(shelter[Shelter.name]), "ward": JSON(shelter[Shelter.ward]),
      "status": JSON(shelter[Shelter.status]?.rawValue), "facility": JSON(shelter[Shelter.facility]?.rawValue),
      "counter": JSON(counter),
    ]
    var limits: [String: JSON] = [:]
    if let area = shelter[Shelter.area] {
      limits["area"] = .real(area)
      limits["byGuideline"] = JSON(ShelterStandards.capacity(area))
      limits["byOldRule"] = JSON(ShelterStandards.capacity(area, each: ShelterStandards.oldArea))
    }
    if let published = shelter[Shelter.capacity] { limits["published"] = .integer(published) }
    members["capacity"] = .object(limits)
    let people = Int(count.people)
    // Another ward's few people would be told one by one by their numbers; and where its register is sealed, it is not zero
    // people: it is not known.
    if shelter[Shelter.ward] == look.ward {
      let register = try register(shelter.id, look)
      members["register"] = .object(register)
      members["difference"] = JSON(counter - Int(register["people"]?.integer ?? 0))
    }
    let opened = shelter[Shelter.openedAt] ?? look.now
    let isLater = look.now.milliseconds &- opened.milliseconds >= ShelterStandards.laterAfter
    let each = isLater ? ShelterStandards.toiletLater : ShelterStandards.toiletEarly
    members["toilets"] = [
      "needed": JSON(ShelterStandards.toilets(for: people, each: each)), "peopleEach": JSON(each),
      "have": JSON(shelter[Shelter.toilets]),
    ]
    let limit = limits["byGuideline"]?.integer ?? limits["published"]?.integer
    if let limit {
      members["room"] = .integer(min(max(limit, 0), 1_000_000_000) - Int64(people))
      members["isFull"] = .flag(Int64(people) >= limit)
    }
    return members
  }

  private static func register(_ shelter: RowID, _ look: Look) throws -> [String: JSON] {
    let db = look.db
    let present = try Int.fetchOne(
      db, sql: "SELECT count(*) FROM stays WHERE shelter = ? AND left_at IS NULL", arguments: [shelter.rawValue])!
    let uncounted = try SameStays.uncounted(db)
    let stays = try RowValues.all(Stay.records, "WHERE shelter = ? AND left_at IS NULL", [shelter.rawValue], db)
      .filter { !uncounted.contains($0.id) }
    var (ages, needs): ([String: Int64], [String: Int64]) = ([:], [:])
    var (languages, wards): ([String: Int64], [String: Int64]) = ([:], [:])
    var pets: Int64 = 0
    for stay in stays {
      ages[stay[Stay.ageGroup] ?? ageGroup(stay[Stay.birth], look.now), default: 0] += 1
      for need in stay[Stay.needs] { needs[need, default: 0] += 1 }
      if let language = stay[Stay.language] { languages[language, default: 0] += 1 }
      if let ward = stay[Stay.homeWard] { wards[ward, default: 0] += 1 }
      pets += min(max(stay[Stay.pets] ?? 0, 0), 100)
    }
    func counts(_ counts: [String: Int64]) -> JSON { .object(counts.mapValues { .integer($0) }) }
    return [
      "people": JSON(stays.count), "entries": JSON(present),
      "toSettle": JSON(try Stays.doubles(inShelter: shelter, db).count), "ages": counts(ages), "needs": counts(needs),
      "languages": counts(languages), "homeWards": counts(wards), "pets": .integer(pets),
    ]
  }

  /// By whole years: under 6, under 18, under 65 (the age groups of the wards' shelter forms).
  private static func ageGroup(_ birth: String?, _ now: Instant) -> String {
    guard let ages = Birth.ages(birth, on: JapaneseDay.text(now)) else { return "不明" }
    let age = (ages.lowerBound + ages.upperBound) / 2
    return age < 6 ? "乳幼児" : age < 18 ? "児童・生徒" : age < 65 ? "成人" : "高齢者"
  }
}
