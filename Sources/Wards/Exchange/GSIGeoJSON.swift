import Formats
import Foundation
import Places
import Topology

/// The Geospatial Information Authority's GeoJSON of 指定避難所 and 指定緊急避難場所 (RFC 7946: longitude first).
///
/// Its properties carry the names of the CSV's columns, so a feature is read as a row of them.
enum GSIGeoJSON {
  static func read(
    _ encoded: EncodedText, fileName: String, topology: Topology
  ) throws(ExchangeError) -> ShelterList {
    // Each text by itself; a quotation mark is in no character of any encoding.
    let (decoder, encoding) = (FieldDecoder(encoded.encoding), encoded.encoding)
    let text = encoded.bytes.split(separator: UInt8(ascii: "\""), omittingEmptySubsequences: false).map {
      piece -> String in
      let decoded = decoder.decode(Array(piece))
      if case .damaged(let text) = decoded { return text + "\u{fffd}" }
      return decoded.text
    }.joined(separator: "\"")
    let root: Any
    do { root = try JSONSerialization.jsonObject(with: Data(text.utf8)) } catch { throw .notJSON("\(error)") }
    guard let collection = root as? [String: Any] else { throw .notFeatureCollection }
    if collection["type"] as? String == "unavailable" {
      // GSI's own answer for a municipality that publishes none: a list without rows, and its message.
      let kind: ShelterListKind = collection["dataType"] as? String == "emergency" ? .gsiEmergency : .gsiShelters
      var list = ShelterList(kind: kind, encoding: encoding)
      list.notice = collection["message"] as? String
      return list
    }
    guard collection["type"] as? String == "FeatureCollection", let features = collection["features"] as? [Any] else {
      throw .notFeatureCollection
    }
    // Whoever leaves out empty properties leaves out others in each feature.
    var names: Set<String> = []
    for feature in features {
      if let properties = (feature as? [String: Any])?["properties"] as? [String: Any] {
        names.formUnion(properties.keys)
      }
    }
    // An empty collection is a municipality that publishes none.
    let header = features.isEmpty ? ["施設・場所名", "共通ID"] : names.sorted()
    guard header.contains("共通ID"), header.contains("施設・場所名") else {
      throw .unknownHeader([header.joined(separator: ",")])
    }
    let isEmergency = header.contains("洪水") || fileName.contains("emergency")
    let kind: ShelterListKind = isEmergency ? .gsiEmergency : .gsiShelters
    var list = ShelterList(kind: kind, encoding: encoding)
    let columns = Dictionary(uniqueKeysWithValues: header.map { ($0, ShelterColumn(header: $0)) })
    for (index, feature) in features.enumerated() {
      let line = index + 1
      guard let feature = feature as? [String: Any], let properties = feature["properties"] as? [String: Any],
        let geometry = feature["geometry"] as? [String: Any], geometry["type"] as? String == "Point",
        let coordinates = geometry["coordinates"] as? [Any], coordinates.count >= 2
      else {
        list.problems.append(ImportProblem(.refused, line: line, field: "geometry", .notGeometry))
        continue
      }
      let own = properties.keys.sorted()
      let rows = RowReader(
        kind: kind, header: own + ["経度", "緯度"], columns: own.map { columns[$0] ?? nil } + [.longitude, .latitude],
        fileName: fileName, topology: topology)
      let fields = (own.map { string(properties[$0]) } + coordinates.prefix(2).map(string)).map { text in
        text.unicodeScalars.contains { $0 == "\0" || $0 == "\u{fffd}" }
          ? FieldDecoder.Decoded.damaged(text) : .text(text)
      }
      if let record = rows.read(fields, line: line, &list.problems) { list.records.append(record) }
    }
    return list
  }

  private static func string(_ value: Any?) -> String {
    switch value {
    case let text as String: text
    case let number as NSNumber: number.stringValue
    default: ""
    }
  }
}
