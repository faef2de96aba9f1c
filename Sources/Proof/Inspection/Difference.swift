import Causality
import ChangeModel
import GRDB
import SignedLog
import Store

/// What two nodes, files or bundles do not have in common.
public struct Difference: Codable, Sendable {
  public struct Log: Codable, Sendable {
    public var log: LogReference
    public var ward: String?
    /// How far each side keeps it.
    public var a: Int
    public var b: Int
    /// The first sequence at which the sides hold two different change sets: a fork.
    public var forkAt: Int?
  }

  public struct Table: Codable, Sendable {
    public var table: String
    public var digestA: String
    public var digestB: String
    /// How many rows differ; the first of them are in `rows`. Nil when a side's rows are not here.
    public var differingRows: Int?
  }

  public var schema = "renkei-inspect/diff/1"
  public var a: Source
  public var b: Source
  /// With a bundle: whether it brings nothing.
  public var equal: Bool
  /// Logs that reach further on one side, or fork.
  public var logs: [Log]
  /// Change sets that only one side has.
  public var onlyA: Int
  public var onlyB: Int
  /// Tables whose hashes differ. Empty when a side has no tables and told no hashes: see `tablesCompared`.
  public var tables: [Table]
  public var tablesCompared: Bool
  /// Tables of what a ward keeps to itself, left out because the sides do not hold the same keys, or do not tell them.
  public var sealedTables: [String]
  public var rows: [RowDifference]
  /// Rows that differ though no change set explains it: a table is not what its log makes. Run `verify`.
  public var unexplainedRows: Int
  /// Sections of the differing change sets that no key here opens.
  public var sealedSections: Int
}

extension Difference {
  /// - Parameter rowLimit: how many differing rows of each table are told.
  public init(_ a: Evidence, _ b: Evidence, rowLimit: Int = 100, progress: (Int) -> Void = { _ in }) throws {
    try a.requireSameFederation(b)
    self.a = Source(a)
    self.b = Source(b)
    let (ours, theirs) = (try a.logStates(), try b.logStates())
    let naming = Naming(a.papers.identity == nil ? b : a)
    logs = []
    (onlyA, onlyB) = (0, 0)
    for log in Set(ours.keys).union(theirs.keys).sorted() {
      var heads = (ours[log]?.logged.sequence ?? 0, theirs[log]?.logged.sequence ?? 0)
      // A bundle carries what somebody lacks, not all there is: only what it brings counts.
      if a.kind == .bundle, b.kind != .bundle { heads.1 = min(heads.0, heads.1) }
      if b.kind == .bundle, a.kind != .bundle { heads.0 = min(heads.0, heads.1) }
      let fork = try Self.fork(of: log, a, b)
      guard heads.0 != heads.1 || fork != nil else { continue }
      logs.append(
        Log(
          log: LogReference(log), ward: naming.ward(log.author), a: Int(heads.0), b: Int(heads.1),
          forkAt: fork.map { Int($0) }))
      let common = fork.map { $0 - 1 } ?? min(heads.0, heads.1)
      onlyA += Int(heads.0 - min(heads.0, common))
      onlyB += Int(heads.1 - min(heads.1, common))
    }

    tables = []
    rows = []
    unexplainedRows = 0
    tablesCompared = [a, b].allSatisfy { $0.hasTables || $0.toldDigests != nil }
    let (explanations, sealed) = try Self.explanations(a, b, naming, progress)
    sealedSections = sealed
    let rowsAreHere = a.hasTables && b.hasTables
    // Each side shows what its own keys open.
    let haveSameKeys = try a.openKeys != nil && a.openKeys == b.openKeys
    sealedTables = []
    let comparison = RowComparison(a: a, b: b)
    if tablesCompared {
      for collection in a.schema.collections {
        guard haveSameKeys || !collection.isPersonal else {
          sealedTables.append(collection.name)
          continue
        }
        let digests = try (Self.digest(collection, a), Self.digest(collection, b))
        guard digests.0 != digests.1 else { continue }
        guard rowsAreHere else {
          tables.append(Table(table: collection.name, digestA: digests.0, digestB: digests.1, differingRows: nil))
          continue
        }
        let (found, count) = try comparison.differences(collection, limit: rowLimit)
        tables.append(
          Table(table: collection.name, digestA: digests.0, digestB: digests.1, differingRows: count))
        for var row in found {
          if let id = Int64(row.row) {
            row.name = try a.title(of: id, in: collection.name) ?? b.title(of: id, in: collection.name)
          }
          row.explainedBy = explanations[RowName(collection: collection.number, row: row.row)] ?? []
          if row.explainedBy.isEmpty, sealed == 0 { unexplainedRows += 1 }
          rows.append(row)
        }
      }
    }
    if !rowsAreHere {
      for name in explanations.keys.sorted() {
        var row = RowDifference(
          table: naming.collection(name.collection), row: name.row, sides: "notCompared", fields: [])
        row.explainedBy = explanations[name]!
        rows.append(row)
      }
    }
    equal = logs.isEmpty && tables.isEmpty
  }

  private static func digest(_ collection: CollectionSchema, _ evidence: Evidence) throws -> String {
    if let told = evidence.toldDigests { return told[collection.name] ?? "" }
    return try evidence.read { db in
      guard try db.tableExists(collection.name) else { return "" }
      do { return try Store.digest(of: collection, db).short } catch {
        // A column that the file's program did not know yet: the rows are compared by what both have.
        return "other columns"
      }
    }
  }

  // MARK: Forks

  /// The first sequence at which both sides hold different change sets of a log.
  ///
  /// A signature covers all that came before it, so equal bytes at one place mean equal bytes before it, and halving finds
  /// where two branches part.
  static func fork(of log: LogName, _ a: Evidence, _ b: Evidence) throws -> SequenceNumber? {
    guard let ours = try a.extent(of: log), let theirs = try b.extent(of: log) else { return nil }
    var low = max(ours.first, theirs.first)
    var high = min(ours.last, theirs.last)
    func differs(_ sequence: SequenceNumber) throws -> Bool {
      let one = try a.entry(log, sequence)
      let other = try b.entry(log, sequence)
      return one != nil && other != nil && one != other
    }
    guard low <= high, try differs(high) else { return nil }
    while low < high {
      let middle = low + (high - low) / 2
      if try differs(middle) { high = middle } else { low = middle + 1 }
    }
    return low
  }

  // MARK: Which change sets explain

  struct RowName: Hashable, Comparable {
    var collection: UInt32
    var row: String

    static func < (left: Self, right: Self) -> Bool {
      left.collection == right.collection ? left.row < right.row : left.collection < right.collection
    }
  }

  /// By row: the change sets that one side has in its tables and the other has not.
  private static func explanations(
    _ a: Evidence, _ b: Evidence, _ naming: Naming, _ progress: (Int) -> Void
  ) throws -> (byRow: [RowName: [RowDifference.Explanation]], sealed: Int) {
    var byRow: [RowName: [RowDifference.Explanation]] = [:]
    var sealed = 0
    var looked = 0
    let (ours, theirs) = (try a.logStates(), try b.logStates())
    func reach(_ evidence: Evidence, _ state: LogState?) -> SequenceNumber {
      evidence.hasTables && !evidence.isSalvaged ? state?.merged.sequence ?? 0 : state?.logged.sequence ?? 0
    }
    for log in Set(ours.keys).union(theirs.keys).sorted() {
      let fork = try fork(of: log, a, b)
      for (side, here, there) in [("a", a, b), ("b", b, a)]
      where there.kind != .bundle || here.kind == .bundle {
        let mine = side == "a" ? ours[log] : theirs[log]
        let other = side == "a" ? theirs[log] : ours[log]
        let end = reach(here, mine)
        let start = min(fork.map { $0 - 1 } ?? .max, reach(there, other))
        guard start < end else { continue }
        try LogReader(here).forEach(log, from: start + 1, through: end) { changeSet, _ in
          looked += 1
          progress(looked)
          for section in changeSet.sections {
            guard case .edits(let edits) = section.content else {
              sealed += 1
              continue
            }
            for edit in edits {
              let name = RowName(collection: edit.collection, row: "\(edit.row)")
              byRow[name, default: []].append(
                RowDifference.Explanation(
                  side: side, log: LogReference(log), sequence: Int(changeSet.sequence), ward: naming.ward(log.author),
                  time: changeSet.header?.time.milliseconds, edit: LogLine.Edit(edit, naming).shown))
            }
          }
          return true
        }
      }
    }
    return (byRow, sealed)
  }
}

extension LogLine.Edit {
  /// `status = 開設, occupancy +3` or `∅` for a deletion.
  public var shown: String {
    deleted ? "∅" : fields.map { "\($0.field) \($0.shown)" }.joined(separator: ", ")
  }
}

extension Evidence {
  /// - Throws: `otherFederation`: nothing of two federations can be compared.
  func requireSameFederation(_ other: Evidence) throws {
    guard let ours = papers.federation, let theirs = other.papers.federation, ours != theirs else { return }
    throw InspectionError.otherFederation(
      ours.short, theirs.short)
  }

  /// The bytes of one change set; nil when it is not here.
  public func entry(_ log: LogName, _ sequence: SequenceNumber) throws -> [UInt8]? {
    var found: [UInt8]?
    try entries(log, from: sequence, through: sequence) { _, bytes in
      found = bytes
      return false
    }
    return found
  }
}
