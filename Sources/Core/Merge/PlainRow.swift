import Causality
import ChangeModel

/// A row that nobody contests: registers of one value each, nothing in sets and counters, nothing deleted. Most rows are
/// so, and most edits leave them so; merging one then needs neither the row's values nor a `RowState`.
///
/// It says what `RowState` says of such a row, by the same rules, and no more: whatever is not as plain goes that way.
/// One is used for row after row, so that none costs an allocation.
public struct PlainRow {
  /// Field numbers below this have a bit.
  static let fieldLimit: UInt32 = 56

  /// Each change set of which something shows, and the fields that it wrote. Sorted by the lowest field of each.
  var writes: [(stamp: Stamp, fields: UInt64)] = []

  public init() {}

  /// Nothing was ever written.
  public mutating func clear() { writes.removeAll(keepingCapacity: true) }

  /// Writes registers, as `RowState.apply` would.
  ///
  /// - Parameters:
  ///   - stamp: the change set's dot and time.
  ///   - past: what its author had seen, this change set included.
  ///   - schema: edits that it does not admit are left out.
  /// - Returns: the columns that change, as a bitmap of positions in the schema; nil, with nothing changed, when what comes
  ///   of it is not plain: another kind of field, a value that the author had not seen, no effect at all.
  public mutating func write(
    _ edits: [FieldEdit], stamp: Stamp, past: borrowing AuthorPast, schema: CollectionSchema
  ) -> UInt64? {
    var (columns, fields) = (UInt64(0), UInt64(0))
    for edit in edits {
      guard let position = schema.position(of: edit.field), schema.traits[position].admits(edit.operation) else {
        continue
      }
      guard case .set = edit.operation, edit.field < Self.fieldLimit else { return nil }
      columns |= 1 << UInt64(position)
      fields |= 1 << UInt64(edit.field)
    }
    guard fields != 0 else { return nil }
    for write in writes where write.fields & fields != 0 && !past.covers(write.stamp.dot) { return nil }
    var kept = 0
    for index in writes.indices {
      var write = writes[index]
      if write.stamp == stamp { fields |= write.fields }
      write.fields &= ~fields
      guard write.fields != 0 else { continue }
      writes[kept] = write
      kept += 1
    }
    writes.removeSubrange(kept...)
    writes.append((stamp, fields))
    sort()
    return columns
  }

  /// By insertion: what loses a field hardly moves.
  private mutating func sort() {
    for index in writes.indices.dropFirst() {
      var place = index
      while place > 0, writes[place].fields.lowestBit < writes[place - 1].fields.lowestBit {
        writes.swapAt(place, place - 1)
        place -= 1
      }
    }
  }

  /// The column's value for a field that was never written.
  public static func unwritten(_ field: FieldTrait) -> Value {
    switch field.kind {
    case .register: .null
    case .set: .text(JSONText.array([]))
    case .counter, .log, .stock: .integer(0)
    }
  }
}

extension PlainRow {
  /// The registers of a row's state; nil when there is more to it.
  init?(_ state: borrowing RowState) {
    guard state.sets.isEmpty, state.contributions.isEmpty, state.deletions.isEmpty, state.buriedRegisters.isEmpty,
      state.buriedSets.isEmpty
    else { return nil }
    for cell in state.registers {
      guard cell.others.isEmpty, cell.winner.against.isEmpty, cell.field < Self.fieldLimit else { return nil }
      let bit = UInt64(1) << UInt64(cell.field)
      if let index = writes.firstIndex(where: { $0.stamp == cell.winner.stamp }) {
        writes[index].fields |= bit
      } else {
        writes.append((cell.winner.stamp, bit))
      }
    }
  }

  /// The registers, sorted by field, without their values.
  var registers: [RegisterCell] {
    var registers: [RegisterCell] = []
    for (stamp, fields) in writes {
      var rest = fields
      while rest != 0 {
        registers.append(RegisterCell(field: UInt32(rest.lowestBit), winner: Sibling(stamp, .null)))
        rest &= rest - 1
      }
    }
    if writes.count > 1 { registers.sort { $0.field < $1.field } }
    return registers
  }
}

extension UInt64 {
  fileprivate var lowestBit: Int { trailingZeroBitCount }
}
