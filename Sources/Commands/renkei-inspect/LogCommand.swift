import ArgumentParser
import Causality
import ChangeModel
import Foundation
import Inspection
import SignedLog
import Terminal

struct LogCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "log",
    abstract: Language.pick("変更記録を、鍵で読める限り解いて示す。", "The change sets, decoded as far as the keys allow."),
    discussion: Language.pick(
      "何も選ばなければ新しい 50 件を古い順に示します。--json は 1 行に 1 件です。",
      "Without a choice, the newest 50, oldest first. --json prints one object on each line."))
  @OptionGroup var options: SourceOptions
  @Option(
    help: ArgumentHelp(Language.pick("書き手: 区コード、区名、12.1 または 12.1.0。", "Author: a ward's code or name, 12.1 or 12.1.0."))
  ) var author: String?
  @Option(help: ArgumentHelp(Language.pick("control、life、supply、registry。", "control, life, supply or registry.")))
  var lane: String?
  @Option(help: ArgumentHelp(Language.pick("番号の範囲: 5、5..9、5..。", "Sequences: 5, 5..9 or 5.."))) var range: String?
  @Option(help: ArgumentHelp(Language.pick("この時刻から(2026-01-17T05:46)。", "From this time on (2026-01-17T05:46).")))
  var since: String?
  @Option(help: ArgumentHelp(Language.pick("この時刻まで。", "Until this time."))) var until: String?
  @Option(help: ArgumentHelp(Language.pick("この表に触れるもの。", "Those that touch this table."))) var table: String?
  @Option(parsing: .unconditional, help: ArgumentHelp(Language.pick("この行に触れるもの。", "Those that touch this row.")))
  var row: Int64?
  @Option(help: ArgumentHelp(Language.pick("何件まで(新しい方から)。", "How many, the newest."))) var limit: Int?
  @Flag(help: ArgumentHelp(Language.pick("すべて。", "All of them."))) var all = false
  @Flag(
    help: ArgumentHelp(
      Language.pick("一件の編集をすべて示す(普通は 3 行まで)。", "Show every edit of a change set, not the first three."))) var full =
    false
  @Flag(help: ArgumentHelp(Language.pick("新しい記録を待って続ける。", "Wait for new ones and go on."))) var follow = false

  func validate() throws {
    if let limit, limit < 1 { throw ValidationError("--limit: 1 …") }
  }

  func run() throws {
    if follow { return try followLog() }
    try options.look { evidence in
      try evidence.probe()
      let filter = try filter(evidence)
      let naming = Naming(evidence)
      if table != nil || row != nil, evidence.papers.identity == nil {
        Opening.note(
          "鍵がないので、封のある記録の中は探せません(--keys)", "without keys, what is sealed cannot be looked through (--keys)")
      }
      if options.common.json, limit == nil {
        return try filter.forEach(in: evidence) { printJSON(LogLine($0, naming)) }
      }
      if !options.common.json { showDamage(evidence) }
      if all {
        return try filter.forEach(in: evidence) { show(LogLine($0, naming)) }
      }
      var newest = NewestLines(limit: limit ?? 50)
      let progress = Progress()
      var looked = 0
      try filter.forEach(in: evidence) { changeSet in
        looked += 1
        progress.update(looked, of: nil, Language.pick("読んでいます", "reading"))
        newest.add(changeSet)
      }
      progress.finish()
      let shown = newest.sorted
      for changeSet in shown { show(LogLine(changeSet, naming)) }
      if shown.isEmpty, !options.common.json { print(Language.pick("当てはまる変更記録はありません", "no change set matches")) }
      if newest.left > 0, !options.common.json {
        print(Style.faint(Language.pick("… 古い \(newest.left) 件は --all で", "… \(newest.left) older ones with --all")))
      }
    }
  }

  private func followLog() throws {
    let follower = LogFollower()
    var isFirst = true
    while true {
      try options.look { evidence in
        let filter = try filter(evidence)
        let naming = Naming(evidence)
        var newest = NewestLines(limit: limit ?? (isFirst ? 10 : .max))
        try follower.advance(evidence) { changeSet, _ in if filter.admits(changeSet) { newest.add(changeSet) } }
        for changeSet in newest.sorted { show(LogLine(changeSet, naming)) }
      }
      isFirst = false
      fflush(nil)
      usleep(500_000)
    }
  }

  private func filter(_ evidence: Evidence) throws -> LogFilter {
    var filter = LogFilter()
    if let lane {
      guard let found = Lane.allCases.first(where: { $0.name == lane }) else {
        throw Problem("レーンの名前ではありません: \(lane)", "not a lane: \(lane)")
      }
      filter.lanes = [found]
    }
    if let author {
      filter.authors = try Naming(evidence).authors(named: author, among: evidence.logNames().map(\.author))
    }
    if let range {
      let parts = range.components(separatedBy: "..")
      guard let first = SequenceNumber(parts[0]), parts.count <= 2,
        let last = parts.count == 1 ? first : parts[1].isEmpty ? sequenceLimit : SequenceNumber(parts[1]), first <= last
      else { throw Problem("範囲ではありません: \(range)(例: 5..9)", "not a range: \(range) (such as 5..9)") }
      (filter.from, filter.through) = (max(first, 1), last)
    }
    filter.since = try since.map { try time($0) }
    filter.until = try until.map { try time($0) }
    if let table { filter.collection = try evidence.collection(named: table).number }
    filter.row = row.map { RowID(rawValue: $0) }
    return filter
  }

  private func time(_ text: String) throws -> Int64 {
    guard let time = Text.parse(text) else {
      throw Problem("時刻ではありません: \(text)(例: 2026-01-17T05:46)", "not a time: \(text) (such as 2026-01-17T05:46)")
    }
    return time
  }

  private func show(_ line: LogLine) {
    if options.common.json { return printJSON(line) }
    print(
      Style.strong("\(Text.log(line.log)) #\(line.sequence)") + " \(line.ward ?? "")  \(Text.time(line.time))  "
        + Style.faint(Text.bytes(line.bytes)))
    if !line.saw.isEmpty {
      let saw = line.saw.map { "\(Text.log($0.log)) #\($0.sequence)" }.joined(separator: Language.pick("、", ", "))
      print("    " + Style.faint(Language.pick("見た: ", "saw: ") + saw))
    }
    if let fault = line.fault { print("    " + Style.bad(fault)) }
    for section in line.sections {
      switch section.state {
      case "sealed":
        print(
          "    "
            + Style.faint(
              Language.pick(
                "封がされています(鍵 \(section.key)、\(section.bytes) バイト)", "sealed (key \(section.key), \(section.bytes) bytes)"
              )))
      case "malformed": print("    " + Style.bad(Language.pick("中身が読めません", "its content makes no sense")))
      default:
        // What was asked for comes first.
        let asked = section.edits.filter { row != nil && $0.row == "\(row!)" || table != nil && $0.table == table }
        let edits = asked.isEmpty ? section.edits : asked
        let shown = full ? edits[...] : edits.prefix(3)
        for edit in shown {
          let text = harmless("\(edit.table) \(edit.row): \(edit.shown)")
          print("    " + (full ? text : cut(text, to: max(40, (Text.width ?? 160) - 4))))
        }
        let left = section.edits.count - shown.count
        if left > 0 {
          print("    " + Style.faint(Language.pick("… 他 \(left) 行(--full)", "… \(left) more rows (--full)")))
        }
      }
    }
  }
}

/// The newest so many change sets by time, whatever the order in which they come.
private struct NewestLines {
  let limit: Int
  private(set) var left = 0
  private var kept: [ReadChangeSet] = []

  init(limit: Int) { self.limit = max(1, limit) }

  mutating func add(_ changeSet: ReadChangeSet) {
    kept.append(changeSet)
    // Twice as many before sorting: each is looked at a constant number of times.
    if limit < .max / 2, kept.count >= 2 * limit { cut() }
  }

  private mutating func cut() {
    kept.sort { Self.key($0) < Self.key($1) }
    let surplus = max(0, kept.count - limit)
    left += surplus
    kept.removeFirst(surplus)
  }

  var sorted: [ReadChangeSet] {
    mutating get {
      cut()
      return kept
    }
  }

  private static func key(_ changeSet: ReadChangeSet) -> (UInt64, UInt32, UInt32) {
    (changeSet.header?.time.rawValue ?? 0, changeSet.log.author.rawValue, changeSet.sequence)
  }
}
