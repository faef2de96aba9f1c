import ChangeModel
import Desk
import GRDB

/// Records that may be one person's under two IDs, with what speaks for it.
enum Duplicates {
  private struct Candidate {
    var resident: RowValues
    var score: Double
    var reasons: [String]
  }

  /// Agreement weights in the manner of Fellegi and Sunter ("A Theory for Record Linkage", JASA 64, 1969), rounded: how
  /// much likelier an agreement is for one person than for two. They order a list for a person; nothing is decided by them.
  private static let weights: [(field: Field<String>, weight: Double, reason: String)] = [
    (Resident.kanaKey, 4, "カナ"), (Resident.nameKey, 4, "氏名"), (Resident.birth, 5, "生年月日"),
    (Resident.addressKey, 3, "住所"), (Resident.phone, 4, "電話番号"),
  ]
  private static let threshold = 7.0

  private static func agree(_ own: RowValues, _ other: RowValues, _ field: Field<String>) -> Bool {
    if field.number == Resident.birth.number { return Birth.agree(own[field], other[field]) }
    guard let one = own[field], let two = other[field] else { return false }
    guard field.number == Resident.phone.number else { return one == two }
    let key = NameKey.ofPhone(one)
    return !key.isEmpty && key == NameKey.ofPhone(two)
  }

  private static func candidates(_ own: RowValues, _ db: Database) throws -> [Candidate] {
    var pool: [RowID: RowValues] = [:]
    for field in [Resident.kanaKey, Resident.nameKey, Resident.birth] {
      // Of a birth that is not known to the day, many have the same.
      guard let value = own[field], field.number != Resident.birth.number || value.count == 10 else { continue }
      for other in try RowValues.all(
        Resident.records, "WHERE \(field.schema.name) = ? AND guarded IS NOT 1 LIMIT 500", [value], db)
      {
        pool[other.id] = other
      }
    }
    pool[own.id] = nil
    return pool.values.compactMap { other -> Candidate? in
      let agreed = weights.filter { agree(own, other, $0.field) }
      let score = agreed.reduce(0) { $0 + $1.weight }
      return score >= threshold ? Candidate(resident: other, score: score, reasons: agreed.map(\.reason)) : nil
    }.sorted { ($0.score, $1.resident.id) > ($1.score, $0.resident.id) }.prefix(50).map { $0 }
  }

  static let endpoint = Endpoint.read(
    "duplicateCandidates", Resident.records.path + "/{id}/candidates", "同じ人かもしれない記録", "Possible duplicates",
    for: .people, "Other records that may be the same person, with what speaks for it. A person decides.",
    [Purpose.field], of: Resident.records,
    answers: .list(
      "candidates",
      [
        .init("score", .number(0...100), "一致の強さ", "Score"), .init("reasons", .list(.text(20), 10), "理由", "Why"),
        .init("resident", .row("residents"), "住民", "Resident"),
      ])
  ) { look in
    guard let own = try Residents.reached(look) else { throw Fault.notFound("id") }
    // What agrees says something of this one too.
    look.saw(own.id)
    let decided = Set(
      try RowValues.all(IdentityLink.records, "WHERE first = ?1 OR second = ?1", [own.id.rawValue], look.db)
        .filter { $0[IdentityLink.claim] != .retracted }
        .flatMap { [$0[IdentityLink.first], $0[IdentityLink.second]] })
    let open = try candidates(own, look.db).filter {
      try !decided.contains($0.resident.id) && look.maySee($0.resident, Resident.records)
    }
    return [
      "candidates": .list(
        try open.map { candidate in
          [
            "score": .real(candidate.score), "reasons": .list(candidate.reasons.map { .text($0) }),
            "resident": try Residents.view(candidate.resident, &look),
          ]
        })
    ]
  }
}
