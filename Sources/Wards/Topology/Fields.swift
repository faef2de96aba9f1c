import Yams

/// What is wrong with a file of `Topology/`, where, and what would be right.
public struct TopologyError: Error, Hashable, Sendable, CustomStringConvertible {
  /// From 1; 0 when the file as a whole is meant.
  public var line: Int
  /// A path such as `wards[3].office.latitude`.
  public var field: String
  public var message: String

  public init(line: Int, field: String, message: String) {
    self.line = line
    self.field = field
    self.message = message
  }

  public var description: String { "line \(line): \(field): \(message)" }
}

/// The fields of one YAML mapping, with where they stand.
public struct Fields {
  public let path: String
  private let mapping: Node.Mapping
  private let mark: Mark?

  /// The fields of a whole file.
  public init(yaml text: String, _ known: [String]) throws(TopologyError) {
    let root: Node?
    do { root = try Yams.compose(yaml: text) } catch {
      throw TopologyError(line: Self.line(of: error), field: "YAML", message: "\(error)")
    }
    guard let root else { throw TopologyError(line: 0, field: "file", message: "is empty") }
    try self.init(root, "", known)
  }

  private static func line(of error: any Error) -> Int {
    guard let error = error as? YamlError else { return 0 }
    switch error {
    case .scanner(_, _, let mark, _), .parser(_, _, let mark, _), .composer(_, _, let mark, _): return mark.line
    default: return 0
    }
  }

  public init(_ node: Node, _ path: String, _ known: [String]) throws(TopologyError) {
    self.path = path
    mark = node.mark
    guard let mapping = node.mapping else {
      throw TopologyError(
        line: node.mark?.line ?? 0, field: path, message: "must have the fields \(known.joined(separator: ", "))")
    }
    self.mapping = mapping
    for key in mapping.keys where !known.contains(key.scalar?.string ?? "") {
      throw TopologyError(
        line: key.mark?.line ?? 0, field: join(key.scalar?.string ?? "?"),
        message: "is not known here; known are \(known.joined(separator: ", "))")
    }
  }

  private func join(_ name: String) -> String { path.isEmpty ? name : "\(path).\(name)" }

  public func fault(_ name: String, _ message: String, at node: Node? = nil) -> TopologyError {
    let line = (node ?? mapping[Node(name)])?.mark?.line ?? mark?.line ?? 0
    return TopologyError(line: line, field: join(name), message: message)
  }

  public func node(_ name: String) throws(TopologyError) -> Node {
    guard let node = mapping[Node(name)] else { throw fault(name, "is missing") }
    return node
  }

  public func has(_ name: String) -> Bool { mapping[Node(name)] != nil }

  public func text(_ name: String) throws(TopologyError) -> String {
    guard let text = try node(name).scalar?.string, !text.isEmpty else { throw fault(name, "must be a text") }
    return text
  }

  public func list(_ name: String) throws(TopologyError) -> [Node] {
    guard let list = try node(name).sequence else { throw fault(name, "must be a list") }
    return Array(list)
  }

  public func integer(_ name: String, _ range: ClosedRange<Int>) throws(TopologyError) -> Int {
    guard let value = try node(name).int, range.contains(value) else {
      throw fault(name, "must be a whole number from \(range.lowerBound) to \(range.upperBound)")
    }
    return value
  }

  public func number(_ name: String, _ range: ClosedRange<Double>) throws(TopologyError) -> Double {
    guard let value = try node(name).float, range.contains(value) else {
      throw fault(name, "must be a number from \(range.lowerBound) to \(range.upperBound)")
    }
    return value
  }
}
