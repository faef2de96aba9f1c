import ChangeModel
import Formats
import Foundation
import Places
import Topology

/// Turns the cells of one row into a record, with every doubt noted.
struct RowReader {
  let kind: ShelterListKind
  let header: [String]
  let columns: [ShelterColumn?]
  let fileName: String
  let topology: Topology

  /// Positions of true shelters lie up to 300 m outside their ward's simplified outline; wrong ones lie kilometres off.
  static let borderMetres = 300.0

  /// The longest name or address that is no mistake.
  private static let textLimit = 2_000
  /// As many as the field takes.
  private static let neighbourhoodLimit = 200

  /// Nil when the row is refused.
  func read(_ fields: [FieldDecoder.Decoded], line: Int, _ problems: inout [ImportProblem]) -> ShelterRecord? {
    var cells = Cells(header: header, line: line)
    for (index, field) in fields.enumerated() {
      let column = columns[index]
      switch field {
      case .text: break
      case .other(_, let encoding):
        cells.note(.warning, header[index], .otherEncoding(encoding.rawValue))
      case .damaged(let text):
        // What no column here takes costs the row nothing.
        cells.note(column == nil ? .warning : .refused, header[index], .damagedText(Self.shown(text)))
      }
      guard let column else { continue }
      var text = field.text.trimmingCharacters(in: .whitespacesAndNewlines)
      if text.unicodeScalars.contains(where: Self.isControl) {
        if case .damaged = field {} else { cells.note(.warning, header[index], .controlCharacter) }
        text = String(String.UnicodeScalarView(text.unicodeScalars.filter { !Self.isControl($0) }))
      }
      if cells.texts[column] == nil || cells.texts[column]!.isEmpty {
        cells.texts[column] = text
        cells.indexes[column] = index
      }
    }
    let record = cells.isRefused ? nil : record(&cells)
    problems += cells.problems
    return record
  }

  private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
    scalar.value < 0x20 && !"\t\r\n".unicodeScalars.contains(scalar) || scalar.value == 0x7f
  }

  /// As much of a text as a message needs.
  private static func shown(_ text: String) -> String {
    String(text.unicodeScalars.prefix(40).filter { !isControl($0) }.map(Character.init))
  }

  private func record(_ cells: inout Cells) -> ShelterRecord? {
    guard let name = cells.text(.name) else {
      cells.refuse(.name, .missing)
      return nil
    }
    guard name != cells.name(.name) else {
      cells.refuse(.name, .repeatedHeader)
      return nil
    }
    guard let ward = ward(&cells) else { return nil }
    for (column, text) in cells.texts where text.utf8.count > Self.textLimit {
      cells.refuse(column, .tooLong)
      return nil
    }
    var record = ShelterRecord(line: cells.line, ward: ward, name: name)
    record.kana = cells.text(.kana)
    record.englishName = cells.text(.englishName)
    record.address = address(cells)
    record.latitude = cells.number(.latitude, 20...46)
    record.longitude = cells.number(.longitude, 122...154)
    record.elevation = cells.number(.elevation, -100...4_000)
    record.phone = cells.text(.phone).map(Self.halfWidth)
    record.capacity = cells.number(.capacity, 0...10_000_000).map { Int($0) }
    record.accepts = cells.text(.accepts)
    if kind == .standardV1 || kind == .standardV2 { record.localID = cells.text(.localID) }
    record.postalCode = cells.text(.postalCode).map(Self.halfWidth)
    record.url = cells.text(.url)
    record.remarks = cells.text(.remarks)
    record.neighbourhoods = cells.text(.neighbourhoods).map {
      $0.split(whereSeparator: { ";;、".contains($0) }).map { $0.trimmingCharacters(in: .whitespaces) }
        .filter { !$0.isEmpty }
    }
    guard record.neighbourhoods?.count ?? 0 <= Self.neighbourhoodLimit else {
      cells.refuse(.neighbourhoods, .tooLong)
      return nil
    }
    record.commonID = commonID(&cells)
    record.designations = designations(record, &cells)
    record.hazards = hazards(&cells)
    record.accessibility = accessibility(&cells)
    checkPosition(record, &cells)
    checkAddress(record, &cells)
    return record
  }

  private static func halfWidth(_ text: String) -> String { text.precomposedStringWithCompatibilityMapping }

  private func address(_ cells: Cells) -> String? {
    guard let address = cells.text(.address) else { return nil }
    guard let building = cells.text(.building), !address.hasSuffix(building) else { return address }
    return "\(address) \(building)"
  }

  // MARK: Municipality

  private func ward(_ cells: inout Cells) -> String? {
    for column in [ShelterColumn.wardCode, .placeWardCode, .publisherCode] {
      // A code that ends in 000 and a check digit is the prefecture's, who published the list.
      guard let text = cells.text(column).map(Self.halfWidth), text.dropFirst(2).prefix(3) != "000" else { continue }
      do throws(MunicipalityCode.Fault) {
        let code = try MunicipalityCode.fiveDigits(text) { topology.ward($0) != nil }
        // The wards of Tokyo are all known: another 131.. is no municipality.
        guard code.prefix(3) != "131" || topology.ward(code) != nil else { throw .notACode }
        return code
      } catch {
        switch error {
        case .notACode: cells.refuse(column, .notACode(text))
        case .badCheckDigit(let expected): cells.refuse(column, .badCheckDigit(text, expected: expected))
        }
        return nil
      }
    }
    if let name = cells.text(.wardName), let ward = topology.wards.first(where: { name.hasSuffix($0.name) }) {
      return ward.code
    }
    if let id = cells.text(.commonID), Self.isCommonID(id) { return String(id.dropFirst().prefix(5)) }
    let digits = fileName.prefix { $0.isNumber }
    if digits.count >= 5, let code = try? MunicipalityCode.fiveDigits(String(digits.prefix(digits.count >= 6 ? 6 : 5)))
    {
      return code
    }
    cells.refuse(cells.texts[.wardName] == nil ? .wardCode : .wardName, .missing)
    return nil
  }

  // MARK: Designations and hazards

  /// `E`, the municipality, a serial, the type (11 shelter, 12 welfare shelter, 20 emergency site), a branch.
  static func isCommonID(_ text: String) -> Bool {
    let bytes = Array(text.utf8)
    guard bytes.count == 14, bytes[0] == UInt8(ascii: "E"), bytes.dropFirst().allSatisfy({ (48...57).contains($0) })
    else {
      return false
    }
    return ["11", "12", "20"].contains(text.dropFirst(11).prefix(2))
  }

  private func commonID(_ cells: inout Cells) -> String? {
    guard let id = cells.text(.commonID) else { return nil }
    guard Self.isCommonID(id) else {
      cells.warn(.commonID, .badCommonID(id))
      return nil
    }
    return id
  }

  private func designations(_ record: ShelterRecord, _ cells: inout Cells) -> Set<ShelterDesignation> {
    var designations: Set<ShelterDesignation> = []
    switch record.commonID?.dropFirst(11).prefix(2) {
    case "12": designations.insert(.welfareShelter)
    case "20": designations.insert(.emergencySite)
    case "11": designations.insert(.shelter)
    default: if let designation = kind.designation { designations.insert(designation) }
    }
    if cells.flag(.alsoShelter) == true { designations.insert(.shelter) }
    if cells.flag(.alsoEmergency) == true { designations.insert(.emergencySite) }
    return designations
  }

  private func hazards(_ cells: inout Cells) -> Set<Hazard>? {
    guard Hazard.allCases.contains(where: { cells.texts[.hazard($0)] != nil }) else { return nil }
    var hazards: Set<Hazard> = []
    for hazard in Hazard.allCases where cells.flag(.hazard(hazard)) == true { hazards.insert(hazard) }
    return hazards
  }

  /// In Tokyo's list ○ means yes and an empty cell "not recorded".
  private func accessibility(_ cells: inout Cells) -> [String]? {
    let marks = cells.texts.compactMap { column, text -> String? in
      guard case .accessible(let label) = column, ["○", "◯", "〇", "1"].contains(text) else { return nil }
      return label
    }
    return marks.isEmpty ? nil : marks.sorted()
  }

  // MARK: Position

  /// An address that begins with another ward's name: code or address is wrong.
  private func checkAddress(_ record: ShelterRecord, _ cells: inout Cells) {
    guard var address = record.address else { return }
    if address.hasPrefix("東京都") { address.removeFirst(3) }
    if let other = topology.wards.first(where: { address.hasPrefix($0.name) }), other.code != record.ward {
      cells.warn(.address, .otherWard(other.name))
    }
  }

  private func checkPosition(_ record: ShelterRecord, _ cells: inout Cells) {
    guard let latitude = record.latitude, let longitude = record.longitude, let ward = topology.ward(record.ward) else {
      return
    }
    let position = Position(latitude: latitude, longitude: longitude)
    let metres = ward.distance(from: position)
    guard metres.isFinite, metres > Self.borderMetres else { return }
    cells.warn(.latitude, .outsideWard(metres: Int(metres), ward: topology.ward(at: position)?.name))
  }
}

/// The cells of one row by meaning, and what is doubtful about them.
private struct Cells {
  let header: [String]
  let line: Int
  var texts: [ShelterColumn: String] = [:]
  var indexes: [ShelterColumn: Int] = [:]
  var problems: [ImportProblem] = []

  init(header: [String], line: Int) {
    self.header = header
    self.line = line
  }

  /// Nil for a missing column and for an empty cell.
  func text(_ column: ShelterColumn) -> String? {
    guard let text = texts[column], !text.isEmpty else { return nil }
    return text
  }

  func name(_ column: ShelterColumn) -> String { indexes[column].map { header[$0] } ?? "" }

  private(set) var isRefused = false

  mutating func note(_ severity: ImportProblem.Severity, _ field: String, _ reason: ImportProblem.Reason) {
    problems.append(ImportProblem(severity, line: line, field: field, reason))
    isRefused = isRefused || severity == .refused
  }

  mutating func warn(_ column: ShelterColumn, _ reason: ImportProblem.Reason) {
    note(.warning, name(column), reason)
  }

  mutating func refuse(_ column: ShelterColumn, _ reason: ImportProblem.Reason) {
    note(.refused, name(column), reason)
  }

  /// A number with full-width digits and thousands separators as people write them. A bad one is warned about and
  /// left out; the row stays.
  mutating func number(_ column: ShelterColumn, _ range: ClosedRange<Double>) -> Double? {
    guard let text = text(column) else { return nil }
    let plain = text.precomposedStringWithCompatibilityMapping.replacingOccurrences(of: ",", with: "")
    guard let number = Double(plain), number.isFinite else {
      warn(column, .notANumber(text))
      return nil
    }
    guard range.contains(number) else {
      warn(column, .outOfRange(text))
      return nil
    }
    return number
  }

  /// Nil when the list has no such column. `1` is yes; empty and `0` are no; ○ and 有 occur, are taken as yes, and noted.
  mutating func flag(_ column: ShelterColumn) -> Bool? {
    guard let text = texts[column] else { return nil }
    switch text.precomposedStringWithCompatibilityMapping {
    case "1": return true
    case "", "0": return false
    case "○", "◯", "〇", "有", "あり", "◎":
      warn(column, .notAFlag(text))
      return true
    case "×", "無", "なし", "-", "ー": return false
    default:
      warn(column, .notAFlag(text))
      return true
    }
  }
}
