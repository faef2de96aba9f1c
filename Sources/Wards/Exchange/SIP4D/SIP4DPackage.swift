import Desk
import Sodium

/// One layer as a SIP4D-ZIP 1.1 package holds it: three files, flat, UTF-8 without a mark.
///
/// Source: JSA-S1016:2023; what public checkers take and should not, `SIP4DCheck` refuses.
public struct SIP4DPackage: Sendable {
  public struct Feature: Sendable {
    public var properties: [(name: String, value: JSON)]
    public var latitude: Double
    public var longitude: Double

    public init(properties: [(name: String, value: JSON)], latitude: Double, longitude: Double) {
      (self.properties, self.latitude, self.longitude) = (properties, latitude, longitude)
    }
  }

  /// What stands in the package's own description.
  public struct About: Sendable {
    public var ward: (code: String, name: String)
    public var disaster: String
    public var revision: Int
    /// Of the federation, by its genesis alone: no form, parameter or setting says so.
    public var isDrill: Bool
    /// Local time without a zone: `2026-11-30T13:45:00`.
    public var at: String
    /// What is left out, and until when what is known.
    public var note: String
    public var contact: String

    public init(
      ward: (code: String, name: String), disaster: String, revision: Int, isDrill: Bool, at: String, note: String,
      contact: String
    ) {
      (self.ward, self.disaster, self.revision, self.isDrill) = (ward, disaster, revision, isDrill)
      (self.at, self.note, self.contact) = (at, note, contact)
    }
  }

  public struct File: Sendable {
    public var name: String
    public var bytes: [UInt8]
  }

  public let files: [File]

  /// The municipality's code and name, which every model has.
  static let municipality = [("citycode", "市区町村コード"), ("cityname", "市区町村名")]
  static let own = [("rk_id", "連携の行番号"), (Layer.conflict, "食い違いのある項目")]

  public init(_ layer: Layer, _ features: [Feature], _ about: About) {
    let name = "\(about.ward.code)_\(layer.code)"
    files = [
      File(name: "sip4d_zip_meta.json", bytes: Self.meta(layer, about, file: "\(name).geojson")),
      File(name: "\(name).geojson", bytes: Self.geoJSON(features)),
      File(name: "\(name)_columns.json", bytes: Self.columns(layer)),
    ]
  }

  private static func meta(_ layer: Layer, _ about: About, file: String) -> [UInt8] {
    let mark = about.isDrill ? DrillMark.word : ""
    let identity = [about.ward.code, layer.code, about.disaster].joined(separator: "\u{1f}")
    let contact: JSON = ["name": .text("\(about.ward.name)災害対策本部"), "e-mail": .text(about.contact)]
    let meta: JSON = [
      "version": "1.1", "title": .text(mark + layer.title), "ttid": .text(uuid(identity)), "code": .text(layer.code),
      "category": .text(layer.category), "tags": [], "format": "SIP4D-ZIP", "payload_type": "VECTOR",
      "updated": .text(about.at), "information_date": .text(about.at), "author": contact, "maintainer": contact,
      "disaster": ["name": .text(mark + about.disaster), "report": JSON(min(max(about.revision, 0), 9_999))],
      "lgcode": .list([.text(about.ward.code)]), "openflg": "災害対応機関のみ公開可能", "testflg": about.isDrill ? "訓練" : "通常",
      "character": "UTF-8", "license_id": "other-closed", "license_note": "", "credit": [], "remark": "",
      "note": .text(about.note), "entry_num": 1,
      "entry": [
        ["type": "GeoJSON", "title": .text(mark + layer.title), "file": .text(file), "updated": .text(about.at)]
      ],
    ]
    return meta.bytes
  }

  /// A name for one ward's layer in one disaster: the same from whichever node, and from none other.
  private static func uuid(_ text: String) -> String {
    var bytes = Array(blake2b([UInt8]("renkei sip4d 1\u{1f}\(text)".utf8)).bytes.prefix(16))
    // RFC 9562, version 8: an application's own.
    bytes[6] = bytes[6] & 0x0f | 0x80
    bytes[8] = bytes[8] & 0x3f | 0x80
    let digits = bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    var rest = Substring(digits)
    return [8, 4, 4, 4, 12].map { count in
      defer { rest = rest.dropFirst(count) }
      return String(rest.prefix(count))
    }.joined(separator: "-")
  }

  private static func columns(_ layer: Layer) -> [UInt8] {
    let all: [(name: String, ja: String, kind: Layer.Kind)] =
      municipality.map { ($0.0, $0.1, .text) } + layer.attributes.map { ($0.name, $0.ja, $0.kind) }
      + own.map { ($0.0, $0.1, .text) }
    let columns = all.map { column -> JSON in
      var members: [String: JSON] = [
        "name": .text(column.name), "jname": .text(column.ja), "connid": .text(column.name), "show": true,
        "description": .text(column.ja),
      ]
      switch column.kind {
      case .text: members["type"] = "String"
      case .integer: members["type"] = "Integer"
      case .number: members["type"] = "Double"
      case .time: members["type"] = "Datetime"
      case .words(let choices):
        members["type"] = "List"
        members["num_key"] = JSON(choices.count)
        members["key_list"] = .list(choices.map { .text($0.code) })
        members["value_list"] = .list(choices.map { .text($0.word) })
        members["conn_attr_list"] = .list(choices.map { .text($0.code) })
      }
      return .object(members)
    }
    let all0: JSON = [
      "version": "1", "code": .text(layer.code), "num_column": JSON(columns.count), "columns": .list(columns),
    ]
    return all0.bytes
  }

  /// Numbers that are no counts always with a decimal point: readers take `139` for something else than `139.0`.
  private static func geoJSON(_ features: [Feature]) -> [UInt8] {
    var text = #"{"type":"FeatureCollection","features":["#
    for (index, feature) in features.enumerated() {
      if index > 0 { text += "," }
      text += #"{"type":"Feature","geometry":{"type":"Point","coordinates":["#
      text += "\(feature.longitude),\(feature.latitude)]},\"properties\":{"
      text += feature.properties.map { name, value in
        let shown =
          if case .real(let number) = value { "\(number)" } else { String(decoding: value.bytes, as: UTF8.self) }
        return "\"\(name)\":\(shown)"
      }.joined(separator: ",")
      text += "}}"
    }
    return [UInt8]((text + "]}").utf8)
  }
}
