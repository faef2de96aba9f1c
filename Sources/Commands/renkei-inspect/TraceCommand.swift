import ArgumentParser
import ChangeModel
import Foundation
import Inspection
import Terminal

struct TraceCommand: ParsableCommand {
  enum Format: String, ExpressibleByArgument, CaseIterable { case text, json, dot, svg, html }

  static let configuration = CommandConfiguration(
    commandName: "trace",
    abstract: Language.pick(
      "一つの値の一生: 誰が、いつ、何を知って書き、何に代わったか。",
      "The life of a value: who wrote what, when, knowing what, and what it replaced."))
  @OptionGroup var options: SourceOptions
  @Argument(help: ArgumentHelp(Language.pick("表。", "The table."))) var table: String
  @Argument(
    help: ArgumentHelp(
      Language.pick(
        "行の番号、または一つの行だけにある文字列(名称など)。", "The row's id, or a text that one row alone holds, such as its name."))) var row:
    String
  @Argument(help: ArgumentHelp(Language.pick("項目。省けば全項目。", "The field; all without it."))) var field: String?
  @Option(help: ArgumentHelp(Language.pick("text、json、dot、svg、html。", "text, json, dot, svg or html."))) var format =
    Format.text
  @Option(
    name: .shortAndLong, help: ArgumentHelp(Language.pick("書き出すファイル。", "The file to write."), valueName: "file"))
  var output: String?

  func run() throws {
    let progress = Progress()
    let trace = try options.look { evidence in
      let collection = try evidence.collection(named: table)
      let chosen = try field.map { name in
        guard let found = collection.field(named: name) else {
          throw InspectionError.noSuchField(name, known: collection.fields.map(\.name))
        }
        return found
      }
      return try Trace(evidence, collection, try evidence.row(named: row, in: collection), field: chosen) {
        progress.update($0, of: nil, Language.pick("たどっています", "tracing"))
      }
    }
    progress.finish()
    let words = DrawingWords(
      replaced: Language.pick("置き換え", "replaced"), beside: Language.pick("並んだ値(食い違い)", "beside another (conflict)"),
      settled: Language.pick("食い違いを解決", "settled a conflict"),
      knew: Language.pick("知っていた他の記録", "others' change sets known:"),
      time: { Text.time($0) })
    switch options.common.json ? .json : format {
    case .json: printJSON(trace)
    case .text: show(trace)
    case .dot: try write(trace.dot(words))
    case .svg: try write(trace.svg(words))
    case .html:
      let title = "\(trace.table) \(trace.row) \(trace.field ?? "")"
      try write(
        trace.html(
          words, title: title, notes: standingLines(trace) + gapLines(trace), language: Language.current.rawValue))
    }
  }

  private func write(_ text: String) throws {
    guard let output else { return print(text, terminator: "") }
    guard FileManager.default.createFile(atPath: output, contents: Data(text.utf8)) else {
      throw Problem("書き込めません: \(output)", "cannot write: \(output)")
    }
  }

  private func show(_ trace: Trace) {
    print(Style.strong(harmless("\(trace.table) \(trace.row) \(trace.field ?? "")")))
    for event in trace.events {
      let style: Style = event.settled ? .good : event.beside.isEmpty ? .plain : .warning
      print(
        Style.faint(Text.time(event.writer.time))
          + "  \(event.writer.ward ?? "") \(harmless(event.person ?? event.writer.author))  "
          + style(harmless("\(event.field ?? Language.pick("行を削除", "row deleted")) \(event.shown)")))
      let doubt = Language.pick("時計が合っていないノードの時刻", "by a clock that was wrong")
      var notes = [event.writer.clockDoubted ? doubt : nil, event.action.map { harmless($0) }, event.writer.dot]
        .compactMap { $0 }
      for gap in event.unseen {
        let stretch = "\(gap.ward ?? gap.author) #\(gap.from)" + (gap.to > gap.from ? "–#\(gap.to)" : "")
        notes.append(Language.pick("知らなかった記録: \(stretch)", "did not know \(stretch)"))
      }
      if !event.replaced.isEmpty {
        let list = event.replaced.joined(separator: ", ")
        notes.append(
          event.settled
            ? Language.pick("食い違いを解決: \(list) に代わる", "settled a conflict: replaces \(list)")
            : Language.pick("\(list) に代わる", "replaces \(list)"))
      }
      if !event.beside.isEmpty {
        let list = event.beside.joined(separator: ", ")
        notes.append(Language.pick("知らずに並んだ: \(list)", "unknowing beside \(list)"))
      }
      if let shown = event.showsAfter, !event.beside.isEmpty {
        notes.append(Language.pick("示される値: \(shown.shown)", "shown: \(shown.shown)"))
      }
      print("      " + Style.faint(harmless(notes.joined(separator: Language.pick("、", "; ")))))
    }
    for line in standingLines(trace) { print(harmless(line)) }
    for line in gapLines(trace) { print(Style.warning(line)) }
  }

  private func standingLines(_ trace: Trace) -> [String] {
    trace.standing.map { standing in
      let values = standing.values.map { "\($0.value.shown) (\($0.dot))" }.joined(separator: " | ")
      let agrees = standing.table.map { $0 == standing.values.first?.value } ?? true
      return Language.pick("今: \(standing.field) ", "now: \(standing.field) ") + values
        + (agrees
          ? ""
          : Language.pick(" — 表の値は \(standing.table!.shown) で異なります", " — but the table holds \(standing.table!.shown)"))
    }
  }

  private func gapLines(_ trace: Trace) -> [String] {
    var lines: [String] = []
    if trace.sealedSections > 0 {
      lines.append(Language.pick("開けない封が \(trace.sealedSections) あります", "\(trace.sealedSections) sections are sealed"))
    }
    if trace.unreadable > 0 {
      lines.append(Language.pick("読めない記録が \(trace.unreadable) あります", "\(trace.unreadable) change sets cannot be read"))
    }
    return lines
  }
}
