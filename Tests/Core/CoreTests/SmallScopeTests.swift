import Causality
import ChangeModel
import Foundation
import Merge
import TestSupport
import Testing

/// Every causal history of up to four change sets (five with RENKEI_FULL) by three authors at one row, in every order of arrival: beside the random
/// histories of `MergeLawTests`, since what breaks merging is mostly small (Jackson, *Software Abstractions*, 2006: the small
/// scope hypothesis). And each again after a fork or a revocation has ended one of its logs at every place.
@Suite struct SmallScopeTests {
  enum Kind: CaseIterable { case register, counter, set, log, stock, mixed }

  @Test(arguments: Kind.allCases)
  func `every small history comes to the same, in whatever order it arrives and wherever a log ends`(_ kind: Kind) {
    let isFull = ProcessInfo.processInfo.environment["RENKEI_FULL"] != nil
    let walk = Walk(kind, depth: isFull ? 5 : 4, cutDepth: 4)
    walk.grow()
    if let broken = walk.broken { Issue.record("\(kind): \(broken)") }
    #expect(walk.histories > 1_000)
    print("small scope, \(kind): \(walk.histories) histories, \(walk.cuts) cut, \(walk.merges) merges in every order")
  }

  private struct Event {
    var action: RowEdit.Action
    var stamp: Stamp
    var past: AuthorPast
    /// The events that its author had seen, itself included: one bit each.
    var seen: Int
  }

  /// Goes through all histories, one event at a time. A state is kept for each set of events that may have come to a node so
  /// far; whatever came last there, it has to be the same.
  private final class Walk {
    let (kind, depth, cutDepth): (Kind, Int, Int)
    private(set) var (histories, cuts, merges) = (0, 0, 0)
    private(set) var broken: String?
    private var events: [Event] = []
    private var states: [RowState?]

    init(_ kind: Kind, depth: Int, cutDepth: Int) {
      (self.kind, self.depth, self.cutDepth) = (kind, depth, cutDepth)
      states = [RowState()] + Array(repeating: nil, count: 1 << depth - 1)
    }

    static func author(_ index: Int) -> AuthorNumber { AuthorNumber(ward: UInt32(index), serial: 1, epoch: 0) }

    func grow() {
      guard broken == nil else { return }
      if !events.isEmpty { judge() }
      guard events.count < depth else { return }
      let bit = 1 << events.count
      for index in 0..<3 {
        let author = Self.author(index)
        let own = events.last { $0.stamp.dot.author == author }
        for mask in 0..<bit where mask & (own?.seen ?? 0) == own?.seen ?? 0 && isClosed(mask, within: bit - 1) {
          // Of two events that do not know of each other, the lower author's comes first: each history once.
          if let last = events.last, mask & bit >> 1 == 0, last.stamp.dot.author > author { continue }
          let past = past(author, own, mask)
          let stamp = Stamp(Dot(author, past.sequence), at: past.time)
          for action in actions(index, past.sequence, states[mask]!) {
            events.append(Event(action: action, stamp: stamp, past: past, seen: mask | bit))
            merge(&states, from: bit, within: bit << 1 - 1)
            grow()
            events.removeLast()
          }
        }
      }
    }

    private func past(_ author: AuthorNumber, _ own: Event?, _ mask: Int) -> AuthorPast {
      var past = own?.past ?? AuthorPast(author: author, lane: .life)
      let known = events.indices.filter { mask >> $0 & 1 == 1 }.map { events[$0].stamp }
      let heads = Dictionary(grouping: known.map(\.dot), by: \.author).map { $1.max()! }.sorted {
        $0.author < $1.author
      }
      // At one time by every clock: who wins is decided by the counters and the authors.
      let time = max(known.map(\.time).max() ?? .zero, past.time).next(at: .test)
      past.advance(
        by: ChangeSetHeader(
          time: time, clock: past.clock.advances(to: VersionVector(sorted: heads), except: author), control: []))
      return past
    }

    /// What somebody may do at a row that looks to them like this.
    private func actions(_ author: Int, _ sequence: SequenceNumber, _ state: RowState) -> [RowEdit.Action] {
      let own = Value.text("\(author).\(sequence)")
      // No two sums of these are equal.
      let amount = Int64(1) << (5 * Int64(author) + Int64(sequence))
      let other = Self.author((author + 1) % 3)
      let edits: [[FieldEdit]] =
        switch kind {
        case .register: [[FieldEdit(1, .set(own))], [FieldEdit(1, .set(.text("same")))]]
        case .counter: [[FieldEdit(4, .increment(amount))], [FieldEdit(4, .increment(-amount))]]
        case .set: [[FieldEdit(5, .add(.text("x")))], [FieldEdit(5, .remove(.text("x")))]]
        case .log: [[FieldEdit(7, .append(own))]]
        case .stock: [[FieldEdit(6, .receive(amount))], [FieldEdit(6, .handOver(amount, to: other))]]
        case .mixed: [[FieldEdit(1, .set(own))], [FieldEdit(4, .increment(amount))]]
        }
      var actions = edits.map(RowEdit.Action.edit)
      if state.isContested {
        actions += edits.prefix(1).map { .edit([ContestField.edit(state.contestedDeletions)] + $0) }
      }
      if state.isVisible { actions.append(.delete(shares: state.shares())) }
      return actions
    }

    /// Whether a set of events holds, of those in `all`, everything that each of its own had seen.
    private func isClosed(_ mask: Int, within all: Int) -> Bool {
      events.indices.allSatisfy { mask >> $0 & 1 == 0 || events[$0].seen & all & ~mask == 0 }
    }

    /// The states of all closed sets of events of `all` from `first` on, by every event that may have come last.
    private func merge(_ states: inout [RowState?], from first: Int, within all: Int) {
      for mask in first...all where mask & ~all == 0 {
        states[mask] = nil
        guard isClosed(mask, within: all) else { continue }
        for last in events.indices where mask >> last & 1 == 1 {
          let before = mask & ~(1 << last)
          guard isClosed(before, within: all), var state = states[before] else { continue }
          let event = events[last]
          _ = state.apply(event.action, stamp: event.stamp, past: event.past, schema: TestSchema.things)
          merges += 1
          if let known = states[mask] {
            if known != state { return fail("two orders, two states", mask) }
          } else {
            if !state.checkInvariants().isEmpty { return fail("\(state.checkInvariants())", mask) }
            states[mask] = state
          }
        }
      }
    }

    /// One whole history, against what its words mean.
    private func judge() {
      let all = 1 << events.count - 1
      histories += 1
      check(states[all]!, all)
      guard events.count <= cutDepth else { return }
      for (index, end) in events.enumerated() {
        // As a fork or a revocation leaves it: of this author, what comes before this event.
        let void = events.indices.filter { $0 >= index && events[$0].stamp.dot.author == end.stamp.dot.author }
        let kept = void.reduce(all) { $0 & ~(1 << $1) }
        guard kept != 0 else { continue }
        var states: [RowState?] = [RowState()] + Array(repeating: nil, count: all)
        merge(&states, from: 1, within: kept)
        guard broken == nil else { return }
        cuts += 1
        check(states[kept]!, kept)
      }
    }

    private func check(_ state: RowState, _ mask: Int) {
      if MergeLawTests.reread(state) != state && !state.hasSiblings { fail("another state when read again", mask) }
      let merged = events.indices.filter { mask >> $0 & 1 == 1 }
      func edits(_ index: Int) -> [FieldEdit] { if case .edit(let edits) = events[index].action { edits } else { [] } }
      func isDeletion(_ index: Int) -> Bool { if case .delete = events[index].action { true } else { false } }
      /// Whether another event has seen this one, and did something to that effect.
      func isAnswered(_ index: Int, _ by: (Int) -> Bool) -> Bool {
        merged.contains { $0 != index && events[$0].seen >> index & 1 == 1 && by($0) }
      }
      // A register holds exactly what nobody has replaced or deleted.
      let writes = merged.filter { index in edits(index).contains { $0.field == 1 } }
      let standing = writes.filter { !isAnswered($0) { other in isDeletion(other) || writes.contains(other) } }
      let expected = Set(
        standing.compactMap { index -> Value? in
          if case .set(let value)? = edits(index).last(where: { $0.field == 1 })?.operation { value } else { nil }
        })
      let found = Set((state.register(1).map { [$0.winner] + $0.others } ?? []).map(\.value))
      if found != expected { fail("a register holds \(found), not \(expected)", mask) }
      // A counter is the sum of what no deletion has seen; of a contested row, of all.
      let sum = merged.reduce(Int64(0)) { sum, index in
        guard state.isContested || !isAnswered(index, isDeletion) else { return sum }
        return edits(index).reduce(sum) { if case .increment(let amount) = $1.operation { $0 + amount } else { $0 } }
      }
      let counter = state.shown(TestSchema.things.field(4)!)
      if counter != .integer(sum) { fail("a counter shows \(counter), not \(sum)", mask) }
      // Whoever adds wins over who removes without having seen it.
      let adds = merged.filter { index in edits(index).contains { if case .add = $0.operation { true } else { false } }
      }
      let removes = merged.filter { index in
        edits(index).contains { if case .remove = $0.operation { true } else { false } }
      }
      let isIn = adds.contains { !isAnswered($0) { other in isDeletion(other) || removes.contains(other) } }
      if isIn && state.elements(5).isEmpty { fail("what was added is not there", mask) }
    }

    private func fail(_ what: String, _ mask: Int) {
      guard broken == nil else { return }
      broken = "\(what), of the events \(String(mask, radix: 2)):\n" + events.map { "\($0)" }.joined(separator: "\n")
    }
  }
}
