import Causality
import Site
import Testing

/// Codes as a scanner sees them: read back from the modules alone. (`Tools/stories/wards.py` has a real scanner read two.)
struct QRCodeTests {
  private static let letters = Array("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:")

  @Test func `every length reads back, its check bytes right, from the smallest to the largest`() throws {
    var generator = RandomNumbers(seed: 18_004)
    for length in 1...311 {
      let text = String((0..<length).map { _ in Self.letters.randomElement(using: &generator)! })
      let code = try #require(QRCode(text))
      #expect(try Self.read(code) == text, "\(text)")
    }
    #expect(QRCode(String(repeating: "A", count: 312)) == nil)
    #expect(QRCode("家族") == nil && QRCode("renkei") == nil)
  }

  @Test func `a module that is wrong is seen`() throws {
    let code = try #require(QRCode("RENKEI:A:123456"))
    // The reader is one that can fail.
    #expect(throws: Unreadable.self) { try Self.read(code, flipping: (code.size - 2, code.size - 2)) }
  }

  struct Unreadable: Error { var why: String }

  // MARK: A reader

  private static let blocks: [[(count: Int, data: Int, check: Int)]] = [
    [(1, 16, 10)], [(1, 28, 16)], [(1, 44, 26)], [(2, 32, 18)], [(2, 43, 24)], [(4, 27, 16)], [(4, 31, 18)],
    [(2, 38, 22), (2, 39, 22)], [(3, 36, 22), (2, 37, 22)], [(4, 43, 26), (1, 44, 26)],
  ]
  private static let middles = [
    [], [6, 18], [6, 22], [6, 26], [6, 30], [6, 34], [6, 22, 38], [6, 24, 42], [6, 26, 46], [6, 28, 50],
  ]

  private static func isData(_ x: Int, _ y: Int, _ version: Int) -> Bool {
    let size = 17 + 4 * version
    if x == 6 || y == 6 || (x < 9 && y < 9) || (x >= size - 8 && y < 9) || (x < 9 && y >= size - 8) { return false }
    if version >= 7, (x >= size - 11 && y < 6) || (y >= size - 11 && x < 6) { return false }
    for cx in middles[version - 1] {
      for cy in middles[version - 1] {
        if (cx == 6 && cy == 6) || (cx == 6 && cy == size - 7) || (cx == size - 7 && cy == 6) { continue }
        if abs(x - cx) <= 2, abs(y - cy) <= 2 { return false }
      }
    }
    return true
  }

  private static func read(_ code: QRCode, flipping flipped: (Int, Int)? = nil) throws -> String {
    let version = (code.size - 17) / 4
    func module(_ x: Int, _ y: Int) -> Bool {
      let isFlipped = flipped.map { $0.0 == x && $0.1 == y } ?? false
      return code[x, y] != isFlipped
    }
    // The format beside the first finder, from the top; what it is masked with is the standard's.
    var format = 0
    for (x, y) in (0...5).map({ (8, $0) }) + [(8, 7), (8, 8), (7, 8)] + (0...5).map({ (5 - $0, 8) }) {
      format = format >> 1 | (module(x, y) ? 1 << 14 : 0)
    }
    format ^= 0x5412
    guard format >> 13 == 0 else { throw Unreadable(why: "not level M") }
    let mask = format >> 10 & 7
    let masked: (Int, Int) -> Bool = { x, y in
      switch mask {
      case 0: (y + x) % 2 == 0
      case 1: y % 2 == 0
      case 2: x % 3 == 0
      case 3: (y + x) % 3 == 0
      case 4: (y / 2 + x / 3) % 2 == 0
      case 5: y * x % 2 + y * x % 3 == 0
      case 6: (y * x % 2 + y * x % 3) % 2 == 0
      default: ((y + x) % 2 + y * x % 3) % 2 == 0
      }
    }
    var bits: [Bool] = []
    var x = code.size - 1
    var isUp = true
    while x > 0 {
      if x == 6 { x -= 1 }
      for step in 0..<code.size {
        let y = isUp ? code.size - 1 - step : step
        for column in [x, x - 1] where isData(column, y, version) {
          bits.append(module(column, y) != masked(column, y))
        }
      }
      x -= 2
      isUp.toggle()
    }
    let bytes = stride(from: 0, to: bits.count - 7, by: 8).map { at in
      bits[at..<at + 8].reduce(0) { $0 << 1 | ($1 ? 1 : 0) }
    }
    let lengths = blocks[version - 1].flatMap { Array(repeating: ($0.data, $0.check), count: $0.count) }
    var parts = lengths.map { _ in [Int]() }
    var next = 0
    for at in 0..<lengths.map(\.0).max()! {
      for (block, length) in lengths.enumerated() where at < length.0 {
        parts[block].append(bytes[next])
        next += 1
      }
    }
    let data = parts.flatMap(\.self)
    for _ in 0..<lengths[0].1 {
      for block in parts.indices {
        parts[block].append(bytes[next])
        next += 1
      }
    }
    // A block is a multiple of the generator: zero at each of its roots.
    for part in parts {
      for root in 0..<lengths[0].1 {
        let value = part.reduce(0) { product($0, power(root)) ^ $1 }
        guard value == 0 else { throw Unreadable(why: "check bytes") }
      }
    }
    var stream = data.flatMap { byte in (0..<8).reversed().map { byte >> $0 & 1 } }[...]
    func take(_ count: Int) -> Int { stream.prefix(count).reduce(0) { $0 << 1 | $1 } }
    func drop(_ count: Int) -> Int {
      defer { stream = stream.dropFirst(count) }
      return take(count)
    }
    guard drop(4) == 2 else { throw Unreadable(why: "mode") }
    var left = drop(version < 10 ? 9 : 11)
    var text = ""
    while left > 1 {
      let pair = drop(11)
      text += [letters[pair / 45], letters[pair % 45]]
      left -= 2
    }
    if left == 1 { text.append(letters[drop(6)]) }
    return text
  }

  private static func product(_ left: Int, _ right: Int) -> Int {
    var (left, right, sum) = (left, right, 0)
    while right > 0 {
      if right & 1 == 1 { sum ^= left }
      left = left << 1 ^ (left & 0x80 == 0 ? 0 : 0x11D)
      right >>= 1
    }
    return sum
  }

  private static func power(_ exponent: Int) -> Int { (0..<exponent).reduce(1) { value, _ in product(value, 2) } }
}
