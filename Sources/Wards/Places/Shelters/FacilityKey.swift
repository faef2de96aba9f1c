import ChangeModel
import Desk
import Foundation
import Sodium

/// How two rows are known to be one facility. A name is not a key: 世田谷区 has two 瀬田小学校 sites, and one school is
/// written in three ways.
struct FacilityKey: Hashable {
  var ward: String
  var name: String

  init(ward: String, name: String) {
    self.ward = ward
    self.name = PlaceKey.of(name)
  }

  /// Where a facility lies, as far as a list or a clerk says.
  struct Site: Hashable, Sendable {
    /// Its address without prefecture and municipality, by `PlaceKey`; empty where none is known.
    var address: String
    var latitude: Double?
    var longitude: Double?

    init(address: String?, latitude: Double?, longitude: Double?) {
      self.address = address.map { PlaceKey.ofAddress(FacilityKey.withoutWard(FacilityKey.normalised($0))) } ?? ""
      (self.latitude, self.longitude) = (latitude, longitude)
    }

    var isUnknown: Bool { address.isEmpty && (latitude == nil || longitude == nil) }

    /// Nil where what is known of them cannot be compared.
    func isSame(as other: Site) -> Bool? {
      // One of two may leave the town out: 見本1-2-3 and 1-2-3.
      let (short, long) = address.count < other.address.count ? (address, other.address) : (other.address, address)
      let isEnd = short.contains("-") && long.hasSuffix(short) && long.dropLast(short.count).last?.isNumber == false
      if !short.isEmpty, short == long || isEnd { return true }
      if let metres = metres(to: other) { return metres <= ShelterImport.sameSiteMetres }
      return short.isEmpty ? nil : false
    }

    private func metres(to other: Site) -> Double? {
      guard let latitude, let longitude, let there = other.latitude, let far = other.longitude else { return nil }
      let shrink = cos(latitude * .pi / 180)
      let (dy, dx) = ((latitude - there) * 111_195, (longitude - far) * 111_195 * shrink)
      return (dx * dx + dy * dy).squareRoot()
    }
  }

  /// NFKC, without white space: full-width and half-width forms of one name are one.
  static func normalised(_ text: String) -> String {
    String(text.precomposedStringWithCompatibilityMapping.unicodeScalars.filter { !$0.properties.isWhitespace })
  }

  private static func withoutWard(_ text: String) -> String {
    guard let ward = text.range(of: "区"), text.distance(from: text.startIndex, to: ward.lowerBound) < 10 else {
      return text
    }
    return String(text[ward.upperBound...])
  }

  /// An address without its prefecture and municipality, with one kind of hyphen and digit: what the ids of rows are made of, and so never to be changed.
  static func normalisedAddress(_ address: String) -> String {
    var text = withoutWard(normalised(address))
    for (from, to) in [("丁目", "-"), ("番地", "-"), ("番", "-"), ("号", ""), ("−", "-"), ("‐", "-"), ("―", "-"), ("ー", "-")]
    {
      text = text.replacingOccurrences(of: from, with: to)
    }
    return text.trimmingCharacters(in: CharacterSet(charactersIn: "-"))
  }

  /// The id of a new row for a facility of a ward: the same on every node of it that imports the same list, cut off or not.
  static func rowID(_ record: ShelterRecord, ward: UInt32, discriminator: String) -> RowID {
    let parts = [
      "shelter", record.ward, normalised(record.name), normalisedAddress(record.address ?? ""), discriminator,
    ]
    return RowID(key: parts, ward: ward)
  }
}
