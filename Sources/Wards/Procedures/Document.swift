import Yams

/// A definition's file as it stands: maps, lists and texts. Every scalar is a text: to YAML `on` and `no` are flags, and `010` may
/// be eight.
public indirect enum Document: Hashable, Sendable {
  case text(String)
  case list([Document])
  /// In the file's order.
  case map([Entry])

  public struct Entry: Hashable, Sendable {
    public var key: String
    public var value: Document
  }

  private static let deepest = 12
  private static let mostNodes = 20_000

  /// - Throws: what is wrong, and where.
  public init(yaml: String) throws(ProcedureFault) {
    guard yaml.utf8.count <= Procedure.mostBytes * 2 else {
      throw ProcedureFault("", ja: "ファイルが大きすぎます", en: "the file is too large")
    }
    // Aliases are resolved while a file is read, so that a short one can stand for 2^40 parts: found before.
    if let found = yaml.firstMatch(of: /(?:^|[\s\[{,:?-])([&*][A-Za-z0-9_-])/.anchorsMatchLineEndings()) {
      throw ProcedureFault(
        "", ja: "YAML の別名(& と *)は使えません。掛け算は間を空けて書きます: \(found.1)",
        en: "no aliases; a product is written with blanks: \(found.1)")
    }
    do {
      guard let node = try Yams.compose(yaml: yaml, Resolver.basic) else {
        throw ProcedureFault("", ja: "空のファイルです", en: "an empty file")
      }
      var count = 0
      self = try Self.read(node, depth: 0, &count)
    } catch let fault as ProcedureFault {
      throw fault
    } catch {
      throw ProcedureFault("", ja: "YAML として読めません: \(error)", en: "not YAML: \(error)")
    }
  }

  /// Reads what `canonical` writes, and nothing else: what another ward signed never meets a YAML reader.
  public init(canonical text: String) throws(ProcedureFault) {
    var reader = CanonicalReader(text)
    guard text.utf8.count <= Procedure.mostBytes, let document = reader.whole(),
      document.canonical.utf8.elementsEqual(text.utf8)
    else { throw ProcedureFault("", ja: "定義の正規形ではありません", en: "not a definition's canonical form") }
    self = document
  }

  fileprivate struct CanonicalReader {
    private let bytes: [UInt8]
    private var place = 0
    private var count = 0

    init(_ text: String) { bytes = Array(text.utf8) }

    private mutating func take(_ byte: UInt8) -> Bool {
      guard place < bytes.count, bytes[place] == byte else { return false }
      place += 1
      return true
    }

    mutating func whole() -> Document? {
      let document = part(0)
      return place == bytes.count ? document : nil
    }

    private mutating func part(_ depth: Int) -> Document? {
      count += 1
      guard depth < Document.deepest, count < Document.mostNodes, place < bytes.count else { return nil }
      switch bytes[place] {
      case 0x22: return string().map { .text($0) }
      case 0x5b:
        place += 1
        var list: [Document] = []
        if take(0x5d) { return .list([]) }
        repeat {
          guard let item = part(depth + 1) else { return nil }
          list.append(item)
        } while take(0x2c)
        return take(0x5d) ? .list(list) : nil
      case 0x7b:
        place += 1
        var entries: [Entry] = []
        var seen: Set<[UInt8]> = []
        if take(0x7d) { return .map([]) }
        repeat {
          guard let key = string(), seen.insert([UInt8](key.utf8)).inserted, take(0x3a), let value = part(depth + 1)
          else { return nil }
          entries.append(Entry(key: key, value: value))
        } while take(0x2c)
        return take(0x7d) ? .map(entries) : nil
      default: return nil
      }
    }

    private mutating func string() -> String? {
      guard take(0x22) else { return nil }
      var text: [UInt8] = []
      while place < bytes.count, bytes[place] != 0x22 {
        if take(0x5c) {
          guard place < bytes.count else { return nil }
          switch bytes[place] {
          case 0x22, 0x5c:
            text.append(bytes[place])
            place += 1
          case 0x75:
            guard place + 5 <= bytes.count,
              let code = UInt8(String(decoding: bytes[(place + 1)..<(place + 5)], as: UTF8.self), radix: 16)
            else { return nil }
            text.append(code)
            place += 5
          default: return nil
          }
        } else {
          text.append(bytes[place])
          place += 1
        }
      }
      return take(0x22) ? String(decoding: text, as: UTF8.self) : nil
    }
  }

  private static func read(_ node: Node, depth: Int, _ count: inout Int) throws(ProcedureFault) -> Document {
    count += 1
    guard depth < deepest, count < mostNodes else {
      throw ProcedureFault("", ja: "入れ子が深すぎるか、項目が多すぎます", en: "too deep, or too many parts")
    }
    switch node {
    case .scalar(let scalar): return .text(scalar.string)
    case .sequence(let sequence):
      var list: [Document] = []
      for item in sequence { list.append(try read(item, depth: depth + 1, &count)) }
      return .list(list)
    case .mapping(let mapping):
      var entries: [Entry] = []
      var seen: Set<[UInt8]> = []
      for (key, value) in mapping {
        guard let name = key.scalar?.string, seen.insert([UInt8](name.utf8)).inserted else {
          throw ProcedureFault(
            key.scalar?.string ?? "", ja: "項目名が二度あるか、文字ではありません", en: "a name stands twice, or is no text")
        }
        entries.append(Entry(key: name, value: try read(value, depth: depth + 1, &count)))
      }
      return .map(entries)
    case .alias: throw ProcedureFault("", ja: "YAML の別名は使えません", en: "no aliases")
    }
  }

  public subscript(key: String) -> Document? {
    guard case .map(let entries) = self else { return nil }
    return entries.first { $0.key.utf8.elementsEqual(key.utf8) }?.value
  }

  public var text: String? { if case .text(let text) = self { text } else { nil } }
  public var list: [Document] { if case .list(let list) = self { list } else { [] } }
  public var entries: [Entry] { if case .map(let entries) = self { entries } else { [] } }
  /// One text, or several.
  public var texts: [String] { text.map { [$0] } ?? list.compactMap(\.text) }

  /// JSON without blanks, keys in the file's order, since that of columns and acts means something: what is signed, however the YAML
  /// was laid out.
  public var canonical: String {
    switch self {
    case .text(let text): Self.quoted(text)
    case .list(let list): "[" + list.map(\.canonical).joined(separator: ",") + "]"
    case .map(let entries):
      "{" + entries.map { Self.quoted($0.key) + ":" + $0.value.canonical }.joined(separator: ",") + "}"
    }
  }

  private static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\u{0}"..<" ":
        let digits = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}

/// What is wrong with a definition, and where in it.
public struct ProcedureFault: Error, Hashable, Sendable {
  /// Such as `acts.decide.if`.
  public var path: String
  public var ja: String
  public var en: String

  public init(_ path: String, ja: String, en: String) { (self.path, self.ja, self.en) = (path, ja, en) }
}
