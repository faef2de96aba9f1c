import Causality
import ChangeModel
import Federation
import GRDB
import Replica
import Store

/// What a write asks of the replica, and how it answers once that is on the disk.
public struct Written {
  public var drafts: [Draft]
  /// What the change is about, for the audit trail.
  public var subjects: [RowID]
  /// Of which collection something changed that lies at this node alone, in no draft: its pages look again.
  public var touched: Records?
  public var answer: (inout Look) throws -> JSON

  public init(
    _ drafts: [Draft], about subjects: [RowID], touching touched: Records? = nil,
    answer: @escaping (inout Look) throws -> JSON
  ) {
    self.drafts = drafts
    self.subjects = subjects
    self.touched = touched
    self.answer = answer
  }
}

/// Where a write is worked out: the replica as it is, on the replica's own thread.
public struct Desk {
  public let replica: Replica
  public let inquiry: Inquiry
  private let told = Told()
  let catalogue: Catalogue?

  public init(replica: Replica, inquiry: Inquiry, catalogue: Catalogue? = nil) {
    self.replica = replica
    self.inquiry = inquiry
    self.catalogue = catalogue
  }

  public var given: Submission { inquiry.given }
  public var now: Instant { inquiry.now }
  /// When it was entered: the time to be stamped. `now` is for what holds as long as a clock says.
  public var enteredAt: Instant { inquiry.enteredAt }
  public var ward: String { inquiry.ward }
  public var wardIndex: UInt32 { replica.author.ward }

  /// Says something to whoever entered it, beside the answer: that it was done in another way than they may expect. An
  /// endpoint that does so has the member `Answer.told`.
  public func tell(ja: String, en: String) { told.words = Words(ja, en) }

  /// The answer with what is to be said beside it.
  func telling(_ answer: JSON) -> JSON {
    guard let words = told.words, case .object(var members) = answer else { return answer }
    members["told"] = words.json
    return .object(members)
  }

  private final class Told { var words: Words? }

  /// Reads with what the transaction under way has written.
  public func read<Value>(_ body: (Database) throws -> Value) throws -> Value {
    try replica.store.readOwn { db in Result { try body(db) } }.get()
  }

  public func newRow() throws -> RowID { try replica.newRows(1)[0] }

  /// A new row of this ward and another.
  public func newRow(with ward: UInt32) throws -> RowID {
    let own = try newRow()
    guard let made = own.made, let row = RowID(made: made.author, counter: made.counter, with: ward) else {
      throw ReplicaError.rowsExhausted
    }
    return row
  }

  /// The row that the path names, as this node shows it.
  public func subject(_ records: Records) throws -> (row: RowID, values: RowValues) {
    guard let row = inquiry.row else { throw Fault.notFound("id") }
    return (row, try find(row, in: records, "id"))
  }

  /// - Parameter field: of the form, for the fault.
  /// - Throws: when there is no such row, it is of a shelter at which the user does not work, or of a person whom the user may
  ///   not reach.
  public func find(_ row: RowID, in records: Records, _ field: String) throws -> RowValues {
    guard let values = try read({ try RowValues.fetch(row, records, $0) }) else { throw Fault.notFound(field) }
    try inquiry.user.mustWork(where: values, records)
    // Of this ward's people, whoever may not see a row may not know that there is one. Another ward's may be named.
    if records.isPersonal, row.ward == wardIndex, let catalogue {
      guard try read({ try Look(inquiry, $0, catalogue).maySee(values, records) }) else { throw Fault.notFound(field) }
    }
    return values
  }

  /// Whether what is entered tells of a time before that at which what stands in the field was written.
  public func isOutdated(_ field: any AnyField, _ record: RowValues) throws -> Bool {
    guard inquiry.isLate,
      let cell = try replica.store.state(of: record.id, in: record.records.number)?.register(field.number)
    else { return false }
    return cell.winner.stamp.time.milliseconds > enteredAt.milliseconds
  }

  /// The collections of this ward's people's rows in which a field names the person of another one: a resident's entries in a
  /// register that the ward designed itself.
  public func collections(naming person: Records) -> [(records: Records, field: UInt32)] {
    (catalogue?.records.values.sorted { $0.number < $1.number } ?? []).compactMap { records in
      guard records.isPersonal, let column = records.reader.person,
        let field = records.fields.first(where: { $0.schema.name == column }), field.shape == .row(person.name)
      else { return nil }
      return (records, field.schema.number)
    }
  }

  /// What this node's own share of a stock field is.
  public func share(_ row: RowID, _ records: Records, _ field: StockField) throws -> Int64 {
    try shares(row, records, field)[replica.author] ?? 0
  }

  /// Every author's share of a stock field, none of nothing.
  public func shares(_ row: RowID, _ records: Records, _ field: StockField) throws -> [AuthorNumber: Int64] {
    try read { try StockShares.of(row, records, field, $0) }
  }

  /// The epoch in which a node writes, as far as this one knows: a share given to an earlier one could not be spent.
  public func writing(_ node: AuthorNumber) -> AuthorNumber {
    replica.store.logNames.map(\.author).filter { $0.node == node.node }.max() ?? node.node
  }

  /// The first node of a ward that is not revoked, as it writes now; nil where none is known.
  public func firstNode(ofWard index: UInt32) -> AuthorNumber? {
    let nodes = replica.membership.certificates.keys.filter { $0.ward == index && !replica.membership.isRevoked($0) }
    return nodes.min().map { writing($0) }
  }

  /// What this node lacks of a quantity that it would spend; nil when its share is enough.
  ///
  /// - Returns: its own share, and what others hold: `13113-2: 40`, in a list; empty where nobody does.
  public func lacking(
    _ amount: Int64, of row: RowID, _ records: Records, _ field: StockField
  ) throws -> (own: Int64, others: String)? {
    let shares = try shares(row, records, field)
    let own = shares[replica.author] ?? 0
    guard amount > own else { return nil }
    let others = shares.filter { $0.key != replica.author && $0.value > 0 }.sorted { $0.key < $1.key }
    return (own, others.map { "\($0.key): \($0.value)" }.joined(separator: ", "))
  }
}
