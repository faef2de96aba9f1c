import Causality
import ChangeModel
import SignedLog

/// One change set in a report. `--json` prints one such object on each line.
public struct LogLine: Codable, Sendable {
  public struct Edit: Codable, Sendable {
    public var table: String
    /// As text: row ids do not fit into every program's numbers.
    public var row: String
    public var deleted: Bool
    public var fields: [Field]
  }

  public struct Field: Codable, Sendable {
    public var field: String
    public var operation: String
    public var value: JSONValue
    /// Of stock that is handed over.
    public var to: String?
    /// The same for a person.
    public var shown: String
  }

  public struct Section: Codable, Sendable {
    /// The audience's key; 0 for what anyone can read.
    public var key: Int
    public var bytes: Int
    /// `open`, `sealed` or `malformed`.
    public var state: String
    public var edits: [Edit]
  }

  public struct Advance: Codable, Sendable {
    public var log: LogReference
    public var sequence: Int
  }

  public struct Branch: Codable, Sendable {
    public var log: LogReference
    public var hash: String
  }

  public var schema = "renkei-inspect/log/1"
  public var log: LogReference
  public var sequence: Int
  public var ward: String?
  public var bytes: Int
  /// Milliseconds since 1970, and the logical count within one.
  public var time: Int64?
  public var logical: Int?
  /// What the author had newly seen since its change set before.
  public var saw: [Advance]
  /// Which branch of another's forked log its numbers mean from here on: the chain hash of a change set on it.
  public var branches: [Branch]?
  public var sections: [Section]
  /// `afterGap`, `malformed` or `strangerKey`, with where.
  public var fault: String?
}

extension LogLine {
  public init(_ changeSet: ReadChangeSet, _ naming: Naming) {
    log = LogReference(changeSet.log)
    sequence = Int(changeSet.sequence)
    ward = naming.ward(changeSet.log.author)
    bytes = changeSet.bytes
    time = changeSet.header?.time.milliseconds
    logical = (changeSet.header?.time.logical).map { Int($0) }
    let header = changeSet.header
    saw =
      (header?.control ?? []).map {
        Advance(log: LogReference(LogName(.control, $0.author)), sequence: Int($0.sequence))
      }
      + (header?.clock ?? []).map {
        Advance(log: LogReference(LogName(changeSet.log.lane, $0.author)), sequence: Int($0.sequence))
      }
    if let named = header?.branches, !named.isEmpty {
      branches = named.map {
        Branch(log: LogReference(LogName(changeSet.log.lane, $0.author)), hash: $0.hash.hexadecimal)
      }
    }
    sections = changeSet.sections.map { section in
      switch section.content {
      case .edits(let edits):
        Section(key: Int(section.key), bytes: section.bytes, state: "open", edits: edits.map { Edit($0, naming) })
      case .sealed: Section(key: Int(section.key), bytes: section.bytes, state: "sealed", edits: [])
      case .malformed: Section(key: Int(section.key), bytes: section.bytes, state: "malformed", edits: [])
      }
    }
    fault =
      switch changeSet.fault {
      case nil:
        changeSet.isCorrected ? "corrected: one byte was put back to what its author signed" : nil
      case .afterGap(let from)?: "afterGap: #\(from) is not here"
      case .malformed(let error)?: "malformed: \(error.reason.rawValue) at byte \(error.offset)"
      case .strangerKey?: "strangerKey: no certificate of its author is here"
      }
  }
}

extension LogLine.Edit {
  public init(_ edit: RowEdit, _ naming: Naming) {
    table = naming.collection(edit.collection)
    row = "\(edit.row)"
    switch edit.action {
    case .delete:
      deleted = true
      fields = []
    case .edit(let edits):
      deleted = false
      fields = edits.map { edit2 in
        var receiver: String?
        if case .handOver(_, let to) = edit2.operation { receiver = "\(to)" }
        if case .takeOver(_, let from) = edit2.operation { receiver = "\(from)" }
        return LogLine.Field(
          field: edit2.field == 0 ? "(contest)" : naming.field(edit.collection, edit2.field),
          operation: edit2.operation.name, value: JSONValue(edit2.operation.value), to: receiver,
          shown: edit2.operation.shown)
      }
    }
  }
}

/// Which change sets a person asked for.
public struct LogFilter {
  public var lanes: Set<Lane>?
  public var authors: Set<AuthorNumber>?
  public var from: SequenceNumber = 1
  public var through: SequenceNumber = sequenceLimit
  /// Milliseconds since 1970.
  public var since: Int64?
  public var until: Int64?
  public var collection: UInt32?
  public var row: RowID?

  public init() {}

  public func admits(_ log: LogName) -> Bool {
    lanes?.contains(log.lane) ?? true && authors?.contains(log.author) ?? true
  }

  public func admits(_ changeSet: ReadChangeSet) -> Bool {
    guard admits(changeSet.log), changeSet.sequence >= from, changeSet.sequence <= through else { return false }
    if let since, (changeSet.header?.time.milliseconds ?? 0) < since { return false }
    if let until, (changeSet.header?.time.milliseconds ?? .max) > until { return false }
    guard collection != nil || row != nil else { return true }
    return changeSet.edits.contains { edit in
      collection.map { $0 == edit.collection } ?? true && row.map { $0 == edit.row } ?? true
    }
  }

  /// The change sets that match, log by log, each oldest first.
  public func forEach(in evidence: Evidence, _ body: (ReadChangeSet) throws -> Void) throws {
    let reader = LogReader(evidence)
    for log in try evidence.logNames() where admits(log) {
      try reader.forEach(log, from: from, through: through) { changeSet, _ in
        if admits(changeSet) { try body(changeSet) }
        return true
      }
    }
  }
}
