import Causality
import ChangeModel
import Desk

/// 避難所・避難場所: facilities that people flee to. Column values are the words of the standards themselves (L-Alert's and
/// SIP4D's), so that the table reads as an officer speaks.
public enum Shelter {
  public static let ward = Field.ward(1, "ward", of: .first, "区市町村コード", "Municipality code")
  public static let name = Field.text(2, "name", 400, "名称", "Name")
  public static let kana = Field.text(3, "kana", 400, "名称カナ", "Kana")
  public static let englishName = Field.text(4, "name_en", 400, "名称英字", "English name")
  public static let address = Field.text(5, "address", 400, "所在地", "Address")
  public static let latitude = Field.number(6, "latitude", Numbers.latitudes, "緯度", "Latitude")
  public static let longitude = Field.number(7, "longitude", Numbers.longitudes, "経度", "Longitude")
  public static let elevation = Field.number(8, "elevation", -100...4_000, "標高", "Elevation")
  public static let phone = Field.text(9, "phone", 60, "電話番号", "Phone")
  public static let designations = SetField(
    10, "designations", of: .choice(ShelterDesignation.choices), atMost: 10, "指定", "Designations")
  public static let hazards = SetField(11, "hazards", of: .choice(Hazard.choices), atMost: 20, "対象災害", "Hazards")
  public static let accepts = Field.text(12, "accepts", 400, "受入対象者", "Accepts")
  public static let capacity = Field.integer(13, "capacity", 0...10_000_000, "想定収容人数", "Capacity")
  public static let commonIDs = SetField(14, "common_ids", of: .text(60), atMost: 20, "共通ID", "Common IDs")
  public static let source = Field.text(15, "source", 400, "出典", "Source")
  public static let status = Field<ShelterStatus>.word(16, "status", "開設状況", "Status")
  public static let crowding = Field<ShelterCrowding>.word(17, "crowding", "混雑状況", "Crowding")
  public static let needs = SetField(19, "needs", of: .text(60), atMost: 100, "必要な物資", "Needs")
  public static let notes = LogField(20, "notes", 2_000, "記録", "Notes")
  public static let accessibility = SetField(
    21, "accessibility", of: .text(60), atMost: 20, "バリアフリー", "Accessibility")
  public static let neighbourhoods = SetField(
    22, "neighbourhoods", of: .text(100), atMost: 200, "対象町会", "Neighbourhoods")
  public static let postalCode = Field.text(23, "postal_code", 20, "郵便番号", "Postal code")
  public static let url = Field.text(24, "url", 2_000, "URL", "URL")
  public static let remarks = Field.text(25, "remarks", 2_000, "備考", "Remarks")
  public static let localID = Field.text(26, "local_id", 100, "自治体ID", "Municipality's ID")
  public static let facility = Field<FacilityKind>.word(27, "facility", "施設区分", "Kind of facility")
  /// For people, in square metres.
  public static let area = Field.number(28, "area", 0...1_000_000, "避難スペース面積", "Floor area, m²")
  public static let staff = Field.integer(29, "staff", 0...100_000, "運営職員数", "Staff")
  public static let toilets = Field.integer(30, "toilets", 0...10_000, "使えるトイレ数", "Toilets")
  public static let openedAt = Field.time(31, "opened_at", "開設日時", "Opened at")
  public static let closedAt = Field.time(32, "closed_at", "閉鎖日時", "Closed at")
  /// What was last counted: two desks that counted different numbers at once show as a conflict.
  public static let counted = Field.integer(33, "counted", Numbers.people, "最後に数えた人数", "Last head count")
  public static let countedAt = Field.time(34, "counted_at", "数えた日時", "Counted at")
  /// What lists said when they were last taken in (`ListMemory`): what a clerk corrected since is told from what a list changed.
  public static let listed = SetField(40, "listed", of: .text(3_000), atMost: 500, "一覧の値", "What lists said")
  /// Of whose comings and goings the count knew.
  public static let countSeen = Field.bytes(35, "count_seen", "数えたときに知っていた増減", "Changes known to the count")
  /// When somebody last told how it is, as it was entered: comings and goings, crowding, needs. How old the figures are, and
  /// whether a later count knew of a coming or going.
  public static let changedAt = Field.time(36, "changed_at", "様子を伝えた日時", "Told at")
  public static let occupancy = CounterField(
    18, "occupancy", "避難者数", "Occupancy",
    counting: Counting(counted, at: countedAt, seen: countSeen, changed: changedAt))

  public static let records = Records(
    10, "shelters", "避難所", "Shelter", lane: .life,
    // What somebody passing by can report of another ward's shelter; whether it is open, and what it is, its ward says.
    law: .keptByWard(open: [
      crowding.number, occupancy.number, needs.number, notes.number, counted.number, countedAt.number,
      countSeen.number, changedAt.number,
    ]), reader: .roles(.staff, at: .itself),
    fields: [
      name, status, crowding, occupancy, capacity, ward, address, needs, notes, designations, hazards, accepts,
      accessibility, latitude, longitude, elevation, phone, kana, englishName, neighbourhoods, postalCode, url, remarks,
      commonIDs, localID, source, facility, area, staff, toilets, openedAt, closedAt, counted, countedAt, countSeen,
      changedAt, listed,
    ],
    title: [name],
    settledFreely: [name, kana, address, phone, remarks, capacity, area, toilets, crowding],
    isEverybodys: true, takesOwnItems: true, place: Place(latitude, longitude),
    // What the standard list of shelters has, and how they are now. What a shelter needs, and who works there, is not for all.
    published: [
      name, kana, englishName, status, crowding, capacity, ward, address, postalCode, designations, hazards, accepts,
      accessibility, latitude, longitude, elevation, url, commonIDs, localID, facility, openedAt, closedAt,
    ], hidden: [countSeen, changedAt, listed], indexes: [[ward]], layer: layer)

  private static let layer = Layer(
    "01-001-01", "避難所", category: "避難", ward: ward,
    [
      .init("id", "ID") { shelter in .text(shelter[commonIDs].first ?? "\(shelter.id)") },
      .init("eststts", "開設状況", .words(ShelterStatus.choices), required: true) {
        .text(($0[status] ?? .unknown).code)
      },
      .init("name", "施設名称", required: true) { JSON($0[name]) }, .init("namekana", "施設名称(かな)") { JSON($0[kana]) },
      .init("phoneno", "電話番号") { JSON($0[phone]) }, .init("address", "住所") { JSON($0[address]) },
      .init("height", "標高") { $0[elevation].map { .text("\($0)") } },
      .init("capacity", "収容人数", .integer) { JSON($0[capacity].map { max(0, $0) }) },
      .init("crowdstts", "混雑状況", .words(ShelterCrowding.choices)) { $0[crowding].map { .text($0.code) } },
      .init("evacueeno", "避難者数", .integer) { .integer(max(0, $0[occupancy])) },
      .init("starttime", "開設日時", .time) { $0[openedAt].map { .text(JapaneseDay.local($0)) } },
      .init("endtime", "閉鎖日時", .time) { $0[closedAt].map { .text(JapaneseDay.local($0)) } },
      .init("remarks", "備考") { JSON($0[remarks]) },
    ])
}
