import Desk

/// What a facility serves as in a disaster.
public enum FacilityKind: String, Word {
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
public enum ShelterStatus: String, Word {
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

}

/// How full a shelter is: L-Alert's `Status`, SIP4D's `crowdstts`.
public enum ShelterCrowding: String, Word {
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

}

/// What a facility is designated as, by the Disaster Countermeasures Basic Act, articles 49-4 and 49-7.
public enum ShelterDesignation: String, Word {
  case emergencySite = "指定緊急避難場所"
  case shelter = "指定避難所"
  case welfareShelter = "福祉避難所"

  public var code: String {
    switch self {
    case .emergencySite: "emergency-site"
    case .shelter: "shelter"
    case .welfareShelter: "welfare-shelter"
    }
  }
}

/// The eight kinds of disaster of the standard data set.
public enum Hazard: String, Word {
  case flood = "洪水"
  case landslide = "崖崩れ、土石流及び地滑り"
  case stormSurge = "高潮"
  case earthquake = "地震"
  case tsunami = "津波"
  case fire = "大規模な火事"
  case inlandFlood = "内水氾濫"
  case volcano = "火山現象"

  public var code: String {
    switch self {
    case .flood: "flood"
    case .landslide: "landslide"
    case .stormSurge: "storm-surge"
    case .earthquake: "earthquake"
    case .tsunami: "tsunami"
    case .fire: "fire"
    case .inlandFlood: "inland-flood"
    case .volcano: "volcano"
    }
  }
}
