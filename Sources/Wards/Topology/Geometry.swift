import Foundation

extension Position {
  private static let earthRadius = 6_371_008.8

  /// Metres along the great circle (haversine).
  public func distance(to other: Position) -> Double {
    let radians = Double.pi / 180
    let sinLatitude = sin((other.latitude - latitude) * radians / 2)
    let sinLongitude = sin((other.longitude - longitude) * radians / 2)
    let square =
      sinLatitude * sinLatitude + cos(latitude * radians) * cos(other.latitude * radians) * sinLongitude * sinLongitude
    return 2 * Self.earthRadius * asin(min(1, square.squareRoot()))
  }
}

extension Ward {
  /// Whether the position lies in the ward: the even-odd rule over all rings.
  public func contains(_ position: Position) -> Bool {
    var inside = false
    for ring in outline {
      for (a, b) in edges(of: ring) where (a.latitude > position.latitude) != (b.latitude > position.latitude) {
        let fraction = (position.latitude - a.latitude) / (b.latitude - a.latitude)
        if position.longitude < a.longitude + fraction * (b.longitude - a.longitude) { inside.toggle() }
      }
    }
    return inside
  }

  /// Metres from the position to the ward: 0 inside it.
  public func distance(from position: Position) -> Double {
    if contains(position) { return 0 }
    return outline.flatMap(edges).map { nearest(on: $0, to: position).distance(to: position) }.min() ?? .infinity
  }

  private func edges(of ring: [Position]) -> [(Position, Position)] {
    Array(zip(ring, ring.dropFirst() + ring.prefix(1)))
  }

  /// On a plane that fits the neighbourhood; wrong by less than a metre over a ward.
  private func nearest(on edge: (Position, Position), to position: Position) -> Position {
    let shrink = cos(position.latitude * .pi / 180)
    let (dx, dy) = ((edge.1.longitude - edge.0.longitude) * shrink, edge.1.latitude - edge.0.latitude)
    let (px, py) = ((position.longitude - edge.0.longitude) * shrink, position.latitude - edge.0.latitude)
    let length = dx * dx + dy * dy
    let along = length == 0 ? 0 : max(0, min(1, (px * dx + py * dy) / length))
    return Position(
      latitude: edge.0.latitude + along * (edge.1.latitude - edge.0.latitude),
      longitude: edge.0.longitude + along * (edge.1.longitude - edge.0.longitude))
  }
}

extension Topology {
  /// The ward in which a position lies.
  public func ward(at position: Position) -> Ward? { wards.first { $0.contains(position) } }
}
