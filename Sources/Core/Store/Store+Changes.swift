import Causality
import ChangeModel
import Foundation
import GRDB

/// How far a reader of changes has come: a place, and when it was made, so that a place in another history (of the copy from
/// which this file was restored) is not taken for one in this.
public struct ChangePlace: Hashable, Sendable, LosslessStringConvertible {
  public var position: Int64
  /// In milliseconds.
  public var at: Int64

  /// Before anything changed.
  public static let start = ChangePlace(position: 0, at: 0)

  public init(position: Int64, at: Int64) {
    self.position = position
    self.at = at
  }

  /// From `48213-1764412345678`.
  public init?(_ text: String) {
    let parts = text.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2, let position = Int64(parts[0]), let at = Int64(parts[1]), position >= 0, at >= 0 else {
      return nil
    }
    self.init(position: position, at: at)
  }

  public var description: String { "\(position)-\(at)" }
}

/// Rows that changed after some place.
public struct RowChanges: Sendable {
  /// In the order of their newest change, each once.
  public var rows: [(collection: UInt32, row: RowID)] = []
  /// From where to read on.
  public var next: ChangePlace
  /// Nothing is known after `next` yet.
  public var isComplete = true
}

/// What a node keeps for those who follow it: after a place that they have come to, which rows are no longer as they were.
/// After CouchDB's `_changes`; a place names itself, so that no reader takes a restored node for the one before.
extension Store {
  private struct Reference: Hashable {
    var collection: UInt32
    var row: Int64
  }

  private static let placesKept: Int64 = 65_536
  private static let rowsEach = 256
  private static let recentRows = 4_096
  private static let trimmedEach: Int64 = 1_024

  /// Within `write`: notes rows that changed in this transaction. A row may be noted again: whoever reads them takes each once.
  public func noteChanged(_ rows: [(collection: UInt32, row: RowID)], at now: Instant) throws(StoreError) {
    // Of rows that change over and over, most are found here.
    var recent = [Reference](repeating: Reference(collection: 0, row: 0), count: min(rows.count, Self.recentRows))
    var writer = ByteWriter(capacity: min(rows.count, Self.rowsEach) * 9)
    var count = 0
    for (collection, row) in rows where !isAppendOnly(collection) {
      let reference = Reference(collection: collection, row: row.rawValue)
      let place = Int((UInt64(bitPattern: reference.row) &* 0x9e37_79b9_7f4a_7c15) >> 40) % recent.count
      guard recent[place] != reference else { continue }
      recent[place] = reference
      writer.varint(UInt64(collection))
      writer.bigEndian(row.rawValue)
      count += 1
      if count % Self.rowsEach == 0 {
        try addChanges(writer.bytes, at: now)
        writer = ByteWriter(capacity: Self.rowsEach * 9)
      }
    }
    if count % Self.rowsEach != 0 { try addChanges(writer.bytes, at: now) }
  }

  private func addChanges(_ rows: [UInt8], at now: Instant) throws(StoreError) {
    let position = try appendChanges(rows, at: now.milliseconds)
    guard position % Self.trimmedEach == 0 else { return }
    do {
      try pool.unsafeReentrantWrite { db in
        try db.cachedStatement(sql: "DELETE FROM row_changes WHERE position <= ?").execute(arguments: [
          position - Self.placesKept
        ])
      }
    } catch { throw StoreError.of(error) }
  }

  /// Within `write`: whoever follows has to read everything again. Places that were given out lead nowhere now.
  public func forgetChanges(at now: Instant) throws(StoreError) {
    do {
      try pool.unsafeReentrantWrite { db in
        let last = try Int64.fetchOne(db, sql: "SELECT max(position) FROM row_changes") ?? 0
        try db.execute(sql: "DELETE FROM row_changes")
        try db.execute(
          sql: "INSERT INTO row_changes (position, at, rows) VALUES (?, ?, x'')",
          arguments: [last + 1, now.milliseconds])
      }
    } catch { throw StoreError.of(error) }
  }

  /// Where changes stand now.
  public static func latestChange(_ db: Database) throws -> ChangePlace {
    try Row.fetchOne(
      db.cachedStatement(sql: "SELECT position, at FROM row_changes ORDER BY position DESC LIMIT 1")
    ).map { ChangePlace(position: $0[0], at: $0[1]) } ?? .start
  }

  /// What changed after a place.
  ///
  /// - Parameters:
  ///   - collections: those alone; nil: all.
  ///   - limit: rows, passed by fewer than 256.
  /// - Returns: nil when the place is not known here: it is too old, of before everything was made anew, or of another history.
  public static func changes(
    since place: ChangePlace, of collections: Set<UInt32>? = nil, limit: Int, _ db: Database
  ) throws -> RowChanges? {
    if place == .start {
      let first = try Int64.fetchOne(db.cachedStatement(sql: "SELECT min(position) FROM row_changes"))
      guard first ?? 1 == 1 else { return nil }
    } else {
      let at = try Int64.fetchOne(
        db.cachedStatement(sql: "SELECT at FROM row_changes WHERE position = ?"), arguments: [place.position])
      guard at == place.at else { return nil }
    }
    var found = RowChanges(next: place)
    var newest: [Reference: Int] = [:]
    var rows: [Reference?] = []
    let records = try Row.fetchCursor(
      db.cachedStatement(sql: "SELECT position, at, rows FROM row_changes WHERE position > ? ORDER BY position"),
      arguments: [place.position])
    while let record = try records.next() {
      guard newest.count < limit else {
        found.isComplete = false
        break
      }
      found.next = ChangePlace(position: record[0], at: record[1])
      // A note that makes no sense is the disk's fault, and says nothing: all has to be read again.
      guard let noted = Self.references((record[2] as Data)) else { return nil }
      for reference in noted where collections?.contains(reference.collection) ?? true {
        if let before = newest.updateValue(rows.count, forKey: reference) { rows[before] = nil }
        rows.append(reference)
      }
    }
    found.rows = rows.compactMap { $0.map { ($0.collection, RowID(rawValue: $0.row)) } }
    return found
  }

  private static func references(_ bytes: Data) -> [Reference]? {
    try? bytes.withUnsafeBytes { raw in
      var (reader, references) = (ByteReader(raw), [Reference]())
      while !reader.isAtEnd {
        references.append(
          Reference(
            collection: UInt32(truncatingIfNeeded: try reader.varint()), row: try reader.bigEndian(Int64.self)))
      }
      return references
    }
  }
}
