import Causality
import ChangeModel

/// What merging one row edit did to the row's columns.
public struct RowChange: Sendable {
  /// Columns that may show another value now, as a bitmap of positions in the schema; nil when any may.
  public var columns: UInt64? = 0
  /// New log entries, in order, for the collection's entry table.
  public var entries: [(field: UInt32, value: Value)] = []

  public init() {}
}

extension RowState {
  /// Whether `apply` will need the values of register winners: only when one of them is, or may become, a conflict's
  /// value, or may be buried. On all other ways a merge reads no column.
  public func needsValues(for action: RowEdit.Action, past: borrowing AuthorPast) -> Bool {
    guard !isHydrated else { return false }
    guard deletions.isEmpty, case .edit(let edits) = action else { return true }
    if hasSiblings { return true }
    for edit in edits {
      guard case .set = edit.operation else { continue }
      for cell in registers where cell.field == edit.field && !past.covers(cell.winner.stamp.dot) { return true }
    }
    return false
  }

  /// Merges one row edit of one change set.
  ///
  /// - Parameters:
  ///   - stamp: the change set's dot and time.
  ///   - past: what its author had seen, this change set included.
  ///   - schema: operations that it does not admit are left out.
  /// - Precondition: hydrated when `needsValues` says so; everything that `past` covers is merged already.
  public mutating func apply(
    _ action: RowEdit.Action, stamp: Stamp, past: borrowing AuthorPast, schema: CollectionSchema
  ) -> RowChange {
    var change = RowChange()
    switch action {
    case .edit(let edits):
      let against = deletions.isEmpty ? [] : marks(edits, past)
      if registers.isEmpty { registers.reserveCapacity(edits.count) }
      for edit in edits {
        guard let position = schema.position(of: edit.field), schema.traits[position].admits(edit.operation) else {
          continue
        }
        change.columns! |= 1 << UInt64(position)
        apply(edit, stamp: stamp, past: past, against: against, &change)
      }
      // Being contested, or no longer, can change what every column shows.
      if !deletions.isEmpty { change.columns = nil }
    case .delete(let shares):
      delete(stamp.dot, shares: Self.admitted(shares, schema), past: past)
      change.columns = nil
    }
    return change
  }

  /// The deletions that an edit stands against: those that its author did not know, and those that it says it leaves
  /// unsettled. One that another has taken up meanwhile is told by that one.
  private func marks(_ edits: [FieldEdit], _ past: borrowing AuthorPast) -> [Dot] {
    let unsettled = ContestField.deletions(in: edits)
    var marks: [Dot] = []
    for deletion in deletions where !past.covers(deletion) || unsettled.contains(deletion) { marks.append(deletion) }
    return marks
  }

  private mutating func apply(
    _ edit: FieldEdit, stamp: Stamp, past: borrowing AuthorPast, against: [Dot], _ change: inout RowChange
  ) {
    switch edit.operation {
    case .set(let value):
      write(edit.field, Sibling(stamp, value, against: against), past)
    case .add(let value):
      removeAdds(of: value, from: edit.field, past)
      insertAdd(edit.field, Sibling(stamp, value, against: against))
    case .remove(let value):
      removeAdds(of: value, from: edit.field, past)
    case .increment(let amount):
      contribute(edit.field, stamp.dot, amount, against)
    case .append(let value):
      contribute(edit.field, stamp.dot, 1, against)
      change.entries.append((edit.field, value))
    case .receive(let amount):
      contribute(edit.field, stamp.dot, amount, against)
    case .spend(let amount):
      contribute(edit.field, stamp.dot, 0 &- amount, against)
    case .handOver(let amount, let receiver):
      contribute(edit.field, stamp.dot, 0 &- amount, against)
      let index = contributionIndex(edit.field)
      contributions[index].update(receiver) { $0.total &+= amount }
    case .takeOver(let amount, let giver):
      guard giver.ward == stamp.dot.author.ward, giver != stamp.dot.author else { return }
      contribute(edit.field, stamp.dot, amount, against)
      let index = contributionIndex(edit.field)
      contributions[index].update(giver) { $0.total &-= amount }
    }
  }

  // MARK: Registers

  private mutating func write(_ field: UInt32, _ new: Sibling, _ past: borrowing AuthorPast) {
    if !buriedRegisters.isEmpty, let index = buriedRegisters.firstIndex(where: { $0.field == field }) {
      let standing = unseen([buriedRegisters[index].winner] + buriedRegisters[index].others, by: past)
      if standing.isEmpty {
        buriedRegisters.remove(at: index)
      } else {
        buriedRegisters[index] = Self.cell(field, standing)
      }
    }
    var index = 0
    while index < registers.count, registers[index].field < field { index += 1 }
    guard index < registers.count, registers[index].field == field else {
      registers.insert(RegisterCell(field: field, winner: new), at: index)
      return
    }
    if registers[index].others.isEmpty, past.covers(registers[index].winner.stamp.dot) {
      registers[index].winner = new
      return
    }
    let standing = unseen([registers[index].winner] + registers[index].others, by: past)
    registers[index] = Self.cell(field, standing + [new])
  }

  private func unseen(_ siblings: [Sibling], by past: borrowing AuthorPast) -> [Sibling] {
    #if MUTANTS
      if PlantedBug.overwritesUnseen.isPlanted { return [] }
    #endif
    var unseen: [Sibling] = []
    for sibling in siblings where !past.covers(sibling.stamp.dot) { unseen.append(sibling) }
    return unseen
  }

  /// - Precondition: `siblings` is not empty.
  private static func cell(_ field: UInt32, _ siblings: [Sibling]) -> RegisterCell {
    #if MUTANTS
      if PlantedBug.showsEarliest.isPlanted, let first = siblings.min(by: { $0.stamp < $1.stamp }) {
        return RegisterCell(field: field, winner: first, others: siblings.filter { $0 != first })
      }
    #endif
    #if MUTANTS
      if PlantedBug.showsLastArrived.isPlanted {
        return RegisterCell(field: field, winner: siblings.last!, others: siblings.dropLast())
      }
    #endif
    let sorted = siblings.sorted { $0.stamp > $1.stamp }
    return RegisterCell(field: field, winner: sorted[0], others: Array(sorted.dropFirst()))
  }

  // MARK: Sets

  private mutating func insertAdd(_ field: UInt32, _ add: Sibling) {
    Self.insert(add, into: &sets, field)
  }

  private static func insert(_ add: Sibling, into cells: inout [SetCell], _ field: UInt32) {
    var index = 0
    while index < cells.count, cells[index].field < field { index += 1 }
    if index == cells.count || cells[index].field != field {
      cells.insert(SetCell(field: field, adds: []), at: index)
    }
    let position = cells[index].adds.firstIndex {
      add.value < $0.value || (add.value == $0.value && add.stamp < $0.stamp)
    }
    cells[index].adds.insert(add, at: position ?? cells[index].adds.count)
  }

  private mutating func removeAdds(of value: Value, from field: UInt32, _ past: borrowing AuthorPast) {
    Self.removeAdds(of: value, from: &sets, field, past)
    if !buriedSets.isEmpty { Self.removeAdds(of: value, from: &buriedSets, field, past) }
  }

  private static func removeAdds(
    of value: Value, from cells: inout [SetCell], _ field: UInt32, _ past: borrowing AuthorPast
  ) {
    guard let index = cells.firstIndex(where: { $0.field == field }) else { return }
    var standing: [Sibling] = []
    for add in cells[index].adds where add.value != value || !past.covers(add.stamp.dot) { standing.append(add) }
    #if MUTANTS
      if PlantedBug.removeBeatsAdd.isPlanted {
        standing = cells[index].adds.filter { $0.value != value }
      }
    #endif
    if standing.isEmpty { cells.remove(at: index) } else { cells[index].adds = standing }
  }

  // MARK: Counters, logs, stock

  private mutating func contributionIndex(_ field: UInt32) -> Int {
    var index = 0
    while index < contributions.count, contributions[index].field < field { index += 1 }
    if index == contributions.count || contributions[index].field != field {
      contributions.insert(ContributionCell(field: field), at: index)
    }
    return index
  }

  private mutating func contribute(_ field: UInt32, _ dot: Dot, _ amount: Int64, _ against: [Dot]) {
    let index = contributionIndex(field)
    contributions[index].update(dot.author) { contribution in
      contribution.last = dot.sequence
      #if MUTANTS
        if PlantedBug.countsOnlyLast.isPlanted { contribution.total = 0 }
      #endif
      contribution.total &+= amount
      for deletion in against { contribution.stand(against: deletion) }
    }
  }

  // MARK: Deletion

  /// Shares of fields that have any. Of stock a deletion hides the row, but goods do not vanish with it.
  private static func admitted(_ shares: [ContributionShare], _ schema: CollectionSchema) -> [ContributionShare] {
    shares.compactMap { share in
      guard let kind = schema.trait(share.field)?.kind, kind.isContributed else { return nil }
      var share = share
      if kind == .stock { share.total = 0 }
      return share
    }
  }

  private mutating func delete(_ deletion: Dot, shares: [ContributionShare], past: borrowing AuthorPast) {
    // A deletion that this one knew adds nothing: whoever did not know it, did not know this one either.
    var standing: [Dot] = []
    for known in deletions where !past.covers(known) { standing.append(known) }
    deletions = (standing + [deletion]).sorted()

    var live: [RegisterCell] = []
    for cell in registers {
      let (kept, buried) = split([cell.winner] + cell.others, deletion, past)
      if !kept.isEmpty { live.append(Self.cell(cell.field, kept)) }
      if !buried.isEmpty { Self.bury(buried, into: &buriedRegisters, cell.field) }
    }
    registers = live

    var liveSets: [SetCell] = []
    for cell in sets {
      let (kept, buried) = split(cell.adds, deletion, past)
      if !kept.isEmpty { liveSets.append(SetCell(field: cell.field, adds: kept)) }
      for add in buried { Self.insert(add, into: &buriedSets, cell.field) }
    }
    sets = liveSets

    for share in shares {
      // Where a number names one branch or another, so does what the deletion took of it: it takes nothing.
      if share.author != past.author, share.last > past.certain[share.author] ?? .max { continue }
      let seen = share.author == past.author ? past.sequence : past.clock[share.author]
      let through = min(share.last, seen)
      let index = contributionIndex(share.field)
      contributions[index].update(share.author) { contribution in
        // Of two that did not know each other and saw as much, the greater sum: the same whichever comes first.
        guard through > 0, (through, share.total) > (contribution.buriedThrough, contribution.buriedTotal) else {
          return
        }
        contribution.buriedThrough = through
        contribution.buriedTotal = share.total
      }
    }
    for index in contributions.indices {
      for position in contributions[index].contributions.indices {
        var contribution = contributions[index].contributions[position]
        var standing: [Contest] = []
        for contest in contribution.against
        where !past.covers(contest.deletion) && contest.last > contribution.buriedThrough { standing.append(contest) }
        contribution.against = standing
        if contribution.isLive { contribution.stand(against: deletion) }
        contributions[index].contributions[position] = contribution
      }
    }
  }

  /// The siblings that the deleter had not seen, now marked with its deletion, and those that it had.
  private func split(
    _ siblings: [Sibling], _ deletion: Dot, _ past: borrowing AuthorPast
  ) -> (kept: [Sibling], buried: [Sibling]) {
    var kept: [Sibling] = []
    var buried: [Sibling] = []
    for var sibling in siblings {
      #if MUTANTS
        let sees = PlantedBug.deletesUnseen.isPlanted
      #else
        let sees = false
      #endif
      if sees || past.covers(sibling.stamp.dot) {
        sibling.against = []
        buried.append(sibling)
      } else {
        var marks = [deletion]
        for known in sibling.against where !past.covers(known) { marks.append(known) }
        sibling.against = marks.sorted()
        kept.append(sibling)
      }
    }
    return (kept, buried)
  }

  private static func bury(_ siblings: [Sibling], into cells: inout [RegisterCell], _ field: UInt32) {
    var index = 0
    while index < cells.count, cells[index].field < field { index += 1 }
    if index < cells.count, cells[index].field == field {
      cells[index] = cell(field, siblings + [cells[index].winner] + cells[index].others)
    } else {
      cells.insert(cell(field, siblings), at: index)
    }
  }
}

extension RowState {
  /// What a deletion by someone who sees the row as it stands must say.
  public func shares() -> [ContributionShare] {
    contributions.flatMap { cell in
      cell.contributions.filter { $0.last > 0 }.map {
        ContributionShare(field: cell.field, author: $0.author, last: $0.last, total: $0.total)
      }
    }
  }
}
