import Causality
import ChangeModel
import Federation
import Merge
import SignedLog
import Sodium
import Store

extension Replica {
  /// Takes a local edit: seals it as this node's next change set, logs it and merges it, in one transaction that is on
  /// the disk when this returns. Within `batch`, it shares that transaction.
  ///
  /// - Returns: the change set's dot.
  /// - Throws: what is wrong with the draft, nothing written.
  public func commit(_ draft: Draft, at now: Instant) throws(ReplicaError) -> Dot {
    try commit(draft, at: now, unseen: [])
  }

  /// - Parameter unseen: authors of whom the change set is to say that it does not know them, though this node does.
  func commit(_ draft: Draft, at now: Instant, unseen: Set<AuthorNumber>) throws(ReplicaError) -> Dot {
    guard !membership.isRevoked(author) else { throw .revoked }
    try validate(draft)
    return try transaction(noting: now) { () throws(ReplicaError) -> Dot in
      var sections = draft.sections
      for index in sections.indices { sections[index].edits = try self.completed(sections[index].edits) }
      return try self.write(draft.lane, sections, unseen: unseen, at: now)
    }
  }

  /// Settles a row that somebody deleted while somebody else edited it: all that it shows stays, as this node's word.
  public func keep(
    _ row: RowID, in collection: CollectionSchema, audience: Audience = .federation, at now: Instant
  ) throws(ReplicaError) -> Dot {
    guard !membership.isRevoked(author) else { throw .revoked }
    // The deletion that it takes up must be this ward's to make: elsewhere only half of this would be admitted.
    guard collection.admitted(RowEdit(collection.number, row, .delete(shares: [])), from: author.ward) != nil else {
      throw .foreignRow(collection: collection.name, row: row)
    }
    return try transaction(noting: now) { () throws(ReplicaError) -> Dot in
      guard let state = try self.state(of: row, in: collection.number), state.isVisible, state.isContested else {
        throw .noSuchRow(collection: collection.name, row: row)
      }
      // The deletion takes up all that stands, the other deletions included; the edit, which knows it, starts afresh.
      let edits = [
        RowEdit(collection.number, row, .delete(shares: state.shares())),
        RowEdit(collection.number, row, state.restatement(collection) + (try self.logEntries(of: row, in: collection))),
      ]
      return try self.write(collection.lane, [Draft.Sealed(audience: audience, edits: edits)], at: now)
    }
  }

  /// Ids for `count` new rows of this author, never given again.
  public func newRows(_ count: Int) throws(ReplicaError) -> [RowID] {
    try transaction { () throws -> [RowID] in
      let used = try self.rowCounter
      guard used + UInt64(count) <= RowID.counterLimit else { throw ReplicaError.rowsExhausted }
      try self.setRowCounter(used + UInt64(count))
      return (0..<UInt64(count)).map { RowID(author: self.author, counter: used + 1 + $0) }
    }
  }

  /// Clock entries that may stand beside sections. Who was alone for weeks tells what it has learnt in change sets of their own
  /// first: however much that is, an edit has the room that it had.
  private static let clockBesideSections = 256

  private func write(
    _ lane: Lane, _ drafted: [Draft.Sealed], unseen: Set<AuthorNumber> = [], at now: Instant
  ) throws(ReplicaError) -> Dot {
    // A clock that was wrong by days, and is right again: a new author begins with the right time, and does not win over
    // everybody's concurrent edits until it is over.
    let lead = store.state(of: LogName(lane, author)).past.time.milliseconds - now.milliseconds
    if lead > Self.ownLead { try? openEpoch(above: author) }
    let name = LogName(lane, author)
    guard store.state(of: name).waiting == 0 else { throw .ownLogIncomplete }
    guard membership.lastValid(name).map({ store.logged(name) < $0 }) ?? true else { throw .epochsExhausted }
    let past = store.state(of: name).past
    var clock = past.clock.advances(to: clock(lane), except: author).filter { !unseen.contains($0.author) }
    var control = lane == .control ? [] : past.control.advances(to: self.clock(.control), except: nil)
    guard past.clock.mentioned.count + clock.count <= Limits.mentionedAuthors,
      past.control.mentioned.count + control.count <= Limits.mentionedAuthors
    else { throw .tooManyAuthors }
    while clock.count + control.count > Self.clockBesideSections {
      let (told, relied) = (clock.prefix(Self.clockInOne), control.prefix(Self.clockInOne))
      _ = try write(name, [], clock: Array(told), control: Array(relied), at: now)
      clock.removeFirst(told.count)
      control.removeFirst(relied.count)
    }
    return try write(
      name, drafted, clock: clock, control: control, branches: branches(in: name, except: unseen), at: now)
  }

  /// The branches that this author has merged as a revocation chose, and has not named yet: from here on its numbers count again.
  private func branches(in log: LogName, except unseen: Set<AuthorNumber>) -> [NamedBranch] {
    guard !membership.choices.isEmpty else { return [] }
    let past = store.state(of: log).past
    let room = Limits.namedBranches - past.branches.count
    let wanted = membership.choices.compactMap { other, choice -> NamedBranch? in
      guard other.lane == log.lane, other.author != author, !unseen.contains(other.author),
        store.state(of: other).merged == choice.last, !choice.isNamed(by: past.branches[other.author])
      else { return nil }
      return NamedBranch(other.author, hash: choice.last.hash.bytes)
    }.sorted { $0.author < $1.author }
    let new = wanted.filter { past.branches[$0.author] == nil }.prefix(max(room, 0))
    return wanted.filter { past.branches[$0.author] != nil || new.contains($0) }
  }

  /// Entries of each clock in a change set without sections.
  private static let clockInOne = 2_048

  private func write(
    _ name: LogName, _ drafted: [Draft.Sealed], clock: [Dot], control: [Dot], branches: [NamedBranch] = [],
    at now: Instant
  ) throws(ReplicaError) -> Dot {
    let state = store.state(of: name)
    let header = ChangeSetHeader(
      time: try nextTime(after: state.past.time, at: now), clock: clock, control: control, isClockDoubted: doubtsClock,
      branches: branches)
    var sections: [PlainSection] = []
    var size = Self.overhead(header)
    for section in drafted {
      let bytes = SectionCodec.encode(section.edits, by: author)
      size += bytes.count + Self.sectionOverhead
      guard size <= Limits.changeSetBytes else {
        throw .tooLarge(bytes: size, limit: Limits.changeSetBytes)
      }
      do { _ = try bytes.decoding { raw throws(MalformedBytes) in try SectionCodec.decode(raw, by: author) } } catch {
        throw .invalidEdit(error)
      }
      sections.append(try sealing(bytes, for: section.audience))
    }
    let context = context(name, key: identity.key.publicKey)
    let entry = VerifiedEntry.sealing(
      sections, header: header, after: state.past, head: state.logged, in: context, with: identity.key)
    // What is acknowledged here must be read everywhere, by the very decoders that every node uses: what would be void is refused
    // to the clerk.
    do throws(MalformedBytes) {
      let layout = try entry.bytes.decoding { raw throws(MalformedBytes) in
        try ChangeSetLayout(raw, after: state.past)
      }
      let read = layout.header
      guard read.time == header.time, Set(read.clock) == Set(clock), Set(read.control) == Set(control),
        read.branches == branches
      else {
        throw MalformedBytes(.invalidValue, offset: 0)
      }
    } catch { throw .invalidEdit(error) }
    do {
      try store.append(entry)
      effects.logs.insert(name)
      let need = try merge(entry, in: context, at: now)
      precondition(need == nil, "an author has seen all that its own change set follows")
      // A backlog that was left for this very commit goes on after it.
      let isLeft = mustGoOn
      wake(name)
      if !isLeft { try goOn(at: now) }
    } catch { throw .store(error) }
    return entry.dot
  }

  /// How far ahead of this node's clock a time of somebody else's may pull it, in milliseconds: two clocks that anybody looks
  /// after differ by less. One that is wrong moves nobody else's times.
  private static let clockLead: Int64 = 60_000
  /// How far ahead of the clock this author's own log may be.
  private static let ownLead: Int64 = 86_400_000

  /// After all that this node has seen, as far as that is believable: a clock that is wrong by years, or a liar's, must
  /// not push everybody's times to the end of the scale. Which edit replaces which, the dots decide.
  private func nextTime(after own: HybridTime, at now: Instant) throws(ReplicaError) -> HybridTime {
    let bound = HybridTime(milliseconds: now.milliseconds + Self.clockLead)
    let time = max(own, min(store.latestTime, bound)).next(at: now)
    guard time > own, time.milliseconds < Limits.timeMilliseconds else { throw .clockExhausted }
    return time
  }

  /// What a change set takes besides its sections: header and signature.
  private static func overhead(_ header: ChangeSetHeader) -> Int {
    64 + (header.clock.count + header.control.count) * 10 + header.branches.count * (5 + NamedBranch.hashBytes)
      + ChangeSetLayout.signatureBytes
  }

  /// Key id, length and tag.
  private static let sectionOverhead = 24

  private func sealing(_ bytes: [UInt8], for audience: Audience) throws(ReplicaError) -> PlainSection {
    if audience == .anyone { return PlainSection(key: 0, secret: nil, bytes: bytes) }
    guard audience.writer == nil || audience.writer == author.ward, let key = keyring.newestKey(for: audience) else {
      throw .foreignAudience(audience)
    }
    return PlainSection(key: key, secret: keyring[key], bytes: bytes)
  }

  // MARK: Checking and completing

  private func validate(_ draft: Draft) throws(ReplicaError) {
    guard draft.sections.count <= Limits.sections else {
      throw .tooLarge(bytes: draft.sections.count, limit: Limits.sections)
    }
    for section in draft.sections { try validate(section, in: draft.lane) }
  }

  private func validate(_ section: Draft.Sealed, in lane: Lane) throws(ReplicaError) {
    guard section.edits.count <= Limits.rowEdits else {
      throw .tooLarge(bytes: section.edits.count, limit: Limits.rowEdits)
    }
    for edit in section.edits {
      guard let collection = store.schema.collection(edit.collection) else { throw .unknownCollection(edit.collection) }
      guard collection.lane == lane else { throw .wrongLane(collection: collection.name) }
      let isOwn = collection.admitted(edit, from: author.ward) == edit
      let code = { index in self.membership.identity.ward(at: index)?.code }
      guard isOwn, collection.plausible(edit, at: .max, code: code) == edit else {
        throw .foreignRow(collection: collection.name, row: edit.row)
      }
      guard collection.isPersonal == (section.audience.writer != nil) else { throw .foreignAudience(section.audience) }
      guard case .edit(let fields) = edit.action else {
        if collection.isAppendOnly { throw .appendOnly(collection: collection.name) }
        continue
      }
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

  /// Adds to a draft what its author sees but did not say: what a deletion takes away, and that an edit does not
  /// settle who was right about a row that one deleted and another edited. Checks that stock is there.
  private func completed(_ edits: [RowEdit]) throws(ReplicaError) -> [RowEdit] {
    var completed: [RowEdit] = []
    completed.reserveCapacity(edits.count)
    for edit in edits {
      switch edit.action {
      case .delete:
        guard let state = try state(of: edit.row, in: edit.collection), state.isVisible else {
          throw .noSuchRow(collection: store.schema.collection(edit.collection)!.name, row: edit.row)
        }
        completed.append(RowEdit(edit.collection, edit.row, .delete(shares: state.shares())))
      case .edit(let fields):
        guard try isMarked(edit.row, edit.collection) || fields.contains(where: \.operation.spendsStock) else {
          completed.append(edit)
          continue
        }
        let state = try state(of: edit.row, in: edit.collection) ?? RowState()
        try checkStock(fields, state)
        let open = state.contestedDeletions
        completed.append(RowEdit(edit.collection, edit.row, (open.isEmpty ? [] : [ContestField.edit(open)]) + fields))
      }
    }
    return completed
  }

  private func isMarked(_ row: RowID, _ collection: UInt32) throws(ReplicaError) -> Bool {
    do { return try store.isMarked(row, in: collection) } catch { throw .store(error) }
  }

  private func state(of row: RowID, in collection: UInt32) throws(ReplicaError) -> RowState? {
    do { return try store.state(of: row, in: collection) } catch { throw .store(error) }
  }

  /// A row's log entries that show, as new ones.
  private func logEntries(of row: RowID, in collection: CollectionSchema) throws(ReplicaError) -> [FieldEdit] {
    var edits: [FieldEdit] = []
    for field in collection.fields where field.kind == .log {
      do {
        edits += try store.logEntries(of: row, in: collection, field).map { FieldEdit(field.number, .append($0)) }
      } catch { throw .store(error) }
    }
    return edits
  }

  private func checkStock(_ fields: [FieldEdit], _ state: RowState) throws(ReplicaError) {
    var shares: [UInt32: Int64] = [:]
    for edit in fields {
      let share = shares[edit.field] ?? state.contribution(edit.field)?[author]?.total ?? 0
      switch edit.operation {
      case .receive(let amount): shares[edit.field] = share &+ amount
      case .takeOver(let amount, let giver):
        let theirs = state.contribution(edit.field)?[giver]?.total ?? 0
        guard giver.ward == author.ward, giver != author else {
          throw .invalidField(collection: "stock", field: edit.field)
        }
        guard amount <= theirs else { throw .insufficientStock(available: theirs, asked: amount) }
        shares[edit.field] = share &+ amount
      case .spend(let amount), .handOver(let amount, _):
        #if MUTANTS
          if PlantedBug.overspends.isPlanted { continue }
        #endif
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
    case .spend, .handOver, .takeOver: true
    default: false
    }
  }
}

extension RowState {
  /// The edits that make what a row shows stand anew; log entries apart.
  fileprivate func restatement(_ schema: CollectionSchema) -> [FieldEdit] {
    schema.fields.flatMap { field -> [FieldEdit] in
      switch (field.kind, shown(field)) {
      case (.register, .null), (.counter, .integer(0)), (.stock, _), (.log, _): []
      case (.register, let value): [FieldEdit(field.number, .set(value))]
      case (.counter, .integer(let sum)): [FieldEdit(field.number, .increment(sum))]
      case (.counter, _): []
      case (.set, _): elements(field.number).map { FieldEdit(field.number, .add($0)) }
      }
    }
  }
}
