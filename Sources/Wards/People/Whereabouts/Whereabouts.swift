import Causality
import ChangeModel
import Desk
import GRDB
import Places

/// Where somebody is: the latest arrival of those who have not left. The one answer for families, searches and inquiries.
enum Whereabouts {
  /// More present stays of one person are no single person's.
  private static let limit = 200

  /// By the registers that whoever asks may see, of whoever is not to be hidden.
  ///
  /// - Parameter ids: of one person. Stays that people said are the same person's count as well.
  static func of(_ ids: [RowID], _ look: Look) throws -> RowValues? {
    let own = try RowValues.all(
      Stay.records, "WHERE resident IN (SELECT value FROM json_each(?)) ORDER BY id DESC LIMIT \(limit)",
      [RowValues.list(ids)], look.db)
    return try latest(own, look)
  }

  /// The same of those under a name whom nobody knows better.
  ///
  /// - Parameter key: of the whole name.
  static func named(_ key: String, _ look: Look) throws -> RowValues? {
    let named = try RowValues.all(Stay.records, "WHERE name_key = ? ORDER BY id DESC LIMIT \(limit)", [key], look.db)
    return try latest(named, look)
  }

  private static func latest(_ own: [RowValues], _ look: Look) throws -> RowValues? {
    var groups = try SameStays(look.db)
    let wanted = Set(own.map { groups.group(of: $0.id) })
    let same = groups.named.filter { wanted.contains(groups.group(of: $0)) }.subtracting(own.map(\.id)).sorted()
    let others = try RowValues.all(
      Stay.records, "WHERE id IN (SELECT value FROM json_each(?)) LIMIT \(limit)", [RowValues.list(same)], look.db)
    return try (own + others).filter { stay in
      try stay[Stay.leftAt] == nil && stay[Stay.guarded] != true && look.maySee(stay, Stay.records)
        && !Residents.isGuarded(stay[Stay.resident], of: look.inquiry.wardIndex, look.db)
    }.max { (arrived($0), $0.id) < (arrived($1), $1.id) }
  }

  /// Nobody arrives after it was written down.
  private static func arrived(_ stay: RowValues) -> Int64 {
    min(stay[Stay.arrivedAt]?.milliseconds ?? 0, stay.written?.at.milliseconds ?? .max)
  }
}
