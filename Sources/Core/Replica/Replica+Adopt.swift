import Causality
import ChangeModel
import Federation
import Foundation
import GRDB
import Merge
import SignedLog
import Sodium
import Store

/// Change sets that were in this node's log, or were handed back to it, void now, that followed one another.
public struct SetAsideBranch: Hashable, Sendable {
  public var log: LogName
  public var first: SequenceNumber
  public var count: Int
}

/// What became of branches that were adopted.
public struct Adoption: Hashable, Sendable {
  /// Change sets of this node that say now what void ones said.
  public var changeSets = 0
  /// Edits taken over, and those that nobody but their author could make: a share of a stock that is not there any more.
  public var edits = 0
  public var left = 0
  /// Sections that this node can neither read nor write: they stay for whoever can.
  public var unread = 0

  public init() {}
}

extension Replica {
  /// What was cut out of the logs here and is kept apart, as far as it was not said again as a whole.
  public func setAsideBranches() throws(ReplicaError) -> [SetAsideBranch] {
    do {
      return try store.readOwn { db in
        var branches: [LogName: SetAsideBranch] = [:]
        let rows = try Row.fetchCursor(
          db, sql: "SELECT lane, author, sequence, hash FROM set_aside WHERE adopted <> -1 ORDER BY sequence")
        while let row = try rows.next() {
          guard let lane = Lane(rawValue: UInt8(truncatingIfNeeded: row[0] as Int64)),
            let author = AuthorNumber(rawValue: UInt32(truncatingIfNeeded: row[1] as Int64)),
            let hash = Data.fromDatabaseValue(row[3]), hash.count == Digest.byteCount,
            try !Self.isSaidAgain(Digest(hash), db)
          else { continue }
          let log = LogName(lane, author)
          let first = SequenceNumber(truncatingIfNeeded: row[2] as Int64)
          branches[log, default: SetAsideBranch(log: log, first: first, count: 0)].count += 1
        }
        return branches.values.sorted { $0.log < $1.log }
      }
    } catch { throw .store(error) }
  }

  /// Says again, as this node's own word, what the void change sets of a log said, as far as this node may read it and say
  /// it. They stay where they are, each with a note of what was said again: what others could read in them is not lost.
  ///
  /// Two branches of a log did not know each other. So each is said again as another author, which has not seen the other one's
  /// word: counts add up, and values that differ stand as a conflict.
  ///
  /// - Throws: `revoked`.
  public func adopt(_ log: LogName, at now: Instant) throws(ReplicaError) -> Adoption {
    guard !membership.isRevoked(author) else { throw .revoked }
    var adoption = Adoption()
    try transaction { try self.adopt(log, at: now, into: &adoption) { _ in true } }
    return adoption
  }

  /// Within a transaction: this node's own log forked, since a copy of its disk was put back or ran beside it. What is void
  /// of it is said again without anybody's help: its own branch at once, one that others hand back unless another machine writes
  /// under this node's number, which will say it itself.
  func adoptOwn(at now: Instant) throws(ReplicaError) {
    let logs: [LogName]
    do { logs = try store.logsSetAside() } catch { throw .store(error) }
    let isAlone = twinEpochs.isEmpty
    for log in logs where log.author.node == author.node && membership.forkedLogs[log] != nil {
      var adoption = Adoption()
      do { try adopt(log, at: now, into: &adoption) { isAlone || !$0.isReturned } } catch { throw .of(error) }
      if adoption.changeSets > 0 { Probe.branchAdopted.hit() }
      do {
        try note(
          log, membership.forkedLogs[log]! + 1, "trust",
          "own branch said again: \(adoption.changeSets) change sets, \(adoption.left) edits left", at: now)
      } catch { throw .store(error) }
    }
  }

  /// Epochs of this node's number that this node did not open: another machine has its key, or a copy of its disk.
  public var twinEpochs: Set<UInt32> {
    Set(store.logNames.filter { $0.author.node == author.node }.map(\.author.epoch)).subtracting(ownEpochs)
  }

  /// Whether somebody, here or elsewhere, has said a void change set again as a whole.
  private static func isSaidAgain(_ hash: Digest, _ db: Database) throws -> Bool {
    try Int64.fetchOne(
      db.cachedStatement(sql: "SELECT said_by FROM returned_change_sets WHERE id = ? AND said_by IS NOT NULL"),
      arguments: [ControlSchema.returnedRow(hash).rawValue]) != nil
  }

  /// Edits in one change set that says what was said again.
  private static let saidInOne = 1_000

  private func adopt(
    _ log: LogName, at now: Instant, into adoption: inout Adoption, where isTaken: (Store.SetAsideNote) -> Bool
  ) throws {
    guard let key = membership.key(of: log.author) else { return }
    let context = self.context(log, key: key)
    var said: [RowEdit] = []
    for branch in try voidBranches(of: log, in: context) {
      let others = Set(try writers(of: log, except: branch))
      var writer: AuthorNumber?
      for (entry, layout) in branch {
        guard let known = try store.setAsideNote(log, entry.head), known.adopted != -1, isTaken(known),
          try !store.readOwn({ try Self.isSaidAgain(entry.hash, $0) })
        else { continue }
        if writer == nil {
          // Whoever said the other branch has seen all of it.
          if others.contains(author) { try? openEpoch(above: author, isCopied: true) }
          writer = author
        }
        let mask = try sayAgain(entry, layout, known, in: context, unseen: others, at: now, into: &adoption)
        try store.markAdopted(log, entry.head, sections: mask, by: author)
        if mask == -1 { said.append(ControlSchema.sayingAgain(entry.hash, by: author)) }
      }
    }
    for start in stride(from: 0, to: said.count, by: Self.saidInOne) {
      var draft = Draft(.registry, audience: .anyone)
      draft.edits = Array(said[start..<min(start + Self.saidInOne, said.count)])
      _ = try commit(draft, at: now)
    }
  }

  /// The void change sets that follow a log's head: each list a branch, without what it shares with one before it.
  private func voidBranches(
    of log: LogName, in context: LogContext
  ) throws(StoreError) -> [[(VerifiedEntry, ChangeSetLayout)]] {
    let verifier = RunVerifier(context)
    var past = AuthorPast(author: log.author, lane: log.lane)
    var head = LogHead()
    func step(_ bytes: [UInt8], after head: LogHead, _ past: inout AuthorPast) -> (VerifiedEntry, ChangeSetLayout)? {
      let before = past
      guard let entry = verifier.reading(bytes, after: head),
        let layout = try? bytes.decoding({ raw throws(MalformedBytes) in try ChangeSetLayout(raw, after: before) })
      else { return nil }
      past.advance(by: layout.header)
      return (entry, layout)
    }
    while head.sequence < store.logged(log) {
      let run = try store.entries(log, from: head.sequence + 1, byteLimit: 1 << 20)
      guard !run.isEmpty else { return [] }
      for bytes in run {
        guard let (entry, _) = step(bytes, after: head, &past) else { return [] }
        head = entry.head
      }
    }
    var branches: [[(VerifiedEntry, ChangeSetLayout)]] = []
    var starts: [(entry: (VerifiedEntry, ChangeSetLayout)?, head: LogHead, past: AuthorPast)] = [(nil, head, past)]
    while let start = starts.popLast() {
      var (head, past) = (start.head, start.past)
      var branch = start.entry.map { [$0] } ?? []
      while true {
        let before = past
        let next = try store.setAsideEntries(log, after: head, orAdopted: true).compactMap { bytes in
          var past = before
          return step(bytes, after: head, &past).map { (entry: $0, head: $0.0.head, past: past) }
        }
        guard let first = next.first else { break }
        branch.append(first.entry)
        (head, past) = (first.head, first.past)
        for other in next.dropFirst() { starts.append((other.entry, other.head, other.past)) }
      }
      branches.append(branch)
    }
    return branches.filter { !$0.isEmpty }
  }

  /// As whom this node has said again what other branches of a log said.
  private func writers(
    of log: LogName, except branch: [(VerifiedEntry, ChangeSetLayout)]
  ) throws(StoreError) -> [AuthorNumber] {
    let own = Set(branch.map { $0.0.hash })
    return try store.readOwn { db in
      try Row.fetchAll(
        db, sql: "SELECT hash, adopted_by FROM set_aside WHERE lane = ? AND author = ? AND adopted_by IS NOT NULL",
        arguments: [Int64(log.lane.rawValue), Int64(log.author.rawValue)]
      ).compactMap { row in
        guard let hash = Data.fromDatabaseValue(row[0]), hash.count == 32, !own.contains(Digest(hash)) else {
          return nil
        }
        return UInt32(exactly: row[1] as Int64).flatMap { AuthorNumber(rawValue: $0) }
      }
    }
  }

  /// - Returns: a bit for each section that was said again now; -1 when all are.
  private func sayAgain(
    _ entry: VerifiedEntry, _ layout: ChangeSetLayout, _ known: Store.SetAsideNote, in context: LogContext,
    unseen: Set<AuthorNumber>, at now: Instant, into adoption: inout Adoption
  ) throws -> Int64 {
    var mask = UInt64(bitPattern: known.adopted)
    var isWhole = true
    for index in layout.sections.indices where mask >> UInt64(index) & 1 == 0 {
      let section = layout.sections[index]
      guard let audience = Audience(key: section.key), audience.writer == nil || audience.writer == author.ward,
        let content = entry.open(index, of: layout, with: keyring[section.key], in: context)
      else {
        // What no key of any audience opens, and what an author may not write for, is nobody's.
        if Audience(key: section.key)?.writer == entry.log.author.ward { isWhole = false }
        adoption.unread += 1
        continue
      }
      mask |= 1 << UInt64(index)
      guard
        let edits = try? content.decoding({ raw throws(MalformedBytes) in
          try SectionCodec.decode(raw, by: entry.log.author)
        })
      else { continue }
      var own: [RowEdit] = []
      for edit in edits {
        let (again, left) = try restated(edit, of: entry.log.author)
        adoption.left += left
        if let again { own.append(again) }
      }
      adoption.edits += own.count
      try say(own, in: entry.log.lane, for: audience, unseen: unseen, at: now, into: &adoption)
    }
    return isWhole ? -1 : Int64(bitPattern: mask)
  }

  /// Commits edits, in parts when they are too many for one change set. What cannot be said is left, and counted: a fork must
  /// not keep a node from going on.
  private func say(
    _ edits: [RowEdit], in lane: Lane, for audience: Audience, unseen: Set<AuthorNumber>, at now: Instant,
    into adoption: inout Adoption
  ) throws {
    guard !edits.isEmpty else { return }
    var draft = Draft(lane, audience: audience)
    draft.edits = edits
    do {
      _ = try commit(draft, at: now, unseen: unseen)
      adoption.changeSets += 1
    } catch ReplicaError.store(let error) {
      throw ReplicaError.store(error)
    } catch {
      guard edits.count > 1 else {
        adoption.left += 1
        return
      }
      for half in [edits[..<(edits.count / 2)], edits[(edits.count / 2)...]] {
        try say(Array(half), in: lane, for: audience, unseen: unseen, at: now, into: &adoption)
      }
    }
  }

  /// An edit as this node can make it, nil when only its author could, and how many operations are left out.
  private func restated(_ edit: RowEdit, of former: AuthorNumber) throws -> (RowEdit?, left: Int) {
    guard let collection = store.schema.collection(edit.collection) else { return (nil, 1) }
    let state = try store.state(of: edit.row, in: edit.collection)
    guard case .edit(let fields) = edit.action else {
      let own = RowEdit(edit.collection, edit.row, .delete(shares: []))
      return (state?.isVisible == true ? collection.admitted(own, from: author.ward) : nil, 0)
    }
    var (again, left): ([FieldEdit], Int) = ([], 0)
    var shares: [UInt32: [AuthorNumber: Int64]] = [:]
    for field in fields where collection.field(field.field)?.admits(field.operation) == true {
      switch field.operation {
      case .set, .increment, .add, .remove, .append: again.append(field)
      case .receive(let amount):
        again.append(field)
        shares[field.field, default: [:]][author, default: 0] &+= amount
      case .takeOver: left += 1
      case .spend(let amount), .handOver(let amount, _):
        // The goods are gone, whoever's share they were: what the former author still holds goes to this one first.
        var held = shares[field.field] ?? [:]
        func share(_ author: AuthorNumber) -> Int64 {
          (state?.contribution(field.field)?[author]?.total ?? 0) &+ (held[author] ?? 0)
        }
        var taken: [FieldEdit] = []
        let givers = (state?.contribution(field.field)?.contributions.map(\.author) ?? [])
          .filter { $0.node == former.node && $0 != author && $0.ward == author.ward }
        for giver in givers where share(author) < amount {
          let moved = min(amount - share(author), max(share(giver), 0))
          guard moved > 0 else { continue }
          taken.append(FieldEdit(field.field, .takeOver(moved, from: giver)))
          held[giver, default: 0] -= moved
          held[author, default: 0] += moved
        }
        guard share(author) >= amount else {
          left += 1
          continue
        }
        held[author, default: 0] -= amount
        shares[field.field] = held
        again += taken + [field]
      }
    }
    guard !again.isEmpty else { return (nil, left) }
    let whole = RowEdit(edit.collection, edit.row, again)
    // Of a quantity that all draw from, what was spent is not said without what came in.
    if case .drawn = collection.law, collection.admitted(whole, from: author.ward) != whole {
      return (nil, left + again.count)
    }
    let own = collection.admitted(whole, from: author.ward)
    return (own, own == nil ? left + again.count : left)
  }
}
