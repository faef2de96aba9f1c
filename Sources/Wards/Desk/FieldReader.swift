import ChangeModel
import Federation
import Foundation

/// Checks one value against its field's shape.
struct FieldReader {
  let field: FormField
  let federation: FederationIdentity

  func read(_ value: JSON, _ shape: FieldShape) throws(Fault) -> JSON {
    switch (shape, value) {
    case (.text(let limit), .text(let text)): return .text(try checked(text, limit: limit))
    case (.secret(let limit), .text(let text)):
      return .text(try checked(text, limit: limit, isWords: false, isFile: true))
    case (.code(let limit), .text(let text)):
      return .text(try checked(Self.plain(text), limit: limit, isWords: false))
    case (.decimal(let places, let range), .integer), (.decimal(let places, let range), .text):
      return .integer(try decimal(value, places, range))
    case (.integer(let range), .integer(let number)):
      guard range.contains(number) else {
        throw fault("\(range.lowerBound) から \(range.upperBound) まで", "from \(range.lowerBound) to \(range.upperBound)")
      }
      return value
    case (.number(let range), .integer(let number)): return .real(try checked(Double(number), in: range))
    case (.number(let range), .real(let number)): return .real(try checked(number, in: range))
    case (.flag, .flag): return value
    case (.date, .text(let text)):
      switch JapaneseDate.read(text) {
      case .date(let date): return .text(date)
      case .never(let ja, let en):
        throw .badValue(field.name, ja: "\(field.japanese): \(ja)", en: "\(field.english): \(en)")
      case .noDate:
        throw fault(
          "年月日(例 1980-05-01、昭和55年5月1日。月や年まででもよい)", "a date such as 1980-05-01, 1980-05 or 1980")
      }
    case (.birth, .text(let text)):
      guard !text.allSatisfy(\.isWhitespace) else { return .text("") }
      do throws(Birth.Problem) { return .text(try Birth(text).text) } catch { throw Self.fault(field, error) }
    case (.time, .integer(let number)): return .integer(try time(number))
    case (.time, .text(let text)):
      guard let time = Self.milliseconds(text) else {
        throw fault(
          "日時(例 2026-01-17T05:46+09:00。時差がなければ日本の時刻)",
          "a time such as 2026-01-17T05:46+09:00; Japan's where it has no offset")
      }
      return .integer(time)
    case (.choice(let choices), .text(let text)):
      guard let choice = choices.first(where: { $0.word == text || $0.code == text }) else {
        let words = choices.map { "\($0.word) (\($0.code))" }.joined(separator: "、")
        throw fault("次のどれか: \(words)", "one of \(words)")
      }
      return .text(choice.word)
    case (.row, .text(let text)): return .integer(try row(text).rawValue)
    case (.row, .integer(let number)): return .integer(number)
    case (.ward, .text(let text)):
      guard federation.index(ofWard: text) != nil else {
        throw fault("この連合の区コード(5 桁)", "the code of a ward of this federation")
      }
      return value
    case (.list(let inner, let limit), .list(let list)):
      guard list.count <= limit else { throw fault("\(limit) 件まで", "at most \(limit) items") }
      var values: [JSON] = []
      for item in list {
        let value = try read(item, inner)
        if value == .text("") { throw fault("空でない値", "values that are not empty") }
        if !values.contains(value) { values.append(value) }
      }
      return .list(values)
    case (.counts(let choices), .object(let members)): return .object(try counts(members, choices))
    default: throw fault(shape.japanese, shape.english)
    }
  }

  /// Full-width letters, digits and signs as plain ones.
  private static func plain(_ text: String) -> String {
    String(
      String.UnicodeScalarView(
        text.unicodeScalars.map {
          (0xff01...0xff5e).contains($0.value) ? Unicode.Scalar($0.value - 0xfee0)! : $0 == "\u{3000}" ? " " : $0
        }))
  }

  private func decimal(_ value: JSON, _ places: Int, _ range: ClosedRange<Int64>) throws(Fault) -> Int64 {
    guard let number = FixedPoint.read(value.text ?? value.integer.map { "\($0)" } ?? "", places: places) else {
      throw fault("数(例 1,980 や 25.037。小数は \(places) 桁まで)", "a number such as 25.037, of \(places) decimals at most")
    }
    guard range.contains(number) else {
      let (least, most) = (
        FixedPoint.text(range.lowerBound, places: places), FixedPoint.text(range.upperBound, places: places)
      )
      throw fault("\(least) から \(most) まで", "from \(least) to \(most)")
    }
    return number
  }

  private func time(_ number: Int64) throws(Fault) -> Int64 {
    guard (0..<Limits.timeMilliseconds).contains(number) else {
      throw fault("1970 年からのミリ秒", "milliseconds since 1970")
    }
    guard !Self.seconds.contains(number) else {
      throw fault("1970 年からのミリ秒(秒のようです: \(number))", "milliseconds since 1970 (\(number) seems to be seconds)")
    }
    return number
  }

  private func counts(_ members: [String: JSON], _ choices: [Choice]) throws(Fault) -> [String: JSON] {
    var counts: [String: JSON] = [:]
    for name in members.keys.sorted() {
      guard let choice = choices.first(where: { $0.word == name || $0.code == name }) else {
        throw fault(
          "次の区分: \(choices.map(\.word).joined(separator: "、"))",
          "of the kinds \(choices.map(\.code).joined(separator: ", "))")
      }
      guard case .integer(let number)? = members[name], (0...1_000_000).contains(number) else {
        throw fault("\(name) は 0 以上の数", "\(name) must be a count")
      }
      counts[choice.word] = .integer(number)
    }
    return counts
  }

  private func fault(_ japanese: String, _ english: String) -> Fault {
    .badValue(
      field.name, ja: "\(field.japanese)は次の形にしてください: \(japanese)",
      en: "\(field.english) must be \(english)")
  }

  /// What is wrong with a birth, for the field that gave it.
  static func fault(_ field: FormField, _ problem: Birth.Problem) -> Fault {
    switch problem {
    case .never(let ja, let en): .badValue(field.name, ja: "\(field.japanese): \(ja)", en: "\(field.english): \(en)")
    case .noBirth:
      .badValue(
        field.name, ja: "\(field.japanese)を読み取れません。例: 昭和25年4月1日、S25.4.1、1950-04-01、50歳、不明(年だけでも可)",
        en: "\(field.english) must be such as 1950-04-01, 1950, about 1950, 50 years or unknown")
    }
  }

  private func checked(_ text: String, limit: Int, isWords: Bool = true, isFile: Bool = false) throws(Fault) -> String {
    let trimmed = text.trimmingCharacters(in: .whitespacesAndNewlines)
    guard trimmed.unicodeScalars.count <= limit else { throw fault("\(limit) 文字まで", "at most \(limit) characters") }
    // A file's lines end as its program ends them; what people write has no carriage return.
    let breaks: Set<Unicode.Scalar> = isFile ? ["\n", "\t", "\r"] : ["\n", "\t"]
    guard !trimmed.unicodeScalars.contains(where: { $0.value < 32 && !breaks.contains($0) || $0.value == 127 }) else {
      throw fault("制御文字のない文", "text without control characters")
    }
    guard !isWords || !MyNumber.isIn(trimmed) else {
      throw .badValue(
        field.name, ja: "個人番号(マイナンバー)は入れないでください: \(field.japanese)",
        en: "an Individual Number (My Number) must not be kept here: \(field.english)")
    }
    return trimmed
  }

  private func checked(_ number: Double, in range: ClosedRange<Double>) throws(Fault) -> Double {
    guard number.isFinite, range.contains(number) else {
      throw fault("\(range.lowerBound) から \(range.upperBound) まで", "from \(range.lowerBound) to \(range.upperBound)")
    }
    return number == 0 ? 0 : number
  }

  private func row(_ text: String) throws(Fault) -> RowID {
    if let number = Int64(text) { return RowID(rawValue: number) }
    do throws(ResidentID.Fault) {
      return try ResidentID.row(text) { federation.index(ofWard: $0) }
    } catch {
      switch error {
      case .malformed: throw fault("行の番号、または住民の ID", "a row's number or a resident's ID")
      case .badCheck:
        throw fault("正しい ID(検査文字が合いません。写し間違いがないか確かめてください)", "a correct ID: its check character does not fit")
      }
    }
  }

  /// From 1973 to 5138 in seconds; as milliseconds, the first years of the 1970s.
  private static let seconds: Range<Int64> = 100_000_000..<100_000_000_000

  /// ISO 8601: a day and a time of it, with or without seconds; without an offset it is Japan's, as a browser's field gives it.
  static func milliseconds(_ text: String) -> Int64? {
    let form = /(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?(?:([Zz])|([-+])(\d\d):?(\d\d)?)?/
    guard text.utf8.count <= 40, let match = text.wholeMatch(of: form)?.output else { return nil }
    func number(_ text: Substring?) -> Int64 { text.flatMap { Int64($0) } ?? 0 }
    let (hour, minute, second) = (number(match.4), number(match.5), number(match.6))
    let (hours, minutes) = (number(match.10), number(match.11))
    guard case .date(let day) = JapaneseDate.read("\(match.1)-\(match.2)-\(match.3)"), hour < 24, minute < 60,
      second < 60,
      hours < 24, minutes < 60
    else { return nil }
    let sign: Int64 = match.9 == "-" ? -1 : 1
    let offset = match.8 != nil ? 0 : match.9 == nil ? 9 * 60 : sign * (hours * 60 + minutes)
    let thousandths = number(match.7.map { ($0 + "00").prefix(3) })
    let time =
      (JapaneseDate.number(of: day) * 1_440 + hour * 60 + minute - offset) * 60_000 + second * 1_000 + thousandths
    return (0..<Limits.timeMilliseconds).contains(time) ? time : nil
  }
}

extension FieldShape {
  var japanese: String {
    switch self {
    case .text, .secret, .code: "文字列"
    case .integer: "整数"
    case .number, .decimal: "数"
    case .flag: "true か false"
    case .date: "年月日"
    case .birth: "生年月日"
    case .time: "日時"
    case .choice: "選択肢の一つ"
    case .row: "行の番号"
    case .ward: "区コード"
    case .list: "一覧"
    case .counts: "区分ごとの数"
    }
  }

  var english: String {
    switch self {
    case .text, .secret, .code: "text"
    case .integer: "a whole number"
    case .number, .decimal: "a number"
    case .flag: "true or false"
    case .date: "a date"
    case .birth: "a birth"
    case .time: "a time"
    case .choice: "one of the choices"
    case .row: "a row's number"
    case .ward: "a ward's code"
    case .list: "a list"
    case .counts: "counts by kind"
    }
  }
}

/// The Individual Number (個人番号), which no disaster service may keep: recognised to be refused.
public enum MyNumber {
  /// The weights of the check digit (Ordinance of the Ministry of Internal Affairs and Communications No. 85 of 2014,
  /// article 5).
  private static let weights = [6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2]

  /// Whether a text holds twelve digits in a row, in any width and with or without breaks, that make one.
  public static func isIn(_ text: String) -> Bool {
    var run: [Int] = []
    // After a plus it is a telephone number, beside a Latin letter part of a code.
    var before: Character = " "
    var isNumber = true
    func isOne() -> Bool { isNumber && run.count == 12 && isValid(run) }
    for character in text {
      if run.isEmpty { isNumber = before != "+" && !(before.isASCII && before.isLetter) }
      defer { before = character }
      if let digit = character.wholeNumberValue, (0...9).contains(digit) {
        run.append(digit)
      } else if !(run.count % 4 == 0 && (character == "-" || character == " " || character == "-")) {
        if isOne() { return true }
        run = []
      }
    }
    return isOne()
  }

  static func isValid(_ digits: [Int]) -> Bool {
    let sum = zip(digits, weights).reduce(0) { $0 + $1.0 * $1.1 }
    let check = sum % 11 <= 1 ? 0 : 11 - sum % 11
    return digits.count == 12 && digits[11] == check
  }
}
