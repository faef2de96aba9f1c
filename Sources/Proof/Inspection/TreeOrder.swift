/// Looks for the pages of a keyed table that SQLite's check speaks of without naming them: a row out of order, or a value
/// that is missing where one must be.
extension PageFile {
  /// More pages than this are not walked: the report is for a person who waits.
  private static let walkLimit = 100_000

  /// Pages, in the order of their keys, whose rows are out of order with the one before, or hold what no row may.
  func suspectPages(root: Int) -> [Int] {
    var suspects: [Int] = []
    var previous: (page: Int, key: [Int64])?
    var visited: Set<Int> = []
    func look(_ cellStart: Int, on page: TreePage) {
      guard let cell = page.indexCell(at: cellStart), let key = record(cell, on: page).flatMap({ Self.key($0.bytes) })
      else { return suspects.append(page.number) }
      if let before = previous, !before.key.lexicographicallyPrecedes(key) { suspects += [before.page, page.number] }
      previous = (page.number, key)
    }
    func walk(_ number: Int, depth: Int) {
      guard depth < 32, (1...max(pageCount, 1)).contains(number), visited.count < Self.walkLimit,
        visited.insert(number).inserted
      else { return }
      let page = TreePage(number: number, bytes: self.page(number))
      switch page.kind {
      case .indexLeaf?:
        for start in page.cellStarts(headerBytes: 8) { look(start, on: page) }
      case .indexInterior?:
        for start in page.cellStarts(headerBytes: 12) {
          walk(page.long(start), depth: depth + 1)
          look(start, on: page)
        }
        walk(page.long(page.start + 8), depth: depth + 1)
      default: suspects.append(number)
      }
    }
    walk(root, depth: 0)
    return Array(Set(suspects)).sorted()
  }

  /// The integers that a record begins with; nil when the record makes no sense, or a value of it is missing.
  private static func key(_ record: [UInt8]) -> [Int64]? {
    let page = TreePage(number: 2, bytes: record)
    var at = 0
    guard let headerBytes = page.varint(&at), headerBytes > 0, headerBytes <= record.count else { return nil }
    var types: [Int64] = []
    while at < headerBytes {
      guard let type = page.varint(&at), type > 0 else { return nil }
      types.append(type)
    }
    var key: [Int64] = []
    for type in types {
      let sizes: [Int64: Int] = [1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8, 8: 0, 9: 0]
      guard let size = sizes[type] else { break }
      guard at + size <= record.count else { return nil }
      let bits = record[at..<at + size].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
      let value = size == 0 ? type - 8 : Int64(bitPattern: bits << UInt64(64 - 8 * size)) >> Int64(64 - 8 * size)
      key.append(value)
      at += size
    }
    return key
  }
}
