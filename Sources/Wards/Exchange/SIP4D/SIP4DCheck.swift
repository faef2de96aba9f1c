import Desk

/// Whether a SIP4D-ZIP package is right, also where the public checker takes what is wrong: required columns, their values, positions,
/// ids that stand twice, and whether it is of a drill.
public enum SIP4DCheck {
  /// What is wrong with a package's files; empty when nothing is.
  ///
  /// - Parameter isDrill: what it has to be; nil: either.
  public static func problems(_ files: [SIP4DPackage.File], _ layer: Layer, isDrill: Bool? = nil) -> [String] {
    var problems: [String] = []
    func file(_ matches: (String) -> Bool) -> JSON? {
      guard let found = files.first(where: { matches($0.name) }) else { return nil }
      if found.bytes.starts(with: [0xef, 0xbb, 0xbf]) { problems.append("\(found.name): a byte order mark") }
      return try? JSON.decode(found.bytes)
    }
    for name in files.map(\.name) where name.contains("/") { problems.append("\(name): a folder") }
    guard let meta = file({ $0 == "sip4d_zip_meta.json" }) else { return ["no sip4d_zip_meta.json that is JSON"] }
    let flag = meta["testflg"].text
    if !["通常", "訓練", "試験"].contains(flag) { problems.append("testflg: \(flag ?? "missing")") }
    if let isDrill, flag != (isDrill ? "訓練" : "通常") { problems.append("testflg: \(flag ?? "missing")") }
    if meta["code"].text != layer.code { problems.append("code: \(meta["code"].text ?? "missing")") }
    for name in ["updated", "information_date"]
    where meta[name].text?.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/) == nil {
      problems.append("\(name): \(meta[name].text ?? "missing")")
    }
    if meta["ttid"].text?.wholeMatch(of: /[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}/) == nil {
      problems.append("ttid")
    }
    if let report = meta["disaster"]["report"].integer, !(0...9_999).contains(report) {
      problems.append("disaster.report")
    }
    for code in meta["lgcode"].list where code.text?.wholeMatch(of: /\d{5}/) == nil { problems.append("lgcode") }
    let entries = meta["entry"].list.compactMap { $0["file"].text }
    if meta["entry_num"].integer != Int64(entries.count) || entries.count != 1 { problems.append("entry_num") }
    guard let name = entries.first, let map = file({ $0 == name }) else {
      return problems + ["its GeoJSON is not there"]
    }
    guard file({ $0.hasSuffix("_columns.json") }) != nil else { return problems + ["no columns"] }
    return problems + features(map, layer)
  }

  private static func features(_ map: JSON, _ layer: Layer) -> [String] {
    guard map["type"].text == "FeatureCollection" else { return ["no FeatureCollection"] }
    var problems: [String] = []
    var seen: Set<String> = []
    for (index, feature) in map["features"].list.enumerated() {
      let properties = feature["properties"]
      func wrong(_ what: String) { problems.append("feature \(index): \(what)") }
      let point = feature["geometry"]["coordinates"].list
      if feature["geometry"]["type"].text != "Point" || point.count != 2 {
        wrong("geometry")
      } else if let east = point[0].number, let north = point[1].number {
        // Where Japan is: two numbers that were exchanged are nowhere in it.
        if !(122...154).contains(east) || !(20...46).contains(north) { wrong("position \(east), \(north)") }
      } else {
        wrong("coordinates")
      }
      if let id = properties["rk_id"].text ?? properties["id"].text, !seen.insert(id).inserted {
        wrong("id \(id) twice")
      }
      for attribute in layer.attributes { if let what = problem(properties[attribute.name], attribute) { wrong(what) } }
      for name in ["citycode", "cityname"] where properties[name].text == nil { wrong("\(name) missing") }
    }
    return problems
  }

  private static func problem(_ value: JSON, _ attribute: Layer.Attribute) -> String? {
    if value == .null { return attribute.isRequired ? "\(attribute.name) missing" : nil }
    switch attribute.kind {
    case .text: return value.text == nil ? "\(attribute.name) is no text" : nil
    case .integer:
      guard let number = value.integer else { return "\(attribute.name) is no whole number" }
      return number < 0 ? "\(attribute.name) is \(number)" : nil
    case .number: return value.number == nil ? "\(attribute.name) is no number" : nil
    case .time:
      return value.text?.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/) == nil ? "\(attribute.name) is no time" : nil
    case .words(let choices):
      return choices.contains { .text($0.code) == value } ? nil : "\(attribute.name): \(value.text ?? "?")"
    }
  }
}
