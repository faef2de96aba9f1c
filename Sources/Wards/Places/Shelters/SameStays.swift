import ChangeModel
import Desk
import GRDB

/// Stays that are one person's, in groups: who settled A with B and B with C has settled A with C. The groups follow from the
/// rows alone, in whatever order they came, so that all nodes that hold the same rows count alike.
public struct SameStays {
  private var parents: [RowID: RowID] = [:]

  /// By the verdicts that say so.
  ///
  /// - Parameter settled: without those that another verdict contradicts: a person has to look at them again.
  public init(settled: Bool = false, _ db: Database) throws {
    let contested =
      "EXISTS (SELECT 1 FROM conflicts c WHERE c.collection = 'stay_verdicts' AND c.row = stay_verdicts.id)"
    for row in try Row.fetchAll(
      db.cachedStatement(
        sql: "SELECT first, second FROM stay_verdicts WHERE verdict = '同一人物' AND NOT (? AND \(contested))"),
      arguments: [settled])
    {
      if let pair = Self.pair(row) { join(pair.first, pair.second) }
    }
  }

  public static func pair(_ row: Row) -> (first: RowID, second: RowID)? {
    guard let first = Int64.fromDatabaseValue(row[0]), let second = Int64.fromDatabaseValue(row[1]) else { return nil }
    return (RowID(rawValue: first), RowID(rawValue: second))
  }

  /// The group's lowest stay; the stay itself when it is with no other.
  public mutating func group(of stay: RowID) -> RowID {
    var root = stay
    while let parent = parents[root] { root = parent }
    // What was walked leads there at once from now on.
    var step = stay
    while let parent = parents[step], parent != root { (parents[step], step) = (root, parent) }
    return root
  }

  public mutating func join(_ first: RowID, _ second: RowID) {
    let (a, b) = (group(of: first), group(of: second))
    if a != b { parents[max(a, b)] = min(a, b) }
  }

  /// All stays that verdicts name with another.
  public var named: Set<RowID> { Set(parents.keys).union(parents.values) }
}

extension SameStays {
  /// Present stays that do not count, since a later one of the same person does: the same resident's, unless a person said
  /// that the two differ, or one that people said is the same. Where two merely look alike, both count, and both are shown.
  public static func uncounted(_ db: Database) throws -> Set<RowID> {
    struct Present {
      var id: RowID
      var arrived: Int64
    }
    func present(_ condition: String, _ arguments: StatementArguments = []) throws -> [(resident: Int64?, Present)] {
      try Row.fetchAll(
        db.cachedStatement(
          sql: "SELECT resident, id, coalesce(arrived_at, 0) FROM stays WHERE left_at IS NULL AND \(condition)"),
        arguments: arguments
      ).map { ($0[0], Present(id: RowID(rawValue: $0[1]), arrived: $0[2])) }
    }
    var groups = try SameStays(db)
    var stays: [RowID: Present] = [:]
    for (_, stay) in try present("id IN (SELECT value FROM json_each(?))", [RowValues.list(groups.named.sorted())]) {
      stays[stay.id] = stay
    }
    var differing: [RowID: Set<RowID>] = [:]
    for row in try Row.fetchAll(db, sql: "SELECT first, second FROM stay_verdicts WHERE verdict = '別人'") {
      guard let pair = SameStays.pair(row) else { continue }
      differing[pair.first, default: []].insert(pair.second)
      differing[pair.second, default: []].insert(pair.first)
    }
    let several = try present(
      """
      resident IN (
        SELECT resident FROM stays WHERE left_at IS NULL AND resident IS NOT NULL GROUP BY resident HAVING count(*) > 1)
      """)
    for (_, own) in Dictionary(grouping: several, by: \.resident) {
      let own = own.map(\.1)
      for stay in own { stays[stay.id] = stay }
      // Those of whom nobody said that they differ from another are one; each of the others, with all but whom it differs from.
      let plain = own.filter { differing[$0.id] == nil }
      for stay in plain.dropFirst() { groups.join(plain[0].id, stay.id) }
      for stay in own {
        guard let others = differing[stay.id] else { continue }
        for other in own where other.id != stay.id && !others.contains(other.id) { groups.join(stay.id, other.id) }
      }
    }
    var latest: [RowID: Present] = [:]
    for stay in stays.values {
      let group = groups.group(of: stay.id)
      if let known = latest[group], (known.arrived, known.id) > (stay.arrived, stay.id) { continue }
      latest[group] = stay
    }
    return Set(stays.keys).subtracting(latest.values.map(\.id))
  }
}
