import Catalogue
import Causality
import ChangeModel
import Desk
import Replica
import TestSupport
import Testing

/// Every declared service, generated from its declaration: two nodes that are cut off from each other take any of its steps
/// in any order; when they meet they agree, and every row is in a state that a page can name.
@Suite struct InterleavingTests {
  /// The collections that declared actions make rows of.
  static let subjects: [Records] = Services.records.filter { records in
    Office.catalogue.endpoints.contains { $0.isNew(of: records) }
  }

  /// Both orders in which two steps here and two there can be taken, and all between: who is at work, first to last.
  private static let orders: [[Int]] = [
    [0, 0, 1, 1], [0, 1, 0, 1], [0, 1, 1, 0], [1, 0, 0, 1], [1, 0, 1, 0], [1, 1, 0, 0],
  ]

  @Test(arguments: subjects.map(\.name))
  func `two nodes that are cut off take any steps in any order, and then agree`(_ name: String) throws {
    let records = Services.records.first { $0.name == name }!
    // Two nodes of one ward, and two wards; what is personal, only the ward itself reads.
    for isOneWard in records.isPersonal ? [true] : [true, false] {
      let wards = try Wards()
      let (here, there) = isOneWard ? (wards.second, wards.secondOther) : (wards.first, wards.second)
      try prepare(here, there)
      try run(records, here, there)
    }
  }

  /// Rows that forms name.
  private func prepare(_ here: Office, _ there: Office) throws {
    for office in [here, there] {
      _ = try office.shelter("見本", ward: office.replica.identity.ward.code)
      _ = try? office.write("installCatalogue")
    }
    try here.meet(there)
  }

  private func sample(_ office: Office, _ seed: UInt64) -> Sample {
    Sample(wards: ["13101", "13102"], now: office.now, seed: seed &* 0x9E37_79B9_7F4A_7C15) { collection in
      try? office.replica.store.readOwn { db in
        Result {
          guard let records = Office.catalogue.records[collection] else { return nil }
          return try RowValues.all(records, "ORDER BY id LIMIT 1", [], db).first?.id
        }
      }.get()
    }
  }

  private func run(_ records: Records, _ here: Office, _ there: Office) throws {
    let maker = Office.catalogue.endpoints.first { $0.isNew(of: records) }!
    let steps = Office.catalogue.endpoints.filter { $0.isDeclaredStep(of: records) }
    // With many steps, two on each side would be too many: one here and two there show the same.
    let pairs =
      steps.isEmpty ? [] : steps.count > 4 ? steps.map { [$0] } : steps.flatMap { a in steps.map { [a, $0] } }
    var rows: [RowID] = []
    var seed: UInt64 = 1
    /// Does it, or is turned away as at a desk: entered again with other values, as somebody does who is told what is missing.
    func take(_ step: Endpoint, _ row: RowID?, at office: Office) throws -> RowID? {
      var fault: Fault?
      for attempt in 0..<(row == nil ? 20 : 1) {
        seed += 1
        var sample = sample(office, seed)
        guard let entry = sample.entry(for: step.form, extent: [.some, .all, .needed][attempt % 3]) else { return nil }
        do { return try office.write(step.id, row, entry).row } catch let refused as Fault { fault = refused }
      }
      if row == nil { Issue.record("\(step.id) refuses what its own form admits: \(fault!)") }
      return nil
    }
    var cases: [(row: RowID, mine: [Endpoint], theirs: [Endpoint], order: [Int])] = []
    for mine in pairs {
      for theirs in steps.count > 4 ? steps.flatMap({ a in steps.map { [a, $0] } }) : pairs {
        for order in Self.orders {
          guard let row = try take(maker, nil, at: here) else {
            return
          }
          rows.append(row)
          cases.append((row, mine, theirs, order))
        }
      }
    }
    if rows.isEmpty, let row = try take(maker, nil, at: here) { rows.append(row) }
    try here.meet(there)
    var taken = 0
    for one in cases {
      var next = [0, 0]
      for side in one.order {
        let steps = side == 0 ? one.mine : one.theirs
        guard next[side] < steps.count else { continue }
        let step = steps[next[side]]
        next[side] += 1
        if try take(step, one.row, at: side == 0 ? here : there) != nil { taken += 1 }
      }
    }
    try here.meet(there)
    try here.meet(there)
    #expect(steps.isEmpty || taken > 0, "no step was ever taken: \(steps.map(\.id))")
    #expect(try here.replica.store.tableDigest() == there.replica.store.tableDigest())
    for office in [here, there] {
      for row in rows {
        let kept = try office.replica.store.readOwn { db in
          Result { try RowValues.fetch(row, records, db) }
        }.get()
        // Taken out by a step.
        guard kept != nil else { continue }
        let shown = try office.read(
          "row", nil, ["collection": .text(records.name), "row": .text("\(row)"), "purpose": "protection"])
        #expect(shown["id"].text == "\(row)")
        #expect(records.states.isEmpty || shown["stateCode"].text != nil, "a row of \(records.name) is in no state")
      }
    }
  }
}

extension Endpoint {
  /// Whether it makes rows of a collection by its declaration alone.
  fileprivate func isNew(of records: Records) -> Bool {
    guard makes, method == .post, path == records.path, case .row(let made, _) = answer else { return false }
    return made.number == records.number
  }

  /// Whether it is a step of such rows.
  fileprivate func isDeclaredStep(of records: Records) -> Bool {
    isWrite && !makes && subject?.number == records.number && path.hasPrefix(records.path + "/{id}")
      && !form.fields.contains { if case .secret = $0.shape { $0.isRequired } else { false } }
  }
}
