/// One cell of a table's leaf page: a row, with where its bytes lie.
struct LeafCell {
  /// Where the cell begins in its page: its length and row id come before the record.
  var start: Int
  var rowID: Int64
  /// The record as far as it lies in this page.
  var local: Range<Int>
  var payloadBytes: Int
  /// The first overflow page; 0 when there is none.
  var overflow: Int
}

/// A b-tree page, read so that nothing in it can trap. Source: "Database File Format", sections 1.6 and 2.1.
struct TreePage {
  enum Kind: UInt8 {
    case indexInterior = 2, tableInterior = 5, indexLeaf = 10, tableLeaf = 13
  }

  /// No row of ours is larger: a few change sets' worth of text in each of 64 columns.
  private static let payloadLimit: Int64 = 1 << 24

  let number: Int
  let bytes: [UInt8]
  /// The first page begins with the file's header.
  var start: Int { number == 1 ? 100 : 0 }

  var kind: Kind? { Kind(rawValue: bytes[start]) }

  var cellCount: Int { word(start + 3) }

  func word(_ at: Int) -> Int { at >= 0 && at + 2 <= bytes.count ? Int(bytes[at]) << 8 | Int(bytes[at + 1]) : 0 }

  func long(_ at: Int) -> Int { word(at) << 16 | word(at + 2) }

  /// Big-endian groups of seven bits, at most nine bytes.
  func varint(_ at: inout Int) -> Int64? {
    var value: UInt64 = 0
    for index in 0..<9 {
      guard at >= 0, at < bytes.count else { return nil }
      let byte = bytes[at]
      at += 1
      if index == 8 { return Int64(bitPattern: value << 8 | UInt64(byte)) }
      value = value << 7 | UInt64(byte & 0x7f)
      if byte < 0x80 { return Int64(bitPattern: value) }
    }
    return nil
  }

  /// Where the cells of a page begin that has `headerBytes` of header; those that cannot be are left out.
  func cellStarts(headerBytes: Int) -> [Int] {
    let count = min(cellCount, (bytes.count - start - headerBytes) / 2)
    guard count > 0 else { return [] }
    return (0..<count).map { word(start + headerBytes + 2 * $0) }.filter { $0 > start + 8 && $0 < bytes.count }
  }

  /// The row cell that begins at `start`; nil when it makes no sense.
  func leafCell(at start: Int) -> LeafCell? {
    var at = start
    guard let payload = varint(&at), payload >= 0, payload <= Self.payloadLimit, let rowID = varint(&at) else {
      return nil
    }
    return cell(start, rowID, payload: Int(payload), at: at, most: bytes.count - 35)
  }

  /// The cell of an index page, whose record is the key: nil when it makes no sense.
  func indexCell(at start: Int) -> LeafCell? {
    var at = kind == .indexInterior ? start + 4 : start
    guard let payload = varint(&at), payload > 0, payload <= Self.payloadLimit else { return nil }
    return cell(start, 0, payload: Int(payload), at: at, most: (bytes.count - 12) * 64 / 255 - 23)
  }

  var leafCells: [LeafCell] { cellStarts(headerBytes: 8).compactMap(leafCell) }

  /// - Parameter most: how much of a record may lie in its own page.
  private func cell(_ begin: Int, _ rowID: Int64, payload: Int, at start: Int, most: Int) -> LeafCell? {
    var local = payload
    if payload > most {
      let least = (bytes.count - 12) * 32 / 255 - 23
      let wanted = least + (payload - least) % (bytes.count - 4)
      local = wanted <= most ? wanted : least
    }
    guard start + local <= bytes.count else { return nil }
    var overflow = 0
    if local < payload {
      guard start + local + 4 <= bytes.count else { return nil }
      overflow = long(start + local)
    }
    return LeafCell(start: begin, rowID: rowID, local: start..<start + local, payloadBytes: payload, overflow: overflow)
  }
}

/// Some bytes of a file that follow one another.
struct Extent {
  var page: Int
  var offset: Int
  var length: Int
}

extension [Extent] {
  /// The part of a record that begins `start` bytes in it.
  func slice(_ range: Range<Int>) -> [Extent] {
    var result: [Extent] = []
    var at = 0
    for extent in self {
      let from = Swift.max(range.lowerBound, at)
      let to = Swift.min(range.upperBound, at + extent.length)
      if from < to { result.append(Extent(page: extent.page, offset: extent.offset + from - at, length: to - from)) }
      at += extent.length
    }
    return result
  }
}

extension PageFile {
  func part(_ extent: Extent) -> Damage.Part {
    let place = place(page: extent.page, extent.offset)
    return Damage.Part(file: place.file, offset: place.offset, length: extent.length)
  }

  /// A cell's whole record, with where each part of it lies; nil when its overflow chain breaks off.
  func record(_ cell: LeafCell, on page: TreePage) -> (bytes: [UInt8], extents: [Extent])? {
    var bytes = Array(page.bytes[cell.local])
    var extents = [Extent(page: page.number, offset: cell.local.lowerBound, length: cell.local.count)]
    var next = cell.overflow
    while bytes.count < cell.payloadBytes {
      guard next > 1, next <= pageCount, !extents.contains(where: { $0.page == next }) else { return nil }
      let overflow = TreePage(number: next, bytes: self.page(next))
      let count = min(cell.payloadBytes - bytes.count, pageSize - 4)
      bytes += overflow.bytes[4..<4 + count]
      extents.append(Extent(page: next, offset: 4, length: count))
      next = overflow.long(0)
    }
    return (bytes, extents)
  }

  /// The leaf cell of a row, by the tree that begins at page `root`.
  func find(_ rowID: Int64, root: Int) -> (page: TreePage, cell: LeafCell)? {
    var number = root
    for _ in 0..<32 {
      guard number >= 1, number <= pageCount else { return nil }
      let page = TreePage(number: number, bytes: self.page(number))
      switch page.kind {
      case .tableLeaf?:
        return page.leafCells.first { $0.rowID == rowID }.map { (page, $0) }
      case .tableInterior?:
        var child = page.long(page.start + 8)
        for start in page.cellStarts(headerBytes: 12) {
          var at = start + 4
          guard let key = page.varint(&at) else { return nil }
          if rowID <= key {
            child = page.long(start)
            break
          }
        }
        number = child
      default: return nil
      }
    }
    return nil
  }
}
