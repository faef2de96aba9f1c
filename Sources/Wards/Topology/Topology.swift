/// The wards of a federation and the links between them, as `Topology/*.yaml` tells.
public struct Topology: Hashable, Sendable {
  public var name: String
  public var wards: [Ward]
  public var links: [Link]

  public func ward(_ code: String) -> Ward? { wards.first { $0.code == code } }
}

/// A municipality.
public struct Ward: Hashable, Sendable {
  /// JIS X 0402 with the prefecture: five digits.
  public var code: String
  public var name: String
  public var kana: String
  public var romaji: String
  public var office: Position
  public var population: Figure
  /// Nil where the source has none.
  public var households: Figure?
  /// Codes, sorted.
  public var neighbours: [String]
  /// Outer rings, each closed by its first point; islands of landfill have their own.
  public var outline: [[Position]]
}

/// A number with where it comes from: figures of one thing differ by source.
public struct Figure: Hashable, Sendable {
  public var count: Int
  public var year: Int
  public var source: String
}

/// WGS 84, degrees.
public struct Position: Hashable, Sendable {
  public var latitude: Double
  public var longitude: Double

  public init(latitude: Double, longitude: Double) {
    self.latitude = latitude
    self.longitude = longitude
  }
}

public struct Link: Hashable, Sendable {
  public enum Kind: String, CaseIterable, Hashable, Sendable {
    case fibre, leased, mobile, satellite, radio, wifi
  }

  /// Two ward codes.
  public var between: [String]
  public var kind: Kind
  public var bitsPerSecond: Int
  public var latencyMilliseconds: Int
  /// The share of packets that is lost, 0 to 1.
  public var loss: Double
}
