import ChangeModel

/// Finds where a row's bytes lie in a database file.
struct RowFinder {
  private let file: PageFile
  /// The roots and column names of tables, read from the first page's own tree.
  private var tables: [String: (root: Int, columns: [String])] = [:]

  init(path: String) throws(InspectionError) {
    file = try PageFile(path: path)
    forEachRecord(root: 1) { record, _, _ in
      // type, name, tbl_name, rootpage, sql
      guard record.values.count == 5, case .text(let name) = record.values[1],
        case .integer(let root) = record.values[3],
        case .text(let sql) = record.values[4]
      else { return true }
      tables[name] = (Int(root), Self.columns(in: sql))
      return true
    }
  }

  /// The columns that a CREATE TABLE of ours stores: each begins a line.
  private static func columns(in sql: String) -> [String] {
    let body = sql.drop { $0 != "(" }.dropFirst()
    return body.split(whereSeparator: { $0 == "\n" || $0 == "," }).compactMap { line in
      let words = line.split(separator: " ")
      guard let first = words.first, words.count > 1, !line.contains("VIRTUAL"),
        !["PRIMARY", "--", ")"].contains(first)
      else { return nil }
      return first.trimmingPrefix("\"").split(separator: "\"").first.map(String.init)
    }
  }

  /// The damage with the place of a row, or of one column of it when only that differs.
  func located(_ damage: Damage, table: String, id: Int64, columns: [String]) -> Damage {
    guard let (root, names) = tables[table], let (page, cell) = file.find(id, root: root),
      let record = Record(Array(page.bytes[cell.local]))
    else { return located(damage, table: table, keys: [.integer(id)]) }
    var range = 0..<cell.local.count
    if columns.count == 1 {
      let name = columns[0] == "(causal)" ? "causal" : columns[0]
      if let index = names.firstIndex(of: name), index < record.ranges.count,
        record.ranges[index].upperBound <= cell.local.count
      {
        range = record.ranges[index]
      }
    }
    return placed(damage, page: page.number, cell.local.lowerBound + range.lowerBound, range.count)
  }

  /// The damage with the place of a row of a table without row ids, by the first columns of its key.
  func located(_ damage: Damage, table: String, keys: [Value]) -> Damage {
    guard let (root, _) = tables[table] else { return damage }
    var result = damage
    forEachRecord(root: root) { record, page, range in
      guard zip(record.values, keys).allSatisfy({ $0 == $1 }) else { return true }
      result = placed(damage, page: page, range.lowerBound, range.count)
      return false
    }
    if result.offset == nil { result = placed(damage, page: root, 0, file.pageSize) }
    return result
  }

  private func placed(_ damage: Damage, page: Int, _ offset: Int, _ length: Int) -> Damage {
    var damage = damage
    let place = file.place(page: page, offset)
    (damage.file, damage.offset, damage.length) = (place.file, place.offset, length)
    return damage
  }

  /// Every record of a tree, as far as it lies in its own page; `body` says whether to go on.
  private func forEachRecord(root: Int, _ body: (Record, Int, Range<Int>) -> Bool) {
    var waiting = [root]
    var seen: Set<Int> = []
    while let number = waiting.popLast() {
      guard number >= 1, number <= file.pageCount, seen.insert(number).inserted else { continue }
      let page = TreePage(number: number, bytes: file.page(number))
      let isInterior = page.kind == .tableInterior || page.kind == .indexInterior
      if isInterior {
        waiting.append(page.long(page.start + 8))
        waiting += page.cellStarts(headerBytes: 12).map { page.long($0) }
      }
      for start in page.cellStarts(headerBytes: isInterior ? 12 : 8) {
        guard let range = page.recordRange(at: start), let record = Record(Array(page.bytes[range])) else { continue }
        guard body(record, number, range) else { return }
      }
    }
  }
}

extension TreePage {
  /// The record of a cell, as far as it lies in this page; nil for a cell without one.
  fileprivate func recordRange(at start: Int) -> Range<Int>? {
    var at = start
    switch kind {
    case .tableLeaf?: return leafCell(at: start)?.local
    case .indexLeaf?: break
    case .indexInterior?: at += 4
    case .tableInterior?, nil: return nil
    }
    guard let payload = varint(&at), payload > 0 else { return nil }
    // What spills over begins after this much at the latest; a record that does is read as far as it goes.
    let end = min(at + Int(min(payload, Int64(bytes.count))), bytes.count)
    return at < end ? at..<end : nil
  }
}

/// The values of one record, with where each lies in it. Source: "Database File Format", section 2.1.
private struct Record {
  private(set) var values: [Value] = []
  private(set) var ranges: [Range<Int>] = []

  init?(_ bytes: [UInt8]) {
    let page = TreePage(number: 2, bytes: bytes)
    var at = 0
    guard let header = page.varint(&at), header >= 1, header <= bytes.count else { return nil }
    var kinds: [Int64] = []
    while at < header {
      guard let kind = page.varint(&at), kind >= 0 else { return nil }
      kinds.append(kind)
    }
    var offset = Int(header)
    for kind in kinds {
      guard kind < 1 << 32 else { return nil }
      let length = kind >= 12 ? Int((kind - 12) / 2) : [0, 1, 2, 3, 4, 6, 8, 8, 0, 0, 0, 0][Int(kind)]
      let end = min(offset + length, bytes.count)
      let part = bytes[min(offset, bytes.count)..<end]
      ranges.append(min(offset, bytes.count)..<end)
      switch kind {
      case 1...6:
        let negative = (part.first ?? 0) & 0x80 != 0
        values.append(.integer(part.reduce(negative ? -1 : 0) { $0 << 8 | Int64($1) }))
      case 7: values.append(.real(Double(bitPattern: part.reduce(0) { $0 << 8 | UInt64($1) })))
      case 8: values.append(.integer(0))
      case 9: values.append(.integer(1))
      case 12...: values.append(kind % 2 == 0 ? .bytes(Array(part)) : .text(String(decoding: part, as: UTF8.self)))
      default: values.append(.null)
      }
      offset += length
    }
  }
}
