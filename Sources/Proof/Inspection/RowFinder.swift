import ChangeModel

/// Finds where a row's bytes lie in a database file.
struct RowFinder {
  private let file: PageFile
  /// The roots and column names of tables, read from the first page's own tree.
  private var tables: [String: (root: Int, columns: [String])] = [:]

  init(_ file: PageFile) {
    self.file = file
    forEachRecord(root: 1) { record, _ in
      // type, name, tbl_name, rootpage, sql
      guard record.values.count == 5, case .text(let name) = record.values[1],
        case .integer(let root) = record.values[3],
        case .text(let sql) = record.values[4]
      else { return true }
      guard (1...file.pageCount).contains(Int(root)) else { return true }
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
      let (bytes, extents) = file.record(cell, on: page), let record = Record(bytes)
    else { return located(damage, table: table, keys: [.integer(id)]) }
    var range = 0..<bytes.count
    if columns.count == 1 {
      let name = columns[0] == "(causal)" ? "causal" : columns[0]
      if let index = names.firstIndex(of: name), index < record.ranges.count { range = record.ranges[index] }
    }
    // Length and id of the row stand before its record, and the kinds of its columns at its head.
    let before = Extent(
      page: page.number, offset: cell.start,
      length: cell.local.lowerBound - cell.start + min(record.headerBytes, cell.local.count))
    return damage.at((extents.slice(range) + [before]).map(file.part))
  }

  /// The damage with the place of the first table whose description differs from `right`, by name.
  func located(_ damage: Damage, expecting right: [String: String]) -> Damage {
    func plain(_ sql: String) -> String { sql.split(whereSeparator: \.isWhitespace).joined(separator: " ") }
    var result: Damage?
    var all: [Extent] = []
    forEachRecord(root: 1) { record, extents in
      all += extents
      guard record.values.count == 5, case .text(let name) = record.values[1], case .text(let sql) = record.values[4]
      else { return true }
      guard let expected = right[name], plain(expected) != plain(sql) else { return true }
      result = damage.at(extents.map(file.part))
      return false
    }
    return result ?? damage.at(all.map(file.part))
  }

  /// The damage with the place of a row of a table without row ids, by the first columns of its key; of the whole table
  /// when there is no such row.
  func located(_ damage: Damage, table: String, keys: [Value]) -> Damage {
    guard let (root, _) = tables[table] else { return damage }
    var result: Damage?
    var pages: Set<Int> = []
    forEachRecord(root: root) { record, extents in
      pages.formUnion(extents.map(\.page))
      guard result == nil, zip(record.values, keys).allSatisfy({ $0 == $1 }) else { return true }
      result = damage.at(extents.map(file.part))
      return false
    }
    return result
      ?? damage.at(pages.union([root]).sorted().map { file.part(Extent(page: $0, offset: 0, length: file.pageSize)) })
  }

  /// Every record of a tree; `body` says whether to go on.
  private func forEachRecord(root: Int, _ body: (Record, [Extent]) -> Bool) {
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
      guard page.kind != nil, page.kind != .tableInterior else { continue }
      for start in page.cellStarts(headerBytes: isInterior ? 12 : 8) {
        let cell = page.kind == .tableLeaf ? page.leafCell(at: start) : page.indexCell(at: start)
        guard let cell, let (bytes, extents) = file.record(cell, on: page), let record = Record(bytes) else { continue }
        guard body(record, extents) else { return }
      }
    }
  }
}

/// The values of one record, with where each lies in it. Source: "Database File Format", section 2.1.
private struct Record {
  private(set) var values: [Value] = []
  private(set) var ranges: [Range<Int>] = []
  private(set) var headerBytes = 0

  init?(_ bytes: [UInt8]) {
    let page = TreePage(number: 2, bytes: bytes)
    var at = 0
    guard let header = page.varint(&at), header >= 1, header <= bytes.count else { return nil }
    headerBytes = Int(header)
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
