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
    case .alias: throw ProcedureFault("", ja: "YAML の別名(*)は使えません", en: "aliases are not for definitions")
    }
  }

  public subscript(key: String) -> Document? {
    guard case .map(let entries) = self else { return nil }
    return entries.first { $0.key == key }?.value
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
