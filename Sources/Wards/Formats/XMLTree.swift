import Foundation
import FoundationXML

/// An XML document as a tree, within bounds: what comes from outside may be anything. No document type, so no entities: nothing
/// grows, and nothing is fetched.
public struct XMLTree {
  public struct Refusal: Error, Equatable {
    public var ja: String
    public var en: String

    public init(ja: String, en: String) { (self.ja, self.en) = (ja, en) }
  }

  public var name: String
  public var text = ""
  public var children: [XMLTree] = []

  /// The largest of the public samples has 0.4 MB.
  public static let mostBytes = 1_000_000
  private static let mostElements = 200_000
  private static let deepest = 60

  init(name: String) { self.name = name }

  public init(_ bytes: [UInt8]) throws(Refusal) {
    guard bytes.count <= Self.mostBytes else { throw Refusal(ja: "電文が大きすぎます(1 MB まで)", en: "too large: 1 MB at most") }
    guard !Self.declaresType(bytes) else {
      throw Refusal(ja: "DOCTYPE のある XML は読みません", en: "XML with a DOCTYPE is not read")
    }
    let builder = Builder()
    let parser = XMLParser(data: Data(bytes))
    parser.shouldResolveExternalEntities = false
    parser.delegate = builder
    guard parser.parse(), builder.problem == nil, let root = builder.root else {
      throw builder.problem
        ?? Refusal(
          ja: "XML として読めません(\(parser.lineNumber) 行目)。ファイルが途中で切れていないか確かめてください",
          en: "not well-formed XML at line \(parser.lineNumber): see whether the file was cut off")
    }
    self = root
  }

  /// Whether `<!` is followed by a letter, as of DOCTYPE and ENTITY, not by `--` or `[`: in UTF-16 too, whose every other byte is 0.
  private static func declaresType(_ bytes: [UInt8]) -> Bool {
    var (before, last): (UInt8, UInt8) = (0, 0)
    for byte in bytes where byte != 0 {
      if before == UInt8(ascii: "<"), last == UInt8(ascii: "!"), (0x41...0x5a).contains(byte & 0xdf) { return true }
      (before, last) = (last, byte)
    }
    return false
  }

  public subscript(name: String) -> XMLTree? { children.first { $0.name == name } }
  public func all(_ name: String) -> [XMLTree] { children.filter { $0.name == name } }
  /// A child's text without what stands around it; nil for none and for an empty one.
  public func said(_ name: String) -> String? {
    let text = self[name]?.text.trimmingCharacters(in: .whitespacesAndNewlines)
    return text?.isEmpty == false ? text : nil
  }

  private final class Builder: NSObject, XMLParserDelegate {
    var root: XMLTree?
    var problem: Refusal?
    private var open: [XMLTree] = []
    private var count = 0

    func parser(
      _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
      attributes: [String: String]
    ) {
      count += 1
      guard count <= mostElements, open.count < deepest else {
        problem = Refusal(ja: "XML の要素が多すぎるか深すぎます", en: "too many elements, or too deep")
        return parser.abortParsing()
      }
      open.append(XMLTree(name: name.split(separator: ":").last.map(String.init) ?? name))
    }

    func parser(_ parser: XMLParser, foundCharacters text: String) {
      guard !open.isEmpty else { return }
      open[open.count - 1].text += text
    }

    func parser(
      _ parser: XMLParser, didEndElement name: String, namespaceURI: String?, qualifiedName: String?
    ) {
      guard let done = open.popLast() else { return }
      if open.isEmpty { root = done } else { open[open.count - 1].children.append(done) }
    }
  }
}
