import Causality
import ChangeModel

/// All that is known of one row: the values that stand, the values that deletions hid, and who wrote each.
///
/// It is a function of the set of change sets merged into it, whatever their order, as long as each came after all
/// that its author had seen (causal order):
/// - a write replaces what its author had seen, and stands beside what it had not;
/// - a deletion buries what its author had seen. A value that it had not seen stays *live*, marked with the deletion:
///   the row is then *contested*, and shows what was buried too. An edit of a contested row says that it leaves the
///   contest open (`ContestField`); it ends when a person deletes the row again, or keeps it;
/// - an edit of a deleted row by someone who knew the deletion starts it afresh.
///
/// Sources: Shapiro et al., "A comprehensive study of CRDTs" (2011) for the multi-value register and the
/// observed-remove set; Balegas et al., "Extending Eventually Consistent Cloud Databases for Enforcing Numeric
/// Invariants" (2015) for stock.
public struct RowState: Hashable, Sendable {
  // Invariant: each list is sorted by field, and no cell in it is empty.
  public internal(set) var registers: [RegisterCell] = []
  public internal(set) var sets: [SetCell] = []
  /// Counters, logs and stock.
  public internal(set) var contributions: [ContributionCell] = []

  /// Deletions, none of which another one knew. Sorted. They stay as long as the log does: whether everybody has seen
  /// one cannot be told from the log alone, since a node may come back from a backup, as a new author, that had not.
  public internal(set) var deletions: [Dot] = []
  public internal(set) var buriedRegisters: [RegisterCell] = []
  public internal(set) var buriedSets: [SetCell] = []

  /// Whether `Sibling.value` of register winners is filled in.
  public internal(set) var isHydrated = true

  public init() {}

  /// Nothing was ever merged.
  public var isEmpty: Bool {
    registers.isEmpty && sets.isEmpty && contributions.isEmpty && deletions.isEmpty && buriedRegisters.isEmpty
      && buriedSets.isEmpty
  }

  /// Whether the row is in its table: something in it has not been deleted.
  public var isVisible: Bool {
    !registers.isEmpty || !sets.isEmpty || contributions.contains { $0.contributions.contains(where: \.isLive) }
  }

  /// Somebody deleted the row while somebody else, not knowing, edited it. Both are to be seen.
  public var isContested: Bool {
    guard !deletions.isEmpty else { return false }
    return registers.contains { cell in
      !cell.winner.against.isEmpty || cell.others.contains { !$0.against.isEmpty }
    }
      || sets.contains { $0.adds.contains { !$0.against.isEmpty } }
      || contributions.contains { $0.contributions.contains { !$0.against.isEmpty } }
  }

  /// Whether any register holds more than one value.
  public var hasSiblings: Bool {
    for cell in registers where !cell.others.isEmpty { return true }
    return false
  }

  /// The deletions that something live stands against. Sorted.
  public var contestedDeletions: [Dot] {
    var marks = registers.flatMap { ([$0.winner] + $0.others).flatMap(\.against) }
    marks += sets.flatMap { $0.adds.flatMap(\.against) }
    marks += contributions.flatMap { $0.contributions.flatMap { $0.against.map(\.deletion) } }
    return deletions.filter(marks.contains)
  }

  public func register(_ field: UInt32) -> RegisterCell? { registers.first { $0.field == field } }

  public func contribution(_ field: UInt32) -> ContributionCell? { contributions.first { $0.field == field } }

  /// Fills in the winners' values from the table's columns.
  public mutating func hydrate(_ value: (UInt32) -> Value) {
    guard !isHydrated else { return }
    for index in registers.indices { registers[index].winner.value = value(registers[index].field) }
    isHydrated = true
  }
}

extension RowState {
  /// What a field's column shows. Meaningful for a visible row.
  public func shown(_ field: FieldSchema) -> Value { shown(field.trait) }

  public func shown(_ field: FieldTrait) -> Value {
    switch field.kind {
    case .register:
      if let cell = register(field.number) { return cell.winner.value }
      guard isContested else { return .null }
      return buriedRegisters.first { $0.field == field.number }?.winner.value ?? .null
    case .set:
      return .text(JSONText.array(elements(field.number)))
    case .counter, .log, .stock:
      guard let cell = contribution(field.number) else { return .integer(0) }
      let withBuried = isContested
      return .integer(
        cell.contributions.reduce(0) { sum, contribution in
          sum &+ (withBuried || field.kind == .stock ? contribution.total : contribution.liveTotal)
        })
    }
  }

  /// The elements of a set, sorted, each once.
  public func elements(_ field: UInt32) -> [Value] {
    var adds = sets.first { $0.field == field }?.adds ?? []
    if isContested { adds += buriedSets.first { $0.field == field }?.adds ?? [] }
    var elements: [Value] = []
    for value in adds.map(\.value).sorted() where elements.last != value { elements.append(value) }
    return elements
  }

  /// Registers with more than one value, each with all its values, the shown one first.
  public var conflicts: [RegisterCell] { registers.filter { !$0.others.isEmpty && $0.isConflict } }
}

/// Canonical JSON for the one place where a column holds a list.
enum JSONText {
  static func array(_ values: [Value]) -> String {
    "[" + values.map(literal).joined(separator: ",") + "]"
  }

  private static func literal(_ value: Value) -> String {
    switch value {
    case .null: "null"
    case .integer(let number): String(number)
    case .real(let number): String(number)
    case .text(let text): quoted(text)
    case .bytes(let bytes): quoted(bytes.map { String($0, radix: 16) }.joined(separator: " "))
    }
  }

  private static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\u{0}"..<" ":
        let digits = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}
