import Yams

extension Topology {
  public static let format = "renkei-topology-1"

  /// Reads and checks a topology.
  ///
  /// - Throws: `TopologyError` for the first thing that is wrong: a missing or unknown field, a wrong kind of value, a
  ///   code that is no ward, a neighbour that does not know its neighbour, a figure out of its range.
  public init(yaml text: String) throws(TopologyError) {
    let file = try Fields(yaml: text, ["format", "name", "wards", "links"])
    guard try file.text("format") == Self.format else { throw file.fault("format", "must be \(Self.format)") }
    name = try file.text("name")
    wards = try file.list("wards").enumerated().map { index, node throws(TopologyError) in
      try Self.ward(node, "wards[\(index)]")
    }
    links = try file.list("links").enumerated().map { index, node throws(TopologyError) in
      try Self.link(node, "links[\(index)]")
    }
    try check(file)
  }

  private static func ward(_ node: Node, _ path: String) throws(TopologyError) -> Ward {
    let fields = try Fields(
      node, path,
      ["code", "name", "kana", "romaji", "office", "population", "households", "neighbours", "outline"])
    let code = try fields.text("code")
    guard code.utf8.count == 5, code.utf8.allSatisfy({ (48...57).contains($0) }) else {
      throw fields.fault("code", "must be the five digits of JIS X 0402, such as \"13113\"")
    }
    let office = try Fields(fields.node("office"), "\(path).office", ["latitude", "longitude"])
    return Ward(
      code: code, name: try fields.text("name"), kana: try fields.text("kana"), romaji: try fields.text("romaji"),
      office: Position(
        latitude: try office.number("latitude", 20...46), longitude: try office.number("longitude", 122...154)),
      population: try figure(fields, "population"),
      households: fields.has("households") ? try figure(fields, "households") : nil,
      neighbours: try fields.list("neighbours").map { node throws(TopologyError) in
        guard let text = node.scalar?.string else { throw fields.fault("neighbours", "must be ward codes") }
        return text
      }.sorted(),
      outline: try outline(fields))
  }

  private static func figure(_ fields: Fields, _ name: String) throws(TopologyError) -> Figure {
    let figure = try Fields(fields.node(name), "\(fields.path).\(name)", ["count", "year", "source"])
    return Figure(
      count: try figure.integer("count", 0...50_000_000), year: try figure.integer("year", 1900...2200),
      source: try figure.text("source"))
  }

  private static func outline(_ fields: Fields) throws(TopologyError) -> [[Position]] {
    guard try !fields.list("outline").isEmpty else { throw fields.fault("outline", "needs a ring or more") }
    return try fields.list("outline").map { ring throws(TopologyError) in
      guard let points = ring.sequence, points.count >= 3 else {
        throw fields.fault("outline", "each ring needs three points or more", at: ring)
      }
      return try points.map { point throws(TopologyError) in
        guard let pair = point.sequence, pair.count == 2, let latitude = pair[0].float, let longitude = pair[1].float,
          (20...46).contains(latitude), (122...154).contains(longitude)
        else { throw fields.fault("outline", "each point is [latitude, longitude]", at: point) }
        return Position(latitude: latitude, longitude: longitude)
      }
    }
  }

  private static func link(_ node: Node, _ path: String) throws(TopologyError) -> Link {
    let fields = try Fields(node, path, ["between", "kind", "bits-per-second", "latency-ms", "loss"])
    let between = try fields.list("between").compactMap { $0.scalar?.string }
    guard between.count == 2, between[0] != between[1] else {
      throw fields.fault("between", "must be two different ward codes")
    }
    guard let kind = Link.Kind(rawValue: try fields.text("kind")) else {
      let kinds = Link.Kind.allCases.map(\.rawValue).joined(separator: ", ")
      throw fields.fault("kind", "must be one of \(kinds)")
    }
    return Link(
      between: between, kind: kind, bitsPerSecond: try fields.integer("bits-per-second", 100...1_000_000_000_000),
      latencyMilliseconds: try fields.integer("latency-ms", 0...60_000), loss: try fields.number("loss", 0...1))
  }

  /// What no single field shows.
  private func check(_ file: Fields) throws(TopologyError) {
    var seen: [String: Ward] = [:]
    for (index, ward) in wards.enumerated() where seen.updateValue(ward, forKey: ward.code) != nil {
      throw file.fault("wards", "wards[\(index)]: \(ward.code) stands twice")
    }
    for ward in wards {
      for neighbour in ward.neighbours {
        guard let other = seen[neighbour] else {
          throw file.fault("wards", "\(ward.code) \(ward.name): neighbour \(neighbour) is no ward of this file")
        }
        guard other.neighbours.contains(ward.code) else {
          throw file.fault("wards", "\(ward.code) names \(neighbour) as its neighbour, but not the other way round")
        }
      }
    }
    for (index, link) in links.enumerated() {
      for code in link.between where seen[code] == nil {
        throw file.fault("links", "links[\(index)]: \(code) is no ward of this file")
      }
    }
  }
}
