/// A QR code for what a card or a slip says: digits, capital letters and ` $%*+-./:`, with error correction level M, which
/// reads with an eighth of the symbol gone (JIS X 0510:2018, ISO/IEC 18004:2015).
public struct QRCode: Sendable {
  /// Modules on each side.
  public let size: Int
  private var isDark: [Bool]
  /// Modules of the finders, the timing and the format: no data, no mask.
  private var isFixed: [Bool]

  private static let letters = Array("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:")

  /// Level M by version, from 1 (table 9): check bytes of each block, how many blocks, data bytes in all.
  private static let versions: [(check: Int, blocks: Int, data: Int)] = [
    (10, 1, 16), (16, 1, 28), (26, 1, 44), (18, 2, 64), (24, 2, 86), (16, 4, 108), (18, 4, 124), (22, 4, 154),
    (22, 5, 182), (26, 5, 216),
  ]
  /// Where the alignment patterns' middles lie, by version, from 1 (annex E).
  private static let alignment: [[Int]] = [
    [], [6, 18], [6, 22], [6, 26], [6, 30], [6, 34], [6, 22, 38], [6, 24, 42], [6, 26, 46], [6, 28, 50],
  ]

  /// - Returns: nil when the text has another character, or is longer than 311.
  public init?(_ text: String) {
    let values = text.compactMap { Self.letters.firstIndex(of: $0) }
    guard values.count == text.count else { return nil }
    let bits = values.count / 2 * 11 + values.count % 2 * 6
    guard
      let index = Self.versions.indices.first(where: {
        4 + Self.countBits($0 + 1) + bits <= Self.versions[$0].data * 8 && values.count < 1 << Self.countBits($0 + 1)
      })
    else { return nil }
    let version = index + 1
    size = 17 + 4 * version
    isDark = Array(repeating: false, count: size * size)
    isFixed = isDark
    drawFixed(version)
    draw(Self.codewords(values, version))
    mask()
  }

  public subscript(x: Int, y: Int) -> Bool { isDark[y * size + x] }

  /// Every dark module as a part of an SVG path, in units of one module.
  public var path: String {
    var path = ""
    for y in 0..<size {
      var x = 0
      while x < size {
        let start = x
        while x < size, self[x, y] { x += 1 }
        if x > start { path += "M\(start) \(y)h\(x - start)v1h\(start - x)z" }
        x += 1
      }
    }
    return path
  }

  // MARK: Bytes

  private static func countBits(_ version: Int) -> Int { version < 10 ? 9 : 11 }

  private static func codewords(_ values: [Int], _ version: Int) -> [UInt8] {
    var bits: [Bool] = []
    func put(_ value: Int, _ count: Int) { for bit in (0..<count).reversed() { bits.append(value >> bit & 1 == 1) } }
    put(0b0010, 4)
    put(values.count, countBits(version))
    for start in stride(from: 0, to: values.count - 1, by: 2) { put(values[start] * 45 + values[start + 1], 11) }
    if values.count % 2 == 1 { put(values.last!, 6) }
    let (check, blocks, data) = versions[version - 1]
    put(0, min(4, data * 8 - bits.count))
    put(0, (8 - bits.count % 8) % 8)
    var bytes = stride(from: 0, to: bits.count, by: 8).map { start in
      bits[start..<start + 8].reduce(UInt8(0)) { $0 << 1 | ($1 ? 1 : 0) }
    }
    let used = bytes.count
    while bytes.count < data { bytes.append((bytes.count - used) % 2 == 0 ? 0xEC : 0x11) }
    // The later blocks are longer by one where it does not come out even; both parts are sent column by column.
    let short = data / blocks
    let longer = data % blocks
    var parts: [ArraySlice<UInt8>] = []
    var start = 0
    for block in 0..<blocks {
      let length = short + (block >= blocks - longer ? 1 : 0)
      parts.append(bytes[start..<start + length])
      start += length
    }
    let checks = parts.map { remainder($0, check) }
    let columns = (0...short).flatMap { at in parts.compactMap { at < $0.count ? $0[$0.startIndex + at] : nil } }
    return columns + (0..<check).flatMap { at in checks.map { $0[at] } }
  }

  /// In the field of 256 elements modulo x⁸ + x⁴ + x³ + x² + 1.
  private static func product(_ left: UInt8, _ right: UInt8) -> UInt8 {
    var product = 0
    for bit in (0..<8).reversed() {
      product = product << 1 ^ (product >> 7) * 0x11D
      if right >> bit & 1 == 1 { product ^= Int(left) }
    }
    return UInt8(product)
  }

  /// A Reed-Solomon code's check bytes.
  private static func remainder(_ data: ArraySlice<UInt8>, _ count: Int) -> [UInt8] {
    var generator = [UInt8](repeating: 0, count: count - 1) + [1]
    var root: UInt8 = 1
    for _ in 0..<count {
      for at in 0..<count {
        generator[at] = product(generator[at], root) ^ (at + 1 < count ? generator[at + 1] : 0)
      }
      root = product(root, 2)
    }
    var rest = [UInt8](repeating: 0, count: count)
    for byte in data {
      let factor = byte ^ rest.removeFirst()
      rest.append(0)
      for at in 0..<count { rest[at] ^= product(generator[at], factor) }
    }
    return rest
  }

  // MARK: Drawing

  private mutating func fix(_ x: Int, _ y: Int, _ dark: Bool) {
    isDark[y * size + x] = dark
    isFixed[y * size + x] = true
  }

  private mutating func drawFixed(_ version: Int) {
    for at in 0..<size {
      fix(6, at, at % 2 == 0)
      fix(at, 6, at % 2 == 0)
    }
    for (x, y) in [(3, 3), (size - 4, 3), (3, size - 4)] {
      for dy in -4...4 {
        for dx in -4...4 where (0..<size).contains(x + dx) && (0..<size).contains(y + dy) {
          let ring = max(abs(dx), abs(dy))
          fix(x + dx, y + dy, ring != 2 && ring != 4)
        }
      }
    }
    let middles = Self.alignment[version - 1]
    for y in middles {
      for x in middles where !((x == 6 && y == 6) || (x == 6 && y == size - 7) || (x == size - 7 && y == 6)) {
        for dy in -2...2 { for dx in -2...2 { fix(x + dx, y + dy, max(abs(dx), abs(dy)) != 1) } }
      }
    }
    drawFormat(0)
    guard version >= 7 else { return }
    let bits = version << 12 | Self.bch(version << 12, 0x1F25, 12)
    for bit in 0..<18 {
      fix(size - 11 + bit % 3, bit / 3, bits >> bit & 1 == 1)
      fix(bit / 3, size - 11 + bit % 3, bits >> bit & 1 == 1)
    }
  }

  private static func bch(_ value: Int, _ generator: Int, _ degree: Int) -> Int {
    var rest = value
    while rest >= 1 << degree {
      rest ^= generator << (Int.bitWidth - rest.leadingZeroBitCount - 1 - degree)
    }
    return rest
  }

  /// Level M is 00; with the mask, protected, in two places.
  private mutating func drawFormat(_ mask: Int) {
    let bits = (mask << 10 | Self.bch(mask << 10, 0x537, 10)) ^ 0x5412
    func bit(_ at: Int) -> Bool { bits >> at & 1 == 1 }
    for at in 0...5 { fix(8, at, bit(at)) }
    fix(8, 7, bit(6))
    fix(8, 8, bit(7))
    fix(7, 8, bit(8))
    for at in 9..<15 { fix(14 - at, 8, bit(at)) }
    for at in 0..<8 { fix(size - 1 - at, 8, bit(at)) }
    for at in 8..<15 { fix(8, size - 15 + at, bit(at)) }
    fix(8, size - 8, true)
  }

  private mutating func draw(_ bytes: [UInt8]) {
    var next = 0
    for right in stride(from: size - 1, through: 1, by: -2) {
      let right = right <= 6 ? right - 1 : right
      for step in 0..<size {
        let isUpward = (right + 1) & 2 == 0
        let y = isUpward ? size - 1 - step : step
        for x in [right, right - 1] where !isFixed[y * size + x] && next < bytes.count * 8 {
          isDark[y * size + x] = bytes[next >> 3] >> (7 - next & 7) & 1 == 1
          next += 1
        }
      }
    }
  }

  private static func isMasked(_ mask: Int, _ x: Int, _ y: Int) -> Bool {
    switch mask {
    case 0: (x + y) % 2 == 0
    case 1: y % 2 == 0
    case 2: x % 3 == 0
    case 3: (x + y) % 3 == 0
    case 4: (x / 3 + y / 2) % 2 == 0
    case 5: x * y % 2 + x * y % 3 == 0
    case 6: (x * y % 2 + x * y % 3) % 2 == 0
    default: ((x + y) % 2 + x * y % 3) % 2 == 0
    }
  }

  /// Of the eight masks, the one that looks least like a finder or a blot (7.8.3).
  private mutating func mask() {
    let plain = self
    var best = Int.max
    for mask in 0..<8 {
      var tried = plain
      for y in 0..<size {
        for x in 0..<size where !isFixed[y * size + x] && Self.isMasked(mask, x, y) {
          tried.isDark[y * size + x].toggle()
        }
      }
      tried.drawFormat(mask)
      let penalty = tried.penalty
      if penalty < best { (best, self) = (penalty, tried) }
    }
  }

  private var penalty: Int {
    var penalty = 0
    let finder = [true, false, true, true, true, false, true]
    for line in 0..<size {
      for isRow in [true, false] {
        let modules = (0..<size).map { isRow ? self[$0, line] : self[line, $0] }
        var run = 1
        for at in 1...size {
          if at < size, modules[at] == modules[at - 1] {
            run += 1
          } else {
            if run >= 5 { penalty += run - 2 }
            run = 1
          }
        }
        for at in 0...size - 7 where Array(modules[at..<at + 7]) == finder {
          let isClearBefore = (at - 4..<at).allSatisfy { $0 < 0 || !modules[$0] }
          let isClearAfter = (at + 7..<at + 11).allSatisfy { $0 >= size || !modules[$0] }
          if isClearBefore || isClearAfter { penalty += 40 }
        }
      }
    }
    for y in 1..<size {
      for x in 1..<size
      where self[x, y] == self[x - 1, y] && self[x, y] == self[x, y - 1] && self[x, y] == self[x - 1, y - 1] {
        penalty += 3
      }
    }
    let dark = isDark.count { $0 }
    return penalty + abs(dark * 20 - size * size * 10) / (size * size) * 10
  }
}
