import ChangeModel
import Foundation
import Sodium

/// How two rows are known to be one facility. A name is not a key: 世田谷区 has two 瀬田小学校 sites, and one school is
/// written in three ways.
struct FacilityKey: Hashable {
  var ward: String
  var name: String

  init(ward: String, name: String) {
    self.ward = ward
    self.name = Self.normalised(name)
  }

  /// NFKC, without white space: full-width and half-width forms of one name are one.
  static func normalised(_ text: String) -> String {
    String(text.precomposedStringWithCompatibilityMapping.unicodeScalars.filter { !$0.properties.isWhitespace })
  }

  /// An address without its prefecture and municipality, with one kind of hyphen and digit.
  static func normalisedAddress(_ address: String) -> String {
    var text = normalised(address)
    if let ward = text.range(of: "区"), text.distance(from: text.startIndex, to: ward.lowerBound) < 10 {
      text = String(text[ward.upperBound...])
    }
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
    return RowID(derivedFrom: blake2b([UInt8](parts.joined(separator: "\u{1f}").utf8)).prefix, ward: ward)
  }
}
