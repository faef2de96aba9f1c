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
    /// A quotation mark is not closed, or closes in a later row.
    case badQuote
    /// One stands where none belongs: kept as it stands.
    case strayQuote
    /// The row is cut by another character than the header.
    case otherSeparator(String)
    /// This field is in another encoding than the file.
    case otherEncoding(String)
    /// A NUL, bytes of no encoding, or what was garbled before.
    case damagedText(String)
    case controlCharacter
    case repeatedHeader
    case tooLong
    case badCommonID(String)
    /// The position lies outside the ward that the row names, `metres` away from it, in `ward` when that is known.
    case outsideWard(metres: Int, ward: String?)
    /// Another row of this file is the same facility in every key.
    case repeated(line: Int)
    /// The address is in another ward than the one that the row names.
    case otherWard(String)
    /// The list has changed what somebody here has corrected: the correction stands.
    case corrected(list: String, here: String)
    /// Somebody deleted it here: it stays deleted.
    case deletedHere
    /// It was taken for a facility that is here, or as a new one beside it: a person should look.
    case takenFor(String)
    case besides(String)
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
    case .badQuote: "引用符(\")が閉じていないか、後の行で閉じています"
    case .strayQuote: "余分な引用符(\")があります(そのまま取り込みました)"
    case .otherSeparator(let mark): "見出しと違う文字(\(mark))で区切られています"
    case .otherEncoding(let name): "この欄だけ文字コードが違います(\(name) として読みました)"
    case .damagedText(let text): "文字が壊れています:「\(text)」"
    case .controlCharacter: "制御文字がありました(除いて取り込みました)"
    case .repeatedHeader: "見出しと同じ行です"
    case .tooLong: "長すぎます"
    case .badCommonID(let text): "共通IDの形ではありません:「\(text)」"
    case .outsideWard(let metres, let ward): "位置が区の外です:\(metres) m\(ward.map { "(\($0)の中)" } ?? "")"
    case .repeated(let line): "\(line) 行目と同じ施設です"
    case .otherWard(let ward): "所在地は\(ward)です"
    case .corrected(let list, let here): "一覧は「\(list)」に変わりましたが、こちらで「\(here)」に直されています(直したほうを残しました)"
    case .deletedHere: "こちらで消された避難所です(取り込みません)"
    case .takenFor(let name): "すでにある「\(name)」と同じ施設とみなしました。確かめてください"
    case .besides(let name): "すでにある「\(name)」と同じ施設かもしれません(別の施設として取り込みました)"
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
    case .badQuote: "a quotation mark is not closed, or closes in a later row"
    case .strayQuote: "a quotation mark where none belongs (kept as it stands)"
    case .otherSeparator(let mark): "the row is cut by another character than the header: \(mark)"
    case .otherEncoding(let name): "this field is in another encoding (read as \(name))"
    case .damagedText(let text): "the text is damaged: \"\(text)\""
    case .controlCharacter: "a control character (taken in without it)"
    case .repeatedHeader: "the header once more"
    case .tooLong: "too long"
    case .badCommonID(let text): "not a common ID: \"\(text)\""
    case .outsideWard(let metres, let ward):
      "the position is \(metres) m outside its ward\(ward.map { " (in \($0))" } ?? "")"
    case .repeated(let line): "the same facility as line \(line)"
    case .otherWard(let ward): "the address is in \(ward)"
    case .corrected(let list, let here):
      "the list now says \"\(list)\", but it was corrected here to \"\(here)\" (which was kept)"
    case .deletedHere: "was deleted here (not taken in)"
    case .takenFor(let name): "taken for \"\(name)\", which is here already: please check"
    case .besides(let name): "may be \"\(name)\", which is here already (taken in beside it)"
    case .notGeometry: "has no Point geometry"
    }
  }
}
