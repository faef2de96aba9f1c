import Causality
import ChangeModel
import GRDBSQLite
import Merge

/// One collection's table: its statements, and the one way by which a row gets into it.
final class CollectionTable {
  let schema: CollectionSchema
  // Of the schema: asked of every edit.
  let lane: Lane
  let isPersonal: Bool
  let isAppendOnly: Bool
  private let connection: OpaquePointer
  private let shared: SharedStatements

  private let selectCausal: Statement
  private let selectRow: Statement
  private let insertRow: Statement
  private let deleteRow: Statement
  /// By the positions of the columns that they write, as a bitmap; few differ in practice.
  private var updates: [UInt64: Statement] = [:]
  private var entryInserts: [UInt32: Statement] = [:]

  #if MUTANTS
    private var arrivals: Int64 = 0
  #endif

  /// Enough for every form of update that a day's work makes; past it, they are prepared anew.
  private static let updateLimit = 256

  init(_ schema: CollectionSchema, on connection: OpaquePointer, shared: SharedStatements) throws(StoreError) {
    self.schema = schema
    lane = schema.lane
    isPersonal = schema.isPersonal
    isAppendOnly = schema.isAppendOnly
    self.connection = connection
    self.shared = shared
    let columns = schema.fields.map { "\"\($0.name)\"" }
    let table = "\"\(schema.name)\""
    selectCausal = try Statement("SELECT causal FROM \(table) WHERE id = ?", on: connection)
    selectRow = try Statement(
      "SELECT \((columns + ["causal"]).joined(separator: ", ")) FROM \(table) WHERE id = ?", on: connection)
    let marks = [String](repeating: "?", count: columns.count + 2).joined(separator: ", ")
    insertRow = try Statement(
      "INSERT INTO \(table) (\((["id"] + columns + ["causal"]).joined(separator: ", "))) VALUES (\(marks))",
      on: connection)
    deleteRow = try Statement("DELETE FROM \(table) WHERE id = ?", on: connection)
    for field in schema.fields where field.kind == .log {
      entryInserts[field.number] = try Statement(
        """
        INSERT INTO "\(Migrations.entryTable(schema, field))" (row, time, author, sequence, position, value)
        VALUES (?, ?, ?, ?, ?, ?)
        """, on: connection)
    }
  }

  /// Merges one row edit. One row is read, one is written.
  ///
  /// - Parameter position: counts the log entries of the change set.
  func merge(
    _ row: RowID, _ action: RowEdit.Action, stamp: Stamp, past: borrowing AuthorPast, position: inout Int64
  ) throws(StoreError) {
    let isNew = try isNew(row)
    if case .edit(let edits) = action, try mergePlain(row, isNew: isNew, edits, stamp, past) { return }
    var (state, place) = isNew ? (RowState(), .nowhere) : try load(row)
    let hadMarks = !state.deletions.isEmpty
    let hadConflicts = hadMarks || state.hasSiblings
    if state.needsValues(for: action, past: past) { try hydrate(&state, row) }
    let change = state.apply(action, stamp: stamp, past: past, schema: schema)
    try save(state, row, from: place, changed: change.columns)

    for (field, value) in change.entries {
      try insertEntry(row, field, value, stamp, position)
      position += 1
    }
    let hasMarks = !state.deletions.isEmpty
    if hasMarks, !hadMarks { try shared.mark(schema.number, row) }
    if hadMarks || hasMarks { try buryEntries(row, state) }
    if state.hasSiblings { Probe.valuesConcurrent.hit() }
    if hasMarks, state.isContested { Probe.rowContested.hit() }
    if hadConflicts || hasMarks || state.hasSiblings {
      try writeConflicts(row, state)
    }
  }

  // MARK: Plain rows

  /// Used for row after row.
  private var plain = PlainRow()
  private var plainBytes = ByteWriter(capacity: 256)

  /// Merges an edit that leaves a plain row plain, without its state.
  ///
  /// - Returns: whether it did; when not, nothing was written.
  private func mergePlain(
    _ row: RowID, isNew: Bool, _ edits: [FieldEdit], _ stamp: Stamp, _ past: borrowing AuthorPast
  ) throws(StoreError) -> Bool {
    if isNew {
      plain.clear()
    } else {
      selectCausal.bind(1, row.rawValue)
      guard try selectCausal.step() else { return false }
      defer { selectCausal.reset() }
      do {
        guard try RowStateCodec.decode(selectCausal.bytes(0), into: &plain) else { return false }
      } catch { throw damaged(row, error) }
    }
    guard let columns = plain.write(edits, stamp: stamp, past: past, schema: schema) else { return false }
    plainBytes.bytes.removeAll(keepingCapacity: true)
    RowStateCodec.encode(plain, to: &plainBytes)
    let statement = isNew ? insertRow : try updateStatement(columns)
    if isNew {
      statement.bind(1, row.rawValue)
      for (position, field) in schema.traits.enumerated() where columns >> UInt64(position) & 1 == 0 {
        statement.bind(Int32(position + 2), PlainRow.unwritten(field))
      }
    }
    for edit in edits {
      guard let position = schema.position(of: edit.field), case .set(let value) = edit.operation,
        schema.traits[position].admits(edit.operation)
      else { continue }
      let before = (columns & (1 << UInt64(position) - 1)).nonzeroBitCount
      statement.bind(Int32(isNew ? position + 2 : before + 1), value)
    }
    let end = Int32(isNew ? schema.traits.count + 2 : columns.nonzeroBitCount + 1)
    statement.bind(end, plainBytes.bytes)
    if !isNew { statement.bind(end + 1, row.rawValue) }
    try statement.run()
    return true
  }

  // MARK: Reading

  enum Place { case nowhere, table, hidden }

  /// The highest row that each author made and that was ever looked up or written here: authors make rows in order, so
  /// one above it is new, and looking for it can be spared (a seventh of a merge's time, measured).
  private var highest: [AuthorNumber: Int64] = [:]

  /// Whether the row is new for sure. Notes that it will not be so again.
  private func isNew(_ row: RowID) throws(StoreError) -> Bool {
    guard let author = row.made?.author else { return false }
    if let known = highest[author] {
      guard row.rawValue > known else { return false }
      highest[author] = row.rawValue
      return true
    }
    let range = (Int64(author.rawValue) << 33, Int64(author.rawValue) << 33 | Int64(RowID.counterLimit))
    let last = try Statement(
      """
      SELECT max(coalesce((SELECT max(id) FROM "\(schema.name)" WHERE id BETWEEN ?1 AND ?2), 0),
        coalesce((SELECT max(id) FROM hidden_rows WHERE collection = \(schema.number) AND id BETWEEN ?1 AND ?2), 0))
      """, on: connection)
    last.bind(1, range.0)
    last.bind(2, range.1)
    guard try last.step() else { return false }
    highest[author] = max(last.integer(0), row.rawValue)
    return row.rawValue > last.integer(0)
  }

  /// The tables were emptied, or a transaction was undone.
  func forgetHighest() { highest = [:] }

  private func load(_ row: RowID) throws(StoreError) -> (RowState, Place) {
    selectCausal.bind(1, row.rawValue)
    if try selectCausal.step() {
      defer { selectCausal.reset() }
      do { return (try RowStateCodec.decode(selectCausal.bytes(0)), .table) } catch { throw damaged(row, error) }
    }
    guard let bytes = try shared.hidden(schema.number, row) else { return (RowState(), .nowhere) }
    do throws(MalformedBytes) {
      return (try bytes.decoding(RowStateCodec.decode), .hidden)
    } catch { throw damaged(row, error) }
  }

  private func damaged(_ row: RowID, _ error: MalformedBytes) -> StoreError {
    .damaged("causal state of \(schema.name) \(row): \(error.reason) at \(error.offset)")
  }

  private func hydrate(_ state: inout RowState, _ row: RowID) throws(StoreError) {
    selectRow.bind(1, row.rawValue)
    guard try selectRow.step() else { throw .damaged("\(schema.name) \(row) vanished") }
    defer { selectRow.reset() }
    state.hydrate { field in schema.position(of: field).map { selectRow.value(Int32($0)) } ?? .null }
  }

  /// The whole state of a row, values included; nil when nothing is known of it.
  func state(of row: RowID) throws(StoreError) -> RowState? {
    var (state, place) = try load(row)
    guard place != .nowhere else { return nil }
    if place == .table { try hydrate(&state, row) }
    return state
  }

  // MARK: Writing

  private func save(_ state: RowState, _ row: RowID, from place: Place, changed: UInt64?) throws(StoreError) {
    guard state.isVisible else {
      if place == .table { try remove(row) }
      if state.isEmpty {
        if place == .hidden { try shared.dropHidden(schema.number, row) }
      } else {
        try shared.setHidden(schema.number, row, RowStateCodec.encode(state, inline: true))
      }
      return
    }
    if place == .hidden {
      Probe.rowCameBack.hit()
      try shared.dropHidden(schema.number, row)
    }
    if place == .table {
      try update(state, row, changed: changed)
    } else {
      try insert(state, row)
    }
  }

  private func insert(_ state: RowState, _ row: RowID) throws(StoreError) {
    insertRow.bind(1, row.rawValue)
    for position in schema.traits.indices { insertRow.bind(Int32(position + 2), state.shown(schema.traits[position])) }
    insertRow.bind(Int32(schema.traits.count + 2), RowStateCodec.encode(state, inline: false))
    try insertRow.run()
  }

  private func update(_ state: RowState, _ row: RowID, changed: UInt64?) throws(StoreError) {
    let mask = changed ?? (schema.traits.count == 64 ? ~0 : 1 << UInt64(schema.traits.count) - 1)
    // A column can only be written from a state that holds its value: not hydrated, only the changed ones do.
    precondition(state.isHydrated || changed != nil)
    let statement = try updateStatement(mask)
    var index: Int32 = 1
    var rest = mask
    while rest != 0 {
      statement.bind(index, state.shown(schema.traits[rest.trailingZeroBitCount]))
      rest &= rest - 1
      index += 1
    }
    statement.bind(index, RowStateCodec.encode(state, inline: false))
    statement.bind(index + 1, row.rawValue)
    try statement.run()
  }

  private func updateStatement(_ mask: UInt64) throws(StoreError) -> Statement {
    if let known = updates[mask] { return known }
    if updates.count >= Self.updateLimit { updates.removeAll() }
    let columns = schema.fields.indices.filter { mask >> UInt64($0) & 1 == 1 }.map {
      "\"\(schema.fields[$0].name)\" = ?"
    }
    let assignments = (columns + ["causal = ?"]).joined(separator: ", ")
    let statement = try Statement("UPDATE \"\(schema.name)\" SET \(assignments) WHERE id = ?", on: connection)
    updates[mask] = statement
    return statement
  }

  private func remove(_ row: RowID) throws(StoreError) {
    deleteRow.bind(1, row.rawValue)
    try deleteRow.run()
  }

  private func insertEntry(
    _ row: RowID, _ field: UInt32, _ value: Value, _ stamp: Stamp, _ position: Int64
  ) throws(StoreError) {
    guard let statement = entryInserts[field] else { return }
    statement.bind(1, row.rawValue)
    statement.bind(2, Int64(bitPattern: stamp.time.rawValue))
    statement.bind(3, Int64(stamp.dot.author.rawValue))
    statement.bind(4, Int64(stamp.dot.sequence))
    statement.bind(5, position)
    #if MUTANTS
      if PlantedBug.ordersEntriesByArrival.isPlanted {
        arrivals += 1
        statement.bind(5, arrivals)
      }
    #endif
    statement.bind(6, value)
    try statement.run()
  }

  /// Hides the log entries that deletions saw, as `state` says.
  private func buryEntries(_ row: RowID, _ state: RowState) throws(StoreError) {
    for field in schema.fields where field.kind == .log {
      for contribution in state.contribution(field.number)?.contributions ?? [] where contribution.buriedThrough > 0 {
        let statement = try Statement(
          """
          UPDATE "\(Migrations.entryTable(schema, field))" SET buried = ?
          WHERE row = ? AND author = ? AND sequence <= ?
          """, on: connection)
        statement.bind(1, state.isContested ? 0 : 1)
        statement.bind(2, row.rawValue)
        statement.bind(3, Int64(contribution.author.rawValue))
        statement.bind(4, Int64(contribution.buriedThrough))
        try statement.run()
      }
    }
  }

  private func writeConflicts(_ row: RowID, _ state: RowState) throws(StoreError) {
    try shared.clearConflicts(schema.name, row)
    for cell in state.conflicts {
      let field = schema.field(cell.field)
      if field?.isQuiet == true { continue }
      let name = field?.name ?? String(cell.field)
      try shared.addConflict(schema.name, row, name, cell.winner, shown: true)
      #if MUTANTS
        if PlantedBug.hidesConflicts.isPlanted { continue }
      #endif
      for other in cell.others { try shared.addConflict(schema.name, row, name, other, shown: false) }
    }
    guard state.isVisible, state.isContested else { return }
    for deletion in state.deletions {
      try shared.addConflict(
        schema.name, row, "", Sibling(Stamp(deletion, at: .zero), .null), shown: false, kind: "deletion")
    }
  }
}
