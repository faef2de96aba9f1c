import Causality
import ChangeModel
import Federation
import Merge
import SignedLog
import Store

/// How far logs are valid: learning what ends them, and holding the tables to it.
extension Replica {
  /// Within a transaction: takes up certificates, revocations and fork proofs. Each proves itself: whoever carried it, and
  /// whatever becomes of its carrier, it counts.
  func learnTrust(_ edits: [RowEdit], from past: AuthorPast, at now: Instant) throws(StoreError) {
    let carrier = LogName(.control, past.author)
    // An amendment first: certificates beside it may be of the authority that it makes.
    for fact in ControlSchema.facts(in: edits) { try learn(fact, from: carrier, past.sequence, at: now) }
    for bytes in ControlSchema.certificates(in: edits) {
      var member: AuthorNumber?
      let epochs = NodeCertificate(unchecked: bytes).flatMap { membership.lastEpoch(of: $0.node) }
      let choices = membership.choices
      do throws(Membership.Refusal) { member = try membership.enrol(bytes).node } catch {
        try note(carrier, past.sequence, "certificate", "\(error)", at: now)
      }
      guard let member else { continue }
      tellAhead(of: member)
      // Also one that does not count now: an amendment may decide otherwise, after a restart too.
      if membership.hasSeveral(member) { for known in membership.known(member) { try store.addFact(known.bytes) } }
      if membership.lastEpoch(of: member) != epochs || membership.choices != choices { limitsChangedAt = now }
      guard membership.certificates[member]?.bytes == bytes else { continue }
      try store.setMember(member, certificate: bytes)
      if membership.proveWaiting() { limitsChangedAt = now }
    }
  }

  private func learn(
    _ fact: TrustFact, from carrier: LogName, _ sequence: SequenceNumber, at now: Instant
  ) throws(StoreError) {
    var isNew = false
    do throws(Membership.Refusal) { isNew = try membership.learn(fact, from: carrier.author) } catch {
      try note(carrier, sequence, "trust", "\(error)", at: now)
    }
    guard isNew else { return }
    try store.addFact(fact.bytes)
    if case .amendments = fact {
      for (node, certificate) in membership.certificates { try store.setMember(node, certificate: certificate.bytes) }
    }
    limitsChangedAt = now
  }

  /// Within a transaction: takes up what proves itself out of control change sets that wait for others. They may wait for
  /// what is void, and only these very facts say so.
  func learnFromWaiting(_ name: LogName, in context: LogContext, at now: Instant) throws(StoreError) {
    guard name.lane == .control else { return }
    #if MUTANTS
      if PlantedBug.forgetsWaitingFacts.isPlanted { return }
    #endif
    let state = store.state(of: name)
    guard state.waiting > 0 else {
      searched[name] = nil
      return
    }
    var past = searched[name] ?? state.past
    if past.sequence < state.merged.sequence { past = state.past }
    while past.sequence < state.logged.sequence {
      let entries = try store.entries(name, from: past.sequence + 1, byteLimit: 1 << 20)
      guard !entries.isEmpty else { break }
      for bytes in entries {
        let before = past
        guard
          let layout = try? bytes.decoding({ raw throws(MalformedBytes) in try ChangeSetLayout(raw, after: before) })
        else {
          past.sequence += 1
          continue
        }
        past.advance(by: layout.header)
        for section in layout.sections where section.key == 0 {
          let content = Array(bytes[section.range])
          let edits = try? content.decoding { raw throws(MalformedBytes) in
            try SectionCodec.decode(raw, by: name.author)
          }
          if let edits { try learnTrust(edits, from: past, at: now) }
        }
      }
    }
    searched[name] = past
  }

  /// Within a transaction: takes out of the logs what is void, keeps it apart, and makes the rows that it had touched anew
  /// from what is valid. A function of the valid change sets alone: in whatever order things came, the tables are equal.
  func enforceLimits(at now: Instant) throws(ReplicaError) {
    var void = Voided()
    do {
      for name in store.logNames {
        guard let limit = try end(of: name), store.logged(name) > limit else { continue }
        Probe.logCut.hit()
        try setAside(name, after: limit, into: &void, at: now)
      }
      // Of what stays of the branches that a revocation chooses from, others' clocks say nothing any longer.
      let logs = Set(membership.choices.keys).union(heldTo.keys).sorted()
      for log in logs where heldTo[log] != membership.choices[log] {
        let merged = store.merged(log)
        let shared = [heldTo[log], membership.choices[log]].compactMap { $0?.shared.sequence }.min() ?? 0
        let known = void.rows
        if merged > shared {
          try eachEntry(of: log, after: shared) { entry, edits in
            if entry.sequence <= merged { void.touch(edits) }
          }
        }
        // Nor does what a deletion took of either branch.
        for collection in store.schema.collections where collection.lane == log.lane {
          let marked = try store.markedRows(collection.number)
          if !marked.isEmpty { void.rows[collection.number, default: []].formUnion(marked) }
        }
        if void.rows != known { void.wasMerged = true }
      }
      heldTo = membership.choices
      #if MUTANTS
        if PlantedBug.leavesVoidRows.isPlanted { void.rows = [:] }
      #endif
      if void.wasMerged { try makeAnew(void.rows, at: now) }
      // After that: what is taken back merges whole, and not only where something was void.
      try takeBack(at: now)
      mustLookAtAll = true
      try drainAll(at: now)
    } catch { throw .of(error) }
    guard !membership.isRevoked(author) else { return }
    if Lane.allCases.contains(where: { membership.lastValid(LogName($0, author)) != nil }) {
      // This very author's log forks: somebody else writes with its key, or a copy of this node does.
      do throws(ReplicaError) { try openEpoch(above: author, isCopied: true) } catch {
        if case .store = error { throw error }
        // Out of epochs: it reads on, and writes nothing more until its certificate is renewed.
      }
    }
    do { try takeReturned(at: now) } catch { throw .of(error) }
    if membership.lastValid(LogName(.control, author)) == nil { try adoptOwn(at: now) }
    for edit in void.selfProving where !unsaid.contains(edit) { unsaid.append(edit) }
    try sayProven(at: now)
  }

  /// What proves itself must not go with its carrier: others may never get the carrier at all. While this node's own log is
  /// not whole here, it is said later.
  func sayProven(at now: Instant) throws(ReplicaError) {
    while let edit = unsaid.first, !membership.isRevoked(author) {
      var draft = Draft(.control, audience: .anyone)
      draft.edits = [edit]
      do throws(ReplicaError) {
        if try !isSaid(edit) { _ = try commit(draft, at: now) }
      } catch .ownLogIncomplete { return } catch {
        if case .store = error { throw error }
        // What this node cannot say, others can who found it.
      }
      unsaid.removeFirst()
    }
  }

  /// Whether a statement stands in the tables, which show what is valid alone.
  private func isSaid(_ edit: RowEdit) throws(ReplicaError) -> Bool {
    guard case .edit(let fields) = edit.action else { return true }
    let state: RowState?
    do { state = try store.state(of: edit.row, in: edit.collection) } catch { throw .store(error) }
    let number =
      edit.collection == ControlSchema.certificates.number ? ControlSchema.certificateField : ControlSchema.factField
    guard let cell = state?.register(number) else { return false }
    let standing = ([cell.winner] + cell.others).map(\.value)
    return fields.allSatisfy { field in
      guard field.field == number, case .set(let value) = field.operation else { return true }
      return standing.contains(value)
    }
  }

  /// The last change set of what is kept of a log that is valid; nil: all of it is. Where a revocation chooses between
  /// branches, only one leads to what it names: what is merged of a branch that has not got there yet is taken back.
  private func end(of log: LogName) throws(StoreError) -> SequenceNumber? {
    guard let choice = membership.choices[log] else { return membership.lastValid(log) }
    let (shared, last) = (choice.shared.sequence, choice.last)
    guard store.logged(log) >= last.sequence else { return store.merged(log) > shared ? shared : nil }
    return try head(of: log, at: last.sequence) == last ? last.sequence : shared
  }

  /// What a log waits for whose branches a revocation chooses from, and that has not got to what it names.
  func undecided(_ log: LogName) -> (shared: LogHead, need: Need)? {
    guard let choice = membership.choices[log], store.logged(log) < choice.last.sequence else { return nil }
    return (choice.shared, Need(log: log, sequence: choice.last.sequence))
  }

  /// What is kept of an undecided log gives way to another branch that comes: whichever gets there is the true one.
  func giveWay(to run: Run, at now: Instant) throws(StoreError) {
    guard let fork = undecided(run.log)?.shared, store.logged(run.log) > fork.sequence,
      run.first <= store.logged(run.log)
    else { return }
    for (index, bytes) in run.entries.enumerated() {
      let sequence = run.first + SequenceNumber(index)
      guard sequence <= store.logged(run.log) else { return }
      if sequence > fork.sequence, try store.entries(run.log, from: sequence, byteLimit: 0).first != bytes {
        var void = Voided()
        try setAside(run.log, after: sequence - 1, into: &void, at: now)
        // The rows of what had merged are made anew before the transaction ends, and what proves itself is said again.
        if void.wasMerged {
          for (collection, rows) in void.rows { lateRows[collection, default: []].formUnion(rows) }
          lateAt = now
        }
        for edit in void.selfProving where !unsaid.contains(edit) { unsaid.append(edit) }
        return
      }
    }
  }

  /// What was found to be void.
  private struct Voided {
    var rows: [UInt32: Set<RowID>] = [:]
    var wasMerged = false
    var selfProving: [RowEdit] = []

    mutating func touch(_ edits: [[RowEdit]]) {
      for edit in edits.joined() { rows[edit.collection, default: []].insert(edit.row) }
    }
  }

  private func setAside(
    _ name: LogName, after limit: SequenceNumber, into void: inout Voided, at now: Instant
  ) throws(StoreError) {
    let merged = store.merged(name)
    var shared = LogHead()
    var taken: [VerifiedEntry] = []
    try eachEntry(of: name, after: limit) { entry, edits in
      guard entry.sequence > limit else {
        shared = entry.head
        return
      }
      taken.append(entry)
      if name.lane == .control { for edits in edits { void.selfProving += proven(edits) } }
      if entry.sequence <= merged { void.touch(edits) }
    }
    if merged > limit { void.wasMerged = true }
    try store.setAside(name, after: shared, taken, at: now)
    searched[name] = nil
    try note(name, limit + 1, "trust", "void: \(taken.count)", at: now)
  }

  /// Every change set that is kept of a log, in order.
  ///
  /// - Parameters:
  ///   - limit: what its sections say is read of those that come after.
  ///   - body: with what this node can read of each, section by section.
  private func eachEntry(
    of log: LogName, after limit: SequenceNumber, _ body: (VerifiedEntry, [[RowEdit]]) throws(StoreError) -> Void
  ) throws(StoreError) {
    guard let key = membership.key(of: log.author) else { throw .damaged("log of a stranger: \(log)") }
    let context = context(log, key: key)
    var head = LogHead()
    var past = AuthorPast(author: log.author, lane: log.lane)
    while head.sequence < store.logged(log) {
      let run = try store.entries(log, from: head.sequence + 1, byteLimit: 1 << 20)
      guard !run.isEmpty else { throw .damaged("entries of \(log) after \(head.sequence)") }
      for bytes in run {
        guard let entry = RunVerifier(context).reading(bytes, after: head) else {
          throw .damaged("entry \(log) \(head.sequence + 1)")
        }
        head = entry.head
        let layout = try? bytes.decoding { raw throws(MalformedBytes) in try ChangeSetLayout(raw, after: past) }
        if let layout { past.advance(by: layout.header) } else { past.sequence += 1 }
        let isRead = head.sequence > limit
        try body(entry, isRead ? layout.map { readableEdits(of: entry, $0, in: context) } ?? [] : [])
      }
    }
  }

  /// What of some edits proves itself, and nothing beside it: whatever else a void change set says, nobody says again.
  private func proven(_ edits: [RowEdit]) -> [RowEdit] {
    let identity = membership.identity
    let certificates = ControlSchema.certificates(in: edits).compactMap { try? NodeCertificate($0, in: identity) }
    let facts = edits.filter { edit in
      ControlSchema.facts(in: [edit]).contains { fact in
        var known = membership
        return (try? known.learn(fact)) != nil
      }
    }
    return certificates.map { ControlSchema.certifying($0, in: identity) } + facts
  }

  /// Takes into the logs again what was void and is not any longer: an amendment can undo the revocation of a thief who had
  /// an authority's card.
  private func takeBack(at now: Instant) throws(StoreError) {
    for log in try store.logsSetAside() {
      if membership.choices[log] != nil {
        try takeBack(log, try trueBranchApart(log), at: now)
        continue
      }
      while (membership.lastValid(log) ?? sequenceLimit) > store.logged(log),
        let next = try store.setAsideEntries(log, after: store.state(of: log).logged, orAdopted: true).first
      {
        guard try takeBack(log, [next], at: now) else { break }
      }
    }
  }

  @discardableResult
  private func takeBack(_ log: LogName, _ entries: [[UInt8]], at now: Instant) throws(StoreError) -> Bool {
    var head = store.state(of: log).logged
    guard !entries.isEmpty, let key = try key(of: log),
      try receive(Run(log, first: head.sequence + 1, entries: entries), from: "set aside", at: now).taken
        == entries.count
    else { return false }
    Probe.setAsideTakenBack.hit()
    let verifier = RunVerifier(context(log, key: key))
    for bytes in entries {
      guard let entry = verifier.reading(bytes, after: head) else { break }
      head = entry.head
      try store.forgetSetAside(log, head)
    }
    return true
  }

  /// What is kept apart between the log's head and the change set that a revocation names; empty unless all of it is.
  private func trueBranchApart(_ log: LogName) throws(StoreError) -> [[UInt8]] {
    let logged = store.state(of: log).logged
    guard var head = membership.pin(of: log) else { return [] }
    var path: [[UInt8]] = []
    while head.sequence > logged.sequence {
      guard let (bytes, previous) = try store.setAsideEntry(log, at: head) else { return [] }
      path.append(bytes)
      head = previous
    }
    return head == logged ? path.reversed() : []
  }

  /// What this node can read of a change set, section by section.
  private func readableEdits(
    of entry: VerifiedEntry, _ layout: ChangeSetLayout, in context: LogContext
  ) -> [[RowEdit]] {
    layout.sections.indices.compactMap { index in
      guard let content = entry.open(index, of: layout, with: keyring[layout.sections[index].key], in: context) else {
        return nil
      }
      return try? content.decoding { raw throws(MalformedBytes) in try SectionCodec.decode(raw, by: entry.log.author) }
    }
  }

  /// What came after its successors, having been void while they merged, is merged in its place: its rows are made anew.
  func mergeLate(at now: Instant) throws(StoreError) {
    while !lateRows.isEmpty {
      let rows = lateRows
      lateRows = [:]
      try makeAnew(rows, at: now)
    }
  }

  /// Makes some rows anew: every log is walked in causal order, but only these rows are written. Where a log does not come as far
  /// as it was, since what it follows is not here any longer, its rows are made anew too: it merges them when that comes.
  private func makeAnew(_ rows: [UInt32: Set<RowID>], at now: Instant) throws(StoreError) {
    let before = store.logNames.map { ($0, store.merged($0)) }
    try walkAgain(.rows(rows), at: now) { () throws(StoreError) in try store.clearRows(rows) }
    var fallen = Voided()
    for (log, had) in before where store.merged(log) < min(had, store.logged(log)) {
      try eachEntry(of: log, after: store.merged(log)) { entry, edits in
        if entry.sequence <= had { fallen.touch(edits) }
      }
    }
    if !fallen.rows.isEmpty {
      try walkAgain(.rows(fallen.rows), at: now) { () throws(StoreError) in try store.clearRows(fallen.rows) }
    }
    // Readers hear of each row once, also of one that is gone now.
    for (collection, ids) in rows.merging(fallen.rows, uniquingKeysWith: { $0.union($1) }) {
      effects.rows += ids.sorted().map { RowReference(collection, $0) }
    }
  }

  /// Clears some tables or rows, and walks every log again to make them anew.
  func walkAgain(
    _ chosen: MergeScope, at now: Instant, clear: () throws(StoreError) -> Void
  ) throws(StoreError) {
    scope = chosen
    mergedBefore = Dictionary(uniqueKeysWithValues: store.logNames.map { ($0, store.merged($0)) })
    let merged = effects.merged
    defer {
      scope = .all
      mergedBefore = [:]
      effects.merged = merged
    }
    try clear()
    try drainAll(at: now)
  }

  // MARK: Revoking

  /// How far this node knows each log of another node: where a revocation cuts when nothing else is said.
  public func cut(of node: AuthorNumber) -> [LogName: LogHead] {
    var cut: [LogName: LogHead] = [:]
    for name in store.logNames where name.author.node == node.node { cut[name] = store.state(of: name).logged }
    return cut
  }

  // MARK: Forks

  /// Whether the part of a run that lies within our log is ours. The last change set of it vouches for all before it: its
  /// signature covers them.
  ///
  /// - Returns: nil when it is.
  func parting(
    of run: Run, known: Int, _ source: String, at now: Instant
  ) throws(StoreError) -> RunRefusal? {
    guard known > 0, let key = membership.key(of: run.log.author) else { return nil }
    #if MUTANTS
      if PlantedBug.ignoresForks.isPlanted { return nil }
    #endif
    let last = run.first + SequenceNumber(known) - 1
    if try store.entries(run.log, from: last, byteLimit: 0).first == run.entries[known - 1] { return nil }
    var index = 0
    while index < known,
      try store.entries(run.log, from: run.first + SequenceNumber(index), byteLimit: 0).first == run.entries[index]
    { index += 1 }
    let sequence = run.first + SequenceNumber(index)
    // That it forks is known.
    if membership.forkedLogs[run.log].map({ $0 < sequence }) ?? false { return .fork(at: sequence) }
    if let limit = membership.lastValid(run.log), limit < sequence { return .fork(at: sequence) }
    let context = context(run.log, key: key)
    guard let shared = try head(of: run.log, at: sequence - 1),
      let ours = try store.entries(run.log, from: sequence, byteLimit: 0).first,
      let proof = ForkProof(ours, run.entries[index], after: shared, in: context)
    else {
      // Where a run begins, it may go on from a place that is ours no more than it is.
      return index == 0 && run.first > 1 ? .branch(before: run.first) : .chain(.badSignature, at: sequence)
    }
    try note(run.log, sequence, source, "fork", at: now)
    var draft = Draft(.control, audience: .anyone)
    draft.edits = [ControlSchema.proving(proof)]
    do { _ = try commit(draft, at: now) } catch {
      if case .store(let error) = error { throw error }
      // A node that cannot write still must not merge what is void; and says it as soon as it can.
      unsaid += draft.edits.filter { !unsaid.contains($0) }
      if (try? membership.learn(.fork(proof.bytes))) == true {
        try store.addFact(proof.bytes)
        limitsChangedAt = now
      }
    }
    return .fork(at: sequence)
  }

  /// A log's head as it was at a sequence. Reads the log from its beginning.
  public func head(of log: LogName, at sequence: SequenceNumber) throws(StoreError) -> LogHead? {
    guard let key = membership.key(of: log.author) else { return nil }
    let context = context(log, key: key)
    var head = LogHead()
    while head.sequence < sequence {
      let run = try store.entries(log, from: head.sequence + 1, byteLimit: 1 << 20)
      guard !run.isEmpty else { return nil }
      for bytes in run where head.sequence < sequence {
        guard let entry = RunVerifier(context).reading(bytes, after: head) else { return nil }
        head = entry.head
      }
    }
    return head
  }
}
