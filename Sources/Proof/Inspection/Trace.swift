import Causality
import ChangeModel
import GRDB
import SignedLog

/// The life of a row, or of one field of it: who wrote what, when, knowing what.
public struct Trace: Codable, Sendable {
  public struct Writer: Codable, Hashable, Sendable {
    /// `author#sequence`.
    public var dot: String
    public var author: String
    public var ward: String?
    public var time: Int64
    /// Its clock stood far from its peers': the time is a guess.
    public var clockDoubted: Bool
  }

  public struct Event: Codable, Sendable {
    public var writer: Writer
    /// Nil for a deletion of the row.
    public var field: String?
    public var operation: String
    public var value: JSONValue
    public var shown: String
    /// Whoever did it, and what they did, as the audit note in the same change set says.
    public var person: String?
    public var action: String?
    /// Change sets of other authors in the lane that its author had seen.
    public var knew: Int
    /// Earlier writes of this row that its author had not seen, as stretches of the others' logs.
    public var unseen: [Gap]
    /// Values that it replaced: those that stood where its author wrote, one or several side by side.
    public var replaced: [String]
    /// Values that stood beside it: its author had not seen them, nor their authors this one.
    public var beside: [String]
    /// More than one value stood, and its author, who had seen them, settled it.
    public var settled: Bool
    /// The value that a node with all of this shows after it.
    public var showsAfter: JSONValue?
  }

  /// A stretch of somebody's log.
  public struct Gap: Codable, Hashable, Sendable {
    public var author: String
    public var ward: String?
    public var from: Int
    public var to: Int
  }

  public struct Standing: Codable, Sendable {
    public var field: String
    /// The shown one first.
    public var values: [Value]
    /// What the table holds; nil when there is no table to look at.
    public var table: JSONValue?

    public struct Value: Codable, Sendable {
      public var dot: String
      public var value: JSONValue
    }
  }

  public var schema = "renkei-inspect/trace/1"
  public var source: Source
  public var table: String
  public var row: String
  public var field: String?
  /// In causal order: nobody wrote after what stands below it.
  public var events: [Event]
  /// What stands now, for each register field that was ever written.
  public var standing: [Standing]
  /// Sections of the lane that no key here opens: what they hold may belong here.
  public var sealedSections: Int
  /// Change sets of the lane that cannot be read.
  public var unreadable: Int
}

extension Trace {
  /// - Throws: `noSuchRow` when no change set touches the row.
  public init(
    _ evidence: Evidence, _ collection: CollectionSchema, _ row: RowID, field: FieldSchema?,
    progress: (Int) -> Void = { _ in }
  ) throws {
    let naming = Naming(evidence)
    source = Source(evidence)
    table = collection.name
    self.row = "\(row)"
    self.field = field?.name
    (sealedSections, unreadable) = (0, 0)

    var writes: [Write] = []
    var notes: [Dot: (person: String, action: String)] = [:]
    // The note stands in the change set that it is about: "subject action purpose user".
    let trails = Set(evidence.schema.collections.filter { $0.isAppendOnly }.map(\.number))
    var looked = 0
    var (sealed, lost) = (0, 0)
    try LogReader(evidence).forEach(in: collection.lane) { changeSet, past in
      looked += 1
      progress(looked)
      if changeSet.header == nil { lost += 1 }
      for section in changeSet.sections {
        guard case .edits(let edits) = section.content else {
          sealed += 1
          continue
        }
        for edit in edits where edit.collection == collection.number && edit.row == row {
          writes += Self.writes(changeSet, past, edit, field)
        }
        for edit in edits where trails.contains(edit.collection) {
          if let note = Self.note(edit, about: row) { notes[changeSet.dot] = note }
        }
      }
    }
    (sealedSections, unreadable) = (sealed, lost)
    guard !writes.isEmpty else { throw InspectionError.noSuchRow(table: collection.name, row: "\(row)") }
    // A hybrid time is later than every one that its author had seen: this order is causal.
    writes.sort { ($0.time, $0.dot, $0.position) < ($1.time, $1.dot, $1.position) }

    events = []
    standing = []
    var open: [UInt32: [Write]] = [:]
    for (index, write) in writes.enumerated() {
      var event = Self.event(write, after: writes[..<index], &open, collection, naming)
      event.person = try notes[write.dot].map { try Self.name($0.person, evidence) }
      event.action = notes[write.dot]?.action
      event.unseen = Self.unseen(by: write, of: writes[..<index], naming)
      events.append(event)
    }
    for field in collection.fields where field.kind == .register && open[field.number] != nil {
      let values = open[field.number]!.sorted { ($0.time, $0.dot) > ($1.time, $1.dot) }
      standing.append(
        Standing(
          field: field.name,
          values: values.map { Standing.Value(dot: "\($0.dot)", value: JSONValue($0.operation?.value ?? .null)) },
          table: try Self.tableValue(evidence, collection, field, row)))
    }
  }

  /// The name of the account or the token that a note tells by its row, with what the note says besides; any other as it is.
  private static func name(_ person: String, _ evidence: Evidence) throws -> String {
    guard person.hasPrefix("@"), let row = Int64(person.dropFirst().prefix { $0 != " " }) else { return person }
    let name = try evidence.title(of: row, in: "accounts") ?? evidence.title(of: row, in: "tokens")
    return name.map { $0 + (person.firstIndex(of: " ").map { String(person[$0...]) } ?? "") } ?? person
  }

  private static func note(_ edit: RowEdit, about row: RowID) -> (person: String, action: String)? {
    guard case .edit(let fields) = edit.action else { return nil }
    for field in fields {
      guard case .append(.text(let text)) = field.operation else { continue }
      let parts = text.split(separator: " ", maxSplits: 3, omittingEmptySubsequences: false)
      if parts.count == 4, Int64(parts[0]) == row.rawValue { return (String(parts[3]), String(parts[1])) }
    }
    return nil
  }

  private static func unseen(by write: Write, of earlier: ArraySlice<Write>, _ naming: Naming) -> [Gap] {
    var last: [AuthorNumber: SequenceNumber] = [:]
    for other in earlier where other.dot.author != write.dot.author && !write.saw(other.dot) {
      last[other.dot.author] = max(last[other.dot.author] ?? 0, other.dot.sequence)
    }
    return last.sorted { $0.key < $1.key }.map { author, sequence in
      Gap(
        author: "\(author)", ward: naming.ward(author), from: Int(write.past.clock[author]) + 1, to: Int(sequence))
    }
  }

  /// One field operation, or a deletion, with what its author knew.
  private struct Write {
    var dot: Dot
    var time: HybridTime
    var isClockDoubted: Bool
    var position: Int
    var field: UInt32
    var operation: FieldOperation?
    var past: AuthorPast

    func saw(_ other: Dot) -> Bool { past.covers(other) }

    /// Registers and deletions replace what their author saw; the other kinds add up.
    var replacesValues: Bool {
      switch operation {
      case .set?, nil: true
      default: false
      }
    }
  }

  private static func writes(
    _ changeSet: ReadChangeSet, _ past: AuthorPast, _ edit: RowEdit, _ field: FieldSchema?
  ) -> [Write] {
    let time = changeSet.header?.time ?? .zero
    let isDoubted = changeSet.header?.isClockDoubted ?? false
    switch edit.action {
    case .delete:
      return [
        Write(
          dot: changeSet.dot, time: time, isClockDoubted: isDoubted, position: 0, field: 0, operation: nil, past: past)
      ]
    case .edit(let fields):
      return fields.enumerated().filter { $1.field != 0 && (field == nil || field!.number == $1.field) }.map {
        Write(
          dot: changeSet.dot, time: time, isClockDoubted: isDoubted, position: $0 + 1, field: $1.field,
          operation: $1.operation, past: past)
      }
    }
  }

  /// What stood in a field, or the row, where `write` was written: of all that its author had seen, those that nothing
  /// else of it had replaced.
  private static func standing(_ write: Write, _ earlier: ArraySlice<Write>) -> [Write] {
    var newest: [Write] = []
    for other in earlier.reversed() where write.saw(other.dot) && other.dot != write.dot {
      let isField = write.operation == nil || other.operation == nil || other.field == write.field
      guard isField, other.replacesValues else { continue }
      let isReplaced = newest.contains {
        $0.saw(other.dot) && $0.dot != other.dot && ($0.operation == nil || $0.field == other.field)
      }
      if !isReplaced { newest.append(other) }
    }
    return newest.filter { $0.operation != nil }.reversed()
  }

  private static func event(
    _ write: Write, after earlier: ArraySlice<Write>, _ open: inout [UInt32: [Write]], _ collection: CollectionSchema,
    _ naming: Naming
  ) -> Event {
    let writer = Writer(
      dot: "\(write.dot)", author: "\(write.dot.author)", ward: naming.ward(write.dot.author),
      time: write.time.milliseconds, clockDoubted: write.isClockDoubted)
    let knew = write.past.clock.mentioned.reduce(0) { $0 + Int($1.sequence) }
    guard let operation = write.operation else {
      // A deletion takes away what its author had seen, in every field.
      let taken = standing(write, earlier).map { "\($0.dot)" }
      var left: [String] = []
      for field in open.keys.sorted() {
        left += open[field]!.filter { !write.saw($0.dot) }.map { "\($0.dot)" }
        open[field]!.removeAll { write.saw($0.dot) }
        if open[field]!.isEmpty { open[field] = nil }
      }
      return Event(
        writer: writer, field: nil, operation: "delete", value: .null, shown: "∅", knew: knew, unseen: [],
        replaced: unique(taken),
        beside: unique(left), settled: false, showsAfter: nil)
    }
    var event = Event(
      writer: writer, field: naming.field(collection.number, write.field), operation: operation.name,
      value: JSONValue(operation.value), shown: operation.shown, knew: knew, unseen: [], replaced: [], beside: [],
      settled: false,
      showsAfter: nil)
    guard case .set = operation else { return event }
    let before = open[write.field] ?? []
    let seen = standing(write, earlier)
    let unseen = before.filter { !write.saw($0.dot) }
    event.replaced = seen.map { "\($0.dot)" }
    event.beside = unseen.map { "\($0.dot)" }
    event.settled = seen.count > 1
    open[write.field] = unseen + [write]
    event.showsAfter = open[write.field]!.max { ($0.time, $0.dot) < ($1.time, $1.dot) }?.operation
      .map { JSONValue($0.value) }
    return event
  }

  private static func unique(_ dots: [String]) -> [String] {
    var seen: Set<String> = []
    return dots.filter { seen.insert($0).inserted }
  }

  private static func tableValue(
    _ evidence: Evidence, _ collection: CollectionSchema, _ field: FieldSchema, _ row: RowID
  ) throws -> JSONValue? {
    // What waits is in the log and not in the table yet.
    let waits = try evidence.logStates().contains { $0.key.lane == collection.lane && $0.value.waiting > 0 }
    guard evidence.hasTables, !waits else { return nil }
    return try evidence.read { db in
      guard try db.tableExists(collection.name),
        try db.columns(in: collection.name).contains(where: { $0.name == field.name })
      else { return nil }
      return try Row.fetchOne(
        db, sql: "SELECT \"\(field.name)\" FROM \"\(collection.name)\" WHERE id = ?", arguments: [row.rawValue]
      ).map { JSONValue(Evidence.value($0[0])) }
    }
  }
}

extension Evidence {
  public func collection(named name: String) throws(InspectionError) -> CollectionSchema {
    guard let collection = schema.collection(named: name) else {
      throw .noSuchTable(name, known: schema.collections.map(\.name))
    }
    return collection
  }

  /// A row by its id (`-42`, or `#-42` where a dash means something else), or by a text that stands in one of its fields and in no other row's.
  ///
  /// - Throws: `noSuchRow`, which names the first of several.
  public func row(named text: String, in collection: CollectionSchema) throws -> RowID {
    if let id = Int64(text.hasPrefix("#") ? String(text.dropFirst()) : text) { return RowID(rawValue: id) }
    let columns = collection.fields.filter { $0.kind == .register && $0.type == .text }
    let clause = columns.map { "\"\($0.name)\" = ?1" }.joined(separator: " OR ")
    let found =
      hasTables && !columns.isEmpty
      ? try read { db in
        try Int64.fetchAll(
          db, sql: "SELECT id FROM \"\(collection.name)\" WHERE \(clause) ORDER BY id LIMIT 4", arguments: [text])
      } : []
    guard found.count == 1 else {
      let several = found.map(String.init).joined(separator: ", ")
      throw InspectionError.noSuchRow(table: collection.name, row: found.isEmpty ? text : "\(text) → \(several)")
    }
    return RowID(rawValue: found[0])
  }

  /// What a row calls itself, where its table has a field `name`: a person knows shelters by it.
  func title(of row: Int64, in table: String) throws -> String? {
    guard hasTables, schema.collection(named: table)?.field(named: "name") != nil else { return nil }
    return try read { db in
      guard try db.tableExists(table), try db.columns(in: table).contains(where: { $0.name == "name" }) else {
        return nil
      }
      let row = try Row.fetchOne(
        db.cachedStatement(sql: "SELECT name FROM \"\(table)\" WHERE id = ?"), arguments: [row])
      return row.map { Self.text($0[0]) }.flatMap { $0.isEmpty ? nil : $0 }
    }
  }
}
