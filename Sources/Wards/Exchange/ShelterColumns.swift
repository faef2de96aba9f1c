import Foundation
import Places

/// What a column of a shelter list means, by its name. All published layouts are read through this one table; a list
/// is known by the names in its header, never by their order or the line on which they stand.
enum ShelterColumn: Hashable {
  case name, kana, englishName, address, latitude, longitude, elevation, phone, capacity, accepts, localID, commonID
  case postalCode, url, remarks, neighbourhoods, building
  /// The municipality: best the code, else its name.
  case wardCode, wardName, placeWardCode
  /// Of whoever published the list: the municipality's, or the prefecture's.
  case publisherCode
  case hazard(Hazard)
  /// The other designation of the same place: `1` means that it has both.
  case alsoShelter, alsoEmergency
  case accessible(String)

  private static let names: [String: ShelterColumn] = {
    var names: [String: ShelterColumn] = [
      "名称": .name, "避難所_名称": .name, "避難所_施設名称": .name, "施設名": .name, "施設・場所名": .name,
      "避難場所_施設名称": .name, "避難場所_名称": .name,
      "名称_カナ": .kana, "名称_英字": .englishName,
      "所在地_連結表記": .address, "住所": .address, "所在地住所": .address,
      "緯度": .latitude, "経度": .longitude, "標高": .elevation, "電話番号": .phone,
      "想定収容人数": .capacity, "受入対象者": .accepts, "ID": .localID, "NO": .localID, "共通ID": .commonID,
      "郵便番号": .postalCode, "URL": .url, "備考": .remarks, "対象となる町会・自治会": .neighbourhoods,
      "建物名等(方書)": .building, "方書": .building,
      "市区町村コード": .wardCode, "全国地方公共団体コード": .publisherCode, "地方公共団体コード": .wardCode, "区市町村コード": .wardCode,
      "都道府県コード又は市区町村コード": .publisherCode, "所在地_全国地方公共団体コード": .placeWardCode,
      "指定市区町村名": .wardName, "指定区市町村名": .wardName, "市区町村名": .wardName, "区市町村": .wardName,
      "地方公共団体名": .wardName, "都道府県名及び市町村名": .wardName,
      "指定避難所との重複": .alsoShelter, "指定避難所との住所同一": .alsoShelter, "指定緊急避難場所との住所同一": .alsoEmergency,
      "エレベーター有/避難スペースが1階": .accessible("エレベーター・1階"), "スロープ等": .accessible("スロープ等"),
      "点字ブロック": .accessible("点字ブロック"), "車椅子使用者対応トイレ": .accessible("車椅子使用者対応トイレ"),
    ]
    for hazard in Hazard.allCases {
      names[normalised("災害種別_" + hazard.rawValue)] = .hazard(hazard)
      names[normalised(hazard.rawValue)] = .hazard(hazard)
    }
    return Dictionary(uniqueKeysWithValues: names.map { (normalised($0.key), $0.value) }.uniqued())
  }()

  /// Full-width and half-width forms, line breaks and spaces in a header do not matter.
  static func normalised(_ name: String) -> String {
    String(name.precomposedStringWithCompatibilityMapping.unicodeScalars.filter { !$0.properties.isWhitespace })
  }

  init?(header: String) {
    guard let column = Self.names[Self.normalised(header)] else { return nil }
    self = column
  }
}

extension Array where Element == (String, ShelterColumn) {
  fileprivate func uniqued() -> Self {
    var seen: Set<String> = []
    return filter { seen.insert($0.0).inserted }
  }
}

/// Which published list a header belongs to.
public enum ShelterListKind: String, Sendable {
  case standardV2 = "自治体標準オープンデータセット(v2)"
  case standardV1 = "推奨データセット(v1)"
  case tokyoShelters = "東京都 避難所一覧"
  case tokyoSites = "東京都 避難場所一覧"
  case gsiCSV = "国土地理院 CSV"
  case gsiShelters = "国土地理院 指定避難所"
  case gsiEmergency = "国土地理院 指定緊急避難場所"

  /// Nil when the names are not those of a list that is known here.
  init?(header: [String]) {
    let names = Set(header.map(ShelterColumn.normalised))
    func has(_ name: String) -> Bool { names.contains(ShelterColumn.normalised(name)) }
    // Other sheets of the same data set have names and addresses too: libraries, defibrillators.
    let isAboutShelters = header.contains { name in
      switch ShelterColumn(header: name) {
      case .hazard?, .alsoShelter?, .capacity?: true
      default: false
      }
    }
    if has("共通ID"), has("施設・場所名") {
      self = .gsiCSV
    } else if isAboutShelters, has("名称"), has("所在地_連結表記") {
      self = .standardV2
    } else if isAboutShelters, has("名称"), has("住所") {
      self = .standardV1
    } else if has("避難所_名称") || has("避難所_施設名称") {
      self = .tokyoShelters
    } else if has("施設名") || has("避難場所_施設名称"), has("所在地住所") || has("住所") {
      self = .tokyoSites
    } else {
      return nil
    }
  }

  /// What being in the list means.
  var designation: ShelterDesignation? {
    switch self {
    case .standardV2, .standardV1, .gsiEmergency, .tokyoSites: .emergencySite
    case .tokyoShelters, .gsiShelters: .shelter
    case .gsiCSV: nil
    }
  }
}
