import ArgumentParser
import ChangeModel
import Inspection
import Runbook
import Terminal

struct StatusCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status",
    abstract: Language.pick(
      "誰か、どこまで知っているか、何を待っているか、誰に何が足りないか。",
      "Who it is, how far it knows, what it waits for, who lacks what."))
  @OptionGroup var options: SourceOptions
  @Flag(help: ArgumentHelp(Language.pick("すべてのログの時計を示す。", "Show every log's clock."))) var clock = false

  func run() throws {
    let overview = try options.look(fetching: [.control]) { try Self.overview($0, options.source) }
    if options.common.json { printJSON(overview) } else { StatusText(overview).show(clock: clock) }
    if ["attention", "broken"].contains(overview.verdict.level) { throw ExitCode(1) }
  }

  static func overview(_ evidence: Evidence, _ source: String) throws -> Overview {
    let topology = Opening.topology(source)
    let own = try evidence.owner().flatMap { evidence.papers.ward(of: $0)?.code }
    let roads = topology?.links.filter { link in own.map(link.between.contains) ?? false } ?? []
    let live = Opening.live(source, evidence)
    return try Overview(
      evidence, live: live?.links, problems: live?.problems,
      road: { ward in
        roads.filter { $0.between.contains(ward) }.max { $0.bitsPerSecond < $1.bitsPerSecond }
          .map { PlannedRoad(kind: $0.kind.rawValue, bitsPerSecond: $0.bitsPerSecond) }
      }, now: WallClock.milliseconds)
  }
}

/// An overview for a person.
struct StatusText {
  let overview: Overview
  let now: Int64

  init(_ overview: Overview) {
    self.overview = overview
    now = WallClock.milliseconds
  }

  func show(clock: Bool) {
    print(verdict)
    showProblems()
    showIdentity()
    showLanes()
    if clock { showClock() }
    showPeers()
    showWaiting()
    showQuarantine()
    for damage in overview.damage { print(Style.bad("✗ ") + describe(damage)) }
  }

  var verdict: String {
    let words: [String: (String, String, Style)] = [
      "sound": ("● 正常", "● SOUND", .good), "behind": ("● 遅れあり", "● BEHIND", .warning),
      "attention": ("! 要確認", "! ATTENTION", .bad), "broken": ("✗ 使えません", "✗ BROKEN", .bad),
      "unchecked": ("● 未確認(verify で確かめます)", "● UNCHECKED (run verify)", .faint),
    ]
    let (ja, en, style) = words[overview.verdict.level]!
    guard let worst = overview.verdict.reasons.first, worst.level != .sound else {
      let nothing = Language.pick("足りないものは知られていません", "nobody is known to lack anything")
      return style(Language.pick(ja, en)) + " — " + nothing
    }
    return style(Language.pick(ja, en)) + " — " + Self.sentence(worst)
  }

  /// One problem in one line.
  static func sentence(_ problem: Runbook.Problem) -> String {
    var text = harmless(Language.pick(problem.sentence.ja, problem.sentence.en))
    if let since = problem.since { text += Language.pick("、\(Text.time(since)) から", ", since \(Text.time(since))") }
    return text
  }

  /// All that is wrong, the worst first, each with the first thing to do.
  private func showProblems() {
    for problem in overview.verdict.reasons {
      let sign =
        switch problem.level {
        case .broken: Style.bad("✗")
        case .attention: Style.bad("!")
        case .behind: Style.warning("·")
        case .sound: Style.faint("·")
        }
      print("  \(sign) \(Self.sentence(problem))")
      guard problem.level >= .behind, let step = problem.code.page.steps.first else { continue }
      // As it is typed for this node.
      let command = step.command.map { "  " + $0.replacing("DIR", with: overview.source.name) } ?? ""
      print(Style.faint("      → \(Language.pick(step.ja, step.en))\(command)"))
    }
    if overview.verdict.reasons.contains(where: { $0.level >= .behind }) {
      print(
        Style.faint(
          Language.pick(
            "  くわしくは renkei-inspect explain \(overview.verdict.reasons[0].code.rawValue)",
            "  more: renkei-inspect explain \(overview.verdict.reasons[0].code.rawValue)")))
    }
  }

  private func showIdentity() {
    let drill = overview.drill == true ? Language.pick("(訓練)", " (drill)") : ""
    let name = overview.wardName.map(harmless) ?? Language.pick("所属不明", "of an unknown ward")
    let node = overview.node.map { Text.node($0, overview.ward) } ?? "?"
    let running = overview.source.running ? Language.pick("稼働中", "running") : Language.pick("停止中", "at rest")
    switch overview.source.kind {
    case .bundle: print(Language.pick("バンドル \(overview.source.name)", "bundle \(overview.source.name)"))
    default:
      print(
        Language.pick(
          "\(name) \(node)、\(running)",
          "\(name) \(node), \(running)"))
    }
    print(
      Language.pick(
        "連合 \(harmless(overview.federationName ?? "")) \(overview.federation ?? "?")\(drill)、登録ノード \(overview.members)",
        "federation \(harmless(overview.federationName ?? "")) \(overview.federation ?? "?")\(drill), \(overview.members) nodes enrolled"
      ))
    if let disk = overview.disk {
      let free = disk.free.map { Language.pick("、空き \(Text.bytes($0))", ", \(Text.bytes($0)) free") } ?? ""
      print(
        Language.pick(
          "ディスク \(Text.bytes(disk.database))(書き込みログ \(Text.bytes(disk.writeAheadLog)))\(free)",
          "disk \(Text.bytes(disk.database)) (write-ahead log \(Text.bytes(disk.writeAheadLog)))\(free)"))
    }
  }

  private func showLanes() {
    var table = TextTable([
      Language.pick("レーン", "lane"), Language.pick(">書き手", ">authors"), Language.pick(">変更記録", ">change sets"),
      Language.pick(">待機", ">waiting"),
    ])
    for lane in overview.lanes {
      table.add([
        TextTable.Cell(Text.lane(lane.lane)), TextTable.Cell("\(lane.authors)"), TextTable.Cell("\(lane.changeSets)"),
        TextTable.Cell("\(lane.waiting)", lane.waiting > 0 ? .warning : .plain),
      ])
    }
    table.show(indent: 2)
  }

  private func showClock() {
    var table = TextTable([
      Language.pick("ログ", "log"), Language.pick("区", "ward"), Language.pick(">保存", ">kept"),
      Language.pick(">表に反映", ">merged"), Language.pick("最新の時刻", "newest"), Language.pick("先頭", "head"),
    ])
    for entry in overview.clock {
      table.add([
        Text.log(entry.log), entry.ward ?? "", "\(entry.logged)", "\(entry.merged)",
        entry.time > 0 ? Text.time(entry.time) : "–", String(entry.hash.prefix(8)),
      ])
    }
    table.show(indent: 2)
  }

  private var isRemote: Bool { overview.source.kind == .address }

  func peerTable() -> TextTable {
    var table = TextTable([
      Language.pick("相手", "peer"), "", Language.pick("接続", "link"), Language.pick("最後の連絡", "heard"),
      Language.pick(">足りない", ">lacks"), Language.pick(">うち送信中", ">on its way"), Language.pick(">量", ">bytes"),
      Language.pick(">所要", ">takes"),
      Language.pick("道", "road"),
    ])
    for peer in overview.peers {
      let live = peer.live
      let (state, style) = Self.state(live?.state)
      let lacks = live?.lacks ?? peer.lacksAtMost
      let isExact = live?.lacks != nil
      let bytes = live?.lacksBytes ?? (isExact ? 0 : peer.lacksBytesAtMost)
      table.add([
        TextTable.Cell(peer.wardName ?? "?"), TextTable.Cell(Text.node(peer.node, peer.ward)),
        TextTable.Cell(state, style), TextTable.Cell(Text.ago(live?.lastHeard ?? peer.lastHeard, now: now)),
        TextTable.Cell((isExact || lacks == 0 ? "" : "≤ ") + "\(lacks)", lacks > 0 ? .warning : .plain),
        TextTable.Cell(live?.onTheirWay.flatMap { $0 > 0 ? "\($0)" : nil } ?? ""),
        // Of a node at an address only the control lane was fetched: what the others weigh, nobody here knows.
        TextTable.Cell(lacks == 0 || isRemote && live?.lacksBytes == nil ? "" : Text.bytes(bytes)),
        TextTable.Cell(
          lacks == 0 || isRemote && live?.lacksBytes == nil ? "" : peer.seconds.map { Text.span($0) } ?? "–"),
        TextTable.Cell(road(peer)),
      ])
    }
    return table
  }

  static func state(_ state: String?) -> (String, Style) {
    switch state {
    case "up"?: (Language.pick("接続", "up"), .good)
    case "down"?: (Language.pick("切断", "down"), .bad)
    case "cut"?: (Language.pick("遮断", "cut"), .warning)
    case "banned"?: (Language.pick("隔離", "banned"), .bad)
    case "revoked"?: (Language.pick("失効", "revoked"), .faint)
    default: ("–", .faint)
    }
  }

  private func road(_ peer: Overview.Peer) -> String {
    var parts: [String] = []
    if let live = peer.live, let address = live.address {
      let arrow = live.outgoing.map { $0 ? "→ " : "← " } ?? ""
      parts.append("\(arrow)\(address)")
      if let round = live.roundTripMilliseconds { parts.append("\(round) ms") }
      if let ahead = live.clockAheadMilliseconds, abs(ahead) > 15_000 {
        let span = Text.span(Double(abs(ahead)) / 1_000)
        parts.append(
          ahead > 0
            ? Language.pick("時計が\(span)先", "its clock is \(span) ahead")
            : Language.pick("時計が\(span)遅れ", "its clock is \(span) behind"))
      }
    }
    if let measured = peer.live?.bytesPerSecondMeasured {
      let rate = Text.rate(Double(measured * 8))
      parts.append(Language.pick("実測 \(rate)", "measured \(rate)"))
    }
    if let limit = peer.live?.bytesPerSecondLimit {
      let rate = Text.rate(Double(limit * 8))
      parts.append(Language.pick("制限 \(rate)", "limited to \(rate)"))
    }
    if let road = peer.road {
      let planned = "\(Text.road(road.kind)) \(Text.rate(Double(road.bitsPerSecond)))"
      parts.append(Language.pick("計画 \(planned)", "plan: \(planned)"))
    }
    if let failed = peer.live?.failedCalls, failed > 0, let next = peer.live?.nextCall {
      let wait = Text.span(max(0, Double(next) - Double(now)) / 1_000)
      parts.append(Language.pick("不応答 \(failed) 回、\(wait)後に再試行", "no answer \(failed) times, again in \(wait)"))
    }
    return parts.joined(separator: Language.pick("、", ", "))
  }

  private func showPeers() {
    let table = peerTable()
    guard !table.isEmpty else { return }
    table.show(indent: 2, width: Text.width)
    if overview.peers.contains(where: { $0.live?.lacks == nil && $0.lacksAtMost > 0 }) {
      print(
        "  "
          + Style.faint(
            Language.pick(
              "≤ は、相手から最後に聞いた時点での上限です。", "≤: at most, by what the peer last told.")))
    }
  }

  private func showWaiting() {
    for entry in overview.waiting {
      let needs = entry.needs.map { "\(Text.log($0)) #\(entry.needsSequence ?? 0)" } ?? "?"
      let why: String =
        switch entry.reason {
        case "notHere": Language.pick("\(needs) がまだ届いていません", "\(needs) has not come")
        case "waitsToo": Language.pick("\(needs) も待機中です", "\(needs) waits itself")
        case "due": Language.pick("次の処理で反映されます", "due with the next transaction")
        default: Language.pick("読めません", "cannot be read")
        }
      print(
        Style.warning(
          Language.pick(
            "待機: \(Text.log(entry.log)) \(entry.ward ?? "") の \(entry.count) 件 — \(why)",
            "waiting: \(entry.count) of \(Text.log(entry.log)) \(entry.ward ?? "") — \(why)")))
    }
  }

  private func showQuarantine() {
    for entry in overview.quarantine.prefix(10) {
      let log = entry.log.map { Text.log($0) } ?? "–"
      print(
        Language.pick(
          "保留: \(Text.time(entry.at)) \(log) #\(entry.sequence ?? 0) \(harmless(entry.source)) から: \(harmless(entry.reason))",
          "refused: \(Text.time(entry.at)) \(log) #\(entry.sequence ?? 0) from \(harmless(entry.source)): \(harmless(entry.reason))"
        ))
    }
    if overview.quarantined > 10 {
      print(Language.pick("… 他 \(overview.quarantined - 10) 件", "… \(overview.quarantined - 10) more"))
    }
  }
}
