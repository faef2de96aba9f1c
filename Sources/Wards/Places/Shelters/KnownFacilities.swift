import ChangeModel
import Foundation
import GRDB

/// The facilities that are in the table, by what a list may know them by.
struct KnownFacilities {
  struct Candidate {
    var row: RowID
    var address: String
    var position: (latitude: Double, longitude: Double)?
    /// The kinds of common ID that it has: one facility has one of each kind.
    var commonIDs: Set<String>

    func isSamePlace(as record: ShelterRecord) -> Bool {
      if let id = record.commonID, commonIDs.contains(where: { KnownFacilities.kind($0) == KnownFacilities.kind(id) }) {
        return commonIDs.contains(id)
      }
      if let address = record.address, !self.address.isEmpty, FacilityKey.normalisedAddress(address) == self.address {
        return true
      }
      guard let position, let latitude = record.latitude, let longitude = record.longitude else { return false }
      return KnownFacilities.metres(position, (latitude, longitude)) <= ShelterImport.sameSiteMetres
    }
  }

  var byCommonID: [String: RowID] = [:]
  var byKey: [FacilityKey: [Candidate]] = [:]

  init() {}

  init(_ db: Database) throws {
    let rows = try Row.fetchCursor(
      db, sql: "SELECT id, ward, name, address, latitude, longitude, common_ids FROM shelters ORDER BY id")
    while let row = try rows.next() {
      guard let id = Int64.fromDatabaseValue(row["id"]), let ward = String.fromDatabaseValue(row["ward"]),
        let name = String.fromDatabaseValue(row["name"])
      else { continue }
      let list = String.fromDatabaseValue(row["common_ids"]) ?? "[]"
      let commonIDs = (try? JSONDecoder().decode([String].self, from: Data(list.utf8))) ?? []
      let position: (Double, Double)?
      if let latitude = Double.fromDatabaseValue(row["latitude"]),
        let longitude = Double.fromDatabaseValue(row["longitude"])
      {
        position = (latitude, longitude)
      } else {
        position = nil
      }
      insert(
        RowID(rawValue: id), ward: ward, name: name, address: String.fromDatabaseValue(row["address"]),
        position: position,
        commonIDs: commonIDs)
    }
  }

  mutating func add(_ record: ShelterRecord, _ row: RowID) {
    let position = record.latitude.flatMap { latitude in record.longitude.map { (latitude, $0) } }
    insert(
      row, ward: record.ward, name: record.name, address: record.address, position: position,
      commonIDs: record.commonID.map { [$0] } ?? [])
  }

  private mutating func insert(
    _ row: RowID, ward: String, name: String, address: String?, position: (Double, Double)?, commonIDs: [String]
  ) {
    for id in commonIDs { byCommonID[id] = row }
    let key = FacilityKey(ward: ward, name: name)
    if let index = byKey[key]?.firstIndex(where: { $0.row == row }) {
      byKey[key]![index].commonIDs.formUnion(commonIDs)
      return
    }
    byKey[key, default: []].append(
      Candidate(
        row: row, address: address.map(FacilityKey.normalisedAddress) ?? "", position: position.map { ($0.0, $0.1) },
        commonIDs: Set(commonIDs)))
  }

  /// The type digits of a common ID: 11 shelter, 12 welfare shelter, 20 emergency site.
  static func kind(_ commonID: String) -> Substring { commonID.dropFirst(11).prefix(2) }

  static func metres(_ a: (latitude: Double, longitude: Double), _ b: (latitude: Double, longitude: Double)) -> Double {
    let shrink = cos(a.latitude * .pi / 180)
    let (dy, dx) = ((a.latitude - b.latitude) * 111_195, (a.longitude - b.longitude) * 111_195 * shrink)
    return (dx * dx + dy * dy).squareRoot()
  }
}
