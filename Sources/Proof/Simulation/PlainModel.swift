import Causality
import ChangeModel
import SignedLog

/// What each row must show, worked out from the ledger alone, one operation after the other. It is as plain as can be,
/// slow, and shares no code with the merge that it judges.
struct PlainModel {
  struct Standing {
    var author: AuthorNumber
    var sequence: SequenceNumber
    var value: Value
    /// What its author had seen.
    var entry: Int
  }

  struct Contribution {
    var author: AuthorNumber
    var sequence: SequenceNumber
    var amount: Int64
    var value: Value?
    var entry: Int
  }

  struct Row {
    /// By field: values that no later write of the field, and no deletion, had seen.
    var registers: [UInt32: [Standing]] = [:]
    var adds: [UInt32: [Standing]] = [:]
    var contributions: [UInt32: [Contribution]] = [:]
    /// Entries of the ledger that deleted the row.
    var deletions: [Int] = []

    var isVisible: Bool {
      registers.values.contains { !$0.isEmpty } || adds.values.contains { !$0.isEmpty }
        || contributions.values.contains { !$0.isEmpty }
    }
  }

  private let ledger: Ledger
  private(set) var rows: [UInt32: [RowID: Row]] = [:]

  /// The model of what a node shows that has merged each log up to `merged`.
  init(_ ledger: Ledger, merged: [LogName: SequenceNumber], reads: (Audience) -> Bool) {
    self.ledger = ledger
    for (index, entry) in ledger.entries.enumerated() where merged[entry.log, default: 0] >= entry.sequence {
      for edit in entry.edits { apply(edit, index, entry) }
      for section in entry.sealed where reads(section.audience) {
        for edit in section.edits { apply(edit, index, entry) }
      }
    }
  }

  /// Whether the author of `entry` had seen a change set when it wrote, as far as its clock is certain.
  private func saw(_ entry: Int, _ author: AuthorNumber, _ sequence: SequenceNumber) -> Bool {
    let entry = ledger.entries[entry]
    if author == entry.log.author { return sequence <= entry.sequence }
    return sequence <= entry.known[author] ?? 0 && sequence <= ledger.certain(author, by: entry)
  }

  /// What an edit may do: of another ward's notice, it is seen and nothing else.
  private func lawful(_ edit: RowEdit, _ entry: Ledger.Entry) -> RowEdit? {
    guard edit.collection == NightSchema.notices.number, edit.row.ward != entry.log.author.ward else { return edit }
    guard case .edit(let fields) = edit.action, case let seen = fields.filter({ $0.field == 2 }), !seen.isEmpty else {
      return nil
    }
    return RowEdit(edit.collection, edit.row, .edit(seen))
  }

  private mutating func apply(_ edit: RowEdit, _ index: Int, _ entry: Ledger.Entry) {
    guard let edit = lawful(edit, entry) else { return }
    var row = rows[edit.collection]?[edit.row] ?? Row()
    switch edit.action {
    case .delete:
      for field in row.registers.keys { row.registers[field]!.removeAll { saw(index, $0.author, $0.sequence) } }
      for field in row.adds.keys { row.adds[field]!.removeAll { saw(index, $0.author, $0.sequence) } }
      for field in row.contributions.keys {
        row.contributions[field]!.removeAll { saw(index, $0.author, $0.sequence) }
      }
      row.deletions.append(index)
    case .edit(let fields):
      for field in fields { apply(field, index, entry, &row) }
    }
    rows[edit.collection, default: [:]][edit.row] = row
  }

  private func apply(_ edit: FieldEdit, _ index: Int, _ entry: Ledger.Entry, _ row: inout Row) {
    func standing(_ value: Value) -> Standing {
      Standing(author: entry.log.author, sequence: entry.sequence, value: value, entry: index)
    }
    func contribute(_ amount: Int64, _ value: Value? = nil) {
      row.contributions[edit.field, default: []].append(
        Contribution(
          author: entry.log.author, sequence: entry.sequence, amount: amount, value: value, entry: index))
    }
    switch edit.operation {
    case .set(let value):
      row.registers[edit.field, default: []].removeAll { saw(index, $0.author, $0.sequence) }
      row.registers[edit.field]!.append(standing(value))
    case .add(let value):
      row.adds[edit.field, default: []].removeAll { $0.value == value && saw(index, $0.author, $0.sequence) }
      row.adds[edit.field]!.append(standing(value))
    case .remove(let value):
      row.adds[edit.field, default: []].removeAll { $0.value == value && saw(index, $0.author, $0.sequence) }
    case .increment(let amount): contribute(amount)
    case .append(let value): contribute(1, value)
    case .receive(let amount): contribute(amount)
    case .spend(let amount): contribute(-amount)
    case .handOver, .takeOver: contribute(0)
    }
  }

  /// Whether somebody wrote what stands in the row without knowing of a deletion of it: a person has to look.
  func isContested(_ row: Row) -> Bool {
    let writers =
      row.registers.values.flatMap { $0.map(\.entry) } + row.adds.values.flatMap { $0.map(\.entry) }
      + row.contributions.values.flatMap { $0.map(\.entry) }
    return row.deletions.contains { deletion in
      let deleter = ledger.entries[deletion]
      return writers.contains { !saw($0, deleter.log.author, deleter.sequence) }
    }
  }
}
