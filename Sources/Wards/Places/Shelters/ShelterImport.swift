import Causality
import ChangeModel
import Desk
import Foundation
import GRDB
import Merge
import Replica

/// What became of an imported list.
public struct ImportReport: Sendable {
  public var rows = 0
  /// New or changed.
  public var imported = 0
  public var unchanged = 0
  public var warned = 0
  public var refused = 0
  /// Of other wards, which import their own.
  public var ofOthers = 0
  public var problems: [ImportProblem] = []

  public init() {}
}

/// Finds the row of each record, and writes what differs. Rows go in portions, each a change set and a transaction of
/// its own, so that a long import can be watched, stopped at any moment, and done again.
public struct ShelterImport {
  private let replica: Replica
  private let source: String
  private var known = KnownFacilities()
  /// This file's records so far, by row: a facility with two designations stands in it twice.
  private var seen: [RowID: ShelterRecord] = [:]
  /// Lines of which the file's reader has warned.
  private var warned: Set<Int> = []
  public private(set) var report = ImportReport()
  /// Goes into each change set that the import makes: who did it.
  public var note: AuditTrail.Note?

  /// A change set of this many rows is about 20 kB: twenty seconds at 9,600 bit/s.
  public static let portion = 50

  /// How near a facility of the same name must be to be the same, when the addresses are written differently. The
  /// metropolitan list and GSI's differ by 14 m in the median and 83 m at the 95th percentile.
  static let sameSiteMetres = 150.0

  /// - Parameter source: what the rows come from, for the `source` column.
  public init(_ replica: Replica, source: String) throws {
    self.replica = replica
    self.source = source
    known = try replica.store.read(KnownFacilities.init)
  }

  /// Counts what the file's reader refused or warned about.
  public mutating func note(_ problems: [ImportProblem]) {
    report.problems += problems
    let refused = Set(problems.filter { $0.severity == .refused }.map(\.line))
    report.rows += refused.count
    report.refused += refused.count
    warned = Set(problems.filter { $0.severity == .warning }.map(\.line)).subtracting(refused)
    report.warned += warned.count
  }

  /// Takes a portion of records: on the disk when it returns.
  public mutating func take(_ records: some Collection<ShelterRecord>, at now: Instant) throws -> ReplicaEffects {
    try replica.batch(at: now) {
      var draft = Draft(.life)
      var drafted: Set<RowID> = []
      func commit() throws {
        guard !draft.isEmpty else { return }
        AuditTrail.note(note.map { [$0] } ?? [], in: &draft, by: replica.author, at: now)
        _ = try replica.commit(draft, at: now)
      }
      for record in records {
        report.rows += 1
        guard record.ward == replica.identity.ward.code else {
          report.ofOthers += 1
          continue
        }
        let (row, doubt) = find(record)
        if drafted.contains(row) {
          // What an earlier line says of this row must be in the table before it can be compared.
          try commit()
          draft = Draft(.life)
          drafted = []
        }
        let earlier = seen.updateValue(record, forKey: row)
        var doubts = [doubt].compactMap(\.self).map { ImportProblem(.warning, line: record.line, field: "", $0) }
        if let earlier, earlier.designations == record.designations {
          doubts.append(ImportProblem(.warning, line: record.line, field: "", .repeated(line: earlier.line)))
        }
        let edits = try edits(for: record, row, isFirst: earlier == nil, &doubts)
        if edits.allSatisfy({ $0.field == Shelter.listed.number }) {
          report.unchanged += 1
        } else {
          report.imported += 1
        }
        if !edits.isEmpty {
          draft.edit(Shelter.records, row, edits)
          drafted.insert(row)
        }
        report.warned += doubts.isEmpty || warned.contains(record.line) ? 0 : 1
        report.problems += doubts
        known.add(record, row)
      }
      try commit()
    }
  }

  /// The row of a record: by its common ID; by its name at the same place; by a list's number, where name or place is the
  /// same; by its name alone, where nothing speaks against it; else a new one. What a person should look at is said.
  private func find(_ record: ShelterRecord) -> (row: RowID, doubt: ImportProblem.Reason?) {
    if let same = known.known(record) { return (same.row, nil) }
    let (named, numbered) = (known.named(record), known.numbered(record))
    if let same = named.first(where: { $0.isSamePlace(as: record) == true }) { return (same.row, nil) }
    if let same = numbered.first(where: { $0.isSamePlace(as: record) == true })
      ?? numbered.first(where: { facility in named.contains { $0.row == facility.row } })
    {
      return (same.row, nil)
    }
    let ward = replica.author.ward
    let ids = ["", record.localID ?? record.commonID ?? "line \(record.line)"].map {
      FacilityKey.rowID(record, ward: ward, discriminator: $0)
    }
    // Two entries of one list are two facilities.
    let open = named.filter { $0.isSamePlace(as: record) == nil && seen[$0.row] == nil }
    if let own = ids.first(where: { id in open.contains { $0.row == id } }) { return (own, nil) }
    if open.count == 1 {
      return (
        open[0].row, record.site.isUnknown && open[0].sites.allSatisfy(\.isUnknown) ? nil : .takenFor(open[0].name)
      )
    }
    let near = (named + numbered + known.neighbours(record)).first { seen[$0.row] == nil }
    return (known[ids[0]] == nil ? ids[0] : ids[1], near.map { .besides($0.name) })
  }

  // MARK: Differences

  /// What a list said last time decides: only what has changed in it since is applied, and where somebody here corrected just
  /// that, the correction stands and it is said. The list that first brought a row may change it; another list, or a second
  /// entry of the same one, only fills in what is empty and no list has said. Lists of one facility disagree on spelling and
  /// position, and would otherwise overwrite each other at each import.
  private func edits(
    for record: ShelterRecord, _ row: RowID, isFirst: Bool, _ doubts: inout [ImportProblem]
  ) throws -> [FieldEdit] {
    let known = try replica.store.state(of: row, in: Shelter.records.number)
    let state = known.flatMap { $0.isVisible ? $0 : nil }
    guard state != nil || known?.deletions.isEmpty ?? true else {
      doubts.append(ImportProblem(.warning, line: record.line, field: "", .deletedHere))
      return []
    }
    func shown(_ field: some AnyField) -> Value { state?.shown(field.schema) ?? .null }
    func elements(_ field: SetField) -> [String] { (state?.elements(field.number) ?? []).compactMap(\.text) }
    let isOwner = state == nil || shown(Shelter.source) == .text(source)
    let mayChange = isOwner && (state == nil || isFirst)
    let (memory, mark) = (ListMemory(elements(Shelter.listed)), ListMemory.mark(source, isFirst: isFirst))
    var edits: [FieldEdit] = []
    var problems: [ImportProblem] = []

    func remember(_ field: some AnyField, _ texts: [String]) {
      let before = memory.texts(field, of: mark)
      edits += before.filter { !texts.contains($0) }.map { Shelter.listed.remove(ListMemory.element(mark, field, $0)) }
      edits += texts.filter { !before.contains($0) }.map { Shelter.listed.add(ListMemory.element(mark, field, $0)) }
    }
    func set<C>(_ field: Field<C>, _ value: C?) {
      guard let value, let text = value.value.text else { return }
      let (here, before) = (shown(field), memory.texts(field, of: mark))
      if here == value.value { return mayChange || !before.isEmpty ? remember(field, [text]) : () }
      guard !before.contains(text) else { return }
      let isFree =
        mayChange ? here == .null || before.contains(here.text ?? "") : here == .null && memory.texts(field).isEmpty
      if isFree {
        edits.append(field.set(value))
        remember(field, [text])
      } else if mayChange {
        problems.append(
          ImportProblem(
            .warning, line: record.line, field: field.schema.japanese, .corrected(list: text, here: here.text ?? "")))
      }
    }
    func add(_ field: SetField, _ values: [String]?) {
      guard let values = values.map({ Set($0).sorted() }), !values.isEmpty || mayChange else { return }
      let (here, before, others) = (
        elements(field), memory.texts(field, of: mark), memory.texts(field, except: mark)
      )
      edits += values.filter { !before.contains($0) && !here.contains($0) && !others.contains($0) }.map(field.add)
      if mayChange {
        edits += before.filter { !values.contains($0) && here.contains($0) && !others.contains($0) }.map(field.remove)
      }
      remember(field, values)
    }

    if state == nil {
      edits += [Shelter.ward.set(record.ward), Shelter.status.set(.notOpen), Shelter.source.set(source)]
    }
    set(Shelter.name, record.name)
    set(Shelter.kana, record.kana)
    set(Shelter.englishName, record.englishName)
    set(Shelter.address, record.address)
    set(Shelter.latitude, record.latitude)
    set(Shelter.longitude, record.longitude)
    set(Shelter.elevation, record.elevation)
    set(Shelter.phone, record.phone)
    set(Shelter.accepts, record.accepts)
    set(Shelter.capacity, record.capacity.map { Int64($0) })
    set(Shelter.localID, record.localID)
    set(Shelter.postalCode, record.postalCode)
    set(Shelter.url, record.url)
    set(Shelter.remarks, record.remarks)
    add(Shelter.designations, record.designations.map(\.rawValue))
    add(Shelter.hazards, record.hazards?.map(\.rawValue))
    add(Shelter.commonIDs, record.commonID.map { [$0] })
    add(Shelter.accessibility, record.accessibility)
    add(Shelter.neighbourhoods, record.neighbourhoods)
    doubts += problems
    return edits
  }
}
