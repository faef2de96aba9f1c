import Causality
import Formats
import Foundation

/// A telegram of the Japan Meteorological Agency (気象庁防災情報XML): who said what, when, of which areas.
///
/// Source: the schema jmaxml1 and the official samples; the code table of warnings since 2026-05-28.
struct JMAReport {
  /// What is said of one area.
  struct Line: Hashable {
    /// A ward's code (five digits) where it is one of Tokyo's; else the agency's own code of the area.
    var area: String
    var areaName: String
    /// 震度, 津波, or the name of a hazard.
    var kind: String
    /// An intensity, a height, or the agency's word.
    var value: String
    /// 警戒レベル, of warnings about which people leave; 0 where nothing stands any longer.
    var level: Int?

    /// As a table keeps it.
    var text: String { [area, kind, value, level.map { "\($0)" } ?? ""].joined(separator: "|") }

    init?(text: String) {
      let parts = text.split(separator: "|", omittingEmptySubsequences: false).map(String.init)
      guard parts.count == 4 else { return nil }
      (area, areaName, kind, value, level) = (parts[0], "", parts[1], parts[2], Int(parts[3]))
    }

    init(_ area: String, _ areaName: String, _ kind: String, _ value: String, level: Int? = nil) {
      (self.area, self.areaName, self.kind, self.level) = (area, areaName, kind, level)
      self.value = value.replacing("|", with: "/")
    }
  }

  var title: String
  var office: String
  /// 通常, 訓練, 試験.
  var status: String
  /// 発表, 訂正, 取消.
  var infoType: String
  var event: String?
  var serial: String?
  var reportedAt: Instant
  var validUntil: Instant?
  var headline: String
  var lines: [Line]

  /// - Throws: why it is no such telegram, or cannot be read whole. Nothing of it is used then.
  init(_ bytes: [UInt8]) throws(XMLTree.Refusal) {
    let root = try XMLTree(bytes)
    guard root.name == "Report", let control = root["Control"], let head = root["Head"] else {
      throw XMLTree.Refusal(ja: "気象庁の防災情報XMLではありません", en: "not a report of the meteorological agency")
    }
    guard let title = control.said("Title"), let status = control.said("Status") else {
      throw XMLTree.Refusal(ja: "Title か Status がありません", en: "without a title or a status")
    }
    guard let reported = Self.time(head.said("ReportDateTime")) else {
      throw XMLTree.Refusal(ja: "ReportDateTime がありません", en: "without the time of the report")
    }
    (self.title, self.status) = (Self.short(title), status)
    office = Self.short(control.said("EditorialOffice") ?? "")
    infoType = head.said("InfoType") ?? "発表"
    (event, serial) = (head.said("EventID").map(Self.short), head.said("Serial").map(Self.short))
    reportedAt = reported
    validUntil = Self.time(head.said("ValidDateTime"))
    headline = String((head["Headline"]?.said("Text") ?? head.said("Title") ?? "").prefix(500))
    let body = root["Body"]
    lines =
      Self.intensities(body) + Self.tsunami(body)
      + (body?.all("Warning") ?? []).flatMap(Self.warnings)
  }

  private static func short(_ text: String) -> String { String(text.prefix(100)) }

  private static func time(_ text: String?) -> Instant? {
    guard let text, let date = try? Date(text, strategy: .iso8601) else { return nil }
    return Instant(milliseconds: Int64((date.timeIntervalSince1970 * 1_000).rounded()))
  }

  /// `1310100` is 千代田区; what is no ward of Tokyo keeps its code.
  private static func ward(_ code: String) -> String {
    code.count == 7 && code.hasPrefix("131") && code.hasSuffix("00") ? String(code.prefix(5)) : code
  }

  /// 震度: of each municipality; where a report has none yet, of the wards as one area (350). A municipality of which nothing has
  /// come says so: it may be the worst.
  private static func intensities(_ body: XMLTree?) -> [Line] {
    let areas = (body?["Intensity"]?["Observation"]?.all("Pref") ?? []).filter { $0.said("Code") == "13" }.flatMap {
      $0.all("Area")
    }
    let cities = areas.flatMap { $0.all("City") }
    return (cities.isEmpty ? areas.filter { $0.said("Code") == "350" } : cities).compactMap { place in
      guard let code = place.said("Code") else { return nil }
      let silent = place.said("Condition").map { $0.contains("未入電") } ?? false
      guard let value = silent ? "未入電" : place.said("MaxInt") else { return nil }
      return Line(ward(code), place.said("Name") ?? "", "震度", value)
    }
  }

  /// 津波: a height is kept as it is said; 巨大 and NaN are no numbers.
  private static func tsunami(_ body: XMLTree?) -> [Line] {
    (body?["Tsunami"]?["Forecast"]?.all("Item") ?? []).compactMap { item in
      guard let area = item["Area"], let code = area.said("Code"), let kind = item["Category"]?["Kind"]?.said("Name")
      else {
        return nil
      }
      let height = item["MaxHeight"]?.said("TsunamiHeight") ?? item["MaxHeight"]?.said("Condition") ?? ""
      return Line(code, area.said("Name") ?? "", "津波", height.isEmpty || height == "NaN" ? kind : "\(kind) \(height)m")
    }
  }

  /// 警報・注意報: one telegram a hazard, of municipalities.
  private static func warnings(_ warning: XMLTree) -> [Line] {
    warning.all("Item").flatMap { item -> [Line] in
      guard let area = item["Area"] ?? item["Areas"]?["Area"], let code = area.said("Code") else { return [] }
      return item.all("Kind").compactMap { kind in
        // Where nothing stands at all, a telegram names no kind.
        guard let name = kind.said("Name") else { return Line(ward(code), area.said("Name") ?? "", "なし", "", level: 0) }
        let isOver = kind.said("Status") == "解除"
        return Line(
          ward(code), area.said("Name") ?? "", JMAWarning.hazard(of: name), isOver ? "解除" : name,
          level: isOver ? 0 : JMAWarning.level(code: kind.said("Code"), name: name))
      }
    }
  }
}
