import ChangeModel
import Desk
import GRDB

/// The facilities that are in the table, by what a list may know them by.
struct KnownFacilities {
  struct Facility {
    var row: RowID
    var name: String
    /// As it is here, and as lists have said.
    var sites: [FacilityKey.Site]
    /// The kinds of common ID that it has: one facility has one of each kind.
    var commonIDs: Set<String>

    /// Nil where what is known of the two cannot be compared.
    func isSamePlace(as record: ShelterRecord) -> Bool? {
      if let id = record.commonID, commonIDs.contains(where: { KnownFacilities.kind($0) == KnownFacilities.kind(id) }) {
        return commonIDs.contains(id)
      }
      let answers = sites.map { $0.isSame(as: record.site) }
      return answers.contains(true) ? true : answers.contains(nil) ? nil : false
    }
  }

  /// A number that lists of a ward give: each its own, so that several may have one.
  private struct Number: Hashable {
    var ward: String
    var text: String
  }

  private var all: [RowID: Facility] = [:]
  private var byCommonID: [String: RowID] = [:]
  private var byName: [FacilityKey: [RowID]] = [:]
  private var byNumber: [Number: [RowID]] = [:]
  private var byAddress: [FacilityKey: [RowID]] = [:]

  init() {}

  init(_ db: Database) throws {
    for shelter in try RowValues.all(Shelter.records, "ORDER BY id", [], db) {
      guard let ward = shelter[Shelter.ward], let name = shelter[Shelter.name] else { continue }
      let memory = ListMemory(shelter[Shelter.listed])
      var facility = Facility(
        row: shelter.id, name: name,
        sites: [
          .init(
            address: shelter[Shelter.address], latitude: shelter[Shelter.latitude],
            longitude: shelter[Shelter.longitude])
        ], commonIDs: Set(shelter[Shelter.commonIDs]))
      facility.sites += memory.texts(Shelter.address).map { .init(address: $0, latitude: nil, longitude: nil) }
      // A clerk's word for it is no other facility.
      for name in [name] + memory.texts(Shelter.name) { insert(facility, named: name, ward) }
      if let number = shelter[Shelter.localID] {
        byNumber[Number(ward: ward, text: number), default: []].append(shelter.id)
      }
    }
  }

  subscript(row: RowID) -> Facility? { all[row] }

  /// Of its name.
  func named(_ record: ShelterRecord) -> [Facility] {
    (byName[FacilityKey(ward: record.ward, name: record.name)] ?? []).compactMap { all[$0] }
  }

  /// By its common ID.
  func known(_ record: ShelterRecord) -> Facility? { record.commonID.flatMap { byCommonID[$0] }.flatMap { all[$0] } }

  /// By the number that the list gives it.
  func numbered(_ record: ShelterRecord) -> [Facility] {
    (record.localID.flatMap { byNumber[Number(ward: record.ward, text: $0)] } ?? []).compactMap { all[$0] }
  }

  /// Under other names at the same address.
  func neighbours(_ record: ShelterRecord) -> [Facility] {
    (byAddress[FacilityKey(ward: record.ward, name: record.site.address)] ?? []).compactMap { all[$0] }
  }

  mutating func add(_ record: ShelterRecord, _ row: RowID) {
    insert(
      Facility(row: row, name: record.name, sites: [record.site], commonIDs: record.commonID.map { [$0] } ?? []),
      named: record.name, record.ward)
    guard let number = record.localID.map({ Number(ward: record.ward, text: $0) }) else { return }
    if byNumber[number]?.contains(row) != true { byNumber[number, default: []].append(row) }
  }

  private mutating func insert(_ facility: Facility, named name: String, _ ward: String) {
    for id in facility.commonIDs { byCommonID[id] = facility.row }
    let key = FacilityKey(ward: ward, name: name)
    if byName[key]?.contains(facility.row) != true { byName[key, default: []].append(facility.row) }
    if all[facility.row] != nil {
      all[facility.row]!.commonIDs.formUnion(facility.commonIDs)
      return
    }
    all[facility.row] = facility
    for address in Set(facility.sites.map(\.address)) where !address.isEmpty {
      byAddress[FacilityKey(ward: ward, name: address), default: []].append(facility.row)
    }
  }

  /// The type digits of a common ID: 11 shelter, 12 welfare shelter, 20 emergency site.
  static func kind(_ commonID: String) -> Substring { commonID.dropFirst(11).prefix(2) }
}

extension ShelterRecord {
  var site: FacilityKey.Site { .init(address: address, latitude: latitude, longitude: longitude) }
}
