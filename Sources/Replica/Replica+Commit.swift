import Causality
import ChangeModel
import Merge
import SignedLog
import Store

extension Replica {
  /// Takes a local edit: seals it as this node's next change set, logs it and merges it, in one transaction that is on
  /// the disk when this returns. Within `batch`, it shares that transaction.
  ///
  /// - Returns: the change set's dot.
  /// - Throws: what is wrong with the draft, nothing written.
  public func commit(_ draft: Draft, at now: Instant) throws(ReplicaError) -> Dot {
    try validate(draft)
    var result: Result<Dot, ReplicaError>!
    do {
      try store.write {
        do throws(ReplicaError) { result = .success(try write(draft, at: now)) } catch {
          result = .failure(error)
          throw error
        }
      }
    } catch {
      if case .failure(let error) = result { throw error }
      throw .store(error)
    }
    return try result.get()
  }

  /// Ids for `count` new rows of this author, never given again.
  public func newRows(_ count: Int) throws(ReplicaError) -> [RowID] {
    do {
      let used = try rowCounter
      guard used + UInt64(count) <= RowID.counterLimit else { throw ReplicaError.rowsExhausted }
      try store.write { try setRowCounter(used + UInt64(count)) }
      return (0..<UInt64(count)).map { RowID(author: author, counter: used + 1 + $0) }
    } catch { throw .of(error) }
  }

  private func write(_ draft: Draft, at now: Instant) throws(ReplicaError) -> Dot {
    let name = LogName(draft.lane, author)
    let state = store.state(of: name)
    let edits = try completed(draft.edits)
    let header = ChangeSetHeader(
      time: latestTime().next(at: now),
      clock: state.past.clock.advances(to: clock(draft.lane), except: author),
      control: draft.lane == .control ? [] : state.past.control.advances(to: clock(.control), except: nil))
    var sections: [PlainSection] = []
    if !edits.isEmpty {
      let bytes = SectionCodec.encode(edits, by: author)
      guard bytes.count + Self.overhead(header) <= Limits.changeSetBytes else {
        throw .tooLarge(bytes: bytes.count, limit: Limits.changeSetBytes - Self.overhead(header))
      }
      sections.append(PlainSection(key: draft.audience, secret: identity.keyring[draft.audience], bytes: bytes))
    }
    let context = context(name, key: identity.key.publicKey)
    let entry = VerifiedEntry.sealing(
      sections, header: header, after: state.past, head: state.logged, in: context, with: identity.key)
    do {
      try store.append(entry)
      effects.logs.insert(name)
      let need = try merge(entry, in: context, at: now)
      precondition(need == nil, "an author has seen all that its own change set follows")
      try wake(name, at: now)
    } catch { throw .store(error) }
    return entry.dot
  }

  /// What a change set takes besides its section: header, key id, length, tag and signature.
  private static func overhead(_ header: ChangeSetHeader) -> Int {
    64 + (header.clock.count + header.control.count) * 10 + 16 + ChangeSetLayout.signatureBytes
  }

  /// The newest hybrid time that this node has seen in any lane.
  private func latestTime() -> HybridTime {
    store.logNames.map { store.state(of: $0).past.time }.max() ?? .zero
  }

  // MARK: Checking and completing

  private func validate(_ draft: Draft) throws(ReplicaError) {
    guard draft.edits.count <= Limits.rowEdits else {
      throw .tooLarge(bytes: draft.edits.count, limit: Limits.rowEdits)
    }
    for edit in draft.edits {
      guard let collection = store.schema.collection(edit.collection) else { throw .unknownCollection(edit.collection) }
      guard collection.lane == draft.lane else { throw .wrongLane(collection: collection.name) }
      guard case .edit(let fields) = edit.action else { continue }
      for field in fields {
        guard let schema = collection.field(field.field), schema.admits(field.operation) else {
          throw .invalidField(collection: collection.name, field: field.field)
        }
        guard Self.holdsGoodText(field.operation) else {
          throw .invalidText(collection: collection.name, field: field.field)
        }
      }
    }
  }

  private static func holdsGoodText(_ operation: FieldOperation) -> Bool {
    switch operation {
    case .set(.text(let text)), .add(.text(let text)), .remove(.text(let text)), .append(.text(let text)):
      text.utf8.count <= Limits.textBytes && !text.utf8.contains(0)
    default: true
    }
  }

  /// Adds to a draft what its author sees but did not say: what a deletion takes away, and, in a row that somebody
  /// deleted while somebody else edited it, that the rest of the row shall stay.
  private func completed(_ edits: [RowEdit]) throws(ReplicaError) -> [RowEdit] {
    var marked: [UInt32: Set<RowID>] = [:]
    var completed: [RowEdit] = []
    completed.reserveCapacity(edits.count)
    for edit in edits {
      let collection = store.schema.collection(edit.collection)!
      switch edit.action {
      case .delete:
        guard let state = try state(of: edit), state.isVisible else {
          throw .noSuchRow(collection: collection.name, row: edit.row)
        }
        completed.append(RowEdit(edit.collection, edit.row, .delete(shares: state.shares())))
      case .edit(let fields):
        if marked[edit.collection] == nil { marked[edit.collection] = try markedRows(edit.collection) }
        let isMarked = marked[edit.collection]!.contains(edit.row)
        guard isMarked || fields.contains(where: \.operation.spendsStock) else {
          completed.append(edit)
          continue
        }
        let state = try state(of: edit) ?? RowState()
        try checkStock(fields, state)
        completed.append(RowEdit(edit.collection, edit.row, state.adoption(except: fields, collection) + fields))
      }
    }
    return completed
  }

  private func markedRows(_ collection: UInt32) throws(ReplicaError) -> Set<RowID> {
    do { return Set(try store.markedRows(collection)) } catch { throw .store(error) }
  }

  private func state(of edit: RowEdit) throws(ReplicaError) -> RowState? {
    do { return try store.state(of: edit.row, in: edit.collection) } catch { throw .store(error) }
  }

  private func checkStock(_ fields: [FieldEdit], _ state: RowState) throws(ReplicaError) {
    var shares: [UInt32: Int64] = [:]
    for edit in fields {
      let share = shares[edit.field] ?? state.contribution(edit.field)?[author]?.total ?? 0
      switch edit.operation {
      case .receive(let amount): shares[edit.field] = share &+ amount
      case .spend(let amount), .handOver(let amount, _):
        guard amount <= share else { throw .insufficientStock(available: share, asked: amount) }
        shares[edit.field] = share - amount
      default: break
      }
    }
  }
}

extension FieldOperation {
  fileprivate var spendsStock: Bool {
    switch self {
    case .spend, .handOver: true
    default: false
    }
  }
}

extension RowState {
  /// The edits that make what a contested row shows stand on its own, but for the fields that are edited anyway.
  fileprivate func adoption(except fields: [FieldEdit], _ schema: CollectionSchema) -> [FieldEdit] {
    guard isContested else { return [] }
    let edited = Set(fields.map(\.field))
    var edits: [FieldEdit] = []
    for field in schema.fields {
      switch field.kind {
      case .register:
        let value = shown(field)
        if !edited.contains(field.number), value != .null { edits.append(FieldEdit(field.number, .set(value))) }
      case .set:
        edits += elements(field.number).map { FieldEdit(field.number, .add($0)) }
      case .counter:
        let buried = contribution(field.number)?.contributions.reduce(0) { $0 &+ $1.buriedTotal } ?? 0
        if buried != 0 { edits.append(FieldEdit(field.number, .increment(buried))) }
      case .stock, .log: break
      }
    }
    return edits
  }
}
