import Causality
import ChangeModel
import Federation
import Foundation
import Inspection
import Replica
import Store
import TestSupport
import Testing

@Suite struct TraceTests {
  /// What the test itself did: who wrote what, knowing which writes of the field.
  private struct Truth {
    var dot: Dot
    var value: String
    var knew: Set<Dot>
  }

  @Test func `the life of a value that five wards edited through two partitions is told as it was`() throws {
    let fixture = try Fixture(wards: 5, seed: 23)
    let row = try fixture.newRow(0)
    var truth: [Truth] = []
    func write(_ ward: Int, _ value: String) throws {
      // Which of the writes this ward has, by its own log before it writes.
      let knew = Set(
        truth.map(\.dot).filter { fixture.replicas[ward].store.merged(.init(.life, $0.author)) >= $0.sequence })
      let dot = try fixture.edit(ward, TestSchema.things, row, [FieldEdit(2, .set(.text(value)))])
      truth.append(Truth(dot: dot, value: value, knew: knew))
    }
    try write(0, "準備中")
    try fixture.meet([0, 1, 2, 3, 4])
    // The first partition: two wards here, three there.
    try write(0, "開設")
    try write(1, "閉鎖")
    try fixture.meet([0, 1])
    try write(2, "満員")
    try fixture.meet([2, 3, 4])
    try write(3, "一部開設")
    // The second: another cut, before the first has healed for everybody.
    try fixture.meet([1, 2])
    try write(4, "水なし")
    try write(2, "確認中")
    try fixture.meet([0, 1, 2, 3, 4])
    // One who has seen all settles it; another goes on from there.
    try write(1, "開設(確認済)")
    try fixture.meet([0, 1, 2, 3, 4])
    try write(3, "閉鎖(終了)")
    try fixture.meet([0, 1, 2, 3, 4])

    // The truth, worked out by plain sets: what stood where each was written, and what each stood beside.
    var standing: [Truth] = []
    var expected: [(dot: Dot, value: String, replaced: Set<Dot>, beside: Set<Dot>)] = []
    for write in truth {
      let seen = truth.filter { write.knew.contains($0.dot) }
      let replaced = seen.filter { one in !seen.contains { $0.knew.contains(one.dot) } }
      standing.removeAll { write.knew.contains($0.dot) }
      expected.append((write.dot, write.value, Set(replaced.map(\.dot)), Set(standing.map(\.dot))))
      standing.append(write)
    }

    try fixture.replicas[4].store.checkpoint()
    try fixture.close()
    let evidence = try Evidence.database(fixture.path(4), identity: fixture.identities[4], schema: Fixture.schema)
    let trace = try Trace(evidence, TestSchema.things, row, field: TestSchema.things.field(named: "status"))
    #expect(trace.events.count == truth.count)
    print("writer          value            replaced (truth = trace)        beside")
    for (event, want) in zip(trace.events, expected) {
      #expect(event.writer.dot == "\(want.dot)")
      #expect(event.value == .text(want.value))
      #expect(Set(event.replaced) == Set(want.replaced.map { "\($0)" }))
      #expect(Set(event.beside) == Set(want.beside.map { "\($0)" }))
      #expect(event.settled == (want.replaced.count > 1))
      print(event.writer.dot, want.value, want.replaced.sorted(), want.beside.sorted(), event.settled ? "settled" : "")
    }
    #expect(trace.standing.first?.values.map(\.value) == [.text("閉鎖(終了)")])
    #expect(trace.standing.first?.table == .text("閉鎖(終了)"))
    #expect(trace.events.contains { $0.beside.count > 1 } && trace.events.contains(where: \.settled))

    // The drawings hold every event, and nothing that a browser would run.
    let words = DrawingWords(replaced: "r", beside: "b", settled: "s", knew: "k", time: { "\($0)" })
    #expect(trace.dot(words).components(separatedBy: "[label=").count == truth.count + 1)
    #expect(trace.svg(words).components(separatedBy: "<g class=").count == truth.count + 1)
    #expect(!trace.html(words, title: "<script>alert(1)</script>", notes: [], language: "ja").contains("<script"))
  }

  @Test func `a value with markup cannot leave its place in a drawing`() throws {
    let fixture = try Fixture(wards: 1, seed: 5)
    let row = try fixture.newRow(0)
    try fixture.edit(0, TestSchema.things, row, [FieldEdit(2, .set(.text("</text><script>\"&\u{1b}[2J\n")))])
    try fixture.close()
    let evidence = try Evidence.database(fixture.path(0), identity: fixture.identities[0], schema: Fixture.schema)
    let trace = try Trace(evidence, TestSchema.things, row, field: nil)
    let words = DrawingWords(replaced: "r", beside: "b", settled: "s", knew: "k", time: { "\($0)" })
    let svg = trace.svg(words)
    #expect(!svg.contains("<script>") && !svg.contains("\u{1b}"))
    #expect(trace.dot(words).contains("\\\""))
  }
}
