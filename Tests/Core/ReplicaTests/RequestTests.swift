import Causality
import ChangeModel
import GRDB
import Replica
import TestSupport
import Testing

@testable import Store

/// Requests that may be sent again.
@Suite struct RequestTests {
  @Test func `requests are forgotten by how many came after them, their answers first`() throws {
    let folder = TemporaryDirectory()
    var federation = TestFederation(wards: 1, seed: 5)
    let replica = try Replica(
      path: folder.file("r.sqlite"), identity: federation.node(ward: 0, keySeed: 1), schema: TestSchema.schema,
      at: .test)
    func key(_ number: Int) -> [UInt8] { [UInt8(number), 0, 0, 0] }
    // A clock that jumps decides nothing.
    for (number, clock) in [5_000, 900_000_000_000, 3, 4_000, 1].enumerated() {
      _ = try replica.batch(at: .test) {
        try replica.store.keepAnswer([1], toRequest: key(number), with: [2], at: Int64(clock))
      }
    }
    _ = try replica.batch(at: .test) {
      try replica.store.pool.unsafeReentrantWrite { try Store.forget($0, requests: 4, answers: 2) }
    }
    _ = try replica.batch(at: .test) {
      let kept = try (0..<5).map { try replica.store.answer(toRequest: key($0)) }
      #expect(kept.map { $0?.answer } == [nil, [], [], [1], [1]])
      #expect(kept.map { $0?.content } == [nil, [2], [2], [2], [2]])
    }
    try replica.store.close()
  }
}
