import ChangeModel

/// The collection of shelters and emergency sites. Column values are the words of the standards themselves
/// (L-Alert's and SIP4D's), so that the table reads as an officer speaks.
public enum ShelterSchema {
  public enum Field {
    public static let ward: UInt32 = 1
    public static let name: UInt32 = 2
    public static let kana: UInt32 = 3
    public static let englishName: UInt32 = 4
    public static let address: UInt32 = 5
    public static let latitude: UInt32 = 6
    public static let longitude: UInt32 = 7
    public static let elevation: UInt32 = 8
    public static let phone: UInt32 = 9
    public static let designations: UInt32 = 10
    public static let hazards: UInt32 = 11
    public static let accepts: UInt32 = 12
    public static let capacity: UInt32 = 13
    public static let commonIDs: UInt32 = 14
    public static let source: UInt32 = 15
    public static let status: UInt32 = 16
    public static let crowding: UInt32 = 17
    public static let occupancy: UInt32 = 18
    public static let needs: UInt32 = 19
    public static let notes: UInt32 = 20
    public static let accessibility: UInt32 = 21
    public static let neighbourhoods: UInt32 = 22
    public static let postalCode: UInt32 = 23
    public static let url: UInt32 = 24
    public static let remarks: UInt32 = 25
    public static let localID: UInt32 = 26
    public static let facility: UInt32 = 27
    public static let area: UInt32 = 28
    public static let staff: UInt32 = 29
    public static let toilets: UInt32 = 30
    public static let openedAt: UInt32 = 31
    public static let closedAt: UInt32 = 32
    public static let counted: UInt32 = 33
    public static let countedAt: UInt32 = 34
  }

  public static let shelters = CollectionSchema(
    10, "shelters", lane: .life,
    // What somebody passing by can report of another ward's shelter; whether it is open, and what it is, its ward says.
    openFields: [Field.crowding, Field.occupancy, Field.needs, Field.notes, Field.counted, Field.countedAt],
    fields: [
      FieldSchema(Field.name, "name", ja: "名称", en: "Name"),
      FieldSchema(Field.status, "status", ja: "開設状況", en: "Status"),
      FieldSchema(Field.crowding, "crowding", ja: "混雑状況", en: "Crowding"),
      FieldSchema(Field.occupancy, "occupancy", .counter, .integer, ja: "避難者数", en: "Occupancy"),
      FieldSchema(Field.capacity, "capacity", .register, .integer, ja: "想定収容人数", en: "Capacity"),
      FieldSchema(Field.ward, "ward", ja: "区市町村コード", en: "Municipality code"),
      FieldSchema(Field.address, "address", ja: "所在地", en: "Address"),
      FieldSchema(Field.needs, "needs", .set, .text, ja: "必要な物資", en: "Needs"),
      FieldSchema(Field.notes, "notes", .log, .text, ja: "記録", en: "Notes"),
      FieldSchema(Field.designations, "designations", .set, .text, ja: "指定", en: "Designations"),
      FieldSchema(Field.hazards, "hazards", .set, .text, ja: "対象災害", en: "Hazards"),
      FieldSchema(Field.accepts, "accepts", ja: "受入対象者", en: "Accepts"),
      FieldSchema(Field.accessibility, "accessibility", .set, .text, ja: "バリアフリー", en: "Accessibility"),
      FieldSchema(Field.latitude, "latitude", .register, .real, ja: "緯度", en: "Latitude"),
      FieldSchema(Field.longitude, "longitude", .register, .real, ja: "経度", en: "Longitude"),
      FieldSchema(Field.elevation, "elevation", .register, .real, ja: "標高", en: "Elevation"),
      FieldSchema(Field.phone, "phone", ja: "電話番号", en: "Phone"),
      FieldSchema(Field.kana, "kana", ja: "名称カナ", en: "Kana"),
      FieldSchema(Field.englishName, "name_en", ja: "名称英字", en: "English name"),
      FieldSchema(Field.neighbourhoods, "neighbourhoods", .set, .text, ja: "対象町会", en: "Neighbourhoods"),
      FieldSchema(Field.postalCode, "postal_code", ja: "郵便番号", en: "Postal code"),
      FieldSchema(Field.url, "url", ja: "URL", en: "URL"),
      FieldSchema(Field.remarks, "remarks", ja: "備考", en: "Remarks"),
      FieldSchema(Field.commonIDs, "common_ids", .set, .text, ja: "共通ID", en: "Common IDs"),
      FieldSchema(Field.localID, "local_id", ja: "自治体ID", en: "Municipality's ID"),
      FieldSchema(Field.source, "source", ja: "出典", en: "Source"),
      FieldSchema(Field.facility, "facility", ja: "施設区分", en: "Kind of facility"),
      FieldSchema(Field.area, "area", .register, .real, ja: "避難スペース面積", en: "Floor area"),
      FieldSchema(Field.staff, "staff", .register, .integer, ja: "運営職員数", en: "Staff"),
      FieldSchema(Field.toilets, "toilets", .register, .integer, ja: "使えるトイレ数", en: "Toilets"),
      FieldSchema(Field.openedAt, "opened_at", .register, .integer, ja: "開設日時", en: "Opened at"),
      FieldSchema(Field.closedAt, "closed_at", .register, .integer, ja: "閉鎖日時", en: "Closed at"),
      // What was last counted: two desks that counted at once show as a conflict, since their changes have added up.
      FieldSchema(Field.counted, "counted", .register, .integer, ja: "最後に数えた人数", en: "Last head count"),
      FieldSchema(Field.countedAt, "counted_at", .register, .integer, ja: "数えた日時", en: "Counted at"),
    ])
}

/// What a facility serves as in a disaster.
public enum FacilityKind: String, CaseIterable, Sendable {
  case shelter = "避難所"
  /// For those who cannot get home: Tokyo's ordinance on stranded persons.
  case stranded = "一時滞在施設"
  case welfare = "福祉避難所"
  case emergencySite = "避難場所"

  public var code: String {
    switch self {
    case .shelter: "shelter"
    case .stranded: "temporary-stay"
    case .welfare: "welfare-shelter"
    case .emergencySite: "emergency-site"
    }
  }
}

/// Whether a shelter is open: L-Alert's `Sort`, SIP4D-ZIP 01-001-01's `eststts`.
public enum ShelterStatus: String, CaseIterable, Sendable {
  case notOpen = "未開設"
  case open = "開設"
  case closed = "閉鎖"
  case permanent = "常設"
  case unknown = "不明"
  case other = "その他"

  /// SIP4D's code.
  public var code: String {
    switch self {
    case .notOpen: "notopen"
    case .open: "open"
    case .closed: "close"
    case .permanent: "permanent"
    case .unknown: "unknown"
    case .other: "other"
    }
  }

  /// From the word or the code.
  public init?(_ text: String) {
    guard let match = Self.allCases.first(where: { $0.rawValue == text || $0.code == text }) else { return nil }
    self = match
  }
}

/// How full a shelter is: L-Alert's `Status`, SIP4D's `crowdstts`.
public enum ShelterCrowding: String, CaseIterable, Sendable {
  case free = "空き"
  case congested = "混雑"
  case full = "定員一杯"
  case unknown = "不明"

  public var code: String {
    switch self {
    case .free: "free"
    case .congested: "congestion"
    case .full: "full"
    case .unknown: "unknown"
    }
  }

  public init?(_ text: String) {
    guard let match = Self.allCases.first(where: { $0.rawValue == text || $0.code == text }) else { return nil }
    self = match
  }
}

/// What a facility is designated as, by the Disaster Countermeasures Basic Act, articles 49-4 and 49-7.
public enum ShelterDesignation: String, CaseIterable, Sendable {
  case emergencySite = "指定緊急避難場所"
  case shelter = "指定避難所"
  case welfareShelter = "福祉避難所"
}

/// The eight kinds of disaster of the standard data set.
public enum Hazard: String, CaseIterable, Sendable {
  case flood = "洪水"
  case landslide = "崖崩れ、土石流及び地滑り"
  case stormSurge = "高潮"
  case earthquake = "地震"
  case tsunami = "津波"
  case fire = "大規模な火事"
  case inlandFlood = "内水氾濫"
  case volcano = "火山現象"
}
