import Catalogue
import Causality
import ChangeModel
import Desk
import Replica
import TestSupport
import Testing

/// Extremes of every type in every field of every collection, as another ward's program may sign them: every read and every step of every
/// service answers or refuses, and nothing ends the process or fails as no desk can understand.
@Suite struct ExtremesTests {
  @Test func `every read and every step of every service lives with whatever another ward has signed`() throws {
    let wards = try Wards()
    let (here, there) = (wards.first, wards.second)
    var written: Set<String> = []
    for palette in Extremes.palettes {
      for (office, other) in [(there, UInt32(0)), (here, 1)] {
        written.formUnion(
          try Extremes.write(palette, on: office.replica, and: other) {
            _ = try office.replica.commit($0, at: office.now)
          })
      }
    }
    let missed = Set(Extremes.collections.map(\.name)).subtracting(written).sorted()
    #expect(missed.isEmpty, "no extreme was ever signed in \(missed)")
    try here.meet(there)
    try here.meet(there)
    // What is about people, the ward itself reads alone.
    func agree() throws {
      for _ in 0..<2 { try there.meet(wards.secondOther) }
      #expect(try there.replica.store.tableDigest() == wards.secondOther.replica.store.tableDigest())
    }
    try agree()
    var (answered, refused) = (0, 0)
    var seed: UInt64 = 0
    func carefully(_ what: String, _ body: () throws -> Void) {
      do {
        try body()
        answered += 1
      } catch is Fault { refused += 1 } catch let error as ReplicaError {
        if case .store = error { Issue.record("\(what): \(error)") } else { refused += 1 }
      } catch { Issue.record("\(what): \(error)") }
    }
    for endpoint in Office.catalogue.endpoints.sorted(by: { !$0.isWrite && $1.isWrite }) {
      let subjects: [RowID?] =
        try endpoint.subject.map { records in
          try here.replica.store.readOwn { db in
            Result { try RowValues.all(records, "ORDER BY id LIMIT 40", [], db).map { Optional($0.id) } }
          }.get()
        } ?? [nil]
      for subject in subjects {
        for extent in [Sample.Extent.needed, .all] {
          seed += 1
          var sample = Sample(wards: ["13101", "13102"], now: here.now, seed: seed) { collection in
            guard let records = Office.catalogue.records[collection] else { return nil }
            return try? here.replica.store.readOwn { db in
              Result {
                try RowValues.all(records, "ORDER BY id LIMIT 1 OFFSET \(seed % 12)", [], db).first?.id
              }
            }.get()
          }
          guard let body = sample.entry(for: endpoint.form, extent: extent) else { continue }
          carefully("\(endpoint.id) of \(subject.map { "\($0)" } ?? "all")") {
            if endpoint.isWrite {
              try here.write(endpoint.id, subject, body)
            } else {
              _ = try here.read(endpoint.id, subject, body)
            }
          }
        }
      }
    }
    #expect(answered > 1_000, "\(answered) answered, \(refused) refused: hardly anything was asked")
    try here.meet(there)
    try agree()
  }
}
