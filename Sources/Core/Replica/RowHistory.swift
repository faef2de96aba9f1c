import Causality
import ChangeModel
import Federation
import Foundation
import GRDB
import SignedLog
import Store

/// One change set that touched a row.
public struct RowHistoryEntry: Sendable {
  public var dot: Dot
  public var time: HybridTime
  public var action: RowEdit.Action
  /// What its author had seen of the lane by then.
  private let past: AuthorPast

  init(dot: Dot, time: HybridTime, action: RowEdit.Action, past: AuthorPast) {
    self.dot = dot
    self.time = time
    self.action = action
    self.past = past
  }

  /// Whether who wrote this knew of another change.
  public func knew(_ dot: Dot) -> Bool { past.covers(dot) }
}

/// Reads a row's history out of the log, on a snapshot of its own: on any thread, while the node writes.
public struct RowHistoryReader: Sendable {
  private let membership: Membership
  private let keyring: Keyring
  private let federation: FederationIdentity

  init(membership: Membership, keyring: Keyring, federation: FederationIdentity) {
    self.membership = membership
    self.keyring = keyring
    self.federation = federation
  }

  /// Every readable change of the row, oldest first. Reads the whole lane: about a second for 100,000 change sets.
  public func history(of row: RowID, in collection: CollectionSchema, _ db: Database) throws -> [RowHistoryEntry] {
    var found: [RowHistoryEntry] = []
    let authors = try UInt32.fetchAll(
      db, sql: "SELECT author FROM logs WHERE lane = ? ORDER BY author", arguments: [collection.lane.rawValue])
    for author in authors.compactMap(AuthorNumber.init(rawValue:)) {
      guard let key = membership.key(of: author) else { continue }
      let log = LogName(collection.lane, author)
      let context = LogContext(federation: federation.id, nodeKey: key, log: log)
      let entries = try Data.fetchCursor(
        db,
        sql: "SELECT bytes FROM entries WHERE id BETWEEN ? AND ? ORDER BY id",
        arguments: [
          EntryID.rawValue(log, 1), EntryID.rawValue(log, sequenceLimit),
        ])
      var past = AuthorPast(author: author, lane: log.lane)
      var head = LogHead()
      while let bytes = try entries.next() {
        guard let entry = RunVerifier(context).reading([UInt8](bytes), after: head) else { break }
        head = entry.head
        found += changes(of: row, collection.number, in: entry, context, &past)
      }
    }
    return found.sorted { ($0.time, $0.dot) < ($1.time, $1.dot) }
  }

  private func changes(
    of row: RowID, _ collection: UInt32, in entry: VerifiedEntry, _ context: LogContext, _ past: inout AuthorPast
  ) -> [RowHistoryEntry] {
    guard
      let layout = try? entry.bytes.decoding({ raw throws(MalformedBytes) in try ChangeSetLayout(raw, after: past) })
    else {
      past.sequence += 1
      return []
    }
    past.advance(by: layout.header)
    var found: [RowHistoryEntry] = []
    for (index, section) in layout.sections.enumerated() {
      guard
        let content = entry.open(index, of: layout, with: section.key == 0 ? nil : keyring[section.key], in: context),
        let edits = try? content.decoding({ raw throws(MalformedBytes) in
          try SectionCodec.decode(raw, by: entry.log.author)
        })
      else { continue }
      for edit in edits where edit.collection == collection && edit.row == row {
        found.append(
          RowHistoryEntry(
            dot: entry.dot, time: layout.header.time, action: edit.action,
            past: membership.certain(of: past)))
      }
    }
    return found
  }
}

extension Dot {
  /// Whether the author's clock stood far from its peers' when it wrote this: the time is a guess. False of what is not kept.
  public func isClockDoubted(in lane: Lane, _ db: Database) throws -> Bool {
    let first = try Data.fetchOne(
      db.cachedStatement(sql: "SELECT substr(bytes, 1, 1) FROM entries WHERE id = ?"),
      arguments: [EntryID.rawValue(LogName(lane, author), sequence)])
    return first?.first.map(ChangeSetLayout.isClockDoubted) ?? false
  }
}

extension Replica {
  /// A reader of histories with the members and keys that are known now.
  public var historyReader: RowHistoryReader {
    RowHistoryReader(membership: membership, keyring: keyring, federation: identity.federation)
  }
}
