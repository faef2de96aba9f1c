/// One facility as a published list gives it. Nil: the list has no such column, or the cell says nothing.
public struct ShelterRecord: Hashable, Sendable {
  /// Where it stands in the file, from 1: a CSV's line, a GeoJSON's feature.
  public var line: Int
  /// JIS X 0402 with the prefecture: five digits.
  public var ward: String
  public var name: String
  public var kana: String?
  public var englishName: String?
  public var address: String?
  public var latitude: Double?
  public var longitude: Double?
  public var elevation: Double?
  public var phone: String?
  public var designations: Set<ShelterDesignation> = []
  /// Nil when the list does not tell; empty when it says "none".
  public var hazards: Set<Hazard>?
  public var accepts: String?
  public var capacity: Int?
  /// GSI's 共通ID.
  public var commonID: String?
  public var localID: String?
  public var accessibility: [String]?
  public var neighbourhoods: [String]?
  public var postalCode: String?
  public var url: String?
  public var remarks: String?

  public init(line: Int, ward: String, name: String) {
    self.line = line
    self.ward = ward
    self.name = name
  }
}

/// Something in an imported file that a person should look at.
public struct ImportProblem: Hashable, Sendable {
  public enum Severity: String, Sendable { case warning, refused }

  public var severity: Severity
  public var line: Int
  /// The file's own name for the column.
  public var field: String
  public var reason: Reason

  public init(_ severity: Severity, line: Int, field: String, _ reason: Reason) {
    self.severity = severity
    self.line = line
    self.field = field
    self.reason = reason
  }

  public enum Reason: Hashable, Sendable {
    case missing
    case notANumber(String)
    case notAFlag(String)
    case outOfRange(String)
    case notACode(String)
    case badCheckDigit(String, expected: String)
    case wrongFieldCount(found: Int, expected: Int)
    case unterminatedQuote
    case tooLong
    case badCommonID(String)
    /// The position lies outside the ward that the row names, `metres` away from it, in `ward` when that is known.
    case outsideWard(metres: Int, ward: String?)
    /// Another row of this file is the same facility in every key.
    case repeated(line: Int)
    case notGeometry
  }
}

extension ImportProblem.Reason {
  public var japanese: String {
    switch self {
    case .missing: "必須の値がありません"
    case .notANumber(let text): "数ではありません:「\(text)」"
    case .notAFlag(let text): "「1」か空欄にしてください:「\(text)」(「あり」として取り込みました)"
    case .outOfRange(let text): "範囲を外れています:「\(text)」"
    case .notACode(let text): "全国地方公共団体コードではありません:「\(text)」"
    case .badCheckDigit(let text, let expected): "検査数字が合いません:「\(text)」(正しくは \(expected))"
    case .wrongFieldCount(let found, let expected): "列の数が違います:\(found) 列(見出しは \(expected) 列)"
    case .unterminatedQuote: "引用符が閉じていません"
    case .tooLong: "長すぎます"
    case .badCommonID(let text): "共通IDの形ではありません:「\(text)」"
    case .outsideWard(let metres, let ward): "位置が区の外です:\(metres) m\(ward.map { "(\($0)の中)" } ?? "")"
    case .repeated(let line): "\(line) 行目と同じ施設です"
    case .notGeometry: "位置(Point)がありません"
    }
  }

  public var english: String {
    switch self {
    case .missing: "a required value is missing"
    case .notANumber(let text): "not a number: \"\(text)\""
    case .notAFlag(let text): "must be 1 or empty: \"\(text)\" (taken as yes)"
    case .outOfRange(let text): "out of range: \"\(text)\""
    case .notACode(let text): "not a municipality code: \"\(text)\""
    case .badCheckDigit(let text, let expected): "wrong check digit: \"\(text)\" (should be \(expected))"
    case .wrongFieldCount(let found, let expected): "\(found) columns where the header has \(expected)"
    case .unterminatedQuote: "a quotation mark is not closed"
    case .tooLong: "too long"
    case .badCommonID(let text): "not a common ID: \"\(text)\""
    case .outsideWard(let metres, let ward):
      "the position is \(metres) m outside its ward\(ward.map { " (in \($0))" } ?? "")"
    case .repeated(let line): "the same facility as line \(line)"
    case .notGeometry: "has no Point geometry"
    }
  }
}
