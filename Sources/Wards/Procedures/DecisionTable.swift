/// A decision table (after DMN, cut down): of all rows exactly one fits every answer, which is proven before anybody may use it.
public struct DecisionTable: Hashable, Sendable {
  struct Column: Hashable, Sendable {
    var name: String
    var input: Expression
    var domain: Domain
  }

  enum Domain: Hashable, Sendable {
    case flag
    case integer(ClosedRange<Int64>)
    case words([String])
  }

  indirect enum Cell: Hashable, Sendable {
    case any
    case unknown
    case word(String)
    case integer(ClosedRange<Int64>)
    case several([Cell])

    func fits(_ value: Datum?) -> Bool {
      switch (self, value) {
      case (.any, _): true
      case (.unknown, nil), (.unknown, .null?): true
      case (.several(let cells), _): cells.contains { $0.fits(value) }
      case (.word(let word), .text(let text)?): word.utf8.elementsEqual(text.utf8)
      case (.word(let word), .flag(let flag)?): word == "\(flag)"
      case (.integer(let range), .integer(let number)?): range.contains(number)
      default: false
      }
    }
  }

  struct Rule: Hashable, Sendable {
    var cells: [Cell]
    var outputs: [String]
  }

  public let name: String
  let columns: [Column]
  let outputs: [String]
  let rules: [Rule]
  /// So many answers were looked at to prove it.
  private(set) var combinations = 0

  public static let mostRules = 200
  /// Cells that are looked at to prove it whole: number ranges are split where a rule's cells part, so it is few.
  public static let mostCells = 65_536

  init(_ name: String, _ document: Document) throws(ProcedureFault) {
    let path = "tables.\(name)"
    func fault(_ part: String, _ ja: String, _ en: String) -> ProcedureFault {
      ProcedureFault("\(path)\(part)", ja: ja, en: en)
    }
    self.name = name
    guard document["hit"]?.text ?? "unique" == "unique" else {
      throw fault(".hit", "hit は unique だけです", "hit is unique alone")
    }
    var columns: [Column] = []
    for entry in document["in"]?.entries ?? [] {
      guard let source = entry.value.text else {
        throw fault(".in.\(entry.key)", "式を書いてください", "an expression is needed")
      }
      let input: Expression
      do { input = try Expression(source) } catch { throw fault(".in.\(entry.key)", error.ja, error.en) }
      guard let domain = Self.domain(document["of"]?[entry.key]) else {
        throw fault(".of.\(entry.key)", "取りうる値を of に書いてください", "say under `of` what values it can have")
      }
      columns.append(Column(name: entry.key, input: input, domain: domain))
    }
    guard !columns.isEmpty else { throw fault(".in", "入力がありません", "it has no input") }
    self.columns = columns
    outputs = document["out"]?.texts ?? []
    guard !outputs.isEmpty else { throw fault(".out", "出力がありません", "it has no output") }
    var rules: [Rule] = []
    for (index, row) in (document["rules"]?.list ?? []).enumerated() {
      guard row.list.count == columns.count + outputs.count else {
        throw fault(".rules.\(index)", "列の数が合いません", "it has not as many cells as there are columns")
      }
      var cells: [Cell] = []
      for (column, cell) in zip(columns, row.list) {
        guard let cell = Self.cell(cell, column.domain) else {
          throw fault(".rules.\(index)", "「\(column.name)」の欄が読めません", "the cell of \(column.name) cannot be read")
        }
        cells.append(cell)
      }
      rules.append(Rule(cells: cells, outputs: row.list.dropFirst(columns.count).map { $0.text ?? "" }))
    }
    guard !rules.isEmpty, rules.count <= Self.mostRules else {
      throw fault(".rules", "規則は 1 から \(Self.mostRules) 行です", "it has from 1 to \(Self.mostRules) rules")
    }
    self.rules = rules
    try prove()
  }

  private static func domain(_ document: Document?) -> Domain? {
    if document?.text == "flag" { return .flag }
    let words = document?.texts ?? []
    if words.count == 2, let low = Int64(words[0]), let high = Int64(words[1]) {
      return low <= high ? .integer(low...high) : nil
    }
    return words.isEmpty ? nil : .words(words)
  }

  private static func cell(_ document: Document, _ domain: Domain) -> Cell? {
    guard let text = document.text else {
      let cells = document.list.map { cell($0, domain) }
      return cells.isEmpty || cells.contains(nil) ? nil : .several(cells.map { $0! })
    }
    switch text {
    case "-": return .any
    case "unknown": return .unknown
    default: break
    }
    switch domain {
    case .flag: return ["true", "false"].contains(text) ? .word(text) : nil
    case .words(let words): return words.contains(text) ? .word(text) : nil
    case .integer:
      if let number = Int64(text) { return .integer(number...number) }
      if let match = text.wholeMatch(of: /(-?\d{1,18})\.\.(-?\d{1,18})/), let low = Int64(match.1),
        let high = Int64(match.2), low <= high
      {
        return .integer(low...high)
      }
      guard let match = text.wholeMatch(of: /(<=|>=|<|>)(-?\d{1,18})/), let bound = Int64(match.2) else { return nil }
      switch match.1 {
      case "<": return .integer(Int64.min...(bound - 1))
      case "<=": return .integer(Int64.min...bound)
      case ">": return .integer((bound + 1)...Int64.max)
      default: return .integer(bound...Int64.max)
      }
    }
  }

  /// Values that stand for all that a column can have: of a range, one for each part between the bounds of its cells.
  private func samples(_ place: Int) -> [Datum?] {
    switch columns[place].domain {
    case .flag: return [.flag(true), .flag(false), nil]
    case .words(let words): return words.map { .text($0) } + [nil]
    case .integer(let range):
      var starts: Set<Int64> = [range.lowerBound]
      func note(_ cell: Cell) {
        switch cell {
        case .integer(let part):
          if range.contains(part.lowerBound) { starts.insert(part.lowerBound) }
          if part.upperBound < range.upperBound, part.upperBound >= range.lowerBound {
            starts.insert(part.upperBound + 1)
          }
        case .several(let cells): cells.forEach(note)
        default: break
        }
      }
      for rule in rules { note(rule.cells[place]) }
      return starts.sorted().map { .integer($0) } + [nil]
    }
  }

  /// - Throws: one answer that no rule fits, or that two do.
  private mutating func prove() throws(ProcedureFault) {
    let samples = columns.indices.map(samples)
    let count = samples.reduce(1) { $0 > Self.mostCells ? $0 : $0 * $1.count }
    guard count <= Self.mostCells else {
      throw ProcedureFault(
        "tables.\(name)", ja: "組合せが多すぎます(\(Self.mostCells) まで)", en: "more than \(Self.mostCells) combinations")
    }
    combinations = count
    for number in 0..<count {
      var rest = number
      let answer = samples.map { values in
        defer { rest /= values.count }
        return values[rest % values.count]
      }
      let fitting = rules.count { rule in zip(rule.cells, answer).allSatisfy { $0.fits($1) } }
      guard fitting > 1 || fitting == 0 && !answer.contains(nil) else { continue }
      let shown = zip(columns, answer).map { "\($0.name)=\($1.map(Self.shown) ?? "unknown")" }.joined(separator: ", ")
      throw ProcedureFault(
        "tables.\(name)", ja: fitting == 0 ? "どの規則にも当たらない答えがあります: \(shown)" : "二つ以上の規則に当たる答えがあります: \(shown)",
        en: fitting == 0 ? "no rule fits \(shown)" : "more than one rule fits \(shown)")
    }
  }

  private static func shown(_ datum: Datum) -> String {
    switch datum {
    case .null: "unknown"
    case .flag(let flag): "\(flag)"
    case .integer(let number): "\(number)"
    case .text(let text): text
    case .list, .map: "…"
    }
  }

  /// The first output for these inputs; nil where no rule fits, as where something is unknown.
  func output(_ inputs: [Datum?]) -> String? {
    rules.first { rule in zip(rule.cells, inputs).allSatisfy { $0.fits($1) } }?.outputs.first
  }

  /// All answers that there can be, before ranges are split.
  var answers: Int {
    columns.reduce(1) { count, column in
      switch column.domain {
      case .flag: count * 3
      case .words(let words): count * (words.count + 1)
      case .integer(let range): count * Int(clamping: range.upperBound - range.lowerBound + 2)
      }
    }
  }
}
