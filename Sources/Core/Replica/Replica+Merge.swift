import Causality
import ChangeModel
import Federation
import Merge
import SignedLog
import Sodium
import Store

/// What a change set waits for: an earlier one of another log.
public struct Need: Hashable, Sendable {
  public var log: LogName
  public var sequence: SequenceNumber
}

extension Replica {
  /// Merges change sets that were logged just now, straight from memory, until one has to wait.
  func mergeFresh(
    _ entries: [VerifiedEntry], in context: LogContext, at now: Instant, until isWanted: (() -> Bool)?
  ) throws(StoreError) {
    for entry in entries {
      if let need = try merge(entry, in: context, at: now) {
        waiters[need.log, default: []].insert(entry.log)
        break
      }
    }
    wake(context.log)
    try goOn(at: now, until: isWanted)
  }

  /// The logs that waited for this one are to be looked at.
  func wake(_ log: LogName) {
    #if MUTANTS
      if PlantedBug.losesWaiting.isPlanted { return }
    #endif
    if let woken = waiters.removeValue(forKey: log) { ready += woken.sorted() }
  }

  /// Whether something that is kept could be merged, and was left since somebody waited. Until `goOn` has done it, what others
  /// are told of the tables is behind the logs.
  public var mustGoOn: Bool { !ready.isEmpty }

  /// Merges what can be merged, and what waited for that, and so on until nothing moves or somebody waits. Within `batch` only.
  public func goOn(at now: Instant, until isWanted: (() -> Bool)? = nil) throws(StoreError) {
    while let next = ready.popLast() {
      let before = store.merged(next)
      let isDone = try drain(next, at: now, until: isWanted)
      if store.merged(next) > before { wake(next) }
      if !isDone { ready.append(next) }
      if !ready.isEmpty, isWanted?() == true { return Probe.backlogLeft.hit() }
    }
  }

  /// After opening, and when tables are made anew: looks at every log with a backlog, until nothing moves.
  func drainAll(at now: Instant) throws(StoreError) {
    mustLookAtAll = false
    waiters = [:]
    ready = []
    for name in store.logNames where store.state(of: name).waiting > 0 {
      ready.append(name)
      try goOn(at: now)
    }
  }

  /// How much of a log is read at once when it is merged from disk; and when somebody may come who waits.
  private static let drainBytes = (whole: 1 << 20, part: 1 << 15)

  /// Merges a log's backlog from disk until it ends or has to wait.
  ///
  /// - Returns: whether it came so far; else somebody waits.
  private func drain(
    _ name: LogName, at now: Instant, until isWanted: (() -> Bool)?
  ) throws(StoreError) -> Bool {
    guard let key = try key(of: name) else { return true }
    let context = context(name, key: key)
    let verifier = RunVerifier(context)
    while store.state(of: name).waiting > 0 {
      let head = store.state(of: name).merged
      var previous = head
      let limit = isWanted == nil ? Self.drainBytes.whole : Self.drainBytes.part
      for bytes in try store.entries(name, from: head.sequence + 1, byteLimit: limit) {
        guard let entry = verifier.reading(bytes, after: previous) else {
          throw .damaged("entry \(name) \(previous.sequence + 1)")
        }
        if let need = try merge(entry, in: context, at: now) {
          waiters[need.log, default: []].insert(name)
          return true
        }
        previous = entry.head
        let isPart = previous.sequence.isMultiple(of: Self.partOfBacklog) && store.state(of: name).waiting > 0
        if isPart, isWanted?() == true { return false }
      }
      guard previous.sequence > head.sequence else { throw .damaged("entries of \(name) after \(head.sequence)") }
    }
    let state = store.state(of: name)
    guard state.merged.hash == state.logged.hash else { throw .damaged("chain of \(name)") }
    return true
  }

  /// Change sets after which a backlog can be left, for whoever waits.
  private static let partOfBacklog: SequenceNumber = 4

  /// The key that signed what is kept of a log. A newcomer's own certificate may be among what waits here: it is in the
  /// first change set of its control log, and not merged yet.
  func key(of name: LogName) throws(StoreError) -> PublicKey? {
    if let known = membership.key(of: name.author) { return known }
    guard store.merged(name) == 0, let first = try store.entries(name, from: 1, byteLimit: 0).first else { return nil }
    return introducedKey(name, first, sequence: 1)
  }

  /// What the first waiting change set of a log waits for.
  func firstNeed(of name: LogName) throws(StoreError) -> Need? {
    let state = store.state(of: name)
    guard let bytes = try store.entries(name, from: state.merged.sequence + 1, byteLimit: 0).first,
      let layout = try? bytes.decoding({ raw throws(MalformedBytes) in try ChangeSetLayout(raw, after: state.past) })
    else { return nil }
    return need(of: layout.header, after: state.past)
  }

  /// The first thing that a change set follows and that is not merged here.
  private func need(of header: ChangeSetHeader, after before: AuthorPast) -> Need? {
    #if MUTANTS
      if PlantedBug.mergesTooEarly.isPlanted { return nil }
    #endif
    let lane = before.lane
    // What is void is not waited for: it never comes. Nor is either branch of a log that a revocation chooses from, unless the
    // author has named the one that is chosen: a number alone does not say which was meant, and the other may wait for what there
    // never was.
    func limit(_ log: LogName) -> SequenceNumber {
      guard let choice = membership.choices[log] else { return membership.lastValid(log) ?? .max }
      let named = header.branches.first { $0.author == log.author }?.hash ?? before.branches[log.author]
      return (log.lane == lane && choice.isNamed(by: named) ? choice.last : choice.shared).sequence
    }
    // A choice that came in this very transaction: the tables are held to it at its end, and what names it merges after that.
    for (log, choice) in membership.choices where log.lane == lane && heldTo[log] != choice {
      let named = header.branches.first { $0.author == log.author }?.hash ?? before.branches[log.author]
      if choice.isNamed(by: named) { return Need(log: log, sequence: choice.last.sequence) }
    }
    func lacks(_ lane: Lane, _ dot: Dot) -> Need? {
      let log = LogName(lane, dot.author)
      let merged = store.merged(log)
      guard merged < dot.sequence,
        case let limit = limit(log), merged < limit
      else { return nil }
      return Need(log: log, sequence: min(dot.sequence, limit))
    }
    for dot in header.control { if let need = lacks(.control, dot) { return need } }
    for dot in header.clock { if let need = lacks(lane, dot) { return need } }
    // What it had named by number before, it means by this branch from now on.
    for branch in header.branches {
      if let need = lacks(lane, Dot(branch.author, before.clock[branch.author])) { return need }
    }
    return nil
  }

  /// Merges the next change set of a log, or says what it waits for.
  ///
  /// One whose bytes make no sense is void: its author is enrolled, so it stays in the log, but it changes nothing,
  /// on every node alike.
  func merge(_ entry: VerifiedEntry, in context: LogContext, at now: Instant) throws(StoreError) -> Need? {
    if let (shared, need) = undecided(entry.log), entry.sequence > shared.sequence { return need }
    let walk = scope
    let isWalking = if case .all = walk { false } else { true }
    if entry.sequence > mergedBefore[entry.log] ?? 0 { scope = .all }
    defer { scope = walk }
    var past = store.state(of: entry.log).past
    let layout: ChangeSetLayout
    do throws(MalformedBytes) {
      layout = try entry.bytes.decoding { raw throws(MalformedBytes) in try ChangeSetLayout(raw, after: past) }
    } catch {
      past.sequence += 1
      Probe.changeSetMalformed.hit()
      store.advance(entry.log, to: entry.head, past: past)
      try note(entry.log, entry.sequence, "merge", "malformed header: \(error.reason) at \(error.offset)", at: now)
      return nil
    }
    if let need = need(of: layout.header, after: past) {
      Probe.changeSetWaited.hit()
      return need
    }
    past.advance(by: layout.header)
    let certain = membership.certain(of: past)
    let stamp = Stamp(entry.dot, at: layout.header.time)
    let isLate = comesLate(entry, isWalking: isWalking, at: now)
    for index in layout.sections.indices {
      let section = layout.sections[index]
      // Another ward's key lets one read, not write.
      let audience = Audience(key: section.key)
      let isPersonal = audience?.writer != nil
      guard let audience, audience.writer == nil || audience.writer == entry.log.author.ward else {
        try note(
          entry.log, entry.sequence, "merge", "section \(index) under a key of others: \(section.key)", at: now)
        continue
      }
      if case .sealed = scope {
        guard isPersonal else { continue }
        sectionsWalked += 1
      }
      if isPersonal { try meet(section.key) }
      // Nobody but its audience can open a section: it is kept and passed on unread.
      guard let content = entry.open(index, of: layout, with: keyring[section.key], in: context) else { continue }
      let edits: [RowEdit]
      do throws(MalformedBytes) {
        edits = try content.decoding { raw throws(MalformedBytes) in try SectionCodec.decode(raw, by: entry.log.author)
        }
      } catch {
        try note(
          entry.log, entry.sequence, "merge", "malformed section \(index): \(error.reason) at \(error.offset)", at: now)
        continue
      }
      if isLate { for edit in edits { lateRows[edit.collection, default: []].insert(edit.row) } }
      // A log entry has its place whether or not the sections before it can be read.
      var position = Int64(index) << 32
      try mergeEdits(edits, isPersonal: isPersonal, stamp: stamp, past: certain, position: &position, at: now)
    }
    store.advance(entry.log, to: entry.head, past: past)
    effects.merged += 1
    return nil
  }

  /// Whether what follows a change set was merged before it: its rows are made anew then.
  private func comesLate(_ entry: VerifiedEntry, isWalking: Bool, at now: Instant) -> Bool {
    guard case .all = scope, membership.mayComeLate(entry.log) else { return false }
    // In the middle of a walk, logs are not yet as far as the other rows are.
    let isLate =
      isWalking
      || store.logNames.contains {
        $0.lane == entry.log.lane && $0.author != entry.log.author && store.state(of: $0).past.covers(entry.dot)
      }
    if isLate {
      Probe.changeSetCameLate.hit()
      lateAt = now
    }
    return isLate
  }

  private func mergeEdits(
    _ edits: [RowEdit], isPersonal: Bool, stamp: Stamp, past: AuthorPast, position: inout Int64, at now: Instant
  ) throws(StoreError) {
    for var edit in edits {
      guard store.isPersonal(edit.collection) == isPersonal else { continue }
      if case .rows(let rows) = scope, rows[edit.collection]?.contains(edit.row) != true { continue }
      if case .delete = edit.action, store.isAppendOnly(edit.collection) { continue }
      guard
        store.admit(
          &edit, from: past.author.ward, at: stamp.time.milliseconds,
          code: { membership.identity.ward(at: $0)?.code })
      else {
        Probe.foreignRowRefused.hit()
        try note(
          LogName(past.lane, past.author), past.sequence, "merge",
          "a row of another ward in collection \(edit.collection): \(edit.row)", at: now)
        continue
      }
      guard past.lane != .control || ControlSchema.admits(edit, by: past.author) else {
        try note(
          LogName(.control, past.author), past.sequence, "merge", "a key of others in collection \(edit.collection)",
          at: now)
        continue
      }
      try store.merge(edit, stamp: stamp, past: past, position: &position)
      effects.rows.append(RowReference(edit.collection, edit.row))
    }
    guard past.lane == .control, case .all = scope, !isPersonal else { return }
    try learnTrust(edits, from: past, at: now)
  }
}

/// What a walk over the logs merges.
enum MergeScope {
  case all
  /// Only what is sealed for few.
  case sealed
  /// Only these rows, by collection.
  case rows([UInt32: Set<RowID>])
}
