import ChangeModel
import Desk
import Federation
import GRDB

/// The layers that the declared collections have, filled from a node's tables: what everybody may read, and nothing of people.
public enum SIP4DLayers {
  public struct Filled: Sendable {
    public var layer: Layer
    public var ward: String
    public var features: [SIP4DPackage.Feature]
    /// Rows without a place: a package has no room for them, and says how many there are.
    public var withoutPlace: Int
    /// Rows that lack what the model requires.
    public var incomplete: Int
  }

  /// - Parameter wards: code and name of those whose rows are wanted.
  public static func read(
    _ all: [Records], wards: [(code: String, name: String)], _ db: Database
  ) throws -> [Filled] {
    var filled: [Filled] = []
    for records in all {
      guard !records.isPersonal, let layer = records.layer, let place = records.place else { continue }
      for ward in wards {
        var one = Filled(layer: layer, ward: ward.code, features: [], withoutPlace: 0, incomplete: 0)
        let rows = try RowValues.all(
          records, "WHERE \"\(layer.ward.schema.name)\" = ?1 \(layer.rows) ORDER BY id LIMIT 20000", [ward.code], db)
        for row in rows {
          guard let latitude = row[place.latitude], let longitude = row[place.longitude] else {
            one.withoutPlace += 1
            continue
          }
          guard let properties = try properties(row, records, layer, ward, db) else {
            one.incomplete += 1
            continue
          }
          one.features.append(
            SIP4DPackage.Feature(properties: properties, latitude: latitude, longitude: longitude))
        }
        if !rows.isEmpty { filled.append(one) }
      }
    }
    return filled
  }

  private static func properties(
    _ row: RowValues, _ records: Records, _ layer: Layer, _ ward: (code: String, name: String), _ db: Database
  ) throws -> [(name: String, value: JSON)]? {
    var properties: [(String, JSON)] = [("citycode", .text(ward.code)), ("cityname", .text(ward.name))]
    for attribute in layer.attributes {
      let value = attribute.value(row) ?? .null
      guard value != .null || !attribute.isRequired else { return nil }
      properties.append((attribute.name, value))
    }
    properties.append(("rk_id", .text("\(row.id)")))
    let torn = try RowValues.conflicts(of: row.id, records, db).list.compactMap(\.text)
    properties.append((Layer.conflict, torn.isEmpty ? .null : .text(torn.joined(separator: ","))))
    return properties
  }
}
