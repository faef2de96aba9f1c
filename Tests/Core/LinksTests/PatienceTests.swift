import Causality
import Testing

@testable import Links

/// What a node bears from a peer.
@Suite struct PatienceTests {
  @Test func `a peer that wastes a second is read at a twentieth of the time, and one that rests is forgiven`() {
    var patience = Patience()
    var now = Tick(milliseconds: 1_000_000)
    #expect(patience.waste(microseconds: 900_000, at: now) == 0)
    #expect(patience.waste(microseconds: 100_000, at: now) == 0)
    #expect(patience.waste(microseconds: 50_000, at: now) == 1_000)
    #expect(patience.waste(microseconds: 9_000_000, at: now) == 2_000, "pings must be answered")
    // Whatever it does, what it has used up by then is at most the burst, a twentieth of the time, and one batch.
    patience = Patience()
    let start = now
    var spent: Int64 = 0
    while now.milliseconds(since: start) < 60_000 {
      spent += 4_000
      now = now.advanced(byMilliseconds: 4 + patience.waste(microseconds: 4_000, at: now))
    }
    #expect((3_500_000...4_200_000).contains(spent), "\(spent)")
    now = now.advanced(byMilliseconds: 60_000)
    #expect(patience.waste(microseconds: 900_000, at: now) == 0)
  }

  @Test func `a ban lasts a minute, each time twice as long, an hour at most, and a day forgives`() {
    var patience = Patience()
    var now = Tick(milliseconds: 1_000_000)
    var lengths: [Int64] = []
    for _ in 0..<8 {
      let ban = patience.offend(.oversizedFrame, at: now)
      lengths.append(ban.until.milliseconds(since: now) / 60_000)
      #expect(patience.ban == ban)
      now = ban.until
    }
    #expect(lengths == [1, 2, 4, 8, 16, 32, 60, 60])
    now = now.advanced(byMilliseconds: 86_400_001)
    #expect(patience.offend(.oversizedFrame, at: now).until.milliseconds(since: now) == 60_000)
  }
}
