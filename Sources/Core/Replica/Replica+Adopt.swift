import Causality
import ChangeModel
import Federation
import Foundation
import GRDB
import SignedLog
import Store

/// Change sets that were in this node's log, void now, that followed one another.
public struct SetAsideBranch: Hashable, Sendable {
  public var log: LogName
  public var first: SequenceNumber
  public var count: Int
}

/// What became of a branch that a person adopted.
public struct Adoption: Hashable, Sendable {
  /// Change sets of this node that say now what void ones said.
  public var changeSets = 0
  /// Edits taken over, and those that only the author itself could make: its share of a stock is not ours to spend.
  public var edits = 0
  public var left = 0

  public init() {}
}

extension Replica {
  /// What was cut out of the logs here and is kept apart.
  public func setAsideBranches() throws(ReplicaError) -> [SetAsideBranch] {
    do {
      return try store.readOwn { db in
        try Row.fetchAll(
          db,
          sql:
            "SELECT lane, author, min(sequence), count(*) FROM set_aside WHERE adopted = 0 GROUP BY lane, author ORDER BY 1, 2"
        ).compactMap { row in
          guard let lane = Lane(rawValue: UInt8(truncatingIfNeeded: row[0] as Int64)),
            let author = AuthorNumber(rawValue: UInt32(truncatingIfNeeded: row[1] as Int64))
          else { return nil }
          return SetAsideBranch(
            log: LogName(lane, author), first: SequenceNumber(truncatingIfNeeded: row[2] as Int64), count: row[3])
        }
      }
    } catch { throw .store(error) }
  }

  /// Says again, as this node's own word, what the void change sets of a log said, as far as this node may read it and say
  /// it. They stay where they are, marked: what others could read in them is not lost.
  ///
  /// - Throws: `revoked`, or why an edit is not taken; nothing is written then.
  public func adopt(_ log: LogName, at now: Instant) throws(ReplicaError) -> Adoption {
    var adoption = Adoption()
    try transaction {
      guard let key = self.membership.key(of: log.author) else { return }
      let context = self.context(log, key: key)
      for (entry, layout) in try self.voidChain(of: log, in: context) {
        try self.store.markAdopted(entry)
        var draft = Draft(log.lane)
        for index in layout.sections.indices {
          guard let audience = Audience(key: layout.sections[index].key), self.mayWrite(for: audience),
            let content = entry.open(index, of: layout, with: self.keyring[layout.sections[index].key], in: context),
            let edits = try? content.decoding({ raw throws(MalformedBytes) in
              try SectionCodec.decode(raw, by: log.author)
            })
          else { continue }
          for edit in edits {
            let own = try self.restated(edit)
            if own?.fieldCount != edit.fieldCount { adoption.left += 1 }
            guard let own else { continue }
            adoption.edits += 1
            draft.append(own, for: audience)
          }
        }
        guard !draft.isEmpty else { continue }
        _ = try self.commit(draft, at: now)
        adoption.changeSets += 1
      }
    }
    return adoption
  }

  private func mayWrite(for audience: Audience) -> Bool { audience.writer == nil || audience.writer == author.ward }

  /// The void change sets that follow the log's head, one after the other.
  private func voidChain(
    of log: LogName, in context: LogContext
  ) throws(StoreError) -> [(VerifiedEntry, ChangeSetLayout)] {
    var chain: [(VerifiedEntry, ChangeSetLayout)] = []
    var head = LogHead()
    var past = AuthorPast(author: log.author, lane: log.lane)
    func step(_ bytes: [UInt8]) -> Bool {
      let before = past
      guard let entry = RunVerifier(context).reading(bytes, after: head),
        let layout = try? bytes.decoding({ raw throws(MalformedBytes) in try ChangeSetLayout(raw, after: before) })
      else { return false }
      past.advance(by: layout.header)
      head = entry.head
      if head.sequence > store.logged(log) { chain.append((entry, layout)) }
      return true
    }
    while head.sequence < store.logged(log) {
      let run = try store.entries(log, from: head.sequence + 1, byteLimit: 1 << 20)
      guard !run.isEmpty else { return [] }
      for bytes in run { guard step(bytes) else { return [] } }
    }
    while let bytes = try store.setAsideEntry(log, after: head) { guard step(bytes) else { break } }
    return chain
  }

  /// An edit as this node can make it; nil when only its author could.
  private func restated(_ edit: RowEdit) throws(ReplicaError) -> RowEdit? {
    guard let collection = store.schema.collection(edit.collection) else { return nil }
    guard case .edit(let fields) = edit.action else {
      let isThere: Bool
      do { isThere = try store.state(of: edit.row, in: edit.collection)?.isVisible == true } catch {
        throw .store(error)
      }
      return isThere
        ? collection.admitted(RowEdit(edit.collection, edit.row, .delete(shares: [])), from: author.ward) : nil
    }
    let own = fields.filter { field in
      guard collection.field(field.field)?.admits(field.operation) == true else { return false }
      switch field.operation {
      case .set, .increment, .add, .remove, .append: return true
      default: return false
      }
    }
    return own.isEmpty ? nil : collection.admitted(RowEdit(edit.collection, edit.row, own), from: author.ward)
  }
}

extension RowEdit {
  /// 0 for a deletion.
  fileprivate var fieldCount: Int {
    if case .edit(let fields) = action { fields.count } else { 0 }
  }
}
