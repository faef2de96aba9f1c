/// Columns of text, as wide as their widest cell: right for full-width characters, which packages for tables count as one.
public struct TextTable {
  public struct Cell: ExpressibleByStringInterpolation {
    var text: String
    var style: Style

    public init(_ text: String, _ style: Style = .plain) {
      self.text = harmless(text)
      self.style = style
    }

    public init(stringLiteral value: String) { self.init(value) }
  }

  private var rows: [[Cell]] = []
  private let titles: [String]
  private let rightAligned: Set<Int>

  /// - Parameter titles: one for each column; those that begin with `>` align right.
  public init(_ titles: [String]) {
    self.titles = titles.map { $0.hasPrefix(">") ? String($0.dropFirst()) : $0 }
    rightAligned = Set(titles.indices.filter { titles[$0].hasPrefix(">") })
  }

  public var isEmpty: Bool { rows.isEmpty }

  public mutating func add(_ cells: [Cell]) { rows.append(cells) }
  public mutating func add(_ cells: [String]) { rows.append(cells.map { Cell($0) }) }

  /// - Parameter width: the last column is cut to fit, when given.
  public func lines(width: Int? = nil) -> [String] {
    let widths = titles.indices.map { column in
      ([titles[column]] + rows.compactMap { $0.count > column ? $0[column].text : nil }).map { displayWidth($0) }.max()
        ?? 0
    }
    func line(_ cells: [Cell]) -> String {
      var used = 0
      var line = ""
      for (column, cell) in cells.enumerated() {
        var text = cell.text
        let isLast = column == cells.count - 1
        if !isLast || rightAligned.contains(column) {
          text = fitted(text, to: widths[column], alignRight: rightAligned.contains(column))
        } else if let width {
          text = cut(text, to: max(4, width - used))
        }
        used += widths[column] + 2
        line += (column == 0 ? "" : "  ") + cell.style(text)
      }
      return line
    }
    let hasTitles = titles.contains { !$0.isEmpty }
    return (hasTitles ? [line(titles.map { Cell($0, .faint) })] : []) + rows.map(line)
  }

  public func show(indent: Int = 0, width: Int? = nil) {
    let space = String(repeating: " ", count: indent)
    for line in lines(width: width.map { $0 - indent }) { print(space + line) }
  }
}
