import Causality
import ChangeModel
import Federation
import SignedLog
import Store

/// Finds change sets in a database file page by page, without the trees that lead to them: what a damaged page does not
/// itself hold is found, however little of the rest can be read.
///
/// A leaf page of the `entries` table holds records of two columns: the id, which is the row's own number and stored as
/// NULL, and the change set's bytes.
struct EntryScan {
  let file: PageFile

  /// One change set as it lies in the file.
  struct Found {
    var log: LogName
    var sequence: SequenceNumber
    var bytes: [UInt8]
    var extents: [Extent]
  }

  /// Every change set of the file, in no order; one may come more than once.
  ///
  /// - Parameter damaged: takes a page that looks like one of change sets and has a cell that makes no sense.
  func forEach(_ body: (Found) throws -> Void, damaged: (Int) -> Void) rethrows {
    guard file.pageCount > 0 else { return }
    for number in 1...file.pageCount {
      let page = TreePage(number: number, bytes: file.page(number))
      // A page whose kind is damaged is looked at too: the records themselves are hard to mistake.
      guard page.kind == .tableLeaf || page.kind == nil else { continue }
      var found = 0
      var senseless = 0
      let count = min(page.cellCount, (page.bytes.count - 8) / 2)
      let starts = page.cellStarts(headerBytes: 8)
      for start in starts {
        guard let cell = page.leafCell(at: start) else {
          senseless += 1
          continue
        }
        guard let (log, sequence) = EntryID.name(cell.rowID), let entry = read(cell, on: page) else {
          senseless += 1
          continue
        }
        found += 1
        try body(Found(log: log, sequence: sequence, bytes: entry.bytes, extents: entry.extents))
      }
      senseless += count - starts.count
      if found > 0, senseless > 0 || page.kind == nil { damaged(number) }
    }
  }

  /// Where the bytes of one change set lie.
  func extents(of log: LogName, _ sequence: SequenceNumber, root: Int?) -> [Extent]? {
    let id = EntryID.rawValue(log, sequence)
    if let root, let (page, cell) = file.find(id, root: root), let entry = read(cell, on: page) { return entry.extents }
    var result: [Extent]?
    forEach({ if EntryID.rawValue($0.log, $0.sequence) == id { result = $0.extents } }, damaged: { _ in })
    return result
  }

  private func read(_ cell: LeafCell, on page: TreePage) -> (bytes: [UInt8], extents: [Extent])? {
    guard cell.payloadBytes <= Limits.changeSetBytes + 16, let (record, extents) = file.record(cell, on: page) else {
      return nil
    }
    guard let blob = Self.blob(in: record) else { return nil }
    // A table of certificates has the same shape.
    guard record.count - blob.lowerBound != NodeCertificate.byteCount || !Self.isCertificate(record[blob]) else {
      return nil
    }
    return (Array(record[blob]), extents.slice(blob))
  }

  /// By most of its first bytes: one of them may be damaged.
  private static func isCertificate(_ bytes: ArraySlice<UInt8>) -> Bool {
    zip(bytes, "RKC2".utf8).count { $0 == $1 } >= 3
  }

  /// Where the one blob of a record (NULL, blob) lies.
  private static func blob(in record: [UInt8]) -> Range<Int>? {
    let page = TreePage(number: 2, bytes: record)
    var at = 0
    guard let header = page.varint(&at), let id = page.varint(&at), let kind = page.varint(&at), id == 0, kind >= 12,
      kind % 2 == 0, header == at, (Int(kind) - 12) / 2 == record.count - at
    else { return nil }
    return at..<record.count
  }
}
