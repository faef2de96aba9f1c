import Foundation
import Desk
import Topology

/// The wards' outlines and links as SVG, drawn from the topology: nothing comes from elsewhere.
public struct WardMap: Sendable {
  public struct Shown: Sendable {
    /// 0 to 4, and nil for what is not known.
    public var level: Int?
    public var value: String
    public var title: String

    public init(level: Int?, value: String, title: String) {
      self.level = level
      self.value = value
      self.title = title
    }
  }

  /// Something that lies somewhere.
  public struct Dot: Sendable {
    public var position: Position
    /// Its colour and its sign.
    public var style: String
    public var title: String
    public var href: String

    public init(position: Position, style: String, title: String, href: String) {
      self.position = position
      self.style = style
      self.title = title
      self.href = href
    }
  }

  private struct Outline: Sendable {
    var code: String
    var name: String
    var path: String
    var office: (x: Int, y: Int)
    var box: (west: Int, north: Int, east: Int, south: Int)
  }

  private static let width = 720.0
  private let outlines: [Outline]
  private let height: Int
  /// Where the map begins, and how many of its units a degree has.
  private let origin: Position
  private let perDegree: (longitude: Double, latitude: Double)

  public init(_ topology: Topology, _ language: Language) {
    let points = topology.wards.flatMap { $0.outline.joined() } + topology.wards.map(\.office)
    let (west, east) = (points.map(\.longitude).min() ?? 0, points.map(\.longitude).max() ?? 1)
    let (south, north) = (points.map(\.latitude).min() ?? 0, points.map(\.latitude).max() ?? 1)
    // A degree of longitude is shorter by the cosine of the latitude: true enough over a city.
    let squeeze = cos((south + north) / 2 * .pi / 180)
    let scale = Self.width / max((east - west) * squeeze, 1e-9)
    origin = Position(latitude: north, longitude: west)
    perDegree = (squeeze * scale, scale)
    func place(_ position: Position) -> (x: Int, y: Int) {
      (
        Int(((position.longitude - west) * squeeze * scale).rounded()),
        Int(((north - position.latitude) * scale).rounded())
      )
    }
    height = Int(((north - south) * scale).rounded())
    outlines = topology.wards.map { ward in
      let path = ward.outline.map { ring in
        var last: (x: Int, y: Int)?
        var text = ""
        for point in ring.map(place) where last.map({ $0 != point }) ?? true {
          text += last == nil ? "M\(point.x) \(point.y)" : "L\(point.x) \(point.y)"
          last = point
        }
        return text + "Z"
      }
      let corners = ward.outline.joined().map(place)
      let (xs, ys) = (corners.map(\.x), corners.map(\.y))
      return Outline(
        code: ward.code, name: language == .japanese ? String(ward.name.dropLast()) : ward.romaji,
        path: path.joined(), office: place(ward.office),
        box: (xs.min() ?? 0, ys.min() ?? 0, xs.max() ?? 0, ys.max() ?? 0))
    }
  }

  /// - Parameters:
  ///   - own: the ward whose outline stands out.
  ///   - links: between two wards, with their state and what it means.
  ///   - legend: of each shade.
  public func values(
    title: String, own: String? = nil, wards: [String: Shown],
    links: [(from: String, to: String, state: String, title: String)], legend: [(shade: String, label: String)]
  ) -> [String: Any] {
    // The own ward last: its outline lies over its neighbours'.
    let outlines = outlines.filter { $0.code != own } + outlines.filter { $0.code == own }
    let places = Dictionary(uniqueKeysWithValues: outlines.map { ($0.code, $0.office) })
    return [
      "width": Int(Self.width), "height": height, "title": title,
      "wards": outlines.map { outline -> [String: Any] in
        let shown = wards[outline.code]
        return [
          "code": outline.code, "path": outline.path, "shade": shown?.level.map { "s\($0)" } ?? "sx",
          "title": shown?.title ?? outline.name, "isOwn": outline.code == own,
        ]
      },
      "links": links.compactMap { link -> [String: Any]? in
        guard let from = places[link.from], let to = places[link.to] else { return nil }
        return [
          "x1": from.x, "y1": from.y, "x2": to.x, "y2": to.y, "state": link.state, "title": link.title,
        ]
      },
      "labels": outlines.map { outline -> [String: Any] in
        [
          "x": outline.office.x, "y": outline.office.y - 2, "y2": outline.office.y + 14, "text": outline.name,
          "value": wards[outline.code]?.value ?? "",
        ]
      },
      "legend": legend.map { ["shade": $0.shade, "label": $0.label] },
    ]
  }

  /// More dots than a hand can hit, and a slow tablet can draw.
  private static let mostDots = 1_000
  /// What is near a dot, in the map's units, is seen with it: half a kilometre.
  private static let margin = 10.0

  /// Dots on the outlines, as near as they allow; nil where there is none.
  ///
  /// - Parameter ward: whose outline the picture shows whole; nil: the dots alone say.
  public func dots(
    _ dots: [Dot], ward: String?, title: String, legend: [(style: String, label: String)], larger: String,
    smaller: String
  ) -> [String: Any]? {
    let placed = dots.prefix(Self.mostDots).map { dot in
      (
        dot, x: (dot.position.longitude - origin.longitude) * perDegree.longitude,
        y: (origin.latitude - dot.position.latitude) * perDegree.latitude
      )
    }
    // A dot that a wrong coordinate puts somewhere else must not make the picture the world's.
    let inside = placed.filter {
      (-50...(Self.width + 50)).contains($0.x) && (-50...(Double(height) + 50)).contains($0.y)
    }
    guard !inside.isEmpty else { return nil }
    var (xs, ys) = (inside.map { $0.x }, inside.map { $0.y })
    if let box = outlines.first(where: { $0.code == ward })?.box {
      xs += [Double(box.west), Double(box.east)]
      ys += [Double(box.north), Double(box.south)]
    }
    let (left, top) = (xs.min()! - Self.margin, ys.min()! - Self.margin)
    let (right, bottom) = (xs.max()! + Self.margin, ys.max()! + Self.margin)
    let (wide, high) = (max(right - left, 40), max(bottom - top, 30))
    func text(_ number: Double) -> String { String(format: "%.1f", number) }
    return [
      "box": [left, top, wide, high].map(text).joined(separator: " "), "title": title,
      "size": text(max(wide, high) / 60),
      "wards": outlines.map { ["path": $0.path, "isOwn": $0.code == ward] as [String: Any] },
      "dots": inside.map { dot, x, y in
        [
          "x": text(x), "y": text(y), "style": dot.style, "sign": Self.signs[dot.style] ?? "●", "title": dot.title,
          "href": dot.href,
        ]
      },
      "legend": legend.map { ["style": $0.style, "sign": Self.signs[$0.style] ?? "●", "label": $0.label] },
      "larger": larger, "smaller": smaller, "isCut": dots.count > Self.mostDots,
    ]
  }

  /// The ward's outline among its neighbours', where a hand points at a place; nil where there is no such ward.
  public func picker(ward: String, title: String, hint: String, larger: String, smaller: String) -> [String: Any]? {
    guard let box = outlines.first(where: { $0.code == ward })?.box else { return nil }
    let (left, top) = (Double(box.west) - Self.margin, Double(box.north) - Self.margin)
    let (wide, high) = (Double(box.east) + Self.margin - left, Double(box.south) + Self.margin - top)
    func text(_ number: Double) -> String { String(format: "%.1f", number) }
    return [
      "box": [left, top, wide, high].map(text).joined(separator: " "), "title": title, "hint": hint,
      "size": text(max(wide, high) / 60),
      "wards": outlines.map { ["path": $0.path, "isOwn": $0.code == ward] as [String: Any] },
      "west": "\(origin.longitude)", "north": "\(origin.latitude)", "across": "\(perDegree.longitude)",
      "up": "\(perDegree.latitude)", "larger": larger, "smaller": smaller,
    ]
  }

  /// What tells a dot from another without its colour.
  private static let signs = [
    "free": "○", "congestion": "△", "full": "✕", "open": "●", "shut": "·", "to-do": "!", "under-way": "◐", "done": "✓",
    "over": "–",
  ]
}
