import Causality

/// What one change set does to one field of one row.
public enum FieldOperation: Hashable, Sendable {
  /// A register gets a value (`null` clears it).
  case set(Value)
  /// A counter goes up or down.
  case increment(Int64)
  /// A set gains or loses an element.
  case add(Value)
  case remove(Value)
  /// A log gains an entry.
  case append(Value)
  /// Stock: goods arrive in, or leave, the author's own share; or part of the share goes to another author.
  case receive(Int64)
  case spend(Int64)
  case handOver(Int64, to: AuthorNumber)
  /// The share of a node that is gone becomes the author's: a ward's decision about its own nodes. Of another ward's
  /// node it has no effect.
  case takeOver(Int64, from: AuthorNumber)
}

public struct FieldEdit: Hashable, Sendable {
  public var field: UInt32
  public var operation: FieldOperation

  public init(_ field: UInt32, _ operation: FieldOperation) {
    self.field = field
    self.operation = operation
  }
}

/// What one author had put into one counter, log or stock of a row, as the row's deleter knew it: the deletion takes
/// away this much, and leaves what it had not seen.
public struct ContributionShare: Hashable, Sendable {
  public var field: UInt32
  public var author: AuthorNumber
  /// The author's newest change set that contributed.
  public var last: SequenceNumber
  public var total: Int64

  public init(field: UInt32, author: AuthorNumber, last: SequenceNumber, total: Int64) {
    self.field = field
    self.author = author
    self.last = last
    self.total = total
  }
}

/// What one change set does to one row.
public struct RowEdit: Hashable, Sendable {
  public enum Action: Hashable, Sendable {
    case edit([FieldEdit])
    /// Hides what the author had seen of the row; `shares` says how much each had contributed by then.
    case delete(shares: [ContributionShare])
  }

  public var collection: UInt32
  public var row: RowID
  public var action: Action

  public init(_ collection: UInt32, _ row: RowID, _ action: Action) {
    self.collection = collection
    self.row = row
    self.action = action
  }

  public init(_ collection: UInt32, _ row: RowID, _ fields: [FieldEdit]) {
    self.init(collection, row, .edit(fields))
  }
}

extension FieldOperation {
  /// Whether goods come into a stock by it.
  var bringsIn: Bool { if case .receive = self { true } else { false } }

  /// Whether a share goes to another ward's node by it.
  func leaves(_ ward: UInt32) -> Bool {
    if case .handOver(_, let receiver) = self { receiver.ward != ward } else { false }
  }
}
