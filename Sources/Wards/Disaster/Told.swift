import Causality
import ChangeModel
import Desk

/// What every row of the matrix says besides: of which disaster it is, whose ward it is, who entered it and when; and of what
/// was seen in the world, when and by whose word.
enum Told {
  static let disaster = Field.row(90, "disaster", of: "disasters", "災害", "Disaster").aside
  static let ward = Field.ward(91, "ward", of: .first, "区", "Ward")
  static let by = Field.user(92, "told_by", "登録者", "Entered by").aside
  static let at = Field.time(93, "told_at", "登録日時", "Entered at").aside
  static let observedAt = Field.time(94, "observed_at", "確認日時", "Seen at")
  static let source = Field.text(95, "source", 200, "出典", "Source").aside

  static let fields: [any AnyField] = [ward, by, at, disaster]
  static let seen: [any AnyField] = [observedAt, source] + fields
  static let asked = [observedAt.asked, source.asked]
  static let stamps: [Stamp] = [
    .ward(ward), .user(by), .now(at),
    .found(disaster) { desk in try? desk.read { try Disasters.current(for: desk.ward, $0)?.id } },
  ]
  static let seenStamps = stamps + [.nowUnlessGiven(observedAt)]
  static let own = Condition.own(ward)

  /// What leaves a desk is decided by somebody else than who wrote it; whoever decides alone says why.
  static func decides(_ desk: Desk, on record: RowValues?, alone: Field<String>) throws {
    guard record?[by] != desk.inquiry.user.name || desk.given.text(alone.name) != nil else {
      throw Fault.refused(
        alone.name, ja: "案を書いた本人です。別の人が決裁するか、単独決裁の理由を入れてください",
        en: "you wrote it: somebody else decides, or say why you alone do")
    }
  }
}

/// Where something lies, for those registers that are on a map.
enum Spot {
  static let latitude = Field.number(80, "latitude", Numbers.latitudes, "緯度", "Latitude")
  static let longitude = Field.number(81, "longitude", Numbers.longitudes, "経度", "Longitude")
  static let fields: [any AnyField] = [latitude, longitude]
  static let asked = [latitude.asked, longitude.asked]
  static let place = Place(latitude, longitude)
}
