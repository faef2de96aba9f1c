import Foundation

/// Words of a drawing, in the reader's language.
public struct DrawingWords: Sendable {
  public var replaced: String
  public var beside: String
  public var settled: String
  public var knew: String
  public var time: @Sendable (Int64) -> String

  public init(
    replaced: String, beside: String, settled: String, knew: String, time: @escaping @Sendable (Int64) -> String
  ) {
    self.replaced = replaced
    self.beside = beside
    self.settled = settled
    self.knew = knew
    self.time = time
  }
}

extension Trace {
  /// Which event each one follows or stands beside, as places in `events`.
  private struct Edge {
    var from: Int
    var to: Int
    var isConflict: Bool
  }

  private var edges: [Edge] {
    var edges: [Edge] = []
    for (index, event) in events.enumerated() {
      func earlier(_ dot: String) -> [Int] {
        events.indices.prefix(index).filter {
          events[$0].writer.dot == dot && (event.field == nil || events[$0].field == event.field)
        }
      }
      edges += event.replaced.flatMap(earlier).map { Edge(from: $0, to: index, isConflict: false) }
      edges += event.beside.flatMap(earlier).map { Edge(from: $0, to: index, isConflict: true) }
    }
    return edges
  }

  /// For Graphviz: `dot -Tsvg`.
  public func dot(_ words: DrawingWords) -> String {
    func quoted(_ text: String) -> String {
      "\""
        + text.replacingOccurrences(of: "\\", with: "\\\\").replacingOccurrences(of: "\"", with: "\\\"")
        .replacingOccurrences(of: "\n", with: "\\n") + "\""
    }
    var lines = ["digraph trace {", "  rankdir=TB; node [shape=box, style=rounded, fontname=\"Noto Sans CJK JP\"];"]
    for (index, event) in events.enumerated() {
      let label =
        "\(event.field ?? "") \(event.shown)\n\(event.writer.ward ?? "") \(event.writer.dot)\n\(words.time(event.writer.time))"
      let colour =
        event.settled ? ", color=darkgreen, penwidth=2" : event.beside.isEmpty ? "" : ", color=red3, penwidth=2"
      lines.append("  e\(index) [label=\(quoted(label))\(colour)];")
    }
    for edge in edges {
      lines.append(
        edge.isConflict
          ? "  e\(edge.from) -> e\(edge.to) [style=dashed, color=red3, dir=none, constraint=false];"
          : "  e\(edge.from) -> e\(edge.to);")
    }
    return (lines + ["}"]).joined(separator: "\n") + "\n"
  }

  // MARK: SVG

  private static let columnWidth = 220
  private static let rowHeight = 78
  private static let boxWidth = 196
  private static let boxHeight = 54
  private static let top = 64

  /// One picture that needs nothing else: a column for each author, time downwards.
  public func svg(_ words: DrawingWords) -> String {
    var authors: [String] = []
    for event in events where !authors.contains(event.writer.author) { authors.append(event.writer.author) }
    let width = max(authors.count, 2) * Self.columnWidth + 24
    let height = Self.top + events.count * Self.rowHeight + 40
    func centre(_ index: Int) -> (x: Int, y: Int) {
      let column = authors.firstIndex(of: events[index].writer.author)!
      return (
        12 + column * Self.columnWidth + Self.columnWidth / 2, Self.top + index * Self.rowHeight + Self.boxHeight / 2
      )
    }
    var parts = [
      """
      <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(width) \(height)" width="\(width)" height="\(height)" \
      font-family="'Noto Sans CJK JP','Hiragino Sans','Yu Gothic',sans-serif" font-size="13">
      <style>.box{fill:#fff;stroke:#667}.beside .box{stroke:#c22;stroke-width:2.5}.settled .box{stroke:#177a3a;stroke-width:2.5}\
      .deleted .box{stroke-dasharray:4 3}.then{stroke:#667;fill:none}.conflict{stroke:#c22;stroke-dasharray:5 4;fill:none}\
      .faint{fill:#556;font-size:11px}.value{font-weight:600}.lane{stroke:#dde}</style>
      <defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto">\
      <path d="M0 0L8 4L0 8z" fill="#667"/></marker></defs>
      <rect width="100%" height="100%" fill="#fafbfc"/>
      """
    ]
    for (column, author) in authors.enumerated() {
      let x = 12 + column * Self.columnWidth + Self.columnWidth / 2
      let ward = events.first { $0.writer.author == author }?.writer.ward ?? ""
      parts.append("<line class=\"lane\" x1=\"\(x)\" y1=\"48\" x2=\"\(x)\" y2=\"\(height - 20)\"/>")
      parts.append("<text x=\"\(x)\" y=\"24\" text-anchor=\"middle\" class=\"value\">\(Self.escaped(ward))</text>")
      parts.append("<text x=\"\(x)\" y=\"41\" text-anchor=\"middle\" class=\"faint\">\(author)</text>")
    }
    for edge in edges {
      let (from, to) = (centre(edge.from), centre(edge.to))
      let (y1, y2) = (from.y + Self.boxHeight / 2, to.y - Self.boxHeight / 2)
      let middle = (y1 + y2) / 2
      let path = "M\(from.x) \(y1)C\(from.x) \(middle) \(to.x) \(middle) \(to.x) \(y2)"
      parts.append(
        edge.isConflict
          ? "<path class=\"conflict\" d=\"\(path)\"/>"
          : "<path class=\"then\" marker-end=\"url(#arrow)\" d=\"\(path)\"/>")
    }
    for (index, event) in events.enumerated() {
      let (x, y) = centre(index)
      let kind =
        event.settled ? "settled" : event.beside.isEmpty ? (event.field == nil ? "deleted" : "plain") : "beside"
      let note = event.settled ? words.settled : event.beside.isEmpty ? "" : words.beside
      let title = (event.field.map { "\($0) " } ?? "") + event.shown
      parts.append(
        """
        <g class="\(kind)"><title>\(Self.escaped("\(title)\n\(event.writer.dot) \(words.time(event.writer.time))\n\(words.knew) \(event.knew)"))</title>\
        <rect class="box" x="\(x - Self.boxWidth / 2)" y="\(y - Self.boxHeight / 2)" width="\(Self.boxWidth)" height="\(Self.boxHeight)" rx="7"/>\
        <text class="value" x="\(x)" y="\(y - 7)" text-anchor="middle">\(Self.escaped(Self.short(title)))</text>\
        <text class="faint" x="\(x)" y="\(y + 8)" text-anchor="middle">\(Self.escaped(words.time(event.writer.time))) #\(event.writer.dot.split(separator: "#").last ?? "")</text>\
        <text class="faint" x="\(x)" y="\(y + 22)" text-anchor="middle">\(Self.escaped(note))</text></g>
        """)
    }
    return parts.joined(separator: "\n") + "\n</svg>\n"
  }

  /// The picture in a page of its own.
  public func html(_ words: DrawingWords, title: String, notes: [String], language: String) -> String {
    let list = notes.map { "<li>\(Self.escaped($0))</li>" }.joined()
    return """
      <!doctype html><html lang="\(language)"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
      <title>\(Self.escaped(title))</title>
      <style>body{font:15px/1.6 'Noto Sans CJK JP','Hiragino Sans','Yu Gothic',sans-serif;margin:1.5rem;color:#223}\
      h1{font-size:1.2rem}.picture{overflow-x:auto;border:1px solid #dde;border-radius:8px}</style>
      <h1>\(Self.escaped(title))</h1><ul>\(list)</ul><div class="picture">
      \(svg(words))</div></html>

      """
  }

  /// At most about as much as a box holds: full-width characters count two.
  private static func short(_ text: String) -> String {
    var kept = ""
    var cells = 0
    for character in text {
      cells += character.unicodeScalars.first!.value < 0x1100 ? 1 : 2
      guard cells <= 27 else { return kept + "…" }
      kept.append(character)
    }
    return kept
  }

  private static func escaped(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      // Control characters are no XML.
      case "\u{0}"..."\u{8}", "\u{b}", "\u{c}", "\u{e}"..."\u{1f}", "\u{fffe}", "\u{ffff}": result += "\u{fffd}"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}
