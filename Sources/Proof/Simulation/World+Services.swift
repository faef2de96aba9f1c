import Causality
import ChangeModel
import Desk
import GRDB
import Goods
import People

/// What the services promise, checked on every node's file when all have agreed: by plain reads, and by the ledger.
extension World {
  func judgeServices() {
    for node in alive {
      guard let plain = node.plain, let replica = node.replica else { continue }
      do {
        try judgeGoods(plain, name(node.index))
        try judgeStays(plain, name(node.index)) { pair in
          try replica.store.read { db in
            try DoubleEntries.open(db).contains { $0.first == pair.0 && $0.second == pair.1 }
          }
        } counted: {
          try replica.store.read { try DoubleEntries.counted($0) }
        }
      } catch { violate(.failure, "services of \(name(node.index)): \(error)") }
    }
  }

  /// Goods are nowhere lost and nowhere made: what came in and did not go out lies in lots, is set aside, is on the way, or
  /// was told to be short on arrival.
  private func judgeGoods(_ plain: PlainDatabase, _ name: String) throws {
    guard ledger.excused.isEmpty else { return }
    var expected: [Int64: Int64] = [:]
    for entry in ledger.entries { for (item, amount) in entry.goods { expected[item.rawValue, default: 0] += amount } }
    var found: [Int64: Int64] = [:]
    try plain.each("SELECT item, amount FROM lots") { row in
      found[row[0].integer, default: 0] += row[1].integer
      if row[1].integer < 0 { violate(.stock, "\(name): a lot holds \(row[1].integer)") }
    }
    try plain.each(
      "SELECT item, quantity, shipped_at IS NOT NULL, shipped, cancelled_at IS NOT NULL, inspected_at IS NOT NULL, accepted FROM allocations"
    ) { row in
      let (isShipped, isCancelled, isInspected) = (row[2].integer == 1, row[4].integer == 1, row[5].integer == 1)
      // Set aside, on the way, or short: not in any lot.
      let outside: Int64 =
        isInspected ? row[3].integer - row[6].integer : isShipped ? row[3].integer : isCancelled ? 0 : row[1].integer
      found[row[0].integer, default: 0] += outside
      if isShipped, row[3].integer > row[1].integer { violate(.stock, "\(name): more was shipped than set aside") }
    }
    for item in Set(expected.keys).union(found.keys).sorted() where expected[item] ?? 0 != found[item] ?? 0 {
      violate(
        .stock, "\(name): of item \(item) there should be \(expected[item] ?? 0), but \(found[item] ?? 0) are told of")
    }
  }

  /// Of one person's present stays one counts, and every pair is settled or shown; nobody else is left out.
  private func judgeStays(
    _ plain: PlainDatabase, _ name: String, isShown: ((RowID, RowID)) throws -> Bool, counted: () throws -> Set<RowID>
  ) throws {
    struct Stay {
      var id: RowID
      var arrived: Int64
    }
    var verdicts: [Set<RowID>: String] = [:]
    try plain.each("SELECT first, second, verdict FROM stay_verdicts") { row in
      verdicts[[RowID(rawValue: row[0].integer), RowID(rawValue: row[1].integer)]] = row[2].text
    }
    var present: [RowID: Stay] = [:]
    var byResident: [Int64: [Stay]] = [:]
    try plain.each("SELECT id, resident, arrived_at FROM stays WHERE left_at IS NULL") { row in
      let stay = Stay(id: RowID(rawValue: row[0].integer), arrived: row[2].integer)
      present[stay.id] = stay
      if case .integer(let resident) = row[1] { byResident[resident, default: []].append(stay) }
    }
    // Worked out anew: who is one with whom spreads from stay to stay until nothing changes; of each person the latest counts.
    let said = verdicts.filter { $0.value == "同一人物" }.map { $0.key.sorted() }
    var pairs = said
    for stays in byResident.values {
      for a in stays {
        for b in stays where a.id < b.id && verdicts[[a.id, b.id]] != "別人" { pairs.append([a.id, b.id]) }
      }
    }
    func spread(_ pairs: [[RowID]]) -> [RowID: RowID] {
      var person = Dictionary(pairs.flatMap(\.self).map { ($0, $0) }) { first, _ in first }
      var changes = true
      while changes {
        changes = false
        for pair in pairs where pair.count == 2 {
          let lowest = min(person[pair[0]]!, person[pair[1]]!)
          for stay in pair where person[stay]! != lowest { (person[stay], changes) = (lowest, true) }
        }
      }
      return person
    }
    let person = spread(pairs)
    let expected = Set(
      Dictionary(grouping: present.values) { person[$0.id] ?? $0.id }.values.map { stays in
        stays.max { ($0.arrived, $0.id) < ($1.arrived, $1.id) }!.id
      })
    let found = try counted()
    if expected != found {
      violate(
        .expectation,
        "\(name): counts \(found.subtracting(expected).sorted().prefix(3)) too many and \(expected.subtracting(found).sorted().prefix(3)) too few"
      )
    }
    let settled = spread(said)
    for (_, stays) in byResident.sorted(by: { $0.key < $1.key }) where stays.count > 1 {
      for (index, a) in stays.enumerated() {
        for b in stays.dropFirst(index + 1)
        where verdicts[[a.id, b.id]] == nil && (settled[a.id] == nil || settled[a.id] != settled[b.id]) {
          if try !isShown((min(a.id, b.id), max(a.id, b.id))) {
            violate(.expectation, "\(name): stays \(a.id) and \(b.id) are one resident's, and nothing shows it")
          }
        }
      }
    }
  }
}
