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

  private struct Outline: Sendable {
    var code: String
    var name: String
    var path: String
    var office: (x: Int, y: Int)
  }

  private static let width = 720.0
  private let outlines: [Outline]
  private let height: Int

  public init(_ topology: Topology, _ language: Language) {
    let points = topology.wards.flatMap { $0.outline.joined() } + topology.wards.map(\.office)
    let (west, east) = (points.map(\.longitude).min() ?? 0, points.map(\.longitude).max() ?? 1)
    let (south, north) = (points.map(\.latitude).min() ?? 0, points.map(\.latitude).max() ?? 1)
    // A degree of longitude is shorter by the cosine of the latitude: true enough over a city.
    let squeeze = cos((south + north) / 2 * .pi / 180)
    let scale = Self.width / max((east - west) * squeeze, 1e-9)
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
      return Outline(
        code: ward.code, name: language == .japanese ? String(ward.name.dropLast()) : ward.romaji,
        path: path.joined(), office: place(ward.office))
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
}
