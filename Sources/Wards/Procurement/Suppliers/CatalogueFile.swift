import Desk
import Foundation
import Formats

/// A supplier's list of goods, as its CSV tells it. Columns are found by their names; a line that is wrong costs only itself.
public struct CatalogueFile: Sendable {
  public struct Line: Hashable, Sendable {
    public var code: String
    public var name: String
    public var maker: String?
    public var model: String?
    /// A bar code with a right check digit.
    public var barCode: String?
    public var unit: String?
    public var pack: Int64?
    public var step: Int64?
    public var minimum: Int64?
    /// In 1/1000 yen, without tax.
    public var price: Int64
    /// Per mille.
    public var tax: Int64
  }

  /// What is wrong with a line, or doubtful.
  public struct Problem: Hashable, Sendable {
    public var line: Int
    public var ja: String
    public var en: String
    /// The line was not taken.
    public var isRefused: Bool
  }

  public struct Refusal: Error, Hashable, Sendable {
    public var ja: String
    public var en: String
  }

  public private(set) var lines: [Line] = []
  public private(set) var problems: [Problem] = []
  /// All codes that it names, also in lines that were not taken: what it names is not gone.
  private(set) var mentioned: Set<String> = []
  /// No line of it was cut off.
  private(set) var isWhole = true

  public static let mostBytes = 8_000_000
  public static let mostLines = 50_000
  private static let mostProblems = 200

  private enum Column: CaseIterable {
    case code, name, maker, model, barCode, unit, pack, minimum, step, price, taxedPrice, tax

    var names: [String] {
      switch self {
      case .code: ["商品コード", "品番", "商品番号", "コード", "code"]
      case .name: ["品名", "商品名", "名称", "name"]
      case .maker: ["メーカー", "メーカー名", "製造元", "maker"]
      case .model: ["型番", "規格", "型式", "model"]
      case .barCode: ["jan", "janコード", "gtin", "jan/gtin"]
      case .unit: ["単位", "unit"]
      case .pack: ["入数", "入り数", "pack"]
      case .minimum: ["最低発注数", "最小発注数", "minimum"]
      case .step: ["発注単位", "発注ロット", "step"]
      case .price: ["単価", "単価(税抜)", "税抜単価", "税抜価格", "price"]
      case .taxedPrice: ["単価(税込)", "税込単価", "税込価格"]
      case .tax: ["税率", "消費税率", "tax"]
      }
    }
  }

  /// - Throws: why it is no list of goods. A line that is wrong is a problem of its own.
  public init(_ bytes: [UInt8]) throws(Refusal) {
    guard bytes.count <= Self.mostBytes else {
      throw Refusal(ja: "ファイルが大きすぎます(8 MB まで)", en: "too large: 8 MB at most")
    }
    let text: EncodedText
    do throws(ExchangeError) { text = try EncodedText(bytes) } catch {
      throw Refusal(ja: "文字コードが分かりません(UTF-8 か Shift_JIS)", en: "in no encoding that is known here")
    }
    let decoder = FieldDecoder(text.encoding)
    var reader = CSVReader(text.bytes)
    guard let header = reader.next() else { throw Refusal(ja: "空のファイルです", en: "an empty file") }
    let names = header.fields.map { Self.normalised(decoder.decode($0).text) }
    var columns: [Column: Int] = [:]
    for column in Column.allCases {
      let places = names.indices.filter { column.names.contains(names[$0]) }
      guard places.count <= 1 else {
        throw Refusal(ja: "「\(names[places[1]])」の列が二つあります", en: "two columns are called \(names[places[1]])")
      }
      columns[column] = places.first
    }
    guard columns[.code] != nil, columns[.name] != nil, columns[.price] != nil || columns[.taxedPrice] != nil else {
      throw Refusal(
        ja: "商品コード・品名・単価の列が要ります。1 行目にあるのは: \(names.joined(separator: "、"))",
        en: "columns for a code, a name and a price are needed; the first line has: \(names.joined(separator: ", "))")
    }
    reader.width = names.count
    var seen: [String: Int] = [:]
    while let record = reader.next() {
      guard lines.count < Self.mostLines else {
        throw Refusal(ja: "行が多すぎます(\(Self.mostLines) 行まで)", en: "\(Self.mostLines) lines at most")
      }
      take(record, columns, decoder, &seen)
    }
  }

  private static func normalised(_ name: String) -> String {
    name.precomposedStringWithCompatibilityMapping.lowercased().filter { !$0.isWhitespace }
  }

  private mutating func note(_ record: CSVRecord, isRefused: Bool = true, _ ja: String, _ en: String) {
    guard problems.count < Self.mostProblems else { return }
    problems.append(Problem(line: record.line, ja: ja, en: en, isRefused: isRefused))
  }

  private mutating func take(
    _ record: CSVRecord, _ columns: [Column: Int], _ decoder: FieldDecoder, _ seen: inout [String: Int]
  ) {
    guard !record.isBroken else {
      isWhole = false
      return note(record, "引用符が閉じていません", "a quotation mark is not closed")
    }
    var isDamaged = false
    func cell(_ column: Column) -> String? {
      guard let place = columns[column], place < record.fields.count else { return nil }
      let decoded = decoder.decode(record.fields[place])
      if case .damaged = decoded { isDamaged = true }
      let text = decoded.text.trimmingCharacters(in: .whitespacesAndNewlines)
      return text.isEmpty ? nil : text
    }
    if let code = cell(.code) { mentioned.insert(code) }
    guard let code = cell(.code), code.unicodeScalars.count <= 60, let name = cell(.name) else {
      return note(record, "商品コードか品名がありません", "without a code or a name")
    }
    guard seen[code] == nil else {
      return note(
        record, "商品コード \(code) は \(seen[code]!) 行目にもあります", "the code \(code) stands in line \(seen[code]!) too")
    }
    let tax: Int64
    switch cell(.tax).map(Self.normalised) {
    case nil, "10", "10%", "0.1": tax = 100
    case "8", "8%", "0.08", "軽減": tax = 80
    case "0", "0%", "非課税": tax = 0
    case let other?: return note(record, "税率「\(other)」は 10%・8%・非課税のどれかです", "a rate of \(other) is none")
    }
    let untaxed = cell(.price), taxed = untaxed == nil ? cell(.taxedPrice) : nil
    guard let text = untaxed ?? taxed, let price = FixedPoint.read(text, places: Yen.places), Yen.prices.contains(price)
    else {
      return note(record, "単価「\(untaxed ?? taxed ?? "")」を読み取れません", "the price cannot be read")
    }
    var barCode = cell(.barCode)
    if let text = barCode, !CheckedNumber.isTradeItem(text) {
      note(record, isRefused: false, "JAN「\(text)」の検査数字が合いません(空けて取り込みます)", "the bar code does not check: left out")
      barCode = nil
    }
    guard !isDamaged else { return note(record, "文字が壊れています", "some text is damaged") }
    func count(_ column: Column) -> Int64? {
      cell(column).flatMap { FixedPoint.read($0, places: 0) }.flatMap { (1...1_000_000).contains($0) ? $0 : nil }
    }
    seen[code] = record.line
    lines.append(
      Line(
        code: code, name: String(name.prefix(200)), maker: cell(.maker).map { String($0.prefix(100)) },
        model: cell(.model).map { String($0.prefix(100)) }, barCode: barCode,
        unit: cell(.unit).map { String($0.prefix(20)) }, pack: count(.pack), step: count(.step),
        minimum: count(.minimum), price: taxed == nil ? price : Yen.untaxed(price, rate: tax), tax: tax))
  }
}
