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
  public private(set) var report = ImportReport()
  /// Goes into each change set that the import makes: who did it.
  public var note: AuditTrail.Note?

  /// A change set of this many rows is about 20 kB: twenty seconds at 9,600 bit/s.
  public static let portion = 100

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
    report.warned += Set(problems.filter { $0.severity == .warning }.map(\.line)).subtracting(refused).count
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
        let row = find(record)
        if drafted.contains(row) {
          // What an earlier line says of this row must be in the table before it can be compared.
          try commit()
          draft = Draft(.life)
          drafted = []
        }
        let earlier = seen.updateValue(record, forKey: row)
        if let earlier, earlier.designations == record.designations {
          report.problems.append(ImportProblem(.warning, line: record.line, field: "", .repeated(line: earlier.line)))
          report.warned += 1
        }
        let edits = try edits(for: record, row, isFirst: earlier == nil)
        if edits.isEmpty {
          report.unchanged += 1
        } else {
          report.imported += 1
          draft.edit(Shelter.records, row, edits)
          drafted.insert(row)
        }
        known.add(record, row)
      }
      try commit()
    }
  }

  /// The row of a record: by its common ID; else by ward and name, near by or at the same address; else a new one.
  private func find(_ record: ShelterRecord) -> RowID {
    if let id = record.commonID, let row = known.byCommonID[id] { return row }
    let candidates = known.byKey[FacilityKey(ward: record.ward, name: record.name)] ?? []
    for candidate in candidates where candidate.isSamePlace(as: record) { return candidate.row }
    let ward = replica.author.ward
    let plain = FacilityKey.rowID(record, ward: ward, discriminator: "")
    guard candidates.contains(where: { $0.row == plain }) else { return plain }
    return FacilityKey.rowID(
      record, ward: ward, discriminator: record.commonID ?? record.localID ?? "line \(record.line)")
  }

  // MARK: Differences

  /// The list that first brought a row may change it; another list, or a second entry of the same one, only fills in
  /// what is empty. Lists of one facility disagree on spelling and position, and would otherwise overwrite each other
  /// at each import.
  private func edits(for record: ShelterRecord, _ row: RowID, isFirst: Bool) throws -> [FieldEdit] {
    let state = try replica.store.state(of: row, in: Shelter.records.number).flatMap { $0.isVisible ? $0 : nil }
    func shown(_ field: some AnyField) -> Value { state?.shown(field.schema) ?? .null }
    let mayChange = state == nil || (isFirst && shown(Shelter.source) == .text(source))
    var edits: [FieldEdit] = []

    func set<C>(_ field: Field<C>, _ value: C?) {
      guard let value, shown(field) != value.value, mayChange || shown(field) == .null else { return }
      edits.append(field.set(value))
    }
    func add(_ field: SetField, _ values: [String]) {
      let present = Set(state?.elements(field.number) ?? [])
      for value in Set(values).sorted() where !present.contains(.text(value)) { edits.append(field.add(value)) }
    }

    set(Shelter.ward, record.ward)
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
    add(Shelter.hazards, (record.hazards ?? []).map(\.rawValue))
    add(Shelter.commonIDs, record.commonID.map { [$0] } ?? [])
    add(Shelter.accessibility, record.accessibility ?? [])
    add(Shelter.neighbourhoods, record.neighbourhoods ?? [])
    if state == nil { edits += [Shelter.status.set(.notOpen), Shelter.source.set(source)] }
    return edits
  }
}
