import ArgumentParser
import ChangeModel
import Foundation
import Inspection
import Terminal

struct WatchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "watch",
    abstract: Language.pick("画面いっぱいに今の様子を示し続ける。", "A live view over the whole terminal."),
    discussion: Language.pick(
      "↑↓ PageUp PageDown で相手の表を動かし、q か Ctrl-C で終わります。", "↑↓ PageUp PageDown move over the peers; q or Ctrl-C ends it.")
  )
  @OptionGroup var options: SourceOptions
  @Option(help: ArgumentHelp(Language.pick("何秒ごとに見るか。", "Seconds between looks."))) var every = 1.0

  func validate() throws {
    guard (0.2...3_600).contains(every) else { throw ValidationError("--every: 0.2 … 3600") }
  }

  func run() throws {
    guard isatty(STDOUT_FILENO) == 1 else {
      throw Problem(
        "watch には端末が要ります。プログラムには status --json を", "watch needs a terminal; for a program there is status --json")
    }
    // What is wrong with the source is said before the screen is taken.
    var view = WatchView(source: options.source, at: try look())
    let screen = Screen()
    defer { screen.close() }
    var problem: String?
    repeat {
      screen.draw(view.lines(Screen.size, problem: problem))
      switch screen.wait(milliseconds: Int32(every * 1_000)) {
      case .stop: return
      case .key(let key):
        view.move(key, rows: Screen.size.rows)
        continue
      case .nothing: break
      }
      do {
        view = WatchView(source: options.source, at: try look(), after: view)
        problem = nil
      } catch {
        // The node may be starting anew: what was seen last stays, with the reason.
        problem = (error as? InspectionError).map(describe) ?? "\(error)"
      }
    } while true
  }

  private func look() throws -> Overview {
    try options.look(fetching: [.control]) { try StatusCommand.overview($0, options.source) }
  }
}

/// One moment of the live view, and what is needed for rates.
struct WatchView {
  private let source: String
  private let overview: Overview
  private let time: ContinuousClock.Instant
  /// Per second since the moment before.
  private var rates: [String: (bytesIn: Double, bytesOut: Double)] = [:]
  private var changeRate: Double?
  /// Change sets a second of the last looks, the newest last.
  private var history: [Double] = []
  /// The first peer that is shown.
  private var first = 0

  private static let historyLimit = 240

  init(source: String, at overview: Overview, after before: WatchView? = nil) {
    self.source = source
    self.overview = overview
    time = .now
    guard let before else { return }
    let seconds = max((time - before.time) / .seconds(1), 0.001)
    for peer in overview.peers {
      guard let now = peer.live, let then = before.overview.peers.first(where: { $0.node == peer.node })?.live,
        let inNow = now.bytesIn, let inThen = then.bytesIn, let outNow = now.bytesOut, let outThen = then.bytesOut,
        inNow >= inThen, outNow >= outThen
      else { continue }
      rates[peer.node] = (Double(inNow - inThen) / seconds, Double(outNow - outThen) / seconds)
    }
    let (count, earlier) = (Self.changeSets(overview), Self.changeSets(before.overview))
    changeRate = Double(max(0, count - earlier)) / seconds
    first = before.first
    history = Array((before.history + [changeRate!]).suffix(Self.historyLimit))
  }

  mutating func move(_ key: Screen.Key, rows: Int) {
    let page = max(1, rows / 2)
    let step: Int =
      switch key {
      case .up: -1
      case .down: 1
      case .pageUp: -page
      case .pageDown: page
      case .home: -first
      case .end: overview.peers.count
      case .other: 0
      }
    first = min(max(0, first + step), max(0, overview.peers.count - 1))
  }

  private static func changeSets(_ overview: Overview) -> Int { overview.lanes.reduce(0) { $0 + $1.changeSets } }

  func lines(_ size: (columns: Int, rows: Int), problem: String?) -> [String] {
    let text = StatusText(overview)
    let width = size.columns
    var lines = [title(width)]
    lines.append(problem.map { Style.bad(cut("✗ " + harmless($0), to: width)) } ?? fittedVerdict(text, width))
    lines.append("")
    lines += laneLines(width)
    lines.append("")
    // What is left between head and foot is the peers'; those that need a look come first.
    let room = max(3, size.rows - lines.count - footRows(size))
    lines += peerLines(width, room: room)
    let foot = footLines(size, width)
    while lines.count + foot.count < size.rows { lines.append("") }
    return lines + foot
  }

  private func title(_ width: Int) -> String {
    let name = "\(overview.wardName ?? "?") \(overview.node.map { Text.node($0, overview.ward) } ?? "?")"
    let drill = overview.drill == true ? Language.pick(" 訓練", " drill") : ""
    let state =
      overview.source.running || source.hasPrefix("http")
      ? Language.pick("稼働中", "running") : Language.pick("停止中", "at rest")
    let left = " renkei-inspect watch  \(name)\(drill)  \(state)"
    let clock = Text.time(WallClock.milliseconds) + " "
    return Style.reversed(fitted(left, to: max(0, width - displayWidth(clock))) + clock)
  }

  private func fittedVerdict(_ text: StatusText, _ width: Int) -> String {
    let styled = text.verdict
    // Cutting must not cut an escape sequence: only what fits is styled.
    return displayWidth(Self.plain(styled)) <= width ? styled : cut(Self.plain(styled), to: width)
  }

  private static func plain(_ text: String) -> String {
    text.replacing(/\u{1b}\[[0-9;]*m/, with: "")
  }

  private func laneLines(_ width: Int) -> [String] {
    var parts: [String] = []
    for lane in overview.lanes {
      let waiting = lane.waiting > 0 ? Language.pick(" 待機 \(lane.waiting)", " \(lane.waiting) wait") : ""
      parts.append("\(Text.lane(lane.lane)) \(lane.changeSets)\(waiting)")
    }
    var lines = [cut(" " + parts.joined(separator: "   "), to: width)]
    let rate = changeRate.map { Language.pick("毎秒 \(Self.number($0)) 件", "\(Self.number($0)) change sets/s") } ?? ""
    let disk = overview.disk.map { "\(Text.bytes($0.database)) + WAL \(Text.bytes($0.writeAheadLog))" } ?? ""
    lines.append(
      cut(
        Language.pick(
          " 食い違い \(overview.conflicts)   保留 \(overview.quarantined)   \(rate)   \(disk)",
          " \(Text.count(overview.conflicts, "conflict"))   \(overview.quarantined) refused   \(rate)   \(disk)"),
        to: width))
    if width >= 60, history.count > 1 { lines.append(" " + Style.faint(sparkline(width - 2))) }
    return lines
  }

  /// Change sets a second over time, one column for each look.
  private func sparkline(_ width: Int) -> String {
    let marks = Array(" ▁▂▃▄▅▆▇█")
    let shown = history.suffix(width)
    let most = max(shown.max() ?? 0, 1)
    return String(shown.map { marks[min(8, Int(($0 / most * 8).rounded(.up)))] })
  }

  private static func number(_ value: Double) -> String { String(format: value < 10 ? "%.1f" : "%.0f", value) }

  private func peerLines(_ width: Int, room: Int) -> [String] {
    func needsLook(_ peer: Overview.Peer) -> Int {
      (peer.live.map { $0.state == "up" ? 0 : 2 } ?? 0) + ((peer.live?.lacks ?? peer.lacksAtMost) > 0 ? 1 : 0)
    }
    let peers = overview.peers.enumerated().sorted {
      (needsLook($1.element), $0.offset) < (needsLook($0.element), $1.offset)
    }.map(\.element)
    let isWide = width >= 110
    var table = TextTable(
      [
        Language.pick("相手", "peer"), "", Language.pick("接続", "link"), Language.pick("連絡", "heard"),
        Language.pick(">足りない", ">lacks"), Language.pick(">量", ">bytes"),
      ] + (isWide ? [Language.pick(">所要", ">takes")] : [])
        + (width >= 70 ? [Language.pick(">受信/s", ">in/s"), Language.pick(">送信/s", ">out/s")] : [])
        + (isWide ? [Language.pick(">往復", ">rtt"), Language.pick("道", "road")] : []))
    // As many as there is room for, and the last ones when there are no more.
    let shown = max(1, room - 2)
    let first = min(first, max(0, peers.count - shown))
    for peer in peers.dropFirst(first).prefix(shown) {
      let live = peer.live
      let (state, style) = StatusText.state(live?.state)
      let lacks = live?.lacks ?? peer.lacksAtMost
      let rate = rates[peer.node]
      var cells = [
        TextTable.Cell(peer.wardName ?? "?"), TextTable.Cell(Text.node(peer.node, peer.ward)),
        TextTable.Cell(state, style),
        TextTable.Cell(Text.ago(live?.lastHeard ?? peer.lastHeard, now: WallClock.milliseconds)),
        TextTable.Cell((live?.lacks == nil && lacks > 0 ? "≤" : "") + "\(lacks)", lacks > 0 ? .warning : .plain),
        TextTable.Cell(lacks == 0 ? "" : Text.bytes(live?.lacksBytes ?? peer.lacksBytesAtMost)),
      ]
      if isWide { cells.append(TextTable.Cell(lacks == 0 ? "" : peer.seconds.map { Text.span($0) } ?? "–")) }
      if width >= 70 {
        cells += [
          TextTable.Cell(rate.map { Text.bytes(Int($0.bytesIn)) } ?? ""),
          TextTable.Cell(rate.map { Text.bytes(Int($0.bytesOut)) } ?? ""),
        ]
      }
      if isWide {
        cells += [
          TextTable.Cell(live?.roundTripMilliseconds.map { "\($0) ms" } ?? ""),
          TextTable.Cell(
            [live?.address, peer.road.map { "\(Text.road($0.kind)) \(Text.rate(Double($0.bitsPerSecond)))" }]
              .compactMap { $0 }.joined(separator: "  ")),
        ]
      }
      table.add(cells)
    }
    var lines = table.lines(width: width - 1).map { " " + $0 }
    if peers.count > shown {
      let (above, below) = (first, peers.count - first - shown)
      lines.append(
        Style.faint(
          cut(Language.pick(" … 上に \(above)、下に \(below) 相手", " … \(above) peers above, \(below) below"), to: width)))
    }
    return lines
  }

  // MARK: What waits and what was refused

  private func footRows(_ size: (columns: Int, rows: Int)) -> Int { min(overview.waiting.count + 2, size.rows / 3) }

  private func footLines(_ size: (columns: Int, rows: Int), _ width: Int) -> [String] {
    let room = footRows(size) - 1
    var lines: [String] = []
    for entry in overview.waiting.prefix(max(0, room)) {
      let needs = entry.needs.map { "\(Text.log($0)) #\(entry.needsSequence ?? 0)" } ?? "?"
      lines.append(
        Style.warning(
          cut(
            Language.pick(
              " 待機 \(Text.log(entry.log)) \(entry.count) 件 ← \(needs)",
              " waits \(Text.log(entry.log)) \(entry.count) ← \(needs)"),
            to: width)))
    }
    if lines.isEmpty, let last = overview.quarantine.first {
      lines.append(
        Style.faint(
          cut(
            Language.pick(
              " 最後の保留 \(Text.time(last.at)) \(harmless(last.source)): \(harmless(last.reason))",
              " last refused \(Text.time(last.at)) \(harmless(last.source)): \(harmless(last.reason))"), to: width)))
    }
    return lines + [Style.faint(cut(Language.pick(" ↑↓ で移動、q で終了", " ↑↓ move, q ends"), to: width))]
  }
}
