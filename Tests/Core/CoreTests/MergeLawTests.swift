import Causality
import ChangeModel
import Merge
import TestSupport
import Testing

/// The laws of merging, over random histories: authors who edit and delete one row knowing random parts of what the
/// others did, merged in random causal orders.
@Suite struct MergeLawTests {
  /// One change set of a history: what it does, and what its author had seen, itself included.
  struct Event {
    var action: RowEdit.Action
    var stamp: Stamp
    var past: AuthorPast
    var needs: [Dot]
  }

  struct Author {
    var past: AuthorPast
    var seen: [Int] = []
    var state = RowState()
  }

  /// A history of `count` events by `authors` authors. Each event is also applied at its author, as a node does.
  static func history(seed: UInt64, authors: Int, count: Int) -> [Event] {
    var random = RandomNumbers(seed: seed)
    var events: [Event] = []
    var nodes = (0..<authors).map {
      Author(past: AuthorPast(author: AuthorNumber(ward: UInt32($0), serial: 1, epoch: 0), lane: .life))
    }
    while events.count < count {
      let index = random.below(authors)
      for _ in 0..<random.below(4) where !events.isEmpty {
        learn(random.below(events.count), &nodes[index], events)
      }
      let knownDots = nodes[index].seen.map { events[$0].stamp.dot }.sorted()
      let advances = VersionVector(
        sorted: Dictionary(grouping: knownDots, by: \.author).map { $1.max()! }.sorted { $0.author < $1.author })
      let needs = nodes[index].past.clock.advances(to: advances, except: nodes[index].past.author)
      // Clocks are skewed by up to a minute either way: they may choose a winner and nothing more.
      let skew = Int64(random.below(120_000)) - 60_000
      let latest = nodes[index].seen.map { events[$0].stamp.time }.max() ?? .zero
      let time = max(latest, nodes[index].past.time).next(at: Instant.test.advanced(byMilliseconds: skew))
      nodes[index].past.advance(by: ChangeSetHeader(time: time, clock: needs, control: []))
      let stamp = Stamp(Dot(nodes[index].past.author, nodes[index].past.sequence), at: time)
      let action: RowEdit.Action =
        random.chance(0.15) && nodes[index].state.isVisible
        ? .delete(shares: nodes[index].state.shares())
        : .edit(
          (nodes[index].state.isContested && random.chance(0.8)
            ? [ContestField.edit(nodes[index].state.contestedDeletions)] : [])
            + (0...random.below(3)).map { _ in TestSchema.randomEdit(&random) })
      events.append(Event(action: action, stamp: stamp, past: nodes[index].past, needs: needs))
      apply(events[events.count - 1], to: &nodes[index].state)
      nodes[index].seen.append(events.count - 1)
    }
    return events
  }

  /// Gives an author an event and all that it follows, in the order of the history.
  static func learn(_ event: Int, _ author: inout Author, _ events: [Event]) {
    var wanted: Set<Int> = [event]
    for index in (0...event).reversed() where wanted.contains(index) {
      for earlier in 0..<index where events[index].past.covers(events[earlier].stamp.dot) { wanted.insert(earlier) }
    }
    for index in wanted.sorted() where !author.seen.contains(index) {
      apply(events[index], to: &author.state)
      author.seen.append(index)
    }
  }

  static func apply(_ event: Event, to state: inout RowState) {
    _ = state.apply(event.action, stamp: event.stamp, past: event.past, schema: TestSchema.things)
    #expect(state.checkInvariants() == [])
  }

  /// Merges all events in a random order that keeps causes before effects, going through the stored form now and then.
  static func merged(_ events: [Event], seed: UInt64) -> RowState {
    var random = RandomNumbers(seed: seed)
    var state = RowState()
    var done: Set<Dot> = []
    var left = Array(events.indices)
    while !left.isEmpty {
      let ready = left.filter { index in
        events.allSatisfy { other in
          other.stamp.dot == events[index].stamp.dot || !events[index].past.covers(other.stamp.dot)
            || done.contains(other.stamp.dot)
        }
      }
      let next = random.pick(ready)
      apply(events[next], to: &state)
      done.insert(events[next].stamp.dot)
      left.removeAll { $0 == next }
      if random.chance(0.2) { state = reread(state) }
    }
    return state
  }

  static func reread(_ state: RowState) -> RowState {
    let inline = try! RowStateCodec.encode(state, inline: true).decoding(RowStateCodec.decode)
    precondition(inline == state)
    // The form beside columns: values of winners come back from the columns.
    var beside = try! RowStateCodec.encode(state, inline: false).decoding(RowStateCodec.decode)
    beside.hydrate { field in state.register(field)!.winner.value }
    return beside
  }

  static let cases = 3_000

  @Test func `any causal order of merging gives the same bytes`() {
    for seed in 0..<UInt64(Self.cases) {
      let events = Self.history(seed: seed, authors: 2 + Int(seed % 4), count: 4 + Int(seed % 15))
      let first = RowStateCodec.encode(Self.merged(events, seed: seed &+ 1_000_000), inline: true)
      for order in 0..<3 {
        let other = RowStateCodec.encode(Self.merged(events, seed: seed &* 31 &+ UInt64(order)), inline: true)
        #expect(first == other, "seed \(seed)")
        if first != other { return }
      }
    }
    print("merge laws: \(Self.cases) random histories, 4 orders each")
  }

  /// What is merged without a row's state leaves the very bytes that merging into the state leaves, and changes the same columns.
  @Test func `a plain row is merged as its state would be`() {
    var (plain, full) = (0, 0)
    for seed in 0..<UInt64(Self.cases) {
      var state = RowState()
      var row = PlainRow()
      for event in Self.history(seed: seed, authors: 1 + Int(seed % 3), count: 10) {
        let before = RowStateCodec.encode(state, inline: false)
        let wasPlain = try! before.decoding { raw throws(MalformedBytes) in try RowStateCodec.decode(raw, into: &row) }
        let change = state.apply(event.action, stamp: event.stamp, past: event.past, schema: TestSchema.things)
        guard wasPlain, case .edit(let edits) = event.action,
          let columns = row.write(edits, stamp: event.stamp, past: event.past, schema: TestSchema.things)
        else {
          full += 1
          continue
        }
        plain += 1
        var writer = ByteWriter()
        RowStateCodec.encode(row, to: &writer)
        #expect(writer.bytes == RowStateCodec.encode(state, inline: false), "seed \(seed)")
        #expect(columns == change.columns && change.entries.isEmpty, "seed \(seed)")
      }
    }
    #expect(plain > 1_000 && full > 1_000, "\(plain) plain, \(full) not")
  }

  /// Where a revocation chooses between the branches of a log, others' clocks say nothing of it past the place where they part, and
  /// nobody waits for it: its change sets come before or after those that name them. Who has named the branch counts again.
  @Test func `past a choice of branches too, any order gives the same bytes`() {
    for seed in 0..<UInt64(Self.cases) {
      var random = RandomNumbers(seed: seed)
      var events = Self.history(seed: seed, authors: 2 + Int(seed % 4), count: 4 + Int(seed % 15))
      let forked = events[random.below(events.count)].past.author
      let shared = SequenceNumber(random.below(4))
      let named = Dictionary(
        uniqueKeysWithValues: Set(events.map(\.past.author)).sorted().map {
          ($0, random.below(2 * events.count))
        })
      for index in events.indices where events[index].past.author != forked && index < named[events[index].past.author]!
      {
        events[index].past.certain[forked] = shared
      }
      let first = RowStateCodec.encode(Self.merged(events, seed: seed &+ 1_000_000), inline: true)
      for order in 0..<3 {
        let other = RowStateCodec.encode(Self.merged(events, seed: seed &* 31 &+ UInt64(order)), inline: true)
        #expect(first == other, "seed \(seed), \(forked) after \(shared)")
        if first != other { return }
      }
    }
  }

  /// A value that no later edit has seen is readable, and nothing else is: against a model that keeps whole histories.
  @Test func `a register holds exactly the values that nobody has replaced`() {
    for seed in 0..<UInt64(1_000) {
      let events = Self.history(seed: seed, authors: 3, count: 12)
      let state = Self.merged(events, seed: seed)
      for field in [UInt32(1), 2, 3, 8] {
        var expected: Set<Value> = []
        for (index, event) in events.enumerated() {
          guard case .edit(let edits) = event.action, let last = edits.last(where: { $0.field == field }),
            case .set(let value) = last.operation
          else { continue }
          let replaced = events.indices.contains { other in
            guard other != index, events[other].past.covers(event.stamp.dot) else { return false }
            switch events[other].action {
            case .delete: return true
            case .edit(let later): return later.contains { $0.field == field }
            }
          }
          if !replaced { expected.insert(value) }
        }
        let cell = state.register(field)
        let found = Set((cell.map { [$0.winner] + $0.others } ?? []).map(\.value))
        #expect(found == expected, "seed \(seed) field \(field)")
      }
    }
  }

  /// A log may be cut, by a fork or a revocation: then deletions speak of what is void. (Found by `hostile`, seed 1011: a
  /// deletion's share took away more than there was, and so hid what another author had put in.)
  @Test(arguments: [false, true])
  func `a counter is the sum of what no deletion saw, and a contested row shows all of it`(isCut: Bool) {
    for seed in 0..<UInt64(1_000) {
      var events = Self.history(seed: seed, authors: 3, count: 12)
      if isCut {
        let cut = events.lastIndex { $0.past.author == events[0].past.author }! / 2
        events = events.enumerated().filter { $0.offset <= cut || $0.element.past.author != events[0].past.author }
          .map(\.element)
      }
      let state = Self.merged(events, seed: seed)
      var live: Int64 = 0
      var all: Int64 = 0
      for event in events {
        guard case .edit(let edits) = event.action else { continue }
        for case .increment(let amount) in edits.map(\.operation) {
          all += amount
          let buried = events.contains { other in
            guard case .delete = other.action else { return false }
            return other.past.covers(event.stamp.dot)
          }
          if !buried { live += amount }
        }
      }
      let field = TestSchema.things.field(4)!
      #expect(state.shown(field) == .integer(state.isContested ? all : live), "seed \(seed)")
    }
  }

  @Test func `a row shows as long as somebody's edit was not seen by a deletion`() {
    for seed in 0..<UInt64(1_000) {
      let events = Self.history(seed: seed, authors: 3, count: 10)
      let state = Self.merged(events, seed: seed)
      let hasLiveWrite = events.contains { event in
        guard case .edit(let edits) = event.action,
          edits.contains(where: { if case .set = $0.operation { true } else { false } })
        else { return false }
        return !events.contains { other in
          guard case .delete = other.action else { return false }
          return other.past.covers(event.stamp.dot)
        }
      }
      if hasLiveWrite { #expect(state.isVisible, "seed \(seed)") }
    }
  }
}
